//! Protocol versions and their names.

use std::fmt;

/// A protocol version as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16);

impl Version {
    /// SSL 2.0, of before there was a registry.
    pub const SSL2: Version = Version(0x0002);
    /// TLS 1.3 (RFC 8446).
    pub const TLS13: Version = Version(0x0304);

    /// Whether everything after the ServerHello is encrypted: TLS 1.3, its drafts (0x7fXX), and Facebook's (0xfbXX).
    pub fn hides_certificates(self) -> bool {
        self == Version::TLS13 || self.is_draft()
    }

    /// Whether this is a draft of TLS 1.3.
    pub fn is_draft(self) -> bool {
        matches!(self.0 >> 8, 0x7f | 0xfb)
    }

    /// Whether it can stand in a hello over TCP. TLCP (GB/T 38636) writes 0x0101.
    pub(crate) fn is_known(self) -> bool {
        matches!(self.0, 0x0002 | 0x0101 | 0x0300..=0x0304) || self.is_draft()
    }
}

/// `TLS1.2`; a draft or something unknown is its value, `0x7f17`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x0002 => f.write_str("SSL2.0"),
            0x0300 => f.write_str("SSL3.0"),
            0x0301 => f.write_str("TLS1.0"),
            0x0302 => f.write_str("TLS1.1"),
            0x0303 => f.write_str("TLS1.2"),
            0x0304 => f.write_str("TLS1.3"),
            0x0101 => f.write_str("TLCP1.1"),
            other => write!(f, "{other:#06x}"),
        }
    }
}

/// Whether a value of a version, cipher suite, extension or signature algorithm only keeps the place open (RFC 8701).
pub(crate) fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (value, name) in [(0x0303, "TLS1.2"), (0x0300, "SSL3.0"), (0x7f17, "0x7f17"), (0x0005, "0x0005")] {
            assert_eq!(Version(value).to_string(), name);
        }
        assert!(Version(0x7f12).hides_certificates() && !Version(0x0303).hides_certificates());
    }

    #[test]
    fn grease_is_sixteen_values() {
        assert_eq!((0..=u16::MAX).filter(|value| is_grease(*value)).count(), 16);
        assert!(is_grease(0x0a0a) && is_grease(0xfafa) && !is_grease(0x0a1a));
    }
}
