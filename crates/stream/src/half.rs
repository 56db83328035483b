//! One direction of a connection: where its stream stands, and what waits.

use std::collections::BTreeMap;

use spyhop_model::{Span, Timestamp};

use crate::copies::Recent;
use crate::seq::Seq;

/// One direction. Offsets count the stream's octets from zero in 64 bits; sequence numbers only meet the wire.
#[derive(Default)]
pub(crate) struct Half {
    /// Sequence number of its SYN, if `syn`.
    pub(crate) isn: Seq,
    /// Sequence number of the octet at `next`, if `base`.
    pub(crate) next_seq: Seq,
    /// Offset of the next octet to deliver.
    pub(crate) next: u64,
    /// Offset up to which the other side acknowledged.
    pub(crate) acked: u64,
    /// What the other side acknowledged while `base` was not known, if `hinted`.
    pub(crate) hint: Seq,
    /// What the other side acknowledged last, whether it fits or not, and when.
    pub(crate) last_ack: Option<(Timestamp, Seq)>,
    /// End of the last segment that was out of window.
    stray_end: Seq,
    /// Segments out of window in a row that fit each other.
    strays: u8,
    /// The stream's place in sequence space is known.
    pub(crate) base: bool,
    /// Its SYN was seen.
    pub(crate) syn: bool,
    /// Any segment of it was seen.
    pub(crate) seen: bool,
    pub(crate) hinted: bool,
    /// Its end was delivered.
    pub(crate) finished: bool,
    /// Number of the tap that its last segment came from.
    pub(crate) tap: u16,
    /// To know copies by.
    pub(crate) recent: Recent,
    pub(crate) passed: Option<Box<Passed>>,
    pub(crate) waiting: Option<Box<Waiting>>,
}

/// What waits in one direction, and for how long.
#[derive(Default)]
pub(crate) struct Waiting {
    /// By offset; disjoint, and none before `Half::next`.
    pub(crate) held: BTreeMap<u64, Piece>,
    /// Octets allocated for `held`.
    pub(crate) memory: usize,
    /// Since when the first hole stands, or the first piece is kept back.
    pub(crate) since: Timestamp,
    /// Since when the other side acknowledges what was not delivered.
    pub(crate) acked_since: Option<Timestamp>,
    /// Where the stream ends, if its FIN was seen and not reached.
    pub(crate) end: Option<u64>,
    /// Length of the gap right before `Half::next` that was given up on the word of an acknowledgement alone.
    pub(crate) unproven: u64,
    /// Deliver the first piece even if it answers what was not seen.
    pub(crate) release: bool,
}

/// A range of the stream that waits.
pub(crate) struct Piece {
    pub(crate) kind: PieceKind,
    /// When it arrived.
    pub(crate) at: Timestamp,
    /// Offset in the other direction that its sender had received when it sent this. It is delivered after that, so that
    /// an answer does not overtake its request where the mirror reorders.
    pub(crate) answers: u64,
}

pub(crate) enum PieceKind {
    Data(Box<[u8]>),
    /// Octets cut by the capture.
    Lost(u64),
    /// One octet read out of band.
    Urgent,
}

/// What a piece costs besides its octets: its place in the tree and what the allocator adds.
const PIECE: usize = 96;

impl Piece {
    pub(crate) fn len(&self) -> u64 {
        match &self.kind {
            PieceKind::Data(bytes) => bytes.len() as u64,
            PieceKind::Lost(len) => *len,
            PieceKind::Urgent => 1,
        }
    }

    /// Octets of payload in it.
    pub(crate) fn payload(&self) -> u64 {
        match &self.kind {
            PieceKind::Data(bytes) => bytes.len() as u64,
            PieceKind::Lost(_) => 0,
            PieceKind::Urgent => 1,
        }
    }

    pub(crate) fn memory(&self) -> usize {
        PIECE
            + match &self.kind {
                PieceKind::Data(bytes) => bytes.len(),
                _ => 0,
            }
    }
}

impl Waiting {
    /// Cuts the piece of data that `at` lies within in two there; false if there is none. `total` is the memory of all
    /// connections.
    pub(crate) fn split(&mut self, at: u64, total: &mut usize) -> bool {
        let Some((start, piece)) = self.held.range_mut(..at).next_back() else { return false };
        let PieceKind::Data(bytes) = &piece.kind else { return false };
        let Some((first, rest)) = bytes.split_at_checked((at - start) as usize) else { return false };
        if rest.is_empty() {
            return false;
        }
        let rest = Piece { kind: PieceKind::Data(rest.into()), at: piece.at, answers: piece.answers };
        piece.kind = PieceKind::Data(first.into());
        // Its octets are counted already.
        self.memory += PIECE;
        *total += PIECE;
        self.held.insert(at, rest);
        true
    }

