//! The ratios that have goals, and the groups of scenarios that are measured for them.
//!
//! A ratio is never made of two medians: the machine drifts by more than what is looked for. It is
//! the median of the rounds' own ratios, each of measurements that follow each other directly.

use std::collections::HashMap;

use anyhow::{Result, bail};

use crate::latency::{self, FIGURES};
use crate::module;
use crate::scenario::{self, Scenario};

/// CPU per request of a round, by scenario.
pub type Costs = HashMap<&'static str, f64>;

/// Two costs compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    /// `of / to`
    Total,
    /// `(of - over) / (to - over)`: what the two add to a third.
    Added {
        /// The scenario that is taken off both.
        over: &'static str,
    },
}

/// One ratio of the results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Its name in the results.
    pub name: &'static str,
    /// Whose cost.
    pub of: &'static str,
    /// Against whose.
    pub to: &'static str,
    /// How.
    pub formula: Formula,
    /// What is only shown with it: the least that the first side could cost.
    pub beside: Option<&'static str>,
    /// What it should not exceed.
    pub goal: f64,
}

const RATIOS: [Ratio; 11] = [
    Ratio::total("cached_vs_native", "claimgate_cached", "jwt_authn_cached", 1.0),
    Ratio {
        beside: Some("wasm_verify_rs256"),
        ..Ratio::total(
            "cold_rs256_vs_native",
            "claimgate_new_rs256",
            "jwt_authn_uncached_rs256",
            0.85,
        )
    },
    Ratio {
        beside: Some("wasm_verify_es256"),
        ..Ratio::total(
            "cold_es256_vs_native",
            "claimgate_new_es256",
            "jwt_authn_uncached_es256",
            0.95,
        )
    },
    Ratio::total(
        "cached_decision_vs_ext_authz",
        "claimgate_decision_cached",
        "jwt_authn_ext_authz",
        0.52,
    ),
    Ratio::added("cached_decision_added", "claimgate_decision_cached", "claimgate_cached", 1.1),
    Ratio::added("routes_1000_added", "claimgate_routes_1000", "claimgate_cached", 1.1),
    Ratio::added("rules_50_added", "claimgate_rules_50", "claimgate_cached", 1.1),
    Ratio::added("decisions_10000_added", "claimgate_decisions_10000", "claimgate_cached", 1.1),
    Ratio::added("revocations_100000_added", scenario::REVOCATIONS, "claimgate_cached", 1.1),
    Ratio::added("cel_added", "claimgate_cel", "claimgate_full_cached", 1.1),
    Ratio::added("cel_each_added", "claimgate_cel_each", "claimgate_full_cached", 1.1),
];

/// Shown even when no ratio needs them.
const ALWAYS: [&str; 2] = ["no_filter", "wasm_noop"];

impl Ratio {
    const fn total(name: &'static str, of: &'static str, to: &'static str, goal: f64) -> Self {
        Self { name, of, to, formula: Formula::Total, beside: None, goal }
    }

    const fn added(name: &'static str, of: &'static str, to: &'static str, goal: f64) -> Self {
        Self { name, of, to, formula: Formula::Added { over: "no_filter" }, beside: None, goal }
    }

    /// The two that are compared are neighbours.
    fn members(&self) -> Vec<&'static str> {
        let compared = match self.formula {
            Formula::Total => vec![self.of, self.to],
            Formula::Added { over } => vec![over, self.of, self.to],
        };
        compared.into_iter().chain(self.beside).collect()
    }

    /// The value if the first side cost no more than what is shown beside it.
    pub fn floor(&self, costs: &Costs) -> Option<f64> {
        Some(costs.get(self.beside?)? / costs.get(self.to)?)
    }

    /// `None` when a cost is missing.
    pub fn value(&self, costs: &Costs) -> Option<f64> {
        let (of, to) = (costs.get(self.of)?, costs.get(self.to)?);
        Some(match self.formula {
            Formula::Total => of / to,
            Formula::Added { over } => {
                let over = costs.get(over)?;
                (of - over) / (to - over)
            }
        })
    }
}

/// Scenarios that are measured directly after each other.
pub struct Group {
    /// What for; without one the scenario is only shown.
    pub ratio: Option<Ratio>,
    /// In the order of even rounds.
    pub scenarios: Vec<&'static str>,
}

