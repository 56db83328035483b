//! The chain: what was closed, merged and removed, each line bound to the one before it.
//!
//! `chain.jsonl` is appended to and never rewritten. A line tells of one file with its hash; its `seal` is BLAKE3, keyed
//! with a key that is derived from the sensor's, over the seal of the line before and the line itself. Whoever does not
//! have the key cannot alter, insert or remove a line, nor a file that a line tells of, without `verify` noticing. Lines
//! removed from the end show by a seal noted elsewhere (`spyhop ledger verify --seal`).

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spyhop_model::Timestamp;

/// The chain's file in the ledger's folder.
pub const FILE: &str = "chain.jsonl";

/// The key that seals.
#[derive(Clone, Copy)]
pub struct Seal([u8; 32]);

/// A place in a chain: everything before it, as 256 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link(pub [u8; 32]);

impl Seal {
    /// Seals with this key, which is nobody else's.
    pub fn new(key: [u8; 32]) -> Seal {
        Seal(key)
    }
    /// The first link of a log.
    pub fn begin(&self, stream: &str, number: u64) -> Link {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(b"log\0").update(stream.as_bytes()).update(&number.to_le_bytes());
        Link(*hasher.finalize().as_bytes())
    }
    /// The link behind a frame.
    pub fn frame(&self, before: &Link, len: u32, rows: u32, payload: &[u8]) -> Link {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&before.0).update(&len.to_le_bytes()).update(&rows.to_le_bytes()).update(payload);
        Link(*hasher.finalize().as_bytes())
    }
    /// The link behind a line of the chain.
    fn line(&self, before: &Link, line: &[u8]) -> Link {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(b"line\0").update(&before.0).update(line);
        Link(*hasher.finalize().as_bytes())
    }
    /// The hash of a file's content.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn file(&self, path: &Path) -> io::Result<(Link, u64)> {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        let mut file = File::open(path)?;
        let mut buffer = vec![0; 1 << 16];
        let mut bytes = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok((Link(*hasher.finalize().as_bytes()), bytes)),
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    bytes += read as u64;
                }
                Err(wrong) if wrong.kind() == io::ErrorKind::Interrupted => {}
                Err(wrong) => return Err(wrong),
            }
        }
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        blake3::Hash::from_bytes(self.0).to_hex().fmt(f)
    }
}

impl std::str::FromStr for Link {
    type Err = ();

    fn from_str(text: &str) -> Result<Link, ()> {
        blake3::Hash::from_hex(text).map(|hash| Link(*hash.as_bytes())).map_err(|_| ())
    }
}

impl Serialize for Link {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Link, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|()| serde::de::Error::custom("no 64 hexadecimal digits"))
    }
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Deed {
    /// A log was closed into files.
    Closed {
        /// `events` or `findings`.
        stream: String,
        /// The log's number.
        number: u64,
        /// The end of the log's chain.
        log: Link,
        /// The files it became.
        files: Vec<Piece>,
        /// Rows that were lost before they were written, because the disk was full.
        #[serde(default, skip_serializing_if = "is_zero")]
        lost: u64,
    },
    /// Rows of a log that is not closed yet were lost, because the disk was full.
    Lost {
        /// `events` or `findings`.
        stream: String,
        /// The log's number.
        number: u64,
        /// How many.
        rows: u64,
    },
    /// Files of keys became fewer.
    Merged {
        /// The new ones.
        files: Vec<Piece>,
        /// Those whose keys they hold; no longer there.
        from: Vec<String>,
    },
    /// Files were removed.
    Removed {
        /// Which.
        files: Vec<String>,
        /// Why: `age`, `size` or `space`.
        why: String,
    },
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A file that was written once and is not altered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Its path in the ledger's folder.
    pub file: String,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Hash of its content, keyed.
    pub hash: Link,
    /// The earliest time in it, in nanoseconds since 1970.
    pub from: Timestamp,
    /// The latest.
    pub to: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Line {
    line: u64,
    #[serde(flatten)]
    deed: Deed,
    seal: Link,
}

#[derive(Serialize)]
struct Unsealed<'a> {
    line: u64,
    #[serde(flatten)]
    deed: &'a Deed,
}

