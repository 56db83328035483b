//! Credentials a request carries: in fields, cookies, and where they should not be, in its target.
//!
//! What leaves is a kind, a place, a mask, and a keyed fingerprint of the secret part alone, so that a token shows to be
//! the same whether it came as `Authorization: Bearer`, as a cookie or as a parameter.

use std::borrow::Cow;

use spyhop_http::{Field, RequestHead};
use spyhop_model::{Credential, CredentialKind, Place, Timestamp};

use crate::login::names::Name;
use crate::login::secret::basic;
use crate::token::Tokens;
use crate::walk::{Leaf, LeafKind, Piece};

/// Credentials kept of one request; further ones are counted.
const MOST: usize = 16;
/// Longest secret; what is longer is data.
const LONGEST: usize = 8 << 10;
/// Bytes of a name that are kept in its place.
const NAME: usize = 64;
/// Cookies kept of one request whose names do not say that they carry anything; further ones are most likely no secrets.
const COOKIES: u8 = 4;
/// Nesting of a body in which credentials are looked for: `{"token":…}`, `{"head":{"token":…}}`.
const DEPTH: usize = 2;
/// Leaves of a body that are read.
const LEAVES: u16 = 256;

/// Collects the credentials of one request. Holds no secret, only what [`Credential`] says.
#[derive(Debug, Default)]
pub struct CredentialScan {
    found: Vec<Credential>,
    /// Credentials beyond [`MOST`].
    left_out: u32,
    /// Cookies whose names do not say what they are.
    unnamed: u8,
    /// Leaves of the body that were read.
    leaves: u16,
}

impl CredentialScan {
    /// Reads the head of an exchange that began at `at`: fields, cookies, path parameters.
    pub(crate) fn request(&mut self, head: &RequestHead<'_>, tokens: &mut Tokens, at: Timestamp) {
        for field in head.fields {
            self.field(field, tokens, at);
        }
        self.path_parameters(head.target, tokens, at);
    }

    /// Reads a parameter of the query.
    pub(crate) fn query(&mut self, leaf: &Leaf<'_>, tokens: &mut Tokens, at: Timestamp) {
        if leaf.piece != Piece::Whole || leaf.key.is_empty() {
            return;
        }
        let secret = secret_part(leaf.value);
        if let Some(kind) = of_parameter(leaf.key, &secret) {
            self.add(kind, Place::Query(short(leaf.key)), &secret, (tokens, at));
        }
    }

    /// Reads a field of a body. Passwords there are of logins, and keys are settings.
    pub(crate) fn body(&mut self, leaf: &Leaf<'_>, tokens: &mut Tokens, at: Timestamp) {
        let is_value = leaf.kind == LeafKind::Text && leaf.piece == Piece::Whole && leaf.value.len() >= 8;
        self.leaves = self.leaves.saturating_add(1);
        if self.leaves > LEAVES || !is_value || leaf.path.contains(['[', '<']) || leaf.path.matches('.').count() > DEPTH
        {
            return;
        }
        let secret = secret_part(leaf.value);
        let kind = of_parameter(leaf.key, &secret);
        if let Some(kind @ (CredentialKind::Bearer | CredentialKind::Session | CredentialKind::OneTime)) = kind {
            let place = if leaf.path.starts_with('$') { leaf.path.into() } else { short(leaf.key) };
            self.add(kind, Place::Body(place), &secret, (tokens, at));
        }
    }

    /// What a cookie of that name carries.
    pub(crate) fn cookie(&self, name: &str) -> Option<&Credential> {
        self.found.iter().find(|found| matches!(&found.place, Place::Cookie(known) if **known == *name))
    }

    /// Whether it carries what is good for one use: who hands it in is let in.
    pub(crate) fn has_one_time(&self) -> bool {
        self.found.iter().any(|found| found.kind == CredentialKind::OneTime)
    }

    /// What was found, in order, and how many were left out because there were too many.
    pub fn finish(self) -> (Vec<Credential>, u32) {
        (self.found, self.left_out)
    }

