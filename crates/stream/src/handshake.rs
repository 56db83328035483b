//! How connections begin and end: SYN, midstream, FIN, RST, and the same addresses and ports used again.

use spyhop_model::Timestamp;

use crate::flow::{Dir, Env, Flow, Reopening, Reset};
use crate::packet::{Flags, Segment};
use crate::reader::{End, StreamReader};
use crate::seq::Seq;

/// How far a RST may be ahead of what was seen (lost before the sensor), and how far a handshake may be from data that
/// overtook it, in octets.
const NEAR: i64 = 1 << 20;

impl<R: StreamReader> Flow<R> {
    /// One segment from `dir`.
    pub(crate) fn segment(&mut self, env: &mut Env<'_, R::Context>, s: &Segment<'_>, dir: Dir) {
        self.last_seen = s.at;
        let half = self.half_mut(dir);
        (half.seen, half.tap) = (true, s.tap);
        let payload = s.payload.len() as u64;
        if half.recent.note(s, env.limits.copies) {
            return self.copied(env, s, dir);
        }
        self.check_reopening(env, s, dir);
        let reset = s.flags.has(Flags::RST);
        let syn = s.flags.has(Flags::SYN) && !reset;
        if syn && !self.syn(env, s, dir) {
            env.accounts.out_of_window += payload;
            return;
        }
        if reset {
            env.accounts.reset_payload += payload;
            self.reset(env, s, dir);
            return;
        }
        if self.ended.is_some() && !self.after_end(env, s, dir) {
            return;
        }
        if s.flags.has(Flags::ACK) {
            self.half_mut(dir.other()).last_ack = Some((s.at, Seq(s.ack)));
        }
        let seq = Seq(s.seq).advance(u64::from(syn));
        if !self.ack_fits(s, dir, env.limits.ahead) {
            return self.stray(env, s, dir, seq);
        }
        if !self.half(dir).base && !self.pick_up(env, s, dir, seq) {
            return;
        }
        let half = self.half_mut(dir);
        let offset = half.offset(seq);
        if (offset - half.next as i64).unsigned_abs() > env.limits.ahead {
            return self.stray(env, s, dir, seq);
        }
        half.fits();
        let completes = half.syn && half.next == 0 && s.flags == Flags(Flags::ACK) && payload == 0;
        if completes && !self.half(dir.other()).base && s.at < self.started + env.limits.acked_wait {
            // The handshake's last packet, before the answer to the SYN: it says where the other stream starts.
            self.half_mut(dir.other()).start(Seq(s.ack));
        }
        let answers = if s.flags.has(Flags::ACK) { self.acknowledge(env, s.at, dir.other(), Seq(s.ack)) } else { 0 };
        if payload > 0 || s.cut > 0 {
            self.refused = false;
            self.check_reset(env, dir, offset + payload as i64);
            self.payload(env, s, dir, offset, answers);
        }
        // A SYN with FIN opens; no stack sends it.
        if s.flags.has(Flags::FIN) && !syn {
            self.fin(env, s.at, dir, offset + payload as i64 + i64::from(s.cut));
        }
        self.settle(env, s.at);
        self.conclude(env, s.at);
        self.judge_in_time(env, s.at);
    }

