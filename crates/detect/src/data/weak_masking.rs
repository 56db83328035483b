//! data.weak_masking

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Class, Entity, Event, Finding, Form, Grade, Half, Observation, Place, Rule, Said, Severity, Span, Text, settings,
};

use super::{answers, is_data, type_of};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::names::Names;
use crate::wording::{counted, sample};

settings! {
    /// A mask leaves the value recoverable.
    pub struct WeakMasking {
        /// Masks of two places of a host are reported if, joined, they hide fewer positions than this.
        hidden: usize = 2,
        /// The least grade for which joined masks are reported.
        min_grade: Grade = Grade::L3,
        /// How long an endpoint or host that masks nothing is remembered.
        memory: Span = Span::days(30),
    }
}

/// Types remembered for one endpoint or host.
const TYPES: usize = 128;
/// Masked places remembered for one host; the one that was not seen for longest goes.
const PLACES: usize = 128;
/// Samples that one exchange adds to a type.
const SAMPLES: usize = 3;
/// Masked observations of one exchange that are compared.
const COMPARED: usize = 64;
/// Shorter and longer masks are not compared: names differ by their length, and addresses by where their digits stand.
const LENGTHS: std::ops::RangeInclusive<usize> = 6..=32;
/// Times in a row that a place which has changed its mask must show the new one before it counts: a mask that follows the value
/// changes again, one that was mended stays.
const STEADY: u16 = 20;

/// How a host or an endpoint masks.
#[derive(Default, Serialize, Deserialize)]
pub struct Masks {
    /// Types found.
    found: Names,
    /// Of a host: its masked places, most recent last.
    places: Vec<Mask>,
}

/// How one place masks values of one type and length.
#[derive(Serialize, Deserialize)]
struct Mask {
    endpoint: Arc<str>,
    place: Place,
    what: Box<str>,
    /// A bit for each position, set where it is hidden.
    hidden: u32,
    length: u8,
    changed: bool,
    /// Times in a row that it was so.
    steady: u16,
    /// It was one of two that join.
    joined: bool,
}

