//! The rounds.
//!
//! A round measures every group once; odd rounds go through each group backwards, so that whatever
//! the earlier measurement does to the later one falls on both sides.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};

use crate::envoy::Envoy;
use crate::ratio::{Costs, Group, Ratio, median};
use crate::say;
use crate::scenario::{self, Load, Scenario, TOKENS};
use crate::site::Site;
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
    /// About two minutes.
    pub const QUICK: Self = Self { rounds: 3, seconds: 2 };
    /// About eight minutes.
    pub const FULL: Self = Self { rounds: 7, seconds: 2 };
    /// About four minutes. Nothing is compared across workers.
    pub const TWO_WORKERS: Self = Self { rounds: 3, seconds: 2 };
}

/// So that the engine has compiled what is hot before the first round.
const WARM_UP_SECONDS: u64 = 1;
/// Most times that many paths are warmed up for so long.
const MOST_TURNS: usize = 60;

/// How many tokens it takes until one that comes round again has been dropped. The filter keeps 4 096 in
/// each worker; workers share connections, and with them tokens, as it happens.
pub fn new_tokens(workers: usize) -> usize {
    8192 * workers * workers
}

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
    pub scenarios: Vec<(String, Sample)>,
    /// The ratios of the groups that have one.
    pub ratios: Vec<Compared>,
}

/// A ratio's outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Which.
    pub ratio: Ratio,
    /// Over the rounds.
    pub median: f64,
    /// Lowest and highest round.
    pub spread: [f64; 2],
    /// What the ratio would be if its first side cost no more than [`Ratio::beside`].
    pub floor: Option<f64>,
}

/// Measures.
pub struct Runner<'a> {
    site: &'a Site,
    envoy: &'a Envoy,
    scenarios: &'a [Scenario],
    workers: usize,
    effort: Effort,
    wrk: Wrk,
    /// How many tokens of a pool each scenario has been sent.
    sent: HashMap<&'static str, u64>,
}

impl<'a> Runner<'a> {
    /// Of this Envoy, which has these scenarios and that many workers.
    pub fn new(
        site: &'a Site,
        envoy: &'a Envoy,
        scenarios: &'a [Scenario],
        workers: usize,
        effort: Effort,
    ) -> Self {
        let wrk = Wrk { program: site.paths.wrk.clone(), folder: site.folder.clone() };
        Self { site, envoy, scenarios, workers, effort, wrk, sent: HashMap::new() }
    }

