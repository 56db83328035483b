//! Fingerprints, remembered: the same people come again in body after body.

use std::cell::Cell;

use spyhop_model::Fingerprint;

/// Values that are remembered, 16 bytes each; each has one slot.
const SLOTS: usize = 1024;

/// Fingerprints by keyed hashes of type, form and value as written. Nothing of a value is kept but these. Only whoever
/// knows the keys, which are new in every worker, could make two values fall together.
pub(super) struct Prints(Box<[Cell<(u64, Fingerprint)>]>);

impl Default for Prints {
    fn default() -> Prints {
        // What an empty slot holds falls on its neighbour, so that it is never taken for a value.
        Prints((0..SLOTS as u64).map(|at| Cell::new((at ^ 1, Fingerprint(0)))).collect())
    }
}

impl Prints {
    /// What is remembered of a value, else what `print` says.
    pub fn say(&self, written: u64, print: impl FnOnce() -> Fingerprint) -> Fingerprint {
        let Some(slot) = self.0.get(written as usize % SLOTS) else { return print() };
        let (known, remembered) = slot.get();
        if known == written {
            return remembered;
        }
        let print = print();
        slot.set((written, print));
        print
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_made_once_until_another_takes_its_slot() {
        let prints = Prints::default();
        for written in [0, 1, 7, SLOTS as u64 - 1] {
            assert_eq!(prints.say(written, || Fingerprint(written + 5)), Fingerprint(written + 5));
            assert_eq!(prints.say(written, || unreachable!()), Fingerprint(written + 5));
        }
        let other = 7 + SLOTS as u64;
        assert_eq!(prints.say(other, || Fingerprint(1)), Fingerprint(1));
        assert_eq!(prints.say(7, || Fingerprint(2)), Fingerprint(2));
    }
}