    fn field(&mut self, field: &Field<'_>, tokens: &mut Tokens, began: Timestamp) {
        let at = || Place::Header(short(&String::from_utf8_lossy(field.name).to_lowercase()));
        let cx = (tokens, began);
        if field.name.eq_ignore_ascii_case(b"cookie") {
            self.cookies(field.value, cx);
        } else if field.name.eq_ignore_ascii_case(b"authorization") {
            if let Some((user, password)) = basic(field.value) {
                // A key may stand in the user's place, with no password or a filler.
                if !is_key_marker(&password) {
                    self.add(CredentialKind::Basic, at(), &password, cx);
                } else if is_secret(&user, 16) {
                    self.add(CredentialKind::ApiKey, at(), &user, cx);
                }
            } else if let Some(secret) = text(field.value).and_then(bearer) {
                self.add(CredentialKind::Bearer, at(), &secret, cx);
            }
        } else if let Some(kind) = of_field(field.name) {
            let secret = text(field.value).map(secret_part).filter(|secret| is_token(secret));
            if let Some(secret) = secret {
                self.add(kind, at(), &secret, cx);
            }
        }
    }

    fn cookies(&mut self, field: &[u8], (tokens, began): (&mut Tokens, Timestamp)) {
        for (name, value) in cookies(field) {
            let secret = secret_part(value);
            let kind = if session_cookie(name).is_some() {
                is_token(&secret).then_some(CredentialKind::Session)
            } else if self.unnamed < COOKIES && may_be_session(name, &secret) {
                self.unnamed += 1;
                Some(CredentialKind::Cookie)
            } else {
                None
            };
            if let Some(kind) = kind {
                self.add(kind, Place::Cookie(short(name)), &secret, (tokens, began));
            }
        }
    }

    /// `/app;jsessionid=…` (RFC 3986, section 3.3).
    fn path_parameters(&mut self, target: &[u8], tokens: &mut Tokens, at: Timestamp) {
        let path = target.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default();
        if memchr::memchr(b';', path).is_none() {
            return;
        }
        let segments = path.strip_prefix(b"/").unwrap_or(path).split(|b| *b == b'/').zip(0_u16..);
        for (segment, index) in segments {
            for parameter in segment.split(|b| *b == b';').skip(1).filter_map(text) {
                let Some((name, value)) = parameter.split_once('=') else { continue };
                let secret = secret_part(value);
                if let Some(kind) = of_parameter(name, &secret) {
                    self.add(kind, Place::Path(index), &secret, (tokens, at));
                }
            }
        }
    }

