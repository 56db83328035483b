//! An event and a finding for the tests of this crate.

use std::collections::BTreeMap;
use std::sync::Arc;

use spyhop_model::{
    Account, Agent, AgentFamily, Body, Call, Category, Change, Class, Country, Credential, CredentialKind, Crowd,
    DataType, Defects, Entity, Event, ExchangeId, Factors, Finding, FindingId, Fingerprint, FlowId, Form, Grade,
    Greeting, Half, Halves, Handshake, Holding, Involved, KeyId, Login, LoginMethod, Moment, Nature, Observation,
    Outcome, Party, Personal, Place, Protocol, Purpose, Request, Respond, Response, Rule, Said, SecretForm, Severity,
    Socket, Span, Status, Text, Timestamp, TokenFlaws, Traits, Transport, Truncation, Values, Vlans, Weakness, Zone,
};

use crate::record::Names;

const START: Timestamp = Timestamp(1_795_400_000_000_000_000);

static RULE: Rule = Rule {
    kind: "auth.sample",
    class: Class::Incident,
    severity: Severity::High,
    title: Text { en: "a sample", zh: "样例" },
    about: Text { en: "A sample.", zh: "样例。" },
    advice: Text { en: "Do something.", zh: "做点什么。" },
    clause: "样例",
};

static MOBILE: DataType = DataType::new(
    "cn_mobile",
    Text { en: "mobile number", zh: "手机号" },
    Category::Contact,
    Grade::L3,
    Personal::Personal,
);

pub fn names() -> Names {
    Names { sensor: "spyhop".into(), key_id: KeyId(42) }
}

/// The finding numbered `id`.
pub fn finding(id: u64) -> Finding {
    let mut involved = Involved::default();
    involved.add("client_ip", "10.0.0.1");
    involved.add("client_ip", "10.0.0.2");
    involved.add("endpoint", "GET shop.example/orders/{id}");
    Finding {
        id: FindingId(id),
        rule: &RULE,
        severity: Severity::High,
        confidence: 90,
        status: Status::Open,
        change: Change::Opened,
        revision: 1,
        parent: None,
        primary: Entity::Account("alice".into()),
        aspect: None,
        summary: Said { en: "alice did it".into(), zh: "alice 做了".into() },
        first_seen: START,
        last_seen: START + Span(1_000_000_007),
        changed_at: START + Span(1_000_000_007),
        count: 2,
        involved,
        measures: BTreeMap::from([(Arc::from("attempts"), 7)]),
        reasons: vec!["many".into()],
        samples: vec!["138****8000".into()],
        exchanges: vec![ExchangeId { flow: FlowId(0xab), ordinal: 1 }],
        coverage: BTreeMap::new(),
        respond: vec![Respond { action: "lock_account".into(), target: Entity::Account("alice".into()) }],
    }
}

fn observation(half: Half, place: Place, count: u32, confidence: u8) -> Observation {
    Observation {
        what: &MOBILE,
        half,
        place,
        form: Form::Full,
        confidence,
        grade: MOBILE.grade,
        personal: MOBILE.personal,
        count,
        weak: 0,
        detail: None,
        values: vec![Fingerprint(0xaa), Fingerprint(0xbb)],
        sample: "138****8000".into(),
    }
}

