//! Peers that mean harm: what they can make us keep, do again, or not see.

use super::*;
use crate::Unparsed;

const GET: &str = "GET / HTTP/1.1\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn answers_without_end_to_an_unfinished_request_are_not_kept() {
    let limits = Limits { outstanding: 10, ..Limits::default() };
    let post = "POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n";
    let (told, accounts) = play_with(limits, &[c(post), s(OK.repeat(500)), c("abc")], 1400);
    assert_eq!((told.len(), accounts.responses, accounts.response_only), (500, 500, 499));
    assert_eq!(accounts.outstanding_over_limit, 0, "no request was given up");
    assert_eq!(told.iter().filter(|one| one.starts_with("POST / 'abc' Incomplete -> 200")).count(), 1);
}

#[test]
fn a_request_takes_one_answer_while_its_head_arrives() {
    check(
        &[
            c("GET /1 HTTP/1.1\r\nA: "),
            s(OK),
            s("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
            c("b\r\n\r\n"),
            c("GET /2 HTTP/1.1\r\n\r\n"),
            s(OK),
        ],
        &["GET /1 -> 200 early_response", "- -> 404", "GET /2 -> 200"],
    );
    let limits = Limits { outstanding: 10, ..Limits::default() };
    let (told, _) = play_with(limits, &[c("GET /1 HTTP/1.1\r\nA: "), s(OK.repeat(500)), c("b\r\n\r\n")], 1400);
    assert_eq!(told.len(), 500);
    assert_eq!(told.iter().filter(|one| one.starts_with("GET /1 -> 200")).count(), 1);
}

#[test]
fn line_ends_before_the_first_line_hide_nothing() {
    // Many of them, or few before a line that is never whole; both are more than a head may have.
    let limits = Limits { head: 1000, ..Limits::default() };
    for slice in [1, 7, 900, usize::MAX] {
        let (told, accounts) = play_with(limits, &[c("\n".repeat(5000)), c(GET), s("\r\n"), s(OK)], slice);
        assert_eq!(
            (told, accounts.http),
            (vec!["GET / -> 200".to_owned()], accounts.delivered),
            "in slices of {slice}"
        );
        let (told, accounts) = play_with(limits, &[c(format!("\r\nGET /{}", "a".repeat(3000))), s(OK)], slice);
        assert!(told[0].starts_with("GET /aaa") && told[0].contains("head_too_long"), "in slices of {slice}: {told:?}");
        assert_eq!(accounts.unparsed[Unparsed::HeadLimit as usize] / 1000, 2, "in slices of {slice}");
    }
    // What is cut at the very limit without a verdict is another protocol's.
    for start in ["HTT", "GE", "\r\nGE"] {
        let limits = Limits { head: 3, ..Limits::default() };
        let (told, accounts) = play_with(limits, &[c(start), c("\x01 and more")], usize::MAX);
        assert_eq!((told.len(), accounts.other_total()), (0, accounts.delivered), "{start:?}");
    }
}

#[test]
fn a_protocol_that_is_known_of_one_side_settles_what_the_other_had_begun_to_say() {
    let accounts = check_uncut(&[s("\r\nHT"), c("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), s("more and more")], &[]);
    assert_eq!((accounts.http2_connections, accounts.other_total()), (1, 0));
}

#[test]
fn an_empty_line_on_the_limit_ends_the_head() {
    let head = "POST /a HTTP/1.1\r\nContent-Length: 5\r\nA: bcd\r\n\r\n";
    for short in 0..6 {
        let limits = Limits { head: head.len() - short, ..Limits::default() };
        for slice in [1, 10, usize::MAX] {
            let (told, _) = play_with(limits, &[c([head, "12345", GET].concat())], slice);
            let expected: &[&str] = match short {
                0 => &["POST /a '12345' -> -", "GET / -> -"],
                _ => &["POST /a '12345' -> - head_too_long", "GET / -> -"],
            };
            assert_eq!(told, expected, "{short} bytes short, in slices of {slice}");
        }
    }
}

#[test]
fn bare_crs_do_not_end_a_head_whose_lines_end_by_lf() {
    check(
        &[c("POST / HTTP/1.1\r\nA: x\r\ry\r\n\rB: \r\r\r\nContent-Length: 3\r\n\r\nabc"), c(GET)],
        &["POST / 'abc' -> - bare_line_end", "GET / -> -"],
    );
    // An empty line may have any number of them.
    check(&[c("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\r\r\nabc")], &["POST / 'abc' -> - bare_line_end"]);
}

#[test]
fn a_request_line_that_holds_a_bare_cr_is_no_lost_request() {
    let (told, accounts) = play_with(Limits::default(), &[c("GET x\rA: b HTTP/1.1\r\n\r\n"), s(OK)], usize::MAX);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("GET x\\rA: b -> 200"), "{told:?}");
    assert_eq!(accounts.requests, 1);
}

#[test]
fn connects_in_a_pipeline_are_not_read_again_and_again() {
    let ask = "CONNECT a:1 HTTP/1.1\r\n\r\n";
    let no = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
    let yes = "HTTP/1.1 200 OK\r\n\r\n";
    for answer in [no, yes] {
        // `play_with` itself asserts that no byte is looked at too often.
        let ops = [c(ask.repeat(2000)), s(answer.repeat(2000)), c(GET), s(OK)];
        let (told, accounts) = play_with(Limits::default(), &ops, 1400);
        assert_eq!(accounts.replays_over_limit, 1, "{answer}");
        assert!(accounts.unparsed[Unparsed::Replayed as usize] > 10_000, "{answer}");
        // Nor is the client lost from sight.
        assert!(told.last().is_some_and(|last| last.starts_with("GET / -> ")), "{:?}", told.last());
    }
    // A client that sends its next request behind each CONNECT stays within the limit however often it does.
    let turn = [c([ask, GET].concat()), s([no, OK].concat())];
    let (told, accounts) = play_with(Limits::default(), &turn.into_iter().cycle().take(400).collect::<Vec<_>>(), 1400);
    assert_eq!((told.len(), accounts.replays_over_limit), (400, 0));
}

#[test]
fn a_message_found_in_pieces_began_with_its_first_byte() {
    // The answer came when the start line had begun, so it is the request's.
    let answer = s("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    check_uncut(
        &[c(GET), s(OK), Op::GapC(10), c("GET /2 HT"), answer, c("TP/1.1\r\n\r\n"), s("k"), c(GET), s(OK)],
        &["GET / -> 200", "GET /2 -> 200 'ok' early_response pairing_guessed", "GET / -> 200"],
    );
}
