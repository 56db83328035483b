//! JA4, FoxIO's fingerprint of a TLS client (the method for the client is under BSD-3-Clause; this follows its text).
//!
//! ```text
//! t13d1516h2_8daaf6152771_e5627efa2ab1
//! |│ ││ │ │  └ first 12 hex of SHA-256 over the sorted cipher suites
//! |│ ││ │ │               └ the same over the sorted extensions, and the signature algorithms as sent
//! |│ ││ │ └ first and last character of the first ALPN value
//! |│ ││ └ extensions, at most 99
//! |│ │└ cipher suites, at most 99
//! |│ └ d: a name (SNI) is asked for; i: none
//! |└ highest version offered
//! └ t: TCP, q: QUIC
//! ```

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::hello::Transport;
use crate::version::{Version, is_grease};

/// What the fingerprint is made of, as sent; GREASE is left out here.
pub(crate) struct Parts<'a> {
    pub(crate) transport: Transport,
    pub(crate) version: Version,
    pub(crate) ciphers: Vec<u16>,
    pub(crate) extensions: Vec<u16>,
    pub(crate) algorithms: Vec<u16>,
    /// The first protocol offered.
    pub(crate) alpn: Option<&'a [u8]>,
}

const SNI: u16 = 0;
const ALPN: u16 = 16;

pub(crate) fn fingerprint(mut parts: Parts<'_>) -> String {
    for values in [&mut parts.ciphers, &mut parts.extensions, &mut parts.algorithms] {
        values.retain(|value| !is_grease(*value));
    }
    let (ciphers, extensions) = (parts.ciphers.len().min(99), parts.extensions.len().min(99));
    let named = if parts.extensions.contains(&SNI) { 'd' } else { 'i' };
    let transport = match parts.transport {
        Transport::Tcp => 't',
        Transport::Quic => 'q',
    };
    let [first, last] = alpn(parts.alpn.unwrap_or_default());
    let version = version(parts.version);

    parts.ciphers.sort_unstable();
    parts.extensions.retain(|kind| !matches!(*kind, SNI | ALPN));
    parts.extensions.sort_unstable();
    let cipher_hash = hash(&parts.ciphers, &[]);
    let extension_hash = hash(&parts.extensions, &parts.algorithms);
    format!("{transport}{version}{named}{ciphers:02}{extensions:02}{first}{last}_{cipher_hash}_{extension_hash}")
}

fn version(version: Version) -> &'static str {
    match version.0 {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// First and last character; where one of them is no letter or digit, first and last digit of the value in hex.
fn alpn(value: &[u8]) -> [char; 2] {
    match (value.first(), value.last()) {
        (Some(first), Some(last)) if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => {
            [char::from(*first), char::from(*last)]
        }
        (Some(first), Some(last)) => [digit(first >> 4), digit(last & 15)],
        _ => ['0', '0'],
    }
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

/// SHA-256 over `aaaa,bbbb_cccc`, cut to 12 digits; nothing at all is twelve zeros.
fn hash(sorted: &[u16], appended: &[u16]) -> String {
    if sorted.is_empty() {
        return "000000000000".to_string();
    }
    let mut text = String::with_capacity((sorted.len() + appended.len()) * 5);
    for (n, value) in sorted.iter().enumerate() {
        _ = write!(text, "{}{value:04x}", if n == 0 { "" } else { "," });
    }
    for (n, value) in appended.iter().enumerate() {
        _ = write!(text, "{}{value:04x}", if n == 0 { "_" } else { "," });
    }
    let mut digits = String::with_capacity(12);
    for byte in Sha256::digest(&text).iter().take(6) {
        _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>() -> Parts<'a> {
        Parts {
            transport: Transport::Tcp,
            version: Version(0x0304),
            ciphers: vec![
                0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
                0x002f, 0x0035,
            ],
            extensions: vec![
                0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01,
                0x000b, 0x000a, 0x0015,
            ],
            algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            alpn: Some(b"h2"),
        }
    }

    /// The example that FoxIO's text carries through.
    #[test]
    fn example_of_the_specification() {
        assert_eq!(fingerprint(parts()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        let quic = Parts { transport: Transport::Quic, ..parts() };
        assert!(fingerprint(quic).starts_with("q13d"));
    }

    #[test]
    fn grease_changes_nothing() {
        let mut greased = parts();
        greased.ciphers.insert(0, 0x3a3a);
        greased.extensions.push(0xdada);
        greased.algorithms.push(0x0a0a);
        assert_eq!(fingerprint(greased), fingerprint(parts()));
    }

    #[test]
    fn nothing_offered() {
        let empty =
            Parts { ciphers: Vec::new(), extensions: vec![SNI, ALPN], algorithms: Vec::new(), alpn: None, ..parts() };
        assert_eq!(fingerprint(empty), "t13d000200_000000000000_000000000000");
    }

    #[test]
    fn counts_end_at_99() {
        let many = Parts { ciphers: vec![1; 300], extensions: vec![7; 200], ..parts() };
        assert!(fingerprint(many).starts_with("t13i9999h2_"));
    }

    #[test]
    fn without_algorithms_there_is_no_underscore_to_hash() {
        assert_ne!(hash(&[5], &[]), hash(&[5], &[6]));
        assert_eq!(hash(&[5], &[]), hex(b"0005"));
        assert_eq!(hash(&[5, 6], &[9, 8]), hex(b"0005,0006_0009,0008"));
    }

    fn hex(text: &[u8]) -> String {
        Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn odd_protocols_are_told_in_hex() {
        for (value, expected) in [
            (&b"http/1.1"[..], "h1"),
            (b"h", "hh"),
            (b"\xab", "ab"),
            (b"\xab\xcd", "ad"),
            (b"\x30\xab", "3b"),
            (b"\x30\x31\xab\xcd", "3d"),
            (b"\x30\xab\xcd\x31", "01"),
            (b"", "00"),
        ] {
            assert_eq!(alpn(value).iter().collect::<String>(), expected);
        }
    }
}
