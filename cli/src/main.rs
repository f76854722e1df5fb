//! `claimgate`: checks a policy, and the Envoy around it, before either meets a request.
//!
//! It reads configurations with the filter's own code and never has an opinion of its own about what
//! they mean. It changes nothing, asks nobody over the network, and shows no secret.

mod document;
mod envoy;
mod finding;
mod policy;
mod report;
mod schema;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks Claimgate policies, and the Envoy around them.
#[derive(Parser)]
#[command(name = "claimgate", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Says whether a configuration can be enforced, and what would be.
    Validate(validate::Validate),
    /// Prints the JSON Schema of the plugin configuration.
    Schema,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Validate(validate) => validate.run(),
        Command::Schema => schema::run(),
    }
}