/// The chain of a ledger, being written.
#[derive(Debug)]
pub struct Chain {
    file: File,
    seal: Seal,
    link: Link,
    lines: u64,
    len: u64,
}

/// What a chain says.
#[derive(Debug, Default)]
pub struct Told {
    /// Its deeds, in order.
    pub deeds: Vec<Deed>,
    /// The link behind each.
    pub links: Vec<Link>,
    /// Octets of whole lines.
    pub len: u64,
    /// Octets behind them: a line that was not written to its end.
    pub torn: u64,
    /// The line (from 1) that does not fit the chain, if there is one. Deeds behind it are told, but not proved.
    pub broken: Option<u64>,
}

impl Told {
    /// The last link.
    pub fn link(&self) -> Link {
        self.links.last().copied().unwrap_or_default()
    }
    /// The files that should be there.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut there = std::collections::BTreeMap::new();
        for deed in &self.deeds {
            match deed {
                Deed::Closed { files, .. } => {
                    there.extend(files.iter().map(|piece| (piece.file.clone(), piece.clone())))
                }
                Deed::Merged { files, from } => {
                    from.iter().for_each(|gone| drop(there.remove(gone)));
                    there.extend(files.iter().map(|piece| (piece.file.clone(), piece.clone())));
                }
                Deed::Removed { files, .. } => files.iter().for_each(|gone| drop(there.remove(gone))),
                Deed::Lost { .. } => {}
            }
        }
        there.into_values().collect()
    }
    /// Whether a log of that number was closed.
    pub fn closed(&self, which: &str, log: u64) -> bool {
        self.deeds
            .iter()
            .any(|deed| matches!(deed, Deed::Closed { stream, number, .. } if stream == which && *number == log))
    }
}

/// Reads a chain; an absent file is an empty one.
///
/// # Errors
/// It cannot be read.
pub fn read(folder: &Path, seal: &Seal) -> io::Result<Told> {
    let bytes = match fs::read(folder.join(FILE)) {
        Ok(bytes) => bytes,
        Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => return Ok(Told::default()),
        Err(wrong) => return Err(wrong),
    };
    let mut told = Told::default();
    for text in bytes.split_inclusive(|octet| *octet == b'\n') {
        let Some(text) = text.strip_suffix(b"\n") else {
            told.torn = text.len() as u64;
            break;
        };
        told.len += text.len() as u64 + 1;
        let number = told.links.len() as u64 + 1;
        let Ok(line) = serde_json::from_slice::<Line>(text) else {
            told.broken.get_or_insert(number);
            told.links.push(told.link());
            continue;
        };
        let unsealed = serde_json::to_vec(&Unsealed { line: line.line, deed: &line.deed }).unwrap_or_default();
        let fits = line.line == number && seal.line(&told.link(), &unsealed) == line.seal;
        if !fits {
            told.broken.get_or_insert(number);
        }
        told.deeds.push(line.deed);
        told.links.push(line.seal);
    }
    Ok(told)
}

