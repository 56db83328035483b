//! Putting payload in its place: first arrival wins, what is early waits, what is late is compared.

use spyhop_model::Timestamp;

use crate::flow::{Dir, Env, Flow};
use crate::half::{Overlap, Piece, PieceKind};
use crate::packet::{Flags, Segment};
use crate::reader::{Oddity, StreamReader};
use crate::seq::Seq;

impl<R: StreamReader> Flow<R> {
    /// The payload of a segment at `offset`. `answers`: see `Piece::answers`.
    pub(crate) fn payload(
        &mut self,
        env: &mut Env<'_, R::Context>,
        s: &Segment<'_>,
        dir: Dir,
        offset: i64,
        answers: u64,
    ) {
        let end = offset + s.payload.len() as i64;
        // Before the start of the stream.
        let before = (-offset).clamp(0, s.payload.len() as i64) as usize;
        env.accounts.out_of_window += before as u64;
        let mut at = offset.max(0) as u64;
        let mut bytes = s.payload.get(before..).unwrap_or_default();
        if s.payload.len() == 1 && end == self.half(dir).next as i64 && !bytes.is_empty() {
            // A probe that keeps the connection alive; its octet is often not the one that was sent.
            env.accounts.keep_alive += 1;
            env.accounts.duplicate += 1;
            return;
        }
        if s.flags.has(Flags::URG)
            && let Some(urgent) = usize::from(s.urgent).max(1).checked_sub(1 + before)
            && let Some((_, behind)) = bytes.get(urgent..).and_then(<[u8]>::split_first)
        {
            // The pointer counts from the sequence number to behind the urgent octet (RFC 6093); systems take that one
            // octet out of band whatever went before it.
            let ahead = bytes.get(..urgent).unwrap_or_default();
            self.place(env, s.at, dir, at, ahead, answers);
            at += ahead.len() as u64;
            self.place_urgent(env, s.at, dir, at, answers);
            at += 1;
            bytes = behind;
        }
        self.place(env, s.at, dir, at, bytes, answers);
        if s.cut > 0 {
            let cut = u64::from(s.cut).min(env.limits.ahead);
            env.accounts.cut += u64::from(s.cut);
            self.place_cut(env, s.at, dir, end.max(0) as u64, cut, answers);
        }
        self.within_limits(env, s.at, dir);
    }

    /// A segment that the mirror delivered again. It says nothing new: what was sent before a RST or SYN came proves
    /// neither forged, and what was refused once is refused again. Its payload is compared with the first arrival, since it
    /// may be a forgery that only looks like a copy.
    pub(crate) fn copied(&mut self, env: &mut Env<'_, R::Context>, s: &Segment<'_>, dir: Dir) {
        let payload = s.payload.len() as u64;
        env.accounts.mirrored_twice += 1;
        env.accounts.mirrored_twice_bytes += payload;
        let health = env.health.at(s.tap);
        health.mirrored_twice += 1;
        health.mirrored_twice_bytes += payload;
        if payload == 0 {
            return;
        }
        if s.flags.has(Flags::RST) {
            env.accounts.reset_payload += payload;
            return;
        }
        let half = self.half(dir);
        let known = half.base.then(|| half.offset(Seq(s.seq).advance(u64::from(s.flags.has(Flags::SYN)))));
        let Some(mut at) = known.and_then(|offset| u64::try_from(offset).ok()) else {
            env.accounts.out_of_window += payload;
            return;
        };
        if half.finished || self.ended.is_some() {
            return self.behind_the_end(env, dir, at, payload);
        }
        let (again, mut rest) = s.payload.split_at(half.next.saturating_sub(at).min(payload) as usize);
        at += again.len() as u64;
        // One octet of the past may be a probe, which is often not the octet that was sent.
        match again {
            [_] if rest.is_empty() => env.accounts.duplicate += 1,
            again => self.repeated(env, s.at, dir, at - again.len() as u64, again),
        }
        let mut differs = false;
        while !rest.is_empty() {
            let len = match self.half(dir).overlap(at, rest) {
                Overlap::Held { len, differs: other } => {
                    let account = if other { &mut env.accounts.conflicting } else { &mut env.accounts.duplicate };
                    *account += len as u64;
                    differs |= other;
                    len
                }
                Overlap::Free { len } => {
                    env.accounts.out_of_window += len as u64;
                    len
                }
            };
            at += len as u64;
            rest = rest.get(len..).unwrap_or_default();
        }
        if differs {
            self.oddity(env, s.at, dir, Oddity::Conflict);
        }
    }

