//! Signed identity, as a service behind the gateway checks it: who calls is what one header says,
//! a short-lived JWT that only the gateway can have signed.
//!
//! The life of a request: [`require`] takes the header, [`statement`] reads and judges it with a
//! key that [`keys`] has fetched from where the gateway's keys are published, and the routes find
//! an [`Identity`]. Whatever is not exactly right ends the request here.
//!
//! Nothing of a statement is ever logged or repeated; a refusal has one word of a closed list.
//! What a caller may do is for the service to say.

mod keys;
mod options;
mod require;
mod statement;

pub use options::{IdentityOptions, InvalidIdentity};
pub use require::{SignedIdentity, require};
pub use statement::{Identity, Refused};
