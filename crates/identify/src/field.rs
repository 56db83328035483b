//! What an endpoint's fields hold, learnt over its exchanges: a value that is a candidate by itself is one of many of its
//! kind in its field, and a value that everybody is shown is nobody's.
//!
//! A field is a type at a place of one half of an endpoint. Three things are learnt of it, in the order of events:
//! - **column**: five and more different candidates in nearly all answers speak for each other, as the rows of one body do;
//! - **prior**: twenty and more different sure values over two days and more speak for those that follow;
//! - **constant**: the same value in half of the answers, to five and more clients, is a hotline or a company account.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ahash::AHashMap;
use serde::{Deserialize, Serialize};
use spyhop_model::{Event, Fingerprint, Form, Key, Observation, Place, Timestamp, settings};

settings! {
    /// What is learnt of the fields of endpoints.
    pub struct FieldLimits {
        /// Fields that are remembered; beyond, those unused for longest are forgotten.
        fields: usize = 50_000,
    }
}

/// Points of what is learnt, as those that a worker gives.
const COLUMN: u8 = 15;
const PRIOR: u8 = 15;
const CONSTANT: u8 = 50;
/// Different candidates of a column.
const MANY: usize = 5;
/// Different beginnings of values that a column has: those that count up begin alike.
const BEGINNINGS: usize = 3;
/// Different sure values of a prior, and the points of each.
const CONFIRMED: usize = 20;
const SURE: u8 = 70;
/// Answers of an endpoint after which a share means something, and that a share is of.
const ANSWERS: u32 = 20;
/// Clients that are shown a constant.
const CLIENTS: usize = 5;
/// Values of a field whose frequency is known.
const FREQUENT: usize = 4;

/// Names of fields: equal in every run and on every machine, so that snapshots can be read.
type Name = Fingerprint;

/// All fields seen lately, in two generations: what is used moves to the young one.
pub struct Fields {
    limits: FieldLimits,
    young: AHashMap<Name, Field>,
    old: AHashMap<Name, Field>,
    answers: AHashMap<Arc<str>, u32>,
    old_answers: AHashMap<Arc<str>, u32>,
    key: Key,
    forgotten: u64,
}

/// What is known of a field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Field {
    /// Exchanges with the type here, and answers of the endpoint when the first one came.
    seen: u32,
    since: u32,
    /// Different candidates and surer values, until there are enough.
    candidates: BTreeSet<Fingerprint>,
    beginnings: BTreeSet<u32>,
    /// Different values that are sure, likewise, and the first and last day they came.
    sure: BTreeSet<Fingerprint>,
    days: Option<(i64, i64)>,
    frequent: Vec<Frequent>,
}

/// A value that comes often (Misra and Gries, "Finding repeated elements", 1982).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Frequent {
    value: Fingerprint,
    count: u32,
    clients: BTreeSet<IpAddr>,
}

/// Fields as a snapshot holds them.
#[derive(Default, Serialize, Deserialize)]
pub struct SavedFields {
    fields: BTreeMap<Name, Field>,
    answers: BTreeMap<String, u32>,
}

impl Fields {
    /// Nothing is known yet.
    pub fn new(limits: FieldLimits, key: Key) -> Fields {
        let (young, old) = (AHashMap::new(), AHashMap::new());
        let (answers, old_answers) = (AHashMap::new(), AHashMap::new());
        Fields { limits, young, old, answers, old_answers, key, forgotten: 0 }
    }

    /// Fields that had to be forgotten.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Weighs what an event shows by what was learnt before, and learns from it.
    pub fn weigh(&mut self, event: &mut Event) {
        if event.call.observations.is_empty() && !event.call.succeeded() {
            return;
        }
        let answers = self.answer(&event.endpoint, event.call.succeeded());
        let mut here: Vec<Name> = Vec::new();
        for observation in event.call.observations.iter_mut().filter(|seen| seen.form == Form::Full) {
            let name = self.name(&event.endpoint, observation);
            // Candidates and reported values of one field stand apart.
            let is_first = !here.contains(&name);
            here.push(name);
            let field = self.field(name);
            if field.seen == 0 {
                field.since = answers.saturating_sub(1);
            }
            field.seen = field.seen.saturating_add(u32::from(is_first));
            field.learn(observation, event.client.ip, event.call.began_at);
            observation.confidence = field.weigh(observation, answers);
        }
    }

