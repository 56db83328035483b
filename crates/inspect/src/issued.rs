//! What an answer hands out: sessions and tokens in cookies, fields, redirects and the leaves of small bodies; and what it
//! takes back.
//!
//! Fingerprints are those of [`crate::credential`], over the secret part alone, so that a token that was handed out shows to
//! be the one that is used later, wherever it then stands.

use spyhop_http::{Field, ResponseHead};
use spyhop_model::{CookieFlags, CredentialKind, Issued, Place, Span, Timestamp};

use crate::charset;
use crate::credential::{
    CredentialScan, is_refresh, is_token, may_be_session, of_field, of_parameter, secret_part, session_cookie, short,
};
use crate::login::names::Name;
use crate::token::Tokens;
use crate::walk::{Leaf, LeafKind, Piece};

/// Kept of one answer; further ones are counted.
const MOST: usize = 16;
/// Nesting of an answer in which tokens are handed out: `{"result":{"data":{"token":{"accessToken":…}}}}`.
const DEPTH: usize = 4;
/// Parameters of a redirect that are read.
const PARAMETERS: usize = 64;
/// Longest secret; what is longer is data.
const LONGEST: usize = 8 << 10;
/// What lasts longer is no length of time in seconds.
const LASTS: u64 = 20 * 366 * 86_400;

/// Collects what one answer hands out.
#[derive(Debug, Default)]
pub(crate) struct IssuedScan {
    found: Vec<Issued>,
    left_out: u32,
    /// How long tokens of the body are good, and those that refresh them.
    lasts: Option<Span>,
    refresh_lasts: Option<Span>,
}

/// What is needed to tell what an answer hands out.
pub(crate) struct Asked<'a> {
    /// What the request carried.
    pub credentials: &'a CredentialScan,
    /// Host that was asked for, without its port.
    pub host: &'a str,
    /// The request may be a login: any cookie of the answer may be a session.
    pub login: bool,
    /// When the exchange began.
    pub at: Timestamp,
}

impl IssuedScan {
    /// Reads the head.
    pub fn response(&mut self, head: &ResponseHead<'_>, asked: &Asked<'_>, tokens: &mut Tokens) {
        for field in head.fields {
            if field.name.eq_ignore_ascii_case(b"set-cookie") {
                self.cookie(&charset::text(field.value), asked, tokens);
            } else if field.name.eq_ignore_ascii_case(b"location") {
                if (300..400).contains(&head.status) {
                    self.redirect(&charset::text(field.value), asked.at, tokens);
                }
            } else if head.status < 400 {
                self.field(field, asked.at, tokens);
            }
        }
    }

    /// Reads a leaf of an answer that is no error by its status.
    pub fn leaf(&mut self, leaf: &Leaf<'_>, at: Timestamp, tokens: &mut Tokens) {
        let name = Name::of_field(leaf.key);
        let key = name.squashed();
        if leaf.path.contains(['[', '<']) || leaf.path.matches('.').count() > DEPTH || leaf.piece != Piece::Whole {
            return;
        }
        let seconds = || leaf.value.parse().ok().filter(|seconds| (1..=LASTS).contains(seconds)).map(Span::seconds);
        match key {
            "expiresin" | "expirein" | "tokentimeout" | "accesstokenexpiresin" => self.lasts = self.lasts.or(seconds()),
            "refreshexpiresin" | "refreshtokenexpiresin" => self.refresh_lasts = self.refresh_lasts.or(seconds()),
            _ => self.token(leaf, key, at, tokens),
        }
    }

    fn token(&mut self, leaf: &Leaf<'_>, key: &str, at: Timestamp, tokens: &mut Tokens) {
        let value = leaf.value.trim();
        let Some((kind, least)) = of_leaf(key).filter(|_| leaf.kind != LeafKind::Word && value.is_ascii()) else {
            return;
        };
        let secret = secret_part(value);
        if secret.len() < least || secret.contains(' ') || !is_token(&secret) {
            return;
        }
        let place = if leaf.path.starts_with('$') { leaf.path.into() } else { short(leaf.key) };
        self.add(kind, Place::Body(place), &secret, is_refresh(leaf.key), (tokens, at));
    }

