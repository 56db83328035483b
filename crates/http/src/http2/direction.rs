//! One direction of HTTP/2: from bytes and gaps to frames, header blocks and what they say.

use spyhop_model::Timestamp;

use super::PREFACE;
use super::frame::{Cutter, HEADER, Header, Piece, flag, kind};
use super::head::with_head;
use super::hpack::{Decoder, List};
use super::resync::find;
use super::streams::{Streams, Went};
use crate::accounts::{Class, Unparsed};
use crate::connection::Shared;
use crate::http1::pairing::Exchanges;
use crate::inspection::{Defects, Half, Inspection};

/// What a header block of any size may decode to, and besides for each of its bytes.
const REFERENCED: usize = 16 << 10;
const DECODED: usize = 32;
/// Frames are this long unless the recipient allows more (RFC 9113, section 6.5.2).
pub(super) const FRAME: u32 = 16 << 10;
/// So many frames are judged strictly where the place of the first was a guess.
const DOUBTED: u8 = 8;
/// SETTINGS_MAX_FRAME_SIZE.
const MAX_FRAME_SIZE: u16 = 5;

/// Reads one direction.
pub(super) struct Direction {
    /// The block at hand is of a request that is reset at once, and read for the table's sake alone.
    pass_over: bool,
    half: Half,
    state: State,
    cutter: Cutter,
    /// When the frame at hand began.
    frame_at: Timestamp,
    decoder: Decoder,
    open: Option<Block>,
    /// The longest frame that is believed where it is a guess that one begins.
    longest: u32,
    /// After a loss: the last bytes of a segment, which may begin a frame's header.
    tail: Tail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes of the client's preface were seen.
    Preface(usize),
    Frames,
    /// Looking for a frame.
    Lost(Unparsed),
}

/// Up to eight bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Tail {
    bytes: [u8; HEADER - 1],
    length: usize,
}

/// A header block that is not whole.
#[derive(Debug, Default)]
struct Block {
    stream: u32,
    /// The stream that it opens, if it is a promise.
    promised: Option<u32>,
    end_stream: bool,
    began_at: Timestamp,
    held: Vec<u8>,
    /// The frame at hand has more of it.
    in_frame: bool,
    frames: usize,
    /// What it says was shown, as far as it was there; the rest is read for the table's sake.
    shown: bool,
    /// Some of it was not seen or not kept: the rest cannot be read.
    broken: bool,
}

/// Whether the next frame resets that stream.
fn is_reset(frames: &[u8], stream: u32) -> bool {
    let [a, b, c, d] = stream.to_be_bytes();
    frames.starts_with(&[0, 0, 4, kind::RST_STREAM, 0, a, b, c, d])
}

impl Direction {
    /// The client's, from its preface on. `limit`: size of its table.
    pub(super) fn client(limit: usize) -> Self {
        Direction::new(Half::Request, State::Preface(0), limit, true)
    }

    /// The server's, from its first frame on.
    pub(super) fn server(limit: usize) -> Self {
        let cutter = Cutter::doubting(1, FRAME);
        Direction { cutter, ..Direction::new(Half::Response, State::Frames, limit, true) }
    }

    /// A direction whose beginning was not seen. `in_step`: the next byte begins a frame.
    pub(super) fn midway(half: Half, limit: usize, in_step: bool) -> Self {
        let state = if in_step { State::Frames } else { State::Lost(Unparsed::Garbage) };
        Direction::new(half, state, limit, false)
    }

    fn new(half: Half, state: State, limit: usize, complete: bool) -> Self {
        Direction {
            pass_over: false,
            half,
            state,
            cutter: if complete { Cutter::default() } else { Cutter::doubting(DOUBTED, FRAME) },
            frame_at: Timestamp::default(),
            decoder: Decoder::new(limit, complete),
            open: None,
            longest: FRAME,
            tail: Tail::default(),
        }
    }

    pub(super) fn is_untouched(&self) -> bool {
        self.state == State::Preface(0)
    }

