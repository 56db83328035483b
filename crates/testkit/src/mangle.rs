//! What networks and mirror ports do to packets. Every operator is seeded and says whether octets get lost; those that
//! lose none must not change what a receiver reads.

use std::collections::HashMap;
use std::net::SocketAddr;

use spyhop_model::{Side, Span, Timestamp};

use crate::capture::Capture;
use crate::frame::{ACK, FIN, Frame, Link, RST, SYN};
use crate::rng::Rng;

/// A segment is not merged with the next beyond this payload, as with generic receive offload.
const MERGED_PAYLOAD: usize = 16_384;

impl Capture {
    /// Moves about `percent` of the packets up to `window` places later. Times stay with the places: the packets
    /// arrived in another order. Loses nothing.
    pub fn reorder(&mut self, seed: u64, percent: f64, window: usize) {
        let times: Vec<Timestamp> = self.frames.iter().map(|frame| frame.at).collect();
        self.displace(seed, percent, window);
        for (frame, at) in self.frames.iter_mut().zip(times) {
            frame.at = at;
        }
    }

    /// Moves about `percent` of the packets up to `window` places later with their times, so that the file is out of
    /// order: several capture queues written without a merge. Loses nothing.
    pub fn disorder(&mut self, seed: u64, percent: f64, window: usize) {
        self.displace(seed, percent, window);
    }

    /// Has about `percent` of the packets captured up to `by` later than they were, but for those of handshakes: data
    /// comes a round trip after them, so that no mirror puts it before them. Loses nothing.
    pub fn delay(&mut self, seed: u64, percent: f64, by: Span) {
        let mut rng = Rng::new(seed);
        for frame in &mut self.frames {
            let opens = frame.dissect().is_some_and(|(packet, _)| packet.flags & SYN != 0);
            let late = Span(rng.below(by.0 + 1));
            if rng.chance(percent) && !opens {
                frame.at = frame.at + late;
            }
        }
        self.sort();
    }

    fn displace(&mut self, seed: u64, percent: f64, window: usize) {
        let mut rng = Rng::new(seed);
        let mut places: Vec<(usize, Frame)> = std::mem::take(&mut self.frames)
            .into_iter()
            .enumerate()
            .map(|(place, frame)| {
                let late = if window > 0 && rng.chance(percent) { 1 + rng.index(window) } else { 0 };
                (2 * (place + late) + usize::from(late > 0), frame)
            })
            .collect();
        places.sort_by_key(|(place, _)| *place);
        self.frames = places.into_iter().map(|(_, frame)| frame).collect();
    }

    /// Repeats about `percent` of the packets `after` later, in order of time. Loses nothing.
    pub fn duplicate(&mut self, seed: u64, percent: f64, after: Span) {
        let mut rng = Rng::new(seed);
        let mut copies: Vec<Frame> = self.frames.iter().filter(|_| rng.chance(percent)).cloned().collect();
        copies.iter_mut().for_each(|frame| frame.at = frame.at + after);
        self.add(copies);
        self.sort();
    }

    /// Takes away about `percent` of the packets and returns them.
    pub fn lose(&mut self, seed: u64, percent: f64) -> Vec<Frame> {
        let mut rng = Rng::new(seed);
        let (lost, kept) = std::mem::take(&mut self.frames).into_iter().partition(|_| rng.chance(percent));
        self.frames = kept;
        lost
    }

    /// Keeps the first `snaplen` octets of each packet and returns how many octets were cut off.
    pub fn cut(&mut self, snaplen: usize) -> u64 {
        let held = |frames: &[Frame]| frames.iter().map(|frame| frame.bytes.len() as u64).sum::<u64>();
        let before = held(&self.frames);
        self.frames.iter_mut().for_each(|frame| frame.cut(snaplen));
        before - held(&self.frames)
    }

    /// Cuts about `percent` of the data segments in two at any place. Loses nothing.
    pub fn split(&mut self, seed: u64, percent: f64) {
        let mut rng = Rng::new(seed);
        let mut out = Vec::with_capacity(self.frames.len() * 2);
        for frame in std::mem::take(&mut self.frames) {
            match frame.dissect() {
                Some((packet, vlans)) if is_plain_data(packet.flags, packet.payload) && rng.chance(percent) => {
                    let (first, second) = packet.payload.split_at(rng.index(packet.payload.len() + 1));
                    let mut packet = packet;
                    for part in [first, second].into_iter().filter(|part| !part.is_empty()) {
                        packet.payload = part;
                        out.push(like(&frame, packet.frame(frame.at, frame.link, &vlans)));
                        packet.seq = packet.seq.wrapping_add(part.len() as u32);
                    }
                }
                _ => out.push(frame),
            }
        }
        self.frames = out;
    }

