//! End-to-end tests: each module is a topic, each test a rule.

mod auth_route;
mod authzen_interop;
mod bearer_form;
mod bound_tokens;
mod broken_config;
mod cors;
mod customers;
mod direct_calls;
mod disconnects;
mod doubtful_claims;
mod elsewhere;
mod ext_authz;
mod faults;
mod forged_tokens;
mod harness;
mod judges;
mod paths;
mod paths_kept;
mod pending_bodies;
mod products;
mod role_cache;
mod spoofed_headers;
mod spoofed_trailers;
mod support;
mod token_claims;
mod token_places;