    fn answer(&mut self, endpoint: &Arc<str>, succeeded: bool) -> u32 {
        if !self.answers.contains_key(endpoint) {
            if self.answers.len() >= (self.limits.fields / 2).max(1) {
                self.forgotten += self.old_answers.len() as u64;
                self.old_answers = std::mem::take(&mut self.answers);
            }
            let answers = self.old_answers.remove(endpoint).unwrap_or_default();
            self.answers.insert(endpoint.clone(), answers);
        }
        let Some(answers) = self.answers.get_mut(endpoint) else { return 0 };
        *answers = answers.saturating_add(u32::from(succeeded));
        *answers
    }

    fn name(&self, endpoint: &str, observation: &Observation) -> Name {
        let (part, place) = match &observation.place {
            Place::Header(name) => ("header", name.to_string()),
            Place::Cookie(name) => ("cookie", name.to_string()),
            Place::Query(name) => ("query", name.to_string()),
            Place::Path(segment) => ("path", segment.to_string()),
            Place::Body(path) => ("body", path.to_string()),
        };
        let half = observation.half as u8;
        self.key.fingerprint("field", format!("{endpoint}\0{half}{part}\0{place}\0{}", observation.what.id).as_bytes())
    }

    fn field(&mut self, name: Name) -> &mut Field {
        if !self.young.contains_key(&name) {
            if self.young.len() >= (self.limits.fields / 2).max(1) {
                self.forgotten += self.old.len() as u64;
                self.old = std::mem::take(&mut self.young);
            }
            let field = self.old.remove(&name).unwrap_or_default();
            self.young.insert(name, field);
        }
        self.young.entry(name).or_default()
    }

    /// What the next run can start from.
    pub fn save(&self) -> SavedFields {
        let fields = self.old.iter().chain(&self.young).map(|(name, field)| (*name, field.clone())).collect();
        let answers = self.old_answers.iter().chain(&self.answers);
        SavedFields { fields, answers: answers.map(|(name, count)| (name.to_string(), *count)).collect() }
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: SavedFields) {
        self.old = saved.fields.into_iter().take(self.limits.fields).collect();
        self.old_answers =
            saved.answers.into_iter().take(self.limits.fields).map(|(name, count)| (name.into(), count)).collect();
    }
}

impl Field {
    fn learn(&mut self, seen: &Observation, client: IpAddr, at: Timestamp) {
        const DAY: i64 = 86_400;
        let values = || seen.values.iter().take(CONFIRMED);
        if self.candidates.len() < MANY {
            self.candidates.extend(values().take(MANY));
        }
        if self.beginnings.len() < BEGINNINGS {
            self.beginnings.insert(beginning(&seen.sample));
        }
        if seen.confidence >= SURE {
            if self.sure.len() < CONFIRMED {
                self.sure.extend(values());
            }
            let day = (at.0 / 1_000_000_000) as i64 / DAY;
            let (first, last) = self.days.unwrap_or((day, day));
            self.days = Some((first.min(day), last.max(day)));
        }
        for value in seen.values.iter().take(FREQUENT) {
            self.count(*value, client);
        }
    }

    fn count(&mut self, value: Fingerprint, client: IpAddr) {
        if let Some(known) = self.frequent.iter_mut().find(|known| known.value == value) {
            known.count = known.count.saturating_add(1);
            if known.clients.len() < CLIENTS {
                known.clients.insert(client);
            }
        } else if self.frequent.len() < FREQUENT {
            self.frequent.push(Frequent { value, count: 1, clients: BTreeSet::from([client]) });
        } else {
            self.frequent.iter_mut().for_each(|known| known.count -= 1);
            self.frequent.retain(|known| known.count > 0);
        }
    }

