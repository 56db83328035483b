//! Dialogues to packets: what two programs say to each other, as the segments a mirror port would see.

use std::net::SocketAddr;

use spyhop_model::{Side, Span, Timestamp};

use crate::events::time;
use crate::frame::{ACK, FIN, Frame, Link, PSH, RST, SYN, TcpPacket};

/// Options of a SYN: maximum segment size, SACK permitted, window scale 7.
fn syn_options(mss: u16) -> [u8; 12] {
    let [high, low] = mss.to_be_bytes();
    [2, 4, high, low, 4, 2, 1, 3, 3, 7, 1, 1]
}

/// A receiver sends an acknowledgement of its own after this silence (RFC 9293, section 3.8.6.3, allows 500 ms).
const DELAYED_ACK: Span = Span::millis(40);

#[derive(Clone, Debug)]
struct End {
    addr: SocketAddr,
    /// The next sequence number to send.
    seq: u32,
    ident: u16,
    ttl: u8,
    /// Segments of the peer not yet acknowledged.
    owed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Fresh,
    Open,
    Over,
}

/// One TCP connection. The handshake comes before the first octets; options are to be set before those.
///
/// ```
/// use spyhop_testkit::Conversation;
/// let frames = Conversation::new("10.0.0.8:40000", "10.0.0.1:80")
///     .client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
///     .server("HTTP/1.1 204 No Content\r\n\r\n")
///     .close()
///     .frames();
/// assert_eq!(frames.len(), 3 + 2 + 3);
/// ```
#[derive(Clone, Debug)]
pub struct Conversation {
    client: End,
    server: End,
    phase: Phase,
    clock: Timestamp,
    step: Span,
    turn: Span,
    speaker: Side,
    mss: u16,
    ack_every: u32,
    handshake: bool,
    seen: Option<Side>,
    padded: bool,
    link: Link,
    port: u16,
    vlans: Vec<u16>,
    frames: Vec<Frame>,
}

impl Conversation {
    /// A connection between two ends written as `10.0.0.8:40000` or `[fd00::8]:40000`.
    ///
    /// # Panics
    /// If an end is no address with a port.
    pub fn new(client: &str, server: &str) -> Self {
        Conversation::between(client.parse().expect("a socket address"), server.parse().expect("a socket address"))
    }

