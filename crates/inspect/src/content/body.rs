//! A body from bytes to leaves.

use crate::charset::Charset;
use crate::walk::{LeafSink, Parts, SNIFFED, Walker, sniff};

/// One body on its way: made UTF-8, its structure told from its first bytes, then walked. Any [`LeafSink`] may look on;
/// two can with `&mut (&mut one, &mut other)`.
#[derive(Default)]
pub struct BodyScan {
    charset: Charset,
    walk: Walk,
}

/// The text of a body on its way to its leaves.
#[derive(Default)]
struct Walk {
    content_type: Option<Box<str>>,
    head: Vec<u8>,
    walker: Option<Walker>,
    parts: Parts,
}

impl BodyScan {
    /// A body begins; `content_type` as on the wire.
    pub fn begin(content_type: Option<&str>) -> BodyScan {
        let walk = Walk { content_type: content_type.map(Into::into), ..Walk::default() };
        BodyScan { charset: Charset::new(content_type), walk }
    }

    /// The next bytes, decoded.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let BodyScan { charset, walk } = self;
        charset.feed(bytes, &mut |text| walk.feed(text, sink));
    }

    /// Bytes were lost here.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        let BodyScan { charset, walk } = self;
        charset.gap(&mut |text| walk.feed(text, sink));
        sink.bytes_end();
        walk.gap(sink);
    }

    /// The end.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        let BodyScan { charset, walk } = self;
        charset.finish(&mut |text| walk.feed(text, sink));
        sink.bytes_end();
        walk.finish(sink);
    }

    /// What of a multipart body's parts was unusual, once it is finished.
    pub fn parts(&self) -> Parts {
        self.walk.parts
    }
}

impl Walk {
    fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        sink.bytes(bytes);
        if let Some(walker) = &mut self.walker {
            return walker.feed(bytes, sink);
        }
        if self.head.is_empty() && bytes.len() >= SNIFFED {
            return self.start(bytes, sink);
        }
        self.head.extend_from_slice(bytes);
        if self.head.len() >= SNIFFED {
            let head = std::mem::take(&mut self.head);
            self.start(&head, sink);
        }
    }

    fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        let head = std::mem::take(&mut self.head);
        if self.walker.is_none() {
            self.start(&head, sink);
        }
        if let Some(walker) = &mut self.walker {
            walker.gap(sink);
        }
    }

    fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        let head = std::mem::take(&mut self.head);
        if self.walker.is_none() && !head.is_empty() {
            self.start(&head, sink);
        }
        if let Some(mut walker) = self.walker.take() {
            walker.finish(sink);
            self.parts = walker.parts();
        }
    }

    fn start<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let first = bytes.get(..SNIFFED).unwrap_or(bytes);
        let walker = self.walker.insert(Walker::new(sniff(self.content_type.as_deref(), first)));
        walker.feed(bytes, sink);
    }
}
