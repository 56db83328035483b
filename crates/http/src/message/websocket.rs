//! WebSocket (RFC 6455): one direction's frames to messages, unmasked and inflated as they pass by.
//!
//! ```text
//!            header complete               gap past the payload's end, or over a header
//!  Header ──────────────────> Payload      any ──────> Lost ── frames begin here ──> Header
//!    ▲                           │
//!    └──── no payload is left ───┘         Header ── no frame ──> GivenUp
//! ```

use super::deflate::Deflate;
use super::{End, Kind, Piece, Taken};
use crate::coding::{Decoders, Trouble};
use crate::http1::head::Role;
use crate::limits::Limits;

/// The longest frame header: two bytes, eight of length, four of key (RFC 6455, section 5.2).
const HEADER: usize = 14;
/// Bytes unmasked at once.
const UNMASKED: usize = 4 << 10;

/// What both sides agreed to about permessage-deflate (RFC 7692, section 7.1). Windows are always inflated at their
/// largest, which reads all smaller ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeflateParameters {
    /// The server's messages do not refer back to those before.
    pub(crate) server_no_context_takeover: bool,
    /// Nor the client's.
    pub(crate) client_no_context_takeover: bool,
    /// The window of the server's messages as a power of two; `None` where not said, which is 15.
    pub(crate) server_max_window_bits: Option<u8>,
    /// The window of the client's.
    pub(crate) client_max_window_bits: Option<u8>,
}

impl DeflateParameters {
    /// Those in the value of a Sec-WebSocket-Extensions field of an answer; `None` if permessage-deflate is not in it.
    pub(crate) fn parse(value: &[u8]) -> Option<DeflateParameters> {
        value.split(|byte| *byte == b',').find_map(|extension| {
            let mut parts = extension.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            if !parts.next()?.eq_ignore_ascii_case(b"permessage-deflate") {
                return None;
            }
            let mut parameters = DeflateParameters::default();
            for part in parts {
                let mut pair = part.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
                let name = pair.next().unwrap_or_default();
                let mut bits = || {
                    let value = pair.next()?;
                    let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
                    std::str::from_utf8(value).ok()?.parse().ok().filter(|bits| (8..=15).contains(bits))
                };
                match name.to_ascii_lowercase().as_slice() {
                    b"server_no_context_takeover" => parameters.server_no_context_takeover = true,
                    b"client_no_context_takeover" => parameters.client_no_context_takeover = true,
                    b"server_max_window_bits" => parameters.server_max_window_bits = bits(),
                    b"client_max_window_bits" => parameters.client_max_window_bits = bits(),
                    _ => {}
                }
            }
            Some(parameters)
        })
    }
}

/// Reads what one side sends.
pub(crate) struct Reader {
    sender: Role,
    /// permessage-deflate was agreed to, or nobody knows.
    may_deflate: bool,
    state: State,
    header: [u8; HEADER],
    /// Bytes of the header that are there.
    have: usize,
    frame: Frame,
    message: Option<Message>,
    deflate: Deflate,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Payload,
    /// Where the next frame begins is not known.
    Lost,
    /// These are no frames.
    GivenUp,
}

/// The payload at hand.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    left: u64,
    key: [u8; 4],
    /// Which byte of the key comes next.
    phase: u8,
    last: bool,
    control: bool,
}

#[derive(Clone, Copy, Debug)]
struct Message {
    kind: Kind,
    compressed: bool,
    gap: bool,
    blank: bool,
    bad: bool,
    /// Its payload cannot be told: it began where bytes were lost, and may be compressed.
    obscure: bool,
}

/// A frame header (RFC 6455, section 5.2).
#[derive(Clone, Copy, Debug)]
struct Header {
    last: bool,
    rsv: u8,
    opcode: u8,
    masked: bool,
    key: [u8; 4],
    payload: u64,
    /// Bytes of the header itself.
    size: usize,
    /// The length is in its shortest form.
    minimal: bool,
}

impl Header {
    /// `None`: more bytes are needed.
    fn parse(bytes: &[u8]) -> Option<Header> {
        let [first, second, rest @ ..] = bytes else { return None };
        let (payload, width) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
            127 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
            short => (u64::from(short), 0),
        };
        let masked = second & 0x80 != 0;
        let key = if masked { *rest.get(width..)?.first_chunk()? } else { [0; 4] };
        let minimal = match width {
            2 => payload > 125,
            8 => payload > 0xffff,
            _ => true,
        };
        let size = 2 + width + if masked { 4 } else { 0 };
        let (last, rsv, opcode) = (first & 0x80 != 0, first >> 4 & 7, first & 0xf);
        Some(Header { last, rsv, opcode, masked, key, payload, size, minimal })
    }

    fn is_control(&self) -> bool {
        self.opcode & 8 != 0
    }

    /// A frame as it may stand in the field: neither its length's form nor a long control frame is held against it.
    fn is_frame(&self) -> bool {
        matches!(self.opcode, 0..=2 | 8..=10) && self.rsv & 3 == 0 && self.payload >> 63 == 0
    }

    /// A frame as the standard has it, for finding one among other bytes.
    fn is_exact(&self, sender: Role, may_deflate: bool) -> bool {
        let rsv = self.rsv == 0 || self.rsv == 4 && may_deflate && matches!(self.opcode, 1 | 2);
        let control = !self.is_control() || self.last && self.payload <= 125;
        self.is_frame() && rsv && control && self.minimal && self.masked == (sender == Role::Client)
    }
}

