//! Where what is revoked and what is old is heard of.

use super::{Endpoint, Secret};
use crate::freshness::Settings;

/// A feed of revocations and epochs.
#[derive(Debug)]
pub struct Feed {
    /// Its state document.
    pub endpoint: Endpoint,
    /// `authorization` for the call.
    pub credential: Option<Secret>,
    /// How often it is asked, and what its silence means.
    pub settings: Settings,
}
