//! auth.token_in_url

use std::collections::BTreeMap;

use spyhop_model::{Class, CredentialKind, Entity, Event, Finding, Place, Rule, Said, Severity, Span, Text, settings};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::wording::counted;

settings! {
    /// A password, session, key or token stands in a URL.
    pub struct TokenInUrl {
        /// How long an endpoint without such calls is remembered.
        memory: Span = Span::days(30),
    }
}

/// Parameters remembered for one endpoint.
const PARAMETERS: usize = 16;

impl Detector for TokenInUrl {
    const RULE: &'static Rule = &Rule {
        kind: "auth.token_in_url",
        class: Class::Weakness,
        severity: Severity::Medium,
        title: Text { en: "credential in a URL", zh: "URL 中携带凭据" },
        about: Text {
            en: "Calls to this endpoint carry a password, session identifier, API key or bearer token in the path or query string, \
                 where it ends up in logs, histories, proxies and Referer headers. Signatures, nonces and one-time tickets are not meant.",
            zh: "对该接口的调用在路径或查询串中携带密码、会话标识、API 密钥或令牌，会进入日志、浏览历史、代理和 Referer。\
                 签名、随机数和一次性票据不在此列。",
        },
        advice: Text {
            en: "Move the credential into a header or a cookie, and revoke those that were seen.",
            zh: "将凭据移至请求头或 Cookie，并吊销已出现的凭据。",
        },
        clause: "脆弱性",
    };
    /// Parameters that carried a credential, with its kind.
    type State = BTreeMap<String, CredentialKind>;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.call.request.is_some() && !event.call.credentials.is_empty() {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, known: &mut Self::State, out: &mut Verdicts) {
        let mut shown: Vec<String> = Vec::new();
        // What is good for one use has to stand there.
        for credential in event.call.credentials.iter().filter(|one| one.kind.is_proof()) {
            let parameter = match &credential.place {
                Place::Query(name) => name.to_string(),
                Place::Path(_) => "path".to_owned(),
                _ => continue,
            };
            if known.len() < PARAMETERS || known.contains_key(&parameter) {
                known.insert(parameter.clone(), credential.kind);
            }
            let severity = match credential.kind {
                CredentialKind::Password | CredentialKind::Basic => Severity::High,
                _ if event.call.succeeded() => Severity::Medium,
                _ => Severity::Low,
            };
            let mut evidence = Evidence::new()
                .severity(severity)
                .reason(kind(credential.kind))
                .sample(format!("{parameter}={}", credential.sample));
            // A password is no token: its fingerprint names nothing that could be revoked.
            if kind(credential.kind) != "password" {
                evidence = evidence.respond("revoke_token", Entity::Session(credential.fingerprint));
            } else if let Some(account) = &event.account {
                evidence = evidence.respond("reset_password", Entity::Account(account.clone()));
            }
            out.hit_about(&parameter, evidence.respond("fix_endpoint", of.entity.clone()));
            shown.push(parameter);
        }
        // A header that carries such a credential shows that the parameter is no longer needed. A cookie shows nothing: browsers
        // send it with every call, those with the parameter too.
        let headers = || event.call.credentials.iter().filter(|one| matches!(one.place, Place::Header(_)));
        for (parameter, was) in known.iter().filter(|(parameter, _)| !shown.contains(parameter)) {
            if headers().any(|one| takes_the_place(one.kind, *was)) {
                out.mended_about(parameter);
            }
        }
    }

    fn is_idle(&self, known: &Self::State) -> bool {
        known.is_empty()
    }

    fn heap(&self, known: &Self::State) -> usize {
        /// Bytes of one entry, with its share of a tree node that is half full.
        const ENTRY: usize = 2 * size_of::<(String, CredentialKind)>();
        known.keys().map(|parameter| ENTRY + parameter.len()).sum()
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn summary(&self, finding: &Finding) -> Said {
        let parameter = finding.aspect.as_deref().unwrap_or("");
        let calls = finding.count;
        Said {
            en: format!(
                "{} to {} carried a credential in the URL ({parameter}).",
                counted(calls, "call"),
                finding.primary
            ),
            zh: format!("对 {} 的 {calls} 次调用在 URL 中携带凭据（{parameter}）。", finding.primary),
        }
    }
}

