//! The columns of what was called: one row an exchange, a message or a TLS handshake. The names are those of the Kafka
//! topic of exchanges; every one has a prefix, so that no SQL dialect takes it for a word of its own.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use arrow_array::builder::{
    BooleanBuilder, ListBuilder, StringBuilder, TimestampNanosecondBuilder, UInt8Builder, UInt16Builder, UInt32Builder,
    UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use spyhop_model::{
    Call, Event, ExchangeId, Form, Greeting, Half, Login, Moment, Observation, Party, Place, Request, Response, Socket,
    Timestamp, Values, Vlans,
};
use spyhop_publish::record::words::{
    AgentWord, CredentialWord, FormWord, GradeWord, HalfWord, LoginMethodWord, OutcomeWord, ProtocolWord, PurposeWord,
    RefusalWord, SecretFormWord, SourceWord, TransportWord, WeaknessWord, ZoneWord,
};

/// The format of rows, for the metadata of files.
pub const SCHEMA: &str = "spyhop.ledger.event/1";

/// What a row is made of.
pub struct Row<'a> {
    /// `segment << 32 | row`.
    pub id: u64,
    /// What happened.
    pub what: What<'a>,
    /// Nothing but what every call has to leave is kept.
    pub slim: bool,
}

/// What happened.
#[derive(Clone, Copy)]
pub enum What<'a> {
    /// An exchange or a message.
    Event(&'a Event),
    /// A TLS handshake.
    Greeting(&'a Greeting),
    /// Values of an exchange that goes on. Their keys lead to this row, its connection and number to the exchange.
    Values(&'a Values),
}

impl<'a> What<'a> {
    /// Its place in the order of events.
    pub fn moment(self) -> Moment {
        match self {
            What::Event(event) => event.call.moment,
            What::Greeting(greeting) => greeting.handshake.moment,
            What::Values(values) => values.moment,
        }
    }
}

impl<'a> Row<'a> {
    fn event(&self) -> Option<&'a Event> {
        if let What::Event(event) = self.what { Some(event) } else { None }
    }
    fn greeting(&self) -> Option<&'a Greeting> {
        if let What::Greeting(greeting) = self.what { Some(greeting) } else { None }
    }
    fn id(&self) -> ExchangeId {
        match self.what {
            What::Event(event) => event.call.id(),
            What::Greeting(_) | What::Values(_) => {
                let moment = self.what.moment();
                ExchangeId { flow: moment.flow, ordinal: moment.ordinal }
            }
        }
    }
    fn began_at(&self) -> Timestamp {
        match self.what {
            What::Event(event) => event.call.began_at,
            What::Greeting(greeting) => greeting.handshake.began_at,
            What::Values(values) => values.moment.at,
        }
    }
    fn client(&self) -> Option<(&'a Party, Socket)> {
        match self.what {
            What::Event(event) => Some((&event.client, event.call.client)),
            What::Greeting(greeting) => Some((&greeting.client, greeting.handshake.client)),
            What::Values(_) => None,
        }
    }
    fn server(&self) -> Option<(&'a Party, Socket)> {
        match self.what {
            What::Event(event) => Some((&event.server, event.call.server)),
            What::Greeting(greeting) => Some((&greeting.server, greeting.handshake.server)),
            What::Values(_) => None,
        }
    }
    fn vlans(&self) -> Vlans {
        match self.what {
            What::Event(event) => event.call.vlans,
            What::Greeting(greeting) => greeting.handshake.vlans,
            What::Values(_) => Vlans::default(),
        }
    }
    fn call(&self) -> Option<&'a Call> {
        self.event().map(|event| &event.call)
    }
    fn full(&self) -> Option<&'a Call> {
        self.call().filter(|_| !self.slim)
    }
    fn request(&self) -> Option<&'a Request> {
        self.call()?.request.as_ref()
    }
    fn response(&self) -> Option<&'a Response> {
        self.call()?.response.as_ref()
    }
    fn login(&self) -> Option<&'a Login> {
        self.event().filter(|event| !event.repeated_login)?.call.login.as_deref()
    }
    fn kind(&self) -> &'static str {
        match self.what {
            What::Event(event) => event.call.message.as_ref().map_or("exchange", |message| message.kind.name()),
            What::Greeting(_) => "handshake",
            What::Values(_) => "values",
        }
    }
    fn seen(&self) -> impl Iterator<Item = &'a Observation> + use<'a> {
        self.call().into_iter().flat_map(|call| &call.observations)
    }
}

