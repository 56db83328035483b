//! What a name says of its value, remembered: bodies repeat their names.

use std::cell::RefCell;
use std::rc::Rc;

use ahash::RandomState;

use super::RANDOM;
use super::name::{LONGEST, Name};
use super::rules::TABLE;

/// Names that are remembered; each has one slot.
const SLOTS: usize = 64;

/// A name, and all that it says.
#[derive(Debug)]
pub struct Spoken {
    pub name: Name,
    pub is_password: bool,
    pub is_secret: bool,
    /// Rules of the services that it names, if it speaks of a key.
    pub rules: Vec<u16>,
}

impl Spoken {
    /// What a name says.
    pub fn of(name: &[u8]) -> Rc<Spoken> {
        type Slots = Vec<Option<(Box<[u8]>, Rc<Spoken>)>>;
        thread_local! {
            /// A pure function's answers: what is remembered changes nothing but the time it takes.
            static KNOWN: RefCell<(RandomState, Slots)> = RefCell::new((RandomState::new(), vec![None; SLOTS]));
        }
        let name = name.get(name.len().saturating_sub(LONGEST)..).unwrap_or(name);
        KNOWN.with_borrow_mut(|(hasher, known)| {
            let slot = known.get_mut(hasher.hash_one(name) as usize % SLOTS);
            match slot {
                Some(Some((same, spoken))) if **same == *name => spoken.clone(),
                Some(slot) => slot.insert((name.into(), Rc::new(Spoken::new(name)))).1.clone(),
                None => Rc::new(Spoken::new(name)),
            }
        })
    }

    fn new(name: &[u8]) -> Spoken {
        let name = Name::new(name);
        let rules = if name.is_key() {
            name.joined().flat_map(|words| TABLE.named(words)).copied().collect()
        } else {
            Vec::new()
        };
        Spoken { is_password: name.is_password(), is_secret: name.is_secret(), rules, name }
    }

    /// Whether it may name a secret of that many bytes.
    pub fn may_be_of(&self, length: usize) -> bool {
        self.is_password || !self.rules.is_empty() || self.is_secret && RANDOM.contains(&length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_remembered() {
        for _ in 0..2 {
            assert!(Spoken::of(b"db.password").is_password && !Spoken::of(b"db.password").is_secret);
            assert!(Spoken::of(b"appSecret").is_secret);
            assert!(!Spoken::of(b"title").may_be_of(20));
        }
        let (one, other) = (Spoken::of(b"apiKey"), Spoken::of(b"apiKey"));
        assert!(Rc::ptr_eq(&one, &other));
    }
}
