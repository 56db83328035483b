//! A connection played to the HTTP parser, and what an inspection saw of it.

use std::collections::BTreeSet;

use spyhop_http::{
    Body, Connection, Defects, Exchange, Field, Half, HttpAccounts, Inspection, Limits, MessageEnd, RequestHead,
    ResponseHead, Shared,
};
use spyhop_model::{Connection as Facts, FlowId, FlowKey, Side, Socket, Timestamp, Vlans};

use crate::Input;

/// What happens on a connection.
#[derive(Clone, Debug)]
pub enum Op {
    /// A side sends octets, which arrive as one segment.
    Data(Side, Vec<u8>),
    /// Octets of a side are lost.
    Gap(Side, u64),
    /// A side sends no more.
    Finished(Side),
    /// A retransmission differed.
    Conflict,
}

/// Stands between operations.
const MARK: u8 = 0xff;

/// Operations are octets that a side sends, until a mark and a number say otherwise: insertions and deletions of a fuzzer
/// leave the rest as it was. The client begins.
pub fn read(input: &mut Input<'_>) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut side = Side::Originator;
    let mut bytes = Vec::new();
    while !input.is_empty() {
        let byte = input.byte();
        if byte != MARK {
            bytes.push(byte);
            continue;
        }
        let what = input.byte();
        if what == 6 {
            bytes.push(MARK);
            continue;
        }
        if !bytes.is_empty() {
            ops.push(Op::Data(side, std::mem::take(&mut bytes)));
        }
        match what {
            0 => side = Side::Originator,
            1 => side = Side::Responder,
            2 => ops.push(Op::Gap(side, 1 + u64::from(input.byte()))),
            3 => ops.push(Op::Finished(side)),
            4 => ops.push(Op::Conflict),
            // Another segment of the same side.
            _ => {}
        }
    }
    if !bytes.is_empty() {
        ops.push(Op::Data(side, bytes));
    }
    ops
}

/// What [`read`] reads.
pub fn write(ops: &[Op]) -> Vec<u8> {
    let mut out = Vec::new();
    let to = |out: &mut Vec<u8>, side: &Side| out.extend_from_slice(&[MARK, side.index() as u8]);
    for op in ops {
        match op {
            Op::Data(side, bytes) => {
                to(&mut out, side);
                for byte in bytes {
                    out.push(*byte);
                    if *byte == MARK {
                        out.push(6);
                    }
                }
            }
            Op::Gap(side, lost) => {
                to(&mut out, side);
                out.extend_from_slice(&[MARK, 2, (lost.clamp(&1, &256) - 1) as u8]);
            }
            Op::Finished(side) => {
                to(&mut out, side);
                out.extend_from_slice(&[MARK, 3]);
            }
            Op::Conflict => out.extend_from_slice(&[MARK, 4]),
        }
    }
    out
}

/// How the octets of a segment come.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// As one slice.
    Whole,
    /// In slices of so many octets.
    Every(usize),
    /// In slices of 1 to 32 octets, drawn from this seed.
    Random(u64),
}

impl Cut {
    /// One for each number.
    pub fn of(number: u8) -> Cut {
        match number {
            0..=3 => Cut::Every(1 + usize::from(number)),
            _ => Cut::Random(u64::from(number)),
        }
    }

    /// The length of the next slice, where `left` octets are left.
    pub fn next(&mut self, left: usize) -> usize {
        let len = match self {
            Cut::Whole => left,
            Cut::Every(len) => *len,
            Cut::Random(state) => {
                *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                1 + (*state >> 59) as usize
            }
        };
        len.clamp(1, left)
    }
}

/// What was seen of one body: how much, and a hash of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Octets.
    pub len: u64,
    /// See [`Content::of`].
    pub hash: u64,
}

impl Content {
    /// Of these octets.
    pub fn of(bytes: &[u8]) -> Content {
        let mut content = Content::default();
        content.add(bytes);
        content
    }

    fn add(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(5);
        }
    }
}