/// Reported values of a call.
fn reported(observations: &[Observation]) -> impl Iterator<Item = &Observation> {
    observations.iter().filter(|observation| observation.is_reported())
}

/// Whether a call is one of those of which everything is kept: it holds sensitive values, is a login, delivers a file,
/// was refused, or failed.
pub fn has_more(event: &Event) -> bool {
    let call = &event.call;
    !call.observations.is_empty()
        || call.login.is_some()
        || call.refused
        || call.delivered.is_some()
        || event.spoofed
        || call.status().is_none_or(|status| status >= 400)
}

fn place(place: &Place, into: &mut String) {
    let _ = match place {
        Place::Header(name) => write!(into, "header {name}"),
        Place::Cookie(name) => write!(into, "cookie {name}"),
        Place::Query(name) => write!(into, "query {name}"),
        Place::Path(number) => write!(into, "path {number}"),
        Place::Body(path) => write!(into, "body {path}"),
    };
}

/// A kind of column: its Arrow type and how it is filled.
trait Kind {
    fn data_type() -> DataType;
    fn new() -> Self;
    fn finish(&mut self) -> ArrayRef;
}

macro_rules! kinds {
    ($( $builder:ident = $data_type:expr, )+) => {$(
        impl Kind for $builder {
            fn data_type() -> DataType {
                $data_type
            }
            fn new() -> Self {
                $builder::new()
            }
            fn finish(&mut self) -> ArrayRef {
                Arc::new($builder::finish(self))
            }
        }
    )+};
}

kinds! {
    StringBuilder = DataType::Utf8,
    BooleanBuilder = DataType::Boolean,
    UInt8Builder = DataType::UInt8,
    UInt16Builder = DataType::UInt16,
    UInt32Builder = DataType::UInt32,
    UInt64Builder = DataType::UInt64,
}

impl Kind for TimestampNanosecondBuilder {
    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
    }
    fn new() -> Self {
        TimestampNanosecondBuilder::new().with_timezone("UTC")
    }
    fn finish(&mut self) -> ArrayRef {
        Arc::new(TimestampNanosecondBuilder::finish(self))
    }
}

macro_rules! lists {
    ($( $item:ident )+) => {$(
        impl Kind for ListBuilder<$item> {
            fn data_type() -> DataType {
                DataType::List(Arc::new(Field::new_list_field(<$item as Kind>::data_type(), true)))
            }
            fn new() -> Self {
                ListBuilder::new($item::new())
            }
            fn finish(&mut self) -> ArrayRef {
                Arc::new(ListBuilder::finish(self))
            }
        }
    )+};
}

lists! { StringBuilder UInt32Builder UInt16Builder }

type Text = StringBuilder;
type Flag = BooleanBuilder;
type U8 = UInt8Builder;
type U16 = UInt16Builder;
type U32 = UInt32Builder;
type U64 = UInt64Builder;
type Time = TimestampNanosecondBuilder;
type Texts = ListBuilder<StringBuilder>;
type U32s = ListBuilder<UInt32Builder>;
type U16s = ListBuilder<UInt16Builder>;

