//! One exchange, nested, for `--exchanges-out`.

use schemars::JsonSchema;
use serde::Serialize;
use spyhop_model::{Body, Call, Event, Holding, Login, Observation, Party, Raw, Socket};

use super::words::{
    Address, AgentWord, CredentialWord, ExchangeName, FormWord, GradeWord, HalfWord, KeyName, LoginMethodWord,
    OutcomeWord, Print, ProtocolWord, PurposeWord, RefusalWord, SecretFormWord, SourceWord, Time, TransportWord,
    TruncationWord, Version, WeaknessWord, ZoneWord,
};
use super::{Names, PlaceRecord};

/// One exchange: a request with its response, or the one of the two that was seen.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "spyhop.exchange/1")]
pub struct ExchangeRecord<'a> {
    /// Its name, `<flow>-<number>`, by which findings refer to it.
    pub id: ExchangeName,
    /// Capture time of its first byte.
    pub ts: Time,
    /// First byte of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<Time>,
    /// Last byte.
    pub ended: Time,
    /// The client's end.
    pub client: EndRecord<'a>,
    /// The server's end.
    pub server: EndRecord<'a>,
    /// VLANs around it, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<u16>,
    /// Protocol.
    pub protocol: ProtocolWord,
    /// Its stream, in HTTP/2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u32>,
    /// How it crossed the wire where the sensor stands.
    pub transport: TransportWord,
    /// `METHOD host/path/{id}`.
    pub endpoint: &'a str,
    /// The account that called, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<&'a str>,
    /// What tells the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_source: Option<SourceWord>,
    /// How sure the account is, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_confidence: Option<u8>,
    /// What the endpoint is: login, export, admin, static and the like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nature: Vec<&'static str>,
    /// The session, if one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Print>,
    /// The device, by what it shows of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Print>,
    /// The partner, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<&'a str>,
    /// The request; absent where only the answer was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestRecord<'a>>,
    /// The response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseRecord<'a>>,
    /// What the caller says it is, by its user agent.
    pub agent: AgentRecord,
    /// The login attempt in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginRecord<'a>>,
    /// Credentials the request carries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<CredentialRecord>,
    /// Sensitive values in it, by type, form and direction.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<SeenRecord>,
    /// What was wrong or odd, and what was not seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub defects: Vec<&'static str>,
    /// Personal values, tokens and passwords in the texts stand as `mask~fingerprint`.
    pub redacted: bool,
    /// Name of the sensor.
    pub sensor: &'a str,
    /// Names the key of all fingerprints in this record.
    pub key_id: KeyName,
}

/// One end of an exchange.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EndRecord<'a> {
    /// Its innermost address.
    pub ip: Address,
    /// Its TCP port.
    pub port: u16,
    /// Where it is, seen from the operator.
    pub zone: ZoneWord,
    /// Its country, ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<&'a str>,
    /// The true party's address, where it is another one (a proxy stood between).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub true_ip: Option<Address>,
}

/// The request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RequestRecord<'a> {
    /// Method.
    pub method: &'a str,
    /// Request target.
    pub target: &'a str,
    /// Host with its port where one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<&'a str>,
    /// Protocol version.
    pub version: Version<'a>,
    /// User agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<&'a str>,
    /// Media type of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<&'a str>,
    /// Its body.
    #[serde(flatten)]
    pub body: BodyRecord,
}

/// The response.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResponseRecord<'a> {
    /// Status code; absent where it was no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Protocol version.
    pub version: Version<'a>,
    /// Media type of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<&'a str>,
    /// Status of a gRPC call, 0 for success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_status: Option<u32>,
    /// The file that it delivers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileRecord<'a>>,
    /// What it holds of people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holding: Option<HoldingRecord<'a>>,
    /// Its body.
    #[serde(flatten)]
    pub body: BodyRecord,
}

/// A file that a response delivers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FileRecord<'a> {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// csv, sheet, archive, pdf, document or other.
    #[schemars(extend("enum" = ["csv", "sheet", "archive", "pdf", "document", "other"]))]
    pub kind: &'static str,
    /// The response says that it is to be saved.
    pub attachment: bool,
}

