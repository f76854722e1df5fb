//! A map that never holds more than it may, for what can be found again at a cost.
//!
//! Two generations: entries enter the young one; when that is full it becomes the old one, and
//! what was old is dropped. A hit in the old generation moves the entry to the young one. That
//! is close to dropping the least recently used, at one hash look-up a hit and no bookkeeping.
//! It may hold up to its capacity, and after a switch as little as half of it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A map of at most `capacity` entries.
#[derive(Debug)]
pub struct BoundedMap<K, V> {
    capacity: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> BoundedMap<K, V> {
    /// A map of at most `capacity` entries; 0 keeps nothing.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, young: HashMap::new(), old: HashMap::new() }
    }

    /// The entry for `key`, which counts as use. Values are cheap to clone.
    pub fn find<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        // An empty map would hash the key before it says that it has no such entry.
        let (key, value) = if self.old.is_empty() { None } else { self.old.remove_entry(key) }?;
        self.insert(key, value.clone());
        Some(value)
    }

    /// Adds or replaces an entry.
    pub fn insert(&mut self, key: K, value: V) {
        if self.capacity == 0 {
            return;
        }
        if self.young.len() >= self.capacity.div_ceil(2) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    /// Drops an entry.
    pub fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::BoundedMap;

    #[test]
    fn it_never_holds_more_than_it_may() {
        for capacity in [0, 1, 2, 3, 10] {
            let mut map = BoundedMap::new(capacity);
            for key in 0..100 {
                map.insert(key, ());
                assert!(map.len() <= capacity.next_multiple_of(2), "{capacity}");
            }
        }
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
