//! Frames (RFC 9113, section 4) cut out of a stream of bytes without gathering them.
//!
//! ```text
//! Header(9) ──> Fixed(n) ──> Content ──> Rest ──> Header …
//!               ^─ SETTINGS: once for each ─┘
//! ```
//!
//! `Fixed` are the few bytes whose meaning is needed; they alone are held while they are not whole. Frames longer than
//! the recipient's SETTINGS_MAX_FRAME_SIZE are read as any other: to go on is what finds the requests behind them.

/// Bytes of a frame's header.
pub(super) const HEADER: usize = 9;

/// Types of frames (RFC 9113, section 6).
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PUSH_PROMISE: u8 = 5;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

/// Flags of frames; ACK and END_STREAM are one bit.
pub(crate) mod flag {
    pub(crate) const END_STREAM: u8 = 0x1;
    pub(crate) const ACK: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

/// A frame's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Option<Header> {
        let [a, b, c, kind, flags, stream @ ..] = *bytes.first_chunk::<HEADER>()?;
        let length = u32::from_be_bytes([0, a, b, c]);
        Some(Header { length, kind, flags, stream: u32::from_be_bytes(stream) & 0x7fff_ffff })
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn is_block(&self) -> bool {
        matches!(self.kind, kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION)
    }

    /// Bytes behind the header that are needed whole.
    fn fixed(&self) -> usize {
        let padded = usize::from(self.has(flag::PADDED));
        match self.kind {
            kind::DATA => padded,
            kind::HEADERS => padded + if self.has(flag::PRIORITY) { 5 } else { 0 },
            kind::PUSH_PROMISE => padded + 4,
            kind::SETTINGS if !self.has(flag::ACK) && self.length >= 6 => 6,
            kind::RST_STREAM => 4,
            kind::GOAWAY => 8,
            _ => 0,
        }
    }
}

/// Whether these bytes are a frame's header as peers in their senses write it, judged strictly: where it is a guess
/// that a frame begins here. `max`: the longest frame that is allowed.
pub(super) fn plausible(bytes: &[u8], max: u32) -> Option<Header> {
    let header = Header::read(bytes)?;
    let reserved = bytes.get(5).is_some_and(|byte| byte & 0x80 != 0);
    let (flags, on_stream, length) = match header.kind {
        kind::DATA => (flag::END_STREAM | flag::PADDED, true, header.length <= max),
        kind::HEADERS => (
            flag::END_STREAM | flag::END_HEADERS | flag::PADDED | flag::PRIORITY,
            true,
            (1..=max).contains(&header.length),
        ),
        kind::PRIORITY => (0, true, header.length == 5),
        kind::RST_STREAM => (0, true, header.length == 4),
        kind::SETTINGS => {
            let length = if header.has(flag::ACK) { header.length == 0 } else { header.length <= 6 * 32 };
            (flag::ACK, false, length && header.length.is_multiple_of(6))
        }
        kind::PUSH_PROMISE => (flag::END_HEADERS | flag::PADDED, true, (5..=max).contains(&header.length)),
        kind::PING => (flag::ACK, false, header.length == 8),
        kind::GOAWAY => (0, false, (8..=1024).contains(&header.length)),
        kind::WINDOW_UPDATE => (0, header.stream != 0, header.length == 4),
        kind::CONTINUATION => (flag::END_HEADERS, true, (1..=max).contains(&header.length)),
        _ => return None,
    };
    let padding = u32::from(header.has(flag::PADDED) && !matches!(header.kind, kind::SETTINGS | kind::PING));
    let sound = header.flags & !flags == 0 && on_stream == (header.stream != 0) && length && header.length >= padding;
    (sound && !reserved).then_some(header)
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Of a body. `last`: it ends the frame.
    Data {
        header: Header,
        bytes: &'a [u8],
        last: bool,
    },
    /// Of a header block. `promised`: the stream that a PUSH_PROMISE announces. `last`: it ends the frame.
    Block {
        header: Header,
        promised: u32,
        bytes: &'a [u8],
        last: bool,
    },
    Setting {
        id: u16,
        value: u32,
    },
    Reset {
        stream: u32,
    },
    /// The peer takes no streams past this one.
    Away {
        last: u32,
    },
    /// A frame that says nothing here.
    Other(Header),
    /// What stands where a frame should begin is none, where that was a guess.
    Implausible,
}