macro_rules! columns {
    ($( $(#[doc = $about:literal])+ $name:ident: $kind:ident = |$row:ident, $to:ident| $fill:expr; )+) => {
        /// Rows that become a batch.
        pub struct Columns {
            rows: usize,
            scratch: String,
            $( $name: $kind, )+
        }

        impl Columns {
            fn new() -> Columns {
                Columns { rows: 0, scratch: String::new(), $( $name: <$kind as Kind>::new(), )+ }
            }

            /// Appends a row.
            pub fn push(&mut self, row: &Row<'_>) {
                self.rows += 1;
                $( {
                    let ($row, $to) = (row, (&mut self.$name, &mut self.scratch));
                    $fill;
                } )+
            }

            fn arrays(&mut self) -> Vec<ArrayRef> {
                self.rows = 0;
                vec![$( Kind::finish(&mut self.$name) ),+]
            }
        }

        /// Every column with its meaning.
        pub fn described() -> Vec<(&'static str, DataType, &'static str)> {
            vec![$( (stringify!($name), <$kind as Kind>::data_type(), concat!($( $about ),+).trim_ascii()) ),+]
        }
    };
}

/// Fills a text column with something that is displayed.
fn shown((to, scratch): (&mut Text, &mut String), what: Option<impl std::fmt::Display>) {
    match what {
        None => to.append_null(),
        Some(what) => {
            scratch.clear();
            let _ = write!(scratch, "{what}");
            to.append_value(&scratch);
        }
    }
}

fn texts<'a>((to, _): (&mut Texts, &mut String), items: impl Iterator<Item = &'a str>) {
    items.for_each(|item| to.values().append_value(item));
    to.append(true);
}

columns! {
    /// `segment << 32 | row`; names the row in the ledger, and is what the keys refer to.
    ledger_row: U64 = |row, to| to.0.append_value(row.id);
    /// exchange, websocket, sse, grpc, handshake, or values: more values of an exchange, whose row has the same flow and number.
    exchange_kind: Text = |row, to| to.0.append_value(row.kind());
    /// The connection; with exchange_number the name by which findings refer to the exchange.
    exchange_flow: U64 = |row, to| to.0.append_value(row.id().flow.0);
    /// Its number on the connection.
    exchange_number: U32 = |row, to| to.0.append_value(row.id().ordinal);
    /// Capture time of its first byte.
    exchange_time: Time = |row, to| to.0.append_value(row.began_at().0 as i64);
    /// Microseconds from its first to its last byte.
    exchange_duration_us: U64 = |row, to| to.0.append_option(row.call().map(|call| call.ended_at.since(call.began_at).0 / 1_000));
    /// Microseconds from its first byte to the first byte of the response.
    exchange_wait_us: U64 = |row, to| to.0.append_option(row.full().and_then(|call| Some(call.answered_at?.since(call.began_at).0 / 1_000)));
    /// What was wrong or odd, and what was not seen.
    exchange_defects: Texts = |row, to| texts(to, row.call().into_iter().flat_map(|call| call.defects.names()));
    /// A body is not whole.
    exchange_truncated: Flag = |row, to| to.0.append_option(row.call().map(|_| {
        row.request().is_some_and(|half| half.body.truncated.is_some()) || row.response().is_some_and(|half| half.body.truncated.is_some())
    }));
    /// The true client's address.
    client_ip: Text = |row, to| shown(to, row.client().map(|(party, _)| party.ip));
    /// The port at the client's end of the connection.
    client_port: U16 = |row, to| to.0.append_option(row.client().map(|(_, end)| end.port));
    /// Where the client is, seen from the operator: inside, home, overseas or unknown.
    client_zone: Text = |row, to| to.0.append_option(row.client().map(|(party, _)| ZoneWord(party.zone).word()));
    /// The client's country, ISO 3166-1 alpha-2.
    client_country: Text = |row, to| to.0.append_option(row.client().and_then(|(party, _)| Some(party.country.as_ref()?.code())));
    /// The address at the client's end of the connection, where it is not the true client's.
    client_peer_ip: Text = |row, to| shown(to, row.client().filter(|(party, end)| party.ip != end.ip).map(|(_, end)| end.ip));
    /// The server's address.
    server_ip: Text = |row, to| shown(to, row.server().map(|(_, end)| end.ip));
    /// The server's port.
    server_port: U16 = |row, to| to.0.append_option(row.server().map(|(_, end)| end.port));
    /// Where the server is.
    server_zone: Text = |row, to| to.0.append_option(row.server().map(|(party, _)| ZoneWord(party.zone).word()));
    /// The server's country.
    server_country: Text = |row, to| to.0.append_option(row.server().and_then(|(party, _)| Some(party.country.as_ref()?.code())));
    /// VLANs around it, outermost first.
    network_vlans: U16s = |row, to| {
        row.vlans().iter().for_each(|vlan| to.0.values().append_value(vlan));
        to.0.append(true);
    };
    /// http/1.1 or h2.
    network_protocol: Text = |row, to| to.0.append_option(row.call().map(|call| ProtocolWord(call.protocol).word()));
    /// How it crossed the wire where the sensor stands: cleartext, decrypted or behind_terminator.
    network_transport: Text = |row, to| to.0.append_option(row.call().map(|call| TransportWord(call.transport).word()));
    /// Method.
    http_method: Text = |row, to| to.0.append_option(row.request().map(|request| &*request.method));
    /// Host with its port where one was written, redacted.
    http_host: Text = |row, to| to.0.append_option(row.request().map(|request| &*request.host).filter(|host| !host.is_empty()));
    /// Request target, redacted; of ordinary calls only where the configuration asks for it.
    http_target: Text = |row, to| to.0.append_option(row.full().and_then(|call| Some(&*call.request.as_ref()?.target)));
    /// User agent, redacted; likewise.
    http_user_agent: Text = |row, to| to.0.append_option(row.full().and_then(|call| call.request.as_ref()?.user_agent.as_deref()));
    /// Media type of the request's body.
    http_request_type: Text = |row, to| to.0.append_option(row.full().and_then(|call| call.request.as_ref()?.content_type.as_deref()));
    /// Bytes of the request's body, before content codings are undone.
    http_request_bytes: U64 = |row, to| to.0.append_option(row.request().map(|request| request.body.encoded_len));
    /// Status code.
    http_status: U16 = |row, to| to.0.append_option(row.call().and_then(Call::status));
    /// Status of a gRPC call.
    http_grpc_status: U32 = |row, to| to.0.append_option(row.call().and_then(|call| call.grpc_status));
    /// Media type of the response's body.
    http_response_type: Text = |row, to| to.0.append_option(row.full().and_then(|call| call.response.as_ref()?.content_type.as_deref()));
    /// Bytes of the response's body, before content codings are undone.
    http_response_bytes: U64 = |row, to| to.0.append_option(row.response().map(|response| response.body.encoded_len));
    /// Bytes of the response's body after content codings are undone.
    http_response_bytes_decoded: U64 = |row, to| to.0.append_option(row.response().map(|response| response.body.decoded_len));
    /// Name of the file that the response delivers.
    http_file_name: Text = |row, to| to.0.append_option(row.call().and_then(|call| call.delivered.as_ref()).map(|file| &*file.name));
    /// The name that a TLS client asked for.
    tls_server_name: Text = |row, to| to.0.append_option(row.greeting().and_then(|greeting| greeting.handshake.sni.as_deref()));
    /// The version chosen.
    tls_version: Text = |row, to| to.0.append_option(row.greeting().and_then(|greeting| greeting.handshake.version.as_deref()));
    /// JA4 of the client.
    tls_ja4: Text = |row, to| to.0.append_option(row.greeting().and_then(|greeting| greeting.handshake.ja4.as_deref()));
    /// `METHOD host/path/{id}`.
    api_endpoint: Text = |row, to| to.0.append_option(row.event().map(|event| &*event.endpoint));
    /// What the endpoint is: login, export, admin, static and the like.
    api_nature: Texts = |row, to| texts(to, row.event().into_iter().flat_map(|event| event.nature.names()));
    /// The account that called, if it is known.
    account_name: Text = |row, to| to.0.append_option(row.event().and_then(|event| event.account.as_deref()));
    /// Where account names hold.
    account_realm: Text = |row, to| to.0.append_option(row.event().filter(|event| event.account.is_some()).map(|event| &*event.realm));
    /// What tells the account.
    account_source: Text = |row, to| to.0.append_option(row.event().and_then(|event| Some(SourceWord(event.attribution?.source).word())));
    /// How sure the account is, in percent.
    account_confidence: U8 = |row, to| to.0.append_option(row.event().and_then(|event| Some(event.attribution?.confidence)));
    /// The session, if one is known: the keyed fingerprint of its first token.
    session_id: U64 = |row, to| to.0.append_option(row.event().and_then(|event| Some(event.session.as_ref()?.id.0)));
    /// The device, by what it shows of itself.
    device_id: U64 = |row, to| to.0.append_option(row.event().and_then(|event| Some(event.device?.0)));
    /// The partner, if it is one.
    partner_name: Text = |row, to| to.0.append_option(row.event().and_then(|event| event.partner.as_deref()));
    /// Family of the user agent.
    agent_family: Text = |row, to| to.0.append_option(row.call().map(|call| AgentWord(call.agent.family).word()));
    /// Name of the bot or library.
    agent_name: Text = |row, to| to.0.append_option(row.call().and_then(|call| call.agent.name));
    /// The account of a login attempt.
    login_account: Text = |row, to| to.0.append_option(row.login().and_then(|login| Some(&*login.account.as_ref()?.name)));
    /// What the attempt is for.
    login_purpose: Text = |row, to| to.0.append_option(row.login().map(|login| PurposeWord(login.purpose).word()));
    /// How it was made; absent where there was none.
    login_method: Text = |row, to| to.0.append_option(row.login().map(|login| LoginMethodWord(login.method).word()));
    /// What came of it.
    login_outcome: Text = |row, to| to.0.append_option(row.login().map(|login| OutcomeWord(login.outcome).word()));
    /// Why it was refused, where the answer says so.
    login_refusal: Text = |row, to| to.0.append_option(row.login().and_then(|login| Some(RefusalWord(login.refusal?).word())));
    /// How its password was protected.
    login_secret_form: Text = |row, to| to.0.append_option(row.login().and_then(|login| Some(SecretFormWord(login.secret_form?).word())));
    /// Why its password is weak.
    login_weakness: Text = |row, to| to.0.append_option(row.login().and_then(|login| Some(WeaknessWord(login.weakness?).word())));
    /// Kinds of credentials the request carries.
    credential_kinds: Texts = |row, to| texts(to, row.call().into_iter().flat_map(|call| call.credentials.iter().map(|one| CredentialWord(one.kind).word())));
    /// The highest grade among reported values: 1 to 5.
    sensitive_grade: U8 = |row, to| to.0.append_option(row.call().and_then(|call| reported(&call.observations).map(|one| one.grade as u8 + 1).max()));
    /// Reported sensitive values in it.
    sensitive_count: U64 = |row, to| to.0.append_value(row.call().map_or(0, |call| reported(&call.observations).map(|one| u64::from(one.count)).sum()));
    /// Of these, in the response.
    sensitive_count_response: U64 = |row, to| to.0.append_value(row.call().map_or(0, |call| {
        reported(&call.observations).filter(|one| one.half == Half::Response).map(|one| u64::from(one.count)).sum()
    }));
    /// Of these, masked.
    sensitive_count_masked: U64 = |row, to| to.0.append_value(row.call().map_or(0, |call| {
        reported(&call.observations).filter(|one| one.form == Form::Masked).map(|one| u64::from(one.count)).sum()
    }));
    /// Different people in the response.
    sensitive_subjects: U32 = |row, to| to.0.append_option(row.call().and_then(|call| Some(call.holding.response.as_ref()?.subjects)));
    /// Observations, candidates among them, one entry each in the seven columns from here on: its type.
    observed_types: Texts = |row, to| texts(to, row.seen().map(|one| one.what.id));
    /// Its grade.
    observed_grades: Texts = |row, to| texts(to, row.seen().map(|one| GradeWord(one.grade).word()));
    /// request or response.
    observed_halves: Texts = |row, to| texts(to, row.seen().map(|one| HalfWord(one.half).word()));
    /// full or masked.
    observed_forms: Texts = |row, to| texts(to, row.seen().map(|one| FormWord(one.form).word()));
    /// Where, such as `body $.data.list[*].phone`.
    observed_places: Texts = |row, to| {
        for one in row.seen() {
            to.1.clear();
            place(&one.place, to.1);
            to.0.values().append_value(&to.1);
        }
        to.0.append(true);
    };
    /// How many values.
    observed_counts: U32s = |row, to| {
        row.seen().for_each(|one| to.0.values().append_value(one.count));
        to.0.append(true);
    };
    /// How sure the best of them is, in percent; below 60 findings do not rest on it.
    observed_confidences: U16s = |row, to| {
        row.seen().for_each(|one| to.0.values().append_value(u16::from(one.confidence)));
        to.0.append(true);
    };
}

/// The schema of rows.
pub static ROWS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let fields: Vec<Field> = described()
        .into_iter()
        .map(|(name, kind, about)| Field::new(name, kind, true).with_metadata([("description", about)]))
        .collect();
    Arc::new(Schema::new(fields))
});

impl Default for Columns {
    fn default() -> Columns {
        Columns::new()
    }
}

impl Columns {
    /// Rows in it.
    pub fn len(&self) -> usize {
        self.rows
    }
    /// The rows as a batch; none are left.
    ///
    /// # Errors
    /// The columns do not make a batch, which would be a mistake of ours.
    pub fn finish(&mut self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        RecordBatch::try_new(ROWS.clone(), self.arrays())
    }
}