/// A call that used to carry the one can carry the other instead.
fn takes_the_place(one: CredentialKind, other: CredentialKind) -> bool {
    let is_token = |kind| matches!(kind, CredentialKind::Bearer | CredentialKind::Session);
    kind(one) == kind(other) || is_token(one) && is_token(other)
}

fn kind(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Basic | CredentialKind::Password => "password",
        CredentialKind::Bearer => "token",
        CredentialKind::Session => "session",
        CredentialKind::ApiKey => "api_key",
        CredentialKind::OneTime | CredentialKind::Cookie => "one_time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_testkit::event;

    #[test]
    fn fires_once_for_each_parameter_of_an_endpoint() {
        let mut sensor = Harness::of::<TokenInUrl>();
        for _ in 0..3 {
            sensor.see(
                event().get("a.example/report").credential(CredentialKind::Bearer, Place::Query("access_token".into())),
            );
        }
        sensor.see(event().get("a.example/report").credential(CredentialKind::Password, Place::Query("pwd".into())));
        let findings = sensor.findings();
        assert_eq!(
            findings.iter().map(|f| (f.count, f.severity)).collect::<Vec<_>>(),
            [(3, Severity::Medium), (1, Severity::High)]
        );
    }

    #[test]
    fn stays_silent_on_credentials_in_headers_and_cookies() {
        let mut sensor = Harness::of::<TokenInUrl>();
        sensor.see(event().get("a.example/").credential(CredentialKind::Bearer, Place::Header("authorization".into())));
        sensor.see(event().get("a.example/").credential(CredentialKind::Session, Place::Cookie("sid".into())));
        sensor.see(event().get("a.example/cb").credential(CredentialKind::OneTime, Place::Query("code".into())));
        sensor.silent();
    }

    #[test]
    fn calls_that_carry_it_in_a_header_close_it() {
        let mut sensor = Harness::of::<TokenInUrl>();
        sensor.see(event().get("a.example/r").credential(CredentialKind::Bearer, Place::Query("token".into())));
        for _ in 0..50 {
            sensor.see(
                event().get("a.example/r").credential(CredentialKind::Bearer, Place::Header("authorization".into())),
            );
        }
        assert_eq!(sensor.only().status, spyhop_model::Status::Closed);
    }

    #[test]
    fn cookies_and_other_credentials_that_are_sent_anyway_do_not_close_it() {
        let mut sensor = Harness::of::<TokenInUrl>();
        sensor.see(event().get("a.example/r").credential(CredentialKind::Bearer, Place::Query("token".into())));
        for _ in 0..60 {
            sensor.see(event().get("a.example/r").credential(CredentialKind::Session, Place::Cookie("sid".into())));
            sensor
                .see(event().get("a.example/r").credential(CredentialKind::ApiKey, Place::Header("x-api-key".into())));
        }
        assert_eq!(sensor.only().status, spyhop_model::Status::Open);
    }

    #[test]
    fn a_password_is_to_be_reset_and_a_token_revoked() {
        let mut sensor = Harness::of::<TokenInUrl>();
        let password = || event().get("a.example/r").credential(CredentialKind::Password, Place::Query("pwd".into()));
        sensor.see(password());
        sensor.see_with(password(), |event| event.account = Some("alice".into()));
        let actions: Vec<String> =
            sensor.only().respond.iter().map(|one| format!("{} {}", one.action, one.target)).collect();
        assert_eq!(actions, ["fix_endpoint GET a.example/r", "reset_password alice"]);
        let mut sensor = Harness::of::<TokenInUrl>();
        sensor.see(event().get("a.example/r").credential(CredentialKind::Bearer, Place::Query("token".into())));
        assert_eq!(&*sensor.only().respond[0].action, "revoke_token");
    }
}
