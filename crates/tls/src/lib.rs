//! What TLS and QUIC say in clear while a connection is set up: name asked for, versions, protocols, cipher suite,
//! certificate subject, and the JA4 fingerprint of the client. Nothing is decrypted that a key would be needed for.
//!
//! [`Reader`] takes the two ordered directions of one TCP connection, [`quic::Reader`] the datagrams of one UDP flow.
//! Both hold little, say when they are done, and cost nothing afterwards.

mod certificate;
mod cipher;
mod cursor;
mod flows;
mod hello;
mod ja4;
pub mod quic;
mod reader;
mod records;
#[cfg(test)]
mod tests;
mod text;
mod version;

pub use certificate::{Certificate, Name};
pub use cipher::CipherSuite;
pub use flows::{Begun, FLOWS, Flows};
pub use hello::{ClientHello, ServerHello, Transport};
pub use reader::{Alert, Handshake, Reader};
pub use version::Version;

/// How far a reader has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// More may come.
    Reading,
    /// Everything that is sent in clear was read.
    Complete,
    /// Nothing more will be read; what was read before stands.
    Abandoned(Why),
}

/// Why a handshake, or one direction of it, was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// It is another protocol.
    NotTls,
    /// The connection was joined after its handshake, or no hello came within [`limits::SEARCHED`].
    NoHello,
    /// A length or a value that no sender of this protocol writes.
    Malformed,
    /// A message longer than the limits below.
    TooLong,
    /// Bytes of the handshake are missing in the capture.
    Gap,
    /// A fatal alert ended it.
    Refused,
}

impl Why {
    /// All reasons, in the order of their counters.
    pub const ALL: [Why; 6] = [Why::NotTls, Why::NoHello, Why::Malformed, Why::TooLong, Why::Gap, Why::Refused];

    /// The name of its counter.
    pub fn name(self) -> &'static str {
        match self {
            Why::NotTls => "not_tls",
            Why::NoHello => "no_hello",
            Why::Malformed => "malformed",
            Why::TooLong => "too_long",
            Why::Gap => "gap",
            Why::Refused => "refused",
        }
    }
}

/// What a peer can make us hold.
pub mod limits {
    /// Bytes of one handshake message that are held, per direction; of a certificate chain, up to the end of the first.
    pub const MESSAGE: usize = 64 << 10;
    /// Bytes of another protocol, per direction, in which a TLS hello is looked for (STARTTLS, proxies).
    pub const SEARCHED: usize = 64 << 10;
    /// Handshake messages of one direction after which it is given up; a full handshake has less than ten.
    pub const MESSAGES: u32 = 64;
    /// Bytes of a host or protocol name that are kept; DNS has no longer ones (RFC 1035, section 2.3.4).
    pub const NAME: usize = 255;
    /// Characters of one value in a certificate's subject or issuer that are kept.
    pub const SUBJECT: usize = 256;
    /// Protocols (ALPN) of one hello that are kept.
    pub const PROTOCOLS: usize = 16;
    /// Versions of one hello that are kept.
    pub const VERSIONS: usize = 16;
    /// DNS names of one certificate that are kept.
    pub const DNS_NAMES: usize = 32;
    /// Bytes of CRYPTO data of one QUIC connection that are held.
    pub const CRYPTO: usize = 16 << 10;
    /// Pieces of CRYPTO data apart from each other that are held.
    pub const CRYPTO_PIECES: usize = 64;
    /// Datagrams of one UDP flow in which the hello has to be complete.
    pub const DATAGRAMS: u32 = 16;
}
