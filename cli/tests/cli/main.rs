//! The command as people and scripts use it: arguments and files in, text, JSON and a status out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it is"
)]
#![allow(unreachable_pub, reason = "modules of one test binary")]

mod bootstrap;
mod clusters;
mod command;
mod routes;
mod schema;
mod support;
mod vm;
