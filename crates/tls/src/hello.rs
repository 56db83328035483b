//! The two hellos (RFC 8446, section 4.1; RFC 5246, section 7.4.1; drafts of TLS 1.3; SSL 2.0).

use crate::cipher::CipherSuite;
use crate::cursor::{Cursor, u16s};
use crate::ja4::{self, Parts};
use crate::limits;
use crate::text::escaped;
use crate::version::{Version, is_grease};

/// What carries the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS records over TCP.
    Tcp,
    /// CRYPTO frames of QUIC.
    Quic,
}

/// What a client offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The host asked for, as sent (RFC 6066, section 3); bytes that are not printable ASCII as `\xHH`, at most
    /// [`limits::NAME`] bytes. With an encrypted hello inside it is the one of the provider.
    pub sni: Option<String>,
    /// The versions offered, as sent, without GREASE; at most [`limits::VERSIONS`].
    pub versions: Vec<Version>,
    /// The protocols offered, as sent and escaped; at most [`limits::PROTOCOLS`].
    pub alpn: Vec<String>,
    /// JA4; none where the list of extensions could not be read to its end, or in the format of SSL 2.0.
    pub ja4: Option<String>,
    /// Whether an encrypted hello (ECH) is inside.
    pub encrypted: bool,
    /// Whether it is in the format of SSL 2.0.
    pub ssl2: bool,
    /// Whether lengths inside it do not fit: what stands before that place was read.
    pub malformed: bool,
}

/// What a server chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version of the connection.
    pub version: Version,
    /// The cipher suite; none in SSL 2.0, where the client chooses later.
    pub cipher: Option<CipherSuite>,
    /// The protocol, where it is told in clear (TLS 1.2 and before), escaped.
    pub alpn: Option<String>,
}

mod extension {
    pub(super) const SNI: u16 = 0;
    pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(super) const ALPN: u16 = 16;
    pub(super) const SUPPORTED_VERSIONS: u16 = 43;
    pub(super) const ENCRYPTED_HELLO: u16 = 0xfe0d;
}

/// The `random` that makes a ServerHello a HelloRetryRequest: SHA-256 of that word (RFC 8446, section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

impl ClientHello {
    /// Reads the body of a ClientHello; `None` where not even its version and random are there, or the version is none.
    pub fn read(body: &[u8], transport: Transport) -> Option<ClientHello> {
        let mut cursor = Cursor(body);
        let version = Version(cursor.u16()?);
        if !version.is_known() {
            return None;
        }
        cursor.take(32)?;
        let mut hello = ClientHello::default();
        let mut parts =
            Parts { transport, version, ciphers: vec![], extensions: vec![], algorithms: vec![], alpn: None };
        let whole = hello.offers(cursor, &mut parts).is_some();
        hello.malformed |= !whole;
        if hello.versions.is_empty() {
            hello.versions.push(version);
        }
        hello.ja4 = whole.then(|| ja4::fingerprint(parts));
        Some(hello)
    }

