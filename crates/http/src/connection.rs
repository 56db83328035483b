//! One TCP connection: which protocol its bytes are, and who of its two sides asks.
//!
//! ```text
//!   data ──> (byte layer) ──> Undecided ──> Http1 ──CONNECT 2xx──> Undecided ──> …
//!                                │            └──101──────────────> Other(upgraded)
//!                                └─────────────────────────────────> Other(name)
//! ```
//!
//! The byte layer is where TLS that can be decrypted will stand: `data`, `gap` and `finished` only count and hand on
//! to `plain`, `lost` and `closed`, which know nothing but plain bytes. A further protocol is a variant of `Protocol`
//! and a decision in `Connection::decide`.

use spyhop_model::{Side, Timestamp};

use crate::accounts::{Class, HttpAccounts, Other, Unparsed};
use crate::coding::Decoders;
use crate::http1::head::{Answer, Role, could_start};
use crate::http1::pairing::Exchanges;
use crate::http1::{Http1, Switch};
use crate::inspection::Inspection;
use crate::limits::Limits;
use crate::pool::Pool;
use crate::protocol::{Sniffed, recognise, sniff};

/// What all connections of a worker share.
pub struct Shared<I: Inspection> {
    /// The limits that hold.
    pub limits: Limits,
    /// What became of every byte.
    pub accounts: HttpAccounts,
    /// What the inspections share.
    pub inspect: I::Context,
    pub(crate) pool: Pool,
    pub(crate) decoders: Decoders,
    pub(crate) scratch: Vec<u8>,
}

impl<I: Inspection> Shared<I> {
    /// For a worker that begins.
    pub fn new(limits: Limits, inspect: I::Context) -> Self {
        Shared {
            limits,
            accounts: HttpAccounts::default(),
            inspect,
            pool: Pool::default(),
            decoders: Decoders::default(),
            scratch: Vec::new(),
        }
    }
}

/// Reads one connection and drives an inspection for each exchange on it.
pub struct Connection<I: Inspection> {
    protocol: Protocol,
    exchanges: Exchanges<I>,
}

enum Protocol {
    /// Neither side has said what it speaks.
    Undecided([Unknown; 2]),
    Http1(Box<Http1>),
    /// Not HTTP/1, and will not become it.
    Other(Other),
}

/// A side whose protocol is not known.
#[derive(Default)]
struct Unknown {
    /// Its first bytes, as long as they are too few to tell.
    held: Vec<u8>,
    began_at: Timestamp,
    /// What it was taken for, once that was told; the other side may yet say better.
    taken_for: Option<Other>,
}

impl<I: Inspection> Connection<I> {
    /// A connection begins.
    pub fn open(cx: &mut Shared<I>, connection: &spyhop_model::Connection) -> Self {
        cx.accounts.connections += 1;
        Connection { protocol: Protocol::undecided(), exchanges: Exchanges::new(connection) }
    }

    /// The next bytes that `side` sent, in order, each once.
    pub fn data(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, bytes: &[u8]) {
        cx.accounts.delivered += bytes.len() as u64;
        self.plain(cx, at, side, bytes);
    }

    /// `lost` bytes that `side` sent were not seen.
    pub fn gap(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, lost: u64) {
        cx.accounts.gaps += lost;
        self.lost(cx, at, side, lost);
    }

    /// A retransmission of `side` carried other bytes than those seen first: every exchange that ends from now on
    /// says so.
    pub fn conflict(&mut self, _side: Side) {
        self.exchanges.conflict();
    }

    /// `side` sends no more.
    pub fn finished(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side) {
        self.closed(cx, at, side);
    }

    /// The connection is over: every exchange on it is ended.
    pub fn end(mut self, cx: &mut Shared<I>, at: Timestamp) {
        // The client first: a request that was cut off stands before an answer that was.
        let client = self.exchanges.client;
        for side in [client, client.other()] {
            self.closed(cx, at, side);
        }
        self.exchanges.finish(cx, at);
    }

