//! Where events and findings go: the formats of what leaves the sensor, the journal that publishers read from, and
//! the sinks they write to (JSON lines, Kafka, memory).
//!
//! Publishing never holds up capture: a publisher reads the journal at its own pace in its own thread, and what it
//! is too slow for the journal drops, with a count ([`Full::Drop`]), or waits for ([`Full::Wait`]).

mod journal;
pub mod kafka;
mod lines;
mod memory;
pub mod record;
#[cfg(test)]
mod sample;
mod sink;

pub use journal::{Journal, JournalError, Read, Reader, ReaderReport, Record, Tally, Wants};
pub use lines::{JsonLines, Output, write_findings};
pub use memory::{Full, Limits, MemoryJournal, MemoryReader};
pub use sink::{Ended, MemorySink, Publisher, Sink, SinkError, publish};
