//! The ledger: what was called by whom, and every finding, durable, sealed, and found again.
//!
//! ```text
//! ledger/
//! ├── open/events-N.log, findings-N.log      appended to and synced; survive being killed
//! ├── events/dt=2026-11-24/hr=08/N.parquet   what was called: a row an exchange
//! ├── findings/dt=2026-11-24/N.parquet       every change of every finding
//! ├── keys/LEVEL/FIRST-LAST.parquet          in which rows an account, client, session, endpoint or value stands
//! ├── publish/NAME.json                      where each publisher is
//! └── chain.jsonl                            what was closed, merged and removed, sealed line by line
//! ```
//!
//! The writer only appends; the keeper turns closed logs into Parquet, merges keys, and removes what is too old.

pub mod chain;
mod columns;
mod findings;
mod health;
mod journal;
mod json;
mod keeper;
mod keys;
mod library;
pub mod log;
mod merge;
mod reader;
mod segment;
mod settings;
#[cfg(test)]
mod tests;
mod trace;
mod verify;
mod views;
mod writer;

pub use columns::{SCHEMA as EVENT_SCHEMA, described as event_columns};
pub use findings::{SCHEMA as FINDING_SCHEMA, described as finding_columns};
pub use health::{Counts, Health};
pub use journal::{LedgerJournal, Ready};
pub use keys::KeyKind;
pub use library::{Found, Kept, Library, Window};
pub use reader::{Place, publishers};
pub use settings::{LedgerSettings, Ordinary};
pub use trace::{Answer, Question, ROUTES, Route, Sought, Suspect, trace};
pub use verify::{Verdict, verify};
pub use views::views;
pub use writer::{Ledger, LedgerError};
