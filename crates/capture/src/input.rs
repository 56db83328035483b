//! The bytes of one file, plain or gz, in slabs.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::slab::{Range, Slabs};

/// Octets read from a gz file at a time.
const COMPRESSED: usize = 16 << 10;
/// Octets decompressed at a time. What a damaged gz block had decompressed to is lost with it, so this is small.
const DECOMPRESSED: usize = 16 << 10;
/// How gz begins (RFC 1952, section 2.3.1).
const GZ_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// One file being read. `offset` counts decompressed octets.
pub(crate) struct Input {
    bytes: Bytes,
    slab: u32,
    slab_len: usize,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
    failure: Option<io::Error>,
}

enum Bytes {
    Plain(BufReader<Counted>),
    Gz(Box<MultiGzDecoder<BufReader<Counted>>>),
}

struct Counted {
    file: File,
    read: u64,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(into)?;
        self.read += n as u64;
        Ok(n)
    }
}

impl Read for Bytes {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(into),
            Self::Gz(file) => {
                let len = into.len().min(DECOMPRESSED);
                file.read(into.get_mut(..len).unwrap_or_default())
            }
        }
    }
}

impl Input {
    /// Opens `path`; slabs of `slab_len` octets will hold what is read. gz is known by its first octets.
    pub(crate) fn open(path: &Path, slab_len: usize, slabs: &mut Slabs) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(COMPRESSED, Counted { file: File::open(path)?, read: 0 });
        let bytes = match file.fill_buf()?.starts_with(&GZ_MAGIC) {
            true => Bytes::Gz(Box::new(MultiGzDecoder::new(file))),
            false => Bytes::Plain(file),
        };
        let slab = slabs.take(slab_len);
        Ok(Self { bytes, slab, slab_len, start: 0, end: 0, offset: 0, ended: false, failure: None })
    }

    /// Octets of the file taken so far, as they stand on disk.
    pub(crate) fn read_bytes(&self) -> u64 {
        match &self.bytes {
            Bytes::Plain(file) => file.get_ref().read,
            Bytes::Gz(file) => file.get_ref().get_ref().read,
        }
    }

    /// Where in the decompressed file the next octet stands.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Makes `n` octets available; false if the file ends before them or cannot be read on. The caller bounds `n`.
    pub(crate) fn need(&mut self, slabs: &mut Slabs, n: usize) -> bool {
        self.end - self.start >= n || self.refill(slabs, n)
    }

    /// What is available, at least what was needed.
    pub(crate) fn available<'s>(&self, slabs: &'s Slabs) -> &'s [u8] {
        slabs.bytes(Range { slab: self.slab, start: self.start as u32, len: (self.end - self.start) as u32 })
    }

    /// The next octets, from `skip` on, as a range; they must be available.
    pub(crate) fn range(&self, skip: usize, len: usize) -> Range {
        Range { slab: self.slab, start: (self.start + skip) as u32, len: len as u32 }
    }

    /// Goes past `n` octets; they must be available.
    pub(crate) fn advance(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
        self.offset += n as u64;
    }

    /// Goes past `n` octets without holding them; false if the file ends before.
    pub(crate) fn skip(&mut self, slabs: &mut Slabs, mut n: u64) -> bool {
        loop {
            let step = n.min((self.end - self.start) as u64);
            self.advance(step as usize);
            n -= step;
            if n == 0 {
                return true;
            }
            if !self.need(slabs, 1) {
                return false;
            }
        }
    }

    /// Whether nothing more comes.
    pub(crate) fn at_end(&mut self, slabs: &mut Slabs) -> bool {
        !self.need(slabs, 1)
    }

    /// Why reading stopped, if not because the file ended.
    pub(crate) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Gives the slab back.
    pub(crate) fn close(self, slabs: &mut Slabs) {
        slabs.release(self.slab);
    }

    #[cold]
    fn refill(&mut self, slabs: &mut Slabs, n: usize) -> bool {
        if self.ended {
            return false;
        }
        if self.start + n > slabs.capacity(self.slab) {
            // Packets in the full slab may still wait: the begun record moves, not they.
            let rest = self.range(0, self.end - self.start);
            let next = slabs.take(n.max(self.slab_len));
            slabs.copy(rest, next, 0);
            slabs.release(self.slab);
            (self.slab, self.start, self.end) = (next, 0, rest.len as usize);
        }
        while self.end - self.start < n {
            match self.bytes.read(slabs.rest_mut(self.slab, self.end)) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    // A gz file that ends early is a truncated file like any other.
                    self.failure = Some(error).filter(|error| error.kind() != io::ErrorKind::UnexpectedEof);
                }
            }
            if self.ended {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::gz;

    fn read_all(content: &[u8], slab_len: usize, step: usize) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, content).unwrap();
        let mut slabs = Slabs::default();
        let mut input = Input::open(&path, slab_len, &mut slabs).unwrap();
        let mut all = Vec::new();
        while input.need(&mut slabs, step) {
            all.extend_from_slice(&input.available(&slabs)[..step]);
            input.advance(step);
        }
        all.extend_from_slice(input.available(&slabs));
        assert_eq!(input.read_bytes(), content.len() as u64);
        input.close(&mut slabs);
        assert_eq!(slabs.in_use(), 0);
        all
    }

    #[test]
    fn the_same_bytes_whatever_the_slab_and_the_step() {
        let content: Vec<u8> = (0..100_000u32).map(|n| (n * 7 % 251) as u8).collect();
        for (slab_len, step) in [(1000, 1), (1000, 999), (100, 500), (1 << 20, 333)] {
            assert!(read_all(&content, slab_len, step) == content);
            assert!(read_all(&gz(&content), slab_len, step) == content);
        }
    }

    #[test]
    fn gz_members_follow_each_other_and_a_cut_one_gives_what_it_holds() {
        let content = vec![7; 5000];
        assert!(read_all(&[gz(&content), gz(&content)].concat(), 1000, 10) == vec![7; 10_000]);
        let noise: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let packed = gz(&noise);
        let read = read_all(&packed[..packed.len() / 2], 1000, 10);
        assert!(read.len() > noise.len() / 3 && noise.starts_with(&read));
    }

    #[test]
    fn skipping_does_not_hold() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, vec![1; 50_000]).unwrap();
        let mut slabs = Slabs::default();
        let mut input = Input::open(&path, 1000, &mut slabs).unwrap();
        assert!(input.skip(&mut slabs, 49_999));
        assert!(slabs.in_use() <= 2000);
        assert!(!input.at_end(&mut slabs));
        assert!(!input.skip(&mut slabs, 2));
    }
}
