//! An issuer's key set: fetched when it is needed, kept for a while, renewed when a key is missing.
//!
//! One fetch at a time, and at most one in [`COOL_DOWN`]: whoever sends statements with made-up
//! key names cannot make us ask more often. A set that cannot be used never replaces one that can;
//! the last good one is believed for [`MAX_STALE`] while its provider gives no other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use claimgate::authn::KeySet;
use claimgate_fetch::{FetchError, Fetcher, HttpUrl};
use tokio::sync::Mutex;

use super::discovery::Discovery;

/// How long a set is used before it is asked for again.
const FRESH: Duration = Duration::from_secs(600);
/// How long the last good set is believed when no other is to be had.
const MAX_STALE: Duration = Duration::from_secs(24 * 3_600);
/// Shortest time between two fetches.
const COOL_DOWN: Duration = Duration::from_secs(2);

/// A key set that was read as one.
pub(super) type Document = Arc<[u8]>;

/// Where an issuer's keys are, and those it had.
pub(super) struct Keys {
    fetcher: Fetcher,
    issuer: HttpUrl,
    jwks: Option<HttpUrl>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    good: Option<(Document, Instant)>,
    tried: Option<Instant>,
}

impl Keys {
    pub(super) fn new(fetcher: Fetcher, issuer: HttpUrl, jwks: Option<HttpUrl>) -> Self {
        Self { fetcher, issuer, jwks, state: Mutex::default() }
    }

    /// The issuer's keys, fetched if there are none or they are old.
    pub(super) async fn known(&self) -> Result<Document, FetchError> {
        let mut state = self.state.lock().await;
        match &state.good {
            Some((keys, since)) if since.elapsed() < FRESH => Ok(Arc::clone(keys)),
            _ => self.fetched(&mut state).await,
        }
    }

    /// Keys that are newer than `known`, in which one was missing.
    pub(super) async fn renewed(&self, known: &Document) -> Result<Document, FetchError> {
        let mut state = self.state.lock().await;
        match &state.good {
            // Somebody else fetched them while we waited for our turn.
            Some((keys, _)) if !Arc::ptr_eq(keys, known) => Ok(Arc::clone(keys)),
            _ => self.fetched(&mut state).await,
        }
    }

    async fn fetched(&self, state: &mut State) -> Result<Document, FetchError> {
        let outcome = match state.tried {
            Some(tried) if tried.elapsed() < COOL_DOWN => Err(FetchError::CoolingDown),
            _ => self.fetch().await,
        };
        match outcome {
            Ok(keys) => {
                let now = Instant::now();
                *state = State { good: Some((Arc::clone(&keys), now)), tried: Some(now) };
                Ok(keys)
            }
            Err(error) => {
                if !matches!(error, FetchError::CoolingDown) {
                    tracing::warn!(%error, "an issuer's keys cannot be fetched");
                    state.tried = Some(Instant::now());
                }
                match &state.good {
                    Some((keys, since)) if since.elapsed() < MAX_STALE => Ok(Arc::clone(keys)),
                    _ => Err(error),
                }
            }
        }
    }

    async fn fetch(&self) -> Result<Document, FetchError> {
        let url = match &self.jwks {
            Some(url) => url.clone(),
            None => Discovery::fetch(&self.fetcher, &self.issuer).await?.keys(&self.issuer)?,
        };
        let document = self.fetcher.get(&url).await?;
        KeySet::default().succeed(&document).map_err(|_| FetchError::Content("a key set"))?;
        Ok(document.to_vec().into())
    }
}
