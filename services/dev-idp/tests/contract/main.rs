//! dev-idp against docs/contract.md and what a real Keycloak answers.
//!
//! Most cases ask the routers without a socket; `process` starts the real one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod code_grant;
mod keys;
mod password_grant;
mod process;
mod provider;
mod realm;
