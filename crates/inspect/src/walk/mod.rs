//! From a body, a query or a header to leaves: named values with their place. One walker per structure; all of them
//! stream: they are fed pieces, keep what straddles a border, and hold a bounded amount.

/// A named value.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// The name next to the value: object key, form field, parameter, column; empty where there is none.
    pub key: &'a str,
    /// The name one level up (arrays do not count); empty where there is none.
    pub parent: &'a str,
    /// The path to it, such as `$.data.list[*].idCard`; for forms and queries the field's name.
    pub path: &'a str,
    /// The value, unescaped and decoded.
    pub value: &'a str,
    /// What it was written as.
    pub kind: LeafKind,
    /// Which record (the smallest object, row or form around it) it stands in, counted from 0 within its body.
    pub record: u32,
    /// Which part of the value this is.
    pub piece: Piece,
}

/// What a value was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// A string, or text without types.
    Text,
    /// A number token.
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// Values beyond the walker's buffer come in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The whole value.
    Whole,
    /// Its beginning or a middle part; more follows.
    More,
    /// Its last part.
    Last,
}
