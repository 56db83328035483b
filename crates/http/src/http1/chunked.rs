//! The chunked transfer coding (RFC 9112, section 7.1), read as leniently as the most lenient recipient and flagged
//! wherever it is not what the grammar says.

use memchr::memchr;

use super::head::{Answer, Role, could_start};

/// The largest chunk that is believed; a longer one cannot be true and would wrap in some recipients.
const LARGEST: u64 = i64::MAX as u64;

/// Reads the framing of one body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunked {
    state: State,
    size: u64,
    digits: bool,
    consumed: u64,
    /// Bytes of extensions and trailer fields.
    beside: u64,
    odd: bool,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before or in the digits of a size.
    Size,
    /// In what follows the digits, up to the end of the line.
    Extension,
    /// After a CR there.
    ExtensionCr,
    /// In the data of a chunk, of which `size` bytes are to come.
    Data,
    /// Before the line end that closes the data.
    DataEnd,
    /// After its CR.
    DataEndCr,
    /// At the start of a line of the trailer section.
    Trailer,
    /// After a CR at the start of such a line.
    TrailerCr,
    /// In a trailer field.
    TrailerField,
}

/// What a stretch of the coded body gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Data of a chunk.
    Data(&'a [u8]),
    /// All bytes are used up; the body goes on.
    More,
    /// The body is complete; what is left follows it.
    Done,
    /// What is left is no chunked framing.
    Bad,
}

impl Chunked {
    pub(crate) fn new(role: Role) -> Self {
        Chunked { state: State::Size, size: 0, digits: false, consumed: 0, beside: 0, odd: false, role }
    }

