//! data.pre_login_exposure

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Grade, Nature, Rule, Said, Severity, Span, Text, settings};

use super::{answers, by_type, returned, severity};
use crate::auth::{gives_away, is_bare, is_turned_away};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::names::Names;
use crate::wording::counted;

settings! {
    /// Sensitive data is shown before login.
    pub struct PreLoginExposure {
        /// The least grade that is reported on hosts with a login: "L1" to "L5".
        min_grade: Grade = Grade::L3,
        /// The grade from which it is reported on every host.
        always: Grade = Grade::L4,
        /// How long a host without such calls is remembered.
        memory: Span = Span::days(30),
    }
}

/// Endpoints of one host that are watched for mending.
const ENDPOINTS: usize = 256;

/// What is known of a host.
#[derive(Default, Serialize, Deserialize)]
pub struct Host {
    has_login: bool,
    /// Endpoints found.
    found: Names,
}

impl Detector for PreLoginExposure {
    const RULE: &'static Rule = &Rule {
        kind: "data.pre_login_exposure",
        class: Class::Weakness,
        severity: Severity::High,
        title: Text { en: "sensitive data before login", zh: "登录前展示敏感信息" },
        about: Text {
            en: "A host that has a login returned sensitive data to a caller who had not logged in. Data that the caller sent itself does \
                 not count. The answer that a login gives is no exposure. Data published on purpose looks alike.",
            zh: "设有登录的主机向未登录的调用方返回敏感数据。调用方自己提交的数据、登录应答中的数据不计。有意公开的数据可能类似。",
        },
        advice: Text {
            en: "Deliver the data only after login, and mask what has to be shown before.",
            zh: "仅在登录后返回数据，登录前必须展示的内容应脱敏。",
        },
        clause: "登陆系统前不展示敏感信息",
    };
    type State = Host;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let login = event.call.login.is_some() || event.nature.has(Nature::LOGIN);
        let exposes = answers(event) && !event.call.observations.is_empty() && is_bare(event);
        if login || exposes || is_turned_away(event) {
            out.push(CellKey::of(Entity::Server(event.host().into())));
        }
    }

    fn observe(&self, event: &Event, _of: &CellKey, _cx: &Context<'_>, host: &mut Host, out: &mut Verdicts) {
        host.has_login |= event.login().is_some();
        if event.call.login.is_some() || !event.call.issued.is_empty() || !is_bare(event) {
            return;
        }
        let endpoint = CellKey::of(Entity::Endpoint(event.endpoint.clone()));
        if is_turned_away(event) {
            if host.found.contains(&event.endpoint) {
                out.mended_on(endpoint, "");
            }
            return;
        }
        let least = if host.has_login { self.min_grade } else { self.always };
        if !event.call.succeeded() || !gives_away(event, least) {
            return;
        }
        host.found.add(&event.endpoint, ENDPOINTS);
        let types = by_type(returned(&event.call, least));
        let grade = types.iter().map(|one| one.grade).max().unwrap_or(least);
        let mut evidence = Evidence::new()
            .severity(severity(grade))
            .reason(if host.has_login { "host_has_login" } else { "no_login_seen" })
            .sum("values", types.iter().map(|one| one.values).sum())
            .respond("fix_endpoint", endpoint.entity.clone());
        for one in types.iter().take(3) {
            evidence = one.places.iter().take(1).fold(evidence, |e, seen| e.sample(crate::wording::sample(seen)));
        }
        out.hit_on(endpoint, "", evidence);
    }

    fn is_idle(&self, host: &Host) -> bool {
        !host.has_login && host.found.is_empty()
    }

    fn heap(&self, host: &Host) -> usize {
        host.found.heap()
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn summary(&self, finding: &Finding) -> Said {
        let values = finding.measures.get("values").copied().unwrap_or(0);
        Said {
            en: format!(
                "{} showed {} to callers who had not logged in.",
                finding.primary,
                counted(values, "sensitive value")
            ),
            zh: format!("{} 向未登录的调用方展示了 {values} 个敏感值。", finding.primary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{CredentialKind, Outcome, Place, Status};
    use spyhop_testkit::{event, types};

    #[test]
    fn fires_on_a_host_with_a_login_and_closes_when_strangers_are_refused() {
        let mut sensor = Harness::of::<PreLoginExposure>();
        sensor.see(event().post("a.example/login").login("alice", Outcome::Success));
        sensor.see(event().get("a.example/people").returns(&types::MOBILE, 2));
        assert_eq!(sensor.only().primary, Entity::Endpoint("GET a.example/people".into()));
        for _ in 0..50 {
            sensor.see_with(event().get("a.example/people").status(401), |event| event.call.refused = true);
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn stays_silent_without_a_login_on_lower_grades_and_for_those_who_are_in() {
        let mut sensor = Harness::of::<PreLoginExposure>();
        sensor.see(event().get("a.example/people").returns(&types::MOBILE, 2));
        sensor.see(event().post("a.example/login").login("alice", Outcome::Success).returns(&types::MOBILE, 1));
        let call = event().get("a.example/people").returns(&types::MOBILE, 2);
        sensor.see(call.credential(CredentialKind::Session, Place::Cookie("sid".into())));
        sensor.silent();
    }

    #[test]
    fn the_highest_grades_are_told_of_every_host() {
        let mut sensor = Harness::of::<PreLoginExposure>();
        sensor.see(event().get("b.example/people").returns(&types::RESIDENT_ID, 1));
        assert_eq!(sensor.only().severity, Severity::High);
    }
}
