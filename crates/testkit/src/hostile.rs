//! Captures of attacks on whoever reads traffic, with the same bystanders in each: people whose exchanges must come out
//! as if nobody attacked. Attackers and bystanders call the same server.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use spyhop_model::{Side, Span, Timestamp};

use crate::bomb::Packing;
use crate::bystanders;
use crate::events::time;
use crate::frame::{ACK, Frame, Link, PSH, SYN, TcpPacket};
use crate::http::Message;
use crate::http2::{self, Block, kind};
use crate::rng::Rng;
use crate::stage::{Faults, Play, Totals, perform};
use crate::wire::Conversation;

/// How long an attack lasts in capture time.
pub(crate) const LASTS: Span = Span::seconds(30);
/// The host that everybody calls.
pub(crate) const HOST: &str = "api0.shop.example";
/// Connections of an attack that is not about their number.
const SEATS: u64 = 32;
/// Octets of payload in a full segment.
const SEGMENT: usize = 1_460;
/// Decoded octets of a bomb.
const BOMB: usize = 64 << 20;

/// A way to hurt a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attack {
    /// SYN segments from ever new addresses, each answered; counted in addresses.
    SynFlood,
    /// Requests that never end, one line or octet at a time: half of them in their head, half in their body; counted in
    /// connections, all open at once.
    SlowRequests,
    /// Segments behind a hole that is never filled, in any order; half of the connections send single octets.
    OutOfOrder,
    /// A request head without end.
    EndlessHeaders,
    /// A chunk extension without end (RFC 9112, section 7.1.1).
    EndlessChunkExtensions,
    /// Header blocks of one octet for each reference to a large entry of the dynamic table.
    HpackBomb,
    /// Header blocks that go on without end (RFC 9113, section 6.10), in long, short and empty frames.
    ContinuationFlood,
    /// Streams that are opened and reset at once.
    RapidReset,
    /// Answers that unpack to 64 MiB and more, in every coding.
    ZipBombs,
    /// Multipart bodies: half nested ever deeper, half with parts without end.
    DeepMultipart,
}

impl Attack {
    /// All attacks with their names.
    pub const ALL: [(&'static str, Attack); 10] = [
        ("syn-flood", Attack::SynFlood),
        ("slow-requests", Attack::SlowRequests),
        ("out-of-order", Attack::OutOfOrder),
        ("endless-headers", Attack::EndlessHeaders),
        ("endless-chunk-extensions", Attack::EndlessChunkExtensions),
        ("hpack-bomb", Attack::HpackBomb),
        ("continuation-flood", Attack::ContinuationFlood),
        ("rapid-reset", Attack::RapidReset),
        ("zip-bombs", Attack::ZipBombs),
        ("deep-multipart", Attack::DeepMultipart),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Attack::ALL.iter().find(|(_, attack)| *attack == self).map_or("", |(name, _)| name)
    }

    /// The count of a full-size attack: addresses, connections, or else segments of attackers.
    pub fn full_size(self) -> u64 {
        match self {
            Attack::SynFlood => 1_000_000,
            Attack::SlowRequests => 100_000,
            _ => 300_000,
        }
    }

    /// Writes a nanosecond pcap of the attack and its bystanders. `count` is in the attack's own units (see
    /// [`Attack::full_size`]); with zero there are the bystanders only. Which bystanders there are and when they speak
    /// depends on `seed` alone.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(self, seed: u64, count: u64, out: impl Write) -> io::Result<Totals> {
        let mut cast = bystanders::cast(seed);
        if count > 0 {
            self.attackers(&mut Rng::new(seed ^ 0x0061_7474_6163_6b21), count, &mut cast);
        }
        let seats = cast.len();
        let mut play = Cast(cast.into_iter());
        perform(&mut play, seats, time(0), Span(0), Faults::NONE, seed, out)
    }

