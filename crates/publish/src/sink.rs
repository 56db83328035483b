//! Where publishers write, and the thread function that carries records from a journal to a sink.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::journal::{Read, Reader, Record};

/// Where records go.
pub trait Sink: Send {
    /// Takes records, in order; those that are not for this sink are passed over. An empty batch says that nothing
    /// came for a moment: time to serve what waits. May take as long as it needs: its thread is its own.
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError>;
    /// Brings everything to its destination, or says what could not be within that time.
    fn flush(&mut self, within: Duration) -> Result<(), SinkError>;
    /// How many of the records written are not done with: those from the first on that its destination has not
    /// acknowledged. They are read again when the sensor is started anew.
    fn unsettled(&self) -> u64 {
        0
    }
}

/// Why a sink cannot go on. The text says what to do.
#[derive(Debug)]
pub enum SinkError {
    /// Whoever read our standard output has gone: no fault, an end.
    Closed,
    /// A file cannot be written.
    File {
        /// Its path, or `standard output`.
        path: Arc<str>,
        /// Why.
        error: std::io::Error,
    },
    /// Records were not delivered.
    Undelivered {
        /// How many.
        records: u64,
        /// Where to, and what is known of the reason.
        reason: String,
    },
    /// The settings do not make a working sink.
    Settings(String),
    /// Something else; the text says what, where, and what to do.
    Broken(String),
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use std::io::ErrorKind::{
            BrokenPipe, IsADirectory, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
        };
        match self {
            SinkError::Closed => f.write_str("nobody reads the standard output any more"),
            SinkError::File { path, error } => {
                let advice = match error.kind() {
                    StorageFull | QuotaExceeded => "free space there, or name a file on another file system",
                    PermissionDenied => "let the sensor's user write there, or name another file",
                    NotFound => "create the folder first, or name another file",
                    ReadOnlyFilesystem => "the file system is read-only; name a file on another one",
                    IsADirectory => "it is a folder; name a file in it",
                    BrokenPipe => "its reader went away",
                    _ => "name another file if it cannot be mended",
                };
                write!(f, "cannot write {path}: {error} ({advice})")
            }
            SinkError::Undelivered { records, reason } => write!(f, "{records} records were not delivered: {reason}"),
            SinkError::Settings(problem) | SinkError::Broken(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for SinkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SinkError::File { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// How a publisher came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything in the journal was written and flushed.
    Drained,
    /// Nobody reads the output any more.
    Closed,
}

/// Records in one write.
const BATCH: usize = 512;
/// How long a publisher waits for news before it serves its sink.
const IDLE: Duration = Duration::from_millis(100);

/// Carries records from a journal to a sink until the journal ends, then flushes within `flush_within`. When the
/// sink fails, the reader is given up, so that the journal waits for it no longer and counts what it misses.
pub fn publish(mut reader: Box<dyn Reader>, sink: &mut dyn Sink, flush_within: Duration) -> Result<Ended, SinkError> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut written = 0;
    let outcome = loop {
        let read = reader.read(&mut batch, BATCH, IDLE);
        if read == Read::End {
            break sink.flush(flush_within);
        }
        if let Err(error) = sink.write(&batch) {
            break Err(error);
        }
        written += batch.len() as u64;
        reader.settled(written.saturating_sub(sink.unsettled()));
        batch.clear();
    };
    reader.settled(written.saturating_sub(sink.unsettled()));
    match outcome {
        Ok(()) => Ok(Ended::Drained),
        Err(SinkError::Closed) => Ok(Ended::Closed),
        Err(error) => Err(error),
    }
}

/// A publisher in its own thread.
#[derive(Debug)]
pub struct Publisher {
    name: Arc<str>,
    thread: JoinHandle<Result<Ended, SinkError>>,
}

impl Publisher {
    /// Starts [`publish`] in a thread of that name.
    pub fn start(
        name: &str,
        reader: Box<dyn Reader>,
        mut sink: Box<dyn Sink>,
        flush_within: Duration,
    ) -> std::io::Result<Publisher> {
        let thread = std::thread::Builder::new()
            .name(format!("publish-{name}"))
            .spawn(move || publish(reader, &mut *sink, flush_within))?;
        Ok(Publisher { name: name.into(), thread })
    }
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// It has come to its end, well or not.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
    /// Waits for its end.
    pub fn join(self) -> Result<Ended, SinkError> {
        match self.thread.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Keeps records, for tests. Clones share what they keep.
#[derive(Clone, Debug, Default)]
pub struct MemorySink {
    records: Arc<Mutex<Vec<Record>>>,
}

impl MemorySink {
    /// Takes out what was kept so far.
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for MemorySink {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(batch);
        Ok(())
    }
    fn flush(&mut self, _within: Duration) -> Result<(), SinkError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Journal, Wants};
    use crate::memory::{Full, Limits, MemoryJournal};
    use crate::sample;

    fn findings(count: u64) -> Vec<Record> {
        (0..count).map(|n| Record::Finding(Arc::new(sample::finding(n)))).collect()
    }

    /// Takes so many records, then fails.
    struct Failing(usize, fn() -> SinkError);

    impl Sink for Failing {
        fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
            match self.0.checked_sub(batch.len()) {
                Some(left) => {
                    self.0 = left;
                    Ok(())
                }
                None => Err((self.1)()),
            }
        }
        fn flush(&mut self, _within: Duration) -> Result<(), SinkError> {
            Ok(())
        }
    }

    #[test]
    fn a_publisher_carries_everything_and_ends_with_the_journal() {
        let journal = MemoryJournal::new(Limits { records: 10, ..Limits::default() }, Full::Wait);
        let sink = MemorySink::default();
        let reader = journal.reader("memory", Wants::All);
        let publisher =
            Publisher::start("memory", reader, Box::new(sink.clone()), Duration::ZERO).expect("a thread starts");
        journal.append(&mut findings(1_000)).expect("open");
        journal.close();
        assert_eq!(publisher.join().expect("no error"), Ended::Drained);
        assert_eq!(sink.take().len(), 1_000);
        assert_eq!(journal.report()[0].missed.total(), 0);
    }

    #[test]
    fn a_failed_publisher_does_not_hold_up_a_replay() {
        let journal = MemoryJournal::new(Limits { records: 10, ..Limits::default() }, Full::Wait);
        let reader = journal.reader("failing", Wants::All);
        let undelivered = || SinkError::Undelivered { records: 1, reason: "test".into() };
        let publisher =
            Publisher::start("failing", reader, Box::new(Failing(20, undelivered)), Duration::ZERO).expect("started");
        journal.append(&mut findings(1_000)).expect("open");
        assert!(matches!(publisher.join(), Err(SinkError::Undelivered { .. })));
        let report = &journal.report()[0];
        assert_eq!(report.read.findings + report.missed.findings, 1_000);
        assert!(report.missed.findings > 0);
    }

    #[test]
    fn nobody_reading_is_a_quiet_end() {
        let journal = MemoryJournal::new(Limits::default(), Full::Wait);
        let reader = journal.reader("closed", Wants::All);
        journal.append(&mut findings(1)).expect("open");
        let ended = publish(reader, &mut Failing(0, || SinkError::Closed), Duration::ZERO).expect("quiet");
        assert_eq!(ended, Ended::Closed);
    }
}
