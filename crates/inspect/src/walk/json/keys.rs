//! Keys that repeat: the objects of a list have the same ones in the same order, and so have the answers of one API.

use std::cell::Cell;

/// Keys that are remembered.
const KEYS: usize = 1024;
/// Places by a hash: more than keys, so that few share one.
const SLOTS: usize = 2048;
/// Places at which a key may be, from its own on.
const PROBES: usize = 4;
/// Bytes of a key and the quote after it that are compared at once.
const WIDTH: usize = 32;
/// [`WIDTH`] bytes.
type Words = [u64; WIDTH / 8];
/// No key.
const NONE: u16 = u16::MAX;

thread_local! {
    /// Those of a worker, while no document is walked.
    static KEPT: Cell<Option<Keys>> = const { Cell::new(None) };
}

/// Keys, each with the one that followed it last. Which they are never changes what is walked.
pub(super) struct Keys {
    known: Vec<Known>,
    /// Places in `known` by a hash of the key.
    slots: Vec<u16>,
    last: u16,
    /// Times they were taken: from one to the next the sink may be another.
    turn: u32,
}

struct Known {
    /// The key and the quote after it, zeros behind.
    bytes: Words,
    masks: Words,
    next: u16,
    length: u8,
    /// Whether a value under it is wanted however it looks, and the turn in which that was asked.
    wanted: Option<(u32, bool)>,
}

impl Default for Keys {
    fn default() -> Keys {
        Keys { known: Vec::new(), slots: Vec::new(), last: NONE, turn: 0 }
    }
}

impl Keys {
    /// Those that the worker keeps; none while another document around this one has them. The key that came last is
    /// what a document was left at before.
    pub fn take(last: Option<u16>) -> Keys {
        let mut keys = KEPT.take().unwrap_or_default();
        keys.turn = keys.turn.wrapping_add(1);
        keys.last = last.unwrap_or(NONE);
        keys
    }

    /// Gives them back; tells the key that came last.
    pub fn keep(self) -> Option<u16> {
        let last = self.last;
        KEPT.set(Some(self));
        (last != NONE).then_some(last)
    }

    /// The length of the key that is to follow, if `bytes` begin with it and a quote.
    #[inline]
    pub fn follows(&mut self, bytes: &[u8]) -> Option<usize> {
        let next = self.known.get(usize::from(self.last))?.next;
        let known = self.known.get(usize::from(next))?;
        let [a, b, c, d] = words(bytes.first_chunk()?);
        let ([e, f, g, h], [i, j, k, l]) = (known.masks, known.bytes);
        if (a & e ^ i) | (b & f ^ j) != 0 || known.length >= 16 && (c & g ^ k) | (d & h ^ l) != 0 {
            return None;
        }
        self.last = next;
        Some(usize::from(known.length))
    }

    /// A key came that was not foreseen.
    pub fn learn(&mut self, key: &[u8]) {
        let before = std::mem::replace(&mut self.last, NONE);
        let mut padded = [0; WIDTH];
        let Some(room) = padded.get_mut(..=key.len()) else { return };
        if let Some((quote, name)) = room.split_last_mut() {
            name.copy_from_slice(key);
            *quote = b'"';
        }
        let bytes = words(&padded);
        let at = self.find(bytes, key.len() as u8);
        if let Some(before) = self.known.get_mut(usize::from(before)) {
            before.next = at;
        }
        self.last = at;
    }

    /// Where it is among those known, or is from now on.
    fn find(&mut self, bytes: Words, length: u8) -> u16 {
        self.slots.resize(SLOTS, NONE);
        let hash =
            bytes.iter().fold(0u64, |hash, word| (hash.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let own = (hash >> (u64::BITS - SLOTS.ilog2())) as usize;
        let mut free = None;
        for at in (own..own + PROBES).map(|at| at % SLOTS) {
            match self.slots.get(at).map(|slot| (*slot, self.known.get(usize::from(*slot)))) {
                Some((slot, Some(known))) if known.bytes == bytes => return slot,
                Some((_, None)) => free = free.or(Some(at)),
                _ => {}
            }
        }
        let mask = |word: usize| {
            let bytes = (usize::from(length) + 1).saturating_sub(word * 8).min(8) as u32;
            u64::MAX.checked_shr(64 - 8 * bytes).unwrap_or(0)
        };
        let known = Known { bytes, masks: std::array::from_fn(mask), length, next: NONE, wanted: None };
        if let Some(slot) = free.filter(|_| self.known.len() < KEYS).and_then(|at| self.slots.get_mut(at)) {
            *slot = self.known.len() as u16;
            self.known.push(known);
            return *slot;
        }
        // It takes the place of another.
        let slot = self.slots.get(own).copied().unwrap_or(NONE);
        if let Some(old) = self.known.get_mut(usize::from(slot)) {
            *old = known;
        }
        slot
    }

    /// Whether a value under the last key is wanted however it looks: asked once in a turn.
    #[inline]
    pub fn is_wanted(&mut self, ask: impl FnOnce() -> bool) -> bool {
        let turn = self.turn;
        match self.known.get_mut(usize::from(self.last)) {
            Some(Known { wanted: Some((asked, wanted)), .. }) if *asked == turn => *wanted,
            Some(known) => known.wanted.insert((turn, ask())).1,
            None => ask(),
        }
    }

    /// What comes next stands elsewhere.
    pub fn forget_place(&mut self) {
        self.last = NONE;
    }
}

#[inline]
fn words(bytes: &[u8; WIDTH]) -> Words {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|at| words.get(at).map_or(0, |word| u64::from_le_bytes(*word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_foreseen_in_their_order() {
        let mut keys = Keys::default();
        let rest = " ".repeat(WIDTH);
        let names = ["id", "name", "a-rather-long-name-of-thirty-b", "exactly16letters"];
        for name in names.iter().chain(names.first()) {
            assert_eq!(keys.follows(format!("{name}\"{rest}").as_bytes()), None, "{name}");
            keys.learn(name.as_bytes());
        }
        let mut asked = 0;
        for name in names.iter().skip(1).chain(&names) {
            assert_eq!(keys.follows(format!("{name}2\"{rest}").as_bytes()), None);
            assert_eq!(keys.follows(format!("{name}\"{rest}").as_bytes()), Some(name.len()), "{name}");
            assert!(!keys.is_wanted(|| {
                asked += 1;
                false
            }));
        }
        assert_eq!(asked, names.len());
        let last = keys.keep();
        let mut keys = Keys::take(last);
        assert!(keys.is_wanted(|| true), "asked anew");
        keys.learn(&[b'x'; WIDTH]);
        assert_eq!(keys.follows(format!("id\"{rest}").as_bytes()), None, "after one that is too long");
    }

    #[test]
    fn many_keys_are_forgotten_and_nothing_grows() {
        let mut keys = Keys::default();
        for n in 0..20_000 {
            keys.learn(format!("k{n}").as_bytes());
        }
        assert!(keys.known.len() <= KEYS && keys.slots.len() == SLOTS);
    }
}
