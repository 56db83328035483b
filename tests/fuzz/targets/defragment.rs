//! Fragments of a few datagrams in any order, with holes, overlaps, lies and pauses, against a model that keeps each octet
//! by itself.
//!
//! Holds: IPv4 keeps what arrived first, IPv6 drops a datagram whose fragments overlap (RFC 5722); a datagram comes out
//! once, when its last hole is filled; the oldest gives way and the late expire; the counters say what happened; memory
//! stays within the limits.

#![no_main]

use std::collections::{BTreeMap, HashMap};

use libfuzzer_sys::fuzz_target;
use spyhop_fuzz::{Input, memory};
use spyhop_model::{Span, Timestamp};
use spyhop_stream::{DecodeLimits, Decoder, FragmentAccounts, FragmentLimits, LinkType, Packet, Skip};

/// Few datagrams, so that they push each other out.
const FEW: FragmentLimits =
    FragmentLimits { datagrams: 4, bytes: 8 << 20, holes: 4, within: Span::seconds(30), copies: Span::millis(10) };
/// So few octets that datagrams give way for their size, which the model does not follow.
const TIGHT: FragmentLimits = FragmentLimits { bytes: 2048, ..FEW };
fuzz_target!(|data: &[u8]| {
    let ((), peak) = memory::peak(|| check(data));
    // The model keeps each octet with its place.
    assert!(peak <= 2 << 20, "{peak} octets allocated");
});

fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let tight = input.byte() & 1 != 0;
    let limits = if tight { TIGHT } else { FEW };
    let mut decoder = Decoder::new(DecodeLimits { fragments: limits, ..DecodeLimits::default() });
    let mut model = Model::default();
    let mut at = Timestamp(1_000_000_000);
    // No more than the decoder remembers as what may be delivered twice.
    for _ in 0..90 {
        if input.is_empty() {
            break;
        }
        let piece = Piece::read(&mut input);
        at = at + Span::millis(u64::from(input.byte() % 64) * 250);
        let packet = piece.packet();
        let before = decoder.accounts();
        let decoded = decoder.decode(&Packet {
            at,
            link: LinkType(101),
            data: &packet,
            wire_len: packet.len() as u32,
            interface: 0,
        });
        let after = decoder.accounts();
        assert!(after.balance(), "{after:?}");
        if tight {
            let whole = after.fragments.reassembled - before.fragments.reassembled;
            assert!(whole == 0 || after.reassembled > before.reassembled);
            continue;
        }
        match model.add(&piece, at) {
            Expected::Waiting => assert_eq!(decoded.err(), Some(Skip::Fragment), "{piece:?}"),
            Expected::Refused => assert_eq!(decoded.err(), Some(Skip::FragmentDropped), "{piece:?}"),
            Expected::Whole(bytes) => match decoded {
                Ok(decoded) => {
                    let segment = decoded.segment();
                    assert_eq!(segment.payload, &bytes[20..]);
                    assert_eq!((segment.src.port, segment.dst.port), (40_000, 80));
                }
                Err(skip) => {
                    assert!(bytes.len() < 20 && skip == Skip::BadHeader, "{skip:?} for {} octets", bytes.len())
                }
            },
        }
        assert_eq!(after.fragments, model.accounts, "{piece:?}");
    }
}

/// A fragment, or a packet that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    datagram: u8,
    v6: bool,
    offset: usize,
    more: bool,
    bytes: Vec<u8>,
}

impl Piece {
    fn read(input: &mut Input<'_>) -> Piece {
        let (what, place, len) = (input.byte(), input.byte(), input.byte());
        // Most lie where they meet others; some near the end of what a length can say.
        let units = usize::from(place % 64) + if place >= 250 { 8150 } else { 0 };
        let units = if units > 0x1fff { 0x1fff } else { units };
        let len = if what & 0x80 != 0 { usize::from(len % 32) * 8 } else { usize::from(len) };
        let datagram = what & 3;
        let offset = units * 8;
        let bytes = (offset..offset + len).map(|at| octet(datagram, at, what & 0x40 != 0)).collect();
        Piece { datagram, v6: what & 4 != 0, offset, more: what & 8 != 0, bytes }
    }

