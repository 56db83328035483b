//! Connections of HTTP/2.

use proptest::prelude::*;

use super::*;
use crate::Unparsed;
use crate::http2::PREFACE;
use crate::http2::frame::{encode as frame, flag, kind};
use crate::http2::hpack::encode;

const END: u8 = flag::END_STREAM;
const WHOLE: u8 = flag::END_HEADERS;

/// A block of literals that touch no table.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        encode::literal(&mut out, name, value, false, true);
    }
    out
}

fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, flags | WHOLE, stream, &block(fields))
}

fn get(stream: u32, path: &str) -> Vec<u8> {
    headers(stream, END, &[(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a")])
}

fn post(stream: u32, path: &str) -> Vec<u8> {
    headers(stream, 0, &[(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "a")])
}

fn status(stream: u32, flags: u8, status: &str) -> Vec<u8> {
    headers(stream, flags, &[(":status", status)])
}

fn data(stream: u32, flags: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    frame(kind::DATA, flags, stream, bytes.as_ref())
}

fn settings() -> Vec<u8> {
    frame(kind::SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])
}

/// What both sides say first.
fn begin() -> [Op; 2] {
    [c([PREFACE.as_slice(), &settings()].concat()), s(settings())]
}

fn dialogue(ops: impl IntoIterator<Item = Op>) -> Vec<Op> {
    begin().into_iter().chain(ops).collect()
}

#[test]
fn streams_interleave_and_each_is_an_exchange() {
    let accounts = check(
        &dialogue([
            c([get(1, "/a"), post(3, "/b"), data(3, 0, "on"), get(5, "/c")].concat()),
            s([status(5, 0, "200"), status(1, 0, "404"), data(5, 0, "c1"), data(1, END, "no")].concat()),
            c([frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 1, 0]), data(3, END, "e")].concat()),
            s([data(5, 0, "c2"), status(3, END, "204"), data(5, END, "")].concat()),
        ]),
        &["1: GET /a a -> 404 'no'", "3: POST /b a 'one' -> 204", "5: GET /c a -> 200 'c1c2'"],
    );
    assert_eq!((accounts.http2_connections, accounts.requests, accounts.responses), (1, 3, 3));
    assert_eq!(accounts.http, accounts.delivered);
}

#[test]
fn padding_priority_continuation_and_frames_of_no_meaning_are_read_through() {
    let fields = block(&[(":method", "GET"), (":path", "/p"), (":scheme", "http"), (":authority", "a"), ("x", "y")]);
    let (one, two) = fields.split_at(7);
    let padded = [&[3, 0x80, 0, 0, 0, 15][..], one, &[0; 3]].concat();
    check(
        &dialogue([
            c([
                frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 0, 9]),
                frame(kind::HEADERS, END | flag::PADDED | flag::PRIORITY, 1, &padded),
                frame(kind::CONTINUATION, 0, 1, two),
                frame(kind::CONTINUATION, WHOLE, 1, b""),
                frame(0x10, 0, 0, b"priority update"),
                frame(kind::PING, 0, 0, &[0; 8]),
            ]
            .concat()),
            s([status(1, 0, "200"), data(1, flag::PADDED, b"\x02ab\0\0"), data(1, END | flag::PADDED, b"\x01c\0")]
                .concat()),
            // Longer than any SETTINGS_MAX_FRAME_SIZE that was announced.
            c([get(3, "/long")].concat()),
            s([status(3, 0, "200"), data(3, END, vec![b'x'; 20_000]), frame(0xff, 0xff, 77, &[1; 20_000])].concat()),
            c(get(5, "/next")),
        ]),
        &["1: GET /p a -> 200 'abc'", "3: GET /long a -> 200 [20000]", "5: GET /next a -> -"],
    );
}