    /// Joins about `percent` of the data segments with the one before them, where one continues the other and nothing
    /// of the connection stands between. Loses nothing.
    pub fn merge(&mut self, seed: u64, percent: f64) {
        let mut rng = Rng::new(seed);
        // The place of each connection's last frame.
        let mut last: HashMap<(SocketAddr, SocketAddr), usize> = HashMap::new();
        let mut out: Vec<Frame> = Vec::with_capacity(self.frames.len());
        for frame in std::mem::take(&mut self.frames) {
            let Some((packet, vlans)) = frame.dissect() else {
                out.push(frame);
                continue;
            };
            let key = (packet.src.min(packet.dst), packet.src.max(packet.dst));
            let joined = last.get(&key).and_then(|place| {
                let (before, _) = out.get(*place)?.dissect()?;
                let continues = before.src == packet.src
                    && before.seq.wrapping_add(before.payload.len() as u32) == packet.seq
                    && is_plain_data(before.flags, before.payload)
                    && is_plain_data(packet.flags, packet.payload)
                    && before.payload.len() + packet.payload.len() <= MERGED_PAYLOAD;
                if !(continues && rng.chance(percent)) {
                    return None;
                }
                let mut whole = packet;
                let payload = [before.payload, packet.payload].concat();
                whole.seq = before.seq;
                whole.payload = &payload;
                Some((*place, like(&out[*place], whole.frame(out[*place].at, frame.link, &vlans))))
            });
            if let Some((place, whole)) = joined {
                out[place] = whole;
            } else {
                last.insert(key, out.len());
                out.push(frame);
            }
        }
        self.frames = out;
    }

    /// Makes about `percent` of the data segments begin earlier, repeating up to `octets` of what their sender sent
    /// just before. Loses nothing.
    pub fn overlap(&mut self, seed: u64, percent: f64, octets: usize) {
        let octets = octets.clamp(1, MERGED_PAYLOAD);
        let mut rng = Rng::new(seed);
        // The last octets of each sender, and the sequence number after them.
        let mut tails: HashMap<(SocketAddr, SocketAddr), (u32, Vec<u8>)> = HashMap::new();
        for frame in &mut self.frames {
            let Some((mut packet, vlans)) = frame.dissect() else { continue };
            if !is_plain_data(packet.flags, packet.payload) {
                continue;
            }
            let (end, tail) = tails.entry((packet.src, packet.dst)).or_default();
            if *end != packet.seq {
                tail.clear();
            }
            *end = packet.seq.wrapping_add(packet.payload.len() as u32);
            let before = tail.len();
            tail.extend_from_slice(packet.payload);
            let again = if before > 0 && rng.chance(percent) { 1 + rng.index(before) } else { 0 };
            let payload = tail[before - again..].to_vec();
            tail.drain(..tail.len().saturating_sub(octets));
            if again > 0 {
                packet.seq = packet.seq.wrapping_sub(again as u32);
                packet.payload = &payload;
                let widened = like(frame, packet.frame(frame.at, frame.link, &vlans));
                *frame = widened;
            }
        }
    }

    /// Sends up to `octets` of what a sender sent last again, `after` about `percent` of its data segments, in one packet
    /// of its own whose cuts are those of no other. Loses nothing.
    pub fn retransmit(&mut self, seed: u64, percent: f64, octets: usize, after: Span) {
        let octets = octets.clamp(1, MERGED_PAYLOAD);
        let mut rng = Rng::new(seed);
        // As in `overlap`.
        let mut tails: HashMap<(SocketAddr, SocketAddr), (u32, Vec<u8>)> = HashMap::new();
        let mut again = Vec::new();
        for frame in &self.frames {
            let Some((mut packet, vlans)) = frame.dissect() else { continue };
            if !is_plain_data(packet.flags, packet.payload) {
                continue;
            }
            let (end, tail) = tails.entry((packet.src, packet.dst)).or_default();
            if *end != packet.seq {
                tail.clear();
            }
            *end = packet.seq.wrapping_add(packet.payload.len() as u32);
            tail.extend_from_slice(packet.payload);
            tail.drain(..tail.len().saturating_sub(octets));
            if !rng.chance(percent) {
                continue;
            }
            let from = rng.index(tail.len());
            let to = from + 1 + rng.index(tail.len() - from);
            let payload = tail[from..to].to_vec();
            packet.seq = end.wrapping_sub((tail.len() - from) as u32);
            packet.payload = &payload;
            packet.ident = packet.ident.wrapping_add(20_000);
            again.push(like(frame, packet.frame(frame.at + after, frame.link, &vlans)));
        }
        self.add(again);
        self.sort();
    }