    /// A connection between two ends. Initial sequence numbers follow from the ports.
    pub fn between(client: SocketAddr, server: SocketAddr) -> Self {
        let end = |addr: SocketAddr, salt: u32, ttl| End {
            addr,
            seq: (u32::from(client.port()) << 16 | u32::from(server.port())).wrapping_mul(salt),
            ident: client.port().wrapping_mul(7),
            ttl,
            owed: 0,
        };
        Conversation {
            client: end(client, 2_654_435_761, 64),
            server: end(server, 2_246_822_519, 63),
            phase: Phase::Fresh,
            clock: time(0),
            step: Span(10_000),
            turn: Span(200_000),
            speaker: Side::Originator,
            mss: 1460,
            ack_every: 2,
            handshake: true,
            seen: None,
            padded: false,
            link: Link::Ethernet,
            port: 0,
            vlans: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// The time of the next packet; without it the tests' first morning.
    pub fn at(mut self, at: Timestamp) -> Self {
        self.clock = at;
        self
    }
    /// The first sequence numbers of client and server.
    pub fn sequence(mut self, client: u32, server: u32) -> Self {
        self.client.seq = client;
        self.server.seq = server;
        self
    }
    /// Octets of payload in a segment at most; 1460 without it.
    pub fn mss(mut self, mss: u16) -> Self {
        self.mss = mss.max(1);
        self
    }
    /// Time from packet to packet of one side, and from side to side.
    pub fn pace(mut self, step: Span, turn: Span) -> Self {
        self.step = step;
        self.turn = turn;
        self
    }
    /// A pure acknowledgement after that many segments of one side; zero for none but piggybacked ones. 2 without it.
    pub fn ack_every(mut self, segments: u32) -> Self {
        self.ack_every = segments;
        self
    }
    /// The capture began after the handshake.
    pub fn midstream(mut self) -> Self {
        self.handshake = false;
        self
    }
    /// The capture sees the packets of `side` only.
    pub fn one_sided(mut self, side: Side) -> Self {
        self.seen = Some(side);
        self
    }
    /// Short frames are padded to Ethernet's minimum.
    pub fn padded(mut self) -> Self {
        self.padded = true;
        self
    }
    /// An inner VLAN tag around every packet; call again for one further inside.
    pub fn vlan(mut self, id: u16) -> Self {
        self.vlans.push(id);
        self
    }
    /// The link type, Ethernet without it.
    pub fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }
    /// The sensor's port that sees this connection.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The client sends.
    pub fn client(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.send(Side::Originator, bytes.as_ref());
        self
    }
    /// The server sends.
    pub fn server(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.send(Side::Responder, bytes.as_ref());
        self
    }
    /// Nothing happens for `span`; delayed acknowledgements fall due.
    pub fn pause(mut self, span: Span) -> Self {
        self.wait(span);
        self
    }
    /// `side` sends `octets` octets that the capture never saw.
    pub fn lost(mut self, side: Side, octets: u32) -> Self {
        self.skip(side, octets);
        self
    }
    /// The client closes, the server follows.
    pub fn close(self) -> Self {
        self.close_from(Side::Originator)
    }
    /// `side` closes, the other follows.
    pub fn close_from(mut self, side: Side) -> Self {
        self.finish(side);
        self
    }
    /// The client resets the connection.
    pub fn reset(self) -> Self {
        self.reset_from(Side::Originator)
    }
    /// `side` resets the connection.
    pub fn reset_from(mut self, side: Side) -> Self {
        self.abort(side);
        self
    }
    /// The handshake if nothing has been said yet (for connections that stay silent), and every frame so far.
    pub fn frames(mut self) -> Vec<Frame> {
        self.open();
        self.frames
    }

    /// The time of the next packet.
    pub fn now(&self) -> Timestamp {
        self.clock
    }
    /// Moves the clock to `at` if that is later, as [`Conversation::wait`] does.
    pub fn wait_until(&mut self, at: Timestamp) {
        self.wait(at.since(self.clock));
    }
    /// Moves the frames made so far to the end of `out`: for writers that do not hold a whole connection.
    pub fn drain(&mut self, out: &mut Vec<Frame>) {
        out.append(&mut self.frames);
    }

    /// As [`Conversation::pause`], in place.
    pub fn wait(&mut self, span: Span) {
        let (due, until) = (self.clock + DELAYED_ACK, self.clock + span);
        if span >= DELAYED_ACK && self.phase == Phase::Open && self.ack_every > 0 {
            for side in [Side::Originator, Side::Responder] {
                if self.end(side).owed > 0 {
                    self.clock = self.clock.max(due);
                    self.emit(side, ACK, &[], &[]);
                }
            }
        }
        self.clock = self.clock.max(until);
    }

    /// Waits just long enough for delayed acknowledgements, so that a later wait adds none at a time gone by.
    pub fn settle(&mut self) {
        self.wait(DELAYED_ACK);
    }

    /// The handshake, unless it is done or was not captured.
    pub fn open(&mut self) {
        if self.phase != Phase::Fresh {
            return;
        }
        self.phase = Phase::Open;
        let syn = syn_options(self.mss);
        if self.handshake {
            self.emit(Side::Originator, SYN, &syn, &[]);
            self.emit(Side::Responder, SYN | ACK, &syn, &[]);
            self.emit(Side::Originator, ACK, &[], &[]);
        } else {
            self.client.seq = self.client.seq.wrapping_add(1);
            self.server.seq = self.server.seq.wrapping_add(1);
        }
    }

    /// `side` sends, in segments of at most the MSS.
    pub fn send(&mut self, side: Side, bytes: &[u8]) {
        self.open();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (segment, after) = rest.split_at(rest.len().min(usize::from(self.mss)));
            rest = after;
            self.emit(side, if rest.is_empty() { PSH | ACK } else { ACK }, &[], segment);
            if self.ack_every > 0 && self.end(side.other()).owed >= self.ack_every {
                self.emit(side.other(), ACK, &[], &[]);
            }
        }
    }

    /// As [`Conversation::lost`], in place.
    pub fn skip(&mut self, side: Side, octets: u32) {
        self.open();
        let end = self.end_mut(side);
        end.seq = end.seq.wrapping_add(octets);
    }

    /// As [`Conversation::close_from`], in place.
    pub fn finish(&mut self, side: Side) {
        self.open();
        if self.phase == Phase::Open {
            self.emit(side, FIN | ACK, &[], &[]);
            self.emit(side.other(), FIN | ACK, &[], &[]);
            self.emit(side, ACK, &[], &[]);
            self.phase = Phase::Over;
        }
    }

