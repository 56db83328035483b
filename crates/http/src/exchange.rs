//! One exchange that is not over: its inspection, and what is known of its two halves so far.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;

use spyhop_model::{Connection, MessageKind, Protocol, Side, Timestamp};

use crate::accounts::HttpAccounts;
use crate::connection::Shared;
use crate::head::{RequestHead, ResponseHead};
use crate::inspection::{Body, Defects, Exchange, Half, Inspection, MessageEnd, Truncation};
use crate::message::Piece;

/// How many exchanges are open on all connections of a worker: each has a ticket while it lives.
#[derive(Clone, Default)]
pub(crate) struct Open(Rc<Cell<usize>>);

/// Counts one open exchange as long as it lives.
pub(crate) struct Ticket(Open);

impl Open {
    pub(crate) fn ticket(&self) -> Ticket {
        self.0.set(self.0.get() + 1);
        Ticket(self.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.get()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.0.set(self.0.0.get().saturating_sub(1));
    }
}

/// An exchange that is not over.
pub(crate) struct Running<I> {
    pub(crate) inspection: I,
    /// Its number on its connection.
    pub(crate) ordinal: u32,
    pub(crate) protocol: Protocol,
    pub(crate) stream: Option<u32>,
    /// Which stream-level side the client is.
    pub(crate) client: Side,
    pub(crate) began_at: Timestamp,
    pub(crate) answered_at: Option<Timestamp>,
    pub(crate) last_at: [Timestamp; 2],
    /// Of the halves whose heads were seen.
    pub(crate) bodies: [Option<Body>; 2],
    /// Halves of which nothing more is to come.
    pub(crate) done: [bool; 2],
    pub(crate) interim: u32,
    /// Both halves pass at the same time by intent.
    pub(crate) duplex: bool,
    pub(crate) defects: Defects,
    /// Versions as written, where their numbers do not say it.
    pub(crate) odd_versions: [Option<Box<str>>; 2],
    ticket: Option<Ticket>,
    messages: [Option<Begun>; 2],
    told: [u64; 2],
}

/// A message of which the beginning was seen.
#[derive(Clone, Copy, Debug)]
struct Begun {
    at: Timestamp,
    length: u64,
    gap: bool,
}

pub(crate) const REQUEST: usize = 0;
pub(crate) const RESPONSE: usize = 1;

pub(crate) fn index(half: Half) -> usize {
    match half {
        Half::Request => REQUEST,
        Half::Response => RESPONSE,
    }
}

/// Numbers what happens on a connection: exchanges when they begin, messages when they end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ordinals(u32);

impl Ordinals {
    pub(crate) fn next(&mut self) -> u32 {
        let ordinal = self.0;
        self.0 = self.0.saturating_add(1);
        ordinal
    }
}

impl<I: Inspection> Running<I> {
    pub(crate) fn begin(
        cx: &mut Shared<I>,
        connection: &Connection,
        ordinals: &mut Ordinals,
        began_at: Timestamp,
    ) -> Self {
        let inspection = I::begin(&mut cx.inspect, connection, began_at);
        let mut running = Running::with(inspection, ordinals, began_at);
        running.ticket = Some(cx.open.ticket());
        if connection.midstream {
            running.defects.add(Defects::MIDSTREAM);
        }
        running
    }

    /// Whose connection a load balancer passes on.
    pub(crate) fn passed_on(&mut self, source: Option<&IpAddr>) {
        if let Some(source) = source {
            self.inspection.passed_on(*source);
        }
    }

    /// Around an inspection that has begun.
    pub(crate) fn with(mut inspection: I, ordinals: &mut Ordinals, began_at: Timestamp) -> Self {
        let ordinal = ordinals.next();
        inspection.numbered(ordinal);
        Running {
            inspection,
            ordinal,
            protocol: Protocol::Http1,
            stream: None,
            client: Side::Originator,
            began_at,
            answered_at: None,
            last_at: [began_at; 2],
            bodies: [None; 2],
            done: [false; 2],
            interim: 0,
            duplex: false,
            defects: Defects::default(),
            odd_versions: [None, None],
            ticket: None,
            messages: [None; 2],
            told: [0; 2],
        }
    }

