//! Streams longer than sequence numbers count, and reordering over megabytes.

use spyhop_model::{Side, Span, Timestamp};
use spyhop_stream::{DecodeLimits, Decoder, Flags, Limits, Segment};
use spyhop_testkit::http::Message;
use spyhop_testkit::{Capture, Conversation, Frame};

use crate::sensor::{Digest, Read, Sensor, ends, packet, read_with, text};

const CLIENT: &str = "10.0.0.8:40000";
const SERVER: &str = "10.0.0.1:80";

fn line(request: &str, got: &Digest, besides: &str) -> String {
    let who = ends(CLIENT.parse().expect("an address"), SERVER.parse().expect("an address"));
    text(&who, request, &Digest::default(), "200", got, besides)
}

/// A connection whose server says more than frames can be made of: its segments are placed by hand.
struct Long {
    sensor: Sensor,
    /// A segment of the client and one of the server.
    models: [Frame; 2],
    seq: [u32; 2],
    at: u64,
}

impl Long {
    /// After the handshake, with the first sequence numbers.
    fn begin(client: u32, server: u32) -> Long {
        let talk = Conversation::new(CLIENT, SERVER).sequence(client, server).client("x").server("y").frames();
        let mut long = Long {
            sensor: Sensor::new(Limits::default()).lengths(),
            models: [talk[3].clone(), talk[4].clone()],
            seq: [client.wrapping_add(1), server.wrapping_add(1)],
            at: talk[2].at.0,
        };
        let mut decoder = Decoder::new(DecodeLimits::default());
        for frame in &talk[..3] {
            let decoded = decoder.decode(&packet(frame)).unwrap_or_else(|skip| panic!("{skip:?}"));
            long.sensor.segment(&decoded.segment());
        }
        long
    }

    /// `side` sends `payload` and then `cut` octets that the capture left out.
    fn send(&mut self, side: Side, payload: &[u8], cut: u32) {
        let (own, other) = if side == Side::Originator { (0, 1) } else { (1, 0) };
        self.at += 500_000;
        let mut decoder = Decoder::new(DecodeLimits::default());
        let decoded = decoder.decode(&packet(&self.models[own])).unwrap_or_else(|skip| panic!("{skip:?}"));
        let segment = Segment {
            at: Timestamp(self.at),
            flags: Flags(Flags::ACK),
            seq: self.seq[own],
            ack: self.seq[other],
            payload,
            cut,
            // Tells it from a copy.
            checksum: self.seq[own] as u16,
            ..decoded.segment()
        };
        self.sensor.segment(&segment);
        self.seq[own] = self.seq[own].wrapping_add(payload.len() as u32 + cut);
    }
}

/// One response of `len` octets, of each of whose packets `shown` of 65,000 octets are captured; then another exchange.
fn endless(len: u64, shown: usize) -> Read {
    const PACKET: u64 = 65_000;
    let mut long = Long::begin(7, u32::MAX - 100_000);
    let octets = vec![b'z'; PACKET as usize];
    long.send(Side::Originator, &Message::get("/long").host("a.example").bytes(), 0);
    let head = Message::response(200).header("Content-Length", &len.to_string()).head();
    long.send(Side::Responder, &head, 0);
    let mut left = len;
    while left > 0 {
        let now = left.min(PACKET);
        let captured = (now as usize).min(shown);
        long.send(Side::Responder, &octets[..captured], now as u32 - captured as u32);
        left -= now;
        if ((len - left) / PACKET).is_multiple_of(16) {
            long.send(Side::Originator, &[], 0);
        }
    }
    long.send(Side::Originator, &Message::get("/after").host("a.example").bytes(), 0);
    long.send(Side::Responder, &Message::response(200).body("short").bytes(), 0);
    long.sensor.finish()
}

#[test]
fn more_than_four_gibibytes_are_one_body() {
    for len in [(2 << 30) + 12_345, (4 << 30) + 12_345u64] {
        let read = endless(len, usize::MAX);
        let truth = [line("GET /long", &Digest::unread(len), ""), line("GET /after", &Digest::unread(5), "")];
        read.check(&truth, &format!("{len} octets"));
        assert_eq!((read.held, read.streams.gaps), (0, 0));
    }
}

#[test]
fn more_than_eight_gibibytes_cut_by_the_capture_keep_their_place() {
    let len = (9 << 30) + 12_345u64;
    let read = endless(len, 64);
    let seen = len / 65_000 * 64 + (len % 65_000).min(64);
    let besides = format!(" response Some(Gap) gap {} gap", len - seen);
    let truth = [line("GET /long", &Digest::unread(seen), &besides), line("GET /after", &Digest::unread(5), "")];
    read.check(&truth, "cut");
}

const JUMBO: usize = 4 << 20;

/// A response of 4 MiB whose first packet the mirror delivers last; then another exchange.
fn jumbo() -> (Capture, Vec<u8>) {
    let body: Vec<u8> = (0..JUMBO).map(|at| b'a' + (at / 11 % 26) as u8).collect();
    // The receiver's window is as large: it acknowledges when it has everything.
    let talk = Conversation::new(CLIENT, SERVER).mss(8_960).ack_every(0).pace(Span(1_000), Span(200_000));
    let talk = talk.client(Message::get("/jumbo").host("a.example").bytes());
    let answered = talk.server(Message::response(200).body(body.clone()).bytes());
    let talk = answered.pause(Span::millis(20)).client(Message::get("/after").host("a.example").bytes());
    let mut capture = Capture { frames: talk.server(Message::response(200).body("short").bytes()).close().frames() };
    let first = 4;
    let last = capture.frames.len() - 6;
    let late = Timestamp(capture.frames[last].at.0 + 1);
    capture.frames[first].at = late;
    capture.sort();
    (capture, body)
}

#[test]
fn reordering_over_megabytes_is_put_in_order_within_the_limit() {
    let (capture, body) = jumbo();
    let read = read_with(&capture, Limits { held_per_direction: 8 << 20, ..Limits::default() });
    let truth = [line("GET /jumbo", &Digest::of(&body), ""), line("GET /after", &Digest::of(b"short"), "")];
    read.check(&truth, "within the limit");
    assert!((JUMBO - 8_960..8 << 20).contains(&read.held), "{} octets were held", read.held);
}

#[test]
fn reordering_beyond_the_limit_is_counted_as_loss() {
    let (capture, _) = jumbo();
    let limits = Limits::default();
    let read = read_with(&capture, limits);
    assert!(read.held <= limits.held_per_direction + 10_000, "{} octets were held", read.held);
    assert!(read.streams.held_limit > 0 && read.streams.gap_bytes >= 8_000, "{:?}", read.streams);
    // The head of the answer was in it, so which answer follows is a guess; the next exchange is there all the same.
    let [first, after] = read.exchanges.as_slice() else { panic!("{:#?}", read.exchanges) };
    assert!(first.contains("GET /jumbo") && first.contains(" gap"), "{first}");
    assert!(after.starts_with(&line("GET /after", &Digest::of(b"short"), "")), "{after}");
}
