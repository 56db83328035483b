//! The writer: appends calls and findings to logs, and says when they are on the disk.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use spyhop_model::Key;
use spyhop_publish::Record;

use crate::chain::{self, Chain, Deed, Seal};
use crate::columns::{Columns, Row, What, has_more};
use crate::health::{Health, is_full, say};
use crate::keeper::{Keeper, Left, Readers, Task, free, left};
use crate::keys::KeyKind;
use crate::log::{LogWriter, Stream};
use crate::reader::publishers;
use crate::segment::{Origin, ValueEntry, encode, make_folder};
use crate::settings::{LedgerSettings, Ordinary};

/// Rows of a frame, at most.
const FRAME_ROWS: usize = 8_192;
/// Values of a frame, about.
const FRAME_VALUES: usize = 1 << 18;
/// Values of a segment, at most, about: closing it sorts them in memory.
const SEGMENT_VALUES: usize = 1 << 21;
/// Frames that wait while the disk takes none; then the oldest is lost, and counted.
const WAITING: usize = 16;
/// Octets of changes of findings that wait likewise.
const WAITING_FINDINGS: usize = 32 << 20;
/// A log of findings is closed when it is longer.
const FINDINGS_LOG: u64 = 16 << 20;
/// Octets kept aside, so that a full disk still takes findings.
const RESERVE: u64 = 4 << 20;
/// While the disk takes nothing it is tried again after this time.
const RETRY: Duration = Duration::from_secs(1);
const HOUR: u64 = 3_600_000_000_000;

/// A ledger cannot be opened; the text says why and what to do.
#[derive(Debug)]
pub struct LedgerError(String);

impl std::fmt::Display for LedgerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LedgerError {}

impl LedgerError {
    pub(crate) fn new(at: &Path, wrong: &io::Error) -> LedgerError {
        LedgerError(say(at, wrong))
    }
}

/// How far the log of findings is on the disk; readers follow it.
#[derive(Debug, Default)]
pub(crate) struct Tide {
    state: Mutex<Level>,
    news: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) log: u64,
    pub(crate) len: u64,
    pub(crate) ended: bool,
}