    fn attackers(self, rng: &mut Rng, count: u64, cast: &mut Vec<(Timestamp, Box<dyn Actor>)>) {
        match self {
            Attack::SynFlood => cast.push((time(0), Box::new(SynFlood { rng: rng.fork(), sent: 0, count }))),
            Attack::SlowRequests => slow_requests(rng, count, cast),
            Attack::OutOfOrder => {
                for seat in 0..SEATS {
                    let actor = OutOfOrder::new(rng.fork(), seat, count / SEATS);
                    cast.push((time(0) + Span::millis(seat), Box::new(actor)));
                }
            }
            _ => {
                let codings = Packing::ALL.map(|packing| (packing, Vec::new()));
                let mut codings = if self == Attack::ZipBombs { codings.to_vec() } else { Vec::new() };
                for (packing, coded) in &mut codings {
                    *coded = packing.bomb(BOMB);
                }
                for seat in 0..SEATS {
                    let flood = self.flood(seat, &codings);
                    // A flood's steps are about as many segments as its first ones are.
                    let segments = flood.segments as u64;
                    let steps = (count / SEATS).div_ceil(segments.max(1)).max(1);
                    let (client, server) = ends(seat);
                    let talk = Conversation::between(client, server).sequence(rng.bits() as u32, rng.bits() as u32);
                    let every = Span(LASTS.0 / steps);
                    let script = Script { talk, step: flood.step, said: 0, steps: steps + 1, every };
                    cast.push((time(0) + Span::millis(seat), Box::new(script)));
                }
            }
        }
    }

    /// What a connection of a flood says, step by step.
    fn flood(self, seat: u64, codings: &[(Packing, Vec<u8>)]) -> Flood {
        use Side::{Originator, Responder};
        let client = |step: Box<dyn Fn(u64) -> Vec<u8>>, segments| Flood {
            segments,
            step: Box::new(move |number| vec![(Originator, step(number))]),
        };
        match self {
            Attack::EndlessHeaders => {
                let begin = request("GET", "/").into_bytes();
                let line = |number| format!("X-{number}: {}\r\n", "h".repeat(SEGMENT - 20)).into_bytes();
                client(Box::new(move |number| if number == 0 { begin.clone() } else { line(number) }), 1)
            }
            Attack::EndlessChunkExtensions => {
                let begin = format!("{}Transfer-Encoding: chunked\r\n\r\n1", request("POST", "/upload"));
                let more = format!(";e={}", "x".repeat(SEGMENT - 3));
                let choose = move |number| if number == 0 { begin.clone() } else { more.clone() };
                client(Box::new(move |number| choose(number).into_bytes()), 1)
            }
            Attack::HpackBomb => client(Box::new(hpack_bomb), http2::LARGEST.div_ceil(SEGMENT)),
            Attack::ContinuationFlood => client(Box::new(move |number| continuation(seat, number)), 1),
            Attack::RapidReset => client(Box::new(rapid_reset), 1),
            Attack::ZipBombs => {
                let (packing, coded) = codings[seat as usize % codings.len()].clone();
                let segments = 1 + coded.len().div_ceil(SEGMENT);
                let ask = format!("{}\r\n", request("GET", "/export")).into_bytes();
                let answer = Message::response(200).header("Content-Encoding", packing.name()).json(coded).bytes();
                Flood {
                    segments,
                    step: Box::new(move |_| vec![(Originator, ask.clone()), (Responder, answer.clone())]),
                }
            }
            Attack::DeepMultipart => client(Box::new(move |number| multipart(seat.is_multiple_of(2), number)), 1),
            Attack::SynFlood | Attack::SlowRequests | Attack::OutOfOrder => {
                unreachable!("these have actors of their own")
            }
        }
    }
}

impl FromStr for Attack {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Attack::ALL.map(|(name, _)| name).join(", ");
        let found = Attack::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, attack)| *attack).ok_or_else(|| format!("no attack `{name}`; there are {}", names()))
    }
}

/// Whether an address is one of a bystander.
pub fn is_bystander(address: IpAddr) -> bool {
    bystanders::is_one(address)
}

/// Somebody in the capture.
pub(crate) trait Actor {
    /// The next part, at `now`: as [`Play::act`].
    fn act(&mut self, now: Timestamp, out: &mut Vec<Frame>, totals: &mut Totals) -> Option<Timestamp>;
}

/// All that take part, each with the time of the first part.
struct Cast(std::vec::IntoIter<(Timestamp, Box<dyn Actor>)>);

impl Play for Cast {
    type Actor = Box<dyn Actor>;

