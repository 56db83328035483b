//! TCP segments as a list of operations.
//!
//! In one half of the inputs, two known streams are cut, shuffled, doubled and acknowledged in any order within the time
//! that a mirror may take, and nothing is lost. Holds: each side's octets come out once, in order, without a gap or a
//! difference, and both ends are told.
//!
//! In the other half anything goes: any flags and numbers on a few connections, cuts, urgent octets, pauses, VLANs.
//! Holds: every octet of payload is in one account after every segment; readers are told in the right order; what they
//! are given continues where it stood, gaps included, unless the accounts say that a direction was found again; held
//! octets, connections and memory stay within limits that bite soon; nothing is left at the end.

#![no_main]

use std::collections::HashMap;
use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use spyhop_fuzz::{Input, memory};
use spyhop_model::{Connection, Side, Socket, Span, Timestamp, Vlans};
use spyhop_stream::{End, Flags, Limits, Oddity, Segment, StreamAccounts, StreamReader, Streams};

fuzz_target!(|data: &[u8]| {
    let ((), peak) = memory::peak(|| {
        let mut input = Input::new(data);
        match input.byte() & 1 {
            0 => whole(&mut input),
            _ => anything(&mut input),
        }
    });
    // What is told is kept here: with a known stream about what was given, else up to 64 octets for each operation.
    assert!(peak <= (512 << 10) + 64 * data.len(), "{peak} octets allocated");
});

const SYN: u8 = Flags::SYN;
const ACK: u8 = Flags::ACK;
const FIN: u8 = Flags::FIN;

/// What a reader was told, and which one it was.
#[derive(Debug)]
enum Told {
    Open,
    Data(Side, Vec<u8>),
    Gap(Side, u64),
    Oddity(Side, Oddity),
    Finished(Side),
    End(End),
}

/// Numbers the readers and writes down what they are told.
#[derive(Default)]
struct Log {
    readers: usize,
    told: Vec<(usize, Told)>,
}

struct Reader(usize);

impl StreamReader for Reader {
    type Context = Log;
    fn open(log: &mut Log, _: &Connection) -> Reader {
        log.readers += 1;
        log.told.push((log.readers, Told::Open));
        Reader(log.readers)
    }
    fn data(&mut self, log: &mut Log, _: Timestamp, side: Side, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        log.told.push((self.0, Told::Data(side, bytes.to_vec())));
    }
    fn gap(&mut self, log: &mut Log, _: Timestamp, side: Side, lost: u64) {
        assert_ne!(lost, 0);
        log.told.push((self.0, Told::Gap(side, lost)));
    }
    fn oddity(&mut self, log: &mut Log, _: Timestamp, side: Side, what: Oddity) {
        log.told.push((self.0, Told::Oddity(side, what)));
    }
    fn finished(&mut self, log: &mut Log, _: Timestamp, side: Side) {
        log.told.push((self.0, Told::Finished(side)));
    }
    fn end(self, log: &mut Log, _: Timestamp, why: End) {
        log.told.push((self.0, Told::End(why)));
    }
}

fn socket(host: u8, port: u16) -> Socket {
    Socket { ip: [10, 0, 0, host].into(), port }
}

/// Something that changes with the payload, as TCP's does.
fn checksum(payload: &[u8]) -> u16 {
    payload.iter().fold(1, |sum: u16, byte| sum.rotate_left(3).wrapping_add(u16::from(*byte)))
}

fn vlans(id: u16) -> Vlans {
    let mut vlans = Vlans::default();
    vlans.push(id);
    vlans
}

/// One side of a connection of which all octets are known.
struct Known {
    client: bool,
    isn: u32,
    stream: Vec<u8>,
    vlans: Vlans,
}

impl Known {
    fn new(client: bool, isn: u32, len: usize, vlans: Vlans) -> Known {
        let salt = if client { 0 } else { 0x55 };
        let stream = (0..len).map(|at| (at as u8).wrapping_mul(37) ^ (at >> 8) as u8 ^ salt).collect();
        Known { client, isn, stream, vlans }
    }

    /// Octets `from..to` of the stream, where the peer's octets up to `acked` are acknowledged; one past the end is its FIN.
    fn segment<'a>(
        &'a self,
        peer: &Known,
        at: Timestamp,
        flags: u8,
        octets: Range<usize>,
        acked: usize,
    ) -> Segment<'a> {
        let (client, server) = (socket(1, 40_000), socket(2, 80));
        let (src, dst) = if self.client { (client, server) } else { (server, client) };
        let from = octets.start;
        let payload = &self.stream[octets];
        Segment {
            at,
            src,
            dst,
            vlans: self.vlans,
            tap: 0,
            ip_id: 0,
            checksum: checksum(payload),
            seq: self.isn.wrapping_add(1 + from as u32).wrapping_sub(u32::from(flags & SYN != 0)),
            ack: if flags & ACK != 0 { peer.isn.wrapping_add(1 + acked as u32) } else { 0 },
            flags: Flags(flags),
            window: 65_535,
            urgent: 0,
            ttl: 64,
            options: &[],
            payload,
            cut: 0,
        }
    }
}

