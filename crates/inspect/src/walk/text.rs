//! Text without a structure of its own: one leaf in pieces.

use super::binary::text_within;
use super::decode::{Cut, Pieces};
use super::{Leaf, LeafKind, LeafSink, Piece};

/// Hands text on in pieces cut at lines or delimiters.
pub struct Text {
    path: &'static str,
    pieces: Pieces,
}

impl Default for Text {
    fn default() -> Text {
        Text::at("$")
    }
}

impl Text {
    /// With that path.
    pub(super) fn at(path: &'static str) -> Text {
        Text { path, pieces: Pieces::default() }
    }

    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let path = self.path;
        self.pieces.push(bytes, &mut |cut| leaf(path, &cut, sink));
    }

    /// The end.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        if !self.pieces.is_empty() {
            let path = self.path;
            self.pieces.finish(&mut |cut| leaf(path, &cut, sink));
        }
    }
}

fn leaf<S: LeafSink>(path: &str, cut: &Cut<'_>, sink: &mut S) {
    // Never `Whole`: such text is searched, it is not one value. A short plain-text answer may be one, though.
    let piece = match (cut.first, cut.last) {
        (true, true) if cut.bytes.len() <= 64 => Piece::Whole,
        (_, true) => Piece::Last,
        (_, false) => Piece::More,
    };
    let value = &text_within(cut.bytes);
    sink.leaf(&Leaf { key: "", parent: "", path, value, kind: LeafKind::Text, record: 0, piece });
}

#[cfg(test)]
mod tests {
    use super::super::{Structure, testing::lines};

    #[test]
    fn short_text_is_one_leaf_and_nothing_is_none() {
        assert_eq!(lines(&Structure::Text, b"13800138000\n"), ["$|||13800138000\n|0"]);
        assert!(lines(&Structure::Text, b"").is_empty());
    }
}
