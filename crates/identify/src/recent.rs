//! A bounded table from which what was unused for longest goes first.

use std::collections::HashMap;
use std::hash::Hash;

use spyhop_model::{Span, Timestamp};

/// A use within this time of the last one does not move an entry: the order is that of use within a minute, and most uses
/// write nothing but the entry itself.
const GRAIN: Span = Span::minutes(1);
const NONE: u32 = u32::MAX;

/// At most `limit` entries, in order of use. What it holds depends on the calls alone, so that runs are alike.
pub struct Recent<K, V> {
    slots_by_key: HashMap<K, u32, ahash::RandomState>,
    slots: Vec<Slot<K, V>>,
    newest: u32,
    oldest: u32,
    limit: usize,
    evicted: u64,
}

struct Slot<K, V> {
    key: K,
    value: V,
    used: Timestamp,
    newer: u32,
    older: u32,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    /// Empty. It holds one entry at least, and fewer than 2³² in any case.
    pub fn new(limit: usize) -> Recent<K, V> {
        let limit = limit.clamp(1, NONE as usize - 1);
        Recent { slots_by_key: HashMap::default(), slots: Vec::new(), newest: NONE, oldest: NONE, limit, evicted: 0 }
    }

    /// Entries that had to make room.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Bytes of an entry, its share of the index included, when the table is full.
    pub const fn entry_bytes() -> usize {
        // The index is at most 7/8 full and at least half of that; a byte beside each of its places.
        size_of::<Slot<K, V>>() + (size_of::<(K, u32)>() + 1) * 12 / 7
    }

    /// An entry, which is used by that.
    pub fn get(&mut self, key: &K, at: Timestamp) -> Option<&mut V> {
        let slot = *self.slots_by_key.get(key)?;
        self.touch(slot, at);
        self.slots.get_mut(slot as usize).map(|slot| &mut slot.value)
    }

    /// An entry, which is not used by that.
    pub fn peek(&self, key: &K) -> Option<&V> {
        let slot = *self.slots_by_key.get(key)?;
        self.slots.get(slot as usize).map(|slot| &slot.value)
    }

    /// An entry, made if there is none.
    pub fn entry(&mut self, key: K, at: Timestamp, make: impl FnOnce() -> V) -> &mut V {
        if !self.slots_by_key.contains_key(&key) {
            self.insert(key, make(), at);
        }
        let slot = self.slots_by_key.get(&key).copied().unwrap_or(NONE);
        self.touch(slot, at);
        // A key that is in the index has a slot: `insert` and `remove` change both.
        &mut self.slots[slot as usize].value
    }

    /// Puts an entry in, or another in its place.
    pub fn insert(&mut self, key: K, value: V, at: Timestamp) {
        if let Some(known) = self.get(&key, at) {
            *known = value;
            return;
        }
        if self.slots.len() >= self.limit {
            self.evicted += 1;
            self.remove_at(self.oldest);
        }
        let slot = self.slots.len() as u32;
        self.slots.push(Slot { key, value, used: at, newer: NONE, older: NONE });
        self.slots_by_key.insert(key, slot);
        self.link_newest(slot);
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let slot = *self.slots_by_key.get(key)?;
        self.remove_at(slot)
    }

    /// All entries, the one unused for longest first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let slot = |at: u32| self.slots.get(at as usize);
        std::iter::successors(slot(self.oldest), move |last| slot(last.newer)).map(|slot| (&slot.key, &slot.value))
    }

    fn touch(&mut self, slot: u32, at: Timestamp) {
        let Some(known) = self.slots.get_mut(slot as usize) else { return };
        if at.since(known.used) < GRAIN {
            return;
        }
        known.used = at;
        if self.newest != slot {
            self.unlink(slot);
            self.link_newest(slot);
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Some(&Slot { newer, older, .. }) = self.slots.get(slot as usize) else { return };
        match self.slots.get_mut(newer as usize) {
            Some(neighbour) => neighbour.older = older,
            None => self.newest = older,
        }
        match self.slots.get_mut(older as usize) {
            Some(neighbour) => neighbour.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn link_newest(&mut self, slot: u32) {
        let before = std::mem::replace(&mut self.newest, slot);
        match self.slots.get_mut(before as usize) {
            Some(neighbour) => neighbour.newer = slot,
            None => self.oldest = slot,
        }
        if let Some(own) = self.slots.get_mut(slot as usize) {
            own.newer = NONE;
            own.older = before;
        }
    }

    fn remove_at(&mut self, slot: u32) -> Option<V> {
        if slot as usize >= self.slots.len() {
            return None;
        }
        self.unlink(slot);
        let gone = self.slots.swap_remove(slot as usize);
        self.slots_by_key.remove(&gone.key);
        // The last slot stands in its place now.
        if let Some(moved) = self.slots.get(slot as usize) {
            let (key, newer, older) = (moved.key, moved.newer, moved.older);
            self.slots_by_key.insert(key, slot);
            match self.slots.get_mut(newer as usize) {
                Some(neighbour) => neighbour.older = slot,
                None => self.newest = slot,
            }
            match self.slots.get_mut(older as usize) {
                Some(neighbour) => neighbour.newer = slot,
                None => self.oldest = slot,
            }
        }
        Some(gone.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(n: u64) -> Timestamp {
        Timestamp::from_parts(n * 60, 0)
    }

    fn keys(table: &Recent<u32, &str>) -> Vec<u32> {
        table.iter().map(|(key, _)| *key).collect()
    }

    #[test]
    fn what_was_unused_for_longest_goes_first() {
        let mut table = Recent::new(3);
        for (n, key) in [1, 2, 3].into_iter().enumerate() {
            table.insert(key, "x", minute(n as u64));
        }
        assert!(table.get(&1, minute(5)).is_some());
        table.insert(4, "y", minute(6));
        assert_eq!((keys(&table), table.evicted()), (vec![3, 1, 4], 1));
        assert_eq!(table.peek(&2), None);
    }

    #[test]
    fn order_and_index_stay_whole_under_any_mixture() {
        let mut table = Recent::new(16);
        let mut random = 7_u32;
        for n in 0..5_000_u64 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = random >> 8 & 31;
            match random >> 20 & 3 {
                0 => drop(table.remove(&key)),
                1 => drop(table.get(&key, minute(n))),
                2 => table.insert(key, "x", minute(n)),
                _ => *table.entry(key, minute(n), || "y") = "z",
            }
            let there = keys(&table);
            assert_eq!(there.len(), table.slots.len());
            assert!(there.len() <= 16 && there.iter().all(|key| table.peek(key).is_some()));
        }
    }
}
