//! `claimgate schema`: the form of the plugin configuration, for editors and generators.

use std::process::ExitCode;

use crate::report;

/// Prints it.
pub(crate) fn run() -> ExitCode {
    report::say(&format!("{:#}", claimgate::config::schema()));
    ExitCode::SUCCESS
}
