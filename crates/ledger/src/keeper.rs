//! The keeper: a thread that closes logs into segments, merges keys, and removes what is too old or too much, so that the
//! writer does nothing but append.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use spyhop_model::{Key, Timestamp};

use crate::chain::{Chain, Deed, Piece, Seal, Told};
use crate::health::{Health, is_full};
use crate::log::{Stream, Tail, numbers};
use crate::merge;
use crate::segment::{Origin, close_events, close_findings};
use crate::settings::LedgerSettings;

/// Why a segment went, as the chain says it: the disk was full, or nearly.
const SPACE: &str = "space";

/// What the writer asks for.
#[derive(Debug)]
pub(crate) enum Task {
    /// A log is written to its end; rows that were lost while it was open.
    Close(Stream, u64, u64),
    /// The disk took nothing of a segment of so many rows.
    Lost(u64, u64),
    /// The disk is full.
    Space,
}

/// Up to which log of findings each publisher has seen everything.
pub(crate) type Readers = Arc<Mutex<BTreeMap<String, u64>>>;

/// The thread.
pub(crate) struct Keeper {
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

/// A log that cannot be closed is tried again after this time.
const AGAIN: Duration = Duration::from_secs(5);

struct Work {
    folder: PathBuf,
    settings: LedgerSettings,
    key: Key,
    seal: Seal,
    origin: Origin,
    chain: Chain,
    pieces: BTreeMap<String, Piece>,
    closed_findings: Vec<u64>,
    /// Logs of events whose lost rows stand in the chain already.
    told_lost: BTreeSet<u64>,
    /// What happened while there was no room to tell it.
    untold: Vec<Deed>,
    readers: Readers,
    health: Arc<Health>,
    /// The latest time recorded: age is counted from there, since a replay's packets are as old as they are.
    latest: Timestamp,
    waiting: Vec<(Stream, u64, u64)>,
}

impl Keeper {
    pub(crate) fn start(
        folder: &Path,
        settings: &LedgerSettings,
        key: &Key,
        origin: &Origin,
        (chain, told): (Chain, Told),
        readers: Readers,
        health: Arc<Health>,
    ) -> io::Result<Keeper> {
        let seal = chain.seal();
        let pieces: BTreeMap<String, Piece> =
            told.pieces().into_iter().map(|piece| (piece.file.clone(), piece)).collect();
        let closed_findings = told.deeds.iter().filter_map(|deed| match deed {
            Deed::Closed { stream, number, .. } if stream == Stream::Findings.name() => Some(*number),
            _ => None,
        });
        let told_lost = told.deeds.iter().filter_map(|deed| match deed {
            Deed::Lost { number, .. } => Some(*number),
            _ => None,
        });
        let work = Work {
            folder: folder.to_owned(),
            settings: settings.clone(),
            key: key.clone(),
            seal,
            origin: origin.clone(),
            chain,
            latest: pieces.values().map(|piece| piece.to).max().unwrap_or_default(),
            pieces,
            closed_findings: closed_findings.collect(),
            told_lost: told_lost.collect(),
            untold: Vec::new(),
            readers,
            health,
            waiting: Vec::new(),
        };
        work.measure();
        let (tasks, asked) = crossbeam_channel::unbounded();
        let thread = std::thread::Builder::new().name("ledger-keeper".to_owned()).spawn(move || work.run(&asked))?;
        Ok(Keeper { tasks: Some(tasks), thread: Some(thread) })
    }

    /// Asks for something; the writer makes at most one log a second, so that the queue needs no bound.
    pub(crate) fn ask(&self, task: Task) {
        if let Some(tasks) = &self.tasks {
            let _ = tasks.send(task);
        }
    }

