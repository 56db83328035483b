//! One named value that may be long, and may hold a document.

use super::LeafSink;
use super::decode::is_value_like;
use super::nested::{Names, Value};

/// Collects one field's value and hands it on as a leaf, in pieces, or walked as the document it is.
#[derive(Default)]
pub(super) struct Field {
    name: String,
    path: String,
    value: Value,
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
        let Field { name, path, value } = self;
        value.push(bytes, &names(name, path), &mut 0, sink);
    }

    pub fn end<S: LeafSink>(&mut self, sink: &mut S) {
        let Field { name, path, value } = self;
        value.end(&names(name, path), &mut 0, sink);
    }

    /// A whole value at once.
    pub fn whole<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let Field { name, path, value } = self;
        value.whole(bytes, &names(name, path), &mut 0, sink);
    }
}

/// All fields are one record.
fn names<'a>(key: &'a str, path: &'a str) -> Names<'a> {
    Names { key, parent: "", path, record: 0 }
}
