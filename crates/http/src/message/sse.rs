//! Server-sent events (WHATWG HTML, section 9.2.6): the data of each event out of a decoded `text/event-stream` body.
//!
//! ```text
//!          ':'            line end            line end
//!  Name ────────> Space ──> Value ──> Name ──────────────> Name
//!    │                                  (of an empty line: the event is over)
//!    └─ line end: a field without a value
//! ```

use super::{End, Kind, Piece};
use crate::coding::Trouble;

/// The field that is handed on.
const DATA: &[u8] = b"data";
/// What may stand before the first line.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads one body.
pub(crate) struct Reader {
    state: State,
    /// A carriage return was the last byte: a line feed belongs to it.
    returned: bool,
    /// An event is open.
    open: bool,
    /// Bytes of it were lost.
    gap: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the beginning, with so many bytes of the byte order mark.
    Mark(usize),
    /// In a field's name, all so many bytes of which are those of `data`; at 0 at the start of a line.
    Name(usize),
    /// After the colon, where one space does not count.
    Space,
    /// In the value of a data field.
    Value,
    /// In a comment or another field.
    Other,
}

impl Reader {
    /// At the beginning of a body.
    pub(crate) fn new() -> Reader {
        Reader { state: State::Mark(0), returned: false, open: false, gap: false }
    }

    /// The next bytes of the decoded body.
    pub(crate) fn push(&mut self, mut bytes: &[u8], sink: &mut dyn FnMut(Piece<'_>)) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if std::mem::take(&mut self.returned) && byte == b'\n' {
                bytes = rest;
                continue;
            }
            let at_end = matches!(byte, b'\r' | b'\n');
            match self.state {
                // A mark that breaks off is the name of a field that nobody knows.
                State::Mark(have) => match MARK.get(have) {
                    Some(mark) if *mark == byte => {
                        self.state = State::Mark(have + 1);
                        bytes = rest;
                    }
                    None | Some(_) if have == 0 || have == MARK.len() => self.state = State::Name(0),
                    _ => self.state = State::Other,
                },
                State::Name(have) if at_end => {
                    if have == DATA.len() {
                        self.begin_data(sink);
                    } else if have == 0 {
                        self.end_event(false, sink);
                    }
                    self.end_line(byte);
                    bytes = rest;
                }
                State::Name(have) => {
                    self.state = match DATA.get(have) {
                        Some(name) if *name == byte => State::Name(have + 1),
                        None if byte == b':' => {
                            self.begin_data(sink);
                            State::Space
                        }
                        _ => State::Other,
                    };
                    bytes = rest;
                }
                State::Space => {
                    self.state = State::Value;
                    if byte == b' ' {
                        bytes = rest;
                    }
                }
                State::Value | State::Other => {
                    let length = memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
                    let (line, rest) = bytes.split_at(length);
                    if self.state == State::Value && !line.is_empty() {
                        sink(Piece::Data(line));
                    }
                    bytes = rest;
                    if let Some((&byte, rest)) = rest.split_first() {
                        self.end_line(byte);
                        bytes = rest;
                    }
                }
            }
        }
    }

    /// Bytes were lost: what follows up to the end of its line is taken for data of the event at hand.
    pub(crate) fn gap(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        if !self.open {
            sink(Piece::Begin(Kind::Event));
        }
        (self.open, self.gap, self.returned) = (true, true, false);
        self.state = State::Value;
        sink(Piece::Gap);
    }

    /// The body is over. A browser drops an event that is not complete; here it is shown.
    pub(crate) fn finish(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        if self.state == State::Name(DATA.len()) {
            self.begin_data(sink);
        }
        self.end_event(true, sink);
        self.state = State::Name(0);
    }

    fn end_line(&mut self, byte: u8) {
        self.returned = byte == b'\r';
        self.state = State::Name(0);
    }

    /// A data field begins; those of one event are joined by line feeds.
    fn begin_data(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        if std::mem::replace(&mut self.open, true) {
            sink(Piece::Data(b"\n"));
        } else {
            sink(Piece::Begin(Kind::Event));
        }
    }

    fn end_event(&mut self, cut: bool, sink: &mut dyn FnMut(Piece<'_>)) {
        if std::mem::take(&mut self.open) {
            let gap = std::mem::take(&mut self.gap);
            let trouble = Trouble::default();
            sink(Piece::End(End { kind: Kind::Event, compressed: false, gap, cut, blank: false, trouble }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Said, in_order, say, texts};
    use super::*;

    /// What is said of parts, with a gap between each two if `gap`.
    fn said(parts: &[&[u8]], gap: bool) -> Vec<Said> {
        let (mut reader, mut said) = (Reader::new(), Vec::new());
        for (at, part) in parts.iter().enumerate() {
            if gap && at > 0 {
                reader.gap(&mut |piece| say(&mut said, piece));
            }
            reader.push(part, &mut |piece| say(&mut said, piece));
        }
        reader.finish(&mut |piece| say(&mut said, piece));
        assert!(in_order(&said), "{said:?}");
        said
    }

    /// The events of a body, checked to be the same for every cut.
    fn events(body: &str) -> Vec<String> {
        let whole = said(&[body.as_bytes()], false);
        for at in 0..body.len() {
            let (a, b) = body.as_bytes().split_at(at);
            assert_eq!(said(&[a, b], false), whole, "cut at {at}");
        }
        assert_eq!(said(&body.as_bytes().chunks(1).collect::<Vec<_>>(), false), whole, "single bytes");
        texts(&whole)
    }

    #[test]
    fn events_are_cut_at_empty_lines_and_their_data_is_joined() {
        assert_eq!(events("data: YHOO\ndata: +2\ndata: 10\n\n"), ["YHOO\n+2\n10"]);
        assert_eq!(
            events(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"),
            ["first event", "second event", " third event"]
        );
        assert_eq!(events("data\n\ndata\ndata\n\ndata:"), ["", "\n", "|cut"]);
        assert_eq!(events("event: only\nretry: 5\n\n\n\n"), [""; 0]);
        assert_eq!(events("datax: no\ndat: no\n data: no\ndata : no\n\n"), [""; 0]);
    }

    #[test]
    fn all_line_ends_and_the_byte_order_mark_are_read() {
        assert_eq!(
            events("\u{feff}data: a\r\ndata: b\r\n\r\ndata: c\r\rdata: d\n\ndata: e"),
            ["a\nb", "c", "d", "e|cut"]
        );
        assert_eq!(events("\r\n\r\ndata: a\n\r\n"), ["a"]);
        assert_eq!(said(&[b"\xEF\xBBdata: a\ndata: b\n\n"], false), said(&[b"data: b\n\n"], false), "half a mark");
    }

    #[test]
    fn data_is_shown_across_a_gap() {
        assert_eq!(texts(&said(&[b"data: {\"a\":1", b"38\"}\n\ndata: b\n\n"], true)), ["{\"a\":1~38\"}", "b"]);
        assert_eq!(texts(&said(&[b"id: 1", b"ta: x\r\n\r\n"], true)), ["~ta: x"]);
        assert_eq!(texts(&said(&[b"", b""], true)), ["~|cut"]);
    }

    proptest! {
        #[test]
        fn any_bytes_give_pieces_in_order(parts in proptest::collection::vec("[data: \r\n\u{feff}x]{0,12}", 0..8), gap: bool) {
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
            let cut = said(&parts, gap);
            if !gap {
                prop_assert_eq!(cut, said(&[&parts.concat()], false));
            }
        }
    }
}
