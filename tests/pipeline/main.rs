//! Black-box tests of the filter's library: whole requests through the engine's public API, with
//! fake time and hand-made tokens, and configurations against their golden results.

// A test that cannot go on should say where; `clippy.toml` can only say so for `#[test]` itself.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
#![allow(unreachable_pub, reason = "modules of one test binary")]
#![allow(clippy::needless_pass_by_value)] // `json!` literals are handed over as they are

mod algorithms;
mod authorization;
mod conditions;
mod decisions;
mod demands;
mod expressions;
mod failed_tokens;
mod freshness;
mod gateway_secret;
mod golden;
mod issuers;
mod jose;
mod keys;
mod metadata;
mod mutations;
mod places;
mod possession;
mod questions;
mod routes;
mod secrets;
mod shadows;
mod signed_identity;
mod signers;
mod statements;
mod streams;
mod support;
mod tokens;
mod vectors;
