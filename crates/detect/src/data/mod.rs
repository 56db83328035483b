//! Sensitive data where it should not be, or not in this form.

mod cleartext_transport;
mod unmasked;

pub use cleartext_transport::CleartextTransport;
pub use unmasked::Unmasked;

use spyhop_model::{DataType, Grade, Observation, Severity};

use crate::detector::Evidence;

/// Severity of sensitive data by its grade.
fn severity(grade: Grade) -> Severity {
    match grade {
        Grade::L1 => Severity::Info,
        Grade::L2 => Severity::Low,
        Grade::L3 => Severity::Medium,
        Grade::L4 | Grade::L5 => Severity::High,
    }
}

/// What one exchange shows of one type.
struct Shown<'a> {
    what: &'static DataType,
    values: u64,
    confidence: u8,
    places: Vec<&'a Observation>,
}

/// Groups observations by type, in order of appearance.
fn by_type<'a>(observations: impl Iterator<Item = &'a Observation>) -> Vec<Shown<'a>> {
    let mut types: Vec<Shown<'a>> = Vec::new();
    for seen in observations {
        let at = types.iter().position(|shown| shown.what.id == seen.what.id).unwrap_or_else(|| {
            types.push(Shown { what: seen.what, values: 0, confidence: 0, places: Vec::new() });
            types.len() - 1
        });
        if let Some(shown) = types.get_mut(at) {
            shown.values += u64::from(seen.count);
            shown.confidence = shown.confidence.max(seen.confidence);
            shown.places.push(seen);
        }
    }
    types
}

impl Shown<'_> {
    fn evidence(&self) -> Evidence {
        /// Samples that one exchange adds.
        const SAMPLES: usize = 3;
        let evidence = Evidence::new()
            .confidence(self.confidence)
            .sum("values", self.values)
            .most("values_in_one_exchange", self.values);
        self.places.iter().take(SAMPLES).fold(evidence, |evidence, seen| evidence.sample(crate::wording::sample(seen)))
    }
}

/// The type that a finding is about.
fn type_of(finding: &spyhop_model::Finding) -> &str {
    finding.aspect.as_deref().unwrap_or("")
}
