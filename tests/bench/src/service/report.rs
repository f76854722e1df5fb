//! The service's results: tables for people (Markdown, as docs/performance.md has them), JSON for
//! programs.
//!
//! The JSON's form is fixed: checks outside this repository read it.

use std::fmt;

use serde_json::{Map, Value, json};

use super::run::{Compared, Results};
use super::scenario::Goal;
use crate::machine::Machine;
use crate::measure::Effort;
use crate::report::{rounded, sample_json, scenario_table};

const EVALUATIONS: Goal = Goal::AtLeast(30_000.0);
const MEMORY: Goal = Goal::AtMost(200.0);

/// One run's results.
pub struct Report {
    /// What it was measured on.
    pub machine: Machine,
    /// How much was measured.
    pub effort: Effort,
    /// What it yielded.
    pub results: Results,
}

impl Report {
    /// The scenarios with errors.
    pub fn failed(&self) -> Vec<&str> {
        let failed = self.results.scenarios.iter().filter(|(_, sample)| sample.errors > 0);
        failed.map(|(name, _)| name.as_str()).collect()
    }

    /// The form that `--json` writes.
    pub fn to_json(&self) -> Value {
        let Results { scenarios, ratios, memory } = &self.results;
        let samples = scenarios.iter().map(|(name, sample)| (name.clone(), sample_json(sample)));
        let ratios = |value: fn(&Compared) -> Value| -> Map<_, _> {
            ratios.iter().map(|one| (one.ratio.name.to_owned(), value(one))).collect()
        };
        json!({
            "version": 1,
            "machine": self.machine.to_json(),
            "service": samples.collect::<Map<_, _>>(),
            "service_ratios": ratios(|one| json!(rounded(one.median))),
            "service_ratios_spread": ratios(|one| json!(one.spread.map(rounded))),
            "service_memory": {
                "subjects_100000_loaded_mb": rounded(memory.loaded_mb),
                "subjects_100000_asked_mb": rounded(memory.asked_mb),
            },
        })
    }

    fn per_second(&self) -> f64 {
        let found = self.results.scenarios.iter().find(|(name, _)| name == "evaluation");
        found.map_or(f64::NAN, |(_, sample)| sample.per_second)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Effort { rounds, seconds } = self.effort;
        writeln!(f, "{}; {rounds} rounds of {seconds} s.\n", self.machine.line())?;
        writeln!(f, "| {:<42} | median | lowest round | highest round | goal     |", "")?;
        writeln!(f, "|{:-<44}|-------:|-------------:|--------------:|---------:|", "")?;
        for Compared { ratio, median, spread: [low, high] } in &self.results.ratios {
            let (name, goal) = (format!("`{}`", ratio.name), ratio.goal);
            writeln!(f, "| {name:<42} | {median:>6.2} | {low:>12.2} | {high:>13.2} | {goal:>8} |")?;
        }
        let memory = self.results.memory;
        for (what, value, goal) in [
            ("evaluations per second on one core", self.per_second(), EVALUATIONS),
            ("MB with 100 000 subjects, loaded", memory.loaded_mb, MEMORY),
            ("MB with 100 000 subjects, all asked about", memory.asked_mb, MEMORY),
        ] {
            writeln!(f, "| {what:<42} | {value:>6.0} | {:>12} | {:>13} | {goal:>8} |", "", "")?;
        }
        scenario_table(f, "scenario, one core", &self.results.scenarios)?;
        match self.failed().as_slice() {
            [] => Ok(()),
            failed => write!(f, "\nFAILED, with wrong answers under load: {}", failed.join(", ")),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Self::AtLeast(bound) => format!("≥ {bound}"),
            Self::AtMost(bound) => format!("≤ {bound}"),
        })
    }
}