    /// `bytes` at `offset`.
    fn place(
        &mut self,
        env: &mut Env<'_, R::Context>,
        now: Timestamp,
        dir: Dir,
        mut offset: u64,
        mut bytes: &[u8],
        answers: u64,
    ) {
        if bytes.is_empty() {
            return;
        }
        if self.half(dir).finished {
            return self.behind_the_end(env, dir, offset, bytes.len() as u64);
        }
        let next = self.half(dir).next;
        if offset < next && !self.refill(env, now, dir, offset) {
            let (again, fresh) = bytes.split_at((next - offset).min(bytes.len() as u64) as usize);
            self.repeated(env, now, dir, offset, again);
            offset = next;
            bytes = fresh;
        }
        let mut differs = false;
        while !bytes.is_empty() {
            let overlap = self.half(dir).overlap(offset, bytes);
            let len = match overlap {
                Overlap::Held { len, differs: other } => {
                    let account = if other { &mut env.accounts.conflicting } else { &mut env.accounts.duplicate };
                    *account += len as u64;
                    differs |= other;
                    if !other && let Some(waiting) = &mut self.half_mut(dir).waiting {
                        waiting.sent_before(offset, len as u64, answers, env.memory);
                    }
                    len
                }
                Overlap::Free { len } => {
                    let piece = bytes.get(..len).unwrap_or_default();
                    if offset == self.half(dir).next && !self.kept_back(dir, answers) {
                        self.deliver(env, now, dir, piece);
                    } else {
                        self.hold(env, now, dir, offset, PieceKind::Data(piece.into()), answers);
                    }
                    len
                }
            };
            offset += len as u64;
            bytes = bytes.get(len..).unwrap_or_default();
        }
        if differs {
            self.oddity(env, now, dir, Oddity::Conflict);
        }
    }

    /// One octet read out of band.
    fn place_urgent(&mut self, env: &mut Env<'_, R::Context>, now: Timestamp, dir: Dir, offset: u64, answers: u64) {
        let half = self.half(dir);
        if half.finished {
            self.behind_the_end(env, dir, offset, 1);
        } else if offset < half.next || matches!(half.overlap(offset, &[0]), Overlap::Held { .. }) {
            env.accounts.duplicate += 1;
        } else if offset == half.next && !self.kept_back(dir, answers) {
            self.urgent(env, now, dir);
        } else {
            self.hold(env, now, dir, offset, PieceKind::Urgent, answers);
        }
    }

    /// `len` octets that the capture cut: nobody will bring them.
    fn place_cut(
        &mut self,
        env: &mut Env<'_, R::Context>,
        now: Timestamp,
        dir: Dir,
        offset: u64,
        len: u64,
        answers: u64,
    ) {
        let half = self.half(dir);
        let end = offset + len;
        let mut from = offset.max(half.next);
        let mut to = end;
        if let Some(waiting) = &half.waiting {
            // What is held already stays; what was cut reaches from its end to the next piece.
            if let Some((start, piece)) = waiting.held.range(..=from).next_back() {
                from = from.max(start + piece.len());
            }
            to = waiting.held.range(from..).next().map_or(end, |(start, _)| end.min(*start));
        }
        if half.finished || to <= from {
            return;
        }
        if from == half.next && !self.kept_back(dir, answers) {
            self.hole(env, now, dir, to - from);
        } else {
            self.hold(env, now, dir, from, PieceKind::Lost(to - from), answers);
        }
    }

    fn hold(
        &mut self,
        env: &mut Env<'_, R::Context>,
        now: Timestamp,
        dir: Dir,
        offset: u64,
        kind: PieceKind,
        answers: u64,
    ) {
        let waiting = self.half_mut(dir).waiting_mut();
        if waiting.held.is_empty() && waiting.end.is_none() {
            waiting.since = now;
        }
        let piece = Piece { kind, at: now, answers };
        waiting.memory += piece.memory();
        *env.memory += piece.memory();
        env.accounts.held += piece.payload();
        waiting.held.insert(offset, piece);
    }

    fn within_limits(&mut self, env: &mut Env<'_, R::Context>, now: Timestamp, dir: Dir) {
        while let Some(waiting) = &self.half(dir).waiting {
            let own = waiting.memory > env.limits.held_per_direction || waiting.held.len() > env.limits.held_pieces;
            if !own && *env.memory <= env.limits.held_total {
                return;
            }
            if !self.give_up_first(env, now, dir) {
                return;
            }
            env.accounts.held_limit += 1;
        }
    }

    /// Octets that were given up because they were acknowledged, and that come after all with nothing delivered behind
    /// them: the stream goes back to them. True if so.
    fn refill(&mut self, env: &mut Env<'_, R::Context>, now: Timestamp, dir: Dir, offset: u64) -> bool {
        let half = self.half_mut(dir);
        let next = half.next;
        let Some(waiting) = &mut half.waiting else { return false };
        if waiting.unproven < next - offset {
            return false;
        }
        waiting.unproven = 0;
        half.rewind(next - offset);
        half.moved(now);
        env.accounts.refilled += next - offset;
        let tap = self.half(dir).tap;
        env.health.at(tap).refilled += next - offset;
        true
    }

    /// Octets that were delivered or given up before.
    fn repeated(&mut self, env: &mut Env<'_, R::Context>, now: Timestamp, dir: Dir, offset: u64, bytes: &[u8]) {
        let half = self.half(dir);
        let differing = match &half.passed {
            Some(passed) => passed.differing(offset, bytes, half.next, env.seed),
            None => 0,
        };
        env.accounts.conflicting += differing;
        env.accounts.duplicate += bytes.len() as u64 - differing;
        if differing > 0 {
            self.oddity(env, now, dir, Oddity::Conflict);
        }
    }

    fn behind_the_end(&mut self, env: &mut Env<'_, R::Context>, dir: Dir, offset: u64, len: u64) {
        let again = self.half(dir).next.saturating_sub(offset).min(len);
        env.accounts.duplicate += again;
        env.accounts.after_end += len - again;
    }
}
