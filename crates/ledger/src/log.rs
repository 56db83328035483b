//! Logs: what is written before anything else, and survives being killed at any moment.
//!
//! ```text
//! events-0000000007.log
//! ┌────────┬─────────┬────────┬───────────┐┌─────┬───────┬─────────┬─────────────┐┌─────
//! │magic 8 │version 4│number 8│ chain 32  ││len 4│rows 4 │chain 32 │ payload len ││ …
//! └────────┴─────────┴────────┴───────────┘└─────┴───────┴─────────┴─────────────┘└─────
//!   header: where the chain of this log begins       frame
//! ```
//!
//! All numbers are little-endian. A frame's `chain` is BLAKE3, keyed, over the chain before it, its two numbers and its
//! payload: a checksum and a link in one. A log that was cut off in the midst of a frame ends before that frame; a frame
//! that is whole but does not fit the chain was altered, and nothing behind it is believed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::chain::{Link, Seal};

const MAGIC: &[u8; 8] = b"spyhoplg";
const VERSION: u32 = 1;
/// Octets of a log's header.
const HEADER: usize = 8 + 4 + 8 + 32;
/// Octets before a frame's payload.
const FRAME: usize = 4 + 4 + 32;
/// Larger frames than this are not written, so none is read.
const LONGEST: u32 = 256 << 20;

/// Two logs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What was called, as Arrow IPC.
    Events,
    /// Changes of findings, as JSON lines.
    Findings,
}

impl Stream {
    /// As in file names.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Events => "events",
            Stream::Findings => "findings",
        }
    }
    /// The file of a log in the folder of open logs.
    pub fn file(self, number: u64) -> String {
        format!("{}-{number:010}.log", self.name())
    }
    /// The number in such a name.
    pub fn number(self, name: &str) -> Option<u64> {
        name.strip_prefix(self.name())?.strip_prefix('-')?.strip_suffix(".log")?.parse().ok()
    }
}

/// The numbers of a stream's logs in a folder, in order.
///
/// # Errors
/// The folder cannot be read.
pub fn numbers(folder: &Path, stream: Stream) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        found.extend(entry?.file_name().to_str().and_then(|name| stream.number(name)));
    }
    found.sort_unstable();
    Ok(found)
}

/// A log that is being written.
#[derive(Debug)]
pub struct LogWriter {
    file: File,
    path: PathBuf,
    seal: Seal,
    link: Link,
    /// Octets that hold whole frames.
    len: u64,
    synced: u64,
}

impl LogWriter {
    /// A new log. What had its name is gone.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(folder: &Path, stream: Stream, number: u64, seal: Seal) -> io::Result<LogWriter> {
        let path = folder.join(stream.file(number));
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let link = seal.begin(stream.name(), number);
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&VERSION.to_le_bytes());
        header.extend_from_slice(&number.to_le_bytes());
        header.extend_from_slice(&link.0);
        let written = file.write_all(&header).and_then(|()| file.sync_all());
        if let Err(wrong) = written.and_then(|()| sync_folder(folder)) {
            // A file without its header would be taken for an altered one.
            let _ = fs::remove_file(&path);
            return Err(wrong);
        }
        Ok(LogWriter { file, path, seal, link, len: HEADER as u64, synced: HEADER as u64 })
    }

    /// Appends a frame. When it fails, the log ends where it ended before.
    ///
    /// # Errors
    /// It cannot be written, or the payload is larger than a frame may be.
    pub fn append(&mut self, rows: u32, payload: &[u8]) -> io::Result<()> {
        let len = u32::try_from(payload.len()).ok().filter(|len| *len <= LONGEST);
        let len = len.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a frame is too long"))?;
        let next = self.seal.frame(&self.link, len, rows, payload);
        let mut head = [0; FRAME];
        head[..4].copy_from_slice(&len.to_le_bytes());
        head[4..8].copy_from_slice(&rows.to_le_bytes());
        head[8..].copy_from_slice(&next.0);
        let written = self.file.write_all(&head).and_then(|()| self.file.write_all(payload));
        if let Err(wrong) = written {
            // What stands there of it would be overwritten or cut off; cutting it off now frees the space.
            let _ = self.file.set_len(self.len);
            self.file.seek(SeekFrom::Start(self.len))?;
            return Err(wrong);
        }
        self.link = next;
        self.len += (FRAME + payload.len()) as u64;
        Ok(())
    }

    /// Everything appended so far is on the disk when it returns.
    ///
    /// # Errors
    /// It may not be.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.synced < self.len {
            self.file.sync_data()?;
            self.synced = self.len;
        }
        Ok(())
    }

    /// Octets in the file.
    pub fn len(&self) -> u64 {
        self.len
    }
    /// It holds no frame.
    pub fn is_empty(&self) -> bool {
        self.len == HEADER as u64
    }
    /// The end of its chain.
    pub fn link(&self) -> Link {
        self.link
    }
    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes names in a folder durable.
