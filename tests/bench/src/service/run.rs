//! The processes of a run, and its rounds.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::load::{self, Question, Until};
use super::openfga::OpenFga;
use super::point::{self, Point};
use super::scenario::{Costs, Group, LARGE, Ratio, Scenario, Who};
use super::{Paths, cerbos, job, openfga, ours};
use crate::measure::{Effort, Sample, summary};
use crate::ratio::median;
use crate::say;

/// How many subjects OpenFGA knows; Cerbos is told with each question.
const SUBJECTS: usize = 1000;

/// What a run yields.
pub struct Results {
    /// By scenario, in the order of [`super::scenario::ALL`].
    pub scenarios: Vec<(String, Sample)>,
    /// The ratios of the groups that have one.
    pub ratios: Vec<Compared>,
    /// Resident memory with 100 000 subjects.
    pub memory: Memory,
}

/// A ratio's outcome: median, lowest and highest round.
pub struct Compared {
    /// Which.
    pub ratio: Ratio,
    /// Over the rounds.
    pub median: f64,
    /// Lowest and highest round.
    pub spread: [f64; 2],
}

/// Resident memory in MB (10⁶ bytes) of authz-service with 100 000 subjects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// When it had loaded them.
    pub loaded_mb: f64,
    /// When each of them had been asked about.
    pub asked_mb: f64,
}

/// Everything that is measured, running.
pub struct Run {
    ours: Vec<(ours::Site, Point)>,
    cerbos: Point,
    openfga: OpenFga,
    questions: HashMap<&'static str, Vec<Question>>,
    /// How many questions of a scenario have been asked.
    asked: HashMap<&'static str, usize>,
}