    /// Takes the next piece off `bytes`.
    pub(crate) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Piece<'a> {
        loop {
            let Some(&byte) = bytes.first() else { return Piece::More };
            let mut used = 1;
            match self.state {
                State::Size => match (byte as char).to_digit(16) {
                    Some(digit) => {
                        let size = self.size.checked_mul(16).map(|size| size | u64::from(digit));
                        match size.filter(|size| *size <= LARGEST) {
                            Some(size) => self.size = size,
                            None => return Piece::Bad,
                        }
                        self.digits = true;
                    }
                    None if self.digits => {
                        self.state = State::Extension;
                        if byte == b'x' && self.size == 0 {
                            // `0x1f`, as strtoul reads it.
                            (self.state, self.digits, self.odd) = (State::Size, false, true);
                        } else {
                            self.odd |= !matches!(byte, b';' | b'\r' | b'\n' | b' ' | b'\t');
                            used = 0;
                        }
                    }
                    // White space and controls before the size: the line end of the chunk before was longer than it
                    // should be, or an evasion that some recipients skip.
                    None if byte <= b' ' => self.odd = true,
                    None => return Piece::Bad,
                },
                State::Extension => match byte {
                    b'\n' => {
                        self.odd = true;
                        self.data();
                    }
                    b'\r' => self.state = State::ExtensionCr,
                    _ => {
                        let line = memchr::memchr2(b'\r', b'\n', bytes);
                        used = line.unwrap_or(bytes.len());
                        self.beside += used as u64;
                    }
                },
                State::ExtensionCr => match byte {
                    b'\n' => self.data(),
                    b'\r' => self.odd = true,
                    _ => {
                        self.odd = true;
                        self.data();
                        used = 0;
                    }
                },
                State::Data => {
                    let take = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len());
                    let (data, rest) = bytes.split_at(take);
                    *bytes = rest;
                    self.skip_data(take as u64);
                    return Piece::Data(data);
                }
                State::DataEnd => match byte {
                    b'\r' => self.state = State::DataEndCr,
                    b'\n' => {
                        self.odd = true;
                        self.state = State::Size;
                    }
                    _ => {
                        self.odd = true;
                        self.state = State::Size;
                        used = 0;
                    }
                },
                State::DataEndCr => {
                    self.state = State::Size;
                    if byte != b'\n' {
                        self.odd = true;
                        used = 0;
                    }
                }
                State::Trailer => match byte {
                    b'\r' => self.state = State::TrailerCr,
                    b'\n' => {
                        self.odd = true;
                        return self.done(bytes, 1);
                    }
                    // A message that begins where the last line of this one should stand: that line was left out.
                    _ if could_start(bytes, self.role) == Answer::Yes => {
                        self.odd = true;
                        return self.done(bytes, 0);
                    }
                    _ => self.state = State::TrailerField,
                },
                State::TrailerCr => {
                    self.odd |= byte != b'\n';
                    return self.done(bytes, usize::from(byte == b'\n'));
                }
                State::TrailerField => {
                    match memchr(b'\n', bytes) {
                        Some(end) => {
                            used = end + 1;
                            self.state = State::Trailer;
                        }
                        None => used = bytes.len(),
                    }
                    self.beside += used as u64;
                }
            }
            *bytes = bytes.get(used..).unwrap_or_default();
            self.consumed += used as u64;
        }
    }

    /// A size line has ended.
    fn data(&mut self) {
        self.state = if self.size == 0 { State::Trailer } else { State::Data };
    }

    fn skip_data(&mut self, bytes: u64) {
        self.consumed += bytes;
        self.size = self.size.saturating_sub(bytes);
        if self.size == 0 {
            (self.state, self.digits) = (State::DataEnd, false);
        }
    }

    fn done<'a>(&mut self, bytes: &mut &'a [u8], used: usize) -> Piece<'a> {
        *bytes = bytes.get(used..).unwrap_or_default();
        self.consumed += used as u64;
        Piece::Done
    }

    /// A gap of `lost` bytes: `true` if it lies within the data of one chunk, so that the framing is still known.
    pub(crate) fn gap(&mut self, lost: u64) -> bool {
        let within = self.state == State::Data && lost <= self.size;
        if within {
            self.skip_data(lost);
        }
        within
    }

    /// The last chunk was seen, though maybe not the end of the trailer section.
    pub(crate) fn at_trailer(&self) -> bool {
        matches!(self.state, State::Trailer | State::TrailerCr | State::TrailerField)
    }

    /// Nothing was read yet: what follows may as well be no chunked coding at all.
    pub(crate) fn untouched(&self) -> bool {
        self.consumed == 0 && !self.digits
    }

    /// Bytes of chunk extensions and trailer fields so far, which nobody shows.
    pub(crate) fn beside(&self) -> u64 {
        self.beside
    }

    /// Something was not what the grammar says.
    pub(crate) fn odd(&self) -> bool {
        self.odd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body, how it ended, whether it was odd, and what was left; whole, and byte by byte.
    #[track_caller]
    fn check(input: &str, expected: &str) {
        for size in [input.len().max(1), 1] {
            let mut chunked = Chunked::new(Role::Client);
            let (mut body, mut end, mut left) = (String::new(), "more", String::new());
            for part in input.as_bytes().chunks(size) {
                if end != "more" {
                    left.push_str(&String::from_utf8_lossy(part));
                    continue;
                }
                let mut rest = part;
                end = loop {
                    match chunked.next(&mut rest) {
                        Piece::Data(data) => body.push_str(&String::from_utf8_lossy(data)),
                        Piece::More => break "more",
                        Piece::Done => break "done",
                        Piece::Bad => break "bad",
                    }
                };
                left.push_str(&String::from_utf8_lossy(rest));
            }
            let odd = if chunked.odd() { " odd" } else { "" };
            assert_eq!(format!("{body} {end}{odd} {left:?}"), expected, "{input:?} in pieces of {size}");
        }
    }

    #[test]
    fn chunks_extensions_and_trailers_are_read() {
        check("3\r\nabc\r\n0\r\n\r\nnext", r#"abc done "next""#);
        check("3;a=b;c\r\nabc\r\n00a\r\n0123456789\r\n0\r\nX: y\r\n\r\n", r#"abc0123456789 done """#);
        check("3\r\nab", r#"ab more """#);
        check("A\r\n0123456789\r\n000\r\n\r\n", r#"0123456789 done """#);
    }

    #[test]
    fn malformed_framing_is_read_leniently_and_flagged() {
        check("3\nabc\n0\n\nx", r#"abc done odd "x""#);
        check("\r3\r\nabc\r\n\r0\r\n\r\n", r#"abc done odd """#);
        check("0x3\r\nabc\r\n0\r\n\r\n", r#"abc done odd """#);
        check("3\r\nabc0\r\n\r\n", r#"abc done odd """#);
        check("3 \t\r\nabc\r\n0\r\n\r\n", r#"abc done """#);
    }

    #[test]
    fn what_is_no_size_or_wraps_is_bad() {
        check("xyz", r#" bad "xyz""#);
        check("-3\r\nabc", r#" bad "-3\r\nabc""#);
        check("10000000000000000\r\nabc", r#" bad "0\r\nabc""#);
        check("ffffffffffffffff\r\nabc", r#" bad "f\r\nabc""#);
    }

    #[test]
    fn what_stands_beside_the_data_is_measured() {
        for size in [1, 100] {
            let mut chunked = Chunked::new(Role::Client);
            for mut part in b"3;a=b;c\r\nabc\r\n0;d\r\nX: y\r\n\r\n".chunks(size) {
                while let Piece::Data(_) = chunked.next(&mut part) {}
            }
            // `;a=b;c`, `;d` and `X: y` but for its first octet, with its line end.
            assert_eq!(chunked.beside(), 6 + 2 + 5, "in pieces of {size}");
        }
    }

    #[test]
    fn a_gap_within_the_data_of_a_chunk_leaves_the_framing_known() {
        let mut chunked = Chunked::new(Role::Server);
        let mut bytes: &[u8] = b"a\r\n01";
        assert_eq!(chunked.next(&mut bytes), Piece::Data(b"01"));
        assert!(chunked.gap(8));
        let mut bytes: &[u8] = b"\r\n0\r\n\r\n";
        assert_eq!(chunked.next(&mut bytes), Piece::Done);
        assert!(!chunked.gap(1));
    }
}