    fn offers<'a>(&mut self, mut cursor: Cursor<'a>, parts: &mut Parts<'a>) -> Option<()> {
        cursor.vec8()?;
        parts.ciphers = u16s(cursor.vec16()?).collect();
        cursor.vec8()?;
        if cursor.is_empty() {
            return Some(());
        }
        let mut extensions = Cursor(cursor.vec16()?);
        while !extensions.is_empty() {
            let kind = extensions.u16()?;
            let body = Cursor(extensions.vec16()?);
            parts.extensions.push(kind);
            self.malformed |= self.extension(kind, body, parts).is_none();
        }
        Some(())
    }

    fn extension<'a>(&mut self, kind: u16, mut body: Cursor<'a>, parts: &mut Parts<'a>) -> Option<()> {
        match kind {
            // Empty in the hello of a client that resumes (and of servers); no name then.
            extension::SNI if !body.is_empty() && self.sni.is_none() => self.sni = host(body)?,
            extension::SIGNATURE_ALGORITHMS => parts.algorithms = u16s(body.vec16()?).collect(),
            extension::ALPN if !body.is_empty() => {
                let mut protocols = Cursor(body.vec16()?);
                while !protocols.is_empty() {
                    let protocol = protocols.vec8()?;
                    parts.alpn.get_or_insert(protocol);
                    if self.alpn.len() < limits::PROTOCOLS {
                        self.alpn.push(escaped(protocol, limits::NAME));
                    }
                }
            }
            extension::SUPPORTED_VERSIONS => {
                let versions = body.vec8()?;
                let offered = || u16s(versions).filter(|value| !is_grease(*value)).map(Version);
                self.versions = offered().take(limits::VERSIONS).collect();
                parts.version = offered().max().unwrap_or(parts.version);
            }
            extension::ENCRYPTED_HELLO => self.encrypted = true,
            _ => {}
        }
        Some(())
    }

    /// Reads a ClientHello in the format of SSL 2.0 (RFC 5246, appendix E.2), after its type.
    pub(crate) fn read_ssl2(body: &[u8]) -> Option<ClientHello> {
        let mut cursor = Cursor(body);
        let version = Version(cursor.u16()?);
        let lengths = [cursor.u16()?, cursor.u16()?, cursor.u16()?];
        // Cipher specifications are of three bytes, the challenge has 16 to 32.
        let sound = version.is_known() && lengths[0].is_multiple_of(3) && matches!(lengths[2], 16..=32);
        let malformed = lengths.iter().any(|length| cursor.take(usize::from(*length)).is_none());
        sound.then(|| ClientHello { versions: vec![version], ssl2: true, malformed, ..ClientHello::default() })
    }
}

/// The first host name of a server name list; an empty or foreign list has none.
fn host(mut body: Cursor<'_>) -> Option<Option<String>> {
    let mut names = Cursor(body.vec16()?);
    while !names.is_empty() {
        let kind = names.u8()?;
        let name = names.vec16()?;
        if kind == 0 {
            return Some(Some(escaped(name, limits::NAME)));
        }
    }
    Some(None)
}

/// A ServerHello, or the request to send another ClientHello.
pub(crate) enum Answer {
    Hello(ServerHello),
    Retry,
}

impl ServerHello {
    /// Reads the body of a ServerHello.
    pub(crate) fn read(body: &[u8]) -> Option<Answer> {
        let mut cursor = Cursor(body);
        let mut version = Version(cursor.u16()?);
        if !version.is_known() {
            return None;
        }
        if cursor.take(32)? == RETRY {
            return Some(Answer::Retry);
        }
        // Drafts before 22 write their version here, and have no session identifier and no compression.
        let short = version.is_draft();
        if !short {
            cursor.vec8()?;
        }
        let cipher = Some(CipherSuite(cursor.u16()?));
        if !short {
            cursor.u8()?;
        }
        let mut alpn = None;
        let mut extensions = Cursor(cursor.vec16().unwrap_or_default());
        while let Some((kind, body)) = extensions.u16().zip(extensions.vec16()) {
            let mut body = Cursor(body);
            match kind {
                extension::SUPPORTED_VERSIONS => version = body.u16().map_or(version, Version),
                extension::ALPN => {
                    let protocol = body.vec16().and_then(|list| Cursor(list).vec8());
                    alpn = protocol.map(|protocol| escaped(protocol, limits::NAME));
                }
                _ => {}
            }
        }
        Some(Answer::Hello(ServerHello { version, cipher, alpn }))
    }

