//! HTTP/2 where packets are mangled, lost, or begin midway.

use spyhop_model::{Side, Span};
use spyhop_testkit::http2::{self, Block, END_STREAM};
use spyhop_testkit::wrap::{Version, Wrapping};
use spyhop_testkit::{Capture, Conversation, Frame, Rng};

use crate::sensor::{Digest, ends, read, text};

const CLIENT: &str = "10.0.0.8:40000";
const SERVER: &str = "10.0.0.1:80";
const BODY: usize = 20_000;

fn line(request: &str, got: &Digest, besides: &str) -> String {
    let who = ends(CLIENT.parse().expect("an address"), SERVER.parse().expect("an address"));
    text(&who, request, &Digest::default(), "200", got, besides)
}

fn body(stream: u32) -> Vec<u8> {
    (0..BODY).map(|at| b'a' + ((at / 13 + stream as usize) % 26) as u8).collect()
}

/// A request that names its authority by the dynamic table, but for the first, which puts it there.
fn request(stream: u32) -> Vec<u8> {
    let block = Block::new().indexed(2).indexed(6);
    let block = if stream == 1 { block.remembered(":authority", "a.example") } else { block.indexed(62) };
    http2::headers(stream, END_STREAM, &block.named(4, &format!("/{stream}")).bytes())
}

/// The frames of a response: head, then pieces of its body.
fn response(stream: u32) -> Vec<Vec<u8>> {
    let head = http2::headers(stream, 0, &Block::new().indexed(8).named(28, &BODY.to_string()).bytes());
    let body = body(stream);
    let last = body.chunks(4_000).count() - 1;
    let pieces = body.chunks(4_000).enumerate().map(|(at, piece)| http2::data(stream, piece, at == last));
    std::iter::once(head).chain(pieces).collect()
}

/// Three requests at once, whose answers interleave frame by frame; then a fourth.
fn talk() -> Conversation {
    let mut talk = Conversation::new(CLIENT, SERVER).mss(1_000);
    talk.send(Side::Originator, &[http2::PREFACE, &http2::settings(&[(3, 100)])].concat());
    talk.send(Side::Responder, &[http2::settings(&[]), http2::settings_ack()].concat());
    talk.send(Side::Originator, &[request(1), request(3), request(5)].concat());
    let answers = [1, 3, 5].map(response);
    for piece in 0..answers[0].len() {
        for answer in &answers {
            talk.send(Side::Responder, &answer[piece]);
        }
    }
    talk.send(Side::Originator, &request(7));
    talk.send(Side::Responder, &response(7).concat());
    talk.close()
}

fn truth() -> Vec<String> {
    [1, 3, 5, 7].map(|stream| line(&format!("GET /{stream}"), &Digest::of(&body(stream)), "")).to_vec()
}

#[test]
fn whatever_loses_nothing_changes_no_exchange_of_http2() {
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let mut capture = Capture::of([talk()]);
        capture.split(rng.bits(), 30.0);
        capture.merge(rng.bits(), 30.0);
        capture.overlap(rng.bits(), 20.0, 2_000);
        capture.delay(rng.bits(), 20.0, Span(rng.below(10_000_000)));
        capture.duplicate(rng.bits(), 20.0, Span(rng.below(5_000_000)));
        let wrapping = Wrapping::random(&mut rng, Version::V4, 3);
        capture.wrap(&wrapping, rng.bits());
        read(&capture).check(&truth(), &format!("seed {seed} in {wrapping:?}"));
    }
}

/// The packets of the server that carry data, by their place among all.
fn answers(frames: &[Frame]) -> Vec<usize> {
    let of_server = |frame: &Frame| {
        frame.dissect().is_some_and(|(packet, _)| packet.src.port() == 80 && packet.payload.len() > 500)
    };
    (0..frames.len()).filter(|at| of_server(&frames[*at])).collect()
}

#[test]
fn a_gap_costs_what_was_in_it_and_not_the_streams_behind_it() {
    let whole = Capture::of([talk()]);
    let places = answers(&whole.frames);
    for lost in (0..places.len() - 25).step_by(7) {
        let mut capture = whole.clone();
        capture.frames.remove(places[lost]);
        let read = read(&capture);
        let what = format!("packet {lost} of {} lost: {:#?}", places.len(), read.exchanges);
        assert_eq!(read.exchanges.len(), 4, "{what}");
        for (stream, exchange) in [1, 3, 5, 7].into_iter().zip(&read.exchanges) {
            assert!(exchange.contains(&format!("GET /{stream} ")), "{what}");
        }
        assert_eq!(read.exchanges.last(), truth().last(), "{what}");
        assert!(read.exchanges.iter().any(|line| line.contains(" gap")), "{what}");
    }
}

#[test]
fn joined_midway_what_stands_in_no_table_is_read() {
    let whole = Capture::of([talk()]);
    let last_request = whole.frames.iter().rposition(|frame| {
        frame.dissect().is_some_and(|(packet, _)| packet.dst.port() == 80 && !packet.payload.is_empty())
    });
    let mut capture = whole.clone();
    capture.frames.drain(..last_request.expect("a request"));
    let read = read(&capture);
    let [only] = read.exchanges.as_slice() else { panic!("{:#?}", read.exchanges) };
    assert!(only.starts_with(&line("GET /7", &Digest::of(&body(7)), "")) && only.contains(" midstream"), "{only}");
}
