//! Reading a ledger, also one that is being written: which rows a key leads to, and what stands in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampNanosecondType, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::file::metadata::PageIndexPolicy;
use spyhop_model::{Key, Timestamp};

use crate::chain::{self, Deed, Piece, Seal};
use crate::json::lines;
use crate::keeper::segment_of;
use crate::keys::{Entry, KeyKind, Keys, find};
use crate::log::{LogReader, Next, Stream, numbers};
use crate::segment::{decode, keys, wrong};
use crate::writer::LedgerError;

/// What a lookup reads of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// `segment << 32 | row`.
    pub row: u64,
    /// exchange, websocket, sse, grpc, handshake or values.
    pub kind: String,
    /// Its connection.
    pub flow: u64,
    /// Its number there.
    pub number: u32,
    /// Its first byte.
    pub at: Timestamp,
    /// The true client.
    pub client: String,
    /// Where that is: inside, home, overseas or unknown.
    pub zone: String,
    /// Its country.
    pub country: Option<String>,
    /// What it called.
    pub endpoint: Option<String>,
    /// Who called.
    pub account: Option<String>,
    /// The account of a login attempt.
    pub login: Option<String>,
    /// The session.
    pub session: Option<u64>,
    /// The device.
    pub device: Option<u64>,
    /// Status code.
    pub status: Option<u16>,
    /// Sensitive values in the response, masked ones among them.
    pub obtained: u64,
}

const COLUMNS: [&str; 15] = [
    "ledger_row",
    "exchange_kind",
    "exchange_flow",
    "exchange_number",
    "exchange_time",
    "client_ip",
    "client_zone",
    "client_country",
    "api_endpoint",
    "account_name",
    "login_account",
    "session_id",
    "device_id",
    "http_status",
    "sensitive_count_response",
];

/// What a ledger keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Calls.
    Calls,
    /// Changes of findings.
    Findings,
}

/// A ledger that is read.
pub struct Library {
    folder: PathBuf,
    key: Key,
    seal: Seal,
    pieces: Vec<Piece>,
    segments: BTreeMap<u64, Piece>,
    /// Segments in which rows are missing, so that a row's number is not its place.
    holes: BTreeSet<u64>,
    /// Logs that are no segments yet.
    open: Vec<Open>,
    /// Logs of findings that are, and wait for publishers.
    closed_findings: BTreeSet<u64>,
}

struct Open {
    batches: Vec<RecordBatch>,
    entries: Vec<Entry>,
}

/// A time from and a time to which is looked, both inclusive.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// From here.
    pub from: Timestamp,
    /// Up to here.
    pub to: Timestamp,
}

impl Default for Window {
    fn default() -> Window {
        Window { from: Timestamp::default(), to: Timestamp::MAX }
    }
}

impl Window {
    fn touches(&self, piece: &Piece) -> bool {
        piece.to >= self.from && piece.from <= self.to
    }
    /// Whether a time is in it.
    pub fn has(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }
}

impl Library {
    /// Opens a ledger for reading; nothing is locked or changed.
    ///
    /// # Errors
    /// It is not there, was written with another key, or cannot be read.
    pub fn open(folder: &Path, key: &Key) -> Result<Library, LedgerError> {
        if !folder.join("open").is_dir() {
            let missing = io::Error::new(io::ErrorKind::NotFound, "there is no ledger");
            return Err(LedgerError::new(folder, &missing));
        }
        let mut library = Library {
            folder: folder.to_owned(),
            key: key.clone(),
            seal: Seal::new(key.derive("ledger")),
            pieces: Vec::new(),
            segments: BTreeMap::new(),
            holes: BTreeSet::new(),
            open: Vec::new(),
            closed_findings: BTreeSet::new(),
        };
        library.load().map_err(|wrong| LedgerError::new(folder, &wrong))?;
        Ok(library)
    }

    fn load(&mut self) -> io::Result<()> {
        // A log that is closed meanwhile stands in the chain then.
        for _ in 0..5 {
            if self.try_load()? {
                break;
            }
        }
        Ok(())
    }

    /// Says whether everything that should be there was.
    fn try_load(&mut self) -> io::Result<bool> {
        let told = chain::read(&self.folder, &self.seal)?;
        if told.broken == Some(1) {
            return Err(wrong(
                "it was written with another key, or its chain was altered; `spyhop ledger verify` tells",
            ));
        }
        self.pieces = told.pieces();
        self.segments =
            self.pieces.iter().filter_map(|piece| Some((segment_of(&piece.file)?, piece.clone()))).collect();
        self.holes = told
            .deeds
            .iter()
            .filter_map(|deed| match deed {
                Deed::Closed { stream, number, lost: rows, .. } | Deed::Lost { stream, number, rows }
                    if *rows > 0 && stream == Stream::Events.name() =>
                {
                    Some(*number)
                }
                _ => None,
            })
            .collect();
        self.closed_findings = told
            .deeds
            .iter()
            .filter_map(|deed| match deed {
                Deed::Closed { stream, number, .. } if stream == Stream::Findings.name() => Some(*number),
                _ => None,
            })
            .collect();
        self.open.clear();
        for number in numbers(&self.folder.join("open"), Stream::Events)? {
            if !told.closed(Stream::Events.name(), number) {
                let Some(log) = self.read_log(number)? else { return Ok(false) };
                self.open.push(log);
            }
        }
        Ok(true)
    }

