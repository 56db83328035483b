//! About the sensor itself: told from the accounts, not from events.

mod loss;
mod meaning;
mod mirror;

pub use loss::{Loss, LossSettings};
pub use meaning::{Meaning, meaning};
pub use mirror::{Fault, Mirror, MirrorSettings, TapReport, faults};

/// What the sensor tells of itself.
#[derive(Default)]
pub struct Sensor {
    /// What it did not see or keep.
    pub loss: Loss,
    /// What the mirror does not deliver.
    pub mirror: Mirror,
}
