//! One look-up for all who ask for the same subject, or the same resource, at once.
//!
//! A look-up runs on its own: it goes on when the first who asked goes away. Nobody boards one
//! that began before a change that concerns it, so what it brings is as new as their own would be.
//! Look-ups at once are bounded; beyond, each asks for itself.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::Instrument;

use super::near::{Key, Stamp};
use crate::store::StoreError;

/// Most look-ups that others can wait for.
const MAX_FLIGHTS: usize = 4096;

/// What a look-up brought, for all who wait.
type Landed<V> = Result<Arc<V>, Arc<StoreError>>;
type Arrival<V> = watch::Receiver<Option<Landed<V>>>;
type UnderWay<K, V> = HashMap<K, (Stamp, Arrival<V>)>;

/// Look-ups under way.
pub(super) struct Flights<K, V> {
    under_way: Mutex<UnderWay<K, V>>,
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self { under_way: Mutex::default() }
    }
}

/// Takes a look-up off the list however it ends.
struct Landing<K: Key, V> {
    flights: Arc<Flights<K, V>>,
    key: K,
    stamp: Stamp,
}

impl<K: Key, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way();
        if under_way.get(&self.key).is_some_and(|(stamp, _)| *stamp == self.stamp) {
            under_way.remove(&self.key);
        }
    }
}

impl<K, V> Flights<K, V>
where
    K: Key + Send + 'static,
    V: Send + Sync + 'static,
{
    /// The outcome of `look_up`, or of one for the same key and stamp that is under way.
    pub(super) async fn join<F>(
        self: &Arc<Self>,
        key: &K,
        stamp: Stamp,
        look_up: F,
    ) -> Result<Arc<V>, StoreError>
    where
        F: Future<Output = Result<Arc<V>, StoreError>> + Send + 'static,
    {
        let mut arrival = match self.board(key, stamp, look_up) {
            Ok(arrival) => arrival,
            Err(alone) => return alone.await,
        };
        let landed = arrival.wait_for(Option::is_some).await.map(|landed| landed.clone());
        match landed {
            Ok(Some(Ok(known))) => Ok(known),
            Ok(Some(Err(error))) => Err(shared(error)),
            Ok(None) | Err(_) => {
                Err(StoreError { source: "the look-up was given up".into(), transient: true })
            }
        }
    }

    /// The look-up under way, or a new one; `look_up` back when there are too many.
    fn board<F>(self: &Arc<Self>, key: &K, stamp: Stamp, look_up: F) -> Result<Arrival<V>, F>
    where
        F: Future<Output = Result<Arc<V>, StoreError>> + Send + 'static,
    {
        let mut under_way = self.under_way();
        match under_way.get(key) {
            Some((began, arrival)) if *began == stamp => return Ok(arrival.clone()),
            None if under_way.len() >= MAX_FLIGHTS => return Err(look_up),
            _ => {}
        }
        let (landed, arrival) = watch::channel(None);
        under_way.insert(key.clone(), (stamp, arrival.clone()));
        drop(under_way);
        let landing = Landing { flights: Arc::clone(self), key: key.clone(), stamp };
        let flight = async move {
            let outcome = look_up.await.map_err(Arc::new);
            drop(landing);
            // Nobody waits any more when all who asked went away.
            let _ = landed.send(Some(outcome));
        };
        // In the trace of who asked first.
        tokio::spawn(flight.in_current_span());
        Ok(arrival)
    }
}

impl<K, V> Flights<K, V> {
    fn under_way(&self) -> MutexGuard<'_, UnderWay<K, V>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same error for each who waited.
fn shared(error: Arc<StoreError>) -> StoreError {
    let transient = error.transient;
    StoreError { source: Box::new(Shared(error)), transient }
}

#[derive(Debug, thiserror::Error)]
#[error("{}", .0.source)]
struct Shared(Arc<StoreError>);