    /// Stands for the exchange `opened_by` after its end, for messages on the channel that it opened.
    pub(crate) fn channel(cx: &mut Shared<I>, inspection: I, opened_by: u32, client: Side, at: Timestamp) -> Self {
        let mut running = Running::with(inspection, &mut Ordinals::default(), at);
        (running.ordinal, running.client) = (opened_by, client);
        running.inspection.numbered(opened_by);
        running.ticket = Some(cx.open.ticket());
        running
    }

    pub(crate) fn request(&mut self, cx: &mut Shared<I>, began_at: Timestamp, head: &RequestHead<'_>) {
        cx.accounts.requests += 1;
        self.began_at = self.began_at.min(began_at);
        self.done[REQUEST] = false;
        self.bodies[REQUEST].get_or_insert_default();
        self.inspection.request(&mut cx.inspect, head);
    }

    pub(crate) fn response(&mut self, cx: &mut Shared<I>, began_at: Timestamp, head: &ResponseHead<'_>) {
        cx.accounts.responses += 1;
        self.answered_at = Some(began_at);
        self.last_at[RESPONSE] = began_at;
        self.bodies[RESPONSE] = Some(Body::default());
        self.inspection.response(&mut cx.inspect, head);
    }

    /// Bytes after transfer codings.
    pub(crate) fn encoded(&mut self, half: Half, bytes: u64) {
        if let Some(body) = &mut self.bodies[index(half)] {
            body.encoded_len += bytes;
        }
    }

    /// Decoded bytes, to be inspected.
    pub(crate) fn body(&mut self, inspect: &mut I::Context, half: Half, bytes: &[u8], last: bool) {
        self.decoded(half, bytes.len() as u64);
        self.inspection.body(inspect, half, bytes, last);
    }

    pub(crate) fn decoded(&mut self, half: Half, bytes: u64) {
        if let Some(body) = &mut self.bodies[index(half)] {
            body.decoded_len += bytes;
        }
    }

    /// Bytes of the body were lost.
    pub(crate) fn gap(&mut self, inspect: &mut I::Context, half: Half, lost: u64) {
        self.note_gap(half, lost);
        self.inspection.gap(inspect, half, lost);
    }

    fn note_gap(&mut self, half: Half, lost: u64) {
        self.defects.add(Defects::GAP);
        if let Some(body) = &mut self.bodies[index(half)] {
            body.gap += lost;
            body.truncated.get_or_insert(Truncation::Gap);
        }
    }

    /// The half is not whole.
    pub(crate) fn truncate(&mut self, half: Half, why: Truncation) {
        if let Some(body) = &mut self.bodies[index(half)] {
            body.truncated.get_or_insert(why);
        }
    }

    /// The half is over; its last byte came at `last_at`.
    pub(crate) fn complete(&mut self, half: Half, last_at: Timestamp) {
        self.done[index(half)] = true;
        self.last_at[index(half)] = last_at;
        if half == Half::Request && self.answered_at.is_some_and(|answered| answered < last_at) {
            self.defects.add(Defects::EARLY_RESPONSE);
        }
    }

    /// Bytes of a message of its own.
    fn message(&mut self, inspect: &mut I::Context, half: Half, at: Timestamp, bytes: &[u8]) {
        let begun = self.messages[index(half)].get_or_insert(Begun { at, length: 0, gap: false });
        begun.length += bytes.len() as u64;
        self.inspection.message(inspect, half, bytes);
    }

    /// Bytes of a message of its own were lost.
    fn message_gap(&mut self, inspect: &mut I::Context, half: Half, at: Timestamp) {
        let begun = self.messages[index(half)].get_or_insert(Begun { at, length: 0, gap: false });
        begun.gap = true;
        self.inspection.message_gap(inspect, half);
    }

    /// A message is over, if one has begun: empty ones are none.
    fn message_end(
        &mut self,
        cx: &mut Shared<I>,
        ordinals: &mut Ordinals,
        half: Half,
        kind: MessageKind,
        truncated: Option<Truncation>,
    ) {
        let Some(begun) = self.messages[index(half)].take() else { return };
        let told = &mut self.told[index(half)];
        let end = MessageEnd {
            ordinal: ordinals.next(),
            opened_by: self.ordinal,
            kind,
            protocol: self.protocol,
            stream: self.stream,
            client: self.client,
            half,
            // The first message of gRPC is the body.
            number: *told + u64::from(kind == MessageKind::Grpc),
            began_at: begun.at,
            completed_at: cx.now,
            body: Body {
                encoded_len: begun.length,
                decoded_len: begun.length,
                truncated: truncated.or(begun.gap.then_some(Truncation::Gap)),
                gap: 0,
            },
            defects: Defects(if begun.gap { Defects::GAP } else { 0 } | self.defects.0 & Defects::MIDSTREAM),
        };
        *told += 1;
        cx.accounts.messages += 1;
        self.inspection.message_end(&mut cx.inspect, &end);
    }

