//! HTTP from ordered bytes: exchanges with their heads and decoded bodies.

mod head;
mod inspection;

pub use head::{Field, RequestHead, ResponseHead, field};
pub use inspection::{Body, Defects, Exchange, Half, Inspection, Truncation};