/// One for each ratio, and one for each scenario that is in none. `quick` leaves out what no ratio
/// needs.
pub fn groups(quick: bool) -> Vec<Group> {
    let in_a_ratio = |name| RATIOS.iter().any(|ratio| ratio.members().contains(&name));
    let shown = |name| !quick || ALWAYS.contains(&name);
    let alone = scenario::all().into_iter().map(|scenario| scenario.name);
    let alone = alone.filter(|name| !in_a_ratio(name) && shown(name));
    let alone = alone.map(|name| Group { ratio: None, scenarios: vec![name] });
    let compared =
        RATIOS.iter().map(|ratio| Group { ratio: Some(*ratio), scenarios: ratio.members() });
    alone.chain(compared).collect()
}

/// Those of the ratios with these names, and what the module and the latencies with these names are
/// measured with.
pub fn of_ratios(names: &[String]) -> Result<Vec<Group>> {
    let known: Vec<_> = RATIOS.iter().map(|one| one.name).chain(FIGURES.map(|f| f.name)).collect();
    if let Some(other) = names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no ratio {other}: {}", known.join(", "));
    }
    let wanted =
        |group: &Group| names.iter().any(|name| group.ratio.is_some_and(|r| r.name == name));
    let compared: Vec<_> = groups(true).into_iter().filter(wanted).collect();
    let measured: Vec<_> = members(&compared).iter().map(|scenario| scenario.name).collect();
    let with_feed = (!latency::named(names).is_empty()).then_some(scenario::REVOCATIONS);
    let started = module::STARTED.into_iter().chain(with_feed);
    let started = started.filter(|name| !measured.contains(name));
    let started = started.map(|name| Group { ratio: None, scenarios: vec![name] });
    Ok(started.chain(compared).collect())
}

/// One for each scenario, with nothing compared.
pub fn ungrouped() -> Vec<Group> {
    let names = scenario::all().into_iter().map(|scenario| scenario.name);
    names.map(|name| Group { ratio: None, scenarios: vec![name] }).collect()
}

/// The scenarios of some groups, each once, in the order of the results.
pub fn members(groups: &[Group]) -> Vec<Scenario> {
    let named = |name| groups.iter().any(|group| group.scenarios.contains(&name));
    scenario::all().into_iter().filter(|scenario| named(scenario.name)).collect()
}

/// The middle one, or the mean of the two; NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        None => f64::NAN,
        Some(upper) if values.len().is_multiple_of(2) => f64::midpoint(values[middle - 1], *upper),
        Some(value) => *value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_bad_round() {
        assert_eq!(median(vec![1.0, 900.0, 1.2]), 1.2);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn what_is_added_leaves_the_base_out() {
        let costs = Costs::from([
            ("no_filter", 20.0),
            ("claimgate_cached", 30.0),
            ("claimgate_decision_cached", 32.0),
        ]);
        let ratio = RATIOS.iter().find(|ratio| ratio.name == "cached_decision_added").unwrap();
        assert_eq!(ratio.value(&costs), Some(1.2));
        assert_eq!(RATIOS[0].value(&costs), None);
    }

    #[test]
    fn both_sides_of_every_ratio_exist_and_are_neighbours() {
        let groups = groups(true);
        let exist: Vec<_> = members(&groups).iter().map(|scenario| scenario.name).collect();
        for ratio in RATIOS {
            let group = groups.iter().find(|group| group.ratio == Some(ratio)).unwrap();
            let names = &group.scenarios;
            assert!(names.windows(2).any(|pair| pair == [ratio.of, ratio.to]), "{names:?}");
            assert!(names.iter().all(|name| exist.contains(name)), "{names:?}");
        }
    }

    #[test]
    fn a_full_run_measures_everything() {
        assert_eq!(members(&groups(false)).len(), scenario::all().len());
        assert_eq!(members(&ungrouped()).len(), scenario::all().len());
    }

    #[test]
    fn what_a_latency_is_measured_in_is_there_when_it_is_asked_for() {
        for figure in FIGURES {
            let groups = of_ratios(&[figure.name.to_owned()]).unwrap();
            assert!(members(&groups).iter().any(|one| one.name == scenario::REVOCATIONS));
            assert_eq!(latency::named(&[figure.name.to_owned()]), [figure]);
        }
        let groups = of_ratios(&["rules_50_added".to_owned()]).unwrap();
        assert!(members(&groups).iter().all(|one| one.name != scenario::REVOCATIONS));
        assert_eq!(latency::named(&["rules_50_added".to_owned()]), []);
        assert!(of_ratios(&["no_such_ratio".to_owned()]).is_err());
    }
}
