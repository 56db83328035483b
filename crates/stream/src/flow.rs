//! One connection: two directions, a reader, and what happens when time passes.
//!
//! ```text
//!            SYN, or data midstream          data                 FIN both ways, RST
//! (no entry) ───────────────────────> quiet ──────> live reader ─────────────────────> ended
//!                                       │ silence       │ silence                        │ silence
//!                                       v               v                                v
//!                                   forgotten       forgotten                        forgotten
//! ```
//!
//! A reader is opened with the first data (or gap) that is delivered: a flood of SYN costs no readers, and roles that a
//! reordered handshake corrects are settled by then.

use spyhop_model::{Connection, FlowId, FlowKey, Side, Span, Timestamp};

use crate::accounts::StreamAccounts;
use crate::half::{Half, PieceKind};
use crate::health::{JUDGED_AFTER, TapCounts};
use crate::limits::Limits;
use crate::reader::{End, Oddity, StreamReader};
use crate::seq::Seq;

/// What a worker lends its connections for one call.
pub(crate) struct Env<'e, C> {
    pub(crate) cx: &'e mut C,
    pub(crate) limits: &'e Limits,
    pub(crate) accounts: &'e mut StreamAccounts,
    pub(crate) health: &'e mut TapCounts,
    /// Octets allocated for held data, all connections together.
    pub(crate) memory: &'e mut usize,
    /// Of the fingerprints of what was delivered.
    pub(crate) seed: u64,
}

/// A direction by its sender's place in the flow key; unlike [`Side`] it is known from the first packet on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dir {
    Low,
    High,
}

impl Dir {
    pub(crate) fn other(self) -> Dir {
        match self {
            Dir::Low => Dir::High,
            Dir::High => Dir::Low,
        }
    }
}

pub(crate) struct Flow<R> {
    pub(crate) key: FlowKey,
    /// The keys of other VLANs, if halves were joined or the mirror delivers the connection on several.
    pub(crate) aliases: Vec<FlowKey>,
    /// Number of the tap that its first packet came from.
    pub(crate) tap: u16,
    /// It has been counted by what it carries and how it is seen.
    judged: bool,
    pub(crate) started: Timestamp,
    pub(crate) last_seen: Timestamp,
    /// Deadline of this connection's entry among the timers.
    pub(crate) armed: Timestamp,
    pub(crate) generation: u32,
    pub(crate) originator: Dir,
    pub(crate) midstream: bool,
    /// A RST answered the opening. It may be forged, so the connection can still go on.
    pub(crate) refused: bool,
    pub(crate) ended: Option<End>,
    /// One direction was waited for and did not show up.
    pub(crate) one_sided: bool,
    /// A RST that counts, as long as nothing shows that it was forged.
    pub(crate) reset: Option<Box<Reset>>,
    pub(crate) reopening: Option<Box<Reopening>>,
    pub(crate) reader: Option<Box<R>>,
    low: Half,
    high: Half,
}

/// A SYN with another sequence number on a connection that is alive. Receivers ignore it (RFC 5961, section 4) unless
/// they lost the old connection, so it counts when what follows fits it.
#[derive(Clone, Copy)]
pub(crate) struct Reopening {
    pub(crate) isn: Seq,
    /// Octets of data in it, which were not delivered.
    pub(crate) len: u64,
    pub(crate) at: Timestamp,
    pub(crate) by: Dir,
}

/// A RST, and what it says.
#[derive(Clone, Copy)]
pub(crate) struct Reset {
    pub(crate) by: Dir,
    pub(crate) at: Timestamp,
    /// Where its sender's stream ends.
    pub(crate) offset: u64,
}

impl<R: StreamReader> Flow<R> {
    pub(crate) fn new(key: FlowKey, at: Timestamp, originator: Dir, tap: u16) -> Flow<R> {
        Flow {
            key,
            aliases: Vec::new(),
            tap,
            judged: false,
            started: at,
            last_seen: at,
            armed: Timestamp::MAX,
            generation: 0,
            originator,
            midstream: true,
            refused: false,
            ended: None,
            one_sided: false,
            reset: None,
            reopening: None,
            reader: None,
            low: Half::default(),
            high: Half::default(),
        }
    }