    fn add(&mut self, kind: CredentialKind, place: Place, secret: &str, (tokens, at): (&mut Tokens, Timestamp)) {
        if secret.len() > LONGEST {
            return;
        }
        if self.found.len() >= MOST {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let refresh = match &place {
            Place::Query(name) | Place::Body(name) | Place::Cookie(name) | Place::Header(name) => is_refresh(name),
            Place::Path(_) => false,
        };
        let judged = tokens.judge(kind, secret, refresh, at);
        self.found.push(Credential {
            kind,
            place,
            fingerprint: judged.fingerprint,
            sample: judged.sample,
            flaws: judged.flaws,
            claims: judged.claims,
        });
    }
}

/// Whether a name says that what it holds is good only for getting another token.
pub(crate) fn is_refresh(name: &str) -> bool {
    name.as_bytes().windows(7).any(|window| window.eq_ignore_ascii_case(b"refresh"))
}

/// Fields that carry a token. CSRF tokens are none.
const HEADERS: &[(&str, CredentialKind)] = &[
    ("token", CredentialKind::Bearer),
    ("x-token", CredentialKind::Bearer),
    ("x-access-token", CredentialKind::Bearer),
    ("x-auth-token", CredentialKind::Bearer),
    ("x-user-token", CredentialKind::Bearer),
    ("x-session-token", CredentialKind::Bearer),
    ("access-token", CredentialKind::Bearer),
    ("accesstoken", CredentialKind::Bearer),
    ("access_token", CredentialKind::Bearer),
    ("auth-token", CredentialKind::Bearer),
    ("admin-token", CredentialKind::Bearer),
    ("login-token", CredentialKind::Bearer),
    ("user-token", CredentialKind::Bearer),
    ("satoken", CredentialKind::Bearer),
    ("blade-auth", CredentialKind::Bearer),
    ("x-authorization", CredentialKind::Bearer),
    ("proxy-authorization", CredentialKind::Bearer),
    ("x-session-id", CredentialKind::Session),
    ("sessionid", CredentialKind::Session),
    ("session-id", CredentialKind::Session),
    ("x-api-key", CredentialKind::ApiKey),
    ("api-key", CredentialKind::ApiKey),
    ("apikey", CredentialKind::ApiKey),
    ("x-apikey", CredentialKind::ApiKey),
    ("x-api-token", CredentialKind::ApiKey),
    ("x-auth-key", CredentialKind::ApiKey),
    ("x-goog-api-key", CredentialKind::ApiKey),
    ("private-token", CredentialKind::ApiKey),
    ("ocp-apim-subscription-key", CredentialKind::ApiKey),
];

pub(crate) fn of_field(name: &[u8]) -> Option<CredentialKind> {
    // No other field is looked for: the names in the table end in these letters, the common fields do not.
    let may_be = matches!(name.last().map(u8::to_ascii_lowercase), Some(b'n' | b'd' | b'h' | b'y'));
    let found = HEADERS.iter().find(|(known, _)| may_be && name.eq_ignore_ascii_case(known.as_bytes()));
    found.map(|(_, kind)| *kind)
}

/// What a parameter of that squashed name carries, however short; `key`, `code` and `refresh` are left out, which are mostly words.
pub(crate) fn parameter(squashed: &str) -> Option<CredentialKind> {
    let is_word = matches!(squashed, "key" | "code" | "refresh");
    PARAMETERS.iter().find(|(known, ..)| *known == squashed && !is_word).map(|(_, kind, _)| *kind)
}

/// Whether the password of Basic says that the user is a key.
pub(crate) fn is_key_marker(password: &str) -> bool {
    matches!(password, "" | "x-oauth-basic")
}

/// Parameters that carry one, squashed, with the fewest characters by which they are believed.
const PARAMETERS: &[(&str, CredentialKind, usize)] = &[
    ("token", CredentialKind::Bearer, 8),
    ("accesstoken", CredentialKind::Bearer, 8),
    ("authtoken", CredentialKind::Bearer, 8),
    ("usertoken", CredentialKind::Bearer, 8),
    ("logintoken", CredentialKind::Bearer, 8),
    ("sessiontoken", CredentialKind::Bearer, 8),
    ("refreshtoken", CredentialKind::Bearer, 8),
    ("refresh", CredentialKind::Bearer, 60),
    ("idtoken", CredentialKind::Bearer, 16),
    ("xtoken", CredentialKind::Bearer, 8),
    ("xaccesstoken", CredentialKind::Bearer, 8),
    ("satoken", CredentialKind::Bearer, 8),
    ("ssotoken", CredentialKind::Bearer, 8),
    ("jwt", CredentialKind::Bearer, 16),
    ("bearer", CredentialKind::Bearer, 16),
    ("auth", CredentialKind::Bearer, 16),
    ("authorization", CredentialKind::Bearer, 16),
    ("bladeauth", CredentialKind::Bearer, 16),
    ("credential", CredentialKind::Bearer, 16),
    ("ticket", CredentialKind::Bearer, 16),
    ("code", CredentialKind::OneTime, 16),
    ("sessionid", CredentialKind::Session, 16),
    ("jsessionid", CredentialKind::Session, 16),
    ("phpsessid", CredentialKind::Session, 16),
    ("sid", CredentialKind::Session, 16),
    ("sessionkey", CredentialKind::Session, 16),
    ("apikey", CredentialKind::ApiKey, 8),
    ("key", CredentialKind::ApiKey, 16),
    ("secret", CredentialKind::ApiKey, 8),
    ("appsecret", CredentialKind::ApiKey, 8),
    ("clientsecret", CredentialKind::ApiKey, 8),
    ("secretkey", CredentialKind::ApiKey, 8),
    ("corpsecret", CredentialKind::ApiKey, 8),
    ("password", CredentialKind::Password, 4),
    ("passwd", CredentialKind::Password, 4),
    ("pwd", CredentialKind::Password, 4),
    ("userpwd", CredentialKind::Password, 4),
    ("userpassword", CredentialKind::Password, 4),
    ("loginpwd", CredentialKind::Password, 4),
    ("jpassword", CredentialKind::Password, 4),
    ("mima", CredentialKind::Password, 4),
    ("密码", CredentialKind::Password, 4),
];

pub(crate) fn of_parameter(name: &str, secret: &str) -> Option<CredentialKind> {
    // `_token` is Laravel's against forgery.
    if name == "_token" {
        return None;
    }
    let squashed = Name::of_field(name);
    let (name, kind, least) = PARAMETERS.iter().find(|(known, ..)| *known == squashed.squashed())?;
    if *kind == CredentialKind::Password {
        return (secret.chars().nth(least - 1).is_some() && !is_placeholder(secret)).then_some(*kind);
    }
    // Tickets of CAS are good for one use (CAS protocol, section 3.1).
    let one_time = *name == "ticket" && (secret.starts_with("ST-") || secret.starts_with("PT-"));
    // A key of a cache or a file is a word or a path; a code may be one of goods.
    let word = matches!(*name, "key" | "code")
        && !(secret.bytes().any(|b| b.is_ascii_digit()) && secret.bytes().any(|b| b.is_ascii_alphabetic()));
    let path = *name == "key" && secret.contains(['/', '.', ':', ' ']) || *name == "code" && !is_plain(secret);
    let kind = if one_time { CredentialKind::OneTime } else { *kind };
    (is_secret(secret, *least) && !word && !path).then_some(kind)
}

/// How a cookie holds a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// A container's session: anonymous visitors have one too.
    Session,
    /// Handed out to somebody who is known.
    Token,
}

