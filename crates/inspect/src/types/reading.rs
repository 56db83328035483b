//! A place in a text where something like a number or a code stands, and what it may be.

use arrayvec::ArrayVec;
use spyhop_model::Form;

use super::digits::is_border;
use super::{Candidate, Scan, TypeId};
use crate::walk::LeafKind;

/// Most readings of one place.
const MOST: usize = 8;

/// How the characters of a [`Spot`] are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Together.
    Plain,
    /// In groups with single spaces or hyphens between.
    Grouped,
    /// In groups with dots between, perhaps hyphens or slashes too (`123.456.789-09`).
    Dotted,
    /// Together, and the check character in brackets (`A123456(3)`).
    Bracketed,
    /// In groups with colons between, or with hyphens where all groups are of two (`00-1b-44-11-3a-b7`).
    Colons,
}

/// Something like a number or a code: digits, or letters and digits, perhaps in groups.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'a> {
    /// The text around.
    pub around: &'a [u8],
    /// First byte and the byte after the last in it.
    pub span: (usize, usize),
    /// Its characters without separators, as written (case is kept).
    pub compact: &'a [u8],
    /// How it is written.
    pub written: Written,
    /// Lengths of its groups.
    pub groups: &'a [usize],
    /// A plus sign stands before it (and is in the span).
    pub plus: bool,
    /// It stands in a text; else it is the whole value.
    pub text: bool,
    /// What else is known.
    pub scan: &'a Scan,
}

impl Spot<'_> {
    /// A full value of a type with these points, fewer in text.
    pub fn candidate(&self, what: TypeId, points: i16) -> Candidate {
        Candidate::new(what, Form::Full, self.span, points - if self.text { 10 } else { 0 })
    }

    /// Points that a number of more than 15 digits loses as a number token: most readers of JSON cannot keep it.
    pub fn unquoted(&self) -> i16 {
        if self.scan.kind == LeafKind::Number && self.compact.len() >= 16 { 10 } else { 0 }
    }

    /// Its first groups alone, if they have that many characters together.
    pub fn narrowed(&self, length: usize) -> Option<Self> {
        let mut sum = 0;
        let at = self.groups.iter().position(|group| {
            sum += group;
            sum >= length
        })?;
        let sign = usize::from(self.plus);
        (sum == length).then_some(Spot {
            span: (self.span.0, self.span.0 + sign + length + at),
            compact: self.compact.get(..length)?,
            groups: self.groups.get(..=at)?,
            ..*self
        })
    }

    /// Its bytes as written.
    pub fn raw(&self) -> &[u8] {
        self.around.get(self.span.0..self.span.1).unwrap_or_default()
    }

    /// All digits.
    pub fn is_number(&self) -> bool {
        self.compact.iter().all(u8::is_ascii_digit)
    }

    /// Whether a text may end on both sides of it.
    pub fn is_bound(&self) -> bool {
        !self.text || is_border(self.around, self.span.0, self.span.1)
    }

    /// A strong name speaks for the type, of the whole value's field.
    pub fn is_named(&self, what: TypeId) -> bool {
        self.scan.named & what.set() != 0
    }
}

/// What one place may be, likeliest first where points are equal.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    all: ArrayVec<Candidate, MOST>,
}

impl Readings {
    /// One more; beyond the eighth they are dropped, the table's order decides which.
    pub fn push(&mut self, candidate: Candidate) {
        let _ = self.all.try_push(candidate);
    }

    /// One more, if it is one.
    pub fn add(&mut self, candidate: Option<Candidate>) {
        if let Some(candidate) = candidate {
            self.push(candidate);
        }
    }

    /// All of them.
    pub fn as_slice(&self) -> &[Candidate] {
        &self.all
    }

    /// All of them, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [Candidate] {
        &mut self.all
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}
