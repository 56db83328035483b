//! Is it an attempt to prove an identity, which kind, and how sure is that: evidence is scored, each way of logging in by
//! what it is made of. From [`LOGIN`] points on it is one.

use spyhop_model::{Factors, LoginMethod, Purpose};

use super::LOGIN;
use super::fields::{Fields, Found, Grant};
use super::names::PathSigns;

/// What an exchange is, of those that prove an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub purpose: Purpose,
    pub method: LoginMethod,
    pub score: i32,
    pub secret: Secret,
    pub factors: u16,
    /// The one-time code is part of it.
    pub code: bool,
}

/// Which password is part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    None,
    /// The one that is shown, or set under its plain name.
    Password,
    /// The one that is set.
    New,
}

/// What is known besides the fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    /// Of the path and what goes on with it.
    pub signs: PathSigns,
    /// POST, PUT, PATCH.
    pub unsafe_method: bool,
    /// The answer handed out a session or a token.
    pub issued: bool,
    /// The request carries a session or a token.
    pub session: bool,
    /// How the body is written.
    pub body: LoginMethod,
}

/// Points for what holds.
fn sum(evidence: &[(bool, i32)]) -> i32 {
    evidence.iter().filter(|(holds, _)| *holds).map(|(_, points)| points).sum()
}

impl Attempt {
    /// What the request is; `None` for whatever has nothing to do with who somebody is.
    pub fn of(fields: &Fields, around: &Around) -> Option<Attempt> {
        let attempt = by_grant(fields, around)
            .or_else(|| by_assertion(fields, around))
            .or_else(|| by_password(fields, around))
            .or_else(|| sets_password(fields, around))
            .or_else(|| {
                // Whatever else has a password in it is none of the following.
                let password = fields.password.as_ref().is_some_and(|found| found.rank == 2);
                if password || fields.new_password.is_some() { None } else { without_password(fields, around) }
            })?;
        (attempt.score >= LOGIN).then(|| attempt.with_captcha(fields))
    }

    fn new(purpose: Purpose, method: LoginMethod, score: i32) -> Attempt {
        Attempt { purpose, method, score, secret: Secret::None, factors: 0, code: false }
    }

    fn with(self, factors: u16) -> Attempt {
        Attempt { factors: self.factors | factors, ..self }
    }

    fn with_captcha(self, fields: &Fields) -> Attempt {
        let typed = !self.code && fields.code.as_ref().is_some_and(|code| code.rank == 2 && code.value.len() <= 12);
        let solves = matches!(self.method, LoginMethod::Sso | LoginMethod::OauthCode | LoginMethod::Cas);
        let captcha = (fields.has(Fields::CAPTCHA) || typed) && !solves;
        self.with(if captcha { Factors::CAPTCHA } else { 0 })
    }
}

/// A grant of OAuth 2.0 says what it is (RFC 6749, section 4).
fn by_grant(fields: &Fields, around: &Around) -> Option<Attempt> {
    let (purpose, method, score) = match fields.grant? {
        Grant::Password => {
            fields.password.as_ref()?;
            let attempt = Attempt::new(Purpose::Login, LoginMethod::OauthPassword, 100).with(Factors::PASSWORD);
            return Some(with_code(Attempt { secret: Secret::Password, ..attempt }, fields));
        }
        Grant::Code => {
            // WeChat and Feishu use OAuth 2.0's words for their own ways.
            let sso = around.signs.any(PathSigns::SSO_ENDPOINT);
            let method = if sso { LoginMethod::Sso } else { LoginMethod::OauthCode };
            let attempt = Attempt::new(Purpose::Login, method, 95).with(Factors::VOUCHED);
            return fields.code.is_some().then_some(attempt);
        }
        Grant::Impersonal => (Purpose::TokenExchange, around.body, 95),
        Grant::Extension => return None,
    };
    Some(Attempt::new(purpose, method, score))
}

/// Others vouch, or a key signs.
fn by_assertion(fields: &Fields, around: &Around) -> Option<Attempt> {
    let signs = around.signs;
    if fields.saml.is_some() {
        return Some(Attempt::new(Purpose::Login, LoginMethod::Saml, 95).with(Factors::VOUCHED));
    }
    if fields.has(Fields::CLIENT_DATA | Fields::AUTHENTICATOR) && !fields.has(Fields::ATTESTATION) {
        let second = signs.any(PathSigns::SECOND) || fields.has(Fields::STEP);
        let purpose = if second { Purpose::SecondFactor } else { Purpose::Login };
        return Some(Attempt::new(purpose, LoginMethod::Webauthn, 95).with(Factors::KEY));
    }
    if fields.has(Fields::SERVICE_TICKET) && fields.password.is_none() {
        let purpose = if signs.any(PathSigns::VALIDATES) { Purpose::TokenExchange } else { Purpose::Login };
        return Some(Attempt::new(purpose, LoginMethod::Cas, 90).with(Factors::VOUCHED));
    }
    let token = fields.has(Fields::ID_TOKEN) && fields.password.is_none();
    if token && around.unsafe_method && (fields.has(Fields::STATE) || signs.any(PathSigns::LOGIN | PathSigns::CALLBACK))
    {
        return Some(Attempt::new(Purpose::Login, LoginMethod::OauthCode, 85).with(Factors::VOUCHED));
    }
    None
}

