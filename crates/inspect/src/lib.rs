//! What one exchange contains: parameters, credentials, logins, sensitive values. States facts and remembers nothing.

pub mod agent;
pub mod charset;
pub mod content;
pub mod credential;
mod delivered;
mod exchange;
mod handshake;
mod head;
mod lanes;
pub mod login;
pub mod password;
pub mod redact;
mod script;
pub mod secrets;
pub mod segment;
pub mod types;
pub mod walk;

pub use exchange::{ExchangeInspection, InspectAccounts, Inspector, Knowledge};
pub use handshake::Met;
