//! A map that never holds more than it may, for what can be found again at a cost.
//!
//! A clock with a second chance: when there is no room, a hand goes round the entries, passes over
//! those that were used since it last came by, and drops the first that was not. That is close to
//! dropping the least recently used, at one hash look-up and one mark a hit. As many entries as there
//! is room for stay, also when they come round strictly in turn, and no more are dropped at a time
//! than have to make room.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A map of at most `capacity` entries, which together weigh no more than a bound.
#[derive(Debug)]
pub struct BoundedMap<K, V> {
    capacity: usize,
    max_weight: usize,
    weight: usize,
    places: HashMap<K, usize>,
    slots: Vec<Option<Slot<K, V>>>,
    /// Slots with nothing in them.
    free: Vec<usize>,
    /// The slot that the clock's hand was last at.
    hand: usize,
}

#[derive(Debug)]
struct Slot<K, V> {
    key: K,
    value: V,
    weight: usize,
    /// Whether it was used since the hand last came by.
    used: bool,
}

impl<K: Hash + Eq + Clone, V: Clone> BoundedMap<K, V> {
    /// A map of at most `capacity` entries; 0 keeps nothing.
    pub fn new(capacity: usize) -> Self {
        Self::weighing(capacity, usize::MAX)
    }

    /// The same, whose entries together weigh at most `max_weight`. One that would take more than
    /// half of it is not kept.
    pub fn weighing(capacity: usize, max_weight: usize) -> Self {
        let (places, slots, free) = (HashMap::new(), Vec::new(), Vec::new());
        Self { capacity, max_weight, weight: 0, places, slots, free, hand: 0 }
    }

    /// The entry for `key`, which counts as use. Values are cheap to clone.
    pub fn find<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let slot = self.slots.get_mut(*self.places.get(key)?)?.as_mut()?;
        slot.used = true;
        Some(slot.value.clone())
    }

    /// Adds or replaces an entry that weighs nothing.
    pub fn insert(&mut self, key: K, value: V) {
        self.insert_weighing(key, value, 0);
    }

    /// Adds or replaces an entry that weighs this much.
    pub fn insert_weighing(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        if self.capacity == 0 || weight > self.max_weight / 2 {
            return;
        }
        while self.places.len() >= self.capacity || self.weight + weight > self.max_weight {
            self.make_room();
        }
        let slot = Some(Slot { key: key.clone(), value, weight, used: false });
        let free = self.free.pop().and_then(|at| Some((at, self.slots.get_mut(at)?)));
        let at = match free {
            Some((at, place)) => {
                *place = slot;
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.places.insert(key, at);
        self.weight += weight;
    }

    /// Drops an entry.
    pub fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(at) = self.places.remove(key) {
            self.vacate(at);
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// What they weigh.
    pub const fn weight(&self) -> usize {
        self.weight
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the next entry that was not used for a whole round. After one round nothing counts as
    /// used any more, so the second always finds one.
    fn make_room(&mut self) {
        for _ in 0..self.slots.len().saturating_mul(2) {
            self.hand = if self.hand + 1 < self.slots.len() { self.hand + 1 } else { 0 };
            let Some(Some(slot)) = self.slots.get_mut(self.hand) else { continue };
            if !std::mem::take(&mut slot.used) {
                self.places.remove(&slot.key);
                self.vacate(self.hand);
                return;
            }
        }
    }

    fn vacate(&mut self, at: usize) {
        if let Some(slot) = self.slots.get_mut(at).and_then(Option::take) {
            self.weight -= slot.weight;
            self.free.push(at);
        }
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
                let slots = map.slots.iter().flatten();
                assert_eq!(map.weight(), slots.map(|slot| slot.value).sum::<usize>());
                assert_eq!(map.slots.len(), map.len() + map.free.len());
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
    fn as_many_as_there_is_room_for_stay_when_they_come_round_in_turn() {
        let mut map = BoundedMap::new(100);
        for key in 0..100 {
            map.insert(key, ());
        }
        for round in 0..3 {
            assert!((0..100).all(|key| map.find(&key).is_some()), "{round}");
        }
    }

    #[test]
    fn no_more_is_dropped_than_has_to_make_room() {
        let mut map = BoundedMap::weighing(100, 100);
        for key in 0..1_000 {
            map.insert_weighing(key, (), 1);
            if key % 3 == 0 {
                map.find(&(key / 2));
            }
            assert_eq!(map.len(), (key + 1).min(100));
        }
    }

    /// What goes and comes again takes no more room with each time.
    #[test]
    fn slots_are_used_again() {
        let mut map = BoundedMap::new(10);
        for key in 0..1_000 {
            map.insert(key % 5, key);
            map.remove(&(key % 5));
        }
        assert!(map.is_empty() && map.slots.len() + map.free.len() <= 10, "{map:?}");
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