/// Points of a form, JSON object or query with a password.
fn by_password(fields: &Fields, around: &Around) -> Option<Attempt> {
    let password = fields.password.as_ref()?;
    let score = password_score(fields, password, around);
    let attempt = Attempt::new(Purpose::Login, method_of(password, fields), score).with(Factors::PASSWORD);
    let attempt = with_code(Attempt { secret: Secret::Password, ..attempt }, fields);
    let signed = attempt.with(key_proofs(fields));
    (score >= LOGIN).then_some(signed)
}

fn password_score(fields: &Fields, password: &Found, around: &Around) -> i32 {
    if fields.has(Fields::USERNAME_TOKEN) {
        return 100;
    }
    let rank = password.rank;
    let shown = match (rank, password.value.is_empty()) {
        (2, false) => 40,
        (2, true) => 25,
        (_, false) => 20,
        (_, true) => 0,
    };
    let account = match (&fields.account, rank) {
        (Some(found), _) if found.rank >= 2 => 20,
        // A name and a secret are an application's.
        (_, 1) => return 0,
        (Some(_), _) => 10,
        (None, _) => 0,
    };
    let signs = around.signs;
    let login = signs.any(PathSigns::LOGIN);
    let people = signs.any(PathSigns::PEOPLE);
    let evidence = [
        (login, 25),
        (around.unsafe_method, 5),
        (around.issued, 20),
        (account == 20 && (fields.has(Fields::CAPTCHA) || fields.code.is_some()), 10),
        (sets(signs), -60),
        (fields.other_passwords > 0, -60),
        (fields.has(Fields::MANY_RECORDS), -60),
        (people, -15),
        // Logins ask for one of them, a new account needs both.
        (people && fields.has(Fields::NAMED | Fields::ADDRESSED), -30),
        (signs.any(PathSigns::FOREIGN) && !login, -30),
    ];
    // A login tells where it was made, too.
    let connection = if login { 10 } else { 20 };
    let profile = -15 * i32::try_from(fields.profile.min(3)).unwrap_or(3);
    let connection = -connection * i32::try_from(fields.connection.min(3)).unwrap_or(3);
    shown + account + sum(&evidence) + profile + connection
}

/// Somebody is registered, or a password is set.
fn sets_password(fields: &Fields, around: &Around) -> Option<Attempt> {
    let plain = fields.password.as_ref().filter(|found| found.rank == 2 && !found.value.is_empty());
    let (secret, found) = match (&fields.new_password, plain) {
        (Some(new), _) if new.rank == 2 => (Secret::New, new),
        (_, Some(plain)) => (Secret::Password, plain),
        (Some(again), None) => (Secret::New, again),
        (None, None) => return None,
    };
    let signs = around.signs;
    // Not the caller's, or of too many to be told.
    if fields.connection > 1 || fields.has(Fields::MANY_RECORDS) || signs.any(PathSigns::FOREIGN) {
        return None;
    }
    let both = fields.has(Fields::NAMED | Fields::ADDRESSED);
    let person = signs.any(PathSigns::PEOPLE) || both || fields.profile > 0;
    let changes = signs.any(PathSigns::CHANGES) || fields.has(Fields::OLD_PASSWORD);
    let registers = signs.any(PathSigns::REGISTERS) || person && !changes;
    let score = 40
        + sum(&[
            (fields.account.as_ref().is_some_and(|found| found.rank >= 2), 20),
            (sets(signs), 30),
            (fields.other_passwords > 0, 25),
            (signs.any(PathSigns::PEOPLE), 15),
            (fields.profile > 0, 10),
            (both, 10),
            (around.unsafe_method, 5),
            (fields.connection > 0, -30),
            (!around.unsafe_method, -20),
        ]);
    let registers = registers && (signs.any(PathSigns::REGISTERS) || !changes);
    let purpose = if registers { Purpose::Registration } else { Purpose::PasswordChange };
    let knows = fields.has(Fields::OLD_PASSWORD) || secret == Secret::New && plain.is_some() && !registers;
    let attempt = Attempt { secret, ..Attempt::new(purpose, method_of(found, fields), score) };
    Some(with_code(attempt.with(if knows { Factors::PASSWORD } else { 0 }), fields))
}

