//! authz-service: a policy decision point.

pub mod email;
pub mod engine;
pub mod entities;
pub mod policies;
pub mod roles;
