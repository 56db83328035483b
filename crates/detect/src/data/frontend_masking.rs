//! data.frontend_masking

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Class, DataType, Entity, Event, Finding, Fingerprint, Form, Grade, Half, Place, Rule, Said, Severity, Span, Text,
    Timestamp, Unveiled, settings,
};

use super::{answers, by_type, lowered, returned, severity, type_of};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::names::Names;
use crate::wording::counted;

settings! {
    /// The full value is delivered, and only shown masked.
    pub struct FrontendMasking {
        /// The least grade that is reported: "L1" to "L5".
        min_grade: Grade = Grade::L3,
        /// How long a host without such answers and scripts is remembered.
        memory: Span = Span::days(30),
    }
}

/// Types that the scripts of one host mask, and those found at one endpoint.
const TYPES: usize = 128;
/// Endpoints of one host whose mending is watched; findings of others become stale.
const ENDPOINTS: usize = 512;
/// Samples that one exchange adds to a type.
const SAMPLES: usize = 3;
/// How sure the full value beside its masked form is, and a script that masks what another answer delivers.
const PAIR: u8 = 90;
const SCRIPT: u8 = 60;

/// What a host masks in the browser.
#[derive(Default, Serialize, Deserialize)]
pub struct Masking {
    /// Types that its scripts mask.
    scripts: Names,
    /// Types found, by endpoint.
    found: BTreeMap<Box<str>, Names>,
    /// What answers showed within the last [`PAGE`], masked or in full.
    shown: VecDeque<Showing>,
}

/// A value as one answer showed it: by its mask.
#[derive(Serialize, Deserialize)]
struct Showing {
    at: Timestamp,
    /// The session, or else the device, that was answered.
    to: Fingerprint,
    what: Box<str>,
    masked: bool,
    sample: Box<str>,
    endpoint: Arc<str>,
}

/// Answers so far apart are of one page (handbook §6.6).
const PAGE: Span = Span::seconds(10);
/// Values of recent answers kept for one host.
const SHOWN: usize = 256;
/// Characters that a mask and a full value have to share at least, so that they are of one value by no accident.
const SHARED: usize = 6;

