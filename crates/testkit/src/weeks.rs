//! Ten weeks of an invented office, thinly captured: a few people with habits, then one incident of each kind that only
//! habits or several accounts show. [`scenario`](crate::scenario()) has what a few minutes show.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use spyhop_model::{Span, Timestamp};

use crate::capture::{Capture, Precision};
use crate::events::time;
use crate::http::{Message, base64url};
use crate::people::{Person, strong_password};
use crate::rng::Rng;
use crate::wire::Conversation;

const DAY: u64 = 86_400;
/// People who come every day; each has a seat and a browser.
const PEOPLE: u8 = 12;
/// Days on which they come.
const HABIT: u64 = 56;

const HOST: &str = "oa.corp.example";

const WINDOWS: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                   Version/18.6 Safari/605.1.15";
const LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                    Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0";
const SCRIPT: &str = "python-requests/2.32.5";

/// The capture, and what of it may appear in no output.
#[derive(Clone, Debug)]
pub struct Weeks {
    /// A nanosecond pcap.
    pub pcap: Vec<u8>,
    /// Passwords and tokens.
    pub secrets: BTreeSet<String>,
}

/// Makes the capture.
///
/// # Errors
/// None but those of memory.
pub fn weeks(seed: u64) -> io::Result<Weeks> {
    let mut office = Office {
        rng: Rng::new(seed),
        talks: Vec::new(),
        port: 20_000,
        secrets: BTreeSet::new(),
        passwords: Vec::new(),
    };
    office.passwords = (0..PEOPLE).map(|_| strong_password(&mut office.rng)).collect();
    office.everyday();
    office.incidents();
    let mut capture = Capture::of(office.talks);
    capture.sort();
    Ok(Weeks { pcap: capture.pcap(Precision::Nano)?, secrets: office.secrets })
}

/// Where somebody sits, and with what.
#[derive(Clone, Copy)]
struct Seat {
    ip: Ipv4Addr,
    agent: &'static str,
}

const fn seat(ip: [u8; 4], agent: &'static str) -> Seat {
    Seat { ip: Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3]), agent }
}

struct Office {
    rng: Rng,
    talks: Vec<Conversation>,
    port: u16,
    secrets: BTreeSet<String>,
    passwords: Vec<String>,
}

/// A moment: so many seconds into a day, which begins at ten in the morning.
fn on(day: u64, second: u64) -> Timestamp {
    time(day * DAY + second)
}

fn name(person: u8) -> String {
    format!("lihua{person:02}")
}

fn home(person: u8) -> Seat {
    seat([10, 20, 0, 10 + person], [WINDOWS, MAC, EDGE, LINUX][usize::from(person % 4)])
}

