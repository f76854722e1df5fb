//! `/admin/v1`: what administrators read and change, on the operators' port.
//!
//! The life of a request: [`access`] knows who sent it, from a token for this API alone, a client
//! certificate or a secret that the local command made; [`permission`] asks Cedar whether they may do that to this
//! area; a handler reads the request whole or refuses it naming the field; [`Changes`] makes the
//! change durable, with its audit entry, before the answer goes out. Nothing here writes to the
//! store in another way, and nothing here decides what callers of the service may do.

pub(crate) mod access;
mod answer;
pub(crate) mod asked;
pub(crate) mod audit;
mod certificates;
pub(crate) mod explain;
mod guard;
pub(crate) mod info;
mod openapi;
pub(crate) mod page;
mod path;
mod permission;
mod policies;
mod quotas;
mod resources;
pub(crate) mod revocations;
pub(crate) mod revoked;
mod roles;
mod routes;
mod secret;
pub(crate) mod subjects;

use std::sync::Arc;
use std::time::Duration;

pub use access::{Access, AdminOptions, InvalidAdmin};
pub use certificates::CertificateOptions;
pub use guard::Guard;
pub(crate) use permission::Permission;
pub use routes::router;
pub use secret::{IssueError, issue_secret};

use crate::changes::Changes;
use crate::config::PolicySource;
use crate::store::AdminStore;
use crate::wire::Service;

/// Where the API begins.
pub const PREFIX: &str = "/admin/v1";

/// What the routes share.
pub struct Admin {
    /// The service that is administered.
    pub service: Arc<Service>,
    /// Who administers it.
    pub access: Access,
    /// Whether only this machine reaches the port.
    pub is_local: bool,
    /// Where the policies come from.
    pub policies: PolicySource,
    /// How long a revocation is remembered unless it says so itself.
    pub token_lifetime: Duration,
}

impl Admin {
    pub(crate) fn changes(&self) -> &Changes {
        &self.service.changes
    }

    pub(crate) fn store(&self) -> &dyn AdminStore {
        self.service.changes.store()
    }
}
