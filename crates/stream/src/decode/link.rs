//! Link layers and what is named by an EtherType.

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::{Cursor, Layer, Path, Skip, Step};
use crate::packet::LinkType;

/// IPv4.
pub(super) const IPV4: u16 = 0x0800;
/// IPv6.
pub(super) const IPV6: u16 = 0x86dd;

/// The first layer, by the capture's link type.
pub(super) fn link<'a>(link: LinkType, cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    match link.0 {
        0 | 108 => loopback(cursor),
        1 => Ok(Step::Layer(Layer::Ethernet)),
        12 | 14 | 101 => Ok(Step::Layer(Layer::Ip)),
        113 => cooked(cursor),
        228 => Ok(Step::Layer(Layer::Ipv4)),
        229 => Ok(Step::Layer(Layer::Ipv6)),
        276 => cooked2(cursor),
        _ => Err(Skip::UnknownLink),
    }
}

/// Ethernet II, or IEEE 802.3 with LLC.
pub(super) fn ethernet<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    let header = Ethernet2HeaderSlice::from_slice(cursor.bytes).map_err(|_| cursor.short())?;
    let ether_type = header.ether_type().0;
    cursor.take(header.slice().len())?;
    Ok(Step::Layer(Layer::EtherType(ether_type)))
}

/// What an EtherType names: tags are taken off, IP is next.
pub(super) fn ether_type<'a>(ether_type: u16, path: &mut Path, cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    match ether_type {
        IPV4 => Ok(Step::Layer(Layer::Ipv4)),
        IPV6 => Ok(Step::Layer(Layer::Ipv6)),
        // 802.1Q, 802.1ad, and what was used for QinQ before it.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
            let tag = SingleVlanHeaderSlice::from_slice(cursor.bytes).map_err(|_| cursor.short())?;
            path.vlans.push(tag.vlan_identifier().value());
            cursor.take(tag.slice().len())?;
            Ok(Step::Layer(Layer::EtherType(tag.ether_type().0)))
        }
        // A length (IEEE 802.3, clause 3.2.6): LLC follows, and in SNAP an EtherType again.
        0..0x0600 => {
            cursor.limit(usize::from(ether_type));
            if cursor.bytes.starts_with(&[0xaa, 0xaa, 0x03, 0, 0, 0]) {
                let inner = cursor.peek16(6)?;
                cursor.take(8)?;
                return Ok(Step::Layer(Layer::EtherType(inner)));
            }
            Err(Skip::NotIp)
        }
        _ => Err(Skip::NotIp),
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
