//! Captures by profile, for benches and for tests of memory: written as a stream, whatever their size.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use spyhop_model::{Side, Span, Timestamp};

use crate::events::time;
use crate::frame::Frame;
use crate::http::Message;
use crate::people::Person;
use crate::records::{Content, Records};
use crate::rng::Rng;
use crate::scenario::scenario;
pub use crate::stage::{Faults, Totals};
use crate::stage::{Play, perform};
use crate::tls;
use crate::wire::Conversation;

/// People in a profile's records.
const PEOPLE: usize = 2_000;
/// Octets of a large body made at a time.
const PIECE: usize = 256 * 1024;
/// Flights of a TLS connection.
const FLIGHTS: u64 = 20;
/// Wire octets of an exchange of [`scenario`], for sizes in megabytes.
const SCENARIO_EXCHANGE: u64 = 1_000;

/// A kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// See [`api_mix`].
    ApiMix,
    /// See [`small`].
    Small,
    /// See [`download`].
    Download,
    /// See [`many`].
    Many,
    /// See [`tls13`].
    Tls,
    /// See [`scenario`].
    Scenario,
}

impl Profile {
    /// All profiles with their names.
    pub const ALL: [(&'static str, Profile); 6] = [
        ("api-mix", Profile::ApiMix),
        ("small", Profile::Small),
        ("download", Profile::Download),
        ("many", Profile::Many),
        ("tls", Profile::Tls),
        ("scenario", Profile::Scenario),
    ];

    /// Writes a nanosecond pcap of about `octets` captured octets.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(self, seed: u64, octets: u64, out: impl Write) -> io::Result<Totals> {
        match self {
            Profile::ApiMix => api_mix(seed, octets, out),
            Profile::Small => small(seed, octets, out),
            Profile::Download => download(seed, octets, out),
            Profile::Many => many(seed, octets, out),
            Profile::Tls => tls13(seed, octets, out),
            Profile::Scenario => scenario(seed, octets / SCENARIO_EXCHANGE, out).map(|planted| planted.totals),
        }
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Profile::ALL.map(|(name, _)| name).join(", ");
        let found = Profile::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, profile)| *profile).ok_or_else(|| format!("no profile `{name}`; there are {}", names()))
    }
}

/// JSON API: bodies of 0.5 to 64 KiB (mean about 7 KB), 10 % with personal data, 20 % gzip, 20 % chunked, GET and
/// POST, 20 to 100 exchanges a connection, 64 connections at a time.
///
/// # Errors
/// Those of `out`.
pub fn api_mix(seed: u64, octets: u64, out: impl Write) -> io::Result<Totals> {
    talk_http(Style::ApiMix, 64, seed, octets, Faults::NONE, out)
}

/// 200-octet bodies, eight exchanges a connection, 256 connections at a time.
///
/// # Errors
/// Those of `out`.
pub fn small(seed: u64, octets: u64, out: impl Write) -> io::Result<Totals> {
    talk_http(Style::Small, 256, seed, octets, Faults::NONE, out)
}

/// Bodies of 1 to 20 MiB: tables, JSON exports with personal data, archives; eight connections at a time.
/// The last body is sent to its end, so the capture may be 20 MiB larger than asked.
///
/// # Errors
/// Those of `out`.
pub fn download(seed: u64, octets: u64, out: impl Write) -> io::Result<Totals> {
    talk_http(Style::Download, 8, seed, octets, Faults::NONE, out)
}

/// 100,000 connections open at once (fewer below 300 MB: one for each 3,000 octets), interleaved, with 1 % of the
/// packets lost and 1 % late.
///
/// # Errors
/// Those of `out`.
pub fn many(seed: u64, octets: u64, out: impl Write) -> io::Result<Totals> {
    let faults = Faults { loss: 1.0, late: 1.0, by: Span::millis(30), grain: Span(1) };
    let connections = (octets / 3_000).clamp(1, 100_000) as usize;
    talk_http(Style::Many, connections, seed, octets, faults, out)
}

/// TLS 1.3 and nothing else: hellos in the clear, then sealed records, 64 connections at a time. No exchanges.
///
/// # Errors
/// Those of `out`.
pub fn tls13(seed: u64, octets: u64, out: impl Write) -> io::Result<Totals> {
    talk_http(Style::Tls, 64, seed, octets, Faults::NONE, out)
}

