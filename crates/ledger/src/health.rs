//! How the ledger fares: counts, and what the operator should know.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Numbers of a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows recorded.
    pub rows: u64,
    /// Changes of findings recorded.
    pub findings: u64,
    /// Rows that could not be recorded, because the disk was full or broken.
    pub rows_lost: u64,
    /// Changes of findings that could not be recorded.
    pub findings_lost: u64,
    /// Closed logs of findings that went before every publisher had read them: more waited than `backlog_mib` allows.
    pub unpublished_logs: u64,
    /// Octets of frames that an earlier run did not write to their end.
    pub torn: u64,
    /// Files of closed segments.
    pub files: u64,
    /// Octets in them.
    pub bytes: u64,
    /// Octets that the file system has left.
    pub free: u64,
    /// Segments of calls that went because the disk was full, or nearly.
    pub gave_way: u64,
    /// What is wrong now with writing, or else with closing and tidying; empty when nothing is.
    pub trouble: String,
    /// Logs that were altered by somebody else.
    pub altered: Vec<String>,
}

/// Counts that writer, keeper and whoever reports share, and what the keeper has trouble with.
#[derive(Debug, Default)]
pub struct Health(Mutex<Counts>, Mutex<String>);

impl Health {
    /// As of now.
    pub fn counts(&self) -> Counts {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if counts.trouble.is_empty() {
            counts.trouble.clone_from(&self.1.lock().unwrap_or_else(PoisonError::into_inner));
        }
        counts
    }
    pub(crate) fn count(&self, how: impl FnOnce(&mut Counts)) {
        how(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
    pub(crate) fn trouble(&self, at: &Path, wrong: &io::Error) {
        let text = say(at, wrong);
        self.count(|counts| counts.trouble = text);
    }
    pub(crate) fn well(&self) {
        self.count(|counts| counts.trouble.clear());
    }
    /// What the keeper could not do; each of the two threads clears its own trouble only.
    pub(crate) fn keeps_badly(&self, at: &Path, wrong: &io::Error) {
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) = say(at, wrong);
    }
    pub(crate) fn keeps_well(&self) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
    pub(crate) fn torn(&self, octets: u64) {
        self.count(|counts| counts.torn += octets);
    }
    pub(crate) fn altered(&self, log: &Path) {
        self.count(|counts| counts.altered.push(log.display().to_string()));
    }
    pub(crate) fn measure(&self, files: u64, bytes: u64, free: u64) {
        self.count(|counts| {
            counts.files = files;
            counts.bytes = bytes;
            counts.free = free;
        });
    }
}

/// Whether removing something would help.
pub(crate) fn is_full(wrong: &io::Error) -> bool {
    matches!(wrong.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What is wrong, where, and what to do.
pub(crate) fn say(at: &Path, wrong: &io::Error) -> String {
    let advice = match wrong.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free space there, or lower `keep` or `keep_mib` in [ledger]"
        }
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only; mount it for writing again",
        io::ErrorKind::PermissionDenied => "let the sensor's user write there",
        _ => "see to the disk, or name another directory in [ledger]",
    };
    format!("ledger {}: {wrong} ({advice})", at.display())
}
