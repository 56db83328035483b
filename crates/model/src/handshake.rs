//! What a TLS handshake says in the clear.

use crate::call::Moment;
use crate::data::{DataType, Form, Place};
use crate::event::Party;
use crate::exchange::Half;
use crate::net::{Socket, Vlans};
use crate::secret::Fingerprint;
use crate::time::Timestamp;

/// What was seen of one TLS handshake, over TCP or in QUIC. Names are redacted like all text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// Its place in the order of events.
    pub moment: Moment,
    /// First byte of the ClientHello.
    pub began_at: Timestamp,
    /// The client's end of the connection.
    pub client: Socket,
    /// The server's end.
    pub server: Socket,
    /// VLANs around it.
    pub vlans: Vlans,
    /// In QUIC (RFC 9001); there only the ClientHello is read.
    pub quic: bool,
    /// The name asked for (RFC 6066, section 3).
    pub sni: Option<Box<str>>,
    /// The version chosen, such as `TLS1.3`; `None` where the answer was not seen.
    pub version: Option<Box<str>>,
    /// Application protocols offered (RFC 7301).
    pub offered: Vec<Box<str>>,
    /// The one chosen, where that is in the clear (TLS 1.2 and before).
    pub alpn: Option<Box<str>>,
    /// The cipher suite chosen, by its IANA name.
    pub cipher: Option<Box<str>>,
    /// JA4 of the first ClientHello (FoxIO).
    pub ja4: Option<Box<str>>,
    /// Subject of the server's certificate, where it is sent in the clear (TLS 1.2 and before).
    pub certificate: Option<Box<str>>,
    /// Subject of the client's certificate, likewise.
    pub client_certificate: Option<Box<str>>,
}

/// A handshake whose ends are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// What was seen.
    pub handshake: Handshake,
    /// The client.
    pub client: Party,
    /// The server.
    pub server: Party,
}

/// Fingerprints of values beyond those that stand in the observations of an exchange: a body of millions of values tells
/// them while it passes, so that none is lost and memory is bounded. They are counted in the exchange's observations.
/// A value that comes again may stand here again.
#[derive(Clone, Debug)]
pub struct Values {
    /// When they were told, and in which exchange.
    pub moment: Moment,
    /// The type.
    pub what: &'static DataType,
    /// In which half.
    pub half: Half,
    /// Where in that half.
    pub place: Place,
    /// In full or masked.
    pub form: Form,
    /// The values, in order of appearance; at most [`crate::Observation::FINGERPRINTS`].
    pub fingerprints: Vec<Fingerprint>,
}

/// What a worker saw, to be put in the one order of events.
#[derive(Clone, Debug)]
pub enum Sighting {
    /// An exchange, or a message on a channel that one opened.
    Call(Box<crate::call::Call>),
    /// A TLS handshake.
    Handshake(Box<Handshake>),
    /// Values of an exchange that goes on.
    Values(Box<Values>),
}

impl Sighting {
    /// Its place in the order.
    pub fn moment(&self) -> Moment {
        match self {
            Sighting::Call(call) => call.moment,
            Sighting::Handshake(handshake) => handshake.moment,
            Sighting::Values(values) => values.moment,
        }
    }
}