#[test]
fn interim_answers_trailers_pushes_and_tunnels() {
    check(
        &dialogue([
            c(post(1, "/pkg.Service/Method")),
            s([status(1, 0, "100"), status(1, 0, "103")].concat()),
            c([data(1, 0, "ab"), headers(1, END, &[("checksum", "7")])].concat()),
            s([
                status(1, 0, "200"),
                frame(
                    kind::PUSH_PROMISE,
                    WHOLE,
                    1,
                    &[&[0, 0, 0, 2][..], &block(&[(":method", "GET"), (":path", "/pushed"), (":authority", "a")])]
                        .concat(),
                ),
                data(1, 0, "cd"),
                headers(1, END, &[("grpc-status", "0")]),
                status(2, 0, "200"),
                data(2, END, "gift"),
            ]
            .concat()),
            c(headers(3, 0, &[(":method", "CONNECT"), (":authority", "b:443")])),
            s(status(3, 0, "200")),
            c(data(3, END, "up")),
            s(data(3, END, "down")),
        ]),
        &[
            "1: POST /pkg.Service/Method a +checksum=7 'ab' -> 200 +grpc-status=0 'cd' interim 2",
            "2: GET /pushed a -> 200 'gift'",
            "3: CONNECT b:443 b:443 -> 200",
        ],
    );
}

#[test]
fn what_a_connection_had_taken_comes_back_after_a_panic() {
    let packed = zstd::bulk::compress(&[b'z'; 1000], 1).unwrap();
    let coded = [(":status", "200"), ("content-encoding", "gzip")];
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b];
    let before = [
        c([begin_client(), indexed(1, true), post(3, "/b"), data(3, 0, "gathered"), get(5, "/c")].concat()),
        s([settings(), headers(1, 0, &coded), data(1, 0, gzip), headers(5, 0, &coded), data(5, 0, &packed)].concat()),
    ];
    let mut cx = Shared::<Told>::new(Limits::default(), Vec::new());
    let mut other = Connection::open(&mut cx, &facts());
    other.data(&mut cx, Timestamp(0), Side::Originator, b"GET / HTTP/1.1\r\nHo");
    let others = cx.lent();
    assert!(others.buffers > 0);
    for bad in [get(7, "/panic"), headers(7, 0, &[(":method", "GET"), (":path", "/panic"), (":scheme", "http")])] {
        let mut connection = Connection::open(&mut cx, &facts());
        for op in &before {
            match op {
                Op::C(bytes) => connection.data(&mut cx, Timestamp(1), Side::Originator, bytes),
                Op::S(bytes) => connection.data(&mut cx, Timestamp(1), Side::Responder, bytes),
                _ => {}
            }
        }
        let lent = cx.lent();
        assert!(lent.buffers > others.buffers && lent.decoders > 0 && lent.tables > 0, "{lent:?}");
        let fault = std::panic::AssertUnwindSafe(|| connection.data(&mut cx, Timestamp(2), Side::Originator, &bad));
        assert!(std::panic::catch_unwind(fault).is_err());
        drop(connection);
        other.data(&mut cx, Timestamp(3), Side::Originator, b"s");
        assert_eq!(cx.lent(), others);
    }
    other.data(&mut cx, Timestamp(4), Side::Originator, b"t: a\r\n\r\n");
    other.end(&mut cx, Timestamp(5));
    assert_eq!(cx.lent(), crate::loan::Lent::default());
}

fn begin_client() -> Vec<u8> {
    [PREFACE.as_slice(), &settings()].concat()
}

fn connect(stream: u32) -> Vec<u8> {
    headers(stream, 0, &[(":method", "CONNECT"), (":authority", "b:443")])
}

