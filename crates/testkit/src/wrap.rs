//! Encapsulations: what tunnels, carriers and mirrors put around the IP packets of a capture, nested as they please.
//!
//! ```
//! use spyhop_testkit::{Capture, Conversation};
//! use spyhop_testkit::wrap::{Layer, Version, Wrapping};
//! let mut capture = Capture::of([Conversation::new("10.0.0.8:40000", "10.0.0.1:80").client("hello")]);
//! // From the inside out: the mirror's ERSPAN around what a PPPoE session carries over two VLANs.
//! let mirror = Layer::Erspan { outer: Version::V4, kind: spyhop_testkit::wrap::Erspan::III };
//! let layers = [Layer::Pppoe, Layer::Vlans(vec![7, 42]), Layer::Ethernet, mirror];
//! capture.wrap(&Wrapping::ethernet(layers), 1);
//! assert_eq!(capture.frames[0].bytes[23], 47, "GRE");
//! ```

mod ip;
mod link;
mod random;
mod tunnel;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::capture::Capture;
use crate::frame::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN, Frame, Link, link_header};
use crate::rng::Rng;

pub use ip::{Extension, Pieces};

/// Of an IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 791.
    V4,
    /// RFC 8200.
    V6,
}

/// ERSPAN's types (draft-foschiano-erspan).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erspan {
    /// Without a header of its own.
    I,
    /// With a header of 8 octets.
    II,
    /// With a header of 12 octets.
    III,
    /// With a platform's subheader, 20 octets.
    IIIPlatform,
    /// Type III that says it carries IP, not a frame.
    IIIIp,
}

/// One layer around what is inside it. Tunnels bring their own IP header, of version `outer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// IEEE 802.1Q tags, outermost first; of several, all but the innermost are service tags (QinQ).
    Vlans(Vec<u16>),
    /// So many MPLS labels around IP (RFC 3032).
    Mpls(u8),
    /// An Ethernet frame behind so many MPLS labels (RFC 4448).
    Pseudowire {
        /// Labels.
        labels: u8,
        /// Whether a control word (RFC 4385) stands before the frame.
        control_word: bool,
    },
    /// A PPPoE session (RFC 2516).
    Pppoe,
    /// A network service header (RFC 8300) around IP or a frame, with metadata of type 1, or of type 2 and no length.
    Nsh {
        /// Type 1: 16 octets of it.
        metadata: bool,
    },
    /// An Ethernet header; a short frame is padded to 60 octets.
    Ethernet,
    /// GRE (RFC 2784 and 2890) around IP, a frame (transparent bridging) or what has an EtherType.
    Gre {
        /// The tunnel's header.
        outer: Version,
        /// Whether there is a checksum.
        checksum: bool,
        /// Whether there is a key.
        key: bool,
        /// Whether packets are numbered.
        sequence: bool,
    },
    /// GRE in UDP (RFC 8086).
    GreInUdp(Version),
    /// ERSPAN in GRE, around a frame.
    Erspan {
        /// The tunnel's header.
        outer: Version,
        /// Which ERSPAN.
        kind: Erspan,
    },
    /// VXLAN (RFC 7348) to a port, around a frame.
    Vxlan {
        /// The tunnel's header.
        outer: Version,
        /// Destination port: 4789, Linux's 8472, or one of the configuration.
        port: u16,
    },
    /// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe) around IP, a frame, NSH or MPLS.
    VxlanGpe(Version),
    /// Geneve (RFC 8926) around IP, a frame or what has an EtherType.
    Geneve {
        /// The tunnel's header.
        outer: Version,
        /// Options before the content.
        options: u8,
    },
    /// GTP-U (3GPP TS 29.281) around IP or, as in 5G, a frame.
    Gtp {
        /// The tunnel's header.
        outer: Version,
        /// Whether packets are numbered.
        sequence: bool,
        /// Extension headers before the content.
        extensions: u8,
    },
    /// IP in IP (RFC 2003, RFC 2473, RFC 4213).
    IpInIp(Version),
    /// IPv6 in UDP over IPv4 (RFC 4380).
    Teredo {
        /// Whether an authentication stands before it.
        authentication: bool,
        /// Whether an origin indication stands before it.
        origin: bool,
    },
    /// AYIYA (draft-massar-v6ops-ayiya).
    Ayiya(Version),
    /// MPLS in IP (RFC 4023).
    MplsInIp(Version),
    /// MPLS in UDP (RFC 7510).
    MplsInUdp(Version),
    /// A frame in IP (RFC 3378).
    EtherIp(Version),
    /// IPsec's authentication header (RFC 4302) behind the IP header, in transport mode.
    Authentication,
    /// Extension headers behind the IPv6 header.
    Extensions(Vec<Extension>),
    /// The IP packet in fragments.
    Fragments(Pieces),
}

