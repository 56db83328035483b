//! data.excessive_types

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Grade, Half, Rule, Said, Severity, Span, Text, settings};

use super::{answers, by_type, returned};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::names::Names;
use crate::quantile::Quantiles;

settings! {
    /// One response returns too many types of sensitive data.
    pub struct ExcessiveTypes {
        /// Types of grade L3 and above in one response from which on it is reported.
        types: u32 = 6,
        /// Types of grade L4 and above from which on it is reported.
        highly_sensitive: u32 = 3,
        /// So many types more than the endpoint usually returns, and at least twice as many, are reported below those limits too.
        above_usual: u32 = 3,
        /// Responses with such types from which on it is known what is usual.
        learn: u32 = 200,
        /// How long an endpoint that returns none is remembered.
        memory: Span = Span::days(30),
    }
}

/// Types remembered for one endpoint.
const TYPES: usize = 128;

/// What types an endpoint returns.
#[derive(Default, Serialize, Deserialize)]
pub struct Seen {
    /// How many at once.
    usual: Quantiles,
    /// The number that was too many when the finding opened; an open finding keeps it.
    limit: Option<u32>,
    /// Types of responses that had too many.
    known: Names,
}

impl Detector for ExcessiveTypes {
    const RULE: &'static Rule = &Rule {
        kind: "data.excessive_types",
        class: Class::Weakness,
        severity: Severity::Medium,
        title: Text { en: "too many sensitive types in one response", zh: "返回数据类型过多" },
        about: Text {
            en: "One response held full values of many different sensitive types, or of several highly sensitive ones, or far more types \
                 than this endpoint usually returns: more than one task needs. The reasons name the types; a type that joins them later \
                 is told again, the same ones are only counted.",
            zh: "单次响应以完整形式返回多种敏感类型、多种高敏感类型，或远多于该接口平常返回的类型，超出业务所需。\
                 原因中列出各类型；之后新增的类型会再次提示，相同类型只计数。",
        },
        advice: Text {
            en: "Return only the fields that the page or caller needs; do not serialise whole database entities.",
            zh: "仅返回页面或调用方所需字段，避免直接序列化整个数据库实体。",
        },
        clause: "返回数据类型过多",
    };
    const VIEWS: Views = Views::VALUES.and(Views::MESSAGES);
    type State = Seen;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if answers(event) && event.call.observations.iter().any(|seen| seen.half == Half::Response) {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, seen: &mut Seen, out: &mut Verdicts) {
        let types = by_type(returned(&event.call, Grade::L3));
        let count = types.len() as u32;
        // What stands together raises the grade of all of it: that is one reason, not three.
        let grave = types.iter().filter(|one| one.what.grade >= Grade::L4).count() as u32;
        let is_open = seen.limit.is_some() && cx.findings.is_open(Self::RULE.kind, of, None);
        let limit = seen.limit.filter(|_| is_open).unwrap_or_else(|| self.limit(&seen.usual));
        if count > 0 {
            seen.usual.add(count);
        }
        let (many, highly) = (count >= limit, grave >= self.highly_sensitive);
        if !many && !highly {
            if seen.limit.is_some() && seen.shows_mended(event) {
                out.mended();
            }
            return;
        }
        seen.limit = Some(limit);
        let mut evidence = Evidence::new()
            .most("types_in_one_response", u64::from(count))
            .most("highly_sensitive_types", u64::from(grave))
            .most("limit", u64::from(limit))
            .respond("fix_endpoint", of.entity.clone());
        evidence = match (highly, count >= self.types) {
            (true, _) => evidence.severity(Severity::High).reason("several_highly_sensitive"),
            (false, true) => evidence.reason("many_types"),
            (false, false) => evidence.severity(Severity::Low).confidence(60).reason("more_than_usual"),
        };
        for one in &types {
            seen.known.add(one.what.id, TYPES);
            evidence = evidence.reason(one.what.id);
            if let Some(place) = one.places.first() {
                evidence = evidence.sample(crate::wording::sample(place));
            }
        }
        out.hit(evidence);
    }

    fn is_idle(&self, seen: &Seen) -> bool {
        seen.usual.learnt() == 0 && seen.limit.is_none()
    }

    fn heap(&self, seen: &Seen) -> usize {
        seen.usual.heap() + seen.known.heap()
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name: &str| finding.measures.get(name).copied().unwrap_or(0);
        let (types, grave) = (measure("types_in_one_response"), measure("highly_sensitive_types"));
        let of_them = |text: String| if grave > 0 { text } else { String::new() };
        Said {
            en: format!(
                "{} returned up to {types} sensitive types in full in one response{}.",
                finding.primary,
                of_them(format!(", {grave} of them highly sensitive"))
            ),
            zh: format!(
                "{} 单次响应最多以完整形式返回 {types} 种敏感类型{}。",
                finding.primary,
                of_them(format!("，其中高敏感 {grave} 种"))
            ),
        }
    }
}

