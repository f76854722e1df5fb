//! authz-service: a policy decision point. A caller asks over OpenID AuthZEN 1.0 whether a subject
//! may do an action to a resource, or Envoy over its ext_authz; Cedar policies decide, over entities
//! kept in a store.
//!
//! The life of a question:
//!
//! 1. `wire` reads it, or refuses it naming the field.
//! 2. [`directory`] finds the subject's roles: by verified e-mail through a [`cache`], else by
//!    type and id, in the [`store`]. An unverified e-mail inherits nothing.
//! 3. [`engine`] decides; it is pure and cannot fail, only say false and why.
//! 4. `wire` answers, with how long the answer may be kept.
//!
//! What is known is changed through [`changes`] alone; identity providers change it by what they say
//! and [`revoke`] verifies.
//!
//! A store that gives no answer is an error status, never a decision. A cache that fails costs
//! time, never an answer.

pub mod admin;
pub mod cache;
pub mod changes;
pub mod config;
pub mod console;
pub mod decision_point;
pub mod decisions;
pub mod directory;
pub mod email;
pub mod engine;
pub mod entities;
pub mod hierarchy;
pub mod identity_keys;
pub mod keys;
pub mod metrics;
pub mod policies;
pub mod revoke;
pub mod roles;
pub mod serve;
pub mod server;
pub mod spans;
pub mod store;
pub mod trust;
pub mod wire;
