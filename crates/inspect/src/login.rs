//! Is this exchange a login attempt, whose, with what proof, and what came of it? Or another of the steps in which somebody's
//! identity is proved: a second factor, the sending of a code, a registration, a change of password, an exchange of tokens.
//!
//! Evidence is scored: the names of fields, the words of the path, what the answer hands out; from [`LOGIN`] points on it
//! is an attempt. Words are in [`tables`], what they mean of names and paths in [`names`]; [`fields`] gathers a request's,
//! [`verdict`] weighs them; `Authorization` is read in [`header`], documents of GraphQL and SAML in files of their names;
//! the answer's votes are in [`outcome`], its sentences in [`refusal`], how passwords are written is in [`secret`]. A further
//! dialect is a row in a table, or a further source of the same evidence.
//!
//! Account and password are held here while the exchange passes by and nowhere else; neither is printed or serialised.

mod fields;
mod graphql;
mod header;
pub(crate) mod names;
mod outcome;
mod refusal;
mod saml;
pub(crate) mod secret;
mod tables;
mod verdict;

use spyhop_http::{RequestHead, ResponseHead, field};
use spyhop_model::{Account, Factors, Key, Login, LoginMethod, Outcome, Place, Purpose, Refusal, SecretForm};

use crate::credential::{Carrier, cookies, is_secret, secret_part, session_cookie};
use crate::password::{Judged, Strength};
use crate::walk::{Leaf, Piece};
use fields::{Fields, Found};
use header::Presented;
use names::PathSigns;
use outcome::{Evidence, Votes};
use verdict::{Around, Attempt, Secret};

/// From this score on an exchange is a login attempt.
pub const LOGIN: i32 = 60;

/// Bytes of an HTML answer that are searched for another login form.
const PAGE: usize = 64 << 10;
/// An HTML answer of at most so many bytes is one sentence, mostly in a script's `alert`.
const SENTENCE: usize = 1024;
/// Places of a page that are looked at because they may tell an error, and bytes read of each.
const PLACES: usize = 4;
const PLACE: usize = 200;
/// Longest account that an answer names, in bytes.
const ACCOUNT: usize = 256;
/// Fields of an answer that carry a token.
const TOKEN_FIELDS: &[&str] =
    &["authorization", "x-auth-token", "x-access-token", "x-subject-token", "token", "access-token"];

/// Recognises a login attempt while its exchange passes by.
#[derive(Default)]
pub struct LoginScan {
    unsafe_method: bool,
    /// The request shows a credential in `Authorization`.
    authorized: bool,
    /// How the body is written, by its media type; JSON shows by itself.
    xml: bool,
    multipart: bool,
    body: Option<LoginMethod>,
    /// What is read of the head once a secret is seen; empty where none can come.
    target: Box<[u8]>,
    referer: Box<[u8]>,
    cookies: Box<[u8]>,
    header: Option<Presented>,
    fields: Fields,
    /// The request may be an attempt by what its fields say, whatever is answered.
    by_fields: bool,
    /// What the path says, once it was asked for.
    path: Option<PathSigns>,
    status: u16,
    /// Digest: the password may be right, only the nonce is old.
    stale: bool,
    /// The answer handed out a session or a token.
    issued: bool,
    page: usize,
    votes: Votes,
    /// The account as another system's answer names it.
    answered: Option<String>,
}

/// What [`LoginScan::finish`] needs to tell of a login without telling its secrets.
pub struct LoginContext<'a> {
    /// For the fingerprints.
    pub key: &'a Key,
    /// For weak passwords.
    pub strength: &'a Strength,
    /// Passwords that were judged before.
    pub judged: &'a Judged,
    /// The Host field, for passwords made of the company's name.
    pub host: Option<&'a str>,
    /// Makes an account presentable: as it is, or a mask where the name is a personal value.
    pub redact: &'a dyn Fn(&str) -> Box<str>,
}

impl std::fmt::Debug for LoginScan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginScan")
            .field("attempt", &self.attempt(self.issued))
            .field("signs", &PathSigns::of(&self.target).and(self.fields.route))
            .field("outcome", &self.votes.outcome())
            .finish_non_exhaustive()
    }
}