    /// Waits until everything asked for is done, or cannot be.
    pub(crate) fn finish(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Work {
    fn run(mut self, asked: &Receiver<Task>) {
        loop {
            match asked.recv_timeout(AGAIN) {
                Ok(Task::Close(stream, number, lost)) => self.waiting.push((stream, number, lost)),
                Ok(Task::Lost(number, rows)) => {
                    self.tell(Deed::Lost { stream: Stream::Events.name().to_owned(), number, rows })
                }
                Ok(Task::Space) => self.make_space(),
                Err(RecvTimeoutError::Timeout) => self.forget_findings(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.work();
        }
        self.work();
        self.forget_findings();
    }

    /// Tells the chain, now or as soon as there is room.
    fn tell(&mut self, deed: Deed) {
        self.untold.push(deed);
        self.tell_rest();
    }

    fn tell_rest(&mut self) {
        while let Some(deed) = self.untold.first() {
            if let Err(wrong) = self.chain.tell(deed) {
                return self.health.keeps_badly(&self.folder, &wrong);
            }
            self.untold.remove(0);
        }
    }

    /// Closes what waits, in order; what cannot be closed waits on.
    fn work(&mut self) {
        self.tell_rest();
        while let Some((stream, number, lost)) = self.waiting.first().copied() {
            match self.close(stream, number, lost) {
                Ok(()) => drop(self.waiting.remove(0)),
                Err(wrong) => {
                    self.health.keeps_badly(&self.folder, &wrong);
                    if is_full(&wrong) {
                        self.make_space();
                    }
                    // Who closes it later does not know it any more.
                    let deed = Deed::Lost { stream: stream.name().to_owned(), number, rows: lost };
                    if let Some((_, _, untold)) = self.waiting.first_mut()
                        && lost > 0
                        && self.chain.tell(&deed).is_ok()
                    {
                        *untold = 0;
                        self.told_lost.insert(number);
                    }
                    return;
                }
            }
        }
        match self.merge().and_then(|()| self.retain()) {
            Ok(()) if self.untold.is_empty() => self.health.keeps_well(),
            Ok(()) => {}
            Err(wrong) => self.health.keeps_badly(&self.folder, &wrong),
        }
        self.measure();
    }

    fn close(&mut self, stream: Stream, number: u64, lost: u64) -> io::Result<()> {
        let closed = match stream {
            Stream::Events => close_events(&self.folder, number, &self.key, &self.seal, &self.origin)?,
            Stream::Findings => close_findings(&self.folder, number, &self.seal, &self.origin)?,
        };
        let log = self.folder.join("open").join(stream.file(number));
        match closed.tail {
            Tail::Whole => {}
            Tail::Torn(octets) => self.health.torn(octets),
            Tail::Altered(_) => self.health.altered(&log),
        }
        self.latest = closed.files.iter().map(|piece| piece.to).fold(self.latest, Timestamp::max);
        // A log that was altered stays, for whoever looks into it.
        let keep = matches!(closed.tail, Tail::Altered(_));
        // A run that was killed cannot say any more what it lost, but for what is missing between rows.
        let lost = if self.told_lost.contains(&number) { 0 } else { lost.max(closed.missing) };
        if !closed.files.is_empty() || lost > 0 {
            let (name, files) = (stream.name().to_owned(), closed.files);
            self.chain.tell(&Deed::Closed { stream: name, number, log: closed.link, files: files.clone(), lost })?;
            self.pieces.extend(files.into_iter().map(|piece| (piece.file.clone(), piece)));
        }
        if keep {
            return fs::rename(&log, log.with_extension("altered"));
        }
        match stream {
            Stream::Events => fs::remove_file(&log)?,
            Stream::Findings => self.closed_findings.push(number),
        }
        self.forget_findings();
        Ok(())
    }

    /// Removes closed logs of findings that every publisher has behind it, and the oldest beyond what may wait.
    fn forget_findings(&mut self) {
        let seen = self.readers.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied();
        let folder = self.folder.join("open");
        let mut waiting = 0;
        self.closed_findings.sort_unstable();
        self.closed_findings.dedup();
        self.closed_findings.reverse();
        let most = self.settings.backlog_mib << 20;
        let health = Arc::clone(&self.health);
        self.closed_findings.retain(|number| {
            let path = folder.join(Stream::Findings.file(*number));
            let Ok(told) = fs::metadata(&path) else { return false };
            waiting += told.len();
            let is_wanted = seen.is_some_and(|seen| *number >= seen);
            if is_wanted && waiting <= most {
                return true;
            }
            if fs::remove_file(&path).is_ok() && is_wanted {
                health.count(|counts| counts.unpublished_logs += 1);
            }
            false
        });
        self.closed_findings.reverse();
    }

    fn oldest_segment(&self) -> u64 {
        self.pieces.keys().filter_map(|file| segment_of(file)).min().unwrap_or(0)
    }

    fn merge(&mut self) -> io::Result<()> {
        loop {
            let pieces: Vec<Piece> = self.pieces.values().cloned().collect();
            let Some((level, due)) = merge::due(&pieces) else { return Ok(()) };
            let merged = merge::merge(&self.folder, level, &due, self.oldest_segment(), &self.seal)?;
            let from: Vec<String> = due.iter().map(|piece| piece.file.clone()).collect();
            let files: Vec<Piece> = merged.into_iter().collect();
            self.chain.tell(&Deed::Merged { files: files.clone(), from: from.clone() })?;
            self.pieces.extend(files.into_iter().map(|piece| (piece.file.clone(), piece)));
            self.unlink(&from);
        }
    }

    /// Removes what is older than is kept, and the oldest calls beyond the bytes that may be occupied.
    fn retain(&mut self) -> io::Result<()> {
        let before = Timestamp(self.latest.0.saturating_sub(self.settings.keep.0));
        let old: Vec<String> =
            self.pieces.values().filter(|piece| piece.to < before).map(|piece| piece.file.clone()).collect();
        self.remove(old, "age")?;
        let most = self.settings.keep_mib << 20;
        while most > 0 && self.bytes() > most {
            if !self.remove_oldest("size")? {
                break;
            }
        }
        if self.free() < self.settings.free_mib << 20 {
            self.remove_oldest(SPACE)?;
        }
        Ok(())
    }

    /// The disk is full, or nearly: the oldest calls give way.
    fn make_space(&mut self) {
        if let Err(wrong) = self.remove_oldest(SPACE) {
            self.health.keeps_badly(&self.folder, &wrong);
        }
    }

    /// Removes the oldest segment of calls with its keys, if it has them alone.
    fn remove_oldest(&mut self, why: &str) -> io::Result<bool> {
        let segment = self.oldest_segment();
        let files: Vec<String> = self
            .pieces
            .keys()
            .filter(|file| {
                segment_of(file) == Some(segment) || merge::parse(file).is_some_and(|(_, _, last)| last <= segment)
            })
            .cloned()
            .collect();
        if files.is_empty() {
            return Ok(false);
        }
        // Where there is no room to tell it, the space that they occupied makes the room.
        self.tell(Deed::Removed { files: files.clone(), why: why.to_owned() });
        self.unlink(&files);
        self.tell_rest();
        if why == SPACE {
            self.health.count(|counts| counts.gave_way += 1);
        }
        Ok(true)
    }

    fn remove(&mut self, files: Vec<String>, why: &str) -> io::Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        self.chain.tell(&Deed::Removed { files: files.clone(), why: why.to_owned() })?;
        self.unlink(&files);
        Ok(())
    }

    fn unlink(&mut self, files: &[String]) {
        for file in files {
            self.pieces.remove(file);
            let path = self.folder.join(file);
            let _ = fs::remove_file(&path);
            // The folder of an hour, and of a day, goes with its last file.
            for parent in path.ancestors().skip(1).take_while(|parent| *parent != self.folder) {
                if fs::remove_dir(parent).is_err() {
                    break;
                }
            }
        }
    }

    fn bytes(&self) -> u64 {
        self.pieces.values().map(|piece| piece.bytes).sum()
    }

    fn free(&self) -> u64 {
        free(&self.folder)
    }

    fn measure(&self) {
        self.health.measure(self.pieces.len() as u64, self.bytes(), self.free());
    }
}

/// Octets that the file system of a folder has left for us; as many as there can be where it does not say.
pub(crate) fn free(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(u64::MAX, |told| told.f_bavail.saturating_mul(told.f_frsize))
}

/// The segment whose rows stand in a file.
pub(crate) fn segment_of(file: &str) -> Option<u64> {
    file.strip_prefix("events/")?.rsplit_once('/')?.1.strip_suffix(".parquet")?.parse().ok()
}

/// What an earlier run left.
#[derive(Default)]
pub(crate) struct Left {
    /// Logs to be closed now.
    pub(crate) unclosed: Vec<(Stream, u64)>,
    /// The numbers of the next log of events, and of findings.
    pub(crate) next: [u64; 2],
}

/// Looks at what an earlier run left.
pub(crate) fn left(folder: &Path, told: &Told) -> io::Result<Left> {
    let Left { mut unclosed, mut next } = Left::default();
    for (at, stream) in [Stream::Events, Stream::Findings].into_iter().enumerate() {
        for deed in &told.deeds {
            if let Deed::Closed { stream: closed, number, .. } = deed
                && closed == stream.name()
                && let Some(next) = next.get_mut(at)
            {
                *next = (*next).max(number + 1);
            }
        }
        for number in numbers(&folder.join("open"), stream)? {
            if let Some(next) = next.get_mut(at) {
                *next = (*next).max(number + 1);
            }
            if !told.closed(stream.name(), number) {
                unclosed.push((stream, number));
            } else if stream == Stream::Events {
                // It was closed; the run ended before it could be removed.
                fs::remove_file(folder.join("open").join(stream.file(number)))?;
            }
        }
    }
    Ok(Left { unclosed, next })
}