    /// Whether a session is taken back, and none is handed out in its place.
    pub fn only_revokes(&self) -> bool {
        let ends = |one: &&Issued| one.revoked && !one.refresh && one.kind == CredentialKind::Session;
        self.found.iter().any(|one| ends(&one)) && !self.found.iter().any(|one| !one.revoked)
    }

    /// What was found, in order, and how many were left out because there were too many.
    pub fn finish(self) -> (Vec<Issued>, u32) {
        let IssuedScan { mut found, left_out, lasts, refresh_lasts } = self;
        for one in found.iter_mut().filter(|one| one.lasts.is_none() && matches!(one.place, Place::Body(_))) {
            one.lasts = if one.refresh { refresh_lasts } else { lasts };
        }
        (found, left_out)
    }

    /// Set-Cookie (RFC 6265, section 5.2).
    fn cookie(&mut self, text: &str, asked: &Asked<'_>, tokens: &mut Tokens) {
        let mut parts = text.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        if session_cookie(name).is_none() && !asked.login && asked.credentials.cookie(&short(name)).is_none() {
            return;
        }
        let mut flags = CookieFlags::default();
        let (mut age, mut expires) = (None, None);
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "secure" => flags.secure = true,
                "httponly" => flags.http_only = true,
                "samesite" => flags.same_site_none = value.eq_ignore_ascii_case("none"),
                "domain" => flags.wide_domain = is_wider(value, asked.host),
                "max-age" => age = value.parse::<i64>().ok(),
                "expires" => expires = date(value),
                _ => {}
            }
        }
        // Max-Age goes before Expires (section 5.3).
        let lasts = match (age, expires) {
            (Some(age), _) => Some(Span::seconds(u64::try_from(age).unwrap_or(0).min(LASTS))),
            (None, Some(at)) => Some(at.since(asked.at)),
            (None, None) => None,
        };
        let secret = secret_part(value);
        let deleted = lasts == Some(Span(0)) || secret.is_empty();
        if deleted || !is_token(&secret) {
            self.revoke(name, flags, asked, deleted);
            return;
        }
        let before = self.found.len();
        let place = Place::Cookie(short(name));
        // A cookie that is set at a login, or that was sent before, may be a session, whatever its name.
        let known = session_cookie(name).is_some();
        if !known && !may_be_session(name, &secret) {
            return;
        }
        let kind = if known { CredentialKind::Session } else { CredentialKind::Cookie };
        self.add(kind, place, &secret, is_refresh(name), (tokens, asked.at));
        if let Some(one) = self.found.get_mut(before) {
            (one.cookie, one.lasts) = (Some(flags), lasts);
        }
    }

    /// A cookie that the request carried is taken back. One that it did not carry says nothing: some frameworks delete theirs
    /// in every answer.
    fn revoke(&mut self, name: &str, flags: CookieFlags, asked: &Asked<'_>, deleted: bool) {
        let Some(sent) = asked.credentials.cookie(&short(name)).filter(|_| deleted || session_cookie(name).is_some())
        else {
            return;
        };
        let one = Issued {
            kind: sent.kind,
            place: sent.place.clone(),
            fingerprint: sent.fingerprint,
            sample: sent.sample.clone(),
            flaws: sent.flaws,
            claims: None,
            cookie: Some(flags),
            refresh: is_refresh(name),
            revoked: true,
            lasts: None,
        };
        self.push(one);
    }

    /// `#access_token=…` (RFC 6749, section 4.2.2), `?code=…` (section 4.1.2), `?ticket=ST-…` of CAS.
    fn redirect(&mut self, location: &str, at: Timestamp, tokens: &mut Tokens) {
        let Some(from) = location.find(['?', '#', ';']) else { return };
        let pairs = location.get(from..).unwrap_or_default().split(['?', '#', ';', '&']);
        for (name, value) in pairs.take(PARAMETERS).filter_map(|pair| pair.split_once('=')) {
            let secret = secret_part(value);
            let kind = of_parameter(name, &secret);
            if let Some(kind @ (CredentialKind::Bearer | CredentialKind::Session | CredentialKind::OneTime)) = kind {
                self.add(kind, Place::Header("location".into()), &secret, is_refresh(name), (tokens, at));
            }
        }
    }

    fn field(&mut self, field: &Field<'_>, at: Timestamp, tokens: &mut Tokens) {
        const FURTHER: [&str; 6] = [
            "authorization",
            "x-subject-token",
            "refresh-token",
            "x-refresh-token",
            "refreshtoken",
            "set-authorization",
        ];
        let further = || FURTHER.iter().any(|name| field.name.eq_ignore_ascii_case(name.as_bytes()));
        let kind = of_field(field.name).filter(|kind| *kind != CredentialKind::ApiKey);
        let Some(kind) = kind.or_else(|| further().then_some(CredentialKind::Bearer)) else { return };
        let Ok(secret) = std::str::from_utf8(field.value).map(secret_part) else { return };
        if !secret.contains(' ') && is_token(&secret) {
            let name = String::from_utf8_lossy(field.name).to_lowercase();
            let refresh = is_refresh(&name);
            self.add(kind, Place::Header(short(&name)), &secret, refresh, (tokens, at));
        }
    }

    fn add(
        &mut self,
        kind: CredentialKind,
        place: Place,
        secret: &str,
        refresh: bool,
        (tokens, at): (&mut Tokens, Timestamp),
    ) {
        if secret.len() > LONGEST {
            return;
        }
        if self.found.len() >= MOST {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let judged = tokens.judge(kind, secret, refresh, at);
        self.push(Issued {
            kind,
            place,
            fingerprint: judged.fingerprint,
            sample: judged.sample,
            flaws: judged.flaws,
            claims: judged.claims,
            cookie: None,
            refresh,
            revoked: false,
            lasts: None,
        });
    }

    fn push(&mut self, one: Issued) {
        if self.found.len() < MOST {
            self.found.push(one);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }
}

/// What a leaf of that name hands out, and the fewest characters by which it is believed.
pub(crate) fn of_leaf(squashed: &str) -> Option<(CredentialKind, usize)> {
    use CredentialKind::{Bearer, OneTime, Session};
    Some(match squashed {
        "token" | "accesstoken" | "authtoken" | "usertoken" | "logintoken" | "satoken" | "refreshtoken"
        | "jwttoken" | "xtoken" | "ssotoken" | "apptoken" | "tokenvalue" | "bearertoken" => (Bearer, 8),
        "jwt" | "idtoken" | "ticket" | "tgt" | "bearer" | "authorization" => (Bearer, 16),
        "sessiontoken" | "sessionkey" | "sessionid" | "jsessionid" | "sid" => (Session, 16),
        "authcode" | "authorizationcode" => (OneTime, 16),
        // Of djangorestframework-simplejwt and its like; the words alone mean many things, but not at that length.
        "access" | "refresh" => (Bearer, 60),
        _ => return None,
    })
}

/// Whether a cookie's domain is a part of the host that sets it.
fn is_wider(domain: &str, host: &str) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    let Some(at) = host.len().checked_sub(domain.len()).filter(|at| *at > 0 && !domain.is_empty()) else {
        return false;
    };
    host.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(domain)) && host.as_bytes().get(at - 1) == Some(&b'.')
}

