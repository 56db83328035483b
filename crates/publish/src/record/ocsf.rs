//! Findings and exchanges in the Open Cybersecurity Schema Framework, version 1.8.0 (schema.ocsf.io).
//!
//! | ours | OCSF class |
//! | --- | --- |
//! | a finding about data | Data Security Finding, 2006 |
//! | any other finding | Detection Finding, 2004 |
//! | a login or logout | Authentication, 3002 |
//! | an exchange | HTTP Activity, 4002; or API Activity, 6003, where that is asked for and the account is known |
//!
//! What OCSF has no place for stands in `unmapped`, under the names of our own formats.

use serde_json::{Map, Value, json};
use spyhop_model::{
    Change, Event, Factors, Finding, Lang, LoginMethod, Outcome, Party, Purpose, Status, Timestamp, Transport,
};

use super::words::{OutcomeWord, RefusalWord, severity_id};
use super::{FindingRecord, Names};

/// The version of the schema.
pub const VERSION: &str = "1.8.0";

const FINDINGS: u16 = 2;
const IDENTITY: u16 = 3;
const NETWORK: u16 = 4;
const APPLICATION: u16 = 6;

/// Milliseconds since 1970, as OCSF's `timestamp_t`.
fn millis(at: Timestamp) -> u64 {
    at.0 / 1_000_000
}

/// An object without what has no value.
fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let is_something = |value: &Value| match value {
        Value::Null => false,
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    let fields: Map<String, Value> = fields
        .into_iter()
        .filter(|(_, value)| is_something(value))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Value::Object(fields)
}

fn metadata(names: &Names, uid: &str) -> Value {
    json!({
        "version": VERSION,
        "uid": uid,
        "product": { "name": "Spyhop", "vendor_name": "Spyhop", "version": env!("CARGO_PKG_VERSION"), "uid": &*names.sensor },
    })
}

