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
//! answers the latest request; with pipelining one answer is taken to be lost.

use std::collections::VecDeque;

use spyhop_model::{Connection, Side, Timestamp};

use super::head::{Request, Response};
use crate::accounts::HttpAccounts;
use crate::connection::Shared;
use crate::inspection::{Body, Defects, Exchange, Half, Inspection, Truncation};

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
    connection: Connection,
    slots: VecDeque<Slot<I>>,
    sequence: u64,
    ordinal: u32,
    /// The slots whose request and response are being read.
    current: [Option<u64>; 2],
    begun: u64,
    pub(crate) client: Side,
    conflict: bool,
    guess: bool,
    pipelines: bool,
    answer_lost: bool,
    server_done: bool,
}

struct Slot<I> {
    sequence: u64,
    inspection: I,
    /// The request's number; `None` for a response alone.
    number: Option<u64>,
    method: Method,
    began_at: Timestamp,
    answered_at: Option<Timestamp>,
    last_at: [Timestamp; 2],
    bodies: [Option<Body>; 2],
    done: [bool; 2],
    abandoned: bool,
    interim: u32,
    defects: Defects,
}

impl<I> Slot<I> {
    fn waits(&self) -> bool {
        self.number.is_some() && self.bodies[1].is_none() && !self.abandoned
    }
}

const REQUEST: usize = 0;
const RESPONSE: usize = 1;

fn index(half: Half) -> usize {
    match half {
        Half::Request => REQUEST,
        Half::Response => RESPONSE,
    }
}

impl<I: Inspection> Exchanges<I> {
    pub(crate) fn new(connection: &Connection) -> Self {
        Exchanges {
            connection: *connection,
            slots: VecDeque::new(),
            sequence: 0,
            ordinal: 0,
            current: [None; 2],
            begun: 0,
            client: Side::Originator,
            conflict: false,
            guess: false,
            pipelines: false,
            answer_lost: false,
            server_done: false,
        }
    }

    /// Content of a retransmission differed.
    pub(crate) fn conflict(&mut self) {
        self.conflict = true;
    }

    /// The first byte of a request: its number.
    pub(crate) fn request_begins(&mut self) -> u64 {
        self.begun += 1;
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
        self.guess = true;
        for slot in &mut self.slots {
            slot.defects.add(Defects::PAIRING_GUESSED);
        }
    }

    /// Adds an exchange; its index.
    fn open(&mut self, cx: &mut Shared<I>, number: Option<u64>, began_at: Timestamp) -> usize {
        let mut defects = Defects::default();
        if self.connection.midstream {
            defects.add(Defects::MIDSTREAM);
        }
        if self.guess {
            defects.add(Defects::PAIRING_GUESSED);
        }
        self.sequence += 1;
        self.slots.push_back(Slot {
            sequence: self.sequence,
            inspection: I::begin(&mut cx.inspect, &self.connection, began_at),
            number,
            method: Method::Unknown,
            began_at,
            answered_at: None,
            last_at: [began_at; 2],
            bodies: [None; 2],
            done: [number.is_none(), false],
            abandoned: false,
            interim: 0,
            defects,
        });
        self.slots.len() - 1
    }

