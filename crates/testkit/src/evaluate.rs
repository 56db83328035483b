//! Precision and recall of content recognition over labelled bodies.

use std::collections::BTreeMap;
use std::fmt;

use spyhop_model::Form;

use crate::labelled::{Body, Expect, Group, types};

/// What a recogniser told of a body: values of one type, in one form, at one place.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The type.
    pub id: String,
    /// 0..=100.
    pub confidence: u8,
    /// In full or masked.
    pub form: Form,
    /// How many values.
    pub count: u32,
    /// Where, as a path, a field or a parameter.
    pub place: String,
}

/// Counts of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Values that had to be reported.
    pub expected: u64,
    /// Of these, those that were.
    pub found: u64,
    /// Of those found, how many at another place than theirs.
    pub misplaced: u64,
    /// Values whose report is left open, reported.
    pub open: u64,
    /// Reports without a value of their type and form.
    pub false_alarms: u64,
}

impl Tally {
    /// The share of reports that are right, of 0..=1; 1 without reports. Reports left open are right.
    pub fn precision(&self) -> f64 {
        let right = self.found + self.open;
        share(right, right + self.false_alarms)
    }

    /// The share of expected values that were reported, of 0..=1; 1 where none was expected.
    pub fn recall(&self) -> f64 {
        share(self.found, self.expected)
    }

