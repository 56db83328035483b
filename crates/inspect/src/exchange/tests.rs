//! What heads and bodies become in a call.

use std::net::IpAddr;

use spyhop_http::{Body, Exchange, Field, Half, Inspection, RequestHead, ResponseHead};
use spyhop_model::{
    Call, Connection, CredentialKind, Defects, FlowId, FlowKey, Key, Place, Protocol, Side, Sighting, Socket, Span,
    Timestamp, TokenFlaws, Traits, Vlans,
};

use super::*;

const TOKEN: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
/// Signed with `secret`, for `alice`, without an end.
const SIGNED: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VybmFtZSI6ImFsaWNlIiwiaWF0IjoxNzAwMDAwMDAwfQ.\
                      nosignature";

struct Asking<'a> {
    target: &'a str,
    fields: &'a [(&'a str, &'a str)],
    body: &'a str,
}

struct Telling<'a> {
    status: u16,
    fields: &'a [(&'a str, &'a str)],
    body: &'a str,
}

fn fields<'a>(of: &[(&'a str, &'a str)]) -> Vec<Field<'a>> {
    of.iter().map(|(name, value)| Field { name: name.as_bytes(), value: value.as_bytes() }).collect()
}

fn inspector() -> Inspector {
    Inspector::new(Arc::new(Knowledge::new(Key::new([3; 32]), false)))
}

fn connection() -> Connection {
    let socket = |last, port| Socket { ip: IpAddr::from([10, 0, 0, last]), port };
    let (originator, responder) = (socket(1, 40_000), socket(2, 80));
    let (key, _) = FlowKey::of(originator, responder, Vlans::default());
    let started = Timestamp::from_parts(1_700_000_000, 0);
    Connection { id: FlowId(7), key, originator, responder, started, midstream: false }
}

/// Plays one exchange, its bodies in pieces of `piece` bytes.
fn play(cx: &mut Inspector, asking: &Asking<'_>, telling: &Telling<'_>, piece: usize) -> Call {
    let connection = connection();
    let at = connection.started;
    let mut inspection = ExchangeInspection::begin(cx, &connection, at);
    let sent = fields(asking.fields);
    let method: &[u8] = if asking.body.is_empty() { b"GET" } else { b"POST" };
    let head = RequestHead { method, target: asking.target.as_bytes(), version: (1, 1), fields: &sent };
    inspection.request(cx, &head);
    let pass = |inspection: &mut ExchangeInspection, cx: &mut Inspector, half: Half, body: &str| {
        let count = body.len().div_ceil(piece);
        for (at, bytes) in body.as_bytes().chunks(piece).enumerate() {
            inspection.body(cx, half, bytes, at + 1 == count);
        }
    };
    pass(&mut inspection, cx, Half::Request, asking.body);
    let answered = fields(telling.fields);
    inspection.response(cx, &ResponseHead { status: telling.status, version: (1, 1), fields: &answered });
    pass(&mut inspection, cx, Half::Response, telling.body);
    let of = |body: &str| Some(Body { decoded_len: body.len() as u64, ..Body::default() });
    inspection.end(
        cx,
        &Exchange {
            ordinal: 0,
            protocol: Protocol::Http1,
            stream: None,
            client: Side::Originator,
            began_at: at,
            answered_at: Some(at),
            ended_at: at,
            completed_at: at,
            request: of(asking.body),
            response: of(telling.body),
            interim: 0,
            defects: Defects::default(),
            odd_versions: [None, None],
        },
    );
    match cx.take().pop() {
        Some(Sighting::Call(call)) => *call,
        other => panic!("{other:?}"),
    }
}

