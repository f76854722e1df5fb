//! Codes that were given and not yet exchanged: each works once, for a minute, for whoever has what
//! its challenge is the hash of. At most a thousand wait; then the oldest go.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

const LIFETIME: Duration = Duration::from_secs(60);
const MOST: usize = 1_000;

/// What a code stands for.
pub(crate) struct Granted {
    /// Id of the user who signed in.
    pub(crate) user: String,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
}

/// Codes.
#[derive(Default)]
pub(crate) struct Codes(Mutex<VecDeque<(String, Instant, Granted)>>);

impl Codes {
    /// A code for this.
    pub(crate) fn give(&self, granted: Granted) -> String {
        let code = Uuid::new_v4().to_string();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST {
            waiting.pop_front();
        }
        waiting.push_back((code.clone(), Instant::now(), granted));
        code
    }

    /// What the code stood for, if it is shown where it was sent and by who asked for it. Shown at
    /// all, it is used up.
    pub(crate) fn take(&self, code: &str, redirect_uri: &str, verifier: &str) -> Option<Granted> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = waiting.iter().position(|(known, ..)| known == code)?;
        let (_, since, granted) = waiting.remove(place)?;
        let shown = Base64UrlUnpadded::encode_string(&Sha256::digest(verifier));
        let is_theirs: bool = shown.as_bytes().ct_eq(granted.challenge.as_bytes()).into();
        let fits = is_theirs && granted.redirect_uri == redirect_uri && since.elapsed() < LIFETIME;
        fits.then_some(granted)
    }
}
