//! One captured frame: link header, VLAN tags, IP, TCP, with lengths and checksums right.

use std::net::{IpAddr, SocketAddr};

use spyhop_model::Timestamp;

/// How a frame begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Link {
    /// Ethernet II, with 802.1Q tags where asked for.
    #[default]
    Ethernet,
    /// No link header: the IP header comes first.
    Raw,
    /// Linux cooked capture, version 1.
    LinuxCooked,
    /// Linux cooked capture, version 2.
    LinuxCooked2,
    /// BSD loopback: four octets of address family, little-endian.
    Null,
    /// PPP in its HDLC framing (RFC 1662).
    Ppp,
    /// Linux's NFLOG, written by a little-endian host.
    Nflog,
    /// IEEE 802.11 data frames behind a radiotap header.
    Radiotap,
}

impl Link {
    /// The number in the tcpdump.org LINKTYPE registry.
    pub fn number(self) -> u16 {
        match self {
            Link::Null => 0,
            Link::Ethernet => 1,
            Link::Ppp => 9,
            Link::Raw => 101,
            Link::LinuxCooked => 113,
            Link::Radiotap => 127,
            Link::Nflog => 239,
            Link::LinuxCooked2 => 276,
        }
    }
}

/// One frame as a capture holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Capture time.
    pub at: Timestamp,
    /// How `bytes` begin.
    pub link: Link,
    /// The sensor's port that saw it: an interface of its own in pcapng.
    pub port: u16,
    /// The captured octets.
    pub bytes: Vec<u8>,
    /// Octets on the wire; more than `bytes` once the frame is cut.
    pub wire_len: u32,
}

/// A TCP segment in the making, for tests that place every field themselves.
#[derive(Clone, Copy, Debug)]
pub struct TcpPacket<'a> {
    /// Sender.
    pub src: SocketAddr,
    /// Receiver, of the sender's IP version.
    pub dst: SocketAddr,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// The 14th octet of the header: [`FIN`], [`SYN`] and so on.
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// IPv4 identification.
    pub ident: u16,
    /// TCP options, a multiple of four octets, at most 40.
    pub options: &'a [u8],
    /// Payload.
    pub payload: &'a [u8],
}

/// No more data from the sender (RFC 9293, section 3.1).
pub const FIN: u8 = 0x01;
/// Synchronise sequence numbers.
pub const SYN: u8 = 0x02;
/// Reset the connection.
pub const RST: u8 = 0x04;
/// Push.
pub const PSH: u8 = 0x08;
/// The acknowledgement number counts.
pub const ACK: u8 = 0x10;

pub(crate) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(crate) const ETHERTYPE_IPV6: u16 = 0x86dd;
pub(crate) const ETHERTYPE_VLAN: u16 = 0x8100;
pub(crate) const ETHERTYPE_QINQ: u16 = 0x88a8;
pub(crate) const ETHERTYPE_MPLS: u16 = 0x8847;
const PROTOCOL_TCP: u8 = 6;
const IPV4_DONT_FRAGMENT: u16 = 0x4000;

/// The Internet checksum's sum before folding (RFC 1071); `bytes` of even length may be summed piece by piece.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    let mut total = 0u64;
    let mut words = bytes.chunks_exact(8);
    for word in words.by_ref() {
        let word = u64::from_be_bytes(word.try_into().unwrap_or_default());
        total += (word >> 32) + (word & 0xffff_ffff);
    }
    let mut tail = [0; 8];
    tail[..words.remainder().len()].copy_from_slice(words.remainder());
    let word = u64::from_be_bytes(tail);
    total + (word >> 32) + (word & 0xffff_ffff)
}

/// The Internet checksum of a sum of big-endian words.
pub(crate) fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total >> 16) + (total & 0xffff);
    }
    !(total as u16)
}

/// The Ethernet address made up for an IP address: locally administered, ending as the address does.
fn hardware_address(ip: IpAddr) -> [u8; 6] {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            [2, 0, a, b, c, d]
        }
        IpAddr::V6(ip) => {
            let octets = ip.octets();
            [2, 6, octets[12], octets[13], octets[14], octets[15]]
        }
    }
}

