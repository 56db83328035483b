//! gzip (RFC 1952), zlib (RFC 1950) and raw deflate, with the wrapper read by us: checksums are not looked at, since
//! recipients show what came out before them.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Decoders, INFLATER, KEPT, PIECE};
use crate::limits::Limits;

/// Inflates one body.
pub(super) struct Inflate {
    inflater: Decompress,
    wrapper: Wrapper,
    gzip: Gzip,
    /// The compressed part of the last member is over.
    ended: bool,
}

/// What stands around the deflate stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapper {
    Gzip,
    Zlib,
    None,
}

/// Where in a gzip member (RFC 1952, section 2.3); parts of its header carry the flags of those after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gzip {
    Fixed(u8, u8),
    ExtraLength(u8, Option<u8>),
    Extra(u8, u16),
    Name(u8),
    Comment(u8),
    HeaderCrc(u8),
    Body,
    Trailer(u8),
    /// Zlib: bytes of its header to skip.
    Zlib(u8),
    /// After zlib or raw deflate.
    Over,
}

impl Inflate {
    pub(super) fn new(mut inflater: Decompress, wrapper: Wrapper) -> Self {
        inflater.reset(false);
        let gzip = match wrapper {
            Wrapper::Gzip => Gzip::Fixed(0, 0),
            Wrapper::Zlib => Gzip::Zlib(2),
            Wrapper::None => Gzip::Body,
        };
        Inflate { inflater, wrapper, gzip, ended: false }
    }

    /// Raw deflate may begin with two bytes that look like a zlib header: begins anew as such, if it was taken for zlib.
    pub(super) fn restart_raw(&mut self) -> bool {
        let zlib = self.wrapper == Wrapper::Zlib;
        if zlib {
            self.inflater.reset(false);
            (self.wrapper, self.gzip) = (Wrapper::None, Gzip::Body);
        }
        zlib
    }

    /// The compressed part of the last member was seen to its end.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// For reuse.
    pub(super) fn into_inflater(self) -> Decompress {
        self.inflater
    }

    /// Inflates some of `input` into `piece`: bytes used, bytes made, and whether the rest is not in this coding.
    pub(super) fn step(&mut self, input: &[u8], piece: &mut [u8]) -> (usize, usize, bool) {
        let mut used = 0;
        while !matches!(self.gzip, Gzip::Body) {
            let Some(&byte) = input.get(used) else { return (used, 0, false) };
            if !self.header(byte) {
                if !self.ended {
                    return (used, 0, true);
                }
                // After a whole member: padding or junk, of which nothing is shown, whatever a later piece begins with.
                self.gzip = Gzip::Over;
                return (input.len(), 0, false);
            }
            used += 1;
        }
        let (before_in, before_out) = (self.inflater.total_in(), self.inflater.total_out());
        let rest = input.get(used..).unwrap_or_default();
        let result = self.inflater.decompress(rest, piece, FlushDecompress::None);
        let made = (self.inflater.total_out() - before_out) as usize;
        used += (self.inflater.total_in() - before_in) as usize;
        if let Ok(Status::StreamEnd) = result {
            self.ended = true;
            self.gzip = if self.wrapper == Wrapper::Gzip { Gzip::Trailer(8) } else { Gzip::Over };
            self.inflater.reset(false);
        }
        (used, made, result.is_err())
    }

    /// Takes a byte of a header or trailer; `false` if it cannot be one.
    fn header(&mut self, byte: u8) -> bool {
        const CRC: u8 = 2;
        const EXTRA: u8 = 4;
        const NAME: u8 = 8;
        const COMMENT: u8 = 16;
        // What follows a part, given the flags of those that stand before it.
        let after = |flags: u8| match flags {
            flags if flags & EXTRA != 0 => Gzip::ExtraLength(flags & !EXTRA, None),
            flags if flags & NAME != 0 => Gzip::Name(flags & !NAME),
            flags if flags & COMMENT != 0 => Gzip::Comment(flags & !COMMENT),
            flags if flags & CRC != 0 => Gzip::HeaderCrc(2),
            _ => Gzip::Body,
        };
        self.gzip = match self.gzip {
            Gzip::Fixed(0, _) if byte != 0x1f => return false,
            Gzip::Fixed(1, _) if byte != 0x8b => return false,
            Gzip::Fixed(2, _) if byte != 8 => return false,
            Gzip::Fixed(3, _) => {
                self.ended = false;
                Gzip::Fixed(4, byte)
            }
            Gzip::Fixed(9, flags) => after(flags),
            Gzip::Fixed(at, flags) => Gzip::Fixed(at + 1, flags),
            Gzip::ExtraLength(flags, None) => Gzip::ExtraLength(flags, Some(byte)),
            Gzip::ExtraLength(flags, Some(low)) => match u16::from_le_bytes([low, byte]) {
                0 => after(flags),
                length => Gzip::Extra(flags, length),
            },
            Gzip::Extra(flags, 1) => after(flags),
            Gzip::Extra(flags, length) => Gzip::Extra(flags, length - 1),
            Gzip::Name(flags) if byte == 0 => after(flags),
            Gzip::Comment(flags) if byte == 0 => after(flags),
            state @ (Gzip::Name(_) | Gzip::Comment(_)) => state,
            Gzip::HeaderCrc(1) => Gzip::Body,
            Gzip::HeaderCrc(left) => Gzip::HeaderCrc(left - 1),
            Gzip::Trailer(1) => Gzip::Fixed(0, 0),
            Gzip::Trailer(left) => Gzip::Trailer(left - 1),
            Gzip::Over => return false,
            Gzip::Zlib(1) => Gzip::Body,
            Gzip::Zlib(left) => Gzip::Zlib(left - 1),
            Gzip::Body => Gzip::Body,
        };
        true
    }
}

/// For streams that outlive a body: messages of a WebSocket share one window.
impl Decoders {
    /// A raw inflater at the start of a stream, charged for until it comes back; `None` if the memory of decoders does
    /// not suffice.
    pub(crate) fn lend_inflater(&mut self, limits: &Limits) -> Option<Decompress> {
        // Those of WebSockets are held as long as these live: bodies keep three quarters of the memory for themselves.
        if self.memory + INFLATER > limits.decoder_memory || self.lent + INFLATER > limits.decoder_memory / 4 {
            return None;
        }
        self.memory += INFLATER;
        self.lent += INFLATER;
        let mut inflater = self.idle.pop().unwrap_or_else(|| Decompress::new(false));
        inflater.reset(false);
        Some(inflater)
    }

    /// Takes a lent inflater back.
    pub(crate) fn return_inflater(&mut self, inflater: Decompress) {
        self.memory = self.memory.saturating_sub(INFLATER);
        self.lent = self.lent.saturating_sub(INFLATER);
        if self.idle.len() < KEPT {
            self.idle.push(inflater);
        }
    }

    /// A buffer for what comes out at once; never empty.
    pub(crate) fn lend_piece(&mut self) -> Vec<u8> {
        self.scratch.pop().unwrap_or_else(|| vec![0; PIECE])
    }

    /// Takes a lent buffer back.
    pub(crate) fn return_piece(&mut self, piece: Vec<u8>) {
        self.scratch.push(piece);
    }
}