    fn read_log(&self, number: u64) -> io::Result<Option<Open>> {
        let path = self.folder.join("open").join(Stream::Events.file(number));
        let log = match LogReader::open(&path, Stream::Events, number, self.seal) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let nothing = Open { batches: Vec::new(), entries: Vec::new() };
        let Some(mut log) = log.log() else { return Ok(Some(nothing)) };
        let (mut batches, mut index) = (Vec::new(), Keys::default());
        while let Next::Frame { payload, .. } = log.frame()? {
            let (batch, values) = decode(&payload)?;
            keys(&batch, &values, &self.key, &mut index);
            batches.push(batch);
        }
        Ok(Some(Open { batches, entries: index.sorted(number) }))
    }

    /// The files, in order of their names.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Rows in closed segments and in open logs.
    pub fn rows(&self) -> (u64, u64) {
        let open = self.open.iter().flat_map(|log| &log.batches).map(|batch| batch.num_rows() as u64).sum();
        (self.segments.values().map(|piece| piece.rows).sum(), open)
    }

    /// The rows under these keys, which must be sorted; each with the place of its key among those asked for.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn find(&mut self, asked: &[(KeyKind, u64)], window: Window) -> Result<Vec<(usize, u64)>, LedgerError> {
        // Files that are merged or removed meanwhile are found in their new place.
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_find(asked, window) {
                Ok(found) => return Ok(found),
                Err(gone) if gone.kind() == io::ErrorKind::NotFound && tries < 5 => {
                    self.load().map_err(|wrong| LedgerError::new(&self.folder, &wrong))?;
                }
                Err(wrong) => return Err(LedgerError::new(&self.folder, &wrong)),
            }
        }
    }

    fn try_find(&self, asked: &[(KeyKind, u64)], window: Window) -> io::Result<Vec<(usize, u64)>> {
        let files: Vec<&Piece> =
            self.pieces.iter().filter(|piece| piece.file.starts_with("keys/") && window.touches(piece)).collect();
        let parts = side_by_side(&files, |piece, found| find(&self.folder.join(&piece.file), asked, found))?;
        let mut found: Vec<(usize, u64)> = parts;
        for open in &self.open {
            for (at, key) in asked.iter().enumerate() {
                let first = open.entries.partition_point(|(kind, hash, _)| (*kind, *hash) < *key);
                let these = open.entries.iter().skip(first).take_while(|(kind, hash, _)| (*kind, *hash) == *key);
                found.extend(these.map(|(_, _, row)| (at, *row)));
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// What stands in these rows, in their order; rows that are gone, or outside the window, are left out.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read(&self, rows: &BTreeSet<u64>, window: Window) -> Result<Vec<Found>, LedgerError> {
        let mut by_segment: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for row in rows {
            by_segment.entry(row >> 32).or_default().push(*row);
        }
        let wanted: Vec<(u64, Vec<u64>)> = by_segment.into_iter().collect();
        let read = side_by_side(&wanted, |(segment, rows), found| match self.segments.get(segment) {
            Some(piece) if window.touches(piece) => self.read_segment(*segment, piece, rows, found),
            _ => Ok(()),
        });
        let mut found = read.map_err(|wrong| LedgerError::new(&self.folder, &wrong))?;
        for batch in self.open.iter().flat_map(|open| &open.batches) {
            extract(batch, rows, &mut found).map_err(|wrong| LedgerError::new(&self.folder, &wrong))?;
        }
        found.retain(|row| window.has(row.at));
        found.sort_by_key(|row| row.row);
        found.dedup_by_key(|row| row.row);
        Ok(found)
    }

    /// Writes all calls, or all changes of findings, of a time as JSON lines; says how many they were.
    ///
    /// # Errors
    /// A file cannot be read, or the output cannot be written.
    pub fn lines(&self, what: Kept, window: Window, out: &mut impl Write) -> io::Result<u64> {
        let (part, column) = match what {
            Kept::Calls => ("events/", "exchange_time"),
            Kept::Findings => ("findings/", "finding_changed"),
        };
        let mut count = 0;
        let mut told = |batch: &RecordBatch| {
            let times =
                batch.column_by_name(column).map(|times| times.as_primitive::<TimestampNanosecondType>().clone());
            let takes =
                |row: usize| times.as_ref().is_some_and(|times| window.has(Timestamp(times.value(row).max(0) as u64)));
            lines(batch, takes, out)
        };
        for piece in self.pieces.iter().filter(|piece| piece.file.starts_with(part) && window.touches(piece)) {
            let file = File::open(self.folder.join(&piece.file))?;
            for batch in ParquetRecordBatchReaderBuilder::try_new(file).and_then(|file| file.build()).map_err(wrong)? {
                count += told(&batch.map_err(wrong)?)?;
            }
        }
        match what {
            Kept::Calls => {
                for batch in self.open.iter().flat_map(|open| &open.batches) {
                    count += told(batch)?;
                }
            }
            Kept::Findings => {
                for number in numbers(&self.folder.join("open"), Stream::Findings)? {
                    let path = self.folder.join("open").join(Stream::Findings.file(number));
                    let closed = self.closed_findings.contains(&number);
                    let Some(mut log) =
                        LogReader::open(&path, Stream::Findings, number, self.seal)?.log().filter(|_| !closed)
                    else {
                        continue;
                    };
                    while let Next::Frame { payload, .. } = log.frame()? {
                        count += told(&crate::findings::batch(&crate::findings::decode(&payload)?)?)?;
                    }
                }
            }
        }
        Ok(count)
    }

    fn read_segment(&self, segment: u64, piece: &Piece, rows: &[u64], found: &mut Vec<Found>) -> io::Result<()> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let file = match File::open(self.folder.join(&piece.file)) {
            // Its time was over.
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let mut builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(wrong)?;
        builder = {
            let mask = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
            builder.with_projection(mask)
        };
        if !self.holes.contains(&segment) {
            let mut selectors = Vec::with_capacity(rows.len() * 2);
            let mut at = 0;
            for row in rows {
                let place = (row & 0xffff_ffff) as usize;
                if place as u64 >= piece.rows {
                    continue;
                }
                if place > at {
                    selectors.push(RowSelector::skip(place - at));
                }
                selectors.push(RowSelector::select(1));
                at = place + 1;
            }
            builder = builder.with_row_selection(RowSelection::from(selectors));
        }
        let wanted: BTreeSet<u64> = rows.iter().copied().collect();
        for batch in builder.build().map_err(wrong)? {
            extract(&batch.map_err(wrong)?, &wanted, found)?;
        }
        Ok(())
    }
}

/// Does something for each item on the machine's cores, and puts together what was found.
fn side_by_side<T: Sync, F: Send>(
    items: &[T],
    each: impl Fn(&T, &mut Vec<F>) -> io::Result<()> + Sync,
) -> io::Result<Vec<F>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let share = |items: &[T]| {
        let mut found = Vec::new();
        items.iter().try_for_each(|item| each(item, &mut found)).map(|()| found)
    };
    if cores == 1 || items.len() < 4 {
        return share(items);
    }
    std::thread::scope(|scope| {
        let shares: Vec<_> =
            items.chunks(items.len().div_ceil(cores)).map(|part| scope.spawn(|| share(part))).collect();
        let mut all = Vec::new();
        for part in shares {
            all.extend(part.join().map_err(|_| wrong("a thread ended early"))??);
        }
        Ok(all)
    })
}