    pub(crate) fn half(&self, dir: Dir) -> &Half {
        match dir {
            Dir::Low => &self.low,
            Dir::High => &self.high,
        }
    }

    pub(crate) fn half_mut(&mut self, dir: Dir) -> &mut Half {
        match dir {
            Dir::Low => &mut self.low,
            Dir::High => &mut self.high,
        }
    }

    pub(crate) fn side(&self, dir: Dir) -> Side {
        if dir == self.originator { Side::Originator } else { Side::Responder }
    }

    /// Neither data nor a hole so far.
    pub(crate) fn quiet(&self) -> bool {
        self.reader.is_none() && self.low.waiting.is_none() && self.high.waiting.is_none()
    }

    /// Something waits in one of the directions.
    pub(crate) fn waits(&self) -> bool {
        self.low.waiting.is_some() || self.high.waiting.is_some()
    }

    /// Begins anew with the same key; an earlier connection has ended.
    pub(crate) fn restart(&mut self, started: Timestamp, originator: Dir, accounts: &mut StreamAccounts) {
        let generation = if started == self.started { self.generation.saturating_add(1) } else { 0 };
        let fresh = Flow::new(self.key, started, originator, self.tap);
        let old = std::mem::replace(self, fresh);
        (self.aliases, self.armed, self.last_seen, self.generation) =
            (old.aliases, old.armed, old.last_seen, generation);
        // Copies of what ended the old connection may still come.
        (self.low.tap, self.low.recent) = (old.low.tap, old.low.recent);
        (self.high.tap, self.high.recent) = (old.high.tap, old.high.recent);
        accounts.connections += 1;
    }

    /// The reader, opened now if this is the first thing to tell.
    fn reader(&mut self, cx: &mut R::Context, accounts: &mut StreamAccounts, at: Timestamp) -> &mut R {
        let (low, high) = (self.key.low, self.key.high);
        let finished = [Dir::Low, Dir::High].map(|dir| (self.half(dir).finished, self.side(dir)));
        self.reader.get_or_insert_with(|| {
            accounts.midstream += u64::from(self.midstream);
            let (originator, responder) = if self.originator == Dir::Low { (low, high) } else { (high, low) };
            let connection = Connection {
                id: FlowId::new(&self.key, self.started, self.generation),
                key: self.key,
                originator,
                responder,
                started: self.started,
                midstream: self.midstream,
            };
            let mut reader = Box::new(R::open(cx, &connection));
            for (_, side) in finished.into_iter().filter(|(finished, _)| *finished) {
                reader.finished(cx, at, side);
            }
            reader
        })
    }

    /// Delivers the octets at `next`.
    pub(crate) fn deliver(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir, bytes: &[u8]) {
        let side = self.side(dir);
        let half = self.half_mut(dir);
        let next = half.next;
        half.passed.get_or_insert_default().note(next, bytes, env.seed);
        half.advance(bytes.len() as u64);
        if let Some(waiting) = &mut half.waiting {
            waiting.unproven = 0;
            half.moved(at);
        }
        env.accounts.delivered += bytes.len() as u64;
        self.reader(env.cx, env.accounts, at).data(env.cx, at, side, bytes);
    }

    /// Gives up the `lost` octets at `next`.
    pub(crate) fn gap(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir, lost: u64) {
        let half = self.half(dir);
        let acked = lost.min(half.acked.saturating_sub(half.next));
        env.accounts.acked_unseen += acked;
        env.health.at(half.tap).acked_unseen += acked;
        self.hole(env, at, dir, lost);
    }

    /// Goes past the `lost` octets at `next`, which are missing or were cut.
    pub(crate) fn hole(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir, lost: u64) {
        if lost == 0 {
            return;
        }
        let side = self.side(dir);
        let half = self.half_mut(dir);
        env.accounts.gaps += 1;
        env.accounts.gap_bytes += lost;
        let health = env.health.at(half.tap);
        health.gaps += 1;
        health.gap_bytes += lost;
        half.advance(lost);
        if let Some(waiting) = &mut half.waiting {
            waiting.unproven = 0;
            half.moved(at);
        }
        self.reader(env.cx, env.accounts, at).gap(env.cx, at, side, lost);
    }