fn sets(signs: PathSigns) -> bool {
    signs.any(PathSigns::REGISTERS | PathSigns::CHANGES)
}

/// About something else, unless it says that it logs in there.
fn is_foreign(signs: PathSigns) -> bool {
    signs.any(PathSigns::FOREIGN) && !signs.any(PathSigns::ENDS_IN_LOGIN)
}

/// A one-time code beside a password is a second factor; a captcha is none.
fn with_code(attempt: Attempt, fields: &Fields) -> Attempt {
    match &fields.code {
        Some(code) if code.rank == 3 => Attempt { code: true, ..attempt.with(Factors::CODE) },
        // Whoever sets a password by number or address has a code sent there; a captcha would be named by a key.
        Some(code)
            if attempt.purpose != Purpose::Login
                && is_one_time(&code.value)
                && !fields.has(Fields::CAPTCHA_KEY)
                && is_contact(fields) =>
        {
            Attempt { code: true, ..attempt.with(Factors::CODE) }
        }
        _ => attempt,
    }
}

fn key_proofs(fields: &Fields) -> u16 {
    let key = if fields.has(Fields::KEY_PROOF) { Factors::KEY } else { 0 };
    key | if fields.has(Fields::FACE) { Factors::BIOMETRIC } else { 0 }
}

fn without_password(fields: &Fields, around: &Around) -> Option<Attempt> {
    let ways = [second_factor, by_code, by_browser, by_sso, by_key, by_secret, asks_for_code, asks_for_account];
    ways.iter().filter_map(|way| way(fields, around)).find(|attempt| attempt.score >= LOGIN)
}

/// A code without an account, in a step of its own.
fn second_factor(fields: &Fields, around: &Around) -> Option<Attempt> {
    let code = fields.code.as_ref().filter(|code| code.rank >= 2 && is_typed(code))?;
    let signs = around.signs;
    let step = signs.any(PathSigns::SECOND) || fields.has(Fields::STEP);
    if fields.account.as_ref().is_some_and(|account| account.rank >= 2) && !step {
        return None;
    }
    let score = sum(&[
        (true, if code.rank == 3 { 35 } else { 20 }),
        (signs.any(PathSigns::SECOND), 30),
        (signs.any(PathSigns::LOGIN), 20),
        (signs.any(PathSigns::VERIFIES), 10),
        (fields.has(Fields::STEP), 20),
        (around.session, 10),
        (around.unsafe_method, 5),
        (fields.has(Fields::CAPTCHA_KEY) && code.rank < 3, -30),
        (signs.any(PathSigns::SETS_UP) || sets(signs) || is_foreign(signs), -60),
    ]);
    let attempt = Attempt::new(Purpose::SecondFactor, LoginMethod::Code, score).with(Factors::CODE);
    Some(Attempt { code: true, ..attempt })
}

/// An account and a one-time code in place of a password.
fn by_code(fields: &Fields, around: &Around) -> Option<Attempt> {
    let code = fields.code.as_ref().filter(|code| code.rank >= 2 && is_typed(code))?;
    let signs = around.signs;
    let registers = signs.any(PathSigns::REGISTERS);
    let score = sum(&[
        (is_contact(fields), 25),
        (!is_contact(fields) && fields.account.as_ref().is_some_and(|account| account.rank == 3), 15),
        (true, if code.rank == 3 { 30 } else { 25 }),
        (signs.any(PathSigns::LOGIN | PathSigns::REGISTERS), 25),
        (around.unsafe_method, 5),
        (around.issued, 20),
        (fields.has(Fields::CAPTCHA_KEY) && code.rank < 3, -30),
        (signs.any(PathSigns::CHANGES | PathSigns::SETS_UP) || is_foreign(signs), -60),
    ]);
    fields.account.as_ref()?;
    let purpose = if registers { Purpose::Registration } else { Purpose::Login };
    let attempt = Attempt::new(purpose, LoginMethod::Code, score).with(Factors::CODE);
    Some(Attempt { code: true, ..attempt })
}

/// A browser comes back from where it logged in, with a code of OAuth 2.0.
fn by_browser(fields: &Fields, around: &Around) -> Option<Attempt> {
    let code = fields.code.as_ref().filter(|code| is_opaque(code))?;
    let signs = around.signs;
    let here = signs.any(PathSigns::CALLBACK | PathSigns::LOGIN | PathSigns::ROOT);
    let score = sum(&[
        (true, 35),
        (fields.has(Fields::STATE), 20),
        (fields.has(Fields::REDIRECT), 10),
        (here || signs.any(PathSigns::SSO), 20),
        (code.rank == 1, 5),
        (is_foreign(signs), -60),
    ]);
    let sso = signs.any(PathSigns::SSO) || code.rank == 1;
    let method = if sso { LoginMethod::Sso } else { LoginMethod::OauthCode };
    let whole = fields.has(Fields::STATE) && (here || sso);
    whole.then(|| Attempt::new(Purpose::Login, method, score).with(Factors::VOUCHED))
}

