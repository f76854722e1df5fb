//! A sign-in under way. All of it is in one short-lived cookie of the browser that began it; state,
//! nonce and PKCE verifier are derived from that with a key of this process, so that beginning
//! costs no memory here, and what comes back counts in that browser alone.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::random::{Random, same};

/// How long somebody may take to sign in.
pub(super) const LONGEST: Duration = Duration::from_secs(600);

/// The key of this process's attempts.
pub(super) struct Attempts(Random);

/// An attempt.
pub(super) struct Attempt<'k> {
    key: &'k Random,
    /// When it began and a random text: the cookie.
    pub(super) cookie: String,
}

impl Attempts {
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        Random::new().map(Self)
    }

    /// One that begins at `now`.
    pub(super) fn begin(&self, now: Timestamp) -> Result<Attempt<'_>, getrandom::Error> {
        let cookie = format!("{}.{}", now.as_second(), Random::new()?.text());
        Ok(Attempt { key: &self.0, cookie })
    }

    /// The one of this cookie, if `state` belongs to it and it is not over.
    pub(super) fn resume(&self, cookie: &str, state: &str, now: Timestamp) -> Option<Attempt<'_>> {
        let attempt = Attempt { key: &self.0, cookie: cookie.to_owned() };
        let began: i64 = cookie.split_once('.')?.0.parse().ok()?;
        let age = now.as_second().checked_sub(began)?;
        let in_time = u64::try_from(age).is_ok_and(|age| age < LONGEST.as_secs());
        (in_time && same(&attempt.state(), state)).then_some(attempt)
    }
}

impl Attempt<'_> {
    /// What the provider hands back unchanged (RFC 6749, section 10.12).
    pub(super) fn state(&self) -> String {
        self.key.derive("state", &self.cookie)
    }

    /// What the ID token must repeat (OpenID Connect Core 1.0, section 3.1.2.1).
    pub(super) fn nonce(&self) -> String {
        self.key.derive("nonce", &self.cookie)
    }

    /// What only who began can show (RFC 7636): 43 characters.
    pub(super) fn verifier(&self) -> String {
        self.key.derive("verifier", &self.cookie)
    }

    /// Its hash, which everybody may see: `S256`.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_counts_in_its_own_browser_in_time_and_with_its_own_state() {
        let (here, elsewhere) = (Attempts::new().unwrap(), Attempts::new().unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        let (one, other) = (here.begin(at(1_000)).unwrap(), here.begin(at(1_000)).unwrap());
        let state = one.state();
        let resumed = here.resume(&one.cookie, &state, at(1_599)).unwrap();
        assert_eq!(resumed.verifier(), one.verifier());
        assert_eq!(resumed.nonce(), one.nonce());
        assert!(one.verifier().len() == 43 && one.verifier() != one.nonce());
        assert!(here.resume(&other.cookie, &state, at(1_001)).is_none(), "another browser");
        assert!(here.resume(&one.cookie, "", at(1_001)).is_none(), "no state");
        assert!(here.resume(&one.cookie, &state, at(1_600)).is_none(), "too late");
        assert!(here.resume(&one.cookie, &state, at(999)).is_none(), "from the future");
        let later = one.cookie.replacen("1000", "1500", 1);
        assert!(here.resume(&later, &state, at(1_700)).is_none(), "made to last longer");
        assert!(elsewhere.resume(&one.cookie, &state, at(1_001)).is_none(), "of another process");
    }
}
