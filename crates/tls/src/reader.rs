//! The handshake of one TLS connection over TCP, from both of its directions.

use spyhop_model::Side;

use crate::certificate::Certificate;
use crate::hello::{Answer, ClientHello, ServerHello, Transport};
use crate::records::{Records, Step, message};
use crate::version::Version;
use crate::{State, Why};

/// What was learnt of a handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Who is the client: by what it says, whoever opened the connection.
    pub client: Option<Side>,
    /// The first ClientHello.
    pub client_hello: Option<ClientHello>,
    /// The ServerHello that counts.
    pub server_hello: Option<ServerHello>,
    /// Whether the server asked for another ClientHello (HelloRetryRequest).
    pub retried: bool,
    /// The server's own certificate, where it is shown in clear: TLS 1.2 and before, and no session resumed.
    pub certificate: Option<Certificate>,
    /// The client's own certificate, where it shows one in clear.
    pub client_certificate: Option<Certificate>,
    /// The first alert in clear.
    pub alert: Option<Alert>,
}

/// An alert (RFC 8446, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Who sent it.
    pub from: Side,
    /// Whether it ends the connection.
    pub fatal: bool,
    /// Its description: 40 is `handshake_failure`, 48 `unknown_ca`, 112 `unrecognized_name`.
    pub code: u8,
}

impl Handshake {
    /// The host asked for.
    pub fn sni(&self) -> Option<&str> {
        self.client_hello.as_ref()?.sni.as_deref()
    }

    /// JA4 of the first ClientHello.
    pub fn ja4(&self) -> Option<&str> {
        self.client_hello.as_ref()?.ja4.as_deref()
    }

    /// The version agreed on; none as long as no ServerHello was seen.
    pub fn version(&self) -> Option<Version> {
        self.server_hello.as_ref().map(|hello| hello.version)
    }