    fn enter(&mut self, _at: Timestamp, totals: &mut Totals) -> Option<(Timestamp, Self::Actor)> {
        let next = self.0.next();
        totals.connections += u64::from(next.is_some());
        next
    }

    fn act(
        &mut self,
        actor: &mut Self::Actor,
        now: Timestamp,
        out: &mut Vec<Frame>,
        totals: &mut Totals,
    ) -> Option<Timestamp> {
        actor.act(now, out, totals)
    }
}

/// The server that everybody calls.
pub(crate) fn server() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 80)
}

/// The ends of an attacker's `n`th connection: 250 ports to an address.
fn ends(n: u64) -> (SocketAddr, SocketAddr) {
    let host = 0x6440_0001 + (n / 250) as u32;
    (SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(host)), 20_000 + (n % 250) as u16), server())
}

/// A request head that is not ended.
fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n")
}

/// What a side says at a step.
type Step = Box<dyn Fn(u64) -> Vec<(Side, Vec<u8>)>>;

/// A flood within a connection.
struct Flood {
    step: Step,
    /// Segments of a step, about.
    segments: usize,
}

/// A connection that says something every so often, and is left open.
struct Script {
    talk: Conversation,
    step: Step,
    said: u64,
    steps: u64,
    every: Span,
}

impl Actor for Script {
    fn act(&mut self, now: Timestamp, out: &mut Vec<Frame>, _totals: &mut Totals) -> Option<Timestamp> {
        self.talk.wait_until(now);
        for (side, bytes) in (self.step)(self.said) {
            self.talk.send(side, &bytes);
        }
        self.said += 1;
        if self.every >= Span::millis(40) {
            self.talk.settle();
        }
        self.talk.drain(out);
        (self.said < self.steps).then(|| self.talk.now().max(now + self.every))
    }
}

/// SYN segments from addresses that all differ, with their answers.
struct SynFlood {
    rng: Rng,
    sent: u64,
    count: u64,
}

/// SYN segments of a flood that are made at a time.
const SALVO: u64 = 64;

impl Actor for SynFlood {
    fn act(&mut self, now: Timestamp, out: &mut Vec<Frame>, totals: &mut Totals) -> Option<Timestamp> {
        let apart = LASTS.0 / self.count;
        let salvo = SALVO.min(self.count - self.sent);
        for n in 0..salvo {
            // Odd factors permute the numbers below 2^24, so that addresses neither repeat nor stand in a row.
            let number = ((self.sent + n) * 0x9e_3779 % (1 << 24)) as u32;
            let client = SocketAddr::new(
                IpAddr::V4(Ipv4Addr::from_bits(0x6500_0000 + number)),
                self.rng.range(1_024..65_536) as u16,
            );
            let isn = self.rng.bits() as u32;
            let at = now + Span(n * apart);
            let syn = segment(client, server(), isn, 0, SYN, &[]);
            let answer = segment(server(), client, isn.rotate_left(7), isn.wrapping_add(1), SYN | ACK, &[]);
            out.push(syn.frame(at, Link::Ethernet, &[]));
            out.push(answer.frame(at + Span(apart / 2), Link::Ethernet, &[]));
        }
        self.sent += salvo;
        totals.connections += salvo;
        (self.sent < self.count).then(|| now + Span(salvo * apart))
    }
}

fn segment<'a>(src: SocketAddr, dst: SocketAddr, seq: u32, ack: u32, flags: u8, payload: &'a [u8]) -> TcpPacket<'a> {
    TcpPacket { src, dst, seq, ack, flags, window: 501, urgent: 0, ttl: 64, ident: seq as u16, options: &[], payload }
}

fn slow_requests(rng: &mut Rng, count: u64, cast: &mut Vec<(Timestamp, Box<dyn Actor>)>) {
    // All are open after a third of the time; each then says a little once in that while.
    let third = Span(LASTS.0 / 3);
    for n in 0..count {
        let (client, server) = ends(n);
        let talk = Conversation::between(client, server).sequence(rng.bits() as u32, rng.bits() as u32);
        let in_body = n % 2 == 1;
        let step = move |number| {
            let said = match (number, in_body) {
                (0, false) => request("GET", &format!("/?{n}")),
                (0, true) => {
                    format!(
                        "{}Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
                        request("POST", "/slow")
                    )
                }
                (_, false) => format!("X-{number}: b\r\n"),
                (_, true) => "[".to_owned(),
            };
            vec![(Side::Originator, said.into_bytes())]
        };
        let begin = time(0) + Span(third.0 / count * n);
        cast.push((begin, Box::new(Script { talk, step: Box::new(step), said: 0, steps: 3, every: third })));
    }
}