impl Detector for FrontendMasking {
    const RULE: &'static Rule = &Rule {
        kind: "data.frontend_masking",
        class: Class::Weakness,
        severity: Severity::Medium,
        title: Text { en: "masked in the browser only", zh: "前台脱敏" },
        about: Text {
            en: "The full value leaves the server and is only shown masked: it stands in the same response as its masked form, or the \
                 pages' scripts mask what this endpoint returns in full. Whoever looks at the traffic or calls the endpoint has it all.",
            zh: "完整值已由服务端下发，仅在展示时脱敏：它与脱敏形式同时出现在一次响应中，或页面脚本对该接口返回的完整值进行脱敏。\
                 查看流量或直接调用接口即可获得完整数据。",
        },
        advice: Text {
            en: "Mask on the server and leave the full field out of the response.",
            zh: "在服务端脱敏，并从响应中去除完整字段。",
        },
        clause: "前台脱敏",
    };
    const VIEWS: Views = Views::VALUES.and(Views::MESSAGES);
    type State = Masking;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let call = &event.call;
        let says = !call.masks_in_browser.is_empty() || !call.unveiled.is_empty() || !call.observations.is_empty();
        if answers(event) && says {
            out.push(CellKey::of(Entity::Server(event.host().into())));
        }
    }

    fn observe(&self, event: &Event, _of: &CellKey, cx: &Context<'_>, known: &mut Masking, out: &mut Verdicts) {
        let call = &event.call;
        for what in &call.masks_in_browser {
            known.scripts.add(what.id, TYPES);
        }
        let endpoint = || CellKey::of(Entity::Endpoint(event.endpoint.clone()));
        let mut found: Vec<&str> = Vec::new();
        let mut told = |known: &mut Masking, id: &'static str, evidence: Evidence| {
            known.add(&event.endpoint, id);
            found.push(id);
            out.hit_on(endpoint(), id, evidence.respond("fix_endpoint", Entity::Endpoint(event.endpoint.clone())));
        };
        // What identification lowered is no value: a hotline that everybody is shown.
        let is_told = |pair: &Unveiled| {
            let mut full =
                call.observations.iter().filter(|seen| seen.what.id == pair.what.id && seen.form == Form::Full);
            full.any(|seen| seen.place == pair.full && seen.is_reported())
        };
        for (what, pairs) in by_pair(call.unveiled.iter().filter(|pair| is_told(pair))) {
            let same = call.observations.iter().filter(|seen| seen.what.id == what.id);
            let grade = same.map(|seen| seen.grade).max().unwrap_or(what.grade);
            if grade < self.min_grade {
                continue;
            }
            let mut evidence = Evidence::new()
                .severity(severity(grade))
                .confidence(PAIR)
                .reason("full_beside_masked")
                .sum("values", pairs.iter().map(|pair| u64::from(pair.count)).sum());
            for pair in pairs.iter().take(SAMPLES) {
                evidence = evidence.sample(format!("{} and {}: {}", at(&pair.masked), at(&pair.full), pair.sample));
            }
            told(known, what.id, evidence);
        }
        // Scripts and pages hold values of their own; what the scripts mask comes from elsewhere.
        if call.masks_in_browser.is_empty() {
            for one in by_type(returned(call, self.min_grade)) {
                let is_pair = call.unveiled.iter().any(|pair| pair.what.id == one.what.id);
                if is_pair || !known.scripts.contains(one.what.id) {
                    continue;
                }
                let evidence = one.evidence().severity(lowered(severity(one.grade))).confidence(SCRIPT);
                told(known, one.what.id, evidence.reason("script_masks"));
            }
        }
        for (endpoint, id, evidence) in self.pages(event, cx.now, known) {
            known.add(&endpoint, &id);
            if *endpoint == *event.endpoint
                && let Some(seen) = call.observations.iter().find(|seen| *seen.what.id == *id)
            {
                found.push(seen.what.id);
            }
            let entity = Entity::Endpoint(endpoint);
            out.hit_on(CellKey::of(entity.clone()), &id, evidence.respond("fix_endpoint", entity));
        }
        let Some(types) = known.found.get(&*event.endpoint) else { return };
        // An answer that shows the type masked, and nowhere in full, would have shown it.
        let shows = |id: &str, form: Form| {
            let mut seen = call.observations.iter();
            seen.any(|seen| seen.what.id == id && seen.half == Half::Response && seen.form == form)
        };
        for id in types.iter().filter(|id| !found.contains(id)) {
            if shows(id, Form::Masked) && !shows(id, Form::Full) {
                out.mended_on(endpoint(), id);
            }
        }
    }

    fn is_idle(&self, known: &Masking) -> bool {
        known.scripts.is_empty() && known.found.is_empty() && known.shown.is_empty()
    }

    fn heap(&self, known: &Masking) -> usize {
        /// Bytes of one entry, with its share of a tree node that is half full.
        const ENTRY: usize = 2 * size_of::<(Box<str>, Names)>();
        let found = known.found.iter().map(|(endpoint, types)| ENTRY + endpoint.len() + types.heap());
        let shown = known.shown.iter().map(|one| one.what.len() + one.sample.len());
        let shown = known.shown.capacity() * size_of::<Showing>() + shown.sum::<usize>();
        known.scripts.heap() + found.sum::<usize>() + shown
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn summary(&self, finding: &Finding) -> Said {
        let values = finding.measures.get("values").copied().unwrap_or(0);
        let is_pair = finding.reasons.iter().any(|reason| &**reason == "full_beside_masked");
        let is_page = finding.reasons.iter().any(|reason| &**reason == "masked_elsewhere_on_page");
        let (en, zh) = match is_pair {
            false if is_page => {
                ("which another answer of the same page shows masked", "而同一页面的另一次响应以脱敏形式展示")
            }
            true => ("beside their masked form", "与脱敏形式一同"),
            false => ("and scripts of the host mask that type in the browser", "而该主机的脚本在浏览器中对该类型脱敏"),
        };
        let values_en = counted(values, "full value");
        let (endpoint, what) = (&finding.primary, type_of(finding));
        Said {
            en: format!("{endpoint} delivered {values_en} of type {what} {en}."),
            zh: match is_pair {
                true => format!("{endpoint} 将 {values} 个类型为 {what} 的完整值{zh}下发。"),
                false => format!("{endpoint} 下发 {values} 个类型为 {what} 的完整值，{zh}。"),
            },
        }
    }
}

