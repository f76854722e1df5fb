//! The harness of the end-to-end tests: real Envoy, real processes, the built module.
//!
//! - [`stacks`]: the demo system, shared where a test only reads, its own where it disturbs;
//! - [`bare`]: an Envoy with nothing but filters to compare;
//! - [`example`]: an example of `envoy/examples` as it stands, on free ports;
//! - [`edit`]: changes to the rendered Envoy configuration, for one stack;
//! - [`client`] and [`http2`]: requests byte for byte as a test wants them;
//! - [`admin`]: changes what the authorization service knows;
//! - [`users`], [`tokens`], [`mint`]: who asks, with tokens from the provider or made by hand;
//! - [`keycloak`]: a stack with a real Keycloak;
//! - [`echo`] and [`gate`]: upstreams of ours that show, or hold back, what reaches them;
//! - [`talker`]: one that does not end by itself;
//! - [`redis`]: looks into the cache of a stack that has one.
//!
//! It must never stand in for the gateway or the filter: what is tested is what ships. Every wait
//! has a limit.

pub mod admin;
pub mod bare;
pub mod client;
pub mod echo;
pub mod edit;
pub mod example;
pub mod gate;
pub mod http2;
pub mod keycloak;
pub mod mint;
pub mod redis;
pub mod server;
pub mod stacks;
pub mod talker;
pub mod tokens;
pub mod users;
pub mod wire;

use std::time::Duration;

/// How long anything that should happen may take before a test gives up on it.
pub const SOON: Duration = Duration::from_secs(10);
