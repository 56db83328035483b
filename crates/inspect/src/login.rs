//! Is this exchange a login attempt, whose, with what password, and what came of it?
//!
//! Evidence is scored: the names of fields, the words of the path, what the answer hands out; from [`LOGIN`] points on it
//! is an attempt. Field and path words are tables in [`names`], the answer's votes are in [`outcome`], how passwords are
//! written is in [`secret`]; a further dialect is a further source of the same evidence.
//!
//! Account and password are held here while the exchange passes by and nowhere else; neither is printed or serialised.

pub(crate) mod names;
mod outcome;
pub(crate) mod secret;

use spyhop_http::{RequestHead, ResponseHead, field};
use spyhop_model::{Account, Factors, Key, Login, LoginMethod, Outcome, Place, Purpose, SecretForm};

use crate::credential::{Carrier, cookies, is_key_marker, is_secret, secret_part, session_cookie, short};
use crate::password::Strength;
use crate::walk::{Leaf, LeafKind, Piece};
use names::{FieldClass, Name, PathSigns, classify, is_connection};
use outcome::{Evidence, Votes};

/// From this score on an exchange is a login attempt.
pub const LOGIN: i32 = 60;

/// Leaves of a request that are read: a login is small.
const LEAVES: u32 = 256;
/// Longest name of a field.
const NAME: usize = 128;
/// Longest account, in bytes.
const ACCOUNT: usize = 256;
/// Longest password, in bytes: an RSA block of 8192 bits in hexadecimal digits.
const PASSWORD: usize = 2048;
/// Bytes of an HTML answer that are searched for another login form.
const PAGE: usize = 64 << 10;
/// An HTML answer of at most so many bytes is one sentence, mostly in a script's `alert`.
const SENTENCE: usize = 1024;

/// Recognises a login attempt while its exchange passes by.
#[derive(Default)]
pub struct LoginScan {
    unsafe_method: bool,
    /// What is read of the head once a password is seen; empty where none can come.
    target: Box<[u8]>,
    referer: Box<[u8]>,
    cookies: Box<[u8]>,
    /// What parameters add to the path.
    route: PathSigns,
    account: Option<Found>,
    password: Option<Found>,
    basic: Option<(String, String)>,
    grant: Option<Grant>,
    /// A user name was given; an address or number was.
    named: bool,
    addressed: bool,
    other_passwords: u32,
    profile: u32,
    connection: u32,
    many_records: bool,
    leaves: u32,
    status: u16,
    /// The answer handed out a session or a token.
    issued: bool,
    page: usize,
    votes: Votes,
}

struct Found {
    value: String,
    place: Place,
    method: LoginMethod,
    /// For the password 2, or 1 for what may be one; for the account see [`FieldClass::User`].
    rank: u8,
    record: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Grant {
    Password,
    /// Codes, refresh tokens, client credentials: no password of a person is in it.
    Impersonal,
    /// An extension of some framework; the other evidence decides.
    Extension,
}

/// What [`LoginScan::finish`] needs to tell of a login without telling its secrets.
pub struct LoginContext<'a> {
    /// For the fingerprints.
    pub key: &'a Key,
    /// For weak passwords.
    pub strength: &'a Strength,
    /// The Host field, for passwords made of the company's name.
    pub host: Option<&'a str>,
    /// Makes an account presentable: as it is, or a mask where the name is a personal value.
    pub redact: &'a dyn Fn(&str) -> Box<str>,
}

impl std::fmt::Debug for LoginScan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginScan")
            .field("score", &self.score())
            .field("outcome", &self.votes.outcome())
            .finish_non_exhaustive()
    }
}

impl LoginScan {
    /// Reads the request's head.
    pub fn request(&mut self, head: &RequestHead<'_>) {
        self.unsafe_method = matches!(head.method, b"POST" | b"PUT" | b"PATCH");
        let basic = field(head.fields, "authorization").and_then(secret::basic);
        // Nobody, or a key in the user's place: see [`CredentialScan`](crate::credential::CredentialScan).
        self.basic = basic.filter(|(_, password)| !is_key_marker(password));
        if self.unsafe_method || memchr::memchr(b'?', head.target).is_some() {
            self.target = head.target.into();
            self.referer = field(head.fields, "referer").unwrap_or_default().into();
            self.cookies = field(head.fields, "cookie").unwrap_or_default().into();
        }
    }

    /// Reads a parameter of the query.
    pub fn query(&mut self, leaf: &Leaf<'_>) {
        self.field(leaf, true);
    }