///
/// # Errors
/// The folder cannot be synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Why a log has no further frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// It ends with a whole frame.
    Whole,
    /// Its last frame is cut off, by so many octets that stand behind the last whole one.
    Torn(u64),
    /// What stands at this octet does not continue the chain.
    Altered(u64),
}

/// Reads a log, also one that is being written.
#[derive(Debug)]
pub struct LogReader {
    file: File,
    seal: Seal,
    link: Link,
    at: u64,
}

/// What stands in the file of a log.
#[derive(Debug)]
pub enum Opened {
    /// A log.
    Log(LogReader),
    /// Less than a header: its writer has just begun, or was killed when it had.
    Short,
    /// Something else, or a log sealed with another key.
    Foreign,
}

impl Opened {
    /// The log, if it is one.
    pub fn log(self) -> Option<LogReader> {
        if let Opened::Log(log) = self { Some(log) } else { None }
    }
}

/// What a log's reader comes to.
#[derive(Debug)]
pub enum Next {
    /// A frame.
    Frame {
        /// Rows in it.
        rows: u32,
        /// What stands in it.
        payload: Vec<u8>,
        /// Where it began.
        at: u64,
    },
    /// No whole frame yet.
    End(Tail),
}

impl LogReader {
    /// Opens a log.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path, stream: Stream, number: u64, seal: Seal) -> io::Result<Opened> {
        let mut file = File::open(path)?;
        let mut header = [0; HEADER];
        match file.read_exact(&mut header) {
            Ok(()) => {}
            Err(wrong) if wrong.kind() == io::ErrorKind::UnexpectedEof => return Ok(Opened::Short),
            Err(wrong) => return Err(wrong),
        }
        let link = seal.begin(stream.name(), number);
        let ours = header.starts_with(MAGIC)
            && header[8..12] == VERSION.to_le_bytes()
            && header[12..20] == number.to_le_bytes()
            && header[20..] == link.0;
        let log = LogReader { file, seal, link, at: HEADER as u64 };
        Ok(if ours { Opened::Log(log) } else { Opened::Foreign })
    }

    /// The next frame, if there is a whole one. May be asked again when more was written.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn frame(&mut self) -> io::Result<Next> {
        let len = self.file.metadata()?.len();
        let left = len.saturating_sub(self.at);
        if left == 0 {
            return Ok(Next::End(Tail::Whole));
        }
        if left < FRAME as u64 {
            return Ok(Next::End(Tail::Torn(left)));
        }
        self.file.seek(SeekFrom::Start(self.at))?;
        let mut head = [0; FRAME];
        self.file.read_exact(&mut head)?;
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (size, rows) = (number(0), number(4));
        if size > LONGEST {
            return Ok(Next::End(Tail::Altered(self.at)));
        }
        if left - (FRAME as u64) < u64::from(size) {
            return Ok(Next::End(Tail::Torn(left)));
        }
        let mut payload = vec![0; size as usize];
        self.file.read_exact(&mut payload)?;
        let next = self.seal.frame(&self.link, size, rows, &payload);
        if head[8..] != next.0 {
            // A writer that was killed may have made the file longer before it wrote: nothing but zeros is no frame.
            let torn = head.iter().chain(&payload).all(|octet| *octet == 0);
            return Ok(Next::End(if torn { Tail::Torn(left) } else { Tail::Altered(self.at) }));
        }
        let at = self.at;
        self.link = next;
        self.at += (FRAME as u64) + u64::from(size);
        Ok(Next::Frame { rows, payload, at })
    }

    /// Where the next frame begins.
    pub fn at(&self) -> u64 {
        self.at
    }
    /// The chain so far.
    pub fn link(&self) -> Link {
        self.link
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::new([7; 32])
    }

    fn log(folder: &Path, frames: &[&[u8]]) -> PathBuf {
        let mut log = LogWriter::create(folder, Stream::Findings, 3, seal()).expect("created");
        for frame in frames {
            log.append(1, frame).expect("appended");
        }
        log.sync().expect("synced");
        log.path().to_owned()
    }

    fn read(path: &Path, seal: Seal) -> (Vec<Vec<u8>>, Option<Tail>) {
        let Some(mut log) = LogReader::open(path, Stream::Findings, 3, seal).expect("opened").log() else {
            return (Vec::new(), None);
        };
        let mut frames = Vec::new();
        loop {
            match log.frame().expect("read") {
                Next::Frame { payload, .. } => frames.push(payload),
                Next::End(tail) => return (frames, Some(tail)),
            }
        }
    }

    #[test]
    fn frames_come_back_and_a_log_cut_anywhere_gives_all_whole_ones() {
        let folder = tempfile::tempdir().expect("a folder");
        let frames: [&[u8]; 3] = [b"one", b"", b"three"];
        let path = log(folder.path(), &frames);
        assert_eq!(read(&path, seal()).0, frames);
        let whole = fs::read(&path).expect("read");
        let ends = [HEADER, HEADER + FRAME + 3, HEADER + 2 * FRAME + 3, HEADER + 3 * FRAME + 8];
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).expect("cut");
            let (kept, tail) = read(&path, seal());
            assert_eq!(kept.len(), ends.iter().filter(|end| **end <= cut).count().saturating_sub(1), "cut at {cut}");
            let torn = ends.iter().rev().find(|end| **end <= cut).map(|end| cut - end);
            let expected = torn.map(|torn| if torn == 0 { Tail::Whole } else { Tail::Torn(torn as u64) });
            assert_eq!(tail, expected, "cut at {cut}");
        }
    }

    #[test]
    fn whatever_bit_is_altered_nothing_from_there_on_is_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = log(folder.path(), &[b"one", b"two"]);
        let whole = fs::read(&path).expect("read");
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            fs::write(&path, &altered).expect("altered");
            let (kept, tail) = read(&path, seal());
            let before = usize::from(at >= HEADER + FRAME + 3);
            assert!(kept.len() == before && tail != Some(Tail::Whole), "octet {at}: {kept:?} {tail:?}");
        }
        fs::write(&path, &whole).expect("restored");
        assert_eq!(read(&path, Seal::new([8; 32])), (Vec::new(), None), "another key's log is none of ours");
    }

    #[test]
    fn a_reader_follows_a_writer() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = LogWriter::create(folder.path(), Stream::Events, 0, seal()).expect("created");
        let mut reader =
            LogReader::open(writer.path(), Stream::Events, 0, seal()).expect("opened").log().expect("has a header");
        assert!(matches!(reader.frame().expect("read"), Next::End(Tail::Whole)));
        writer.append(5, b"rows").expect("appended");
        assert!(matches!(reader.frame().expect("read"), Next::Frame { rows: 5, payload, .. } if payload == b"rows"));
        assert!(matches!(reader.frame().expect("read"), Next::End(Tail::Whole)));
        assert_eq!(reader.link(), writer.link());
    }
}
