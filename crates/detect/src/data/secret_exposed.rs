//! data.secret_exposed

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Class, Entity, Event, Finding, Form, Half, Observation, Place, Rule, Said, Severity, Span, Text, Zone, settings,
};

use super::{SECRET, answers, lowered};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::wording::{counted, sample};

settings! {
    /// A key, token or connection string leaves in a response, or stands in a URL.
    pub struct SecretExposed {
        /// Rules whose hits are expected, as findings show them.
        known_rules: Vec<String> = Vec::new(),
        /// How long an endpoint that shows none is remembered.
        memory: Span = Span::days(30),
    }
}

/// Rules remembered for one endpoint.
const RULES: usize = 64;
/// From this confidence on the severity is not lowered (handbook §6.0).
const SURE: u8 = 70;
/// Samples that one exchange adds to a rule.
const SAMPLES: usize = 3;

/// Where a rule's secrets were shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Exposed {
    /// The media type of the responses; `None` where URLs showed them only.
    media: Option<Box<str>>,
}

impl Detector for SecretExposed {
    const RULE: &'static Rule = &Rule {
        kind: "data.secret_exposed",
        class: Class::Weakness,
        severity: Severity::High,
        title: Text { en: "secret exposed", zh: "密钥或凭据暴露" },
        about: Text {
            en: "A response of this endpoint holds a key, token, private key or connection string by which somebody can act as the \
                 service, or a URL carries one. Keys that are public by design, and the tokens that a login hands out, are not meant. \
                 A credential that a call itself makes use of in its URL is auth.token_in_url.",
            zh: "该接口的响应包含可用于冒充服务身份的密钥、令牌、私钥或连接串，或 URL 中携带此类内容。设计上公开的密钥以及登录时签发的令牌\
                 不在此列。调用自身在 URL 中使用的凭据见 auth.token_in_url。",
        },
        advice: Text {
            en: "Revoke the secret and issue a new one, remove it from the response, and look for its use since first_seen.",
            zh: "吊销并更换该密钥，从响应中移除，并核查自 first_seen 以来的使用情况。",
        },
        clause: "数据暴露",
    };
    const VIEWS: Views = Views::CALLS.and(Views::MESSAGES);
    /// By rule.
    type State = BTreeMap<Box<str>, Exposed>;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if answers(event) {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, known: &mut Self::State, out: &mut Verdicts) {
        let mut shown: BTreeMap<&str, Vec<&Observation>> = BTreeMap::new();
        for seen in event.call.observations.iter().filter(|seen| concerns(event, seen)) {
            let rule = rule(seen);
            if !self.known_rules.iter().any(|known| known == rule) {
                shown.entry(rule).or_default().push(seen);
            }
        }
        for (rule, places) in &shown {
            let answered = places.iter().any(|seen| seen.half == Half::Response);
            let confidence = places.iter().map(|seen| seen.confidence).max().unwrap_or_default();
            let base = match (answered, event.client.zone) {
                (true, Zone::Inside) => Severity::High,
                (true, _) => Severity::Critical,
                (false, _) => Severity::Medium,
            };
            let mut evidence = Evidence::new()
                .severity(if confidence < SURE { lowered(base) } else { base })
                .confidence(confidence)
                .sum("values", places.iter().map(|seen| u64::from(seen.count)).sum())
                .respond("fix_endpoint", of.entity.clone());
            if answered {
                evidence = evidence.reason("in_response");
            }
            if places.iter().any(|seen| seen.half == Half::Request) {
                evidence = evidence.reason("in_url");
            }
            for seen in places.iter().take(SAMPLES) {
                evidence = evidence.sample(sample(seen));
            }
            if let Some(value) = places.iter().find_map(|seen| seen.values.first()) {
                evidence = evidence.respond("revoke_token", Entity::Session(*value));
            }
            out.hit_about(rule, evidence);
            if known.len() < RULES || known.contains_key(*rule) {
                let exposed = known.entry((*rule).into()).or_default();
                if answered {
                    exposed.media = Some(media(event).into());
                }
            }
        }
        for (rule, exposed) in known.iter().filter(|(rule, _)| !shown.contains_key(&***rule)) {
            if shows_mended(event, rule, exposed) {
                out.mended_about(rule);
            }
        }
    }

    fn is_idle(&self, known: &Self::State) -> bool {
        known.is_empty()
    }

    fn heap(&self, known: &Self::State) -> usize {
        /// Bytes of one entry, with its share of a tree node that is half full.
        const ENTRY: usize = 2 * size_of::<(Box<str>, Exposed)>();
        let media = |exposed: &Exposed| exposed.media.as_ref().map_or(0, |media| media.len());
        known.iter().map(|(rule, exposed)| ENTRY + rule.len() + media(exposed)).sum()
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn summary(&self, finding: &Finding) -> Said {
        let rule = finding.aspect.as_deref().unwrap_or("");
        let (whose, count) = (&finding.primary, finding.count);
        let answered = finding.reasons.iter().any(|reason| &**reason == "in_response");
        if answered {
            return Said {
                en: format!("{whose} exposed a secret ({rule}) in {}.", counted(count, "response")),
                zh: format!("{whose} 的 {count} 次响应暴露了密钥（{rule}）。"),
            };
        }
        Said {
            en: format!("{} to {whose} carried a secret ({rule}) in the URL.", counted(count, "call")),
            zh: format!("对 {whose} 的 {count} 次调用在 URL 中携带密钥（{rule}）。"),
        }
    }
}

