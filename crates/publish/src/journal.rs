//! What publishers read from: one ordered sequence of records, bounded, with several readers at their own pace.
//!
//! ```text
//!            append                       read, read, …
//! pipeline ─────────> [ r4 r5 r6 r7 r8 ] ─────────────> publisher "kafka"    (at r6)
//!                       oldest first     ─────────────> publisher "findings" (at r8)
//! ```
//!
//! Every record that a reader wanted ends in one of its counts: read, dropped, or missed because the reader went
//! away.

use std::sync::Arc;
use std::time::Duration;

use spyhop_model::{Event, Finding, Greeting, Values};

/// What is published.
#[derive(Clone, Debug)]
pub enum Record {
    /// An exchange with what identification added.
    Event(Arc<Event>),
    /// A TLS handshake; counted among the exchanges, beside which it is published.
    Greeting(Arc<Greeting>),
    /// Values of an exchange that goes on; counted among the exchanges too.
    Values(Arc<Values>),
    /// A finding after a change.
    Finding(Arc<Finding>),
}

/// Records by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Exchanges.
    pub exchanges: u64,
    /// Changes of findings.
    pub findings: u64,
}

impl Tally {
    /// Counts a record.
    pub fn add(&mut self, record: &Record) {
        match record {
            Record::Event(_) | Record::Greeting(_) | Record::Values(_) => self.exchanges += 1,
            Record::Finding(_) => self.findings += 1,
        }
    }
    /// All of them.
    pub fn total(self) -> u64 {
        self.exchanges + self.findings
    }
}

/// What a reader wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Everything.
    All,
    /// Exchanges only.
    Exchanges,
    /// Findings only.
    Findings,
}

impl Wants {
    pub(crate) fn exchanges(self) -> bool {
        self != Wants::Findings
    }
    pub(crate) fn findings(self) -> bool {
        self != Wants::Exchanges
    }
}

/// Where the pipeline leaves records and publishers find them. In memory here; a durable one may take its place.
pub trait Journal: Send + Sync {
    /// Appends records in order and empties `batch`; when the journal is full it may wait for readers.
    /// Fails when the journal is closed; the records that did not get in are left in `batch`.
    fn append(&self, batch: &mut Vec<Record>) -> Result<(), JournalError>;
    /// A reader from the oldest record still held on. Readers made before the first record see everything.
    fn reader(&self, name: &str, wants: Wants) -> Box<dyn Reader>;
    /// Nothing more will come: readers end when they have read what is there.
    fn close(&self);
    /// How far each reader is, those included that went away, in the order they were made.
    fn report(&self) -> Vec<ReaderReport>;
    /// Records that a durable journal could not keep, because the disk took none; publishers have got them all the same.
    fn unrecorded(&self) -> Tally {
        Tally::default()
    }
}

/// One publisher's place in a journal. Dropping it detaches it: the journal no longer waits for it, and what it has
/// not read is counted as missed.
pub trait Reader: Send {
    /// Appends at most `most` records to `into`; waits up to `wait` for the first.
    fn read(&mut self, into: &mut Vec<Record>, most: usize, wait: Duration) -> Read;
    /// Position of the next record: records that were ever appended before it.
    fn position(&self) -> u64;
    /// So many of the records that were read, from the first on, are done with. A durable journal keeps them no longer
    /// for this reader.
    fn settled(&mut self, _records: u64) {}
}

/// What became of an attempt to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// There were records.
    Some,
    /// None came in time.
    Idle,
    /// None will come.
    End,
}

/// Why records could not be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// The journal was closed before.
    Closed,
}

impl std::fmt::Display for JournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the journal is closed")
    }
}

impl std::error::Error for JournalError {}

/// One reader's accounts. `appended` = `read` + `dropped` + `missed` + `waiting`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderReport {
    /// Its name.
    pub name: Arc<str>,
    /// Records it wanted, since it was made.
    pub appended: Tally,
    /// Handed to it.
    pub read: Tally,
    /// Dropped before it came to them, because the journal was full.
    pub dropped: Tally,
    /// Not read because it went away.
    pub missed: Tally,
    /// There for it to read.
    pub waiting: Tally,
    /// It is gone.
    pub detached: bool,
}
