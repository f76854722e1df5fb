//! A near cache: what this process knows about subjects or about resources, a hash look-up away.
//!
//! It must never hand out what was found by a look-up that began before a change it has been told
//! of. So it counts: every key belongs to one of [`MARKS`] marks, a change counts the marks of
//! its keys up, and an entry is believed only while its mark stands where it stood when the
//! look-up began. Nothing has to be found and removed for that, a look-up that comes late stores
//! something nobody will believe, and keys that share a mark are merely asked for again.
//!
//! It does not decide how long an entry is good for; `directory` does.
//!
//! Of our own and not `moka`, which the other caches use: a hit there took 1.2 µs against 0.27 µs
//! here, and hits are what this is for.

use std::hash::{BuildHasher, Hash, RandomState};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashTable;

/// Marks that keys are spread over: a change makes about one entry in so many be asked for
/// again.
pub const MARKS: usize = 1024;
/// Parts with a lock of their own.
const SHARDS: usize = 64;
/// Longest key that is kept, in bytes: callers choose them.
const MAX_KEY_BYTES: usize = 512;

/// By what something is found.
pub trait Key: Clone + Eq + Hash {
    /// How long its text is, in bytes.
    fn bytes(&self) -> usize;
}

/// Where a key's mark stood when a look-up began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64);

struct Entry<K, V> {
    key: K,
    known: Arc<V>,
    stamp: Stamp,
    ends: Instant,
}

/// What was found a moment ago, bounded in number.
pub struct Near<K, V> {
    hasher: RandomState,
    shards: Vec<Mutex<Shard<K, V>>>,
    /// Most entries in half a shard.
    half: usize,
    marks: Vec<AtomicU64>,
    /// Counts for all marks at once.
    everything: AtomicU64,
}

/// Entries in two halves. What is asked for moves to the young one; when that is full it becomes
/// the old one, and what was in the old one and not asked for is gone.
struct Shard<K, V> {
    young: HashTable<Entry<K, V>>,
    old: HashTable<Entry<K, V>>,
}

impl<K, V> Default for Shard<K, V> {
    fn default() -> Self {
        Self { young: HashTable::new(), old: HashTable::new() }
    }
}

impl<K: Key, V> Near<K, V> {
    /// An empty cache for up to about `entries` keys; those not asked for longest go first.
    pub fn new(entries: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            half: entries.div_ceil(2 * SHARDS),
            marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect(),
            everything: AtomicU64::new(0),
        }
    }

    /// What is known about `key`, if it is still good.
    pub fn hit(&self, key: &K) -> Option<Arc<V>> {
        let hash = self.hasher.hash_one(key);
        let stamp = self.stamp_at(hash);
        let mut shard = self.shard(hash)?;
        let entry = self.find(&mut shard, hash, key)?;
        let good = entry.stamp == stamp && Instant::now() < entry.ends;
        good.then(|| Arc::clone(&entry.known))
    }

    /// Where the mark of `key` stands. To be taken before a look-up begins.
    pub fn stamp(&self, key: &K) -> Stamp {
        self.stamp_at(self.hasher.hash_one(key))
    }

    /// Keeps what a look-up that began at `stamp` found, for `lives`.
    pub fn keep(&self, key: K, known: Arc<V>, stamp: Stamp, lives: Duration) {
        if lives.is_zero() || key.bytes() > MAX_KEY_BYTES {
            return;
        }
        let hash = self.hasher.hash_one(&key);
        let Some(mut shard) = self.shard(hash) else { return };
        let ends = Instant::now() + lives;
        shard.remove(hash, &key);
        self.insert(&mut shard, hash, Entry { key, known, stamp, ends });
    }

    /// Something about `key` has changed.
    pub fn forget(&self, key: &K) {
        if let Some(mark) = self.mark(self.hasher.hash_one(key)) {
            mark.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Anything can have changed.
    pub fn clear(&self) {
        self.everything.fetch_add(1, Ordering::AcqRel);
    }

    fn find<'a>(&self, shard: &'a mut Shard<K, V>, hash: u64, key: &K) -> Option<&'a Entry<K, V>> {
        if let Ok(old) = shard.old.find_entry(hash, |entry| entry.key == *key) {
            let (entry, _) = old.remove();
            self.insert(shard, hash, entry);
        }
        shard.young.find(hash, |entry| entry.key == *key)
    }

    fn insert(&self, shard: &mut Shard<K, V>, hash: u64, entry: Entry<K, V>) {
        if shard.young.len() >= self.half {
            shard.old = mem::take(&mut shard.young);
        }
        shard.young.insert_unique(hash, entry, |entry| self.hasher.hash_one(&entry.key));
    }

    fn stamp_at(&self, hash: u64) -> Stamp {
        let mark = self.mark(hash).map_or(0, |mark| mark.load(Ordering::Acquire));
        // Both only grow: their sum is the same only when both are.
        Stamp(mark + self.everything.load(Ordering::Acquire))
    }

    fn mark(&self, hash: u64) -> Option<&AtomicU64> {
        self.marks.get(remainder(hash, MARKS))
    }

    fn shard(&self, hash: u64) -> Option<MutexGuard<'_, Shard<K, V>>> {
        let shard = self.shards.get(remainder(hash, SHARDS))?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Key, V> Shard<K, V> {
    fn remove(&mut self, hash: u64, key: &K) {
        for half in [&mut self.young, &mut self.old] {
            if let Ok(entry) = half.find_entry(hash, |entry| entry.key == *key) {
                entry.remove();
            }
        }
    }
}

