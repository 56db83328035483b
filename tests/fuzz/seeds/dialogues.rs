//! For `http1`: dialogues in all framings, whole and broken.

use spyhop_fuzz::exchanges::{Op, write};
use spyhop_model::Side::{Originator, Responder};
use spyhop_testkit::Rng;
use spyhop_testkit::http::{Coding, Message};

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    let c = |bytes: &str| Op::Data(Originator, bytes.as_bytes().to_vec());
    let s = |bytes: &str| Op::Data(Responder, bytes.as_bytes().to_vec());
    let text = "some text, some text and some more text ".repeat(9);
    let coded = Message::response(200).json(text.clone()).coded(Coding::Gzip).bytes();
    let chunked = Message::response(200).json(text).coded(Coding::Deflate).chunked(&mut Rng::new(1)).bytes();
    let all: Vec<(&str, Vec<Op>)> = vec![
        (
            "get",
            vec![c("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"), s("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")],
        ),
        ("post", vec![c("POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), s("HTTP/1.1 204 No Content\r\n\r\n")]),
        (
            "pipeline",
            vec![
                c("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n"),
                s("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
                s("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
            ],
        ),
        (
            "interim",
            vec![
                c("POST /up HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
                s("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
                c("ab"),
                s("HTTP/1.1 200 OK\r\n\r\nto the end"),
                Op::Finished(Responder),
            ],
        ),
        (
            "chunked",
            vec![
                c("PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;e=1\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"),
                Op::Data(Responder, chunked),
            ],
        ),
        ("gzip", vec![c("GET / HTTP/1.1\r\n\r\n"), Op::Data(Responder, coded)]),
        (
            "connect",
            vec![
                c("CONNECT a:443 HTTP/1.1\r\n\r\nGET /in HTTP/1.1\r\n\r\n"),
                s("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
            ],
        ),
        (
            "refused",
            vec![
                c("CONNECT a:1 HTTP/1.1\r\n\r\nGET /n HTTP/1.1\r\n\r\n"),
                s("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
            ],
        ),
        (
            "upgrade",
            vec![c("GET /ws HTTP/1.1\r\nUpgrade: x\r\n\r\n"), s("HTTP/1.1 101 Switching Protocols\r\n\r\n\x01\x02")],
        ),
        (
            "smuggling",
            vec![
                c(
                    "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nFolded: a\r\n b\r\n\r\n",
                ),
                s("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhelloo"),
            ],
        ),
        ("bare", vec![c("\n\nGET / HTTP/1.1\nno colon\nA:b\n\n"), s("HTTP/1.0 200\nContent-Length:1\n\nx")]),
        ("simple", vec![c("GET /old\r\n"), s("<html></html>"), Op::Finished(Responder)]),
        (
            "gap",
            vec![
                c("POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\nhello"),
                Op::Gap(Originator, 15),
                c("GET /2 HTTP/1.1\r\n\r\n"),
                s("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"),
                Op::Gap(Responder, 9),
                s("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
                Op::Conflict,
            ],
        ),
        (
            "early",
            vec![
                c("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc"),
                s("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"),
                c("def"),
            ],
        ),
        (
            "turned",
            vec![s("GET /a HTTP/1.1\r\n\r\n"), c("HTTP/1.1 200 OK\r\n\r\nto the end"), Op::Finished(Originator)],
        ),
        (
            "events",
            vec![
                c("GET /events HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n"),
                s("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"),
                s("1b\r\n: c\nevent: a\ndata: one\ndata:\n\r\n"),
                s("f\r\n\ndata:{\"a\":1}\r\r\r\n0\r\n\r\n"),
            ],
        ),
        (
            "grpc-web",
            vec![
                c(
                    "POST /a.B/C HTTP/1.1\r\nContent-Type: application/grpc-web\r\nContent-Length: 8\r\n\r\n\0\0\0\0\x03abc",
                ),
                s("HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web+proto\r\n\r\n\0\0\0\0\x02hi\0\0\0\0\x01x"),
                s("\u{0}\0\0\0\x02ab"),
                Op::Data(Responder, b"\x80\0\0\0\x0fgrpc-status:0\r\n".to_vec()),
                Op::Finished(Responder),
            ],
        ),
        (
            "websocket",
            vec![
                c("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
                s("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x01\x03Hel"),
                s("\u{0}\x02lo"),
            ],
        ),
        ("tls", vec![c("\x16\x03\x01\x02\0\x01"), s("\x16\x03\x03\0\x7a\x02")]),
    ];
    all.into_iter()
        .flat_map(|(name, ops)| {
            let ops = write(&ops);
            [(0u8, ""), (9, "-narrow")]
                .map(|(options, more)| (format!("{name}{more}"), [&[options][..], &ops].concat()))
        })
        .collect()
}