    /// A SYN or SYN-ACK; false if it is to be ignored.
    fn syn(&mut self, env: &mut Env<'_, R::Context>, s: &Segment<'_>, dir: Dir) -> bool {
        let isn = Seq(s.seq);
        let answer = s.flags.has(Flags::ACK);
        let (half, other) = (self.half(dir), self.half(dir.other()));
        if half.syn && half.isn == isn {
            env.accounts.syn_repeated += 1;
            return true;
        }
        // An answer to a SYN that was seen acknowledges it, and maybe the data in it (RFC 7413).
        if answer && other.syn && !(1..=1 + NEAR).contains(&Seq(s.ack).since(other.isn)) {
            env.accounts.syn_ignored += 1;
            return false;
        }
        if self.ended.is_some() {
            // A late answer says nothing new.
            if answer && other.seen {
                env.accounts.syn_ignored += 1;
                return false;
            }
            self.restart(s.at, if answer { dir.other() } else { dir }, env.accounts);
        } else if half.base {
            // Data overtook the SYN, or its start was guessed.
            let overtook = half.first().since(isn.advance(1));
            let same = !half.syn && (0..=NEAR).contains(&overtook);
            if !same {
                // Who knows the connection answers with an ACK and goes on (RFC 5961, section 4), after a FIN of the
                // sender too. Before the handshake is complete and after it was refused there is nothing to go on with.
                let settled = !self.quiet() || (half.syn && other.syn && !self.refused);
                if answer && other.seen {
                    env.accounts.syn_ignored += 1;
                    return false;
                }
                if settled && !answer {
                    let len = s.payload.len() as u64 + u64::from(s.cut);
                    if self.reopening.as_ref().is_none_or(|known| (known.isn, known.by) != (isn, dir)) {
                        self.reopening = Some(Box::new(Reopening { isn, len, at: s.at, by: dir }));
                    }
                    return false;
                }
                self.end(env, s.at, End::Reused);
                self.restart(s.at, if answer { dir.other() } else { dir }, env.accounts);
            } else if half.next > 0 || half.waiting.is_some() {
                // Something was delivered or counted from another start; that start stands.
                let half = self.half_mut(dir);
                (half.syn, half.isn) = (true, isn);
                self.set_opening(dir, answer);
                return true;
            }
        }
        self.refused = false;
        let half = self.half_mut(dir);
        (half.syn, half.isn, half.seen) = (true, isn, true);
        half.start(isn.advance(1));
        self.set_opening(dir, answer);
        if answer && !self.half(dir.other()).base {
            self.half_mut(dir.other()).start(Seq(s.ack));
        }
        true
    }

    /// A SYN tells who opened, as long as nobody was told otherwise.
    fn set_opening(&mut self, dir: Dir, answer: bool) {
        if self.reader.is_some() {
            return;
        }
        self.midstream = false;
        if answer {
            if !self.half(dir.other()).syn {
                self.originator = dir.other();
            }
        } else if !self.half(dir.other()).syn {
            self.originator = dir;
        }
    }

    /// Decides on a SYN that came while the connection was alive. Its receiver shows that it is true; its sender only where
    /// what follows it cannot be of the old connection, or where the receiver is not seen.
    fn check_reopening(&mut self, env: &mut Env<'_, R::Context>, s: &Segment<'_>, dir: Dir) {
        let Some(Reopening { isn, len, at, by }) = self.reopening.as_deref().copied() else { return };
        let first = isn.advance(1);
        let syn = s.flags.has(Flags::SYN);
        // At the end of the SYN, or of the data in it (RFC 7413).
        let of_new = |seq: Seq| (0..=len as i64).contains(&seq.since(first));
        let half = self.half(dir);
        let of_old = half.base && Seq(s.seq).since(half.next_seq).unsigned_abs() <= env.limits.ahead;
        let confirmed = if dir == by {
            let unseen = !self.half(dir.other()).seen && Seq(s.seq) != half.next_seq;
            !syn && of_new(Seq(s.seq)) && (unseen || !of_old)
        } else {
            let other_start = if syn { !half.syn || half.isn != Seq(s.seq) } else { !of_old };
            s.flags.has(Flags::ACK) && !s.flags.has(Flags::RST) && of_new(Seq(s.ack)) && other_start
        };
        if confirmed {
            self.end(env, s.at, End::Reused);
            self.restart(at, by, env.accounts);
            self.midstream = false;
            let half = self.half_mut(by);
            (half.syn, half.isn, half.seen) = (true, isn, true);
            half.start(first);
            self.half_mut(dir).seen = true;
        } else if dir == by && !syn && !s.payload.is_empty() && of_old && !of_new(Seq(s.seq)) {
            // The old connection goes on.
            self.reopening = None;
            env.accounts.syn_ignored += 1;
        }
    }

