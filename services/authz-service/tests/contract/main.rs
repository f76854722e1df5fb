//! Contract tests of the decision point: the same behaviour over every store and every cache, a
//! real Redis included, and over HTTP against the built binary.
//!
//! Whatever misbehaves here is real: a Redis that is down, killed or frozen, a database that
//! another process holds locked. Ports are free ones; processes end with the test that made them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it is"
)]

mod admin;
mod caches;
mod certificates;
mod certification;
mod cluster;
mod configuration;
mod console;
mod decision_log;
mod drain;
mod evaluation;
mod evaluations;
mod ext_authz;
mod ext_authz_grpc;
mod fanout;
mod faults;
mod http;
mod identity_keys;
mod interop;
mod issuer_address;
mod keycloak;
mod malformed;
mod metrics;
mod patient;
mod policies;
mod postgres;
mod process;
mod provider;
mod redis;
mod redis_access;
mod redis_faults;
mod revocation;
mod search;
mod sentinels;
mod service;
mod spans;
mod stores;
mod tls;
mod users;
