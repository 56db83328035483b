//! Which answer belongs to which request, and when an exchange is over.
//!
//! Answers come in the order of their requests (RFC 9112, section 9.3), but a response that began before the next
//! request did answers none (section 9.2: such a server is desynchronised, or the request was not captured). So each
//! request has a number, given at its first byte; a response takes the oldest request without an answer among those
//! that had begun when its own first byte came. What decides is the order of delivery, except that a request
//! delivered later with an earlier capture time is joined to the answer that is already there.
//!
//! After bytes were lost, pairing is a guess and says so. Bytes lost where a response should begin have swallowed at
//! least one: a client that was never seen to pipeline had one request outstanding, so that the next response
//! answers the latest request; with pipelining one answer is taken to be lost. A request and its answer with nothing
//! before or after them end the guessing, unless a second answer follows for which nothing can have been lost since: then
//! the answers lag behind by an unknown number of requests, and the rest of the connection stays a guess.

use std::collections::VecDeque;
use std::net::IpAddr;

use spyhop_model::{Connection, Side, Timestamp};

use super::head::{Request, Response};
use crate::connection::Shared;
use crate::exchange::{Ordinals, REQUEST, RESPONSE, Recipient, Running, index};
use crate::inspection::{Defects, Half, Inspection};

/// What of a request decides how its answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Head,
    Connect,
    /// A request of HTTP/0.9: the answer has no head.
    Simple,
    Other,
    /// The request was not seen.
    Unknown,
}

/// A request whose head is arriving.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arriving {
    pub(crate) number: u64,
    pub(crate) began_at: Timestamp,
}

/// The exchanges of a connection that are not over yet, oldest first.
pub(crate) struct Exchanges<I> {
    pub(crate) connection: Connection,
    slots: VecDeque<Slot<I>>,
    sequence: u64,
    pub(crate) ordinals: Ordinals,
    /// The client behind a load balancer that says so (PROXY protocol). Boxed: few connections have one.
    pub(crate) proxied: Option<Box<IpAddr>>,
    /// Tunnels of HTTP/2 that this connection lies in.
    pub(crate) nested: u8,
    /// The slots whose request and response are being read.
    current: [Option<u64>; 2],
    begun: u64,
    pub(crate) client: Side,
    pub(crate) conflict: bool,
    guess: bool,
    /// A request began since the latest loss that made pairing a guess; `None` without such a loss.
    asked_since_loss: Option<bool>,
    /// Answers lag behind requests that were lost.
    lags: bool,
    pipelines: bool,
    answer_lost: bool,
    server_done: bool,
    /// For what follows an upgrade. Boxed, since every connection has the place and few use it.
    upgraded: Option<Box<(I, u32)>>,
}

struct Slot<I> {
    sequence: u64,
    /// The request's number; `None` for a response alone.
    number: Option<u64>,
    method: Method,
    abandoned: bool,
    running: Running<I>,
}

impl<I> Slot<I> {
    fn waits(&self) -> bool {
        self.number.is_some() && self.running.bodies[RESPONSE].is_none() && !self.abandoned
    }
}

impl<I: Inspection> Exchanges<I> {
    pub(crate) fn new(connection: &Connection) -> Self {
        Exchanges {
            connection: *connection,
            slots: VecDeque::new(),
            sequence: 0,
            ordinals: Ordinals::default(),
            proxied: None,
            nested: 0,
            current: [None; 2],
            begun: 0,
            client: Side::Originator,
            conflict: false,
            guess: false,
            asked_since_loss: None,
            lags: false,
            pipelines: false,
            answer_lost: false,
            server_done: false,
            upgraded: None,
        }
    }

    /// Content of a retransmission differed.
    pub(crate) fn conflict(&mut self) {
        self.conflict = true;
    }

    /// The first byte of a request: its number.
    pub(crate) fn request_begins(&mut self) -> u64 {
        self.begun += 1;
        self.asked_since_loss = self.asked_since_loss.map(|_| true);
        self.begun
    }

    /// Requests begun so far: those a response that begins now may answer.
    pub(crate) fn begun(&self) -> u64 {
        self.begun
    }

    /// Two requests were sent in one go.
    pub(crate) fn pipelined(&mut self) {
        self.pipelines = true;
    }

    /// Bytes were lost where messages meet, so that whole messages may be among them.
    pub(crate) fn lost_messages(&mut self, half: Half) {
        self.answer_lost |= half == Half::Response;
        self.uncertain();
    }

    /// Bytes were lost within a message whose end is not known.
    pub(crate) fn uncertain(&mut self) {
        self.asked_since_loss = Some(false);
        self.guess = true;
        for slot in &mut self.slots {
            slot.running.defects.add(Defects::PAIRING_GUESSED);
        }
    }

