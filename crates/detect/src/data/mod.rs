//! Sensitive data where it should not be, or not in this form.

mod canary;
mod cleartext_transport;
mod excessive_records;
mod excessive_types;
mod export;
mod frontend_masking;
mod pre_login_exposure;
mod secret_exposed;
mod sensitive_in_url;
mod unmasked;
mod weak_masking;

pub use canary::Canary;
pub use cleartext_transport::CleartextTransport;
pub use excessive_records::ExcessiveRecords;
pub use excessive_types::ExcessiveTypes;
pub use export::Export;
pub use frontend_masking::FrontendMasking;
pub use pre_login_exposure::PreLoginExposure;
pub use secret_exposed::SecretExposed;
pub use sensitive_in_url::SensitiveInUrl;
pub use unmasked::Unmasked;
pub use weak_masking::WeakMasking;

use spyhop_model::{Call, DataType, Entity, Event, FileKind, Form, Grade, Half, Observation, Severity};

use crate::detector::{CellKey, Evidence};

/// The type of keys and tokens, and that of planted values: each has a kind of finding of its own.
const SECRET: &str = "secret";
const CANARY: &str = "canary";
/// What callers send to prove who they are: data in an answer only. In a request it is for the `auth` findings.
const PROOFS: [&str; 2] = ["account_password", "sms_code"];

/// Whether an observation is of data, and not of what another kind of finding tells.
fn is_data(seen: &Observation) -> bool {
    !matches!(seen.what.id, SECRET | CANARY) && !is_proof(seen)
}

/// Whether a caller sends it to prove who it is.
pub(crate) fn is_proof(seen: &Observation) -> bool {
    seen.half == Half::Request && PROOFS.contains(&seen.what.id)
}

/// Values in full in the response, of that grade or above.
fn returned(call: &Call, least: Grade) -> impl Iterator<Item = &Observation> {
    call.observations.iter().filter(move |seen| {
        seen.half == Half::Response
            && seen.form == Form::Full
            && seen.is_reported()
            && seen.grade >= least
            && is_data(seen)
    })
}

/// The server spoke: an answer, or a message on a channel.
fn answers(event: &Event) -> bool {
    event.call.request.is_some() && (event.call.response.is_some() || event.call.message.is_some())
}

/// Who called: the account, where it is known, within its host; else the address.
fn principal(event: &Event) -> CellKey {
    match &event.account {
        Some(account) => CellKey::within(Entity::Account(account.clone()), event.host()),
        None => CellKey::of(Entity::ClientIp(event.client.ip)),
    }
}

/// The response delivers a file that is meant to hold records, or to be saved.
fn delivers_records(call: &Call) -> bool {
    call.delivered.as_ref().is_some_and(|file| file.attachment || file.kind != FileKind::Other)
}

/// One step down, at least info (handbook §6.0: evidence below 70 costs a step).
fn lowered(severity: Severity) -> Severity {
    match severity {
        Severity::Info | Severity::Low => Severity::Info,
        Severity::Medium => Severity::Low,
        Severity::High => Severity::Medium,
        Severity::Critical => Severity::High,
    }
}

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
    /// The highest.
    grade: Grade,
    values: u64,
    confidence: u8,
    places: Vec<&'a Observation>,
}

/// Groups observations by type, in order of appearance.
fn by_type<'a>(observations: impl Iterator<Item = &'a Observation>) -> Vec<Shown<'a>> {
    let mut types: Vec<Shown<'a>> = Vec::new();
    for seen in observations {
        let at = types.iter().position(|shown| shown.what.id == seen.what.id).unwrap_or_else(|| {
            types.push(Shown { what: seen.what, grade: seen.grade, values: 0, confidence: 0, places: Vec::new() });
            types.len() - 1
        });
        if let Some(shown) = types.get_mut(at) {
            shown.values += u64::from(seen.count);
            shown.grade = shown.grade.max(seen.grade);
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
