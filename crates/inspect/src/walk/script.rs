//! Scripts of a page: JSON, alone or given to a variable (`window.__STATE__ = {"user": …}`), and the rest as text.
//!
//! ```text
//!       `=` before a bracket             a quote follows
//! Code ──────────────────────> Maybe ───────────────────> Json ── its last bracket ──> Code
//!   ▲                            │ anything else
//!   └────────────────────────────┘
//! ```

use super::decode::text;
use super::field::place;
use super::{Json, LeafSink, Text};

/// Bytes before a bracket in which a variable is looked for.
const BEFORE: usize = 96;
/// Bytes from a bracket to the quote after it.
const AFTER: usize = 64;

/// Walks one script after another.
pub(super) struct Script {
    state: State,
    code: Text,
    json: Option<Box<Json>>,
    /// The last bytes of code.
    before: Vec<u8>,
    /// A bracket and the white space after it.
    held: Vec<u8>,
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Code,
    Maybe,
    /// With so many brackets open, in a string or after a backslash in one.
    Json(u32, bool, bool),
    /// All of the script is JSON.
    AllJson,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            state: State::Code,
            code: Text::at("$.script"),
            json: None,
            before: Vec::new(),
            held: Vec::new(),
            path: String::new(),
        }
    }
}

impl Script {
    /// A script begins; of one that is JSON its name tells the path.
    pub fn begin(&mut self, is_json: bool, name: &str, records: u32) {
        self.state = State::Code;
        self.before.clear();
        if is_json {
            self.state = State::AllJson;
            self.begin_json(name, records);
        }
    }

    fn begin_json(&mut self, name: &str, records: u32) {
        self.path.clear();
        self.path.push_str("$.script");
        if !name.is_empty() {
            self.path.push('.');
            self.path.push_str(place(name));
        }
        self.json.get_or_insert_default().restart(&self.path, name, 1, records);
    }

    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], records: &mut u32, sink: &mut S) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::AllJson => {
                    self.json.get_or_insert_default().feed(rest, sink);
                    &[]
                }
                State::Code => self.code(rest, sink),
                State::Maybe => self.maybe(rest, *records, sink),
                State::Json(open, quoted, escaped) => {
                    let end = extent(rest, open, quoted, escaped);
                    let (length, state) = match end {
                        Ok(length) => (length, State::Code),
                        Err(state) => (rest.len(), state),
                    };
                    let (json, after) = rest.split_at(length.min(rest.len()));
                    self.json.get_or_insert_default().feed(json, sink);
                    self.state = state;
                    if state == State::Code {
                        self.end_json(records, sink);
                    }
                    after
                }
            };
        }
    }

    fn code<'a, S: LeafSink>(&mut self, bytes: &'a [u8], sink: &mut S) -> &'a [u8] {
        let opening = memchr::memchr2_iter(b'{', b'[', bytes).find(|at| {
            let before = bytes.get(..*at).unwrap_or_default();
            // Most brackets follow something else at once.
            let is_likely = before.last().is_none_or(|byte| *byte == b'=' || byte.is_ascii_whitespace());
            is_likely && is_given(before.iter().rev().chain(self.before.iter().rev()).take(BEFORE))
        });
        let at = opening.unwrap_or(bytes.len());
        let (code, rest) = bytes.split_at(at);
        self.code.feed(code, sink);
        let tail = code.get(code.len().saturating_sub(BEFORE)..).unwrap_or_default();
        let keep = self.before.len().min(BEFORE - tail.len());
        self.before.drain(..self.before.len() - keep);
        self.before.extend_from_slice(tail);
        if let Some(bracket) = rest.first() {
            self.state = State::Maybe;
            self.held.clear();
            self.held.push(*bracket);
        }
        rest.get(1..).unwrap_or_default()
    }

    fn maybe<'a, S: LeafSink>(&mut self, bytes: &'a [u8], records: u32, sink: &mut S) -> &'a [u8] {
        let (byte, rest) = bytes.split_first().unwrap_or((&b' ', &[]));
        let signs = self.held.iter().filter(|byte| !byte.is_ascii_whitespace());
        let is_array = self.held.first() == Some(&b'[') && signs.clone().count() == 1;
        if self.held.len() < AFTER && (byte.is_ascii_whitespace() || *byte == b'{' && is_array) {
            self.held.push(*byte);
            return rest;
        }
        let held = std::mem::take(&mut self.held);
        if *byte == b'"' {
            let open = held.iter().filter(|byte| !byte.is_ascii_whitespace()).count() as u32;
            let before = std::mem::take(&mut self.before);
            self.begin_json(&text(variable(&before)), records);
            self.json.get_or_insert_default().feed(&held, sink);
            self.state = State::Json(open, false, false);
        } else {
            self.not_json(&held, sink);
        }
        self.held = held;
        bytes
    }

    fn not_json<S: LeafSink>(&mut self, held: &[u8], sink: &mut S) {
        self.code.feed(held, sink);
        self.before.clear();
        self.before.extend_from_slice(held);
        self.state = State::Code;
    }

    fn end_json<S: LeafSink>(&mut self, records: &mut u32, sink: &mut S) {
        if let Some(json) = &mut self.json {
            json.finish(sink);
            *records = json.records();
        }
        // In its place.
        self.code.feed(b"\n", sink);
        self.state = State::Code;
    }

    /// A script ends.
    pub fn end<S: LeafSink>(&mut self, records: &mut u32, sink: &mut S) {
        match self.state {
            State::AllJson => {
                if let Some(json) = &mut self.json {
                    json.finish(sink);
                    *records = json.records();
                }
            }
            State::Json(..) => {
                self.end_json(records, sink);
                self.code.feed(b"\n", sink);
            }
            State::Maybe => {
                let held = std::mem::take(&mut self.held);
                self.not_json(&held, sink);
                self.code.feed(b"\n", sink);
            }
            State::Code if !self.before.is_empty() => self.code.feed(b"\n", sink),
            State::Code => {}
        }
        self.state = State::Code;
        self.before.clear();
    }

    /// No script follows.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        self.code.finish(sink);
    }
}

