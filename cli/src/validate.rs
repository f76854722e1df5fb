//! `claimgate validate`: one document, checked as the filter would, or with the Envoy around it.
//!
//! Exit status: 0 when it can be used, 1 when it is refused, 2 when there was nothing to check.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::document::{Document, Unreadable};
use crate::finding::{Finding, code};
use crate::policy::{self, Environment};
use crate::report::Report;
use crate::{envoy, report};

/// What to check, and how to say it.
#[derive(Args)]
pub(crate) struct Validate {
    /// A plugin configuration, YAML or JSON; `-` reads standard input.
    #[arg(required_unless_present = "envoy")]
    file: Option<PathBuf>,
    /// An Envoy bootstrap instead: every Claimgate filter in it, and what is around them.
    #[arg(long, value_name = "ENVOY_YAML", conflicts_with = "file")]
    envoy: Option<PathBuf>,
    /// Takes environment variables that are not set here for set where the filter will run.
    #[arg(long)]
    assume_env: bool,
    /// Refuses with warnings, too.
    #[arg(long)]
    deny_warnings: bool,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Validate {
    /// Checks it.
    pub(crate) fn run(&self) -> ExitCode {
        let Some(path) = self.envoy.as_ref().or(self.file.as_ref()) else {
            return report::misuse("no file");
        };
        let (file, document) = Document::read(path);
        let document = match document {
            Ok(document) => document,
            Err(Unreadable::File(error)) => return report::misuse(&format!("{file}: {error}")),
            Err(Unreadable::Yaml(problem, place)) => {
                let at = "document".to_owned();
                let finding = Finding { code: &code::NOT_YAML, at, place, problem };
                let report = Report::of_configuration(&file, vec![finding], Vec::new());
                return self.finish(&report);
            }
        };
        let environment = Environment { assumed: self.assume_env };
        let report = match self.envoy {
            Some(_) => envoy::check(&document, &environment),
            None => policy::check(&document, &environment),
        };
        self.finish(&report)
    }

    fn finish(&self, report: &Report) -> ExitCode {
        if self.json {
            report.print_json(self.deny_warnings);
        } else {
            report.print();
        }
        report.status(self.deny_warnings)
    }
}
