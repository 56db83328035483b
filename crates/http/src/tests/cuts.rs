//! What depended on where a stream was cut, as fuzzing found it. `check` plays everything whole and in pieces.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

#[test]
fn a_simple_answer_may_begin_as_a_status_line_does() {
    for text in ["HTT\r\nhello", "H/1.1 hello", "HTTPS\n", "HTTP!"] {
        let expected = format!("GET /old -> 0 '{}' odd_start_line", text.escape_default());
        check(&[c("GET /old\r\n"), s(text), Op::FinS], &[&expected]);
    }
}

#[test]
fn an_empty_line_behind_a_simple_request_is_none_of_it() {
    check(&[c("GET /old\r\n\n\n"), s("hello"), Op::FinS], &["GET /old -> 0 'hello' odd_start_line"]);
}

#[test]
fn control_characters_in_a_line_of_an_unknown_method_say_that_it_is_none() {
    check(&[c("FET /a?b=c HTTP/1.1\x1c\nHost: x\r\n\r\n")], &[]);
    check(&[c("FET /a?b=c\tHTTP/1.1\r\nHost: x\r\n\r\n")], &["FET /a?b=c -> -"]);
}

#[test]
fn junk_behind_a_gzip_member_stays_junk() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"hello").unwrap();
    let body = [&encoder.finish().unwrap()[..], b"junk\x1f\x8b\x08\0\0\0\0\0\0\x03 and more junk"].concat();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    let expected = format!("GET / -> 200 'hello' of {}", body.len());
    check(&[c("GET / HTTP/1.1\r\n\r\n"), s([head.as_bytes(), &body].concat())], &[&expected]);
}
