//! What is measured, and the ratios that have goals.
//!
//! The same kinds of scenarios, groups and ratios as the filter's (see [`crate::ratio`]): what is
//! compared is measured directly after each other, and a ratio is the median of the rounds' own.

use std::collections::HashMap;

use super::cerbos;
use super::job::{self, Asked};
use super::load::Question;
use super::openfga::OpenFga;
use super::ours::{self, Conditions, Site};

/// The processes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// authz-service.
    Ours(Site),
    /// Cerbos.
    Cerbos,
    /// OpenFGA.
    OpenFga,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    ById,
    ByEmail,
    Ten,
    Health,
}

/// One decision point and the load on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name in the results.
    pub name: &'static str,
    /// Who is asked.
    pub who: Who,
    /// Over how many connections.
    pub connections: usize,
    /// How many subjects ask in turn.
    subjects: usize,
    form: Form,
}

const SITE: Site = Site { subjects: 1000, policies: 10, conditions: Conditions::None };
/// The one whose memory counts.
pub const LARGE: Site = Site { subjects: 100_000, ..SITE };
const FEW: Site = Site { subjects: 10, ..SITE };
const MANY_POLICIES: Site = Site { policies: 1000, ..SITE };
const OF_SUBJECT: Site = Site { conditions: Conditions::OfSubject, ..SITE };
const OF_RECORD: Site = Site { conditions: Conditions::OfRecord, ..SITE };
/// Subjects that the near cache holds, of many more.
const NEAR: usize = 10_000;
const MANY: usize = 64;

/// In the order of the results.
pub const ALL: [Scenario; 17] = [
    Scenario::new("evaluation", Who::Ours(SITE)),
    Scenario::new("evaluation_1_connection", Who::Ours(SITE)).over_one(),
    Scenario::new("evaluation_10_subjects", Who::Ours(FEW)).of(10),
    Scenario::new("evaluation_100000_subjects", Who::Ours(LARGE)).of(NEAR),
    Scenario::new("evaluation_1000_policies", Who::Ours(MANY_POLICIES)),
    Scenario::new("evaluation_1000_policies_1_connection", Who::Ours(MANY_POLICIES)).over_one(),
    Scenario::new("evaluation_uncached", Who::Ours(LARGE)).of(LARGE.subjects),
    Scenario::new("evaluation_uncached_1_connection", Who::Ours(LARGE))
        .of(LARGE.subjects)
        .over_one(),
    Scenario::new("evaluation_by_email", Who::Ours(SITE)).asking(Form::ByEmail),
    Scenario::new("evaluation_conditions", Who::Ours(OF_SUBJECT)),
    Scenario::new("evaluation_stored_records", Who::Ours(OF_RECORD)),
    Scenario::new("evaluations_10", Who::Ours(SITE)).asking(Form::Ten),
    Scenario::new("health", Who::Ours(SITE)).asking(Form::Health),
    Scenario::new("cerbos", Who::Cerbos),
    Scenario::new("cerbos_1_connection", Who::Cerbos).over_one(),
    Scenario::new("openfga", Who::OpenFga),
    Scenario::new("openfga_1_connection", Who::OpenFga).over_one(),
];

impl Scenario {
    const fn new(name: &'static str, who: Who) -> Self {
        Self { name, who, connections: MANY, subjects: SITE.subjects, form: Form::ById }
    }

    const fn over_one(self) -> Self {
        Self { connections: 1, ..self }
    }

    const fn of(self, subjects: usize) -> Self {
        Self { subjects, ..self }
    }

    const fn asking(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Whether the subjects are to be in the near cache when measuring begins.
    pub fn is_near(&self) -> bool {
        self.subjects < LARGE.subjects
    }

    /// What is asked in turn.
    pub fn questions(&self, openfga: &OpenFga) -> Vec<Question> {
        let ours = match self.form {
            Form::ById => ours::by_id,
            Form::ByEmail => ours::by_email,
            Form::Ten => ours::ten,
            Form::Health => |_: &Asked| ours::health(),
        };
        let asked = job::questions(self.subjects);
        match self.who {
            Who::Ours(_) => asked.map(|one| ours(&one)).collect(),
            Who::Cerbos => asked.map(|one| cerbos::question(&one)).collect(),
            Who::OpenFga => asked.map(|one| openfga.question(&one)).collect(),
        }
    }
}

/// CPU per request of a round, by scenario.
pub type Costs = HashMap<&'static str, f64>;

/// Costs compared: the least of `of` to that of `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Its name in the results.
    pub name: &'static str,
    of: &'static [&'static str],
    to: &'static str,
    /// What it should be.
    pub goal: Goal,
}

/// A bound that a number should keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
}

/// All of them.
pub const RATIOS: [Ratio; 2] = [
    Ratio {
        name: "service_vs_fastest_rival",
        of: &["cerbos", "openfga"],
        to: "evaluation",
        goal: Goal::AtLeast(5.0),
    },
    Ratio {
        name: "policies_1000_vs_10",
        of: &["evaluation_1000_policies"],
        to: "evaluation",
        goal: Goal::AtMost(1.5),
    },
];

impl Ratio {
    /// `None` when a cost is missing.
    pub fn value(&self, costs: &Costs) -> Option<f64> {
        let of: Option<Vec<f64>> = self.of.iter().map(|name| costs.get(name).copied()).collect();
        Some(of?.into_iter().fold(f64::INFINITY, f64::min) / costs.get(self.to)?)
    }

    fn members(&self) -> Vec<&'static str> {
        [self.to].into_iter().chain(self.of.iter().copied()).collect()
    }
}

/// Scenarios that are measured directly after each other.
pub struct Group {
    /// What for; without one the scenario is only shown.
    pub ratio: Option<Ratio>,
    /// In the order of even rounds.
    pub scenarios: Vec<&'static Scenario>,
}

/// One for each ratio, and one for each scenario that is in none. `quick` leaves the latter out.
pub fn groups(quick: bool) -> Vec<Group> {
    let named = |name| ALL.iter().find(move |scenario| scenario.name == name);
    let in_a_ratio = |name| RATIOS.iter().any(|ratio| ratio.members().contains(&name));
    let alone = ALL.iter().filter(|scenario| !quick && !in_a_ratio(scenario.name));
    let alone = alone.map(|scenario| Group { ratio: None, scenarios: vec![scenario] });
    let compared = RATIOS.iter().map(|ratio| Group {
        ratio: Some(*ratio),
        scenarios: ratio.members().into_iter().filter_map(named).collect(),
    });
    alone.chain(compared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rival_counts_when_it_is_the_faster_one() {
        let costs = Costs::from([("cerbos", 300.0), ("openfga", 200.0), ("evaluation", 20.0)]);
        assert_eq!(RATIOS[0].value(&costs), Some(10.0));
        assert_eq!(RATIOS[1].value(&costs), None);
    }

    #[test]
    fn every_ratio_is_made_of_scenarios_that_exist() {
        for group in groups(true) {
            let ratio = group.ratio.unwrap();
            assert_eq!(group.scenarios.len(), ratio.members().len(), "{}", ratio.name);
        }
        let all: usize = groups(false).iter().map(|group| group.scenarios.len()).sum();
        assert_eq!(all, ALL.len() + 1, "one is in both ratios");
    }
}
