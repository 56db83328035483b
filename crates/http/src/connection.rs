//! One TCP connection: which protocol its bytes are, and who of its two sides asks.
//!
//! ```text
//!   data ──> (byte layer) ──> Undecided ─┬─> Http1 ─┬─CONNECT 2xx──> Undecided ──> …
//!                                        │          ├─101 h2c──────> Http2
//!                                        │          ├─101 websocket> WebSocket
//!                                        │          └─101──────────> Other(upgraded)
//!                                        ├─> Http2 ──CONNECT 2xx──> a connection within the stream
//!                                        └─> Other(name)
//! ```
//!
//! The byte layer is where TLS that can be decrypted will stand: `data`, `gap` and `finished` only count and hand on
//! to `plain`, `lost` and `closed`, which know nothing but plain bytes. A further protocol is a variant of `Protocol`
//! and a decision in `Connection::decide`.

use spyhop_model::{Side, Timestamp};

use crate::accounts::{Class, HttpAccounts, Other, Unparsed};
use crate::coding::Decoders;
use crate::exchange::{Open, Running};
use crate::hello::Seeker;
use crate::http1::head::{Answer, Role, could_start};
use crate::http1::pairing::Exchanges;
use crate::http1::{Early, Http1, Switch, Upgrade};
use crate::http2::hpack::List;
use crate::http2::{Begins, Http2, PREFACE, could_start as could_start_http2};
use crate::inspection::{Half, Inspection};
use crate::limits::Limits;
use crate::loan::{Debts, Lent, Loan};
use crate::message::channel::Channel;
use crate::pool::Pool;
use crate::protocol::{Sniffed, recognise, sniff};
use crate::proxy::{self, Prefix};

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
    /// The fields of the header block that is being read, and the allocation of all HPACK tables.
    pub(crate) fields: List,
    pub(crate) tables: usize,
    /// Memory of TLS handshakes that are being read.
    pub(crate) hellos: usize,
    /// Exchanges that are open on all connections.
    pub(crate) open: Open,
    /// What connections that panicked had taken.
    pub(crate) debts: Debts,
    /// Capture time of what is being read.
    pub(crate) now: Timestamp,
    /// Bytes that were looked at, each time that they were.
    #[cfg(test)]
    pub(crate) looked_at: u64,
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
            fields: List::default(),
            tables: 0,
            hellos: 0,
            open: Open::default(),
            debts: Debts::default(),
            now: Timestamp::default(),
            #[cfg(test)]
            looked_at: 0,
        }
    }
}

impl<I: Inspection> Shared<I> {
    /// What all connections together have taken.
    pub(crate) fn lent(&self) -> Lent {
        let (decoders, channels) = self.decoders.lent();
        Lent { buffers: self.pool.lent(), decoders, channels, tables: self.tables, hellos: self.hellos }
    }

    /// Corrects that.
    pub(crate) fn set_lent(&mut self, lent: Lent) {
        self.pool.set_lent(lent.buffers);
        self.decoders.set_lent(lent.decoders, lent.channels);
        (self.tables, self.hellos) = (lent.tables, lent.hellos);
    }
}

/// Reads one connection and drives an inspection for each exchange on it.
pub struct Connection<I> {
    protocol: Protocol<I>,
    /// Looks for a TLS handshake in what is not HTTP.
    hello: Seeker,
    exchanges: Exchanges<I>,
    /// Not within a tunnel: the connection around it has one.
    loan: Option<Loan>,
    /// Bytes that came, and bytes that were read again since a CONNECT before them was answered.
    delivered: u64,
    replayed: u64,
    /// The client sends no more, and what it sent waits for the answer to a CONNECT.
    client_done: bool,
}

/// How often the bytes of a connection are read again on average, if requests are sent behind a CONNECT that is not
/// answered yet. Without a limit, a pipeline of them alone would cost its length squared.
const REPLAYS: u64 = 4;

enum Protocol<I> {
    /// Neither side has said what it speaks.
    Undecided([Unknown; 2]),
    Http1(Box<Http1>),
    Http2(Box<Http2<I>>),
    WebSocket(Box<Channel<I>>),
    /// Neither, and will not become one of them.
    Other(Other),
}

