//! One direction of a TLS connection: records, and the handshake messages in them (RFC 8446, sections 4 and 5).
//!
//! ```text
//! record    | type 1 | version 2 | length 2 | …            messages may span records, and a record hold several
//! message   | type 1 |         length 3     | body …
//! SSL 2.0   | 0x80+length 2 | type 1 | body …              only as the first of a direction
//! ```

use memchr::memchr;

use crate::Why;
use crate::limits;
use crate::version::Version;

/// Types of handshake messages.
pub(crate) mod message {
    pub(crate) const CLIENT_HELLO: u8 = 1;
    pub(crate) const SERVER_HELLO: u8 = 2;
    /// In drafts of TLS 1.3 before 22.
    pub(crate) const HELLO_RETRY_REQUEST: u8 = 6;
    pub(crate) const CERTIFICATE: u8 = 11;
    pub(crate) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(crate) const CERTIFICATE_REQUEST: u8 = 13;
    pub(crate) const SERVER_HELLO_DONE: u8 = 14;
    pub(crate) const CLIENT_KEY_EXCHANGE: u8 = 16;
}

/// Types of records.
mod content {
    pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(super) const ALERT: u8 = 21;
    pub(super) const HANDSHAKE: u8 = 22;
    pub(super) const APPLICATION_DATA: u8 = 23;
    pub(super) const HEARTBEAT: u8 = 24;
    /// Not on the wire: the one record of SSL 2.0 that is read.
    pub(super) const SSL2: u8 = 0;
}

/// What came next in a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All bytes are used.
    More,
    /// A handshake message of this type; its body is in [`Records::body`] if it is one that is wanted.
    Message(u8),
    /// A message in the format of SSL 2.0.
    Ssl2(u8),
    /// A record that says that what follows it is encrypted.
    ChangeCipherSpec,
    /// A record of application data.
    ApplicationData,
    /// An alert in clear.
    Alert { fatal: bool, code: u8 },
    /// Nothing can be read any more.
    Broken(Why),
}

/// Bytes of a hello that show what it is: a record header, a message header, and the version.
const SIGNATURE: usize = 11;

/// The longest record: 2^14 bytes, and 2048 that encryption and compression may add (RFC 5246, section 6.2.3).
const LONGEST_RECORD: u16 = (1 << 14) + 2048;

/// Reads one direction.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// Looking for the start of a hello among other bytes: the last ones seen, and how many were looked through.
    search: Option<Search>,
    header: Held<5>,
    /// Type of the record being read, and what is left of it.
    content: u8,
    left: u16,
    alert: Held<2>,
    /// The message being read, with its header.
    message: Vec<u8>,
    /// Whether that message was told, and can be let go.
    told: bool,
    /// Bytes of a message that are not wanted.
    skip: usize,
    /// Messages begun.
    messages: u32,
    started: bool,
}

#[derive(Debug, Default)]
struct Search {
    tail: Held<{ SIGNATURE - 1 }>,
    seen: usize,
}

impl Records {
    /// For a direction in which another protocol speaks first.
    pub(crate) fn searching() -> Records {
        Records { search: Some(Search::default()), ..Records::default() }
    }

    /// Bytes are missing here: a hello may still begin after them.
    pub(crate) fn lost(&mut self) {
        match &mut self.search {
            Some(search) => search.tail.clear(),
            None => *self = Records::searching(),
        }
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.message.capacity()
    }

    /// The body of the message just told.
    pub(crate) fn body(&self) -> &[u8] {
        let header = if self.content == content::SSL2 { 1 } else { 4 };
        self.message.get(header..).unwrap_or_default()
    }

    /// Reads on, up to the next thing that is told.
    pub(crate) fn next(&mut self, bytes: &mut &[u8]) -> Step {
        if std::mem::take(&mut self.told) {
            self.message = Vec::new();
        }
        if let Some(step) = self.find(bytes) {
            return step;
        }
        while !bytes.is_empty() {
            if self.left == 0
                && let Some(step) = self.begin(bytes)
            {
                return step;
            }
            if self.left > 0
                && let Some(step) = self.record(bytes)
            {
                return step;
            }
        }
        Step::More
    }

