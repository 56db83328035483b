//! Whose certificate it is: a small reader of the parts of X.509 (RFC 5280, section 4.1) that say so.
//!
//! It checks no signature and no validity: it tells what was shown.

use crate::cursor::Cursor;
use crate::limits;
use crate::text::{escaped, printable};

/// The owner of a certificate, and who issued it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The subject.
    pub subject: Name,
    /// The issuer.
    pub issuer: Name,
    /// DNS names among the alternative names, escaped; at most [`limits::DNS_NAMES`].
    pub dns_names: Vec<String>,
    /// DNS names beyond that number.
    pub dns_names_left_out: u32,
}

/// The parts of a distinguished name that are shown, each at most [`limits::SUBJECT`] characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// CN; where there are several, the last, which is the most specific.
    pub common_name: Option<String>,
    /// O, the same.
    pub organization: Option<String>,
}

mod tag {
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const OCTETS: u8 = 0x04;
    pub(super) const OID: u8 = 0x06;
    pub(super) const TELETEX: u8 = 0x14;
    pub(super) const UNIVERSAL: u8 = 0x1c;
    pub(super) const BMP: u8 = 0x1e;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const VERSION: u8 = 0xa0;
    pub(super) const EXTENSIONS: u8 = 0xa3;
    pub(super) const DNS_NAME: u8 = 0x82;
}

/// 2.5.4.3, 2.5.4.10 and 2.5.29.17.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

impl Certificate {
    /// Reads a certificate in DER; `None` where the structure is not there up to the subject.
    pub fn read(der: &[u8]) -> Option<Certificate> {
        let mut outer = Der(Cursor(der)).element(tag::SEQUENCE)?;
        let mut fields = outer.element(tag::SEQUENCE)?;
        fields.element(tag::VERSION);
        fields.element(tag::INTEGER)?;
        fields.element(tag::SEQUENCE)?;
        let issuer = Name::read(fields.element(tag::SEQUENCE)?);
        fields.element(tag::SEQUENCE)?;
        let subject = Name::read(fields.element(tag::SEQUENCE)?);
        let mut certificate = Certificate { subject, issuer, ..Certificate::default() };
        certificate.extensions(fields);
        Some(certificate)
    }

    fn extensions(&mut self, mut fields: Der<'_>) -> Option<()> {
        let mut list = loop {
            let (kind, mut body) = fields.next()?;
            if kind == tag::EXTENSIONS {
                break body.element(tag::SEQUENCE)?;
            }
        };
        loop {
            let mut extension = list.element(tag::SEQUENCE)?;
            let name = extension.element(tag::OID)?;
            extension.element(tag::BOOLEAN);
            let mut value = extension.element(tag::OCTETS)?;
            if name.bytes() == ALTERNATIVE_NAME {
                self.alternatives(value.element(tag::SEQUENCE)?);
            }
        }
    }

    fn alternatives(&mut self, mut names: Der<'_>) {
        while let Some((kind, name)) = names.next() {
            match kind {
                tag::DNS_NAME if self.dns_names.len() < limits::DNS_NAMES => {
                    self.dns_names.push(escaped(name.bytes(), limits::NAME));
                }
                tag::DNS_NAME => self.dns_names_left_out += 1,
                _ => {}
            }
        }
    }
}

impl Name {
    /// A sequence of sets of pairs (RFC 5280, section 4.1.2.4).
    fn read(mut relative: Der<'_>) -> Name {
        let mut name = Name::default();
        while let Some(mut set) = relative.element(tag::SET) {
            while let Some(mut pair) = set.element(tag::SEQUENCE) {
                let (Some(attribute), Some((kind, value))) = (pair.element(tag::OID), pair.next()) else { continue };
                match attribute.bytes() {
                    COMMON_NAME => name.common_name = Some(text(kind, value.bytes())),
                    ORGANIZATION => name.organization = Some(text(kind, value.bytes())),
                    _ => {}
                }
            }
        }
        name
    }

    /// Whether neither is there.
    pub fn is_empty(&self) -> bool {
        self.common_name.is_none() && self.organization.is_none()
    }
}

/// A DirectoryString, in whatever of its encodings.
fn text(kind: u8, bytes: &[u8]) -> String {
    match kind {
        tag::BMP => {
            let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
            printable(
                char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)),
                limits::SUBJECT,
            )
        }
        tag::UNIVERSAL => {
            let units = bytes.as_chunks::<4>().0.iter().map(|four| u32::from_be_bytes(*four));
            printable(units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)), limits::SUBJECT)
        }
        tag::TELETEX => printable(bytes.iter().map(|byte| char::from(*byte)), limits::SUBJECT),
        // Many write UTF-8 whatever they call it.
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => printable(text.chars(), limits::SUBJECT),
            Err(_) => escaped(bytes, limits::SUBJECT),
        },
    }
}

/// Elements of DER, one after the other (X.690, section 8.1).
#[derive(Clone)]
struct Der<'a>(Cursor<'a>);

impl<'a> Der<'a> {
    /// The next element; none at the end, or where its length is indefinite or goes beyond what is there.
    fn next(&mut self) -> Option<(u8, Der<'a>)> {
        let mut cursor = self.0;
        let tag = cursor.u8()?;
        let length = match cursor.u8()? {
            short @ 0..=0x7f => short.into(),
            0x81 => cursor.u8()?.into(),
            0x82 => cursor.u16()?.into(),
            0x83 => cursor.u24()?,
            _ => return None,
        };
        let body = cursor.take(length)?;
        self.0 = cursor;
        Some((tag, Der(Cursor(body))))
    }

    /// The next element, if it has this tag; else it is left.
    fn element(&mut self, tag: u8) -> Option<Der<'a>> {
        let mut ahead = self.clone();
        let (_, body) = ahead.next().filter(|(found, _)| *found == tag)?;
        *self = ahead;
        Some(body)
    }

    fn bytes(&self) -> &'a [u8] {
        self.0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{certificate, der};

    #[test]
    fn subject_issuer_and_names() {
        let read =
            Certificate::read(&certificate("shop.example", &["shop.example", "www.shop.example"])).expect("read");
        assert_eq!(read.subject.common_name.as_deref(), Some("shop.example"));
        assert_eq!(read.subject.organization.as_deref(), Some("Ex\u{e4}mple"));
        assert_eq!(read.issuer.common_name.as_deref(), Some("工"));
        assert_eq!(read.dns_names, ["shop.example", "www.shop.example"]);
    }

    #[test]
    fn names_beyond_the_limit_are_counted() {
        let names = vec!["a.example"; limits::DNS_NAMES + 5];
        let read = Certificate::read(&certificate("a", &names)).expect("read");
        assert_eq!((read.dns_names.len(), read.dns_names_left_out), (limits::DNS_NAMES, 5));
    }

    #[test]
    fn a_cut_certificate_never_reads_beyond_its_end() {
        let whole = certificate("shop.example", &["shop.example"]);
        for end in 0..whole.len() {
            assert_eq!(Certificate::read(&whole[..end]), None);
        }
    }

    #[test]
    fn lengths_that_are_not_der_end_the_reading() {
        for length in [&[0x80][..], &[0x84, 0, 0, 0, 1], &[0xff], &[0x82, 1]] {
            assert!(Der(Cursor(&[&[0x30], length].concat())).next().is_none());
        }
        assert_eq!(der(0x30, &[0; 200])[..3], [0x30, 0x81, 200]);
    }
}