/// What a loss of bytes has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// The frame in which it began, if its header was seen, and how much of its content is gone.
    pub(super) of: Option<(Header, u32)>,
    /// That frame's content ended within the loss.
    pub(super) ended: bool,
    /// Where the next frame begins is known.
    pub(super) in_step: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Header,
    Fixed(usize),
    Content,
    Rest,
}

/// Cuts one direction into frames.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    part: Part,
    header: Header,
    /// Of the frame's payload still to come; the last `padding` of it say nothing.
    left: u32,
    padding: u32,
    promised: u32,
    /// The part at hand, as long as it is not whole.
    held: [u8; HEADER],
    have: usize,
    /// So many frames are judged strictly, and how long they may be.
    doubt: (u8, u32),
}

impl Cutter {
    /// Where it is a guess that a frame begins: so many are judged strictly, and may be so long.
    pub(super) fn doubting(frames: u8, longest: u32) -> Self {
        Cutter { doubt: (frames, longest), ..Cutter::default() }
    }

    /// The next piece at the front of `bytes`, which is taken off; `None` once they are all used.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Piece<'a>> {
        loop {
            match self.part {
                Part::Header => {
                    let header = self.gather(bytes, HEADER)?;
                    if self.doubt.0 > 0 {
                        self.doubt.0 -= 1;
                        if plausible(&header, self.doubt.1).is_none() {
                            return Some(Piece::Implausible);
                        }
                    }
                    self.header = Header::read(&header).unwrap_or_default();
                    (self.left, self.padding, self.promised) = (self.header.length, 0, 0);
                    let fixed = self.header.fixed();
                    self.part = match fixed {
                        // Too short for what it must have: passed over, but what follows from its flags holds.
                        _ if fixed > self.left as usize => {
                            self.padding = self.left;
                            Part::Content
                        }
                        0 => Part::Content,
                        fixed => Part::Fixed(fixed),
                    };
                }
                Part::Fixed(need) => {
                    let fixed = self.gather(bytes, need)?;
                    if let Some(piece) = self.fixed(&fixed) {
                        return Some(piece);
                    }
                }
                Part::Content => {
                    let content = self.left.saturating_sub(self.padding);
                    let take = (content as usize).min(bytes.len());
                    if take == 0 && content > 0 {
                        return None;
                    }
                    let (some, rest) = bytes.split_at_checked(take)?;
                    *bytes = rest;
                    self.left -= take as u32;
                    let last = take as u32 == content;
                    let header = self.header;
                    self.part = if last { Part::Rest } else { Part::Content };
                    match header.kind {
                        kind::DATA => return Some(Piece::Data { header, bytes: some, last }),
                        _ if header.is_block() => {
                            return Some(Piece::Block { header, promised: self.promised, bytes: some, last });
                        }
                        _ if last => return Some(Piece::Other(header)),
                        _ => {}
                    }
                }
                Part::Rest => {
                    let take = (self.left as usize).min(bytes.len());
                    *bytes = bytes.get(take..).unwrap_or_default();
                    self.left -= take as u32;
                    if self.left > 0 {
                        return None;
                    }
                    self.part = Part::Header;
                }
            }
        }
    }

    /// So many bytes in one piece, once they are there.
    fn gather(&mut self, bytes: &mut &[u8], need: usize) -> Option<[u8; HEADER]> {
        let take = need.saturating_sub(self.have).min(bytes.len());
        let (some, rest) = bytes.split_at_checked(take)?;
        self.held.get_mut(self.have..self.have + take)?.copy_from_slice(some);
        *bytes = rest;
        self.have += take;
        if !matches!(self.part, Part::Header) {
            self.left = self.left.saturating_sub(take as u32);
        }
        if self.have < need {
            return None;
        }
        self.have = 0;
        Some(self.held)
    }

    fn fixed(&mut self, fixed: &[u8; HEADER]) -> Option<Piece<'static>> {
        let [a, b, c, d, e, f, ..] = *fixed;
        let word = u32::from_be_bytes([a, b, c, d]);
        match self.header.kind {
            kind::SETTINGS => {
                self.part = if self.left >= 6 { Part::Fixed(6) } else { Part::Rest };
                return Some(Piece::Setting {
                    id: u16::from_be_bytes([a, b]),
                    value: u32::from_be_bytes([c, d, e, f]),
                });
            }
            kind::RST_STREAM => {
                self.part = Part::Rest;
                return Some(Piece::Reset { stream: self.header.stream });
            }
            kind::GOAWAY => {
                self.part = Part::Rest;
                return Some(Piece::Away { last: word & 0x7fff_ffff });
            }
            _ => {}
        }
        let padded = self.header.has(flag::PADDED);
        if padded {
            self.padding = u32::from(a).min(self.left);
        }
        if self.header.kind == kind::PUSH_PROMISE {
            let promised = if padded { u32::from_be_bytes([b, c, d, e]) } else { word };
            self.promised = promised & 0x7fff_ffff;
        }
        self.part = Part::Content;
        None
    }

    /// `lost` bytes were not seen.
    pub(super) fn gap(&mut self, lost: u64) -> Lost {
        if self.part == Part::Header {
            self.have = 0;
            return Lost { of: None, ended: false, in_step: false };
        }
        let in_step = lost <= u64::from(self.left);
        let gone = if in_step { lost as u32 } else { self.left };
        let content = match self.part {
            Part::Content | Part::Fixed(_) => self.left.saturating_sub(self.padding),
            _ => 0,
        };
        // Without the fixed part, what of the rest is content cannot be told.
        let taken = if matches!(self.part, Part::Fixed(_)) { content } else { gone.min(content) };
        let ended = self.part != Part::Rest && taken == content;
        self.left -= gone;
        self.have = 0;
        self.part = match self.part {
            _ if !in_step => Part::Header,
            Part::Content if taken < content => Part::Content,
            _ => Part::Rest,
        };
        Lost { of: Some((self.header, taken)), ended, in_step }
    }

    /// Whether the next byte begins a frame.
    pub(super) fn is_between(&self) -> bool {
        match self.part {
            Part::Header => self.have == 0,
            Part::Rest => self.left == 0,
            _ => false,
        }
    }
}

