//! The gateway's public keys: fetched when first needed, renewed once a minute from then on, kept
//! while they cannot be.
//!
//! A request waits for a fetch only where there is no usable set, or its key is in none; the latter
//! at most once in [`COOL_DOWN`], so made-up names cannot make us ask more often. While fetches
//! fail the last good set is believed for [`MAX_AGE`]. [`Known`] holds these rules and gets the
//! time as an argument; [`Keys`] waits and fetches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate_fetch::{Fetcher, HttpUrl};
use jwt_compact::jwk::JsonWebKey;
use p256::ecdsa::VerifyingKey;
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::Mutex;

/// Time from one renewal to the next.
const RENEWAL: Duration = Duration::from_secs(60);
/// The same while renewals fail.
const RETRY: Duration = Duration::from_secs(5);
/// Shortest time between two fetches for the sake of a request.
const COOL_DOWN: Duration = Duration::from_secs(2);
/// How long the last good set is believed when no other is to be had.
const MAX_AGE: Duration = Duration::from_secs(3_600);
/// Most keys of one set that are looked at.
const MAX_KEYS: usize = 16;

/// Keys by their RFC 7638 thumbprint.
pub(crate) struct KeySet(HashMap<String, VerifyingKey>);

impl KeySet {
    /// The ES256 keys of a JWK Set; others are passed over (RFC 7517 §5). `None` when there is
    /// none, so that what is no key set never replaces one.
    pub(crate) fn read(document: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(document).ok()?;
        let keys: HashMap<_, _> =
            document.keys.into_iter().take(MAX_KEYS).filter_map(signing_key).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }
}

/// A key that may verify statements, under the name that follows from it, whatever it is called.
fn signing_key(jwk: Value) -> Option<(String, VerifyingKey)> {
    let is = |member: &str, value: &str| jwk.get(member).is_none_or(|is| is == value);
    if !is("use", "sig") || !is("alg", "ES256") {
        return None;
    }
    let jwk: JsonWebKey<'_> = serde_json::from_value(jwk).ok()?;
    let key = VerifyingKey::try_from(&jwk).ok()?;
    Some((URL_SAFE_NO_PAD.encode(jwk.thumbprint::<Sha256>()), key))
}

/// What is known of a key.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// It is published.
    Key(VerifyingKey),
    /// It is not, as was asked a moment ago.
    Unknown,
    /// There are no keys to look in.
    Unavailable,
    /// Only a fetch can tell.
    Ask,
}

/// The last good set, and the last attempt to renew it.
#[derive(Default)]
pub(crate) struct Known {
    good: Option<(KeySet, Instant)>,
    tried: Option<(Instant, bool)>,
}

impl Known {
    pub(crate) fn answer(&self, kid: &str, now: Instant) -> Answer {
        let usable = self.good.as_ref().filter(|(_, since)| now.duration_since(*since) < MAX_AGE);
        if let Some(key) = usable.and_then(|(keys, _)| keys.0.get(kid)) {
            return Answer::Key(*key);
        }
        match self.tried {
            Some((at, succeeded)) if now.duration_since(at) < COOL_DOWN => match succeeded {
                true => Answer::Unknown,
                false => Answer::Unavailable,
            },
            _ => Answer::Ask,
        }
    }

    pub(crate) fn fetched(&mut self, keys: Option<KeySet>, now: Instant) {
        self.tried = Some((now, keys.is_some()));
        if let Some(keys) = keys {
            self.good = Some((keys, now));
        }
    }

    fn is_failing(&self) -> bool {
        self.tried.is_some_and(|(_, succeeded)| !succeeded)
    }
}

/// Where the keys are, and those there were.
pub(crate) struct Keys {
    shared: Arc<Shared>,
    is_followed: AtomicBool,
}

struct Shared {
    fetcher: Fetcher,
    url: HttpUrl,
    known: RwLock<Known>,
    /// Held while fetching: one at a time.
    turn: Mutex<()>,
}

impl Keys {
    pub(crate) fn new(fetcher: Fetcher, url: HttpUrl) -> Self {
        let shared = Shared { fetcher, url, known: RwLock::default(), turn: Mutex::default() };
        Self { shared: Arc::new(shared), is_followed: AtomicBool::new(false) }
    }

    /// The key of this name; never [`Answer::Ask`].
    pub(crate) async fn key(&self, kid: &str) -> Answer {
        if !self.is_followed.swap(true, Ordering::Relaxed) {
            self.follow();
        }
        match self.shared.answer(kid) {
            Answer::Ask => self.shared.asked(kid).await,
            answer => answer,
        }
    }

    /// Renews the keys for as long as somebody has them.
    fn follow(&self) {
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            let mut pause = RENEWAL;
            loop {
                tokio::time::sleep(pause).await;
                let Some(shared) = shared.upgrade() else { return };
                let _turn = shared.turn.lock().await;
                pause = if shared.renew().await { RENEWAL } else { RETRY };
            }
        });
    }
}

impl Shared {
    fn answer(&self, kid: &str) -> Answer {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.answer(kid, Instant::now())
    }

    async fn asked(&self, kid: &str) -> Answer {
        let _turn = self.turn.lock().await;
        // Somebody else may have asked while we waited for our turn.
        if matches!(self.answer(kid), Answer::Ask) {
            self.renew().await;
        }
        self.answer(kid)
    }

    /// Fetches the keys, and says whether there are new ones.
    async fn renew(&self) -> bool {
        let document = self.fetcher.get(&self.url).await;
        let keys = document.ok().and_then(|document| KeySet::read(&document));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let was_failing = known.is_failing();
        known.fetched(keys, Instant::now());
        if known.is_failing() && !was_failing {
            eprintln!("the keys of signed identity cannot be fetched; the last ones are used");
        }
        !known.is_failing()
    }
}

#[cfg(test)]
mod tests;
