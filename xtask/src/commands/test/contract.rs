//! The demo's contract, at a gateway that already runs.
//!
//! The tests are those that `cargo xtask test` runs on a stack of its own: a deployment keeps the contract
//! when they pass there too. It must never start, stop or change anything of what it asks.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xtask::stack::{ENVOY_REFUSES, RUNNING};
use xtask::workspace;

use super::executable::Outcome;
use super::{E2E, build};

/// The modules of the end-to-end tests that only ask, and only by way of gateway and identity provider.
const CONTRACT: [&str; 10] = [
    "auth_route::on_embedded_defaults::",
    "bearer_form::",
    "cors::on_embedded_defaults::",
    "customers::on_embedded_defaults::",
    "doubtful_claims::",
    "elsewhere::on_embedded_defaults::",
    "forged_tokens::",
    "paths::",
    "products::on_embedded_defaults::",
    "token_claims::",
];

/// What the tests sign tokens of their own with, a key for tests only: the identity provider must have it.
pub(super) fn signing_key() -> PathBuf {
    workspace::root().join("tests/testdata/keys/rsa-1.pem")
}

/// Asks the gateway that `stack` describes ([`xtask::stack::Stack::describe`]); `also` names more modules.
pub(super) fn contract_at(stack: &Path, also: &[&str]) -> Result<Outcome> {
    ask(also, &[(RUNNING, stack)])
}

/// The same where Envoy refuses in words of its own; `also` may say what to skip.
pub(super) fn contract_in_other_words_at(stack: &Path, also: &[&str]) -> Result<Outcome> {
    ask(also, &[(RUNNING, stack), (ENVOY_REFUSES, Path::new("yes"))])
}

fn ask(also: &[&str], variables: &[(&str, &Path)]) -> Result<Outcome> {
    let executables = build::executables_of(&[E2E])?;
    let executable = executables.first().context("the end-to-end tests have no executable")?;
    let args = [&["--test-threads", "2"], &CONTRACT[..], also].concat();
    Ok(executable.run_chosen(&args, variables).of_some_tests("the contract"))
}
