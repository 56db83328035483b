//! One exchange, flat, for the Kafka topic of exchanges.

use schemars::JsonSchema;
use serde::Serialize;
use spyhop_model::{Event, Form, Grade, Observation};

use super::Names;
use super::words::{
    Address, AgentWord, CredentialWord, ExchangeName, GradeWord, KeyName, LoginMethodWord, OutcomeWord, Print,
    ProtocolWord, PurposeWord, RefusalWord, SecretFormWord, SourceWord, Time, TransportWord, Version, WeaknessWord,
    ZoneWord,
};

/// One exchange as a flat record for stream processors and tables: every name has a prefix, so that no SQL dialect
/// takes one for a word of its own. Absent fields are columns without a value.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "spyhop.exchange.flat/1")]
pub struct FlatExchange<'a> {
    /// Format and its version: `spyhop.exchange.flat/1`.
    pub record_schema: &'static str,
    /// Name of the sensor.
    pub sensor_id: &'a str,
    /// Names the key of all fingerprints in this record.
    pub sensor_key_id: KeyName,
    /// Its name, `<flow>-<number>`, by which findings refer to it.
    pub exchange_id: ExchangeName,
    /// Capture time of its first byte.
    pub exchange_time: Time,
    /// Microseconds from its first to its last byte.
    pub exchange_duration_us: u64,
    /// Microseconds from its first byte to the first byte of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_wait_us: Option<u64>,
    /// What was wrong or odd, and what was not seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchange_defects: Vec<&'static str>,
    /// A body is not whole.
    pub exchange_truncated: bool,
    /// The true client's address.
    pub client_ip: Address,
    /// The port at the client's end of the connection.
    pub client_port: u16,
    /// Where the client is, seen from the operator.
    pub client_zone: ZoneWord,
    /// The client's country, ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_country: Option<&'a str>,
    /// The address at the client's end of the connection, where it is not the true client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_peer_ip: Option<Address>,
    /// The server's address.
    pub server_ip: Address,
    /// The server's port.
    pub server_port: u16,
    /// Where the server is, seen from the operator.
    pub server_zone: ZoneWord,
    /// The server's country, ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_country: Option<&'a str>,
    /// VLANs around it, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network_vlans: Vec<u16>,
    /// Protocol.
    pub network_protocol: ProtocolWord,
    /// Its stream, in HTTP/2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_stream: Option<u32>,
    /// How it crossed the wire where the sensor stands.
    pub network_transport: TransportWord,
    /// Method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_method: Option<&'a str>,
    /// Host with its port where one was written, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_host: Option<&'a str>,
    /// Request target, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_target: Option<&'a str>,
    /// Version of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_version: Option<Version<'a>>,
    /// User agent, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_user_agent: Option<&'a str>,
    /// Media type of the request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_request_type: Option<&'a str>,
    /// Bytes of the request's body, before content codings are undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_request_bytes: Option<u64>,
    /// Status code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Media type of the response's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_response_type: Option<&'a str>,
    /// Bytes of the response's body, before content codings are undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_response_bytes: Option<u64>,
    /// Bytes of the response's body after content codings are undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_response_bytes_decoded: Option<u64>,
    /// `METHOD host/path/{id}`.
    pub api_endpoint: &'a str,
    /// The account that called, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<&'a str>,
    /// What tells the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_source: Option<SourceWord>,
    /// The session, if one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Print>,
    /// The device, by what it shows of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<Print>,
    /// The partner, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_name: Option<&'a str>,
    /// Family of the user agent.
    pub agent_family: AgentWord,
    /// Name of the bot or library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<&'static str>,
    /// The account of a login attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_account: Option<&'a str>,
    /// What the attempt is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_purpose: Option<PurposeWord>,
    /// How a login was made; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_method: Option<LoginMethodWord>,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_outcome: Option<OutcomeWord>,
    /// Why it was refused, where the answer says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_refusal: Option<RefusalWord>,
    /// How its password was protected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_secret_form: Option<SecretFormWord>,
    /// Why its password is weak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_weakness: Option<WeaknessWord>,
    /// Kinds of credentials the request carries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credential_kinds: Vec<CredentialWord>,
    /// Types of sensitive data seen with enough confidence for findings, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sensitive_types: Vec<&'static str>,
    /// The highest grade among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitive_grade: Option<GradeWord>,
    /// Their values.
    pub sensitive_count: u64,
    /// Of these, in the response.
    pub sensitive_count_response: u64,
    /// Of these, masked.
    pub sensitive_count_masked: u64,
}

