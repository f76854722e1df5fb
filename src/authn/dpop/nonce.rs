//! Nonces that every gateway with the secret accepts and none has to remember (RFC 9449 §9).
//!
//! A nonce is a number of a window of time and a keyed hash of it. It says when a proof can have
//! been made at the earliest, and nothing else: all clients are given the same, and one may be
//! used for many proofs. It never stands in for the replay cache.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::time::Timestamp;

/// How long one nonce is given out. Gateways that share a secret have to agree on it, so it is no
/// setting.
const WINDOW: Duration = Duration::from_secs(30);
/// For how many windows it is accepted: its own and the next.
const GOOD_FOR: u64 = 2;
/// Bytes that a secret must have at least, as for HS256 (RFC 7518 §3.2).
const MIN_SECRET: usize = 32;
/// What the hash is made of beside the window, so that a secret which serves another purpose too
/// never hashes the same message for both.
const PURPOSE: &[u8] = b"claimgate dpop nonce";
/// Bytes of the hash that a nonce carries: 128 bits that nobody can guess.
const TAG: usize = 16;

/// Gives nonces out and knows them again.
#[derive(Clone)]
pub struct NonceKeeper(Hmac<Sha256>);

impl NonceKeeper {
    /// With a secret that all gateways share; `None` when it has less than 32 bytes.
    pub fn new(secret: &[u8]) -> Option<Self> {
        if secret.len() < MIN_SECRET {
            return None;
        }
        Hmac::new_from_slice(secret).ok().map(Self)
    }

    /// The nonce to give out now, 32 characters (`DPoP-Nonce`).
    pub fn current(&self, now: Timestamp) -> String {
        let window = window_of(now).to_be_bytes();
        let tag = self.hash(window).finalize().into_bytes();
        let mut nonce = window.to_vec();
        nonce.extend(tag.iter().take(TAG));
        URL_SAFE_NO_PAD.encode(nonce)
    }

    /// When a nonce ends; `None` when it is not one of ours, or has ended.
    ///
    /// Good are those of this window and of the one before, so that each is good for at least one
    /// whole window after it was given out. The next window's is good too: a gateway whose clock
    /// is ahead has given it out, nobody without the secret can make it, and it ends when it
    /// would have ended anyway. The hash is compared in constant time.
    pub fn usable_until(&self, nonce: &str, now: Timestamp) -> Option<Timestamp> {
        if nonce.len() != 32 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(nonce).ok()?;
        let (window, tag) = bytes.split_first_chunk()?;
        self.hash(*window).verify_truncated_left(tag).ok()?;
        let window = u64::from_be_bytes(*window);
        let until =
            Timestamp::from_millis(window.saturating_add(GOOD_FOR).saturating_mul(length()));
        (now < until && window <= window_of(now) + 1).then_some(until)
    }

    fn hash(&self, window: [u8; 8]) -> Hmac<Sha256> {
        self.0.clone().chain_update([PURPOSE, &window].concat())
    }
}

/// The secret reaches no log.
impl fmt::Debug for NonceKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKeeper")
    }
}

const fn window_of(now: Timestamp) -> u64 {
    now.as_millis() / length()
}

/// A window in milliseconds.
const fn length() -> u64 {
    WINDOW.as_secs() * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a secret of thirty-two bytes, ok";

    fn at(seconds: u64) -> Timestamp {
        // The begin of a window, and some.
        Timestamp::from_secs(1_562_262_600 + seconds)
    }

    fn keeper() -> NonceKeeper {
        NonceKeeper::new(SECRET).unwrap()
    }

    #[test]
    fn a_nonce_is_good_in_its_window_and_the_next() {
        let nonce = keeper().current(at(10));
        assert_eq!(nonce.len(), 32);
        for now in [0, 10, 29, 30, 59] {
            assert_eq!(keeper().usable_until(&nonce, at(now)), Some(at(60)), "{now}");
        }
        for now in [60, 61, 90, 3_600] {
            assert_eq!(keeper().usable_until(&nonce, at(now)), None, "{now}");
        }
    }

    #[test]
    fn a_gateway_whose_clock_is_ahead_is_believed_for_one_window() {
        let ahead = keeper().current(at(30));
        assert_eq!(keeper().usable_until(&ahead, at(29)), Some(at(90)));
        assert_eq!(keeper().usable_until(&keeper().current(at(60)), at(29)), None);
    }

    #[test]
    fn every_gateway_with_the_secret_accepts_it_and_no_other() {
        let nonce = keeper().current(at(0));
        assert_eq!(nonce, keeper().current(at(29)));
        assert_ne!(nonce, keeper().current(at(30)));
        let other = NonceKeeper::new(b"another secret of thirty-two byt").unwrap();
        assert_eq!(other.usable_until(&nonce, at(0)), None);
        assert!(NonceKeeper::new(&SECRET[1..]).is_none());
    }

    #[test]
    fn nothing_else_is_a_nonce() {
        let nonce = keeper().current(at(0));
        for n in 0..nonce.len() {
            let mut bytes = nonce.clone().into_bytes();
            bytes[n] = if bytes[n] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The first characters are the window's leading zeros: `A` already.
            assert_eq!(keeper().usable_until(&changed, at(0)), None, "{n}");
        }
        let largest = URL_SAFE_NO_PAD.encode([0xff; 24]);
        for bad in [
            "",
            "A",
            nonce.trim_start_matches('A'),
            &format!("{nonce}A"),
            &format!("{nonce}="),
            &largest,
        ] {
            assert_eq!(keeper().usable_until(bad, at(0)), None, "{bad}");
        }
    }
}
