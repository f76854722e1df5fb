//! Which proofs have been used (RFC 9449 §11.1).
//!
//! A proof is remembered until nobody would take it any more, whatever happens meanwhile: entries
//! are never dropped to make room. Who floods the cache can make others come back with a nonce, or
//! make them fail; nobody's proof can be used twice for it.
//!
//! **Scope.** One VM: one worker of one Envoy process, from its start on, under one configuration
//! if the cache goes with it. A thief who can read a proof in transit can use it once at each
//! other worker and gateway, for the same method, URI and token, until its window closes.
//! Wherever one of them is too often, `max_age` is what bounds it.
//!
//! **When it is half full** it takes only proofs with a nonce: they cannot have been made ahead of
//! time, and end with their nonce, so they are forgotten sooner. They are remembered as all others
//! are; a nonce is no licence to be used twice. **When it is full** nothing is taken until entries
//! have ended. Where no nonces are given out, all of it is for all proofs.
//!
//! Entries stand in generations by when they end; a generation is dropped as a whole, at no cost
//! for each. An entry so lives up to a quarter of the longest window longer than it has to.

use std::collections::HashSet;
use std::time::Duration;

use super::{DpopError, FreshProof, Window};
use crate::time::Timestamp;

/// Into how many generations the longest window is divided.
const GENERATIONS: usize = 4;

/// The proofs that have been used, by a hash of key and `jti`.
#[derive(Debug)]
pub struct ReplayCache {
    capacity: usize,
    longest: Duration,
    /// How much time a generation spans, in milliseconds.
    span: u64,
    /// Number of the first generation; those before it are forgotten.
    first: u64,
    /// Those that end first, first.
    generations: Vec<HashSet<[u8; 32]>>,
}

impl ReplayCache {
    /// A cache for at most `capacity` proofs, each at most 80 bytes, that are good for `window`.
    pub fn new(capacity: usize, window: Window) -> Self {
        let longest = window.longest();
        let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let span = millis.div_ceil(GENERATIONS as u64).max(1);
        Self { capacity, longest, span, first: 0, generations: Vec::new() }
    }

    /// Remembers a proof that has not been used before.
    ///
    /// [`DpopError::Replayed`] when it has been, or when that cannot be told any more;
    /// [`DpopError::Nonce`] when only proofs with a nonce are taken; [`DpopError::Full`] when
    /// none is. The last two remember nothing: the proof has not been used.
    // By value: a proof is admitted once.
    #[allow(clippy::needless_pass_by_value)]
    pub fn admit(&mut self, proof: FreshProof, now: Timestamp) -> Result<(), DpopError> {
        self.forget(now);
        let place = self.number(proof.usable_until).checked_sub(self.first);
        let place = place.ok_or(DpopError::Replayed)?;
        if self.generations.iter().any(|generation| generation.contains(&proof.id)) {
            return Err(DpopError::Replayed);
        }
        let room = if proof.may_ask_nonce { self.capacity / 2 } else { self.capacity };
        if self.len() >= room {
            return Err(if proof.may_ask_nonce { DpopError::Nonce } else { DpopError::Full });
        }
        // A proof that is good for longer than the window belongs to another cache.
        let place = usize::try_from(place).ok().filter(|place| *place <= GENERATIONS);
        let place = place.ok_or(DpopError::Full)?;
        while self.generations.len() <= place {
            self.generations.push(HashSet::new());
        }
        let generation = self.generations.get_mut(place).ok_or(DpopError::Full)?;
        generation.insert(proof.id);
        Ok(())
    }

    /// How many proofs it remembers.
    pub fn len(&self) -> usize {
        self.generations.iter().map(HashSet::len).sum()
    }

    /// Whether it remembers none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the generations whose every proof has ended.
    ///
    /// The clock may go back, and then proofs are good again that have been forgotten. A proof of
    /// a forgotten generation is therefore refused. Should the clock have gone back so far that
    /// this would be every proof for longer than the window, only those that may have been made
    /// before are: all that would end within the window from now.
    fn forget(&mut self, now: Timestamp) {
        let last = self.number(now.after(self.longest)).saturating_add(1);
        if self.first > last {
            self.generations.clear();
            self.first = last;
        }
        let over = self.number(now).saturating_sub(self.first);
        let over_here = usize::try_from(over).unwrap_or(usize::MAX).min(self.generations.len());
        self.generations.drain(..over_here);
        self.first += over;
    }

    const fn number(&self, time: Timestamp) -> u64 {
        time.as_millis() / self.span
    }
}

#[cfg(test)]
mod tests;
