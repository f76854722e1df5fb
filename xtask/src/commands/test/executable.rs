//! Runs one test executable, passes its output on, and counts.
//!
//! The count comes from libtest's own closing line. An executable that fails without one (a crash, a hang)
//! counts as one failed test, so that it can never pass for nothing.

use std::io::{BufRead, BufReader};
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::thread;
use std::time::Duration;

use claimgate_proc::{Launch, Output, Process};

use super::{Rung, SLOW};

const LIMIT: Duration = Duration::from_secs(20 * 60);

/// A built test executable.
pub(super) struct Executable {
    /// Its package's folder and its target.
    pub(super) name: String,
    pub(super) rung: Rung,
    pub(super) path: PathBuf,
    /// The package's folder: where cargo would run it.
    pub(super) folder: PathBuf,
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) passed: u32,
    pub(super) failed: u32,
}

impl Outcome {
    pub(super) fn ran(self) -> u32 {
        self.passed + self.failed
    }

    /// Itself, but a failure where no test ran: one that is lost must never look like one that passed.
    pub(super) fn of_some_tests(self, what: &str) -> Self {
        if self.ran() > 0 {
            return self;
        }
        println!("{what} ran no test");
        Self { failed: 1, ..self }
    }
}

impl Executable {
    pub(super) fn run(&self) -> Outcome {
        if self.rung == Rung::Contract {
            // They mostly wait: for a server to start, a lifetime to pass, a limit to be reached.
            let threads = 2 * thread::available_parallelism().map_or(1, usize::from);
            return counted(&self.launch().args(["--test-threads", &threads.to_string()]));
        }
        if self.rung != Rung::E2e {
            return counted(&self.launch());
        }
        println!("left to `cargo xtask test-slow`: {}", SLOW.join(" "));
        let left_out = SLOW.iter().flat_map(|module| ["--skip", module]);
        // Each stack is six processes: more than two at once only slow each other down.
        counted(&self.launch().args(["--test-threads", "2"]).args(left_out))
    }

    /// Runs the tests that these arguments choose, with these environment variables.
    pub(super) fn run_chosen(&self, args: &[&str], variables: &[(&str, &Path)]) -> Outcome {
        let launch = self.launch().args(args);
        let launch =
            variables.iter().fold(launch, |launch, (name, value)| launch.env(*name, value));
        counted(&launch)
    }

    fn launch(&self) -> Launch {
        Launch::new(&self.name, &self.path, Output::Pipe)
            .dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder)
    }
}

fn counted(launch: &Launch) -> Outcome {
    launch.start().map_or_else(|error| failure(&error.to_string()), |child| outcome(&child))
}

fn outcome(child: &Process) -> Outcome {
    let Some(stdout) = child.take_stdout() else { return failure("no stdout") };
    let counting = thread::spawn(move || count(stdout));
    let status = child.wait(LIMIT);
    // Ends whatever still holds the pipe.
    child.stop();
    let outcome = counting.join().unwrap_or_default();
    match status {
        None => outcome + failure(&format!("took longer than {LIMIT:?}")),
        Some(status) if !status.success() && outcome.failed == 0 => {
            outcome + failure(&status.to_string())
        }
        Some(_) => outcome,
    }
}

fn failure(why: &str) -> Outcome {
    println!("failed: {why}");
    Outcome { passed: 0, failed: 1 }
}

fn count(stdout: ChildStdout) -> Outcome {
    let lines = BufReader::new(stdout).lines().map_while(Result::ok);
    lines.inspect(|line| println!("{line}")).filter_map(|line| closing(&line)).sum()
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; …`
fn closing(line: &str) -> Option<Outcome> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let number = |what: &str| {
        let mut parts = counts.split("; ");
        parts.find_map(|part| part.strip_suffix(what)?.trim().parse().ok())
    };
    Some(Outcome { passed: number(" passed")?, failed: number(" failed")? })
}

impl Add for Outcome {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Outcome {
    fn sum<I: Iterator<Item = Self>>(outcomes: I) -> Self {
        outcomes.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_line_is_counted_whatever_it_says() {
        let ok = "test result: ok. 11 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 3.06s";
        assert_eq!(closing(ok), Some(Outcome { passed: 11, failed: 0 }));
        let failed =
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(closing(failed), Some(Outcome { passed: 3, failed: 2 }));
        assert_eq!(closing("test pipeline::denies ... ok"), None);
    }

    fn shell(script: &str) -> Outcome {
        let launch = Launch::new("script", "sh", Output::Pipe).args(["-c", script]);
        outcome(&launch.start().unwrap())
    }

    #[test]
    fn an_executable_that_crashes_has_failed() {
        assert_eq!(shell("kill -SEGV $$"), Outcome { passed: 0, failed: 1 });
        let late = "echo 'test result: ok. 3 passed; 0 failed; 0 ignored'; exit 101";
        assert_eq!(shell(late), Outcome { passed: 3, failed: 1 });
    }

    #[test]
    fn where_no_test_ran_one_has_failed() {
        assert_eq!(shell("true").ran(), 0);
        assert_eq!(shell("true").of_some_tests("it"), Outcome { passed: 0, failed: 1 });
        let some = Outcome { passed: 2, failed: 0 };
        assert_eq!(some.of_some_tests("it"), some);
    }
}
