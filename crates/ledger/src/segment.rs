//! Segments: what a log becomes once it is closed.
//!
//! ```text
//! open/events-0000000007.log ──> events/dt=2026-11-24/hr=08/0000000007.parquet   rows
//!                            └─> keys/0/0000000007.parquet                       who and what stands in which row
//! ```
//!
//! The same code closes a log that was written to its end and one whose writer was killed.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampNanosecondType, UInt64Type};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use spyhop_model::{Key, Timestamp};

use crate::chain::{Piece, Seal, piece};
use crate::columns::{ROWS, SCHEMA};
use crate::keys::{KeyKind, KeyWriter, Keys};
use crate::log::{LogReader, Next, Opened, Stream, Tail, sync_folder};

/// Rows of a row group: all of a segment, so that a lookup reads one set of statistics.
const GROUP: usize = 262_144;
/// Octets of a column's dictionary, which a lookup reads whole: names of which there are more are written as they are.
const DICTIONARY: usize = 64 << 10;
/// Rows of a page: what a lookup reads of each column for a row.
const PAGE: usize = 2_048;

/// An entry of the values of a frame: in which row of the segment a value stands, and how.
pub type ValueEntry = (KeyKind, u64, u32);
const ENTRY: usize = 1 + 8 + 4;
/// Octets of the rows of a frame, at most.
const LARGEST: u32 = 1 << 30;

/// As an error of input and output; of what kind, where one is behind it.
pub(crate) fn wrong(wrong: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    let wrong = wrong.into();
    let mut behind: Option<&(dyn std::error::Error + 'static)> = Some(&*wrong);
    while let Some(error) = behind {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io
                .raw_os_error()
                .map_or_else(|| io::Error::new(io.kind(), io.to_string()), io::Error::from_raw_os_error);
        }
        behind = error.source();
    }
    io::Error::other(wrong)
}

/// Rows and the values in them as the payload of a frame: the length of the rows as Arrow IPC, these as one block of LZ4
/// (a block a column, which is what Arrow would make of them, costs several times as much), and the values.
///
/// # Errors
/// Arrow refuses the batch, which would be a mistake of ours.
pub fn encode(batch: &RecordBatch, values: &[ValueEntry]) -> io::Result<Vec<u8>> {
    let mut ipc = Vec::new();
    let mut writer = StreamWriter::try_new(&mut ipc, &batch.schema()).map_err(wrong)?;
    writer.write(batch).and_then(|()| writer.finish()).map_err(wrong)?;
    drop(writer);
    let block = lz4_flex::block::compress_prepend_size(&ipc);
    let length = u32::try_from(block.len()).map_err(wrong)?;
    let mut payload = Vec::with_capacity(4 + block.len() + values.len() * ENTRY);
    payload.extend_from_slice(&length.to_le_bytes());
    payload.extend_from_slice(&block);
    for (kind, hash, row) in values {
        payload.push(*kind as u8);
        payload.extend_from_slice(&hash.to_le_bytes());
        payload.extend_from_slice(&row.to_le_bytes());
    }
    Ok(payload)
}

/// What [`encode`] made.
///
/// # Errors
/// It is nothing of the kind.
pub fn decode(payload: &[u8]) -> io::Result<(RecordBatch, Vec<ValueEntry>)> {
    let short = || wrong("a frame is shorter than it says");
    let (length, rest) = payload.split_first_chunk::<4>().ok_or_else(short)?;
    let (block, entries) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(short)?;
    let size = block.first_chunk::<4>().map_or(u32::MAX, |size| u32::from_le_bytes(*size));
    if size > LARGEST {
        return Err(wrong("a frame says that it is larger than any is"));
    }
    let ipc = lz4_flex::block::decompress_size_prepended(block).map_err(wrong)?;
    let mut reader = StreamReader::try_new(&*ipc, None).map_err(wrong)?;
    let batch = reader.next().ok_or_else(short)?.map_err(wrong)?;
    let mut values = Vec::with_capacity(entries.len() / ENTRY);
    for entry in entries.chunks_exact(ENTRY) {
        let Some(kind) = KeyKind::ALL.into_iter().find(|kind| Some(&(*kind as u8)) == entry.first()) else { continue };
        let (hash, row) = (entry.get(1..9), entry.get(9..13));
        if let (Some(Ok(hash)), Some(Ok(row))) = (hash.map(<[u8; 8]>::try_from), row.map(<[u8; 4]>::try_from)) {
            values.push((kind, u64::from_le_bytes(hash), u32::from_le_bytes(row)));
        }
    }
    Ok((batch, values))
}

