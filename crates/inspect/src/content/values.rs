//! The different values of one type at one place.

use std::cell::Cell;
use std::rc::Rc;

use spyhop_model::Fingerprint;

/// Values written last that are known again without a fingerprint.
const RECENT: usize = 8;
/// Values up to which looking through all is quicker than a table.
const FEW: usize = 16;
/// An empty slot.
const NONE: u32 = u32::MAX;

/// Different values that a worker holds in all exchanges together.
pub(super) type Held = Rc<Cell<usize>>;

/// Different values that an exchange's half may still add, so that what it holds is bounded.
#[derive(Default)]
pub(super) struct Room {
    /// How many.
    pub left: usize,
    /// Values that came when there was none left.
    pub over: u64,
    /// How many were added, and what the worker holds.
    added: usize,
    held: Option<Held>,
    /// The worker holds as many as it may: what comes is not kept at all.
    full: bool,
    /// A value that found no room here, to be told apart from the exchange.
    pub spilled: Option<Fingerprint>,
}

impl Room {
    /// For so many.
    pub fn new(left: usize) -> Room {
        Room { left, over: 0, added: 0, held: None, full: false, spilled: None }
    }

    /// Counts what is added among what the worker holds, of which there is `most`.
    pub fn within(&mut self, held: &Held, most: usize) -> &mut Room {
        if self.left > 0 && held.get() >= most {
            (self.left, self.full) = (0, true);
        }
        self.held.get_or_insert_with(|| held.clone());
        self
    }

    fn take(&mut self, print: Fingerprint) -> bool {
        if self.left == 0 {
            if self.full {
                self.over += 1;
            } else {
                self.spilled = Some(print);
            }
            return false;
        }
        self.left -= 1;
        if let Some(held) = &self.held {
            self.added += 1;
            held.set(held.get() + 1);
        }
        true
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(held) = &self.held {
            held.set(held.get().saturating_sub(self.added));
        }
    }
}

/// Different values as fingerprints, in order of appearance, with the best points of each. Some 17 bytes each.
#[derive(Default)]
pub(super) struct Values {
    prints: Vec<Fingerprint>,
    points: Vec<u8>,
    /// Indices by fingerprint, at most half full. Fingerprints are keyed: nobody outside can make them collide.
    slots: Vec<u32>,
    /// Hashes of values as they were written.
    recent: [Option<(u64, u32)>; RECENT],
    oldest: usize,
}

impl Values {
    pub fn len(&self) -> usize {
        self.prints.len()
    }

    /// Adds a value, by the hash of how it is written; its index, unless there is no room for another one.
    pub fn add(
        &mut self,
        written: u64,
        points: u8,
        room: &mut Room,
        print: impl FnOnce() -> Fingerprint,
    ) -> Option<usize> {
        let known = self.recent.iter().flatten().find(|(hash, _)| *hash == written).map(|(_, at)| *at as usize);
        let at = match known {
            Some(at) => at,
            None => {
                let at = self.find_or_add(print(), room)?;
                if let Some(slot) = self.recent.get_mut(self.oldest) {
                    *slot = Some((written, at as u32));
                }
                self.oldest = (self.oldest + 1) % RECENT;
                at
            }
        };
        self.raise(at, points);
        Some(at)
    }

    /// A value is surer than it seemed.
    pub fn raise(&mut self, at: usize, points: u8) {
        if let Some(best) = self.points.get_mut(at) {
            *best = points.max(*best);
        }
    }

    /// The value of that index.
    pub fn print(&self, at: usize) -> Option<Fingerprint> {
        self.prints.get(at).copied()
    }

    /// Whether a value is one of these.
    pub fn has(&self, print: Fingerprint) -> bool {
        self.find(print).is_ok()
    }

    /// All values with their points.
    pub fn iter(&self) -> impl Iterator<Item = (Fingerprint, u8)> {
        self.prints.iter().copied().zip(self.points.iter().copied())
    }

    /// The index of a value, or the slot where it would stand.
    fn find(&self, print: Fingerprint) -> Result<usize, usize> {
        if self.slots.is_empty() {
            return self.prints.iter().position(|known| *known == print).ok_or(0);
        }
        let mask = self.slots.len() - 1;
        let mut slot = print.0 as usize & mask;
        loop {
            match self.slots.get(slot) {
                Some(&at) if at != NONE => {
                    if self.prints.get(at as usize) == Some(&print) {
                        return Ok(at as usize);
                    }
                    slot = (slot + 1) & mask;
                }
                _ => return Err(slot),
            }
        }
    }

    fn find_or_add(&mut self, print: Fingerprint, room: &mut Room) -> Option<usize> {
        let slot = match self.find(print) {
            Ok(at) => return Some(at),
            Err(slot) => slot,
        };
        if !room.take(print) {
            return None;
        }
        let at = self.prints.len();
        self.prints.push(print);
        self.points.push(0);
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = at as u32;
        }
        if self.prints.len() > FEW && self.prints.len() * 2 > self.slots.len() {
            self.spread();
        }
        Some(at)
    }

    /// A table twice as large.
    fn spread(&mut self) {
        let size = (self.prints.len() * 4).next_power_of_two();
        self.slots = vec![NONE; size];
        for at in 0..self.prints.len() {
            let print = self.prints.get(at).copied().unwrap_or(Fingerprint(0));
            if let Err(slot) = self.find(print)
                && let Some(slot) = self.slots.get_mut(slot)
            {
                *slot = at as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_values_are_kept_once_each_in_order() {
        let (mut values, mut room) = (Values::default(), Room::new(5000));
        let print = |n: u64| Fingerprint(n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for round in 0..2 {
            for n in 0..5000u64 {
                assert_eq!(values.add(n, 10 + round, &mut room, || print(n)), Some(n as usize));
            }
        }
        assert_eq!((values.len(), room.left, room.over), (5000, 0, 0));
        assert_eq!(values.add(7_000, 10, &mut room, || print(7_000)), None);
        assert_eq!((room.over, room.spilled.take()), (0, Some(print(7_000))));
        assert!(values.has(print(4_999)) && !values.has(print(7_000)));
        assert_eq!(values.iter().nth(3), Some((print(3), 11)));
        // Written otherwise, the same value; recent ones need no fingerprint.
        assert_eq!(values.add(9_999, 50, &mut room, || print(4)), Some(4));
        assert_eq!(values.add(9_999, 20, &mut room, || unreachable!()), Some(4));
        assert_eq!(values.iter().nth(4), Some((print(4), 50)));
    }
}