    /// Both together.
    pub fn plus(self, other: &Tally) -> Tally {
        Tally {
            expected: self.expected + other.expected,
            found: self.found + other.found,
            misplaced: self.misplaced + other.misplaced,
            open: self.open + other.open,
            false_alarms: self.false_alarms + other.false_alarms,
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// The confidence from which on a value is reported.
const REPORTED: u8 = 60;
/// Most examples kept of misses, and of false alarms, of one type.
const EXAMPLES: usize = 4;
/// Longest example in characters.
const EXAMPLE: usize = 110;

/// Scores a recogniser body by body.
#[derive(Debug)]
pub struct Evaluation {
    known: Vec<(&'static str, Group)>,
    skipped: Vec<&'static str>,
    tallies: BTreeMap<String, Tally>,
    shapes: BTreeMap<&'static str, Tally>,
    misses: BTreeMap<String, Vec<String>>,
    alarms: BTreeMap<String, Vec<String>>,
    bodies: u64,
    negatives: u64,
}

impl Evaluation {
    /// Of a recogniser that knows the types `knows` says; the others are skipped.
    pub fn new(knows: impl Fn(&str) -> bool) -> Evaluation {
        let (known, unknown): (Vec<_>, Vec<_>) = types().into_iter().partition(|(id, _)| knows(id));
        Evaluation {
            known,
            skipped: unknown.into_iter().map(|(id, _)| id).collect(),
            tallies: BTreeMap::new(),
            shapes: BTreeMap::new(),
            misses: BTreeMap::new(),
            alarms: BTreeMap::new(),
            bodies: 0,
            negatives: 0,
        }
    }

    /// Types of the handbook that the recogniser does not know.
    pub fn skipped(&self) -> &[&'static str] {
        &self.skipped
    }

    /// Weighs what was told of a body: each label takes one report of its type and form, those at its own place
    /// first; a report that no label takes is a false alarm.
    pub fn add(&mut self, body: &Body, seen: &[Seen]) {
        self.bodies += 1;
        self.negatives += body.negatives as u64;
        let mut left: Vec<Seen> = seen.iter().filter(|seen| seen.confidence >= REPORTED).cloned().collect();
        let mut shape = Tally::default();
        let knows = |id: &str| self.known.iter().any(|(known, _)| *known == id);
        for wanted in [Expect::Reported, Expect::Either] {
            // Own place first, then any: a value of one place must not use up what was told of another.
            let labels: Vec<_> = body.labels.iter().filter(|label| label.expect == wanted).collect();
            let mut waiting = Vec::new();
            let mut taken = Vec::new();
            for label in &labels {
                match label.place.as_deref() {
                    Some(place) if take(&mut left, label.id, label.also, label.form, Some(place)) => {
                        taken.push((*label, false));
                    }
                    _ => waiting.push(*label),
                }
            }
            let mut missed = Vec::new();
            for label in waiting {
                match take(&mut left, label.id, label.also, label.form, None) {
                    true => taken.push((label, label.place.is_some())),
                    false => missed.push(label),
                }
            }
            for (label, misplaced) in taken {
                let tally = self.tallies.entry(label.id.to_owned()).or_default();
                if wanted == Expect::Either {
                    tally.open += 1;
                } else {
                    tally.expected += 1;
                    tally.found += 1;
                    tally.misplaced += u64::from(misplaced);
                    shape.expected += 1;
                    shape.found += 1;
                }
            }
            for label in missed.into_iter().filter(|label| wanted == Expect::Reported && knows(label.id)) {
                self.tallies.entry(label.id.to_owned()).or_default().expected += 1;
                shape.expected += 1;
                let told: Vec<String> = seen
                    .iter()
                    .filter(|seen| label.place.as_deref().is_none_or(|place| place == seen.place))
                    .map(|seen| format!("{} × {} {} {:?}", seen.count, seen.id, seen.confidence, seen.form))
                    .collect();
                let place = label.place.as_deref().unwrap_or_default();
                let raw = cut(&label.raw);
                let text = format!("{}, {:?}: {raw} at {place} [told: {}]", body.shape, label.form, told.join("; "));
                keep(&mut self.misses, label.id, text, label.raw.as_bytes(), body);
            }
        }
        for seen in left.iter().filter(|seen| seen.count > 0) {
            self.tallies.entry(seen.id.clone()).or_default().false_alarms += u64::from(seen.count);
            shape.false_alarms += u64::from(seen.count);
            let hidden = body.labels.iter().find(|label| {
                label.expect == Expect::Hidden && label.place.as_deref().is_none_or(|place| place == seen.place)
            });
            let hidden = hidden.map_or(String::new(), |label| format!(" {} {}", label.id, cut(&label.raw)));
            let text = format!(
                "{}: {} × {} {:?} at {}{hidden}",
                body.shape, seen.count, seen.confidence, seen.form, seen.place
            );
            keep(&mut self.alarms, &seen.id, text, seen.place.rsplit('.').next().unwrap_or_default().as_bytes(), body);
        }
        let sum = self.shapes.entry(body.shape).or_default();
        *sum = sum.plus(&shape);
    }

    /// Counts of a type.
    pub fn of(&self, id: &str) -> Tally {
        self.tallies.get(id).copied().unwrap_or_default()
    }

    /// Counts of all known types of a group.
    pub fn group(&self, group: Group) -> Tally {
        let types = self.known.iter().filter(|(_, of)| *of == group);
        types.fold(Tally::default(), |sum, (id, _)| sum.plus(&self.of(id)))
    }

    /// Examples of what was missed and of false alarms, type by type.
    pub fn examples(&self) -> String {
        let mut out = String::new();
        for (what, examples) in [("missed", &self.misses), ("false alarm", &self.alarms)] {
            for (id, texts) in examples {
                for text in texts {
                    out.push_str(&format!("{what} {id}: {text}\n"));
                }
            }
        }
        out
    }
}

/// Takes one report of a type, or of one that is as good, in that form and at that place.
fn take(left: &mut [Seen], id: &str, also: &[&str], form: Form, place: Option<&str>) -> bool {
    let fits = |seen: &Seen, id: &str| {
        seen.count > 0 && seen.id == id && seen.form == form && place.is_none_or(|place| seen.place == place)
    };
    let at = std::iter::once(&id).chain(also).find_map(|id| left.iter().position(|seen| fits(seen, id)));
    match at.and_then(|at| left.get_mut(at)) {
        Some(seen) => {
            seen.count -= 1;
            true
        }
        None => false,
    }
}

fn keep(examples: &mut BTreeMap<String, Vec<String>>, id: &str, mut text: String, near: &[u8], body: &Body) {
    let examples = examples.entry(id.to_owned()).or_default();
    if examples.len() >= EXAMPLES {
        return;
    }
    // What stands around it.
    let at = (!near.is_empty()).then(|| body.bytes.windows(near.len()).position(|w| w == near)).flatten();
    let from = at.unwrap_or(0).saturating_sub(EXAMPLE / 2);
    let around = body.bytes.get(from..(from + 2 * EXAMPLE).min(body.bytes.len())).unwrap_or_default();
    text.push_str(&format!("\n    … {}", String::from_utf8_lossy(around).replace(['\n', '\r'], "⏎")));
    examples.push(text);
}

fn cut(text: &str) -> String {
    text.chars().take(EXAMPLE).collect()
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["expected", "found", "misplaced", "open", "false"];
        writeln!(f, "{} bodies, {} negatives", self.bodies, self.negatives)?;
        let heading = |f: &mut fmt::Formatter<'_>, what: &str| {
            write!(f, "{what:<22}")?;
            head.iter().try_for_each(|name| write!(f, "{name:>10}"))?;
            writeln!(f, "{:>11}{:>9}", "precision", "recall")
        };
        let line = |f: &mut fmt::Formatter<'_>, name: &str, tally: &Tally| {
            let Tally { expected, found, misplaced, open, false_alarms } = tally;
            write!(f, "{name:<22}{expected:>10}{found:>10}{misplaced:>10}{open:>10}{false_alarms:>10}")?;
            writeln!(f, "{:>11.4}{:>9.4}", tally.precision(), tally.recall())
        };
        heading(f, "type")?;
        for (id, _) in &self.known {
            line(f, id, &self.of(id))?;
        }
        for (id, tally) in &self.tallies {
            if !self.known.iter().any(|(known, _)| known == id) && tally.false_alarms > 0 {
                line(f, id, tally)?;
            }
        }
        line(f, "= checksum types", &self.group(Group::Checked))?;
        line(f, "= context types", &self.group(Group::Context))?;
        heading(f, "shape")?;
        for (shape, tally) in self.shapes.iter().filter(|(_, tally)| **tally != Tally::default()) {
            line(f, shape, tally)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labelled::{Carrier, Label};

    fn label(id: &'static str, place: &str, expect: Expect) -> Label {
        Label { id, also: &[], place: Some(place.into()), form: Form::Full, raw: "x".into(), expect }
    }

    fn seen(id: &str, place: &str, count: u32, confidence: u8) -> Seen {
        Seen { id: id.into(), confidence, form: Form::Full, count, place: place.into() }
    }

    #[test]
    fn reports_are_matched_with_labels() {
        let body = Body {
            carrier: Carrier::Response,
            content_type: "application/json",
            bytes: b"{}".to_vec(),
            labels: vec![
                label("cn_mobile", "$.a", Expect::Reported),
                label("cn_mobile", "$.b", Expect::Reported),
                label("email", "$.c", Expect::Either),
                label("bank_card", "$.d", Expect::Hidden),
                label("vin", "$.e", Expect::Reported),
            ],
            shape: "json",
            negatives: 0,
        };
        let mut evaluation = Evaluation::new(|id| id != "vin");
        evaluation.add(
            &body,
            &[
                seen("cn_mobile", "$.a", 1, 90),
                seen("cn_mobile", "$.z", 2, 60),
                seen("email", "$.c", 1, 75),
                seen("bank_card", "$.d", 1, 70),
                seen("bank_card", "$.f", 1, 55),
            ],
        );
        let tally = evaluation.of("cn_mobile");
        assert_eq!((tally.expected, tally.found, tally.misplaced, tally.false_alarms), (2, 2, 1, 1));
        assert_eq!(evaluation.of("email"), Tally { open: 1, ..Tally::default() });
        let checked = evaluation.group(Group::Checked);
        assert_eq!((checked.false_alarms, checked.expected), (1, 0));
        assert!(evaluation.skipped() == ["vin"] && evaluation.of("vin").expected == 0);
        assert!((evaluation.group(Group::Context).precision() - 0.75).abs() < 1e-9);
        assert!(evaluation.to_string().contains("= checksum types") && evaluation.examples().contains("bank_card"));
    }
}
