//! The PROXY protocol: what a load balancer writes before the first byte of its client, to say whose connection it passes
//! on ("The PROXY protocol, versions 1 & 2", HAProxy, sections 2.1 and 2.2). It is skipped, and its source told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest header that is read: 16 bytes, two addresses of Unix sockets, and some extensions.
pub(crate) const LONGEST: usize = 1 << 10;
/// Longest header of version 1, with its line end.
const LINE: usize = 107;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const WORD: &[u8] = b"PROXY ";

/// What the first bytes of a side are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// Too few to tell.
    Wait,
    /// No header of the PROXY protocol.
    Absent,
    /// One of so many bytes, and the address of the client if it says one.
    Header { length: usize, source: Option<IpAddr> },
}

/// Judges the first bytes that a side sent; of [`LONGEST`] there is always a verdict.
pub(crate) fn read(text: &[u8]) -> Prefix {
    match text.first() {
        Some(b'P') => line(text),
        Some(b'\r') => binary(text),
        Some(_) => Prefix::Absent,
        None => Prefix::Wait,
    }
}

/// Whether `text` is `known`, or begins it; `None` if it is neither.
fn begins(text: &[u8], known: &[u8]) -> Option<bool> {
    known.iter().zip(text).all(|(want, have)| want == have).then_some(text.len() >= known.len())
}

/// `PROXY TCP4 203.0.113.7 10.0.0.2 40000 80`.
fn line(text: &[u8]) -> Prefix {
    match begins(text, WORD) {
        None => return Prefix::Absent,
        Some(false) => return Prefix::Wait,
        Some(true) => {}
    }
    let rest = text.get(WORD.len()..).unwrap_or_default();
    // A method of that name would be followed by a target.
    let families: [&[u8]; 3] = [b"TCP4 ", b"TCP6 ", b"UNKNOWN"];
    if !families.iter().any(|family| begins(rest, family).is_some()) {
        return Prefix::Absent;
    }
    let within = text.get(..text.len().min(LINE)).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\n', within) else {
        return if text.len() < LINE { Prefix::Wait } else { Prefix::Absent };
    };
    let Some(said) = within.get(..end).and_then(|line| std::str::from_utf8(line.strip_suffix(b"\r")?).ok()) else {
        return Prefix::Absent;
    };
    let mut words = said.split(' ').skip(1);
    let source = match (words.next(), words.next()) {
        (Some("TCP4"), Some(source)) => source.parse().ok().map(IpAddr::V4),
        (Some("TCP6"), Some(source)) => source.parse().ok().map(IpAddr::V6),
        _ => None,
    };
    Prefix::Header { length: end + 1, source }
}

/// Version 2: signature, version and command, family, length, addresses.
fn binary(text: &[u8]) -> Prefix {
    match begins(text, SIGNATURE) {
        None => return Prefix::Absent,
        Some(false) => return Prefix::Wait,
        Some(true) => {}
    }
    let rest = text.get(SIGNATURE.len()..).unwrap_or_default();
    let [command, family, high, low, addresses @ ..] = rest else { return Prefix::Wait };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let whole = SIGNATURE.len() + 4 + length;
    if command >> 4 != 2 || whole > LONGEST {
        return Prefix::Absent;
    }
    let Some(addresses) = addresses.get(..length) else { return Prefix::Wait };
    // A health check of the balancer itself (command 0) passes nobody on.
    let source = match (command & 0xf, family >> 4) {
        (1, 1) => addresses.first_chunk::<4>().map(|ip| IpAddr::V4(Ipv4Addr::from(*ip))),
        (1, 2) => addresses.first_chunk::<16>().map(|ip| IpAddr::V6(Ipv6Addr::from(*ip))),
        _ => None,
    };
    Prefix::Header { length: whole, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = (addresses.len() as u16).to_be_bytes();
        [SIGNATURE, &[0x20 | command, family][..], &length, addresses].concat()
    }

    fn source(text: &[u8]) -> Option<String> {
        match read(text) {
            Prefix::Header { length, source } if length == text.len() => source.map(|ip| ip.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_versions_tell_the_client() {
        assert_eq!(source(b"PROXY TCP4 203.0.113.7 10.0.0.2 40000 80\r\n").as_deref(), Some("203.0.113.7"));
        assert_eq!(source(b"PROXY TCP6 2001:db8::7 ::1 40000 80\r\n").as_deref(), Some("2001:db8::7"));
        assert_eq!(source(b"PROXY UNKNOWN\r\n"), None);
        assert_eq!(source(b"PROXY TCP4 nonsense\r\n"), None);
        assert_eq!(source(&v2(1, 0x11, &[203, 0, 113, 7, 10, 0, 0, 2, 0, 1, 0, 2])).as_deref(), Some("203.0.113.7"));
        let mut six = [0; 36];
        six[..2].copy_from_slice(&[0x20, 0x01]);
        assert_eq!(source(&v2(1, 0x21, &six)).as_deref(), Some("2001::"));
        assert_eq!(source(&v2(0, 0, &[])), None);
    }

    #[test]
    fn what_begins_like_one_is_waited_for_and_nothing_else() {
        for whole in [b"PROXY TCP4 203.0.113.7 10.0.0.2 40000 80\r\n".to_vec(), v2(1, 0x11, &[9; 12])] {
            for end in 0..whole.len() {
                assert_eq!(read(&whole[..end]), Prefix::Wait, "{end}");
            }
            assert!(matches!(read(&whole), Prefix::Header { .. }));
        }
        for other in [
            &b"POST / HTTP/1.1\r\n"[..],
            b"PRI * HTTP/2.0\r\n",
            b"PROXY /a HTTP/1.1\r\n",
            b"GET /",
            b"\r\nGET /",
            b"\r\n\r\n\r\n",
            b"\x16\x03\x01",
            &[b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat(),
            &[SIGNATURE.as_slice(), &[0x21, 0x11, 0xff, 0xff]].concat(),
            &[SIGNATURE.as_slice(), &[0x11, 0x11, 0, 12]].concat(),
        ] {
            assert_eq!(read(other), Prefix::Absent, "{:?}", String::from_utf8_lossy(other));
        }
    }
}