/// What stands between the capture's edge and an IP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapping {
    /// From the inside out.
    pub layers: Vec<Layer>,
    /// How the capture begins; an Ethernet frame that is complete gets no second header.
    pub link: Link,
}

impl Wrapping {
    /// These layers, from the inside out, on Ethernet.
    pub fn ethernet(layers: impl IntoIterator<Item = Layer>) -> Self {
        Wrapping::on(Link::Ethernet, layers)
    }

    /// These layers, from the inside out, on a link.
    pub fn on(link: Link, layers: impl IntoIterator<Item = Layer>) -> Self {
        Wrapping { layers: layers.into_iter().collect(), link }
    }
}

/// What the layers so far have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// An IP packet.
    Ip(Version),
    /// A fragment of one, to which nothing can be added.
    Fragment(Version),
    /// An Ethernet frame.
    Frame,
    /// What an EtherType names, its tag not yet written.
    Typed(u16),
}

impl Shape {
    /// The version of the IP header that it begins with, if it does.
    fn version(self) -> Option<Version> {
        match self {
            Shape::Ip(version) | Shape::Fragment(version) => Some(version),
            Shape::Frame | Shape::Typed(_) => None,
        }
    }

    /// The EtherType that names it; that of bridging for a frame.
    fn ether_type(self) -> u16 {
        match self {
            Shape::Ip(Version::V4) | Shape::Fragment(Version::V4) => ETHERTYPE_IPV4,
            Shape::Ip(Version::V6) | Shape::Fragment(Version::V6) => ETHERTYPE_IPV6,
            Shape::Frame => 0x6558,
            Shape::Typed(ether_type) => ether_type,
        }
    }
}

/// A packet on its way out.
#[derive(Clone, Debug)]
struct Parcel {
    shape: Shape,
    bytes: Vec<u8>,
}

/// Writes a wrapping around packets; counts what tunnels count.
#[derive(Clone, Debug)]
pub struct Wrapper {
    wrapping: Wrapping,
    rng: Rng,
    /// Identification of datagrams, also sequence numbers of tunnels. Never the same twice among 65,536.
    ident: u32,
    /// Where its tunnels end: no two tunnels of a capture should share it, since they would share identifications.
    network: u16,
}

impl Wrapper {
    /// A wrapper whose arbitrary choices follow from `seed`.
    pub fn new(wrapping: Wrapping, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let (ident, network) = (rng.below(1 << 16) as u32, rng.below(1 << 16) as u16);
        Wrapper { wrapping, rng, ident, network }
    }

    /// The frames that carry the IP packet of `frame`, whose own link header and VLANs are taken off; several if it is
    /// fragmented. A frame that holds no whole IP packet stays as it is.
    ///
    /// # Panics
    /// If a layer cannot stand around the one inside it, or a packet becomes longer than IP allows.
    pub fn wrap(&mut self, frame: &Frame) -> Vec<Frame> {
        let Some(bytes) = frame.ip_packet() else { return vec![frame.clone()] };
        let version = if bytes[0] >> 4 == 4 { Version::V4 } else { Version::V6 };
        // Tunnels go from the client's side to the server's and back.
        let forth = frame.dissect().is_none_or(|(packet, _)| packet.src.port() >= packet.dst.port());
        let mut parcels = vec![Parcel { shape: Shape::Ip(version), bytes: bytes.to_vec() }];
        for layer in self.wrapping.layers.clone() {
            parcels = parcels.into_iter().flat_map(|parcel| self.around(&layer, parcel, forth)).collect();
        }
        let ends = ends(Version::V4, self.network, forth);
        let link = self.wrapping.link;
        let done = parcels.into_iter().map(|parcel| {
            let mut bytes = Vec::with_capacity(parcel.bytes.len() + 40);
            match (link, parcel.shape) {
                (Link::Ethernet, Shape::Frame) => {}
                (_, shape) => {
                    assert!(link::carries(link, shape), "{shape:?} on {link:?}");
                    link_header(link, shape.ether_type(), ends, &[], parcel.bytes.len(), &mut bytes);
                }
            }
            bytes.extend_from_slice(&parcel.bytes);
            let wire_len = bytes.len() as u32;
            Frame { at: frame.at, link, port: frame.port, bytes, wire_len }
        });
        done.collect()
    }

    fn around(&mut self, layer: &Layer, parcel: Parcel, forth: bool) -> Vec<Parcel> {
        let shape = layer.around(parcel.shape).unwrap_or_else(|| panic!("{layer:?} around {:?}", parcel.shape));
        let number = self.number();
        if let Layer::Fragments(pieces) = layer {
            let fragments = ip::fragments(pieces, &parcel.bytes, number, &mut self.rng);
            return fragments.into_iter().map(|bytes| Parcel { shape, bytes }).collect();
        }
        let bytes = match layer {
            Layer::Authentication => ip::authenticated(&parcel.bytes, number),
            Layer::Extensions(extensions) => ip::extended(extensions, &parcel.bytes, number),
            layer => link::around(layer, &parcel, ends(Version::V4, self.network, forth)).unwrap_or_else(|| {
                let between = |version| ends(version, self.network, forth);
                tunnel::around(layer, &parcel, number, forth, between)
            }),
        };
        vec![Parcel { shape, bytes }]
    }