impl Run {
    /// Starts what `scenarios` need.
    pub fn start(paths: &Paths, folder: &Path, scenarios: &[&'static Scenario]) -> Result<Self> {
        point::keep_away()?;
        let mut ours: Vec<(ours::Site, Point)> = Vec::new();
        for who in scenarios.iter().map(|scenario| scenario.who).chain([Who::Ours(LARGE)]) {
            if let Who::Ours(site) = who
                && !ours.iter().any(|(started, _)| *started == site)
            {
                ours.push((site, ours::start(&paths.authz_service, folder, site)?));
            }
        }
        let cerbos = cerbos::start(&paths.cerbos, folder)?;
        let openfga = openfga::start(&paths.openfga, folder, SUBJECTS)?;
        let questions = |scenario: &&Scenario| (scenario.name, scenario.questions(&openfga));
        let questions = scenarios.iter().map(questions).collect();
        Ok(Self { ours, cerbos, openfga, questions, asked: HashMap::new() })
    }

    /// Asks every question of these scenarios once: none may be answered wrongly.
    pub fn check(&mut self, scenarios: &[&'static Scenario]) -> Result<()> {
        for scenario in scenarios {
            let count = self.questions(scenario)?.len();
            let errors = self.ask(scenario, Until::Asked(count))?.errors;
            ensure!(errors == 0, "{} answers {errors} of {count} wrongly", scenario.name);
        }
        Ok(())
    }

    /// The process that a scenario asks.
    pub fn point(&self, who: Who) -> Result<&Point> {
        match who {
            Who::Cerbos => Ok(&self.cerbos),
            Who::OpenFga => Ok(&self.openfga.point),
            Who::Ours(site) => {
                let found = self.ours.iter().find(|(started, _)| *started == site);
                Ok(&found.with_context(|| format!("not started: {site:?}"))?.1)
            }
        }
    }

    /// Asks about every subject of the large site, which is there always, and says what that did to
    /// its memory.
    pub fn memory(&self) -> Result<Memory> {
        let point = self.point(Who::Ours(LARGE))?;
        let loaded_mb = point.rss_mb()?;
        let questions: Vec<_> =
            job::questions(LARGE.subjects).map(|asked| ours::by_id(&asked)).collect();
        let until = Until::Asked(questions.len());
        let errors = load::run(point.address, &questions, 0, 64, until)?.errors;
        ensure!(errors == 0, "{errors} of {} answers are wrong", questions.len());
        Ok(Memory { loaded_mb, asked_mb: point.rss_mb()? })
    }

    /// All rounds.
    pub fn rounds(&mut self, groups: &[Group], effort: Effort) -> Result<Vec<Round>> {
        let mut all = Vec::new();
        for number in 0..effort.rounds {
            say(format_args!("round {} of {}", number + 1, effort.rounds));
            let groups = groups.iter().map(|group| self.group(group, number % 2 == 1, effort));
            all.push(groups.collect::<Result<_>>()?);
        }
        Ok(all)
    }

    fn group(&mut self, group: &Group, backwards: bool, effort: Effort) -> Result<Measured> {
        let mut order = group.scenarios.clone();
        if backwards {
            order.reverse();
        }
        let seconds = Duration::from_secs(effort.seconds);
        order.into_iter().map(|one| Ok((one.name, self.measure(one, seconds)?))).collect()
    }

    /// One run of the load generator.
    pub fn measure(&mut self, scenario: &Scenario, time: Duration) -> Result<Sample> {
        if scenario.is_near() {
            let count = self.questions(scenario)?.len();
            self.ask(scenario, Until::Asked(count))?;
        }
        let before = self.point(scenario.who)?.cpu()?;
        let outcome = self.ask(scenario, Until::Elapsed(time))?;
        let spent = self.point(scenario.who)?.cpu()?.saturating_sub(before);
        Ok(Sample {
            cpu_us: spent.as_secs_f64() * 1e6 / outcome.requests as f64,
            per_second: outcome.per_second,
            p50_ms: outcome.p50_ms,
            p99_ms: outcome.p99_ms,
            errors: outcome.errors,
        })
    }

    /// Goes on where it stopped.
    fn ask(&mut self, scenario: &Scenario, until: Until) -> Result<load::Outcome> {
        let skip = self.asked.get(scenario.name).copied().unwrap_or_default();
        let to = self.point(scenario.who)?.address;
        let questions = self.questions(scenario)?;
        let outcome = load::run(to, questions, skip, scenario.connections, until)
            .with_context(|| format!("scenario {}", scenario.name))?;
        self.asked.insert(scenario.name, skip + usize::try_from(outcome.requests)?);
        Ok(outcome)
    }

    fn questions(&self, scenario: &Scenario) -> Result<&Vec<Question>> {
        let found = self.questions.get(scenario.name);
        found.with_context(|| format!("no questions for {}", scenario.name))
    }
}

type Measured = Vec<(&'static str, Sample)>;
/// What each group yielded.
pub type Round = Vec<Measured>;

/// Medians, and the ratios of the groups that have one.
pub fn results(groups: &[Group], rounds: &[Round], memory: Memory) -> Results {
    let of = |name| -> Vec<Sample> {
        let all = rounds.iter().flatten().flatten();
        all.filter(|(of, _)| *of == name).map(|(_, sample)| *sample).collect()
    };
    let scenarios = super::scenario::ALL.iter().map(|one| (one.name, of(one.name)));
    let scenarios = scenarios.filter(|(_, samples)| !samples.is_empty());
    let scenarios = scenarios.map(|(name, samples)| (name.to_owned(), summary(&samples)));
    let compared = groups.iter().enumerate().filter_map(|(place, group)| {
        let ratio = group.ratio?;
        let costs = |round: &Round| -> Costs {
            round[place].iter().map(|(name, sample)| (*name, sample.cpu_us)).collect()
        };
        let values: Vec<f64> =
            rounds.iter().filter_map(|round| ratio.value(&costs(round))).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Compared { ratio, median: median(values), spread: [low, high] })
    });
    Results { scenarios: scenarios.collect(), ratios: compared.collect(), memory }
}
