//! A map that forgets: it holds what was used since its last turn or the one before, and never more than twice its room.

use std::{collections::HashMap, hash::Hash};

use foldhash::fast::RandomState;

/// Values in two generations. What is used moves to the new one; when that is full, or too old, the old one is dropped.
#[derive(Clone, Debug)]
pub struct Generations<K, V> {
    new: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
    room: usize,
    crowded_out: u64,
}

impl<K: Copy + Eq + Hash, V> Generations<K, V> {
    /// Room for so many in each generation.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self {
            new: HashMap::default(),
            old: HashMap::default(),
            room,
            crowded_out: 0,
        }
    }

    /// The value of a key, now used, or `None` where nothing is known of it.
    pub fn get(&mut self, key: K) -> Option<&mut V> {
        if let Some(value) = self.old.remove(&key) {
            self.insert(key, value);
        }
        self.new.get_mut(&key)
    }

    /// Gives a key a value. Where the new generation is full, the old one goes.
    pub fn insert(&mut self, key: K, value: V) {
        if self.new.len() >= self.room && !self.new.contains_key(&key) {
            self.crowded_out += self.old.len() as u64;
            self.turn();
        }
        self.new.insert(key, value);
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: K) -> Option<V> {
        let (new, old) = (self.new.remove(&key), self.old.remove(&key));
        new.or(old)
    }

    /// Forgets what was not used since the last turn.
    pub fn turn(&mut self) {
        std::mem::swap(&mut self.new, &mut self.old);
        // The memory stays: a flood would ask for it again at once.
        self.new.clear();
    }

    /// How many are known.
    #[must_use]
    pub fn known(&self) -> usize {
        self.new.len() + self.old.len()
    }

    /// How many were forgotten because there were too many, not because they were too old.
    #[must_use]
    pub const fn crowded_out(&self) -> u64 {
        self.crowded_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_bounded_and_what_it_crowds_out_is_counted() {
        let mut map = Generations::new(100);
        for key in 0..1_000 {
            map.insert(key, key);
            assert!(map.known() <= 200);
        }
        assert_eq!(map.known() as u64 + map.crowded_out(), 1_000);
        assert!(map.get(0).is_none());
        assert_eq!(map.get(999), Some(&mut 999));
    }

    #[test]
    fn what_is_used_outlives_a_flood() {
        let mut map = Generations::new(100);
        map.insert(u64::MAX, 1);
        for key in 0..1_000 {
            map.insert(key, 0);
            if key % 50 == 0 {
                assert_eq!(map.get(u64::MAX), Some(&mut 1), "{key}");
            }
        }
    }

    #[test]
    fn what_is_not_used_for_two_turns_is_forgotten_and_not_called_crowded_out() {
        let mut map = Generations::new(100);
        map.insert(1, 1);
        map.turn();
        assert!(map.get(1).is_some());
        map.turn();
        map.turn();
        assert!(map.get(1).is_none());
        assert_eq!((map.known(), map.crowded_out()), (0, 0));
    }
}
