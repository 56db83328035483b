//! The places and encodings in which secrets are planted.

use spyhop_model::{Side, Span, Timestamp};
use spyhop_testkit::http::{Coding, Message, base64, query};
use spyhop_testkit::{Capture, Conversation, Precision, time};

use super::secrets::{Kind, Secrets};

/// A capture in the making, and what is planted in it.
pub struct Garden {
    pub secrets: Secrets,
    capture: Capture,
    connections: u16,
}

/// A media type with a body.
type Body = (&'static str, Vec<u8>);
/// A way of writing values into a body.
type Written = (&'static str, fn(&[(&str, &str)]) -> Body);
/// A place, and what puts a value of some name there: into text, into a message, or into what one side says, which is
/// the client if so.
type Text = (&'static str, fn(&str, &str) -> String);
type Field = (&'static str, fn(Message, &str, &str) -> Message);
type Said = (&'static str, fn(&str, &str) -> (String, bool));
/// A place where the value alone is put.
type Alone = (&'static str, fn(&str) -> String);

fn percent(text: &str) -> String {
    text.bytes().map(|octet| format!("%{octet:02X}")).collect()
}

fn escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn joined(fields: &[(&str, &str)], between: &str, one: impl Fn(&str, &str) -> String) -> String {
    fields.iter().map(|(name, value)| one(name, value)).collect::<Vec<_>>().join(between)
}

fn object(fields: &[(&str, &str)]) -> String {
    format!("{{{}}}", joined(fields, ",", |name, value| format!(r#""{name}":"{value}""#)))
}

const JSON: &str = "application/json;charset=UTF-8";
const FORM: &str = "application/x-www-form-urlencoded";

/// Ways of writing values into a body.
const BODIES: [Written; 19] = [
    ("form", |f| (FORM, query(f).into())),
    ("form, percent-encoded", |f| (FORM, joined(f, "&", |n, v| format!("{n}={}", percent(v))).into())),
    ("form, doubly encoded", |f| (FORM, joined(f, "&", |n, v| format!("{n}={}", percent(&percent(v)))).into())),
    ("JSON", |f| (JSON, format!(r#"{{"code":0,"data":{{"list":[{}]}}}}"#, object(f)).into())),
    ("JSON, escaped", |f| {
        (JSON, format!("{{{}}}", joined(f, ",", |n, v| format!(r#""{n}":"{}""#, escaped(v)))).into())
    }),
    ("JSON in a JSON string", |f| {
        let inner = object(f).replace('"', "\\\"");
        (JSON, format!(r#"{{"data":"{inner}","message":"ok"}}"#).into())
    }),
    ("JSON numbers", |f| {
        let number = |v: &str| v.bytes().all(|octet| octet.is_ascii_digit());
        let one = |n: &str, v: &str| if number(v) { format!(r#""{n}":{v}"#) } else { format!(r#""{n}":"{v}""#) };
        (JSON, format!("[{{{}}}]", joined(f, ",", one)).into())
    }),
    ("JSON strings", |f| (JSON, format!("[{}]", joined(f, ",", |_, v| format!(r#""{v}""#))).into())),
    ("JSON keys", |f| (JSON, format!("{{{}}}", joined(f, ",", |n, v| format!(r#""{v}":{{"{n}":"{v}"}}"#))).into())),
    ("JSON in a form", |f| (FORM, format!("payload={}", percent(&object(f))).into())),
    ("JSON lines", |f| ("application/x-ndjson", format!("{}\n{}\n", object(f), object(f)).into())),
    ("JSON without a type", |f| ("", object(f).into())),
    ("multipart", |f| {
        let part = |n: &str, v: &str| format!("--xYz\r\nContent-Disposition: form-data; name=\"{n}\"\r\n\r\n{v}\r\n");
        ("multipart/form-data; boundary=xYz", format!("{}--xYz--\r\n", joined(f, "", part)).into())
    }),
    ("multipart file", |f| {
        let lines = format!("{}\r\n{}", joined(f, ",", |n, _| n.into()), joined(f, ",", |_, v| v.into()));
        let head = "--xYz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.csv\"\r\nContent-Type: text/csv";
        ("multipart/form-data; boundary=xYz", format!("{head}\r\n\r\n{lines}\r\n--xYz--\r\n").into())
    }),
    ("multipart names", |f| {
        let part = |_: &str, v: &str| {
            format!("--xYz\r\nContent-Disposition: form-data; name=\"{v}\"; filename=\"{v}.txt\"\r\n\r\n{v}\r\n")
        };
        ("multipart/form-data; boundary=xYz", format!("{}--xYz--\r\n", joined(f, "", part)).into())
    }),
    ("HTML", |f| {
        let row = |n: &str, v: &str| format!("<tr><th>{n}<td>{v}<input name=\"{n}\" value=\"{v}\">");
        ("text/html", format!("<html><body><table>{}</table>", joined(f, "\n", row)).into())
    }),
    ("text", |f| ("text/plain", joined(f, "\n", |n, v| format!("{n}: {v}")).into())),
    ("CSV", |f| {
        let (names, values) = (joined(f, ",", |n, _| n.into()), joined(f, ",", |_, v| v.into()));
        ("text/csv", format!("{names}\r\n{values}\r\n{values}\r\n").into())
    }),
    ("XML", |f| {
        ("application/xml", format!("<r>{}</r>", joined(f, "", |n, v| format!("<{n} a=\"{v}\">{v}</{n}>"))).into())
    }),
];

/// How a body is sent.
#[derive(Clone, Copy)]
struct Sent(&'static str, bool, Option<Coding>);

const SENDINGS: [Sent; 5] = [
    Sent("whole", false, None),
    Sent("chunked", true, None),
    Sent("gzip", false, Some(Coding::Gzip)),
    Sent("deflate", false, Some(Coding::Deflate)),
    Sent("gzip, chunked", true, Some(Coding::Gzip)),
];

impl Garden {
    pub fn new(seed: u64) -> Garden {
        Garden { secrets: Secrets::new(seed), capture: Capture::new(), connections: 0 }
    }

    /// The capture as a file; packets of a later second are later.
    pub fn pcap(&self) -> Vec<u8> {
        let mut capture = self.capture.clone();
        capture.sort();
        capture.pcap(Precision::Nano).expect("one link type")
    }

    fn begin(&mut self) -> Conversation {
        let n = self.connections;
        self.connections += 1;
        let at = time(0).0 + u64::from(n) * 20_000_000;
        let client = format!("10.20.{}.{}:{}", n / 200, n % 200 + 1, 20_000 + n);
        Conversation::new(&client, "10.0.0.1:80").at(Timestamp(at))
    }

    /// A whole connection with whatever the two say.
    fn say(&mut self, request: impl AsRef<[u8]>, response: impl AsRef<[u8]>) {
        let talk = self.begin().client(request).server(response).close();
        self.capture.add(talk.frames());
    }

    fn exchange(&mut self, request: Message, response: Message) {
        self.say(request.host("api.shop.example").bytes(), response.bytes());
    }

    fn plant(&mut self, kind: Kind, at: &str) -> String {
        self.secrets.plant(kind, at)
    }

    /// One of each kind with its name.
    fn all(&mut self, at: &str) -> Vec<(&'static str, String)> {
        Kind::ALL.map(|kind| (kind.name(), self.plant(kind, at))).into()
    }

    /// Bodies of every form in every coding, in requests and responses.
    pub fn bodies(&mut self) {
        for Sent(sent, chunked, coding) in SENDINGS {
            for (form, body) in BODIES {
                for half in ["request", "response"] {
                    let values = self.all(&format!("{form} body, {sent}, {half}"));
                    let fields: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
                    let (media, body) = body(&fields);
                    let mut message = match half {
                        "request" => Message::post("/api/v1/things").agent("curl/8.14.1"),
                        _ => Message::response(200),
                    };
                    if !media.is_empty() {
                        message = message.header("Content-Type", media);
                    }
                    message = message.body(body);
                    if let Some(coding) = coding {
                        message = message.coded(coding);
                    }
                    if chunked {
                        message = message.chunked(&mut self.secrets.rng);
                    }
                    match half {
                        "request" => self.exchange(message, Message::response(204)),
                        _ => self.exchange(Message::get("/api/v1/things/7"), message),
                    }
                }
            }
        }
    }

    /// Targets: query, path, fragment, user information, in every encoding.
    pub fn targets(&mut self) {
        let ok = || Message::response(200).json(r#"{"code":0}"#);
        for kind in Kind::ALL {
            let name = kind.name();
            for (how, code) in [
                ("plain", (|v| v.to_owned()) as fn(&str) -> String),
                ("percent", percent),
                ("double", |v| percent(&percent(v))),
            ] {
                let places: [Text; 6] = [
                    ("a named parameter", |n, v| format!("/a?x=1&{n}={v}")),
                    ("a matrix parameter", |n, v| format!("/a;{n}={v}/b")),
                    ("a fragment", |n, v| format!("/a?x=1#{n}={v}")),
                    ("a link in a parameter", |n, v| {
                        format!("/a?redirect={}", percent(&format!("https://b.example/c?{n}={v}")))
                    }),
                    ("JSON in a parameter", |n, v| format!("/a?filter={}", percent(&format!(r#"{{"{n}":"{v}"}}"#)))),
                    ("a parameter of an absolute target", |n, v| format!("http://api.shop.example/a?{n}={v}")),
                ];
                for (place, target) in places {
                    let value = code(&self.plant(kind, &format!("{place}, {how}")));
                    self.exchange(Message::get(&target(name, &value)), ok());
                }
                if !Kind::RECOGNISED.contains(&kind) {
                    continue;
                }
                let places: [Alone; 5] = [
                    ("a segment", |v| format!("/users/{v}/orders")),
                    ("the last segment", |v| format!("/files/{v}.pdf")),
                    ("a parameter that tells nothing", |v| format!("/a?q={v}")),
                    ("a parameter's name", |v| format!("/a?{v}=1")),
                    ("a query without names", |v| format!("/a?{v}")),
                ];
                for (place, target) in places {
                    let value = code(&self.plant(kind, &format!("{place}, {how}")));
                    self.exchange(Message::get(&target(&value)), ok());
                }
            }
        }
        let password = self.plant(Kind::Password, "user information of the target");
        self.exchange(Message::get(&format!("http://alice:{password}@api.shop.example/a")), ok());
        for status in [401, 403, 404, 500] {
            for (name, value) in self.all(&format!("the target of a request answered with {status}")) {
                self.exchange(Message::get(&format!("/v2/b?{name}={value}")), Message::response(status));
            }
        }
    }

    /// Header fields of both halves.
    pub fn headers(&mut self) {
        for kind in Kind::ALL {
            let name = kind.name();
            let requests: [Field; 14] = [
                ("Bearer", |m, _, v| m.bearer(v)),
                ("Basic, password", |m, _, v| m.basic("alice", v)),
                ("Basic, not coded", |m, _, v| m.header("Authorization", &format!("Basic alice:{v}"))),
                ("Authorization without a scheme", |m, _, v| m.header("Authorization", v)),
                ("an own scheme", |m, n, v| m.header("Authorization", &format!("Shop {n}=\"{v}\", n=1"))),
                ("Proxy-Authorization", |m, _, v| {
                    m.header("Proxy-Authorization", &format!("Basic {}", base64(format!("bob:{v}").as_bytes())))
                }),
                ("a cookie", |m, n, v| m.cookie(&format!("theme=dark; {n}={v}; JSESSIONID={v}"))),
                ("a cookie without a name", |m, _, v| m.cookie(v)),
                ("X-Token", |m, _, v| m.header("X-Token", v)),
                ("X-Api-Key", |m, _, v| m.header("X-Api-Key", v)),
                ("Referer", |m, n, v| m.header("Referer", &format!("http://a.example/{v}?{n}={v}"))),
                ("Origin", |m, _, v| m.header("Origin", &format!("http://{v}.example"))),
                ("X-Forwarded-For", |m, _, v| m.header("X-Forwarded-For", v)),
                ("Sec-WebSocket-Protocol", |m, _, v| m.header("Sec-WebSocket-Protocol", &format!("bearer, {v}"))),
            ];
            for (place, write) in requests {
                let value = self.plant(kind, &format!("{place} of a request"));
                let request = write(Message::get("/api/v1/headers"), name, &value);
                self.exchange(request, Message::response(200).json(r#"{"code":0}"#));
            }
            let responses: [Field; 7] = [
                ("Set-Cookie", |m, n, v| m.header("Set-Cookie", &format!("{n}={v}; Path=/; HttpOnly"))),
                ("Location", |m, n, v| m.header("Location", &format!("https://a.example/{v}?{n}={v}#{n}={v}"))),
                ("X-Token", |m, _, v| m.header("X-Token", v)),
                ("Authorization", |m, _, v| m.header("Authorization", &format!("Bearer {v}"))),
                ("WWW-Authenticate", |m, n, v| m.header("WWW-Authenticate", &format!("Basic realm=\"{v}\", {n}={v}"))),
                ("Server", |m, _, v| m.header("Server", v)),
                ("X-Debug", |m, n, v| m.header("X-Debug", &format!("user {n}={v} logged in"))),
            ];
            for (place, write) in responses {
                let value = self.plant(kind, &format!("{place} of a response"));
                let response = write(Message::response(302), name, &value);
                self.exchange(Message::get("/api/v1/headers"), response);
            }
        }
        for kind in Kind::RECOGNISED {
            for (place, write) in [
                ("User-Agent", (|m, v| m.agent(&format!("Shop/1.0 ({v}; zh)"))) as fn(Message, &str) -> Message),
                ("the whole User-Agent", |m, v| m.agent(v)),
            ] {
                let value = self.plant(kind, place);
                self.exchange(write(Message::get("/agents"), &value), Message::response(204));
            }
            let value = self.plant(kind, "Host");
            self.say(Message::get("/hosts").host(&value).bytes(), Message::response(204).bytes());
            let value = self.plant(kind, "a part of Host");
            let host = format!("{value}.shop.example");
            self.say(Message::get("/hosts").host(&host).bytes(), Message::response(204).bytes());
        }
        let password = self.plant(Kind::Password, "user information of Host");
        self.say(Message::get("/").host(&format!("bob:{password}@a.example")).bytes(), Message::response(204).bytes());
    }

    /// Where names are expected: names become places of observations and credentials.
    pub fn names(&mut self) {
        for kind in Kind::RECOGNISED {
            let value = self.plant(kind, "a header's name");
            self.exchange(Message::get("/names").header(&value, "13912345678"), Message::response(204));
            let value = self.plant(kind, "a header's name of a response");
            self.exchange(Message::get("/names"), Message::response(200).header(&value, "13912345678"));
            let value = self.plant(kind, "a header's name that says key");
            self.exchange(
                Message::get("/names").header(&format!("X-{value}-Token"), "abcdefghijkl01"),
                Message::response(204),
            );
            let value = self.plant(kind, "a cookie's name");
            self.exchange(Message::get("/names").cookie(&format!("{value}=13912345678")), Message::response(204));
            let value = self.plant(kind, "a parameter's name with a value to see");
            self.exchange(Message::get(&format!("/names?{value}=13912345678")), Message::response(204));
            let value = self.plant(kind, "a form's name");
            self.exchange(Message::post("/names").form(&[(&value, "13912345678")]), Message::response(204));
            for (how, body) in [
                ("a key", (|v| format!(r#"{{"users":{{"{v}":{{"mobile":"13912345678"}}}}}}"#)) as fn(&str) -> String),
                ("the key of a value", |v| format!(r#"{{"{v}":"13912345678"}}"#)),
                ("an escaped key", |v| format!(r#"{{"{}":["13912345678"]}}"#, escaped(v))),
                ("a key with more", |v| format!(r#"{{"user_{v}":{{"mobile":"13912345678"}}}}"#)),
                ("a key of JSON in a string", |v| format!(r#"{{"a":"{{\"{v}\":{{\"mobile\":\"13912345678\"}}}}"}}"#)),
            ] {
                let value = self.plant(kind, &format!("{how} of JSON"));
                self.exchange(Message::get("/names"), Message::response(200).json(body(&value)));
            }
            let value = self.plant(kind, "a column's name");
            let table = format!("id,{value}\r\n1,13912345678\r\n2,13912345679\r\n");
            self.exchange(
                Message::get("/names"),
                Message::response(200).header("Content-Type", "text/csv").body(table),
            );
            let value = self.plant(kind, "an element's name");
            let tree = format!("<r><{value}>13912345678</{value}></r>");
            self.exchange(Message::get("/names"), Message::response(200).header("Content-Type", "text/xml").body(tree));
            let value = self.plant(kind, "the media type");
            let typed = |value: &str| format!("application/{value}; charset={value}");
            self.exchange(
                Message::post("/names").header("Content-Type", &typed(&value)).body("a=1"),
                Message::response(204),
            );
            let value = self.plant(kind, "the media type of a response");
            self.exchange(
                Message::get("/names"),
                Message::response(200).header("Content-Type", &typed(&value)).body("a"),
            );
        }
        for kind in Kind::ALL {
            let value = self.plant(kind, "the method");
            self.exchange(Message::request(&value, "/names"), Message::response(405));
        }
    }

    /// Logins, granted and refused; also with personal values for accounts.
    pub fn logins(&mut self) {
        for granted in [true, false] {
            let outcome = if granted { "granted" } else { "refused" };
            for (form, body) in BODIES {
                let password = self.plant(Kind::Password, &format!("a {outcome} login, {form}"));
                let account = self.plant(Kind::Email, &format!("the account of a {outcome} login, {form}"));
                let (media, body) = body(&[("username", &account), ("password", &password)]);
                let request = Message::post("/login").header("Content-Type", media).body(body);
                let response = self.granting(granted, form);
                self.exchange(request, response);
            }
            for kind in [Kind::Mobile, Kind::ResidentId, Kind::BankCard, Kind::Email] {
                let account = self.plant(kind, &format!("the account of a {outcome} login"));
                let password = self.plant(Kind::Password, &format!("a {outcome} login"));
                for _ in 0..2 {
                    let response = self.granting(granted, "again");
                    self.exchange(Message::post("/login").form(&[("account", &account), ("pwd", &password)]), response);
                }
                let request = Message::get("/admin").basic(&account, &password);
                self.exchange(request, Message::response(if granted { 200 } else { 401 }));
                let (account, password) = (percent(&account), percent(&password));
                let response = self.granting(granted, "by query");
                self.exchange(Message::get(&format!("/login?username={account}&password={password}")), response);
            }
        }
        let old = self.plant(Kind::Password, "the old password of a change");
        let new = self.plant(Kind::Password, "the new password of a change");
        let body = format!(
            r#"{{"username":"zhangwei","oldPassword":"{old}","newPassword":"{new}","confirmPassword":"{new}"}}"#
        );
        self.exchange(Message::post("/api/v1/password").json(body), Message::response(200).json(r#"{"code":0}"#));
    }

    fn granting(&mut self, granted: bool, form: &str) -> Message {
        if !granted {
            return Message::response(401).json(r#"{"code":401,"message":"wrong password"}"#);
        }
        let session = self.plant(Kind::Token, &format!("the session of a login, {form}"));
        let token = self.plant(Kind::Jwt, &format!("the token of a login, {form}"));
        Message::response(200)
            .header("Set-Cookie", &format!("SESSION={session}; Path=/"))
            .json(format!(r#"{{"code":0,"data":{{"token":"{token}","refreshToken":"{session}"}}}}"#))
    }

    /// Messages that are wrong, and talk that is no HTTP.
    pub fn malformed(&mut self) {
        let ok = Message::response(200).json(r#"{"code":0}"#).bytes();
        for kind in Kind::ALL {
            let name = kind.name();
            let requests: [Text; 16] = [
                ("a request line without a version", |n, v| format!("GET /a?{n}={v}\r\n\r\n")),
                ("a request line of version 3.7", |n, v| format!("GET /a?{n}={v} HTTP/3.7\r\nHost: a.example\r\n\r\n")),
                ("a target with spaces", |n, v| format!("GET /a b?{n}={v} c HTTP/1.1\r\nHost: a.example\r\n\r\n")),
                ("a target without a slash", |n, v| format!("GET a?{n}={v} HTTP/1.1\r\nHost: a.example\r\n\r\n")),
                ("a header without a colon", |_, v| format!("GET / HTTP/1.1\r\nHost: a.example\r\n{v}\r\n\r\n")),
                ("a folded header", |n, v| format!("GET / HTTP/1.1\r\nHost: a.example\r\nX-A: {n}\r\n {v}\r\n\r\n")),
                ("a length", |_, v| format!("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {v}\r\n\r\nabc")),
                ("a transfer coding", |_, v| {
                    format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {v}\r\n\r\n0\r\n\r\n")
                }),
                ("a chunk's size", |_, v| {
                    format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{v}\r\nabc\r\n0\r\n\r\n")
                }),
                ("a chunk's extension", |n, v| {
                    format!(
                        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;{n}={v}\r\nabc\r\n0\r\n\r\n"
                    )
                }),
                ("a trailer", |n, v| {
                    format!(
                        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n{n}: {v}\r\n\r\n"
                    )
                }),
                ("what follows a body that is longer than its length", |n, v| {
                    format!(
                        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc{n}{v} /x HTTP/1.1\r\nHost: a\r\n\r\n"
                    )
                }),
                ("a second request within a body that is longer than its length", |n, v| {
                    format!(
                        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc&{n}={v}POST /x HTTP/1.1\r\nHost: a\r\n\r\n"
                    )
                }),
                ("lines that end without CR", |n, v| format!("GET /a?{n}={v} HTTP/1.1\nHost: a\nX-Token: {v}\n\n")),
                ("a zero octet in a header", |n, v| format!("GET /a HTTP/1.1\r\nHost: a\r\nX-A: \0{n}={v}\r\n\r\n")),
                ("no HTTP", |n, v| format!("LOGIN {n} {v}\r\nAUTH {v}\r\n")),
            ];
            for (place, write) in requests {
                let value = self.plant(kind, &format!("malformed: {place}"));
                self.say(write(name, &value), &ok);
            }
            let responses: [Text; 7] = [
                ("a reason phrase", |_, v| format!("HTTP/1.1 200 {v}\r\nContent-Length: 0\r\n\r\n")),
                ("a status", |_, v| format!("HTTP/1.1 {v} OK\r\nContent-Length: 0\r\n\r\n")),
                ("a status line without HTTP", |n, v| format!("{n} {v} 200 OK\r\nContent-Length: 0\r\n\r\n")),
                ("a header without a colon", |n, v| format!("HTTP/1.1 200 OK\r\n{n}{v}\r\nContent-Length: 0\r\n\r\n")),
                ("a length", |_, v| format!("HTTP/1.1 200 OK\r\nContent-Length: {v}\r\n\r\nabc")),
                ("a content coding", |_, v| {
                    format!("HTTP/1.1 200 OK\r\nContent-Encoding: {v}\r\nContent-Length: 3\r\n\r\nabc")
                }),
                ("a broken gzip", |n, v| {
                    format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 90\r\n\r\n\u{1f}{n}={v}")
                }),
            ];
            for (place, write) in responses {
                let value = self.plant(kind, &format!("malformed response: {place}"));
                self.say(Message::get("/m").host("a.example").bytes(), write(name, &value));
            }
        }
    }

    /// What is missing in the middle of a value, and what the capture ends in.
    pub fn cut_off(&mut self) {
        for kind in Kind::ALL {
            let name = kind.name();
            let places: [Said; 7] = [
                ("target", |n, v| (format!("GET /a?{n}={v} HTTP/1.1\r\nHost: a.example\r\n\r\n"), true)),
                ("header", |_, v| (format!("GET /a HTTP/1.1\r\nHost: a.example\r\nX-Token: {v}\r\n\r\n"), true)),
                ("cookie", |n, v| (format!("GET /a HTTP/1.1\r\nHost: a.example\r\nCookie: {n}={v}\r\n\r\n"), true)),
                ("form", |n, v| {
                    let head = format!("POST /login HTTP/1.1\r\nHost: a.example\r\nContent-Type: {FORM}\r\n");
                    (format!("{head}Content-Length: 300\r\n\r\nusername=a&{n}={v}&x=1"), true)
                }),
                ("JSON", |n, v| {
                    let head = format!("POST /login HTTP/1.1\r\nHost: a.example\r\nContent-Type: {JSON}\r\n");
                    (format!("{head}Content-Length: 300\r\n\r\n{{\"username\":\"a\",\"{n}\":\"{v}\",\"x\":1}}"), true)
                }),
                ("header of a response", |n, v| {
                    (format!("HTTP/1.1 200 OK\r\nSet-Cookie: {n}={v}\r\nContent-Length: 0\r\n\r\n"), false)
                }),
                ("JSON of a response", |n, v| {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nContent-Length: 300\r\n\r\n");
                    (format!("{head}{{\"{n}\":\"{v}\",\"x\":1}}"), false)
                }),
            ];
            for (place, write) in places {
                for gap in [true, false] {
                    let how = if gap { "a gap in" } else { "cut off in" };
                    let value = self.plant(kind, &format!("{how} a {place}"));
                    let (message, from_client) = write(name, &value);
                    // Most of the value is there.
                    let end = message.rfind(&value).map_or(message.len(), |at| at + value.len() - 2);
                    let (seen, rest) = message.split_at(end);
                    let (side, mut talk) = (if from_client { Side::Originator } else { Side::Responder }, self.begin());
                    if !from_client {
                        talk = talk.client(Message::get("/cut").host("a.example").bytes());
                    }
                    talk.send(side, seen.as_bytes());
                    if gap {
                        talk = talk.lost(side, 1).pause(Span::millis(1));
                        talk.send(side, &rest.as_bytes()[1..]);
                        talk.send(side.other(), &Message::response(204).bytes());
                        talk = talk.close();
                    }
                    self.capture.add(talk.frames());
                }
            }
        }
    }
}
