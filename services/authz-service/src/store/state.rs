//! Revocations and epochs: what a filter must know beside a token to trust it, or a decision.
//!
//! Every entry carries the version of its last change, so one ordered feed serves as snapshot and
//! as deltas: a reader asks for what came after the place it has reached ([`StatePlace`]). What
//! changes while it reads a snapshot in chunks moves to the feed's end and reaches it there.
//!
//! - An entry that was taken back stays as a tombstone for [`TOMBSTONES_KEPT`], or until the
//!   entry itself would have ended. A reader from before the oldest one starts anew.
//! - An entry that has ended is left out, and nobody is told: readers know its end themselves.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::fits;
use super::sql::Row;
use super::version::Version;
use crate::entities::InvalidEntities;

/// How long a removal is remembered.
pub const TOMBSTONES_KEPT: Duration = Duration::from_hours(24);

/// What no longer counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// One token.
    Token {
        /// Its `iss`; any when `None`.
        issuer: Option<String>,
        /// Its `jti`.
        jti: String,
    },
    /// All tokens of a session.
    Session {
        /// Their `iss`; any when `None`.
        issuer: Option<String>,
        /// Their `sid`.
        sid: String,
    },
    /// A subject's older tokens.
    Subject {
        /// Their `iss`.
        issuer: String,
        /// Their `sub`.
        subject: String,
        /// Those issued before this.
        issued_before: Timestamp,
    },
    /// Everybody's older tokens.
    Everyone {
        /// Those issued before this.
        issued_before: Timestamp,
    },
}

/// What a revocation is about; there is one for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationKey {
    /// One token.
    Token {
        /// Its `iss`; any when `None`.
        issuer: Option<String>,
        /// Its `jti`.
        jti: String,
    },
    /// All tokens of a session.
    Session {
        /// Their `iss`; any when `None`.
        issuer: Option<String>,
        /// Their `sid`.
        sid: String,
    },
    /// A subject's older tokens.
    Subject {
        /// Their `iss`.
        issuer: String,
        /// Their `sub`.
        subject: String,
    },
    /// Everybody's older tokens.
    Everyone,
}

/// Whose decisions an epoch is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpochScope {
    /// Everybody's.
    Global,
    /// A tenant's.
    Tenant(String),
    /// A subject's.
    Subject {
        /// `iss` of its tokens.
        issuer: String,
        /// `sub` of its tokens.
        subject: String,
    },
}

/// One entry of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateEntry {
    /// The change it belongs to; entries come in this order.
    pub version: Version,
    /// What it says.
    pub news: StateNews,
}

/// What an entry of the feed says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateNews {
    /// This is revoked, or revoked further than before.
    Revoked {
        /// What.
        revocation: Revocation,
        /// When it no longer has to be remembered.
        expires_at: Timestamp,
    },
    /// This is no longer revoked.
    Unrevoked(RevocationKey),
    /// This epoch has begun; what was decided in a lower one is old.
    Epoch {
        /// Whose.
        scope: EpochScope,
        /// Its number.
        epoch: Version,
    },
}

/// How far a reader has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatePlace {
    /// The version at which the snapshot was begun that the reader is on, or that it was last
    /// complete at.
    pub base: Version,
    /// The last entry it has read; equal to `base` or before it while a snapshot is being read.
    pub after: Version,
}

impl StatePlace {
    /// The place of a reader that knows everything up to `version`.
    pub fn at(version: Version) -> Self {
        Self { base: version, after: version }
    }
}

/// Part of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChunk {
    /// Which store this is: places in one mean nothing in another.
    pub store_id: String,
    /// In the order of their versions.
    pub entries: Vec<StateEntry>,
    /// Where to go on.
    pub next: StatePlace,
    /// Whether there is no more for now.
    pub complete: bool,
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateAnswer {
    /// What comes next.
    Chunk(StateChunk),
    /// Its place is too old, or of another store: it must begin a new snapshot.
    StartAnew,
}

impl Revocation {
    /// What it is about.
    pub fn key(&self) -> RevocationKey {
        match self.clone() {
            Self::Token { issuer, jti } => RevocationKey::Token { issuer, jti },
            Self::Session { issuer, sid } => RevocationKey::Session { issuer, sid },
            Self::Subject { issuer, subject, .. } => RevocationKey::Subject { issuer, subject },
            Self::Everyone { .. } => RevocationKey::Everyone,
        }
    }

    /// Tokens issued before this are revoked, where that matters.
    pub fn issued_before(&self) -> Option<Timestamp> {
        match self {
            Self::Token { .. } | Self::Session { .. } => None,
            Self::Subject { issued_before, .. } | Self::Everyone { issued_before } => {
                Some(*issued_before)
            }
        }
    }

    /// The same, reaching at least as far as `earlier`, which is about the same.
    pub(super) fn reaching(mut self, earlier: &Self) -> Self {
        if let (
            Self::Subject { issued_before, .. } | Self::Everyone { issued_before },
            Some(other),
        ) = (&mut self, earlier.issued_before())
        {
            *issued_before = (*issued_before).max(other);
        }
        self
    }

    pub(super) fn check(&self) -> Result<(), InvalidEntities> {
        match self {
            Self::Token { issuer, jti: id } | Self::Session { issuer, sid: id } => {
                fits("revocation", id)?;
                issuer.as_ref().map_or(Ok(()), |issuer| fits("revocation.issuer", issuer))
            }
            Self::Subject { issuer, subject, .. } => {
                fits("revocation.issuer", issuer)?;
                fits("revocation.subject", subject)
            }
            Self::Everyone { .. } => Ok(()),
        }
    }
}

impl RevocationKey {
    /// The one text form: as it is stored, and as the audit log names it.
    pub fn text(&self) -> String {
        // Structs of strings always encode.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn row_key(&self) -> String {
        format!("revocation {}", self.text())
    }
}

impl EpochScope {
    /// The one text form: as it is stored, and as the audit log names it.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn row_key(&self) -> String {
        format!("epoch {}", self.text())
    }

    pub(super) fn check(&self) -> Result<(), InvalidEntities> {
        match self {
            Self::Global => Ok(()),
            Self::Tenant(tenant) => fits("epoch.tenant", tenant),
            Self::Subject { issuer, subject } => {
                fits("epoch.issuer", issuer)?;
                fits("epoch.subject", subject)
            }
        }
    }
}

/// What a row holds beside its version and its times.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Body {
    Revocation(Revocation),
    Epoch(EpochScope),
}

impl StateEntry {
    /// Reads `version, body, expires_at, removed_at`.
    pub(super) fn read(mut row: Row) -> Result<Self, sqlx::Error> {
        let version = row.version()?;
        let body = row.json()?;
        let expires_at = row.optional_instant()?;
        let removed = row.optional_int()?.is_some();
        let news = match (body, expires_at) {
            (Body::Revocation(revocation), _) if removed => StateNews::Unrevoked(revocation.key()),
            (Body::Revocation(revocation), Some(expires_at)) => {
                StateNews::Revoked { revocation, expires_at }
            }
            (Body::Epoch(scope), None) => StateNews::Epoch { scope, epoch: version },
            _ => return Err(sqlx::Error::Decode("an entry of an impossible form".into())),
        };
        Ok(Self { version, news })
    }
}