/// A cookie's date (RFC 6265, section 5.1.1): day, month, year and time in any order between any delimiters.
fn date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let (mut day, mut month, mut year, mut time) = (None, None, None, None);
    for token in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':')).filter(|token| !token.is_empty()) {
        let lower = token.get(..3).unwrap_or_default().to_ascii_lowercase();
        if time.is_none() && token.contains(':') {
            let mut parts = token.split(':').map(|part| part.parse::<u64>().ok());
            let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
            time = (hours < 24 && minutes < 60 && seconds < 60).then_some(hours * 3_600 + minutes * 60 + seconds);
        } else if day.is_none() && token.len() <= 2 {
            day = token.parse::<u64>().ok().filter(|day| (1..=31).contains(day));
        } else if let (None, Some(at)) = (month, MONTHS.iter().position(|name| *name == lower)) {
            month = u64::try_from(at + 1).ok();
        } else if year.is_none() && matches!(token.len(), 2 | 4) {
            year = token.parse::<u64>().ok().map(|year| match year {
                0..=69 => year + 2_000,
                70..=99 => year + 1_900,
                _ => year,
            });
        }
    }
    let (day, month, year, time) = (day?, month?, year.filter(|year| (1601..=9999).contains(year))?, time?);
    // Days from civil (Hinnant), with years that begin in March.
    let (shifted, from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (153 * from_march + 2) / 5 + day - 1;
    Some(Timestamp::from_parts(days.saturating_sub(719_468) * 86_400 + time, 0))
}

