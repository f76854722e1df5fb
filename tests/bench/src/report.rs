//! The results: tables for people (Markdown, as docs/performance.md has them), JSON for programs.
//!
//! The JSON's form is fixed: checks outside this repository read it.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::latency::Added;
use crate::machine::Machine;
use crate::measure::{Compared, Effort, Results, Sample};
use crate::module::Module;

/// One run's results.
pub struct Report {
    /// What it was measured on.
    pub machine: Machine,
    /// How much was measured.
    pub effort: Effort,
    /// Size, start, memory.
    pub module: Module,
    /// Scenarios and ratios, with one worker.
    pub results: Results,
    /// What news of revocations adds to latencies.
    pub added: Vec<Added>,
    /// Scenarios with two workers, when they were measured.
    pub two_workers: Option<Results>,
}

/// After a scenario's name, when it was measured with two workers.
const TWO_WORKERS: &str = "_2_workers";

impl Report {
    /// The scenarios with errors.
    pub fn failed(&self) -> Vec<String> {
        let failed = self.scenarios().filter(|(_, sample)| sample.errors > 0);
        let late = self.added.iter().filter(|one| one.without.errors + one.with.errors > 0);
        let late = late.map(|one| one.figure.name.to_owned());
        failed.map(|(name, _)| name).chain(late).collect()
    }

    fn scenarios(&self) -> impl Iterator<Item = (String, &Sample)> {
        let one = self.results.scenarios.iter().map(|(name, sample)| (name.clone(), sample));
        let two = self.two_workers.iter().flat_map(|results| &results.scenarios);
        one.chain(two.map(|(name, sample)| (format!("{name}{TWO_WORKERS}"), sample)))
    }

    /// The form that `--json` writes.
    pub fn to_json(&self) -> Value {
        let scenario = |(name, sample): (String, &Sample)| (name, sample_json(sample));
        let ratios = |value: fn(&Compared) -> Value| -> Map<_, _> {
            let all = self.results.ratios.iter();
            all.map(|one| (one.ratio.name.to_owned(), value(one))).collect()
        };
        let figures = |value: fn(&Added) -> Value| -> Map<_, _> {
            self.added.iter().map(|one| (one.figure.name.to_owned(), value(one))).collect()
        };
        json!({
            "version": 1,
            "machine": self.machine.to_json(),
            "scenarios": self.scenarios().map(scenario).collect::<Map<_, _>>(),
            "ratios": ratios(|one| json!(rounded(one.median))),
            "ratios_spread": ratios(|one| json!(one.spread.map(rounded))),
            "latencies": figures(|one| json!(rounded(one.median_ms))),
            "latencies_spread": figures(|one| json!(one.spread_ms.map(rounded))),
            "module": {
                "bytes": self.module.bytes,
                "ready_ms": rounded(self.module.ready_ms[2]),
                "rss_delta_mb": rounded(self.module.rss_delta_mb()),
            },
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Effort { rounds, seconds } = self.effort;
        writeln!(f, "{}; {rounds} rounds of {seconds} s.\n", self.machine.line())?;
        self.ratio_table(f)?;
        self.latency_table(f)?;
        scenario_table(f, "scenario, one worker", &self.results.scenarios)?;
        if let Some(results) = &self.two_workers {
            scenario_table(f, "scenario, two workers", &results.scenarios)?;
        }
        self.module_table(f)?;
        match self.failed().as_slice() {
            [] => Ok(()),
            failed => write!(f, "\n\nFAILED, with errors under load: {}", failed.join(", ")),
        }
    }
}

impl Report {
    fn ratio_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {:<30} | median | lowest round | highest round | goal | floor |", "ratio")?;
        writeln!(f, "|{:-<32}|-------:|-------------:|--------------:|-----:|------:|", "")?;
        for Compared { ratio, median, spread: [low, high], floor } in &self.results.ratios {
            let name = format!("`{}`", ratio.name);
            let floor = floor.map_or_else(String::new, |floor| format!("{floor:.2}"));
            let goal = ratio.goal;
            writeln!(
                f,
                "| {name:<30} | {median:>6.2} | {low:>12.2} | {high:>13.2} | {goal:.2} | {floor:>5} |"
            )?;
        }
        Ok(())
    }

    fn latency_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.added.is_empty() {
            return Ok(());
        }
        let title = "added to the 99th percentile, ms";
        writeln!(
            f,
            "\n| {title:<32} | median | lowest round | highest round | goal | p99 without | with | longest without | with |"
        )?;
        writeln!(
            f,
            "|{:-<34}|-------:|-------------:|--------------:|-----:|------------:|-----:|----------------:|-----:|",
            ""
        )?;
        for Added { figure, median_ms, spread_ms: [low, high], without, with } in &self.added {
            let name = format!("`{}`", figure.name);
            writeln!(
                f,
                "| {name:<32} | {median_ms:>6.2} | {low:>12.2} | {high:>13.2} | {:.2} | {:>11.2} | {:>4.2} | {:>15.2} | {:>4.2} |",
                figure.goal_ms, without.p99_ms, with.p99_ms, without.longest_ms, with.longest_ms
            )?;
        }
        Ok(())
    }

    fn module_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Module { ready_ms, rss_mb, .. } = &self.module;
        writeln!(f, "\n| {:<30} | no filter | no-op module | the filter |", "Envoy, one worker")?;
        writeln!(f, "|{:-<32}|----------:|-------------:|-----------:|", "")?;
        for (what, [none, noop, filter]) in
            [("spawn to ready, ms", ready_ms), ("RSS at rest, MB", rss_mb)]
        {
            writeln!(f, "| {what:<30} | {none:>9.0} | {noop:>12.0} | {filter:>10.0} |")?;
        }
        let (bytes, added) = (self.module.bytes, self.module.rss_delta_mb());
        write!(f, "\nThe module has {bytes} bytes and adds {added:.0} MB.")
    }
}

/// A scenario's member of the JSON.
pub fn sample_json(sample: &Sample) -> Value {
    json!({
        "cpu_us_per_request": rounded(sample.cpu_us),
        "requests_per_second": rounded(sample.per_second),
        "p50_ms": rounded(sample.p50_ms),
        "p99_ms": rounded(sample.p99_ms),
        "errors": sample.errors,
    })
}

/// A table of scenarios.
pub fn scenario_table(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    scenarios: &[(String, Sample)],
) -> fmt::Result {
    writeln!(f, "\n| {title:<30} | CPU µs/request | requests/s | p50 ms | p99 ms | errors |")?;
    writeln!(f, "|{:-<32}|---------------:|-----------:|-------:|-------:|-------:|", "")?;
    for (name, Sample { cpu_us, per_second, p50_ms, p99_ms, errors }) in scenarios {
        let name = format!("`{name}`");
        writeln!(
            f,
            "| {name:<30} | {cpu_us:>14.1} | {per_second:>10.0} | {p50_ms:>6.2} | {p99_ms:>6.2} | {errors:>6} |"
        )?;
    }
    Ok(())
}

/// To three decimals: more would only look exact.
pub fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
