//! Claimgate's filter: decides, inside Envoy, who may make a request.
//!
//! # The life of a request
//!
//! 1. [`request`]: one read of all headers; a path that is not canonical is refused.
//! 2. [`policy`]: the first route that matches; nothing matches, nothing passes.
//! 3. [`authn`]: the bearer token, verified with the issuer's keys, which are fetched when first
//!    needed and refreshed from then on.
//! 4. [`policy`] again: the route's rules in order; the first that fires decides.
//! 5. [`authz`]: the decision point, asked only when a rule or a header needs its answer.
//! 6. [`upstream`]: identity headers, stripped from every request and set from a
//!    [`authz::Permit`] alone.
//!
//! [`pipeline`] is the state machine that keeps this order, [`engine`] what requests share,
//! [`reply`] the one table of refusals. All of it is free of I/O and of clocks: events and time
//! come in, steps go out. Only `filter`, which exists for `wasm32` alone, talks to the host.

#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod authn;
pub mod authz;
pub mod bounded;
pub mod cache_control;
pub mod cel;
pub mod config;
pub mod engine;
pub mod freshness;
pub mod pipeline;
pub mod policy;
pub mod reply;
pub mod request;
pub mod shared_data;
pub mod telemetry;
pub mod time;
pub mod upstream;

#[cfg(target_arch = "wasm32")]
mod filter;
