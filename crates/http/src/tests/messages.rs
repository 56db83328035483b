//! Messages that an exchange carries beside its bodies, and what opens the way to them.

use super::*;

const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

/// A frame (RFC 6455, section 5.2) that a client masks.
fn frame(first: u8, text: &str, masked: bool) -> Vec<u8> {
    let mut frame = vec![first, text.len() as u8 | if masked { 0x80 } else { 0 }];
    let key = [1, 2, 3, 4];
    if masked {
        frame.extend(key);
        frame.extend(text.bytes().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        frame.extend(text.bytes());
    }
    frame
}

#[test]
fn messages_of_a_websocket_go_under_the_number_of_its_exchange() {
    let accounts = check(
        &[
            c("GET /first HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 204 No Content\r\n\r\n"),
            c("GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
            s([UPGRADED.as_bytes(), &frame(0x81, "welcome", false)].concat()),
            c([frame(1, "hel", true), frame(0x89, "ping", true), frame(0x80, "lo", true)].concat()),
            c(frame(0x81, "again", true)),
            c(frame(0x88, "", true)),
        ],
        &[
            "GET /first -> 204",
            "GET /chat -> 101",
            "websocket 1<0 GET /chat 'welcome'",
            "websocket 1>0 GET /chat 'hello'",
            "websocket 1>1 GET /chat 'again'",
        ],
    );
    assert_eq!((accounts.messages, accounts.http), (3, accounts.delivered));
}

#[test]
fn a_gap_in_a_message_is_told_and_the_next_one_is_read() {
    let mut long = frame(0x81, &"x".repeat(100), true);
    long.truncate(50);
    check(
        &[
            c("GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
            s(UPGRADED),
            c(&long),
            Op::GapC(106 - 50),
            c(frame(0x81, "next", true)),
        ],
        &[
            "GET /chat -> 101",
            &format!("websocket 0>0 GET /chat '{}...' Gap", "x".repeat(44)),
            "websocket 0>1 GET /chat 'next'",
        ],
    );
}

#[test]
fn server_sent_events_are_told_before_their_exchange_ends() {
    check(
        &[
            c("GET /events HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: one\n\n"),
            s(": comment\ndata: two\ndata: lines\n\nevent: x\n\n"),
            Op::FinS,
        ],
        &["sse 0<0 GET /events 'one'", "sse 0<1 GET /events 'two\\nlines'", "GET /events -> 200"],
    );
}

#[test]
fn a_body_behind_a_wrong_label_is_shown_as_it_is() {
    let json = "{\"id\":\"data: no event\"}";
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\r\n", json.len());
    check(
        &[c("GET /x HTTP/1.1\r\n\r\n"), s([&head, json].concat())],
        &["GET /x -> 200 '{\\\"id\\\":\\\"data: no event\\\"}'"],
    );
}

#[test]
fn the_first_message_of_grpc_is_its_body_and_the_others_are_told_apart() {
    let message = |text: &str| [&[0, 0, 0, 0, text.len() as u8], text.as_bytes()].concat();
    let body = [message("first"), message("second"), message("third")].concat();
    let head =
        format!("POST /a.B/C HTTP/1.1\r\nContent-Type: application/grpc\r\nContent-Length: {}\r\n\r\n", body.len());
    check(
        &[c([head.as_bytes(), &body].concat()), s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")],
        &["grpc 0>1 POST /a.B/C 'second'", "grpc 0>2 POST /a.B/C 'third'", "POST /a.B/C 'first' of 31 -> 200"],
    );
    // What is none of it is shown as it is.
    let json = "{\"not\":\"grpc\"}";
    let head = format!("POST /x HTTP/1.1\r\nContent-Type: application/grpc\r\nContent-Length: {}\r\n\r\n", json.len());
    let (told, _) = play_with(Limits::default(), &[c([&head, json].concat())], usize::MAX);
    assert!(told[0].contains("not"), "{told:?}");
}

#[test]
fn a_client_that_ends_behind_its_connect_is_still_read_in_the_tunnel() {
    check(
        &[
            c("CONNECT a:80 HTTP/1.1\r\n\r\nGET /in HTTP/1.1\r\n\r\n"),
            Op::FinC,
            s("HTTP/1.1 200 OK\r\n\r\n"),
            s("HTTP/1.1 204 No Content\r\n\r\n"),
        ],
        &["CONNECT a:80 -> 200", "GET /in -> 204"],
    );
}