    /// Whether anything was learnt that shows that this is TLS.
    pub fn is_found(&self) -> bool {
        self.client_hello.is_some() || self.server_hello.is_some()
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Half {
    records: Records,
    /// Whether a hello was read.
    hello: bool,
    /// Set when nothing more is read in it: completely, or for what reason not.
    over: Option<Result<(), Why>>,
}

/// Reads the handshake of one connection.
///
/// The result depends on the bytes of each direction and on the order of the two, not on how they are cut.
#[derive(Debug, Default)]
pub struct Reader {
    halves: [Half; 2],
    handshake: Handshake,
}

impl Reader {
    /// For a connection that begins with TLS.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// For a connection on which another protocol speaks first: STARTTLS, SOCKS, a database's own greeting. Each
    /// direction is looked through for a hello, over [`crate::limits::SEARCHED`] bytes at most.
    pub fn searching() -> Reader {
        let half = || Half { records: Records::searching(), ..Half::default() };
        Reader { halves: [half(), half()], ..Reader::default() }
    }

    /// Takes the next bytes of a direction.
    pub fn data(&mut self, side: Side, mut bytes: &[u8]) -> State {
        loop {
            let [half, other] = self.halves(side);
            if half.over.is_some() {
                break;
            }
            match half.records.next(&mut bytes) {
                Step::More => break,
                Step::Message(kind) => self.message(side, kind),
                Step::Ssl2(kind) => self.ssl2(side, kind),
                // A server that retries writes one for the sake of old proxies (RFC 8446, appendix D.4).
                Step::ChangeCipherSpec if half.hello => half.end(Ok(())),
                Step::ChangeCipherSpec => {}
                Step::ApplicationData if half.hello => half.end(Ok(())),
                Step::ApplicationData => half.end(Err(Why::NoHello)),
                Step::Alert { fatal, code } => self.alert(Alert { from: side, fatal, code }),
                Step::Broken(why) => {
                    half.end(Err(why));
                    // What does not begin as TLS is none, whatever the other side will say.
                    if why == Why::NotTls && !other.hello {
                        other.end(Err(why));
                    }
                }
            }
        }
        self.state()
    }

    /// Bytes of a direction are missing here.
    pub fn gap(&mut self, side: Side) -> State {
        let [half, _] = self.halves(side);
        if half.over.is_none() {
            if half.hello {
                half.end(Err(Why::Gap));
            } else {
                half.records.lost();
            }
        }
        self.state()
    }

    /// How far the reader has come. After [`State::Reading`] it costs nothing, and holds only the result.
    pub fn state(&self) -> State {
        match self.halves.each_ref().map(|half| half.over) {
            [None, _] | [_, None] => State::Reading,
            [Some(Ok(())), Some(Ok(()))] => State::Complete,
            [Some(Err(why)), _] | [_, Some(Err(why))] => State::Abandoned(why),
        }
    }

    /// What was learnt so far; final once the state is another than reading, or the connection has ended.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// What was learnt, for good.
    pub fn into_handshake(self) -> Handshake {
        self.handshake
    }

    /// Bytes held of unfinished messages.
    pub fn held(&self) -> usize {
        self.halves.iter().map(|half| half.records.held()).sum()
    }

    /// The half of a side, and the other one.
    fn halves(&mut self, side: Side) -> [&mut Half; 2] {
        let [originator, responder] = &mut self.halves;
        match side {
            Side::Originator => [originator, responder],
            Side::Responder => [responder, originator],
        }
    }

    fn message(&mut self, side: Side, kind: u8) {
        let [half, _] = self.halves(side);
        match (kind, half.hello) {
            (message::CLIENT_HELLO, false) => {
                let hello = ClientHello::read(half.records.body(), Transport::Tcp);
                self.client_hello(side, hello);
            }
            (message::SERVER_HELLO, false) => match ServerHello::read(half.records.body()) {
                Some(Answer::Hello(hello)) => self.server_hello(side, Some(hello)),
                Some(Answer::Retry) => self.retry(side),
                None => self.server_hello(side, None),
            },
            (message::HELLO_RETRY_REQUEST, false) => self.retry(side),
            (message::CERTIFICATE, true) => {
                let certificate = first_certificate(half.records.body());
                half.end(Ok(()));
                let client = self.handshake.client == Some(side);
                let handshake = &mut self.handshake;
                *(if client { &mut handshake.client_certificate } else { &mut handshake.certificate }) = certificate;
            }
            // Had there been a certificate, it would have come before these.
            (
                message::SERVER_KEY_EXCHANGE
                | message::CERTIFICATE_REQUEST
                | message::SERVER_HELLO_DONE
                | message::CLIENT_KEY_EXCHANGE,
                true,
            ) => half.end(Ok(())),
            _ => {}
        }
    }

    fn ssl2(&mut self, side: Side, kind: u8) {
        let [half, other] = self.halves(side);
        let body = half.records.body();
        if kind == message::CLIENT_HELLO {
            let hello = ClientHello::read_ssl2(body);
            self.client_hello(side, hello);
            return;
        }
        match ServerHello::read_ssl2(body) {
            Some((hello, certificate)) => {
                let certificate = Certificate::read(certificate);
                half.hello = true;
                half.end(Ok(()));
                if other.hello {
                    other.end(Ok(()));
                }
                self.handshake.client.get_or_insert(side.other());
                self.handshake.server_hello.get_or_insert(hello);
                self.handshake.certificate = certificate;
            }
            None => half.end(Err(Why::NotTls)),
        }
    }

    fn client_hello(&mut self, side: Side, hello: Option<ClientHello>) {
        let taken = self.handshake.client == Some(side.other());
        let [half, _] = self.halves(side);
        match hello {
            Some(hello) if !taken => {
                half.hello = true;
                self.handshake.client = Some(side);
                self.handshake.client_hello = Some(hello);
                self.settle();
            }
            _ => half.end(Err(Why::Malformed)),
        }
    }

    fn server_hello(&mut self, side: Side, hello: Option<ServerHello>) {
        let taken = self.handshake.client == Some(side);
        let [half, _] = self.halves(side);
        match hello {
            Some(hello) if !taken => {
                half.hello = true;
                self.handshake.client = Some(side.other());
                self.handshake.server_hello = Some(hello);
                self.settle();
            }
            _ => half.end(Err(Why::Malformed)),
        }
    }

    fn retry(&mut self, side: Side) {
        if self.handshake.client.get_or_insert(side.other()) != &side {
            self.handshake.retried = true;
            self.settle();
        }
    }

    /// In TLS 1.3 the hellos are all there is in clear.
    fn settle(&mut self) {
        let hidden = self.handshake.retried || self.handshake.version().is_some_and(Version::hides_certificates);
        if hidden {
            for half in self.halves.iter_mut().filter(|half| half.hello) {
                half.end(Ok(()));
            }
        }
    }

    fn alert(&mut self, alert: Alert) {
        self.handshake.alert.get_or_insert(alert);
        if alert.fatal {
            for half in &mut self.halves {
                half.end(Err(Why::Refused));
            }
        }
    }
}

impl Half {
    /// Lets go of everything; what ended first counts.
    fn end(&mut self, how: Result<(), Why>) {
        if self.over.is_none() {
            self.over = Some(how);
            self.records = Records::default();
        }
    }
}

/// The first of a list of certificates (RFC 5246, section 7.4.2).
fn first_certificate(body: &[u8]) -> Option<Certificate> {
    let mut cursor = crate::cursor::Cursor(body);
    cursor.u24()?;
    let length = cursor.u24()?;
    Certificate::read(cursor.take(length)?)
}