    /// Whether the acknowledgement lies near what the other side sent, as far as its start is known for certain. A
    /// receiver drops what acknowledges something else (RFC 9293, section 3.10.7.4), so it is not evidence either.
    fn ack_fits(&self, s: &Segment<'_>, dir: Dir, ahead: u64) -> bool {
        let other = self.half(dir.other());
        if !s.flags.has(Flags::ACK) || !other.syn {
            return true;
        }
        Seq(s.ack).since(other.next_seq).unsigned_abs() <= ahead * 4
    }

    /// Places a direction whose start was not seen; false if this segment does not tell, and then it is done with.
    fn pick_up(&mut self, env: &mut Env<'_, R::Context>, s: &Segment<'_>, dir: Dir, seq: Seq) -> bool {
        let half = self.half_mut(dir);
        let behind_hint = if half.hinted { seq.since(half.hint) } else { 0 };
        if s.payload.is_empty() && s.cut == 0 {
            let fin = s.flags.has(Flags::FIN);
            if fin && half.hinted && behind_hint == 0 {
                half.start(seq);
                return true;
            }
            // A bare ACK may be a probe one octet back, and a FIN or RST may be forged.
            env.accounts.fin_ignored += u64::from(fin);
            if s.flags.has(Flags::ACK) {
                self.acknowledge(env, s.at, dir.other(), Seq(s.ack));
            }
            return false;
        }
        if s.payload.len() == 1 && s.cut == 0 && s.flags == Flags(Flags::ACK) {
            // The probe of a connection that is kept alive carries one octet of the past (RFC 9293, section 3.8.4).
            half.start(seq.advance(1));
            env.accounts.keep_alive += 1;
            return true;
        }
        // What the other side acknowledged tells what was lost or is late since.
        half.start(if (1..=NEAR).contains(&behind_hint) { half.hint } else { seq });
        true
    }

    /// A segment that fits nothing. Three in a row that fit each other move the stream to where they are, if the receiver,
    /// where it is seen, is there as well: it answers what was forged with what it expects (RFC 9293, section 3.10.7.4).
    fn stray(&mut self, env: &mut Env<'_, R::Context>, s: &Segment<'_>, dir: Dir, seq: Seq) {
        let payload = s.payload.len() as u64;
        let found = payload > 0 && self.half_mut(dir).stray(seq, payload + u64::from(s.cut));
        if !found || !self.half(dir).receiver_near(seq, s.at, env.limits.ahead, env.limits.unacked_wait) {
            env.accounts.out_of_window += payload;
            env.accounts.fin_ignored += u64::from(s.flags.has(Flags::FIN));
            return;
        }
        env.accounts.resynchronised += 1;
        self.half_mut(dir).fits();
        // What the other side acknowledged is not to be measured by its SYN any more.
        self.half_mut(dir.other()).syn = false;
        let known = self.half(dir).base;
        if !known {
            self.half_mut(dir).start(seq);
        }
        while self.give_up_first(env, s.at, dir) {}
        let half = self.half_mut(dir);
        let ahead = seq.since(half.next_seq);
        if let Some(waiting) = &mut half.waiting {
            waiting.end = None;
        }
        if known {
            // Back as well: what follows does not join what was delivered last.
            self.gap(env, s.at, dir, ahead.max(1) as u64);
        }
        let half = self.half_mut(dir);
        half.next_seq = seq;
        let offset = half.next as i64;
        self.payload(env, s, dir, offset, 0);
        self.settle(env, s.at);
    }

    /// The other side acknowledged `ack` of what `dir` sends. Returns the offset if that was not seen yet.
    fn acknowledge(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir, ack: Seq) -> u64 {
        // A mirror's port for the one direction may lag behind that for the other.
        let late = !self.one_sided && at < self.started + env.limits.acked_wait;
        let half = self.half_mut(dir);
        if !half.base {
            if !half.hinted || ack.since(half.hint) > 0 {
                (half.hinted, half.hint) = (true, ack);
            }
            return 0;
        }
        let offset = half.offset(ack);
        if offset <= half.acked as i64 && offset <= half.next as i64 {
            return 0;
        }
        if offset - half.next as i64 > env.limits.ahead as i64 || half.finished {
            return 0;
        }
        half.acked = half.acked.max(offset as u64);
        // Where one direction is not seen at all, its octets are not waited for.
        if offset <= half.next as i64 || !(half.seen || late) {
            return 0;
        }
        // One octet more may be a FIN's own number, which nobody misses; but what answers it comes behind it.
        if half.seen && half.acked_ahead() {
            half.waiting_mut().acked_since.get_or_insert(at);
        }
        offset as u64
    }

