//! Texts of documents and slides (ECMA-376, part 1, clauses 17 and 21): their paragraphs as lines, with the runs of a
//! paragraph put together and the cells of a row beside one another.

use super::markup::{Markup, Token, local};
use super::{LeafSink, Text};

/// Walks the parts of a document, one after another.
pub(super) struct Office {
    markup: Markup,
    text: Text,
    in_text: bool,
    /// Cells of tables that are open.
    cells: u32,
}

impl Default for Office {
    fn default() -> Office {
        Office { markup: Markup::default(), text: Text::at("$.text"), in_text: false, cells: 0 }
    }
}

impl Office {
    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let Office { markup, text, in_text, cells } = self;
        markup.feed(bytes, &mut |token| {
            match token {
                Token::Text(bytes) if *in_text => text.feed(bytes, sink),
                Token::Open(tag) => match local(tag.name) {
                    b"t" => *in_text = !tag.is_empty,
                    b"tab" | b"br" => text.feed(b"\t", sink),
                    b"tc" => *cells = cells.saturating_add(1),
                    _ => {}
                },
                Token::Close(name) => match local(name) {
                    b"t" => *in_text = false,
                    b"tc" => *cells = cells.saturating_sub(1),
                    b"p" => text.feed(if *cells > 0 { b"\t" } else { b"\n" }, sink),
                    b"tr" => text.feed(b"\n", sink),
                    _ => {}
                },
                _ => {}
            };
        });
    }

    /// The part at hand is over.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        self.markup = Markup::default();
        (self.in_text, self.cells) = (false, 0);
        self.text.finish(sink);
    }
}
