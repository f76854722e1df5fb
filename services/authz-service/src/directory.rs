//! Finds a subject's roles: the one place that decides whom to believe about what.
//!
//! - No token: `guest`.
//! - An e-mail in the question: only one that is verified is looked up, in the role cache and
//!   then in the store. An unverified one has exactly `unverified-user`, so it never inherits the
//!   roles of the address's owner. A verified one that the store does not know: `verified-user`.
//! - No e-mail: the store's subject of that type and id; nobody vouches for the address of one
//!   that the store does not know, so it is an `unverified-user` as well.
//!
//! Roles only, for an e-mail: the role cache holds nothing else, and a decision must not depend on
//! whether it was warm. A value there is believed only when it parses as a whole and nothing says
//! that it was changed since; anything else is ignored, logged without the value, and replaced.
//!
//! Resources are found here as well: their attributes, by type and id.
//!
//! In front of all is a near cache. What it holds is no older than the role cache's entry may
//! be, [`LONGEST`], or the end of a grant; and gone once this process hears of a change (`watch`).

mod counts;
mod flight;
mod forgotten;
mod identity;
mod known;
pub mod near;
mod resources;
mod seen;
mod suspects;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use claimgate_authz_api::Properties;
use jiff::Timestamp;

use crate::cache::{CacheError, SharedCache, Version};
use crate::email::Email;
use crate::entities::{self, Roles};
use crate::hierarchy::CurrentHierarchy;
use crate::keys::RoleKey;
use crate::roles::{self, RoleName};
use crate::store::{EntityStore, StoreError};
use counts::{NearLookup, SharedLookup};
use flight::Flights;
use forgotten::Forgotten;
use near::Near;
use resources::{Name, Resources};
use suspects::Suspects;

pub use counts::{Counted, Counts, Outcome};
pub use identity::Identity;
pub use known::Known;
pub use watch::{POLL, VersionSource};

/// Longest time that anything is believed without being looked up again.
pub const LONGEST: Duration = Duration::from_secs(300);
/// The same while nobody tells this process of changes and the store does not say that there are
/// none.
pub const UNWATCHED: Duration = Duration::from_secs(5);
/// The same for a subject that the store does not know, and for what was found while the role
/// cache failed: enough to spare the store, hardly more.
pub const BRIEFLY: Duration = Duration::from_secs(1);
/// Most subjects in the near cache.
const MAX_NEAR: usize = 50_000;

/// What a look-up found, and for how long it may be believed.
type Found = (Known, Duration);

/// Subjects, from the store and the caches in front of it. Clones are the same directory.
#[derive(Clone)]
pub struct Directory {
    parts: Arc<Parts>,
}

struct Parts {
    store: Arc<dyn EntityStore>,
    hierarchy: CurrentHierarchy,
    cache: Arc<dyn SharedCache>,
    near: Near<Identity, Known>,
    flights: Arc<Flights<Identity, Known>>,
    resources: Resources,
    suspects: Suspects,
    forgotten: Forgotten,
    /// The store had at least this version before now.
    version: AtomicU64,
    /// Whether the store said lately that no change was missed.
    confirmed: AtomicBool,
    counts: Counts,
    guest: Arc<Known>,
    unverified: Arc<Known>,
}

impl Directory {
    /// A directory of what `store` knows, with `cache` in front.
    pub fn new(store: Arc<dyn EntityStore>, cache: Arc<dyn SharedCache>) -> Self {
        let parts = Parts {
            hierarchy: CurrentHierarchy::new(Arc::clone(&store)),
            resources: Resources::new(Arc::clone(&store)),
            store,
            cache,
            near: Near::new(MAX_NEAR),
            flights: Arc::default(),
            suspects: Suspects::default(),
            forgotten: Forgotten::default(),
            version: AtomicU64::new(0),
            confirmed: AtomicBool::new(false),
            counts: Counts::default(),
            guest: Arc::new(Known::roles(vec![RoleName::guest()])),
            unverified: Arc::new(Known::roles(vec![RoleName::unverified_user()])),
        };
        Self { parts: Arc::new(parts) }
    }