    /// FIN at `offset`.
    fn fin(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir, offset: i64) {
        let half = self.half_mut(dir);
        let next = half.next;
        if half.finished {
            return;
        }
        if offset < next as i64 {
            env.accounts.fin_ignored += 1;
            return;
        }
        if half.waiting.is_none() && offset == next as i64 {
            return self.finish(env, at, dir);
        }
        let waiting = half.waiting_mut();
        if waiting.held.is_empty() && waiting.end.is_none() {
            waiting.since = at;
        }
        // Of two, at least one is forged; a receiver stops at the first one it reaches.
        let known = waiting.end.get_or_insert(offset as u64);
        env.accounts.fin_ignored += u64::from(*known != offset as u64);
        *known = (*known).min(offset as u64);
    }

    /// A RST (RFC 9293, section 3.5.3; RFC 5961, section 3): one that a receiver would not act on does nothing.
    fn reset(&mut self, env: &mut Env<'_, R::Context>, s: &Segment<'_>, dir: Dir) {
        if self.ended.is_some() {
            return;
        }
        let (half, other) = (self.half(dir), self.half(dir.other()));
        let seq = Seq(s.seq);
        let ahead = seq.since(half.next_seq);
        let acked_back = (half.next.saturating_sub(half.acked) as i64).min(i64::from(u16::MAX));
        let fits = if half.base {
            (-acked_back..=NEAR).contains(&ahead)
        } else if s.flags.has(Flags::ACK) {
            // An answer to a SYN, or to what was seen of the other side.
            other.base && (-NEAR..=1).contains(&Seq(s.ack).since(other.next_seq))
        } else {
            half.hinted && seq == half.hint
        };
        if !fits {
            env.accounts.rst_ignored += 1;
        } else if self.quiet() {
            // Nothing is lost by looking on: the next SYN, SYN-ACK or data shows whether it was forged.
            self.refused = true;
        } else if self.resetting().is_some_and(|reset| reset.by != dir) {
            // Both sides say so.
            self.end(env, s.at, End::Reset);
        } else if self.reset.is_none() {
            let offset = half.next + if half.base { ahead.max(0) as u64 } else { 0 };
            self.reset = Some(Box::new(Reset { by: dir, at: s.at, offset }));
            self.conclude(env, s.at);
        }
    }

    /// Who sent a RST sends no more: if data behind it comes, up to `end`, it was forged, as in an attempt to blind.
    fn check_reset(&mut self, env: &mut Env<'_, R::Context>, dir: Dir, end: i64) {
        if self.reset.as_ref().is_some_and(|reset| reset.by == dir && end > reset.offset as i64) {
            self.reset = None;
            env.accounts.rst_ignored += 1;
        }
    }

    /// A segment after the end; true if it begins a new connection, for which it is to be read.
    fn after_end(&mut self, env: &mut Env<'_, R::Context>, s: &Segment<'_>, dir: Dir) -> bool {
        let payload = s.payload.len() as u64;
        if payload == 0 {
            return false;
        }
        let half = self.half(dir);
        if !half.base {
            env.accounts.after_end += payload;
            return false;
        }
        let ahead = Seq(s.seq).since(half.next_seq);
        // What follows a RST of the same sender shows that it was forged; numbers far away are of another connection.
        let forged = self.reset.as_ref().is_some_and(|reset| reset.by == dir) && ahead >= 0;
        if forged || ahead.unsigned_abs() > env.limits.ahead {
            self.restart(s.at, dir, env.accounts);
            self.half_mut(dir).seen = true;
            return true;
        }
        let again = (-ahead).clamp(0, payload as i64) as u64;
        env.accounts.duplicate += again;
        env.accounts.after_end += payload - again;
        false
    }
}