/// The exchange with that number on its connection.
pub fn event(ordinal: u32) -> Event {
    let call = Call {
        moment: Moment { at: START + Span(1_000), flow: FlowId(0xab), ordinal },
        began_at: START,
        answered_at: Some(START + Span(500)),
        ended_at: START + Span(1_000),
        client: Socket { ip: [10, 0, 0, 1].into(), port: 40_000 },
        server: Socket { ip: [10, 0, 0, 2].into(), port: 80 },
        vlans: Vlans::default(),
        transport: Transport::Cleartext,
        forwarded_https: false,
        protocol: Protocol::Http1,
        stream: None,
        message: None,
        grpc_status: None,
        request: Some(Request {
            method: "POST".into(),
            target: "/login?phone=138****8000~00000000000000aa".into(),
            host: "shop.example".into(),
            path: Vec::new(),
            version: (1, 1),
            odd_version: None,
            user_agent: Some("curl/8".into()),
            content_type: Some("application/json".into()),
            body: Body { encoded_len: 10, decoded_len: 10, truncated: None, gap: 0 },
        }),
        response: Some(Response {
            status: 200,
            version: (1, 0),
            odd_version: None,
            content_type: None,
            body: Body { encoded_len: 100, decoded_len: 400, truncated: Some(Truncation::Gap), gap: 5 },
        }),
        defects: Defects(Defects::GAP),
        agent: Agent { family: AgentFamily::Library, name: Some("curl") },
        picture: None,
        login: Some(Box::new(Login {
            account: Some(Account { name: "alice".into(), fingerprint: Fingerprint(9) }),
            purpose: Purpose::Login,
            method: LoginMethod::Json,
            place: Some(Place::Body("$.password".into())),
            secret_form: Some(SecretForm::Plain),
            secret: Some(Fingerprint(8)),
            weakness: Some(Weakness::Common),
            code: None,
            factors: Factors(Factors::PASSWORD),
            outcome: Outcome::Success,
            refusal: None,
            confidence: 90,
        })),
        credentials: vec![Credential {
            kind: CredentialKind::Bearer,
            place: Place::Header("authorization".into()),
            fingerprint: Fingerprint(7),
            sample: "ey****".into(),
            flaws: TokenFlaws::default(),
            claims: None,
        }],
        observations: vec![
            observation(Half::Response, Place::Body("$.list[*].phone".into()), 2, 95),
            observation(Half::Response, Place::Body("$.owner.phone".into()), 1, 80),
            observation(Half::Request, Place::Query("phone".into()), 1, 70),
        ],
        holding: Halves {
            response: Some(Box::new(Holding { records: 2, subjects: 2, repeats_in: "$.list[*]".into() })),
            ..Halves::default()
        },
        unveiled: Vec::new(),
        delivered: None,
        page_size: None,
        masks_in_browser: Vec::new(),
        issued: Vec::new(),
        refused: false,
        logout: false,
        names_caller: None,
        header_account: None,
        forwarded: None,
        traits: Traits::default(),
        device_id: None,
        operation: None,
        raw: None,
    };
    Event {
        call,
        concluded: None,
        nature: Nature::default(),
        realm: "shop.example".into(),
        attribution: None,
        via: None,
        spoofed: false,
        echo: false,
        crowd: Crowd::default(),
        habits: None,
        endpoint: "POST shop.example/login".into(),
        account: Some("alice".into()),
        client: Party {
            ip: [203, 0, 113, 9].into(),
            zone: Zone::Overseas,
            country: Country::new("JP"),
            position: None,
        },
        server: Party { ip: [10, 0, 0, 2].into(), zone: Zone::Inside, country: None, position: None },
        device: None,
        session: None,
        partner: None,
        repeated_login: false,
    }
}

/// A TLS handshake.
pub fn greeting() -> Greeting {
    let Event { call, client, server, .. } = event(2);
    let handshake = Handshake {
        moment: call.moment,
        began_at: call.began_at,
        client: call.client,
        server: call.server,
        vlans: call.vlans,
        quic: false,
        sni: Some("shop.example".into()),
        version: Some("TLS1.2".into()),
        offered: vec!["h2".into()],
        alpn: Some("h2".into()),
        cipher: Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".into()),
        ja4: Some("t12d190800_d83cc789557e_7af1ed941c26".into()),
        certificate: Some("CN=shop.example".into()),
        client_certificate: None,
    };
    Greeting { handshake, client, server }
}

/// Values of an exchange that goes on.
pub fn values() -> Values {
    let moment = event(3).call.moment;
    let Observation { what, half, place, form, values, .. } =
        observation(Half::Response, Place::Body("$.a".into()), 2, 95);
    Values { moment, what, half, place, form, fingerprints: values }
}
