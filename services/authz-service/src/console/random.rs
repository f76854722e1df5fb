//! Random texts that nobody can guess, and texts derived from a secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::wire::problem::Problem;

/// 256 bits that nobody can guess.
#[derive(Clone)]
pub(super) struct Random([u8; 32]);

impl Random {
    /// New ones from the system.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// As a text for URLs and cookies.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// A text that only who has these bits can derive from `label` and `of`.
    pub(super) fn derive(&self, label: &str, of: &str) -> String {
        // A key of HMAC may have any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return self.text() };
        mac.update(label.as_bytes());
        mac.update(&[0]);
        mac.update(of.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

/// Whether both texts are the same, told in a time that says nothing of where they differ.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// What is said when the system has no randomness.
pub(super) fn none(_: getrandom::Error) -> Problem {
    Problem::busy("This machine has no random numbers.")
}
