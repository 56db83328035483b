//! What one exchange contains: parameters, credentials, logins, sensitive values. States facts and remembers nothing.

pub mod agent;
mod answer;
mod caller;
pub mod charset;
pub mod content;
pub mod credential;
mod delivered;
mod exchange;
mod forwarded;
mod handshake;
mod head;
mod issued;
mod lanes;
pub mod login;
mod operation;
pub mod password;
pub mod redact;
mod script;
pub mod secrets;
pub mod segment;
mod shed;
mod token;
mod traits;
pub mod types;
pub mod walk;

pub use exchange::{ExchangeInspection, InspectAccounts, Inspector, Knowledge};
pub use handshake::Met;
pub use shed::{Sensitive, Shed};