impl Office {
    /// One exchange over a connection of its own.
    fn say(&mut self, at: Timestamp, seat: Seat, request: Message, response: Message) {
        let client = SocketAddr::new(IpAddr::V4(seat.ip), self.port);
        self.port = if self.port == u16::MAX { 20_000 } else { self.port + 1 };
        let server = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)), 80);
        let request = request.host(HOST).agent(seat.agent).header("Accept-Language", "zh-CN,zh;q=0.9").bytes();
        let talk = Conversation::between(client, server).at(at).client(request).pause(Span::millis(20));
        self.talks.push(talk.server(response.bytes()).close());
    }

    fn attempt(&mut self, at: Timestamp, seat: Seat, account: &str, password: &str, answer: &str) {
        self.secrets.insert(password.to_owned());
        let body = format!(r#"{{"username":"{account}","password":"{password}"}}"#);
        self.say(at, seat, Message::post("/api/login").json(body), Message::response(200).json(answer));
    }

    /// A login that succeeds, and its token.
    fn login(&mut self, at: Timestamp, seat: Seat, person: u8) -> String {
        let token = self.rng.text("0123456789abcdef", 40);
        self.secrets.insert(token.clone());
        let password = self.passwords[usize::from(person)].clone();
        let answer = format!(r#"{{"code":0,"msg":"登录成功","data":{{"token":"{token}"}}}}"#);
        self.attempt(at, seat, &name(person), &password, &answer);
        token
    }

    fn call(&mut self, at: Timestamp, seat: Seat, token: &str, target: &str) {
        self.answered(at, seat, token, target, Message::response(200).json(r#"{"code":0,"data":{"state":"done"}}"#));
    }

    fn answered(&mut self, at: Timestamp, seat: Seat, token: &str, target: &str, response: Message) {
        self.say(at, seat, Message::get(target).bearer(token), response);
    }

    fn everyday(&mut self) {
        for day in 0..HABIT {
            for person in 0..PEOPLE {
                // The last of them is away after a week.
                if person == PEOPLE - 1 && day > 6 {
                    continue;
                }
                let begin = u64::from(person) * 97 + self.rng.below(600);
                let token = self.login(on(day, begin), home(person), person);
                for hour in 1..4 {
                    let second = begin + hour * 1_800 + self.rng.below(600);
                    let target = format!("/api/tasks/{}", self.rng.range(1..9_000));
                    self.call(on(day, second), home(person), &token, &target);
                }
            }
        }
    }

    fn incidents(&mut self) {
        self.travels(40);
        self.scripted(41);
        self.borrowed(42);
        self.shared(43);
        self.several_roles(44);
        self.sprayed(45);
        self.enumerated(46);
        self.replayed(47);
        self.unusual(48);
        self.codes(49);
        self.denied(50);
        self.rushed(51);
        self.weak_tokens(52);
        self.stuffed(53);
        self.guessed(54);
        self.exposed(55);
        let away = PEOPLE - 1;
        self.login(on(69, 0), home(away), away);
    }

    /// Half an hour between China and the United States.
    fn travels(&mut self, day: u64) {
        for (second, ip) in [(20_000, [202, 106, 0, 20]), (21_800, [8, 8, 4, 33])] {
            let token = self.login(on(day, second), seat(ip, WINDOWS), 0);
            self.call(on(day, second + 60), seat(ip, WINDOWS), &token, "/api/tasks/7");
        }
    }

    fn scripted(&mut self, day: u64) {
        for minute in 0..3 {
            self.login(on(day, 20_000 + minute * 60), seat([10, 20, 9, 9], SCRIPT), 1);
        }
    }

    /// A colleague at the neighbour's desk.
    fn borrowed(&mut self, day: u64) {
        self.login(on(day, 9_000), home(3), 2);
    }

    /// One account in three places, for an hour.
    fn shared(&mut self, day: u64) {
        let seats = [
            seat([10, 21, 0, 5], WINDOWS),
            seat([10, 22, 0, 5], MAC),
            seat([10, 23, 0, 5], LINUX),
            seat([10, 24, 0, 5], EDGE),
        ];
        let tokens = seats.map(|seat| self.login(on(day, 15_000), seat, 4));
        for round in 0..40 {
            for (at, (seat, token)) in seats.into_iter().zip(&tokens).enumerate() {
                self.call(on(day, 15_060 + round * 90 + 20 * at as u64), seat, token, &format!("/api/tasks/{round}"));
            }
        }
    }

    /// Four accounts at one desk.
    fn several_roles(&mut self, day: u64) {
        for (turn, person) in [6, 7, 8, 9].into_iter().enumerate() {
            self.login(on(day, 15_000 + 600 * turn as u64), home(5), person);
        }
    }

    fn sprayed(&mut self, day: u64) {
        let password = strong_password(&mut self.rng);
        for account in 0..40 {
            let at = on(day, 20_000 + account * 15);
            let answer = r#"{"code":40101,"msg":"密码错误"}"#;
            self.attempt(at, seat([10, 30, 0, 66], WINDOWS), &format!("zhang{account:02}"), &password, answer);
        }
    }

    fn enumerated(&mut self, day: u64) {
        let password = strong_password(&mut self.rng);
        for account in 0..40 {
            let at = on(day, 20_000 + account * 15);
            let answer = r#"{"code":40102,"msg":"用户不存在"}"#;
            self.attempt(at, seat([10, 30, 0, 67], WINDOWS), &format!("qian{account:02}"), &password, answer);
        }
    }

    /// A token at home in a browser, and in a script elsewhere.
    fn replayed(&mut self, day: u64) {
        let token = self.login(on(day, 20_000), home(6), 6);
        for round in 0..6 {
            let seat = if round % 2 == 0 { home(6) } else { seat([10, 99, 0, 5], SCRIPT) };
            self.call(on(day, 20_060 + round * 30), seat, &token, &format!("/api/tasks/{round}"));
        }
    }

    /// Three at night, from a network and with a browser that the account never had.
    fn unusual(&mut self, day: u64) {
        let elsewhere = seat([202, 96, 128, 86], LINUX);
        let token = self.login(on(day, 61_200), elsewhere, 8);
        self.call(on(day, 61_260), elsewhere, &token, "/api/tasks/9");
    }

    fn codes(&mut self, day: u64) {
        for number in 0..40 {
            let body = format!(r#"{{"mobile":"138{:08}"}}"#, 10_203 * number);
            let response = Message::response(200).json(r#"{"code":0,"msg":"验证码已发送"}"#);
            let at = on(day, 20_000 + number * 20);
            self.say(at, seat([10, 30, 0, 68], WINDOWS), Message::post("/api/sms/send").json(body), response);
        }
    }

    fn denied(&mut self, day: u64) {
        let token = self.login(on(day, 20_000), home(7), 7);
        for number in 0..40 {
            let refused = Message::response(403).json(r#"{"code":403,"msg":"无权限"}"#);
            let target = format!("/api/admin/users/{}", 100 + number);
            self.answered(on(day, 20_010 + number * 5), home(7), &token, &target, refused);
        }
    }

    /// A quarter of an hour of calls.
    fn rushed(&mut self, day: u64) {
        let token = self.login(on(day, 20_000), home(9), 9);
        for number in 0..450 {
            self.call(on(day, 20_010 + number * 2), home(9), &token, &format!("/api/tasks/{}", number + 20));
        }
    }

    /// Pairs of account and password from a leak.
    fn stuffed(&mut self, day: u64) {
        for account in 0..40 {
            let (at, password) = (on(day, 20_000 + account * 10), strong_password(&mut self.rng));
            let answer = r#"{"code":40101,"msg":"用户名或密码错误"}"#;
            self.attempt(at, seat([10, 30, 0, 69], LINUX), &format!("sun{account:02}"), &password, answer);
        }
    }

    /// A password guessed slowly, at last rightly, from where its owner never was.
    fn guessed(&mut self, day: u64) {
        let elsewhere = seat([10, 30, 0, 70], MAC);
        for number in 0..7 {
            let (at, password) = (on(day, 20_000 + number * 240), strong_password(&mut self.rng));
            self.attempt(at, elsewhere, &name(5), &password, r#"{"code":40101,"msg":"密码错误"}"#);
        }
        self.login(on(day, 21_700), elsewhere, 5);
    }

    /// Somebody's data for whoever asks.
    fn exposed(&mut self, day: u64) {
        for number in 0..3 {
            let person = Person::new(&mut self.rng);
            self.secrets.extend([person.resident_id.clone(), person.mobile.clone()]);
            let body = format!(
                r#"{{"code":0,"data":{{"name":"{}","mobile":"{}","idCard":"{}"}}}}"#,
                person.name, person.mobile, person.resident_id
            );
            let request = Message::get(&format!("/api/profile?id={}", 400 + number));
            self.say(on(day, 20_000 + number * 30), home(3), request, Message::response(200).json(body));
        }
    }

    /// Tokens without a signature that last for a year.
    fn weak_tokens(&mut self, day: u64) {
        let begun = on(day, 20_000).seconds();
        let claims = format!(r#"{{"sub":"{}","iat":{begun},"exp":{}}}"#, name(10), begun + 365 * DAY);
        let token = format!("{}.{}.", base64url(br#"{"alg":"none","typ":"JWT"}"#), base64url(claims.as_bytes()));
        self.secrets.insert(token.clone());
        let password = self.passwords[10].clone();
        let answer = format!(r#"{{"code":0,"data":{{"token":"{token}"}}}}"#);
        self.attempt(on(day, 20_000), home(10), &name(10), &password, &answer);
        for number in 0..5 {
            self.call(on(day, 20_010 + number * 9), home(10), &token, "/api/tasks/11");
        }
    }
}