/// What a body holds of people.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HoldingRecord<'a> {
    /// Records (the smallest objects or rows) with at least one reported personal value.
    pub records: u32,
    /// Different people, by the value that tells each best.
    pub subjects: u32,
    /// The array or table that repeats them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats_in: Option<&'a str>,
}

impl<'a> HoldingRecord<'a> {
    fn new(holding: &'a Holding) -> HoldingRecord<'a> {
        let repeats_in = Some(&*holding.repeats_in).filter(|array| !array.is_empty());
        HoldingRecord { records: holding.records, subjects: holding.subjects, repeats_in }
    }
}

/// How a body passed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BodyRecord {
    /// Bytes after transfer codings, before content codings.
    pub body_len: u64,
    /// Bytes after content codings, where that is another number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_len_decoded: Option<u64>,
    /// Why it is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<TruncationWord>,
    /// Bytes that a gap swallowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<u64>,
}

/// What a caller says it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AgentRecord {
    /// Family.
    pub family: AgentWord,
    /// Name of the bot or library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
}

/// A login attempt; of the password nothing but its protection and weakness.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LoginRecord<'a> {
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<&'a str>,
    /// What the attempt is for.
    pub purpose: PurposeWord,
    /// How it was made.
    pub method: LoginMethodWord,
    /// What came of it.
    pub outcome: OutcomeWord,
    /// Why it was refused, where the answer says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalWord>,
    /// Proofs of identity in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<&'static str>,
    /// How the password was protected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_form: Option<SecretFormWord>,
    /// Why the password is weak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weakness: Option<WeaknessWord>,
    /// How sure it is that this is a login, in percent.
    pub confidence: u8,
}

/// A credential that a request carries.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CredentialRecord {
    /// Which kind.
    pub kind: CredentialWord,
    /// Where.
    pub place: PlaceRecord,
    /// Its keyed fingerprint.
    pub fingerprint: Print,
}

/// Sensitive values of one type, form and direction in an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeenRecord {
    /// Type, such as `cn_mobile`.
    #[serde(rename = "type")]
    pub what: &'static str,
    /// Its grade.
    pub grade: GradeWord,
    /// In which half.
    pub direction: HalfWord,
    /// Shown in full or masked.
    pub form: FormWord,
    /// How many values.
    pub count: u64,
    /// Of the best value, in percent; below 60 findings do not rest on it.
    pub confidence: u8,
}

impl<'a> ExchangeRecord<'a> {
    /// An exchange as it leaves: with raw fields where its call carries them, else redacted.
    pub fn new(event: &'a Event, names: &'a Names) -> ExchangeRecord<'a> {
        let call = &event.call;
        let raw = call.raw.as_deref();
        ExchangeRecord {
            id: call.id().into(),
            ts: call.began_at.into(),
            answered: call.answered_at.map(Time),
            ended: call.ended_at.into(),
            client: EndRecord::new(call.client, &event.client),
            server: EndRecord::new(call.server, &event.server),
            vlans: call.vlans.iter().collect(),
            protocol: call.protocol.into(),
            stream: call.stream,
            transport: call.transport.into(),
            endpoint: &event.endpoint,
            account: account(event, raw),
            account_source: event.attribution.map(|how| how.source.into()),
            account_confidence: event.attribution.map(|how| how.confidence),
            nature: event.nature.names().collect(),
            session: event.session.as_ref().map(|session| Print(session.id)),
            device: event.device.map(Print),
            partner: event.partner.as_deref(),
            request: request(call, raw),
            response: call.response.as_ref().map(|response| ResponseRecord {
                status: call.status(),
                version: Version(response.version, response.odd_version.as_deref()),
                content_type: response.content_type.as_deref(),
                grpc_status: call.grpc_status,
                file: call.delivered.as_ref().map(|file| FileRecord {
                    name: Some(&*file.name).filter(|name| !name.is_empty()),
                    kind: file.kind.name(),
                    attachment: file.attachment,
                }),
                holding: call.holding.response.as_deref().map(HoldingRecord::new),
                body: BodyRecord::new(&response.body),
            }),
            agent: AgentRecord { family: call.agent.family.into(), name: call.agent.name },
            login: call.login.as_deref().filter(|_| !event.repeated_login).map(|login| LoginRecord::new(login, raw)),
            credentials: call
                .credentials
                .iter()
                .map(|credential| CredentialRecord {
                    kind: credential.kind.into(),
                    place: PlaceRecord::new(&credential.place),
                    fingerprint: credential.fingerprint.into(),
                })
                .collect(),
            observations: seen(&call.observations),
            defects: call.defects.names().collect(),
            redacted: raw.is_none(),
            sensor: &names.sensor,
            key_id: names.key_id.into(),
        }
    }
}