fn extract(batch: &RecordBatch, wanted: &BTreeSet<u64>, found: &mut Vec<Found>) -> io::Result<()> {
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(format!("there is no column {name}")));
    let rows = column("ledger_row")?.as_primitive::<UInt64Type>();
    let text = |name: &str| column(name).map(|column| column.as_string::<i32>());
    let number = |name: &str| column(name).map(|column| column.as_primitive::<UInt64Type>());
    let (kind, client, zone, country) =
        (text("exchange_kind")?, text("client_ip")?, text("client_zone")?, text("client_country")?);
    let (endpoint, account, login) = (text("api_endpoint")?, text("account_name")?, text("login_account")?);
    let (flow, session, device) = (number("exchange_flow")?, number("session_id")?, number("device_id")?);
    let ordinal = column("exchange_number")?.as_primitive::<UInt32Type>();
    let time = column("exchange_time")?.as_primitive::<TimestampNanosecondType>();
    let status = column("http_status")?.as_primitive::<UInt16Type>();
    let obtained = number("sensitive_count_response")?;
    for (at, row) in rows.values().iter().enumerate() {
        if !wanted.contains(row) {
            continue;
        }
        let owned = |column: &arrow_array::StringArray| column.is_valid(at).then(|| column.value(at).to_owned());
        let hash = |column: &arrow_array::UInt64Array| column.is_valid(at).then(|| column.value(at));
        found.push(Found {
            row: *row,
            kind: owned(kind).unwrap_or_default(),
            flow: hash(flow).unwrap_or_default(),
            number: ordinal.value(at),
            at: Timestamp(time.value(at).max(0) as u64),
            client: owned(client).unwrap_or_default(),
            zone: owned(zone).unwrap_or_default(),
            country: owned(country),
            endpoint: owned(endpoint),
            account: owned(account),
            login: owned(login),
            session: hash(session),
            device: hash(device),
            status: status.is_valid(at).then(|| status.value(at)),
            obtained: hash(obtained).unwrap_or_default(),
        });
    }
    Ok(())
}