    fn number(&mut self) -> u32 {
        self.ident = self.ident.wrapping_add(1) & 0xffff;
        self.ident
    }
}

/// The ends of tunnels in a network, sender first.
fn ends(version: Version, network: u16, forth: bool) -> (IpAddr, IpAddr) {
    let end = |n: u16| match version {
        // 172.16.0.0/12, in which sixteen addresses are a network.
        Version::V4 => IpAddr::from(Ipv4Addr::from(0xac10_0000 | u32::from(network) << 4 | u32::from(n))),
        Version::V6 => Ipv6Addr::new(0xfd00, 0x5707, network, 0, 0, 0, 0, n).into(),
    };
    if forth { (end(1), end(2)) } else { (end(2), end(1)) }
}

impl Layer {
    /// What this layer makes of a shape; none if it cannot stand around it.
    fn around(&self, inside: Shape) -> Option<Shape> {
        let ip = inside.version().is_some();
        let (fits, made) = match self {
            Layer::Vlans(ids) => {
                let tagged = matches!(inside, Shape::Typed(ETHERTYPE_VLAN | ETHERTYPE_QINQ));
                (inside != Shape::Frame && !tagged && !ids.is_empty(), Shape::Typed(link::outer_tag(ids)))
            }
            Layer::Mpls(_) => (ip, Shape::Typed(link::MPLS)),
            Layer::Pseudowire { .. } => (inside == Shape::Frame, Shape::Typed(link::MPLS)),
            Layer::Pppoe => (ip, Shape::Typed(link::PPPOE)),
            Layer::Nsh { .. } => (ip || inside == Shape::Frame, Shape::Typed(link::NSH)),
            Layer::Ethernet => (inside != Shape::Frame, Shape::Frame),
            Layer::Gre { outer, .. } | Layer::Geneve { outer, .. } => (true, Shape::Ip(*outer)),
            Layer::GreInUdp(outer) => (true, Shape::Ip(*outer)),
            Layer::Erspan { outer, kind } => (
                (*kind == Erspan::IIIIp && ip) || (*kind != Erspan::IIIIp && inside == Shape::Frame),
                Shape::Ip(*outer),
            ),
            Layer::Vxlan { outer, .. } | Layer::EtherIp(outer) => (inside == Shape::Frame, Shape::Ip(*outer)),
            Layer::VxlanGpe(outer) => (tunnel::next_protocol(inside).is_some(), Shape::Ip(*outer)),
            Layer::Gtp { outer, .. } => (ip || inside == Shape::Frame, Shape::Ip(*outer)),
            Layer::IpInIp(outer) | Layer::Ayiya(outer) => (ip, Shape::Ip(*outer)),
            Layer::Teredo { .. } => (inside.version() == Some(Version::V6), Shape::Ip(Version::V4)),
            Layer::MplsInIp(outer) | Layer::MplsInUdp(outer) => (inside == Shape::Typed(link::MPLS), Shape::Ip(*outer)),
            Layer::Authentication => (matches!(inside, Shape::Ip(_)), inside),
            Layer::Fragments(_) => match inside {
                Shape::Ip(version) => (true, Shape::Fragment(version)),
                _ => (false, inside),
            },
            Layer::Extensions(_) => (inside == Shape::Ip(Version::V6), inside),
        };
        fits.then_some(made)
    }
}

impl Capture {
    /// Puts a wrapping around every packet. Loses nothing.
    pub fn wrap(&mut self, wrapping: &Wrapping, seed: u64) {
        self.wrap_sides(wrapping, wrapping, seed);
    }

    /// Puts a wrapping around every packet of clients, who have the larger port, and another around those of servers.
    /// Loses nothing.
    pub fn wrap_sides(&mut self, clients: &Wrapping, servers: &Wrapping, seed: u64) {
        let mut rng = Rng::new(seed);
        let mut client = Wrapper::new(clients.clone(), rng.bits());
        let server = Wrapper::new(servers.clone(), rng.bits());
        let mut server = Wrapper { network: client.network, ..server };
        let frames = std::mem::take(&mut self.frames).into_iter();
        self.frames = frames
            .flat_map(|frame| {
                let of_client = frame.dissect().is_none_or(|(packet, _)| packet.src.port() >= packet.dst.port());
                if of_client { client.wrap(&frame) } else { server.wrap(&frame) }
            })
            .collect();
    }
}

#[cfg(test)]
mod tests;
