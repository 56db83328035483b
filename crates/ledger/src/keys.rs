//! Keys: in which rows an account, a client, a session, an endpoint, a connection or a value stands.
//!
//! A file of keys is Parquet, sorted by (`key_kind`, `key_hash`, `key_row`), so that a lookup reads a few pages however
//! large the file is. Names are hashed like values, keyed with the sensor's key, since a hash is short and sorts fast;
//! the rows themselves hold the names.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use ahash::RandomState;
use arrow_array::cast::AsArray;
use arrow_array::types::{UInt8Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch, UInt8Array, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use hashbrown::{Equivalent, HashMap};
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use spyhop_model::Key;

use crate::segment::wrong;

/// What a key is; the numbers stand in files and are not used again for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum KeyKind {
    /// An account's name.
    Account = 1,
    /// A client's address.
    Client = 2,
    /// A session.
    Session = 3,
    /// An endpoint.
    Endpoint = 4,
    /// A connection.
    Flow = 5,
    /// A value in full in a response.
    Value = 6,
    /// A masked value in a response.
    Masked = 7,
    /// A value in full in a request.
    Sent = 8,
    /// A masked value in a request.
    SentMasked = 9,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [KeyKind; 9] = [
        KeyKind::Account,
        KeyKind::Client,
        KeyKind::Session,
        KeyKind::Endpoint,
        KeyKind::Flow,
        KeyKind::Value,
        KeyKind::Masked,
        KeyKind::Sent,
        KeyKind::SentMasked,
    ];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            KeyKind::Account => "account",
            KeyKind::Client => "client",
            KeyKind::Session => "session",
            KeyKind::Endpoint => "endpoint",
            KeyKind::Flow => "flow",
            KeyKind::Value => "value",
            KeyKind::Masked => "masked",
            KeyKind::Sent => "sent",
            KeyKind::SentMasked => "sent_masked",
        }
    }
    /// How a value stands in an exchange.
    pub fn of(half: spyhop_model::Half, form: spyhop_model::Form) -> KeyKind {
        use spyhop_model::{Form, Half};
        match (half, form) {
            (Half::Response, Form::Full) => KeyKind::Value,
            (Half::Response, Form::Masked) => KeyKind::Masked,
            (Half::Request, Form::Full) => KeyKind::Sent,
            (Half::Request, Form::Masked) => KeyKind::SentMasked,
        }
    }
}

/// The hash of a name.
pub fn name_hash(key: &Key, kind: KeyKind, name: &str) -> u64 {
    key.fingerprint(kind.name(), name.as_bytes()).0
}

/// One key: kind, hash, row.
pub type Entry = (KeyKind, u64, u64);

/// The keys of an open segment.
#[derive(Debug, Default)]
pub struct Keys {
    /// Names are hashed and kept once.
    names: HashMap<(KeyKind, Box<str>), u32, RandomState>,
    hashes: Vec<(KeyKind, u64)>,
    /// Name and row.
    named: Vec<(u32, u32)>,
    /// Kind, hash and row.
    direct: Vec<(KeyKind, u64, u32)>,
}

/// A name that is looked up.
#[derive(Hash)]
struct Name<'a>(KeyKind, &'a str);

impl Equivalent<(KeyKind, Box<str>)> for Name<'_> {
    fn equivalent(&self, known: &(KeyKind, Box<str>)) -> bool {
        self.0 == known.0 && *self.1 == *known.1
    }
}