    pub(crate) fn oddity(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir, what: Oddity) {
        let side = self.side(dir);
        self.reader(env.cx, env.accounts, at).oddity(env.cx, at, side, what);
    }

    /// The out-of-band octet at `next`.
    pub(crate) fn urgent(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir) {
        env.accounts.urgent += 1;
        let half = self.half_mut(dir);
        half.advance(1);
        half.moved(at);
        self.oddity(env, at, dir, Oddity::Urgent);
    }

    /// What `dir` sends next answers what was not seen of the other direction, and is kept back.
    pub(crate) fn kept_back(&self, dir: Dir, answers: u64) -> bool {
        let other = self.half(dir.other());
        answers > other.next && !other.finished && (other.seen || !self.one_sided)
    }

    /// Delivers whatever can be delivered, in both directions, until nothing moves.
    pub(crate) fn settle(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp) {
        if !self.waits() {
            return;
        }
        let (first, second) = (self.originator, self.originator.other());
        let wait = env.limits.acked_wait;
        while self.drain(env, at, first) | self.drain(env, at, second)
            || (self.tangled().is_some_and(|since| since + wait <= at) && self.untangle(env, at))
        {}
        self.low.rest();
        self.high.rest();
    }

    /// Where each direction's next piece answers the other's: since when both are there. One of them came as, or with, a
    /// retransmission, so that it answers less than its acknowledgement says. An earlier copy that the mirror still brings
    /// can tell (see `Waiting::sent_before`).
    fn tangled(&self) -> Option<Timestamp> {
        let (low, high) = (self.low.next_piece()?, self.high.next_piece()?);
        let both = low.answers > self.high.next && high.answers > self.low.next;
        both.then(|| low.at.max(high.at))
    }

    /// Delivers what can be told of two pieces that are tangled; false if they are not.
    fn untangle(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp) -> bool {
        let (first, second) = (self.originator, self.originator.other());
        self.untangle_one(env, at, first, true)
            || self.untangle_one(env, at, second, true)
            || self.untangle_one(env, at, first, false)
    }

    fn drain(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir) -> bool {
        let mut moved = false;
        while let Some(piece) = self.ready(env, dir) {
            moved = true;
            match piece {
                PieceKind::Data(bytes) => self.deliver(env, at, dir, &bytes),
                PieceKind::Lost(len) => self.hole(env, at, dir, len),
                PieceKind::Urgent => self.urgent(env, at, dir),
            }
        }
        let half = self.half_mut(dir);
        let (next, finished) = (half.next, half.finished);
        if let Some(waiting) = &mut half.waiting
            && waiting.held.is_empty()
            && let Some(end) = waiting.end
        {
            if end < next {
                // Data went on behind it: it was forged or broken.
                waiting.end = None;
                env.accounts.fin_ignored += 1;
            } else if end == next && !finished {
                waiting.end = None;
                self.finish(env, at, dir);
                moved = true;
            }
        }
        moved
    }

    /// The stream of `dir` has reached its end.
    pub(crate) fn finish(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir) {
        let side = self.side(dir);
        let half = self.half_mut(dir);
        if !half.finished {
            half.finished = true;
            if let Some(reader) = &mut self.reader {
                reader.finished(env.cx, at, side);
            }
        }
    }

    /// Of two tangled pieces, delivers what the other side had when it sent its own: a part of the one of `dir`, whose other
    /// part may then answer that, or all of it (`part`); true if there is any.
    fn untangle_one(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir, part: bool) -> bool {
        let (own, other) = (self.half(dir), self.half(dir.other()));
        let (Some(piece), Some(answer)) = (own.next_piece(), other.next_piece()) else { return false };
        let (len, before) = (piece.len(), answer.answers.saturating_sub(own.next));
        if before == 0 || part != (before < len) || (part && !self.split_first(env, dir, before)) {
            return false;
        }
        if let Some(waiting) = &mut self.half_mut(dir).waiting {
            waiting.release = true;
        }
        self.drain(env, at, dir)
    }

    /// Cuts the first piece in two, if it is data.
    fn split_first(&mut self, env: &mut Env<'_, R::Context>, dir: Dir, len: u64) -> bool {
        let half = self.half_mut(dir);
        let Some(at) = half.first_held().and_then(|start| start.checked_add(len)) else { return false };
        half.waiting.as_mut().is_some_and(|waiting| waiting.split(at, env.memory))
    }

