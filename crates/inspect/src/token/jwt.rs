//! JSON Web Tokens (RFC 7519) in their compact form (RFC 7515, section 7.1): what header and payload say. No signature is
//! verified; whoever holds the token could have written it.

use spyhop_model::{Timestamp, TokenFlaws};

use super::decode;
use crate::login::names::Name;
use crate::walk::{Json, Leaf, LeafKind, LeafSink, Piece};

/// Longest token that is read.
const LONGEST: usize = 8 << 10;
/// Longest name of an account.
const ACCOUNT: usize = 256;
/// Leaves of a payload that are read.
const LEAVES: u32 = 512;

/// What one says.
pub(super) struct Jwt<'a> {
    /// `alg`, as written.
    pub algorithm: String,
    /// Header and payload as they are signed.
    pub signed: &'a str,
    /// Decoded; empty without one.
    pub signature: Vec<u8>,
    key_from_header: bool,
    pub account: Option<String>,
    pub issued_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub privileged: bool,
}

/// Whether it looks like one: Base64 of `{"` or `{ ` and a full stop.
pub(super) fn may_be(secret: &str) -> bool {
    secret.starts_with("ey") && secret.contains('.')
}

impl Jwt<'_> {
    /// Reads one; `None` if it is none, or encrypted (RFC 7516).
    pub fn read(token: &str) -> Option<Jwt<'_>> {
        if token.len() > LONGEST {
            return None;
        }
        let mut parts = token.split('.');
        let (header, payload) = (parts.next()?, parts.next()?);
        let signature = parts.next().unwrap_or_default();
        if parts.next().is_some() {
            return None;
        }
        let mut head = Header::default();
        walk(&decode(header)?, &mut head);
        let mut body = Payload::default();
        walk(&decode(payload)?, &mut body);
        Some(Jwt {
            algorithm: head.algorithm?,
            signed: token.get(..header.len() + 1 + payload.len())?,
            signature: decode(signature).unwrap_or_default(),
            key_from_header: head.names_key,
            account: body.account.map(|(_, name)| name),
            issued_at: body.issued_at.or(body.not_before),
            expires_at: body.expires_at,
            privileged: body.privileged,
        })
    }

    /// What is wrong with it whenever it is used.
    pub fn flaws(&self) -> u16 {
        [
            (self.algorithm.eq_ignore_ascii_case("none"), TokenFlaws::ALGORITHM_NONE),
            (self.signature.is_empty(), TokenFlaws::UNSIGNED),
            (self.key_from_header, TokenFlaws::KEY_FROM_HEADER),
        ]
        .iter()
        .filter(|(holds, _)| *holds)
        .fold(0, |flaws, (_, bit)| flaws | bit)
    }
}

fn walk<S: LeafSink>(bytes: &[u8], sink: &mut S) {
    let mut json = Json::default();
    json.feed(bytes, sink);
    json.finish(sink);
}

#[derive(Default)]
struct Header {
    algorithm: Option<String>,
    names_key: bool,
}

impl LeafSink for Header {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        match leaf.path {
            "$.alg" if leaf.value.len() <= 16 => self.algorithm = Some(leaf.value.to_owned()),
            "$.jku" | "$.x5u" => self.names_key = true,
            "$.kid" => self.names_key |= is_path_or_query(leaf.value),
            path => self.names_key |= path.starts_with("$.jwk."),
        }
    }
}

/// A key's identifier is a word, a UUID or Base64, which may have slashes.
fn is_path_or_query(kid: &str) -> bool {
    let lower = kid.to_ascii_lowercase();
    lower.starts_with('/')
        || ["../", "..\\", "://", ".pem", ".key", " union ", "select ", " or ", "--", "/etc/", "/dev/"]
            .iter()
            .any(|sign| lower.contains(sign))
        || lower.contains(['\'', '"', ';', '|', '`', '\0'])
}

/// Claims by which an account is named, squashed, the most like a person's login name first.
const ACCOUNTS: &[(&str, u8)] = &[
    ("preferredusername", 9),
    ("username", 8),
    ("loginname", 8),
    ("account", 7),
    ("loginid", 7),
    ("useraccount", 7),
    ("uniquename", 6),
    ("upn", 6),
    ("email", 5),
    ("sub", 3),
    ("uid", 2),
    ("userid", 2),
    ("user", 2),
];