    /// Asks `after` about `percent` of the data segments whether the other side is still there: a probe one octet back,
    /// empty or with the octet that was sent there (RFC 9293, section 3.8.4). Loses nothing.
    pub fn keep_alive(&mut self, seed: u64, percent: f64, after: Span) {
        let mut rng = Rng::new(seed);
        let mut probes = Vec::new();
        for frame in &self.frames {
            let Some((mut packet, vlans)) = frame.dissect() else { continue };
            if is_plain_data(packet.flags, packet.payload) && rng.chance(percent) {
                let (before, last) = packet.payload.split_at(packet.payload.len() - 1);
                packet.seq = packet.seq.wrapping_add(before.len() as u32);
                packet.payload = if rng.chance(50.0) { last } else { &[] };
                packet.flags = ACK;
                packet.ident = packet.ident.wrapping_add(40_000);
                probes.push(like(frame, packet.frame(frame.at + after, frame.link, &vlans)));
            }
        }
        self.add(probes);
        self.sort();
    }

    /// Makes the TCP checksum of about `percent` of the packets wrong, as of a sender whose card was to compute it, and
    /// returns of how many. Loses nothing.
    pub fn spoil_checksums(&mut self, seed: u64, percent: f64) -> u64 {
        let mut rng = Rng::new(seed);
        self.frames.iter_mut().map(|frame| u64::from(rng.chance(percent) && frame.spoil_checksum())).sum()
    }

    /// Has the packets of `side` captured `by` later than they were, clients being those with the larger port: two ports
    /// of a mirror do not deliver at the same pace. Loses nothing.
    pub fn skew(&mut self, side: Side, by: Span) {
        for frame in &mut self.frames {
            let Some((packet, _)) = frame.dissect() else { continue };
            if (packet.src.port() >= packet.dst.port()) == (side == Side::Originator) {
                frame.at = frame.at + by;
            }
        }
        self.sort();
    }

    /// Pads Ethernet frames to their least length and appends `octets` more, as cards do that hand check sequences over.
    pub fn pad(&mut self, octets: usize) {
        for frame in self.frames.iter_mut().filter(|frame| frame.link == Link::Ethernet) {
            frame.pad();
            frame.bytes.resize(frame.bytes.len() + octets, 0xfc);
            frame.wire_len += octets as u32;
        }
    }

    /// Rounds times down to multiples of `grain`, so that many packets share one.
    pub fn coarsen(&mut self, grain: Span) {
        self.frames.iter_mut().for_each(|frame| frame.at = coarse(frame.at, grain));
    }

    /// Puts packets of the very same time into any order, but for those of one connection, whose order stays.
    /// Loses nothing.
    pub fn shuffle_ties(&mut self, seed: u64) {
        let mut rng = Rng::new(seed);
        for tied in self.frames.chunk_by_mut(|a, b| a.at == b.at).filter(|tied| tied.len() > 1) {
            let key = |frame: &Frame| {
                frame.dissect().map(|(packet, _)| (packet.src.min(packet.dst), packet.src.max(packet.dst)))
            };
            // Shuffled connections are dealt the places; each connection's frames take its places in their order.
            let mut owners: Vec<_> = tied.iter().map(key).collect();
            rng.shuffle(&mut owners);
            let mut waiting: HashMap<_, std::collections::VecDeque<Frame>> = HashMap::new();
            for frame in tied.iter() {
                waiting.entry(key(frame)).or_default().push_back(frame.clone());
            }
            for (place, owner) in tied.iter_mut().zip(owners) {
                if let Some(frame) = waiting.get_mut(&owner).and_then(std::collections::VecDeque::pop_front) {
                    *place = frame;
                }
            }
        }
    }
}

/// `at` rounded down to a multiple of `grain`.
pub(crate) fn coarse(at: Timestamp, grain: Span) -> Timestamp {
    Timestamp(at.0 - at.0 % grain.0.max(1))
}

/// Data and nothing else: the segment may be cut and joined.
fn is_plain_data(flags: u8, payload: &[u8]) -> bool {
    flags & (SYN | FIN | RST) == 0 && !payload.is_empty()
}

