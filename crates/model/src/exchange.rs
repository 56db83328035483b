//! What the wire says of one exchange.

use serde::{Deserialize, Serialize};

/// Which half of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Half {
    /// What the client sent.
    Request,
    /// What the server sent.
    Response,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// Header fields refer to entries of an HPACK table that were not seen, and are missing.
    pub const UNKNOWN_FIELDS: u32 = 1 << 16;

    /// Adds defects.
    pub fn add(&mut self, bits: u32) {
        self.0 |= bits;
    }
    /// Whether any of `bits` is there.
    pub fn has(self, bits: u32) -> bool {
        self.0 & bits != 0
    }
    /// The names of the bits that are set, as written in output.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: &[(u32, &str)] = &[
            (Defects::BARE_LINE_END, "bare_line_end"),
            (Defects::BAD_HEADER, "bad_header"),
            (Defects::LENGTH_CONFLICT, "length_conflict"),
            (Defects::BAD_LENGTH, "bad_length"),
            (Defects::ODD_TRANSFER_CODING, "odd_transfer_coding"),
            (Defects::BAD_CHUNK, "bad_chunk"),
            (Defects::FOLDED_HEADER, "folded_header"),
            (Defects::ODD_START_LINE, "odd_start_line"),
            (Defects::HEAD_TOO_LONG, "head_too_long"),
            (Defects::CONFLICTING_DATA, "conflicting_data"),
            (Defects::EARLY_RESPONSE, "early_response"),
            (Defects::BAD_CODING, "bad_coding"),
            (Defects::BOMB, "bomb"),
            (Defects::PAIRING_GUESSED, "pairing_guessed"),
            (Defects::MIDSTREAM, "midstream"),
            (Defects::GAP, "gap"),
            (Defects::UNKNOWN_FIELDS, "unknown_fields"),
        ];
        NAMES.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
    }
}