/// The account that called; as written in this exchange where it is the one that logs in here.
fn account<'a>(event: &'a Event, raw: Option<&'a Raw>) -> Option<&'a str> {
    let known = event.account.as_deref()?;
    let here = event.login().and_then(|login| login.account.as_ref()).is_some_and(|account| *account.name == *known);
    raw.and_then(|raw| raw.account.as_deref()).filter(|_| here).or(Some(known))
}

fn request<'a>(call: &'a Call, raw: Option<&'a Raw>) -> Option<RequestRecord<'a>> {
    let request = call.request.as_ref()?;
    let host = Some(&*request.host).filter(|host| !host.is_empty());
    Some(RequestRecord {
        method: raw.and_then(|raw| raw.method.as_deref()).unwrap_or(&request.method),
        target: raw.and_then(|raw| raw.target.as_deref()).unwrap_or(&request.target),
        host: raw.and_then(|raw| raw.host.as_deref()).or(host),
        version: Version(request.version, request.odd_version.as_deref()),
        user_agent: raw.and_then(|raw| raw.user_agent.as_deref()).or(request.user_agent.as_deref()),
        content_type: request.content_type.as_deref(),
        body: BodyRecord::new(&request.body),
    })
}

/// Observations without their places: one entry for each type, form and direction, in order of appearance.
fn seen(observations: &[Observation]) -> Vec<SeenRecord> {
    let mut seen: Vec<SeenRecord> = Vec::new();
    for observation in observations {
        let one = SeenRecord {
            what: observation.what.id,
            grade: observation.grade.into(),
            direction: observation.half.into(),
            form: observation.form.into(),
            count: u64::from(observation.count),
            confidence: observation.confidence,
        };
        // There are as many entries as types, forms and directions at most: a scan is enough.
        let known = seen
            .iter_mut()
            .find(|known| known.what == one.what && known.direction == one.direction && known.form == one.form);
        match known {
            Some(known) => {
                known.count = known.count.saturating_add(one.count);
                known.grade = GradeWord(known.grade.0.max(one.grade.0));
                known.confidence = known.confidence.max(one.confidence);
            }
            None => seen.push(one),
        }
    }
    seen
}