/// Adds the keys of a batch's rows.
pub fn keys(batch: &RecordBatch, values: &[ValueEntry], key: &Key, keys: &mut Keys) {
    let Some(rows) = batch.column_by_name("ledger_row") else { return };
    let rows = rows.as_primitive::<UInt64Type>().values();
    for (column, kind) in [
        ("account_name", KeyKind::Account),
        ("login_account", KeyKind::Account),
        ("client_ip", KeyKind::Client),
        ("api_endpoint", KeyKind::Endpoint),
    ] {
        let Some(names) = batch.column_by_name(column) else { continue };
        for (name, row) in names.as_string::<i32>().iter().zip(rows) {
            if let Some(name) = name {
                keys.name(key, kind, name, *row as u32);
            }
        }
    }
    for (column, kind) in [("session_id", KeyKind::Session), ("exchange_flow", KeyKind::Flow)] {
        let Some(hashes) = batch.column_by_name(column) else { continue };
        for (hash, row) in hashes.as_primitive::<UInt64Type>().iter().zip(rows) {
            if let Some(hash) = hash {
                keys.hash(kind, hash, *row as u32);
            }
        }
    }
    values.iter().for_each(|(kind, hash, row)| keys.hash(*kind, *hash, *row));
}

/// The earliest and latest time in a column of times.
pub fn span(batch: &RecordBatch, column: &str) -> Option<(Timestamp, Timestamp)> {
    let times = batch.column_by_name(column)?.as_primitive::<TimestampNanosecondType>();
    let at = |nanos: i64| Timestamp(nanos.max(0) as u64);
    Some((at(times.iter().flatten().min()?), at(times.iter().flatten().max()?)))
}

fn widen(span: &mut Option<(Timestamp, Timestamp)>, by: Option<(Timestamp, Timestamp)>) {
    *span = match (*span, by) {
        (Some((from, to)), Some((first, last))) => Some((from.min(first), to.max(last))),
        (one, other) => one.or(other),
    };
}

/// The folder of what was complete at this time, in UTC: `dt=2026-11-24/hr=08`.
pub fn partition(at: Timestamp) -> String {
    let civil = at.civil();
    format!("dt={:04}-{:02}-{:02}/hr={:02}", civil.year, civil.month, civil.day, civil.hour)
}

fn properties(schema: &str, names: &[(&str, String)], id_like: &[&str], sorted: &[&str]) -> WriterProperties {
    let told = std::iter::once(("spyhop.schema", schema.to_owned())).chain(names.iter().cloned());
    let told = told.map(|(name, value)| KeyValue::new(name.to_owned(), value)).collect();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_max_row_group_row_count(Some(GROUP))
        .set_data_page_row_count_limit(PAGE)
        .set_write_batch_size(PAGE)
        .set_dictionary_page_size_limit(DICTIONARY)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_key_value_metadata(Some(told));
    for column in id_like {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(*column), false);
    }
    for column in sorted {
        let column = ColumnPath::from(*column);
        properties = properties
            .set_column_statistics_enabled(column.clone(), EnabledStatistics::Page)
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}

/// Makes a folder for its owner alone.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A file that gets its name when it is whole.
pub(crate) struct Pending {
    temporary: PathBuf,
    path: PathBuf,
}

impl Pending {
    /// In a folder, by its path there.
    pub(crate) fn new(folder: &Path, file: &str) -> io::Result<(Pending, File)> {
        let path = folder.join(file);
        if let Some(parent) = path.parent() {
            make_folder(parent)?;
        }
        let temporary = path.with_extension("tmp");
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        Ok((Pending { temporary, path }, file))
    }
    /// It is whole and on the disk.
    pub(crate) fn done(self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.path)?;
        self.path.parent().map_or(Ok(()), sync_folder)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After `done` it is not there any more.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// What closing a log gave.
#[derive(Debug)]
pub struct Closed {
    /// The files; none where the log was empty.
    pub files: Vec<Piece>,
    /// Rows that are missing between others: they were numbered and then not written.
    pub missing: u64,
    /// How the log ended.
    pub tail: Tail,
    /// The end of its chain.
    pub link: crate::chain::Link,
}

impl Closed {
    /// Of a file that holds no log: its writer was killed before it had written the header, or it is none of ours.
    fn nothing(opened: &Opened, link: crate::chain::Link) -> Closed {
        let tail = if matches!(opened, Opened::Short) { Tail::Torn(0) } else { Tail::Altered(0) };
        Closed { files: Vec::new(), missing: 0, tail, link }
    }
}

/// Names that stand in the metadata of files.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The sensor's name.
    pub sensor: String,
    /// Names the key of fingerprints and keys.
    pub key_id: String,
}