fn whole(input: &mut Input<'_>) {
    let options = input.byte();
    let vlan = |bit: u8| if options & bit != 0 { vlans(u16::from(bit)) } else { Vlans::default() };
    let client = Known::new(true, input.long(), usize::from(input.byte()) * 8, vlan(1));
    let server = Known::new(false, input.long(), usize::from(input.byte()) * 8, vlan(2));
    // TCP Fast Open: data with the SYN (RFC 7413).
    let early = if options & 4 != 0 { client.stream.len().min(usize::from(options >> 4)) } else { 0 };

    let mut log = Log::default();
    let mut streams = Streams::<Reader>::new(Limits::default());
    let mut at = Timestamp(1_000_000_000);
    let mut give = |segment: Segment<'_>| {
        streams.segment(&mut log, &segment);
        assert!(streams.accounts().balance(), "{:?}", streams.accounts());
    };
    give(client.segment(&server, at, SYN, 0..early, 0));
    give(server.segment(&client, at, SYN | ACK, 0..0, 0));
    for _ in 0..300 {
        if input.is_empty() {
            break;
        }
        let (what, from, len, acked) = (input.byte(), input.byte(), input.byte(), input.byte());
        // All together take less than any waiting time.
        at = at + Span(u64::from(what >> 6) * 10_000);
        let (own, peer) = if what & 1 != 0 { (&client, &server) } else { (&server, &client) };
        let end = own.stream.len();
        let from = (usize::from(from) * 8 + usize::from(what >> 3 & 7)).min(end);
        let acked = (usize::from(acked) * 8).min(peer.stream.len());
        match what & 6 {
            0 => give(own.segment(peer, at, ACK | FIN, end..end, acked)),
            2 => give(own.segment(peer, at, ACK, from..from, acked)),
            _ => give(own.segment(peer, at, ACK, from..(from + usize::from(len)).min(end), acked)),
        }
    }
    // Whatever has not come comes now.
    for (own, peer) in [(&client, &server), (&server, &client)] {
        let end = own.stream.len();
        for from in (0..end).step_by(1000) {
            give(own.segment(peer, at, ACK, from..(from + 1000).min(end), 0));
        }
        give(own.segment(peer, at, ACK | FIN, end..end, 0));
    }
    // Retransmissions may have both sides wait for what the other acknowledges, which time alone settles, piece by piece.
    streams.finish(&mut log, at + Span::minutes(4));

    let accounts = streams.accounts();
    empty(&streams);
    assert_eq!((accounts.gaps, accounts.conflicting, accounts.out_of_window), (0, 0, 0), "{accounts:?}");
    assert_eq!((accounts.connections, accounts.closed), (1, 1), "{accounts:?}");
    assert_eq!(accounts.delivered, (client.stream.len() + server.stream.len()) as u64);
    let (mut said, mut finished) = ([Vec::new(), Vec::new()], [0, 0]);
    for (reader, told) in &log.told {
        assert_eq!(*reader, 1);
        match told {
            Told::Data(side, bytes) => {
                assert_eq!(finished[side.index()], 0, "data behind the end");
                said[side.index()].extend_from_slice(bytes);
            }
            Told::Finished(side) => finished[side.index()] += 1,
            Told::Open | Told::End(End::Closed) => {}
            Told::Gap(..) | Told::Oddity(..) | Told::End(_) => panic!("{told:?}"),
        }
    }
    assert!(said[0] == client.stream && said[1] == server.stream);
    assert!(log.readers == 0 || finished == [1, 1]);
}