/// Writes the link header in front of `len` octets of `ether_type`, between hosts made up for the IP addresses `ends`.
/// `vlans` are tags, outermost first; only Ethernet carries them. Links that know nothing but IP say nothing else.
pub(crate) fn link_header(
    link: Link,
    ether_type: u16,
    ends: (IpAddr, IpAddr),
    vlans: &[u16],
    len: usize,
    out: &mut Vec<u8>,
) {
    let (src, dst) = (hardware_address(ends.0), hardware_address(ends.1));
    match link {
        Link::Ethernet => {
            out.extend_from_slice(&dst);
            out.extend_from_slice(&src);
            for (depth, vlan) in vlans.iter().enumerate() {
                // The innermost tag is 802.1Q, those around it service tags (IEEE 802.1Q, 9.5).
                let tag = if depth + 1 == vlans.len() { ETHERTYPE_VLAN } else { ETHERTYPE_QINQ };
                out.extend_from_slice(&tag.to_be_bytes());
                out.extend_from_slice(&(vlan & 0xfff).to_be_bytes());
            }
            out.extend_from_slice(&ether_type.to_be_bytes());
        }
        Link::Raw => {}
        Link::LinuxCooked => {
            out.extend_from_slice(&[0, 0, 0, 1, 0, 6]);
            out.extend_from_slice(&src);
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&ether_type.to_be_bytes());
        }
        Link::LinuxCooked2 => {
            out.extend_from_slice(&ether_type.to_be_bytes());
            out.extend_from_slice(&[0, 0, 0, 0, 0, 2, 0, 1, 0, 6]);
            out.extend_from_slice(&src);
            out.extend_from_slice(&[0, 0]);
        }
        Link::Null => {
            // AF_INET, and AF_INET6 as FreeBSD numbers it.
            let family: u32 = if ether_type == ETHERTYPE_IPV4 { 2 } else { 28 };
            out.extend_from_slice(&family.to_le_bytes());
        }
        Link::Ppp => {
            let protocol: u16 = match ether_type {
                ETHERTYPE_IPV4 => 0x0021,
                ETHERTYPE_MPLS => 0x0281,
                _ => 0x0057,
            };
            out.extend_from_slice(&[0xff, 0x03]);
            out.extend_from_slice(&protocol.to_be_bytes());
        }
        Link::Nflog => {
            // Family, version, resource; then fields of length and type: the packet's header (EtherType, hook), its
            // payload.
            let family = if ether_type == ETHERTYPE_IPV4 { 2 } else { 10 };
            let [high, low] = ether_type.to_be_bytes();
            out.extend_from_slice(&[family, 0, 0, 0, 8, 0, 1, 0, high, low, 1, 0]);
            out.extend_from_slice(&((len + 4) as u16).to_le_bytes());
            out.extend_from_slice(&[9, 0]);
        }
        Link::Radiotap => {
            // A radiotap header without fields; data to a base station (IEEE 802.11, section 9.2); LLC and SNAP.
            out.extend_from_slice(&[0, 0, 8, 0, 0, 0, 0, 0]);
            out.extend_from_slice(&[0x08, 0x01, 0, 0]);
            out.extend_from_slice(&[2, 0, 0, 0, 0, 1]);
            out.extend_from_slice(&src);
            out.extend_from_slice(&dst);
            out.extend_from_slice(&[0, 0, 0xaa, 0xaa, 0x03, 0, 0, 0]);
            out.extend_from_slice(&ether_type.to_be_bytes());
        }
    }
}