    /// Takes the held piece that is next, if it may be delivered.
    fn ready(&mut self, env: &mut Env<'_, R::Context>, dir: Dir) -> Option<PieceKind> {
        let half = self.half(dir);
        let waiting = half.waiting.as_ref()?;
        let (start, piece) = waiting.held.first_key_value()?;
        if *start != half.next || (self.kept_back(dir, piece.answers) && !waiting.release) {
            return None;
        }
        self.unhold(env, dir)
    }

    /// Takes the first held piece out of the accounts.
    fn unhold(&mut self, env: &mut Env<'_, R::Context>, dir: Dir) -> Option<PieceKind> {
        let waiting = self.half_mut(dir).waiting.as_mut()?;
        let (_, piece) = waiting.held.pop_first()?;
        waiting.release = false;
        waiting.memory -= piece.memory();
        *env.memory -= piece.memory();
        env.accounts.held -= piece.payload();
        Some(piece.kind)
    }

    /// When waiting in `dir` ends, if it waits.
    fn deadline(&self, dir: Dir, limits: &Limits) -> Option<Timestamp> {
        let half = self.half(dir);
        let waiting = half.waiting.as_ref().filter(|_| !half.finished)?;
        let acked = waiting.acked_since.map(|since| since + limits.acked_wait);
        let hole = || {
            let other_seen = self.half(dir.other()).seen;
            let wait = if other_seen { limits.unacked_wait } else { limits.hole_wait };
            acked.unwrap_or(waiting.since + wait)
        };
        match half.first_held() {
            Some(start) if start > half.next => Some(hole()),
            // Kept back, with nothing to say yet that there is another direction.
            Some(_) if !self.half(dir.other()).seen => Some(waiting.since + limits.acked_wait),
            // Twice as long as the hole that it waits for, so that this decides only where both directions wait for each
            // other.
            Some(_) => {
                let both = self.tangled().unwrap_or(waiting.since + limits.acked_wait);
                Some(both + limits.acked_wait)
            }
            None if waiting.end.is_some_and(|end| end > half.next) => Some(hole()),
            None => acked,
        }
    }

    /// The time after which silence ends or forgets it.
    fn silence(&self, limits: &Limits) -> Span {
        if self.ended.is_some() || self.refused {
            limits.closed
        } else if self.quiet() {
            limits.half_open
        } else {
            limits.idle
        }
    }

    /// When something is due next.
    pub(crate) fn due(&self, limits: &Limits) -> Timestamp {
        let mut silent = self.last_seen + self.silence(limits);
        if let Some(reset) = self.resetting() {
            silent = silent.min(reset.at + limits.reset_wait);
        }
        if !self.waits() {
            return silent;
        }
        [self.deadline(Dir::Low, limits), self.deadline(Dir::High, limits)]
            .into_iter()
            .flatten()
            .fold(silent, Timestamp::min)
    }

    /// The RST that ends the connection when what was on its way has come.
    pub(crate) fn resetting(&self) -> Option<&Reset> {
        self.reset.as_deref().filter(|_| self.ended.is_none())
    }

    /// Does what is due at `at`; true if the connection is to be forgotten.
    pub(crate) fn fire(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp) -> bool {
        for dir in [self.originator, self.originator.other()] {
            if self.deadline(dir, env.limits).is_some_and(|deadline| deadline <= at) {
                self.give_up(env, at, dir);
                self.settle(env, at);
            }
        }
        self.conclude(env, at);
        if self.resetting().is_some_and(|reset| reset.at + env.limits.reset_wait <= at) {
            self.end(env, at, End::Reset);
        }
        if self.last_seen + self.silence(env.limits) > at {
            return false;
        }
        self.end(env, at, if self.refused { End::Reset } else { End::Idle });
        true
    }