    fn packet(&self) -> Vec<u8> {
        let place = (self.offset / 8) as u16;
        if self.v6 {
            let len = (8 + self.bytes.len() as u16).to_be_bytes();
            let mut packet = vec![0x60, 0, 0, 0, len[0], len[1], 44, 64];
            packet.extend_from_slice(&[[0xfd; 16], [0xfe; 16]].concat());
            packet.extend_from_slice(&[6, 0]);
            packet.extend_from_slice(&(place << 3 | u16::from(self.more)).to_be_bytes());
            packet.extend_from_slice(&[0, 0, 0, self.datagram]);
            packet.extend_from_slice(&self.bytes);
            packet
        } else {
            let len = (20 + self.bytes.len() as u16).to_be_bytes();
            let place = (place | u16::from(self.more) << 13).to_be_bytes();
            let id = self.datagram;
            let mut packet =
                vec![0x45, 0, len[0], len[1], 0, id, place[0], place[1], 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            packet.extend_from_slice(&self.bytes);
            packet
        }
    }
}

/// What stands at `at` of a datagram. All begin with the same TCP header, lies too.
fn octet(datagram: u8, at: usize, lie: bool) -> u8 {
    const HEADER: [u8; 20] = [0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0xf5, 0, 0, 0, 0];
    let truth = (at as u8).wrapping_mul(31) ^ (at >> 8) as u8 ^ datagram << 6;
    HEADER.get(at).copied().unwrap_or(if lie { !truth } else { truth })
}

enum Expected {
    Waiting,
    Refused,
    Whole(Vec<u8>),
}

#[derive(Default)]
struct Model {
    /// By datagram and version.
    waiting: HashMap<(u8, bool), Waiting>,
    accounts: FragmentAccounts,
    arrivals: u64,
    /// What came in this very moment, so that what the mirror delivers twice begins no new datagram.
    recent: Vec<(Timestamp, Piece)>,
}

struct Waiting {
    since: Timestamp,
    arrival: u64,
    octets: BTreeMap<usize, u8>,
    total: Option<usize>,
    dropped: bool,
}

impl Model {
    fn add(&mut self, piece: &Piece, at: Timestamp) -> Expected {
        if piece.offset == 0 && !piece.more {
            return Expected::Whole(piece.bytes.clone());
        }
        self.accounts.fragments += 1;
        let late = |waiting: &Waiting| at >= waiting.since + FEW.within;
        let accounts = &mut self.accounts;
        self.waiting.retain(|_, waiting| {
            accounts.expired += u64::from(late(waiting) && !waiting.dropped);
            !late(waiting)
        });
        let end = piece.offset + piece.bytes.len();
        if end > 65_535 || piece.bytes.is_empty() || (piece.more && !piece.bytes.len().is_multiple_of(8)) {
            return Expected::Refused;
        }
        let key = (piece.datagram, piece.v6);
        self.recent.retain(|(since, _)| at <= *since + FEW.copies);
        if !self.recent.iter().any(|(_, known)| known == piece) {
            self.recent.push((at, piece.clone()));
        } else if !self.waiting.contains_key(&key) {
            self.accounts.copies += 1;
            return Expected::Waiting;
        }
        if !self.waiting.contains_key(&key) && self.waiting.len() >= FEW.datagrams {
            let oldest = self.waiting.iter().min_by_key(|(_, waiting)| waiting.arrival).map(|(key, _)| *key);
            let gone = oldest.and_then(|oldest| self.waiting.remove(&oldest)).expect("one waits");
            self.accounts.evicted += u64::from(!gone.dropped);
        }
        self.arrivals += 1;
        let waiting = self.waiting.entry(key).or_insert(Waiting {
            since: at,
            arrival: self.arrivals,
            octets: BTreeMap::new(),
            total: None,
            dropped: false,
        });
        if waiting.dropped {
            return Expected::Refused;
        }
        if !waiting.place(piece, end, &mut self.accounts) {
            self.accounts.dropped += 1;
            waiting.dropped = true;
            waiting.octets = BTreeMap::new();
            return Expected::Refused;
        }
        if waiting.total != Some(waiting.octets.len()) {
            return Expected::Waiting;
        }
        self.accounts.reassembled += 1;
        let done = self.waiting.remove(&key).expect("it waits");
        Expected::Whole(done.octets.into_values().collect())
    }
}

impl Waiting {
    /// False if the datagram is to be dropped.
    fn place(&mut self, piece: &Piece, end: usize, accounts: &mut FragmentAccounts) -> bool {
        let known = self.octets.last_key_value().map_or(0, |(at, _)| at + 1);
        let beyond = self.total.is_some_and(|total| if piece.more { end > total } else { end != total });
        if beyond || (!piece.more && known > end) {
            return false;
        }
        if !piece.more {
            self.total = Some(end);
        }
        let (mut met, mut differs, mut fresh) = (false, false, false);
        for (at, new) in (piece.offset..end).zip(&piece.bytes) {
            match self.octets.get(&at) {
                Some(old) => (met, differs) = (true, differs | (old != new)),
                None => fresh = true,
            }
        }
        accounts.overlaps += u64::from(met && !differs);
        accounts.conflicts += u64::from(differs);
        if piece.v6 && met && (differs || fresh) {
            return false;
        }
        for (at, new) in (piece.offset..end).zip(&piece.bytes) {
            self.octets.entry(at).or_insert(*new);
        }
        let runs = self.octets.keys().filter(|at| **at == 0 || !self.octets.contains_key(&(*at - 1))).count();
        runs <= FEW.holes + 1
    }
}
