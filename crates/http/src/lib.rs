//! HTTP from ordered bytes: exchanges with their heads and decoded bodies.

mod accounts;
mod coding;
mod connection;
mod delivery;
mod exchange;
mod head;
mod http1;
mod inspection;
mod limits;
mod pool;
mod protocol;
#[cfg(test)]
mod tests;

pub use accounts::{HttpAccounts, Other, Unparsed};
pub use connection::{Connection, Shared};
pub use head::{Field, RequestHead, ResponseHead, field};
pub use inspection::{Body, Defects, Exchange, Half, Inspection, MessageEnd, Truncation};
pub use limits::Limits;