#[cfg(test)]
mod tests {
    use spyhop_http::RequestHead;

    use super::*;
    use crate::token::tests::tokens;

    const TOKEN: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
    const NOW: u64 = 1_700_000_000;

    fn fields<'a>(of: &[(&'a str, &'a str)]) -> Vec<Field<'a>> {
        of.iter().map(|(name, value)| Field { name: name.as_bytes(), value: value.as_bytes() }).collect()
    }

    fn issued(sent: &[(&str, &str)], status: u16, answer: &[(&str, &str)], login: bool) -> Vec<Issued> {
        let (mut tokens, at) = (tokens(), Timestamp::from_parts(NOW, 0));
        let mut credentials = CredentialScan::default();
        let (sent, answer) = (fields(sent), fields(answer));
        let head = RequestHead { method: b"GET", target: b"/", version: (1, 1), fields: &sent };
        credentials.request(&head, &mut tokens, at);
        let mut scan = IssuedScan::default();
        let head = ResponseHead { status, version: (1, 1), fields: &answer };
        let asked = Asked { credentials: &credentials, host: "app.corp.example", login, at };
        scan.response(&head, &asked, &mut tokens);
        scan.finish().0
    }

    fn leaves(of: &[(&str, &str)]) -> Vec<Issued> {
        let mut scan = IssuedScan::default();
        for (path, value) in of {
            let key = path.rsplit(['.', '$']).next().unwrap_or_default();
            let kind = if value.parse::<u64>().is_ok() { LeafKind::Number } else { LeafKind::Text };
            let leaf = Leaf { key, parent: "", path, value, kind, record: 0, piece: Piece::Whole };
            scan.leaf(&leaf, Timestamp::from_parts(NOW, 0), &mut tokens());
        }
        scan.finish().0
    }

    #[test]
    fn cookies_are_handed_out_with_their_flags() {
        let cookie =
            format!("JSESSIONID={TOKEN}; Path=/; Secure; HttpOnly; SameSite=None; Domain=.corp.example; Max-Age=3600");
        let found = issued(&[], 200, &[("Set-Cookie", &cookie), ("Set-Cookie", "lang=zh-CN")], false);
        let [one] = found.as_slice() else { panic!("{found:?}") };
        let flags = CookieFlags { secure: true, http_only: true, same_site_none: true, wide_domain: true };
        assert_eq!((one.kind, one.cookie, one.lasts), (CredentialKind::Session, Some(flags), Some(Span::hours(1))));
        let plain = issued(&[], 200, &[("Set-Cookie", &format!("sid={TOKEN}; Domain=app.corp.example"))], false);
        assert_eq!(plain[0].cookie, Some(CookieFlags::default()));
    }

    #[test]
    fn at_a_login_any_cookie_counts() {
        let answer = format!("uc_ticket={TOKEN}");
        assert!(issued(&[], 200, &[("Set-Cookie", &answer)], false).is_empty());
        let found = issued(&[], 200, &[("Set-Cookie", &answer)], true);
        assert_eq!(found[0].place, Place::Cookie("uc_ticket".into()));
        // The same value, sent later, is the same to us.
        let mut later = CredentialScan::default();
        let sent = fields(&[("Cookie", &answer)]);
        let head = RequestHead { method: b"GET", target: b"/", version: (1, 1), fields: &sent };
        later.request(&head, &mut tokens(), Timestamp::default());
        assert_eq!(later.finish().0[0].fingerprint, found[0].fingerprint);
    }

    #[test]
    fn cookies_are_taken_back_only_from_who_has_them() {
        let sent = format!("sid={TOKEN}");
        let gone: &[&str] = &[
            "sid=; Max-Age=0",
            "sid=deleted; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "sid=; Path=/",
            "sid=x; Max-Age=-1",
        ];
        for answer in gone {
            let found = issued(&[("Cookie", &sent)], 200, &[("Set-Cookie", answer)], false);
            assert!(found.len() == 1 && found[0].revoked, "{answer}: {found:?}");
            assert_eq!(
                found[0].fingerprint,
                tokens().judge(CredentialKind::Session, TOKEN, false, Timestamp(0)).fingerprint
            );
            assert!(issued(&[], 200, &[("Set-Cookie", answer)], true).is_empty(), "{answer}");
        }
    }