/// What was seen of one exchange, without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its request head, parts and fields one after the other.
    pub request: Option<Vec<u8>>,
    /// Its response head.
    pub response: Option<Vec<u8>>,
    /// What stands about the bodies.
    pub facts: [Option<Body>; 2],
    /// The bodies of request and response.
    pub bodies: [Content; 2],
    /// Fields behind them.
    pub trailers: [Content; 2],
    /// Interim answers.
    pub interim: u32,
    /// What was odd.
    pub defects: Defects,
}

/// What was seen of one message beside the bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// What stands about it.
    pub end: MessageEnd,
    /// What it said.
    pub content: Content,
}

/// All that was seen of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Exchanges in the order of their ends.
    pub seen: Vec<Seen>,
    /// Messages in the order of their ends.
    pub messages: Vec<Message>,
    /// The numbers of both.
    ordinals: BTreeSet<u32>,
}

impl Log {
    fn number(&mut self, ordinal: u32) {
        assert!(self.ordinals.insert(ordinal), "{ordinal} stands twice");
    }
}

/// An inspection that writes down what it is told, and holds the parser to the rules of [`Inspection`].
pub struct Witness {
    request: Option<Vec<u8>>,
    response: Option<Vec<u8>>,
    bodies: [Content; 2],
    calls: [u32; 2],
    ended: [bool; 2],
    trailers: [Content; 2],
    messages: [Content; 2],
    told: [u64; 2],
}

impl Inspection for Witness {
    type Context = Log;

    fn begin(_: &mut Log, _: &Facts, _: Timestamp) -> Witness {
        Witness {
            request: None,
            response: None,
            bodies: Default::default(),
            calls: [0; 2],
            ended: [false; 2],
            trailers: Default::default(),
            messages: Default::default(),
            told: [0; 2],
        }
    }

    fn request(&mut self, _: &mut Log, head: &RequestHead<'_>) {
        assert!(self.request.is_none(), "a second request head");
        self.request = Some(request(head));
    }

    fn response(&mut self, _: &mut Log, head: &ResponseHead<'_>) {
        assert!(self.response.is_none(), "a second response head");
        let mut text = head.status.to_be_bytes().to_vec();
        fields(&mut text, head.fields);
        text.extend_from_slice(&[head.version.0, head.version.1]);
        self.response = Some(text);
    }

    fn body(&mut self, _: &mut Log, half: Half, bytes: &[u8], last: bool) {
        let half = half as usize;
        assert!(!self.ended[half], "bytes behind the last");
        assert!(self.calls[half] > 0 || !bytes.is_empty(), "a call for a body without bytes");
        self.bodies[half].add(bytes);
        self.calls[half] += 1;
        self.ended[half] = last;
    }

    fn trailers(&mut self, _: &mut Log, half: Half, trailers: &[Field<'_>]) {
        let mut text = Vec::new();
        fields(&mut text, trailers);
        self.trailers[half as usize].add(&text);
    }

    fn message(&mut self, _: &mut Log, half: Half, bytes: &[u8]) {
        self.messages[half as usize].add(bytes);
    }

    fn message_end(&mut self, log: &mut Log, end: &MessageEnd) {
        let half = end.half as usize;
        let content = std::mem::take(&mut self.messages[half]);
        assert_eq!(content.len, end.body.decoded_len, "{end:?}");
        // One without content is not told, and the first of gRPC is the body.
        assert!(end.number >= self.told[half], "{end:?}");
        assert!(end.began_at <= end.completed_at, "{end:?}");
        self.told[half] = end.number + 1;
        log.number(end.ordinal);
        log.messages.push(Message { end: *end, content });
    }

    fn again(&self, log: &mut Log, connection: &Facts, at: Timestamp) -> Witness {
        Witness { request: self.request.clone(), ..Witness::begin(log, connection, at) }
    }

    fn end(self, log: &mut Log, exchange: &Exchange) {
        log.number(exchange.ordinal);
        assert!(exchange.completed_at >= exchange.ended_at && exchange.ended_at >= exchange.began_at, "{exchange:?}");
        let facts = [exchange.request, exchange.response];
        let heads = [&self.request, &self.response];
        for half in 0..2 {
            assert_eq!(facts[half].is_some(), heads[half].is_some(), "{exchange:?}");
            assert!(self.ended[half] || self.calls[half] == 0, "a body whose last piece was not marked");
            // What carries messages is told as those.
            let carries = self.calls[half] == 0 && heads.into_iter().flatten().any(|head| carries_messages(head));
            let told = facts[half].unwrap_or_default().decoded_len;
            assert!(told == self.bodies[half].len || carries, "{exchange:?}, told {:?}", self.bodies);
        }
        log.seen.push(Seen {
            request: self.request,
            response: self.response,
            facts,
            bodies: self.bodies,
            trailers: self.trailers,
            interim: exchange.interim,
            defects: exchange.defects,
        });
    }
}

/// A request head as [`Seen`] has it.
pub fn request(head: &RequestHead<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    for part in [head.method, head.target] {
        text.extend_from_slice(part);
        text.push(0);
    }
    fields(&mut text, head.fields);
    text.extend_from_slice(&[head.version.0, head.version.1]);
    text
}

fn carries_messages(head: &[u8]) -> bool {
    let has = |name: &[u8]| head.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name));
    has(b"event-stream") || has(b"grpc")
}

