//! Verifying: that nothing in a ledger was altered or removed since it was written.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use spyhop_model::Key;

use crate::chain::{self, Link, Seal};
use crate::log::{LogReader, Next, Opened, Stream, Tail, numbers};
use crate::merge;
use crate::writer::LedgerError;

/// What verifying found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verdict {
    /// Lines of the chain.
    pub lines: u64,
    /// Files that are as they were written.
    pub files: u64,
    /// Octets in them.
    pub bytes: u64,
    /// Rows in them.
    pub rows: u64,
    /// Frames of open logs that continue their chains.
    pub frames: u64,
    /// The seal behind the last line: who notes it elsewhere can prove later that no line was removed from the end.
    pub seal: String,
    /// Segments with how many calls were not recorded, because the disk was full.
    pub lost: u64,
    /// What is wrong, each in a sentence. Empty when nothing was altered or removed.
    pub wrong: Vec<String>,
}

/// Verifies the ledger in a folder; `noted` is a seal that must be in the chain.
///
/// # Errors
/// It cannot be read at all.
pub fn verify(folder: &Path, key: &Key, noted: Option<Link>) -> Result<Verdict, LedgerError> {
    let seal = Seal::new(key.derive("ledger"));
    let failed = |wrong| LedgerError::new(folder, &wrong);
    // A sensor that closes or merges meanwhile looks like one who alters, until the chain is read again.
    let mut verdict = check(folder, &seal, noted).map_err(failed)?;
    for _ in 0..4 {
        let lines = verdict.lines;
        if verdict.wrong.is_empty() || chain::read(folder, &seal).map_err(failed)?.links.len() as u64 == lines {
            break;
        }
        verdict = check(folder, &seal, noted).map_err(failed)?;
    }
    Ok(verdict)
}

/// Files that the chain does not know, and that a sensor that is at work, or was killed at it, accounts for: those of a log
/// that is being closed, those of a merge that is not told yet, and those that were about to be removed.
fn excused(folder: &Path, told: &chain::Told) -> impl Fn(&str) -> bool {
    let open = |stream: Stream, number: u64| {
        folder.join("open").join(stream.file(number)).exists() && !told.closed(stream.name(), number)
    };
    let gone = |file: &str| {
        told.deeds.iter().any(|deed| match deed {
            chain::Deed::Merged { from: files, .. } | chain::Deed::Removed { files, .. } => {
                files.iter().any(|gone| gone == file)
            }
            chain::Deed::Closed { .. } | chain::Deed::Lost { .. } => false,
        })
    };
    let segments: BTreeSet<(u32, u64)> = told
        .pieces()
        .iter()
        .filter_map(|piece| merge::parse(&piece.file))
        .map(|(level, first, _)| (level, first))
        .collect();
    move |file: &str| {
        let number = |path: &str| path.rsplit('/').next()?.strip_suffix(".parquet")?.parse::<u64>().ok();
        gone(file)
            || match merge::parse(file) {
                Some((0, first, last)) if first == last => open(Stream::Events, first),
                Some((level, first, _)) => level > 0 && segments.contains(&(level - 1, first)),
                None if file.starts_with("events/") => number(file).is_some_and(|number| open(Stream::Events, number)),
                None => number(file).is_some_and(|number| open(Stream::Findings, number)),
            }
    }
}

fn check(folder: &Path, seal: &Seal, noted: Option<Link>) -> io::Result<Verdict> {
    if !folder.join("open").is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no ledger"));
    }
    let told = chain::read(folder, seal)?;
    let mut verdict = Verdict { lines: told.links.len() as u64, seal: told.link().to_string(), ..Verdict::default() };
    if let Some(line) = told.broken {
        let hint = if line == 1 { ", or the ledger was written with another key" } else { "" };
        verdict.wrong.push(format!(
            "{} line {line} does not continue the chain: it was altered, inserted, or lines before it were removed{hint}",
            chain::FILE
        ));
    }
    if let Some(noted) = noted.filter(|noted| *noted != Link::default() && !told.links.contains(noted)) {
        verdict.wrong.push(format!("{}: no line bears the seal {noted}: lines were removed or altered", chain::FILE));
    }
    let mut known = BTreeSet::new();
    for piece in told.pieces() {
        match seal.file(&folder.join(&piece.file)) {
            Ok((hash, bytes)) if hash == piece.hash => {
                verdict.files += 1;
                verdict.bytes += bytes;
                verdict.rows += if piece.file.starts_with("keys/") { 0 } else { piece.rows };
            }
            Ok(_) => verdict.wrong.push(format!("{} was altered", piece.file)),
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {
                verdict.wrong.push(format!("{} was removed, by none of the rules that remove files", piece.file));
            }
            Err(unread) => verdict.wrong.push(format!("{} cannot be read: {unread}", piece.file)),
        }
        known.insert(piece.file);
    }
    let excused = excused(folder, &told);
    let known = |file: &str| known.contains(file) || excused(file);
    for part in ["events", "findings", "keys"] {
        strangers(folder, Path::new(part), &known, &mut verdict.wrong)?;
    }
    for deed in &told.deeds {
        if let chain::Deed::Closed { lost: rows, .. } | chain::Deed::Lost { rows, .. } = deed {
            verdict.lost += rows;
        }
    }
    for stream in [Stream::Events, Stream::Findings] {
        for number in numbers(&folder.join("open"), stream)? {
            logs(folder, stream, number, seal, &mut verdict)?;
        }
    }
    for entry in fs::read_dir(folder.join("open"))? {
        let name = entry?.file_name();
        if Path::new(&name).extension().is_some_and(|kind| kind == "altered") {
            verdict.wrong.push(format!("open/{} was altered while no sensor wrote to it", name.display()));
        }
    }
    Ok(verdict)
}

/// Files that the chain does not know.
fn strangers(folder: &Path, part: &Path, known: &impl Fn(&str) -> bool, wrong: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder.join(part)) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let path = part.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            strangers(folder, &path, known, wrong)?;
        } else if path.extension().is_some_and(|kind| kind == "parquet") && !known(&path.to_string_lossy()) {
            wrong.push(format!("{} is none of the ledger's files", path.display()));
        }
    }
    Ok(())
}

fn logs(folder: &Path, stream: Stream, number: u64, seal: &Seal, verdict: &mut Verdict) -> io::Result<()> {
    let file = format!("open/{}", stream.file(number));
    let log = match LogReader::open(&folder.join(&file), stream, number, *seal) {
        // The sensor closed it meanwhile.
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let mut log = match log {
        Opened::Log(log) => log,
        // Just begun, or begun by a run that was killed.
        Opened::Short => return Ok(()),
        Opened::Foreign => {
            verdict.wrong.push(format!("{file} does not begin as a log of this ledger does"));
            return Ok(());
        }
    };
    loop {
        match log.frame()? {
            Next::Frame { .. } => verdict.frames += 1,
            Next::End(Tail::Altered(at)) => {
                verdict.wrong.push(format!("{file} was altered at octet {at}; nothing behind it is proved"));
                return Ok(());
            }
            // Being written, or the end of a run that was killed.
            Next::End(Tail::Whole | Tail::Torn(_)) => return Ok(()),
        }
    }
}
