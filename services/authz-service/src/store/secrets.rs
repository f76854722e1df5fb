//! Secrets that open the administration for a while. The store keeps their digests; a secret itself
//! is known to whoever was told it, once.

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::check::fits;
use super::labels::Actor;
use super::sql::Row;
use crate::entities::InvalidEntities;

/// SHA-256 of a secret, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SecretDigest(String);

impl SecretDigest {
    /// The digest of `secret`, which must be too random to be guessed.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough to tell secrets apart by, and of no other use.
    pub(super) fn short(&self) -> &str {
        self.0.get(..16).unwrap_or_default()
    }
}

/// What a secret stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSecret {
    /// Who does what is done with it.
    pub holder: Actor,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
}

impl AdminSecret {
    pub(super) fn read(mut row: Row) -> Result<Self, sqlx::Error> {
        let holder = Actor::parse(&row.text()?);
        Ok(Self {
            holder: holder.ok_or_else(|| sqlx::Error::Decode("not an actor".into()))?,
            expires_at: row.instant()?,
        })
    }
}

pub(super) fn check_holder(holder: &str) -> Result<(), InvalidEntities> {
    fits("holder", holder)
}