impl Chain {
    /// Opens the chain for writing behind what it says already. A line that was not written to its end is cut off.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn open(folder: &Path, seal: Seal) -> io::Result<(Chain, Told)> {
        let told = read(folder, &seal)?;
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(folder.join(FILE))?;
        if told.torn > 0 {
            file.set_len(told.len)?;
        }
        let chain = Chain { file, seal, link: told.link(), lines: told.links.len() as u64, len: told.len };
        Ok((chain, told))
    }

    /// Appends a line; it is on the disk when this returns.
    ///
    /// # Errors
    /// It is not; the chain ends where it ended before.
    pub fn tell(&mut self, deed: &Deed) -> io::Result<()> {
        let number = self.lines + 1;
        let unsealed = serde_json::to_vec(&Unsealed { line: number, deed })?;
        let seal = self.seal.line(&self.link, &unsealed);
        let mut line = serde_json::to_vec(&Line { line: number, deed: deed.clone(), seal })?;
        line.push(b'\n');
        if let Err(wrong) = self.file.write_all(&line).and_then(|()| self.file.sync_data()) {
            let _ = self.file.set_len(self.len);
            return Err(wrong);
        }
        self.len += line.len() as u64;
        self.lines = number;
        self.link = seal;
        Ok(())
    }

    /// The link behind the last line.
    pub fn link(&self) -> Link {
        self.link
    }
    /// Its key.
    pub fn seal(&self) -> Seal {
        self.seal
    }
}

/// A piece that stands in the ledger's folder.
///
/// # Errors
/// It cannot be read.
pub fn piece(folder: &Path, file: &str, rows: u64, span: (Timestamp, Timestamp), seal: &Seal) -> io::Result<Piece> {
    let (hash, bytes) = seal.file(&folder.join(file))?;
    Ok(Piece { file: file.to_owned(), rows, bytes, hash, from: span.0, to: span.1 })
}

/// The path of a piece.
pub fn path(folder: &Path, piece: &Piece) -> PathBuf {
    folder.join(&piece.file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(number: u64) -> Deed {
        Deed::Removed { files: vec![format!("events/{number}.parquet")], why: "age".to_owned() }
    }

    fn chain(folder: &Path) -> Vec<u8> {
        let (mut chain, _) = Chain::open(folder, Seal::new([7; 32])).expect("opened");
        (1..3).for_each(|number| chain.tell(&deed(number)).expect("told"));
        let piece = Piece {
            file: "events/3.parquet".to_owned(),
            rows: 1,
            bytes: 2,
            hash: Link([3; 32]),
            from: Timestamp(u64::MAX),
            to: Timestamp::MAX,
        };
        let closed =
            Deed::Closed { stream: "events".to_owned(), number: 9, log: Link([4; 32]), files: vec![piece], lost: 0 };
        chain.tell(&closed).expect("told");
        assert_eq!(read(folder, &chain.seal()).expect("read").deeds.last(), Some(&closed));
        fs::read(folder.join(FILE)).expect("read")
    }

    #[test]
    fn a_chain_goes_on_where_it_ended_and_forgets_a_line_that_was_not_finished() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = chain(folder.path());
        fs::write(folder.path().join(FILE), &whole[..whole.len() - 5]).expect("cut");
        let (mut chain, told) = Chain::open(folder.path(), Seal::new([7; 32])).expect("opened");
        assert!(told.deeds.len() == 2 && told.torn > 0 && told.broken.is_none());
        chain.tell(&deed(3)).expect("told");
        let told = read(folder.path(), &Seal::new([7; 32])).expect("read");
        assert!(told.deeds.len() == 3 && told.torn == 0 && told.broken.is_none());
    }

    #[test]
    fn a_line_altered_removed_or_sealed_with_another_key_breaks_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = String::from_utf8(chain(folder.path())).expect("text");
        let broken = |text: &str, key: u8| {
            fs::write(folder.path().join(FILE), text).expect("written");
            read(folder.path(), &Seal::new([key; 32])).expect("read").broken
        };
        assert_eq!(broken(&whole, 7), None);
        assert_eq!(broken(&whole, 8), Some(1));
        assert_eq!(broken(&whole.replace("events/2", "events/9"), 7), Some(2));
        assert_eq!(broken(&whole.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>(), 7), Some(1));
        let swapped: Vec<&str> = whole.lines().collect();
        assert_eq!(broken(&format!("{}\n{}\n{}\n", swapped[0], swapped[2], swapped[1]), 7), Some(2));
        assert_eq!(broken(&whole.replacen("}", "", 1), 7), Some(1));
    }
}
