//! One TLS handshake, among the exchanges of `--exchanges-out`.

use schemars::JsonSchema;
use serde::Serialize;
use spyhop_model::Greeting;

use super::words::{ExchangeName, KeyName, Time};
use super::{EndRecord, Names};

/// What a TLS handshake said in the clear. It stands among exchanges, told apart by its protocol.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "spyhop.handshake/1")]
pub struct HandshakeRecord<'a> {
    /// Its name, `<flow>-<number>`.
    pub id: ExchangeName,
    /// Capture time of its first byte.
    pub ts: Time,
    /// The client's end.
    pub client: EndRecord<'a>,
    /// The server's end.
    pub server: EndRecord<'a>,
    /// VLANs around it, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<u16>,
    /// Always `tls`.
    #[schemars(extend("const" = "tls"))]
    pub protocol: &'static str,
    /// What was said.
    pub tls: TlsRecord<'a>,
    /// Name of the sensor.
    pub sensor: &'a str,
    /// Names the key of all fingerprints in this record.
    pub key_id: KeyName,
}

/// What was said in the clear.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TlsRecord<'a> {
    /// The name asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<&'a str>,
    /// The version chosen; absent where the answer was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'a str>,
    /// JA4 of the first ClientHello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<&'a str>,
    /// Application protocols offered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<&'a str>,
    /// The one chosen, where that is in the clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<&'a str>,
    /// The cipher suite chosen, by its IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<&'a str>,
    /// Subject of the server's certificate, where it is sent in the clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<&'a str>,
    /// Subject of the client's certificate, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<&'a str>,
    /// In QUIC, of which only the ClientHello is read.
    pub quic: bool,
}

impl<'a> HandshakeRecord<'a> {
    /// The name of this format.
    pub const SCHEMA: &'static str = "spyhop.handshake/1";

    /// A handshake as it leaves.
    pub fn new(greeting: &'a Greeting, names: &'a Names) -> HandshakeRecord<'a> {
        let said = &greeting.handshake;
        HandshakeRecord {
            id: spyhop_model::ExchangeId { flow: said.moment.flow, ordinal: said.moment.ordinal }.into(),
            ts: said.began_at.into(),
            client: EndRecord::new(said.client, &greeting.client),
            server: EndRecord::new(said.server, &greeting.server),
            vlans: said.vlans.iter().collect(),
            protocol: "tls",
            tls: TlsRecord {
                sni: said.sni.as_deref(),
                version: said.version.as_deref(),
                ja4: said.ja4.as_deref(),
                offered: said.offered.iter().map(|name| &**name).collect(),
                alpn: said.alpn.as_deref(),
                cipher: said.cipher.as_deref(),
                certificate: said.certificate.as_deref(),
                client_certificate: said.client_certificate.as_deref(),
                quic: said.quic,
            },
            sensor: &names.sensor,
            key_id: names.key_id.into(),
        }
    }
}