    fn slot(&mut self, half: Half) -> Option<&mut Slot<I>> {
        let sequence = self.current[index(half)]?;
        // They stand in the order of their sequence numbers, whatever was taken out between them.
        let at = self.slots.binary_search_by_key(&sequence, |slot| slot.sequence).ok()?;
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
        cx.accounts.requests += 1;
        cx.accounts.fields_over_limit += request.dropped;
        // An answer came before the head was complete, or was delivered before a request that was sent earlier.
        let own = self.slots.iter().position(|slot| slot.number == Some(number));
        let adopted = own.or_else(|| {
            let later = |slot: &Slot<I>| slot.answered_at.is_some_and(|answered| began_at < answered);
            self.slots.iter().position(|slot| slot.number.is_none() && later(slot))
        });
        let at = match adopted {
            Some(at) => at,
            None => self.open(cx, Some(number), began_at),
        };
        let Some(slot) = self.slots.get_mut(at) else { return };
        slot.number = Some(number);
        slot.began_at = slot.began_at.min(began_at);
        slot.done[REQUEST] = false;
        slot.method = method;
        slot.bodies[REQUEST].get_or_insert_default();
        slot.defects.add(request.defects.0);
        slot.inspection.request(&mut cx.inspect, &request.head);
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
            slot.interim += 1;
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
        cx.accounts.responses += 1;
        cx.accounts.fields_over_limit += response.dropped;
        if std::mem::take(&mut self.answer_lost) {
            self.pass_over_lost(begun);
        }
        let guess = self.guess;
        // A request takes one answer, also while its head is arriving; a second one answers none.
        let taken = |number| self.slots.iter().any(|slot| slot.number == Some(number));
        let arriving = arriving.filter(|request| request.number <= begun && !taken(request.number));
        let (at, method) = match (self.candidate(begun), arriving) {
            (Some(at), _) => (at, None),
            (None, Some(request)) => (self.open(cx, Some(request.number), request.began_at), Some(Method::Other)),
            (None, None) => (self.open(cx, None, began_at), None),
        };
        let Some(slot) = self.slots.get_mut(at) else { return Method::Unknown };
        slot.method = method.unwrap_or(slot.method);
        if guess {
            slot.defects.add(Defects::PAIRING_GUESSED);
        }
        slot.answered_at = Some(began_at);
        slot.last_at[RESPONSE] = began_at;
        slot.bodies[RESPONSE] = Some(Body::default());
        slot.defects.add(response.defects.0);
        slot.inspection.response(&mut cx.inspect, &response.head);
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
            slot.defects.add(Defects::PAIRING_GUESSED | Defects::GAP);
        }
    }

    /// Adds defects to the exchange whose half is being read.
    pub(crate) fn flag(&mut self, half: Half, bits: u32) {
        if bits != 0
            && let Some(slot) = self.slot(half)
        {
            slot.defects.add(bits);
        }
    }

    /// Takes back a defect that turned out to be none.
    pub(crate) fn unflag(&mut self, half: Half, bits: u32) {
        if let Some(slot) = self.slot(half) {
            slot.defects.0 &= !bits;
        }
    }

    /// Bytes after transfer codings.
    pub(crate) fn encoded(&mut self, half: Half, bytes: u64) {
        if let Some(body) = self.body_of(half) {
            body.encoded_len += bytes;
        }
    }

    /// Decoded bytes, to be inspected.
    pub(crate) fn body(&mut self, inspect: &mut I::Context, half: Half, bytes: &[u8], last: bool) {
        if let Some(slot) = self.slot(half) {
            if let Some(body) = &mut slot.bodies[index(half)] {
                body.decoded_len += bytes.len() as u64;
            }
            slot.inspection.body(inspect, half, bytes, last);
        }
    }

    /// Bytes of the body were lost.
    pub(crate) fn gap(&mut self, inspect: &mut I::Context, half: Half, lost: u64) {
        if let Some(slot) = self.slot(half) {
            slot.defects.add(Defects::GAP);
            if let Some(body) = &mut slot.bodies[index(half)] {
                body.gap += lost;
                body.truncated.get_or_insert(Truncation::Gap);
            }
            slot.inspection.gap(inspect, half, lost);
        }
    }

    /// The message is not whole.
    pub(crate) fn truncate(&mut self, half: Half, why: Truncation) {
        if let Some(body) = self.body_of(half) {
            body.truncated.get_or_insert(why);
        }
    }

    fn body_of(&mut self, half: Half) -> Option<&mut Body> {
        self.slot(half).and_then(|slot| slot.bodies[index(half)].as_mut())
    }

    /// The message being read is over; its last byte came at `last_at`.
    pub(crate) fn complete(&mut self, half: Half, last_at: Timestamp) {
        if let Some(slot) = self.slot(half) {
            slot.done[index(half)] = true;
            slot.last_at[index(half)] = last_at;
            if half == Half::Request && slot.answered_at.is_some_and(|answered| answered < last_at) {
                slot.defects.add(Defects::EARLY_RESPONSE);
            }
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
            let unanswered = slot.bodies[RESPONSE].is_none() && (slot.abandoned || self.server_done);
            if !slot.done[REQUEST] || !(slot.done[RESPONSE] || unanswered) {
                break;
            }
            if let Some(slot) = self.slots.pop_front() {
                self.end(cx, slot, at);
            }
        }
        let current = self.current;
        let idle = |slot: &Slot<I>| slot.done[REQUEST] && !current.contains(&Some(slot.sequence));
        while self.slots.len() > cx.limits.outstanding
            && let Some(oldest) = self.slots.iter().position(idle)
            && let Some(slot) = self.slots.remove(oldest)
        {
            if slot.waits() {
                cx.accounts.outstanding_over_limit += 1;
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
        let Slot { inspection, began_at, answered_at, last_at, bodies, mut defects, interim, .. } = slot;
        if self.conflict {
            defects.add(Defects::CONFLICTING_DATA);
        }
        if answered_at.is_some() && bodies[REQUEST].is_some_and(|body| body.truncated.is_some()) {
            defects.add(Defects::EARLY_RESPONSE);
        }
        let exchange = Exchange {
            ordinal: self.ordinal,
            client: self.client,
            began_at,
            answered_at,
            ended_at: last_at[REQUEST].max(last_at[RESPONSE]),
            completed_at: at,
            request: bodies[REQUEST],
            response: bodies[RESPONSE],
            interim,
            defects,
        };
        self.ordinal += 1;
        if exchange.request.is_some() && exchange.response.is_some() && self.slots.is_empty() && !self.answer_lost {
            // A request and its answer with nothing before or after them: both sides are in step again.
            self.guess = false;
        }
        count(&mut cx.accounts, &exchange);
        inspection.end(&mut cx.inspect, &exchange);
    }
}

fn count(accounts: &mut HttpAccounts, exchange: &Exchange) {
    accounts.exchanges += 1;
    accounts.request_only += u64::from(exchange.response.is_none());
    accounts.response_only += u64::from(exchange.request.is_none());
    accounts.flag(exchange.defects);
}
