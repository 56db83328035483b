//! One capture file, whatever its format: recognised by how it begins, read record by record.

use std::path::Path;
use std::sync::Arc;

use spyhop_model::Timestamp;
use spyhop_stream::LinkType;

use crate::error::{CaptureError, Content, Fault};
use crate::input::Input;
use crate::pcap_file::PcapFile;
use crate::pcapng_file::{PcapngFile, SECTION_HEADER};
use crate::ports::Ports;
use crate::slab::{Range, Slabs};

/// Octets looked at to say what a file is that is no capture.
const LOOK: usize = 512;

/// A packet where it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) at: Timestamp,
    pub(crate) range: Range,
    pub(crate) wire_len: u32,
    pub(crate) link: LinkType,
    pub(crate) port: u16,
    /// Whether the format holds no time for it, so that it has that of the packet before.
    pub(crate) untimed: bool,
    /// Packets that the writer says it lost right before it.
    pub(crate) dropped: u32,
}

/// What reading on brought.
#[derive(Debug)]
pub(crate) enum Step {
    Packet(Record),
    /// Something is wrong at this octet, and was stepped over.
    Skipped(u64, Fault),
    /// Something is wrong at this octet, and nothing after it can be read.
    Stop(u64, Fault),
    End,
}

/// What the readers of all files share.
pub(crate) struct Shared {
    pub(crate) slabs: Slabs,
    pub(crate) ports: Ports,
    /// Largest packet accepted, in octets.
    pub(crate) max_packet: u32,
}

/// Which file of the replay is meant.
#[derive(Clone, Debug)]
pub(crate) struct FileName {
    pub(crate) index: u32,
    pub(crate) path: Arc<Path>,
}

/// A capture file being read.
pub(crate) struct CaptureFile {
    input: Input,
    format: Format,
}

enum Format {
    Pcap(PcapFile),
    Pcapng(PcapngFile),
}

impl CaptureFile {
    /// Opens a file and reads its header.
    pub(crate) fn open(file: &FileName, slab_len: usize, shared: &mut Shared) -> Result<Self, CaptureError> {
        let mut input = Input::open(&file.path, slab_len, &mut shared.slabs)
            .map_err(|error| CaptureError::from_io(&file.path, error))?;
        match recognise(file, &mut input, shared) {
            Ok(format) => Ok(Self { input, format }),
            Err(error) => {
                input.close(&mut shared.slabs);
                Err(error)
            }
        }
    }

    /// Reads on by one record.
    pub(crate) fn next(&mut self, shared: &mut Shared) -> Step {
        match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.input, shared),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.input, shared),
        }
    }

    /// Octets of the file taken so far, as they stand on disk.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.input.read_bytes()
    }

    /// Gives its memory back.
    pub(crate) fn close(self, slabs: &mut Slabs) {
        self.input.close(slabs);
    }
}

/// What it means that the octets needed at `offset` are not there.
pub(crate) fn cut_off(input: &mut Input, offset: u64) -> Step {
    let fault = match input.failure() {
        Some(error) => Fault::Unreadable { reason: error.to_string() },
        None => Fault::Truncated,
    };
    Step::Stop(offset, fault)
}

/// What it means that nothing follows the last record.
pub(crate) fn finish(input: &mut Input, offset: u64) -> Step {
    match input.failure() {
        Some(error) => Step::Stop(offset, Fault::Unreadable { reason: error.to_string() }),
        None => Step::End,
    }
}

/// The 32 bits at `at`, zero beyond the end: callers have made sure of the length.
#[inline]
pub(crate) fn u32_at(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let octets = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    if big_endian { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }
}

fn recognise(file: &FileName, input: &mut Input, shared: &mut Shared) -> Result<Format, CaptureError> {
    let path = || file.path.to_path_buf();
    if input.at_end(&mut shared.slabs) {
        return Err(match input.failure() {
            Some(error) => CaptureError::from_io(&file.path, error),
            None => CaptureError::Empty { path: path() },
        });
    }
    input.need(&mut shared.slabs, 4);
    let begins = input.available(&shared.slabs);
    if begins.starts_with(&SECTION_HEADER) {
        return PcapngFile::open(file, input, shared).map(Format::Pcapng);
    }
    if PcapFile::begins(begins) {
        return PcapFile::open(file, input, shared).map(Format::Pcap);
    }
    input.need(&mut shared.slabs, LOOK);
    let begins = content(input.available(&shared.slabs));
    Err(CaptureError::NotACapture { path: path(), begins })
}

fn content(bytes: &[u8]) -> Content {
    const KNOWN: [(&[u8], Content); 10] = [
        (&[0x28, 0xb5, 0x2f, 0xfd], Content::Compressed("zstd -d")),
        (&[0xfd, b'7', b'z', b'X', b'Z'], Content::Compressed("xz -d")),
        (b"BZh", Content::Compressed("bzip2 -d")),
        (&[0x04, 0x22, 0x4d, 0x18], Content::Compressed("lz4 -d")),
        (b"PK\x03\x04", Content::Compressed("unzip")),
        (b"7z\xbc\xaf", Content::Compressed("7z x")),
        (b"snoop\0", Content::OtherCapture("Solaris snoop")),
        (b"GMBU", Content::OtherCapture("Microsoft Network Monitor")),
        (b"RTSS", Content::OtherCapture("Microsoft Network Monitor")),
        (b"XCP\0", Content::OtherCapture("NetXRay")),
    ];
    if let Some((_, content)) = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return *content;
    }
    let bytes = bytes.get(..LOOK).unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    // A character cut at the end of what is looked at shows as one replacement.
    let odd = text.chars().filter(|&c| c == char::REPLACEMENT_CHARACTER || c.is_control() && !c.is_whitespace());
    if odd.take(2).count() < 2 {
        return Content::Text;
    }
    let mut first = [0; 4];
    first.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    Content::Unknown(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_that_is_no_capture() {
        assert_eq!(content(b"GET / HTTP/1.1\r\n"), Content::Text);
        assert_eq!(content("说明".as_bytes()), Content::Text);
        assert_eq!(content(&"说".repeat(200).as_bytes()[..512]), Content::Text);
        assert_eq!(content(&[0x28, 0xb5, 0x2f, 0xfd, 0]), Content::Compressed("zstd -d"));
        assert_eq!(content(&[1, 2, 3]), Content::Unknown([1, 2, 3, 0]));
        assert_eq!(content(&[0; 600]), Content::Unknown([0; 4]));
    }

    #[test]
    fn integers_of_both_orders() {
        assert_eq!(u32_at(&[9, 1, 2, 3, 4], 1, false), 0x0403_0201);
        assert_eq!(u32_at(&[9, 1, 2, 3, 4], 1, true), 0x0102_0304);
        assert_eq!(u32_at(&[1, 2, 3], 0, true), 0);
    }
}