    /// All rounds.
    pub fn run(mut self, groups: &[Group]) -> Result<Results> {
        self.warm_up()?;
        let mut samples: Vec<(&'static str, Sample)> = Vec::new();
        let mut rounds: Vec<Vec<Costs>> = vec![Vec::new(); groups.len()];
        for round in 0..self.effort.rounds {
            say(format_args!("round {} of {}", round + 1, self.effort.rounds));
            for (group, costs) in groups.iter().zip(&mut rounds) {
                let measured = self.group(group, round % 2 == 1)?;
                costs.push(measured.iter().map(|(name, one)| (*name, one.cpu_us)).collect());
                samples.extend(measured);
            }
        }
        let compared = groups.iter().zip(&rounds);
        let compared = compared.filter_map(|(group, costs)| Some(compare(group.ratio?, costs)));
        Ok(Results { scenarios: summaries(&samples), ratios: compared.collect() })
    }

    /// Everything that is to be compiled or kept is, after this.
    pub fn warm_up(&mut self) -> Result<()> {
        say("warming up");
        for scenario in self.scenarios {
            self.measure(scenario, WARM_UP_SECONDS)?;
            if scenario.load == Load::ManyPaths {
                self.ask_for_all(scenario)?;
            }
        }
        Ok(())
    }

    /// Goes on until every worker has the decision for every path. A worker gets every other request or
    /// so, so the last ones take some turns.
    fn ask_for_all(&mut self, scenario: &Scenario) -> Result<()> {
        let mut asked = self.envoy.decisions(scenario.name)?;
        for _ in 0..MOST_TURNS {
            self.measure(scenario, WARM_UP_SECONDS)?;
            let before = std::mem::replace(&mut asked, self.envoy.decisions(scenario.name)?);
            if asked == before {
                return Ok(());
            }
        }
        bail!("{} still asks after {MOST_TURNS} s: {asked} decisions", scenario.name)
    }

    fn group(&mut self, group: &Group, backwards: bool) -> Result<Vec<(&'static str, Sample)>> {
        let mut order = group.scenarios.clone();
        if backwards {
            order.reverse();
        }
        order.into_iter().map(|name| self.scenario(name)).collect()
    }

    fn scenario(&mut self, name: &'static str) -> Result<(&'static str, Sample)> {
        let scenario = self.scenarios.iter().find(|scenario| scenario.name == name);
        let scenario = scenario.with_context(|| format!("no scenario {name}"))?;
        Ok((name, self.measure(scenario, self.effort.seconds)?))
    }

    /// One run of the load generator.
    pub fn measure(&mut self, scenario: &Scenario, seconds: u64) -> Result<Sample> {
        let sent = self.sent.entry(scenario.name).or_default();
        let algorithm = scenario.load.algorithm();
        let pool = |count, skip| -> Result<Credential<'_>> {
            Ok(Credential::Pool { file: self.site.pool(algorithm)?.path.clone(), count, skip })
        };
        let credential = match scenario.load {
            Load::OneToken => Credential::Token(self.site.token(algorithm)),
            Load::ManyPaths => Credential::TokenOnPaths(self.site.token(algorithm)),
            Load::KnownTokens => pool(TOKENS, 0)?,
            // Goes on where it stopped: from the beginning, the first would still be cached.
            Load::NewTokens(_) => {
                let count = new_tokens(self.workers);
                pool(count, usize::try_from(*sent)? % count)?
            }
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

fn summaries(samples: &[(&'static str, Sample)]) -> Vec<(String, Sample)> {
    let of = |name| -> Vec<Sample> {
        samples.iter().filter(|(of, _)| *of == name).map(|(_, one)| *one).collect()
    };
    let all = scenario::all().into_iter().map(|scenario| (scenario.name, of(scenario.name)));
    let all = all.filter(|(_, some)| !some.is_empty());
    all.map(|(name, some)| (name.to_owned(), summary(&some))).collect()
}

/// Medians, and the sum of the errors.
pub fn summary(all: &[Sample]) -> Sample {
    let middle = |field: fn(&Sample) -> f64| median(all.iter().map(field).collect());
    Sample {
        cpu_us: middle(|one| one.cpu_us),
        per_second: middle(|one| one.per_second),
        p50_ms: middle(|one| one.p50_ms),
        p99_ms: middle(|one| one.p99_ms),
        errors: all.iter().map(|one| one.errors).sum(),
    }
}

fn compare(ratio: Ratio, rounds: &[Costs]) -> Compared {
    let all: Vec<f64> = rounds.iter().filter_map(|costs| ratio.value(costs)).collect();
    let floors: Vec<f64> = rounds.iter().filter_map(|costs| ratio.floor(costs)).collect();
    let low = all.iter().copied().fold(f64::INFINITY, f64::min);
    let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let floor = (!floors.is_empty()).then(|| median(floors));
    Compared { ratio, median: median(all), spread: [low, high], floor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratio::groups;

    #[test]
    fn a_summary_has_medians_and_all_errors() {
        let sample =
            |cpu_us, errors| Sample { cpu_us, per_second: 1.0, p50_ms: 1.0, p99_ms: 1.0, errors };
        let summary = summary(&[sample(30.0, 0), sample(90.0, 2), sample(31.0, 1)]);
        assert_eq!((summary.cpu_us, summary.errors), (31.0, 3));
    }

    #[test]
    fn a_ratio_is_the_median_of_its_rounds_with_the_lowest_and_the_highest() {
        let groups = groups(true);
        let named =
            |group: &&Group| group.ratio.is_some_and(|it| it.name == "cold_rs256_vs_native");
        let group = groups.iter().find(named).unwrap();
        let round = |of| group.scenarios.iter().copied().zip([of, 10.0, 5.0]).collect();
        let compared = compare(group.ratio.unwrap(), &[round(11.0), round(9.0), round(10.0)]);
        assert_eq!((compared.median, compared.spread), (1.0, [0.9, 1.1]));
        assert_eq!(compared.floor, Some(0.5));
    }
}