impl<'a> EndRecord<'a> {
    pub(super) fn new(socket: Socket, party: &'a Party) -> EndRecord<'a> {
        EndRecord {
            ip: socket.ip.into(),
            port: socket.port,
            zone: party.zone.into(),
            country: party.country.as_ref().map(|country| country.code()),
            true_ip: (party.ip != socket.ip).then_some(Address(party.ip)),
        }
    }
}

impl BodyRecord {
    fn new(body: &Body) -> BodyRecord {
        BodyRecord {
            body_len: body.encoded_len,
            body_len_decoded: (body.decoded_len != body.encoded_len).then_some(body.decoded_len),
            truncated: body.truncated.map(TruncationWord),
            gap: (body.gap != 0).then_some(body.gap),
        }
    }
}

impl<'a> LoginRecord<'a> {
    fn new(login: &'a Login, raw: Option<&'a Raw>) -> LoginRecord<'a> {
        let written = raw.and_then(|raw| raw.account.as_deref());
        LoginRecord {
            account: written.or(login.account.as_ref().map(|account| &*account.name)),
            purpose: login.purpose.into(),
            method: login.method.into(),
            outcome: login.outcome.into(),
            refusal: login.refusal.map(RefusalWord),
            factors: login.factors.names().collect(),
            secret_form: login.secret_form.map(SecretFormWord),
            weakness: login.weakness.map(WeaknessWord),
            confidence: login.confidence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn an_exchange_is_this_object() {
        let event = sample::event(1);
        let names = sample::names();
        let json = serde_json::to_string_pretty(&ExchangeRecord::new(&event, &names)).expect("json");
        let expected = r#"{
  "id": "00000000000000ab-1",
  "ts": "2026-11-23T02:13:20.000000000Z",
  "answered": "2026-11-23T02:13:20.000000500Z",
  "ended": "2026-11-23T02:13:20.000001000Z",
  "client": {
    "ip": "10.0.0.1",
    "port": 40000,
    "zone": "overseas",
    "country": "JP",
    "true_ip": "203.0.113.9"
  },
  "server": {
    "ip": "10.0.0.2",
    "port": 80,
    "zone": "inside"
  },
  "protocol": "http/1.1",
  "transport": "cleartext",
  "endpoint": "POST shop.example/login",
  "account": "alice",
  "request": {
    "method": "POST",
    "target": "/login?phone=138****8000~00000000000000aa",
    "host": "shop.example",
    "version": "1.1",
    "user_agent": "curl/8",
    "content_type": "application/json",
    "body_len": 10
  },
  "response": {
    "status": 200,
    "version": "1.0",
    "holding": {
      "records": 2,
      "subjects": 2,
      "repeats_in": "$.list[*]"
    },
    "body_len": 100,
    "body_len_decoded": 400,
    "truncated": "gap",
    "gap": 5
  },
  "agent": {
    "family": "library",
    "name": "curl"
  },
  "login": {
    "account": "alice",
    "purpose": "login",
    "method": "json",
    "outcome": "success",
    "factors": [
      "password"
    ],
    "secret_form": "plain",
    "weakness": "common",
    "confidence": 90
  },
  "credentials": [
    {
      "kind": "bearer",
      "place": {
        "in": "header",
        "at": "authorization"
      },
      "fingerprint": "0000000000000007"
    }
  ],
  "observations": [
    {
      "type": "cn_mobile",
      "grade": "L3",
      "direction": "response",
      "form": "full",
      "count": 3,
      "confidence": 95
    },
    {
      "type": "cn_mobile",
      "grade": "L3",
      "direction": "request",
      "form": "full",
      "count": 1,
      "confidence": 70
    }
  ],
  "defects": [
    "gap"
  ],
  "redacted": true,
  "sensor": "spyhop",
  "key_id": "0000002a"
}"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn raw_fields_stand_in_for_redacted_ones_and_the_record_says_so() {
        let mut event = sample::event(1);
        event.call.raw = Some(Box::new(Raw {
            method: Some("PO ST".into()),
            target: Some("/login?phone=13800138000".into()),
            host: Some("Shop.Example".into()),
            user_agent: Some("curl/8 13800138000".into()),
            account: Some("13800138000".into()),
        }));
        let names = sample::names();
        let record = ExchangeRecord::new(&event, &names);
        let request = record.request.expect("a request");
        assert_eq!(request.method, "PO ST");
        assert_eq!(request.target, "/login?phone=13800138000");
        assert_eq!(request.host, Some("Shop.Example"));
        assert_eq!(request.user_agent, Some("curl/8 13800138000"));
        assert_eq!(record.account, Some("13800138000"));
        assert!(!record.redacted);
    }

    #[test]
    fn what_was_not_seen_is_absent() {
        let mut event = sample::event(1);
        event.call.request = None;
        if let Some(response) = &mut event.call.response {
            response.status = 0;
        }
        let names = sample::names();
        let json = serde_json::to_value(ExchangeRecord::new(&event, &names)).expect("json");
        assert_eq!(json.get("request"), None);
        assert_eq!(json["response"].get("status"), None);

        let mut event = sample::event(1);
        if let Some(request) = &mut event.call.request {
            request.host = "".into();
        }
        let json = serde_json::to_value(ExchangeRecord::new(&event, &names)).expect("json");
        assert_eq!(json["request"].get("host"), None);
    }
}