/// What a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// HTTP/0.9 to 1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// A WebSocket.
    WebSocket,
    /// TLS.
    Tls,
    /// None of these.
    Other,
    /// Too little was seen.
    Unknown,
}

/// A side whose protocol is not known.
#[derive(Default)]
struct Unknown {
    /// Its first bytes, as long as they are too few to tell, and how many line ends stood before them.
    held: Vec<u8>,
    blank: usize,
    began_at: Timestamp,
    /// Its first bytes are no header of the PROXY protocol, or one that was read.
    begun: bool,
    /// What it was taken for, once that was told; the other side may yet say better.
    taken_for: Option<Other>,
}

impl<I: Inspection> Connection<I> {
    /// A connection begins.
    pub fn open(cx: &mut Shared<I>, connection: &spyhop_model::Connection) -> Self {
        cx.accounts.connections += 1;
        let exchanges = Exchanges::new(connection);
        let loan = Some(Loan::new(&cx.debts));
        Connection {
            protocol: Protocol::undecided(),
            hello: Seeker::default(),
            exchanges,
            loan,
            delivered: 0,
            replayed: 0,
            client_done: false,
        }
    }

    /// The next bytes that `side` sent, in order, each once.
    pub fn data(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, bytes: &[u8]) {
        self.enter(cx);
        cx.accounts.delivered += bytes.len() as u64;
        self.delivered += bytes.len() as u64;
        cx.now = at;
        self.plain(cx, at, side, bytes);
        self.leave(cx);
    }

    fn enter(&mut self, cx: &mut Shared<I>) {
        if let Some(loan) = &mut self.loan {
            loan.enter(cx);
        }
    }

    fn leave(&mut self, cx: &Shared<I>) {
        if let Some(loan) = &mut self.loan {
            loan.leave(cx);
        }
    }

    /// `lost` bytes that `side` sent were not seen.
    pub fn gap(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, lost: u64) {
        self.enter(cx);
        cx.accounts.gaps += lost;
        cx.now = at;
        self.lost(cx, at, side, lost);
        self.leave(cx);
    }

    /// A retransmission of either side carried other bytes than those seen first: every exchange that ends from now on
    /// says so.
    pub fn conflict(&mut self) {
        self.exchanges.conflict();
    }

    /// `side` sends no more.
    pub fn finished(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side) {
        cx.now = at;
        if let Protocol::Http1(http) = &self.protocol
            && side == self.exchanges.client
            && http.waits()
        {
            self.client_done = true;
            return;
        }
        self.enter(cx);
        self.closed(cx, at, side);
        self.leave(cx);
    }

    /// The connection is over: every exchange on it is ended.
    pub fn end(mut self, cx: &mut Shared<I>, at: Timestamp) {
        self.enter(cx);
        cx.now = at;
        self.finish(cx);
        self.leave(cx);
    }

    /// Ends every exchange.
    pub(crate) fn finish(&mut self, cx: &mut Shared<I>) {
        let at = cx.now;
        // The client first: a request that was cut off stands before an answer that was.
        let client = self.exchanges.client;
        for side in [client, client.other()] {
            self.closed(cx, at, side);
        }
        if let Protocol::Http2(http) = &mut self.protocol {
            http.finish(cx, &mut self.exchanges);
        }
        self.exchanges.finish(cx, at);
        self.hello.end(cx, &mut self.exchanges);
    }

    /// A connection in a tunnel on a stream of the one of `outer`.
    pub(crate) fn within(outer: &Exchanges<I>) -> Self {
        let mut exchanges = Exchanges::new(&outer.connection);
        exchanges.nested = outer.nested.saturating_add(1);
        exchanges.proxied.clone_from(&outer.proxied);
        Connection {
            protocol: Protocol::undecided(),
            hello: Seeker::default(),
            exchanges,
            loan: None,
            delivered: 0,
            replayed: 0,
            client_done: false,
        }
    }

