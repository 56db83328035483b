//! data.cleartext_transport

use spyhop_model::{
    Class, Entity, Event, Finding, Form, Grade, Observation, Rule, Said, Span, Text, Transport, Zone, settings,
};

use super::{by_type, is_data, severity, type_of};
use crate::detector::{CellKey, Context, Detector, Verdicts, Views};
use crate::names::Names;
use crate::wording::counted;

settings! {
    /// Data of a grade that must be encrypted crosses in cleartext.
    pub struct CleartextTransport {
        /// The least grade that must be encrypted everywhere.
        everywhere: Grade = Grade::L4,
        /// The least grade that must be encrypted where one end is outside the own networks.
        outside: Grade = Grade::L3,
        /// How long an endpoint that sends none is remembered.
        memory: Span = Span::days(30),
    }
}

/// Types remembered for one endpoint.
const TYPES: usize = 128;

impl Detector for CleartextTransport {
    const RULE: &'static Rule = &Rule {
        kind: "data.cleartext_transport",
        class: Class::Weakness,
        severity: spyhop_model::Severity::Medium,
        title: Text { en: "sensitive data in cleartext", zh: "敏感数据明文传输" },
        about: Text {
            en: "Values of a grade that must be encrypted on its way crossed this point over plain HTTP, in a request or a response. \
                 Highly sensitive types must be encrypted everywhere, sensitive ones where one end is outside.",
            zh: "等级要求加密传输的值在请求或响应中以明文 HTTP 经过此处。高敏感类型在任何位置均须加密，敏感类型在一端位于外部时须加密。",
        },
        advice: Text {
            en: "Serve the endpoint over TLS on this part of the path as well.",
            zh: "在该链路段也通过 TLS 提供接口。",
        },
        clause: "杜绝敏感数据明文传输",
    };
    const VIEWS: Views = Views::VALUES.and(Views::MESSAGES);
    /// Types that crossed in cleartext.
    type State = Names;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.call.request.is_some() {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, known: &mut Self::State, out: &mut Verdicts) {
        let ends_inside = [event.client, event.server].iter().filter(|end| end.zone == Zone::Inside).count();
        let inside = ends_inside == 2;
        let least = if inside { self.everywhere } else { self.outside.min(self.everywhere) };
        let concerns =
            |seen: &&Observation| is_data(seen) && seen.form == Form::Full && seen.is_reported() && seen.grade >= least;
        for one in by_type(event.call.observations.iter().filter(concerns)) {
            let id = one.what.id;
            if event.call.transport != Transport::Cleartext {
                // The same data, protected.
                if known.contains(id) {
                    out.mended_about(id);
                }
                continue;
            }
            known.add(id, TYPES);
            let severity = severity(one.grade);
            let evidence = one
                .evidence()
                .severity(if inside { severity } else { severity.raised() })
                .reason(match ends_inside {
                    2 => "inside",
                    1 => "outside",
                    _ => "both_outside",
                })
                .respond("fix_endpoint", of.entity.clone());
            out.hit_about(id, evidence);
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
        let values = finding.measures.get("values").copied().unwrap_or(0);
        let outside = finding.reasons.iter().any(|reason| &**reason == "outside");
        let (en, zh) =
            if outside { (" and left or entered the own networks", "，且进出内部网络") } else { ("", "") };
        Said {
            en: format!(
                "{} of type {} crossed in cleartext at {}{en}.",
                counted(values, "value"),
                type_of(finding),
                finding.primary
            ),
            zh: format!("{} 有 {values} 个类型为 {} 的值以明文传输{zh}。", finding.primary, type_of(finding)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_testkit::{event, types};

    #[test]
    fn highly_sensitive_data_fires_everywhere_and_sensitive_data_where_one_end_is_outside() {
        let mut sensor = Harness::of::<CleartextTransport>();
        sensor.see(event().get("a.example/a").returns(&types::RESIDENT_ID, 1));
        sensor.see(event().get("a.example/b").returns(&types::MOBILE, 1));
        sensor.see(event().get("a.example/c").overseas("US").returns(&types::MOBILE, 1));
        let names: Vec<String> = sensor.findings().iter().map(|finding| finding.primary.to_string()).collect();
        assert_eq!(names, ["GET a.example/a", "GET a.example/c"]);
    }

    #[test]
    fn stays_silent_on_protected_transport_and_masked_values() {
        let mut sensor = Harness::of::<CleartextTransport>();
        sensor.see(event().get("a.example/a").returns(&types::RESIDENT_ID, 1).transport(Transport::Decrypted));
        sensor.see(event().get("a.example/a").returns_masked(&types::RESIDENT_ID, 1));
        sensor.silent();
    }

    #[test]
    fn only_data_with_one_end_inside_left_or_entered() {
        for (client, server, expected) in [
            (Zone::Inside, Zone::Inside, false),
            (Zone::Home, Zone::Inside, true),
            (Zone::Inside, Zone::Unknown, true),
            (Zone::Home, Zone::Overseas, false),
        ] {
            let mut sensor = Harness::of::<CleartextTransport>();
            sensor.see_with(event().get("a.example/a").returns(&types::RESIDENT_ID, 1), |event| {
                (event.client.zone, event.server.zone) = (client, server);
            });
            let summary = sensor.only().summary.en;
            assert_eq!(summary.contains("left or entered"), expected, "{client:?} {server:?}: {summary}");
        }
    }

    #[test]
    fn passwords_in_requests_and_planted_values_are_told_elsewhere() {
        let mut sensor = Harness::of::<CleartextTransport>();
        sensor.see(event().post("a.example/login").sends(&types::PASSWORD, 1));
        sensor.see(event().get("a.example/a").returns(&types::CANARY, 1).grade(Grade::L4));
        sensor.silent();
        sensor.see(event().get("a.example/a").returns(&types::PASSWORD, 1));
        assert_eq!(sensor.only().count, 1);
    }

    #[test]
    fn the_grade_is_that_of_the_observation() {
        let mut sensor = Harness::of::<CleartextTransport>();
        sensor.see(event().get("a.example/a").returns(&types::RESIDENT_ID, 1).grade(Grade::L3));
        sensor.silent();
        sensor.see(event().get("a.example/a").returns(&types::MOBILE, 1).grade(Grade::L4));
        assert_eq!(sensor.only().severity, spyhop_model::Severity::High);
    }

    #[test]
    fn requests_count_too() {
        let mut sensor = Harness::of::<CleartextTransport>();
        sensor.see(event().post("a.example/a").sends(&types::BANK_CARD, 1));
        assert_eq!(&**sensor.only().aspect.as_ref().expect("an aspect"), "bank_card");
    }
}
