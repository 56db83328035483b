//! Merging: so that a lookup opens a handful of files of keys, however many segments there are.
//!
//! Sixteen files of one level become one of the next. A level has fifteen files at most then, and four levels are more
//! segments than a sensor writes in half a year.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{UInt8Type, UInt64Type};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::chain::{Piece, Seal, piece};
use crate::keys::{Entry, KeyKind, KeyWriter};
use crate::segment::{Pending, wrong};

/// Files of a level that become one of the next.
pub const FAN: usize = 16;

/// The path of the keys of segments `first` to `last`.
pub fn file(level: u32, first: u64, last: u64) -> String {
    if first == last {
        format!("keys/{level}/{first:010}.parquet")
    } else {
        format!("keys/{level}/{first:010}-{last:010}.parquet")
    }
}

/// Level, first and last segment of such a path.
pub fn parse(path: &str) -> Option<(u32, u64, u64)> {
    let (level, name) = path.strip_prefix("keys/")?.strip_suffix(".parquet")?.split_once('/')?;
    let (first, last) = name.split_once('-').unwrap_or((name, name));
    Some((level.parse().ok()?, first.parse().ok()?, last.parse().ok()?))
}

/// The files to merge next, if there are enough of one level; the oldest of the lowest such level.
pub fn due(pieces: &[Piece]) -> Option<(u32, Vec<&Piece>)> {
    let mut levels: BTreeMap<u32, Vec<(u64, &Piece)>> = BTreeMap::new();
    for piece in pieces {
        if let Some((level, first, _)) = parse(&piece.file) {
            levels.entry(level).or_default().push((first, piece));
        }
    }
    levels.into_iter().find(|(_, pieces)| pieces.len() >= FAN).map(|(level, mut pieces)| {
        pieces.sort_by_key(|(first, _)| *first);
        (level, pieces.into_iter().take(FAN).map(|(_, piece)| piece).collect())
    })
}

/// A file of keys read from its beginning.
struct Run {
    reader: ParquetRecordBatchReader,
    entries: std::vec::IntoIter<Entry>,
}

impl Run {
    fn open(path: &Path) -> io::Result<Run> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?).map_err(wrong)?;
        Ok(Run { reader: builder.with_batch_size(8_192).build().map_err(wrong)?, entries: Vec::new().into_iter() })
    }
    fn next(&mut self) -> io::Result<Option<Entry>> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Ok(Some(entry));
            }
            let Some(batch) = self.reader.next() else { return Ok(None) };
            let batch = batch.map_err(wrong)?;
            let kinds = batch.column(0).as_primitive::<UInt8Type>().values();
            let hashes = batch.column(1).as_primitive::<UInt64Type>().values();
            let rows = batch.column(2).as_primitive::<UInt64Type>().values();
            let entries = kinds.iter().zip(hashes).zip(rows).filter_map(|((kind, hash), row)| {
                Some((KeyKind::ALL.into_iter().find(|one| *one as u8 == *kind)?, *hash, *row))
            });
            self.entries = entries.collect::<Vec<_>>().into_iter();
        }
    }
}

/// Merges files of keys into one of the next level. Keys of segments below `oldest` are left out: those are gone.
///
/// # Errors
/// One cannot be read, or the new one cannot be written; then it is not there.
pub fn merge(folder: &Path, level: u32, from: &[&Piece], oldest: u64, seal: &Seal) -> io::Result<Option<Piece>> {
    let segments = from.iter().filter_map(|piece| parse(&piece.file));
    let (mut first, mut last) = (u64::MAX, 0);
    for (_, low, high) in segments {
        (first, last) = (first.min(low), last.max(high));
    }
    let name = file(level + 1, first, last);
    let (pending, handle) = Pending::new(folder, &name)?;
    let mut writer = KeyWriter::new(handle)?;
    let mut runs = from.iter().map(|piece| Run::open(&folder.join(&piece.file))).collect::<io::Result<Vec<_>>>()?;
    let mut heap = BinaryHeap::new();
    for (number, run) in runs.iter_mut().enumerate() {
        heap.extend(run.next()?.map(|entry| Reverse((entry, number))));
    }
    while let Some(Reverse((entry, number))) = heap.pop() {
        if entry.2 >> 32 >= oldest {
            writer.push(entry)?;
        }
        if let Some(run) = runs.get_mut(number) {
            heap.extend(run.next()?.map(|entry| Reverse((entry, number))));
        }
    }
    let rows = writer.finish()?;
    if rows == 0 {
        return Ok(None);
    }
    pending.done()?;
    let span = (from.iter().map(|piece| piece.from).min(), from.iter().map(|piece| piece.to).max());
    let span = (span.0.unwrap_or_default(), span.1.unwrap_or_default());
    piece(folder, &name, rows, span, seal).map(Some)
}
