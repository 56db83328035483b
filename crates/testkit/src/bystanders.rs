//! People who go about their business while others attack: HTTP/1 and HTTP/2 dialogues, spread over the attack's time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use spyhop_model::{Side, Span, Timestamp};

use crate::events::time;
use crate::frame::Frame;
use crate::hostile::{Actor, HOST, LASTS, server};
use crate::http::{Coding, Message};
use crate::http2;
use crate::people::Person;
use crate::records::{Content, Records};
use crate::rng::Rng;
use crate::stage::Totals;
use crate::wire::Conversation;

/// Dialogues, of which every fourth is HTTP/2.
const DIALOGUES: u64 = 80;
/// Exchanges of a dialogue, and the longest silence between two of them.
const EXCHANGES: u64 = 6;
const SILENCE: Span = Span::millis(2_500);

/// Whether an address is one of theirs.
pub(crate) fn is_one(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[..2] == [10, 77])
}

/// All of them, each with the time of the first request.
pub(crate) fn cast(seed: u64) -> Vec<(Timestamp, Box<dyn Actor>)> {
    let mut rng = Rng::new(seed);
    let people = Person::many(&mut rng, 50);
    let records = Records::new(&mut rng, &people);
    let last = Span(LASTS.0 - SILENCE.0 * EXCHANGES);
    (0..DIALOGUES)
        .map(|n| {
            let mut own = rng.fork();
            let client = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 77, 0, n as u8 + 1)), 40_000 + n as u16);
            let talk = Conversation::between(client, server()).sequence(own.bits() as u32, own.bits() as u32);
            let turns = (0..EXCHANGES).map(|turn| exchange(&mut own, &records, n, turn)).rev().collect();
            let actor: Box<dyn Actor> = Box::new(Bystander { talk, rng: own, turns });
            (time(0) + Span(last.0 / DIALOGUES * n), actor)
        })
        .collect()
}

/// A dialogue: what is still to be said, the last first.
struct Bystander {
    talk: Conversation,
    rng: Rng,
    turns: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Actor for Bystander {
    fn act(&mut self, now: Timestamp, out: &mut Vec<Frame>, totals: &mut Totals) -> Option<Timestamp> {
        self.talk.wait_until(now);
        let turn = self.turns.pop();
        match &turn {
            Some((request, response)) => {
                totals.exchanges += 1;
                self.talk.send(Side::Originator, request);
                self.talk.send(Side::Responder, response);
                self.talk.settle();
            }
            None => self.talk.finish(Side::Originator),
        }
        self.talk.drain(out);
        turn.map(|_| self.talk.now() + Span(self.rng.range(100_000_000..SILENCE.0)))
    }
}

/// A request and its answer on the `n`th connection.
fn exchange(rng: &mut Rng, records: &Records, n: u64, turn: u64) -> (Vec<u8>, Vec<u8>) {
    let content = if rng.chance(30.0) { Content::Personal } else { Content::Plain };
    let target = format!("/api/v1/{}/{}", rng.one_of(&["orders", "customers", "invoices"]), rng.range(1..100_000));
    let len = rng.range(512..12_000) as usize;
    let list = records.list(rng, len, content);
    let session = format!("SESSION={:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let sent = turn.is_multiple_of(3).then(|| records.one(rng, content).as_bytes().to_vec());
    let method = if sent.is_some() { "POST" } else { "GET" };
    if n % 4 == 3 {
        return http2_exchange(turn, (method, &target, &session), sent.as_deref(), &list);
    }
    let request = Message::request(method, &target).host(HOST).agent("shop-app/5.2").cookie(&session);
    let request = if let Some(body) = sent { request.json(body) } else { request };
    let answer = Message::response(200).header("Server", "nginx").json(list);
    let answer = match turn % 3 {
        0 => answer,
        1 => answer.chunked(rng),
        _ => answer.coded(Coding::Gzip),
    };
    (request.bytes(), answer.bytes())
}

fn http2_exchange(
    turn: u64,
    (method, target, session): (&str, &str, &str),
    sent: Option<&[u8]>,
    list: &[u8],
) -> (Vec<u8>, Vec<u8>) {
    let stream = turn as u32 * 2 + 1;
    let json = ("content-type", "application/json");
    let fields = [("user-agent", "shop-app/5.2"), ("cookie", session), json];
    let fields = if sent.is_some() { &fields[..] } else { &fields[..2] };
    let mut request = if turn == 0 { [http2::PREFACE, &http2::settings(&[(3, 100)])].concat() } else { Vec::new() };
    request.extend(http2::request(stream, method, HOST, target, fields, sent.unwrap_or_default()));
    let mut answer = if turn == 0 { [http2::settings(&[]), http2::settings_ack()].concat() } else { Vec::new() };
    answer.extend(http2::response(stream, 200, &[("server", "nginx"), json], list));
    (request, answer)
}