impl Origin {
    fn told(&self) -> [(&'static str, String); 2] {
        [("spyhop.sensor", self.sensor.clone()), ("spyhop.key_id", self.key_id.clone())]
    }
}

/// Makes a segment of a log of events.
///
/// # Errors
/// The log cannot be read, or the files cannot be written; then none of them is there.
pub fn close_events(folder: &Path, number: u64, key: &Key, seal: &Seal, origin: &Origin) -> io::Result<Closed> {
    let path = folder.join("open").join(Stream::Events.file(number));
    let mut log = match LogReader::open(&path, Stream::Events, number, *seal)? {
        Opened::Log(log) => log,
        nothing => return Ok(Closed::nothing(&nothing, seal.begin("events", number))),
    };
    let mut writer: Option<(Pending, String, ArrowWriter<File>)> = None;
    let (mut index, mut rows, mut times, mut next) = (Keys::default(), 0, None, 0);
    let tail = loop {
        let payload = match log.frame()? {
            Next::Frame { payload, .. } => payload,
            Next::End(tail) => break tail,
        };
        let (batch, values) = decode(&payload)?;
        widen(&mut times, span(&batch, "exchange_time"));
        if writer.is_none() {
            let part = partition(span(&batch, "exchange_time").map_or(Timestamp::default(), |(_, to)| to));
            let file = format!("events/{part}/{number:010}.parquet");
            let (pending, handle) = Pending::new(folder, &file)?;
            let properties = properties(
                SCHEMA,
                &origin.told(),
                &["http_target"],
                &["ledger_row", "exchange_time", "exchange_number", "client_port"],
            );
            let inner = ArrowWriter::try_new(handle, ROWS.clone(), Some(properties)).map_err(wrong)?;
            writer = Some((pending, file, inner));
        }
        if let Some((_, _, writer)) = &mut writer {
            writer.write(&batch).map_err(wrong)?;
        }
        keys(&batch, &values, key, &mut index);
        rows += batch.num_rows() as u64;
        let last =
            batch.column_by_name("ledger_row").and_then(|rows| rows.as_primitive::<UInt64Type>().values().last());
        next = last.map_or(next, |row| (row & 0xffff_ffff) + 1);
    };
    let mut files = Vec::new();
    if let (Some((pending, file, writer)), Some(times)) = (writer, times) {
        writer.into_inner().map_err(wrong)?.sync_all()?;
        let keys_file = crate::merge::file(0, number, number);
        let (keys_pending, handle) = Pending::new(folder, &keys_file)?;
        let mut writer = KeyWriter::new(handle)?;
        index.sorted(number).into_iter().try_for_each(|entry| writer.push(entry))?;
        let count = writer.finish()?;
        pending.done()?;
        keys_pending.done()?;
        files.push(piece(folder, &file, rows, times, seal)?);
        files.push(piece(folder, &keys_file, count, times, seal)?);
    }
    Ok(Closed { files, missing: next.saturating_sub(rows), tail, link: log.link() })
}

/// Makes a segment of a log of findings.
///
/// # Errors
/// The log cannot be read, or the file cannot be written.
pub fn close_findings(folder: &Path, number: u64, seal: &Seal, origin: &Origin) -> io::Result<Closed> {
    let path = folder.join("open").join(Stream::Findings.file(number));
    let mut log = match LogReader::open(&path, Stream::Findings, number, *seal)? {
        Opened::Log(log) => log,
        nothing => return Ok(Closed::nothing(&nothing, seal.begin("findings", number))),
    };
    let mut by_day: BTreeMap<String, Vec<crate::findings::Stored>> = BTreeMap::new();
    let tail = loop {
        match log.frame()? {
            Next::Frame { payload, .. } => {
                for stored in crate::findings::decode(&payload)? {
                    let part = partition(stored.finding.changed_at);
                    let day = part.split('/').next().unwrap_or_default().to_owned();
                    by_day.entry(day).or_default().push(stored);
                }
            }
            Next::End(tail) => break tail,
        }
    };
    let mut files = Vec::new();
    for (day, stored) in by_day {
        let file = format!("findings/{day}/{number:010}.parquet");
        let (pending, handle) = Pending::new(folder, &file)?;
        let batch = crate::findings::batch(&stored)?;
        let properties =
            properties(crate::findings::SCHEMA, &origin.told(), &["finding_id", "finding_json"], &["finding_changed"]);
        let mut writer = ArrowWriter::try_new(handle, batch.schema(), Some(properties)).map_err(wrong)?;
        writer.write(&batch).map_err(wrong)?;
        writer.into_inner().map_err(wrong)?.sync_all()?;
        pending.done()?;
        let times = span(&batch, "finding_changed").unwrap_or_default();
        files.push(piece(folder, &file, batch.num_rows() as u64, times, seal)?);
    }
    Ok(Closed { files, missing: 0, tail, link: log.link() })
}
