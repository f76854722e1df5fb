//! `kubernetes/gateway-api`: what is written there, what Envoy Gateway makes of it, and what callers see when it serves it.
//!
//! The controller's ports are fixed, so there is one gateway at a time: each test that needs one starts its own.

mod canary;
mod native;
mod passing;
mod rendered;
mod support;
mod traps;
mod windows;
mod written;
