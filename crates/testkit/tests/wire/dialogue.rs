//! Dialogues drawn at random, with the exchanges that they are.

use std::net::SocketAddr;

use spyhop_model::{Side, Span};
use spyhop_testkit::http::{Coding, Message};
use spyhop_testkit::wrap::Version;
use spyhop_testkit::{Capture, Conversation, Rng};

use crate::sensor::{Digest, ends, text};

/// What client and server say in turns, and what that amounts to.
pub struct Dialogue {
    pub version: Version,
    pub client: SocketAddr,
    pub server: SocketAddr,
    turns: Vec<(Side, Vec<u8>)>,
    /// The exchanges in the order in which they begin, as the sensor's test writes them.
    pub truth: Vec<String>,
    ending: Ending,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    Closed(Side),
    Reset(Side),
}

/// A request with its answer.
struct Exchange {
    /// In turns; more than two where the client waits for an interim answer.
    turns: Vec<(Side, Vec<u8>)>,
    request: String,
    sent: Vec<u8>,
    answer: u16,
    got: Vec<u8>,
    besides: &'static str,
    /// It may stand in a pipeline.
    plain: bool,
}

impl Exchange {
    fn new(request: (String, Vec<u8>, Vec<u8>), answer: (u16, Vec<u8>, Vec<u8>)) -> Exchange {
        let (request, sent, asked) = request;
        let (answer, got, answered) = answer;
        let turns = vec![(Side::Originator, asked), (Side::Responder, answered)];
        Exchange { turns, request, sent, answer, got, besides: "", plain: true }
    }
}

/// A request for a place of its own.
fn request(rng: &mut Rng) -> (String, Vec<u8>, Vec<u8>) {
    let target = format!("/{}?n={}", rng.hex(6), rng.digits(3));
    let body = octets(rng, 3_000);
    match rng.index(4) {
        0 => {
            let message = Message::post(&target).host("a.example").json(body.clone()).bytes();
            (format!("POST {target}"), body, message)
        }
        1 => {
            let message = Message::request("PUT", &target).host("a.example").body(body.clone()).chunked(rng).bytes();
            (format!("PUT {target}"), body, message)
        }
        _ => {
            let message = Message::get(&target).host("a.example").agent("curl/8.5.0").bytes();
            (format!("GET {target}"), Vec::new(), message)
        }
    }
}

/// An answer that says where it ends.
fn answer(rng: &mut Rng) -> (u16, Vec<u8>, Vec<u8>) {
    let status = rng.one_of(&[200, 201, 404, 500]);
    let longest = if rng.chance(10.0) { 200_000 } else { 8_000 };
    let body = octets(rng, longest);
    let mut message = Message::response(status).json(body.clone());
    if rng.chance(40.0) {
        message = message.coded(rng.one_of(&[Coding::Gzip, Coding::Deflate]));
    }
    if rng.chance(40.0) {
        message = message.chunked(rng);
    }
    (status, body, message.bytes())
}

fn octets(rng: &mut Rng, longest: usize) -> Vec<u8> {
    let len = 1 + rng.index(longest);
    // Lines, so that some of it compresses and nothing of it begins like HTTP.
    let mut out = Vec::with_capacity(len + 40);
    while out.len() < len {
        out.extend_from_slice(format!("{{\"id\": {}, \"of\": \"{}\"}}\n", rng.digits(7), rng.hex(12)).as_bytes());
    }
    out.truncate(len);
    out
}

fn exchange(rng: &mut Rng) -> Exchange {
    match rng.index(10) {
        // Without a body, whatever its head says.
        0 => {
            let target = format!("/head/{}", rng.hex(6));
            let asked = Message::request("HEAD", &target).host("a.example").bytes();
            let answered = Message::response(200).header("Content-Length", "4711").head();
            Exchange::new((format!("HEAD {target}"), Vec::new(), asked), (200, Vec::new(), answered))
        }
        1 => {
            let status = rng.one_of(&[204, 304]);
            Exchange::new(request(rng), (status, Vec::new(), Message::response(status).bytes()))
        }
        // The client waits until it is told to go on.
        2 => {
            let body = octets(rng, 3_000);
            let target = format!("/expect/{}", rng.hex(6));
            let head = Message::request("PUT", &target).host("a.example").header("Expect", "100-continue");
            let head = head.header("Content-Length", &body.len().to_string()).head();
            let (answer, got, answered) = answer(rng);
            let turns = vec![
                (Side::Originator, head),
                (Side::Responder, Message::response(100).bytes()),
                (Side::Originator, body.clone()),
                (Side::Responder, answered),
            ];
            let request = format!("PUT {target}");
            Exchange { turns, request, sent: body, answer, got, besides: " interim 1", plain: false }
        }
        _ => Exchange::new(request(rng), answer(rng)),
    }
}

