//! `cargo xtask test-idp`: a real Keycloak as the identity provider.
//!
//! The contract at a whole demo system that has it, what the gateway makes of its keys, sessions and lifetimes,
//! and what the authorization service does.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use xtask::run::Scratch;
use xtask::stack::{self, Stack};
use xtask::{tools, wasm};

use super::contract::{contract_at, signing_key};
use super::executable::Outcome;
use super::{E2E, SERVICE, closed, outcome_of};

/// The module of the tests that need Keycloak, in either package.
pub(super) const KEYCLOAK: &str = "keycloak::";
/// Those of them for a stack that runs before they do.
pub(super) const ALREADY_RUNNING: &str = "keycloak::already_running::";

/// Runs them all.
pub(crate) fn idp() -> Result<ExitCode> {
    let begun = Instant::now();
    let home = tools::keycloak()?;
    tools::envoy()?;
    wasm::build(true)?;
    stack::build_parts()?;
    let kept = contract(&home)?;
    let args = ["--ignored", "--test-threads", "2", "--skip", ALREADY_RUNNING, KEYCLOAK];
    let more = outcome_of(&[(SERVICE, &args), (E2E, &args)], &[("KEYCLOAK_HOME", &home)])?;
    Ok(closed([kept, more].into_iter().sum(), begun))
}

fn contract(home: &Path) -> Result<Outcome> {
    let builder = Stack::builder().keycloak(home);
    let stack = builder.signing_key(signing_key()).start()?;
    let scratch = Scratch::new("contract")?;
    let file = scratch.path().join("stack.json");
    stack.describe(&file)?;
    contract_at(&file, &["direct_calls::"])
}
