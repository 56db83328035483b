//! Events without packets, for the tests of detectors: `event().post("a.example/login").login("alice", Outcome::Failure)`.

use std::net::IpAddr;

use spyhop_model::{
    Account, Agent, AgentFamily, Body, Call, Claims, Country, Credential, CredentialKind, Crowd, Defects, Delivered,
    Event, Factors, FileKind, FlowId, Form, Half, Halves, Holding, Issued, Key, Login, LoginMethod, Moment, Nature,
    Observation, Outcome, Party, Place, Protocol, Purpose, Refusal, Request, Response, SecretForm, Socket, Timestamp,
    TokenFlaws, Traits, Transport, Unveiled, Vlans, Weakness, Zone,
};

/// Data types to put into events.
pub mod types {
    use spyhop_model::{Category, DataType, Grade, Personal, Text};

    const fn of(id: &'static str, grade: Grade, personal: Personal) -> DataType {
        DataType::new(id, Text { en: id, zh: id }, Category::Other, grade, personal)
    }

    /// A mobile number.
    pub static MOBILE: DataType = of("cn_mobile", Grade::L3, Personal::Personal);
    /// A resident identity number.
    pub static RESIDENT_ID: DataType = of("cn_resident_id", Grade::L4, Personal::Personal);
    /// A bank card number.
    pub static BANK_CARD: DataType = of("bank_card", Grade::L4, Personal::Sensitive);
    /// An e-mail address.
    pub static EMAIL: DataType = of("email", Grade::L2, Personal::Personal);
    /// An address to the door.
    pub static ADDRESS: DataType = of("cn_address", Grade::L3, Personal::Personal);
    /// A number plate.
    pub static PLATE: DataType = of("cn_plate", Grade::L3, Personal::Personal);
    /// An amount on an account.
    pub static BALANCE: DataType = of("balance", Grade::L3, Personal::Personal);
    /// A number of a subscriber's card.
    pub static IMSI: DataType = of("imsi", Grade::L3, Personal::Personal);
    /// A telephone number of another country.
    pub static PHONE: DataType = of("phone_intl", Grade::L3, Personal::Personal);
    /// A passport number.
    pub static PASSPORT: DataType = of("cn_passport", Grade::L4, Personal::Personal);
    /// The verification code of a card, which nobody may return.
    pub static CVV: DataType = DataType { never_return: true, ..of("cvv", Grade::L4, Personal::Sensitive) };
    /// A password.
    pub static PASSWORD: DataType = of("account_password", Grade::L4, Personal::Sensitive);
    /// A key or token.
    pub static SECRET: DataType = of("secret", Grade::L4, Personal::No);
    /// A planted value.
    pub static CANARY: DataType = of("canary", Grade::L3, Personal::No);
}

/// Seconds after the tests' first morning: Friday 2026-11-20, 10:00 in Shanghai.
pub fn time(second: u64) -> Timestamp {
    Timestamp::from_parts(1_795_140_000 + second, 0)
}

/// An event in the making. Without more it is an answered GET of a browser inside, to a server inside, in cleartext.
pub struct EventBuilder {
    event: Event,
    key: Key,
    second: Option<u64>,
}

