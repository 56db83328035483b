//! Taking one file's records in: filter, late packets, defects.

use std::collections::HashMap;

use spyhop_model::Timestamp;

use crate::error::{Defect, Fault};
use crate::filter::{Filter, Verdict};
use crate::format::{CaptureFile, FileName, Record, Shared, Step};
use crate::hold::{Held, Hold};
use crate::source::Accounts;

/// What reading needs, apart from the file.
pub(crate) struct Intake {
    pub(crate) shared: Shared,
    pub(crate) filter: Filter,
    pub(crate) accounts: Accounts,
    pub(crate) defects: Defects,
    /// Time of the last packet delivered.
    pub(crate) released: Timestamp,
}

/// A file being read, and what was read of it and waits.
pub(crate) struct Active {
    pub(crate) name: FileName,
    pub(crate) file: CaptureFile,
    pub(crate) hold: Hold,
    /// Latest time read.
    pub(crate) newest: Timestamp,
    position: u64,
    pub(crate) ended: bool,
}

/// What was wrong with which file.
#[derive(Default)]
pub(crate) struct Defects {
    pub(crate) list: Vec<Defect>,
    known: HashMap<(u32, &'static str), usize>,
}

impl Defects {
    /// Each kind stands once for each file, however often it occurs.
    pub(crate) fn add(&mut self, file: &FileName, offset: u64, fault: Fault) {
        match self.known.get(&(file.index, fault.name())).and_then(|&at| self.list.get_mut(at)) {
            Some(defect) => defect.count += 1,
            None => {
                self.known.insert((file.index, fault.name()), self.list.len());
                self.list.push(Defect { path: file.path.clone(), offset, fault, count: 1 });
            }
        }
    }
}

impl Active {
    pub(crate) fn new(name: FileName, file: CaptureFile) -> Self {
        Self { name, file, hold: Hold::default(), newest: Timestamp(0), position: 0, ended: false }
    }
}

impl Intake {
    /// Reads one record of a file.
    #[inline]
    pub(crate) fn read(&mut self, file: &mut Active) {
        match file.file.next(&mut self.shared) {
            Step::Packet(record) => self.packet(file, record),
            Step::Skipped(offset, fault) => self.skipped(&file.name, offset, fault),
            Step::Stop(offset, fault) => {
                file.ended = true;
                self.defects.add(&file.name, offset, fault);
            }
            Step::End => file.ended = true,
        }
    }

    #[inline]
    fn packet(&mut self, file: &mut Active, mut record: Record) {
        file.newest = file.newest.max(record.at);
        file.position += 1;
        let data = self.shared.slabs.bytes(record.range);
        let mut verdict = self.filter.verdict(record.link, data);
        if verdict == Verdict::NoMeaning {
            match self.filter.prepare(record.link) {
                Ok(()) => verdict = self.filter.verdict(record.link, data),
                Err(message) => {
                    self.defects.add(&file.name, 0, Fault::FilterRefused { link: record.link, message });
                }
            }
        }
        if verdict != Verdict::Pass {
            self.accounts.filtered += 1;
            self.accounts.filtered_bytes += data.len() as u64;
            return;
        }
        if record.dropped > 0 {
            self.shared.ports.losses.before_packet(record.port, record.dropped);
        }
        self.accounts.untimed += u64::from(record.untimed);
        if record.at < self.released {
            self.accounts.late += 1;
            record.at = self.released;
        }
        self.shared.slabs.retain(record.range.slab);
        file.hold.push(Held { record, position: file.position });
    }

    /// Counts what was stepped over.
    pub(crate) fn skipped(&mut self, name: &FileName, offset: u64, fault: Fault) {
        if matches!(fault, Fault::TooLong { .. } | Fault::UnknownInterface) {
            self.accounts.skipped += 1;
        }
        self.defects.add(name, offset, fault);
    }
}
