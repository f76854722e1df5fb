//! The ratios that have goals, and the groups of scenarios that are measured for them.
//!
//! A ratio is never made of two medians: the machine drifts by more than what is looked for. It is
//! the median of the rounds' own ratios, each of measurements that follow each other directly.

use std::collections::HashMap;

use anyhow::{Context, Result};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Its name in the results.
    pub name: &'static str,
    /// Whose cost.
    pub of: &'static str,
    /// Against whose.
    pub to: &'static str,
    /// How.
    pub formula: Formula,
}

const RATIOS: [Ratio; 3] = [
    Ratio {
        name: "cached_vs_native",
        of: "claimgate_cached",
        to: "jwt_authn_cached",
        formula: Formula::Total,
    },
    Ratio {
        name: "cold_rs256_vs_native",
        of: "claimgate_cold_rs256",
        to: "jwt_authn_uncached",
        formula: Formula::Total,
    },
    Ratio {
        name: "cached_decision_added",
        of: "claimgate_decision_cached",
        to: "claimgate_cached",
        formula: Formula::Added { over: "no_filter" },
    },
];

/// Shown even when no ratio needs them.
const ALWAYS: [&str; 2] = ["no_filter", "claimgate_public"];

impl Ratio {
    /// The two that are compared are neighbours.
    fn members(&self) -> Vec<&'static str> {
        match self.formula {
            Formula::Total => vec![self.of, self.to],
            Formula::Added { over } => vec![over, self.of, self.to],
        }
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
    pub scenarios: Vec<Scenario>,
}

/// One for each ratio, and one for each scenario that is in none. `quick` leaves out what no ratio
/// needs.
pub fn groups(quick: bool) -> Result<Vec<Group>> {
    let named = |name: &str| {
        let found = scenario::all().into_iter().find(|scenario| scenario.name == name);
        found.with_context(|| format!("no scenario {name}"))
    };
    let in_a_ratio = |name| RATIOS.iter().any(|ratio| ratio.members().contains(&name));
    let shown = |name| !quick || ALWAYS.contains(&name);
    let alone = scenario::all().into_iter();
    let alone = alone.filter(|scenario| !in_a_ratio(scenario.name) && shown(scenario.name));
    let alone = alone.map(|scenario| Ok(Group { ratio: None, scenarios: vec![scenario] }));
    let compared = RATIOS.iter().map(|ratio| {
        let scenarios = ratio.members().into_iter().map(named).collect::<Result<_>>()?;
        Ok(Group { ratio: Some(*ratio), scenarios })
    });
    alone.chain(compared).collect()
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
        let groups = groups(true).unwrap();
        for ratio in RATIOS {
            let group = groups.iter().find(|group| group.ratio == Some(ratio)).unwrap();
            let names: Vec<_> = group.scenarios.iter().map(|scenario| scenario.name).collect();
            assert!(names.windows(2).any(|pair| pair == [ratio.of, ratio.to]), "{names:?}");
        }
    }
}