/// A connection whose first octet is missing for good.
struct OutOfOrder {
    rng: Rng,
    seat: u64,
    first: u32,
    sent: u64,
    count: u64,
    payload: Vec<u8>,
}

/// Pieces of an out-of-order flood among which the order is any, so that it goes on for as long as it likes.
const SHUFFLED: u64 = 8_192;

impl OutOfOrder {
    fn new(mut rng: Rng, seat: u64, count: u64) -> OutOfOrder {
        let first = rng.bits() as u32;
        let payload = vec![b'o'; if seat.is_multiple_of(2) { SEGMENT } else { 1 }];
        OutOfOrder { rng, seat, first, sent: 0, count: count.max(1), payload }
    }
}

impl Actor for OutOfOrder {
    fn act(&mut self, now: Timestamp, out: &mut Vec<Frame>, _totals: &mut Totals) -> Option<Timestamp> {
        let (client, server) = ends(self.seat);
        let mut put = |at, segment: TcpPacket<'_>| out.push(segment.frame(at, Link::Ethernet, &[]));
        let isn = self.first.wrapping_sub(1);
        if self.sent == 0 {
            put(now, segment(client, server, isn, 0, SYN, &[]));
            put(now + Span(1_000), segment(server, client, 0, self.first, SYN | ACK, &[]));
            put(now + Span(2_000), segment(client, server, self.first, 1, ACK, &[]));
        }
        // Every second piece of a stretch, then what lies between: each is far from the one before it.
        let stretch = self.sent / SHUFFLED * SHUFFLED;
        let place = stretch + (self.sent % SHUFFLED * 4_099) % SHUFFLED;
        let jitter = self.rng.below(2) as u32;
        let offset = (place as u32).wrapping_mul(self.payload.len() as u32 + 1).wrapping_add(1 + jitter);
        let seq = self.first.wrapping_add(offset);
        put(now + Span(3_000), segment(client, server, seq, 1, PSH | ACK, &self.payload));
        self.sent += 1;
        (self.sent < self.count).then(|| now + Span(LASTS.0 / self.count))
    }
}

/// First the dynamic table gets an entry of 4,000 octets, then each stream refers to it 16,000 times.
fn hpack_bomb(number: u64) -> Vec<u8> {
    let stream = number as u32 * 2 + 1;
    let start = || Block::new().indexed(2).indexed(6).indexed(4).named(1, HOST);
    if number == 0 {
        let entry = start().remembered("x-large", &"p".repeat(4_000)).bytes();
        return [http2::PREFACE, &http2::settings(&[]), &http2::headers(stream, http2::END_STREAM, &entry)].concat();
    }
    let mut block = start().bytes();
    block.resize(http2::LARGEST, 0x80 | 62);
    http2::headers(stream, http2::END_STREAM, &block)
}

/// A header block that never ends. A third of the connections fill their frames, a third sends fields of one octet, a third
/// sends frames without any.
fn continuation(seat: u64, number: u64) -> Vec<u8> {
    if number == 0 {
        let block = Block::new().indexed(2).indexed(6).indexed(4).named(1, HOST).bytes();
        let headers = http2::frame(kind::HEADERS, http2::END_STREAM, 1, &block);
        return [http2::PREFACE, &http2::settings(&[]), &headers].concat();
    }
    let (payload, frames) = match seat % 3 {
        0 => (Block::new().literal("x-more", &"c".repeat(SEGMENT - 30)).bytes(), 1),
        1 => (Block::new().indexed(2).bytes(), SEGMENT / 10),
        _ => (Vec::new(), SEGMENT / 9),
    };
    http2::frame(kind::CONTINUATION, 0, 1, &payload).repeat(frames)
}