    /// Waits no longer for what holds `dir` up.
    fn give_up(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir) {
        let (other_seen, tangled) = (self.half(dir.other()).seen, self.tangled().is_some());
        let half = self.half_mut(dir);
        let (next, acked, held) = (half.next, half.acked, half.first_held());
        let Some(waiting) = &mut half.waiting else { return };
        match held {
            Some(start) if start > next => {
                // Only what was acknowledged is lost for certain.
                let to = if acked > next { start.min(acked) } else { start };
                self.gap(env, at, dir, to.saturating_sub(next));
            }
            // Settling goes on with them.
            Some(_) if tangled => {}
            Some(_) => {
                waiting.release = true;
                self.one_sided |= !other_seen;
            }
            None if waiting.end.is_some() && other_seen && acked <= next => {
                // A FIN that the receiver never reached: forged, or nobody is there any more.
                waiting.end = None;
                env.accounts.fin_ignored += 1;
            }
            None => {
                let lost = waiting.end.unwrap_or(acked).saturating_sub(next);
                let unproven = waiting.end.is_none();
                self.gap(env, at, dir, lost);
                if unproven && let Some(waiting) = &mut self.half_mut(dir).waiting {
                    waiting.unproven = lost;
                }
            }
        }
        // Whatever it was, it is not waited for again from the same time on.
        self.half_mut(dir).moved(at);
    }

    /// Gives up the first hole of `dir` (or what keeps its first piece back) and delivers what follows.
    pub(crate) fn give_up_first(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, dir: Dir) -> bool {
        let half = self.half(dir);
        let Some(start) = half.first_held() else { return false };
        let lost = start.saturating_sub(half.next);
        if lost > 0 {
            // What stands behind the hole may still answer what the other direction holds.
            self.gap(env, at, dir, lost);
        } else if !self.untangle(env, at)
            && let Some(waiting) = &mut self.half_mut(dir).waiting
        {
            waiting.release = true;
        }
        self.settle(env, at);
        true
    }

    /// Ends the connection if nothing can follow: both sides are done, or one is and the other sent a RST.
    pub(crate) fn conclude(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp) {
        if self.ended.is_some() {
            return;
        }
        let other_done = self.resetting().is_some_and(|reset| self.half(reset.by.other()).finished);
        if self.low.finished && self.high.finished {
            self.end(env, at, End::Closed);
        } else if other_done {
            self.end(env, at, End::Reset);
        }
    }

    /// Judges a connection that goes on, when it is old enough.
    pub(crate) fn judge_in_time(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp) {
        if !self.judged && at >= self.started + JUDGED_AFTER {
            self.judge(env);
        }
    }

    /// Counts how the connection is seen and what it carries, if it carried anything.
    fn judge(&mut self, env: &mut Env<'_, R::Context>) {
        if let Some(reader) = &self.reader
            && !self.judged
        {
            self.judged = true;
            let one_way = self.low.seen != self.high.seen;
            env.health.at(self.tap).judged(reader.content(), one_way, self.midstream);
        }
    }

    /// Delivers what is held, tells the reader, and remembers the connection as ended. Does nothing if it has ended.
    pub(crate) fn end(&mut self, env: &mut Env<'_, R::Context>, at: Timestamp, why: End) {
        if self.ended.is_some() {
            return;
        }
        let reset = self.reset.as_deref().copied();
        let why = if reset.is_some() && why != End::Closed { End::Reset } else { why };
        self.settle(env, at);
        while self.untangle(env, at) {
            self.settle(env, at);
        }
        for dir in [self.originator, self.originator.other()] {
            while self.give_up_first(env, at, dir) {}
        }
        for dir in [self.originator, self.originator.other()] {
            // What is missing behind the last octet seen: up to the end, or as far as it was acknowledged.
            let half = self.half(dir);
            let reset = reset.filter(|reset| reset.by == dir).map(|reset| reset.offset);
            let end = half.waiting.as_ref().and_then(|waiting| waiting.end).or(reset);
            let acked = if half.acked_ahead() { half.acked } else { 0 };
            if half.seen && !half.finished {
                let lost = end.unwrap_or(acked).saturating_sub(half.next);
                self.gap(env, at, dir, lost);
                self.drain(env, at, dir);
            }
            if reset.is_some() {
                self.finish(env, at, dir);
            }
        }
        env.accounts.ended(why);
        self.judge(env);
        if let Some(reader) = self.reader.take() {
            reader.end(env.cx, at, why);
        }
        for dir in [Dir::Low, Dir::High] {
            let half = self.half_mut(dir);
            (half.waiting, half.passed) = (None, None);
        }
        self.ended = Some(why);
    }
}
