//! Link layers and what is named by an EtherType.

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::{Cursor, DecodeAccounts, Encapsulation, Layer, Path, Skip, Step, ppp, wireless};
use crate::packet::LinkType;

/// IPv4.
pub(super) const IPV4: u16 = 0x0800;
/// IPv6.
pub(super) const IPV6: u16 = 0x86dd;
/// IEEE 802.1Q.
pub(super) const VLAN: u16 = 0x8100;
/// IEEE 802.1ad.
pub(super) const PROVIDER_VLAN: u16 = 0x88a8;
/// IEEE 802.1ah.
pub(super) const BACKBONE: u16 = 0x88e7;
/// RFC 3032 and RFC 5332.
pub(super) const MPLS: u16 = 0x8847;
pub(super) const MPLS_MULTICAST: u16 = 0x8848;
/// A PPPoE session (RFC 2516).
pub(super) const PPPOE: u16 = 0x8864;
/// PPP in GRE (RFC 2637).
pub(super) const PPP: u16 = 0x880b;
/// RFC 8300.
pub(super) const NSH: u16 = 0x894f;

/// The first layer, by the capture's link type.
pub(super) fn link<'a>(link: LinkType, cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    match link.0 {
        0 | 108 => loopback(cursor),
        1 => Ok(Step::Layer(Layer::Ethernet)),
        9 => Ok(Step::Layer(Layer::Ppp)),
        50 => ppp::serial(cursor),
        51 => Ok(Step::Layer(Layer::Pppoe)),
        104 => ppp::hdlc(cursor),
        105 => Ok(Step::Layer(Layer::Wireless)),
        119 | 163 => wireless::prism(cursor),
        127 => wireless::radiotap(cursor),
        166 | 204 => ppp::directed(cursor),
        12 | 14 | 101 => Ok(Step::Layer(Layer::Ip)),
        113 => cooked(cursor),
        228 => Ok(Step::Layer(Layer::Ipv4)),
        229 => Ok(Step::Layer(Layer::Ipv6)),
        239 => nflog(cursor),
        276 => cooked2(cursor),
        _ => Err(Skip::UnknownLink),
    }
}

/// Ethernet II, or IEEE 802.3 with LLC.
pub(super) fn ethernet<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    let header = Ethernet2HeaderSlice::from_slice(cursor.bytes).map_err(|_| cursor.short())?;
    let ether_type = header.ether_type().0;
    // A mirror may cut the frames that it sends through a tunnel: inside, the tunnel's length says nothing.
    cursor.bounded = false;
    cursor.take(header.slice().len())?;
    Ok(Step::Layer(Layer::EtherType(ether_type)))
}

