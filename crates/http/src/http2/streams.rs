//! The streams of a connection, each an exchange (RFC 9113, sections 5 and 8).
//!
//! A stream's number pairs its request with its response. What decides when its exchange is over: both halves ended, or
//! one that was reset, or a response to a request that is known not to come. What comes for it afterwards (frames that
//! were under way when it was reset) is passed over and begins nothing new.

use std::collections::{BTreeMap, VecDeque};

use spyhop_model::{Protocol, Side, Timestamp};

use super::head::Head;
use super::passage::Passage;
use crate::connection::Shared;
use crate::delivery::Delivery;
use crate::exchange::{Ordinals, REQUEST, RESPONSE, Recipient, Running, index};
use crate::head::{RequestHead, ResponseHead, field};
use crate::http1::pairing::Exchanges;
use crate::inspection::{Defects, Half, Inspection, Truncation};
use crate::message::channel::Channel;
use crate::message::websocket::DeflateParameters;

/// Streams that ended early, remembered so that what was under way for them begins nothing.
const REMEMBERED: usize = 64;
/// How often a server may say on one connection that it takes no more streams; two are usual.
const REFUSALS: u8 = 16;
/// Requests taken back without an answer, beyond which it is an attack: people's browsers take back some dozens at once.
const FLOOD: u32 = 200;
/// What HTTP/2 calls its version.
const VERSION: (u8, u8) = (2, 0);

/// The streams that are not over yet.
pub(super) struct Streams<I> {
    open: BTreeMap<u32, Box<Stream<I>>>,
    /// What goes on along streams that are over as exchanges.
    passages: BTreeMap<u32, Passage<I>>,
    /// Streams that ended early, latest last.
    ended: VecDeque<u32>,
    /// The highest stream that the client has opened.
    pub(super) highest: u32,
    /// Requests may have been opened that were not seen.
    unseen: bool,
    /// Something of the client was seen.
    pub(super) client_seen: bool,
    refusals: u8,
    /// Requests that the client reset before they were answered; an answer forgives half of them.
    taken_back: u32,
}

struct Stream<I> {
    running: Running<I>,
    bodies: [Delivery; 2],
    /// The content's length that the head declares.
    declared: [Option<u64>; 2],
    /// The inspection was told that the body is over.
    told: [bool; 2],
    /// Frames were lost that may have been of this half.
    uncertain: [bool; 2],
    /// A loss was told, and nothing came since.
    hole: [bool; 2],
    /// What the request asks for besides an answer.
    asks_for: Asked,
}

/// What a CONNECT asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    WebSocket,
    Tunnel,
}

/// Where bytes of a stream went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    Body,
    /// To a WebSocket or a tunnel, which has counted them.
    Passage,
    /// The stream is over, or its head was not seen.
    Nowhere,
}

/// One stream as the place where its bodies go.
struct Of<'a, I> {
    running: &'a mut Running<I>,
    ordinals: &'a mut Ordinals,
}

impl<I: Inspection> Recipient<I> for Of<'_, I> {
    fn running(&mut self, _half: Half) -> Option<&mut Running<I>> {
        Some(self.running)
    }

    fn numbered(&mut self, _half: Half) -> Option<(&mut Running<I>, &mut Ordinals)> {
        Some((self.running, self.ordinals))
    }
}

impl<I: Inspection> Stream<I> {
    fn new(mut running: Running<I>, client: Side, stream: u32) -> Self {
        running.client = client;
        running.protocol = Protocol::Http2;
        running.stream = Some(stream);
        Stream {
            running,
            bodies: Default::default(),
            declared: [None; 2],
            told: [false; 2],
            uncertain: [false; 2],
            hole: [false; 2],
            asks_for: Asked::Nothing,
        }
    }

    /// Whether the head of a half was seen and its end was not.
    fn is_passing(&self, half: Half) -> bool {
        self.running.bodies[index(half)].is_some() && !self.running.done[index(half)]
    }

    /// The half is over.
    fn complete(&mut self, cx: &mut Shared<I>, ordinals: &mut Ordinals, half: Half, at: Timestamp) {
        if !self.is_passing(half) {
            return;
        }
        self.finish_body(cx, ordinals, half);
        let Stream { running, declared, .. } = self;
        let body = running.bodies[index(half)].unwrap_or_default();
        // A response to HEAD declares the length of what it does not send.
        let may_lack = half == Half::Response && body.encoded_len == 0;
        let differs = declared[index(half)].is_some_and(|length| length != body.encoded_len);
        if differs && !may_lack && body.truncated.is_none() {
            running.defects.add(Defects::BAD_LENGTH);
        }
        running.complete(half, at);
        if running.duplex {
            running.defects.0 &= !Defects::EARLY_RESPONSE;
        }
    }