    /// Reads the next bytes.
    pub(super) fn data<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        at: Timestamp,
        bytes: &[u8],
    ) {
        let mut rest = bytes;
        #[cfg(test)]
        {
            cx.looked_at += bytes.len() as u64;
        }
        while !rest.is_empty() {
            let segment = rest.len() == bytes.len();
            match self.state {
                State::Preface(seen) => {
                    let want = PREFACE.get(seen..).unwrap_or_default();
                    let same = want.iter().zip(rest).take_while(|(want, have)| want == have).count();
                    cx.accounts.count(Class::Http, same);
                    rest = rest.get(same..).unwrap_or_default();
                    self.state = match seen + same {
                        all if all == PREFACE.len() => State::Frames,
                        part if rest.is_empty() => State::Preface(part),
                        _ => {
                            self.forget(cx);
                            State::Lost(Unparsed::Garbage)
                        }
                    };
                }
                State::Frames => rest = self.frames(cx, exchanges, streams, at, rest),
                State::Lost(why) => rest = self.search(cx, exchanges, streams, at, (rest, segment), why),
            }
        }
    }

    /// Reads frames; what is left when the direction is out of step.
    fn frames<'a, I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        at: Timestamp,
        bytes: &'a [u8],
    ) -> &'a [u8] {
        let mut rest = bytes;
        loop {
            if self.cutter.is_between() {
                self.frame_at = at;
            }
            let before = rest.len();
            let piece = self.cutter.next(&mut rest);
            let used = before - rest.len();
            let Some(piece) = piece else {
                cx.accounts.count(Class::Http, used);
                return rest;
            };
            match piece {
                Piece::Data { header, bytes, last } => {
                    match streams.data(cx, exchanges, self.half, header.stream, bytes) {
                        Went::Body => cx.accounts.count(Class::Http, bytes.len()),
                        Went::Passage => {}
                        Went::Nowhere => cx.accounts.count(Class::Unparsed(Unparsed::NoStream), bytes.len()),
                    }
                    cx.accounts.count(Class::Http, used - bytes.len());
                    if last && header.has(flag::END_STREAM) {
                        streams.complete(cx, exchanges, self.half, header.stream);
                    }
                }
                Piece::Block { header, promised, bytes, last } => {
                    cx.accounts.count(Class::Http, used);
                    let whole = last && header.kind == kind::HEADERS && header.has(flag::END_HEADERS);
                    self.pass_over = whole
                        && self.open.is_none()
                        && self.half == Half::Request
                        && streams.is_flooded()
                        && is_reset(rest, header.stream)
                        && streams.pass_over(cx, header.stream);
                    self.block(cx, exchanges, streams, &header, promised, bytes, last);
                }
                piece => {
                    cx.accounts.count(Class::Http, used);
                    match piece {
                        Piece::Setting { id: MAX_FRAME_SIZE, value } => {
                            // It is said by the recipient, and mostly both allow the same.
                            self.longest = self.longest.max(value.min(1 << 20));
                        }
                        Piece::Implausible => {
                            self.lose(cx, exchanges, streams, Unparsed::Garbage);
                            return rest;
                        }
                        Piece::Reset { stream } => streams.reset(cx, exchanges, self.half, stream),
                        Piece::Away { last } if self.half == Half::Response => streams.refuse(cx, exchanges, last),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Looks for a frame in what does not begin with one; what is left once one was found. `segment`: a segment begins
    /// here.
    fn search<'a, I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        at: Timestamp,
        (bytes, segment): (&'a [u8], bool),
        why: Unparsed,
    ) -> &'a [u8] {
        // The seam between this segment and the one before it.
        let before = std::mem::take(&mut self.tail);
        let mut seam = [0; 2 * (HEADER - 1)];
        let more = bytes.len().min(HEADER - 1);
        let length = before.length + more;
        if let Some((left, right)) = seam.split_at_mut_checked(before.length)
            && let (Some(from), Some(to), Some(next)) =
                (before.bytes.get(..before.length), right.get_mut(..more), bytes.get(..more))
        {
            left.copy_from_slice(from);
            to.copy_from_slice(next);
        }
        let seam = seam.get(..length).unwrap_or_default();
        let found = find(seam, false, self.half, streams, self.longest).filter(|found| *found < before.length);
        if let Some(found) = found {
            cx.accounts.settle(Class::Unparsed(why), found);
            let head = seam.get(found..before.length).unwrap_or_default();
            cx.accounts.held = cx.accounts.held.saturating_sub(head.len() as u64);
            self.resume();
            self.frames(cx, exchanges, streams, at, head);
            return bytes;
        }
        let found = find(bytes, segment, self.half, streams, self.longest);
        if let Some(found) = found {
            cx.accounts.settle(Class::Unparsed(why), before.length);
            cx.accounts.count(Class::Unparsed(why), found);
            self.resume();
            return bytes.get(found..).unwrap_or_default();
        }
        // All but the last bytes can be told to begin no frame.
        let joined = if bytes.len() < HEADER - 1 { seam } else { bytes };
        let keep = joined.len().min(HEADER - 1);
        let kept = joined.get(joined.len() - keep..).unwrap_or_default();
        if let Some(place) = self.tail.bytes.get_mut(..keep) {
            place.copy_from_slice(kept);
            self.tail.length = keep;
        }
        let gone = (before.length + bytes.len()).saturating_sub(keep);
        cx.accounts.hold(bytes.len());
        cx.accounts.settle(Class::Unparsed(why), gone);
        &[]
    }

    fn resume(&mut self) {
        self.cutter = Cutter::doubting(DOUBTED, self.longest);
        self.state = State::Frames;
    }

    /// A piece of a header block.
    #[expect(clippy::too_many_arguments, reason = "what a piece is made of, and where it goes")]
    fn block<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        header: &Header,
        promised: u32,
        bytes: &[u8],
        last: bool,
    ) {
        let mut open = match self.open.take() {
            Some(open) if open.in_frame || (header.kind == kind::CONTINUATION && open.stream == header.stream) => open,
            before => {
                if let Some(open) = before {
                    // It was never ended; whoever reads on has lost count.
                    self.end_block(cx, exchanges, streams, open, Some(Defects::BAD_HEADER));
                }
                if header.kind == kind::CONTINUATION {
                    // Of a block that was not seen.
                    self.forget(cx);
                }
                Block {
                    stream: header.stream,
                    promised: (header.kind == kind::PUSH_PROMISE).then_some(promised),
                    end_stream: header.has(flag::END_STREAM) && header.kind == kind::HEADERS,
                    began_at: self.frame_at,
                    broken: header.kind == kind::CONTINUATION,
                    shown: std::mem::take(&mut self.pass_over),
                    ..Block::default()
                }
            }
        };
        if !open.in_frame {
            open.frames += 1;
            if open.frames == cx.limits.continuations.saturating_add(2) {
                cx.accounts.continuation_floods += 1;
            }
        }
        open.in_frame = !last;
        let whole = last && header.has(flag::END_HEADERS);
        if whole && open.held.is_empty() {
            return self.read_block(cx, exchanges, streams, open, bytes, None);
        }
        self.gather(cx, exchanges, streams, &mut open, bytes);
        if whole {
            self.end_block(cx, exchanges, streams, open, None);
        } else {
            self.open = Some(open);
        }
    }

    /// Adds to a block that comes in pieces. Past the limit, what it says so far is shown, and the rest read for the
    /// table's sake: it must stay right for the requests that follow.
    fn gather<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        open: &mut Block,
        bytes: &[u8],
    ) {
        let mut rest = bytes;
        while !open.broken && !rest.is_empty() {
            let room = cx.limits.head.saturating_sub(open.held.len()).min(rest.len());
            let some = rest.get(..room).unwrap_or_default();
            if room > 0 && cx.pool.append(&mut open.held, some, cx.limits.held_memory) {
                rest = rest.get(room..).unwrap_or_default();
                continue;
            }
            let held = std::mem::take(&mut open.held);
            let used = self.show(cx, exchanges, streams, open, &held, Some(Defects::HEAD_TOO_LONG));
            let tail = held.get(used..).unwrap_or_default();
            // Where nothing was used, one field alone is longer than may be held; else no memory is left.
            if room > 0 || used == 0 || !cx.pool.append(&mut open.held, tail, cx.limits.held_memory) {
                self.forget(cx);
                cx.accounts.header_blocks_over_limit += 1;
                open.broken = true;
            }
            cx.pool.give(held);
        }
    }

    /// A block is over, whole or not (`cut` then says why).
    fn end_block<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        mut open: Block,
        cut: Option<u32>,
    ) {
        let held = std::mem::take(&mut open.held);
        self.read_block(cx, exchanges, streams, open, &held, cut);
        cx.pool.give(held);
    }

    fn read_block<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        mut open: Block,
        block: &[u8],
        cut: Option<u32>,
    ) {
        if !open.broken {
            self.show(cx, exchanges, streams, &mut open, block, cut);
            if cut.is_some() {
                self.forget(cx);
            }
        }
        // The stream's end is told with the head, unless that was shown before its block was over.
        if open.end_stream && open.promised.is_none() {
            streams.complete(cx, exchanges, self.half, open.stream);
        }
    }

    /// Reads whole fields of a block and shows what they say, once; how many bytes they were. `cut`: they are not all,
    /// and with what defect.
    fn show<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        open: &mut Block,
        block: &[u8],
        cut: Option<u32>,
    ) -> usize {
        let mut list = std::mem::take(&mut cx.fields);
        let shown = std::mem::replace(&mut open.shown, true);
        if shown {
            list.clear(0, 0);
        } else {
            // References to the table cost a byte and give thousands: what a block may decode to depends on its size.
            let room = REFERENCED.saturating_add(block.len().saturating_mul(DECODED)).min(cx.limits.head);
            list.clear(room, cx.limits.fields);
        }
        let used = self.decode(cx, block, cut.is_none(), &mut list);
        if !shown {
            cx.accounts.truncated_heads += u64::from(cut.is_some());
            cx.accounts.unknown_fields += u64::from(list.unknown);
            cx.accounts.header_lists_over_limit += u64::from(list.dropped > 0);
            let half = self.half;
            with_head(&mut list, cut.unwrap_or(0), |head| match (half, open.promised) {
                (Half::Request, _) => {
                    streams.client_head(cx, exchanges, open.stream, open.began_at, head);
                }
                (Half::Response, Some(promised)) => streams.promise(cx, exchanges, promised, open.began_at, head),
                (Half::Response, None) => {
                    streams.server_head(cx, exchanges, open.stream, open.began_at, head);
                }
            });
        }
        cx.fields = list;
        used
    }

    fn decode<I: Inspection>(&mut self, cx: &mut Shared<I>, block: &[u8], last: bool, list: &mut List) -> usize {
        let before = self.decoder.memory();
        let used = self.decoder.decode(block, last, list);
        cx.tables = (cx.tables + self.decoder.memory()).saturating_sub(before);
        if cx.tables > cx.limits.header_tables {
            cx.accounts.header_tables_over_limit += 1;
            self.forget(cx);
        }
        used
    }

    fn forget<I: Inspection>(&mut self, cx: &mut Shared<I>) {
        let before = self.decoder.memory();
        self.decoder.forget();
        cx.tables = (cx.tables + self.decoder.memory()).saturating_sub(before);
    }

    /// Bytes were lost.
    pub(super) fn gap<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        lost: u64,
    ) {
        if lost == 0 {
            return;
        }
        if self.state != State::Frames {
            self.drop_tail(cx, Unparsed::AfterGap);
            self.forget(cx);
            streams.lost(cx, exchanges, self.half);
            self.state = State::Lost(Unparsed::AfterGap);
            return;
        }
        let gone = self.cutter.gap(lost);
        if let Some((header, content)) = gone.of {
            if header.kind == kind::DATA {
                if content > 0 {
                    streams.gap(cx, exchanges, self.half, header.stream, u64::from(content));
                }
                if gone.ended && header.has(flag::END_STREAM) {
                    streams.complete(cx, exchanges, self.half, header.stream);
                }
            } else if header.is_block() && (content > 0 || !gone.in_step) {
                self.break_block(cx, exchanges, streams, &header, gone.ended);
            }
        }
        if !gone.in_step {
            self.lose(cx, exchanges, streams, Unparsed::AfterGap);
        }
    }

    /// Where the next frame begins is not known.
    fn lose<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        why: Unparsed,
    ) {
        if let Some(open) = self.open.take() {
            self.end_broken(cx, exchanges, streams, open);
        }
        self.forget(cx);
        streams.lost(cx, exchanges, self.half);
        self.state = State::Lost(why);
    }

    /// A block whose rest was lost.
    fn end_broken<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        mut open: Block,
    ) {
        let (end, stream) = (std::mem::take(&mut open.end_stream), open.promised.unwrap_or(open.stream));
        self.end_block(cx, exchanges, streams, open, Some(Defects::GAP));
        streams.gap(cx, exchanges, self.half, stream, 0);
        if end {
            streams.complete(cx, exchanges, self.half, stream);
        }
    }

    /// Some of a header block was lost: it is shown as far as it goes.
    fn break_block<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
        header: &Header,
        ended: bool,
    ) {
        let mut open = self.open.take().unwrap_or_else(|| Block {
            stream: header.stream,
            end_stream: header.has(flag::END_STREAM) && header.kind == kind::HEADERS,
            // Nothing of it was seen, so that it opens nothing.
            broken: true,
            ..Block::default()
        });
        if !open.broken {
            let held = std::mem::take(&mut open.held);
            self.show(cx, exchanges, streams, &mut open, &held, Some(Defects::GAP));
            cx.pool.give(held);
            streams.gap(cx, exchanges, self.half, open.promised.unwrap_or(open.stream), 0);
        }
        open.broken = true;
        open.in_frame = !ended;
        self.forget(cx);
        if ended && header.has(flag::END_HEADERS) {
            self.end_block(cx, exchanges, streams, open, None);
        } else {
            self.open = Some(open);
        }
    }

    fn drop_tail<I: Inspection>(&mut self, cx: &mut Shared<I>, why: Unparsed) {
        let tail = std::mem::take(&mut self.tail);
        cx.accounts.settle(Class::Unparsed(why), tail.length);
    }

    /// This side sends no more.
    pub(super) fn finished<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        streams: &mut Streams<I>,
    ) {
        if let State::Lost(why) = self.state {
            self.drop_tail(cx, why);
        }
        if let Some(mut open) = self.open.take() {
            // What is left open is cut as incomplete.
            open.end_stream = false;
            self.end_block(cx, exchanges, streams, open, Some(0));
        }
        streams.finished(cx, exchanges, self.half);
    }

    /// Nothing more is read: what is held is given back.
    pub(super) fn release<I: Inspection>(&mut self, cx: &mut Shared<I>) {
        self.drop_tail(cx, Unparsed::Garbage);
        if let Some(open) = self.open.take() {
            cx.pool.give(open.held);
        }
        self.forget(cx);
    }
}
