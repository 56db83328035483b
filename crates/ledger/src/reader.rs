//! Publishers read findings from the ledger, each from where it was when it stopped or was killed.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use spyhop_publish::{Read, Reader, Record};

use crate::chain::Seal;
use crate::findings::{Rules, decode};
use crate::keeper::Readers;
use crate::log::{LogReader, Next, Opened, Stream, numbers, sync_folder};
use crate::writer::{Ledger, Tide};

/// Where a publisher is: everything before it was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The number of a log of findings.
    pub log: u64,
    /// Frames of it that are behind the publisher.
    pub frames: u64,
}

impl Place {
    fn path(folder: &Path, name: &str) -> PathBuf {
        folder.join("publish").join(format!("{name}.json"))
    }
    /// The place of a publisher, if it has one.
    pub fn load(folder: &Path, name: &str) -> Option<Place> {
        serde_json::from_slice(&fs::read(Place::path(folder, name)).ok()?).ok()
    }
    fn save(self, folder: &Path, name: &str) -> io::Result<()> {
        let path = Place::path(folder, name);
        let temporary = path.with_extension("tmp");
        let mut options = fs::OpenOptions::new();
        let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec(&self)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        path.parent().map_or(Ok(()), sync_folder)
    }
}

/// The publishers that have a place in the ledger of a folder.
pub fn publishers(folder: &Path) -> BTreeMap<String, Place> {
    let Ok(entries) = fs::read_dir(folder.join("publish")) else { return BTreeMap::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.strip_suffix(".json")?.to_owned();
            Place::load(folder, &name).map(|place| (name, place))
        })
        .collect()
}

/// How often a place is saved; what was acknowledged after it is published again after a crash.
const SAVE: Duration = Duration::from_secs(1);

/// Reads findings from the ledger and everything else from a journal in memory.
pub struct LedgerReader {
    folder: PathBuf,
    name: String,
    seal: Seal,
    rules: Rules,
    tide: Arc<Tide>,
    readers: Readers,
    /// Where the next frame stands.
    at: Place,
    log: Option<LogReader>,
    /// Frames read and not settled: how many records were read with the last of each, and where it ends.
    open: VecDeque<(u64, Place)>,
    /// Everything before it is settled.
    behind: Place,
    read: u64,
    saved: Place,
    saved_at: Instant,
    others: Option<Box<dyn Reader>>,
}

impl LedgerReader {
    /// A reader of that name; one that was there before goes on where it was.
    ///
    /// # Errors
    /// Its place cannot be written.
    pub fn new(ledger: &Ledger, name: &str, rules: Rules, others: Option<Box<dyn Reader>>) -> io::Result<LedgerReader> {
        let folder = ledger.folder().to_owned();
        let first = numbers(&folder.join("open"), Stream::Findings)?.first().copied().unwrap_or(0);
        let mut at = Place::load(&folder, name).unwrap_or(Place { log: first, frames: 0 });
        if at.log < first {
            at = Place { log: first, frames: 0 };
        }
        at.save(&folder, name)?;
        let readers = ledger.readers();
        readers.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), at.log);
        Ok(LedgerReader {
            folder,
            name: name.to_owned(),
            seal: ledger.seal(),
            rules,
            tide: ledger.tide(),
            readers,
            at,
            log: None,
            open: VecDeque::new(),
            behind: at,
            read: 0,
            saved: at,
            saved_at: Instant::now(),
            others,
        })
    }

    /// The findings of the next frame that is on the disk.
    fn findings(&mut self) -> Option<Vec<Record>> {
        loop {
            let level = self.tide.level();
            if self.log.is_none() {
                let path = self.folder.join("open").join(Stream::Findings.file(self.at.log));
                let opened =
                    LogReader::open(&path, Stream::Findings, self.at.log, self.seal).ok().and_then(Opened::log);
                if let Some(mut log) = opened {
                    for _ in 0..self.at.frames {
                        let _ = log.frame();
                    }
                    self.log = Some(log);
                }
            }
            let is_last = self.at.log >= level.log;
            let next = match &mut self.log {
                Some(log) if is_last && log.at() >= level.len => return None,
                Some(log) => log.frame().ok(),
                None if is_last => return None,
                None => None,
            };
            if let Some(Next::Frame { payload, .. }) = next {
                self.at.frames += 1;
                let stored = decode(&payload).unwrap_or_default();
                let rules = self.rules;
                return Some(stored.into_iter().map(|one| Record::Finding(Arc::new(one.restore(rules)))).collect());
            }
            if is_last {
                return None;
            }
            // Its end, whole or not: nothing more comes to it.
            self.log = None;
            let numbers = numbers(&self.folder.join("open"), Stream::Findings).unwrap_or_default();
            let log = numbers.into_iter().find(|number| *number > self.at.log).unwrap_or(level.log);
            self.at = Place { log, frames: 0 };
        }
    }

    fn save(&mut self) {
        self.saved_at = Instant::now();
        if self.behind != self.saved && self.behind.save(&self.folder, &self.name).is_ok() {
            self.saved = self.behind;
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            readers.insert(self.name.clone(), self.behind.log);
        }
    }
}

impl Reader for LedgerReader {
    fn read(&mut self, into: &mut Vec<Record>, most: usize, wait: Duration) -> Read {
        let until = Instant::now() + wait;
        loop {
            let level = self.tide.level();
            let before = into.len();
            while into.len() - before < most {
                let Some(findings) = self.findings() else { break };
                self.read += findings.len() as u64;
                into.extend(findings);
                self.open.push_back((self.read, self.at));
            }
            let mut others = Read::End;
            let room = most.saturating_sub(into.len() - before);
            if let Some(reader) = self.others.as_mut().filter(|_| room > 0) {
                let found = into.len();
                others = reader.read(into, room, Duration::ZERO);
                self.read += (into.len() - found) as u64;
            }
            if into.len() > before {
                return Read::Some;
            }
            if level.ended && others == Read::End && self.tide.level() == level {
                return Read::End;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Read::Idle;
            }
            match &mut self.others {
                // Its news comes where findings' does not: it is waited for in short turns.
                Some(reader) if others != Read::End => {
                    let found = into.len();
                    let turn = left.min(Duration::from_millis(10));
                    if reader.read(into, most, turn) == Read::Some {
                        self.read += (into.len() - found) as u64;
                        return Read::Some;
                    }
                }
                _ => drop(self.tide.wait(level, left)),
            }
        }
    }

    fn position(&self) -> u64 {
        self.read
    }

    fn settled(&mut self, records: u64) {
        while let Some((_, place)) = self.open.pop_front_if(|(count, _)| *count <= records) {
            self.behind = place;
        }
        if self.saved_at.elapsed() >= SAVE {
            self.save();
        }
    }
}

impl Drop for LedgerReader {
    fn drop(&mut self) {
        self.save();
    }
}
