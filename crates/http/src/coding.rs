//! Content codings (RFC 9110, section 8.4.1): gzip, deflate, brotli, zstd, laid over one another, decoded as the bytes
//! pass by.
//!
//! A layer tells by its first bytes whether it is what the header says. What is not, or breaks on the way, is shown
//! raw from there on and flagged: content that a browser may show must not escape inspection behind a wrong label.

use brotli_decompressor::BrotliResult;
use flate2::Decompress;

mod bombs;
mod brotli;
mod frames;
mod inflate;

use self::bombs::Bombs;
use self::brotli::Brotli;
use self::frames::Frames;
use self::inflate::{Inflate, Wrapper};
use crate::head::Field;
use crate::limits::Limits;
use crate::message::carried::Carried;

/// Bytes that come out of a layer at once.
const PIECE: usize = 32 << 10;
/// Bytes kept of a stream until its first byte came out, so that all can be shown raw if none ever does.
const EARLY: usize = 4 << 10;
/// What an inflater allocates, about.
const INFLATER: usize = 48 << 10;
/// Idle inflaters kept for reuse.
const KEPT: usize = 64;
/// Layers that a head may name; those past it are not decoded.
const LAYERS: usize = 8;

/// A coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `gzip`; in the field also zlib under this name.
    Gzip,
    /// `deflate`: zlib by the standard, raw deflate or gzip in the field.
    Deflate,
    Brotli,
    Zstd,
}

/// The codings of a body in the order in which they were applied.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Codings {
    content: [Option<Kind>; LAYERS],
    transfer: Option<Kind>,
    count: usize,
    /// A coding that is not known stands among them.
    unknown: bool,
    /// What the body carries many of.
    carried: Carried,
    /// How messages are coded that say to be (grpc-encoding).
    of_messages: Option<Kind>,
}

impl Codings {
    /// Adds what a header field says of how the body is coded and of what it carries.
    pub(crate) fn field(&mut self, field: &Field<'_>) {
        match field.name.len() {
            12 if field.name.eq_ignore_ascii_case(b"content-type") => self.carried = Carried::of(field.value),
            13 if field.name.eq_ignore_ascii_case(b"grpc-encoding") => {
                if let Name::Known(kind) = kind(field.value.trim_ascii()) {
                    self.of_messages = Some(kind);
                }
            }
            16 if field.name.eq_ignore_ascii_case(b"content-encoding") => self.push(field.value),
            _ => {}
        }
    }

    /// What the body carries many of.
    pub(crate) fn carried(&self) -> Carried {
        self.carried
    }

    /// The coding of compressed messages in the body: as declared, else what most are, gzip.
    pub(crate) fn of_messages(&self) -> Codings {
        let kind = self.of_messages.unwrap_or(Kind::Gzip);
        Codings { content: [Some(kind), None, None, None, None, None, None, None], count: 1, ..Codings::default() }
    }

    /// Adds those of a Content-Encoding field.
    pub(crate) fn push(&mut self, value: &[u8]) {
        for name in value.split(|byte| *byte == b',') {
            match kind(name.trim_ascii()) {
                Name::Known(kind) => match self.content.get_mut(self.count) {
                    Some(place) => (*place, self.count) = (Some(kind), self.count + 1),
                    None => self.unknown = true,
                },
                Name::None => {}
                Name::Unknown => self.unknown = true,
            }
        }
    }

    /// Adds a transfer coding other than `chunked`.
    pub(crate) fn push_transfer(&mut self, name: &[u8]) {
        if let Name::Known(kind) = kind(name) {
            self.transfer = Some(kind);
        }
    }

    /// Nothing has to be undone, and nothing is unknown.
    pub(crate) fn is_plain(&self) -> bool {
        self.count == 0 && self.transfer.is_none() && !self.unknown
    }
}

enum Name {
    Known(Kind),
    None,
    Unknown,
}

fn kind(name: &[u8]) -> Name {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    if is("gzip") || is("x-gzip") {
        Name::Known(Kind::Gzip)
    } else if is("deflate") || is("x-deflate") || is("zlib") {
        Name::Known(Kind::Deflate)
    } else if is("br") {
        Name::Known(Kind::Brotli)
    } else if is("zstd") {
        Name::Known(Kind::Zstd)
    } else if name.is_empty() || is("identity") || is("none") {
        Name::None
    } else {
        Name::Unknown
    }
}

/// What decoders of a worker share.
#[derive(Default)]
pub(crate) struct Decoders {
    idle: Vec<Decompress>,
    scratch: Vec<Vec<u8>>,
    memory: usize,
    /// Of it, what inflaters of WebSockets take.
    lent: usize,
    bombs: Bombs,
}