fn talk_http(
    style: Style,
    seats: usize,
    seed: u64,
    octets: u64,
    faults: Faults,
    out: impl Write,
) -> io::Result<Totals> {
    let mut rng = Rng::new(seed);
    let people = Person::many(&mut rng, PEOPLE);
    let records = Records::new(&mut rng, &people);
    let noise = if matches!(style, Style::Download | Style::Tls) { rng.bytes(2 * PIECE) } else { Vec::new() };
    let budget = Budget { octets, made: 0 };
    let apart = if style == Style::Many { Span(20_000_000_000 / seats as u64) } else { Span::millis(1) };
    let mut traffic = Traffic { style, rng, records, noise, budget, seats: seats as u64 };
    perform(&mut traffic, seats, time(0), apart, faults, seed, out)
}

/// The profiles that are plain requests and responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    ApiMix,
    Small,
    Download,
    Many,
    Tls,
}

/// How much is still to be made.
#[derive(Debug)]
struct Budget {
    octets: u64,
    made: u64,
}

#[derive(Debug)]
struct Traffic {
    style: Style,
    rng: Rng,
    records: Records,
    noise: Vec<u8>,
    budget: Budget,
    seats: u64,
}

/// One connection of a profile.
#[derive(Debug)]
struct Connection {
    talk: Conversation,
    rng: Rng,
    ordinal: u64,
    /// Exchanges, or flights of TLS, still to come.
    left: u64,
    /// Octets of the body that is being sent, and what it is made of.
    body: (usize, Content),
}

/// The `n`th connection's ends: 4,000 clients with ports of their own, eight servers.
fn ends(n: u64, server_port: u16) -> (SocketAddr, SocketAddr) {
    let host = n % 4_000;
    let client = Ipv4Addr::new(10, 8, (host / 250) as u8, (host % 250 + 1) as u8);
    let port = 20_000 + (n / 4_000 % 40_000) as u16;
    let server = Ipv4Addr::new(10, 0, 0, (n % 8 + 1) as u8);
    (SocketAddr::new(IpAddr::V4(client), port), SocketAddr::new(IpAddr::V4(server), server_port))
}

impl Play for Traffic {
    type Actor = Connection;

    fn enter(&mut self, at: Timestamp, totals: &mut Totals) -> Option<(Timestamp, Connection)> {
        // All connections of `many` are open until the end: nobody is replaced.
        let closed = self.style == Style::Many && totals.connections >= self.seats;
        if closed || self.budget.made >= self.budget.octets {
            return None;
        }
        let n = totals.connections;
        totals.connections += 1;
        let mut rng = self.rng.fork();
        let (client, server) = ends(n, if self.style == Style::Tls { 443 } else { 80 });
        let mut talk = Conversation::between(client, server).at(at).sequence(rng.bits() as u32, rng.bits() as u32);
        let left = match self.style {
            Style::ApiMix => rng.range(20..101),
            Style::Small => 8,
            Style::Download => 3,
            Style::Many => 2,
            Style::Tls => FLIGHTS,
        };
        if self.style == Style::Many {
            // Slow clients: the packets of an exchange are spread among those of thousands of others.
            talk = talk.pace(Span::millis(rng.range(1..10)), Span::millis(rng.range(10..60)));
        }
        Some((at, Connection { talk, rng, ordinal: n, left, body: (0, Content::Plain) }))
    }

    fn act(
        &mut self,
        actor: &mut Connection,
        now: Timestamp,
        out: &mut Vec<Frame>,
        totals: &mut Totals,
    ) -> Option<Timestamp> {
        let before = out.len();
        actor.talk.wait_until(now);
        let spent = self.budget.made >= self.budget.octets && self.style != Style::Many;
        let more = if actor.body.0 > 0 {
            self.download_piece(actor);
            true
        } else if actor.left == 0 || spent {
            actor.talk.finish(Side::Originator);
            false
        } else {
            actor.left -= 1;
            match self.style {
                Style::ApiMix => self.api_exchange(actor),
                Style::Small => self.small_exchange(actor),
                Style::Download => self.download_head(actor),
                Style::Many => self.many_exchange(actor),
                Style::Tls => self.tls_flight(actor),
            }
            totals.exchanges += u64::from(self.style != Style::Tls);
            true
        };
        if self.style == Style::Many && more {
            actor.talk.settle();
        }
        actor.talk.drain(out);
        if self.style != Style::Download {
            self.budget.made += out[before..].iter().map(|frame| frame.bytes.len() as u64).sum::<u64>();
        }
        if !more {
            return None;
        }
        let rng = &mut actor.rng;
        let pause = match self.style {
            _ if actor.body.0 > 0 => Span(rng.range(1_000_000..4_000_000)),
            Style::Many => Span::millis(rng.range(20_000..25_000)),
            // Below the delayed acknowledgement's time, so that none goes out alone.
            _ => Span(rng.range(2_000_000..35_000_000)),
        };
        Some(actor.talk.now() + pause)
    }
}