    /// Reads a ServerHello of SSL 2.0, after its type, and the certificate in it.
    pub(crate) fn read_ssl2(body: &[u8]) -> Option<(ServerHello, &[u8])> {
        let mut cursor = Cursor(body);
        cursor.take(2)?;
        let version = Version(cursor.u16()?);
        let certificate = cursor.u16()?;
        cursor.take(4)?;
        let hello = ServerHello { version, cipher: None, alpn: None };
        (version == Version::SSL2).then(|| (hello, cursor.take(certificate.into()).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Hello, client_hello, server_hello};

    fn read(hello: &Hello) -> ClientHello {
        ClientHello::read(&client_hello(hello), Transport::Tcp).expect("a hello")
    }

    #[test]
    fn a_hello_of_tls_1_3() {
        let hello = read(&Hello::default());
        assert_eq!(hello.sni.as_deref(), Some("shop.example"));
        assert_eq!(hello.versions, [Version(0x0304), Version(0x0303)]);
        assert_eq!(hello.alpn, ["h2", "http/1.1"]);
        assert!(hello.ja4.is_some_and(|ja4| ja4.starts_with("t13d0205h2_")));
        assert!(!hello.malformed);
    }

    #[test]
    fn a_hello_without_extensions() {
        let mut body = vec![3, 1];
        body.extend([7; 32]);
        body.extend([0, 0, 4, 0, 5, 0, 10, 1, 0]);
        let hello = ClientHello::read(&body, Transport::Tcp).expect("a hello");
        assert_eq!((hello.sni, hello.versions), (None, vec![Version(0x0301)]));
        assert!(hello.ja4.is_some_and(|ja4| ja4.starts_with("t10i020000_") && ja4.ends_with("_000000000000")));
    }

    #[test]
    fn what_stands_before_a_broken_length_is_read() {
        let mut body = client_hello(&Hello::default());
        body.truncate(body.len() - 3);
        let hello = ClientHello::read(&body, Transport::Tcp).expect("a hello");
        assert!(hello.malformed && hello.ja4.is_none());
        assert_eq!(ClientHello::read(&[0x50, 0x4f], Transport::Tcp), None);
    }

    #[test]
    fn names_are_escaped_and_bounded() {
        let odd = read(&Hello { sni: b"b\xc3\xbccher.example\n", ..Hello::default() });
        assert_eq!(odd.sni.as_deref(), Some("b\\xc3\\xbccher.example\\x0a"));
        let long = read(&Hello { sni: &[b'a'; 5000], ..Hello::default() });
        assert_eq!(long.sni.map(|name| name.len()), Some(limits::NAME));
    }

    #[test]
    fn the_version_of_a_server_is_the_one_it_selected() {
        for (written, selected, version) in [
            (0x0303, Some(0x0304), 0x0304),
            (0x0303, Some(0x7f17), 0x7f17),
            (0x0301, None, 0x0301),
            (0x7f12, None, 0x7f12),
        ] {
            let Some(Answer::Hello(hello)) = ServerHello::read(&server_hello(written, selected, None)) else {
                panic!("no hello of {written:#x}");
            };
            assert_eq!(hello.version, Version(version));
            assert_eq!(hello.cipher, Some(CipherSuite(0x1301)));
        }
    }

    #[test]
    fn the_protocol_of_a_server_before_1_3() {
        let Some(Answer::Hello(hello)) = ServerHello::read(&server_hello(0x0303, None, Some(b"h2"))) else {
            panic!("no hello");
        };
        assert_eq!(hello.alpn.as_deref(), Some("h2"));
    }

    #[test]
    fn hellos_of_ssl_2() {
        let mut body = vec![3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 5, 0, 0, 10];
        body.extend([9; 16]);
        let hello = ClientHello::read_ssl2(&body).expect("a hello");
        assert_eq!((hello.versions, hello.ja4), (vec![Version(0x0301)], None));
        body[3] = 7;
        assert_eq!(ClientHello::read_ssl2(&body), None);
        let (hello, certificate) =
            ServerHello::read_ssl2(&[0, 1, 0, 2, 0, 2, 0, 3, 0, 16, 0xaa, 0xbb, 1]).expect("a hello");
        assert_eq!((hello.version, certificate), (Version::SSL2, &[0xaa, 0xbb][..]));
    }
}