impl LoginScan {
    /// Reads the request's head.
    pub fn request(&mut self, head: &RequestHead<'_>) {
        self.unsafe_method = matches!(head.method, b"POST" | b"PUT" | b"PATCH");
        let shown = field(head.fields, "authorization");
        self.authorized = shown.is_some();
        self.header = shown.and_then(Presented::read);
        if self.unsafe_method || memchr::memchr(b'?', head.target).is_some() {
            self.target = head.target.into();
            self.referer = field(head.fields, "referer").unwrap_or_default().into();
            self.cookies = field(head.fields, "cookie").unwrap_or_default().into();
        }
        if self.unsafe_method {
            let media = field(head.fields, "content-type").unwrap_or_default();
            self.xml = memchr::memmem::find(media, b"xml").is_some();
            self.multipart = media.get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"));
            if let Some(action) = field(head.fields, "soapaction").filter(|action| action.len() <= 512) {
                self.fields.route = PathSigns::of(action.trim_ascii().trim_ascii_end());
            }
        }
    }

    /// Reads a parameter of the query.
    pub fn query(&mut self, leaf: &Leaf<'_>) {
        self.fields.leaf(leaf, LoginMethod::Query);
    }

    /// Reads a leaf of the request's body.
    pub fn request_leaf(&mut self, leaf: &Leaf<'_>) {
        let method = match leaf.path.starts_with('$') {
            true if self.xml => LoginMethod::Xml,
            true => LoginMethod::Json,
            false if self.multipart => LoginMethod::Multipart,
            false => LoginMethod::Form,
        };
        self.body.get_or_insert(method);
        self.fields.leaf(leaf, method);
    }

    /// Whether the request may be a login; if not, its answer need not be shown. Known once the answer's head was read.
    pub fn is_candidate(&self) -> bool {
        self.by_fields || self.header.is_some()
    }

    /// Reads the answer's head.
    pub fn response(&mut self, head: &ResponseHead<'_>) {
        self.status = head.status;
        self.votes.status(head.status);
        if self.may_be() {
            self.path = Some(PathSigns::of(&self.target));
            self.by_fields = self.attempt(true).is_some();
        }
        if !self.is_candidate() {
            return;
        }
        let mut session = false;
        for field in head.fields {
            if field.name.eq_ignore_ascii_case(b"set-cookie") {
                session |= self.set_cookie(field.value);
            } else if TOKEN_FIELDS.iter().any(|name| field.name.eq_ignore_ascii_case(name.as_bytes())) {
                let secret = std::str::from_utf8(field.value).map(secret_part);
                if self.accepted() && secret.is_ok_and(|secret| is_secret(&secret, 8)) {
                    self.issued = true;
                    self.votes.hand_out();
                }
            } else if field.name.eq_ignore_ascii_case(b"www-authenticate") {
                self.stale |= memchr::memmem::find(&field.value.to_ascii_lowercase(), b"stale=true").is_some();
            }
        }
        if (300..400).contains(&head.status)
            && let Some(location) = field(head.fields, "location")
        {
            self.votes.redirect(location, &self.target, &self.referer, session);
        }
    }

    /// Reads a leaf of the answer's body.
    pub fn response_leaf(&mut self, leaf: &Leaf<'_>) {
        if !self.is_candidate() {
            return;
        }
        self.issued |= self.votes.leaf(leaf, self.accepted());
        if leaf.path.contains("<jwt>.") {
            self.fields.claims(leaf);
        } else if leaf.parent.is_empty() && self.answered.is_none() {
            // WeCom, DingTalk: the person behind the code.
            let named = matches!(leaf.key, "UserId" | "userid" | "userId" | "openid");
            let value = Some(leaf.value).filter(|value| named && !value.is_empty() && value.len() <= ACCOUNT);
            self.answered = value.filter(|_| leaf.piece == Piece::Whole).map(str::to_owned);
        }
    }