/// What an EtherType names: tags are taken off, IP is next.
pub(super) fn ether_type<'a>(
    ether_type: u16,
    path: &mut Path,
    cursor: &mut Cursor<'a>,
    accounts: &mut DecodeAccounts,
) -> Result<Step<'a>, Skip> {
    match ether_type {
        IPV4 => Ok(Step::Layer(Layer::Ipv4)),
        IPV6 => Ok(Step::Layer(Layer::Ipv6)),
        // The last three were used for QinQ before 802.1ad.
        VLAN | PROVIDER_VLAN | 0x9100 | 0x9200 | 0x9300 => {
            let tag = SingleVlanHeaderSlice::from_slice(cursor.bytes).map_err(|_| cursor.short())?;
            path.vlans.push(tag.vlan_identifier().value());
            cursor.take(tag.slice().len())?;
            accounts.encapsulated(Encapsulation::Vlan);
            Ok(Step::Layer(Layer::EtherType(tag.ether_type().0)))
        }
        // The service's tag, then the customer's frame.
        BACKBONE => {
            cursor.take(4)?;
            accounts.encapsulated(Encapsulation::Backbone);
            Ok(Step::Layer(Layer::Ethernet))
        }
        MPLS | MPLS_MULTICAST => Ok(Step::Layer(Layer::Mpls)),
        PPPOE => Ok(Step::Layer(Layer::Pppoe)),
        PPP => Ok(Step::Layer(Layer::Ppp)),
        NSH => Ok(Step::Layer(Layer::Nsh)),
        // Transparent Ethernet bridging, in GRE and Geneve.
        0x6558 => Ok(Step::Layer(Layer::Ethernet)),
        // VN-Tag, and IEEE 802.1BR's E-Tag.
        0x8926 | 0x893f => {
            let len = if ether_type == 0x8926 { 4 } else { 6 };
            let inner = cursor.peek16(len)?;
            cursor.take(len + 2)?;
            accounts.encapsulated(Encapsulation::Fabric);
            Ok(Step::Layer(Layer::EtherType(inner)))
        }
        // FabricPath: a tree and a time to live, then a frame.
        0x8903 => {
            cursor.take(2)?;
            accounts.encapsulated(Encapsulation::Fabric);
            Ok(Step::Layer(Layer::Ethernet))
        }
        // IEEE 802.1AE; a tag without encryption (8 octets of it are optional) is passed.
        0x88e5 => {
            let control = cursor.peek(0)?;
            if control & 0x0c != 0 {
                return Err(Skip::Encrypted);
            }
            let len = if control & 0x20 != 0 { 14 } else { 6 };
            let inner = cursor.peek16(len)?;
            cursor.take(len + 2)?;
            Ok(Step::Layer(Layer::EtherType(inner)))
        }
        // A length (IEEE 802.3, clause 3.2.6): LLC follows, and in SNAP an EtherType again.
        0..0x0600 => {
            cursor.limit(usize::from(ether_type))?;
            llc(cursor)
        }
        _ => Err(Skip::NotIp),
    }
}

/// LLC (IEEE 802.2): in SNAP an EtherType, of RFC 1042 or of 802.1H's bridges.
pub(super) fn llc<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    if cursor.bytes.starts_with(&[0xaa, 0xaa, 0x03, 0, 0, 0])
        || cursor.bytes.starts_with(&[0xaa, 0xaa, 0x03, 0, 0, 0xf8])
    {
        let inner = cursor.peek16(6)?;
        cursor.take(8)?;
        return Ok(Step::Layer(Layer::EtherType(inner)));
    }
    Err(Skip::NotIp)
}

/// Linux's NFLOG: family, version, resource, then fields of length, type and value padded to four octets. Lengths and types
/// are in the byte order of the capturing host, which the first type shows: all are below 64, but for two flags.
fn nflog<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    const PAYLOAD: u16 = 9;
    if cursor.peek(1)? != 0 {
        return Err(Skip::BadHeader);
    }
    cursor.take(4)?;
    let swapped = cursor.peek(2)? & 0x3f != 0;
    let number = |n: u16| if swapped { n.swap_bytes() } else { n };
    loop {
        let (len, kind) = (usize::from(number(cursor.peek16(0)?)), number(cursor.peek16(2)?));
        if len < 4 {
            return Err(Skip::BadHeader);
        }
        // Two bits of the type are flags.
        if kind & 0x3fff == PAYLOAD {
            cursor.limit(len)?;
            cursor.take(4)?;
            return Ok(Step::Layer(Layer::Ip));
        }
        cursor.take(len.next_multiple_of(4))?;
    }
}

/// BSD loopback (LINKTYPE_NULL in the capturing host's byte order, LINKTYPE_LOOP in the network's): an address family of
/// four octets. IPv6's differs between systems, so the version of what follows decides.
fn loopback<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    cursor.take(4)?;
    Ok(Step::Layer(Layer::Ip))
}

/// Linux cooked capture: packet type, ARPHRD type, address length and address (8), protocol. etherparse refuses the
/// ARPHRD types that it does not know, tunnels among them, hence our own.
fn cooked<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    let protocol = cursor.peek16(14)?;
    cursor.take(16)?;
    Ok(Step::Layer(Layer::EtherType(protocol)))
}

/// Linux cooked capture 2: protocol, reserved (2), interface (4), ARPHRD type (2), packet type, address length, address (8).
fn cooked2<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    let protocol = cursor.peek16(0)?;
    cursor.take(20)?;
    Ok(Step::Layer(Layer::EtherType(protocol)))
}
