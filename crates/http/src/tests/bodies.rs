//! Bodies: framing, codings, and how they are handed over.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn answer(fields: &str, body: &[u8]) -> Op {
    let mut bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    s(bytes)
}

const GET: &str = "GET / HTTP/1.1\r\n\r\n";

#[test]
fn a_chunked_body_is_taken_out_of_its_framing() {
    check(
        &[
            c("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n"),
            answer("Transfer-Encoding: chunked", b"4\r\nwiki\r\n0\r\n\r\n"),
            c(GET),
            answer("Transfer-Encoding: Chunked", b"0\r\n\r\n"),
        ],
        &["POST / 'abcde' -> 200 'wiki'", "GET / -> 200"],
    );
}

#[test]
fn a_coded_body_is_decoded() {
    let body = gzip(b"hello");
    let length = body.len();
    let expected = format!("GET / -> 200 'hello' of {length}");
    check(&[c(GET), answer(&format!("Content-Encoding: gzip\r\nContent-Length: {length}"), &body)], &[&expected]);
    let chunked = [format!("{length:x}\r\n").as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    check(&[c(GET), answer("Content-Encoding: gzip\r\nTransfer-Encoding: chunked", &chunked)], &[&expected]);
    check(&[c(GET), answer("Transfer-Encoding: gzip, chunked", &chunked)], &[&expected]);
    check(
        &[c(GET), answer("Content-Encoding: gzip\r\nContent-Length: 5", b"plain")],
        &["GET / -> 200 'plain' BadCoding bad_coding"],
    );
}

#[test]
fn a_small_body_comes_as_one_slice_and_a_large_one_in_pieces() {
    let small = vec![b'x'; 64 << 10];
    let large = vec![b'y'; (64 << 10) + 1];
    let ops = [
        c(GET),
        answer(&format!("Content-Length: {}", small.len()), &small),
        c(GET),
        answer(&format!("Content-Length: {}", large.len()), &large),
        c(GET),
        answer("Connection: close", &large),
        Op::FinS,
    ];
    let (told, _) = play_with(Limits::default(), &ops, 1400);
    assert_eq!(told[0], "GET / -> 200 [65536]");
    assert_eq!(told[1], "GET / -> 200 [65537] in 2", "the gathered part, and the rest");
    assert_eq!(told[2], "GET / -> 200 [65537] in 3", "its end is known only later");
    let (told, _) = play_with(Limits::default(), &ops, usize::MAX);
    assert_eq!(told[1], "GET / -> 200 [65537]", "what is there as a whole is handed over as a whole");
}

#[test]
fn without_memory_to_hold_it_a_small_body_comes_in_pieces() {
    let limits = Limits { held_memory: 1024, ..Limits::default() };
    let ops = [c(GET), answer("Content-Length: 3000", &[b'x'; 3000])];
    let (told, accounts) = play_with(limits, &ops, 500);
    assert_eq!(told, ["GET / -> 200 [3000] in 7"]);
    assert_eq!(accounts.bodies_over_limit, 1);
}

#[test]
fn a_bomb_is_cut_and_the_next_exchange_is_read() {
    let bomb = gzip(&vec![0; 3 << 20]);
    let fields = format!("Content-Encoding: gzip\r\nContent-Length: {}", bomb.len());
    let ops = [c(GET), answer(&fields, &bomb), c(GET), answer("Content-Length: 2", b"ok")];
    let (told, accounts) = play_with(Limits::default(), &ops, 1400);
    assert!(told[0].contains("Bomb") && told[0].ends_with(" bomb"), "{}", told[0]);
    assert_eq!((told[1].as_str(), accounts.bombs), ("GET / -> 200 'ok'", 1));
}

#[test]
fn a_body_that_breaks_off_says_so() {
    check(&[c("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"), Op::FinC], &["POST / 'abc' Incomplete -> -"]);
    check(&[c(GET), answer("Transfer-Encoding: chunked", b"5\r\nab"), Op::FinS], &["GET / -> 200 'ab' Incomplete"]);
    check(&[c(GET), answer("Content-Length: 5", b"ab")], &["GET / -> 200 'ab' Incomplete"]);
}

#[test]
fn what_troubled_a_decoder_is_told_also_where_the_framing_broke() {
    let bomb = gzip(&vec![0; 3 << 20]);
    let chunks = [format!("{:x}\r\n", bomb.len()).as_bytes(), &bomb, b"\r\nno chunk"].concat();
    let ops = [c(GET), answer("Content-Encoding: gzip\r\nTransfer-Encoding: chunked", &chunks), Op::FinS];
    let (told, accounts) = play_with(Limits::default(), &ops, 1400);
    assert_eq!(accounts.bombs, 1);
    assert!(told[0].contains(" bomb") && told[0].contains(" bad_chunk"), "{}", told[0]);
    let half = gzip(b"hello hello hello");
    let half = &half[..half.len() - 12];
    let chunks = [format!("{:x}\r\n", half.len()).as_bytes(), half, b"\r\nno chunk"].concat();
    let ops = [c(GET), answer("Content-Encoding: gzip\r\nTransfer-Encoding: chunked", &chunks), Op::FinS];
    let (told, _) = play_with(Limits::default(), &ops, 1400);
    assert!(told[0].contains(" bad_coding"), "{}", told[0]);
}