/// A secret in full, in an answer, or in a URL where it is not the call's own credential.
fn concerns(event: &Event, seen: &Observation) -> bool {
    if seen.what.id != SECRET || seen.form != Form::Full || !seen.is_reported() {
        return false;
    }
    match (seen.half, &seen.place) {
        (Half::Response, _) => true,
        (Half::Request, Place::Query(_) | Place::Path(_)) => {
            // Messages repeat the request that opened their channel.
            event.call.message.is_none() && !event.call.credentials.iter().any(|one| one.place == seen.place)
        }
        (Half::Request, _) => false,
    }
}

fn rule(seen: &Observation) -> &str {
    seen.detail.as_deref().unwrap_or(SECRET)
}

fn media(event: &Event) -> &str {
    event.call.response.as_ref().and_then(|response| response.content_type.as_deref()).unwrap_or("")
}

/// Whether an answer without a secret would have shown it: it shows it masked; or it is the same resource (no part of the path
/// varies), answered in the same media type.
fn shows_mended(event: &Event, of: &str, exposed: &Exposed) -> bool {
    let mut all = event.call.observations.iter();
    if all.any(|seen| seen.what.id == SECRET && seen.form == Form::Masked && rule(seen) == of) {
        return true;
    }
    let varies = event.endpoint.contains('{');
    let holds = event.call.response.as_ref().is_some_and(|response| response.body.decoded_len > 0);
    let as_before = exposed.media.as_deref().is_some_and(|known| known == media(event));
    !varies && holds && as_before && event.call.succeeded()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{CredentialKind, Status};
    use spyhop_testkit::{EventBuilder, event, types};

    fn shows(endpoint: &str) -> EventBuilder {
        event().get(endpoint).returns(&types::SECRET, 1).detail("aws-access-token")
    }
    fn sends() -> EventBuilder {
        event().get("a.example/map").sends(&types::SECRET, 1).detail("alibaba-key").place(Place::Query("ak".into()))
    }

    #[test]
    fn fires_once_for_each_endpoint_and_rule() {
        let mut sensor = Harness::of::<SecretExposed>();
        sensor.see(shows("a.example/env"));
        sensor.see(shows("a.example/env").returns(&types::SECRET, 1).detail("private-key"));
        sensor.see(shows("a.example/env").overseas("US"));
        let findings = sensor.findings();
        let told: Vec<_> = findings.iter().map(|f| (f.aspect.as_deref().unwrap_or(""), f.count, f.severity)).collect();
        assert_eq!(told, [("aws-access-token", 3, Severity::Critical), ("private-key", 1, Severity::High)]);
        assert_eq!(findings[1].summary.en, "GET a.example/env exposed a secret (private-key) in 1 response.");
        let actions: Vec<&str> = findings[1].respond.iter().map(|one| &*one.action).collect();
        assert_eq!(actions, ["fix_endpoint", "revoke_token"]);
    }

    #[test]
    fn a_secret_in_a_url_fires_unless_it_is_the_calls_own_credential() {
        let mut sensor = Harness::of::<SecretExposed>();
        sensor.see(sends().credential(CredentialKind::ApiKey, Place::Query("ak".into())));
        sensor.silent();
        sensor.see(sends());
        let finding = sensor.only();
        assert_eq!((finding.severity, &*finding.reasons[0]), (Severity::Medium, "in_url"));
    }

    #[test]
    fn public_keys_masked_ones_request_bodies_known_rules_and_other_data_stay_silent() {
        let mut sensor = Harness::with(SecretExposed { known_rules: vec!["known".into()], ..SecretExposed::default() });
        sensor.see(shows("a.example/app.js").confidence(59));
        sensor.see(shows("a.example/app.js").detail("known"));
        sensor.see(event().get("a.example/env").returns_masked(&types::SECRET, 1));
        sensor.see(event().post("a.example/env").sends(&types::SECRET, 1));
        sensor.see(event().get("a.example/env").returns(&types::RESIDENT_ID, 1).returns(&types::CANARY, 1));
        sensor.silent();
        sensor.see(shows("a.example/app.js").confidence(60));
        assert_eq!(sensor.only().severity, Severity::Medium);
    }

    #[test]
    fn fifty_answers_of_the_same_resource_without_it_close_it() {
        let mut sensor = Harness::of::<SecretExposed>();
        sensor.see(shows("a.example/env"));
        for _ in 0..60 {
            sensor.see(event().get("a.example/env").status(404));
            sensor.see(event().get("a.example/other"));
        }
        assert_eq!(sensor.only().status, Status::Open);
        let mut sensor = sensor.restarted::<SecretExposed>();
        for _ in 0..50 {
            sensor.see(event().get("a.example/env"));
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn where_the_path_varies_only_its_masked_form_closes_it() {
        let mut sensor = Harness::of::<SecretExposed>();
        sensor.see(shows("a.example/apps/{id}"));
        for _ in 0..60 {
            sensor.see(event().get("a.example/apps/{id}"));
        }
        assert_eq!(sensor.only().status, Status::Open);
        for _ in 0..50 {
            sensor.see(event().get("a.example/apps/{id}").returns_masked(&types::SECRET, 1).detail("aws-access-token"));
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn a_week_of_silence_makes_it_stale() {
        let mut sensor = Harness::of::<SecretExposed>();
        sensor.see(shows("a.example/env").at(0));
        sensor.advance(7 * 86_400);
        assert_eq!(sensor.only().status, Status::Stale);
    }
}
