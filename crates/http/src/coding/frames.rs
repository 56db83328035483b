//! Zstandard (RFC 8878): frames that follow one another, each with a window of its own.

use super::Step;
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

/// The largest window of a zstd stream over HTTP: 8 MiB (RFC 9659).
const LARGEST: u32 = 23;
/// The smallest window that a decoder can be bound to.
const SMALLEST: u32 = 10;
/// The longest part of a frame header that tells the window: magic number, descriptor, dictionary, content size.
const HEADER: usize = 4 + 1 + 4 + 8;

/// Decodes the frames of one body.
pub(super) struct Frames {
    decoder: Decoder<'static>,
    /// The window the decoder is bound to, as a power of two.
    bits: u32,
    place: Place,
    /// The start of a frame header.
    header: [u8; HEADER],
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Gathering a frame header.
    Between,
    Within,
    /// After the last frame: what follows is none.
    Over,
}

/// What a frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    /// Too few bytes to tell.
    More,
    /// The smallest power of two that holds it.
    Bits(u32),
    /// No frame, or a window larger than HTTP allows.
    None,
}

impl Frames {
    /// `None` if there is no memory for a decoder.
    pub(super) fn new() -> Option<Self> {
        let mut decoder = Decoder::new().ok()?;
        decoder.set_parameter(DParameter::WindowLogMax(SMALLEST)).ok()?;
        Some(Frames { decoder, bits: 0, place: Place::Between, header: [0; HEADER], length: 0 })
    }

    /// Whether a body that begins like this begins with a frame; `None` if these bytes are too few to tell.
    pub(super) fn begins(start: &[u8]) -> Option<bool> {
        match window(start) {
            Window::More => None,
            Window::Bits(_) => Some(true),
            Window::None => Some(false),
        }
    }

    /// All frames so far were complete.
    pub(super) fn ended(&self) -> bool {
        (self.place == Place::Between && self.length == 0) || self.place == Place::Over
    }

    /// Decodes some of `input` into `piece`: bytes used and bytes made. `grow` is asked for each increase of memory.
    pub(super) fn step(
        &mut self,
        input: &[u8],
        piece: &mut [u8],
        grow: impl FnOnce(usize) -> bool,
    ) -> (usize, usize, Step) {
        match self.place {
            Place::Over => (input.len(), 0, Step::Fine),
            Place::Between => self.between(input, grow),
            Place::Within => self.within(input, piece),
        }
    }

    fn between(&mut self, input: &[u8], grow: impl FnOnce(usize) -> bool) -> (usize, usize, Step) {
        let first = self.bits == 0;
        for (used, byte) in input.iter().enumerate() {
            match self.header.get_mut(self.length) {
                Some(place) => (*place, self.length) = (*byte, self.length + 1),
                None => return (used, 0, Step::Broken),
            }
            match window(self.header.get(..self.length).unwrap_or_default()) {
                Window::More => {}
                Window::None if first => return (used + 1, 0, Step::Broken),
                // Padding or junk, of which nothing is shown.
                Window::None if self.length <= 4 => {
                    self.place = Place::Over;
                    return (input.len(), 0, Step::Fine);
                }
                // A frame that HTTP does not allow.
                Window::None => return (used + 1, 0, Step::Broken),
                Window::Bits(bits) => {
                    if bits > self.bits {
                        let before = if first { 0 } else { memory(self.bits) };
                        if !grow(memory(bits) - before) {
                            return (used + 1, 0, Step::NoMemory);
                        }
                        if self.decoder.set_parameter(DParameter::WindowLogMax(bits)).is_err() {
                            return (used + 1, 0, Step::Broken);
                        }
                        self.bits = bits;
                    }
                    self.place = Place::Within;
                    let mut header = InBuffer::around(self.header.get(..self.length).unwrap_or_default());
                    // No frame is over with these bytes, so that none come out.
                    let taken = self.decoder.run(&mut header, &mut OutBuffer::around(&mut [0u8; 1][..]));
                    let whole = taken.is_ok() && header.pos() == self.length;
                    return (used + 1, 0, if whole { Step::Fine } else { Step::Broken });
                }
            }
        }
        (input.len(), 0, Step::Fine)
    }

    fn within(&mut self, input: &[u8], piece: &mut [u8]) -> (usize, usize, Step) {
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(piece);
        let result = self.decoder.run(&mut from, &mut to);
        let (used, made) = (from.pos(), to.pos());
        if let Ok(0) = result
            && (used > 0 || made > 0)
        {
            (self.place, self.length) = (Place::Between, 0);
        }
        (used, made, if result.is_ok() { Step::Fine } else { Step::Broken })
    }
}

/// What a decoder takes: its tables, buffers for a block of input and of output, and the window.
fn memory(bits: u32) -> usize {
    let window = 1usize << bits;
    (192 << 10) + 2 * window.min(128 << 10) + window
}

/// The window that a frame header declares (RFC 8878, section 3.1.1.1).
fn window(start: &[u8]) -> Window {
    let Some(magic) = start.first_chunk::<4>().map(|magic| u32::from_le_bytes(*magic)) else { return Window::More };
    if magic & 0xffff_fff0 == 0x184d_2a50 {
        return Window::Bits(SMALLEST);
    }
    if magic != 0xfd2f_b528 {
        return Window::None;
    }
    let Some(descriptor) = start.get(4) else { return Window::More };
    let size = if descriptor & 0x20 == 0 {
        let Some(byte) = start.get(5) else { return Window::More };
        let base = 1u64 << (10 + (byte >> 3));
        base + base / 8 * u64::from(byte & 7)
    } else {
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let length = [1, 2, 4, 8][usize::from(descriptor >> 6)];
        let Some(field) = start.get(5 + dictionary..5 + dictionary + length) else { return Window::More };
        let size = field.iter().rev().fold(0u64, |size, byte| size << 8 | u64::from(*byte));
        if length == 2 { size + 256 } else { size }
    };
    let bits = u64::BITS - size.max(1 << SMALLEST).saturating_sub(1).leading_zeros();
    if bits <= LARGEST { Window::Bits(bits) } else { Window::None }
}
