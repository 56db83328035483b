//! Whether octets look like an IP header or an Ethernet frame, where no header before them says so.

use std::net::Ipv6Addr;

use super::link;

/// What looks like an IP header.
#[derive(Clone, Copy, Debug)]
pub(super) struct IpShape {
    /// Its packet does not end behind the octets' end.
    pub(super) fits: bool,
    /// Its packet ends where the octets end.
    pub(super) exact: bool,
    /// One of its addresses is a Teredo client's (RFC 4380, section 2.5).
    pub(super) teredo: bool,
}

/// The IP header that `bytes` begin with; `cut` octets behind `bytes` were not captured.
pub(super) fn ip_at(bytes: &[u8], cut: usize) -> Option<IpShape> {
    let at = |n: usize| bytes.get(n).copied().map(usize::from);
    let available = bytes.len() + cut;
    match at(0)? >> 4 {
        4 => {
            let header = (at(0)? & 0xf) * 4;
            let total = at(2)? << 8 | at(3)?;
            let valid = bytes.len() >= 20 && header >= 20 && (total == 0 || total >= header);
            valid.then_some(IpShape { fits: total <= available, exact: total == available, teredo: false })
        }
        6 => {
            let total = 40 + (at(4)? << 8 | at(5)?);
            let address = |from: usize| {
                bytes.get(from..from + 16).and_then(|octets| octets.try_into().ok()).map(Ipv6Addr::from_octets)
            };
            let (src, dst) = (address(8)?, address(24)?);
            let teredo = is_teredo(src) || is_teredo(dst);
            Some(IpShape { fits: total <= available, exact: total == available, teredo })
        }
        _ => None,
    }
}

/// 2001::/32.
fn is_teredo(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x2001, 0, ..])
}

/// Tags in front of an EtherType that are looked behind.
const TAGS: usize = 4;

/// Whether `frame` is an Ethernet frame that can lead to TCP: an EtherType that is followed and, where that is IP, its
/// header. A mirror may have cut the frame, so its length is not asked.
pub(super) fn ethernet_at(frame: &[u8]) -> bool {
    let Some(mut rest) = frame.get(12..) else { return false };
    for _ in 0..=TAGS {
        let Some((&[high, low], behind)) = rest.split_first_chunk::<2>() else { return false };
        match u16::from_be_bytes([high, low]) {
            version @ (link::IPV4 | link::IPV6) => {
                let digit = if version == link::IPV4 { 4 } else { 6 };
                return behind.first().is_some_and(|first| first >> 4 == digit) && ip_at(behind, 0).is_some();
            }
            link::VLAN | link::PROVIDER_VLAN | 0x9100 => match behind.get(2..) {
                Some(inner) => rest = inner,
                None => return false,
            },
            link::MPLS | link::MPLS_MULTICAST | link::PPPOE | link::BACKBONE | link::NSH => return true,
            _ => return false,
        }
    }
    false
}