    /// What is held of `len` octets from `at` on, which lie in one piece, came again from a sender that had received no
    /// more than `answers`: a first arrival that carried later data as well says less of when they were sent.
    pub(crate) fn sent_before(&mut self, at: u64, len: u64, answers: u64, total: &mut usize) {
        let held = |(start, piece): (&u64, &Piece)| (start + piece.len() > at && piece.answers > answers).then_some(());
        if self.held.range(..=at).next_back().and_then(held).is_none() {
            return;
        }
        self.split(at, total);
        self.split(at + len, total);
        if let Some((start, piece)) = self.held.range_mut(..=at).next_back()
            && *start == at
            && piece.len() <= len
        {
            piece.answers = answers;
        }
    }
}

/// How a segment compares with what is held where it lies.
pub(crate) enum Overlap {
    /// The next so many octets are held, with other content or not.
    Held { len: usize, differs: bool },
    /// The next so many octets are not held.
    Free { len: usize },
}

impl Half {
    /// Sets the stream's place.
    pub(crate) fn start(&mut self, first: Seq) {
        self.base = true;
        self.next_seq = first;
    }

    /// The offset of a sequence number, negative before the stream's start.
    pub(crate) fn offset(&self, seq: Seq) -> i64 {
        (self.next as i64).wrapping_add(seq.since(self.next_seq))
    }

    /// Sequence number of offset zero.
    pub(crate) fn first(&self) -> Seq {
        Seq(self.next_seq.0.wrapping_sub(self.next as u32))
    }

    pub(crate) fn advance(&mut self, octets: u64) {
        self.next += octets;
        self.next_seq = self.next_seq.advance(octets);
    }

    /// Takes back the last `octets`, which were a gap.
    pub(crate) fn rewind(&mut self, octets: u64) {
        let octets = octets.min(self.next);
        self.next -= octets;
        self.next_seq = Seq(self.next_seq.0.wrapping_sub(octets as u32));
    }

    /// The other side acknowledged more than was seen. One octet more may be the FIN's own number.
    pub(crate) fn acked_ahead(&self) -> bool {
        self.acked > self.next + 1
    }

    /// Notes a segment out of window; true from the third in a row on of those that fit each other.
    pub(crate) fn stray(&mut self, seq: Seq, len: u64) -> bool {
        self.strays = if self.strays > 0 && self.stray_end == seq { self.strays.saturating_add(1) } else { 1 };
        self.stray_end = seq.advance(len);
        self.strays >= 3
    }

    /// Whether the receiver is, or may be, near `seq`: unless it acknowledged something else in the last `recent`.
    pub(crate) fn receiver_near(&self, seq: Seq, at: Timestamp, near: u64, recent: Span) -> bool {
        self.last_ack.is_none_or(|(since, ack)| since + recent <= at || seq.since(ack).unsigned_abs() <= near)
    }

    /// A segment was in window.
    pub(crate) fn fits(&mut self) {
        self.strays = 0;
    }

    pub(crate) fn waiting_mut(&mut self) -> &mut Waiting {
        self.waiting.get_or_insert_default()
    }

    /// The first piece held, if it is what comes next.
    pub(crate) fn next_piece(&self) -> Option<&Piece> {
        let (start, piece) = self.waiting.as_ref()?.held.first_key_value()?;
        (*start == self.next).then_some(piece)
    }

    /// Offset of the first octet held.
    pub(crate) fn first_held(&self) -> Option<u64> {
        self.waiting.as_ref()?.held.first_key_value().map(|(start, _)| *start)
    }

    /// `next` has moved at `at`: what still waits waits anew.
    pub(crate) fn moved(&mut self, at: Timestamp) {
        let ahead = self.acked_ahead();
        if let Some(waiting) = &mut self.waiting {
            waiting.since = at;
            waiting.acked_since = ahead.then_some(at);
        }
    }

    /// Gives the memory of waiting back when nothing waits.
    pub(crate) fn rest(&mut self) {
        let idle = |waiting: &Waiting| {
            waiting.held.is_empty() && waiting.end.is_none() && waiting.acked_since.is_none() && waiting.unproven == 0
        };
        if self.waiting.as_deref().is_some_and(idle) {
            self.waiting = None;
        }
    }

