//! From frames to exchanges, as the program reads them: decoding, reassembly, HTTP.

use spyhop_http::{Exchange, Half, HttpAccounts, Inspection, RequestHead, ResponseHead, Shared};
use spyhop_model::{Connection, Side, Timestamp};
use spyhop_stream::{
    DecodeAccounts, DecodeLimits, Decoder, End, LinkType, Oddity, Packet, StreamAccounts, StreamReader,
};
use spyhop_stream::{Segment, Skip, Streams};
use spyhop_testkit::{Capture, Frame};

/// What was read, and every account of it.
#[derive(Debug, Default)]
pub struct Read {
    /// Exchanges by connection and number: see [`text`].
    pub exchanges: Vec<String>,
    pub decode: DecodeAccounts,
    pub streams: StreamAccounts,
    pub http: HttpAccounts,
    /// The most that reassembly held at any time, in octets.
    pub held: usize,
}

/// What is compared of an exchange.
pub fn text(who: &str, request: &str, sent: &Digest, answer: &str, got: &Digest, besides: &str) -> String {
    format!("{who} {request} {sent} -> {answer} {got}{besides}")
}

/// A body's length and a hash of it.
#[derive(Clone, Copy, Debug)]
pub struct Digest {
    len: u64,
    hash: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Digest { len: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Digest {
    pub fn of(bytes: &[u8]) -> Digest {
        let mut digest = Digest::default();
        digest.add(bytes);
        digest
    }
    /// Of octets that nobody looked at.
    pub fn unread(len: u64) -> Digest {
        Digest { len, ..Digest::default() }
    }

    /// FNV-1a.
    fn add(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        for octet in bytes {
            self.hash = (self.hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "[{}:{:x}]", self.len, self.hash & 0xffff)
    }
}

/// The connection's ends, the smaller one first, whoever opened it.
pub fn ends(a: std::net::SocketAddr, b: std::net::SocketAddr) -> String {
    format!("{}={}", a.min(b), a.max(b))
}

#[derive(Default)]
struct Seen {
    who: String,
    request: String,
    response: String,
    bodies: [Digest; 2],
}

/// What inspections share.
#[derive(Default)]
struct Notes {
    /// Connection, number and text of exchanges.
    told: Vec<(String, u32, String)>,
    /// Of bodies, only lengths: gigabytes take too long to hash.
    lengths: bool,
}

impl Inspection for Seen {
    type Context = Notes;

    fn begin(_: &mut Self::Context, connection: &Connection, _: Timestamp) -> Self {
        let end = |socket: spyhop_model::Socket| std::net::SocketAddr::new(socket.ip, socket.port);
        Seen { who: ends(end(connection.originator), end(connection.responder)), ..Seen::default() }
    }
    fn request(&mut self, _: &mut Self::Context, head: &RequestHead<'_>) {
        self.request = format!("{} {}", head.method.escape_ascii(), head.target.escape_ascii());
    }
    fn response(&mut self, _: &mut Self::Context, head: &ResponseHead<'_>) {
        self.response = head.status.to_string();
    }
    fn body(&mut self, notes: &mut Notes, half: Half, bytes: &[u8], _last: bool) {
        let digest = &mut self.bodies[half as usize];
        if notes.lengths { digest.len += bytes.len() as u64 } else { digest.add(bytes) }
    }
    fn end(self, notes: &mut Notes, exchange: &Exchange) {
        let mut besides = String::new();
        for (name, body) in [("request", exchange.request), ("response", exchange.response)] {
            match body {
                Some(body) if body.truncated.is_some() || body.gap > 0 => {
                    besides += &format!(" {name} {:?} gap {}", body.truncated, body.gap);
                }
                Some(_) => {}
                None => besides += &format!(" no {name}"),
            }
        }
        if exchange.interim > 0 {
            besides += &format!(" interim {}", exchange.interim);
        }
        exchange.defects.names().for_each(|name| besides = format!("{besides} {name}"));
        let [sent, got] = &self.bodies;
        let told = text(&self.who, &self.request, sent, &self.response, got, &besides);
        notes.told.push((self.who, exchange.ordinal, told));
    }
}

struct Reader(spyhop_http::Connection<Seen>);

impl StreamReader for Reader {
    type Context = Shared<Seen>;

    fn open(cx: &mut Self::Context, connection: &Connection) -> Self {
        Reader(spyhop_http::Connection::open(cx, connection))
    }
    fn data(&mut self, cx: &mut Self::Context, at: Timestamp, side: Side, bytes: &[u8]) {
        self.0.data(cx, at, side, bytes);
    }
    fn gap(&mut self, cx: &mut Self::Context, at: Timestamp, side: Side, lost: u64) {
        self.0.gap(cx, at, side, lost);
    }
    fn oddity(&mut self, _cx: &mut Self::Context, _at: Timestamp, _side: Side, what: Oddity) {
        match what {
            Oddity::Conflict => self.0.conflict(),
            Oddity::Urgent => {}
        }
    }
    fn finished(&mut self, cx: &mut Self::Context, at: Timestamp, side: Side) {
        self.0.finished(cx, at, side);
    }
    fn end(self, cx: &mut Self::Context, at: Timestamp, _why: End) {
        self.0.end(cx, at);
    }
}

/// Everything from segments on.
pub struct Sensor {
    streams: Streams<Reader>,
    shared: Shared<Seen>,
    last: Timestamp,
    held: usize,
}

impl Sensor {
    pub fn new(limits: spyhop_stream::Limits) -> Sensor {
        let shared = Shared::new(spyhop_http::Limits::default(), Notes::default());
        Sensor { streams: Streams::new(limits), shared, last: Timestamp(0), held: 0 }
    }

    /// Of bodies, tells only lengths.
    pub fn lengths(mut self) -> Sensor {
        self.shared.inspect.lengths = true;
        self
    }

    pub fn segment(&mut self, segment: &Segment<'_>) {
        self.streams.segment(&mut self.shared, segment);
        self.last = segment.at;
        self.held = self.held.max(self.streams.held_bytes());
    }

    pub fn finish(mut self) -> Read {
        self.streams.finish(&mut self.shared, self.last);
        let streams = self.streams.accounts();
        let http = self.shared.accounts.clone();
        assert!(streams.balance(), "{streams:?}");
        assert!(http.add_up(), "{http:?}");
        assert_eq!((self.streams.held_bytes(), self.streams.open_connections()), (0, 0));
        let mut told = self.shared.inspect.told;
        told.sort();
        let exchanges = told.into_iter().map(|(_, _, text)| text).collect();
        Read { exchanges, decode: DecodeAccounts::default(), streams, http, held: self.held }
    }
}

/// Reads a capture.
pub fn read(capture: &Capture) -> Read {
    read_with(capture, spyhop_stream::Limits::default())
}

pub fn read_with(capture: &Capture, limits: spyhop_stream::Limits) -> Read {
    let mut decoder = Decoder::new(DecodeLimits { verify_checksums: true, ..DecodeLimits::default() });
    let mut sensor = Sensor::new(limits);
    for frame in &capture.frames {
        if let Ok(decoded) = decoder.decode(&packet(frame)) {
            sensor.segment(&decoded.segment());
        }
    }
    let decode = decoder.accounts();
    assert!(decode.balance(), "{decode:?}");
    Read { decode, ..sensor.finish() }
}

pub fn packet(frame: &Frame) -> Packet<'_> {
    Packet {
        at: frame.at,
        interface: frame.port,
        link: LinkType(frame.link.number()),
        data: &frame.bytes,
        wire_len: frame.wire_len,
    }
}

impl Read {
    /// Asserts that these exchanges were read, and no others.
    #[track_caller]
    pub fn check(&self, truth: &[String], what: &str) {
        if let Err(difference) = self.compare(truth) {
            panic!("{what}\n{difference}");
        }
    }

    /// Where what was read differs from what was said.
    pub fn compare(&self, truth: &[String]) -> Result<(), String> {
        if self.exchanges == truth {
            return Ok(());
        }
        let missing: Vec<&String> = truth.iter().filter(|line| !self.exchanges.contains(line)).collect();
        let invented: Vec<&String> = self.exchanges.iter().filter(|line| !truth.contains(line)).collect();
        let streams: Vec<(&str, u64)> = self.streams.iter().filter(|(_, count)| *count > 0).collect();
        let decode: Vec<(&str, u64)> = self.decode.iter().filter(|(_, count)| *count > 0).collect();
        let skipped = Skip::ALL.iter().map(|skip| (skip.name(), self.decode.of(*skip).packets));
        let skipped: Vec<(&str, u64)> = skipped.filter(|(_, count)| *count > 0).collect();
        Err(format!(
            "missing {missing:#?}\ninvented {invented:#?}\n{decode:?}\nskipped {skipped:?}\n{streams:?}\n{:?}",
            self.http
        ))
    }
}