    /// Reads a leaf of the request's body.
    pub fn request_leaf(&mut self, leaf: &Leaf<'_>) {
        self.field(leaf, false);
    }

    /// Whether the request may be a login; if not, its answer need not be shown.
    pub fn is_candidate(&self) -> bool {
        self.password.is_some() || self.basic.is_some()
    }

    /// Reads the answer's head.
    pub fn response(&mut self, head: &ResponseHead<'_>) {
        self.status = head.status;
        if !self.is_candidate() {
            return;
        }
        self.votes.status(head.status);
        let mut session = false;
        for field in head.fields {
            if field.name.eq_ignore_ascii_case(b"set-cookie") {
                session |= self.set_cookie(field.value);
            } else if ["authorization", "x-auth-token", "x-access-token", "x-subject-token", "token", "access-token"]
                .iter()
                .any(|name| field.name.eq_ignore_ascii_case(name.as_bytes()))
            {
                let secret = std::str::from_utf8(field.value).map(secret_part);
                if self.accepted() && secret.is_ok_and(|secret| is_secret(&secret, 8)) {
                    self.issued = true;
                    self.votes.cast(Evidence::Issued);
                }
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
        if self.is_candidate() {
            self.issued |= self.votes.leaf(leaf, self.accepted());
        }
    }

    /// Reads bytes of an answer of HTML: does it ask for the password again?
    pub fn response_page(&mut self, bytes: &[u8]) {
        if self.password.is_none() || self.page >= PAGE {
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
        }
    }

    /// The account as it was sent, if this is a login; for raw fields only, which a replay has to ask for.
    pub fn account_as_sent(&self) -> Option<&str> {
        let account = match (self.is_form(), &self.basic) {
            (true, _) => self.account.as_ref().map(|found| found.value.as_str()),
            (false, basic) => basic.as_ref().map(|(user, _)| user.as_str()),
        };
        account.map(str::trim).filter(|account| !account.is_empty())
    }

    /// The login, if it is one. Passwords that were refused are not judged: attackers guess weak ones, and judging costs.
    pub fn finish(&self, cx: &LoginContext<'_>) -> Option<Login> {
        let (method, place, password, confidence, outcome) = if self.is_form() {
            let found = self.password.as_ref()?;
            let confidence = u8::try_from(self.score().clamp(0, 100)).unwrap_or(100);
            (found.method, found.place.clone(), found.value.as_str(), confidence, self.votes.outcome())
        } else {
            let (_, password) = self.basic.as_ref().filter(|_| self.grant != Some(Grant::Impersonal))?;
            (LoginMethod::Basic, Place::Header("authorization".into()), password.as_str(), 100, self.basic_outcome())
        };
        let account = self.account_as_sent();
        let (form, readable) = match method {
            LoginMethod::Basic => (SecretForm::Plain, password.into()),
            _ => secret::form(password),
        };
        let judged = form == SecretForm::Plain && outcome != Outcome::Failure;
        Some(Login {
            account: account.map(|name| Account {
                name: (cx.redact)(name),
                fingerprint: cx.key.fingerprint("account", canonical_account(name).as_bytes()),
            }),
            purpose: Purpose::Login,
            method,
            place: Some(place),
            secret_form: Some(form),
            secret: Some(cx.key.fingerprint("password", password.as_bytes())),
            weakness: judged.then(|| cx.strength.judge(&readable, account, cx.host)).flatten(),
            code: None,
            factors: Factors(Factors::PASSWORD),
            outcome,
            refusal: None,
            confidence,
        })
    }

    fn field(&mut self, leaf: &Leaf<'_>, query: bool) {
        self.leaves = self.leaves.saturating_add(1);
        if self.leaves > LEAVES || leaf.key.is_empty() || leaf.key.len() > NAME || leaf.piece != Piece::Whole {
            return;
        }
        let method = match query {
            true => LoginMethod::Query,
            false if leaf.path.starts_with('$') => LoginMethod::Json,
            false => LoginMethod::Form,
        };
        // `user[password]` is told by the name within; `datasource.password` by the one around, too.
        let class = classify(&Name::of_field(leaf.key));
        match class {
            FieldClass::Password if is_connection(leaf.parent) => self.connection += 2,
            FieldClass::Password => self.password_field(leaf, method, 2),
            FieldClass::Secret => self.password_field(leaf, method, 1),
            FieldClass::OtherPassword => self.other_passwords += u32::from(!leaf.value.is_empty()),
            FieldClass::User(rank) => {
                self.named |= rank == 3;
                self.addressed |= rank == 2;
                let better = self.account.as_ref().is_none_or(|found| found.rank < rank);
                if better && !leaf.value.trim().is_empty() && leaf.value.len() <= ACCOUNT && is_text(leaf) {
                    self.account = Some(found(leaf, method, rank));
                }
            }
            FieldClass::Grant => self.grant = Some(grant(leaf.value)),
            FieldClass::Route if leaf.value.len() <= NAME => {
                self.route = self.route.and(PathSigns::of(leaf.value.as_bytes()))
            }
            FieldClass::Profile => self.profile += 1,
            FieldClass::Connection => self.connection += 1,
            FieldClass::Route | FieldClass::Other => {}
        }
    }

    fn password_field(&mut self, leaf: &Leaf<'_>, method: LoginMethod, rank: u8) {
        if leaf.value.len() > PASSWORD || !is_text(leaf) {
            return;
        }
        match &self.password {
            Some(first) if first.rank >= rank => {
                // An import of people has a password in every row.
                self.many_records |= first.rank == rank && first.record != leaf.record && first.method == method;
            }
            _ => self.password = Some(found(leaf, method, rank)),
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
            self.votes.cast(if known { Evidence::Issued } else { Evidence::SessionBegun });
        }
        true
    }

    fn accepted(&self) -> bool {
        (200..400).contains(&self.status)
    }

    fn is_form(&self) -> bool {
        self.score() >= LOGIN
    }

    /// Points of a form, JSON object or query.
    fn score(&self) -> i32 {
        let Some(password) = &self.password else { return 0 };
        match self.grant {
            Some(Grant::Password) => return 100,
            Some(Grant::Impersonal) => return 0,
            _ => {}
        }
        let password_rank = password.rank;
        let password = match (password.rank, password.value.is_empty()) {
            (2, false) => 40,
            (2, true) => 25,
            (_, false) => 20,
            (_, true) => 0,
        };
        let account = match (&self.account, password_rank) {
            (Some(found), _) if found.rank >= 2 => 20,
            // A name and a secret are an application's.
            (_, 1) => return 0,
            (Some(_), _) => 10,
            (None, _) => 0,
        };
        let signs = PathSigns::of(&self.target).and(self.route);
        let evidence = [
            (signs.login, 25),
            (self.unsafe_method, 5),
            (self.issued, 20),
            (signs.sets_password, -60),
            (self.other_passwords > 0, -60),
            (self.many_records, -60),
            (signs.people, -15),
            // Logins ask for one of them, a new account needs both.
            (signs.people && self.named && self.addressed, -30),
        ];
        let profile = -15 * i32::try_from(self.profile.min(3)).unwrap_or(3);
        let connection = -20 * i32::try_from(self.connection.min(2)).unwrap_or(2);
        let sum: i32 = evidence.iter().filter(|(holds, _)| *holds).map(|(_, points)| points).sum();
        password + account + sum + profile + connection
    }

    /// Basic is tried with every request, so the answer is about what was asked for; only its status tells.
    fn basic_outcome(&self) -> Outcome {
        match self.status {
            200..=299 | 304 => Outcome::Success,
            401 | 403 | 423 | 429 => Outcome::Failure,
            _ => Outcome::Unknown,
        }
    }
}

/// The name under which an account is known: no surrounding space, lower case.
pub fn canonical_account(name: &str) -> String {
    name.trim().to_lowercase()
}

fn grant(value: &str) -> Grant {
    match value {
        "password" => Grant::Password,
        "authorization_code" | "refresh_token" | "client_credentials" | "implicit" => Grant::Impersonal,
        urn if urn.starts_with("urn:") => Grant::Impersonal,
        _ => Grant::Extension,
    }
}

fn found(leaf: &Leaf<'_>, method: LoginMethod, rank: u8) -> Found {
    let place = match method {
        LoginMethod::Query => Place::Query(short(leaf.key)),
        LoginMethod::Json => Place::Body(leaf.path.into()),
        _ => Place::Body(short(leaf.key)),
    };
    Found { value: leaf.value.to_owned(), place, method, rank, record: leaf.record }
}

/// No `true`, `false`, `null`.
fn is_text(leaf: &Leaf<'_>) -> bool {
    leaf.kind != LeafKind::Word
}

#[cfg(test)]
mod dialogues;
