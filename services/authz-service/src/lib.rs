//! authz-service: a policy decision point.

pub mod cache;
pub mod directory;
pub mod email;
pub mod engine;
pub mod entities;
pub mod keys;
pub mod policies;
pub mod roles;
pub mod store;