impl Decoders {
    /// Memory of the decoders in use, and how much of it is of inflaters of WebSockets.
    pub(crate) fn lent(&self) -> (usize, usize) {
        (self.memory, self.lent)
    }

    /// Corrects that: some will not come back.
    pub(crate) fn set_lent(&mut self, memory: usize, channels: usize) {
        (self.memory, self.lent) = (memory, channels);
    }

    /// Memory of the decoders in use.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }
}

/// What went wrong with a body so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// A layer is not what its name says, or is broken.
    pub(crate) bad: bool,
    /// A limit on size or ratio was reached; nothing comes out any more.
    pub(crate) bomb: bool,
    /// The memory of decoders was used up; the body is shown raw.
    pub(crate) over_limit: bool,
}

/// Undoes the codings of one body.
pub(crate) struct Decoder {
    /// Outermost (last applied) first.
    layers: Vec<Layer>,
    taken: u64,
    /// Of it, what the outermost layer has used: what a bomb is measured by, however its bytes come.
    used: u64,
    pub(crate) trouble: Trouble,
}

struct Layer {
    kind: Kind,
    state: State,
    /// All bytes taken, until the first comes out; empty once they are too many.
    early: Vec<u8>,
    early_over: bool,
    out: u64,
    memory: usize,
}

enum State {
    /// Too few bytes to tell.
    Unknown,
    Inflate(Box<Inflate>),
    Brotli(Brotli),
    Zstd(Box<Frames>),
    /// Not what its name says: bytes pass as they are.
    Raw,
    /// Complete; what follows is no part of it.
    Ended,
}

/// How a step of a layer went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Fine,
    /// The rest is not in this coding.
    Broken,
    /// The memory of decoders does not suffice for the rest.
    NoMemory,
}

impl Decoder {
    /// A decoder for these codings; `None` if there is nothing to undo.
    pub(crate) fn new(codings: &Codings, limits: &Limits) -> Option<Box<Decoder>> {
        if codings.is_plain() {
            return None;
        }
        let known = codings.transfer.into_iter().chain(codings.content.iter().rev().copied().flatten());
        // Under a name that is not known may yet be what most bodies are; if it is not, it passes as it is.
        let guessed = (codings.unknown && codings.count == 0).then_some(Kind::Gzip);
        let known = known.chain(guessed);
        let layer =
            |kind| Layer { kind, state: State::Unknown, early: Vec::new(), early_over: false, out: 0, memory: 0 };
        let mut layers: Vec<Layer> = known.map(layer).collect();
        let mut trouble = Trouble { bad: codings.unknown, ..Trouble::default() };
        if layers.len() > limits.codings {
            layers.truncate(limits.codings);
            trouble.bad = true;
        }
        Some(Box::new(Decoder { layers, taken: 0, used: 0, trouble }))
    }

    /// Decodes the next bytes of the body; decoded ones go to `sink`.
    pub(crate) fn push(&mut self, decoders: &mut Decoders, limits: &Limits, input: &[u8], sink: &mut dyn FnMut(&[u8])) {
        self.taken += input.len() as u64;
        decoders.bombs.taken(input.len());
        self.run(decoders, limits, input, false, sink);
    }

    /// The body is complete: decodes what was held back, and gives back what was taken.
    pub(crate) fn finish(&mut self, decoders: &mut Decoders, limits: &Limits, sink: &mut dyn FnMut(&[u8])) -> Trouble {
        self.run(decoders, limits, &[], true, sink);
        let broken = |layer: &Layer| match &layer.state {
            State::Inflate(inflate) => !inflate.ended(),
            State::Zstd(frames) => !frames.ended(),
            State::Brotli(_) => true,
            State::Unknown | State::Raw | State::Ended => false,
        };
        self.trouble.bad |= self.taken > 0 && self.layers.iter().any(broken);
        self.abandon(decoders);
        self.trouble
    }

    /// Gives back what was taken.
    pub(crate) fn abandon(&mut self, decoders: &mut Decoders) {
        for layer in &mut self.layers {
            layer.release(decoders);
            layer.state = State::Ended;
        }
    }

    fn run(&mut self, decoders: &mut Decoders, limits: &Limits, input: &[u8], last: bool, sink: &mut dyn FnMut(&[u8])) {
        if self.trouble.bomb {
            return;
        }
        let mut scratch = std::mem::take(&mut decoders.scratch);
        if scratch.len() < self.layers.len() {
            scratch.resize_with(self.layers.len(), || vec![0; PIECE]);
        }
        let depth = self.layers.len();
        let mut pass = Pass { decoders, limits, used: self.used, depth, trouble: &mut self.trouble, sink };
        pass.through(&mut self.layers, &mut scratch, input, last);
        self.used = pass.used;
        decoders.scratch = scratch;
        if self.trouble.bomb {
            self.abandon(decoders);
        }
    }
}