impl Keys {
    /// A row under a name.
    pub fn name(&mut self, key: &Key, kind: KeyKind, name: &str, row: u32) {
        let number = match self.names.get(&Name(kind, name)) {
            Some(number) => *number,
            None => {
                let number = self.hashes.len() as u32;
                self.hashes.push((kind, name_hash(key, kind, name)));
                self.names.insert((kind, name.into()), number);
                number
            }
        };
        self.named.push((number, row));
    }
    /// A row under a hash.
    pub fn hash(&mut self, kind: KeyKind, hash: u64, row: u32) {
        self.direct.push((kind, hash, row));
    }
    /// All keys in order, of rows of this segment.
    pub fn sorted(self, segment: u64) -> Vec<Entry> {
        let Keys { names, hashes, named, mut direct } = self;
        drop(names);
        let id = |row: u32| segment << 32 | u64::from(row);
        // Names are few and rows come in order: sorting the names sorts all.
        let mut order: Vec<u32> = (0..hashes.len() as u32).collect();
        order.sort_unstable_by_key(|name| hashes.get(*name as usize).copied());
        let mut starts = vec![0u32; hashes.len() + 1];
        for (name, _) in &named {
            if let Some(count) = starts.get_mut(*name as usize + 1) {
                *count += 1;
            }
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let (mut places, mut rows) = (starts.clone(), vec![0u32; named.len()]);
        for (name, row) in named {
            let Some(place) = places.get_mut(name as usize) else { continue };
            if let Some(slot) = rows.get_mut(*place as usize) {
                *slot = row;
            }
            *place += 1;
        }
        direct.sort_unstable();
        let mut all: Vec<Entry> = Vec::with_capacity(rows.len() + direct.len());
        let mut direct = direct.into_iter().map(|(kind, hash, row)| (kind, hash, id(row))).peekable();
        for name in order {
            let at = name as usize;
            let (Some((kind, hash)), Some(from), Some(to)) = (hashes.get(at), starts.get(at), starts.get(at + 1))
            else {
                continue;
            };
            while let Some(entry) = direct.next_if(|(other, _, _)| other < kind) {
                all.push(entry);
            }
            let these = rows.get(*from as usize..*to as usize).unwrap_or_default();
            all.extend(these.iter().map(|row| (*kind, *hash, id(*row))));
        }
        all.extend(direct);
        all.dedup();
        all
    }
}

/// The schema of files of keys.
pub static KEYS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name: &str, kind, about: &str| Field::new(name, kind, false).with_metadata([("description", about)]);
    Arc::new(Schema::new(vec![
        field(
            "key_kind",
            DataType::UInt8,
            "1 account, 2 client, 3 session, 4 endpoint, 5 flow; a value 6 in full or 7 masked in a response, 8 in full or 9 masked in a request",
        ),
        field("key_hash", DataType::UInt64, "keyed hash of the name or value; the connection or session itself"),
        field("key_row", DataType::UInt64, "the ledger_row in which it stands"),
    ]))
});

/// Keys in a row group; a lookup reads the statistics of all groups and pages of one.
const GROUP: usize = 1 << 17;
const PAGE: usize = 4_096;

fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_max_row_group_row_count(Some(GROUP))
        .set_data_page_row_count_limit(PAGE)
        .set_write_batch_size(PAGE)
        .set_statistics_enabled(EnabledStatistics::Page);
    for column in ["key_hash", "key_row"] {
        let column = ColumnPath::from(column);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}

/// Writes sorted keys.
pub struct KeyWriter {
    writer: ArrowWriter<File>,
    kinds: Vec<u8>,
    hashes: Vec<u64>,
    rows: Vec<u64>,
    written: u64,
}

impl KeyWriter {
    /// Into this file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(file: File) -> io::Result<KeyWriter> {
        let writer = ArrowWriter::try_new(file, KEYS.clone(), Some(properties())).map_err(wrong)?;
        Ok(KeyWriter { writer, kinds: Vec::new(), hashes: Vec::new(), rows: Vec::new(), written: 0 })
    }
    /// The next key.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, (kind, hash, row): Entry) -> io::Result<()> {
        self.kinds.push(kind as u8);
        self.hashes.push(hash);
        self.rows.push(row);
        if self.kinds.len() >= GROUP / 8 { self.write() } else { Ok(()) }
    }
    fn write(&mut self) -> io::Result<()> {
        self.written += self.kinds.len() as u64;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt8Array::from(std::mem::take(&mut self.kinds))),
            Arc::new(UInt64Array::from(std::mem::take(&mut self.hashes))),
            Arc::new(UInt64Array::from(std::mem::take(&mut self.rows))),
        ];
        let batch = RecordBatch::try_new(KEYS.clone(), columns).map_err(wrong)?;
        self.writer.write(&batch).map_err(wrong)
    }
    /// Ends the file and brings it to the disk; says how many keys are in it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<u64> {
        self.write()?;
        let file = self.writer.into_inner().map_err(wrong)?;
        file.sync_all()?;
        Ok(self.written)
    }
}