/// A code of WeChat, WeCom, DingTalk, Feishu becomes a person.
fn by_sso(fields: &Fields, around: &Around) -> Option<Attempt> {
    let code = fields.code.as_ref().filter(|code| is_opaque(code))?;
    let signs = around.signs;
    let score = sum(&[
        (true, if code.rank == 1 { 40 } else { 30 }),
        (signs.any(PathSigns::SSO_ENDPOINT), 50),
        (signs.any(PathSigns::SSO), 30),
        (signs.any(PathSigns::LOGIN), 25),
        (around.unsafe_method, 5),
        (sets(signs) || is_foreign(signs), -60),
    ]);
    Some(Attempt::new(Purpose::Login, LoginMethod::Sso, score).with(Factors::VOUCHED))
}

/// A USB key signs, or a face is shown.
fn by_key(fields: &Fields, around: &Around) -> Option<Attempt> {
    let proofs = key_proofs(fields);
    let signs = around.signs;
    let score = sum(&[
        (proofs != 0, 40),
        (signs.any(PathSigns::LOGIN), 25),
        (around.unsafe_method, 5),
        (signs.any(PathSigns::SETS_UP) || sets(signs), -60),
    ]);
    (proofs != 0).then(|| Attempt::new(Purpose::Login, around.body, score).with(proofs))
}

/// An application shows its secret for a token.
fn by_secret(fields: &Fields, around: &Around) -> Option<Attempt> {
    let shown = fields.has(Fields::CLIENT_SECRET) && fields.code.is_none();
    let score = sum(&[(true, 40), (around.signs.any(PathSigns::LOGIN), 25), (around.issued, 20)]);
    shown.then(|| Attempt::new(Purpose::TokenExchange, around.body, score))
}

/// A one-time code is to be sent.
fn asks_for_code(fields: &Fields, around: &Around) -> Option<Attempt> {
    let asks = around.signs.any(PathSigns::SENDS_CODE)
        && is_contact(fields)
        && !fields.has(Fields::MESSAGE)
        && fields.code.as_ref().is_none_or(|code| code.rank == 2 && !is_one_time(&code.value) || captcha(fields, code));
    asks.then(|| Attempt::new(Purpose::CodeRequest, LoginMethod::Code, 90))
}

/// The code beside the number is what the eyes saw, before the other is sent.
fn captcha(fields: &Fields, code: &Found) -> bool {
    code.rank == 2 && fields.has(Fields::CAPTCHA_KEY)
}

fn asks_for_account(fields: &Fields, around: &Around) -> Option<Attempt> {
    let account =
        fields.account.as_ref().filter(|account| account.rank >= 2 || around.signs.any(PathSigns::LOOKS_UP))?;
    let asks = around.signs.any(PathSigns::LOOKS_UP) && fields.code.is_none();
    asks.then(|| Attempt::new(Purpose::AccountLookup, account.method, 80))
}

/// As whatever the password stands in.
fn method_of(found: &Found, fields: &Fields) -> LoginMethod {
    match found.method {
        LoginMethod::Json | LoginMethod::Query if fields.has(Fields::GRAPHQL) => LoginMethod::Graphql,
        method => method,
    }
}

/// The account is a number or an address to which a code may be sent.
fn is_contact(fields: &Fields) -> bool {
    fields.account.as_ref().is_some_and(|found| {
        let digits = found.value.bytes().filter(u8::is_ascii_digit).count();
        let number = digits >= 8 && found.value.bytes().all(|b| b.is_ascii_digit() || b"+- ()".contains(&b));
        let shaped = number || found.value.split_once('@').is_some_and(|(_, domain)| domain.contains('.'));
        shaped || found.rank == 2
    })
}

/// Four to eight digits.
fn is_one_time(code: &str) -> bool {
    (4..=8).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
}

/// What people type from another screen: digits, or under a plain name letters as well.
fn is_typed(code: &Found) -> bool {
    let value = code.value.trim();
    is_one_time(value)
        || code.rank == 3
            && (4..=12).contains(&value.len())
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b' ')
}

/// What no one types.
fn is_opaque(code: &Found) -> bool {
    code.rank < 3
        && code.value.len() >= 10
        && code.value.bytes().all(|b| b.is_ascii_graphic())
        && code.value.bytes().any(|b| b.is_ascii_digit())
        && code.value.bytes().any(|b| b.is_ascii_alphabetic())
}
