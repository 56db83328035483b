//! Calls as workers hand them over, and the systems that are called.

use std::net::IpAddr;

use spyhop_model::{
    Account, Agent, AgentFamily, Call, Claims, CookieFlags, Credential, CredentialKind, Factors, Fingerprint, FlowId,
    Issued, Key, Login, LoginMethod, Moment, Outcome, Place, Purpose, Refusal, SecretForm, Segment, Span, Timestamp,
    TokenFlaws, Traits,
};

use super::Made;
use super::population::{PROBE, Software};
use crate::events::event;

/// The systems: a form with a session cookie, JSON with a JWT, JSON that answers 200 to everything, an app, Basic.
pub const SYSTEMS: [&str; 5] =
    ["oa.corp.example", "crm.corp.example", "erp.corp.example", "app.corp.example", "wiki.corp.example"];

/// From where and with what a call comes.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub ip: IpAddr,
    pub software: Software,
    /// A script in place of browser or app.
    pub script: bool,
}

/// What is tried at a login.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub account: &'a str,
    pub password: u64,
    pub outcome: Outcome,
    pub refusal: Option<Refusal>,
}

/// Makes the calls of a day.
pub struct Maker {
    template: Call,
    key: Key,
    made: Vec<Made>,
    tokens: u64,
    flows: u64,
}

impl Maker {
    pub fn new() -> Maker {
        let mut template = event().build(1).call;
        template.picture = None;
        Maker { template, key: Key::new([5; 32]), made: Vec::new(), tokens: 0, flows: 0 }
    }

    /// The calls of the day in order.
    pub fn end_day(&mut self) -> Vec<Made> {
        self.made.sort_by_key(|made| made.call.moment);
        std::mem::take(&mut self.made)
    }

    /// A token that was never seen before.
    pub fn token(&mut self) -> Fingerprint {
        self.tokens += 1;
        self.key.fingerprint("token", &self.tokens.to_be_bytes())
    }

    fn account(&self, name: &str) -> Account {
        Account { name: name.into(), fingerprint: self.key.fingerprint("account", name.as_bytes()) }
    }

    fn call(&mut self, at: f64, from: Origin, system: usize, method: &str, path: &str) -> Call {
        self.flows += 1;
        let at = Timestamp::from_parts(at as u64, (at.fract() * 1e9) as u64);
        let mut call = self.template.clone();
        call.moment = Moment { at, flow: FlowId(self.flows), ordinal: 0 };
        call.began_at = at;
        call.answered_at = Some(at);
        call.ended_at = at;
        call.client.ip = from.ip;
        call.server.ip = IpAddr::from([10, 1, 0, 1 + system as u8]);
        let browser = Traits::REFERER | Traits::LANGUAGE | Traits::CODINGS;
        call.traits = Traits(match (from.script, from.software.app) {
            (true, _) => 0,
            (false, true) => Traits::MOBILE | Traits::CODINGS,
            (false, false) => browser,
        });
        call.agent = match (from.script, from.software.app) {
            _ if from.software == PROBE => Agent { family: AgentFamily::Monitor, name: Some("uptime") },
            (true, _) => Agent { family: AgentFamily::Library, name: Some("python-requests") },
            (false, true) => Agent { family: AgentFamily::Library, name: Some("okhttp") },
            (false, false) => Agent { family: AgentFamily::Browser, name: None },
        };
        let picture = if from.script { 900_000 } else { from.software.picture };
        call.picture = Some(self.key.fingerprint("picture", &picture.to_be_bytes()));
        if let Some(request) = &mut call.request {
            request.method = method.into();
            request.host = SYSTEMS[system].into();
            request.target = path.into();
            request.path = path
                .split('/')
                .filter(|segment| !segment.is_empty())
                .map(|segment| match segment.bytes().all(|b| b.is_ascii_digit()) {
                    true => Segment::Typed("int"),
                    false => Segment::Literal(segment.into()),
                })
                .collect();
        }
        call
    }

    fn push(&mut self, call: Call, account: Option<&str>) {
        self.made.push(Made { call, account: account.map(Into::into) });
    }

    /// A page asked for before a login.
    pub fn page(&mut self, at: f64, from: Origin, system: usize) {
        let mut call = self.call(at, from, system, "GET", "/login");
        if let Some(response) = &mut call.response {
            response.content_type = Some("text/html".into());
        }
        self.push(call, None);
    }

