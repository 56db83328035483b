//! What became of every captured octet.

use std::ops::AddAssign;

use super::fragments::FragmentAccounts;
use crate::packet::Segment;

/// Why a packet yields no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Neither IPv4 nor IPv6: ARP, LLDP, spanning tree, ….
    NotIp,
    /// IP, but not TCP: UDP, ICMP (also errors that quote a TCP header), ….
    NotTcp,
    /// Encrypted below TCP (ESP).
    Encrypted,
    /// The capture cut the packet before the end of its headers.
    Truncated,
    /// A header contradicts itself or the packet's length.
    BadHeader,
    /// A fragment; what it carries is counted again as `reassembled` when its datagram is whole.
    Fragment,
    /// A fragment that no datagram will be made of: a limit, an IPv6 overlap, an impossible length.
    FragmentDropped,
    /// More layers inside each other than are followed.
    TooDeep,
    /// A link type that is not read.
    UnknownLink,
    /// Several IEEE 802.11 frames in one (A-MSDU).
    Aggregated,
}

impl Skip {
    /// All reasons, in the order of [`DecodeAccounts::skipped`].
    pub const ALL: [Skip; 10] = [
        Skip::NotIp,
        Skip::NotTcp,
        Skip::Encrypted,
        Skip::Truncated,
        Skip::BadHeader,
        Skip::Fragment,
        Skip::FragmentDropped,
        Skip::TooDeep,
        Skip::UnknownLink,
        Skip::Aggregated,
    ];

    /// The reason's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Skip::NotIp => "not_ip",
            Skip::NotTcp => "not_tcp",
            Skip::Encrypted => "encrypted",
            Skip::Truncated => "truncated",
            Skip::BadHeader => "bad_header",
            Skip::Fragment => "fragment",
            Skip::FragmentDropped => "fragment_dropped",
            Skip::TooDeep => "too_deep",
            Skip::UnknownLink => "unknown_link",
            Skip::Aggregated => "aggregated",
        }
    }
}

/// What stands around IP besides the link layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encapsulation {
    /// IEEE 802.1Q, 802.1ad and their predecessors, each tag.
    Vlan,
    /// IEEE 802.1ah, a frame in a provider's frame.
    Backbone,
    /// IEEE 802.1BR (E-Tag) and Cisco's VN-Tag and FabricPath.
    Fabric,
    /// MPLS, each stack of labels.
    Mpls,
    /// A PPPoE session.
    Pppoe,
    /// PPP.
    Ppp,
    /// IP in IP.
    IpInIp,
    /// GRE, also what carries ERSPAN.
    Gre,
    /// ERSPAN, type I, II or III.
    Erspan,
    /// EtherIP, and Ethernet directly in IP.
    EtherIp,
    /// A network service header.
    Nsh,
    /// IPsec's authentication header.
    Authentication,
    /// VXLAN and VXLAN-GPE.
    Vxlan,
    /// Geneve.
    Geneve,
    /// GTP-U.
    Gtp,
    /// GRE in UDP, besides the GRE.
    GreInUdp,
    /// MPLS in UDP, besides the MPLS.
    MplsInUdp,
    /// Teredo.
    Teredo,
    /// AYIYA.
    Ayiya,
}

impl Encapsulation {
    /// All of them, in the order of [`DecodeAccounts::encapsulations`].
    pub const ALL: [Encapsulation; 19] = [
        Encapsulation::Vlan,
        Encapsulation::Backbone,
        Encapsulation::Fabric,
        Encapsulation::Mpls,
        Encapsulation::Pppoe,
        Encapsulation::Ppp,
        Encapsulation::IpInIp,
        Encapsulation::Gre,
        Encapsulation::Erspan,
        Encapsulation::EtherIp,
        Encapsulation::Nsh,
        Encapsulation::Authentication,
        Encapsulation::Vxlan,
        Encapsulation::Geneve,
        Encapsulation::Gtp,
        Encapsulation::GreInUdp,
        Encapsulation::MplsInUdp,
        Encapsulation::Teredo,
        Encapsulation::Ayiya,
    ];

    /// The encapsulation's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Encapsulation::Vlan => "vlan",
            Encapsulation::Backbone => "802.1ah",
            Encapsulation::Fabric => "fabric",
            Encapsulation::Mpls => "mpls",
            Encapsulation::Pppoe => "pppoe",
            Encapsulation::Ppp => "ppp",
            Encapsulation::IpInIp => "ip_in_ip",
            Encapsulation::Gre => "gre",
            Encapsulation::Erspan => "erspan",
            Encapsulation::EtherIp => "etherip",
            Encapsulation::Nsh => "nsh",
            Encapsulation::Authentication => "ipsec_ah",
            Encapsulation::Vxlan => "vxlan",
            Encapsulation::Geneve => "geneve",
            Encapsulation::Gtp => "gtp",
            Encapsulation::GreInUdp => "gre_in_udp",
            Encapsulation::MplsInUdp => "mpls_in_udp",
            Encapsulation::Teredo => "teredo",
            Encapsulation::Ayiya => "ayiya",
        }
    }
}