    /// Goes on with the numbers of the connection around it.
    pub(crate) fn borrow_numbers(&mut self, outer: &Exchanges<I>) {
        self.exchanges.ordinals = outer.ordinals;
        self.exchanges.conflict |= outer.conflict;
    }

    /// Hands them back.
    pub(crate) fn return_numbers(&self, outer: &mut Exchanges<I>) {
        outer.ordinals = self.exchanges.ordinals;
    }

    /// The next bytes that `side` sent through a tunnel: the connection around it has accounted for their delivery.
    pub(crate) fn passed(&mut self, cx: &mut Shared<I>, side: Side, bytes: &[u8]) {
        self.delivered += bytes.len() as u64;
        let now = cx.now;
        self.plain(cx, now, side, bytes);
    }

    /// Nobody knows how much was lost, of which side: what is open ends, and what follows is picked up where a segment
    /// begins with a start line.
    pub(crate) fn lose_track(&mut self, cx: &mut Shared<I>) {
        self.finish(cx);
        let mut exchanges = Exchanges::new(&self.exchanges.connection);
        (exchanges.ordinals, exchanges.nested) = (self.exchanges.ordinals, self.exchanges.nested);
        exchanges.conflict = self.exchanges.conflict;
        exchanges.proxied = self.exchanges.proxied.take();
        exchanges.uncertain();
        let unknown = || Unknown { taken_for: Some(Other::Unknown), ..Unknown::default() };
        (self.exchanges, self.protocol) = (exchanges, Protocol::Undecided([unknown(), unknown()]));
        (self.hello, self.client_done) = (Seeker::default(), false);
    }

    /// What the connection carries, as far as it told.
    pub fn carries(&self) -> Carries {
        match &self.protocol {
            Protocol::Http1(_) => Carries::Http1,
            Protocol::Http2(_) => Carries::Http2,
            Protocol::WebSocket(_) => Carries::WebSocket,
            _ if self.hello.found() => Carries::Tls,
            Protocol::Other(Other::Tls) => Carries::Tls,
            Protocol::Other(_) => Carries::Other,
            Protocol::Undecided(sides) => {
                let mut taken = sides.iter().filter_map(|side| side.taken_for);
                match taken.next() {
                    Some(Other::Tls) => Carries::Tls,
                    Some(_) => Carries::Other,
                    None => Carries::Unknown,
                }
            }
        }
    }

    /// Exchanges that are not over yet, of HTTP/1 and of HTTP/2.
    #[cfg(test)]
    pub(crate) fn outstanding(&self) -> (usize, usize) {
        let http2 = if let Protocol::Http2(http) = &self.protocol { http.outstanding() } else { 0 };
        (self.exchanges.outstanding(), http2)
    }