impl Detector for WeakMasking {
    const RULE: &'static Rule = &Rule {
        kind: "data.weak_masking",
        class: Class::Weakness,
        severity: Severity::Low,
        title: Text { en: "mask leaves the value recoverable", zh: "脱敏强度不足" },
        about: Text {
            en: "Masked values hide so little that the rest can be guessed; or two places of one host mask different parts of the same \
                 type, so that the two together show (nearly) all of it. The same mask everywhere is what it should be.",
            zh: "脱敏值隐藏的内容过少，其余部分可被猜出；或同一主机的两处对同一类型遮盖了不同部分，拼接后（几乎）可还原全部。\
                 各处采用同一遮盖方式是正确做法。",
        },
        advice: Text {
            en: "Use one masking rule for each type across all endpoints, and hide enough that the value cannot be enumerated.",
            zh: "对每种类型在所有接口采用统一的脱敏规则，并保证被隐藏部分不可枚举。",
        },
        clause: "脱敏策略",
    };
    const VIEWS: Views = Views::VALUES.and(Views::MESSAGES);
    type State = Masks;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if answers(event) && event.call.observations.iter().any(masked) {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
            out.push(CellKey::of(Entity::Server(event.host().into())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, masks: &mut Masks, out: &mut Verdicts) {
        if matches!(of.entity, Entity::Endpoint(_)) {
            weak(event, of, masks, out);
        } else {
            self.join(event, masks, out);
        }
    }

    fn is_idle(&self, masks: &Masks) -> bool {
        masks.found.is_empty() && masks.places.is_empty()
    }

    fn heap(&self, masks: &Masks) -> usize {
        let own = |mask: &Mask| {
            let place = match &mask.place {
                Place::Header(name) | Place::Cookie(name) | Place::Query(name) | Place::Body(name) => name.len(),
                Place::Path(_) => 0,
            };
            mask.endpoint.len() + mask.what.len() + place
        };
        masks.found.heap() + masks.places.capacity() * size_of::<Mask>() + masks.places.iter().map(own).sum::<usize>()
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn check(&self) -> Result<(), String> {
        if self.hidden >= *LENGTHS.start() {
            return Err(format!("hidden: {} positions are all that a short value has", self.hidden));
        }
        Ok(())
    }

    fn summary(&self, finding: &Finding) -> Said {
        let (what, whose) = (type_of(finding), &finding.primary);
        if matches!(finding.primary, Entity::Endpoint(_)) {
            let values = finding.measures.get("values").copied().unwrap_or(0);
            return Said {
                en: format!(
                    "{whose} returned {} of type {what} masked so that they can be guessed.",
                    counted(values, "value")
                ),
                zh: format!("{whose} 返回 {values} 个类型为 {what} 的脱敏值，其遮盖强度不足，可被猜出。"),
            };
        }
        let names = finding.involved.names("endpoint");
        let left = finding.measures.get("hidden_by_both").copied().unwrap_or(0);
        let places = match names {
            [first, second, ..] => Said { en: format!("{first} and {second}"), zh: format!("{first} 与 {second}") },
            _ => {
                let endpoint = names.first().map_or("", |name| name);
                Said { en: format!("two fields of {endpoint}"), zh: format!("{endpoint} 的两个字段") }
            }
        };
        Said {
            en: format!(
                "{} mask different parts of {what}: joined they hide {}.",
                places.en,
                if left == 0 { "nothing".to_owned() } else { counted(left, "character") }
            ),
            zh: format!("{}对 {what} 遮盖的部分不同，拼接后仅剩 {left} 个字符被隐藏。", places.zh),
        }
    }
}

impl WeakMasking {
    /// Compares the masks of an answer with those of other places of the host.
    fn join(&self, event: &Event, masks: &mut Masks, out: &mut Verdicts) {
        let mut hits: Vec<(&str, Evidence)> = Vec::new();
        let mut apart: Vec<&str> = Vec::new();
        let all = event.call.observations.iter().filter(|seen| masked(seen) && seen.grade >= self.min_grade);
        for seen in all.take(COMPARED) {
            let Some((hidden, length)) = seen.detail.as_deref().and_then(pattern) else { continue };
            let mut mask = masks.take(event, seen, hidden, length);
            // A place that was forgotten has not changed.
            let has_partner = masks.places.iter().any(|other| other.joined && other.what == mask.what);
            let mut other = None;
            if mask.counts() && hidden.count_ones() as usize >= self.hidden {
                // The oldest one, so that a finding names the same two again.
                other = masks.places.iter_mut().find(|other| {
                    other.what == mask.what
                        && other.length == length
                        && other.counts()
                        && other.hidden.count_ones() as usize >= self.hidden
                        && ((other.hidden & hidden).count_ones() as usize) < self.hidden
                });
            }
            match other {
                Some(other) => {
                    (mask.joined, other.joined) = (true, true);
                    let both = u64::from((other.hidden & hidden).count_ones());
                    let evidence = Evidence::new()
                        .confidence(70)
                        .reason("complementary_masks")
                        .most("hidden_by_both", both)
                        .sum("values", u64::from(seen.count))
                        .sample(form(other))
                        .sample(form(&mask))
                        .involves(Entity::Endpoint(other.endpoint.clone()))
                        .respond("fix_endpoint", Entity::Endpoint(other.endpoint.clone()))
                        .respond("fix_endpoint", Entity::Endpoint(event.endpoint.clone()));
                    if !hits.iter().any(|(id, _)| *id == seen.what.id) {
                        hits.push((seen.what.id, evidence));
                    }
                }
                None if mask.joined && has_partner => apart.push(seen.what.id),
                None => {}
            }
            masks.put(mask);
        }
        apart.sort_unstable();
        apart.dedup();
        for id in apart {
            if !hits.iter().any(|(hit, _)| *hit == id) {
                out.mended_about(id);
            }
        }
        for (id, evidence) in hits {
            masks.found.add(id, TYPES);
            out.hit_about(id, evidence);
        }
    }
}

/// Masks of one endpoint that hide too little by themselves.
fn weak(event: &Event, of: &CellKey, masks: &mut Masks, out: &mut Verdicts) {
    let mut strong: Vec<&str> = Vec::new();
    let mut weak: Vec<(&str, Evidence)> = Vec::new();
    for seen in event.call.observations.iter().filter(|seen| masked(seen)) {
        let id = seen.what.id;
        if seen.weak == 0 {
            strong.push(id);
            continue;
        }
        let found = weak.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            let evidence = Evidence::new().confidence(0).reason("too_little_hidden");
            weak.push((id, evidence.respond("fix_endpoint", of.entity.clone())));
            weak.len() - 1
        });
        if let Some((_, evidence)) = weak.get_mut(found) {
            let sure = evidence.confidence.unwrap_or_default().max(seen.confidence);
            let mut more = std::mem::take(evidence).confidence(sure).sum("values", u64::from(seen.weak));
            if more.samples.len() < SAMPLES {
                more = more.sample(sample(seen));
            }
            *evidence = more;
        }
    }
    let in_full = |id: &str| {
        let mut all = event.call.observations.iter();
        all.any(|seen| seen.what.id == id && seen.half == Half::Response && seen.form == Form::Full)
    };
    for id in masks.found.iter().filter(|id| strong.contains(id)) {
        if !weak.iter().any(|(known, _)| *known == id) && !in_full(id) {
            out.mended_about(id);
        }
    }
    for (id, evidence) in weak {
        masks.found.add(id, TYPES);
        out.hit_about(id, evidence);
    }
}

