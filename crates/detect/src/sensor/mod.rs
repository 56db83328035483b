//! About the sensor itself: told from the accounts, not from events.

mod loss;

pub use loss::{Loss, LossSettings};
