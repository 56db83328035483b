//! From a captured packet to its innermost TCP segment: a loop over layers, one small function each.
//!
//! Accounting: the octets of every captured packet end in exactly one of headers, padding, TCP payload or a [`Skip`]
//! reason. A fragment's payload is skipped as [`Skip::Fragment`]; once a datagram is whole, its octets are counted as
//! `reassembled` and decoded like captured ones. So at any time
//!
//! ```text
//! captured + reassembled = headers + padding + payload + sum of all skipped
//! ```

mod accounts;
mod fragments;
mod gre;
mod ip;
mod link;
mod mpls;
mod ppp;
mod shape;
mod udp;
mod wireless;

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use spyhop_model::{Socket, Timestamp, Vlans};

use crate::health::{Tap, TapCounts, Taps};
use crate::packet::{LinkType, Packet, Segment, UdpDatagram};

pub use accounts::{DecodeAccounts, Encapsulation, Skip, Tally};
pub use fragments::{FragmentAccounts, FragmentLimits};
pub use udp::TunnelPorts;

use fragments::{Fragment, Fragments, Held};

/// Settings of a [`Decoder`].
#[derive(Clone, Debug)]
pub struct DecodeLimits {
    /// IP headers inside each other that are followed.
    pub nesting: u8,
    /// Whether IPv4 and TCP checksums are computed. A wrong one is counted, never a reason to drop: network cards that
    /// compute checksums leave wrong ones in what the sender's own host captures.
    pub verify_checksums: bool,
    /// Limits of fragment reassembly.
    pub fragments: FragmentLimits,
    /// Ports of tunnels in UDP.
    pub tunnels: TunnelPorts,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        DecodeLimits {
            nesting: 8,
            verify_checksums: false,
            fragments: FragmentLimits::default(),
            tunnels: TunnelPorts::default(),
        }
    }
}

/// Decodes packets and puts fragments together. One per source: fragments must meet before packets are shared out.
pub struct Decoder {
    limits: DecodeLimits,
    fragments: Fragments,
    accounts: DecodeAccounts,
    taps: Taps,
    counts: TapCounts,
    /// In the packet decoded last: a datagram that may begin a QUIC connection, and where its payload is.
    quic: Option<(Socket, Socket, Vlans, Range<usize>)>,
}

/// A decoded packet: a TCP segment that borrows from the packet, or owns the datagram it was put together from.
pub struct Decoded<'a>(Source<'a>);

enum Source<'a> {
    Packet(Segment<'a>),
    Reassembled { segment: Segment<'static>, datagram: Vec<u8>, options: Range<usize>, payload: Range<usize> },
}

impl Decoded<'_> {
    /// The segment.
    pub fn segment(&self) -> Segment<'_> {
        match &self.0 {
            Source::Packet(segment) => *segment,
            Source::Reassembled { segment, datagram, options, payload } => Segment {
                options: datagram.get(options.clone()).unwrap_or_default(),
                payload: datagram.get(payload.clone()).unwrap_or_default(),
                ..*segment
            },
        }
    }
}

impl Decoder {
    /// A decoder without any fragments.
    pub fn new(limits: DecodeLimits) -> Decoder {
        Decoder {
            fragments: Fragments::new(limits.fragments),
            limits,
            accounts: DecodeAccounts::default(),
            taps: Taps::default(),
            counts: TapCounts::default(),
            quic: None,
        }
    }