impl Masks {
    /// The mask of a place, with what is seen of it now.
    fn take(&mut self, event: &Event, seen: &Observation, hidden: u32, length: u8) -> Mask {
        let same = |mask: &Mask| {
            mask.length == length
                && mask.place == seen.place
                && *mask.what == *seen.what.id
                && mask.endpoint == event.endpoint
        };
        let Some(at) = self.places.iter().position(same) else {
            let (endpoint, place) = (event.endpoint.clone(), seen.place.clone());
            let what = seen.what.id.into();
            return Mask { endpoint, place, what, hidden, length, changed: false, steady: 1, joined: false };
        };
        let mut mask = self.places.remove(at);
        if mask.hidden == hidden {
            mask.steady = mask.steady.saturating_add(1);
        } else {
            (mask.hidden, mask.changed, mask.steady) = (hidden, true, 1);
        }
        mask
    }

    fn put(&mut self, mask: Mask) {
        if self.places.len() >= PLACES {
            self.places.remove(0);
        }
        self.places.push(mask);
    }
}

impl Mask {
    /// It follows the position, not the value.
    fn counts(&self) -> bool {
        !self.changed || self.steady >= STEADY
    }
}

/// A masked value in the answer.
fn masked(seen: &Observation) -> bool {
    seen.half == Half::Response && seen.form == Form::Masked && seen.is_reported() && is_data(seen)
}

/// The hidden positions and the length of a form such as `ddd****dddd`.
fn pattern(form: &str) -> Option<(u32, u8)> {
    let length = form.chars().take(LENGTHS.end() + 1).count();
    if !LENGTHS.contains(&length) {
        return None;
    }
    let hidden = form.chars().enumerate().filter(|(_, c)| *c == '*').fold(0, |hidden, (at, _)| hidden | 1 << at);
    Some((hidden, length as u8))
}