/// Cookies whose names say that they carry a session.
pub(crate) fn session_cookie(name: &str) -> Option<Carrier> {
    const SESSIONS: &[&str] = &[
        "jsessionid",
        "phpsessid",
        "aspnetsessionid",
        "connectsid",
        "laravelsession",
        "session",
        "sid",
        "cisession",
        "sessid",
        "cfid",
        "jsessionidsso",
        "sessionidss",
    ];
    const TOKENS: &[&str] = &[
        "satoken",
        "admintoken",
        "rememberme",
        "remembertoken",
        "token",
        "accesstoken",
        "uidtt",
        "jwt",
        "authtoken",
        "sessionid",
        "aspxauth",
        "castgc",
        "tgc",
        "ltpatoken",
        "ltpatoken2",
        "sessdata",
        "authorization",
    ];
    const TOKEN_BEGINS: &[&str] =
        &["wordpress_logged_in_", "wordpress_sec_", "remember_web_", ".AspNetCore.Identity", ".AspNetCore.Cookies"];
    const SESSION_BEGINS: &[&str] = &["SSESS", "SESS", ".AspNetCore.Session"];
    const NOT: &[&str] = &[
        "csrf",
        "xsrf",
        "antiforgery",
        "push",
        "device",
        "page",
        "verification",
        "ai",
        "culture",
        "hj",
        "next",
        "captcha",
    ];

    let words = Name::new(name.as_bytes());
    let squashed = words.squashed();
    if TOKENS.contains(&squashed) || TOKEN_BEGINS.iter().any(|begin| name.starts_with(begin)) {
        return Some(Carrier::Token);
    }
    if SESSIONS.contains(&squashed) {
        return Some(Carrier::Session);
    }
    let carrier = match words.words().last()? {
        "token" | "jwt" => Carrier::Token,
        "session" | "sessionid" | "sid" | "sessid" => Carrier::Session,
        "id" if squashed.ends_with("sessionid") => Carrier::Session,
        _ if SESSION_BEGINS.iter().any(|begin| name.starts_with(begin)) => Carrier::Session,
        _ => return None,
    };
    (!words.has(NOT)).then_some(carrier)
}