    /// As [`Conversation::reset_from`], in place.
    pub fn abort(&mut self, side: Side) {
        self.open();
        if self.phase == Phase::Open {
            self.emit(side, RST | ACK, &[], &[]);
            self.phase = Phase::Over;
        }
    }

    fn end(&self, side: Side) -> &End {
        match side {
            Side::Originator => &self.client,
            Side::Responder => &self.server,
        }
    }

    fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Originator => &mut self.client,
            Side::Responder => &mut self.server,
        }
    }

    fn emit(&mut self, side: Side, flags: u8, options: &[u8], payload: &[u8]) {
        if side != self.speaker {
            self.speaker = side;
            // A pure acknowledgement leaves at once, an answer takes its time.
            self.clock = self.clock + if payload.is_empty() { self.step } else { self.turn };
        }
        let (from, to) = (self.end(side), self.end(side.other()));
        let packet = TcpPacket {
            src: from.addr,
            dst: to.addr,
            seq: from.seq,
            ack: if flags & ACK == 0 { 0 } else { to.seq },
            flags,
            window: 501,
            urgent: 0,
            ttl: from.ttl,
            ident: from.ident,
            options,
            payload,
        };
        if self.seen.is_none_or(|seen| seen == side) {
            let mut frame = packet.frame(self.clock, self.link, &self.vlans);
            frame.port = self.port;
            if self.padded {
                frame.pad();
            }
            self.frames.push(frame);
        }
        self.clock = self.clock + self.step;
        let from = self.end_mut(side);
        from.seq = from.seq.wrapping_add(payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0));
        from.ident = from.ident.wrapping_add(1);
        from.owed = 0;
        if !payload.is_empty() {
            self.end_mut(side.other()).owed += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a receiver reads from the frames of the sender with this port, in order of arrival.
    fn stream(frames: &[Frame], port: u16) -> Vec<u8> {
        let mut next = None;
        let mut out = Vec::new();
        for frame in frames {
            let (packet, _) = frame.dissect().expect("our frame");
            if packet.src.port() == port {
                assert_eq!(packet.seq, *next.get_or_insert(packet.seq));
                out.extend_from_slice(packet.payload);
                let counts = packet.payload.len() as u32 + u32::from(packet.flags & (SYN | FIN) != 0);
                next = Some(packet.seq.wrapping_add(counts));
            }
        }
        out
    }

    fn flags(frames: &[Frame]) -> Vec<u8> {
        frames.iter().map(|frame| frame.dissect().expect("our frame").0.flags).collect()
    }

    #[test]
    fn what_was_said_is_what_the_segments_carry() {
        let body: Vec<u8> = (0..10_000).map(|n| n as u8).collect();
        for (client, server) in [("10.0.0.8:40000", "10.0.0.1:80"), ("[fd00::8]:40000", "[fd00::1]:80")] {
            let frames = Conversation::new(client, server)
                .sequence(u32::MAX - 3, u32::MAX - 5_000)
                .mss(1000)
                .client("hello")
                .server(&body)
                .client("bye")
                .close()
                .frames();
            assert_eq!(stream(&frames, 40_000), b"hellobye");
            assert_eq!(stream(&frames, 80), body);
            assert!(frames.is_sorted_by_key(|frame| frame.at));
            // 3 handshake, 1 question, 10 segments, 5 acknowledgements, 1 question, 3 closing.
            assert_eq!(frames.len(), 23);
        }
    }

    #[test]
    fn acknowledgements_name_what_was_sent() {
        let frames =
            Conversation::new("10.0.0.8:1", "10.0.0.1:80").client("ab").server("cde").pause(Span::seconds(1)).frames();
        let last = frames.last().and_then(Frame::dissect).expect("a frame").0;
        let said = frames[4].dissect().expect("a frame").0;
        assert_eq!((last.flags, last.ack), (ACK, said.seq.wrapping_add(3)));
    }

    #[test]
    fn the_capture_may_miss_parts() {
        let talk = || Conversation::new("10.0.0.8:1", "10.0.0.1:80");
        assert_eq!(flags(&talk().midstream().client("a").reset().frames()), [PSH | ACK, RST | ACK]);
        assert_eq!(flags(&talk().one_sided(Side::Responder).client("a").server("b").frames()), [SYN | ACK, PSH | ACK]);
        let frames = talk().midstream().client("a").lost(Side::Originator, 100).client("b").frames();
        let seqs: Vec<u32> = frames.iter().map(|frame| frame.dissect().expect("a frame").0.seq).collect();
        assert_eq!(seqs[1].wrapping_sub(seqs[0]), 101);
    }
}