    /// The innermost TCP segment of `packet`, or why there is none. Either is counted.
    pub fn decode<'a>(&mut self, packet: &Packet<'a>) -> Result<Decoded<'a>, Skip> {
        let captured = packet.data.len();
        self.accounts.packets += 1;
        self.accounts.captured += captured as u64;
        let cut = (packet.wire_len as usize).saturating_sub(captured);
        let mut cursor = Cursor::new(packet.data, cut);
        self.accounts.wrapped = 0;
        self.quic = None;
        let mut path = Path::new(packet.link);
        let mut datagram = match self.walk(&mut path, &mut cursor, packet.at) {
            Ok(Reached::Segment(mut segment)) => {
                self.found(&mut segment, packet.interface);
                return Ok(Decoded(Source::Packet(segment)));
            }
            Ok(Reached::Datagram(datagram)) => datagram,
            Err(skip) => {
                if skip == Skip::NotTcp && path.layer == Layer::Udp {
                    self.note_quic(&path, &cursor);
                }
                return Err(self.skipped(skip, packet.interface, path.vlans));
            }
        };
        // What was put together may itself be a fragment of an inner datagram; the path counts the layers.
        loop {
            let mut cursor = Cursor { bounded: true, ..Cursor::new(&datagram.bytes, 0) };
            self.accounts.reassembled += datagram.bytes.len() as u64;
            let mut path = datagram.path;
            match self.walk(&mut path, &mut cursor, packet.at) {
                Ok(Reached::Segment(mut segment)) => {
                    self.found(&mut segment, packet.interface);
                    // The cursor stands behind the TCP header and the padding is cut off: the payload is the rest.
                    let payload = cursor.headers..cursor.headers + segment.payload.len();
                    let options = cursor.headers - segment.options.len()..cursor.headers;
                    let segment = Segment { options: &[], payload: &[], ..segment };
                    return Ok(Decoded(Source::Reassembled { segment, datagram: datagram.bytes, options, payload }));
                }
                Ok(Reached::Datagram(inner)) => datagram = inner,
                Err(skip) => return Err(self.skipped(skip, packet.interface, path.vlans)),
            }
        }
    }

    /// Notes a UDP datagram with a long header of QUIC (RFC 9000, section 17.2), as long as one with an Initial has to be
    /// (section 14.1). Such datagrams are never fragmented.
    #[cold]
    fn note_quic(&mut self, path: &Path, cursor: &Cursor<'_>) {
        const HEADER: usize = 8;
        const SHORTEST: usize = 1_200;
        let Some(payload) = cursor.bytes.get(HEADER..).filter(|payload| payload.len() >= SHORTEST) else { return };
        let long = payload.first().is_some_and(|first| first & 0xc0 == 0xc0);
        if let (true, Ok(src), Ok(dst)) = (long, cursor.peek16(0), cursor.peek16(2)) {
            let start = cursor.headers + HEADER;
            let (src, dst) = (Socket { ip: path.src, port: src }, Socket { ip: path.dst, port: dst });
            self.quic = Some((src, dst, path.vlans, start..start + payload.len()));
        }
    }

    /// Of the packet decoded last, which gave no segment: a datagram that may begin a QUIC connection.
    pub fn datagram<'a>(&self, packet: &Packet<'a>) -> Option<UdpDatagram<'a>> {
        let (src, dst, vlans, range) = self.quic.clone()?;
        Some(UdpDatagram { at: packet.at, src, dst, vlans, payload: packet.data.get(range)? })
    }

    /// Counts a segment, with its tap.
    #[inline]
    fn found(&mut self, segment: &mut Segment<'_>, interface: u16) {
        self.accounts.segment(segment);
        segment.tap = self.taps.number(interface, segment.vlans);
        let health = self.counts.at(segment.tap);
        health.packets += 1;
        health.payload += segment.payload.len() as u64;
        health.cut_packets += u64::from(segment.cut > 0);
        health.cut_bytes += u64::from(segment.cut);
        health.encapsulated(self.accounts.wrapped);
    }

    /// Counts what the capture cut too short, with its tap.
    #[cold]
    fn skipped(&mut self, skip: Skip, interface: u16, vlans: Vlans) -> Skip {
        if skip == Skip::Truncated {
            let tap = self.taps.number(interface, vlans);
            self.counts.at(tap).headers_cut += 1;
        }
        skip
    }

    /// Where packets came from so far; a segment's `tap` is an index into it, or [`crate::TAPS`].
    pub fn taps(&self) -> &[Tap] {
        self.taps.known()
    }

    /// What each tap delivered, as far as packets tell by themselves. With what each [`crate::Streams`] counted added it
    /// makes a [`crate::Health`].
    pub fn health(&self) -> &TapCounts {
        &self.counts
    }

    /// What was decoded and what was not.
    pub fn accounts(&self) -> DecodeAccounts {
        DecodeAccounts { fragments: self.fragments.accounts(), wrapped: 0, ..self.accounts }
    }

    /// Walks the layers and counts what they took. The payload itself is counted by the caller.
    fn walk<'a>(&mut self, path: &mut Path, cursor: &mut Cursor<'a>, at: Timestamp) -> Result<Reached<'a>, Skip> {
        let reached = loop {
            match self.step(path, cursor, at) {
                Ok(Step::Layer(layer)) => {
                    path.steps += 1;
                    if path.steps > MAX_STEPS {
                        break Err(Skip::TooDeep);
                    }
                    path.layer = layer;
                }
                Ok(Step::Segment(segment)) => break Ok(Reached::Segment(segment)),
                Ok(Step::Fragment(fragment)) => {
                    let octets = cursor.bytes.len() as u64;
                    break match self.fragments.add(fragment, at) {
                        Held::Whole { bytes, path } => {
                            self.accounts.skip(Skip::Fragment, octets);
                            Ok(Reached::Datagram(Datagram { bytes, path }))
                        }
                        Held::Waiting => Err(Skip::Fragment),
                        Held::Refused => Err(Skip::FragmentDropped),
                    };
                }
                Err(skip) => break Err(skip),
            }
        };
        self.accounts.headers += cursor.headers as u64;
        self.accounts.padding += cursor.padding as u64;
        if let Err(skip) = reached {
            self.accounts.skip(skip, cursor.bytes.len() as u64);
        }
        reached
    }

    fn step<'a>(&mut self, path: &mut Path, cursor: &mut Cursor<'a>, at: Timestamp) -> Result<Step<'a>, Skip> {
        match path.layer {
            Layer::Link(link) => link::link(link, cursor),
            Layer::Ethernet => link::ethernet(cursor),
            Layer::Wireless => wireless::frame(cursor),
            Layer::EtherType(ether_type) => link::ether_type(ether_type, path, cursor, &mut self.accounts),
            Layer::Mpls => mpls::label(cursor, &mut self.accounts),
            Layer::Pppoe => ppp::pppoe(cursor, &mut self.accounts),
            Layer::Ppp => ppp::ppp(cursor, &mut self.accounts),
            Layer::Nsh => gre::nsh(cursor, &mut self.accounts),
            Layer::Gre => gre::gre(cursor, &mut self.accounts),
            Layer::EtherIp => gre::ether_ip(cursor, &mut self.accounts),
            Layer::Udp => udp::udp(cursor, &self.limits.tunnels, &mut self.accounts),
            Layer::Ip => match cursor.peek(0)? >> 4 {
                4 => Ok(Step::Layer(Layer::Ipv4)),
                6 => Ok(Step::Layer(Layer::Ipv6)),
                _ => Err(Skip::NotIp),
            },
            Layer::Ipv4 | Layer::Ipv6 if path.nested >= self.limits.nesting => Err(Skip::TooDeep),
            Layer::Ipv4 => ip::ipv4(path, cursor, self.limits.verify_checksums, &mut self.accounts),
            Layer::Ipv6 => ip::ipv6(path, cursor),
            Layer::Protocol(number) => {
                ip::protocol(number, path, cursor, at, self.limits.verify_checksums, &mut self.accounts)
            }
        }
    }
}

