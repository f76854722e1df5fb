//! The results: tables for people (Markdown, as docs/performance.md has them), JSON for programs.
//!
//! The JSON's form is fixed: checks outside this repository read it.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::machine::Machine;
use crate::measure::{Effort, Results};
use crate::module::Module;

/// One run's results.
pub struct Report {
    /// What it was measured on.
    pub machine: Machine,
    /// How much was measured.
    pub effort: Effort,
    /// Size, start, memory.
    pub module: Module,
    /// Scenarios and ratios.
    pub results: Results,
}

impl Report {
    /// The scenarios with errors.
    pub fn failed(&self) -> Vec<&'static str> {
        let failed = self.results.scenarios.iter().filter(|(_, sample)| sample.errors > 0);
        failed.map(|(name, _)| *name).collect()
    }

    /// The form that `--json` writes.
    pub fn to_json(&self) -> Value {
        let scenario = |(name, sample): &(&str, crate::measure::Sample)| {
            let value = json!({
                "cpu_us_per_request": rounded(sample.cpu_us),
                "requests_per_second": rounded(sample.per_second),
                "p50_ms": rounded(sample.p50_ms),
                "p99_ms": rounded(sample.p99_ms),
                "errors": sample.errors,
            });
            ((*name).to_owned(), value)
        };
        let ratios = self.results.ratios.iter();
        let medians =
            ratios.clone().map(|(name, median, _)| ((*name).to_owned(), json!(rounded(*median))));
        let spreads =
            ratios.map(|(name, _, spread)| ((*name).to_owned(), json!(spread.map(rounded))));
        json!({
            "version": 1,
            "machine": self.machine.to_json(),
            "scenarios": self.results.scenarios.iter().map(scenario).collect::<Map<_, _>>(),
            "ratios": medians.collect::<Map<_, _>>(),
            "ratios_spread": spreads.collect::<Map<_, _>>(),
            "module": {
                "bytes": self.module.bytes,
                "ready_ms": rounded(self.module.ready_ms),
                "rss_delta_mb": rounded(self.module.rss_delta_mb()),
            },
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Effort { rounds, seconds } = self.effort;
        writeln!(f, "{}; {rounds} rounds of {seconds} s.\n", self.machine.line())?;
        writeln!(
            f,
            "| {:<28} | CPU µs/request | requests/s | p50 ms | p99 ms | errors |",
            "scenario"
        )?;
        writeln!(f, "|{:-<30}|---------------:|-----------:|-------:|-------:|-------:|", "")?;
        for (name, one) in &self.results.scenarios {
            writeln!(
                f,
                "| {:<28} | {:>14.1} | {:>10.0} | {:>6.2} | {:>6.2} | {:>6} |",
                format!("`{name}`"),
                one.cpu_us,
                one.per_second,
                one.p50_ms,
                one.p99_ms,
                one.errors
            )?;
        }
        writeln!(f, "\n| {:<28} | median | lowest round | highest round |", "ratio")?;
        writeln!(f, "|{:-<30}|-------:|-------------:|--------------:|", "")?;
        for (name, median, [low, high]) in &self.results.ratios {
            writeln!(
                f,
                "| {:<28} | {median:>6.2} | {low:>12.2} | {high:>13.2} |",
                format!("`{name}`")
            )?;
        }
        let module = &self.module;
        writeln!(f, "\n| {:<28} | with the filter | without |", "Envoy, one worker")?;
        writeln!(f, "|{:-<30}|----------------:|--------:|", "")?;
        let row = |f: &mut fmt::Formatter<'_>, what, with, without| {
            writeln!(f, "| {what:<28} | {with:>15.0} | {without:>7.0} |")
        };
        row(f, "spawn to ready, ms", module.ready_ms, module.ready_without_ms)?;
        row(f, "RSS at rest, MB", module.rss_mb, module.rss_without_mb)?;
        write!(
            f,
            "\nThe module has {} bytes and adds {:.0} MB.",
            module.bytes,
            module.rss_delta_mb()
        )?;
        match self.failed().as_slice() {
            [] => Ok(()),
            failed => write!(f, "\n\nFAILED, with errors under load: {}", failed.join(", ")),
        }
    }
}

/// To three decimals: more would only look exact.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
