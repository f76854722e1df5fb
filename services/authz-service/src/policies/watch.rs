//! Sees that the policy directory changed, and has it taken over.
//!
//! By asking, once a second, not by notification: that works on every file system, network
//! mounts and Kubernetes' swapped links included. A change is taken when the directory looks the
//! same twice in a row, so a set is never read half-written while its writer is at it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Policies;
use super::directory::{Directory, Listing};
use crate::engine::InvalidPolicies;

/// Between two looks at a directory that rests.
const POLL: Duration = Duration::from_secs(1);
/// Between the look that found a change and the one that confirms it.
const SETTLE: Duration = Duration::from_millis(500);
/// Looks between two readings of a directory that seems to rest: some file systems count time in
/// seconds, and a file changed twice in one looks the same.
const LOOKS_PER_READING: u32 = 60;

/// Follows `directory` until `ended` says so.
pub async fn watch(
    policies: Arc<Policies>,
    directory: Directory,
    mut ended: watch::Receiver<bool>,
) {
    let mut watcher = Watcher::new(Arc::clone(&policies), directory.clone());
    loop {
        tokio::select! {
            // The sender is gone when the server is.
            _ = ended.wait_for(|ended| *ended) => return,
            () = tokio::time::sleep(watcher.pause()) => {}
        }
        let looked = tokio::task::spawn_blocking(move || {
            watcher.look();
            watcher
        });
        watcher = looked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a look at the policy directory ended early");
            Watcher::new(Arc::clone(&policies), directory.clone())
        });
    }
}

type Look = Result<Listing, InvalidPolicies>;

pub(super) struct Watcher {
    policies: Arc<Policies>,
    directory: Directory,
    /// What the directory looked like when it was last taken over.
    taken: Option<Look>,
    /// What it looked like a moment ago, when that was something else.
    changing: Option<Look>,
    looks: u32,
}

impl Watcher {
    pub(super) fn new(policies: Arc<Policies>, directory: Directory) -> Self {
        Self { policies, directory, taken: None, changing: None, looks: 0 }
    }

    fn pause(&self) -> Duration {
        if self.changing.is_some() { SETTLE } else { POLL }
    }

    /// Looks once, and takes over what has come to rest.
    pub(super) fn look(&mut self) {
        let now = self.directory.list();
        self.looks = (self.looks + 1) % LOOKS_PER_READING;
        let rests = self.taken.as_ref() == Some(&now);
        if rests && self.looks != 0 {
            self.changing = None;
            return;
        }
        if !rests && self.changing.as_ref() != Some(&now) {
            self.changing = Some(now);
            return;
        }
        self.take(now);
    }

    fn take(&mut self, before: Look) {
        let texts = match &before {
            Ok(_) => self.directory.read(),
            Err(error) => Err(error.clone()),
        };
        // Written to while we read: the next look will find it at rest, or not.
        if self.directory.list() != before {
            self.changing = Some(before);
            return;
        }
        self.policies.offer(texts);
        (self.taken, self.changing) = (Some(before), None);
    }
}
