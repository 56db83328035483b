//! Gaps, smuggling, malformed messages, limits.

use super::*;
use crate::Unparsed;

const GET: &str = "GET / HTTP/1.1\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_gap_within_a_body_of_known_length_loses_nothing_else() {
    check_uncut(
        &[
            c(GET),
            s("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
            Op::GapS(4),
            s("hij"),
            s("HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        &["GET / -> 200 'abchij' in 2 of 10 Gap gap", "- -> 201"],
    );
    // To the very end of the body, and within a chunk.
    check_uncut(
        &[
            c("POST /1 HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"),
            Op::GapC(7),
            c("POST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nab"),
            Op::GapC(6),
            c("\r\n0\r\n\r\n"),
            c("GET /3 HTTP/1.1\r\n\r\n"),
        ],
        &["POST /1 'abc' in 2 of 10 Gap -> - gap", "POST /2 'ab' in 2 of 8 Gap -> - gap", "GET /3 -> -"],
    );
}

#[test]
fn a_gap_beyond_a_body_is_resumed_at_the_next_start_line() {
    check_uncut(
        &[
            c("GET /1 HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
            c("GET /2 HTTP/1.1\r\n\r\n"),
            c("GET /3 HTTP/1.1\r\n\r\n"),
            Op::GapS(50),
            s("rest of the second body"),
            s("HTTP/1.1 203 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        &[
            "GET /1 -> 200 'abc' in 2 of 10 Gap pairing_guessed gap",
            "GET /2 -> - pairing_guessed gap",
            "GET /3 -> 203 pairing_guessed",
        ],
    );
}

#[test]
fn no_request_is_lost_by_a_gap_in_a_head() {
    check_uncut(
        &[
            c("GET /1 HTTP/1.1\r\nHost: x\r\nCook"),
            Op::GapC(100),
            c("ie: y\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"),
            s(OK),
            s("HTTP/1.1 404 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        &["GET /1 Gap -> 200 'ok' early_response pairing_guessed gap", "GET /2 -> 404 pairing_guessed"],
    );
}

#[test]
fn whole_messages_in_a_gap_leave_the_others_paired() {
    // One answer lost between others, as when a client waits for each answer.
    let accounts = check_uncut(
        &[
            c("GET /1 HTTP/1.1\r\n\r\n"),
            s(OK),
            c("GET /2 HTTP/1.1\r\n\r\n"),
            c("GET /3 HTTP/1.1\r\n\r\n"),
            Op::GapS(40),
            s("HTTP/1.1 203 OK\r\nContent-Length: 0\r\n\r\n"),
            c("GET /4 HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 204 OK\r\n\r\n"),
        ],
        &["GET /1 -> 200 'ok'", "GET /2 -> - pairing_guessed gap", "GET /3 -> 203 pairing_guessed", "GET /4 -> 204"],
    );
    assert_eq!(accounts.gaps, 40);
    // A whole request lost: its answer answers none.
    check_uncut(
        &[c("GET /1 HTTP/1.1\r\n\r\n"), s(OK), Op::GapC(20), s(OK), c("GET /3 HTTP/1.1\r\n\r\n"), s(OK)],
        &["GET /1 -> 200 'ok'", "- -> 200 'ok' pairing_guessed", "GET /3 -> 200 'ok' pairing_guessed"],
    );
}

#[test]
fn answers_that_lag_behind_lost_requests_are_guesses_to_the_end() {
    // Two of three pipelined requests lost: their answers shift all that follow.
    let ok = |status: u16| format!("HTTP/1.1 {status} OK\r\nContent-Length: 0\r\n\r\n");
    check_uncut(
        &[
            c("GET /1 HTTP/1.1\r\n\r\n"),
            s(OK),
            Op::GapC(40),
            c("GET /4 HTTP/1.1\r\n\r\n"),
            s(ok(202)),
            s(ok(203)),
            c("GET /5 HTTP/1.1\r\n\r\n"),
            s(ok(204)),
            c("GET /6 HTTP/1.1\r\n\r\n"),
            s(ok(205)),
        ],
        &[
            "GET /1 -> 200 'ok'",
            "GET /4 -> 202 pairing_guessed",
            "- -> 203 pairing_guessed",
            "GET /5 -> 204 pairing_guessed",
            "GET /6 -> 205 pairing_guessed",
        ],
    );
}

#[test]
fn what_is_lost_at_the_very_beginning_or_before_a_tunnel_makes_pairing_a_guess() {
    check_uncut(
        &[Op::GapC(30), c("GET /2 HTTP/1.1\r\n\r\n"), s(OK), s("HTTP/1.1 404 OK\r\nContent-Length: 0\r\n\r\n")],
        &["GET /2 -> 200 'ok' pairing_guessed", "- -> 404 pairing_guessed"],
    );
    // The first bytes of what a tunnel carries.
    check_uncut(
        &[
            c("CONNECT a:1 HTTP/1.1\r\n\r\n"),
            Op::GapC(30),
            c("T /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 200 OK\r\n\r\n"),
            s(OK),
            s("HTTP/1.1 404 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        &["CONNECT a:1 -> 200", "- -> 200 'ok' pairing_guessed", "- -> 404 pairing_guessed"],
    );
    // The answer to the CONNECT is lost; that to the request before it is taken for it.
    check_uncut(
        &[
            c("GET /1 HTTP/1.1\r\n\r\n"),
            Op::GapS(40),
            c("CONNECT a:1 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 204 OK\r\n\r\n"),
            s(OK),
        ],
        &[
            "GET /1 -> - pairing_guessed gap",
            "CONNECT a:1 -> 204 pairing_guessed",
            "GET /3 -> 200 'ok' pairing_guessed",
        ],
    );
}

#[test]
fn chunked_framing_lost_in_a_gap_ends_the_body() {
    check_uncut(
        &[
            c(GET),
            s("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc"),
            Op::GapS(9),
            s("junk\r\n"),
            c("GET /2 HTTP/1.1\r\n\r\n"),
            s(OK),
        ],
        &["GET / -> 200 'abc' in 2 Gap pairing_guessed gap", "GET /2 -> 200 'ok'"],
    );
}

#[test]
fn the_smuggling_set_shows_every_request_a_lenient_server_would_see() {
    let post = |fields: &str, body: &str| c(format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n{body}{GET}"));
    let cases = [
        ("Content-Length: 0003", "abc", "POST / 'abc' -> -"),
        ("Content-Length: -1", "", "POST / -> - bad_length"),
        ("Content-Length: 18446744073709551615", "", "POST / -> - bad_length"),
        ("Content-Length: 3\r\nContent-Length: 9", "abc", "POST / 'abc' -> - bad_length"),
        (
            "Content-Length: 4\r\nTransfer-Encoding: chunked",
            "3\r\nabc\r\n0\r\n\r\n",
            "POST / 'abc' -> - length_conflict",
        ),
        ("Transfer-Encoding: chunked, identity", "0\r\n\r\n", "POST / -> - odd_transfer_coding"),
        ("Transfer-Encoding:\r\n chunked", "0\r\n\r\n", "POST / -> - odd_transfer_coding folded_header"),
        ("Transfer-Encoding: chunked", "3\nabc\n0\n\n", "POST / 'abc' -> - bad_chunk"),
        ("Transfer-Encoding: xchunked", "", "POST / -> - odd_transfer_coding"),
        ("Expect: 100-continue\r\nContent-Length: 0", "", "POST / -> -"),
        ("Content-Length: 3", "abc\r\n", "POST / 'abc' -> -"),
    ];
    for (fields, body, expected) in cases {
        check(&[post(fields, body)], &[expected, "GET / -> -"]);
    }
    // What lenient servers make of a chunk of 2^64 bytes differs; both requests are shown, and the rest of the body.
    check_uncut(
        &[post("Transfer-Encoding: chunked", "10000000000000000\r\n\r\n")],
        &["POST / '0\\r\\n\\r\\n' of 0 BadChunk -> - bad_chunk", "GET / -> -"],
    );
}

#[test]
fn what_is_no_chunk_is_shown_raw() {
    check_uncut(
        &[c(GET), s("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nplain text"), Op::FinS],
        &["GET / -> 200 'plain text' of 0 BadChunk bad_chunk"],
    );
    check(
        &[c(GET), s("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nplain"), c(GET), s(OK)],
        &["GET / -> 200 'plain' length_conflict bad_chunk", "GET / -> 200 'ok'"],
    );
}

#[test]
fn odd_line_ends_and_start_lines_are_read_and_flagged() {
    check(
        &[
            c("\r\n\nGET /a b HTTP/1.1\nHost: x\n\n"),
            s("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok\r\n"),
            c("get /c http/1.1\r\n\r\n"),
            s("http/1.1 abc\r\nContent-Length : 2\r\n\r\nok"),
        ],
        &["GET /a b -> 200 'ok' bare_line_end odd_start_line", "get /c -> 0 'ok' bad_header odd_start_line"],
    );
    check(&[c(GET), s("HTTP/1.1 200 ok\rContent-Length: 2\r\rok")], &["GET / -> 200 'ok' bare_line_end"]);
}

#[test]
fn garbage_gives_no_exchange_and_is_accounted_for() {
    let accounts = check(&[c("GET / HTTP/1.1\r\n\r\nPAYLOAD_TRIGGER")], &["GET / -> -"]);
    assert_eq!(accounts.unparsed[Unparsed::Garbage as usize], 15);
    let accounts = check(&[c("GET / HTTP/1.1\r\n\r\n\0\0\0\0")], &["GET / -> -"]);
    assert_eq!(accounts.unparsed[Unparsed::Garbage as usize], 4);
    check_uncut(
        &[c(GET), s("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!"), c("GET /2 HTTP/1.1\r\n\r\n"), s(OK)],
        &["GET / -> 200 'ok'", "GET /2 -> 200 'ok'"],
    );
}

#[test]
fn a_head_that_breaks_off_is_shown_if_its_start_line_is_there() {
    check(&[c("POST /a HTTP/1.0\r\nHost: x\r\nConte")], &["POST /a Incomplete -> -"]);
    check(&[c("POST /a HTTP/1.0")], &[]);
}

#[test]
fn a_head_beyond_the_limit_is_cut_and_the_next_message_found() {
    let limits = Limits { head: 4096, ..Limits::default() };
    let long = format!("GET /a HTTP/1.1\r\n{}\r\n", "Name: value\r\n".repeat(1000));
    let (told, accounts) = play_with(limits, &[c(&long), c(GET)], 1000);
    assert_eq!(told, ["GET /a -> - head_too_long", "GET / -> -"]);
    assert_eq!(accounts.truncated_heads, 1);
    assert!(accounts.unparsed[Unparsed::HeadLimit as usize] > 8000);
    let target = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(5000));
    let (told, _) = play_with(limits, &[c(&target), c(GET)], 1000);
    assert!(told[0].starts_with("GET /aaaa") && told[0].contains("head_too_long"), "{told:?}");
    assert_eq!(told[1], "GET / -> -");
    let fields = format!("GET /a HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(400));
    let (told, accounts) = play_with(Limits::default(), &[c(&fields)], usize::MAX);
    assert_eq!((told[0].as_str(), accounts.fields_over_limit), ("GET /a -> - head_too_long", 144));
}