impl Dialogue {
    /// The dialogue number `number` of a capture, whose ends are no other's.
    pub fn random(rng: &mut Rng, number: u16) -> Dialogue {
        let (version, client, server) = if rng.chance(50.0) {
            (Version::V4, format!("10.0.0.8:{}", 40_000 + number), "10.0.0.1:80")
        } else {
            // A Teredo client, so that Teredo carries it on any port.
            (Version::V6, format!("[2001:0:1::8]:{}", 40_000 + number), "[fd00::1]:8080")
        };
        let (client, server) = (client.parse().expect("an address"), server.parse().expect("an address"));
        let (turns, truth) = (Vec::new(), Vec::new());
        let mut dialogue = Dialogue { version, client, server, turns, truth, ending: Ending::Open };
        dialogue.exchanges(rng);
        if rng.chance(20.0) {
            // A tunnel through a proxy; inside it is HTTP again.
            let asked = Message::request("CONNECT", "b.example:8443").host("b.example:8443").head();
            let answered = Message::response(200).head();
            let request = ("CONNECT b.example:8443".to_owned(), Vec::new(), asked);
            dialogue.say(vec![Exchange::new(request, (200, Vec::new(), answered))]);
            dialogue.exchanges(rng);
        }
        let side = rng.one_of(&[Side::Originator, Side::Responder]);
        dialogue.ending = match rng.index(6) {
            0 => Ending::Open,
            1 => Ending::Reset(side),
            2 => {
                // The end of the connection is the body's.
                let body = octets(rng, 30_000);
                let answered = Message::response(200).body(body.clone()).until_close().bytes();
                dialogue.say(vec![Exchange::new(request(rng), (200, body, answered))]);
                Ending::Closed(Side::Responder)
            }
            _ => Ending::Closed(side),
        };
        dialogue
    }

    fn exchanges(&mut self, rng: &mut Rng) {
        for _ in 0..1 + rng.index(4) {
            let pipelined = if rng.chance(30.0) { 2 + rng.index(4) } else { 1 };
            let group: Vec<Exchange> = (0..pipelined).map(|_| exchange(rng)).collect();
            if group.iter().all(|exchange| exchange.plain) {
                self.say(group);
            } else {
                group.into_iter().for_each(|exchange| self.say(vec![exchange]));
            }
        }
    }

    /// These exchanges at once: all requests, then all answers.
    fn say(&mut self, group: Vec<Exchange>) {
        let who = ends(self.client, self.server);
        for exchange in &group {
            let (sent, got) = (Digest::of(&exchange.sent), Digest::of(&exchange.got));
            let answer = exchange.answer.to_string();
            self.truth.push(text(&who, &exchange.request, &sent, &answer, &got, exchange.besides));
        }
        if let [only] = group.as_slice() {
            self.turns.extend(only.turns.iter().cloned());
            return;
        }
        for side in [Side::Originator, Side::Responder] {
            let of_side = group.iter().flat_map(|exchange| &exchange.turns).filter(|(who, _)| *who == side);
            self.turns.push((side, of_side.flat_map(|(_, bytes)| bytes.iter().copied()).collect()));
        }
    }

    /// Its packets: with segments, acknowledgements and sequence numbers drawn at random.
    pub fn packets(&self, rng: &mut Rng) -> Capture {
        let mut talk = Conversation::between(self.client, self.server)
            .mss(rng.one_of(&[100, 536, 1_000, 1_460, 1_460, 8_960]))
            .ack_every(rng.one_of(&[0, 1, 2, 2, 5]))
            .pace(Span(10_000 + rng.below(20_000)), Span(100_000 + rng.below(1_000_000)));
        if rng.chance(50.0) {
            // Just before their end, so that they wrap early in the dialogue.
            let near = |rng: &mut Rng| u32::MAX - rng.below(5_000) as u32;
            talk = talk.sequence(near(rng), near(rng));
        }
        for (side, bytes) in &self.turns {
            talk.send(*side, bytes);
            if rng.chance(10.0) {
                talk.wait(Span::millis(1 + rng.below(3_000)));
            }
        }
        match self.ending {
            Ending::Open => {}
            Ending::Closed(side) => talk.finish(side),
            Ending::Reset(side) => talk.abort(side),
        }
        Capture { frames: talk.frames() }
    }
}

/// The exchanges of several dialogues, in the order in which a reading tells them.
pub fn truth(dialogues: &[Dialogue]) -> Vec<String> {
    let mut by_ends: Vec<(String, &Dialogue)> =
        dialogues.iter().map(|dialogue| (ends(dialogue.client, dialogue.server), dialogue)).collect();
    by_ends.sort_by(|(a, _), (b, _)| a.cmp(b));
    by_ends.into_iter().flat_map(|(_, dialogue)| dialogue.truth.iter().cloned()).collect()
}
