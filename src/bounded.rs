//! A map that never holds more than it may, for what can be found again at a cost.
//!
//! Two generations: entries enter the young one; when that is full it becomes the old one, and
//! what was old is dropped. A hit in the old generation moves the entry to the young one. That
//! is close to dropping the least recently used, at one hash look-up a hit and no bookkeeping.
//! It may hold up to its bounds, and after a switch as little as half of them.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A map of at most `capacity` entries, which together weigh no more than a bound.
#[derive(Debug)]
pub struct BoundedMap<K, V> {
    capacity: usize,
    /// Most that one generation may weigh.
    half_weight: usize,
    young: Generation<K, V>,
    old: Generation<K, V>,
}

#[derive(Debug)]
struct Generation<K, V> {
    entries: HashMap<K, Weighed<V>>,
    weight: usize,
}

#[derive(Debug)]
struct Weighed<V> {
    value: V,
    weight: usize,
}

impl<K: Hash + Eq, V: Clone> BoundedMap<K, V> {
    /// A map of at most `capacity` entries; 0 keeps nothing.
    pub fn new(capacity: usize) -> Self {
        Self::weighing(capacity, usize::MAX)
    }

    /// The same, whose entries together weigh at most `max_weight`. One that would take more than
    /// half of it is not kept.
    pub fn weighing(capacity: usize, max_weight: usize) -> Self {
        let (young, old) = (Generation::default(), Generation::default());
        Self { capacity, half_weight: max_weight / 2, young, old }
    }

    /// The entry for `key`, which counts as use. Values are cheap to clone.
    pub fn find<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(known) = self.young.entries.get(key) {
            return Some(known.value.clone());
        }
        let (key, Weighed { value, weight }) = self.old.take(key)?;
        self.insert_weighing(key, value.clone(), weight);
        Some(value)
    }

    /// Adds or replaces an entry that weighs nothing.
    pub fn insert(&mut self, key: K, value: V) {
        self.insert_weighing(key, value, 0);
    }

    /// Adds or replaces an entry that weighs this much.
    pub fn insert_weighing(&mut self, key: K, value: V, weight: usize) {
        if self.capacity == 0 || weight > self.half_weight {
            self.remove(&key);
            return;
        }
        let full = self.young.entries.len() >= (self.capacity / 2).max(1);
        if full || self.young.weight + weight > self.half_weight {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.take(&key);
        if self.capacity == 1 {
            self.old = Generation::default();
        }
        self.young.put(key, Weighed { value, weight });
    }

    /// Drops an entry.
    pub fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.young.take(key);
        self.old.take(key);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.young.entries.len() + self.old.entries.len()
    }

    /// What they weigh.
    pub const fn weight(&self) -> usize {
        self.young.weight + self.old.weight
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq, V> Generation<K, V> {
    fn put(&mut self, key: K, value: Weighed<V>) {
        self.weight += value.weight;
        if let Some(replaced) = self.entries.insert(key, value) {
            self.weight -= replaced.weight;
        }
    }

    fn take<Q>(&mut self, key: &Q) -> Option<(K, Weighed<V>)>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        // An empty map would hash the key before it says that it has no such entry.
        if self.entries.is_empty() {
            return None;
        }
        let (key, value) = self.entries.remove_entry(key)?;
        self.weight -= value.weight;
        Some((key, value))
    }
}

impl<K, V> Default for Generation<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), weight: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{BoundedMap, Generation};

    #[test]
    fn it_never_holds_more_than_it_may() {
        for capacity in [0, 1, 2, 3, 10] {
            let mut map = BoundedMap::new(capacity);
            for key in 0..100 {
                map.insert(key, ());
                assert!(map.len() <= capacity, "{capacity}");
            }
        }
    }

    #[test]
    fn it_never_weighs_more_than_it_may() {
        for bound in [0, 1, 10, 100, 1_000] {
            let mut map = BoundedMap::weighing(50, bound);
            let mut random = 1_u64;
            for _ in 0..10_000 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (key, weight) = (random >> 58, usize::try_from(random >> 40).unwrap() % 60);
                match random % 7 {
                    0 => map.remove(&key),
                    1 => drop(map.find(&key)),
                    _ => map.insert_weighing(key, weight, weight),
                }
                let sum = |half: &Generation<_, usize>| {
                    half.entries.values().map(|e| e.value).sum::<usize>()
                };
                let entries = [&map.young, &map.old].map(sum);
                assert_eq!(map.weight(), entries[0] + entries[1]);
                assert!(map.weight() <= bound && map.len() <= 50, "{bound}");
            }
        }
    }

    #[test]
    fn what_weighs_too_much_is_not_kept_and_takes_the_older_value_along() {
        let mut map = BoundedMap::weighing(10, 10);
        map.insert_weighing("a", (), 5);
        assert_eq!(map.find("a"), Some(()));
        map.insert_weighing("a", (), 6);
        assert_eq!(map.find("a"), None);
    }

    #[test]
    fn what_is_used_stays() {
        let mut map = BoundedMap::new(10);
        map.insert(0, "kept");
        for key in 1..1_000 {
            map.insert(key, "other");
            assert_eq!(map.find(&0), Some("kept"), "after {key}");
        }
        assert_eq!(map.find(&1), None);
    }

    #[test]
    fn the_last_value_counts() {
        let mut map = BoundedMap::new(4);
        map.insert("a", 1);
        map.insert("b", 1);
        map.insert("c", 1);
        map.insert("a", 2);
        assert_eq!(map.find("a"), Some(2));
        map.remove("a");
        assert_eq!(map.find("a"), None);
    }
}
