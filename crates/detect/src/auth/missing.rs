//! auth.missing

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Class, Entity, Event, Finding, Fingerprint, Form, Grade, Half, Nature, Rule, Said, Severity, Span, Text, Zone,
    settings,
};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};

settings! {
    /// An endpoint serves sensitive data, or does what can do harm, for callers without any credential.
    pub struct Missing {
        /// The least grade of data that needs a login: "L1" to "L5".
        min_grade: Grade = Grade::L3,
        /// Such calls before it is reported.
        calls: u32 = 5,
        /// Different clients among them.
        clients: usize = 2,
        /// How long an endpoint without such calls is remembered.
        memory: Span = Span::days(30),
    }
}

/// Clients told apart, at most.
const CLIENTS: usize = 8;

/// Calls of one endpoint.
#[derive(Default, Serialize, Deserialize)]
pub struct Bare {
    without: u32,
    with: u32,
    clients: Vec<Fingerprint>,
}

impl Detector for Missing {
    const RULE: &'static Rule = &Rule {
        kind: "auth.missing",
        class: Class::Weakness,
        severity: Severity::High,
        title: Text { en: "sensitive interface without authentication", zh: "缺少身份认证的高危开放 API" },
        about: Text {
            en: "The endpoint returned sensitive data, or performed an operation that can do harm, for callers who showed no session, \
                 token, key, password or signature. An interface that is open on purpose, or one that trusts addresses, looks alike.",
            zh: "该接口向未携带会话、令牌、密钥、口令或签名的调用方返回敏感数据或执行高危操作。有意公开的接口、按地址授信的接口可能类似。",
        },
        advice: Text {
            en: "Demand a login or a signed request, and look who has called it without.",
            zh: "增加身份认证或请求签名，并核查未认证的历史调用方。",
        },
        clause: "缺少身份认证的高危开放 API",
    };
    type State = Bare;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.call.request.is_some() && (self.is_served(event) || is_turned_away(event)) {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, bare: &mut Bare, out: &mut Verdicts) {
        if is_turned_away(event) {
            if bare.without > 0 {
                out.mended();
            }
            return;
        }
        if !is_bare(event) {
            bare.with = bare.with.saturating_add(1);
            return;
        }
        bare.without = bare.without.saturating_add(1);
        let client = event.device.unwrap_or_else(|| client_of(event));
        if bare.clients.len() < CLIENTS && !bare.clients.contains(&client) {
            bare.clients.push(client);
        }
        if bare.without < self.calls || bare.clients.len() < self.clients {
            return;
        }
        let outside = event.client.zone != Zone::Inside;
        let mut evidence = Evidence::new()
            .severity(if outside { Severity::Critical } else { Severity::High })
            .reason(if self.returns(event) { "sensitive_data" } else { "high_risk_operation" })
            .most("calls_without", u64::from(bare.without))
            .most("calls_with", u64::from(bare.with))
            .respond("fix_endpoint", of.entity.clone());
        if outside {
            evidence = evidence.reason("from_outside");
        }
        if bare.with > 0 {
            evidence = evidence.reason("answers_alike_without");
        }
        let shown = event.call.observations.iter().filter(|seen| seen.half == Half::Response && seen.is_reported());
        for seen in shown.take(3) {
            evidence = evidence.sample(crate::wording::sample(seen));
        }
        out.hit(evidence);
    }

    fn is_idle(&self, bare: &Bare) -> bool {
        bare.without == 0 && bare.with == 0
    }

    fn heap(&self, bare: &Bare) -> usize {
        bare.clients.capacity() * size_of::<Fingerprint>()
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (without, with) = (measure("calls_without"), measure("calls_with"));
        Said {
            en: format!(
                "{} answered {without} calls without any credential{}.",
                finding.primary,
                if with > 0 { format!(", and {with} with one alike") } else { String::new() }
            ),
            zh: format!(
                "{} 应答了 {without} 次未携带任何凭据的调用{}。",
                finding.primary,
                if with > 0 { format!("，对携带凭据的 {with} 次调用应答相同") } else { String::new() }
            ),
        }
    }
}

impl Missing {
    /// It was answered with what should need a login.
    fn is_served(&self, event: &Event) -> bool {
        let others = Nature::LOGIN | Nature::REGISTER | Nature::CODE | Nature::STATIC;
        event.call.succeeded()
            && !event.call.refused
            && event.call.login.is_none()
            && event.nature.0 & others == 0
            && (event.nature.has(Nature::HIGH_RISK) || self.returns(event))
    }

