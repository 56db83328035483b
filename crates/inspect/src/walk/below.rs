//! Leaves of a document within another, under the path of its place.

use super::{Leaf, LeafKind, LeafSink, Look};

/// Puts a path before each leaf's own, and counts its records on.
pub(super) struct Below<'a> {
    sink: &'a mut dyn LeafSink,
    path: String,
    root: usize,
    first: u32,
    /// The first number that no record has yet.
    next: u32,
}

impl<'a> Below<'a> {
    /// Under `root`, after so many records.
    pub fn new(sink: &'a mut dyn LeafSink, root: &str, first: u32, next: u32) -> Below<'a> {
        Below { sink, path: root.to_owned(), root: root.len(), first, next }
    }

    /// The first number that no record has yet.
    pub fn next(&self) -> u32 {
        self.next
    }
}

impl LeafSink for Below<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        self.path.truncate(self.root);
        match leaf.path.strip_prefix('$') {
            Some(path) => self.path.push_str(path),
            None => {
                self.path.push('.');
                self.path.push_str(leaf.path);
            }
        }
        let record = self.first.wrapping_add(leaf.record);
        self.next = self.next.max(record.wrapping_add(1));
        self.sink.leaf(&Leaf { path: &self.path, record, ..*leaf });
    }

    fn wants(&self, key: &[u8], value: &[u8], kind: LeafKind) -> bool {
        self.sink.wants(key, value, kind)
    }

    fn wants_under(&self, key: &[u8]) -> bool {
        self.sink.wants_under(key)
    }

    fn passes(&self, look: &Look, value: &[u8], kind: LeafKind) -> bool {
        self.sink.passes(look, value, kind)
    }
}
