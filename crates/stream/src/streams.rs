//! The connections of one worker, from the first packet to the last timer.

use spyhop_model::{FlowKey, Timestamp};

use crate::accounts::StreamAccounts;
use crate::flow::{Dir, Env, Flow};
use crate::half::Piece;
use crate::health::TapCounts;
use crate::limits::Limits;
use crate::packet::{Flags, Segment};
use crate::reader::{End, StreamReader};
use crate::seq::Seq;
use crate::table::{Slot, Table};

/// Flow table and TCP reassembly of one worker.
///
/// What a reader is told depends on the packets of its own connection alone: a connection's timers fire at their own
/// deadlines, before any later packet, whatever other connections do. Only [`Limits`] that bite can change that, and
/// then the accounts say so. Give segments in the order of their time.
pub struct Streams<R: StreamReader> {
    limits: Limits,
    table: Table<R>,
    accounts: StreamAccounts,
    health: TapCounts,
    /// Octets allocated for held data.
    memory: usize,
    seed: u64,
    /// The connection whose reader may be running.
    working: Option<Slot>,
}

/// Further VLANs of one connection that are followed: one for halves that were joined, or as many as a few monitor sessions
/// add on both sides of a router.
const ALIASES: usize = 3;

/// Why a connection on other VLANs is the same one.
enum Elsewhere {
    /// The mirror delivers it there as well.
    Copied,
    /// Its other direction goes there; the first packet came from this tap.
    OtherHalf { tap: u16 },
}

/// What a connection needs of its worker, for one call.
macro_rules! lend {
    ($streams:ident, $cx:ident) => {
        &mut Env {
            cx: $cx,
            limits: &$streams.limits,
            accounts: &mut $streams.accounts,
            health: &mut $streams.health,
            memory: &mut $streams.memory,
            seed: $streams.seed,
        }
    };
}

impl<R: StreamReader> Streams<R> {
    /// No connections yet.
    pub fn new(limits: Limits) -> Streams<R> {
        Streams {
            limits,
            table: Table::new(),
            accounts: StreamAccounts::default(),
            health: TapCounts::default(),
            memory: 0,
            seed: ahash::RandomState::new().hash_one(0),
            working: None,
        }
    }

    /// One segment. What was due by its time is done before, and only then it counts as given in: if a reader of another
    /// connection panics in that, the segment is to be given again after [`Streams::discard`].
    pub fn segment(&mut self, cx: &mut R::Context, segment: &Segment<'_>) {
        self.advance(cx, segment.at);
        let (key, low) = FlowKey::of(segment.src, segment.dst, segment.vlans);
        let dir = if low { Dir::Low } else { Dir::High };
        let slot = match self.table.find(&key) {
            Some(slot) => Some(slot),
            None => self.admit(cx, segment, key, dir),
        };
        self.accounts.segments += 1;
        self.accounts.payload += segment.payload.len() as u64;
        let Some(slot) = slot else { return };
        let Some(flow) = self.table.get_mut(slot) else { return };
        self.working = Some(slot);
        let was = (flow.ended.is_some(), flow.quiet());
        flow.segment(lend!(self, cx), segment, dir);
        let is = (flow.ended.is_some(), flow.quiet());
        // What can bring its deadline forward.
        let waits = flow.waits() || flow.resetting().is_some() || flow.refused;
        self.working = None;
        if was != is {
            if is == (false, false) {
                self.table.mark_busy(slot);
            } else {
                self.table.mark_spare(slot);
            }
        }
        if waits || was != is {
            self.table.arm(slot, &self.limits);
        }
    }

    /// Does everything that is due by `to`, in order of deadline; readers are told the deadline as the time.
    pub fn advance(&mut self, cx: &mut R::Context, to: Timestamp) {
        while let Some((at, slot)) = self.table.due(to) {
            let Some(flow) = self.table.get_mut(slot) else { continue };
            self.working = Some(slot);
            let over = flow.due(&self.limits) <= at && {
                let was_live = !flow.quiet() && flow.ended.is_none();
                let over = flow.fire(lend!(self, cx), at);
                if was_live && !over && (flow.ended.is_some() || flow.quiet()) {
                    self.table.mark_spare(slot);
                }
                over
            };
            self.working = None;
            if over {
                self.table.remove(slot);
            } else {
                self.table.arm(slot, &self.limits);
            }
        }
    }

    /// The capture ends at `at`: what is due is done, and the remaining connections end in the order of their start.
    pub fn finish(&mut self, cx: &mut R::Context, at: Timestamp) {
        self.advance(cx, at);
        for slot in self.table.in_order() {
            self.end(cx, slot, at, End::CaptureEnd);
        }
    }