/// One passage of bytes through all layers.
struct Pass<'a> {
    decoders: &'a mut Decoders,
    limits: &'a Limits,
    used: u64,
    /// Layers.
    depth: usize,
    trouble: &'a mut Trouble,
    sink: &'a mut dyn FnMut(&[u8]),
}

impl Pass<'_> {
    fn through(&mut self, layers: &mut [Layer], scratch: &mut [Vec<u8>], input: &[u8], last: bool) {
        let Some((layer, inner)) = layers.split_first_mut() else {
            if !input.is_empty() {
                (self.sink)(input);
            }
            return;
        };
        let mut replay = Vec::new();
        if matches!(layer.state, State::Unknown) {
            if layer.early.is_empty() && layer.decide(input, self.decoders, self.limits, last, self.trouble) {
                layer.keep_early(input);
            } else {
                layer.early.extend_from_slice(input);
                replay = layer.early.clone();
                if !layer.decide(&replay, self.decoders, self.limits, last, self.trouble) {
                    if last {
                        self.through(inner, scratch.get_mut(1..).unwrap_or_default(), &[], true);
                    }
                    return;
                }
            }
        } else {
            layer.keep_early(input);
        }
        let mut done = self.one(layer, inner, scratch, if replay.is_empty() { input } else { &replay }, last);
        while !done {
            let early = layer.early.clone();
            done = self.one(layer, inner, scratch, &early, last);
        }
    }

    /// Takes `input` through a layer and those within it; `false` if it has to be done again with all early bytes.
    fn one(
        &mut self,
        layer: &mut Layer,
        inner: &mut [Layer],
        scratch: &mut [Vec<u8>],
        mut input: &[u8],
        last: bool,
    ) -> bool {
        let Some((piece, deeper)) = scratch.split_first_mut() else { return true };
        loop {
            if matches!(layer.state, State::Raw) {
                self.through(inner, deeper, input, last);
                return true;
            }
            // Up to where it is looked at, so that what is cut does not depend on how the bytes come.
            let room = piece.get_mut(..layer.room(self.limits)).unwrap_or_default();
            let (used, made, step) = layer.step(input, room, self.decoders, self.limits);
            input = input.get(used..).unwrap_or_default();
            if inner.len() + 1 == self.depth {
                self.used += used as u64;
            }
            if made > 0 {
                layer.out += made as u64;
                layer.early = Vec::new();
                // While there is an attack, what is cut is not even shown.
                let alarm = self.decoders.bombs.alarm();
                let over = layer.out.saturating_sub(self.limits.decoded);
                let looked_at = over > 0 || layer.out.is_multiple_of(PIECE as u64);
                let bomb = looked_at && self.decoders.bombs.add(layer.out, self.used, self.limits);
                if !(bomb && alarm) {
                    let shown = made.saturating_sub(over as usize);
                    self.through(inner, deeper, piece.get(..shown).unwrap_or_default(), false);
                }
                self.trouble.bomb |= bomb;
                if self.trouble.bomb {
                    return true;
                }
            }
            if step != Step::Fine {
                if step == Step::NoMemory || !layer.retry_without_header() {
                    layer.release(self.decoders);
                    layer.state = State::Raw;
                    self.trouble.bad |= step == Step::Broken;
                    self.trouble.over_limit |= step == Step::NoMemory;
                }
                if layer.out == 0 && !layer.early.is_empty() {
                    return false;
                }
            } else if made == 0 && (used == 0 || input.is_empty()) {
                break;
            }
        }
        if last {
            self.through(inner, deeper, &[], true);
        }
        true
    }
}

impl Layer {
    /// Bytes that may come out until the size and ratio are looked at: at each multiple of [`PIECE`], and at the limit. Where
    /// layers are nested, what the outermost used is known to one piece of its own.
    fn room(&self, limits: &Limits) -> usize {
        let piece = PIECE as u64 - self.out % PIECE as u64;
        piece.min(limits.decoded.saturating_add(1).saturating_sub(self.out)).max(1) as usize
    }

    /// Keeps all of a stream that has not given a byte yet, as long as it is short.
    fn keep_early(&mut self, input: &[u8]) {
        if self.out > 0 || self.early_over || matches!(self.state, State::Raw | State::Ended) {
            return;
        }
        if self.early.len() + input.len() <= EARLY {
            self.early.extend_from_slice(input);
        } else {
            (self.early, self.early_over) = (Vec::new(), true);
        }
    }