/// An ordinary event.
pub fn event() -> EventBuilder {
    let socket = |ip: &str, port| Socket { ip: ip.parse().unwrap_or(IpAddr::from([0, 0, 0, 0])), port };
    let (client, server) = (socket("10.0.0.8", 40_000), socket("10.0.0.1", 80));
    let inside = |socket: Socket| Party { ip: socket.ip, zone: Zone::Inside, country: None, position: None };
    let call = Call {
        moment: Moment::default(),
        began_at: time(0),
        answered_at: Some(time(0)),
        ended_at: time(0),
        client,
        server,
        vlans: Vlans::default(),
        transport: Transport::Cleartext,
        forwarded_https: false,
        protocol: Protocol::Http1,
        stream: None,
        message: None,
        grpc_status: None,
        request: Some(Request {
            method: "GET".into(),
            target: "/".into(),
            host: "a.example".into(),
            path: Vec::new(),
            version: (1, 1),
            odd_version: None,
            user_agent: None,
            content_type: None,
            body: Body::default(),
        }),
        response: Some(Response {
            status: 200,
            version: (1, 1),
            odd_version: None,
            content_type: Some("application/json".into()),
            body: Body { encoded_len: 100, decoded_len: 100, ..Body::default() },
        }),
        defects: Defects::default(),
        agent: Agent { family: AgentFamily::Browser, name: None },
        picture: None,
        login: None,
        credentials: Vec::new(),
        observations: Vec::new(),
        holding: Halves::default(),
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
    let event = Event {
        call,
        concluded: None,
        nature: Nature::default(),
        realm: "a.example".into(),
        attribution: None,
        via: None,
        spoofed: false,
        echo: false,
        crowd: Crowd::default(),
        habits: None,
        endpoint: "GET a.example/".into(),
        account: None,
        client: inside(client),
        server: inside(server),
        device: None,
        session: None,
        partner: None,
        repeated_login: false,
    };
    EventBuilder { event, key: Key::new([9; 32]), second: None }
}

impl EventBuilder {
    /// Seconds after the tests' first morning. Without it each event comes a second after the last.
    pub fn at(mut self, second: u64) -> Self {
        self.second = Some(second);
        self
    }
    /// The client's address; its zone stays.
    pub fn from(mut self, ip: &str) -> Self {
        let ip = ip.parse().expect("an address");
        self.event.client.ip = ip;
        self.event.call.client.ip = ip;
        self
    }
    /// A GET of `host/path`.
    pub fn get(self, target: &str) -> Self {
        self.request("GET", target)
    }
    /// A POST to `host/path`.
    pub fn post(self, target: &str) -> Self {
        self.request("POST", target)
    }
    fn request(mut self, method: &str, target: &str) -> Self {
        self.event.endpoint = format!("{method} {target}").into();
        let (host, path) = target.split_once('/').unwrap_or((target, ""));
        if let Some(request) = &mut self.event.call.request {
            request.method = method.into();
            request.host = host.into();
            request.target = format!("/{path}").into();
        }
        self
    }
    /// The status of the answer.
    pub fn status(mut self, status: u16) -> Self {
        if let Some(response) = &mut self.event.call.response {
            response.status = status;
        }
        self
    }
    /// How it crossed the wire.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.event.call.transport = transport;
        self
    }
    /// A login by form with a strong, readable password.
    pub fn login(mut self, account: &str, outcome: Outcome) -> Self {
        self.event.account = Some(account.into());
        self.event.call.login = Some(Box::new(Login {
            account: Some(Account {
                name: account.into(),
                fingerprint: self.key.fingerprint("account", account.as_bytes()),
            }),
            purpose: Purpose::Login,
            method: LoginMethod::Form,
            place: Some(Place::Body("password".into())),
            secret_form: Some(SecretForm::Plain),
            secret: Some(self.key.fingerprint("password", account.as_bytes())),
            weakness: None,
            code: None,
            factors: Factors(Factors::PASSWORD),
            outcome,
            refusal: None,
            confidence: 90,
        }));
        self
    }
    /// How the login's password was protected.
    pub fn secret_form(mut self, form: SecretForm) -> Self {
        self.event.call.login.as_mut().expect("a login").secret_form = Some(form);
        self
    }
    /// The login's password.
    pub fn secret(mut self, password: &str) -> Self {
        let fingerprint = self.key.fingerprint("password", password.as_bytes());
        self.event.call.login.as_mut().expect("a login").secret = Some(fingerprint);
        self
    }
    /// Why the login was refused.
    pub fn refusal(mut self, refusal: Refusal) -> Self {
        self.event.call.login.as_mut().expect("a login").refusal = Some(refusal);
        self
    }
    /// What the login is for.
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.event.call.login.as_mut().expect("a login").purpose = purpose;
        self
    }
    /// The device's own name for itself.
    pub fn device(mut self, name: &str) -> Self {
        let fingerprint = self.key.fingerprint("device", name.as_bytes());
        self.event.device = Some(fingerprint);
        self.event.call.device_id = Some(fingerprint);
        self
    }
    /// The picture of the client's software.
    pub fn picture(mut self, name: &str) -> Self {
        self.event.call.picture = Some(self.key.fingerprint("picture", name.as_bytes()));
        self
    }
    /// Many people share the address, with so many login attempts a minute.
    pub fn crowd(mut self, logins_a_minute: u16) -> Self {
        self.event.crowd = Crowd { accounts: 60, days: 20, shared: true, logins_a_minute };
        self
    }
    /// The login's password is weak.
    pub fn weakness(mut self, weakness: Weakness) -> Self {
        self.event.call.login.as_mut().expect("a login").weakness = Some(weakness);
        self
    }
    /// A credential in the request.
    pub fn credential(mut self, kind: CredentialKind, place: Place) -> Self {
        let fingerprint = self.key.fingerprint("credential", b"secret");
        self.event.call.credentials.push(Credential {
            kind,
            place,
            fingerprint,
            sample: "abcd***".into(),
            flaws: TokenFlaws::default(),
            claims: None,
        });
        self
    }
    /// A session that the request carries in a cookie.
    pub fn carries(self, token: &str) -> Self {
        self.carries_in(CredentialKind::Session, Place::Cookie("sid".into()), token)
    }
    /// A token that the request carries.
    pub fn carries_in(mut self, kind: CredentialKind, place: Place, token: &str) -> Self {
        let fingerprint = self.key.fingerprint("token", token.as_bytes());
        let (sample, flaws) = ("abcd***".into(), TokenFlaws::default());
        self.event.call.credentials.push(Credential { kind, place, fingerprint, sample, flaws, claims: None });
        self
    }
    /// A session that the answer hands out in a cookie.
    pub fn issues(self, token: &str) -> Self {
        self.issues_in(CredentialKind::Session, Place::Cookie("sid".into()), token)
    }
    /// A token that the answer hands out.
    pub fn issues_in(mut self, kind: CredentialKind, place: Place, token: &str) -> Self {
        self.event.call.issued.push(Issued {
            kind,
            place,
            fingerprint: self.key.fingerprint("token", token.as_bytes()),
            sample: "abcd***".into(),
            flaws: TokenFlaws::default(),
            claims: None,
            cookie: None,
            refresh: false,
            revoked: false,
            lasts: None,
        });
        self
    }
    /// The tokens of the call so far name an account.
    pub fn claims(mut self, account: &str) -> Self {
        let claims = Claims { account: Some(self.named(account)), ..Claims::default() };
        let call = &mut self.event.call;
        call.credentials.iter_mut().for_each(|credential| credential.claims = Some(Box::new(claims.clone())));
        call.issued.iter_mut().for_each(|issued| issued.claims = Some(Box::new(claims.clone())));
        self
    }
    /// The request ends the caller's session.
    pub fn logout(mut self) -> Self {
        self.event.call.logout = true;
        self
    }
    /// The answer names the caller's account.
    pub fn names_caller(mut self, account: &str) -> Self {
        self.event.call.names_caller = Some(Box::new(self.named(account)));
        self
    }
    /// A gateway names the caller's account.
    pub fn header_account(mut self, account: &str) -> Self {
        self.event.call.header_account = Some(Box::new(self.named(account)));
        self
    }
    /// The proofs in the login.
    pub fn factors(mut self, factors: u16) -> Self {
        self.event.call.login.as_mut().expect("a login").factors = Factors(factors);
        self
    }
    /// The media type of the answer.
    pub fn content_type(mut self, kind: &str) -> Self {
        if let Some(response) = &mut self.event.call.response {
            response.content_type = Some(kind.into());
        }
        self
    }
    fn named(&self, account: &str) -> Account {
        Account { name: account.into(), fingerprint: self.key.fingerprint("account", account.as_bytes()) }
    }
    /// The user agent's family and name.
    pub fn agent(mut self, family: AgentFamily, name: &'static str) -> Self {
        self.event.call.agent = Agent { family, name: (!name.is_empty()).then_some(name) };
        self
    }
    /// The client is overseas.
    pub fn overseas(mut self, country: &str) -> Self {
        let ip = "203.0.113.77".parse().expect("an address");
        self.event.client = Party { ip, zone: Zone::Overseas, country: Country::new(country), position: None };
        self.event.call.client.ip = ip;
        self
    }
    /// The server is overseas.
    pub fn to_overseas(mut self, country: &str) -> Self {
        let ip = "198.51.100.5".parse().expect("an address");
        self.event.server = Party { ip, zone: Zone::Overseas, country: Country::new(country), position: None };
        self.event.call.server.ip = ip;
        self
    }
    /// Values in the response.
    pub fn returns(self, what: &'static spyhop_model::DataType, count: u32) -> Self {
        self.observe(what, Half::Response, Form::Full, count)
    }
    /// Masked values in the response.
    pub fn returns_masked(self, what: &'static spyhop_model::DataType, count: u32) -> Self {
        self.observe(what, Half::Response, Form::Masked, count)
    }
    /// Values in the request.
    pub fn sends(self, what: &'static spyhop_model::DataType, count: u32) -> Self {
        self.observe(what, Half::Request, Form::Full, count)
    }
    fn observe(mut self, what: &'static spyhop_model::DataType, half: Half, form: Form, count: u32) -> Self {
        let values = (0..count)
            .map(|n| self.key.fingerprint(what.id, &n.to_be_bytes()))
            .take(Observation::FINGERPRINTS)
            .collect();
        self.event.call.observations.push(Observation {
            what,
            half,
            place: Place::Body(format!("$.list[*].{}", what.id).into()),
            form,
            confidence: 95,
            grade: what.grade,
            personal: what.personal,
            count,
            weak: 0,
            detail: None,
            values,
            sample: "***".into(),
        });
        self
    }
    /// The account that calls.
    pub fn account(mut self, name: &str) -> Self {
        self.event.account = Some(name.into());
        self
    }
    /// What the response holds: records, different people, and the array that repeats them.
    pub fn holds(mut self, records: u32, subjects: u32, repeats_in: &str) -> Self {
        let holding = Holding { records, subjects, repeats_in: repeats_in.into() };
        self.event.call.holding.response = Some(Box::new(holding));
        self
    }
    /// Full values beside their masked forms in the response.
    pub fn unveils(mut self, what: &'static spyhop_model::DataType, count: u32) -> Self {
        let place = |name: &str| Place::Body(format!("$.list[*].{name}").into());
        let (masked, full) = (place("shown"), place(what.id));
        self.event.call.unveiled.push(Unveiled { what, masked, full, count, sample: "***".into() });
        self.observe(what, Half::Response, Form::Full, count)
    }
    /// The response delivers a file.
    pub fn delivers(mut self, name: &str, kind: FileKind, attachment: bool) -> Self {
        self.event.call.delivered = Some(Box::new(Delivered { name: name.into(), kind, attachment }));
        self
    }
    /// How many records the request asks for.
    pub fn page_size(mut self, records: u32) -> Self {
        self.event.call.page_size = Some(records);
        self
    }
    /// The response is a script that masks values of a type.
    pub fn masks_in_browser(mut self, what: &'static spyhop_model::DataType) -> Self {
        self.event.call.masks_in_browser.push(what);
        if let Some(response) = &mut self.event.call.response {
            response.content_type = Some("application/javascript".into());
        }
        self
    }
    fn last(&mut self) -> &mut Observation {
        self.event.call.observations.last_mut().expect("an observation")
    }
    /// The place of the observation added last.
    pub fn place(mut self, place: Place) -> Self {
        self.last().place = place;
        self
    }
    /// What is known of the observation added last beyond its type.
    pub fn detail(mut self, detail: &str) -> Self {
        self.last().detail = Some(detail.into());
        self
    }
    /// How many values of the observation added last are masked weakly.
    pub fn weak(mut self, count: u32) -> Self {
        self.last().weak = count;
        self
    }
    /// The grade of the observation added last.
    pub fn grade(mut self, grade: spyhop_model::Grade) -> Self {
        self.last().grade = grade;
        self
    }
    /// The confidence of the observation added last.
    pub fn confidence(mut self, confidence: u8) -> Self {
        self.last().confidence = confidence;
        self
    }
    /// The event, as the `n`th of its test.
    pub fn build(mut self, n: u32) -> Event {
        let at = time(self.second.unwrap_or(u64::from(n)));
        self.event.call.moment = Moment { at, flow: FlowId(u64::from(n)), ordinal: 0 };
        self.event.call.began_at = at;
        self.event.call.answered_at = self.event.call.response.is_some().then_some(at);
        self.event.call.ended_at = at;
        self.event
    }
}