impl TcpPacket<'_> {
    /// The frame of this segment. `vlans` are tags, outermost first; only Ethernet carries them.
    ///
    /// # Panics
    /// If the addresses are of different versions, or the packet is longer than IP allows.
    pub fn frame(&self, at: Timestamp, link: Link, vlans: &[u16]) -> Frame {
        let mut bytes = Vec::with_capacity(22 + 4 * vlans.len() + 60 + self.options.len() + self.payload.len());
        let tcp_len = 20 + self.options.len() + self.payload.len();
        let (ether_type, ip_len) = if self.src.is_ipv4() { (ETHERTYPE_IPV4, 20) } else { (ETHERTYPE_IPV6, 40) };
        link_header(link, ether_type, (self.src.ip(), self.dst.ip()), vlans, ip_len + tcp_len, &mut bytes);
        let pseudo = self.ip_header(tcp_len, &mut bytes);
        let tcp_at = bytes.len();
        bytes.extend_from_slice(&self.src.port().to_be_bytes());
        bytes.extend_from_slice(&self.dst.port().to_be_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.ack.to_be_bytes());
        bytes.push((5 + self.options.len() as u8 / 4) << 4);
        bytes.push(self.flags);
        bytes.extend_from_slice(&self.window.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&self.urgent.to_be_bytes());
        bytes.extend_from_slice(self.options);
        bytes.extend_from_slice(self.payload);
        let checksum = fold(pseudo + sum(&bytes[tcp_at..]));
        bytes[tcp_at + 16..tcp_at + 18].copy_from_slice(&checksum.to_be_bytes());
        let wire_len = bytes.len() as u32;
        Frame { at, link, port: 0, bytes, wire_len }
    }

    /// Writes the IP header and returns the pseudo-header's sum (RFC 9293, section 3.1).
    fn ip_header(&self, tcp_len: usize, out: &mut Vec<u8>) -> u64 {
        let at = out.len();
        let tcp_len16 = u16::try_from(tcp_len).expect("a packet that IP can carry");
        let pseudo = u64::from(tcp_len16) + u64::from(PROTOCOL_TCP);
        match (self.src.ip(), self.dst.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let total = tcp_len16.checked_add(20).expect("a packet that IP can carry");
                out.extend_from_slice(&[0x45, 0]);
                out.extend_from_slice(&total.to_be_bytes());
                out.extend_from_slice(&self.ident.to_be_bytes());
                out.extend_from_slice(&IPV4_DONT_FRAGMENT.to_be_bytes());
                out.extend_from_slice(&[self.ttl, PROTOCOL_TCP, 0, 0]);
                out.extend_from_slice(&src.octets());
                out.extend_from_slice(&dst.octets());
                let checksum = fold(sum(&out[at..]));
                out[at + 10..at + 12].copy_from_slice(&checksum.to_be_bytes());
                pseudo + sum(&src.octets()) + sum(&dst.octets())
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                out.extend_from_slice(&[0x60, 0, 0, 0]);
                out.extend_from_slice(&tcp_len16.to_be_bytes());
                out.extend_from_slice(&[PROTOCOL_TCP, self.ttl]);
                out.extend_from_slice(&src.octets());
                out.extend_from_slice(&dst.octets());
                pseudo + sum(&src.octets()) + sum(&dst.octets())
            }
            _ => panic!("{} and {} are of different IP versions", self.src, self.dst),
        }
    }
}

impl Frame {
    /// Pads an Ethernet frame to the 60 octets that go over the wire at least, as a card's driver hands them over.
    pub fn pad(&mut self) {
        if self.link == Link::Ethernet && self.bytes.len() < 60 {
            self.bytes.resize(60, 0);
            self.wire_len = self.wire_len.max(60);
        }
    }

    /// Keeps the first `snaplen` octets.
    pub fn cut(&mut self, snaplen: usize) {
        self.bytes.truncate(snaplen);
    }

    /// The IP packet right behind the link header and VLAN tags, without padding; none if it is cut.
    pub fn ip_packet(&self) -> Option<&[u8]> {
        let (ip_at, _) = self.link_end()?;
        let ip = self.bytes.get(ip_at..)?;
        match ip.first()? >> 4 {
            4 => ip.get(..usize::from(be16(ip, 2)?)),
            6 => ip.get(..40 + usize::from(be16(ip, 4)?)),
            _ => None,
        }
    }

    /// Changes the checksum in the TCP header; false if there is none.
    pub(crate) fn spoil_checksum(&mut self) -> bool {
        let Some((packet, _)) = self.dissect() else { return false };
        let ip_len = if packet.src.is_ipv4() { 20 } else { 40 };
        let checksum = self.link_end().and_then(|(ip_at, _)| self.bytes.get_mut(ip_at + ip_len + 16));
        checksum.is_some_and(|octet| {
            *octet ^= 0x5a;
            true
        })
    }

    /// Where the link header and VLAN tags end, and the tags.
    fn link_end(&self) -> Option<(usize, Vec<u16>)> {
        let bytes = self.bytes.as_slice();
        let mut vlans = Vec::new();
        let ip_at = match self.link {
            Link::Raw => 0,
            Link::Null => 4,
            Link::LinuxCooked => 16,
            Link::LinuxCooked2 => 20,
            Link::Ppp => 4,
            Link::Nflog => 16,
            Link::Radiotap => 40,
            Link::Ethernet => {
                let mut at = 12;
                while [ETHERTYPE_VLAN, ETHERTYPE_QINQ].contains(&be16(bytes, at)?) {
                    vlans.push(be16(bytes, at + 2)? & 0xfff);
                    at += 4;
                }
                at + 2
            }
        };
        Some((ip_at, vlans))
    }