    /// Looks for the start of a hello, if there is one to look for.
    fn find(&mut self, bytes: &mut &[u8]) -> Option<Step> {
        let mut search = self.search.take()?;
        let tail = search.tail;
        let before = tail.bytes().len();
        let mut border = [0; 2 * (SIGNATURE - 1)];
        let parts = tail.bytes().iter().chain(bytes.iter().take(SIGNATURE - 1));
        let mut length = 0;
        for (to, from) in border.iter_mut().zip(parts) {
            *to = *from;
            length += 1;
        }
        let border = border.get(..length).unwrap_or_default();
        // Starts that lie in what was held.
        let first = search.seen.saturating_sub(before);
        if let Some(at) = (0..before).find(|at| is_hello(border.get(*at..).unwrap_or_default())) {
            if first + at >= limits::SEARCHED {
                return Some(Step::Broken(Why::NoHello));
            }
            let mut held = tail.bytes().get(at..).unwrap_or_default();
            // Less than a signature: it cannot end anything.
            return match self.next(&mut held) {
                Step::More => None,
                step => Some(step),
            };
        }
        let room = limits::SEARCHED.saturating_sub(search.seen);
        let mut from = 0;
        while let Some(at) = bytes.get(from..).and_then(|rest| memchr(content::HANDSHAKE, rest)).map(|at| from + at) {
            if at >= room {
                break;
            }
            if is_hello(bytes.get(at..).unwrap_or_default()) {
                *bytes = bytes.get(at..).unwrap_or_default();
                return None;
            }
            from = at + 1;
        }
        search.seen = search.seen.saturating_add(bytes.len());
        if search.seen >= limits::SEARCHED + SIGNATURE {
            return Some(Step::Broken(Why::NoHello));
        }
        let kept = if bytes.len() < SIGNATURE { border } else { *bytes };
        search.tail = Held::default();
        search.tail.fill(&mut kept.get(kept.len().saturating_sub(SIGNATURE - 1)..).unwrap_or_default());
        *bytes = &[];
        self.search = Some(search);
        Some(Step::More)
    }

    /// Reads the header of a record.
    fn begin(&mut self, bytes: &mut &[u8]) -> Option<Step> {
        if !self.header.fill(bytes) {
            return self.header.bytes().first().and_then(|first| self.refuse(*first));
        }
        let header = self.header.array();
        self.header.clear();
        let first = !std::mem::replace(&mut self.started, true);
        let [kind, major, minor, high, low] = header;
        let length = u16::from_be_bytes([high, low]);
        let version = Version(u16::from_be_bytes([major, minor]));
        match kind {
            content::CHANGE_CIPHER_SPEC..=content::HEARTBEAT
                if matches!(version.0, 0x0101 | 0x0300..=0x0304) && length <= LONGEST_RECORD =>
            {
                // An alert of another length is encrypted; nothing is read of it, as of a heartbeat.
                let in_clear = kind != content::ALERT || length == 2;
                self.content = if in_clear { kind } else { content::HEARTBEAT };
                self.left = length;
                self.alert.clear();
                match kind {
                    content::CHANGE_CIPHER_SPEC => Some(Step::ChangeCipherSpec),
                    content::APPLICATION_DATA => Some(Step::ApplicationData),
                    _ => None,
                }
            }
            0x80..=0xff if first && is_ssl2(header) => {
                self.content = content::SSL2;
                let length = u16::from_be_bytes([kind & 0x7f, major]);
                // Three bytes of it stand in what was read as a header.
                self.left = length.saturating_sub(3);
                self.message = vec![minor, high, low];
                None
            }
            _ if first => Some(Step::Broken(Why::NotTls)),
            _ => Some(Step::Broken(Why::Malformed)),
        }
    }

    /// Refuses at the first byte what cannot become a record, so that other protocols are known at once.
    fn refuse(&self, first: u8) -> Option<Step> {
        let possible = match first {
            content::CHANGE_CIPHER_SPEC..=content::HEARTBEAT => true,
            0x80..=0xff => !self.started,
            _ => false,
        };
        (!possible).then_some(Step::Broken(if self.started { Why::Malformed } else { Why::NotTls }))
    }

    /// Reads what is there of the current record.
    fn record(&mut self, bytes: &mut &[u8]) -> Option<Step> {
        let (mut here, rest) = bytes.split_at(bytes.len().min(self.left.into()));
        let length = here.len();
        let step = match self.content {
            content::HANDSHAKE => self.handshake(&mut here),
            content::ALERT if self.alert.bytes().len() + usize::from(self.left) == 2 => {
                self.alert.fill(&mut here).then(|| {
                    let [level, code] = self.alert.array();
                    Step::Alert { fatal: level == 2, code }
                })
            }
            content::SSL2 => {
                self.message.extend_from_slice(here);
                here = &[];
                self.told = length == usize::from(self.left);
                self.told.then(|| Step::Ssl2(self.message.first().copied().unwrap_or_default()))
            }
            _ => {
                here = &[];
                None
            }
        };
        // `here` is what was not used; it stands before `rest`.
        let used = length - here.len();
        self.left = self.left.saturating_sub(u16::try_from(used).unwrap_or(u16::MAX));
        *bytes = bytes.get(used..).unwrap_or(rest);
        step
    }

