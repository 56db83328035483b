//! Whole connections: bytes and gaps in, exchanges out, and every byte accounted for.

use spyhop_model::{Connection as Facts, FlowId, FlowKey, Side, Socket, Timestamp, Vlans};

use crate::{
    Connection, Exchange, Field, Half, HttpAccounts, Inspection, Limits, MessageEnd, RequestHead, ResponseHead, Shared,
};

mod bodies;
mod broken;
mod cuts;
mod hostile;
mod http2;
mod messages;
mod properties;

/// Writes down what it is told.
struct Told {
    source: Option<std::net::IpAddr>,
    request: String,
    response: String,
    bodies: [(Vec<u8>, u32, bool); 2],
    messages: [Vec<u8>; 2],
}

impl Inspection for Told {
    type Context = Vec<String>;

    fn begin(_: &mut Vec<String>, _: &Facts, _: Timestamp) -> Self {
        Told {
            source: None,
            request: String::new(),
            response: String::new(),
            bodies: Default::default(),
            messages: Default::default(),
        }
    }
    fn passed_on(&mut self, source: std::net::IpAddr) {
        self.source = Some(source);
    }
    fn request(&mut self, _: &mut Vec<String>, head: &RequestHead<'_>) {
        assert!(self.request.is_empty(), "a second request head");
        assert!(head.target != b"/panic", "a fault of ours");
        self.request = format!("{} {}", head.method.escape_ascii(), head.target.escape_ascii());
        if let Some(host) = crate::field(head.fields, "host").filter(|_| head.version == (2, 0)) {
            self.request += &format!(" {}", host.escape_ascii());
        }
    }
    fn response(&mut self, _: &mut Vec<String>, head: &ResponseHead<'_>) {
        if let Some(source) = self.source {
            self.request += &format!(" for {source}");
        }
        assert!(self.response.is_empty(), "a second response head");
        self.response = head.status.to_string();
    }
    fn body(&mut self, _: &mut Vec<String>, half: Half, bytes: &[u8], last: bool) {
        let (body, calls, ended) = &mut self.bodies[half as usize];
        assert!(!*ended, "bytes after the last");
        assert!(*calls > 0 || !bytes.is_empty(), "a call for a body without bytes");
        body.extend_from_slice(bytes);
        *calls += 1;
        *ended = last;
    }
    fn trailers(&mut self, _: &mut Vec<String>, half: Half, fields: &[Field<'_>]) {
        let (_, calls, ended) = &self.bodies[half as usize];
        assert!(*ended || *calls == 0, "trailers before the end of the body");
        for field in fields {
            let text = format!(" +{}={}", field.name.escape_ascii(), field.value.escape_ascii());
            *(if half == Half::Request { &mut self.request } else { &mut self.response }) += &text;
        }
    }
    fn again(&self, _: &mut Vec<String>, _: &Facts, _: Timestamp) -> Self {
        Told {
            source: self.source,
            request: self.request.clone(),
            response: String::new(),
            bodies: Default::default(),
            messages: Default::default(),
        }
    }
    fn message(&mut self, _: &mut Vec<String>, half: Half, bytes: &[u8]) {
        self.messages[half as usize].extend_from_slice(bytes);
    }
    fn message_gap(&mut self, _: &mut Vec<String>, half: Half) {
        self.messages[half as usize].extend_from_slice(b"...");
    }
    fn message_end(&mut self, told: &mut Vec<String>, end: &MessageEnd) {
        let text = std::mem::take(&mut self.messages[end.half as usize]);
        let (kind, of, number) = (end.kind.name(), end.opened_by, end.number);
        let by = if end.half == Half::Request { '>' } else { '<' };
        let why = end.body.truncated.map(|why| format!(" {why:?}")).unwrap_or_default();
        told.push(format!("{kind} {of}{by}{number} {} '{}'{why}", self.request, text.escape_ascii()));
    }
    fn end(self, told: &mut Vec<String>, exchange: &Exchange) {
        assert!(exchange.completed_at >= exchange.ended_at && exchange.ended_at >= exchange.began_at);
        let mut text = String::new();
        let halves = [(&self.request, exchange.request), (&self.response, exchange.response)];
        for ((head, facts), (body, calls, ended)) in halves.into_iter().zip(&self.bodies) {
            text += if text.is_empty() { "" } else { " -> " };
            let Some(facts) = facts else {
                assert!(head.is_empty() && *calls == 0);
                text += "-";
                continue;
            };
            // What is told as messages is no body.
            assert!(facts.decoded_len == body.len() as u64 || (body.is_empty() && facts.decoded_len > 0));
            assert!(*ended || *calls == 0, "a body whose last piece was not marked");
            text += head;
            if !body.is_empty() {
                text += &match body.len() {
                    ..60 => format!(" '{}'", body.escape_ascii()),
                    length => format!(" [{length}]"),
                };
                text += &if *calls > 1 { format!(" in {calls}") } else { String::new() };
            }
            if facts.encoded_len != facts.decoded_len {
                text += &format!(" of {}", facts.encoded_len);
            }
            if let Some(why) = facts.truncated {
                text += &format!(" {why:?}");
            }
        }
        if exchange.interim > 0 {
            text += &format!(" interim {}", exchange.interim);
        }
        for name in exchange.defects.names() {
            text = text + " " + name;
        }
        let stream = exchange.stream.map(|stream| format!("{stream}: ")).unwrap_or_default();
        assert_eq!(stream.is_empty(), exchange.protocol == spyhop_model::Protocol::Http1);
        told.push(stream + &text);
    }
}

/// What happens on a connection, one thing a second.
#[derive(Clone, Debug)]
enum Op {
    /// The originator, or the responder, sends.
    C(Vec<u8>),
    S(Vec<u8>),
    /// Bytes of theirs are lost.
    GapC(u64),
    GapS(u64),
    /// They send no more.
    FinC,
    FinS,
}

fn c(bytes: impl AsRef<[u8]>) -> Op {
    Op::C(bytes.as_ref().to_vec())
}

fn s(bytes: impl AsRef<[u8]>) -> Op {
    Op::S(bytes.as_ref().to_vec())
}

fn facts() -> Facts {
    let socket = |ip: &str, port| Socket { ip: ip.parse().unwrap(), port };
    let (originator, responder) = (socket("10.0.0.1", 40000), socket("10.0.0.2", 7));
    let (key, _) = FlowKey::of(originator, responder, Vlans::default());
    Facts { id: FlowId(1), key, originator, responder, started: Timestamp(0), midstream: false }
}

/// Plays a connection, each piece cut into slices of at most `slice` bytes; the exchanges and the accounts.
fn play_with(limits: Limits, ops: &[Op], slice: usize) -> (Vec<String>, HttpAccounts) {
    let mut cx = Shared::<Told>::new(limits, Vec::new());
    let mut connection = Connection::open(&mut cx, &facts());
    let mut at = 0;
    let sound = |cx: &Shared<Told>, connection: &Connection<Told>, op: &Op| {
        assert!(cx.accounts.add_up(), "after {op:?}: {:?}", cx.accounts);
        // Two are being read, and the head of a third may be arriving.
        let (http1, http2) = connection.outstanding();
        assert!(http1 <= limits.outstanding + 3 && http2 <= limits.streams, "{http1} and {http2} exchanges kept");
        let looked_at = cx.looked_at;
        assert!(looked_at <= 16 * cx.accounts.delivered, "{looked_at} bytes of {}", cx.accounts.delivered);
    };
    for op in ops {
        at += 1;
        let now = Timestamp(at);
        let mut send = |cx: &mut Shared<Told>, side, bytes: &[u8]| {
            for some in bytes.chunks(slice) {
                connection.data(cx, now, side, some);
                sound(cx, &connection, op);
            }
        };
        match op {
            Op::C(bytes) => send(&mut cx, Side::Originator, bytes),
            Op::S(bytes) => send(&mut cx, Side::Responder, bytes),
            Op::GapC(lost) => connection.gap(&mut cx, now, Side::Originator, *lost),
            Op::GapS(lost) => connection.gap(&mut cx, now, Side::Responder, *lost),
            Op::FinC => connection.finished(&mut cx, now, Side::Originator),
            Op::FinS => connection.finished(&mut cx, now, Side::Responder),
        }
        sound(&cx, &connection, op);
    }
    connection.end(&mut cx, Timestamp(at + 1));
    assert!(cx.accounts.add_up() && cx.accounts.held == 0, "{:?}", cx.accounts);
    assert_eq!(cx.pool.lent(), 0, "all buffers came back");
    assert_eq!(cx.decoders.memory(), 0, "all decoders came back");
    assert_eq!(cx.tables, 0, "all tables came back");
    assert_eq!((cx.accounts.exchanges + cx.accounts.messages) as usize, cx.inspect.len());
    (cx.inspect, cx.accounts)
}

/// Plays a connection; what is expected is one line for each exchange, the same however the pieces are cut.
#[track_caller]
fn check(ops: &[Op], expected: &[&str]) -> HttpAccounts {
    for slice in [3, 1] {
        assert_eq!(play_with(Limits::default(), ops, slice).0, expected, "in slices of {slice}");
    }
    check_uncut(ops, expected)
}

/// As `check`, for what depends on where segments begin.
#[track_caller]
fn check_uncut(ops: &[Op], expected: &[&str]) -> HttpAccounts {
    let (told, accounts) = play_with(Limits::default(), ops, usize::MAX);
    assert_eq!(told, expected);
    accounts
}

#[test]
fn requests_and_answers_on_one_connection_are_paired_in_order() {
    check(
        &[
            c("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"),
            s("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
            c("POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
            s("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        ],
        &["GET /a -> 200 'hello'", "POST /b 'abc' -> 404"],
    );
}

#[test]
fn a_load_balancer_says_whose_connection_it_passes_on() {
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x0a\0\0\x02\x9c\x40\0\x50";
    for header in [&b"PROXY TCP4 203.0.113.7 10.0.0.2 40000 80\r\n"[..], v2] {
        let accounts = check(
            &[
                c([header, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"].concat()),
                s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
                c("GET /b HTTP/1.1\r\nHost: x\r\n\r\n"),
                s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            ],
            &["GET /a for 203.0.113.7 -> 200", "GET /b for 203.0.113.7 -> 200"],
        );
        assert_eq!(accounts.other_total(), 0);
    }
    // What only begins like one is read as what it is.
    check(
        &[c("\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n"), s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")],
        &["GET /a -> 200"],
    );
    check(
        &[c("PROXY /a HTTP/1.1\r\nHost: x\r\n\r\n"), s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")],
        &["PROXY /a -> 200"],
    );
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    check(
        &[
            c("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
            s("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
        ],
        &["GET /1 -> 200 '1'", "HEAD /2 -> 200", "GET /3 -> 304"],
    );
}

#[test]
fn interim_answers_are_counted_and_101_ends_http() {
    let accounts = check(
        &[
            c("POST /up HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
            s("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
            c("ab"),
            s("HTTP/1.1 204 No Content\r\n\r\n"),
            c("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
            s("HTTP/1.1 101 Switching Protocols\r\nContent-Length: 5\r\n\r\n\x01\x02"),
            c("GET /no HTTP/1.1\r\n\r\n"),
        ],
        &["POST /up 'ab' -> 204 interim 2", "GET /ws -> 101"],
    );
    assert_eq!((accounts.upgrades, accounts.other[crate::Other::Upgraded as usize]), (1, 22));
}

#[test]
fn roles_are_told_by_content_not_by_who_opened() {
    check(
        &[s("GET /a HTTP/1.1\r\n\r\n"), c("HTTP/1.1 200 OK\r\n\r\nto the end"), Op::FinC],
        &["GET /a -> 200 'to the end'"],
    );
}

#[test]
fn a_tunnel_is_detected_anew_and_a_refused_one_stays_http() {
    check(
        &[
            c("CONNECT a:443 HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 407 Authenticate\r\nContent-Length: 2\r\n\r\nno"),
            c("CONNECT a:443 HTTP/1.1\r\n\r\nGET /in HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
            c("GET /more HTTP/1.1\r\n\r\n"),
        ],
        &["CONNECT a:443 -> 407 'no'", "CONNECT a:443 -> 200", "GET /in -> 200 'hi'", "GET /more -> -"],
    );
    let accounts = check(
        &[
            c("CONNECT a:443 HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            c("CONNECT b:443 HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 200 OK\r\n\r\n"),
            c("\x16\x03\x01\x02\x00 hello"),
            s("\x16\x03\x03 hello"),
        ],
        &["CONNECT a:443 -> 403", "GET /next -> 200", "CONNECT b:443 -> 200"],
    );
    assert_eq!(accounts.tunnels, 1);
    assert!(accounts.other[crate::Other::Tls as usize] >= 12);
}

#[test]
fn a_response_that_began_before_the_next_request_answers_none() {
    check(
        &[
            c("GET /1 HTTP/1.1\r\n\r\n"),
            s("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nA"),
            s("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nB"),
            s("HTTP/1.1 200 OK\r\nContent-"),
            c("GET /2 HTTP/1.1\r\n\r\n"),
            s("Length: 1\r\n\r\nC"),
            s("HTTP/1.1 404 OK\r\nContent-Length: 1\r\n\r\nD"),
        ],
        &["GET /1 -> 200 'A'", "- -> 200 'B'", "GET /2 -> 404 'D'", "- -> 200 'C'"],
    );
}

#[test]
fn an_answer_to_an_unfinished_request_is_its_own_and_early() {
    check(
        &[
            c("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc"),
            s("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"),
            c("def"),
            c("GET /2 HTTP/1.1\r\nA: "),
            s("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"),
            c("b\r\n\r\n"),
        ],
        &["POST / 'abcdef' -> 413 early_response", "GET /2 -> 400 early_response"],
    );
}

#[test]
fn one_sided_captures_give_exchanges_with_one_half() {
    check(
        &[c("GET /1 HTTP/1.1\r\n\r\n"), c("POST /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\nab")],
        &["GET /1 -> -", "POST /2 'ab' -> -"],
    );
    check(
        &[s("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"), s("HTTP/1.1 200 OK\r\n\r\nx"), Op::FinS],
        &["- -> 200 'ab'", "- -> 200 'x'"],
    );
    // Without the request nobody knows that it was a HEAD.
    check_uncut(
        &[s("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"), s("HTTP/1.1 204 No\r\n\r\n")],
        &["- -> 200", "- -> 204"],
    );
}

#[test]
fn too_many_requests_without_answers_are_reported_as_they_are() {
    let many = "GET / HTTP/1.1\r\n\r\n".repeat(500);
    let limits = Limits { outstanding: 10, ..Limits::default() };
    let (told, accounts) = play_with(limits, &[c(&many)], 1400);
    assert_eq!((told.len(), accounts.outstanding_over_limit), (500, 490));
}

#[test]
fn a_client_in_the_middle_of_something_is_found_at_its_next_request() {
    check_uncut(
        &[s("of a body\r\n</html>"), c("GET /a HTTP/1.1\r\n\r\n"), s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")],
        &["GET /a -> 200"],
    );
}

#[test]
fn other_protocols_give_no_exchanges() {
    for (client, server) in [
        ("SSH-2.0-a\r\n", "SSH-2.0-b\r\n"),
        ("EHLO a\r\nMAIL FROM:<a@b>\r\n", "220 hi\r\n250 GET / HTTP/1.1\r\n"),
        ("*1\r\n$4\r\nPING\r\n", "+PONG\r\n"),
    ] {
        let accounts = check(&[c(client), s(server)], &[]);
        assert_eq!(accounts.other_total(), accounts.delivered, "{accounts:?}");
    }
    // Each side by itself: a plain request to an SSH server is a request.
    let accounts = check(&[c("GET / HTTP/1.1\r\n\r\n"), s("SSH-2.0-b\r\n")], &["GET / -> -"]);
    assert_eq!(accounts.other[crate::Other::Ssh as usize], 11);
    check(&[c("\x05\0\0\x03\x10"), s("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")], &["- -> 400"]);
}

#[test]
fn a_simple_request_has_a_simple_answer() {
    check(&[c("GET /old\r\n"), s("<html>"), s("</html>"), Op::FinS], &["GET /old -> 0 '<html></html>' odd_start_line"]);
}