impl<'a> FlatExchange<'a> {
    /// Name and version of the format.
    pub const SCHEMA: &'static str = "spyhop.exchange.flat/1";

    /// An exchange as it leaves; always redacted.
    pub fn new(event: &'a Event, names: &'a Names) -> FlatExchange<'a> {
        let call = &event.call;
        let (request, response, login) =
            (call.request.as_ref(), call.response.as_ref(), call.login.as_deref().filter(|_| !event.repeated_login));
        let sensitive = Sensitive::of(&call.observations);
        let truncated = request.map(|r| &r.body).into_iter().chain(response.map(|r| &r.body));
        FlatExchange {
            record_schema: Self::SCHEMA,
            sensor_id: &names.sensor,
            sensor_key_id: names.key_id.into(),
            exchange_id: call.id().into(),
            exchange_time: call.began_at.into(),
            exchange_duration_us: call.ended_at.since(call.began_at).0 / 1_000,
            exchange_wait_us: call.answered_at.map(|at| at.since(call.began_at).0 / 1_000),
            exchange_defects: call.defects.names().collect(),
            exchange_truncated: truncated.into_iter().any(|body| body.truncated.is_some()),
            client_ip: event.client.ip.into(),
            client_port: call.client.port,
            client_zone: event.client.zone.into(),
            client_country: event.client.country.as_ref().map(|country| country.code()),
            client_peer_ip: (call.client.ip != event.client.ip).then_some(Address(call.client.ip)),
            server_ip: call.server.ip.into(),
            server_port: call.server.port,
            server_zone: event.server.zone.into(),
            server_country: event.server.country.as_ref().map(|country| country.code()),
            network_vlans: call.vlans.iter().collect(),
            network_protocol: call.protocol.into(),
            network_stream: call.stream,
            network_transport: call.transport.into(),
            http_method: request.map(|request| &*request.method),
            http_host: request.map(|request| &*request.host).filter(|host| !host.is_empty()),
            http_target: request.map(|request| &*request.target),
            http_version: request.map(|request| Version(request.version, request.odd_version.as_deref())),
            http_user_agent: request.and_then(|request| request.user_agent.as_deref()),
            http_request_type: request.and_then(|request| request.content_type.as_deref()),
            http_request_bytes: request.map(|request| request.body.encoded_len),
            http_status: call.status(),
            http_response_type: response.and_then(|response| response.content_type.as_deref()),
            http_response_bytes: response.map(|response| response.body.encoded_len),
            http_response_bytes_decoded: response.map(|response| response.body.decoded_len),
            api_endpoint: &event.endpoint,
            account_name: event.account.as_deref(),
            account_source: event.attribution.map(|how| how.source.into()),
            session_id: event.session.as_ref().map(|session| Print(session.id)),
            device_id: event.device.map(Print),
            partner_name: event.partner.as_deref(),
            agent_family: call.agent.family.into(),
            agent_name: call.agent.name,
            login_account: login.and_then(|login| login.account.as_ref()).map(|account| &*account.name),
            login_purpose: login.map(|login| login.purpose.into()),
            login_method: login.map(|login| login.method.into()),
            login_outcome: login.map(|login| login.outcome.into()),
            login_refusal: login.and_then(|login| login.refusal).map(RefusalWord),
            login_secret_form: login.and_then(|login| login.secret_form).map(SecretFormWord),
            login_weakness: login.and_then(|login| login.weakness).map(WeaknessWord),
            credential_kinds: call.credentials.iter().map(|credential| credential.kind.into()).collect(),
            sensitive_types: sensitive.types,
            sensitive_grade: sensitive.grade.map(GradeWord),
            sensitive_count: sensitive.count,
            sensitive_count_response: sensitive.response,
            sensitive_count_masked: sensitive.masked,
        }
    }
}

