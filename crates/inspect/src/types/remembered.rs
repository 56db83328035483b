//! What names say, remembered: the same few hundred names come again and again.

use super::{Hints, is_named};

/// Names that are remembered; each has one slot.
const SLOTS: usize = 1024;
/// Longest name that is remembered, in bytes.
const LONGEST: usize = 64;

/// Names by a hash of their ends and lengths. A name that falls on another's slot takes it.
pub(crate) struct Names {
    slots: Vec<Option<Named>>,
    /// For each slot the short name in it, so that the commonest question is answered out of the nearest cache.
    short: Vec<(Ends, bool)>,
}

/// The first and last eight bytes of a name, and its length: all of a name of up to [`SHORT`] bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ends {
    first: u64,
    last: u64,
    length: u8,
}

/// Bytes of a name that its ends cover.
const SHORT: usize = 16;

struct Named {
    name: Box<[u8]>,
    hints: Hints,
    /// See [`is_named`].
    is_named: bool,
}

impl Default for Names {
    fn default() -> Names {
        Names { slots: (0..SLOTS).map(|_| None).collect(), short: vec![(Ends::default(), false); SLOTS] }
    }
}

impl Names {
    /// What is remembered of a name, else what `look` says.
    pub fn say(&mut self, name: &[u8], look: impl FnOnce() -> Hints) -> Hints {
        if name.len() > LONGEST {
            return look();
        }
        let ends = Ends::of(name);
        let at = ends.slot();
        match self.slots.get_mut(at) {
            Some(Some(known)) if *known.name == *name => known.hints,
            Some(slot) => {
                let hints = look();
                let is_named = is_named(hints);
                *slot = Some(Named { name: name.into(), hints, is_named });
                if let Some(short) = self.short.get_mut(at) {
                    *short = if name.len() <= SHORT { (ends, is_named) } else { (Ends::default(), false) };
                }
                hints
            }
            None => look(),
        }
    }

    /// Whether a remembered name makes any value under it worth a look.
    pub fn is_named(&self, name: &[u8]) -> Option<bool> {
        let ends = Ends::of(name);
        let at = ends.slot();
        if name.len() <= SHORT {
            return self.short.get(at).filter(|(known, _)| *known == ends).map(|(_, named)| *named);
        }
        let known = self.slots.get(at)?.as_ref()?;
        (*known.name == *name).then_some(known.is_named)
    }
}

impl Ends {
    #[inline]
    fn of(name: &[u8]) -> Ends {
        let eight = |bytes: Option<&[u8]>| bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
        let four = |bytes: Option<&[u8]>| bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
        let length = name.len();
        let (first, last) = match length {
            8.. => (eight(name.get(..8)), eight(name.get(length - 8..))),
            4.. => (u64::from(four(name.get(..4))), u64::from(four(name.get(length - 4..)))),
            _ => (name.iter().fold(0, |word, b| word << 8 | u64::from(*b)), 0),
        };
        Ends { first, last, length: length.min(usize::from(u8::MAX)) as u8 }
    }

    /// Whoever makes many names fall on one slot only makes them be looked at anew.
    #[inline]
    fn slot(self) -> usize {
        let mixed = self.first ^ self.last.rotate_left(29) ^ u64::from(self.length) << 56;
        (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SLOTS.ilog2())) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::TypeId;

    #[test]
    fn names_are_looked_at_once_and_told_apart() {
        let mut names = Names::default();
        let hints = |bit: TypeId| Hints { strong: bit.set(), ..Hints::default() };
        assert_eq!(names.is_named(b"phone"), None);
        assert_eq!(names.say(b"phone", || hints(TypeId::MOBILE)), hints(TypeId::MOBILE));
        assert_eq!(names.say(b"phone", || unreachable!()), hints(TypeId::MOBILE));
        assert_eq!(names.is_named(b"phone"), Some(false));
        assert_eq!(names.say(b"password", || hints(TypeId::SECRET)), hints(TypeId::SECRET));
        assert_eq!((names.is_named(b"password"), names.is_named(b"passwore")), (Some(true), None));
        let names_of = |names: &mut Names, name: &[u8], bit| {
            names.say(name, || hints(bit));
            names.is_named(name)
        };
        assert_eq!(names_of(&mut names, b"user.loginPassword", TypeId::SECRET), Some(true));
        assert_eq!(names.is_named(b"user.lOginPassword"), None);
        for name in [&b"a"[..], b"abc", b"abcd", b"abcde", b"abcdefg", b"abcdefgh", b"abcdefghijklmnop"] {
            assert_eq!(names_of(&mut names, name, TypeId::SECRET), Some(true));
            assert_eq!(names_of(&mut names, name, TypeId::MOBILE), Some(true), "remembered");
        }
        let long = [b'a'; 100];
        assert_eq!(names.say(&long, || hints(TypeId::SECRET)), hints(TypeId::SECRET));
        assert_eq!(names.is_named(&long), None);
    }
}