fn call(asking: &Asking<'_>, telling: &Telling<'_>) -> Call {
    play(&mut inspector(), asking, telling, usize::MAX)
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn a_token_is_handed_out_and_used() {
    let answer = format!(r#"{{"code":200,"data":{{"token":"{TOKEN}","refreshToken":"{TOKEN}00","expires_in":60}}}}"#);
    let mut cx = inspector();
    let login = play(
        &mut cx,
        &Asking {
            target: "/api/login",
            fields: &[("Host", "a.example"), JSON],
            body: r#"{"username":"alice","password":"x9","deviceId":"7f3c1a2b-9d8e"}"#,
        },
        &Telling { status: 200, fields: &[JSON], body: &answer },
        usize::MAX,
    );
    assert!(login.login.is_some() && login.device_id.is_some() && !login.refused && !login.logout);
    let [token, refresh] = login.issued.as_slice() else { panic!("{:?}", login.issued) };
    assert_eq!((&token.place, token.lasts), (&Place::Body("$.data.token".into()), Some(Span::seconds(60))));
    assert!(!token.refresh && refresh.refresh);
    let bearer = format!("Bearer {TOKEN}");
    let used = play(
        &mut cx,
        &Asking { target: "/api/orders", fields: &[("Authorization", &bearer)], body: "" },
        &Telling { status: 200, fields: &[JSON], body: r#"{"code":401,"msg":"登录已过期"}"# },
        usize::MAX,
    );
    assert_eq!(used.credentials[0].fingerprint, token.fingerprint);
    assert!(used.refused && used.issued.is_empty());
}

#[test]
fn what_is_handed_out_is_told_however_a_login_is_cut() {
    let answer = format!(r#"{{"pad":"{}","data":{{"token":"{TOKEN}"}}}}"#, "x".repeat(40 << 10));
    let login = Asking { target: "/login", fields: &[JSON], body: r#"{"username":"alice","password":"x9"}"# };
    let telling = Telling { status: 200, fields: &[JSON], body: &answer };
    for piece in [100, 1 << 14, usize::MAX] {
        assert_eq!(play(&mut inspector(), &login, &telling, piece).issued.len(), 1, "{piece}");
    }
    // A long answer to anything else passes by.
    let other = Asking { target: "/export", fields: &[], body: "" };
    assert!(call(&other, &telling).issued.is_empty());
}

#[test]
fn claims_are_read_on_both_sides() {
    let bearer = format!("Bearer {SIGNED}");
    let used = call(
        &Asking { target: "/", fields: &[("Authorization", &bearer)], body: "" },
        &Telling { status: 200, fields: &[("X-Auth-Token", SIGNED)], body: "" },
    );
    for (flaws, claims) in
        [(used.credentials[0].flaws, &used.credentials[0].claims), (used.issued[0].flaws, &used.issued[0].claims)]
    {
        assert!(flaws.has(TokenFlaws::NEVER_ENDS) && !flaws.has(TokenFlaws::KNOWN_SECRET));
        let account = claims.as_ref().and_then(|claims| claims.account.clone()).expect("an account");
        assert_eq!(&*account.name, "alice");
    }
    assert_eq!(used.credentials[0].fingerprint, used.issued[0].fingerprint);
}

#[test]
fn sessions_end_by_path_or_by_their_cookie() {
    let cookie = format!("sid={TOKEN}");
    let sent = [("Cookie", cookie.as_str())];
    let ask = |target| Asking { target, fields: &sent, body: "" };
    let plain = Telling { status: 200, fields: &[], body: "" };
    assert!(call(&ask("/user/logout"), &plain).logout);
    assert!(!call(&ask("/user/logout"), &Telling { status: 500, ..plain }).logout);
    assert!(!call(&ask("/user"), &plain).logout);
    let gone = Telling { status: 302, fields: &[("Set-Cookie", "sid=; Max-Age=0")], body: "" };
    let ended = call(&ask("/bye"), &gone);
    assert!(ended.logout && ended.issued[0].revoked);
    assert_eq!(ended.issued[0].fingerprint, ended.credentials[0].fingerprint);
    // Whoever is refused is not logged out by it.
    assert!(!call(&ask("/bye"), &Telling { status: 401, ..gone }).logout);
}

#[test]
fn callers_are_named_by_answers_and_gateways() {
    let body = r#"{"code":200,"user":{"userName":"admin","nickName":"x"},"roles":["admin"]}"#;
    let telling = Telling { status: 200, fields: &[JSON], body };
    let me = call(&Asking { target: "/getInfo", fields: &[("X-Forwarded-User", "bob")], body: "" }, &telling);
    assert_eq!(me.names_caller.map(|account| account.name.to_string()).as_deref(), Some("admin"));
    assert_eq!(me.header_account.map(|account| account.name.to_string()).as_deref(), Some("bob"));
    assert_eq!(call(&Asking { target: "/users/7", fields: &[], body: "" }, &telling).names_caller, None);
    assert_eq!(call(&Asking { target: "/getInfo?userId=7", fields: &[], body: "" }, &telling).names_caller, None);
}

#[test]
fn a_request_tells_of_its_client_and_operation() {
    let ask = Asking {
        target: "/graphql",
        fields: &[("X-Forwarded-For", "203.0.113.7, 10.0.0.9"), ("Origin", "https://a.example"), JSON],
        body: r#"{"query":"mutation CreateUser($a:String){createUser(name:$a){id}}","variables":{}}"#,
    };
    let seen = call(&ask, &Telling { status: 200, fields: &[], body: "" });
    assert_eq!(seen.operation.as_deref(), Some("CreateUser"));
    assert_eq!(seen.forwarded.map(|forwarded| forwarded.chain.len()), Some(2));
    assert!(seen.traits.has(Traits::ORIGIN) && !seen.traits.has(Traits::REFERER));
}

#[test]
fn a_code_is_good_for_one_use_on_both_sides() {
    let location = "/cb?code=7f3c1a2b9d8e7f3c1a2b&state=x";
    let answer = call(
        &Asking { target: "/authorize", fields: &[], body: "" },
        &Telling { status: 302, fields: &[("Location", location)], body: "" },
    );
    let cookie = format!("app_ticket={TOKEN}; Path=/");
    let back = call(
        &Asking { target: location, fields: &[], body: "" },
        &Telling { status: 302, fields: &[("Set-Cookie", &cookie)], body: "" },
    );
    assert_eq!((answer.issued[0].kind, back.credentials[0].kind), (CredentialKind::OneTime, CredentialKind::OneTime));
    assert_eq!(answer.issued[0].fingerprint, back.credentials[0].fingerprint);
    // Whoever hands in a code is let in: a cookie of any name is a session then.
    assert_eq!(back.issued[0].kind, CredentialKind::Cookie);
    assert!(back.request.is_some_and(|request| !request.target.contains("7f3c1a2b9d8e7f3c1a2b")));
}

#[test]
fn what_a_load_balancer_says_stands_beside_what_gateways_say() {
    let (mut cx, connection) = (inspector(), connection());
    let mut inspection = ExchangeInspection::begin(&mut cx, &connection, connection.started);
    let source = IpAddr::from([203, 0, 113, 7]);
    inspection.passed_on(source);
    let sent = fields(&[("X-Real-IP", "198.51.100.4")]);
    inspection.request(&mut cx, &RequestHead { method: b"GET", target: b"/", version: (1, 1), fields: &sent });
    let forwarded = inspection.caller.and_then(|caller| caller.forwarded).expect("both are told");
    assert_eq!((forwarded.proxied, forwarded.real_ip), (Some(source), Some(IpAddr::from([198, 51, 100, 4]))));
}
