//! JSON lines: one record a line, to a file or to the standard output.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use spyhop_model::{Finding, Lang};

use crate::journal::Record;
use crate::record::{ExchangeRecord, FindingRecord, HandshakeRecord, Names, ObservationRecord, ValuesRecord};
use crate::sink::{Sink, SinkError};

/// A buffered file, or the standard output.
pub struct Output {
    writer: BufWriter<Box<dyn Write + Send>>,
    path: Arc<str>,
    is_stdout: bool,
}

/// The name under which the standard output stands in errors.
const STDOUT: &str = "standard output";
const BUFFER: usize = 64 << 10;

impl Output {
    /// Opens a file anew; `-` is the standard output.
    pub fn open(path: &Path) -> Result<Output, SinkError> {
        if path == Path::new("-") {
            return Ok(Output::stdout());
        }
        let name: Arc<str> = path.display().to_string().into();
        match File::create(path) {
            Ok(file) => Ok(Output::to(Box::new(file), name, false)),
            Err(error) => Err(SinkError::File { path: name, error }),
        }
    }

    /// The standard output.
    pub fn stdout() -> Output {
        Output::to(Box::new(io::stdout()), STDOUT.into(), true)
    }

    fn to(writer: Box<dyn Write + Send>, path: Arc<str>, is_stdout: bool) -> Output {
        Output { writer: BufWriter::with_capacity(BUFFER, writer), path, is_stdout }
    }

    /// Writes one record as a line.
    pub fn line(&mut self, record: &impl Serialize) -> Result<(), SinkError> {
        let written = serde_json::to_writer(&mut self.writer, record)
            .map_err(io::Error::from)
            .and_then(|()| self.writer.write_all(b"\n"));
        written.map_err(|error| self.failed(error))
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) -> Result<(), SinkError> {
        self.writer.flush().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> SinkError {
        if self.is_stdout && error.kind() == ErrorKind::BrokenPipe {
            return SinkError::Closed;
        }
        SinkError::File { path: Arc::clone(&self.path), error }
    }
}

/// Which records become which lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    Exchanges,
    Observations(Lang),
    Changes(Lang),
}

/// Writes one kind of record as JSON lines.
pub struct JsonLines {
    output: Output,
    lines: Lines,
    names: Names,
}

impl JsonLines {
    /// Exchanges as [`ExchangeRecord`]s.
    pub fn exchanges(output: Output, names: Names) -> JsonLines {
        JsonLines { output, lines: Lines::Exchanges, names }
    }
    /// Observations as [`ObservationRecord`]s.
    pub fn observations(output: Output, lang: Lang, names: Names) -> JsonLines {
        JsonLines { output, lines: Lines::Observations(lang), names }
    }
    /// Every change of a finding as a [`FindingRecord`].
    pub fn changes(output: Output, lang: Lang, names: Names) -> JsonLines {
        JsonLines { output, lines: Lines::Changes(lang), names }
    }
}

impl Sink for JsonLines {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        if batch.is_empty() {
            return self.output.flush();
        }
        for record in batch {
            match (self.lines, record) {
                // Messages are no exchanges; what is in them stands among the observations.
                (Lines::Exchanges, Record::Event(event)) if event.call.message.is_some() => {}
                (Lines::Exchanges, Record::Event(event)) => {
                    self.output.line(&ExchangeRecord::new(event, &self.names))?;
                }
                (Lines::Exchanges, Record::Greeting(greeting)) => {
                    self.output.line(&HandshakeRecord::new(greeting, &self.names))?;
                }
                (Lines::Observations(lang), Record::Event(event)) => {
                    for observation in ObservationRecord::all(event, lang, &self.names) {
                        self.output.line(&observation)?;
                    }
                }
                (Lines::Observations(_), Record::Values(values)) => {
                    self.output.line(&ValuesRecord::new(values, &self.names))?;
                }
                (Lines::Changes(lang), Record::Finding(finding)) => {
                    self.output.line(&FindingRecord::new(finding, lang, &self.names))?;
                }
                (Lines::Exchanges | Lines::Observations(_), Record::Finding(_))
                | (Lines::Changes(_), Record::Event(_))
                | (Lines::Observations(_) | Lines::Changes(_), Record::Greeting(_))
                | (Lines::Exchanges | Lines::Changes(_), Record::Values(_)) => {}
            }
        }
        Ok(())
    }

    fn flush(&mut self, _within: Duration) -> Result<(), SinkError> {
        self.output.flush()
    }
}