    fn returns(&self, event: &Event) -> bool {
        gives_away(event, self.min_grade)
    }
}

/// The answer holds values in full that the caller did not send itself.
pub(crate) fn gives_away(event: &Event, least: Grade) -> bool {
    let mut seen = event.call.observations.iter();
    seen.any(|seen| {
        seen.half == Half::Response
            && seen.form == Form::Full
            && seen.is_reported()
            && seen.grade >= least
            && !echoes(event, &seen.values)
    })
}

/// All of these stand in the request, too: whoever knows them is told nothing.
fn echoes(event: &Event, values: &[Fingerprint]) -> bool {
    let sent = || event.call.observations.iter().filter(|seen| seen.half == Half::Request);
    !values.is_empty() && values.iter().all(|value| sent().any(|seen| seen.values.contains(value)))
}

/// The request shows nothing that proves who calls. A signature does.
pub(crate) fn is_bare(event: &Event) -> bool {
    let signed = event.call.request.as_ref().is_some_and(|request| {
        let query = request.target.split_once('?').map_or("", |(_, query)| query);
        query.split('&').any(|pair| {
            let name = pair.split('=').next().unwrap_or("");
            ["sign", "signature", "x-amz-signature", "x-oss-signature"].iter().any(|n| name.eq_ignore_ascii_case(n))
        })
    });
    !event.is_authenticated() && event.session.is_none() && event.account.is_none() && !signed
}

/// A caller without credentials was refused.
pub(crate) fn is_turned_away(event: &Event) -> bool {
    event.call.refused && event.call.login.is_none() && is_bare(event)
}

/// Stands for a client without a device.
fn client_of(event: &Event) -> Fingerprint {
    let octets = match event.client.ip {
        std::net::IpAddr::V4(ip) => u64::from(ip.to_bits()),
        std::net::IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64,
    };
    Fingerprint(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{CredentialKind, Place, Status};
    use spyhop_testkit::{event, types};

    fn bare(sensor: &mut Harness, count: u32, clients: u32) {
        for n in 0..count {
            let ip = format!("10.0.1.{}", n % clients);
            sensor.see(event().get("a.example/people").from(&ip).returns(&types::MOBILE, 1));
        }
    }

    #[test]
    fn fires_after_five_calls_of_two_clients_and_closes_when_they_are_refused() {
        let mut sensor = Harness::of::<Missing>();
        bare(&mut sensor, 5, 2);
        assert_eq!((sensor.only().severity, sensor.only().measures["calls_without"]), (Severity::High, 5));
        for _ in 0..50 {
            sensor.see_with(event().get("a.example/people").status(401), |event| event.call.refused = true);
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn stays_silent_just_below_and_on_one_client_and_on_callers_with_credentials() {
        let mut sensor = Harness::of::<Missing>();
        bare(&mut sensor, 4, 2);
        sensor.silent();
        let mut sensor = Harness::of::<Missing>();
        bare(&mut sensor, 50, 1);
        sensor.silent();
        let mut sensor = Harness::of::<Missing>();
        for n in 0..20 {
            let call = event().get("a.example/people").from(&format!("10.0.1.{n}")).returns(&types::MOBILE, 1);
            sensor.see(call.credential(CredentialKind::Session, Place::Cookie("sid".into())));
        }
        sensor.silent();
    }

    #[test]
    fn stays_silent_on_signed_calls_and_on_what_the_caller_sent_itself() {
        let mut sensor = Harness::of::<Missing>();
        for n in 0..20 {
            let ip = format!("10.0.1.{n}");
            sensor.see(event().get("a.example/people?appId=1&sign=abc").from(&ip).returns(&types::MOBILE, 1));
            sensor.see(event().post("a.example/check").from(&ip).sends(&types::MOBILE, 1).returns(&types::MOBILE, 1));
        }
        sensor.silent();
    }

    #[test]
    fn what_answers_alike_with_and_without_says_so_also_after_a_restart() {
        let mut sensor = Harness::of::<Missing>();
        let call = event().get("a.example/people").returns(&types::MOBILE, 1);
        sensor.see(call.credential(CredentialKind::Bearer, Place::Header("authorization".into())));
        bare(&mut sensor, 4, 2);
        let mut sensor = sensor.restarted::<Missing>();
        bare(&mut sensor, 1, 1);
        assert!(sensor.only().reasons.iter().any(|reason| &**reason == "answers_alike_without"));
    }
}
