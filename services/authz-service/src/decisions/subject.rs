//! What a log line calls a subject: its keyed hash, or its id where operators have asked for it.
//! Never an address, whatever they asked for.

use std::fmt::Write as _;

use hmac::{Hmac, Mac};
use serde::Serialize;
use sha2::Sha256;
use tokio_rustls::rustls::crypto::ring;

/// Fewest bytes of a key.
const MIN_KEY_BYTES: usize = 16;
/// Bytes of a hash that are shown: too many to meet twice, few enough to read.
const SHOWN: usize = 16;
/// Longest id that is shown, in bytes.
const MAX_ID_BYTES: usize = 256;

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLogKey {
    /// Too short to keep ids from being guessed.
    #[error("must have at least {MIN_KEY_BYTES} bytes")]
    Short,
    /// None was given, and the platform has no randomness to make one.
    #[error("is needed, because the platform has no randomness")]
    NoRandomness,
}

/// The key of the hashes. Whoever has it can tell whether a line is about someone they know.
#[derive(Clone)]
pub struct LogKey(Hmac<Sha256>);

impl LogKey {
    /// The key in `secret`.
    pub fn parse(secret: &str) -> Result<Self, InvalidLogKey> {
        if secret.len() < MIN_KEY_BYTES {
            return Err(InvalidLogKey::Short);
        }
        Self::of(secret.as_bytes())
    }

    /// One that nobody knows: hashes of this process mean nothing to another.
    pub fn random() -> Result<Self, InvalidLogKey> {
        let mut key = [0; 32];
        let filled = ring::default_provider().secure_random.fill(&mut key);
        filled.map_err(|_| InvalidLogKey::NoRandomness)?;
        Self::of(&key)
    }

    fn of(key: &[u8]) -> Result<Self, InvalidLogKey> {
        Hmac::new_from_slice(key).map(Self).map_err(|_| InvalidLogKey::Short)
    }

    /// Where the type ends is part of what is hashed.
    fn hash(&self, kind: &str, id: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(&(kind.len() as u64).to_be_bytes());
        mac.update(kind.as_bytes());
        mac.update(id.as_bytes());
        let bytes = mac.finalize().into_bytes();
        bytes.iter().take(SHOWN).fold(String::with_capacity(2 * SHOWN), |mut hex, byte| {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// How subjects are called.
#[derive(Clone, Default)]
pub struct Subjects {
    /// `None` only where nothing is logged.
    key: Option<LogKey>,
    shows_ids: bool,
}

/// What a subject is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum SubjectName {
    /// 32 hexadecimal digits.
    #[serde(rename = "subject")]
    Hash(String),
    /// Its id.
    #[serde(rename = "subject_id")]
    Id(String),
}

impl Subjects {
    /// By their hashes.
    pub fn hashed(key: LogKey) -> Self {
        Self { key: Some(key), shows_ids: false }
    }

    /// By their ids; by hashes those whose id is an address or too long.
    pub fn plain(key: LogKey) -> Self {
        Self { key: Some(key), shows_ids: true }
    }

    pub(super) fn name(&self, kind: &str, id: &str) -> SubjectName {
        let is_shown = self.shows_ids && id.len() <= MAX_ID_BYTES && !id.contains('@');
        match &self.key {
            _ if is_shown => SubjectName::Id(id.to_owned()),
            Some(key) => SubjectName::Hash(key.hash(kind, id)),
            None => SubjectName::Hash(String::new()),
        }
    }
}