    /// A login attempt; the token that it hands out, if it is accepted.
    pub fn login(&mut self, at: f64, from: Origin, system: usize, attempt: Attempt<'_>) -> Option<Fingerprint> {
        let mut call = self.call(at, from, system, "POST", "/api/login");
        let accepted = attempt.outcome == Outcome::Success;
        call.login = Some(Box::new(Login {
            account: Some(self.account(attempt.account)),
            purpose: Purpose::Login,
            method: if system == 0 { LoginMethod::Form } else { LoginMethod::Json },
            place: Some(Place::Body("password".into())),
            secret_form: Some(SecretForm::Plain),
            secret: Some(self.key.fingerprint("password", &attempt.password.to_be_bytes())),
            weakness: None,
            code: None,
            factors: Factors(Factors::PASSWORD),
            outcome: attempt.outcome,
            refusal: attempt.refusal,
            confidence: 95,
        }));
        if let Some(response) = &mut call.response {
            response.status = if accepted || system == 2 { 200 } else { 401 };
        }
        call.refused = !accepted;
        let token = accepted.then(|| self.token());
        if let Some(fingerprint) = token {
            let cookie = system == 0;
            call.issued.push(Issued {
                kind: if cookie { CredentialKind::Session } else { CredentialKind::Bearer },
                place: if cookie { Place::Cookie("JSESSIONID".into()) } else { Place::Body("$.data.token".into()) },
                fingerprint,
                sample: "abcd***".into(),
                flaws: TokenFlaws::default(),
                claims: self.claims(system, attempt.account, at),
                cookie: cookie.then_some(CookieFlags { secure: true, http_only: true, ..CookieFlags::default() }),
                refresh: false,
                revoked: false,
                lasts: None,
            });
        }
        self.push(call, accepted.then_some(attempt.account));
        token
    }

    fn claims(&self, system: usize, account: &str, at: f64) -> Option<Box<Claims>> {
        let now = Timestamp::from_parts(at as u64, 0);
        (system == 1).then(|| {
            Box::new(Claims {
                account: Some(self.account(account)),
                issued_at: Some(now),
                expires_at: Some(now + Span::hours(8)),
                privileged: false,
            })
        })
    }

    /// A code is asked for, or tried.
    pub fn code(&mut self, at: f64, from: Origin, number: &str, tried: Option<u64>, outcome: Outcome) {
        let path = if tried.is_some() { "/api/sms/login" } else { "/api/sms/send" };
        let mut call = self.call(at, from, 3, "POST", path);
        call.login = Some(Box::new(Login {
            account: Some(self.account(number)),
            purpose: if tried.is_some() { Purpose::Login } else { Purpose::CodeRequest },
            method: LoginMethod::Code,
            place: None,
            secret_form: None,
            secret: None,
            weakness: None,
            code: tried.map(|code| self.key.fingerprint("code", &code.to_be_bytes())),
            factors: Factors(if tried.is_some() { Factors::CODE } else { 0 }),
            outcome,
            refusal: (outcome == Outcome::Failure).then_some(Refusal::CodeWrong),
            confidence: 90,
        }));
        self.push(call, None);
    }

    /// Whether an account exists is asked.
    pub fn lookup(&mut self, at: f64, from: Origin, account: &str, exists: bool) {
        let mut call = self.call(at, from, 3, "GET", "/api/checkUser");
        call.login = Some(Box::new(Login {
            account: Some(self.account(account)),
            purpose: Purpose::AccountLookup,
            method: LoginMethod::Query,
            place: None,
            secret_form: None,
            secret: None,
            weakness: None,
            code: None,
            factors: Factors::default(),
            outcome: if exists { Outcome::Success } else { Outcome::Failure },
            refusal: (!exists).then_some(Refusal::NoSuchUser),
            confidence: 80,
        }));
        self.push(call, None);
    }

    /// An ordinary call with a token.
    pub fn ordinary(&mut self, at: f64, from: Origin, system: usize, token: Fingerprint, account: &str, path: &str) {
        let call = self.carrying(at, from, system, token, account, path);
        self.push(call, Some(account));
    }

    /// A call that is refused.
    pub fn refused(&mut self, at: f64, from: Origin, system: usize, token: Fingerprint, account: &str, path: &str) {
        let mut call = self.carrying(at, from, system, token, account, path);
        call.refused = true;
        if let Some(response) = &mut call.response {
            response.status = 403;
        }
        self.push(call, Some(account));
    }

    /// The end of a session.
    pub fn logout(&mut self, at: f64, from: Origin, system: usize, token: Fingerprint, account: &str) {
        let mut call = self.carrying(at, from, system, token, account, "/api/logout");
        call.logout = true;
        self.push(call, Some(account));
    }

    fn carrying(
        &mut self,
        at: f64,
        from: Origin,
        system: usize,
        token: Fingerprint,
        account: &str,
        path: &str,
    ) -> Call {
        let mut call = self.call(at, from, system, "GET", path);
        let cookie = system == 0;
        call.credentials.push(Credential {
            kind: if cookie { CredentialKind::Session } else { CredentialKind::Bearer },
            place: if cookie { Place::Cookie("JSESSIONID".into()) } else { Place::Header("authorization".into()) },
            fingerprint: token,
            sample: "abcd***".into(),
            flaws: TokenFlaws::default(),
            claims: self.claims(system, account, at),
        });
        call
    }
}
