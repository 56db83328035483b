//! One named value that may be long, and may be JSON itself.

use super::decode::{Cut, Pieces, is_value_like, text};
use super::{Json, Leaf, LeafKind, LeafSink, Piece};

/// Collects one field's value and hands it on as a leaf, in pieces, or walked as JSON.
#[derive(Default)]
pub(super) struct Field {
    name: String,
    path: String,
    pieces: Pieces,
    nested: Option<Box<Json>>,
    is_nested: bool,
}

/// A name as it may stand in a path.
pub(super) fn place(name: &str) -> &str {
    if is_value_like(name.as_bytes()) { "*" } else { name }
}

/// Whether a value begins like a JSON object or an array, and, where it is whole, ends like one.
pub(super) fn begins_json(value: &[u8], whole: bool) -> bool {
    if whole && !matches!(value.trim_ascii_end().last(), Some(b'}' | b']')) {
        return false;
    }
    let mut signs = value.iter().filter(|b| !b.is_ascii_whitespace());
    match (signs.next(), signs.next()) {
        (Some(b'{'), Some(b'"' | b'}')) => true,
        (Some(b'['), Some(b'{' | b'[' | b'"')) => true,
        (Some(b'['), Some(b)) => b.is_ascii_digit(),
        _ => false,
    }
}

impl Field {
    /// A field begins.
    pub fn begin(&mut self, name: &str) {
        self.name.clear();
        self.name.push_str(name);
        self.path.clear();
        self.path.push_str(place(name));
    }

    pub fn push<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let Field { name, path, pieces, nested, is_nested } = self;
        pieces.push(bytes, &mut |cut| piece(name, path, nested, is_nested, &cut, sink));
    }

    pub fn end<S: LeafSink>(&mut self, sink: &mut S) {
        let Field { name, path, pieces, nested, is_nested } = self;
        pieces.finish(&mut |cut| piece(name, path, nested, is_nested, &cut, sink));
        self.is_nested = false;
    }

    /// A whole value at once.
    pub fn whole<S: LeafSink>(&mut self, value: &[u8], sink: &mut S) {
        let Field { name, path, nested, is_nested, .. } = self;
        piece(name, path, nested, is_nested, &Cut { bytes: value, first: true, last: true }, sink);
        self.is_nested = false;
    }
}

fn piece<S: LeafSink>(
    name: &str,
    path: &str,
    nested: &mut Option<Box<Json>>,
    is_nested: &mut bool,
    cut: &Cut<'_>,
    sink: &mut S,
) {
    if cut.first && begins_json(cut.bytes, cut.last) {
        *is_nested = true;
        nested.get_or_insert_default().restart(path, name, 1);
    }
    if let Some(json) = nested.as_mut().filter(|_| *is_nested) {
        json.feed(cut.bytes, sink);
        if cut.last {
            json.finish(sink);
        }
        return;
    }
    let piece = match (cut.first, cut.last) {
        (true, true) => Piece::Whole,
        (_, true) => Piece::Last,
        (_, false) => Piece::More,
    };
    if piece != Piece::Whole || sink.wants(name.as_bytes(), cut.bytes, LeafKind::Text) {
        let value = &text(cut.bytes);
        sink.leaf(&Leaf { key: name, parent: "", path, value, kind: LeafKind::Text, record: 0, piece });
    }
}