/// Streams opened and reset, as many as a segment takes.
fn rapid_reset(number: u64) -> Vec<u8> {
    const STREAMS: u32 = 56;
    let mut out = Vec::new();
    if number == 0 {
        let block = Block::new().remembered(":authority", HOST).bytes();
        out.extend([http2::PREFACE, &http2::settings(&[]), &http2::headers(1, http2::END_STREAM, &block)].concat());
        return out;
    }
    for n in 0..STREAMS {
        // Stream numbers are used up after 2^30 of them; none gets that far.
        let stream = ((number as u32 - 1) * STREAMS + n) * 2 + 3;
        let block = Block::new().indexed(2).indexed(6).indexed(4).indexed(62).bytes();
        out.extend(http2::headers(stream, http2::END_STREAM, &block));
        out.extend(http2::rst_stream(stream, 8));
    }
    out
}

/// A multipart body without end: each part within the one before it, or one after the other.
fn multipart(deep: bool, number: u64) -> Vec<u8> {
    const LEVELS: u64 = 20;
    if number == 0 {
        let head = request("POST", "/upload");
        let media = "Content-Type: multipart/form-data; boundary=b0\r\n";
        return format!("{head}{media}Content-Length: 9000000000\r\n\r\n").into_bytes();
    }
    let mut out = String::new();
    for level in (number - 1) * LEVELS..number * LEVELS {
        out += &if deep {
            format!("--b{level}\r\nContent-Type: multipart/mixed; boundary=b{}\r\n\r\n", level + 1)
        } else {
            format!("--b0\r\nContent-Disposition: form-data; name=\"f{level}\"\r\n\r\n{level}\r\n")
        };
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::capture::Capture;

    fn made(attack: Attack, count: u64) -> (Vec<u8>, Totals) {
        let mut out = Vec::new();
        let totals = attack.write(7, count, &mut out).expect("memory takes every write");
        (out, totals)
    }

    /// The frames of a nanosecond pcap.
    fn read(file: &[u8]) -> Capture {
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four octets"));
        let (mut at, mut capture) = (24, Capture::new());
        while at < file.len() {
            let (len, now) = (word(at + 8) as usize, u64::from(word(at)) * 1_000_000_000 + u64::from(word(at + 4)));
            capture.add([Frame {
                at: Timestamp(now),
                port: 0,
                link: Link::Ethernet,
                wire_len: len as u32,
                bytes: file[at + 16..at + 16 + len].to_vec(),
            }]);
            at += 16 + len;
        }
        capture
    }

    #[test]
    fn every_attack_has_the_same_bystanders_at_the_same_times() {
        let bystanders = |file: &[u8]| {
            let ours = |frame: &Frame| {
                let (packet, _) = frame.dissect().expect("our frame");
                is_bystander(packet.src.ip()) || is_bystander(packet.dst.ip())
            };
            read(file).frames.into_iter().filter(ours).collect::<Vec<_>>()
        };
        let (alone, totals) = made(Attack::SynFlood, 0);
        let expected = read(&alone).frames;
        assert_eq!((expected.len() as u64, bystanders(&alone) == expected), (totals.packets, true));
        assert!(totals.exchanges > 300);
        for (name, attack) in Attack::ALL {
            let (file, with) = made(attack, 640);
            assert_eq!(made(attack, 640).0, file, "{name}");
            assert!(read(&file).frames.is_sorted_by_key(|frame| frame.at), "{name}");
            assert!(with.packets > totals.packets + 600, "{name}: {with:?}");
            assert!(bystanders(&file) == expected, "{name}");
            assert_eq!((name.parse(), attack.name()), (Ok(attack), name));
        }
        assert!("syn".parse::<Attack>().is_err());
    }

    #[test]
    fn a_flood_comes_from_as_many_addresses_as_asked() {
        let (file, _) = made(Attack::SynFlood, 5_000);
        let sources: BTreeSet<IpAddr> = read(&file)
            .frames
            .iter()
            .filter_map(|frame| frame.dissect().map(|(packet, _)| packet))
            .filter(|packet| packet.flags == SYN && !is_bystander(packet.src.ip()))
            .map(|packet| packet.src.ip())
            .collect();
        assert_eq!(sources.len(), 5_000);
    }
}
