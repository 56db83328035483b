//! What the fuzz targets share: reading operations from a fuzzer's bytes, playing a connection to the HTTP parser, and
//! counting the memory that a target takes.

pub mod exchanges;
mod input;
pub mod memory;
pub mod quic;

pub use input::{Input, record};