    /// Tells by the first bytes what this is; `false` if they are too few.
    fn decide(
        &mut self,
        early: &[u8],
        decoders: &mut Decoders,
        limits: &Limits,
        last: bool,
        trouble: &mut Trouble,
    ) -> bool {
        let enough = match self.kind {
            Kind::Gzip | Kind::Deflate => 2,
            Kind::Brotli => 1,
            Kind::Zstd => {
                if Frames::begins(early).is_some() {
                    0
                } else {
                    usize::MAX
                }
            }
        };
        if early.is_empty() || (early.len() < enough && !last) {
            return false;
        }
        let wrapper = match early {
            [0x1f, 0x8b, ..] => Some(Wrapper::Gzip),
            // RFC 1950, section 2.2: method 8, and a multiple of 31.
            [a, b, ..] if a & 0xf == 8 && (u32::from(*a) << 8 | u32::from(*b)).is_multiple_of(31) && b & 0x20 == 0 => {
                Some(Wrapper::Zlib)
            }
            _ if self.kind == Kind::Deflate => Some(Wrapper::None),
            _ => None,
        };
        let memory = match self.kind {
            Kind::Gzip | Kind::Deflate => wrapper.map(|_| INFLATER),
            Kind::Brotli => Brotli::memory(early),
            // Taken frame by frame.
            Kind::Zstd => Frames::begins(early).filter(|begins| *begins).map(|_| 0),
        };
        self.state = State::Raw;
        match memory {
            None => trouble.bad = true,
            Some(memory) if decoders.memory + memory > limits.decoder_memory => trouble.over_limit = true,
            Some(memory) => {
                let state = match (self.kind, wrapper) {
                    (Kind::Gzip | Kind::Deflate, wrapper) => {
                        let wrapper = wrapper.unwrap_or(Wrapper::None);
                        let inflater = decoders.idle.pop().unwrap_or_else(|| Decompress::new(false));
                        Some(State::Inflate(Box::new(Inflate::new(inflater, wrapper))))
                    }
                    (Kind::Brotli, _) => Some(State::Brotli(Brotli::new())),
                    (Kind::Zstd, _) => Frames::new().map(|frames| State::Zstd(Box::new(frames))),
                };
                match state {
                    Some(state) => {
                        self.state = state;
                        self.memory = memory;
                        decoders.memory += memory;
                    }
                    None => trouble.over_limit = true,
                }
            }
        }
        true
    }

    /// Takes what looked like zlib for raw deflate, if nothing came out and all of it is still there.
    fn retry_without_header(&mut self) -> bool {
        match &mut self.state {
            State::Inflate(inflate) if self.kind == Kind::Deflate && !self.early.is_empty() => inflate.restart_raw(),
            _ => false,
        }
    }

    /// Decodes some of `input` into `piece`: bytes used, bytes made, and how it went.
    fn step(
        &mut self,
        input: &[u8],
        piece: &mut [u8],
        decoders: &mut Decoders,
        limits: &Limits,
    ) -> (usize, usize, Step) {
        let before = self.memory;
        let charged = &mut self.memory;
        let mut grow = |more: usize| {
            let fits = decoders.memory + more <= limits.decoder_memory;
            if fits {
                decoders.memory += more;
                *charged += more;
            }
            fits
        };
        match &mut self.state {
            State::Unknown | State::Raw => (0, 0, Step::Fine),
            State::Ended => (input.len(), 0, Step::Fine),
            State::Inflate(inflate) => {
                let (used, made, broken) = inflate.step(input, piece);
                (used, made, if broken { Step::Broken } else { Step::Fine })
            }
            State::Brotli(brotli) => {
                let (used, made, result) = brotli.step(input, piece);
                let more = brotli.allocated().saturating_sub(before);
                match result {
                    BrotliResult::ResultFailure => return (used, made, Step::Broken),
                    _ if more > 0 && !grow(more) => return (used, made, Step::NoMemory),
                    BrotliResult::ResultSuccess => self.state = State::Ended,
                    _ => {}
                }
                (used, made, Step::Fine)
            }
            State::Zstd(frames) => frames.step(input, piece, grow),
        }
    }

    fn release(&mut self, decoders: &mut Decoders) {
        decoders.memory = decoders.memory.saturating_sub(std::mem::take(&mut self.memory));
        if let State::Inflate(inflate) = std::mem::replace(&mut self.state, State::Ended)
            && decoders.idle.len() < KEPT
        {
            decoders.idle.push(inflate.into_inflater());
        }
    }
}

#[cfg(test)]
mod tests;