    /// How `bytes` at `offset` compare with what is held. `bytes` is not empty.
    pub(crate) fn overlap(&self, offset: u64, bytes: &[u8]) -> Overlap {
        let all = Overlap::Free { len: bytes.len() };
        let Some(waiting) = &self.waiting else { return all };
        if let Some((start, piece)) = waiting.held.range(..=offset).next_back() {
            let inside = offset - start;
            if inside < piece.len() {
                let len = (piece.len() - inside).min(bytes.len() as u64) as usize;
                let differs = match &piece.kind {
                    PieceKind::Data(held) => held.get(inside as usize..inside as usize + len) != bytes.get(..len),
                    _ => false,
                };
                return Overlap::Held { len, differs };
            }
        }
        match waiting.held.range(offset..).next() {
            Some((start, _)) => Overlap::Free { len: (start - offset).min(bytes.len() as u64) as usize },
            None => all,
        }
    }
}

/// Fingerprints of the pieces delivered last, to tell a retransmission from a forgery without keeping the octets.
#[derive(Default)]
pub(crate) struct Passed {
    pieces: [PassedPiece; PASSED],
    at: usize,
}

/// Pieces remembered per direction. What a forgery races against arrives within a few segments.
const PASSED: usize = 12;

#[derive(Clone, Copy, Default)]
struct PassedPiece {
    /// Lower 32 bits of its offset.
    start: u32,
    len: u32,
    fingerprint: u64,
}

impl Passed {
    /// Notes a piece that is delivered at `offset`.
    pub(crate) fn note(&mut self, offset: u64, bytes: &[u8], seed: u64) {
        let fingerprint = fingerprint(bytes, seed);
        if let Some(piece) = self.pieces.get_mut(self.at) {
            *piece = PassedPiece { start: offset as u32, len: bytes.len() as u32, fingerprint };
        }
        self.at = (self.at + 1) % PASSED;
    }

    /// Octets of pieces that lie within `bytes` at `offset` and differ; `next` is where the stream stands.
    pub(crate) fn differing(&self, offset: u64, bytes: &[u8], next: u64, seed: u64) -> u64 {
        let mut differing = 0;
        for piece in self.pieces.iter().filter(|piece| piece.len > 0) {
            let back = u64::from((next as u32).wrapping_sub(piece.start));
            let Some(from) = next.checked_sub(back).and_then(|start| start.checked_sub(offset)) else { continue };
            let from = from as usize;
            if let Some(again) = bytes.get(from..from.saturating_add(piece.len as usize))
                && fingerprint(again, seed) != piece.fingerprint
            {
                differing += u64::from(piece.len);
            }
        }
        differing.min(bytes.len() as u64)
    }
}

/// A fast hash with a secret seed: four lanes of multiply and rotate, then folded.
fn fingerprint(bytes: &[u8], seed: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let word = |word: &[u8]| word.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
    let mut lanes = [seed, seed ^ ODD, seed.rotate_left(17), !seed];
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = (*lane ^ u64::from_le_bytes(*word)).wrapping_mul(ODD).rotate_left(29);
        }
    }
    for (lane, tail) in lanes.iter_mut().zip(rest.chunks(8)) {
        *lane = (*lane ^ word(tail)).wrapping_mul(ODD).rotate_left(29);
    }
    lanes.into_iter().fold(bytes.len() as u64, |folded, lane| {
        let product = u128::from(folded ^ lane) * u128::from(ODD);
        (product >> 64) as u64 ^ product as u64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_changed_octet_is_told_from_a_retransmission() {
        let mut passed = Passed::default();
        let stream: Vec<u8> = (0..100u8).collect();
        passed.note(0, &stream[..40], 7);
        passed.note(40, &stream[40..], 7);
        assert_eq!(passed.differing(0, &stream, 100, 7), 0);
        for at in 0..100 {
            let mut other = stream.clone();
            other[at] ^= 1;
            assert_eq!(passed.differing(0, &other, 100, 7), if at < 40 { 40 } else { 60 });
        }
        // A part of a piece tells nothing.
        assert_eq!(passed.differing(1, &[9; 38], 100, 7), 0);
    }

    #[test]
    fn offsets_go_on_where_sequence_numbers_wrap() {
        let mut half = Half::default();
        half.start(Seq(u32::MAX - 1));
        half.advance(3 << 32);
        half.advance(10);
        assert_eq!(half.offset(Seq(18)), (3 << 32) + 20);
        assert_eq!(half.offset(Seq(8)), (3 << 32) + 10);
        assert_eq!(half.offset(Seq(0)), (3 << 32) + 2);
        assert_eq!(half.first(), Seq(u32::MAX - 1));
    }
}