/// A mask as a sample shows it: endpoint, place and form.
fn form(mask: &Mask) -> String {
    let form: String = (0..mask.length).map(|at| if mask.hidden >> at & 1 == 1 { '*' } else { 'd' }).collect();
    match &mask.place {
        Place::Body(path) => format!("{} {path}: {form}", mask.endpoint),
        Place::Header(name) => format!("{} header {name}: {form}", mask.endpoint),
        _ => format!("{}: {form}", mask.endpoint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{DataType, Status};
    use spyhop_testkit::{EventBuilder, event, types};

    const MIDDLE: &str = "ddd****dddd";
    const ENDS: &str = "***dddd****";
    fn shows(endpoint: &str, what: &'static DataType, form: &str) -> EventBuilder {
        event().get(endpoint).returns_masked(what, 2).detail(form)
    }

    #[test]
    fn weak_masks_are_a_low_finding_for_each_endpoint_and_type() {
        let mut sensor = Harness::of::<WeakMasking>();
        sensor.see(shows("a.example/x", &types::MOBILE, MIDDLE).weak(0));
        sensor.silent();
        sensor.see(shows("a.example/x", &types::MOBILE, "dddd***dddd").weak(1));
        sensor.see(shows("a.example/x", &types::MOBILE, "dddd***dddd").weak(2));
        let finding = sensor.only();
        assert_eq!((finding.severity, finding.measures["values"], type_of(&finding)), (Severity::Low, 3, "cn_mobile"));
        assert_eq!(finding.primary.to_string(), "GET a.example/x");
        assert_eq!(finding.confidence, 95);
    }

    #[test]
    fn masks_of_two_endpoints_that_join_name_both() {
        let mut sensor = Harness::of::<WeakMasking>();
        sensor.see(shows("a.example/x", &types::MOBILE, MIDDLE));
        let mut sensor = sensor.restarted::<WeakMasking>();
        sensor.see(shows("a.example/y", &types::MOBILE, ENDS));
        let finding = sensor.only();
        assert_eq!((finding.primary.to_string(), finding.severity), ("a.example".to_owned(), Severity::Low));
        assert_eq!(
            finding.summary.en,
            "GET a.example/x and GET a.example/y mask different parts of cn_mobile: joined they hide nothing."
        );
        assert_eq!(&*finding.samples[0], "GET a.example/x $.list[*].cn_mobile: ddd****dddd");
        sensor.see(shows("a.example/x", &types::MOBILE, MIDDLE));
        assert_eq!(sensor.only().count, 2);
    }

    #[test]
    fn one_hidden_position_fires_and_two_do_not() {
        for (form, fires) in [("***d***dddd", 0), ("*****d*dddd", 0), ("***dd*ddddd", 1), ("***dd**dddd", 0)] {
            let mut sensor = Harness::of::<WeakMasking>();
            sensor.see(shows("a.example/x", &types::MOBILE, MIDDLE));
            sensor.see(shows("a.example/y", &types::MOBILE, form));
            assert_eq!(sensor.findings().len(), fires, "{form}");
        }
    }

    #[test]
    fn the_same_mask_other_hosts_types_lengths_and_low_grades_stay_silent() {
        let mut sensor = Harness::of::<WeakMasking>();
        sensor.see(shows("a.example/x", &types::MOBILE, MIDDLE));
        sensor.see(shows("a.example/y", &types::MOBILE, MIDDLE));
        sensor.see(shows("b.example/y", &types::MOBILE, ENDS));
        sensor.see(shows("a.example/y", &types::PHONE, ENDS));
        sensor.see(shows("a.example/y", &types::MOBILE, "***dddd*****"));
        sensor.see(shows("a.example/y", &types::MOBILE, ENDS).confidence(59));
        for (endpoint, form) in [("a.example/x", MIDDLE), ("a.example/y", ENDS)] {
            sensor.see(shows(endpoint, &types::EMAIL, form));
        }
        for (endpoint, form) in [("a.example/x", "d*"), ("a.example/y", "*d")] {
            sensor.see(shows(endpoint, &types::ADDRESS, form));
        }
        sensor.silent();
    }

    #[test]
    fn masks_that_follow_the_value_stay_silent() {
        let mut sensor = Harness::of::<WeakMasking>();
        let forms = ["dddddd**dd", "dd**dddddd", "dddd**dd**", "**dddddddd"];
        sensor.see(shows("a.example/x", &types::ADDRESS, forms[0]));
        sensor.see(shows("a.example/x", &types::ADDRESS, forms[1]));
        for n in 0..40 {
            sensor.see(shows("a.example/y", &types::ADDRESS, forms[n % 4]));
            sensor.see(shows("a.example/x", &types::ADDRESS, forms[(n + 1) % 4]));
        }
        sensor.silent();
    }

    #[test]
    fn fifty_answers_with_a_proper_mask_close_it() {
        let mut sensor = Harness::of::<WeakMasking>();
        sensor.see(shows("a.example/x", &types::MOBILE, "dddd***dddd").weak(2));
        for _ in 0..60 {
            sensor.see(shows("a.example/x", &types::MOBILE, MIDDLE).returns(&types::MOBILE, 1));
        }
        assert_eq!(sensor.only().status, Status::Open);
        for _ in 0..50 {
            sensor.see(shows("a.example/x", &types::MOBILE, MIDDLE));
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn two_endpoints_that_now_mask_alike_close_it() {
        let mut sensor = Harness::of::<WeakMasking>();
        sensor.see(shows("a.example/x", &types::MOBILE, MIDDLE));
        sensor.see(shows("a.example/y", &types::MOBILE, ENDS));
        for _ in 0..25 {
            assert_eq!(sensor.only().status, Status::Open);
            sensor.see(shows("a.example/y", &types::MOBILE, MIDDLE));
            sensor.see(shows("a.example/x", &types::MOBILE, MIDDLE));
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn a_week_of_silence_makes_it_stale_and_places_without_end_cost_a_bounded_cell() {
        let mut sensor = Harness::of::<WeakMasking>();
        for n in 0..1_000 {
            sensor.see(shows(&format!("a.example/{n}"), &types::MOBILE, MIDDLE).at(0));
        }
        let (cells, bytes) = sensor.held();
        assert!(cells == 1 && bytes < 65_536, "{cells} {bytes}");
        sensor.see(shows("a.example/x", &types::MOBILE, ENDS).at(0));
        sensor.advance(7 * 86_400);
        assert_eq!(sensor.only().status, Status::Stale);
        assert!(WeakMasking { hidden: 6, ..WeakMasking::default() }.check().is_err());
    }
}
