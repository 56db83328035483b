//! Where data and calls go.

mod outbound_overseas;
mod overseas_access;

pub use outbound_overseas::OutboundOverseas;
pub use overseas_access::OverseasAccess;

use spyhop_model::{Event, Grade, Severity};

/// Severity of a flow by the highest grade of what it carries.
fn severity(event: &Event) -> Severity {
    match event.call.observations.iter().filter(|seen| seen.is_reported()).map(|seen| seen.what.grade).max() {
        Some(Grade::L5) => Severity::Critical,
        Some(Grade::L4) => Severity::High,
        Some(Grade::L3) => Severity::Medium,
        _ => Severity::Low,
    }
}