/// Writes findings in the order given, one a line, and flushes.
pub fn write_findings<'a>(
    output: &mut Output,
    findings: impl IntoIterator<Item = &'a Finding>,
    lang: Lang,
    names: &Names,
) -> Result<(), SinkError> {
    for finding in findings {
        output.line(&FindingRecord::new(finding, lang, names))?;
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::sample;

    fn both() -> Vec<Record> {
        vec![Record::Event(Arc::new(sample::event(1))), Record::Finding(Arc::new(sample::finding(1)))]
    }

    fn written(sink: impl FnOnce(Output) -> JsonLines) -> Vec<Value> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.jsonl");
        let mut sink = sink(Output::open(&path).expect("opened"));
        sink.write(&both()).expect("written");
        sink.flush(Duration::ZERO).expect("flushed");
        let text = std::fs::read_to_string(&path).expect("read");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    #[test]
    fn each_sink_writes_its_kind_of_record_and_only_that() {
        let exchanges = written(|output| JsonLines::exchanges(output, sample::names()));
        assert_eq!(exchanges.len(), 1);
        assert_eq!(exchanges[0]["request"]["method"], "POST");
        let observations = written(|output| JsonLines::observations(output, Lang::Zh, sample::names()));
        assert_eq!(observations.len(), 3);
        assert_eq!(observations[0]["type_name"], "手机号");
        let changes = written(|output| JsonLines::changes(output, Lang::En, sample::names()));
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0]["kind"], "auth.sample");
    }

    #[test]
    fn final_findings_keep_the_order_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("findings.jsonl");
        let findings = [sample::finding(2), sample::finding(1)];
        let mut output = Output::open(&path).expect("opened");
        write_findings(&mut output, &findings, Lang::En, &sample::names()).expect("written");
        let text = std::fs::read_to_string(&path).expect("read");
        let ids: Vec<&str> = text.lines().filter_map(|line| line.get(35..51)).collect();
        assert_eq!(ids, ["0000000000000002", "0000000000000001"]);
    }

    #[test]
    fn an_error_names_the_file_and_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = Output::open(&folder.path().join("no/such/out.jsonl")).err().expect("no folder").to_string();
        assert!(missing.contains("no/such/out.jsonl") && missing.contains("create the folder first"), "{missing}");
        let is_folder = Output::open(folder.path()).err().expect("a folder").to_string();
        assert!(is_folder.contains("name a file in it"), "{is_folder}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_with_its_path() {
        let mut sink = JsonLines::exchanges(Output::open(Path::new("/dev/full")).expect("opened"), sample::names());
        sink.write(&both()).expect("in the buffer");
        let error = sink.write(&[]).expect_err("the disk is full").to_string();
        assert!(error.contains("/dev/full") && error.contains("free space"), "{error}");
    }

    #[test]
    fn nobody_reading_the_standard_output_is_an_end_and_a_broken_file_is_an_error() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut stdout = Output::to(Box::new(Gone), STDOUT.into(), true);
        stdout.line(&1).expect("in the buffer");
        assert!(matches!(stdout.flush(), Err(SinkError::Closed)));
        let mut file = Output::to(Box::new(Gone), "pipe".into(), false);
        file.line(&1).expect("in the buffer");
        assert!(matches!(file.flush(), Err(SinkError::File { .. })));
    }
}