    /// Adds an exchange; its index.
    fn open(&mut self, cx: &mut Shared<I>, number: Option<u64>, began_at: Timestamp) -> usize {
        let mut running = Running::begin(cx, &self.connection, &mut self.ordinals, began_at);
        if self.guess {
            running.defects.add(Defects::PAIRING_GUESSED);
        }
        running.passed_on(self.proxied.as_deref());
        running.client = self.client;
        running.done[REQUEST] = number.is_none();
        self.sequence += 1;
        self.slots.push_back(Slot {
            sequence: self.sequence,
            number,
            method: Method::Unknown,
            abandoned: false,
            running,
        });
        self.slots.len() - 1
    }

    fn position(&self, half: Half) -> Option<usize> {
        let sequence = self.current[index(half)]?;
        // They stand in the order of their sequence numbers, whatever was taken out between them.
        self.slots.binary_search_by_key(&sequence, |slot| slot.sequence).ok()
    }

    fn slot(&mut self, half: Half) -> Option<&mut Slot<I>> {
        let at = self.position(half)?;
        self.slots.get_mut(at)
    }

    /// A request head is complete (or as complete as it will be).
    pub(crate) fn request(
        &mut self,
        cx: &mut Shared<I>,
        number: u64,
        began_at: Timestamp,
        request: &Request<'_>,
        method: Method,
    ) {
        cx.accounts.fields_over_limit += request.dropped;
        // An answer came before the head was complete, or was delivered before a request that was sent earlier.
        let own = self.slots.iter().position(|slot| slot.number == Some(number));
        let adopted = own.or_else(|| {
            let later = |slot: &Slot<I>| slot.running.answered_at.is_some_and(|answered| began_at < answered);
            self.slots.iter().position(|slot| slot.number.is_none() && later(slot))
        });
        let at = match adopted {
            Some(at) => at,
            None => self.open(cx, Some(number), began_at),
        };
        let Some(slot) = self.slots.get_mut(at) else { return };
        slot.number = Some(number);
        slot.method = method;
        slot.running.defects.add(request.defects.0);
        slot.running.request(cx, began_at, &request.head);
        slot.running.odd_versions[REQUEST] = request.odd_version.map(|text| String::from_utf8_lossy(text).into());
        let sequence = slot.sequence;
        self.current[REQUEST] = Some(sequence);
    }

    /// The request that a response would answer which began when `begun` requests had.
    fn candidate(&self, begun: u64) -> Option<usize> {
        self.slots.iter().position(|slot| slot.waits() && slot.number.is_some_and(|number| number <= begun))
    }

    /// How the answer is to be read that began when `begun` requests had.
    pub(crate) fn answers(&self, begun: u64) -> Method {
        self.candidate(begun).and_then(|at| self.slots.get(at)).map_or(Method::Unknown, |slot| slot.method)
    }

    /// An interim answer.
    pub(crate) fn interim(&mut self, cx: &mut Shared<I>, begun: u64) {
        cx.accounts.interim += 1;
        if let Some(slot) = self.candidate(begun).and_then(|at| self.slots.get_mut(at)) {
            slot.running.interim += 1;
        }
    }

    /// A final response head is complete. Returns how its body is to be read.
    pub(crate) fn response(
        &mut self,
        cx: &mut Shared<I>,
        begun: u64,
        began_at: Timestamp,
        arriving: Option<Arriving>,
        response: &Response<'_>,
    ) -> Method {
        cx.accounts.fields_over_limit += response.dropped;
        if std::mem::take(&mut self.answer_lost) {
            self.pass_over_lost(begun);
        }
        // A request takes one answer, also while its head is arriving; a second one answers none.
        let taken = |number| self.slots.iter().any(|slot| slot.number == Some(number));
        let arriving = arriving.filter(|request| request.number <= begun && !taken(request.number));
        let (at, method) = match (self.candidate(begun), arriving) {
            (Some(at), _) => (at, None),
            (None, Some(request)) => (self.open(cx, Some(request.number), request.began_at), Some(Method::Other)),
            (None, None) => {
                // The request before it had its answer, and whole requests were lost before that one.
                self.lags |= self.asked_since_loss == Some(true);
                self.guess |= self.lags;
                (self.open(cx, None, began_at), None)
            }
        };
        let Some(slot) = self.slots.get_mut(at) else { return Method::Unknown };
        slot.method = method.unwrap_or(slot.method);
        if self.guess {
            slot.running.defects.add(Defects::PAIRING_GUESSED);
        }
        slot.running.defects.add(response.defects.0);
        slot.running.response(cx, began_at, &response.head);
        slot.running.odd_versions[RESPONSE] = response.odd_version.map(|text| String::from_utf8_lossy(text).into());
        if response.head.status == 101 {
            let inspection = slot.running.inspection.again(&mut cx.inspect, &self.connection, began_at);
            self.upgraded = Some(Box::new((inspection, slot.running.ordinal)));
        }
        let (sequence, method) = (slot.sequence, slot.method);
        self.current[RESPONSE] = Some(sequence);
        method
    }

