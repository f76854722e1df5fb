//! The rounds.
//!
//! A round measures every group once; odd rounds go through each group backwards, so that whatever
//! the earlier measurement does to the later one falls on both sides.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::Result;

use crate::envoy::Envoy;
use crate::ratio::{Costs, Group, median};
use crate::say;
use crate::scenario::{self, Load, Scenario};
use crate::site::Site;
use crate::tokens::POOL;
use crate::wrk::{CONNECTIONS, Credential, Wrk};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How often each group is measured.
    pub rounds: usize,
    /// How long each measurement takes.
    pub seconds: u64,
}

impl Effort {
    /// About a minute.
    pub const QUICK: Self = Self { rounds: 3, seconds: 2 };
    /// About five minutes.
    pub const FULL: Self = Self { rounds: 7, seconds: 5 };
}

/// So that the engine has compiled what is hot before the first round.
const WARM_UP_SECONDS: u64 = 2;

/// One measurement, or the medians of several with the sum of their errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// CPU time of the Envoy process per request.
    pub cpu_us: f64,
    /// Requests per second.
    pub per_second: f64,
    /// Median latency.
    pub p50_ms: f64,
    /// 99th percentile of the latency.
    pub p99_ms: f64,
    /// Refusals and socket errors.
    pub errors: u64,
}

/// What the rounds yield.
pub struct Results {
    /// By scenario, in the order of [`scenario::all`].
    pub scenarios: Vec<(&'static str, Sample)>,
    /// By ratio: median, lowest and highest round.
    pub ratios: Vec<(&'static str, f64, [f64; 2])>,
}

/// Measures.
pub struct Runner<'a> {
    site: &'a Site,
    envoy: &'a Envoy,
    wrk: Wrk,
    effort: Effort,
    /// How many tokens of the pool each scenario has been sent.
    sent: HashMap<&'static str, u64>,
}

impl<'a> Runner<'a> {
    /// Of this Envoy, with this load generator.
    pub fn new(site: &'a Site, envoy: &'a Envoy, wrk: &Path, effort: Effort) -> Self {
        let wrk = Wrk { program: wrk.to_owned(), folder: site.folder.clone() };
        Self { site, envoy, wrk, effort, sent: HashMap::new() }
    }

    /// All rounds.
    pub fn run(mut self, groups: &[Group]) -> Result<Results> {
        self.warm_up(groups)?;
        let mut samples: Vec<(&'static str, Sample)> = Vec::new();
        let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); groups.len()];
        for round in 0..self.effort.rounds {
            say(format_args!("round {} of {}", round + 1, self.effort.rounds));
            for (group, values) in groups.iter().zip(&mut ratios) {
                let measured = self.group(group, round % 2 == 1)?;
                let costs: Costs = measured.iter().map(|(name, one)| (*name, one.cpu_us)).collect();
                values.extend(group.ratio.and_then(|ratio| ratio.value(&costs)));
                samples.extend(measured);
            }
        }
        let ratios = groups.iter().zip(ratios);
        Ok(Results {
            scenarios: summaries(&samples),
            ratios: ratios
                .filter_map(|(group, all)| Some(spread(group.ratio?.name, all)))
                .collect(),
        })
    }

    fn warm_up(&mut self, groups: &[Group]) -> Result<()> {
        say("warming up");
        let mut warm = HashSet::new();
        for scenario in groups.iter().flat_map(|group| &group.scenarios) {
            if warm.insert(scenario.name) {
                self.measure(scenario, WARM_UP_SECONDS)?;
            }
        }
        Ok(())
    }

    fn group(&mut self, group: &Group, backwards: bool) -> Result<Vec<(&'static str, Sample)>> {
        let mut order: Vec<&Scenario> = group.scenarios.iter().collect();
        if backwards {
            order.reverse();
        }
        let seconds = self.effort.seconds;
        order.into_iter().map(|one| Ok((one.name, self.measure(one, seconds)?))).collect()
    }

    fn measure(&mut self, scenario: &Scenario, seconds: u64) -> Result<Sample> {
        let sent = self.sent.entry(scenario.name).or_default();
        let credential = match scenario.load {
            Load::OneToken => Credential::Token(&self.site.token),
            // Goes on where it stopped: from the beginning, the first would still be cached.
            Load::NewTokens => Credential::Pool {
                file: self.site.pool.path.clone(),
                skip: usize::try_from(*sent)? % POOL,
            },
        };
        let before = self.envoy.cpu()?;
        let outcome = self.wrk.run(self.site.address(scenario.name)?, &credential, seconds)?;
        let spent = self.envoy.cpu()?.saturating_sub(before);
        *sent += outcome.requests + CONNECTIONS;
        Ok(Sample {
            cpu_us: spent.as_secs_f64() * 1e6 / outcome.requests as f64,
            per_second: outcome.per_second,
            p50_ms: outcome.p50_ms,
            p99_ms: outcome.p99_ms,
            errors: outcome.errors,
        })
    }
}

fn summaries(samples: &[(&'static str, Sample)]) -> Vec<(&'static str, Sample)> {
    let of = |name| -> Vec<Sample> {
        samples.iter().filter(|(of, _)| *of == name).map(|(_, one)| *one).collect()
    };
    let all = scenario::all().into_iter().map(|scenario| (scenario.name, of(scenario.name)));
    all.filter(|(_, some)| !some.is_empty()).map(|(name, some)| (name, summary(&some))).collect()
}

fn summary(all: &[Sample]) -> Sample {
    let middle = |field: fn(&Sample) -> f64| median(all.iter().map(field).collect());
    Sample {
        cpu_us: middle(|one| one.cpu_us),
        per_second: middle(|one| one.per_second),
        p50_ms: middle(|one| one.p50_ms),
        p99_ms: middle(|one| one.p99_ms),
        errors: all.iter().map(|one| one.errors).sum(),
    }
}

fn spread(name: &'static str, all: Vec<f64>) -> (&'static str, f64, [f64; 2]) {
    let low = all.iter().copied().fold(f64::INFINITY, f64::min);
    let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (name, median(all), [low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_medians_and_all_errors() {
        let sample =
            |cpu_us, errors| Sample { cpu_us, per_second: 1.0, p50_ms: 1.0, p99_ms: 1.0, errors };
        let summary = summary(&[sample(30.0, 0), sample(90.0, 2), sample(31.0, 1)]);
        assert_eq!((summary.cpu_us, summary.errors), (31.0, 3));
    }

    #[test]
    fn a_spread_is_the_lowest_and_the_highest_round() {
        assert_eq!(spread("r", vec![1.1, 0.9, 1.0]), ("r", 1.0, [0.9, 1.1]));
    }
}
