//! data.unmasked

use spyhop_model::{
    Class, Entity, Event, Finding, Form, Grade, Half, Observation, Rule, Said, Severity, Span, Text, settings,
};

use super::{by_type, is_data, severity, type_of};
use crate::detector::{CellKey, Context, Detector, Verdicts, Views};
use crate::names::Names;
use crate::wording::counted;

settings! {
    /// Sensitive data returned in full.
    pub struct Unmasked {
        /// The least grade that is reported: "L1" to "L5".
        min_grade: Grade = Grade::L3,
        /// How long an endpoint that returns none is remembered.
        memory: Span = Span::days(30),
    }
}

/// Types remembered for one endpoint.
const TYPES: usize = 128;

impl Detector for Unmasked {
    const RULE: &'static Rule = &Rule {
        kind: "data.unmasked",
        class: Class::Weakness,
        severity: Severity::Medium,
        title: Text { en: "sensitive data returned in full", zh: "敏感数据未脱敏返回" },
        about: Text {
            en: "Responses of this endpoint hold values of a sensitive type in full where a masked form would do. Each value was \
                 recognised by its form, its check digits and its field; what is shown here is masked. Types that nobody may return \
                 (card verification codes, passwords) are always reported.",
            zh: "该接口的响应以完整形式返回敏感类型的值，而脱敏形式即可满足需要。每个值均由格式、校验位和字段共同识别；此处仅展示脱敏样例。\
                 禁止返回的类型（卡片验证码、口令等）一律上报。",
        },
        advice: Text {
            en: "Mask the field on the server, and return the full value only where the caller needs it and may have it.",
            zh: "在服务端对该字段脱敏；仅在确有需要且有权限时返回完整值。",
        },
        clause: "未脱敏展示",
    };
    const VIEWS: Views = Views::VALUES.and(Views::MESSAGES);
    /// Types that were returned in full.
    type State = Names;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let answers = event.call.response.is_some() || event.call.message.is_some();
        if answers && event.call.request.is_some() {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, known: &mut Self::State, out: &mut Verdicts) {
        let shown = by_type(event.call.observations.iter().filter(|seen| self.concerns(seen)));
        for one in &shown {
            known.add(one.what.id, TYPES);
            let mut grave = severity(one.grade);
            let mut evidence = one.evidence();
            if one.what.never_return {
                grave = grave.max(Severity::High);
                evidence = evidence.reason("never_return");
            }
            let evidence = evidence.severity(grave).respond("fix_endpoint", of.entity.clone());
            out.hit_about(one.what.id, evidence);
        }
        // Only an answer that shows a type masked would have shown it in full: an empty page says nothing.
        let is_masked = |id: &str| {
            let mut seen = event.call.observations.iter();
            seen.any(|seen| seen.what.id == id && seen.half == Half::Response && seen.form == Form::Masked)
        };
        for id in known.iter().filter(|id| !shown.iter().any(|one| one.what.id == *id) && is_masked(id)) {
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
        let values = finding.measures.get("values").copied().unwrap_or(0);
        let responses = finding.count;
        Said {
            en: format!(
                "{} returned {} of type {} in full, in {}.",
                finding.primary,
                counted(values, "value"),
                type_of(finding),
                counted(responses, "response")
            ),
            zh: format!(
                "{} 的 {responses} 次响应以完整形式返回类型为 {} 的值，共 {values} 个。",
                finding.primary,
                type_of(finding)
            ),
        }
    }
}

impl Unmasked {
    fn concerns(&self, seen: &Observation) -> bool {
        seen.half == Half::Response
            && seen.form == Form::Full
            && seen.is_reported()
            && is_data(seen)
            && (seen.grade >= self.min_grade || seen.what.never_return)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_testkit::{event, types};

    #[test]
    fn fires_once_for_each_type_of_an_endpoint_and_counts_values() {
        let mut sensor = Harness::of::<Unmasked>();
        for _ in 0..3 {
            sensor.see(event().get("a.example/users").returns(&types::MOBILE, 20).returns(&types::RESIDENT_ID, 20));
        }
        let findings = sensor.findings();
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|finding| finding.measures["values"] == 60 && finding.count == 3));
    }

    #[test]
    fn stays_silent_on_masked_values_low_grades_candidates_and_requests() {
        let mut sensor = Harness::of::<Unmasked>();
        sensor.see(event().get("a.example/users").returns_masked(&types::MOBILE, 20));
        sensor.see(event().get("a.example/users").returns(&types::EMAIL, 20));
        sensor.see(event().get("a.example/users").returns(&types::MOBILE, 1).confidence(59));
        sensor.see(event().post("a.example/users").sends(&types::MOBILE, 1));
        sensor.silent();
    }

    #[test]
    fn what_nobody_may_return_is_grave_whatever_its_grade() {
        let mut sensor = Harness::with(Unmasked { min_grade: Grade::L5, ..Unmasked::default() });
        sensor.see(event().get("a.example/cards").returns(&types::BANK_CARD, 1));
        sensor.see(event().get("a.example/cards").returns_masked(&types::CVV, 1));
        sensor.silent();
        sensor.see(event().get("a.example/cards").returns(&types::CVV, 1).grade(Grade::L2));
        let finding = sensor.only();
        assert_eq!((finding.severity, &*finding.reasons[0]), (Severity::High, "never_return"));
    }

    #[test]
    fn passwords_count_in_answers_only_and_keys_have_a_finding_of_their_own() {
        let mut sensor = Harness::of::<Unmasked>();
        sensor.see(event().post("a.example/login").sends(&types::PASSWORD, 1));
        sensor.see(event().get("a.example/env").returns(&types::SECRET, 1).returns(&types::CANARY, 1));
        sensor.silent();
        sensor.see(event().get("a.example/users").returns(&types::PASSWORD, 1));
        assert_eq!(sensor.only().severity, Severity::High);
    }

    #[test]
    fn fifty_masked_answers_in_a_row_close_it() {
        let mut sensor = Harness::of::<Unmasked>();
        sensor.see(event().get("a.example/users").returns(&types::MOBILE, 1));
        for _ in 0..50 {
            sensor.see(event().get("a.example/users").returns_masked(&types::MOBILE, 1));
        }
        assert_eq!(sensor.only().status, spyhop_model::Status::Closed);
    }

    #[test]
    fn answers_that_would_not_have_shown_it_do_not_close_it() {
        let mut sensor = Harness::of::<Unmasked>();
        let page = || event().get("a.example/users");
        sensor.see(page().returns(&types::MOBILE, 1));
        for _ in 0..60 {
            sensor.see(page());
            sensor.see(page().returns_masked(&types::RESIDENT_ID, 1));
        }
        assert_eq!(sensor.only().status, spyhop_model::Status::Open);
        for _ in 0..60 {
            sensor.see(page().returns_masked(&types::MOBILE, 1).returns(&types::MOBILE, 1));
        }
        assert_eq!(sensor.only().status, spyhop_model::Status::Open);
    }

    #[test]
    fn a_week_of_silence_makes_it_stale() {
        let mut sensor = Harness::of::<Unmasked>();
        sensor.see(event().at(0).get("a.example/users").returns(&types::MOBILE, 1));
        sensor.advance(7 * 86_400);
        assert_eq!(sensor.only().status, spyhop_model::Status::Stale);
    }
}
