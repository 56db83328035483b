//! The words of the sensor: what everyone reads. No input or output, no threads, no configuration.

mod exchange;
mod net;
mod time;

pub use exchange::{Body, Defects, Half, Truncation};
pub use net::{Connection, FlowId, FlowKey, Side, Socket, Vlans};
pub use time::{Civil, Span, Timestamp};