    /// Reads bytes of an answer of HTML: does it ask for the password again, or for a code?
    pub fn response_page(&mut self, bytes: &[u8]) {
        if !self.by_fields || self.page >= PAGE {
            return;
        }
        let bytes = bytes.get(..bytes.len().min(PAGE - self.page)).unwrap_or(bytes);
        if self.page == 0 && bytes.len() <= SENTENCE {
            self.votes.words(&String::from_utf8_lossy(bytes));
        }
        self.page += bytes.len();
        // `type="password"`, `type=password`, in any case.
        let again = memchr::memchr_iter(b'=', bytes).any(|at| {
            let before = bytes.get(at.saturating_sub(4)..at).unwrap_or_default();
            let behind = bytes.get(at + 1..).unwrap_or_default();
            let behind = behind.strip_prefix(b"\"").or_else(|| behind.strip_prefix(b"'")).unwrap_or(behind);
            before.eq_ignore_ascii_case(b"type")
                && behind.get(..8).is_some_and(|word| word.eq_ignore_ascii_case(b"password"))
        });
        if again {
            self.votes.cast(Evidence::FormAgain);
        } else if ["one-time-code", "otp_attempt", "name=\"otp\"", "name=\"totp\""]
            .iter()
            .any(|code| memchr::memmem::find(bytes, code.as_bytes()).is_some())
        {
            self.votes.asks_on_page();
        }
        self.errors_on_page(bytes);
    }

    /// `<div id="login_error">…`: what stands in elements that are named for errors.
    fn errors_on_page(&mut self, bytes: &[u8]) {
        let mut from = 0;
        for at in
            memchr::memmem::find_iter(bytes, b"rror").chain(memchr::memmem::find_iter(bytes, b"alert")).take(PLACES)
        {
            if at < from {
                continue;
            }
            let behind = bytes.get(at..bytes.len().min(at + 2 * PLACE)).unwrap_or_default();
            let Some(text) = memchr::memchr(b'>', behind).and_then(|end| behind.get(end + 1..)) else { continue };
            let text = String::from_utf8_lossy(text.get(..PLACE.min(text.len())).unwrap_or_default());
            // Without the tags within.
            let shown: String =
                text.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
            self.votes.on_page(&shown);
            from = at + PLACE;
        }
    }

    /// The account as it was sent, if this is a login; for raw fields only, which a replay has to ask for.
    pub fn account_as_sent(&self) -> Option<&str> {
        let by_fields = self.attempt(self.issued).filter(|attempt| self.counts(attempt));
        let account = match (by_fields, &self.header) {
            (Some(attempt), _) => self.account_of(&attempt),
            (None, header) => header.as_ref().map(Presented::user),
        };
        account.map(str::trim).filter(|account| !account.is_empty())
    }

    /// The login, if it is one. Passwords that were refused are not judged: attackers guess weak ones, and judging costs.
    pub fn finish(&self, cx: &LoginContext<'_>) -> Option<Login> {
        match self.attempt(self.issued).filter(|attempt| self.counts(attempt)) {
            Some(attempt) => self.of_fields(&attempt, cx),
            None => self.of_header(self.header.as_ref()?, cx),
        }
    }

    /// Whether there is anything to weigh; with most requests there is not.
    fn may_be(&self) -> bool {
        self.fields.any() || self.fields.account.as_ref().is_some_and(|account| account.rank >= 2)
    }

    /// What the fields make of it.
    fn attempt(&self, issued: bool) -> Option<Attempt> {
        if !self.may_be() {
            return None;
        }
        let session = |(name, value): (&str, &str)| session_cookie(name).is_some() && is_secret(&secret_part(value), 8);
        let around = Around {
            signs: self.path.unwrap_or_else(|| PathSigns::of(&self.target)).and(self.fields.route),
            unsafe_method: self.unsafe_method,
            issued,
            session: self.authorized || cookies(&self.cookies).any(session),
            body: self.body.unwrap_or(LoginMethod::Query),
        };
        Attempt::of(&self.fields, &around)
    }

