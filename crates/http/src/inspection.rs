//! What the parser drives: one `Inspection` per exchange, fed as the bytes pass by.

use spyhop_model::{Connection, Timestamp};

use crate::head::{RequestHead, ResponseHead};

/// Which half of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Half {
    /// What the client sent.
    Request,
    /// What the server sent.
    Response,
}

/// Inspects one exchange while it passes: heads, then decoded body bytes, then the end. Of a body that fits
/// the parser's small-body limit the whole comes as one slice (`last` set); a longer one comes in many, in order,
/// from the first byte to the last.
///
/// Calls come in the order in which things complete: `request`, request body, `response`, response body, `end`;
/// with pipelining the halves of several exchanges interleave. A one-sided exchange has only one of the heads.
pub trait Inspection: Sized {
    /// Shared by all inspections of a worker.
    type Context;

    /// An exchange has begun at `at` (capture time of the first byte of its first head).
    fn begin(cx: &mut Self::Context, connection: &Connection, at: Timestamp) -> Self;
    /// The request head.
    fn request(&mut self, cx: &mut Self::Context, head: &RequestHead<'_>);
    /// The final response head (interim answers are counted, not shown).
    fn response(&mut self, cx: &mut Self::Context, head: &ResponseHead<'_>);
    /// The next decoded bytes of a body, after transfer and content codings. `last`: nothing of this body follows.
    /// A body with no bytes gives no call.
    fn body(&mut self, cx: &mut Self::Context, half: Half, bytes: &[u8], last: bool);
    /// The exchange is complete, or will never be.
    fn end(self, cx: &mut Self::Context, exchange: &Exchange);
}

/// What stands about an exchange at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its number on its connection, from 0, in the order of `end`.
    pub ordinal: u32,
    /// Which stream-level side the client is.
    pub client: spyhop_model::Side,
    /// First byte of the first head.
    pub began_at: Timestamp,
    /// First byte of the response head, if any.
    pub answered_at: Option<Timestamp>,
    /// The last byte of the later half (capture time of its packet).
    pub ended_at: Timestamp,
    /// The packet or timer that completed the exchange: its place in the order of events. Never earlier than `ended_at`.
    pub completed_at: Timestamp,
    /// The request's body; `None` if there was no request.
    pub request: Option<Body>,
    /// The response's body; `None` if there was no response.
    pub response: Option<Body>,
    /// Interim answers (1xx other than 101) before the final one.
    pub interim: u32,
    /// What was wrong or odd.
    pub defects: Defects,
}

/// How a body passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// Bytes after transfer codings, before content codings: RFC 9110's content length.
    pub encoded_len: u64,
    /// Bytes after content codings, as handed to the inspection.
    pub decoded_len: u64,
    /// The body is not whole, and why.
    pub truncated: Option<Truncation>,
    /// Bytes of the body that a gap swallowed.
    pub gap: u64,
}

/// Why a body or head is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truncation {
    /// Packets were lost.
    Gap,
    /// The connection or the capture ended first.
    Incomplete,
    /// The chunked framing is broken.
    BadChunk,
    /// A content coding could not be decoded; raw bytes were shown from there on.
    BadCoding,
    /// A limit on the decoded size or the ratio of decompression was reached.
    Bomb,
}

/// A set of defects of an exchange, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defects(pub u32);

impl Defects {
    /// Lines ended by a bare LF or CR.
    pub const BARE_LINE_END: u32 = 1 << 0;
    /// A header line without a colon, with space before it, or with an invalid name.
    pub const BAD_HEADER: u32 = 1 << 1;
    /// Transfer-Encoding beside Content-Length (RFC 9112, section 6.3: a smuggling sign).
    pub const LENGTH_CONFLICT: u32 = 1 << 2;
    /// A Content-Length that is no number, overflows, or comes twice with different values.
    pub const BAD_LENGTH: u32 = 1 << 3;
    /// A Transfer-Encoding that is unknown, folded, or not ended by `chunked`.
    pub const ODD_TRANSFER_CODING: u32 = 1 << 4;
    /// Chunked framing that is not what the grammar says.
    pub const BAD_CHUNK: u32 = 1 << 5;
    /// A header continued on the next line (obs-fold).
    pub const FOLDED_HEADER: u32 = 1 << 6;
    /// The start line is not what the grammar says (spaces in the target, odd version, no reason, non-numeric status).
    pub const ODD_START_LINE: u32 = 1 << 7;
    /// A head longer than the limit was cut.
    pub const HEAD_TOO_LONG: u32 = 1 << 8;
    /// A retransmission on this connection carried other bytes than those seen first.
    pub const CONFLICTING_DATA: u32 = 1 << 9;
    /// The response began before its request was complete.
    pub const EARLY_RESPONSE: u32 = 1 << 10;
    /// A content coding could not be decoded.
    pub const BAD_CODING: u32 = 1 << 11;
    /// Decompression was cut at a limit.
    pub const BOMB: u32 = 1 << 12;
    /// The pairing of request and response is a guess (bytes were lost between them).
    pub const PAIRING_GUESSED: u32 = 1 << 13;
    /// The connection was joined midway.
    pub const MIDSTREAM: u32 = 1 << 14;
    /// Packets were lost inside the exchange.
    pub const GAP: u32 = 1 << 15;

    /// Adds defects.
    pub fn add(&mut self, bits: u32) {
        self.0 |= bits;
    }
    /// Whether any of `bits` is there.
    pub fn has(self, bits: u32) -> bool {
        self.0 & bits != 0
    }
}