impl ExcessiveTypes {
    /// Types from which on there are too many.
    fn limit(&self, usual: &Quantiles) -> u32 {
        if usual.learnt() < self.learn {
            return self.types;
        }
        let usual = usual.p99();
        self.types.min(usual.saturating_add(self.above_usual).max(usual.saturating_mul(2)))
    }
}

impl Seen {
    /// Whether a response is of the kind that had too many: it shows at least half of those types, masked or not.
    fn shows_mended(&self, event: &Event) -> bool {
        let shown = |id: &&str| {
            let mut all = event.call.observations.iter();
            all.any(|seen| seen.what.id == *id && seen.half == Half::Response && seen.is_reported())
        };
        let still = self.known.iter().filter(shown).count();
        still > 0 && 2 * still >= self.known.iter().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{DataType, Status};
    use spyhop_testkit::{EventBuilder, event, types};

    static SIX: [&DataType; 6] =
        [&types::MOBILE, &types::ADDRESS, &types::PLATE, &types::BALANCE, &types::IMSI, &types::PHONE];

    fn returns(of: &[&'static DataType]) -> EventBuilder {
        of.iter().fold(event().get("a.example/user"), |event, what| event.returns(what, 1))
    }
    fn returns_masked(of: &[&'static DataType]) -> EventBuilder {
        of.iter().fold(event().get("a.example/user"), |event, what| event.returns_masked(what, 1))
    }

    #[test]
    fn six_sensitive_types_fire_and_five_do_not() {
        let mut sensor = Harness::of::<ExcessiveTypes>();
        sensor.see(returns(&SIX[..5]));
        sensor.silent();
        sensor.see(returns(&SIX));
        let finding = sensor.only();
        assert_eq!((finding.severity, finding.reasons.len()), (Severity::Medium, 7));
        assert_eq!(finding.summary.en, "GET a.example/user returned up to 6 sensitive types in full in one response.");
    }

    #[test]
    fn three_highly_sensitive_types_fire_and_two_do_not() {
        let mut sensor = Harness::of::<ExcessiveTypes>();
        sensor.see(returns(&[&types::RESIDENT_ID, &types::BANK_CARD]));
        sensor.silent();
        sensor.see(returns(&[&types::RESIDENT_ID, &types::BANK_CARD, &types::PASSPORT]));
        assert_eq!(sensor.only().severity, Severity::High);
    }

    #[test]
    fn masked_values_low_grades_keys_requests_and_several_values_of_one_type_stay_silent() {
        let mut sensor = Harness::of::<ExcessiveTypes>();
        sensor.see(returns_masked(&SIX));
        sensor.see(returns(&SIX[..5]).returns(&types::EMAIL, 1).returns(&types::SECRET, 1).returns(&types::CANARY, 1));
        sensor.see(returns(&SIX[..5]).sends(&types::PHONE, 1).returns(&types::MOBILE, 9));
        sensor.see(returns(&SIX).confidence(59));
        sensor.silent();
    }

    #[test]
    fn far_more_types_than_usual_fire_below_the_limit_once_that_is_learnt() {
        for (learnt, count, fires) in [(199, 4, 0), (200, 3, 0), (200, 4, 1)] {
            let mut sensor = Harness::of::<ExcessiveTypes>();
            for _ in 0..learnt {
                sensor.see(returns(&SIX[..1]));
            }
            let mut sensor = sensor.restarted::<ExcessiveTypes>();
            sensor.see(returns(&SIX[..count]));
            let findings = sensor.findings();
            assert_eq!(findings.len(), fires, "{learnt} {count}");
            for finding in findings {
                assert_eq!((finding.severity, &*finding.reasons[0]), (Severity::Low, "more_than_usual"));
            }
        }
    }

    #[test]
    fn the_habitual_set_does_not_fire_anew_and_what_joins_it_is_told() {
        let mut sensor = Harness::of::<ExcessiveTypes>();
        (0..300).for_each(|_| sensor.see(returns(&SIX)));
        let before = sensor.only();
        assert_eq!((before.count, before.reasons.len()), (300, 7));
        sensor.see(returns(&SIX).returns(&types::BANK_CARD, 1).at(1_000));
        let after = sensor.only();
        assert_eq!((after.reasons.len(), after.revision), (8, before.revision + 1));
    }

    #[test]
    fn fifty_answers_of_that_kind_with_fewer_types_close_it() {
        let mut sensor = Harness::of::<ExcessiveTypes>();
        sensor.see(returns(&SIX));
        for _ in 0..60 {
            sensor.see(returns(&SIX[..2]));
        }
        assert_eq!(sensor.only().status, Status::Open);
        for _ in 0..50 {
            sensor.see(returns_masked(&SIX));
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn a_week_of_silence_makes_it_stale() {
        let mut sensor = Harness::of::<ExcessiveTypes>();
        sensor.see(returns(&SIX).at(0));
        sensor.advance(7 * 86_400);
        assert_eq!(sensor.only().status, Status::Stale);
    }
}
