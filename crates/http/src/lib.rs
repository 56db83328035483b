//! HTTP from ordered bytes: exchanges with their heads and decoded bodies.

mod accounts;
mod coding;
mod connection;
mod delivery;
mod exchange;
mod head;
mod hello;
mod http1;
mod http2;
mod inspection;
mod limits;
mod loan;
mod message;
mod pool;
mod protocol;
mod proxy;
#[cfg(test)]
mod tests;

pub use accounts::{HttpAccounts, Other, Unparsed};
pub use connection::{Carries, Connection, Shared};
pub use head::{Field, RequestHead, ResponseHead, field};
pub use inspection::{Body, Defects, Exchange, Greeting, Half, Inspection, MessageEnd, Truncation};
pub use limits::Limits;
