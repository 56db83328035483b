//! Where data and calls go.

mod outbound_overseas;
mod overseas_access;

pub use outbound_overseas::OutboundOverseas;
pub use overseas_access::OverseasAccess;

use spyhop_model::{Event, Form, Grade, Observation, Severity};

use crate::data::is_proof;

/// Values that a finding may rest on: those in full. A masked one gives nothing away, and a password or code that somebody sends to
/// log in is no data that flows.
fn carried(event: &Event) -> impl Iterator<Item = &Observation> {
    event.call.observations.iter().filter(|seen| seen.is_reported() && seen.form == Form::Full && !is_proof(seen))
}

/// Severity of a flow by the highest grade of what it carries.
fn severity<'a>(carried: impl Iterator<Item = &'a Observation>) -> Severity {
    match carried.map(|seen| seen.grade).max() {
        Some(Grade::L5) => Severity::Critical,
        Some(Grade::L4) => Severity::High,
        Some(Grade::L3) => Severity::Medium,
        _ => Severity::Low,
    }
}
