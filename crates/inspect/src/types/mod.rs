//! Types of sensitive data: a table, one file per family, and how sure it is that a value is one.
//!
//! `points = base + validator + key or label − penalties`; each type says its own base. All points are multiples of
//! five. From 60 on a value is reported, from 40 on it is a candidate.

mod contact;
pub mod custom;
mod digits;
mod finance;
mod identity;
mod keys;
mod mask;
mod masked;
mod scan;
mod tables;
pub mod validators;

use spyhop_model::{DataType, Form};

pub use custom::{CustomTypes, TypeSettings};
pub use keys::{Hints, TypeSet, hints};
pub use mask::{generic_mask, mask};
pub(crate) use scan::label_word;
pub use scan::{Scan, find, is_interesting};

/// A type: what it is, which names speak for it, and how its values are written.
#[derive(Debug)]
pub struct Type {
    /// Identifier, names, grade, class.
    pub data: DataType,
    /// Normalised names that tell the type wherever they stand in a key.
    pub strong: &'static [&'static str],
    /// Names that tell it only as the whole key.
    pub whole: &'static [&'static str],
    /// Names that tell its family.
    pub medium: &'static [&'static str],
    /// Points for a strong key, and for a label before the value in text.
    pub strong_points: (i16, i16),
    /// Points for another personal value of 70 or more in the same record.
    pub record_points: i16,
    /// The one way of writing a value that all others become before they are compared.
    pub canonical: fn(&str) -> String,
}

/// Index of a type in [`TYPES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u8);

impl TypeId {
    /// Resident identity number.
    pub const RESIDENT_ID: TypeId = TypeId(0);
    /// Mobile number.
    pub const MOBILE: TypeId = TypeId(1);
    /// Payment card number.
    pub const BANK_CARD: TypeId = TypeId(2);
    /// E-mail address.
    pub const EMAIL: TypeId = TypeId(3);
    /// Personal name.
    pub const NAME: TypeId = TypeId(4);

    /// The custom type of that index.
    pub(crate) fn custom(index: usize) -> TypeId {
        TypeId(FIRST_CUSTOM.saturating_add(index.min(custom::MAX_TYPES - 1) as u8))
    }

    /// Which custom type it is.
    pub(crate) fn index_of_custom(self) -> Option<usize> {
        self.0.checked_sub(FIRST_CUSTOM).map(usize::from)
    }

    /// The type. An index beyond the table is the first one; there is none such, but for custom types, which
    /// [`CustomTypes`] knows.
    pub fn get(self) -> &'static Type {
        TYPES.get(usize::from(self.0)).copied().unwrap_or(&identity::RESIDENT_ID)
    }

    /// This type alone.
    pub fn set(self) -> TypeSet {
        1 << self.0
    }
}

/// Index of the first custom type: a [`TypeSet`] has room for as many of both.
const FIRST_CUSTOM: u8 = 64;

/// All types, in order of precedence.
pub static TYPES: &[&Type] =
    &[&identity::RESIDENT_ID, &contact::MOBILE, &finance::BANK_CARD, &contact::EMAIL, &identity::NAME];

/// The type of that identifier.
pub fn by_name(id: &str) -> Option<&'static DataType> {
    TYPES.iter().map(|t| &t.data).find(|data| data.id == id)
}

/// A place in a text that may be a value of a type, before its surroundings are weighed.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Which type.
    pub what: TypeId,
    /// In full or masked.
    pub form: Form,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Base and validator.
    pub points: i16,
    /// A checksum and all else that can be checked agree.
    pub checked: bool,
    /// A documented test value, a run or a repetition.
    pub test_value: bool,
    /// Its digits are also a time.
    pub time_like: bool,
    /// Never more than this.
    pub cap: i16,
    /// What the label before it in the text says.
    pub label: Option<Hints>,
}

impl Candidate {
    /// A candidate with nothing special about it.
    pub(crate) fn new(what: TypeId, form: Form, (start, end): (usize, usize), points: i16) -> Candidate {
        Candidate {
            what,
            form,
            start,
            end,
            points,
            checked: false,
            test_value: false,
            time_like: false,
            cap: 100,
            label: None,
        }
    }

    /// Points, 0..=100, given the names around: key and parent key of the leaf.
    pub fn confidence(&self, key: Hints, parent: Hints) -> u8 {
        let kind = self.what.get();
        let bit = self.what.set();
        let context = match self.label.filter(|label| label.is_some()) {
            Some(label) if label.strong & bit != 0 => kind.strong_points.1,
            Some(label) if label.medium & bit != 0 => 15,
            Some(label) if label.negative => self.negative(),
            _ if key.strong & bit != 0 => kind.strong_points.0,
            _ if key.medium & bit != 0 => 20,
            _ if key.negative => self.negative(),
            _ if (parent.strong | parent.medium) & bit != 0 => 10,
            _ => 0,
        };
        let test = if self.test_value { 30 } else { 0 };
        let time = if self.time_like && context < 25 { 30 } else { 0 };
        (self.points + context - test - time).clamp(0, self.cap) as u8
    }

    fn negative(&self) -> i16 {
        if self.checked { -20 } else { -40 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_unique_and_indices_right() {
        let ids: std::collections::BTreeSet<_> = TYPES.iter().map(|t| t.data.id).collect();
        assert_eq!(ids.len(), TYPES.len());
        for (index, id) in [
            (TypeId::RESIDENT_ID, "cn_resident_id"),
            (TypeId::MOBILE, "cn_mobile"),
            (TypeId::BANK_CARD, "bank_card"),
            (TypeId::EMAIL, "email"),
            (TypeId::NAME, "cn_name"),
        ] {
            assert_eq!(index.get().data.id, id);
            assert_eq!(by_name(id), Some(&index.get().data));
        }
    }
}
