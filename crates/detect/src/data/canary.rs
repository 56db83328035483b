//! data.canary

use spyhop_model::{Class, Event, Finding, Half, Rule, Said, Severity, Span, Text, settings};

use super::{CANARY, principal};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::wording::{counted, sample};

settings! {
    /// A planted record passes by.
    pub struct Canary {
        /// An incident is over after this long without that value.
        quiet: Span = Span::days(1),
    }
}

impl Detector for Canary {
    const RULE: &'static Rule = &Rule {
        kind: "data.canary",
        class: Class::Incident,
        severity: Severity::Critical,
        title: Text { en: "planted record passes by", zh: "诱饵数据出现" },
        about: Text {
            en: "A value that was planted in the data, and that no ordinary task needs, was asked for or returned: whoever obtained it \
                 reads what it should not, or holds a copy. One incident for each planted value and account (or address).",
            zh: "预先埋入、任何正常业务都不会用到的诱饵值被查询或返回：获取者读取了不应读取的数据，或持有数据副本。\
                 每个诱饵值与账号（或地址）一条记录。",
        },
        advice: Text {
            en: "Find out how this caller came by the record; hold its access until that is known; trace what else it obtained.",
            zh: "查明该调用方如何取得此记录；在查明前冻结其权限；追溯其获取的其他数据。",
        },
        clause: "数据泄露溯源",
    };
    const VIEWS: Views = Views::VALUES.and(Views::MESSAGES);
    type State = ();

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.call.observations.iter().any(|seen| seen.what.id == CANARY && seen.is_reported()) {
            out.push(principal(event));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, _state: &mut (), out: &mut Verdicts) {
        let mut told: Vec<&str> = Vec::new();
        let planted = || event.call.observations.iter().filter(|seen| seen.what.id == CANARY && seen.is_reported());
        for seen in planted() {
            let name = seen.detail.as_deref().unwrap_or(CANARY);
            if told.contains(&name) {
                continue;
            }
            told.push(name);
            let same = || planted().filter(|other| other.detail.as_deref().unwrap_or(CANARY) == name);
            let mut evidence = Evidence::new()
                .severity(Severity::Critical)
                .confidence(same().map(|other| other.confidence).max().unwrap_or_default())
                .sum("values", same().map(|other| u64::from(other.count)).sum());
            for (half, reason) in [(Half::Request, "in_request"), (Half::Response, "in_response")] {
                if same().any(|other| other.half == half) {
                    evidence = evidence.reason(reason);
                }
            }
            out.hit_about(name, evidence.sample(sample(seen)).respond("review", of.entity.clone()));
        }
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let name = finding.aspect.as_deref().unwrap_or("");
        let endpoints = finding.involved.names("endpoint");
        let at = endpoints.first().map_or("", |endpoint| endpoint);
        let others = endpoints.len() > 1;
        let obtained = finding.reasons.iter().any(|reason| &**reason == "in_response");
        let (en, zh) = if obtained { ("obtained", "获取") } else { ("asked for", "查询") };
        Said {
            en: format!(
                "{} {en} the planted value {name} in {} at {at}{}.",
                finding.primary,
                counted(finding.count, "exchange"),
                if others { " and others" } else { "" }
            ),
            zh: format!(
                "{} 在 {at}{}的 {} 次交互中{zh}了诱饵值 {name}。",
                finding.primary,
                if others { " 等接口" } else { " " },
                finding.count
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_testkit::{event, types};

    fn obtained(name: &str) -> spyhop_testkit::EventBuilder {
        event().get("a.example/users").returns(&types::CANARY, 1).detail(name)
    }

    #[test]
    fn one_for_each_planted_value_and_principal_always_critical() {
        let mut sensor = Harness::of::<Canary>();
        sensor.see(obtained("vip-1").account("alice"));
        sensor.see(obtained("vip-1").account("alice").from("10.0.0.9"));
        sensor.see(obtained("vip-2").account("alice"));
        sensor.see(obtained("vip-1"));
        let findings = sensor.findings();
        let told: Vec<_> =
            findings.iter().map(|f| (f.primary.to_string(), f.aspect.as_deref().unwrap_or(""), f.count)).collect();
        assert_eq!(
            told,
            [("alice".to_owned(), "vip-1", 2), ("alice".into(), "vip-2", 1), ("10.0.0.8".into(), "vip-1", 1)]
        );
        assert!(findings.iter().all(|finding| finding.severity == Severity::Critical));
    }

    #[test]
    fn it_counts_in_either_half_and_says_which() {
        let mut sensor = Harness::of::<Canary>();
        sensor.see(event().get("a.example/search").sends(&types::CANARY, 1).detail("vip-1"));
        assert!(sensor.only().summary.en.contains("asked for the planted value vip-1 in 1 exchange"));
        sensor.see(obtained("vip-1"));
        let finding = sensor.only();
        assert_eq!(finding.reasons.iter().map(|reason| &**reason).collect::<Vec<_>>(), ["in_request", "in_response"]);
        assert!(finding.summary.en.contains("10.0.0.8 obtained"), "{}", finding.summary.en);
    }

    #[test]
    fn ordinary_values_and_candidates_stay_silent() {
        let mut sensor = Harness::of::<Canary>();
        sensor.see(event().get("a.example/users").returns(&types::RESIDENT_ID, 1).detail("vip-1"));
        sensor.see(obtained("vip-1").confidence(59));
        sensor.silent();
    }

    #[test]
    fn it_is_over_after_its_quiet_time_and_comes_back_after_a_restart() {
        let mut sensor = Harness::of::<Canary>();
        sensor.see(obtained("vip-1").at(0));
        sensor.advance(86_400);
        assert_eq!(sensor.only().status, spyhop_model::Status::Closed);
        let mut sensor = sensor.restarted::<Canary>();
        sensor.see(obtained("vip-1").at(90_000));
        let finding = sensor.only();
        assert_eq!((finding.status, finding.count), (spyhop_model::Status::Open, 2));
    }
}
