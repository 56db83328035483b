//! The section `[ledger]` of `sensor.toml`.

use serde::{Deserialize, Serialize};
use spyhop_model::Span;

spyhop_model::settings! {
    /// The durable record of every call and every finding. It is kept where a state directory is named.
    pub struct LedgerSettings {
        /// Keep it.
        enabled: bool = true,
        /// Its directory; empty: "ledger" in the state directory.
        directory: String = String::new(),
        /// What is kept of calls without sensitive values, logins, files or failures: "slim" leaves out target, user agent, media types and waiting time, "full" keeps all.
        ordinary_calls: Ordinary = Ordinary::Slim,
        /// Calls are on the disk after this time at the latest; findings before they are told.
        sync_within: Span = Span::millis(200),
        /// Rows after which a segment is closed; the turn of an hour closes it, too.
        segment_rows: usize = 262_144,
        /// What is older is removed. The Cybersecurity Law asks for no less than six months of network logs.
        keep: Span = Span::days(190),
        /// MiB that closed segments may occupy; the oldest calls are removed first, findings never. 0: as much as there is.
        keep_mib: u64 = 0,
        /// MiB of the file system that stay free; below it the oldest calls are removed, below half of it no call is recorded.
        free_mib: u64 = 1_024,
        /// MiB of closed logs of findings that wait for publishers which are behind.
        backlog_mib: u64 = 4_096,
    }
}

/// What is kept of ordinary calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ordinary {
    /// The columns that every call has to leave.
    #[default]
    Slim,
    /// All columns.
    Full,
}