fn anything(input: &mut Input<'_>) {
    let limits =
        Limits { connections: 3, held_per_direction: 2000, held_total: 3000, held_pieces: 8, ..Limits::default() };
    // What the octets of a truthful sender are, follows from their sequence numbers.
    let truthful = input.byte() & 1 != 0;
    let octets: Vec<u8> = (0..=255u8).cycle().take(1024).collect();
    let mut log = Log::default();
    let mut streams = Streams::<Reader>::new(limits);
    let mut follow = Follow::default();
    let mut at = Timestamp(1_000_000_000);
    let mut payload = 0;
    for _ in 0..300 {
        if input.is_empty() {
            break;
        }
        let (what, flags, len, extra) = (input.byte(), input.byte() & 0x3f, input.byte(), input.byte());
        let (seq, ack) = (number(input), number(input));
        at = at + Span::millis([0, 0, 1, 20, 60, 700, 5_000, 70_000][usize::from(what >> 5)]);
        let (client, server) = (socket(1, 40_000 + u16::from(what >> 1 & 3)), socket(2, 80));
        let by_client = what & 1 != 0;
        let (src, dst) = if by_client { (client, server) } else { (server, client) };
        let (own, peer) = if by_client { (5_000u32, 4_294_967_000u32) } else { (4_294_967_000, 5_000) };
        let seq = own.wrapping_add(seq);
        let first = seq.wrapping_add(u32::from(flags & SYN != 0)) as u8;
        let lie = !truthful && extra & 8 != 0;
        let start = usize::from(if lie { !first } else { first });
        let payload_of = &octets[start..start + usize::from(len)];
        let segment = Segment {
            at,
            src,
            dst,
            tap: 0,
            ip_id: u16::from(extra >> 4),
            // A forger can make it what it was.
            checksum: if lie { 0 } else { checksum(payload_of) },
            vlans: if extra & 3 == 3 { vlans(u16::from(extra >> 6)) } else { Vlans::default() },
            seq,
            ack: peer.wrapping_add(ack),
            flags: Flags(flags),
            window: 65_535,
            urgent: u16::from(extra >> 4),
            ttl: 64,
            options: &[],
            payload: payload_of,
            cut: if extra & 7 == 5 { 1 + u32::from(extra >> 3) } else { 0 },
        };
        payload += u64::from(len);
        let before = streams.accounts();
        if extra & 7 == 6 {
            streams.advance(&mut log, at);
        }
        streams.segment(&mut log, &segment);
        let after = streams.accounts();
        assert!(after.balance(), "{after:?}");
        assert_eq!(after.payload, payload);
        // One segment more than the limit is looked at before something gives way.
        assert!(streams.held_bytes() <= limits.held_total, "{} octets held", streams.held_bytes());
        assert!(streams.open_connections() <= limits.connections);
        follow.take(&mut log, truthful && found_again(&before) == found_again(&after));
    }
    let before = streams.accounts();
    streams.finish(&mut log, at + Span::seconds(1));
    let accounts = streams.accounts();
    follow.take(&mut log, truthful && found_again(&before) == found_again(&accounts));
    empty(&streams);
    assert!(accounts.balance(), "{accounts:?}");
    assert_eq!((accounts.delivered, accounts.gap_bytes), (follow.delivered, follow.lost), "{accounts:?}");
    assert_eq!(follow.open, 0, "a reader was not told the end");
    assert!(!truthful || accounts.conflicting == 0 || accounts.keep_alive > 0, "{accounts:?}");
}

/// A number near zero or near a power of two.
fn number(input: &mut Input<'_>) -> u32 {
    let (near, far) = (input.short(), input.byte());
    let base = if far & 0x80 == 0 { 0 } else { 1u32 << (far & 31) };
    base.wrapping_add(u32::from(near)).wrapping_sub(1 << 14)
}

/// Directions that were moved in sequence space.
fn found_again(accounts: &StreamAccounts) -> (u64, u64) {
    (accounts.resynchronised, accounts.refilled)
}

fn empty(streams: &Streams<Reader>) {
    assert_eq!((streams.held_bytes(), streams.accounts().held, streams.open_connections()), (0, 0, 0));
}

/// Follows what each reader is told.
#[derive(Default)]
struct Follow {
    readers: HashMap<usize, [Place; 2]>,
    open: usize,
    delivered: u64,
    lost: u64,
}

/// Where a direction stands.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The next octet, if it is known.
    next: Option<u8>,
    finished: bool,
}

impl Follow {
    fn take(&mut self, log: &mut Log, continuous: bool) {
        for (reader, told) in log.told.drain(..) {
            if matches!(told, Told::Open) {
                assert!(self.readers.insert(reader, Default::default()).is_none());
                self.open += 1;
                continue;
            }
            let places = self.readers.get_mut(&reader).expect("told before it was opened, or after its end");
            match told {
                Told::Data(side, bytes) => {
                    let place = &mut places[side.index()];
                    assert!(!place.finished, "data behind the end");
                    self.delivered += bytes.len() as u64;
                    for byte in bytes {
                        assert!(!continuous || place.next.is_none_or(|next| next == byte), "{place:?} {byte}");
                        place.next = continuous.then(|| byte.wrapping_add(1));
                    }
                }
                Told::Gap(side, lost) => {
                    let place = &mut places[side.index()];
                    self.lost += lost;
                    place.next = place.next.map(|next| next.wrapping_add(lost as u8));
                }
                Told::Oddity(side, Oddity::Urgent) => {
                    let place = &mut places[side.index()];
                    place.next = place.next.map(|next| next.wrapping_add(1));
                }
                Told::Oddity(..) => {}
                Told::Finished(side) => {
                    assert!(!places[side.index()].finished, "ended twice");
                    places[side.index()].finished = true;
                }
                Told::End(_) => {
                    self.readers.remove(&reader);
                    self.open -= 1;
                }
                Told::Open => {}
            }
        }
        if !continuous {
            for place in self.readers.values_mut().flatten() {
                place.next = None;
            }
        }
    }
}