/// Class and activity, and what follows from them.
fn class(category: u16, class: u16, activity: u16) -> [(&'static str, Value); 4] {
    let uid = category * 1_000 + class;
    [
        ("category_uid", category.into()),
        ("class_uid", uid.into()),
        ("activity_id", activity.into()),
        ("type_uid", (u32::from(uid) * 100 + u32::from(activity)).into()),
    ]
}

/// A finding after a change: Data Security Finding or Detection Finding.
pub fn finding(finding: &Finding, lang: Lang, names: &Names) -> Value {
    let native = FindingRecord::new(finding, lang, names);
    let entities = &native.entities;
    let is_data = native.kind.starts_with("data.");
    let activity = match finding.change {
        Change::Opened => 1,
        Change::Updated | Change::Reopened => 2,
        Change::Closed => 3,
    };
    let status = match (finding.status, finding.change) {
        (Status::Open, Change::Opened) => 1,
        (Status::Open | Status::Stale, _) => 2,
        (Status::Folded, _) => 3,
        (Status::Closed, _) => 4,
    };
    let confidence = match finding.confidence {
        0..60 => 1,
        60..85 => 2,
        _ => 3,
    };
    let attacks: Vec<Value> = techniques(native.kind)
        .iter()
        .map(|(uid, name)| json!({ "technique": { "uid": uid, "name": name }, "version": "16" }))
        .collect();
    let user = entities.account.as_ref().map(|name| json!({ "name": name }));
    let source = entities.client_ip.as_ref().map(|ip| json!({ "ip": ip }));
    let resources: Vec<Value> = entities.endpoint.iter().map(|name| json!({ "type": "api", "name": name })).collect();
    let evidence = object([
        ("user", user.into()),
        ("src_endpoint", source.clone().into()),
        ("api", entities.endpoint.as_ref().map(|name| json!({ "operation": name })).into()),
        ("dst_endpoint", entities.server.as_ref().map(|name| json!({ "name": name })).into()),
    ]);
    let info = object([
        ("uid", finding.id.to_string().into()),
        ("title", native.title.into()),
        ("desc", native.summary.into()),
        ("types", json!([native.kind])),
        (
            "analytic",
            json!({ "uid": native.kind, "name": native.title, "type_id": if native.kind.starts_with("sensor.") { 3 } else { 2 } }),
        ),
        ("attacks", attacks.into()),
        ("created_time", millis(finding.first_seen).into()),
        ("modified_time", millis(finding.changed_at).into()),
        ("first_seen_time", millis(finding.first_seen).into()),
        ("last_seen_time", millis(finding.last_seen).into()),
        ("related_events_count", finding.count.into()),
    ]);
    let unmapped = json!({
        "kind": native.kind,
        "class": native.class,
        "revision": finding.revision,
        "change": native.change,
        "primary": native.entities.primary,
        "reasons": native.reasons,
        "measures": native.measures,
        "evidence": native.evidence,
        "coverage": native.coverage,
        "parent": native.parent,
        "clause": native.clause,
        "advice": native.advice,
        "key_id": native.key_id,
    });
    let mut event = object(class(FINDINGS, if is_data { 6 } else { 4 }, activity).into_iter().chain([
        ("time", millis(finding.changed_at).into()),
        ("start_time", millis(finding.first_seen).into()),
        ("end_time", millis(finding.last_seen).into()),
        ("count", u32::try_from(finding.count).unwrap_or(u32::MAX).into()),
        ("severity_id", severity_id(finding.severity).into()),
        ("confidence_score", finding.confidence.into()),
        ("confidence_id", confidence.into()),
        ("status_id", status.into()),
        ("message", native.summary.into()),
        ("metadata", metadata(names, &format!("{}-{}", finding.id, finding.revision))),
        ("finding_info", info),
        ("resources", resources.into()),
        ("unmapped", unmapped),
    ]));
    let Value::Object(fields) = &mut event else { return event };
    if is_data {
        let is_secret = native.kind == "data.secret_exposed";
        let details = finding
            .aspect
            .as_ref()
            .map(|what| json!([{ "type": &**what, "count": finding.count.min(i32::MAX as u64) }]));
        let security = object([
            ("data_lifecycle_state_id", 2.into()),
            ("detection_system_id", 99.into()),
            ("detection_system", "API data-security sensor".into()),
            ("category_id", if is_secret { 6 } else { 1 }.into()),
            ("discovery_details", details.into()),
        ]);
        fields.insert("data_security".to_owned(), security);
        fields.extend(source.map(|source| ("src_endpoint".to_owned(), source)));
        fields.extend(entities.account.as_ref().map(|name| ("actor".to_owned(), json!({ "user": { "name": name } }))));
    } else if evidence.as_object().is_some_and(|evidence| !evidence.is_empty()) {
        fields.insert("evidences".to_owned(), json!([evidence]));
    }
    event
}

/// MITRE ATT&CK techniques of a kind.
fn techniques(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        "auth.brute_force" => &[("T1110.001", "Password Guessing")],
        "auth.password_spraying" => &[("T1110.003", "Password Spraying")],
        "auth.credential_stuffing" => &[("T1110.004", "Credential Stuffing")],
        "auth.user_enumeration" => &[("T1589", "Gather Victim Identity Information")],
        "auth.success_after_failures" | "auth.impossible_travel" | "auth.token_replay" => {
            &[("T1078", "Valid Accounts")]
        }
        "access.crawler" => &[("T1119", "Automated Collection")],
        "access.exfiltration" => &[("T1567", "Exfiltration Over Web Service")],
        _ => &[],
    }
}

fn endpoint(ip: std::net::IpAddr, port: u16, party: &Party, name: Option<&str>) -> Value {
    let location = party.country.as_ref().map(|country| json!({ "country": country.code() }));
    object([
        ("ip", ip.to_string().into()),
        ("port", port.into()),
        ("hostname", name.into()),
        ("location", location.into()),
    ])
}