    /// Requests whose answers were among lost bytes will get none.
    fn pass_over_lost(&mut self, begun: u64) {
        let waiting = |slot: &Slot<I>| slot.waits() && slot.number.is_some_and(|number| number <= begun);
        let count = self.slots.iter().filter(|slot| waiting(slot)).count();
        let lost = if self.pipelines { usize::from(count > 1) } else { count.saturating_sub(1) };
        for slot in self.slots.iter_mut().filter(|slot| waiting(slot)).take(lost) {
            slot.abandoned = true;
            slot.running.defects.add(Defects::PAIRING_GUESSED | Defects::GAP);
        }
    }

    /// Takes back a defect that turned out to be none.
    pub(crate) fn unflag(&mut self, half: Half, bits: u32) {
        if let Some(slot) = self.slot(half) {
            slot.running.defects.0 &= !bits;
        }
    }

    /// What goes on where the connection changed its protocol: an inspection with the request of the exchange that asked for
    /// it, and that exchange's number.
    pub(crate) fn take_upgraded(&mut self) -> Option<(I, u32)> {
        self.upgraded.take().map(|upgraded| *upgraded)
    }

    /// The message being read is over; its last byte came at `last_at`.
    pub(crate) fn complete(&mut self, half: Half, last_at: Timestamp) {
        if let Some(slot) = self.slot(half) {
            slot.running.complete(half, last_at);
        }
        self.current[index(half)] = None;
    }

    /// The server will answer no more.
    pub(crate) fn server_done(&mut self) {
        self.server_done = true;
    }

    /// How many exchanges are not over yet.
    #[cfg(test)]
    pub(crate) fn outstanding(&self) -> usize {
        self.slots.len()
    }

    /// Ends what is over, in order; and, where too many are kept, the oldest of which no half is being read: requests
    /// that wait, and whole exchanges that stand behind an unfinished one.
    pub(crate) fn release(&mut self, cx: &mut Shared<I>, at: Timestamp) {
        while let Some(slot) = self.slots.front() {
            let unanswered = slot.running.bodies[RESPONSE].is_none() && (slot.abandoned || self.server_done);
            if !slot.running.done[REQUEST] || !(slot.running.done[RESPONSE] || unanswered) {
                break;
            }
            if let Some(slot) = self.slots.pop_front() {
                self.end(cx, slot, at);
            }
        }
        let current = self.current;
        let idle = |slot: &Slot<I>| slot.running.done[REQUEST] && !current.contains(&Some(slot.sequence));
        let crowded = cx.open.count() > cx.limits.exchanges;
        let most = if crowded { 1 } else { cx.limits.outstanding };
        while self.slots.len() > most
            && let Some(oldest) = self.slots.iter().position(idle)
            && let Some(slot) = self.slots.remove(oldest)
        {
            if slot.waits() {
                if crowded {
                    cx.accounts.exchanges_over_limit += 1;
                } else {
                    cx.accounts.outstanding_over_limit += 1;
                }
                self.guess = true;
            }
            self.end(cx, slot, at);
        }
    }

    /// Ends everything, in order.
    pub(crate) fn finish(&mut self, cx: &mut Shared<I>, at: Timestamp) {
        self.current = [None; 2];
        while let Some(slot) = self.slots.pop_front() {
            self.end(cx, slot, at);
        }
    }

    fn end(&mut self, cx: &mut Shared<I>, slot: Slot<I>, at: Timestamp) {
        let Slot { mut running, method, .. } = slot;
        if self.conflict {
            running.defects.add(Defects::CONFLICTING_DATA);
        }
        let whole = running.bodies.iter().all(Option::is_some);
        // What the client sent behind a CONNECT is not read yet.
        let alone = self.slots.is_empty() && method != Method::Connect;
        if whole && alone && !self.answer_lost && !self.lags {
            // A request and its answer with nothing before or after them: both sides are in step again.
            self.guess = false;
        }
        running.end(cx, self.client, at);
    }
}

impl<I: Inspection> Recipient<I> for Exchanges<I> {
    fn running(&mut self, half: Half) -> Option<&mut Running<I>> {
        self.slot(half).map(|slot| &mut slot.running)
    }

    fn numbered(&mut self, half: Half) -> Option<(&mut Running<I>, &mut Ordinals)> {
        let at = self.position(half)?;
        let Exchanges { slots, ordinals, .. } = self;
        slots.get_mut(at).map(|slot| (&mut slot.running, ordinals))
    }
}