    /// After a reader has panicked: forgets its connection without another word to it. What the connection held, and
    /// what of the segment in work was in no account yet, counts as lost to the panic. The call that panicked may then be
    /// repeated; a segment only if [`StreamAccounts::segments`] does not count it yet.
    ///
    /// False if no connection was in work, so that repeating the call would panic again.
    pub fn discard(&mut self) -> bool {
        let Some(slot) = self.working.take() else { return false };
        if let Some(flow) = self.table.remove(slot) {
            for half in [flow.half(Dir::Low), flow.half(Dir::High)] {
                let Some(waiting) = &half.waiting else { continue };
                let held: u64 = waiting.held.values().map(Piece::payload).sum();
                self.memory -= waiting.memory;
                self.accounts.held -= held;
                self.accounts.lost_to_panic += held;
            }
        }
        self.accounts.lost_to_panic += self.accounts.payload.saturating_sub(self.accounts.accounted());
        true
    }

    /// What became of the payload so far.
    pub fn accounts(&self) -> StreamAccounts {
        self.accounts
    }

    /// What each tap delivered, as far as only connections tell; see [`crate::Decoder::health`].
    pub fn health(&self) -> &TapCounts {
        &self.health
    }

    /// Connections remembered, those included that carried no data or have ended a moment ago.
    pub fn open_connections(&self) -> usize {
        self.table.len()
    }

    /// Octets allocated for data that waits for what is missing before it.
    pub fn held_bytes(&self) -> usize {
        self.memory
    }

    /// A place for the connection that `segment` begins or joins, if it does.
    fn admit(&mut self, cx: &mut R::Context, segment: &Segment<'_>, key: FlowKey, dir: Dir) -> Option<Slot> {
        if let Some((slot, relation)) = self.elsewhere(segment, key, dir) {
            match relation {
                Elsewhere::Copied => self.accounts.mirrored_vlans += 1,
                Elsewhere::OtherHalf { tap } => {
                    self.accounts.joined += 1;
                    self.health.at(tap).split_vlans += 1;
                }
            }
            self.table.join(slot, key);
            return Some(slot);
        }
        let bare = segment.payload.is_empty() && segment.cut == 0;
        let reset = segment.flags.has(Flags::RST);
        if reset || (bare && segment.flags.has(Flags::FIN) && !segment.flags.has(Flags::SYN)) {
            // It ends what was not seen.
            self.accounts.reset_payload += segment.payload.len() as u64;
            self.accounts.unrelated += 1;
            return None;
        }
        while self.table.len() >= self.limits.connections.max(1) {
            let victim = self.table.victim(segment.at)?;
            self.end(cx, victim, segment.at, End::Evicted);
        }
        self.accounts.connections += 1;
        let slot = self.table.insert(Flow::new(key, segment.at, dir, segment.tap));
        self.table.mark_spare(slot);
        self.table.arm(slot, &self.limits);
        Some(slot)
    }

    /// A connection on other VLANs that this segment belongs to: one of which only the other direction was seen, and whose
    /// numbers it fits; or one that had this very segment a moment ago. Then all that comes on these VLANs is of that
    /// connection. Different connections with the same addresses and ports, as in separate networks, have no segment in
    /// common.
    fn elsewhere(&mut self, segment: &Segment<'_>, key: FlowKey, dir: Dir) -> Option<(Slot, Elsewhere)> {
        const NEAR: u64 = 1 << 20;
        let slot = self.table.find_pair(&key)?;
        let flow = self.table.get_mut(slot)?;
        let (own, other) = (flow.half(dir), flow.half(dir.other()));
        if flow.aliases.len() < ALIASES && own.recent.holds(segment, self.limits.copies) {
            return Some((slot, Elsewhere::Copied));
        }
        let acks = other.base
            && segment.flags.has(Flags::ACK)
            && Seq(segment.ack).since(other.next_seq).unsigned_abs() <= NEAR
            && (!own.hinted || Seq(segment.seq).since(own.hint).unsigned_abs() <= NEAR);
        // The SYN whose answer overtook it.
        let opens = other.syn
            && own.base
            && segment.flags.has(Flags::SYN)
            && !segment.flags.has(Flags::ACK)
            && own.first() == Seq(segment.seq).advance(1);
        let joins = flow.ended.is_none() && flow.aliases.len() < ALIASES && !own.seen && (acks || opens);
        joins.then_some((slot, Elsewhere::OtherHalf { tap: flow.tap }))
    }

    fn end(&mut self, cx: &mut R::Context, slot: Slot, at: Timestamp, why: End) {
        if let Some(flow) = self.table.get_mut(slot) {
            self.working = Some(slot);
            flow.end(lend!(self, cx), at, why);
            self.working = None;
            self.table.remove(slot);
        }
    }
}

#[cfg(test)]
mod tests;