    /// Whether what the fields say goes before what `Authorization` says: that somebody registers another is less than
    /// that he logs in.
    fn counts(&self, attempt: &Attempt) -> bool {
        self.header.is_none()
            || matches!(attempt.purpose, Purpose::Login | Purpose::SecondFactor | Purpose::TokenExchange)
    }

    fn account_of(&self, attempt: &Attempt) -> Option<&str> {
        let claim = self.fields.claim.as_ref().map(|(_, name)| name.as_str());
        match attempt.method {
            // A ticket names nobody, and a program is not whom it asks for.
            LoginMethod::Cas | LoginMethod::Saml => None,
            _ if attempt.purpose == Purpose::TokenExchange => None,
            LoginMethod::OauthCode => claim,
            LoginMethod::Sso => self.answered.as_deref().or(claim),
            LoginMethod::Code | LoginMethod::Webauthn => {
                self.fields.account.as_ref().filter(|account| account.rank >= 2).map(|account| account.value.as_str())
            }
            _ => self.fields.account.as_ref().map(|account| account.value.as_str()),
        }
    }

    fn of_fields(&self, attempt: &Attempt, cx: &LoginContext<'_>) -> Option<Login> {
        let assertion = (attempt.method == LoginMethod::Saml).then_some(self.fields.saml.as_ref()).flatten();
        let assertion = assertion.map(|saml| saml.read());
        if assertion.as_ref().is_some_and(|assertion| !assertion.login) {
            return None;
        }
        let named = assertion.as_ref().and_then(|assertion| assertion.name.as_deref());
        let account = named.or_else(|| self.account_of(attempt)).map(str::trim).filter(|account| !account.is_empty());
        let refused = assertion.as_ref().and_then(|assertion| assertion.accepted) == Some(false);
        let asks = self.votes.asks() && matches!(attempt.purpose, Purpose::Login | Purpose::SecondFactor);
        let outcome = if refused { Outcome::Failure } else { self.votes.outcome() };
        let found: Option<&Found> = match attempt.secret {
            Secret::None => None,
            Secret::Password => self.fields.password.as_ref(),
            Secret::New => self.fields.new_password.as_ref(),
        };
        // A digest over password and nonce says nothing about the password.
        let readable = found.filter(|_| !self.fields.has(Fields::PASSWORD_DIGEST));
        let form = readable.map(|found| secret::form(&found.value));
        let weakness = match &form {
            Some((SecretForm::Plain, text)) if outcome != Outcome::Failure => {
                cx.judged.weakness(cx.strength, text, account, cx.host)
            }
            _ => None,
        };
        let code = self.fields.code.as_ref().filter(|_| attempt.code);
        let print = |domain, value: &str| cx.key.fingerprint(domain, value.trim().as_bytes());
        let factors = Factors(attempt.factors).with(if asks { Factors::ASKED } else { 0 });
        let refusal = self.votes.refusal().map(|why| match why {
            // Without a captcha the code that is wrong is the one-time code.
            Refusal::CaptchaWrong if attempt.code && !factors.has(Factors::CAPTCHA) => Refusal::CodeWrong,
            why => why,
        });
        Some(Login {
            account: account.map(|name| self.account(name, cx)),
            purpose: attempt.purpose,
            method: attempt.method,
            place: found.or(code).map(|found| found.place.clone()),
            secret_form: form.as_ref().map(|(form, _)| *form),
            secret: readable.map(|found| cx.key.fingerprint("password", found.value.as_bytes())),
            weakness,
            code: code.map(|code| print("code", &code.value)),
            factors,
            outcome,
            refusal,
            confidence: u8::try_from(attempt.score.clamp(0, 100)).unwrap_or(100),
        })
    }