#[cfg(test)]
pub(crate) fn encode(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a direction says, with adjoining pieces of a frame joined.
    fn cut(bytes: &[u8], slice: usize) -> Vec<String> {
        let mut cutter = Cutter::default();
        let mut told: Vec<String> = Vec::new();
        let mut open = String::new();
        for mut some in bytes.chunks(slice) {
            while let Some(piece) = cutter.next(&mut some) {
                match piece {
                    Piece::Data { header, bytes, last } | Piece::Block { header, bytes, last, promised: 0 } => {
                        open += &bytes.escape_ascii().to_string();
                        if last {
                            told.push(format!("{}/{:x} on {}: {open}", header.kind, header.flags, header.stream));
                            open.clear();
                        }
                    }
                    Piece::Block { promised, bytes, last, .. } => {
                        told.push(format!("promised {promised}: {} {last}", bytes.escape_ascii()));
                    }
                    Piece::Other(header) => told.push(format!("other {}", header.kind)),
                    piece => told.push(format!("{piece:?}")),
                }
            }
            assert!(some.is_empty());
        }
        assert!(cutter.is_between());
        told
    }

    fn example() -> Vec<u8> {
        [
            encode(kind::SETTINGS, 0, 0, b"\0\x01\0\0\x10\0\0\x05\0\0\x40\0"),
            encode(kind::SETTINGS, flag::ACK, 0, b""),
            encode(kind::HEADERS, 0x2d, 1, b"\x02\x80\0\0\0\xffblock\0\0"),
            encode(kind::DATA, flag::PADDED, 1, b"\x03abc\0\0\0"),
            encode(kind::DATA, 1, 1, b""),
            encode(0xfa, 0xff, 9, b"unknown"),
            encode(kind::RST_STREAM, 0, 1, b"\0\0\0\x08"),
            encode(kind::GOAWAY, 0, 0, b"\0\0\0\x07\0\0\0\x01debug"),
            encode(kind::WINDOW_UPDATE, 0, 0, b"\0\0\0\x07"),
            encode(kind::DATA, flag::PADDED, 3, b"\x09abc"),
            encode(kind::HEADERS, 0x2d, 3, b"\x02\x80"),
            encode(kind::CONTINUATION, 4, 3, b"x"),
        ]
        .concat()
    }

    #[test]
    fn frames_are_cut_however_the_bytes_come() {
        let expected = [
            "Setting { id: 1, value: 4096 }",
            "Setting { id: 5, value: 16384 }",
            "other 4",
            "1/2d on 1: block",
            "0/8 on 1: abc",
            "0/1 on 1: ",
            "other 250",
            "Reset { stream: 1 }",
            "Away { last: 7 }",
            "other 8",
            // Padding longer than the frame; a frame too short for its flags.
            "0/8 on 3: ",
            "1/2d on 3: ",
            "9/4 on 3: x",
        ];
        for slice in [usize::MAX, 1, 2, 7, 10] {
            assert_eq!(cut(&example(), slice), expected, "in slices of {slice}");
        }
        assert_eq!(cut(&encode(kind::PUSH_PROMISE, 0xc, 1, b"\x01\0\0\0\x02x\0"), 99), ["promised 2: x true"]);
    }

    #[test]
    fn a_loss_within_a_frame_is_passed_over() {
        let frame = encode(kind::DATA, flag::PADDED, 1, b"\x02abcdef\0\0");
        let lost = |seen: usize, lost: u64| {
            let mut cutter = Cutter::default();
            let mut some = &frame[..seen];
            while cutter.next(&mut some).is_some() {}
            let lost = cutter.gap(lost);
            (lost.of.map(|(_, content)| content), lost.ended, lost.in_step)
        };
        assert_eq!(lost(12, 3), (Some(3), false, true));
        assert_eq!(lost(12, 4), (Some(4), true, true));
        assert_eq!(lost(12, 6), (Some(4), true, true));
        assert_eq!(lost(12, 7), (Some(4), true, false));
        assert_eq!(lost(16, 1), (Some(0), false, true));
        assert_eq!(lost(9, 4), (Some(9), true, true));
        assert_eq!(lost(5, 1), (None, false, false));
        assert_eq!(lost(0, 1), (None, false, false));
    }

    #[test]
    fn a_header_is_judged_strictly_where_it_is_a_guess() {
        let is = |kind, flags, stream, length: usize| {
            plausible(&encode(kind, flags, stream, &vec![0; length]), 16384).is_some()
        };
        assert!(is(kind::DATA, 1, 1, 0) && is(kind::HEADERS, 0x25, 7, 30) && is(kind::SETTINGS, 0, 0, 18));
        assert!(is(kind::PING, 1, 0, 8) && is(kind::WINDOW_UPDATE, 0, 0, 4) && is(kind::WINDOW_UPDATE, 0, 5, 4));
        assert!(!is(kind::DATA, 0, 0, 0) && !is(kind::DATA, 2, 1, 9) && !is(kind::DATA, 0, 1, 16385));
        assert!(!is(kind::SETTINGS, 0, 1, 6) && !is(kind::SETTINGS, 1, 0, 6) && !is(kind::SETTINGS, 0, 0, 7));
        assert!(!is(kind::PING, 0, 0, 9) && !is(10, 0, 0, 0) && !is(kind::RST_STREAM, 0, 1, 5));
        assert!(!is(kind::DATA, 0, 0x8000_0001, 1) && !is(kind::DATA, flag::PADDED, 1, 0));
        assert!(plausible(b"GET / HTTP/1.1\r\n", 1 << 24).is_none());
    }
}