/// The reported observations of an exchange, summed up.
#[derive(Default)]
struct Sensitive {
    types: Vec<&'static str>,
    grade: Option<Grade>,
    count: u64,
    response: u64,
    masked: u64,
}

impl Sensitive {
    fn of(observations: &[Observation]) -> Sensitive {
        let mut sum = Sensitive::default();
        for observation in observations.iter().filter(|observation| observation.is_reported()) {
            let count = u64::from(observation.count);
            sum.types.push(observation.what.id);
            sum.grade = sum.grade.max(Some(observation.grade));
            sum.count += count;
            sum.response += if observation.half == spyhop_model::Half::Response { count } else { 0 };
            sum.masked += if observation.form == Form::Masked { count } else { 0 };
        }
        sum.types.sort_unstable();
        sum.types.dedup();
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_flat_exchange_is_this_object() {
        let event = sample::event(1);
        let names = sample::names();
        let json = serde_json::to_string(&FlatExchange::new(&event, &names)).expect("json");
        let expected = concat!(
            r#"{"record_schema":"spyhop.exchange.flat/1","sensor_id":"spyhop","sensor_key_id":"0000002a","#,
            r#""exchange_id":"00000000000000ab-1","exchange_time":"2026-11-23T02:13:20.000000000Z","#,
            r#""exchange_duration_us":1,"exchange_wait_us":0,"exchange_defects":["gap"],"#,
            r#""exchange_truncated":true,"client_ip":"203.0.113.9","client_port":40000,"#,
            r#""client_zone":"overseas","client_country":"JP","client_peer_ip":"10.0.0.1","#,
            r#""server_ip":"10.0.0.2","server_port":80,"server_zone":"inside","network_protocol":"http/1.1","#,
            r#""network_transport":"cleartext","http_method":"POST","http_host":"shop.example","#,
            r#""http_target":"/login?phone=138****8000~00000000000000aa","http_version":"1.1","#,
            r#""http_user_agent":"curl/8","http_request_type":"application/json","http_request_bytes":10,"#,
            r#""http_status":200,"http_response_bytes":100,"http_response_bytes_decoded":400,"#,
            r#""api_endpoint":"POST shop.example/login","account_name":"alice","agent_family":"library","#,
            r#""agent_name":"curl","login_account":"alice","login_purpose":"login","login_method":"json","login_outcome":"success","#,
            r#""login_secret_form":"plain","login_weakness":"common","credential_kinds":["bearer"],"#,
            r#""sensitive_types":["cn_mobile"],"sensitive_grade":"L3","sensitive_count":4,"#,
            r#""sensitive_count_response":3,"sensitive_count_masked":0}"#,
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn it_is_redacted_even_where_raw_fields_are_at_hand() {
        let mut event = sample::event(1);
        event.call.raw = Some(Box::new(spyhop_model::Raw {
            method: Some("raw-method".into()),
            target: Some("/raw-target".into()),
            host: Some("raw-host".into()),
            user_agent: Some("raw-agent".into()),
            account: Some("raw-account".into()),
        }));
        let names = sample::names();
        let json = serde_json::to_string(&FlatExchange::new(&event, &names)).expect("json");
        assert!(!json.contains("raw-"), "{json}");
    }

    #[test]
    fn every_name_has_a_prefix() {
        let event = sample::event(1);
        let names = sample::names();
        let json = serde_json::to_value(FlatExchange::new(&event, &names)).expect("json");
        for (name, value) in json.as_object().expect("an object") {
            assert!(name.contains('_'), "{name}");
            assert!(!value.is_object() && !value.is_f64() && !value.is_null(), "{name}");
        }
    }
}