/// `frame` as seen where `model` was.
fn like(model: &Frame, mut frame: Frame) -> Frame {
    frame.port = model.port;
    frame
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::wire::Conversation;

    fn capture() -> Capture {
        let body: Vec<u8> = (0..5_000u32).map(|n| (n * n) as u8).collect();
        Capture::of((0..5).map(|n| {
            Conversation::new(&format!("10.0.0.8:{}", 40_000 + n), "10.0.0.1:80")
                .vlan(9)
                .mss(700)
                .client(format!("question {n}"))
                .server(&body)
                .client("again")
                .server(&body[n..])
                .close()
        }))
    }

    /// What an ideal receiver reads: every octet by sender and sequence number. Differing octets are an error.
    fn read(capture: &Capture) -> BTreeMap<(SocketAddr, u32), u8> {
        let mut out = BTreeMap::new();
        for (packet, _) in capture.frames.iter().filter_map(Frame::dissect) {
            for (at, octet) in packet.payload.iter().enumerate() {
                // All clients have different ports; the server's streams differ by the peer's port.
                let stream = SocketAddr::new(packet.src.ip(), packet.src.port().max(packet.dst.port()));
                let old = out.insert((stream, packet.seq.wrapping_add(at as u32)), *octet);
                assert!(old.is_none_or(|old| old == *octet));
            }
        }
        out
    }

    #[test]
    fn operators_that_lose_nothing_change_no_octet() {
        type Operator = fn(&mut Capture);
        let operators: [(&str, Operator); 14] = [
            ("reorder", |c| c.reorder(1, 20.0, 8)),
            ("disorder", |c| c.disorder(1, 20.0, 8)),
            ("duplicate", |c| c.duplicate(1, 20.0, Span(30_000))),
            ("split", |c| c.split(1, 50.0)),
            ("merge", |c| c.merge(1, 70.0)),
            ("overlap", |c| c.overlap(1, 50.0, 1500)),
            ("retransmit", |c| c.retransmit(1, 50.0, 1500, Span(40_000))),
            ("keep-alive", |c| c.keep_alive(1, 50.0, Span(40_000))),
            ("checksums", |c| assert!(c.spoil_checksums(1, 50.0) > 10)),
            ("delay", |c| c.delay(1, 20.0, Span::millis(1))),
            ("skew", |c| c.skew(Side::Responder, Span::millis(20))),
            ("pad", |c| c.pad(4)),
            ("coarsen", |c| c.coarsen(Span::millis(1))),
            ("ties", |c| {
                c.coarsen(Span::millis(1));
                c.shuffle_ties(1);
            }),
        ];
        let plain = capture();
        let truth = read(&plain);
        for (name, operator) in operators {
            let (mut once, mut twice) = (plain.clone(), plain.clone());
            operator(&mut once);
            operator(&mut twice);
            assert_eq!(once, twice, "{name}");
            assert_ne!(once, plain, "{name}");
            assert_eq!(read(&once), truth, "{name}");
            assert_eq!(once.frames.is_sorted_by_key(|frame| frame.at), name != "disorder", "{name}");
        }
    }

    #[test]
    fn splitting_and_merging_change_the_number_of_segments() {
        let plain = capture();
        let (mut split, mut merged, mut overlapping) = (plain.clone(), plain.clone(), plain.clone());
        split.split(3, 50.0);
        merged.merge(3, 100.0);
        overlapping.overlap(3, 50.0, 100);
        assert!(split.frames.len() > plain.frames.len() && merged.frames.len() < plain.frames.len());
        assert!(overlapping.payload() > plain.payload());
    }

    #[test]
    fn losses_are_told() {
        let mut lossy = capture();
        let (frames, octets) = (lossy.frames.len(), lossy.payload());
        let lost = Capture { frames: lossy.lose(5, 10.0) };
        assert!(!lost.frames.is_empty());
        assert_eq!((lossy.frames.len() + lost.frames.len(), lossy.payload() + lost.payload()), (frames, octets));
        let cut = lossy.cut(100);
        assert!(cut > 0 && lossy.frames.iter().all(|frame| frame.bytes.len() <= 100));
        let missing: u64 = lossy.frames.iter().map(|f| u64::from(f.wire_len) - f.bytes.len() as u64).sum();
        assert_eq!(missing, cut);
    }

    #[test]
    fn tied_packets_of_one_connection_keep_their_order() {
        let mut tied = capture();
        tied.coarsen(Span::seconds(1));
        let order = |capture: &Capture, port: u16| -> Vec<Frame> {
            let of_port = |frame: &&Frame| {
                frame.dissect().is_some_and(|(packet, _)| [packet.src.port(), packet.dst.port()].contains(&port))
            };
            capture.frames.iter().filter(of_port).cloned().collect()
        };
        let before = tied.clone();
        tied.shuffle_ties(2);
        assert_ne!(tied, before);
        for port in 40_000..40_005 {
            assert_eq!(order(&tied, port), order(&before, port));
        }
    }
}