impl FrontendMasking {
    /// Full values that another answer of the same page shows masked: the endpoint that delivered them, their type, and what shows it.
    fn pages(&self, event: &Event, now: Timestamp, known: &mut Masking) -> Vec<(Arc<str>, Box<str>, Evidence)> {
        let Some(to) = event.session.as_ref().map(|session| session.id).or(event.device) else { return Vec::new() };
        while known.shown.front().is_some_and(|first| now.since(first.at) > PAGE || known.shown.len() >= SHOWN) {
            known.shown.pop_front();
        }
        let mut told: Vec<(Arc<str>, Box<str>, Evidence)> = Vec::new();
        let answered = event.call.observations.iter().filter(|seen| seen.half == Half::Response && seen.is_reported());
        let of_grade = answered.filter(|seen| seen.grade >= self.min_grade || seen.form == Form::Masked);
        for seen in of_grade.take(SAMPLES * 4) {
            let masked = seen.form == Form::Masked;
            let other = known.shown.iter().find(|one| {
                one.to == to
                    && one.masked != masked
                    && *one.what == *seen.what.id
                    && *one.endpoint != *event.endpoint
                    && is_same(&one.sample, &seen.sample)
            });
            if let Some(other) = other {
                let endpoint = if masked { other.endpoint.clone() } else { event.endpoint.clone() };
                let evidence = Evidence::new()
                    .severity(severity(seen.grade.max(seen.what.grade)))
                    .confidence(PAIR)
                    .reason("masked_elsewhere_on_page")
                    .sum("values", 1)
                    .sample(format!("{}: {}", at(&seen.place), seen.sample));
                if !told.iter().any(|(known, id, _)| *known == endpoint && **id == *seen.what.id) {
                    told.push((endpoint, seen.what.id.into(), evidence));
                }
            }
            known.shown.push_back(Showing {
                at: now,
                to,
                what: seen.what.id.into(),
                masked,
                sample: seen.sample.clone(),
                endpoint: event.endpoint.clone(),
            });
        }
        told
    }
}

/// Two masks of one value: of one length, equal wherever both show a character, and that often enough.
fn is_same(one: &str, other: &str) -> bool {
    let is_hidden = |c: char| matches!(c, '*' | '•' | 'X' | 'x' | '#');
    let mut shared = 0;
    let mut pairs = one.chars().zip(other.chars());
    let agree = pairs.all(|(a, b)| {
        let shown = !is_hidden(a) && !is_hidden(b);
        shared += usize::from(shown && a == b);
        !shown || a == b
    });
    agree && one.chars().count() == other.chars().count() && shared >= SHARED
}

impl Masking {
    fn add(&mut self, endpoint: &str, id: &str) {
        if let Some(types) = self.found.get_mut(endpoint) {
            types.add(id, TYPES);
        } else if self.found.len() < ENDPOINTS {
            self.found.entry(endpoint.into()).or_default().add(id, TYPES);
        }
    }
}

/// Groups pairs by type, in order of appearance.
fn by_pair<'a>(unveiled: impl Iterator<Item = &'a Unveiled>) -> Vec<(&'static DataType, Vec<&'a Unveiled>)> {
    let mut types: Vec<(&'static DataType, Vec<&'a Unveiled>)> = Vec::new();
    for pair in unveiled {
        match types.iter_mut().find(|(what, _)| what.id == pair.what.id) {
            Some((_, pairs)) => pairs.push(pair),
            None => types.push((pair.what, vec![pair])),
        }
    }
    types
}