/// Packets and their octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets (or reassembled datagrams).
    pub packets: u64,
    /// Octets.
    pub bytes: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// What a decoder saw. See the module for how these add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeAccounts {
    /// Packets given in.
    pub packets: u64,
    /// Octets of them that were captured.
    pub captured: u64,
    /// Octets of datagrams put together from fragments.
    pub reassembled: u64,
    /// Octets of headers, from the link's to TCP's with its options.
    pub headers: u64,
    /// Octets behind the length that a header gave, mostly Ethernet padding.
    pub padding: u64,
    /// TCP segments found.
    pub segments: u64,
    /// Their captured payload.
    pub payload: u64,
    /// Payload that was on the wire and cut off by the capture; not part of `captured`.
    pub cut: u64,
    /// IPv4 or TCP checksums that were verified and wrong; the packets were decoded all the same.
    pub bad_checksums: u64,
    /// Packets and octets without a segment, in the order of [`Skip::ALL`].
    pub skipped: [Tally; Skip::ALL.len()],
    /// How often each encapsulation was taken off, in the order of [`Encapsulation::ALL`].
    pub encapsulations: [u64; Encapsulation::ALL.len()],
    /// Reassembly of fragments.
    pub fragments: FragmentAccounts,
    /// Kinds of encapsulation taken off the packet in work, as bits in the order of [`Encapsulation::ALL`].
    pub(super) wrapped: u32,
}

impl DecodeAccounts {
    /// Whether every octet is in exactly one account.
    pub fn balance(&self) -> bool {
        let skipped: u64 = self.skipped.iter().map(|tally| tally.bytes).sum();
        self.captured + self.reassembled == self.headers + self.padding + self.payload + skipped
    }

    /// The tally of a reason.
    pub fn of(&self, skip: Skip) -> Tally {
        self.skipped.get(skip as usize).copied().unwrap_or_default()
    }

    /// The plain numbers with their names; the reasons' are in [`DecodeAccounts::skipped`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let f = &self.fragments;
        [
            ("packets", self.packets),
            ("captured_bytes", self.captured),
            ("reassembled_bytes", self.reassembled),
            ("header_bytes", self.headers),
            ("padding_bytes", self.padding),
            ("segments", self.segments),
            ("payload_bytes", self.payload),
            ("cut_bytes", self.cut),
            ("bad_checksums", self.bad_checksums),
            ("fragments", f.fragments),
            ("datagrams_reassembled", f.reassembled),
            ("datagrams_expired", f.expired),
            ("datagrams_evicted", f.evicted),
            ("datagrams_dropped", f.dropped),
            ("fragment_overlaps", f.overlaps),
            ("fragment_conflicts", f.conflicts),
            ("fragment_copies", f.copies),
        ]
        .into_iter()
    }

    pub(super) fn segment(&mut self, segment: &Segment<'_>) {
        self.segments += 1;
        self.payload += segment.payload.len() as u64;
        self.cut += u64::from(segment.cut);
    }

    pub(super) fn encapsulated(&mut self, encapsulation: Encapsulation) {
        if let Some(count) = self.encapsulations.get_mut(encapsulation as usize) {
            *count += 1;
        }
        self.wrapped |= 1 << encapsulation as u32;
    }

    pub(super) fn skip(&mut self, skip: Skip, bytes: u64) {
        if let Some(tally) = self.skipped.get_mut(skip as usize) {
            *tally += Tally { packets: 1, bytes };
        }
    }
}

impl AddAssign for DecodeAccounts {
    fn add_assign(&mut self, other: DecodeAccounts) {
        self.packets += other.packets;
        self.captured += other.captured;
        self.reassembled += other.reassembled;
        self.headers += other.headers;
        self.padding += other.padding;
        self.segments += other.segments;
        self.payload += other.payload;
        self.cut += other.cut;
        self.bad_checksums += other.bad_checksums;
        for (tally, more) in self.skipped.iter_mut().zip(other.skipped) {
            *tally += more;
        }
        for (count, more) in self.encapsulations.iter_mut().zip(other.encapsulations) {
            *count += more;
        }
        self.fragments += other.fragments;
    }
}