    /// What is known about `identity`.
    pub async fn find(&self, identity: &Identity) -> Result<Arc<Known>, StoreError> {
        let parts = &self.parts;
        match identity {
            Identity::Anonymous => return Ok(Arc::clone(&parts.guest)),
            Identity::UnverifiedEmail => return Ok(Arc::clone(&parts.unverified)),
            Identity::VerifiedEmail(_) | Identity::Subject { .. } => {}
        }
        if let Some(known) = parts.near.hit(identity) {
            parts.counts.near(NearLookup::Hit);
            return Ok(known);
        }
        parts.counts.near(NearLookup::Miss);
        // On the heap: a hit should not carry the room for it.
        Box::pin(self.look_up(identity)).await
    }

    async fn look_up(&self, identity: &Identity) -> Result<Arc<Known>, StoreError> {
        let parts = &self.parts;
        // Before the look-up: what changes from here on is not in what it finds.
        let stamp = parts.near.stamp(identity);
        let (own, asked) = (Arc::clone(parts), identity.clone());
        let look_up = async move {
            let (known, lives) = own.look_up(&asked).await?;
            let known = Arc::new(known);
            own.near.keep(asked, Arc::clone(&known), stamp, lives.min(known.stays()));
            Ok(known)
        };
        parts.flights.join(identity, stamp, look_up).await
    }

    /// The stored attributes of the resource with this type and id; none for one that is not stored.
    pub async fn resource(&self, kind: &str, id: &str) -> Result<Arc<Properties>, StoreError> {
        let parts = &self.parts;
        let name = Name { kind: kind.to_owned(), id: id.to_owned() };
        if let Some(properties) = parts.resources.hit(&name) {
            return Ok(properties);
        }
        Box::pin(parts.resources.look_up(name, parts.longest(), BRIEFLY)).await
    }

    /// What is known about a subject that was just read from the store.
    pub async fn of_stored(&self, subject: entities::Subject) -> Result<Known, StoreError> {
        self.parts.inherit(Known::stored(subject)).await
    }

    /// Messages of changes so far that nobody could read.
    pub fn unreadable(&self) -> u64 {
        self.parts.counts.unreadable()
    }

    /// What is counted of look-ups and of word of changes.
    pub fn counts(&self) -> &Counts {
        &self.parts.counts
    }

    /// The version of the store that this process knows of.
    pub fn store_version(&self) -> Version {
        self.parts.version.load(Ordering::Acquire)
    }
}

impl Parts {
    async fn look_up(&self, identity: &Identity) -> Result<Found, StoreError> {
        let (known, lives) = self.granted(identity).await?;
        Ok((self.inherit(known).await?, lives))
    }

    async fn inherit(&self, known: Known) -> Result<Known, StoreError> {
        let roles = self.hierarchy.find().await?.effective(&known.roles);
        Ok(Known { roles, ..known })
    }

    async fn granted(&self, identity: &Identity) -> Result<Found, StoreError> {
        match identity {
            Identity::VerifiedEmail(email) => self.by_email(email).await,
            Identity::Subject { kind, id } => self.by_id(kind, id).await,
            Identity::Anonymous => Ok((Known::roles(vec![RoleName::guest()]), LONGEST)),
            Identity::UnverifiedEmail => {
                Ok((Known::roles(vec![RoleName::unverified_user()]), LONGEST))
            }
        }
    }

    async fn by_id(&self, kind: &str, id: &str) -> Result<Found, StoreError> {
        let Some(subject) = self.store.subject(kind, id).await? else {
            return Ok((Known::roles(vec![RoleName::unverified_user()]), BRIEFLY));
        };
        Ok((Known::stored(subject), self.longest()))
    }