fn remainder(hash: u64, of: usize) -> usize {
    usize::try_from(hash % of as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::{Identity, Known};
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn identity(id: usize) -> Identity {
        Identity::Subject { kind: "user".into(), id: id.to_string() }
    }

    fn known() -> Arc<Known> {
        Arc::new(Known::default())
    }

    #[test]
    fn what_was_kept_is_found_until_its_end() {
        let near = Near::new(10);
        near.keep(identity(1), known(), near.stamp(&identity(1)), LONG);
        near.keep(identity(2), known(), near.stamp(&identity(2)), Duration::from_millis(5));
        near.keep(identity(3), known(), near.stamp(&identity(3)), Duration::ZERO);
        std::thread::sleep(Duration::from_millis(10));
        assert!(near.hit(&identity(1)).is_some());
        assert!(near.hit(&identity(2)).is_none());
        assert!(near.hit(&identity(3)).is_none());
    }

    #[test]
    fn a_look_up_that_began_before_a_change_is_never_believed() {
        let near = Near::new(10);
        let began = near.stamp(&identity(1));
        near.forget(&identity(1));
        near.keep(identity(1), known(), began, LONG);
        assert!(near.hit(&identity(1)).is_none());

        let began = near.stamp(&identity(1));
        near.clear();
        near.keep(identity(1), known(), began, LONG);
        assert!(near.hit(&identity(1)).is_none());

        near.keep(identity(1), known(), near.stamp(&identity(1)), LONG);
        assert!(near.hit(&identity(1)).is_some());
    }

    #[test]
    fn a_change_concerns_few_others() {
        let near = Near::new(10_000);
        for id in 0..1000 {
            near.keep(identity(id), known(), near.stamp(&identity(id)), LONG);
        }
        near.forget(&identity(0));
        assert!(near.hit(&identity(0)).is_none());
        let left = (0..1000).filter(|id| near.hit(&identity(*id)).is_some()).count();
        assert!(left > 950, "{left}");
        near.clear();
        assert!((0..1000).all(|id| near.hit(&identity(id)).is_none()));
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let near = Near::new(1000);
        for id in 0..20_000 {
            near.keep(identity(id), known(), near.stamp(&identity(id)), LONG);
            near.keep(identity(id), known(), near.stamp(&identity(id)), LONG);
            assert!(near.hit(&identity(0)).is_some(), "{id}");
        }
        let left = (1..20_000).filter(|id| near.hit(&identity(*id)).is_some()).count();
        assert!((300..=1000).contains(&left), "{left}");
    }

    #[test]
    fn it_is_bounded_in_number_and_in_the_length_of_identities() {
        let near = Near::new(100);
        for id in 0..5_000 {
            near.keep(identity(id), known(), near.stamp(&identity(id)), LONG);
        }
        let kept = |shard: &Mutex<Shard<Identity, Known>>| {
            let shard = shard.lock().unwrap();
            shard.young.len() + shard.old.len()
        };
        assert!(near.shards.iter().map(kept).sum::<usize>() <= 2 * SHARDS);
        let long = Identity::Subject { kind: "user".into(), id: "x".repeat(60_000) };
        near.keep(long.clone(), known(), near.stamp(&long), LONG);
        assert!(near.hit(&long).is_none());
    }

    /// A number to look at, not a limit: `cargo test --release … near_hit -- --ignored --nocapture`.
    #[test]
    #[ignore = "prints how long a hit takes"]
    fn near_hit_takes() {
        let near = Near::new(100_000);
        for id in 0..10_000 {
            near.keep(identity(id), known(), near.stamp(&identity(id)), LONG);
        }
        let asked: Vec<_> = (0..1000).map(identity).collect();
        let began = Instant::now();
        let hits = (0..1_000_000).filter(|i| near.hit(&asked[i % 1000]).is_some()).count();
        eprintln!("{hits} hits, {:?} each", began.elapsed() / 1_000_000);
    }
}