    fn plain(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.protocol {
                Protocol::Other(name) => return cx.accounts.count(Class::Other(*name), bytes.len()),
                Protocol::Undecided(_) => return self.decide(cx, at, side, bytes),
                Protocol::Http1(http) => {
                    let Some((switch, used)) = http.data(cx, &mut self.exchanges, at, side, bytes) else { return };
                    bytes = bytes.get(used..).unwrap_or_default();
                    match switch {
                        // Seen to within `http1`.
                        Switch::Refused => {}
                        Switch::Upgrade => {
                            cx.accounts.upgrades += 1;
                            http.close(cx, &mut self.exchanges);
                            self.protocol = Protocol::Other(Other::Upgraded);
                        }
                        Switch::Tunnel => {
                            cx.accounts.tunnels += 1;
                            let early = http.take_waiting(cx);
                            http.close(cx, &mut self.exchanges);
                            self.protocol = Protocol::undecided();
                            self.plain(cx, at, side.other(), &early);
                            cx.pool.give(early);
                        }
                    }
                }
            }
        }
    }

    /// Looks at the first bytes of a side.
    fn decide(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, bytes: &[u8]) {
        let Protocol::Undecided(sides) = &mut self.protocol else { return };
        let [this, that] = match side {
            Side::Originator => sides.each_mut(),
            Side::Responder => {
                let [originator, responder] = sides.each_mut();
                [responder, originator]
            }
        };
        let verdict = match this.taken_for {
            Some(name) => {
                // A stream joined midway, or one with something before its HTTP, shows itself where a segment begins.
                let begins = |role| name == Other::Unknown && could_start(bytes, role) == Answer::Yes;
                match [Role::Client, Role::Server].into_iter().find(|role| begins(*role)) {
                    Some(role) => Sniffed::Http1(role),
                    None => return cx.accounts.count(Class::Other(name), bytes.len()),
                }
            }
            None if this.held.is_empty() => {
                this.began_at = at;
                sniff(bytes, cx.limits.head)
            }
            None => {
                let room = cx.limits.head.saturating_sub(this.held.len()).min(bytes.len());
                let (some, rest) = bytes.split_at(room);
                let before = this.held.len();
                if !cx.pool.append(&mut this.held, some, cx.limits.held_memory) {
                    cx.accounts.settle(Class::Unparsed(Unparsed::HeldMemory), this.held.len());
                    cx.accounts.count(Class::Unparsed(Unparsed::HeldMemory), bytes.len());
                    cx.pool.give(std::mem::take(&mut this.held));
                    this.taken_for = Some(Other::Unknown);
                    return;
                }
                cx.accounts.hold(some.len());
                match sniff(&this.held, cx.limits.head) {
                    Sniffed::Wait => return,
                    Sniffed::Http1(role) => {
                        // What was held has no whole line, so it completes nothing at its earlier time.
                        this.held.truncate(before);
                        cx.accounts.held = cx.accounts.held.saturating_sub(some.len() as u64);
                        self.become_http1(cx, at, side, role);
                        return self.plain(cx, at, side, bytes);
                    }
                    Sniffed::Other(name) => {
                        cx.accounts.settle(Class::Other(name), this.held.len());
                        cx.pool.give(std::mem::take(&mut this.held));
                        this.taken_for = Some(name);
                        if let Some(both) = settled(this, that) {
                            self.protocol = Protocol::Other(both);
                        }
                        return self.plain(cx, at, side, rest);
                    }
                }
            }
        };
        match verdict {
            Sniffed::Wait => {
                if cx.pool.append(&mut this.held, bytes, cx.limits.held_memory) {
                    cx.accounts.hold(bytes.len());
                } else {
                    cx.accounts.count(Class::Unparsed(Unparsed::HeldMemory), bytes.len());
                    this.taken_for = Some(Other::Unknown);
                }
            }
            Sniffed::Http1(role) => {
                self.become_http1(cx, at, side, role);
                self.plain(cx, at, side, bytes);
            }
            Sniffed::Other(name) => {
                this.taken_for = Some(name);
                cx.accounts.count(Class::Other(name), bytes.len());
                if let Some(both) = settled(this, that) {
                    self.protocol = Protocol::Other(both);
                }
            }
        }
    }

    /// `side` turned out to speak HTTP/1 as `role`; what both sides said so far is read again, in order.
    fn become_http1(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, role: Role) {
        let client = if role == Role::Client { side } else { side.other() };
        self.exchanges.client = client;
        cx.accounts.http_connections += 1;
        let mut http = Http1::new(client);
        let Protocol::Undecided(sides) = std::mem::replace(&mut self.protocol, Protocol::Other(Other::Unknown)) else {
            return;
        };
        for (said_by, said) in [Side::Originator, Side::Responder].into_iter().zip(&sides) {
            match said.taken_for {
                Some(Other::Unknown) if said_by != side => http.resume(said_by),
                Some(name) if said_by != side => http.set_other(said_by, name),
                _ => {}
            }
        }
        self.protocol = Protocol::Http1(Box::new(http));
        let [originator, responder] = sides;
        let (this, that) = if side == Side::Originator { (originator, responder) } else { (responder, originator) };
        for (said_by, said) in [(side.other(), that), (side, this)] {
            cx.accounts.held = cx.accounts.held.saturating_sub(said.held.len() as u64);
            self.plain(cx, said.began_at.min(at), said_by, &said.held);
            cx.pool.give(said.held);
        }
    }

    fn lost(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, lost: u64) {
        match &mut self.protocol {
            Protocol::Other(_) => {}
            Protocol::Http1(http) => http.gap(cx, &mut self.exchanges, at, side, lost),
            Protocol::Undecided(sides) => {
                let [originator, responder] = sides;
                let this = if side == Side::Originator { originator } else { responder };
                cx.accounts.settle(Class::Unparsed(Unparsed::AfterGap), this.held.len());
                cx.pool.give(std::mem::take(&mut this.held));
                this.taken_for.get_or_insert(Other::Unknown);
            }
        }
    }

    fn closed(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side) {
        match &mut self.protocol {
            Protocol::Other(_) => {}
            Protocol::Http1(http) => http.finished(cx, &mut self.exchanges, at, side),
            Protocol::Undecided(sides) => {
                let [originator, responder] = sides;
                let this = if side == Side::Originator { originator } else { responder };
                let name = recognise(&this.held).unwrap_or(Other::Unknown);
                cx.accounts.settle(Class::Other(name), this.held.len());
                cx.pool.give(std::mem::take(&mut this.held));
                this.taken_for.get_or_insert(name);
            }
        }
    }
}

impl Protocol {
    fn undecided() -> Protocol {
        Protocol::Undecided(Default::default())
    }
}

/// What a connection is for good, if that can be said: both sides were recognised, or one leaves no doubt.
fn settled(this: &Unknown, that: &Unknown) -> Option<Other> {
    match (this.taken_for?, that.taken_for) {
        (Other::Http2, _) => Some(Other::Http2),
        (Other::Unknown, _) => None,
        (name, Some(_)) => Some(name),
        (_, None) => None,
    }
}