#[test]
fn in_a_tunnel_on_a_stream_the_protocol_is_detected_anew() {
    let accounts = check(
        &dialogue([
            c([connect(1), connect(3), connect(5)].concat()),
            s([status(1, 0, "200"), status(3, 0, "200"), status(5, 0, "403"), data(5, END, "no")].concat()),
            c([data(1, 0, "GET /in HT"), data(3, 0, "SSH-2.0-x\r\n"), data(1, 0, "TP/1.1\r\n\r\n"), get(7, "/other")]
                .concat()),
            s([data(1, 0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"), data(3, 0, "SSH-2.0-y\r\n")].concat()),
            s([status(7, END, "204"), data(1, 0, "k")].concat()),
            c([data(1, END, "GET /more HTTP/1.1\r\n\r\n"), frame(kind::RST_STREAM, 0, 3, &[0, 0, 0, 8])].concat()),
            s(data(1, END, "HTTP/1.1 200 OK\r\n\r\nto the end")),
        ]),
        &[
            "1: CONNECT b:443 b:443 -> 200",
            "3: CONNECT b:443 b:443 -> 200",
            "7: GET /other a -> 204",
            "GET /in -> 200 'ok'",
            "GET /more -> 200 'to the end'",
            "5: CONNECT b:443 b:443 Incomplete -> 403 'no'",
        ],
    );
    assert_eq!((accounts.tunnels, accounts.http_connections), (2, 1));
    assert_eq!(accounts.other[crate::Other::Ssh as usize], 22);
}

#[test]
fn a_tunnel_on_a_stream_is_picked_up_behind_a_loss() {
    let (ask, answer) = ("GET /x HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let ops = dialogue([
        c(connect(1)),
        s(status(1, 0, "200")),
        c(data(1, 0, ask)),
        s(data(1, 0, &answer[..answer.len() - 1])),
        Op::GapS(10),
        s(frame(kind::PING, 0, 0, &[0; 8])),
        s(frame(kind::PING, 0, 0, &[0; 8])),
        c(data(1, 0, ask)),
        s(data(1, 0, answer)),
    ]);
    let (told, _) = play_with(Limits::default(), &ops, usize::MAX);
    assert_eq!(
        told,
        ["1: CONNECT b:443 b:443 -> 200", "GET /x -> 200 'o' Incomplete", "GET /x -> 200 'ok' pairing_guessed",]
    );
}

#[test]
fn a_handshake_in_a_tunnel_on_a_stream_is_told() {
    // A ClientHello of TLS 1.2 with one cipher and no extensions.
    let hello = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
    let message = [&[1, 0, 0, hello.len() as u8][..], &hello].concat();
    let record = [&[22, 3, 1, 0, message.len() as u8][..], &message].concat();
    let accounts = check(
        &dialogue([
            c(connect(1)),
            s(status(1, 0, "200")),
            c(data(1, 0, &record)),
            s(data(1, 0, [21, 3, 3, 0, 2, 2, 40])),
        ]),
        &["1: CONNECT b:443 b:443 -> 200"],
    );
    assert_eq!((accounts.tunnels, accounts.handshakes), (1, 1));
}

#[test]
fn tunnels_within_tunnels_are_followed_to_a_limit() {
    let mut ops = begin().to_vec();
    let within = |depth: usize, bytes: Vec<u8>| (0..depth).fold(bytes, |bytes, _| data(1, 0, bytes));
    for depth in 0..8 {
        if depth > 0 {
            ops.push(c(within(depth, [PREFACE.as_slice(), &settings()].concat())));
            ops.push(s(within(depth, settings())));
        }
        ops.push(c(within(depth, connect(1))));
        ops.push(s(within(depth, status(1, 0, "200"))));
    }
    let (told, accounts) = play_with(Limits::default(), &ops, usize::MAX);
    assert_eq!((told.len(), accounts.tunnels, accounts.http2_connections), (5, 4, 5));
    assert_eq!(accounts.tunnels_over_limit, 1);
}

#[test]
fn a_websocket_on_a_stream_is_messages_behind_its_exchange() {
    let ask = [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/chat"), (":authority", "a")];
    let masked = b"\x81\x82\0\0\0\0hi";
    let accounts = check(
        &dialogue([
            c(headers(1, 0, &ask)),
            s(status(1, 0, "200")),
            c([data(1, 0, masked), get(3, "/other")].concat()),
            s([data(1, 0, b"\x81\x02ho\x88\0"), status(3, END, "204"), data(1, END, "")].concat()),
            c(data(1, END, b"\x88\x80\0\0\0\0")),
        ]),
        &[
            "1: CONNECT /chat a -> 200",
            "websocket 0>0 CONNECT /chat a 'hi'",
            "websocket 0<0 CONNECT /chat a 'ho'",
            "3: GET /other a -> 204",
        ],
    );
    assert_eq!((accounts.messages, accounts.http), (2, accounts.delivered));
}

#[test]
fn a_reset_ends_its_exchange_and_what_was_under_way_begins_none() {
    let reset = |stream| frame(kind::RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    let accounts = check(
        &dialogue([
            c([get(1, "/a"), post(3, "/b"), data(3, 0, "x"), get(5, "/c"), reset(1)].concat()),
            s([status(1, 0, "200"), data(1, END, "late"), status(3, END, "413"), reset(3)].concat()),
            c([data(3, END, "late")].concat()),
            s([status(5, END, "200"), frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 0])].concat()),
            c(get(7, "/refused")),
        ]),
        &[
            "1: GET /a a -> -",
            "3: POST /b a 'x' Incomplete -> 413 early_response",
            "5: GET /c a -> 200",
            "7: GET /refused a -> -",
        ],
    );
    assert_eq!((accounts.resets, accounts.late_heads), (2, 1));
    assert_eq!(accounts.unparsed[Unparsed::NoStream as usize], 8);
}

#[test]
fn codings_are_undone_and_lengths_compared() {
    let packed = zstd::bulk::compress(&[b'z'; 100], 1).unwrap();
    check(
        &dialogue([
            c([
                headers(1, 0, &[(":method", "POST"), (":path", "/"), (":scheme", "http"), ("content-length", "5")]),
                data(1, END, "abc"),
            ]
            .concat()),
            s([headers(1, 0, &[(":status", "200"), ("content-encoding", "zstd")]), data(1, END, &packed)].concat()),
        ]),
        &[&format!("1: POST / 'abc' -> 200 [100] of {} bad_length", packed.len())],
    );
}

#[test]
fn an_upgraded_request_is_answered_on_stream_one() {
    let ask = "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n";
    let accounts = check(
        &[
            c(ask),
            s([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n".as_slice(), &settings()].concat()),
            c([PREFACE.as_slice(), &settings()].concat()),
            s([status(1, 0, "200"), data(1, END, "hi")].concat()),
            c(get(3, "/next")),
            s(status(3, END, "204")),
        ],
        &["GET /up -> 101", "1: GET /up -> 200 'hi'", "3: GET /next a -> 204"],
    );
    assert_eq!((accounts.upgrades, accounts.http), (1, accounts.delivered));
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n".as_slice();
    let alone = [switch, &settings(), &status(1, END, "200"), &status(3, END, "204")].concat();
    check(&[s(alone)], &["- -> 101", "1: - -> 200", "3: - -> 204"]);
}

#[test]
fn it_is_found_in_tunnels_and_where_the_server_speaks_first() {
    let tunnel = [
        c("CONNECT a:1 HTTP/1.1\r\n\r\n"),
        s([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &settings()].concat()),
        c([PREFACE.as_slice(), &settings(), &get(1, "/in")].concat()),
        s(status(1, END, "200")),
    ];
    check(&tunnel, &["CONNECT a:1 -> 200", "1: GET /in a -> 200"]);
    let [client, server] = begin();
    check(&[server, client, c(get(1, "/")), s(status(1, END, "200"))], &["1: GET / a -> 200"]);
    // Roles are told by content.
    check(&[s(PREFACE), c(settings()), s(get(1, "/")), c(status(1, END, "200"))], &["1: GET / a -> 200"]);
    // A client that knows nothing of it, and a protocol that only begins alike.
    let away = frame(kind::GOAWAY, 0, 0, &[0; 8]);
    let accounts = check_uncut(&[s(settings()), c("GET / HTTP/1.1\r\n\r\n"), s(away)], &["GET / -> -"]);
    assert_eq!(accounts.other[crate::Other::Http2 as usize], 17);
    check(&[s("\0\0\0\x04\0\0\0\0\0"), c("\0\0\0\x04\0\0\0\0\0\0\0")], &[]);
}

#[test]
fn one_side_alone_gives_exchanges_with_one_half() {
    let requests = [c(PREFACE), c([settings(), get(1, "/a"), post(3, "/b"), data(3, END, "b")].concat())];
    check(&requests, &["1: GET /a a -> -", "3: POST /b a 'b' -> -"]);
    check(
        &[s([settings(), status(1, 0, "200"), data(1, END, "a"), status(3, END, "404")].concat())],
        &["1: - -> 200 'a'", "3: - -> 404"],
    );
    // The client's side is delivered behind the server's.
    let [client, server] = begin();
    check(
        &[client, server, c(get(1, "/1")), s([status(1, END, "200"), status(3, END, "204")].concat()), c(get(3, "/3"))],
        &["1: GET /1 a -> 200", "3: GET /3 a -> 204 early_response"],
    );
}

/// A request whose fields the encoder puts into its table, or finds there.
fn indexed(stream: u32, first: bool) -> Vec<u8> {
    let mut out = Vec::new();
    encode::indexed(&mut out, 2);
    encode::indexed(&mut out, 6);
    if first {
        encode::literal(&mut out, ":path", "/learnt", true, true);
        encode::named(&mut out, 1, "host", true);
    } else {
        encode::indexed(&mut out, 63);
        encode::indexed(&mut out, 62);
    }
    frame(kind::HEADERS, WHOLE | END, stream, &out)
}

#[test]
fn a_connection_joined_midway_is_recognised_and_its_tables_relearned() {
    let accounts = check_uncut(
        &[
            // The end of something before.
            s(data(5, END, "the end of a body")),
            c([frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 1, 0]), indexed(7, false)].concat()),
            s([status(7, 0, "200"), data(7, END, "a")].concat()),
            c(indexed(9, true)),
            s(status(9, END, "200")),
            c(indexed(11, false)),
            s(status(11, END, "200")),
        ],
        &["7: GET  -> 200 'a' unknown_fields", "9: GET /learnt host -> 200", "11: GET /learnt host -> 200"],
    );
    assert_eq!(accounts.unknown_fields, 2);
    assert_eq!(accounts.other_total(), 26);
    // The server alone.
    check_uncut(&[s([status(7, 0, "200"), data(7, END, "a")].concat())], &["7: - -> 200 'a'"]);
    // Nothing is invented where no head is seen, nor from what only looks alike.
    check(&[s(data(5, END, "body")), c(frame(kind::PING, 0, 0, &[0; 8])), s(vec![0; 300])], &[]);
}

#[test]
fn what_is_lost_of_a_body_is_passed_over() {
    let body = data(1, END, vec![b'b'; 1000]);
    let (seen, _) = body.split_at(109);
    check(
        &dialogue([
            c([get(1, "/a"), get(3, "/b")].concat()),
            s([&status(1, 0, "200"), seen].concat()),
            Op::GapS(900),
            s(status(3, END, "204")),
        ]),
        &["1: GET /a a -> 200 [100] in 2 of 1000 Gap gap", "3: GET /b a -> 204"],
    );
    // And to the end of a frame and further: picked up at the next one that begins for sure.
    let (_, rest) = body.split_at(1000);
    let ops = dialogue([
        c([get(1, "/a"), get(3, "/b"), get(5, "/c")].concat()),
        s([&status(1, 0, "200"), &status(3, 0, "200"), seen].concat()),
        Op::GapS(2000),
        s([rest, &data(3, END, "b"), &status(5, END, "204")].concat()),
    ]);
    let expected =
        ["1: GET /a a -> 200 [100] in 2 of 1000 Gap gap", "3: GET /b a -> 200 'b' Gap gap", "5: GET /c a -> 204"];
    let accounts = check(&ops, &expected);
    assert_eq!(accounts.unparsed[Unparsed::AfterGap as usize], 9);
}

#[test]
fn a_loss_makes_the_table_unknown_until_it_is_relearned() {
    check(
        &dialogue([
            c(indexed(1, true)),
            s(status(1, END, "200")),
            Op::GapC(50),
            c([indexed(5, false), indexed(7, true), indexed(9, false)].concat()),
            s([status(5, END, "200"), status(7, END, "200"), status(9, END, "200")].concat()),
        ]),
        &[
            "1: GET /learnt host -> 200",
            "5: GET  -> 200 unknown_fields",
            "7: GET /learnt host -> 200",
            "9: GET /learnt host -> 200",
        ],
    );
    // Within a block: what came before it is shown, and the body behind it belongs to the stream still.
    let head = post(1, "/cut");
    let (seen, rest) = head.split_at(head.len() - 3);
    check(
        &dialogue([
            c(seen),
            Op::GapC(2),
            c([&rest[2..], &data(1, END, "b"), &indexed(3, true)].concat()),
            s([status(1, END, "200"), status(3, END, "200")].concat()),
        ]),
        &["1: POST /cut 'b' Gap -> 200 early_response gap", "3: GET /learnt host -> 200"],
    );
}

#[test]
fn a_rapid_reset_is_reported_up_to_a_flood_and_takes_no_memory() {
    let mut bytes = Vec::new();
    for stream in (1..10_000).step_by(2) {
        bytes.extend(get(stream, "/"));
        bytes.extend(frame(kind::RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    let (told, accounts) = play_with(Limits::default(), &dialogue([c(bytes)]), 1400);
    // What a segment cuts off from its reset is reported all the same.
    assert_eq!((told.len() as u64, accounts.streams_over_limit), (accounts.resets, 0));
    assert_eq!(accounts.resets + accounts.requests_passed_over, 5000);
    assert!((200..500).contains(&accounts.resets), "{}", accounts.resets);
}

#[test]
fn too_many_streams_are_reported_as_they_are() {
    let bytes: Vec<u8> = (1..1000).step_by(2).flat_map(|stream| get(stream, "/")).collect();
    let limits = Limits { streams: 10, ..Limits::default() };
    let (told, accounts) = play_with(limits, &dialogue([c(bytes), s(status(1, END, "200"))]), 1400);
    assert_eq!((told.len(), accounts.streams_over_limit), (500, 490));
}

#[test]
fn an_endless_header_block_is_cut_and_the_table_stays_right() {
    let limits = Limits { head: 4096, ..Limits::default() };
    let mut ops = dialogue([c(indexed(1, true))]);
    let start = block(&[(":method", "GET"), (":path", "/flood"), (":scheme", "http")]);
    ops.push(c(frame(kind::HEADERS, END, 3, &start)));
    for _ in 0..2000 {
        ops.push(c(frame(kind::CONTINUATION, 0, 3, &block(&[("a", "some value")]))));
    }
    ops.push(c([frame(kind::CONTINUATION, WHOLE, 3, b""), indexed(5, false)].concat()));
    let (told, accounts) = play_with(limits, &ops, 1400);
    assert_eq!(told, ["1: GET /learnt host -> -", "3: GET /flood -> - head_too_long", "5: GET /learnt host -> -"]);
    assert_eq!((accounts.continuation_floods, accounts.truncated_heads, accounts.header_blocks_over_limit), (1, 1, 0));
    // One field without end cannot be kept, nor what comes after it be known.
    let mut ops = dialogue([c(indexed(1, true)), c(frame(kind::HEADERS, END, 3, &start))]);
    ops.push(c(frame(kind::CONTINUATION, 0, 3, b"\0\x01a\x7f\xff\xff\x3f")));
    for _ in 0..200 {
        ops.push(c(frame(kind::CONTINUATION, 0, 3, &[b'x'; 1000])));
    }
    ops.push(c([frame(kind::CONTINUATION, WHOLE, 3, b""), indexed(5, false)].concat()));
    let (told, accounts) = play_with(limits, &ops, 1400);
    assert_eq!(told[1..], ["3: GET /flood -> - head_too_long", "5: GET  -> - unknown_fields"]);
    assert_eq!(accounts.header_blocks_over_limit, 1);
}

#[test]
fn a_header_bomb_is_cut() {
    let mut bomb = block(&[(":method", "GET"), (":path", "/bomb"), (":scheme", "http")]);
    encode::literal(&mut bomb, "x", &"a".repeat(4000), true, false);
    for _ in 0..10_000 {
        encode::indexed(&mut bomb, 62);
    }
    let ops = dialogue([c(frame(kind::HEADERS, END | WHOLE, 1, &bomb)), c(get(3, "/next"))]);
    let (told, accounts) = play_with(Limits::default(), &ops, 1400);
    assert_eq!(told, ["1: GET /bomb -> - head_too_long", "3: GET /next a -> -"]);
    assert_eq!(accounts.header_lists_over_limit, 1);
}

#[test]
fn tables_are_bounded_together() {
    let limits = Limits { header_tables: 1000, ..Limits::default() };
    let mut filling = block(&[(":method", "GET"), (":path", "/fill"), (":scheme", "http")]);
    encode::literal(&mut filling, "x", &"a".repeat(3000), true, false);
    let ops = dialogue([c([frame(kind::HEADERS, END | WHOLE, 1, &filling), indexed(3, false)].concat())]);
    let (told, accounts) = play_with(limits, &ops, 1400);
    assert_eq!(told, ["1: GET /fill -> -", "3: GET  -> - unknown_fields"]);
    assert_eq!(accounts.header_tables_over_limit, 1);
}

/// A dialogue of exchanges on streams whose frames are shuffled into one another.
fn turns() -> impl Strategy<Value = Vec<Op>> {
    let body = proptest::collection::vec(any::<u8>(), 0..100);
    let turn = (any::<bool>(), 0..3u8, body.clone(), body, any::<bool>());
    proptest::collection::vec((turn, any::<u64>()), 1..8).prop_map(|turns| {
        let (mut ops, mut queues) = (begin().to_vec(), Vec::new());
        for (stream, ((learnt, how, sent, got, split), _)) in (1u32..).step_by(2).zip(&turns) {
            let mut queue = Vec::new();
            if *learnt {
                // The encoder's table is in the order of its frames, and these are said before all others.
                ops.push(c(indexed(stream, true)));
            } else {
                queue.push(c(post(stream, "/p")));
                queue.push(c(data(stream, if *split { 0 } else { END }, sent)));
                queue.extend(split.then(|| c(headers(stream, END, &[("t", "r")]))));
            }
            queue.push(s(status(stream, if *how == 0 { END } else { 0 }, "200")));
            if *how > 0 {
                queue.push(s(data(stream, 0, got)));
                queue.push(s(data(stream, END | flag::PADDED, [&[2][..], got, &[0; 2]].concat())));
            }
            queue.reverse();
            queues.push(queue);
        }
        let mut seeds: Vec<u64> = turns.iter().map(|(_, seed)| *seed).collect();
        while queues.iter().any(|queue| !queue.is_empty()) {
            for (queue, seed) in queues.iter_mut().zip(&mut seeds) {
                *seed = seed.rotate_left(1);
                if *seed & 1 == 0 || *seed == u64::MAX {
                    ops.extend(queue.pop());
                }
            }
        }
        ops
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cutting_of_frames_changes_nothing(ops in turns(), slice in 1..100usize) {
        let whole = play_with(Limits::default(), &ops, usize::MAX);
        let cut = play_with(Limits::default(), &ops, slice);
        prop_assert_eq!(&whole.0, &cut.0);
        prop_assert!(whole.0.iter().all(|told| told.contains(" -> 200") && !told.contains("Incomplete")), "{:?}", whole.0);
        prop_assert_eq!(whole.1, cut.1);
    }

    #[test]
    fn any_damage_leaves_the_accounts_whole(
        ops in turns(),
        damage in proptest::collection::vec((any::<u16>(), any::<u16>(), any::<u8>(), 0..5u8), 0..12),
        slice in 1..100usize,
    ) {
        let ask = [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/chat"), (":authority", "a")];
        let mut ops = ops;
        ops.extend([
            c(headers(99, 0, &ask)),
            s([status(99, 0, "200"), data(99, 0, b"\x81\x02ho\x01\x02ho")].concat()),
            c(data(99, END, b"\x81\x82\0\0\0\0hi")),
            s(data(99, END, b"\x80\x02ho")),
            c(connect(101)),
            s([status(101, 0, "200"), data(101, 0, "HTTP/1.1 100 Continue\r\n\r\n")].concat()),
            c([data(101, 0, "POST /in HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"), data(101, END, "cd")].concat()),
            s(data(101, END, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
        ]);
        let limits = Limits { head: 60, streams: 3, small_body: 16, header_tables: 2000, ..Limits::default() };
        play_with(limits, &properties::damaged(ops.clone(), &damage), slice);
        play_with(Limits::default(), &properties::damaged(ops, &damage), slice);
    }

    #[test]
    fn joined_midway_nothing_is_invented(ops in turns(), seen in 2..20usize, cut in 0..9usize) {
        let mut ops: Vec<Op> = ops.into_iter().skip(seen).collect();
        if let Some(Op::C(bytes) | Op::S(bytes)) = ops.first_mut() {
            bytes.drain(..cut.min(bytes.len()));
        }
        let heads = ["GET /learnt host", "GET  ", "POST /p a", "- -> 200"];
        for told in play_with(Limits::default(), &ops, usize::MAX).0 {
            let (stream, what) = told.split_once(": ").unwrap_or_default();
            prop_assert!(stream.parse::<u32>().is_ok_and(|stream| stream % 2 == 1 && stream < 16), "{told}");
            prop_assert!(heads.iter().any(|head| what.starts_with(head)), "{told}");
        }
    }

    #[test]
    fn any_bytes_behind_a_preface_are_survived(
        client in proptest::collection::vec((0..12u8, any::<u8>(), 0..9u32, proptest::collection::vec(any::<u8>(), 0..40)), 0..20),
        server in proptest::collection::vec(any::<u8>(), 0..300),
        slice in 1..100usize,
    ) {
        let client: Vec<u8> =
            client.iter().flat_map(|(kind, flags, stream, payload)| frame(*kind, *flags, *stream, payload)).collect();
        play_with(Limits::default(), &dialogue([c(&client), s(&server), Op::GapC(5), c(&client), s(client), c(server)]), slice);
    }
}

#[test]
fn frame_by_frame_and_byte_by_byte_costs_no_more_than_linear_time() {
    let [client, _] = begin();
    for (start, more) in [
        (post(1, "/"), data(1, 0, "x")),
        (post(1, "/"), data(1, 0, "")),
        (frame(kind::HEADERS, 0, 1, b"\0\x7f"), frame(kind::CONTINUATION, 0, 1, b"\xff")),
        (frame(kind::HEADERS, 0, 1, b"\0\x7f\xff\xff\x01"), frame(kind::CONTINUATION, 0, 1, b"x")),
        (Vec::new(), frame(kind::GOAWAY, 0, 0, &[0; 8])),
        (Vec::new(), settings()),
        (Vec::new(), vec![0]),
    ] {
        let bytes = [start, more.repeat(100_000 / more.len())].concat();
        let began = std::time::Instant::now();
        play_with(Limits::default(), &[client.clone(), c(&bytes)], 1);
        play_with(Limits::default(), &[client.clone(), Op::GapC(1), c(bytes)], 1);
        assert!(began.elapsed().as_secs() < 20, "{more:?}: {:?}", began.elapsed());
    }
}

#[test]
fn requests_that_are_reset_at_once_are_counted_once_they_are_very_many() {
    let mut ops = vec![begin()[0].clone(), begin()[1].clone()];
    let reset = |stream| frame(kind::RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    let flood: Vec<u8> = (0..1000u32).flat_map(|n| [get(2 * n + 1, "/x"), reset(2 * n + 1)].concat()).collect();
    ops.push(c(flood));
    ops.push(c(get(3001, "/after")));
    ops.push(s(status(3001, END, "204")));
    let (told, accounts) = play_with(Limits::default(), &ops, usize::MAX);
    assert_eq!(told.last().map(String::as_str), Some("3001: GET /after a -> 204"));
    assert_eq!((told.len(), accounts.resets, accounts.requests_passed_over), (201, 200, 800));
}