    async fn by_email(&self, email: &Email) -> Result<Found, StoreError> {
        let key = RoleKey::of(email);
        // Before the store is read: it can only be newer than this.
        let read_at = self.version.load(Ordering::Acquire);
        let cached = self.cached(&key).await;
        self.counts.shared(cached.counted());
        if let Cached::Roles(roles, lives) = cached {
            // Whoever wrote it made it end with the first of the roles, so nothing may outlive it.
            let until = Timestamp::now().checked_add(lives).ok();
            let lives = lives.min(self.cache.believed_for());
            return Ok((Known { until, ..Known::roles(roles) }, lives));
        }
        let Some(subject) = self.store.subject_by_email(email).await? else {
            let degraded = self.is_unknown(&key, &cached).await;
            let roles = vec![RoleName::verified_user()];
            return Ok((Known { degraded, ..Known::roles(roles) }, BRIEFLY));
        };
        let Roles { names, until } = subject.roles_at(Timestamp::now());
        let known = Known { until, ..Known::roles(names) };
        // Not written to either: what failed a moment ago would only cost time.
        let shared = match cached {
            Cached::Unavailable => None,
            _ => self.share(&key, &known, read_at).await,
        };
        let lives = match shared {
            Some(true) => self.cache.believed_for().min(self.longest()),
            // Refused for a change that this process has yet to hear of, or not possible.
            Some(false) | None => BRIEFLY,
        };
        Ok((Known { degraded: shared.is_none(), ..known }, lives))
    }

    /// Puts what the store said into the role cache. `None` when that failed.
    async fn share(&self, key: &RoleKey, known: &Known, read_at: Version) -> Option<bool> {
        let lives = known.stays().min(RoleKey::TTL);
        if lives.is_zero() {
            return Some(false);
        }
        let put = self.cache.put(key, roles::encode(&known.roles), read_at, lives).await.ok()?;
        if put {
            self.suspects.replaced(key, read_at);
        }
        Some(put)
    }

    /// Not remembered there, so that a subject added now is known at once; but what nobody can
    /// read is cleaned up. Says whether the role cache failed.
    async fn is_unknown(&self, key: &RoleKey, cached: &Cached) -> bool {
        match cached {
            Cached::Unavailable => true,
            Cached::Malformed => {
                self.cache.forget(key, self.version.load(Ordering::Acquire)).await.is_err()
            }
            Cached::Nothing | Cached::Outdated | Cached::Roles(..) => false,
        }
    }

    async fn cached(&self, key: &RoleKey) -> Cached {
        if self.suspects.is_suspect(key) {
            return Cached::Outdated;
        }
        let problem = match self.cache.fetch(key).await {
            Ok(None) => return Cached::Nothing,
            Ok(Some(found)) if !self.suspects.believes(&found, Instant::now()) => {
                return Cached::Outdated;
            }
            Ok(Some(found)) => match roles::decode(&found.value) {
                Ok(roles) => return Cached::Roles(roles, found.lives.unwrap_or(LONGEST)),
                Err(malformed) => malformed.to_string(),
            },
            Err(CacheError::Foreign) => CacheError::Foreign.to_string(),
            Err(_) => return Cached::Unavailable,
        };
        tracing::warn!(problem, "ignored a malformed value in the role cache");
        Cached::Malformed
    }

    fn longest(&self) -> Duration {
        if self.confirmed.load(Ordering::Relaxed) { LONGEST } else { UNWATCHED }
    }
}

enum Cached {
    /// Roles, and how long the entry will be there.
    Roles(Vec<RoleName>, Duration),
    Nothing,
    /// Something that may be from before a change, which is as good as nothing.
    Outdated,
    Malformed,
    Unavailable,
}

impl Cached {
    fn counted(&self) -> SharedLookup {
        match self {
            Self::Roles(..) => SharedLookup::Hit,
            Self::Nothing => SharedLookup::Miss,
            Self::Outdated => SharedLookup::Outdated,
            Self::Malformed => SharedLookup::Malformed,
            Self::Unavailable => SharedLookup::Failed,
        }
    }
}
