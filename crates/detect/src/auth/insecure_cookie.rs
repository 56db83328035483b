//! auth.insecure_cookie

use spyhop_model::{
    Class, CookieFlags, CredentialKind, Entity, Event, Finding, Issued, Place, Rule, Said, Severity, Span, Text,
    Transport, settings,
};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::names::Names;

settings! {
    /// A session cookie is set without Secure or HttpOnly.
    pub struct InsecureCookie {
        /// A cookie that stays for longer than this is a reason, too, if it lacks a flag.
        lasting: Span = Span::days(30),
        /// How long a host that sets no such cookie is remembered.
        memory: Span = Span::days(30),
    }
}

/// Cookies of one host.
const COOKIES: usize = 32;

impl Detector for InsecureCookie {
    const RULE: &'static Rule = &Rule {
        kind: "auth.insecure_cookie",
        class: Class::Weakness,
        severity: Severity::Low,
        title: Text { en: "session cookie without Secure or HttpOnly", zh: "会话 Cookie 缺少安全属性" },
        about: Text {
            en: "The server sets a cookie that carries a session, and lets scripts read it (no HttpOnly) or browsers send it in \
                 cleartext (no Secure). A gateway that adds the flags behind the point of observation looks alike.",
            zh: "服务器下发承载会话的 Cookie 时未设置 HttpOnly（脚本可读取）或 Secure（可能以明文发送）。\
                 若观测点之后的网关会补充这些属性，则可能类似。",
        },
        advice: Text {
            en: "Set the session cookie with Secure, HttpOnly and SameSite.",
            zh: "为会话 Cookie 设置 Secure、HttpOnly 和 SameSite。",
        },
        clause: "脆弱性",
    };
    type State = Names;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if session_cookies(event).next().is_some() {
            out.push(CellKey::of(Entity::Server(event.host().into())));
        }
    }

    fn observe(&self, event: &Event, _of: &CellKey, _cx: &Context<'_>, known: &mut Names, out: &mut Verdicts) {
        for (name, flags, issued) in session_cookies(event) {
            if flags.secure && flags.http_only {
                if known.contains(name) {
                    out.mended_about(name);
                }
                continue;
            }
            known.add(name, COOKIES);
            if !known.contains(name) {
                continue;
            }
            let encrypted = event.call.transport != Transport::Cleartext;
            let missing_both = !flags.secure && !flags.http_only;
            let severity = if missing_both || encrypted && !flags.secure { Severity::Medium } else { Severity::Low };
            let mut evidence = Evidence::new().severity(severity);
            for (holds, reason) in [
                (!flags.secure, "no_secure"),
                (!flags.http_only, "no_http_only"),
                (flags.same_site_none && !flags.secure, "same_site_none"),
                (flags.wide_domain, "wide_domain"),
                (issued.lasts.is_some_and(|lasts| lasts > self.lasting), "lasts_long"),
            ] {
                evidence = if holds { evidence.reason(reason) } else { evidence };
            }
            let endpoint = Entity::Endpoint(event.endpoint.clone());
            out.hit_about(name, evidence.sample(format!("{name}={}", issued.sample)).respond("fix_endpoint", endpoint));
        }
    }

    fn is_idle(&self, known: &Names) -> bool {
        known.is_empty()
    }

    fn heap(&self, known: &Names) -> usize {
        known.heap()
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn summary(&self, finding: &Finding) -> Said {
        let name = finding.aspect.as_deref().unwrap_or("");
        let has = |reason: &str| finding.reasons.iter().any(|known| &**known == reason);
        let lacks = match (has("no_secure"), has("no_http_only")) {
            (true, true) => ("Secure and HttpOnly", "Secure 和 HttpOnly"),
            (true, false) => ("Secure", "Secure"),
            _ => ("HttpOnly", "HttpOnly"),
        };
        Said {
            en: format!(
                "{} set the session cookie {name} {} times without {}.",
                finding.primary, finding.count, lacks.0
            ),
            zh: format!("{} {} 次下发会话 Cookie {name} 时缺少 {}。", finding.primary, finding.count, lacks.1),
        }
    }
}

/// Cookies of the answer that carry a session, and how they are set.
fn session_cookies(event: &Event) -> impl Iterator<Item = (&str, CookieFlags, &Issued)> {
    event.call.issued.iter().filter_map(|issued| match (&issued.place, issued.cookie) {
        (Place::Cookie(name), Some(flags)) if !issued.revoked && is_session(issued.kind) => {
            Some((&**name, flags, issued))
        }
        _ => None,
    })
}

fn is_session(kind: CredentialKind) -> bool {
    matches!(kind, CredentialKind::Session | CredentialKind::Bearer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{Fingerprint, Status, TokenFlaws};
    use spyhop_testkit::event;

    fn sets(sensor: &mut Harness, name: &str, secure: bool, http_only: bool) {
        sensor.see_with(event().get("a.example/"), |event| {
            event.call.issued.push(Issued {
                kind: CredentialKind::Session,
                place: Place::Cookie(name.into()),
                fingerprint: Fingerprint(1),
                sample: "abcd***".into(),
                flaws: TokenFlaws::default(),
                claims: None,
                cookie: Some(CookieFlags { secure, http_only, ..CookieFlags::default() }),
                refresh: false,
                revoked: false,
                lasts: None,
            });
        });
    }

    #[test]
    fn fires_once_a_cookie_and_closes_when_the_flags_are_set() {
        let mut sensor = Harness::of::<InsecureCookie>();
        sets(&mut sensor, "JSESSIONID", false, true);
        sets(&mut sensor, "JSESSIONID", false, true);
        let finding = sensor.only();
        assert_eq!((finding.count, finding.severity, finding.reasons.len()), (2, Severity::Low, 1));
        sets(&mut sensor, "sid", false, false);
        assert_eq!(sensor.findings().len(), 2);
        for _ in 0..50 {
            sets(&mut sensor, "JSESSIONID", true, true);
        }
        let closed = sensor.findings().iter().filter(|finding| finding.status == Status::Closed).count();
        assert_eq!(closed, 1);
    }

    #[test]
    fn stays_silent_on_cookies_with_both_flags() {
        let mut sensor = Harness::of::<InsecureCookie>();
        sets(&mut sensor, "JSESSIONID", true, true);
        sensor.silent();
    }
}
