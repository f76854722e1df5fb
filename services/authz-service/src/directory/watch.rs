//! Keeps the near cache in step with the store: tells others of changes, hears of theirs, and asks
//! the store where it stands, since messages can get lost.
//!
//! Nothing here is needed for an answer to be right within the bounds that `directory` sets; it
//! makes them right sooner.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::MissedTickBehavior;

use super::counts::Word;
use super::resources::Name;
use super::seen::{Follows, Seen};
use super::{Directory, Identity, Parts};
use crate::cache::{Heard, Invalidation, Version, What};
use crate::email::Email;
use crate::keys::RoleKey;
use crate::store::StoreError;

/// How often the store is asked where it stands.
pub const POLL: Duration = Duration::from_millis(500);

/// Says where a store stands.
#[async_trait]
pub trait VersionSource: Send + Sync {
    /// The store's version now: one more with each change. Bounded in time.
    async fn version(&self) -> Result<Version, StoreError>;
}

impl Directory {
    /// Takes in a change that this process made to the store, and tells the others. To be called
    /// after the change is durable and before its maker is answered. Nothing here can fail for
    /// good: what the shared cache refuses is tried again, and who hears nothing asks the store.
    pub async fn announce(&self, change: &Invalidation) {
        let parts = &self.parts;
        parts.take_in(change);
        for email in emails(&change.what) {
            parts.forgotten.add(RoleKey::of(&email), change.version);
        }
        // The entry goes before the word: whoever hears it may look at once.
        parts.forgotten.work(parts.cache.as_ref()).await;
        if let Err(error) = parts.cache.publish(change).await {
            tracing::debug!(%error, "a change could not be told; others notice by the version");
        }
    }

    /// Hears of changes and asks `source` every [`POLL`]; never ends by itself.
    pub async fn watch(self, source: Option<Arc<dyn VersionSource>>) {
        let heard = self.parts.cache.subscribe();
        let mut watch = Watch { directory: self, source, heard, seen: Seen::default() };
        let mut tick = tokio::time::interval(POLL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                heard = watch.heard.recv() => {
                    if watch.hear(heard) {
                        tick.reset_immediately();
                    }
                }
                _ = tick.tick() => watch.ask().await,
            }
        }
    }
}

struct Watch {
    directory: Directory,
    source: Option<Arc<dyn VersionSource>>,
    heard: Receiver<Heard>,
    seen: Seen,
}

impl Watch {
    /// Says whether the store should be asked at once.
    fn hear(&mut self, heard: Result<Heard, RecvError>) -> bool {
        let parts = &self.directory.parts;
        match heard {
            Ok(Heard::Change(change)) => {
                parts.counts.word(Word::Heard);
                let follows = self.seen.heard(change.version);
                parts.take_in(&change);
                parts.follow(follows);
                false
            }
            Ok(Heard::Resumed) => {
                parts.counts.word(Word::Resumed);
                parts.forgotten.again();
                true
            }
            Ok(Heard::Unreadable) | Err(RecvError::Lagged(_)) => {
                parts.counts.word(Word::Unreadable);
                tracing::warn!("a word of changes could not be read; forgetting everything");
                parts.forget_everything();
                true
            }
            // Not while the directory holds the cache.
            Err(RecvError::Closed) => false,
        }
    }

    async fn ask(&mut self) {
        let asked = self.seen.through();
        let version = self.version().await;
        if let Some(version) = version {
            let follows = self.seen.stands(version, asked, Instant::now());
            let parts = &self.directory.parts;
            parts.version.store(self.seen.through().unwrap_or(version), Ordering::Release);
            match (asked, follows) {
                // Nothing was missed yet that a shared entry could still say.
                (None, Follows::Everything) => parts.forget_what_is_near(),
                (_, follows) => parts.follow(follows),
            }
        }
        let parts = &self.directory.parts;
        let confirmed = self.seen.is_confirmed(Instant::now());
        if parts.confirmed.swap(confirmed, Ordering::Relaxed) && !confirmed {
            tracing::warn!("the store does not say where it stands; everything is looked up again");
            parts.near.clear();
            parts.resources.clear();
        }
        parts.forgotten.work(parts.cache.as_ref()).await;
    }

    /// The store's version, while what is heard goes on being heard.
    async fn version(&mut self) -> Option<Version> {
        let source = self.source.clone()?;
        let asking = tokio::time::timeout(POLL, source.version());
        tokio::pin!(asking);
        loop {
            tokio::select! {
                biased;
                heard = self.heard.recv() => { self.hear(heard); }
                version = &mut asking => return version.ok()?.ok(),
            }
        }
    }
}

impl Parts {
    /// What `change` concerns is not believed any more, here.
    fn take_in(&self, change: &Invalidation) {
        self.version.fetch_max(change.version, Ordering::AcqRel);
        match &change.what {
            What::Subject { kind, id, .. } => {
                for email in emails(&change.what) {
                    // First, so that who looks from here on does not believe it.
                    self.suspects.changed(RoleKey::of(&email), change.version, Instant::now());
                    self.near.forget(&Identity::VerifiedEmail(email));
                }
                self.near.forget(&Identity::Subject { kind: kind.clone(), id: id.clone() });
            }
            What::Roles | What::Everything => self.forget_everything(),
            What::Resource { kind, id } => {
                self.resources.forget(&Name { kind: kind.clone(), id: id.clone() });
            }
            // Nothing that is near.
            What::Policies | What::State => {}
        }
    }

    fn follow(&self, follows: Follows) {
        if follows == Follows::Everything {
            self.forget_everything();
        }
    }

    fn forget_everything(&self) {
        self.suspects.everything_changed(Instant::now());
        self.forget_what_is_near();
    }

    fn forget_what_is_near(&self) {
        // First, so that nothing made of the old hierarchy is kept.
        self.hierarchy.forget();
        self.near.clear();
        self.resources.clear();
    }
}

/// The addresses a change concerns. One that is none concerns nobody: nothing is found by it.
fn emails(what: &What) -> impl Iterator<Item = Email> + '_ {
    let emails: &[String] = match what {
        What::Subject { emails, .. } => emails,
        _ => &[],
    };
    emails.iter().filter_map(|email| Email::parse(email))
}