impl Tide {
    fn lock(&self) -> MutexGuard<'_, Level> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(crate) fn level(&self) -> Level {
        *self.lock()
    }
    fn rise(&self, log: u64, len: u64) {
        let mut level = self.lock();
        (level.log, level.len) = (log, len);
        self.news.notify_all();
    }
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.news.notify_all();
    }
    /// Waits until it is not what it was.
    pub(crate) fn wait(&self, was: Level, within: Duration) -> Level {
        let level = self.lock();
        let waited = self.news.wait_timeout_while(level, within, |level| *level == was);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The log of events that is being written.
struct Events {
    number: u64,
    /// None yet where the disk took none.
    log: Option<LogWriter>,
    rows: u32,
    values: usize,
    hour: u64,
    lost: u64,
}

/// The log of findings that is being written.
struct Findings {
    number: u64,
    log: Option<LogWriter>,
}

/// A ledger that is being written.
pub struct Ledger {
    folder: PathBuf,
    settings: LedgerSettings,
    seal: Seal,
    health: Arc<Health>,
    readers: Readers,
    tide: Arc<Tide>,
    keeper: Keeper,
    next: [u64; 2],
    events: Option<Events>,
    findings: Findings,
    columns: Columns,
    values: Vec<ValueEntry>,
    /// When the oldest row that is not on the disk came.
    since: Option<Instant>,
    frames: VecDeque<(u32, Vec<u8>)>,
    /// Changes of findings that are not in the log, each with its line.
    changes: VecDeque<Vec<u8>>,
    changes_bytes: usize,
    retry_at: Option<Instant>,
    _lock: File,
}

impl Ledger {
    /// Opens a ledger, or begins one. What an earlier run left in its logs is closed beside the new run.
    ///
    /// # Errors
    /// The directory cannot be used, or another sensor writes there.
    pub fn open(path: &Path, settings: LedgerSettings, key: &Key, sensor: &str) -> Result<Ledger, LedgerError> {
        let failed = |wrong: io::Error| LedgerError::new(path, &wrong);
        for part in ["open", "publish"] {
            make_folder(&path.join(part)).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(path.join("lock"));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LedgerError(format!(
                    "ledger {} is in use by another spyhop; stop it or name another directory in [ledger]",
                    path.display()
                )));
            }
            Err(TryLockError::Error(wrong)) => return Err(failed(wrong)),
        }
        let seal = Seal::new(key.derive("ledger"));
        let (chain, told) = Chain::open(path, seal).map_err(failed)?;
        if told.broken == Some(1) {
            return Err(LedgerError(format!(
                "ledger {}: it was written with another key than {}, or its chain was altered; give that key, or name another directory in [ledger]",
                path.display(),
                key.id()
            )));
        }
        tidy(path, &told);
        let Left { unclosed, next } = left(path, &told).map_err(failed)?;
        let health = Arc::new(Health::default());
        let readers: Readers =
            Arc::new(Mutex::new(publishers(path).into_iter().map(|(name, place)| (name, place.log)).collect()));
        let origin = Origin { sensor: sensor.to_owned(), key_id: key.id().to_string() };
        let keeper =
            Keeper::start(path, &settings, key, &origin, (chain, told), Arc::clone(&readers), Arc::clone(&health));
        let keeper = keeper.map_err(failed)?;
        for (stream, number) in unclosed {
            keeper.ask(Task::Close(stream, number, 0));
        }
        let [_, number] = next;
        let mut ledger = Ledger {
            folder: path.to_owned(),
            settings,
            seal,
            health,
            readers,
            tide: Arc::default(),
            keeper,
            next,
            events: None,
            findings: Findings { number, log: None },
            columns: Columns::default(),
            values: Vec::new(),
            since: None,
            frames: VecDeque::new(),
            changes: VecDeque::new(),
            changes_bytes: 0,
            retry_at: None,
            _lock: lock,
        };
        ledger.open_findings().map_err(failed)?;
        ledger.reserve();
        Ok(ledger)
    }

    /// How it fares.
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }
    /// Its directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    pub(crate) fn seal(&self) -> Seal {
        self.seal
    }
    pub(crate) fn readers(&self) -> Readers {
        Arc::clone(&self.readers)
    }
    pub(crate) fn tide(&self) -> Arc<Tide> {
        Arc::clone(&self.tide)
    }

    /// Takes records in order. Findings are on the disk when it returns, unless the disk takes none; calls are so within
    /// `sync_within`, if this is called as often.
    pub fn append(&mut self, records: &[Record]) {
        for record in records {
            match record {
                Record::Event(event) => {
                    let slim = self.settings.ordinary_calls == Ordinary::Slim && !has_more(event);
                    let row = self.row(What::Event(event), slim);
                    for seen in &event.call.observations {
                        let kind = KeyKind::of(seen.half, seen.form);
                        self.values.extend(seen.values.iter().map(|value| (kind, value.0, row)));
                    }
                }
                Record::Greeting(greeting) => drop(self.row(What::Greeting(greeting), false)),
                Record::Values(values) => {
                    let row = self.row(What::Values(values), false);
                    let kind = KeyKind::of(values.half, values.form);
                    self.values.extend(values.fingerprints.iter().map(|value| (kind, value.0, row)));
                }
                Record::Finding(finding) => {
                    let mut line = Vec::with_capacity(1_024);
                    if crate::findings::encode(finding, &mut line).is_ok() {
                        self.changes_bytes += line.len();
                        self.changes.push_back(line);
                    }
                }
            }
            if self.columns.len() >= FRAME_ROWS || self.values.len() >= FRAME_VALUES {
                self.frame();
                self.write_frames();
            }
        }
        if !self.changes.is_empty() {
            self.write_changes();
        }
        let within = Duration::from_nanos(self.settings.sync_within.0);
        if self.since.is_some_and(|since| since.elapsed() >= within) {
            self.frame();
            self.write_frames();
        }
    }

    /// Appends a row; says its number in the segment.
    fn row(&mut self, what: What<'_>, slim: bool) -> u32 {
        let hour = what.moment().at.0 / HOUR;
        let most = self.settings.segment_rows.clamp(1_024, 1 << 24) as u32;
        let is_done = |open: &Events| open.hour < hour || open.rows >= most || open.values >= SEGMENT_VALUES;
        if self.events.as_ref().is_some_and(is_done) {
            self.rotate();
        }
        let [next, _] = &mut self.next;
        let open = self.events.get_or_insert_with(|| {
            let number = *next;
            *next += 1;
            Events { number, log: None, rows: 0, values: 0, hour, lost: 0 }
        });
        let row = open.rows;
        open.rows += 1;
        self.columns.push(&Row { id: open.number << 32 | u64::from(row), what, slim });
        self.since.get_or_insert_with(Instant::now);
        row
    }

    /// Rows become a frame that is to be written.
    fn frame(&mut self) {
        self.since = None;
        let rows = self.columns.len() as u32;
        if rows == 0 {
            return;
        }
        if let Some(open) = &mut self.events {
            open.values += self.values.len();
        }
        let encoded = self.columns.finish().map_err(io::Error::other).and_then(|batch| encode(&batch, &self.values));
        self.values.clear();
        match encoded {
            Ok(payload) => self.frames.push_back((rows, payload)),
            Err(wrong) => {
                self.health.trouble(&self.folder, &wrong);
                self.lose(rows);
            }
        }
        while self.frames.len() > WAITING {
            if let Some((rows, _)) = self.frames.pop_front() {
                self.lose(rows);
            }
        }
    }

    fn lose(&mut self, rows: u32) {
        if let Some(open) = &mut self.events {
            open.lost += u64::from(rows);
        }
        self.health.count(|counts| counts.rows_lost += u64::from(rows));
    }

    /// Writes what waits and brings it to the disk. Says whether the disk took it all.
    fn write_frames(&mut self) -> bool {
        if self.frames.is_empty() {
            return true;
        }
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        match self.try_frames() {
            Ok(()) => {
                if self.retry_at.take().is_some() {
                    self.health.well();
                    self.reserve();
                }
                true
            }
            Err(wrong) => {
                self.trouble(&wrong);
                false
            }
        }
    }

    fn trouble(&mut self, wrong: &io::Error) {
        self.health.trouble(&self.folder, wrong);
        self.retry_at = Some(Instant::now() + RETRY);
        if is_full(wrong) {
            self.keeper.ask(Task::Space);
        }
    }

    fn try_frames(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.events else { return Ok(()) };
        // Findings have precedence over calls: what is left is for them.
        if free(&self.folder) < (self.settings.free_mib << 20) / 2 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let log = match &mut open.log {
            Some(log) => log,
            none => none.insert(LogWriter::create(&self.folder.join("open"), Stream::Events, open.number, self.seal)?),
        };
        while let Some((rows, payload)) = self.frames.front() {
            log.append(*rows, payload)?;
            let rows = u64::from(*rows);
            self.health.count(|counts| counts.rows += rows);
            self.frames.pop_front();
        }
        log.sync()
    }

    fn open_findings(&mut self) -> io::Result<()> {
        if self.findings.log.is_none() {
            let log = LogWriter::create(&self.folder.join("open"), Stream::Findings, self.findings.number, self.seal)?;
            self.tide.rise(self.findings.number, log.len());
            self.findings.log = Some(log);
        }
        Ok(())
    }

    fn write_changes(&mut self) {
        if self.retry_at.is_some_and(|at| Instant::now() < at) && self.changes_bytes < WAITING_FINDINGS {
            return;
        }
        let mut written = self.try_changes();
        if written.is_err() && self.spend_reserve() {
            written = self.try_changes();
        }
        match written {
            Ok(()) => {
                if self.retry_at.take().is_some() {
                    self.health.well();
                }
            }
            Err(wrong) => self.trouble(&wrong),
        }
        while self.changes_bytes > WAITING_FINDINGS {
            let Some(line) = self.changes.pop_front() else { break };
            self.changes_bytes -= line.len();
            self.health.count(|counts| counts.findings_lost += 1);
        }
        if self.findings.log.as_ref().is_some_and(|log| log.len() > FINDINGS_LOG) {
            self.rotate_findings();
        }
    }

    fn try_changes(&mut self) -> io::Result<()> {
        self.open_findings()?;
        let Some(log) = &mut self.findings.log else { return Ok(()) };
        if !self.changes.is_empty() {
            let payload: Vec<u8> = self.changes.iter().flatten().copied().collect();
            log.append(self.changes.len() as u32, &payload)?;
            let count = self.changes.len() as u64;
            self.health.count(|counts| counts.findings += count);
            self.changes.clear();
            self.changes_bytes = 0;
        }
        log.sync()?;
        self.tide.rise(self.findings.number, log.len());
        Ok(())
    }

    /// The log of events is handed to the keeper; the next row opens a new one.
    fn rotate(&mut self) {
        self.frame();
        if !self.write_frames() {
            while let Some((rows, _)) = self.frames.pop_front() {
                self.lose(rows);
            }
        }
        let Some(open) = self.events.take() else { return };
        match open.log {
            Some(_) => self.keeper.ask(Task::Close(Stream::Events, open.number, open.lost)),
            None => self.keeper.ask(Task::Lost(open.number, open.lost)),
        }
        if self.findings.log.as_ref().is_some_and(|log| !log.is_empty()) {
            self.rotate_findings();
        }
    }

    fn rotate_findings(&mut self) {
        if self.findings.log.take().is_some() {
            self.keeper.ask(Task::Close(Stream::Findings, self.findings.number, 0));
        }
        self.findings.number += 1;
        if let Err(wrong) = self.open_findings() {
            self.trouble(&wrong);
        }
    }

    fn reserve_file(&self) -> PathBuf {
        self.folder.join("open").join("reserve")
    }

    /// Keeps some space aside, if there is.
    fn reserve(&self) {
        let path = self.reserve_file();
        if free(&self.folder) < 4 * RESERVE || fs::metadata(&path).is_ok_and(|there| there.len() == RESERVE) {
            return;
        }
        let mut options = OpenOptions::new();
        let made = options.create(true).truncate(true).write(true).mode(0o600).open(&path).and_then(|file| {
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RESERVE).map_err(io::Error::from)
        });
        if made.is_err() {
            let _ = fs::remove_file(&path);
        }
    }

    fn spend_reserve(&self) -> bool {
        fs::remove_file(self.reserve_file()).is_ok()
    }

    /// Brings everything to the disk, closes the logs into segments, and waits for that.
    ///
    /// # Errors
    /// Something could not be written; the text says what and what to do.
    pub fn finish(&mut self) -> Result<(), LedgerError> {
        self.retry_at = None;
        if !self.changes.is_empty() {
            self.write_changes();
        }
        self.rotate();
        let unwritten = self.changes.len() as u64;
        if unwritten > 0 {
            self.health.count(|counts| counts.findings_lost += unwritten);
        }
        match self.findings.log.take() {
            Some(log) if log.is_empty() => drop(fs::remove_file(log.path())),
            Some(_) => self.keeper.ask(Task::Close(Stream::Findings, self.findings.number, 0)),
            None => {}
        }
        self.tide.end();
        self.keeper.finish();
        let counts = self.health.counts();
        let lost = counts.rows_lost + counts.findings_lost;
        if counts.unpublished_logs > 0 {
            return Err(LedgerError(format!(
                "ledger {}: {} logs of findings went before every publisher had read them; raise `backlog_mib` in [ledger] (the findings themselves are kept)",
                self.folder.display(),
                counts.unpublished_logs
            )));
        }
        match (lost, counts.trouble.is_empty()) {
            (0, true) => Ok(()),
            (0, false) => Err(LedgerError(counts.trouble)),
            _ => Err(LedgerError(format!(
                "{}: {} calls and {} changes of findings were not recorded",
                counts.trouble, counts.rows_lost, counts.findings_lost
            ))),
        }
    }
}

/// Removes what a run that was killed was about to remove, or had not finished.
fn tidy(folder: &Path, told: &chain::Told) {
    let there: std::collections::BTreeSet<String> = told.pieces().into_iter().map(|piece| piece.file).collect();
    for deed in &told.deeds {
        let (Deed::Merged { from: gone, .. } | Deed::Removed { files: gone, .. }) = deed else { continue };
        for file in gone.iter().filter(|file| !there.contains(*file)) {
            let _ = fs::remove_file(folder.join(file));
        }
    }
}