/// Whether what is read backwards gives something to a variable: `x = `, but no comparison and no arrow.
fn is_given<'a>(backwards: impl Iterator<Item = &'a u8>) -> bool {
    let mut signs = backwards.skip_while(|byte| byte.is_ascii_whitespace());
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b']' | 0x80..);
    signs.next() == Some(&b'=') && signs.find(|byte| !byte.is_ascii_whitespace()).is_some_and(is_name)
}

/// The last name of what a value is given to: of `window.__STATE__ =` it is `__STATE__`.
fn variable(before: &[u8]) -> &[u8] {
    let before = before.trim_ascii_end();
    let before = before.strip_suffix(b"=").unwrap_or(before).trim_ascii_end();
    let before = before.strip_suffix(b"\"]").or(before.strip_suffix(b"']")).unwrap_or(before);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
    let start = before.iter().rposition(|byte| !is_name(byte)).map_or(0, |at| at + 1);
    before.get(start..).unwrap_or_default()
}

/// The length up to the last closing bracket, or in which state the bytes end.
fn extent(bytes: &[u8], mut open: u32, mut quoted: bool, mut escaped: bool) -> Result<usize, State> {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if escaped {
            escaped = false;
        } else if quoted {
            let rest = bytes.get(at - 1..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else { break };
            at += found;
            escaped = rest.get(found) == Some(&b'\\');
            quoted = escaped;
        } else {
            match byte {
                b'"' => quoted = true,
                b'{' | b'[' => open = open.saturating_add(1),
                b'}' | b']' => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        return Ok(at);
                    }
                }
                _ => {}
            }
        }
    }
    Err(State::Json(open, quoted, escaped))
}