    /// Takes bytes of handshake messages.
    fn handshake(&mut self, bytes: &mut &[u8]) -> Option<Step> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                *bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            let (wanted, _) = self.wanted();
            if wanted > limits::MESSAGE {
                return Some(Step::Broken(Why::TooLong));
            }
            if self.message.is_empty() {
                self.messages += 1;
                if self.messages > limits::MESSAGES {
                    return Some(Step::Broken(Why::Malformed));
                }
            }
            let (taken, rest) = bytes.split_at(bytes.len().min(wanted.saturating_sub(self.message.len())));
            self.grow(taken, wanted);
            *bytes = rest;
            // More is known now: how long the message is, or its first certificate.
            let (wanted, length) = self.wanted();
            if self.message.len() >= wanted {
                self.skip = length.saturating_sub(self.message.len());
                self.told = true;
                return self.message.first().map(|kind| Step::Message(*kind));
            }
        }
        None
    }

    /// Appends, with room that doubles up to what is wanted, never by what is merely declared.
    fn grow(&mut self, taken: &[u8], wanted: usize) {
        let length = self.message.len();
        if length + taken.len() > self.message.capacity() {
            let room = (2 * length).max(length + taken.len()).min(wanted.max(length + taken.len()));
            self.message.reserve_exact(room - length);
        }
        self.message.extend_from_slice(taken);
    }

    /// How many bytes of the current message are wanted, as far as is known, and how long it is.
    fn wanted(&self) -> (usize, usize) {
        let Some([kind, a, b, c]) = self.message.first_chunk() else { return (4, 0) };
        let length = 4 + u24([*a, *b, *c]);
        let wanted = match *kind {
            message::CLIENT_HELLO | message::SERVER_HELLO => length,
            // Of the chain only the first certificate.
            message::CERTIFICATE => match self.message.get(7..).and_then(|list| list.first_chunk()) {
                Some(first) => (10 + u24(*first)).min(length),
                None => length.min(10),
            },
            _ => 4,
        };
        (wanted, length)
    }
}

fn u24([a, b, c]: [u8; 3]) -> usize {
    u32::from_be_bytes([0, a, b, c]) as usize
}

/// Whether a TLS record with a hello begins here.
fn is_hello(bytes: &[u8]) -> bool {
    let Some([kind, major, minor, record @ .., hello, long, high, low, a, b]) = bytes.first_chunk::<SIGNATURE>() else {
        return false;
    };
    let outer = Version(u16::from_be_bytes([*major, *minor]));
    let inner = Version(u16::from_be_bytes([*a, *b]));
    let record = u16::from_be_bytes(*record);
    let length = u16::from_be_bytes([*high, *low]);
    *kind == content::HANDSHAKE
        && matches!(outer.0, 0x0101 | 0x0300..=0x0304)
        && (4..=LONGEST_RECORD).contains(&record)
        && matches!(*hello, message::CLIENT_HELLO | message::SERVER_HELLO)
        && *long == 0
        // Version, random, session, one suite, one compression.
        && length >= 38
        && inner.is_known()
        && inner != Version::SSL2
}

/// Whether these five bytes begin a hello of SSL 2.0: `length, CLIENT-HELLO, version` or `length, SERVER-HELLO, hit,
/// certificate type`.
fn is_ssl2([high, low, kind, a, b]: [u8; 5]) -> bool {
    // No hello is shorter than its fixed fields.
    let long_enough = u16::from_be_bytes([high & 0x7f, low]) >= 9;
    match kind {
        _ if !long_enough => false,
        1 => matches!([a, b], [0, 2] | [3, 0..=4]),
        4 => matches!([a, b], [0 | 1, 0 | 1]),
        _ => false,
    }
}

/// A few bytes that are collected.
#[derive(Clone, Copy, Debug)]
struct Held<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Default for Held<N> {
    fn default() -> Held<N> {
        Held { bytes: [0; N], length: 0 }
    }
}

impl<const N: usize> Held<N> {
    /// Takes what is missing; whether all is there now.
    fn fill(&mut self, from: &mut &[u8]) -> bool {
        let (taken, rest) = from.split_at(from.len().min(N - self.length));
        for (to, byte) in self.bytes.iter_mut().skip(self.length).zip(taken) {
            *to = *byte;
        }
        self.length += taken.len();
        *from = rest;
        self.length == N
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn array(&self) -> [u8; N] {
        self.bytes
    }

    fn clear(&mut self) {
        self.length = 0;
    }
}
