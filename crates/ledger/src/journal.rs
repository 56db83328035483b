//! The ledger as the journal of a run.
//!
//! ```text
//! pipeline ──> [ memory ] ──> ledger ──┬─> [ memory ] ──> files, terminal, exchanges to Kafka
//!                                      └─> disk ───────> findings to Kafka
//! ```
//!
//! What a publisher reads has gone through the ledger: a finding is on the disk before anybody is told of it. Neither
//! the disk nor a publisher holds up the pipeline of a live run: what the first queue cannot hold is dropped, calls
//! before findings, and counted.

use std::sync::Arc;
use std::time::Duration;

use spyhop_publish::{
    Full, Journal, JournalError, Limits, MemoryJournal, Publisher, Reader, ReaderReport, Record, Sink, SinkError,
    Tally, Wants,
};

use crate::findings::Rules;
use crate::health::Health;
use crate::reader::LedgerReader;
use crate::writer::{Ledger, LedgerError};

/// A journal that records everything before it tells it.
pub struct LedgerJournal {
    incoming: MemoryJournal,
    told: Arc<MemoryJournal>,
    health: Arc<Health>,
}

/// A ledger that has not begun to record: publishers take their places first.
pub struct Ready {
    ledger: Ledger,
    incoming: Box<dyn Reader>,
    told: Arc<MemoryJournal>,
}

impl LedgerJournal {
    /// A journal in front of a ledger.
    pub fn new(ledger: Ledger, limits: Limits, full: Full) -> (LedgerJournal, Ready) {
        let half = Limits { records: limits.records.div_ceil(2), bytes: limits.bytes.div_ceil(2) };
        let incoming = MemoryJournal::new(half, full);
        let told = Arc::new(MemoryJournal::new(half, full));
        let reader = incoming.reader("ledger", Wants::All);
        let health = ledger.health();
        let ready = Ready { ledger, incoming: reader, told: Arc::clone(&told) };
        (LedgerJournal { incoming, told, health }, ready)
    }
}

impl Journal for LedgerJournal {
    fn append(&self, batch: &mut Vec<Record>) -> Result<(), JournalError> {
        self.incoming.append(batch)
    }
    fn reader(&self, name: &str, wants: Wants) -> Box<dyn Reader> {
        self.told.reader(name, wants)
    }
    fn close(&self) {
        self.incoming.close();
    }
    fn report(&self) -> Vec<ReaderReport> {
        let mut reports = self.incoming.report();
        reports.extend(self.told.report());
        reports
    }
    fn unrecorded(&self) -> Tally {
        let counts = self.health.counts();
        Tally { exchanges: counts.rows_lost, findings: counts.findings_lost }
    }
}

impl Ready {
    /// A publisher's place in the findings on the disk, beside the exchanges that it wants.
    ///
    /// # Errors
    /// Its place cannot be written.
    pub fn reader(&self, name: &str, rules: Rules, exchanges: bool) -> Result<Box<dyn Reader>, LedgerError> {
        use spyhop_publish::Journal as _;
        let others = exchanges.then(|| self.told.reader(name, Wants::Exchanges));
        let reader = LedgerReader::new(&self.ledger, name, rules, others);
        reader.map(|reader| Box::new(reader) as _).map_err(|wrong| LedgerError::new(self.ledger.folder(), &wrong))
    }

    /// How the ledger fares.
    pub fn health(&self) -> Arc<Health> {
        self.ledger.health()
    }

    /// Begins to record, in a thread of its own.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(self) -> std::io::Result<Publisher> {
        let recorder = Recorder { ledger: self.ledger, told: self.told, batch: Vec::new() };
        Publisher::start("ledger", self.incoming, Box::new(recorder), Duration::from_secs(30))
    }
}

struct Recorder {
    ledger: Ledger,
    told: Arc<MemoryJournal>,
    batch: Vec<Record>,
}

impl Sink for Recorder {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        self.ledger.append(batch);
        self.batch.extend_from_slice(batch);
        // Closed it cannot be before this ends.
        let _ = self.told.append(&mut self.batch);
        self.batch.clear();
        Ok(())
    }
    fn flush(&mut self, _within: Duration) -> Result<(), SinkError> {
        // Publishers have what they need for their end; closing segments does not hold them up.
        self.told.close();
        self.ledger.finish().map_err(|wrong| SinkError::Broken(wrong.to_string()))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.told.close();
    }
}