    /// `Authorization` is shown with every request, so the answer is about what was asked for; only its status tells.
    fn of_header(&self, header: &Presented, cx: &LoginContext<'_>) -> Option<Login> {
        let outcome = match self.status {
            401 if self.stale => Outcome::Unknown,
            200..=299 | 304 => Outcome::Success,
            401 | 403 | 423 | 429 => Outcome::Failure,
            _ => Outcome::Unknown,
        };
        let refusal = match self.status {
            401 if !self.stale => Some(Refusal::BadCredentials),
            423 => Some(Refusal::Locked),
            429 => Some(Refusal::Throttled),
            500..=599 => Some(Refusal::ServerError),
            _ => None,
        };
        let account = Some(header.user().trim()).filter(|user| !user.is_empty());
        let (method, password) = match header {
            Presented::Basic(_, password) => (LoginMethod::Basic, Some(password)),
            Presented::Digest(_) => (LoginMethod::Digest, None),
            Presented::Ntlm(_) => (LoginMethod::Ntlm, None),
        };
        let judged = password.filter(|_| outcome != Outcome::Failure);
        Some(Login {
            account: account.map(|name| self.account(name, cx)),
            purpose: Purpose::Login,
            method,
            place: Some(Place::Header("authorization".into())),
            secret_form: password.map(|_| SecretForm::Plain),
            secret: password.map(|password| cx.key.fingerprint("password", password.as_bytes())),
            weakness: judged.and_then(|password| cx.judged.weakness(cx.strength, password, account, cx.host)),
            code: None,
            factors: Factors(Factors::PASSWORD),
            outcome,
            refusal,
            confidence: 100,
        })
    }

    fn account(&self, name: &str, cx: &LoginContext<'_>) -> Account {
        Account {
            name: (cx.redact)(name),
            fingerprint: cx.key.fingerprint("account", canonical_account(name).as_bytes()),
        }
    }

    /// A session cookie in the answer: is it a new one?
    fn set_cookie(&mut self, field: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(field) else { return false };
        let mut parts = text.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return false };
        let gone = parts.any(|part| {
            let part = part.to_ascii_lowercase();
            part == "max-age=0"
                || part.starts_with("max-age=-")
                || part.starts_with("expires=") && part.contains("1970")
        });
        let Some(carrier) = session_cookie(name) else { return false };
        if gone || !is_secret(&secret_part(value), 8) || !self.accepted() {
            return false;
        }
        let before = cookies(&self.cookies).find(|(sent, _)| *sent == name).map(|(_, value)| secret_part(value));
        if before.as_deref() == Some(&*secret_part(value)) {
            return false;
        }
        // Laravel writes its cookie anew in every answer.
        let anew = before.is_some() && name != "laravel_session";
        self.issued = true;
        if self.status < 300 {
            let known = carrier == Carrier::Token || anew;
            match carrier {
                Carrier::Token => self.votes.hand_out(),
                Carrier::Session => self.votes.cast(if known { Evidence::Issued } else { Evidence::SessionBegun }),
            }
        }
        true
    }

    fn accepted(&self) -> bool {
        (200..400).contains(&self.status)
    }
}

/// The name under which an account is known: no surrounding space, lower case, letters of the usual width (as NFKC has them);
/// of a telephone number its digits, without China's prefix.
pub fn canonical_account(name: &str) -> String {
    let plain =
        name.chars().filter(|c| !matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')).map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
            '\u{3000}' | '\u{a0}' => ' ',
            c => c,
        });
    let lower = plain.collect::<String>().trim().to_lowercase();
    number(&lower).unwrap_or(lower)
}

/// The digits of a telephone number: with a plus in front, or a mobile number of China.
fn number(name: &str) -> Option<String> {
    let international = name.starts_with('+');
    if !name.bytes().all(|byte| byte.is_ascii_digit() || b"+-() .".contains(&byte)) {
        return None;
    }
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    let national = ["0086", "86", ""].iter().find_map(|prefix| {
        let rest = digits.strip_prefix(prefix)?;
        (rest.len() == 11 && rest.starts_with('1') && !rest.starts_with("10") && !rest.starts_with("11"))
            .then_some(rest)
    });
    match national {
        Some(national) => Some(national.to_owned()),
        None => (international && (8..=15).contains(&digits.len())).then_some(digits),
    }
}

#[cfg(test)]
mod dialogues;