/// Layers of any kind in one packet, so that crafted stacks of tags end.
const MAX_STEPS: u8 = 64;

/// What comes next in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Link(LinkType),
    Ethernet,
    /// An IEEE 802.11 frame.
    Wireless,
    EtherType(u16),
    Mpls,
    Pppoe,
    Ppp,
    Nsh,
    Gre,
    EtherIp,
    Udp,
    /// IPv4 or IPv6, told by the version.
    Ip,
    Ipv4,
    Ipv6,
    /// What an IP header's protocol or an IPv6 extension header's next header names.
    Protocol(u8),
}

/// Where in the packet we are and what was learnt on the way.
#[derive(Clone, Copy, Debug)]
struct Path {
    layer: Layer,
    src: IpAddr,
    dst: IpAddr,
    ttl: u8,
    /// Identification of the IPv4 packet; zero in IPv6.
    id: u16,
    vlans: Vlans,
    /// Layers so far.
    steps: u8,
    /// IP headers so far.
    nested: u8,
}

impl Path {
    fn new(link: LinkType) -> Path {
        let none = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Path {
            layer: Layer::Link(link),
            src: none,
            dst: none,
            ttl: 0,
            id: 0,
            vlans: Vlans::default(),
            steps: 0,
            nested: 0,
        }
    }
}

struct Datagram {
    bytes: Vec<u8>,
    path: Path,
}

enum Step<'a> {
    Layer(Layer),
    Segment(Segment<'a>),
    Fragment(Fragment<'a>),
}

enum Reached<'a> {
    Segment(Segment<'a>),
    Datagram(Datagram),
}

/// The rest of a packet, and how many of its octets were taken so far. Copied to look ahead.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    /// Captured octets not yet read.
    bytes: &'a [u8],
    /// Octets of the current layer that were on the wire behind `bytes`, but not captured.
    cut: usize,
    /// Octets taken as headers.
    headers: usize,
    /// Octets cut off behind the length that a header gave.
    padding: usize,
    /// Whether a header gave a length yet, so that `bytes` and `cut` are what there was.
    bounded: bool,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8], cut: usize) -> Cursor<'a> {
        Cursor { bytes, cut, headers: 0, padding: 0, bounded: false }
    }

    /// Takes `len` octets as a header.
    fn take(&mut self, len: usize) -> Result<&'a [u8], Skip> {
        let Some((header, rest)) = self.bytes.split_at_checked(len) else { return Err(self.short()) };
        self.bytes = rest;
        self.headers += len;
        Ok(header)
    }

    fn peek(&self, at: usize) -> Result<u8, Skip> {
        self.bytes.get(at).copied().ok_or_else(|| self.short())
    }

    /// Two octets, big-endian.
    fn peek16(&self, at: usize) -> Result<u16, Skip> {
        Ok(u16::from_be_bytes([self.peek(at)?, self.peek(at + 1)?]))
    }

    /// Why a header does not fit: the capture cut it, or it is wrong.
    fn short(&self) -> Skip {
        if self.cut > 0 { Skip::Truncated } else { Skip::BadHeader }
    }

    /// A header said that what follows is `len` octets on the wire: what is captured behind is padding, what is
    /// missing was cut (some tools write the captured length as the wire length, so the header is believed). Within the
    /// length that an outer header gave nothing can be missing: receivers drop such a packet.
    fn limit(&mut self, len: usize) -> Result<(), Skip> {
        if let Some((inside, behind)) = self.bytes.split_at_checked(len) {
            self.bytes = inside;
            self.padding += behind.len();
            self.cut = 0;
        } else if self.bounded && len > self.bytes.len() + self.cut {
            return Err(Skip::BadHeader);
        } else {
            self.cut = len - self.bytes.len();
        }
        self.bounded = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
