//! The module that ships, under a scripted host: what it does to the world, in which order, and
//! that it never traps, whatever clients, peers and the host come up with.

mod configuration;
mod cost;
mod crowd;
mod decision;
mod decision_cache;
mod decision_faults;
mod discovery;
mod expressions;
mod flights;
mod gateway;
mod gone;
mod held;
mod host_faults;
mod keys;
mod keys_faults;
mod keys_shared;
mod keys_state;
mod odd_requests;
mod places;
mod policy;
mod possession;
mod protobuf;
mod quiet;
mod rotation;
mod signed_identity;
mod spoofed;
mod surface;
mod tokens;
