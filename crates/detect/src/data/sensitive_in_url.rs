//! data.sensitive_in_url

use spyhop_model::{
    Class, Entity, Event, Finding, Form, Grade, Half, Observation, Place, Rule, Said, Severity, Span, Text, settings,
};

use super::{by_type, is_data, severity, type_of};
use crate::detector::{CellKey, Context, Detector, Verdicts, Views};
use crate::names::Names;
use crate::wording::counted;

settings! {
    /// Sensitive data stands in a URL.
    pub struct SensitiveInUrl {
        /// The least grade that is reported: "L1" to "L5".
        min_grade: Grade = Grade::L3,
        /// The least confidence, 0 to 100: digits in a path are more often something else.
        confidence: u8 = 70,
        /// How long an endpoint without such calls is remembered.
        memory: Span = Span::days(30),
    }
}

/// Types remembered for one endpoint.
const TYPES: usize = 128;

impl Detector for SensitiveInUrl {
    const RULE: &'static Rule = &Rule {
        kind: "data.sensitive_in_url",
        class: Class::Weakness,
        severity: Severity::Medium,
        title: Text { en: "sensitive data in a URL", zh: "URL 中包含敏感数据" },
        about: Text {
            en: "Calls to this endpoint carry a sensitive value in the path or query string, where it ends up in logs, histories and \
                 proxies; or a Referer took such a URL to another host, which is one finding for the host that received it.",
            zh: "对该接口的调用在路径或查询串中携带敏感值，会进入日志、浏览历史和代理；或 Referer 将此类 URL 带到其他主机\
                 （以接收主机记一条）。",
        },
        advice: Text {
            en: "Take the value in the body of a POST, or use an identifier that tells nothing; set a Referrer-Policy.",
            zh: "改为在 POST 请求体中传递，或使用无含义的标识；并设置 Referrer-Policy。",
        },
        clause: "涉及敏感数据的 API 参数",
    };
    const VIEWS: Views = Views::VALUES;
    /// Types found.
    type State = Names;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.call.request.is_none() || !event.call.observations.iter().any(|seen| seen.half == Half::Request) {
            return;
        }
        out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        if event.call.observations.iter().any(|seen| is_referred(event, seen)) {
            out.push(CellKey::of(Entity::Server(event.host().into())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, known: &mut Names, out: &mut Verdicts) {
        let sent = event.call.observations.iter().filter(|seen| seen.half == Half::Request);
        let at_endpoint = matches!(of.entity, Entity::Endpoint(_));
        let stands = |seen: &Observation| if at_endpoint { is_in_url(seen) } else { is_referred(event, seen) };
        let shown = by_type(sent.clone().filter(|seen| stands(seen) && self.concerns(seen)));
        for one in &shown {
            known.add(one.what.id, TYPES);
            let grave = severity(one.grade);
            let mut evidence = one.evidence().severity(if at_endpoint { grave } else { grave.raised() });
            for seen in &one.places {
                evidence = evidence.reason(match seen.place {
                    Place::Path(_) => "in_path",
                    Place::Query(_) => "in_query",
                    _ => "in_referer",
                });
            }
            let endpoint = Entity::Endpoint(event.endpoint.clone());
            let evidence = if at_endpoint { evidence.respond("fix_endpoint", endpoint) } else { evidence };
            out.hit_about(one.what.id, evidence);
        }
        // A call that carries the type elsewhere, or masked, shows that the URL no longer needs it.
        let instead = |id: &str| {
            let mut same = sent.clone().filter(|seen| seen.what.id == id);
            same.any(|seen| matches!(seen.place, Place::Body(_)) || is_in_url(seen) && seen.form == Form::Masked)
        };
        for id in known.iter().filter(|id| at_endpoint && !shown.iter().any(|one| one.what.id == *id) && instead(id)) {
            out.mended_about(id);
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
        let (what, whose, calls) = (type_of(finding), &finding.primary, finding.count);
        if matches!(finding.primary, Entity::Endpoint(_)) {
            return Said {
                en: format!("{} to {whose} carried values of type {what} in the URL.", counted(calls, "call")),
                zh: format!("对 {whose} 的 {calls} 次调用在 URL 中携带类型为 {what} 的值。"),
            };
        }
        Said {
            en: format!("{} to {whose} took values of type {what} to it in the Referer.", counted(calls, "call")),
            zh: format!("对 {whose} 的 {calls} 次调用通过 Referer 将类型为 {what} 的值带给了该主机。"),
        }
    }
}

impl SensitiveInUrl {
    fn concerns(&self, seen: &Observation) -> bool {
        is_data(seen)
            && seen.form == Form::Full
            && seen.is_reported()
            && seen.confidence >= self.confidence
            && seen.grade >= self.min_grade
    }
}

fn is_in_url(seen: &Observation) -> bool {
    matches!(seen.place, Place::Query(_) | Place::Path(_))
}

/// The value came in the Referer of another host. Where the detail names the page's host and it is this one, the URL of that page
/// is a call of its own.
fn is_referred(event: &Event, seen: &Observation) -> bool {
    let Place::Header(name) = &seen.place else { return false };
    let host = event.host();
    seen.half == Half::Request
        && &**name == "referer"
        && seen.detail.as_deref().is_some_and(|page| !page.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{DataType, Status};
    use spyhop_testkit::{EventBuilder, event, types};

    fn query(what: &'static DataType) -> EventBuilder {
        event().get("a.example/find").sends(what, 1).place(Place::Query("q".into()))
    }
    fn referer() -> EventBuilder {
        event()
            .get("cdn.example/lib.js")
            .sends(&types::MOBILE, 1)
            .place(Place::Header("referer".into()))
            .detail("a.example")
    }

    #[test]
    fn fires_once_for_each_type_in_path_or_query() {
        let mut sensor = Harness::of::<SensitiveInUrl>();
        sensor.see(query(&types::MOBILE));
        sensor.see(event().get("a.example/find").sends(&types::MOBILE, 1).place(Place::Path(2)));
        sensor.see(query(&types::RESIDENT_ID));
        let findings = sensor.findings();
        let told: Vec<_> = findings.iter().map(|f| (type_of(f), f.count, f.severity)).collect();
        assert_eq!(told, [("cn_mobile", 2, Severity::Medium), ("cn_resident_id", 1, Severity::High)]);
        assert_eq!(findings[0].reasons.iter().map(|r| &**r).collect::<Vec<_>>(), ["in_query", "in_path"]);
    }

    #[test]
    fn bodies_headers_answers_low_grades_passwords_and_less_sure_values_stay_silent() {
        let mut sensor = Harness::of::<SensitiveInUrl>();
        sensor.see(query(&types::MOBILE).confidence(69));
        sensor.see(query(&types::EMAIL));
        sensor.see(query(&types::PASSWORD));
        sensor.see(query(&types::SECRET));
        sensor.see(event().post("a.example/find").sends(&types::MOBILE, 1));
        sensor.see(event().get("a.example/find").returns(&types::MOBILE, 1));
        sensor.see(event().get("a.example/find").sends(&types::MOBILE, 1).place(Place::Header("x-user".into())));
        sensor.silent();
        sensor.see(query(&types::MOBILE).confidence(70));
        assert_eq!(sensor.only().confidence, 70);
    }

    #[test]
    fn a_referer_to_another_host_is_graver_and_one_finding_of_that_host() {
        let mut sensor = Harness::of::<SensitiveInUrl>();
        sensor.see(referer().detail("cdn.example"));
        sensor.silent();
        sensor.see(referer().detail("a.example"));
        sensor.see(referer().get("cdn.example/lib.css"));
        let finding = sensor.only();
        assert_eq!((finding.severity, finding.count), (Severity::High, 2));
        assert_eq!(finding.primary.to_string(), "cdn.example");
        assert!(finding.summary.en.contains("in the Referer"), "{}", finding.summary.en);
    }

    #[test]
    fn fifty_calls_that_carry_it_elsewhere_close_it() {
        let mut sensor = Harness::of::<SensitiveInUrl>();
        sensor.see(query(&types::MOBILE));
        for _ in 0..60 {
            sensor.see(event().get("a.example/find"));
            sensor.see(event().get("a.example/find").sends(&types::RESIDENT_ID, 1));
        }
        assert_eq!(sensor.only().status, Status::Open);
        let mut sensor = sensor.restarted::<SensitiveInUrl>();
        for _ in 0..50 {
            sensor.see(event().get("a.example/find").sends(&types::MOBILE, 1));
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn a_week_of_silence_makes_it_stale() {
        let mut sensor = Harness::of::<SensitiveInUrl>();
        sensor.see(query(&types::MOBILE).at(0));
        sensor.advance(7 * 86_400);
        assert_eq!(sensor.only().status, Status::Stale);
    }
}