fn fields(text: &mut Vec<u8>, fields: &[Field<'_>]) {
    for part in fields.iter().flat_map(|field| [field.name, field.value]) {
        text.extend_from_slice(part);
        text.push(0);
    }
}

/// Plays a connection with its octets cut in some way: what was seen, and the accounts.
pub fn play(limits: Limits, ops: &[Op], cut: Cut) -> (Log, HttpAccounts) {
    let (log, accounts) = play_to::<Witness>(limits, Log::default(), ops, cut);
    assert_eq!(accounts.exchanges as usize, log.seen.len());
    let last = log.ordinals.last().map_or(0, |last| *last as usize + 1);
    assert_eq!(log.ordinals.len(), last, "numbers were left out");
    (log, accounts)
}

/// As [`play`], to any inspection. The accounts add up at every moment.
pub fn play_to<I: Inspection>(
    limits: Limits,
    told: I::Context,
    ops: &[Op],
    mut cut: Cut,
) -> (I::Context, HttpAccounts) {
    let (originator, responder) = (socket(1, 40_000), socket(2, 80));
    let (key, _) = FlowKey::of(originator, responder, Vlans::default());
    let facts = Facts { id: FlowId(1), key, originator, responder, started: Timestamp(0), midstream: false };
    let mut cx = Shared::<I>::new(limits, told);
    let mut connection = Connection::open(&mut cx, &facts);
    let mut at = Timestamp(0);
    let mut finished = [false; 2];
    for op in ops {
        at = Timestamp(at.0 + 1);
        // A side that sends no more sends no more.
        match op {
            Op::Data(side, _) | Op::Gap(side, _) if finished[side.index()] => continue,
            Op::Finished(side) if std::mem::replace(&mut finished[side.index()], true) => continue,
            _ => {}
        }
        match op {
            Op::Data(side, bytes) => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let (some, behind) = rest.split_at(cut.next(rest.len()));
                    connection.data(&mut cx, at, *side, some);
                    assert!(cx.accounts.add_up(), "{:?}", cx.accounts);
                    rest = behind;
                }
            }
            Op::Gap(side, lost) => connection.gap(&mut cx, at, *side, *lost),
            Op::Finished(side) => connection.finished(&mut cx, at, *side),
            Op::Conflict => connection.conflict(),
        }
        assert!(cx.accounts.add_up(), "after {op:?}: {:?}", cx.accounts);
    }
    connection.end(&mut cx, Timestamp(at.0 + 1));
    assert!(cx.accounts.add_up() && cx.accounts.held == 0, "{:?}", cx.accounts);
    (cx.inspect, cx.accounts)
}

fn socket(host: u8, port: u16) -> Socket {
    Socket { ip: [10, 0, 0, host].into(), port }
}
