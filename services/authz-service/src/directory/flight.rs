//! One look-up for all who ask for the same subject at once.
//!
//! A look-up runs on its own: it goes on when the first who asked goes away. Nobody boards one
//! that began before a change that concerns it, so what it brings is as new as their own would be.
//! Look-ups at once are bounded; beyond, each asks for itself.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::near::Stamp;
use super::{Identity, Known};
use crate::store::StoreError;

/// Most look-ups that others can wait for.
const MAX_FLIGHTS: usize = 4096;

/// What a look-up brought, for all who wait.
type Landed = Result<Arc<Known>, Arc<StoreError>>;
type Arrival = watch::Receiver<Option<Landed>>;

/// Look-ups under way.
#[derive(Default)]
pub(super) struct Flights {
    under_way: Mutex<HashMap<Identity, (Stamp, Arrival)>>,
}

/// Takes a look-up off the list however it ends.
struct Landing {
    flights: Arc<Flights>,
    identity: Identity,
    stamp: Stamp,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way();
        if under_way.get(&self.identity).is_some_and(|(stamp, _)| *stamp == self.stamp) {
            under_way.remove(&self.identity);
        }
    }
}

impl Flights {
    /// The outcome of `look_up`, or of one for the same identity and stamp that is under way.
    pub(super) async fn join<F>(
        self: &Arc<Self>,
        identity: &Identity,
        stamp: Stamp,
        look_up: F,
    ) -> Result<Arc<Known>, StoreError>
    where
        F: Future<Output = Result<Arc<Known>, StoreError>> + Send + 'static,
    {
        let mut arrival = match self.board(identity, stamp, look_up) {
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
    fn board<F>(
        self: &Arc<Self>,
        identity: &Identity,
        stamp: Stamp,
        look_up: F,
    ) -> Result<Arrival, F>
    where
        F: Future<Output = Result<Arc<Known>, StoreError>> + Send + 'static,
    {
        let mut under_way = self.under_way();
        match under_way.get(identity) {
            Some((began, arrival)) if *began == stamp => return Ok(arrival.clone()),
            None if under_way.len() >= MAX_FLIGHTS => return Err(look_up),
            _ => {}
        }
        let (landed, arrival) = watch::channel(None);
        under_way.insert(identity.clone(), (stamp, arrival.clone()));
        drop(under_way);
        let landing = Landing { flights: Arc::clone(self), identity: identity.clone(), stamp };
        tokio::spawn(async move {
            let outcome = look_up.await.map_err(Arc::new);
            drop(landing);
            // Nobody waits any more when all who asked went away.
            let _ = landed.send(Some(outcome));
        });
        Ok(arrival)
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Identity, (Stamp, Arrival)>> {
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