/// How much a name of that squashed form is an account's, if it is one.
pub(crate) fn account_rank(squashed: &str) -> Option<u8> {
    ACCOUNTS.iter().find(|(known, _)| *known == squashed).map(|(_, rank)| *rank)
}

#[derive(Default)]
struct Payload {
    account: Option<(u8, String)>,
    issued_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    privileged: bool,
    leaves: u32,
}

impl LeafSink for Payload {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        self.leaves += 1;
        if self.leaves > LEAVES || leaf.piece != Piece::Whole {
            return;
        }
        match leaf.path {
            "$.exp" => self.expires_at = seconds(leaf.value),
            "$.iat" => self.issued_at = seconds(leaf.value),
            "$.nbf" => self.not_before = seconds(leaf.value),
            _ => self.claim(leaf),
        }
    }
}

impl Payload {
    fn claim(&mut self, leaf: &Leaf<'_>) {
        const ROLES: &[&str] = &[
            "role",
            "roles",
            "authorities",
            "authority",
            "scope",
            "scopes",
            "group",
            "groups",
            "rolename",
            "rolecode",
            "rolekey",
            "userrole",
            "userroles",
            "usertype",
            "permissions",
        ];
        let name = Name::of_field(leaf.key);
        let key = name.squashed();
        if leaf.kind == LeafKind::Word {
            self.privileged |= leaf.value == "true" && matches!(key, "admin" | "isadmin" | "superuser" | "issuperuser");
            return;
        }
        let rank = account_rank(key).filter(|_| !leaf.path.contains('[') && !leaf.value.trim().is_empty());
        if let Some(rank) = rank
            && leaf.value.len() <= ACCOUNT
            && self.account.as_ref().is_none_or(|(best, _)| *best < rank)
        {
            self.account = Some((rank, leaf.value.to_owned()));
        }
        let parent = Name::of_field(leaf.parent);
        if ROLES.contains(&key) || ROLES.contains(&parent.squashed()) {
            self.privileged |= is_privileged(leaf.value);
        }
    }
}

/// Whether a role or scope is one over others.
fn is_privileged(role: &str) -> bool {
    const WORDS: &[&str] = &[
        "admin",
        "admins",
        "administrator",
        "administrators",
        "superadmin",
        "sysadmin",
        "super",
        "superuser",
        "root",
        "manage",
        "manager",
        "ops",
        "devops",
    ];
    // Everybody may manage their own account (a default of Keycloak).
    role.split([' ', ','])
        .filter(|one| !one.starts_with("manage-account"))
        .any(|one| one == "*" || one == "*:*:*" || one.contains("管理员") || Name::new(one.as_bytes()).has(WORDS))
}