/// Where something stands, in a sample.
fn at(place: &Place) -> String {
    match place {
        Place::Header(name) => format!("header {name}"),
        Place::Cookie(name) => format!("cookie {name}"),
        Place::Query(name) => format!("?{name}"),
        Place::Path(segment) => format!("path segment {segment}"),
        Place::Body(path) => path.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::Status;
    use spyhop_testkit::{EventBuilder, event, types};

    fn user() -> EventBuilder {
        event().get("a.example/user")
    }
    fn pair() -> EventBuilder {
        user().returns(&types::MOBILE, 3).returns_masked(&types::MOBILE, 3).unveils(&types::MOBILE, 3)
    }
    fn script() -> EventBuilder {
        event().get("a.example/app.js").masks_in_browser(&types::MOBILE)
    }

    #[test]
    fn a_full_value_beside_its_masked_form_fires_for_each_endpoint_and_type() {
        let mut sensor = Harness::of::<FrontendMasking>();
        sensor.see(pair());
        // Several pairs of one type are one hit.
        sensor.see(pair().unveils(&types::MOBILE, 1).returns(&types::RESIDENT_ID, 1).unveils(&types::RESIDENT_ID, 1));
        let findings = sensor.findings();
        let told: Vec<_> = findings.iter().map(|f| (type_of(f), f.confidence, f.severity, f.count)).collect();
        assert_eq!(told, [("cn_mobile", 90, Severity::Medium, 2), ("cn_resident_id", 90, Severity::High, 1)]);
        assert_eq!(findings[0].primary.to_string(), "GET a.example/user");
        assert_eq!(&*findings[0].samples[0], "$.list[*].shown and $.list[*].cn_mobile: ***");
    }

    #[test]
    fn a_script_that_masks_what_an_endpoint_of_its_host_returns_fires_with_less_confidence() {
        let mut sensor = Harness::of::<FrontendMasking>();
        sensor.see(script());
        let mut sensor = sensor.restarted::<FrontendMasking>();
        sensor.see(user().returns(&types::MOBILE, 2));
        let finding = sensor.only();
        assert_eq!((finding.confidence, finding.severity), (60, Severity::Low));
        assert_eq!(
            finding.summary.en,
            "GET a.example/user delivered 2 full values of type cn_mobile and scripts of the host mask that type in the browser."
        );
        // Both kinds of evidence are one finding.
        sensor.see(pair());
        assert_eq!((sensor.only().confidence, sensor.only().count, sensor.only().measures["values"]), (90, 2, 5));
    }

    #[test]
    fn other_hosts_types_forms_grades_and_the_script_itself_stay_silent() {
        let mut sensor = Harness::of::<FrontendMasking>();
        sensor.see(user().returns(&types::MOBILE, 2));
        sensor.see(script().returns(&types::MOBILE, 1));
        sensor.see(event().get("b.example/user").returns(&types::MOBILE, 2));
        sensor.see(user().returns(&types::RESIDENT_ID, 2));
        sensor.see(user().returns_masked(&types::MOBILE, 2));
        sensor.see(user().returns(&types::MOBILE, 2).confidence(59));
        sensor.see(user().sends(&types::MOBILE, 2));
        sensor.see(user().returns(&types::EMAIL, 1).returns_masked(&types::EMAIL, 1).unveils(&types::EMAIL, 1));
        sensor.silent();
    }

    #[test]
    fn fifty_answers_that_show_it_masked_only_close_it() {
        let mut sensor = Harness::of::<FrontendMasking>();
        sensor.see(pair());
        for _ in 0..60 {
            sensor.see(user());
            sensor.see(user().returns_masked(&types::MOBILE, 1).returns(&types::MOBILE, 1));
            sensor.see(event().get("a.example/other").returns_masked(&types::MOBILE, 1));
        }
        assert_eq!(sensor.only().status, Status::Open);
        for _ in 0..50 {
            sensor.see(user().returns_masked(&types::MOBILE, 1));
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn a_week_of_silence_makes_it_stale() {
        let mut sensor = Harness::of::<FrontendMasking>();
        sensor.see(pair().at(0));
        sensor.advance(7 * 86_400);
        assert_eq!(sensor.only().status, Status::Stale);
    }

    #[test]
    fn endpoints_without_end_cost_a_bounded_cell() {
        let mut sensor = Harness::of::<FrontendMasking>();
        for n in 0..2_000 {
            sensor.see(pair().get(&format!("a.example/{n}")));
        }
        let (cells, bytes) = sensor.held();
        assert!(cells == 1 && bytes < 200 * ENDPOINTS, "{cells} {bytes}");
    }

    /// A list that shows masks and the detail behind it, for one session.
    fn page(sensor: &mut Harness, session: u64, second: u64, sample: &str) {
        let session = spyhop_model::Session {
            id: Fingerprint(session),
            began_at: spyhop_testkit::time(0),
            by_login: true,
            ended_at: None,
            kept_over_login: false,
        };
        let list = event().get("a.example/list").at(second).returns_masked(&types::MOBILE, 1);
        sensor.see_with(list, |event| {
            event.session = Some(Box::new(session));
            event.call.observations[0].sample = "138****8000".into();
        });
        let detail = event().get("a.example/detail").at(second + 4).returns(&types::MOBILE, 1);
        sensor.see_with(detail, |event| {
            event.session = Some(Box::new(session));
            event.call.observations[0].sample = sample.into();
        });
    }

    #[test]
    fn the_full_value_of_one_answer_beside_its_mask_in_another_of_the_page_is_told() {
        let mut sensor = Harness::of::<FrontendMasking>();
        page(&mut sensor, 7, 0, "138****8000");
        let finding = sensor.only();
        assert_eq!(finding.primary, Entity::Endpoint("GET a.example/detail".into()));
        assert!(finding.summary.en.contains("another answer of the same page"), "{}", finding.summary.en);
    }

    #[test]
    fn other_values_and_other_sessions_are_no_page() {
        let mut sensor = Harness::of::<FrontendMasking>();
        page(&mut sensor, 7, 0, "139****8000");
        page(&mut sensor, 8, 60, "138****8001");
        sensor.silent();
    }
}
