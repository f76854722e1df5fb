//! How a result is told: findings on stderr and what is enforced on stdout, or everything as JSON.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::finding::{Finding, Severity};

/// What was found in one document.
#[derive(Debug)]
pub(crate) struct Report {
    file: String,
    /// Whether paths are as the filter tells them; those in a bootstrap are too long for that.
    short: bool,
    findings: Vec<Finding>,
    /// What is enforced, when nothing refuses it.
    enforced: Vec<String>,
}

/// Prints a command's result. Whoever reads it may have read enough.
pub(crate) fn say(result: &str) {
    let _ = writeln!(io::stdout(), "{result}");
}

/// Says why there was nothing to check.
pub(crate) fn misuse(why: &str) -> ExitCode {
    eprintln!("{}: {why}", Severity::Error.shown());
    ExitCode::from(2)
}

impl Report {
    /// What was found in a configuration.
    pub(crate) fn of_configuration(
        file: &str,
        findings: Vec<Finding>,
        enforced: Vec<String>,
    ) -> Self {
        Self { file: file.to_owned(), short: true, findings, enforced }
    }

    /// What was found in a bootstrap.
    pub(crate) fn of_bootstrap(file: &str, findings: Vec<Finding>, enforced: Vec<String>) -> Self {
        Self { file: file.to_owned(), short: false, findings, enforced }
    }

    /// 0 when it can be used, else 1.
    pub(crate) fn status(&self, deny_warnings: bool) -> ExitCode {
        if self.is_good(deny_warnings) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn is_good(&self, deny_warnings: bool) -> bool {
        self.count(Severity::Error) == 0 && !(deny_warnings && self.count(Severity::Warning) > 0)
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == severity).count()
    }

    /// For people.
    pub(crate) fn print(&self) {
        for finding in &self.findings {
            eprintln!("{}", self.shown(finding));
        }
        let verdict = format!("{}: {}", self.file, self.verdict());
        if self.count(Severity::Error) > 0 {
            return eprintln!("{verdict}");
        }
        let lines = self.enforced.iter().map(|line| format!("\n  {line}"));
        say(&[verdict].into_iter().chain(lines).collect::<String>());
    }

    /// For programs.
    pub(crate) fn print_json(&self, deny_warnings: bool) {
        let findings: Vec<Value> = self.findings.iter().map(Finding::to_json).collect();
        let report = json!({
            "version": 1,
            "file": self.file,
            "good": self.is_good(deny_warnings),
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "findings": findings,
            "enforced": self.enforced,
        });
        say(&format!("{report:#}"));
    }

    fn verdict(&self) -> String {
        let counted = |severity: Severity| match self.count(severity) {
            0 => None,
            1 => Some(format!("1 {}", severity.name())),
            more => Some(format!("{more} {}s", severity.name())),
        };
        let counts = [Severity::Error, Severity::Warning].into_iter().filter_map(counted);
        let counts: Vec<_> = counts.collect();
        if counts.is_empty() { "good".to_owned() } else { counts.join(", ") }
    }

    fn shown(&self, finding: &Finding) -> String {
        let Finding { code, at, place, problem } = finding;
        let path = if self.short { format!("{at}: ") } else { String::new() };
        let mut text = format!("{}[{}]: {path}{problem}", finding.severity().shown(), code.name);
        let _ = match place {
            Some((line, column)) => write!(text, "\n  --> {}:{line}:{column}", self.file),
            None => write!(text, "\n  --> {}", self.file),
        };
        if !self.short {
            let _ = write!(text, "\n   in: {at}");
        }
        if !code.why.is_empty() {
            let _ = write!(text, "\n  why: {}\n  instead: {}", code.why, code.instead);
        }
        text.push('\n');
        text
    }
}

impl Severity {
    /// In colour on a terminal.
    fn shown(self) -> String {
        if !io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some() {
            return self.name().to_owned();
        }
        let colour = match self {
            Self::Error => 31,
            Self::Warning => 33,
        };
        format!("\x1b[1;{colour}m{}\x1b[0m", self.name())
    }
}