/// A NumericDate (RFC 7519, section 2): seconds since 1970, maybe with a fraction. Milliseconds are written by mistake.
fn seconds(value: &str) -> Option<Timestamp> {
    const MILLISECONDS: f64 = 1e11;
    /// What is later cannot be a time.
    const LAST: f64 = 1e14;
    let number: f64 = value.parse().ok().filter(|number| (0.0..LAST).contains(number))?;
    let millis = if number >= MILLISECONDS { number } else { number * 1_000.0 };
    Some(Timestamp((millis as u64).saturating_mul(1_000_000)))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use spyhop_model::{Claims, CredentialKind};

    use super::super::tests::tokens;
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn token(header: &str, payload: &str, signature: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(header), part(payload), part(signature))
    }

    fn judged(token: &str, refresh: bool) -> (Vec<&'static str>, Option<Claims>) {
        let mut tokens = tokens();
        let at = Timestamp::from_parts(NOW, 0);
        let first = tokens.judge(CredentialKind::Bearer, token, refresh, at);
        let again = tokens.judge(CredentialKind::Bearer, token, refresh, at);
        assert_eq!((first.flaws, &first.claims), (again.flaws, &again.claims), "reading is pure");
        (first.flaws.names().collect(), first.claims.map(|claims| *claims))
    }

    #[test]
    fn the_account_most_like_a_login_name_is_taken() {
        for (payload, expected) in [
            (r#"{"sub":"8f2c","preferred_username":"zhang.san"}"#, Some("zhang.san")),
            (r#"{"sub":"8f2c","user_name":"lisi","email":"x@y.cn"}"#, Some("lisi")),
            (r#"{"sub":"1001"}"#, Some("1001")),
            (r#"{"user":{"userName":"wang5"},"userId":7}"#, Some("wang5")),
            (r#"{"userId":7}"#, Some("7")),
            (r#"{"username":"","uid":"u9"}"#, Some("u9")),
            (r#"{"users":[{"username":"other"}],"login_user_key":"4f1c"}"#, None),
        ] {
            let (_, claims) = judged(&token(r#"{"alg":"RS256"}"#, payload, "sig"), false);
            let account = claims.expect("claims").account;
            assert_eq!(account.as_ref().map(|account| &*account.name), expected, "{payload}");
        }
        let (_, claims) = judged(&token(r#"{"alg":"RS256"}"#, r#"{"sub":"13912345678"}"#, "sig"), false);
        assert!(!claims.expect("claims").account.expect("an account").name.contains("13912345678"));
    }

    #[test]
    fn times_and_their_flaws() {
        let with = |payload: &str, refresh| judged(&token(r#"{"alg":"RS256"}"#, payload, "sig"), refresh).0;
        assert_eq!(with(&format!(r#"{{"iat":{NOW},"exp":{}}}"#, NOW + 3_600), false), Vec::<&str>::new());
        assert_eq!(with(r#"{"sub":"a"}"#, false), ["never_ends"]);
        let long = format!(r#"{{"iat":{NOW},"exp":{}}}"#, NOW + 31 * 86_400);
        assert_eq!(with(&long, false), ["ends_late"]);
        assert_eq!(with(&long, true), Vec::<&str>::new());
        assert_eq!(with(&format!(r#"{{"exp":{}}}"#, NOW - 1), false), ["expired"]);
        assert_eq!(with(&format!(r#"{{"exp":{}.5}}"#, NOW + 9), false), Vec::<&str>::new());
        let (_, claims) =
            judged(&token(r#"{"alg":"RS256"}"#, &format!(r#"{{"iat":{NOW}000,"exp":1e300}}"#), "s"), false);
        let claims = claims.expect("claims");
        assert_eq!((claims.issued_at, claims.expires_at), (Some(Timestamp::from_parts(NOW, 0)), None));
    }

    #[test]
    fn headers_and_their_flaws() {
        let payload = format!(r#"{{"exp":{}}}"#, NOW + 60);
        let with = |header: &str, signature: &str| judged(&token(header, &payload, signature), false).0;
        assert_eq!(with(r#"{"alg":"None"}"#, ""), ["algorithm_none", "unsigned"]);
        assert_eq!(with(r#"{"alg":"HS256"}"#, ""), ["unsigned"]);
        for header in [
            r#"{"alg":"RS256","jku":"https://evil/keys"}"#,
            r#"{"alg":"RS256","jwk":{"kty":"RSA","n":"x"}}"#,
            r#"{"alg":"HS256","kid":"../../dev/null"}"#,
            r#"{"alg":"HS256","kid":"x' UNION SELECT 'a"}"#,
        ] {
            assert_eq!(with(header, "sig"), ["key_from_header"], "{header}");
        }
        assert_eq!(with(r#"{"alg":"RS256","kid":"Ab/cd+ef=="}"#, "sig"), Vec::<&str>::new());
    }

    #[test]
    fn privileged_roles() {
        for (payload, expected) in [
            (r#"{"roles":["user","ROLE_ADMIN"]}"#, true),
            (r#"{"realm_access":{"roles":["manage-account","offline_access"]}}"#, false),
            (r#"{"scope":"openid profile"}"#, false),
            (r#"{"scope":"openid users:manage"}"#, true),
            (r#"{"isAdmin":true}"#, true),
            (r#"{"role":"系统管理员"}"#, true),
            (r#"{"authorities":[{"authority":"ROLE_OPS"}]}"#, true),
            (r#"{"role":"administrative_assistant"}"#, false),
        ] {
            let (_, claims) = judged(&token(r#"{"alg":"RS256"}"#, payload, "sig"), false);
            assert_eq!(claims.expect("claims").privileged, expected, "{payload}");
        }
    }

    #[test]
    fn what_is_none_says_nothing() {
        let long = token(r#"{"alg":"RS256"}"#, &format!(r#"{{"sub":"{}"}}"#, "a".repeat(LONGEST)), "sig");
        let encrypted = format!("{}.a.b.c.d", URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
        for other in ["eyJ", "eyJ.eyJ", "ey..", "eyJhbGciOiJub25lIn0", &long, &encrypted, &token("{}", "{}", "")] {
            assert_eq!(judged(other, false).1, None, "{other}");
        }
    }
}
