//! The load generator, and what it says.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use claimgate_proc::{Launch, Output};

use crate::site::{PATH, PATHS, PATHS_FORMAT};

/// Each may have one request under way when the time is over, answered but not counted.
pub const CONNECTIONS: u64 = 16;
/// What wrk may take beyond the time of the load.
const GRACE: Duration = Duration::from_secs(15);
const TOKENS: &str = include_str!("tokens.lua");
const MANY_PATHS: &str = include_str!("paths.lua");

/// What is sent with each request.
pub enum Credential<'a> {
    /// This token.
    Token(&'a str),
    /// This token, and [`PATHS`] paths in turn.
    TokenOnPaths(&'a str),
    /// The tokens of a file in turn, beginning after the `skip`th.
    Pool {
        /// One token a line.
        file: PathBuf,
        /// How many of them.
        count: usize,
        /// How many to leave out in the first turn.
        skip: usize,
    },
}

/// What one run of wrk says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Answered requests.
    pub requests: u64,
    /// Answered requests per second.
    pub per_second: f64,
    /// Half of the answers came within this.
    pub p50_ms: f64,
    /// 99 of 100 answers came within this.
    pub p99_ms: f64,
    /// Answers of status 400 and up, and socket errors.
    pub errors: u64,
}

/// A wrk with one thread and 16 connections.
pub struct Wrk {
    /// The program.
    pub program: PathBuf,
    /// For its script and its output.
    pub folder: PathBuf,
}

impl Wrk {
    /// Loads `to` for some seconds.
    pub fn run(
        &self,
        to: SocketAddr,
        credential: &Credential<'_>,
        seconds: u64,
    ) -> Result<Outcome> {
        let log = self.folder.join("wrk.log");
        let _ = fs::remove_file(&log);
        let launch = Launch::new("wrk", &self.program, Output::Log(log.clone())).args([
            "-t1",
            "-c16",
            "--latency",
            &format!("-d{seconds}s"),
        ]);
        let url = format!("http://{to}{PATH}");
        let bearer = |token: &str| ["-H".to_owned(), format!("authorization: Bearer {token}")];
        let launch = match credential {
            Credential::Token(token) => launch.args(bearer(token)).arg(url),
            Credential::TokenOnPaths(token) => {
                let script = self.script("paths.lua", MANY_PATHS)?;
                let launch = launch.args(bearer(token)).arg("-s").arg(script);
                launch.args([&url, "--", PATHS_FORMAT, &PATHS.to_string()])
            }
            Credential::Pool { file, count, skip } => {
                let script = self.script("tokens.lua", TOKENS)?;
                let numbers = [count, skip].map(ToString::to_string);
                launch.arg("-s").arg(script).args([&url, "--"]).arg(file).args(numbers)
            }
        };
        let child = launch.start()?;
        let status =
            child.wait(Duration::from_secs(seconds) + GRACE).context("wrk does not end")?;
        let said = fs::read_to_string(&log)?;
        ensure!(status.success(), "wrk failed ({status}):\n{said}");
        parse(&said).with_context(|| format!("wrk said something else:\n{said}"))
    }

    fn script(&self, name: &str, text: &str) -> Result<PathBuf> {
        let script = self.folder.join(name);
        fs::write(&script, text)?;
        Ok(script)
    }
}

fn parse(said: &str) -> Option<Outcome> {
    let mut lines = said.lines().map(str::trim);
    let after = |start: &str| said.lines().find_map(|line| line.trim().strip_prefix(start));
    let requests = lines.find_map(|line| line.split_once(" requests in "))?.0.parse().ok()?;
    let refused = after("Non-2xx or 3xx responses:").map_or(Some(0), |n| n.trim().parse().ok())?;
    let broken = after("Socket errors:").map_or(Some(0), socket_errors)?;
    Some(Outcome {
        requests,
        per_second: after("Requests/sec:")?.trim().parse().ok()?,
        p50_ms: milliseconds(after("50%")?.trim())?,
        p99_ms: milliseconds(after("99%")?.trim())?,
        errors: refused + broken,
    })
}

/// The sum of `connect 0, read 1, write 0, timeout 2`.
fn socket_errors(listed: &str) -> Option<u64> {
    let number = |kind: &str| kind.trim().split_once(' ')?.1.parse::<u64>().ok();
    listed.split(',').map(number).sum()
}

/// wrk's `635.00us`, `1.35ms`, `2.01s`, `1.50m`.
fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let factor = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
Running 2s test @ http://127.0.0.1:20001/bench
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   640.17us  210.99us   5.24ms   89.50%
    Req/Sec    24.91k     1.02k   26.30k    75.00%
  Latency Distribution
     50%  612.00us
     75%  660.00us
     90%  750.00us
     99%    1.35ms
  49611 requests in 2.00s, 6.77MB read
";

    #[test]
    fn a_run_without_errors_has_none() {
        let outcome = parse(&format!("{GOOD}Requests/sec:  24781.94\nTransfer/sec:  3.38MB\n"));
        let expected = Outcome {
            requests: 49_611,
            per_second: 24_781.94,
            p50_ms: 0.612,
            p99_ms: 1.35,
            errors: 0,
        };
        assert_eq!(outcome, Some(expected));
    }

    #[test]
    fn refusals_and_socket_errors_add_up() {
        let said = format!(
            "{GOOD}  Socket errors: connect 1, read 2, write 3, timeout 4\n  \
             Non-2xx or 3xx responses: 100\nRequests/sec:  24781.94\n"
        );
        assert_eq!(parse(&said).unwrap().errors, 110);
    }

    #[test]
    fn an_output_without_a_result_is_no_result() {
        assert_eq!(parse("unable to connect to 127.0.0.1:20001 Connection refused"), None);
        assert_eq!(parse(&GOOD.replace("612.00us", "612.00")), None);
    }

    #[test]
    fn every_unit_of_wrk_is_known() {
        let all = ["500.00us", "2.00ms", "1.50s", "1.00m"].map(milliseconds);
        assert_eq!(all, [Some(0.5), Some(2.0), Some(1500.0), Some(60_000.0)]);
    }
}