    fn plain(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.protocol {
                Protocol::Other(name) => {
                    self.hello.data(cx, &mut self.exchanges, *name, side, bytes);
                    return cx.accounts.count(Class::Other(*name), bytes.len());
                }
                Protocol::WebSocket(channel) => return channel.data(cx, &mut self.exchanges.ordinals, side, bytes),
                Protocol::Undecided(_) => return self.decide(cx, at, side, bytes),
                Protocol::Http2(http) => {
                    let is_preface = PREFACE.iter().zip(bytes).all(|(want, have)| want == have);
                    if is_preface || side != self.exchanges.client || !http.awaits_client() {
                        return http.data(cx, &mut self.exchanges, at, side, bytes);
                    }
                    // The server speaks HTTP/2, or so it seemed; its client does not.
                    http.finish(cx, &mut self.exchanges);
                    let mut sides: [Unknown; 2] = Default::default();
                    this_and_that(&mut sides, side).1.taken_for = Some(Other::Http2);
                    self.protocol = Protocol::Undecided(sides);
                }
                Protocol::Http1(http) => {
                    let Some((switch, used)) = http.data(cx, &mut self.exchanges, at, side, bytes) else { return };
                    bytes = bytes.get(used..).unwrap_or_default();
                    match switch {
                        Switch::Upgrade(to) => {
                            cx.accounts.upgrades += 1;
                            http.close(cx, &mut self.exchanges);
                            let asked = self.exchanges.take_upgraded();
                            self.protocol = match to {
                                Upgrade::Http2 => {
                                    let asked = asked.map(|(inspection, _)| inspection);
                                    Protocol::Http2(Box::new(Http2::upgraded(cx, &mut self.exchanges, asked)))
                                }
                                Upgrade::WebSocket(deflate) if let Some((inspection, opened_by)) = asked => {
                                    let client = self.exchanges.client;
                                    let running = Running::channel(cx, inspection, opened_by, client, at);
                                    Protocol::WebSocket(Box::new(Channel::new(client, deflate, running)))
                                }
                                Upgrade::WebSocket(_) | Upgrade::Other => Protocol::Other(Other::Upgraded),
                            };
                        }
                        Switch::Refused => {
                            let early = http.take_waiting(cx);
                            self.replay(cx, at, side.other(), early);
                        }
                        Switch::Tunnel => {
                            cx.accounts.tunnels += 1;
                            let early = http.take_waiting(cx);
                            http.close(cx, &mut self.exchanges);
                            self.protocol = Protocol::undecided();
                            self.hello = Seeker::default();
                            self.replay(cx, at, side.other(), early);
                        }
                    }
                }
            }
        }
    }

    /// Reads what `side` sent behind a CONNECT, now that it is known what it is.
    fn replay(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, early: Early) {
        let Early { lost, bytes: early } = early;
        if lost > 0 {
            self.lost(cx, at, side, lost);
        }
        let length = early.len() as u64;
        if self.replayed + length <= self.delivered.saturating_mul(REPLAYS) {
            self.replayed += length;
            self.plain(cx, at, side, &early);
        } else {
            cx.accounts.replays_over_limit += 1;
            cx.accounts.count(Class::Unparsed(Unparsed::Replayed), early.len());
            // It is picked up again where its next segment begins with a start line.
            match &mut self.protocol {
                Protocol::Http1(http) => {
                    http.resume(side);
                    self.exchanges.lost_messages(Half::Request);
                }
                Protocol::Undecided(sides) => this_and_that(sides, side).0.taken_for = Some(Other::Unknown),
                Protocol::Http2(_) | Protocol::WebSocket(_) | Protocol::Other(_) => {}
            }
        }
        cx.pool.give(early);
        let waits = matches!(&self.protocol, Protocol::Http1(http) if http.waits());
        if self.client_done && !waits {
            self.client_done = false;
            self.closed(cx, at, side);
        }
    }

    /// Looks at the first bytes of a side.
    fn decide(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, bytes: &[u8]) {
        let Protocol::Undecided(sides) = &mut self.protocol else { return };
        let (this, that) = this_and_that(sides, side);
        if let Some(name) = this.taken_for {
            // A stream joined midway, or one with something before its HTTP, shows itself where a segment begins.
            let begins = |role| name == Other::Unknown && could_start(bytes, role) == Answer::Yes;
            let midway = if name == Other::Unknown { could_start_http2(bytes) } else { None };
            match ([Role::Client, Role::Server].into_iter().find(|role| begins(*role)), midway) {
                (Some(role), _) => self.become_http1(cx, at, side, role, bytes),
                (None, Some(role)) => self.become_http2(cx, at, side, role, true, bytes),
                (None, None) => {
                    self.hello.data(cx, &mut self.exchanges, name, side, bytes);
                    cx.accounts.count(Class::Other(name), bytes.len());
                }
            }
            return;
        }
        if !this.begun {
            return self.before_first(cx, at, side, bytes);
        }
        let mut bytes = bytes;
        if this.held.is_empty() {
            // Line ends before the first line (RFC 9112, section 2.2) say nothing and are not kept.
            let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            cx.accounts.hold(empty);
            this.blank += empty;
            bytes = bytes.get(empty..).unwrap_or_default();
            if bytes.is_empty() {
                return;
            }
            this.began_at = at;
        }
        let before = this.held.len();
        let (verdict, new) = if before == 0 {
            (sniff(bytes, 0, cx.limits.head), bytes)
        } else {
            let room = cx.limits.head.saturating_sub(before).min(bytes.len());
            let new = bytes.get(..room).unwrap_or_default();
            if !cx.pool.append(&mut this.held, new, cx.limits.held_memory) {
                return this.give_up(cx, Class::Unparsed(Unparsed::HeldMemory), bytes.len());
            }
            let verdict = sniff(&this.held, before, cx.limits.head);
            this.held.truncate(if verdict == Sniffed::Wait { before + room } else { before });
            (verdict, new)
        };
        #[cfg(test)]
        {
            cx.looked_at += new.len() as u64;
        }
        match verdict {
            Sniffed::Wait => {
                // There is a verdict on as many as may be held, so `new` is all.
                if before == 0 && !cx.pool.append(&mut this.held, new, cx.limits.held_memory) {
                    return this.give_up(cx, Class::Unparsed(Unparsed::HeldMemory), bytes.len());
                }
                cx.accounts.hold(new.len());
            }
            // What was held has no whole line, so it completes nothing at its earlier time.
            Sniffed::Http1(role) => self.become_http1(cx, at, side, role, bytes),
            Sniffed::Http2(role) => self.become_http2(cx, at, side, role, false, bytes),
            Sniffed::Other(_)
                if before == 0
                    && let Some(role) = could_start_http2(bytes) =>
            {
                self.become_http2(cx, at, side, role, true, bytes);
            }
            Sniffed::Other(name) => {
                self.hello.data(cx, &mut self.exchanges, name, side, &this.held);
                self.hello.data(cx, &mut self.exchanges, name, side, bytes);
                this.give_up(cx, Class::Other(name), bytes.len());
                this.taken_for = Some(name);
                if let Some(both) = settled(this, that) {
                    self.protocol = Protocol::Other(both);
                }
            }
        }
    }

    /// Skips a header of the PROXY protocol before the first bytes of a side, or finds that there is none.
    fn before_first(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, bytes: &[u8]) {
        let Protocol::Undecided(sides) = &mut self.protocol else { return };
        let (this, _) = this_and_that(sides, side);
        let before = this.held.len();
        let new = bytes.get(..bytes.len().min(proxy::LONGEST.saturating_sub(before))).unwrap_or_default();
        let mut prefix = if before == 0 { proxy::read(new) } else { Prefix::Wait };
        if prefix == Prefix::Wait {
            if !cx.pool.append(&mut this.held, new, cx.limits.held_memory) {
                return this.give_up(cx, Class::Unparsed(Unparsed::HeldMemory), bytes.len());
            }
            prefix = proxy::read(&this.held);
        }
        if prefix == Prefix::Wait {
            // There is a verdict on as many as may be held, so `new` is all.
            if before == 0 {
                this.began_at = at;
            }
            return cx.accounts.hold(new.len());
        }
        this.begun = true;
        let mut held = std::mem::take(&mut this.held);
        cx.accounts.held = cx.accounts.held.saturating_sub(before as u64);
        if let Prefix::Header { length, source } = prefix {
            cx.accounts.count(Class::Http, length);
            self.exchanges.proxied = source.map(Box::new).or(self.exchanges.proxied.take());
            self.plain(cx, at, side, bytes.get(length.saturating_sub(before)..).unwrap_or_default());
        } else {
            let began_at = this.began_at;
            held.truncate(before);
            self.plain(cx, began_at, side, &held);
            self.plain(cx, at, side, bytes);
        }
        cx.pool.give(held);
    }

    /// `side` turned out to speak HTTP/1 as `role`; what both sides said so far is read again, in order, and then
    /// `bytes` of this one.
    fn become_http1(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, role: Role, bytes: &[u8]) {
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
        self.read_again(cx, at, side, sides, bytes);
    }

    /// `side` turned out to speak HTTP/2 as `role`, from its beginning or joined midway.
    fn become_http2(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, role: Role, midway: bool, bytes: &[u8]) {
        self.exchanges.client = if role == Role::Client { side } else { side.other() };
        let Protocol::Undecided(mut sides) = std::mem::replace(&mut self.protocol, Protocol::Other(Other::Unknown))
        else {
            return;
        };
        let (_, that) = this_and_that(&mut sides, side);
        let begins = match (midway, role) {
            (true, role) => Begins::Midway(role),
            (false, Role::Client) if that.taken_for.is_some() => Begins::WithoutServer,
            (false, Role::Server) if that.taken_for == Some(Other::Unknown) => Begins::WithoutClient,
            (false, _) => Begins::Here,
        };
        self.protocol = Protocol::Http2(Box::new(Http2::new(cx, self.exchanges.client, begins)));
        self.read_again(cx, at, side, sides, bytes);
    }

    /// Reads what both sides said so far, and then `bytes` of this one.
    fn read_again(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, sides: [Unknown; 2], bytes: &[u8]) {
        let [originator, responder] = sides;
        let (this, that) = if side == Side::Originator { (originator, responder) } else { (responder, originator) };
        for (said_by, said) in [(side.other(), that), (side, this)] {
            cx.accounts.settle(Class::Http, said.blank);
            cx.accounts.held = cx.accounts.held.saturating_sub(said.held.len() as u64);
            self.plain(cx, said.began_at.min(at), said_by, &said.held);
            cx.pool.give(said.held);
        }
        self.plain(cx, at, side, bytes);
    }

    pub(crate) fn lost(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, lost: u64) {
        match &mut self.protocol {
            Protocol::Other(_) => self.hello.gap(cx, &mut self.exchanges, side),
            Protocol::WebSocket(channel) => channel.gap(cx, &mut self.exchanges.ordinals, side, lost),
            Protocol::Http1(http) => http.gap(cx, &mut self.exchanges, at, side, lost),
            Protocol::Http2(http) => http.gap(cx, &mut self.exchanges, side, lost),
            Protocol::Undecided(sides) => {
                self.hello.gap(cx, &mut self.exchanges, side);
                this_and_that(sides, side).0.give_up(cx, Class::Unparsed(Unparsed::AfterGap), 0);
                // If this is HTTP/1, whole messages may be among what was lost.
                self.exchanges.uncertain();
            }
        }
    }

    fn closed(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side) {
        match &mut self.protocol {
            Protocol::Other(_) => {}
            Protocol::WebSocket(channel) => channel.finished(cx, &mut self.exchanges.ordinals, side),
            Protocol::Http1(http) => http.finished(cx, &mut self.exchanges, at, side),
            Protocol::Http2(http) => http.finished(cx, &mut self.exchanges, side),
            Protocol::Undecided(sides) => {
                let (this, _) = this_and_that(sides, side);
                let name = recognise(&this.held).unwrap_or(Other::Unknown);
                this.taken_for.get_or_insert(name);
                this.give_up(cx, Class::Other(name), 0);
            }
        }
    }
}

impl Unknown {
    /// What was held, and `more` bytes at hand, turn out to be this; nothing is held any more.
    fn give_up<I: Inspection>(&mut self, cx: &mut Shared<I>, class: Class, more: usize) {
        cx.accounts.settle(class, self.held.len() + std::mem::take(&mut self.blank));
        cx.accounts.count(class, more);
        cx.pool.give(std::mem::take(&mut self.held));
        self.taken_for.get_or_insert(Other::Unknown);
    }
}

fn this_and_that(sides: &mut [Unknown; 2], side: Side) -> (&mut Unknown, &mut Unknown) {
    let [originator, responder] = sides;
    if side == Side::Originator { (originator, responder) } else { (responder, originator) }
}

impl<I> Protocol<I> {
    fn undecided() -> Self {
        Protocol::Undecided(Default::default())
    }
}

/// What a connection is for good, if that can be said: both sides were recognised.
fn settled(this: &Unknown, that: &Unknown) -> Option<Other> {
    match (this.taken_for?, that.taken_for) {
        (Other::Unknown, _) => None,
        (name, Some(_)) => Some(name),
        (_, None) => None,
    }
}