impl Reader {
    /// For what `sender` sends after the handshake. `deflate`: what was agreed to, `None` if nothing or if that is not
    /// known.
    pub(crate) fn new(sender: Role, deflate: Option<DeflateParameters>) -> Reader {
        Reader::with(sender, deflate, deflate.is_some(), State::Header)
    }

    /// For a stream whose beginning was not seen. `deflate`: `None` if that is not known.
    #[cfg(test)]
    pub(crate) fn midway(sender: Role, deflate: Option<DeflateParameters>) -> Reader {
        Reader::with(sender, deflate, true, State::Lost)
    }

    fn with(sender: Role, deflate: Option<DeflateParameters>, may_deflate: bool, state: State) -> Reader {
        let parameters = deflate.unwrap_or_default();
        let fresh = match sender {
            Role::Client => parameters.client_no_context_takeover,
            Role::Server => parameters.server_no_context_takeover,
        };
        Reader {
            sender,
            may_deflate,
            state,
            header: [0; HEADER],
            have: 0,
            frame: Frame::default(),
            message: None,
            deflate: Deflate::new(!fresh, state == State::Lost),
            closed: false,
        }
    }

    /// The next bytes. Where bytes were lost before, `bytes` should begin where a segment does: that is where a frame
    /// may begin.
    pub(crate) fn push(
        &mut self,
        decoders: &mut Decoders,
        limits: &Limits,
        mut bytes: &[u8],
        sink: &mut dyn FnMut(Piece<'_>),
    ) -> Taken {
        let mut taken = Taken::default();
        if self.state == State::Lost && frames_begin(bytes, self.sender, self.may_deflate) {
            self.state = State::Header;
        }
        while !bytes.is_empty() {
            match self.state {
                State::Lost => {
                    taken.after_gap += bytes.len();
                    break;
                }
                State::GivenUp => {
                    taken.garbage += bytes.len();
                    break;
                }
                State::Header => {
                    let (used, header) = self.gather(bytes);
                    bytes = bytes.get(used..).unwrap_or_default();
                    taken.parsed += used;
                    match header {
                        Some(header) if !header.is_frame() => {
                            self.end_message(decoders, limits, true, sink);
                            self.deflate.abandon(decoders);
                            self.state = State::GivenUp;
                            sink(Piece::Bad);
                        }
                        Some(header) => self.begin_frame(decoders, limits, &header, sink),
                        None => {}
                    }
                }
                State::Payload => {
                    let length = usize::try_from(self.frame.left).unwrap_or(usize::MAX).min(bytes.len());
                    let (payload, rest) = bytes.split_at(length);
                    bytes = rest;
                    if self.payload(decoders, limits, payload, sink) {
                        taken.parsed += length;
                    } else {
                        taken.after_gap += length;
                    }
                    self.frame.left -= length as u64;
                    self.end_frame(decoders, limits, sink);
                }
            }
        }
        taken
    }

    /// `lost` bytes were not seen. Within a payload they are passed over by the length it declared.
    pub(crate) fn gap(&mut self, decoders: &mut Decoders, limits: &Limits, lost: u64, sink: &mut dyn FnMut(Piece<'_>)) {
        if lost == 0 {
            return;
        }
        match self.state {
            State::Lost | State::GivenUp => {}
            State::Payload if lost <= self.frame.left => {
                self.frame.left -= lost;
                self.frame.phase = (self.frame.phase + (lost & 3) as u8) & 3;
                if !self.frame.control {
                    self.message_gap(sink);
                }
                self.end_frame(decoders, limits, sink);
            }
            State::Header | State::Payload => {
                self.message_gap(sink);
                self.end_message(decoders, limits, true, sink);
                // A message that was not seen may stand between those before and those after.
                self.deflate.lost();
                (self.state, self.have) = (State::Lost, 0);
            }
        }
    }

    /// Nothing follows: ends the message at hand and gives back what was taken.
    pub(crate) fn finish(&mut self, decoders: &mut Decoders, limits: &Limits, sink: &mut dyn FnMut(Piece<'_>)) {
        self.end_message(decoders, limits, true, sink);
        self.deflate.abandon(decoders);
    }

    /// Takes bytes of a header: how many, and the header once it is whole.
    fn gather(&mut self, bytes: &[u8]) -> (usize, Option<Header>) {
        let mut used = 0;
        for byte in bytes {
            let Some(place) = self.header.get_mut(self.have) else { break };
            *place = *byte;
            (self.have, used) = (self.have + 1, used + 1);
            if let Some(header) = Header::parse(self.header.get(..self.have).unwrap_or_default()) {
                self.have = 0;
                return (used, Some(header));
            }
        }
        (used, None)
    }

    fn begin_frame(
        &mut self,
        decoders: &mut Decoders,
        limits: &Limits,
        header: &Header,
        sink: &mut dyn FnMut(Piece<'_>),
    ) {
        let control = header.is_control();
        self.frame = Frame { left: header.payload, key: header.key, phase: 0, last: header.last, control };
        self.state = State::Payload;
        if header.opcode == 8 && !self.closed {
            self.closed = true;
            sink(Piece::Closed);
        }
        if !control && (header.opcode != 0 || self.message.is_none()) {
            // The one before was never completed.
            self.end_message(decoders, limits, true, sink);
            let kind = if header.opcode == 1 { Kind::Text } else { Kind::Binary };
            let compressed = header.rsv & 4 != 0;
            sink(Piece::Begin(kind));
            let blank = compressed && self.deflate.begin(decoders, limits);
            let bad = header.opcode == 0;
            // Whether it is compressed its first frame said.
            let obscure = bad && self.may_deflate;
            self.message = Some(Message { kind, compressed, gap: false, blank, bad, obscure });
            if bad {
                self.message_gap(sink);
            }
        }
        self.end_frame(decoders, limits, sink);
    }

    /// Bytes of the payload at hand; `false` if they cannot be told because of a gap.
    fn payload(
        &mut self,
        decoders: &mut Decoders,
        limits: &Limits,
        payload: &[u8],
        sink: &mut dyn FnMut(Piece<'_>),
    ) -> bool {
        let Some(message) = self.message.filter(|_| !self.frame.control) else { return true };
        if message.obscure || message.compressed && self.deflate.is_over() {
            self.frame.phase = (self.frame.phase + (payload.len() & 3) as u8) & 3;
            return !message.gap;
        }
        let deflate = &mut self.deflate;
        let mut show = |plain: &[u8]| {
            if message.compressed {
                deflate.push(decoders, limits, plain, &mut |bytes| sink(Piece::Data(bytes)));
            } else {
                sink(Piece::Data(plain));
            }
        };
        if self.frame.key == [0; 4] {
            show(payload);
            return true;
        }
        let mut key = self.frame.key;
        key.rotate_left(usize::from(self.frame.phase));
        let mut room = [0; UNMASKED];
        // Pieces but the last are of a multiple of four.
        for masked in payload.chunks(UNMASKED) {
            let plain = room.get_mut(..masked.len()).unwrap_or_default();
            plain.copy_from_slice(masked);
            let mut words = plain.chunks_exact_mut(4);
            words.by_ref().for_each(|word| word.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key));
            words.into_remainder().iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            show(plain);
        }
        self.frame.phase = (self.frame.phase + (payload.len() & 3) as u8) & 3;
        true
    }

    fn end_frame(&mut self, decoders: &mut Decoders, limits: &Limits, sink: &mut dyn FnMut(Piece<'_>)) {
        if self.frame.left == 0 {
            self.state = State::Header;
            if self.frame.last && !self.frame.control {
                self.end_message(decoders, limits, false, sink);
            }
        }
    }

    /// Bytes of the message at hand, if there is one, were lost.
    fn message_gap(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        if let Some(message) = &mut self.message {
            message.gap = true;
            if message.compressed {
                self.deflate.lost();
            }
            sink(Piece::Gap);
        }
    }

    fn end_message(&mut self, decoders: &mut Decoders, limits: &Limits, cut: bool, sink: &mut dyn FnMut(Piece<'_>)) {
        let Some(message) = self.message.take() else { return };
        let mut trouble = match (message.compressed, cut) {
            (false, _) => Trouble::default(),
            (true, false) => self.deflate.end(decoders, limits, &mut |bytes| sink(Piece::Data(bytes))),
            (true, true) => self.deflate.cut(decoders),
        };
        trouble.bad |= message.bad;
        let Message { kind, compressed, gap, blank, .. } = message;
        sink(Piece::End(End { kind, compressed, gap, cut, blank, trouble }));
    }
}

/// Whether frames begin here: one that ends with these bytes, or two and the start of a third.
fn frames_begin(bytes: &[u8], sender: Role, may_deflate: bool) -> bool {
    let (mut rest, mut frames) = (bytes, 0);
    while !rest.is_empty() {
        let Some(header) = Header::parse(rest) else { return frames >= 2 };
        if !header.is_exact(sender, may_deflate) {
            return false;
        }
        let whole = usize::try_from(header.payload).ok().and_then(|payload| payload.checked_add(header.size));
        match whole.and_then(|whole| rest.get(whole..)) {
            Some(after) => (rest, frames) = (after, frames + 1),
            None => return frames >= 2,
        }
    }
    frames >= 1
}

#[cfg(test)]
mod tests;
