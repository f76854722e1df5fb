//! The gateway as a protected resource: where its metadata is and what it says (RFC 9728).

use std::rc::Rc;

/// Where the metadata of a resource without a path is (RFC 9728 §3).
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata document.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Path under which it is served, canonical.
    pub path: Box<str>,
    /// Its URL, for challenges.
    pub url: Box<str>,
    /// The document, JSON.
    pub document: Rc<str>,
}