    /// Reads a frame back that [`TcpPacket::frame`] made, with its VLAN tags; none if it is cut or of another origin.
    pub fn dissect(&self) -> Option<(TcpPacket<'_>, Vec<u16>)> {
        let (ip_at, vlans) = self.link_end()?;
        let ip = self.bytes.get(ip_at..)?;
        let (src, dst, ttl, ident, tcp) = match ip.first()? >> 4 {
            4 => {
                let octets = |at: usize| ip.get(at..at + 4).and_then(|o| <[u8; 4]>::try_from(o).ok());
                let tcp = ip.get(20..usize::from(be16(ip, 2)?))?;
                (IpAddr::from(octets(12)?), IpAddr::from(octets(16)?), *ip.get(8)?, be16(ip, 4)?, tcp)
            }
            6 => {
                let octets = |at: usize| ip.get(at..at + 16).and_then(|o| <[u8; 16]>::try_from(o).ok());
                let tcp = ip.get(40..40 + usize::from(be16(ip, 4)?))?;
                (IpAddr::from(octets(8)?), IpAddr::from(octets(24)?), *ip.get(7)?, 0, tcp)
            }
            _ => return None,
        };
        let be32 = |at: usize| tcp.get(at..at + 4).and_then(|o| <[u8; 4]>::try_from(o).ok()).map(u32::from_be_bytes);
        let header = usize::from(tcp.get(12)? >> 4) * 4;
        let packet = TcpPacket {
            src: SocketAddr::new(src, be16(tcp, 0)?),
            dst: SocketAddr::new(dst, be16(tcp, 2)?),
            seq: be32(4)?,
            ack: be32(8)?,
            flags: *tcp.get(13)?,
            window: be16(tcp, 14)?,
            urgent: be16(tcp, 18)?,
            ttl,
            ident,
            options: tcp.get(20..header)?,
            payload: tcp.get(header..)?,
        };
        Some((packet, vlans))
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|octets| octets.try_into().ok()).map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    use super::*;

    fn packet<'a>(src: &str, dst: &str, payload: &'a [u8]) -> TcpPacket<'a> {
        TcpPacket {
            src: src.parse().expect("an address"),
            dst: dst.parse().expect("an address"),
            seq: 0xffff_fff0,
            ack: 77,
            flags: PSH | ACK,
            window: 501,
            urgent: 0,
            ttl: 63,
            ident: 9,
            options: &[1, 1, 1, 0],
            payload,
        }
    }

    /// Whether an independent reader agrees with both checksums.
    fn agrees(sliced: &SlicedPacket<'_>) -> bool {
        let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { return false };
        let (header, payload) = (tcp.to_header(), tcp.payload());
        match &sliced.net {
            Some(NetSlice::Ipv4(ip)) => {
                let ip = ip.header().to_header();
                ip.calc_header_checksum() == ip.header_checksum
                    && header.calc_checksum_ipv4(&ip, payload) == Ok(header.checksum)
            }
            Some(NetSlice::Ipv6(ip)) => {
                header.calc_checksum_ipv6(&ip.header().to_header(), payload) == Ok(header.checksum)
            }
            _ => false,
        }
    }

    #[test]
    fn checksums_and_lengths_are_right() {
        let payload: Vec<u8> = (0..=255).cycle().take(1001).collect();
        for len in [0, 1, 7, 8, 1000, 1001] {
            for (src, dst) in [("10.0.0.8:40000", "10.0.0.1:80"), ("[fd00::8]:40000", "[fd00::1]:80")] {
                let made = packet(src, dst, &payload[..len]);
                let frame = made.frame(Timestamp(1), Link::Ethernet, &[7, 42]);
                let sliced = SlicedPacket::from_ethernet(&frame.bytes).expect("a frame");
                assert!(agrees(&sliced), "{src} {len}");
                assert_eq!(sliced.vlan_ids().iter().map(|id| id.value()).collect::<Vec<_>>(), [7, 42]);
                let raw = made.frame(Timestamp(1), Link::Raw, &[]);
                assert!(agrees(&SlicedPacket::from_ip(&raw.bytes).expect("a packet")));
                let cooked = made.frame(Timestamp(1), Link::LinuxCooked, &[]);
                assert!(agrees(&SlicedPacket::from_linux_sll(&cooked.bytes).expect("a cooked packet")));
            }
        }
    }

    #[test]
    fn a_frame_is_read_back_as_it_was_made() {
        let links = [Link::Ethernet, Link::Raw, Link::LinuxCooked, Link::LinuxCooked2, Link::Null];
        for link in links.into_iter().chain([Link::Ppp, Link::Nflog, Link::Radiotap]) {
            for (src, dst) in [("10.0.0.8:40000", "10.0.0.1:80"), ("[fd00::8]:40000", "[fd00::1]:80")] {
                let mut frame = packet(src, dst, b"x").frame(Timestamp(5), link, &[]);
                let first = frame.clone();
                frame.pad();
                let (read, vlans) = frame.dissect().expect("our frame");
                assert_eq!(read.frame(Timestamp(5), link, &vlans), first);
                assert_eq!((read.payload, read.seq), (&b"x"[..], 0xffff_fff0));
                frame.cut(30);
                assert!(frame.dissect().is_none() && frame.wire_len > 30);
            }
        }
    }
}