    /// Nothing of the body follows.
    fn finish_body(&mut self, cx: &mut Shared<I>, ordinals: &mut Ordinals, half: Half) {
        let Stream { running, bodies, told, .. } = self;
        if !std::mem::replace(&mut told[index(half)], true) {
            bodies[index(half)].finish(cx, &mut Of { running, ordinals }, half);
        }
    }

    /// The half is over before its end was seen.
    fn cut(&mut self, cx: &mut Shared<I>, ordinals: &mut Ordinals, half: Half) {
        if self.is_passing(half) {
            let why = if self.uncertain[index(half)] { Truncation::Gap } else { Truncation::Incomplete };
            self.running.truncate(half, why);
            let last_at = self.running.last_at[index(half)];
            self.complete(cx, ordinals, half, last_at);
        }
    }
}

impl<I: Inspection> Streams<I> {
    /// `unseen`: the connection's beginning was not seen.
    pub(super) fn new(unseen: bool) -> Self {
        Streams {
            open: BTreeMap::new(),
            passages: BTreeMap::new(),
            ended: VecDeque::new(),
            highest: 0,
            unseen,
            client_seen: false,
            refusals: 0,
            taken_back: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether a half of that stream is being read.
    pub(super) fn is_passing(&self, half: Half, stream: u32) -> bool {
        self.open.get(&stream).is_some_and(|stream| stream.is_passing(half))
    }

    /// Whether that stream is not over.
    pub(super) fn has(&self, stream: u32) -> bool {
        self.open.contains_key(&stream)
    }

    /// Adds an exchange; if there are too many, the oldest is ended.
    fn open(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        stream: u32,
        running: Running<I>,
    ) -> &mut Stream<I> {
        let crowded = cx.open.count() > cx.limits.exchanges;
        let most = if crowded { 1 } else { cx.limits.streams.max(1) };
        while self.open.len() >= most
            && let Some(oldest) = self.open.keys().next().copied()
        {
            if crowded {
                cx.accounts.exchanges_over_limit += 1;
            } else {
                cx.accounts.streams_over_limit += 1;
            }
            self.end_early(cx, exchanges, oldest);
        }
        let client = exchanges.client;
        self.open.entry(stream).or_insert_with(|| Box::new(Stream::new(running, client, stream)))
    }

    /// Stream 1 answers the request that asked for the upgrade (RFC 7540, section 3.2).
    pub(super) fn open_upgraded(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, inspection: I) {
        let now = cx.now;
        let mut running = Running::with(inspection, &mut exchanges.ordinals, now);
        if exchanges.connection.midstream {
            running.defects.add(Defects::MIDSTREAM);
        }
        // Of the server alone, only the answers are seen.
        if exchanges.begun() > 0 {
            running.bodies[REQUEST] = Some(Default::default());
            (self.highest, self.client_seen) = (1, true);
        }
        running.done[REQUEST] = true;
        self.open(cx, exchanges, 1, running);
    }

    fn begin(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        stream: u32,
        began_at: Timestamp,
    ) -> &mut Stream<I> {
        let connection = exchanges.connection;
        let mut running = Running::begin(cx, &connection, &mut exchanges.ordinals, began_at);
        running.passed_on(exchanges.proxied.as_deref());
        self.open(cx, exchanges, stream, running)
    }

    /// A header block that the client sent is whole, or as whole as it will be.
    pub(super) fn client_head(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        stream: u32,
        began_at: Timestamp,
        head: &Head<'_>,
    ) {
        // Without a field that only requests have it may also be the trailers of a stream that began unseen.
        let new = stream > self.highest && (!self.unseen || (self.highest > 0 && head.unknown > 0));
        if head.is_request() || new {
            self.highest = self.highest.max(stream);
        }
        match self.open.get_mut(&stream) {
            Some(known) if known.running.bodies[REQUEST].is_some() => {
                if known.is_passing(Half::Request) {
                    self.trailers(cx, exchanges, Half::Request, stream, head);
                } else {
                    cx.accounts.late_heads += 1;
                }
            }
            // The answer was delivered first.
            Some(_) => self.request(cx, stream, began_at, head),
            None if head.is_request() || new => {
                self.begin(cx, exchanges, stream, began_at);
                self.request(cx, stream, began_at, head);
            }
            // Trailers of a stream that is over, or whose beginning was not seen.
            None => cx.accounts.late_heads += 1,
        }
    }

    fn request(&mut self, cx: &mut Shared<I>, stream: u32, began_at: Timestamp, head: &Head<'_>) {
        let Some(of) = self.open.get_mut(&stream) else { return };
        cx.accounts.fields_over_limit += head.dropped;
        let method = head.method.unwrap_or_default();
        let sound = head.unknown > 0 || (!method.is_empty() && !head.target().is_empty());
        of.running.defects.add(head.defects | if sound { 0 } else { Defects::ODD_START_LINE });
        of.declared[REQUEST] = head.length;
        let grpc = |media: &[u8]| media.get(..16).is_some_and(|name| name.eq_ignore_ascii_case(b"application/grpc"));
        of.asks_for = match head.protocol {
            Some(name) if name.eq_ignore_ascii_case(b"websocket") => Asked::WebSocket,
            None if method == b"CONNECT" => Asked::Tunnel,
            _ => Asked::Nothing,
        };
        of.running.duplex = method == b"CONNECT" || field(head.fields, "content-type").is_some_and(grpc);
        of.bodies[REQUEST].begin(cx, &head.codings);
        let shown = RequestHead { method, target: head.target(), version: VERSION, fields: head.fields };
        of.running.request(cx, began_at, &shown);
        of.running.last_at[REQUEST] = cx.now;
    }

    /// A header block that the server sent is whole, or as whole as it will be.
    pub(super) fn server_head(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        stream: u32,
        began_at: Timestamp,
        head: &Head<'_>,
    ) {
        let interim = head.status.is_some_and(|status| (100..200).contains(&status) && status != 101);
        let over = self.is_over(stream);
        match self.open.get_mut(&stream) {
            Some(known) if known.running.bodies[RESPONSE].is_some() => {
                if known.is_passing(Half::Response) {
                    self.trailers(cx, exchanges, Half::Response, stream, head);
                } else {
                    cx.accounts.late_heads += 1;
                }
            }
            Some(known) if interim => {
                cx.accounts.interim += 1;
                known.running.interim += 1;
            }
            Some(_) => {
                self.taken_back /= 2;
                self.response(cx, exchanges, stream, began_at, head);
            }
            None if head.status.is_none() || interim || over => cx.accounts.late_heads += 1,
            None => {
                self.begin(cx, exchanges, stream, began_at);
                self.response(cx, exchanges, stream, began_at, head);
            }
        }
    }

    /// Whether that stream was open once: what comes for it now was under way when it ended.
    fn is_over(&self, stream: u32) -> bool {
        let pushed = stream.is_multiple_of(2);
        self.ended.contains(&stream)
            || self.passages.contains_key(&stream)
            || (!self.unseen && !pushed && stream <= self.highest)
    }

    fn response(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        stream: u32,
        began_at: Timestamp,
        head: &Head<'_>,
    ) {
        let Some(of) = self.open.get_mut(&stream) else { return };
        cx.accounts.fields_over_limit += head.dropped;
        let sound = head.unknown > 0 || head.status.is_some();
        of.running.defects.add(head.defects | if sound { 0 } else { Defects::ODD_START_LINE });
        of.declared[RESPONSE] = head.length;
        of.bodies[RESPONSE].begin(cx, &head.codings);
        let shown = ResponseHead { status: head.status.unwrap_or(0), version: VERSION, fields: head.fields };
        of.running.response(cx, began_at, &shown);
        of.running.last_at[RESPONSE] = cx.now;
        if !(200..300).contains(&shown.status) {
            return;
        }
        let passage = match of.asks_for {
            Asked::Nothing => None,
            Asked::Tunnel => Passage::tunnel(cx, exchanges),
            Asked::WebSocket => {
                let deflate = field(head.fields, "sec-websocket-extensions").and_then(DeflateParameters::parse);
                let inspection = of.running.inspection.again(&mut cx.inspect, &exchanges.connection, cx.now);
                // It goes under the number of its exchange, and takes none of its own.
                let mut running = Running::channel(cx, inspection, of.running.ordinal, exchanges.client, cx.now);
                running.defects.add(of.running.defects.0 & Defects::MIDSTREAM);
                (running.protocol, running.stream) = (Protocol::Http2, Some(stream));
                Some(Passage::WebSocket(Box::new(Channel::new(exchanges.client, deflate, running))))
            }
        };
        if let Some(passage) = passage {
            self.open_passage(cx, exchanges, stream, passage);
        }
    }

    /// What follows on that stream goes there: its exchange is over.
    fn open_passage(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, stream: u32, passage: Passage<I>) {
        let most = if cx.open.count() > cx.limits.exchanges { 1 } else { cx.limits.streams.max(1) };
        while self.passages.len() >= most
            && let Some(oldest) = self.passages.keys().next().copied()
        {
            cx.accounts.streams_over_limit += 1;
            self.close_passage(cx, exchanges, oldest);
        }
        self.complete(cx, exchanges, Half::Request, stream);
        self.complete(cx, exchanges, Half::Response, stream);
        self.passages.insert(stream, passage);
    }

    fn close_passage(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, stream: u32) {
        if let Some(passage) = self.passages.remove(&stream) {
            passage.close(cx, exchanges);
        }
    }

    /// The server announces a stream and the request that it answers there (RFC 9113, section 8.4).
    pub(super) fn promise(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        promised: u32,
        began_at: Timestamp,
        head: &Head<'_>,
    ) {
        if promised == 0 || !promised.is_multiple_of(2) || self.has(promised) {
            cx.accounts.late_heads += 1;
            return;
        }
        self.begin(cx, exchanges, promised, began_at);
        self.request(cx, promised, began_at, head);
        self.complete(cx, exchanges, Half::Request, promised);
    }

    /// Fields behind a body. They end their half, whether they say so or not.
    fn trailers(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, half: Half, stream: u32, head: &Head<'_>) {
        let Some(of) = self.open.get_mut(&stream) else { return };
        cx.accounts.fields_over_limit += head.dropped;
        let odd = head.is_request() || head.status.is_some();
        of.running.defects.add(head.defects | if odd { Defects::BAD_HEADER } else { 0 });
        of.finish_body(cx, &mut exchanges.ordinals, half);
        of.running.inspection.trailers(&mut cx.inspect, half, head.fields);
        self.complete(cx, exchanges, half, stream);
    }

    /// The next bytes of a body; where they went.
    pub(super) fn data(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        half: Half,
        stream: u32,
        bytes: &[u8],
    ) -> Went {
        if let Some(passage) = self.passages.get_mut(&stream) {
            passage.data(cx, exchanges, side(exchanges.client, half), bytes);
            return Went::Passage;
        }
        let Some(of) = self.open.get_mut(&stream).filter(|of| of.is_passing(half)) else { return Went::Nowhere };
        of.running.last_at[index(half)] = cx.now;
        of.hole[index(half)] = false;
        if !bytes.is_empty() {
            let Stream { running, bodies, .. } = &mut **of;
            let mut to = Of { running, ordinals: &mut exchanges.ordinals };
            bodies[index(half)].data(cx, &mut to, half, bytes, false);
        }
        Went::Body
    }

    /// `lost` bytes of a body were not seen.
    pub(super) fn gap(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, half: Half, stream: u32, lost: u64) {
        if let Some(passage) = self.passages.get_mut(&stream) {
            passage.gap(cx, exchanges, side(exchanges.client, half), lost);
        }
        if let Some(of) = self.open.get_mut(&stream).filter(|of| of.is_passing(half)) {
            let Stream { running, bodies, .. } = &mut **of;
            let mut to = Of { running, ordinals: &mut exchanges.ordinals };
            bodies[index(half)].gap(cx, &mut to, half, lost);
        }
    }

    /// Whole frames of a side were lost: what they were, and of which streams, is not known.
    pub(super) fn lost(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, half: Half) {
        self.unseen = true;
        for passage in self.passages.values_mut() {
            passage.lost(cx, exchanges, side(exchanges.client, half));
        }
        for of in self.open.values_mut() {
            // Told once, however many losses follow each other.
            if of.is_passing(half) && !std::mem::replace(&mut of.hole[index(half)], true) {
                of.uncertain[index(half)] = true;
                let Stream { running, bodies, .. } = &mut **of;
                let mut to = Of { running, ordinals: &mut exchanges.ordinals };
                bodies[index(half)].lost(cx, &mut to, half);
            }
        }
    }

    /// A half of a stream has ended.
    pub(super) fn complete(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, half: Half, stream: u32) {
        let now = cx.now;
        let Some(of) = self.open.get_mut(&stream) else {
            if let Some(passage) = self.passages.get_mut(&stream) {
                passage.finished(cx, exchanges, side(exchanges.client, half));
            }
            return;
        };
        of.complete(cx, &mut exchanges.ordinals, half, now);
        let done = of.running.done;
        let no_request = match of.running.bodies[REQUEST] {
            // It may yet be delivered, where the client's side is behind.
            None => !self.client_seen || self.unseen || stream <= self.highest || stream.is_multiple_of(2),
            Some(_) => of.uncertain[REQUEST],
        };
        if done[RESPONSE] && (done[REQUEST] || no_request) {
            self.end(cx, exchanges, stream);
        }
    }

    /// The stream was reset: it is over, as it is.
    pub(super) fn reset(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, half: Half, stream: u32) {
        if let Some(of) = self.open.get(&stream) {
            cx.accounts.resets += 1;
            if half == Half::Request && of.running.bodies[RESPONSE].is_none() {
                self.taken_back = self.taken_back.saturating_add(1);
            }
            self.end_early(cx, exchanges, stream);
        }
        self.close_passage(cx, exchanges, stream);
    }

    /// The client takes its requests back as fast as it makes them (CVE-2023-44487, "rapid reset").
    pub(super) fn is_flooded(&self) -> bool {
        self.taken_back >= FLOOD
    }

    /// A request that is reset at once, one of very many: it is counted and not reported. `false` if its stream is known.
    pub(super) fn pass_over(&mut self, cx: &mut Shared<I>, stream: u32) -> bool {
        if stream <= self.highest || stream.is_multiple_of(2) || self.unseen {
            return false;
        }
        self.highest = stream;
        self.client_seen = true;
        if self.ended.len() >= REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(stream);
        cx.accounts.requests_passed_over += 1;
        true
    }

    /// The server will not look at the requests past this stream (RFC 9113, section 6.8).
    pub(super) fn refuse(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, last: u32) {
        if self.refusals >= REFUSALS {
            return;
        }
        self.refusals += 1;
        let waits = |of: &Stream<I>| of.running.bodies[REQUEST].is_some() && of.running.bodies[RESPONSE].is_none();
        let over: Vec<u32> = self
            .open
            .range(last.saturating_add(1)..)
            .filter(|(stream, of)| !stream.is_multiple_of(2) && waits(of))
            .map(|(stream, _)| *stream)
            .collect();
        for stream in over {
            self.end_early(cx, exchanges, stream);
        }
    }

    /// A side sends no more.
    pub(super) fn finished(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, half: Half) {
        let mut over = Vec::new();
        for (stream, of) in &mut self.open {
            of.cut(cx, &mut exchanges.ordinals, half);
            let [request, response] = of.running.done;
            // A server that sends no more answers nothing any more.
            if (response || half == Half::Response) && (request || of.running.bodies[REQUEST].is_none()) {
                over.push(*stream);
            }
        }
        for stream in over {
            self.end(cx, exchanges, stream);
        }
        for passage in self.passages.values_mut() {
            passage.finished(cx, exchanges, side(exchanges.client, half));
        }
    }

    /// Ends everything, in order.
    pub(super) fn finish(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>) {
        while let Some(stream) = self.open.keys().next().copied() {
            self.end(cx, exchanges, stream);
        }
        while let Some(stream) = self.passages.keys().next().copied() {
            self.close_passage(cx, exchanges, stream);
        }
    }

    fn end_early(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, stream: u32) {
        if self.ended.len() >= REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(stream);
        self.end(cx, exchanges, stream);
    }

    fn end(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, stream: u32) {
        let Some(mut of) = self.open.remove(&stream) else { return };
        for half in [Half::Request, Half::Response] {
            of.cut(cx, &mut exchanges.ordinals, half);
        }
        let mut running = of.running;
        if exchanges.conflict {
            running.defects.add(Defects::CONFLICTING_DATA);
        }
        let now = cx.now;
        running.end(cx, exchanges.client, now);
    }
}

/// Who sends that half.
fn side(client: Side, half: Half) -> Side {
    if half == Half::Request { client } else { client.other() }
}