/// All rows under these keys, which are sorted; each with the place of its key among those asked for.
///
/// # Errors
/// The file is none of keys, or cannot be read.
pub fn find(path: &Path, asked: &[(KeyKind, u64)], found: &mut Vec<(usize, u64)>) -> io::Result<()> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(path)?, options).map_err(wrong)?;
    let metadata = builder.metadata().clone();
    let schema = builder.parquet_schema();
    let (kinds, hashes) = (
        StatisticsConverter::try_new("key_kind", &KEYS, schema).map_err(wrong)?,
        StatisticsConverter::try_new("key_hash", &KEYS, schema).map_err(wrong)?,
    );
    let Some(index) = metadata.page_index() else { return Err(wrong("it has no index of pages")) };
    let every: Vec<usize> = (0..metadata.num_row_groups()).collect();
    let pages = |converter: &StatisticsConverter<'_>, max: bool| {
        if max { converter.data_page_maxes(&**index, &every) } else { converter.data_page_mins(&**index, &every) }
    };
    let kind_min = pages(&kinds, false).map_err(wrong)?;
    let kind_max = pages(&kinds, true).map_err(wrong)?;
    let hash_min = pages(&hashes, false).map_err(wrong)?;
    let hash_max = pages(&hashes, true).map_err(wrong)?;
    let (kind_min, kind_max) = (kind_min.as_primitive::<UInt8Type>(), kind_max.as_primitive::<UInt8Type>());
    let (hash_min, hash_max) = (hash_min.as_primitive::<UInt64Type>(), hash_max.as_primitive::<UInt64Type>());
    // Every column has a page each PAGE rows, so that the pages of all columns are the same rows.
    let rows = metadata.file_metadata().num_rows() as usize;
    let mut starts = Vec::with_capacity(kind_min.len());
    let mut base = 0;
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let Some(pages) = index.offset_index(number, 0) else { return Err(wrong("it has no index of pages")) };
        starts.extend(pages.page_locations().iter().map(|page| base + page.first_row_index as usize));
        base += group.num_rows() as usize;
    }
    if [kind_max.len(), hash_min.len(), hash_max.len(), starts.len()] != [kind_min.len(); 4] {
        return Err(wrong("its columns have different pages"));
    }
    let mut selectors: Vec<RowSelector> = Vec::new();
    for page in 0..starts.len() {
        let end = starts.get(page + 1).copied().unwrap_or(rows);
        let (low, high) = (kind_min.value(page), kind_max.value(page));
        // Where a page holds one kind, its hashes are a range; where it holds several, the first and last are not known.
        let least = (low, if low == high { hash_min.value(page) } else { 0 });
        let most = (high, if low == high { hash_max.value(page) } else { u64::MAX });
        let first = asked.partition_point(|(kind, hash)| (*kind as u8, *hash) < least);
        let wanted = asked.get(first).is_some_and(|(kind, hash)| (*kind as u8, *hash) <= most);
        let count = end - starts[page];
        selectors.push(if wanted { RowSelector::select(count) } else { RowSelector::skip(count) });
    }
    if selectors.iter().all(|selector| selector.skip) {
        return Ok(());
    }
    let reader = builder
        .with_projection(ProjectionMask::all())
        .with_row_selection(RowSelection::from(selectors))
        .build()
        .map_err(wrong)?;
    for batch in reader {
        let batch = batch.map_err(wrong)?;
        let (kinds, hashes, rows) = (
            batch.column(0).as_primitive::<UInt8Type>(),
            batch.column(1).as_primitive::<UInt64Type>(),
            batch.column(2).as_primitive::<UInt64Type>(),
        );
        let mut at = 0;
        for ((kind, hash), row) in kinds.values().iter().zip(hashes.values()).zip(rows.values()) {
            let this = (*kind, *hash);
            while asked.get(at).is_some_and(|(kind, hash)| (*kind as u8, *hash) < this) {
                at += 1;
            }
            if asked.get(at).is_some_and(|(kind, hash)| (*kind as u8, *hash) == this) {
                found.push((at, *row));
            }
        }
    }
    Ok(())
}