impl Traffic {
    /// A request's fixed part: what browsers send along.
    fn ask(&self, connection: &Connection, method: &str, target: &str) -> Message {
        let n = connection.ordinal;
        Message::request(method, target)
            .host(&format!("api{}.shop.example", n % 8))
            .agent("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36")
            .header("Accept", "application/json")
            .header("Accept-Encoding", "gzip, deflate")
            .cookie(&format!("SESSION={:016x}{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15), !n))
    }

    fn answer(&self) -> Message {
        Message::response(200).header("Server", "nginx").header("Date", "Fri, 20 Nov 2026 02:00:00 GMT")
    }

    fn api_exchange(&mut self, connection: &mut Connection) {
        let mut rng = connection.rng.clone();
        // 0.5 to 64 KiB with a mean of 7 KB.
        let len = (512.0 * 128f64.powf(rng.unit().powf(2.3))) as usize;
        let content = if rng.chance(10.0) { Content::Personal } else { Content::Plain };
        let post = rng.chance(30.0);
        // Half of the personal data of a POST goes to the server.
        let sends = post && rng.chance(50.0);
        let resource = rng.one_of(&["orders", "customers", "invoices", "shipments", "contracts"]);
        let request = if post {
            let body = if sends && content == Content::Personal {
                self.records.list(&mut rng, 1_024, content)
            } else {
                self.records.one(&mut rng, Content::Plain).as_bytes().to_vec()
            };
            self.ask(connection, "POST", &format!("/api/v1/{resource}/search")).json(body)
        } else {
            let id = rng.range(1..100_000);
            self.ask(connection, "GET", &format!("/api/v1/{resource}/{id}?page={}&size=20", rng.range(1..50)))
        };
        let content = if sends { Content::Plain } else { content };
        let mut response = self.answer().header("X-Request-Id", &rng.hex(16));
        response = if rng.chance(20.0) {
            response.header("Content-Encoding", "gzip").json(self.records.coded(&mut rng, len, content))
        } else {
            response.json(self.records.list(&mut rng, len, content))
        };
        if rng.chance(20.0) {
            response = response.chunked(&mut rng);
        }
        connection.talk.send(Side::Originator, &request.bytes());
        connection.talk.send(Side::Responder, &response.bytes());
        connection.rng = rng;
    }

    fn small_exchange(&mut self, connection: &mut Connection) {
        let id = connection.rng.range(1..1_000_000);
        let request = self.ask(connection, "GET", &format!("/api/v1/devices/{id}/state"));
        let mut body = format!(
            r#"{{"code":0,"id":{id},"state":"{}","values":["#,
            connection.rng.one_of(&["on", "off", "idle", "fault"])
        );
        while body.len() < 194 {
            body.push_str(&format!("{},", connection.rng.below(10)));
        }
        body.push_str(&"0".repeat(198 - body.len().min(198)));
        body.push_str("]}");
        connection.talk.send(Side::Originator, &request.bytes());
        connection.talk.send(Side::Responder, &self.answer().json(body).bytes());
    }

    fn many_exchange(&mut self, connection: &mut Connection) {
        let after = connection.rng.bits() >> 40;
        let request = self.ask(connection, "GET", &format!("/api/v1/messages?after={after}"));
        let len = connection.rng.range(512..1_000) as usize;
        let body = self.records.list(&mut connection.rng, len, Content::Plain);
        connection.talk.send(Side::Originator, &request.bytes());
        connection.talk.send(Side::Responder, &self.answer().json(body).bytes());
    }

    fn download_head(&mut self, connection: &mut Connection) {
        let len = connection.rng.range(1 << 20..(20 << 20) + 1) as usize;
        // Counted when promised: the others must not begin what goes beyond the budget.
        self.budget.made += len as u64;
        let (target, media, content) = match connection.rng.below(10) {
            0..4 => ("/export/orders.json", "application/json", Content::Plain),
            4..6 => ("/export/customers.json", "application/json", Content::Personal),
            _ => ("/files/archive.bin", "application/octet-stream", Content::Masked),
        };
        let request = self.ask(connection, "GET", target).bytes();
        connection.talk.send(Side::Originator, &request);
        let head = self.answer().header("Content-Type", media).header("Content-Length", &len.to_string());
        connection.talk.send(Side::Responder, &head.head());
        // `Masked` stands for octets without a meaning.
        connection.body = (len, content);
        self.download_piece(connection);
    }

    fn download_piece(&mut self, connection: &mut Connection) {
        let (left, content) = connection.body;
        let len = left.min(PIECE);
        let piece = if content == Content::Masked {
            let from = connection.rng.index(PIECE);
            self.noise[from..from + len].to_vec()
        } else {
            let mut piece = Vec::with_capacity(len + 512);
            while piece.len() < len {
                let kind = if connection.rng.chance(5.0) { content } else { Content::Plain };
                piece.extend_from_slice(self.records.one(&mut connection.rng, kind).as_bytes());
                piece.push(b'\n');
            }
            piece.truncate(len);
            piece
        };
        connection.talk.send(Side::Responder, &piece);
        connection.body.0 = left - len;
    }

    fn tls_flight(&mut self, connection: &mut Connection) {
        let Connection { talk, rng, ordinal, left, .. } = connection;
        // Counted down before it is sent.
        if *left == FLIGHTS - 1 {
            talk.send(Side::Originator, &tls::client_hello(rng, &format!("api{}.shop.example", *ordinal % 8)));
            talk.send(Side::Responder, &tls::server_flight(rng));
            talk.send(Side::Originator, &tls::client_finished(rng));
            return;
        }
        let mut sealed = |len: u64| {
            let from = rng.index(PIECE);
            tls::application_data(&self.noise[from..from + len as usize])
        };
        talk.send(Side::Originator, &sealed(600));
        let len = 512 + (16_000 >> (*left % 5));
        talk.send(Side::Responder, &sealed(len));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(profile: Profile, octets: u64) -> (Vec<u8>, Totals) {
        let mut file = Vec::new();
        let totals = profile.write(7, octets, &mut file).expect("memory takes every write");
        (file, totals)
    }

    #[test]
    fn profiles_follow_from_the_seed_and_have_the_size_asked_for() {
        for (name, profile) in Profile::ALL {
            let (file, totals) = made(profile, 400_000);
            assert_eq!(made(profile, 400_000).0, file, "{name}");
            assert_eq!(file.len() as u64, 24 + 16 * totals.packets + totals.octets, "{name}");
            assert_eq!(name.parse(), Ok(profile));
            let size = totals.octets;
            let most = if profile == Profile::Download { 24 << 20 } else { 700_000 };
            assert!((250_000..most).contains(&size), "{name} {size}");
            assert_eq!(totals.exchanges == 0, profile == Profile::Tls);
        }
        assert!("nothing".parse::<Profile>().is_err());
    }

    #[test]
    fn times_never_go_back() {
        for (name, profile) in Profile::ALL.into_iter().filter(|(_, profile)| *profile != Profile::Download) {
            let (file, totals) = made(profile, 300_000);
            let (mut at, mut last, mut packets) = (24, 0, 0);
            while at < file.len() {
                let word = |at: usize| u64::from(u32::from_le_bytes(file[at..at + 4].try_into().expect("four octets")));
                let now = word(at) * 1_000_000_000 + word(at + 4);
                assert!(now >= last, "{name}");
                last = now;
                at += 16 + word(at + 8) as usize;
                packets += 1;
            }
            assert_eq!(packets, totals.packets, "{name}");
        }
    }

    #[test]
    fn small_bodies_are_small_and_many_connections_are_open_at_once() {
        let (file, totals) = made(Profile::Small, 200_000);
        let text = String::from_utf8_lossy(&file);
        assert_eq!(text.matches("Content-Length: 200\r\n").count() as u64, totals.exchanges);
        let (_, totals) = made(Profile::Many, 300_000);
        assert_eq!(totals.connections, 100);
        assert!(totals.lost > 0 && totals.late > 0);
    }
}
