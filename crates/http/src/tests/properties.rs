//! What holds for any input.

use proptest::prelude::*;

use super::*;

/// A dialogue in which each turn is a request and its answer, with all framings.
fn turns() -> impl Strategy<Value = Vec<Op>> {
    let body = proptest::collection::vec(any::<u8>(), 0..200);
    let turn = (0..5u8, 0..4u8, body.clone(), body, 1..50usize).prop_map(|(request, answer, sent, got, cut)| {
        let chunk = |body: &[u8]| {
            let mut out = Vec::new();
            for part in body.chunks(cut) {
                out.extend_from_slice(format!("{:x};e=1\r\n", part.len()).as_bytes());
                out.extend_from_slice(part);
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"0\r\nTrailer: x\r\n\r\n");
            out
        };
        let length = |body: &[u8]| format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        let ask = match request {
            0 => b"GET /g HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            1 => [b"POST /p HTTP/1.1\r\n".as_slice(), &length(&sent), &sent].concat(),
            2 => [b"PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(), &chunk(&sent)].concat(),
            3 => b"\r\nHEAD /h HTTP/1.0\nA: b\n c\n\n".to_vec(),
            _ => b"GET /a b HTTP/1.1\r\nno colon\r\n\r\n".to_vec(),
        };
        let reply = match answer {
            _ if request == 3 => b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n".to_vec(),
            0 => b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(),
            1 => [b"HTTP/1.1 200 OK\r\n".as_slice(), &length(&got), &got].concat(),
            2 => [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(), &chunk(&got)].concat(),
            _ => {
                let packed = zstd::bulk::compress(&got, 1).unwrap();
                [
                    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\n".as_slice(),
                    &length(&packed),
                    &packed,
                ]
                .concat()
            }
        };
        [Op::C(ask), Op::S(reply)]
    });
    proptest::collection::vec(turn, 1..6).prop_map(|turns| turns.into_iter().flatten().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_cutting_of_streams_changes_nothing(ops in turns(), slice in 1..300usize) {
        let whole = play_with(Limits::default(), &ops, usize::MAX);
        let cut = play_with(Limits::default(), &ops, slice);
        prop_assert_eq!(whole.0.len(), ops.len() / 2);
        prop_assert_eq!(whole.0, cut.0);
        prop_assert_eq!(whole.1, cut.1);
    }

    #[test]
    fn any_damage_leaves_the_accounts_whole(
        ops in turns(),
        damage in proptest::collection::vec((any::<u16>(), any::<u16>(), any::<u8>(), 0..5u8), 0..12),
        slice in 1..300usize,
    ) {
        // `play_with` itself asserts that every byte is accounted for and every buffer given back.
        play_with(Limits::default(), &damaged(ops, &damage), slice);
    }
}

pub(super) fn damaged(mut ops: Vec<Op>, damage: &[(u16, u16, u8, u8)]) -> Vec<Op> {
    for (which, place, byte, how) in damage {
        let which = usize::from(*which) % ops.len().max(1);
        match how {
            0 | 1 => {
                if let Some(Op::C(bytes) | Op::S(bytes)) = ops.get_mut(which) {
                    let place = usize::from(*place) % bytes.len().max(1);
                    match bytes.get_mut(place) {
                        Some(there) if *how == 0 => *there = *byte,
                        _ => bytes.truncate(place),
                    }
                }
            }
            2 => ops.insert(which, Op::GapS(u64::from(*place % 300))),
            3 => ops.insert(which, Op::GapC(u64::from(*place % 300))),
            _ => {
                let copy = ops[which].clone();
                ops.insert(which, copy);
            }
        }
    }
    ops
}

/// A small generator, so that the test needs no seed from outside.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn words_of_http_in_any_order_are_survived() {
    const WORDS: [&str; 29] = [
        "GET / HTTP/1.1\r\n",
        "CONNECT a:1 HTTP/1.1\r\n\r\n",
        "HEAD /x HTTP/1.0\n\n",
        "GET /\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 101 Up\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "Content-Length: 10\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Encoding: gzip, br\r\n",
        "Content-Encoding: deflate\r\n",
        "\r\n",
        "\r",
        "\n",
        " ",
        "\t",
        "5\r\nhello\r\n",
        "0\r\n\r\n",
        "ffffffffffffffff\r\n",
        "\u{1f}\u{8b}\u{8}\0",
        "\0",
        ": ",
        "\x16\x03\x01",
        "POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
        "GET /a",
        "aaaaaaaaaaaaaaaaaaaa",
    ];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..600 {
        let mut ops: Vec<Op> = (0..1 + random.next() % 30)
            .map(|_| {
                let bytes: Vec<u8> = (0..1 + random.next() % 6)
                    .flat_map(|_| {
                        // Now and then more of one than any limit allows.
                        let times = if random.next().is_multiple_of(12) { 1 + random.next() % 40 } else { 1 };
                        WORDS[random.next() as usize % WORDS.len()].repeat(times as usize).into_bytes()
                    })
                    .collect();
                match random.next() % 20 {
                    0 => Op::GapC(random.next() % 40),
                    1 => Op::GapS(random.next() % 40),
                    2 => Op::FinC,
                    3 => Op::FinS,
                    4..12 => Op::C(bytes),
                    _ => Op::S(bytes),
                }
            })
            .collect();
        // Before a protocol is known, each side is held too: begin now and then with much that tells nothing.
        if random.next().is_multiple_of(4) {
            let blank = ["", "\r\n", "\n"][random.next() as usize % 3].repeat(random.next() as usize % 150);
            let start = ["", "GET /", "FOO /", "HTT"][random.next() as usize % 4];
            ops.insert(0, c(blank + start + &"a".repeat(random.next() as usize % 300)));
        } else if random.next().is_multiple_of(4) {
            // Or with an unfinished request that is answered more than once.
            let starts = ["GET / HTTP/1.1\r\nA: ", "POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n"];
            ops.insert(0, c(starts[random.next() as usize % 2]));
            ops.insert(1, s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".repeat(random.next() as usize % 20)));
        }
        let slice = 1 + random.next() as usize % 40;
        play_with(Limits { head: 200, outstanding: 4, small_body: 16, ..Limits::default() }, &ops, slice);
    }
}

#[test]
fn byte_by_byte_costs_no_more_than_linear_time() {
    // Were any of these quadratic, a hundred thousand single bytes would take minutes, not the fraction of a second.
    let endless = [
        ("GET / HTTP/1.1\r\nA: ", "b"),
        ("GET / HTTP/1.1\r\n", "A: b\r\n"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "T: x\r\n"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"),
        ("GET / HTTP/1.1\r\n\r\n{", "GE"),
        ("", "GET / HTTP/1.1\r\n\r\n"),
        ("GET / HTTP/1.1\r\n\r\n", "\r\n"),
        ("", "A"),
        ("", "\n"),
        ("GET /", "a"),
        ("FOO /", "a"),
        ("", "CONNECT a:1 HTTP/1.1\r\n\r\n"),
    ];
    for (start, more) in endless {
        let bytes = format!("{start}{}", more.repeat(100_000 / more.len()));
        let began = std::time::Instant::now();
        play_with(Limits::default(), &[c(bytes)], 1);
        assert!(began.elapsed().as_secs() < 20, "{start:?} {more:?}: {:?}", began.elapsed());
    }
}