    #[test]
    fn dates_of_cookies() {
        let at = |text: &str| date(text).map(|at| at.to_string());
        let expected = Some("2026-11-23T08:49:37.000000000Z".to_owned());
        for text in ["Mon, 23 Nov 2026 08:49:37 GMT", "Monday, 23-Nov-26 08:49:37 GMT", "Mon Nov 23 08:49:37 2026"] {
            assert_eq!(at(text), expected, "{text}");
        }
        assert_eq!(at("Wed, 29 Feb 2040 00:00:00 GMT").as_deref(), Some("2040-02-29T00:00:00.000000000Z"));
        for wrong in ["", "0", "-1", "23 Nov", "99:99:99 1 Jan 2026", "1 Jan 99999 00:00:00"] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn redirects_and_fields_hand_out() {
        type Row<'a> = (&'a str, String, u16, Option<(CredentialKind, bool)>);
        let table: &[Row<'_>] = &[
            (
                "Location",
                format!("https://a/cb#access_token={TOKEN}&token_type=bearer"),
                302,
                Some((CredentialKind::Bearer, false)),
            ),
            (
                "Location",
                "https://a/cb?ticket=ST-12-aA5Yuvrxzpv8Tau1cYQ7".into(),
                302,
                Some((CredentialKind::OneTime, false)),
            ),
            ("Location", format!("/cb?code={TOKEN}&state=x"), 303, Some((CredentialKind::OneTime, false))),
            ("Location", format!("/cb?code={TOKEN}"), 201, None),
            ("Location", "/home?password=hunter22".into(), 302, None),
            ("Authorization", format!("Bearer {TOKEN}"), 200, Some((CredentialKind::Bearer, false))),
            ("Authorization", format!("Bearer {TOKEN}"), 401, None),
            ("X-Auth-Token", TOKEN.into(), 200, Some((CredentialKind::Bearer, false))),
            ("Refresh-Token", TOKEN.into(), 200, Some((CredentialKind::Bearer, true))),
            ("X-Api-Key", TOKEN.into(), 200, None),
        ];
        for (name, value, status, expected) in table {
            let found = issued(&[], *status, &[(name, value)], false);
            let found: Vec<_> = found.iter().map(|one| (one.kind, one.refresh)).collect();
            assert_eq!(found, expected.iter().copied().collect::<Vec<_>>(), "{name}: {value}");
        }
    }

    #[test]
    fn bodies_hand_out() {
        let found = leaves(&[
            ("$.code", "200"),
            ("$.data.accessToken", &format!("Bearer {TOKEN}")),
            ("$.data.refresh_token", "ffeeddccbbaa99887766554433221100"),
            ("$.data.expires_in", "7200"),
        ]);
        let shown: Vec<_> = found.iter().map(|one| (one.refresh, one.lasts, one.place.clone())).collect();
        let place = |path: &str| Place::Body(path.into());
        assert_eq!(
            shown,
            [(false, Some(Span::hours(2)), place("$.data.accessToken")), (true, None, place("$.data.refresh_token"))]
        );
        let used = tokens().judge(CredentialKind::Bearer, TOKEN, false, Timestamp::default()).fingerprint;
        assert_eq!(found[0].fingerprint, used);
        for (path, value) in [
            ("$.rows[*].token", TOKEN),
            ("$.a.b.c.d.token", TOKEN),
            ("$.token", "null"),
            ("$.token", "not a token at all"),
            ("$.sid", "12345678"),
            ("$.data.name", TOKEN),
        ] {
            assert!(leaves(&[(path, value)]).is_empty(), "{path}={value}");
        }
    }

    #[test]
    fn there_is_a_limit() {
        let cookies: Vec<String> = (0..40).map(|n| format!("app{n}_session={TOKEN}")).collect();
        let answer: Vec<_> = cookies.iter().map(|cookie| ("Set-Cookie", cookie.as_str())).collect();
        assert_eq!(issued(&[], 200, &answer, false).len(), MOST);
    }
}