    /// A piece of a message of its own. Says whether these are no messages.
    pub(crate) fn piece(
        &mut self,
        cx: &mut Shared<I>,
        ordinals: &mut Ordinals,
        half: Half,
        kind: MessageKind,
        piece: Piece<'_>,
    ) -> bool {
        let now = cx.now;
        match piece {
            Piece::Data(bytes) => self.message(&mut cx.inspect, half, now, bytes),
            Piece::Gap => self.message_gap(&mut cx.inspect, half, now),
            Piece::End(end) => {
                let trouble = end.trouble;
                cx.accounts.bombs += u64::from(trouble.bomb);
                cx.accounts.decoders_over_limit += u64::from(trouble.over_limit);
                let truncated = match () {
                    () if trouble.bomb => Some(Truncation::Bomb),
                    () if end.gap || end.blank => Some(Truncation::Gap),
                    () if trouble.bad || trouble.over_limit => Some(Truncation::BadCoding),
                    () => end.cut.then_some(Truncation::Incomplete),
                };
                self.message_end(cx, ordinals, half, kind, truncated);
            }
            // What is empty is no message.
            Piece::Begin(_) | Piece::Closed => {}
            Piece::Bad => return true,
        }
        false
    }

    /// The exchange is over, or will never be.
    pub(crate) fn end(mut self, cx: &mut Shared<I>, client: Side, at: Timestamp) {
        let cut = self.bodies[REQUEST].is_some_and(|body| body.truncated.is_some());
        if self.answered_at.is_some() && cut && !self.duplex {
            self.defects.add(Defects::EARLY_RESPONSE);
        }
        let exchange = Exchange {
            ordinal: self.ordinal,
            protocol: self.protocol,
            stream: self.stream,
            client,
            began_at: self.began_at,
            answered_at: self.answered_at,
            ended_at: self.last_at[REQUEST].max(self.last_at[RESPONSE]),
            completed_at: at,
            request: self.bodies[REQUEST],
            response: self.bodies[RESPONSE],
            interim: self.interim,
            defects: self.defects,
            odd_versions: self.odd_versions,
        };
        count(&mut cx.accounts, &exchange);
        self.inspection.end(&mut cx.inspect, &exchange);
    }
}

fn count(accounts: &mut HttpAccounts, exchange: &Exchange) {
    accounts.exchanges += 1;
    accounts.request_only += u64::from(exchange.response.is_none());
    accounts.response_only += u64::from(exchange.request.is_none());
    accounts.flag(exchange.defects);
}

/// Where the body goes that is being read of a half: to the latest message's exchange in HTTP/1, to its stream's in
/// HTTP/2.
pub(crate) trait Recipient<I: Inspection> {
    /// The exchange whose half is being read.
    fn running(&mut self, half: Half) -> Option<&mut Running<I>>;

    /// The exchange, and the numbers of its connection.
    fn numbered(&mut self, half: Half) -> Option<(&mut Running<I>, &mut Ordinals)>;

    /// Bytes after transfer codings.
    fn encoded(&mut self, half: Half, bytes: u64) {
        if let Some(running) = self.running(half) {
            running.encoded(half, bytes);
        }
    }

    /// Decoded bytes, to be inspected.
    fn body(&mut self, inspect: &mut I::Context, half: Half, bytes: &[u8], last: bool) {
        if let Some(running) = self.running(half) {
            running.body(inspect, half, bytes, last);
        }
    }

    /// Bytes of the body were lost.
    fn gap(&mut self, inspect: &mut I::Context, half: Half, lost: u64) {
        if let Some(running) = self.running(half) {
            running.gap(inspect, half, lost);
        }
    }

    /// The message is not whole.
    fn truncate(&mut self, half: Half, why: Truncation) {
        if let Some(running) = self.running(half) {
            running.truncate(half, why);
        }
    }

    /// Adds defects to the exchange whose half is being read.
    fn flag(&mut self, half: Half, bits: u32) {
        if bits != 0
            && let Some(running) = self.running(half)
        {
            running.defects.add(bits);
        }
    }
}