/// Whether a cookie whose name says nothing may carry a session: its value looks drawn at random, and its name is not of
/// those that count visitors, spread load or guard against forgery.
pub(crate) fn may_be_session(name: &str, secret: &str) -> bool {
    const BEGINS: &[&str] = &[
        "_ga",
        "_gid",
        "_gat",
        "_gcl",
        "__gads",
        "__gpi",
        "__utm",
        "utm",
        "hm_lvt",
        "hm_lpvt",
        "__cf",
        "cf_",
        "_cf",
        "_fb",
        "_hj",
        "ajs_",
        "amp_",
        "mp_",
        "_pk_",
        "_clck",
        "_clsk",
        "_uet",
        "cna",
        "um_distinctid",
        "cnzz",
        "acw_",
        "aliyungf",
        "serverid",
        "bigip",
        "awsalb",
        "route",
        "sensorsdata",
        "_dd_",
        "nid",
        "ide",
        "gr_",
        "deviceid",
        "device_id",
        "smid",
        "optimizely",
        "intercom",
        "ttwid",
        "visitor",
        "srv_id",
        "sto-id",
    ];
    const WORDS: &[&str] = &[
        "csrf",
        "ai",
        "hj",
        "culture",
        "push",
        "page",
        "verification",
        "next",
        "xsrf",
        "antiforgery",
        "captcha",
        "locale",
        "lang",
        "language",
        "theme",
        "consent",
        "device",
        "visitor",
        "track",
        "tracking",
        "analytics",
        "ab",
        "experiment",
        "fingerprint",
        "guid",
        "nonce",
        "state",
    ];
    // Written as one word, too.
    const WITHIN: &[&str] = &["csrf", "xsrf", "captcha", "track", "analytic", "visitor", "consent"];
    /// Different characters that a random value of that length has.
    const DIFFERENT: u32 = 8;
    let is = |test: fn(&u8) -> bool| secret.bytes().any(|byte| test(&byte));
    if !(16..=LONGEST).contains(&secret.len()) || !is(u8::is_ascii_digit) || !is(u8::is_ascii_alphabetic) {
        return false;
    }
    let different = secret.bytes().fold(0_u128, |seen, byte| seen | 1 << (byte & 0x7f)).count_ones();
    let words = Name::new(name.as_bytes());
    let begins = |begin: &&str| name.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin));
    different >= DIFFERENT
        && is_plain(secret)
        && is_secret(secret, 16)
        && !BEGINS.iter().any(begins)
        && !words.has(WORDS)
        && !WITHIN.iter().any(|part| words.squashed().contains(part))
}

/// Characters that tokens are made of.
fn is_plain(secret: &str) -> bool {
    secret
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'=' | b'+' | b'/' | b'-' | b'~'))
}

/// Names and values of a Cookie field (RFC 6265, section 4.2.1); what is no text is left out.
pub(crate) fn cookies(field: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    field.split(|b| *b == b';').filter_map(|pair| text(pair)?.trim().split_once('='))
}

/// The secret itself: without quotes, scheme and percent-encoding.
pub(crate) fn secret_part(value: &str) -> Cow<'_, str> {
    let value = value.trim().trim_matches('"');
    let value = match value.contains('%') {
        true => Cow::Owned(percent_decoded(value)),
        false => Cow::Borrowed(value),
    };
    let behind_scheme =
        value.split_once([' ', '+']).filter(|(scheme, _)| SCHEMES.iter().any(|s| s.eq_ignore_ascii_case(scheme)));
    match behind_scheme {
        Some((_, secret)) => Cow::Owned(secret.trim().to_owned()),
        None => value,
    }
}

/// Schemes of Authorization that carry a token as it is.
const SCHEMES: &[&str] = &["bearer", "token", "jwt", "apikey"];

/// The token of an Authorization field (RFC 6750); many systems send it without a scheme.
fn bearer(field: &str) -> Option<Cow<'_, str>> {
    let secret = secret_part(field);
    (!secret.contains(' ') && is_secret(&secret, 8)).then_some(secret)
}

/// Long enough, and no placeholder, truth, number or mask.
pub(crate) fn is_secret(secret: &str, least: usize) -> bool {
    let number = secret.len() < 20 && secret.bytes().all(|b| b.is_ascii_digit());
    secret.len() >= least && !number && !is_placeholder(secret)
}

/// The same where the place says that it is a token: one that is a number is guessed, but used.
pub(crate) fn is_token(secret: &str) -> bool {
    /// A time in seconds.
    const DIGITS: usize = 10;
    let number = secret.len() >= DIGITS && secret.bytes().all(|b| b.is_ascii_digit());
    is_secret(secret, 8) || number && !is_placeholder(secret)
}

fn is_placeholder(secret: &str) -> bool {
    const WORDS: &[&str] = &[
        "null",
        "undefined",
        "none",
        "nil",
        "true",
        "false",
        "nan",
        "deleteme",
        "deleted",
        "anonymous",
        "[object object]",
    ];
    let first = secret.chars().next();
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(secret))
        || secret.chars().all(|c| Some(c) == first)
        || secret.starts_with(['{', '<', '$', '[']) && secret.ends_with(['}', '>', ']'])
        || secret.contains("***")
}

/// A name as it may be shown in a place; one that looks like a value may not.
pub(crate) fn short(name: &str) -> Box<str> {
    if !crate::redact::is_name(name) {
        return "*".into();
    }
    name.get(..name.floor_char_boundary(NAME)).unwrap_or(name).into()
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn percent_decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let digit =
        |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = (*byte == b'%').then(|| Some(digit(at + 1)? << 4 | digit(at + 2)?)).flatten();
        out.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