/// An exchange: Authentication, API Activity (if `api` and the account is known), or HTTP Activity.
pub fn exchange(event: &Event, api: bool, names: &Names) -> Value {
    let call = &event.call;
    let login = event.login().or(call.login.as_deref().filter(|login| login.purpose == Purpose::SecondFactor));
    let request = call.request.as_ref();
    let method = request.map_or("", |request| &*request.method);
    let host = request.map(|request| &*request.host).filter(|host| !host.is_empty());
    let encrypted = call.transport != Transport::Cleartext;
    let status = call.status();
    let succeeded = match status {
        Some(status) if status < 400 && !call.refused => 1,
        Some(_) => 2,
        None => 0,
    };
    let hostname = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    let http_request = request.map(|request| {
        let target = &*request.target;
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let url = object([
            ("path", path.into()),
            ("query_string", query.into()),
            ("hostname", hostname.into()),
            ("scheme", if encrypted { "https" } else { "http" }.into()),
        ]);
        object([
            ("http_method", request.method.to_uppercase().into()),
            ("url", url),
            ("user_agent", request.user_agent.as_deref().into()),
            ("version", format!("{}.{}", request.version.0, request.version.1).into()),
            ("body_length", i32::try_from(request.body.encoded_len).ok().into()),
        ])
    });
    let http_response = call.response.as_ref().map(|response| {
        object([
            ("code", response.status.into()),
            ("content_type", response.content_type.as_deref().into()),
            ("body_length", i32::try_from(response.body.encoded_len).ok().into()),
        ])
    });
    let types: std::collections::BTreeSet<&str> = call
        .observations
        .iter()
        .filter(|observation| observation.is_reported())
        .map(|observation| observation.what.id)
        .collect();
    let unmapped = object([
        ("exchange_id", call.id().to_string().into()),
        ("api_endpoint", (&*event.endpoint).into()),
        ("account_name", event.account.as_deref().into()),
        ("session_id", event.session.as_ref().map(|session| session.id.to_string()).into()),
        ("device_id", event.device.map(|device| device.to_string()).into()),
        ("sensitive_types", types.into_iter().collect::<Vec<_>>().into()),
        ("key_id", names.key_id.to_string().into()),
    ]);
    let common = [
        ("time", millis(call.began_at).into()),
        ("start_time", millis(call.began_at).into()),
        ("end_time", millis(call.ended_at).into()),
        ("severity_id", 1.into()),
        ("metadata", metadata(names, &call.id().to_string())),
        ("src_endpoint", endpoint(event.client.ip, call.client.port, &event.client, None)),
        ("dst_endpoint", endpoint(call.server.ip, call.server.port, &event.server, hostname)),
        ("unmapped", unmapped),
    ];
    let http = [("http_request", http_request.into()), ("http_response", http_response.into())];
    let user = |name: &str| json!({ "name": name });
    let account =
        login.and_then(|login| login.account.as_ref()).map(|account| &*account.name).or(event.account.as_deref());
    match (login, account) {
        (Some(login), Some(account)) => object(
            class(IDENTITY, 2, 1).into_iter().chain(common).chain([
                ("user", user(account)),
                ("service", host.map(|host| json!({ "name": host })).into()),
                (
                    "status_id",
                    match login.outcome {
                        Outcome::Success => 1,
                        Outcome::Failure => 2,
                        _ => 0,
                    }
                    .into(),
                ),
                (
                    "status_detail",
                    login.refusal.map_or(OutcomeWord(login.outcome).word(), |why| RefusalWord(why).word()).into(),
                ),
                ("is_cleartext", (!encrypted).into()),
                ("is_remote", true.into()),
                ("is_mfa", is_mfa(login.factors, login.purpose).into()),
                ("auth_protocol_id", protocol(login.method).into()),
                ("auth_protocol", (protocol(login.method) == 99).then_some("Other").into()),
            ]),
        ),
        (None, Some(account)) if call.logout => object(
            class(IDENTITY, 2, 2)
                .into_iter()
                .chain(common)
                .chain([("user", user(account)), ("status_id", succeeded.into())]),
        ),
        (None, Some(account)) if api => {
            let activity = match method {
                "POST" => 1,
                "GET" | "HEAD" | "QUERY" => 2,
                "PUT" | "PATCH" => 3,
                "DELETE" => 4,
                _ => 99,
            };
            let session = event.session.as_ref().map(|session| json!({ "uid": session.id.to_string() }));
            object(class(APPLICATION, 3, activity).into_iter().chain(common).chain(http).chain([
                ("activity_name", (activity == 99).then_some(method).into()),
                ("actor", object([("user", user(account)), ("session", session.into())])),
                (
                    "api",
                    object([
                        ("operation", (&*event.endpoint).into()),
                        ("service", host.map(|host| json!({ "name": host })).into()),
                        ("request", json!({ "uid": call.id().to_string() })),
                    ]),
                ),
                ("status_id", succeeded.into()),
            ]))
        }
        _ => {
            let activity = match method {
                "CONNECT" => 1,
                "DELETE" => 2,
                "GET" => 3,
                "HEAD" => 4,
                "OPTIONS" => 5,
                "POST" => 6,
                "PUT" => 7,
                "TRACE" => 8,
                "PATCH" => 9,
                "" => 0,
                _ => 99,
            };
            object(
                class(NETWORK, 2, activity).into_iter().chain(common).chain(http).chain([
                    ("activity_name", (activity == 99).then_some(method).into()),
                    ("status_id", succeeded.into()),
                ]),
            )
        }
    }
}

/// More than one proof, or the step that gives the second.
fn is_mfa(factors: Factors, purpose: Purpose) -> bool {
    purpose == Purpose::SecondFactor || factors.names().count() > 1
}

/// OCSF's `auth_protocol_id`.
fn protocol(method: LoginMethod) -> u8 {
    match method.name() {
        "ntlm" => 1,
        "digest" => 3,
        "saml" => 5,
        "oauth_password" | "oauth_code" => 6,
        "basic" => 11,
        "ldap" => 12,
        _ => 99,
    }
}
