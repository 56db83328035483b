//! What a TLS handshake says, as it may leave the sensor.

use spyhop_model::{Handshake, Moment, Socket, Timestamp, Vlans};
use spyhop_tls::{Certificate, ClientHello};

use crate::redact::Redactor;

/// Where and when a handshake was seen.
pub struct Met {
    /// Its place in the order of events.
    pub moment: Moment,
    /// First byte.
    pub began_at: Timestamp,
    /// The client's end.
    pub client: Socket,
    /// The server's end.
    pub server: Socket,
    /// VLANs around it.
    pub vlans: Vlans,
}

/// A handshake over TCP.
pub(crate) fn of_tls(redactor: &Redactor, met: Met, said: &spyhop_tls::Handshake) -> Handshake {
    let answer = said.server_hello.as_ref();
    let subject = |certificate: &Option<Certificate>| Some(redactor.text(&subject(certificate.as_ref()?)?).into());
    Handshake {
        version: answer.map(|hello| hello.version.to_string().into()),
        cipher: answer.and_then(|hello| hello.cipher).map(|cipher| cipher.to_string().into()),
        alpn: answer.and_then(|hello| hello.alpn.as_deref()).map(|name| redactor.text(name).into()),
        certificate: subject(&said.certificate),
        client_certificate: subject(&said.client_certificate),
        ..of_hello(redactor, met, said.client_hello.as_ref(), false)
    }
}

/// What the client says alone.
pub(crate) fn of_hello(redactor: &Redactor, met: Met, hello: Option<&ClientHello>, quic: bool) -> Handshake {
    let Met { moment, began_at, client, server, vlans } = met;
    let offered = hello.map(|hello| hello.alpn.iter().map(|name| redactor.text(name).into()).collect());
    Handshake {
        moment,
        began_at,
        client,
        server,
        vlans,
        quic,
        sni: hello.and_then(|hello| hello.sni.as_deref()).map(|name| redactor.text(name).into()),
        version: None,
        offered: offered.unwrap_or_default(),
        alpn: None,
        cipher: None,
        ja4: hello.and_then(|hello| hello.ja4.as_deref()).map(Into::into),
        certificate: None,
        client_certificate: None,
    }
}

/// `CN=shop.example, O=Shop`, or the first name that stands in for it.
fn subject(certificate: &Certificate) -> Option<String> {
    let parts: Vec<String> = [("CN", &certificate.subject.common_name), ("O", &certificate.subject.organization)]
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={value}")))
        .collect();
    if parts.is_empty() {
        certificate.dns_names.first().map(|name| format!("DNS={name}"))
    } else {
        Some(parts.join(", "))
    }
}