    /// The confidence of what is seen, by what is known of its field.
    fn weigh(&self, seen: &Observation, answers: u32) -> u8 {
        let mut confidence = seen.confidence;
        let answers = answers.saturating_sub(self.since);
        let share = u64::from(self.seen) * 100 / u64::from(answers.max(1));
        // Rows of one body have spoken for each other already.
        if (seen.count as usize) < MANY && seen.confidence < SURE {
            let varied = self.candidates.len() >= MANY && self.beginnings.len() >= BEGINNINGS;
            // That a field is seldom there is nothing against its values.
            if varied && share >= 80 {
                confidence = confidence.saturating_add(COLUMN);
            }
        }
        let is_prior = self.sure.len() >= CONFIRMED && self.days.is_some_and(|(first, last)| last > first);
        if is_prior && seen.confidence < SURE {
            confidence = confidence.saturating_add(PRIOR);
        }
        let is_constant = |value: &Fingerprint| {
            let mut frequent = self.frequent.iter();
            frequent.any(|known| {
                known.value == *value && known.clients.len() >= CLIENTS && known.count.saturating_mul(2) >= answers
            })
        };
        if answers >= ANSWERS && !seen.values.is_empty() && seen.values.iter().all(is_constant) {
            confidence = confidence.saturating_sub(CONSTANT);
        }
        confidence.min(100)
    }
}

/// How a masked sample begins.
fn beginning(sample: &str) -> u32 {
    sample.chars().take(3).fold(0, |sum: u32, c| sum.wrapping_mul(0x0100_0193) ^ c as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_testkit::{event, types};

    fn knowing(limits: FieldLimits) -> Fields {
        Fields::new(limits, Key::new([3; 32]))
    }

    /// The confidence of one value in an answer, with what was learnt.
    fn see(fields: &mut Fields, n: u64, value: u32, client: &str, confidence: u8) -> u8 {
        let build = event().at(n).from(client).get("a.example/user").returns(&types::MOBILE, 1).confidence(confidence);
        let mut event = build.build(1);
        let seen = &mut event.call.observations[0];
        seen.values = vec![Fingerprint(u64::from(value))];
        seen.sample = format!("13{}****{:04}", value % 10, value).into();
        fields.weigh(&mut event);
        event.call.observations[0].confidence
    }

    #[test]
    fn candidates_in_every_answer_speak_for_each_other() {
        let mut fields = knowing(FieldLimits::default());
        let seen: Vec<u8> = (0..7).map(|n| see(&mut fields, n, n as u32, "10.0.0.1", 55)).collect();
        assert_eq!(seen, [55, 55, 55, 55, 70, 70, 70]);
    }

    #[test]
    fn numbers_that_count_up_do_not() {
        let mut fields = knowing(FieldLimits::default());
        let seen: Vec<u8> = (0..30).map(|n| see(&mut fields, n, n as u32 * 10, "10.0.0.1", 55)).collect();
        assert!(seen.iter().all(|confidence| *confidence == 55), "{seen:?}");
    }

    #[test]
    fn what_everybody_is_shown_is_nobodys() {
        let mut fields = knowing(FieldLimits::default());
        let client = |n: u64| format!("10.0.0.{}", n % 9);
        let all: Vec<u8> = (0..30).map(|n| see(&mut fields, n, 400, &client(n), 90)).collect();
        assert_eq!((all[0], all[29]), (90, 40));
        // One's own number, looked at often, stays one's own.
        let mut fields = knowing(FieldLimits::default());
        let own: Vec<u8> = (0..30).map(|n| see(&mut fields, n, 400, "10.0.0.1", 90)).collect();
        assert!(own.iter().all(|confidence| *confidence == 90));
    }

    #[test]
    fn a_confirmed_field_speaks_for_what_follows_and_a_snapshot_keeps_it() {
        const DAY: u64 = 86_400;
        let mut fields = knowing(FieldLimits::default());
        for n in 0..40 {
            see(&mut fields, n * DAY / 20, n as u32 * 10, "10.0.0.1", 85);
        }
        let mut later = knowing(FieldLimits::default());
        later.load(fields.save());
        assert_eq!(see(&mut later, 3 * DAY, 9_990, "10.0.0.1", 55), 70);
        assert_eq!(later.save().fields.len(), 1);
    }

    #[test]
    fn fields_are_bounded() {
        let mut fields = knowing(FieldLimits { fields: 10 });
        for n in 0..100 {
            let target = format!("a.example/{n}");
            fields.weigh(&mut event().at(n).get(&target).returns(&types::MOBILE, 1).build(n as u32));
        }
        assert!(fields.young.len() + fields.old.len() <= 10 && fields.answers.len() + fields.old_answers.len() <= 10);
        assert!(fields.forgotten() > 80);
    }
}
