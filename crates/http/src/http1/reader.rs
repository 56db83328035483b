//! One direction of HTTP/1: from bytes and gaps to heads and bodies.

use memchr::memchr;
use spyhop_model::Timestamp;

use super::chunked::{Chunked, Piece};
use super::head::{Answer, Framing, Role, Scan, could_start, is_token, request_line, with_request, with_response};
use super::pairing::{Arriving, Exchanges, Method};
use super::{Switch, Upgrade};
use crate::accounts::{Class, Other, Unparsed};
use crate::connection::Shared;
use crate::delivery::Delivery;
use crate::exchange::Recipient;
use crate::head::{Field, field};
use crate::inspection::{Defects, Half, Inspection, Truncation};
use crate::message::websocket::DeflateParameters;
use crate::protocol::{recognise, starts_with_http};

/// Reads one direction.
pub(crate) struct Reader {
    pub(super) role: Role,
    pub(super) half: Half,
    pub(super) state: State,
    /// The beginning of a head, or what follows a CONNECT.
    pub(super) held: Vec<u8>,
    pub(super) scan: Scan,
    /// Capture time of the first and of the latest byte of this message.
    pub(super) began_at: Timestamp,
    pub(super) last_at: Timestamp,
    /// A request's number; for a response, the number of requests begun when it did.
    pub(super) number: u64,
    /// Of a response whose request was not seen, whether there is a body cannot be known.
    pub(super) unsure: bool,
    /// A message has been read completely from the slice at hand.
    pub(super) another: bool,
    pub(super) body: Delivery,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// Between messages.
    Start,
    /// In a head, of which `held` is the beginning.
    Head,
    /// In what of a head lies past the limit. `blank`: the line so far is empty.
    HeadRest {
        blank: bool,
        then: Frame,
        why: Unparsed,
    },
    Body(Frame),
    /// Looking for a start line where a line or a segment begins. `show`: what is passed over is a body whose framing
    /// is broken.
    Lost {
        why: Unparsed,
        show: bool,
        line_start: bool,
    },
    /// What may be a start line is in `held`.
    Perhaps {
        why: Unparsed,
        show: bool,
    },
    /// After a CONNECT that is not answered yet; so many bytes were lost since, and what is held follows them.
    Waiting {
        lost: u64,
    },
    /// Another protocol.
    Other(Other),
}

/// What came behind a CONNECT before its answer: the last `bytes`, and how many were lost before them.
#[derive(Debug, Default)]
pub(crate) struct Early {
    pub(crate) lost: u64,
    pub(crate) bytes: Vec<u8>,
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frame {
    None,
    Length(u64),
    /// With the Content-Length that stood beside it.
    Chunked(Chunked, Option<u64>),
    UntilClose,
}

impl Reader {
    pub(crate) fn new(role: Role) -> Self {
        Reader {
            role,
            half: if role == Role::Client { Half::Request } else { Half::Response },
            state: State::Start,
            held: Vec::new(),
            scan: Scan::default(),
            began_at: Timestamp::default(),
            last_at: Timestamp::default(),
            number: 0,
            unsure: false,
            another: false,
            body: Delivery::default(),
        }
    }

    pub(crate) fn resume(&mut self) {
        self.state = State::Lost { why: Unparsed::Garbage, show: false, line_start: true };
    }

    pub(crate) fn set_other(&mut self, name: Other) {
        self.state = State::Other(name);
    }

    /// The request whose head is arriving, once its start line is there.
    pub(crate) fn arriving(&self) -> Option<Arriving> {
        let arriving = matches!(self.state, State::Head) && self.scan.first > 0;
        arriving.then_some(Arriving { number: self.number, began_at: self.began_at })
    }

    pub(crate) fn waits(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    pub(crate) fn take_waiting<I: Inspection>(&mut self, cx: &mut Shared<I>) -> Early {
        let State::Waiting { lost } = self.state else { return Early::default() };
        self.state = State::Start;
        cx.accounts.held = cx.accounts.held.saturating_sub(self.held.len() as u64);
        Early { lost, bytes: std::mem::take(&mut self.held) }
    }

    /// Reads the next bytes; if the protocol changes: how, and how many bytes were used.
    pub(crate) fn data<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        bytes: &[u8],
        arriving: Option<Arriving>,
    ) -> Option<(Switch, usize)> {
        if let State::Lost { line_start, .. } = &mut self.state {
            *line_start = true;
        }
        self.another = false;
        let mut used = 0;
        let mut idle = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            let (step, switch) = self.step(cx, exchanges, at, rest, arriving);
            used += step;
            #[cfg(test)]
            {
                cx.looked_at += step as u64;
            }
            if let Some(switch) = switch {
                return Some((switch, used));
            }
            if matches!(self.state, State::Start) {
                exchanges.release(cx, at);
            }
            // Each state uses bytes or makes way for one that does; were one to fail in that, it would end here.
            idle = if step == 0 { idle + 1 } else { 0 };
            if idle > 8 {
                cx.accounts.count(Class::Unparsed(Unparsed::Garbage), rest.len());
                break;
            }
        }
        None
    }

    fn step<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        rest: &[u8],
        arriving: Option<Arriving>,
    ) -> (usize, Option<Switch>) {
        match self.state {
            State::Start => self.start(cx, exchanges, at, rest, arriving),
            State::Head => self.head(cx, exchanges, at, rest, arriving),
            State::HeadRest { .. } => (self.head_rest(cx, exchanges, at, rest), None),
            State::Body(frame) => (self.body(cx, exchanges, at, rest, frame), None),
            State::Lost { why, show, line_start } => {
                (self.lost(cx, exchanges, at, rest, (why, show), line_start), None)
            }
            State::Perhaps { why, show } => (self.perhaps(cx, exchanges, at, rest, why, show), None),
            State::Waiting { .. } => {
                let room = cx.limits.head.saturating_sub(self.held.len());
                if rest.len() <= room && cx.pool.append(&mut self.held, rest, cx.limits.held_memory) {
                    cx.accounts.hold(rest.len());
                    return (rest.len(), None);
                }
                let name = recognise(&self.held).unwrap_or(Other::Unknown);
                self.drop_held(cx, Class::Other(name));
                self.state = State::Other(name);
                (0, None)
            }
            State::Other(name) => {
                cx.accounts.count(Class::Other(name), rest.len());
                (rest.len(), None)
            }
        }
    }

    fn start<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        rest: &[u8],
        arriving: Option<Arriving>,
    ) -> (usize, Option<Switch>) {
        // Empty lines before a start line (RFC 9112, section 2.2), and the CRLF that some send after a body.
        let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if empty > 0 {
            cx.accounts.count(Class::Http, empty);
            return (empty, None);
        }
        if !self.is_plausible(rest) {
            if self.is_simple_answer(exchanges) {
                self.simple_response(cx, exchanges, at);
                return (0, None);
            }
            let name = recognise(rest);
            self.state = match name {
                Some(name) => State::Other(name),
                None => State::Lost { why: Unparsed::Garbage, show: false, line_start: false },
            };
            return (0, None);
        }
        self.scan = Scan::default();
        (self.began_at, self.last_at) = (at, at);
        let end = self.scan.advance(rest);
        if self.scan.first > 0 && !self.is_start_line(rest.get(..self.scan.first).unwrap_or_default()) {
            self.state = State::Lost { why: Unparsed::Garbage, show: false, line_start: false };
            return (0, None);
        }
        self.begin(exchanges);
        let end = self.simple_end(rest).or(end);
        match end.filter(|end| *end <= cx.limits.head) {
            Some(end) => {
                cx.accounts.count(Class::Http, end);
                let switch = self.read_head(cx, exchanges, rest.get(..end).unwrap_or_default(), None, arriving);
                (end, switch)
            }
            None => {
                // Gathered from here on; the scan begins anew, since the limit may cut what it has seen.
                self.scan = Scan::default();
                self.state = State::Head;
                (0, None)
            }
        }
    }

    /// A message begins: its number.
    pub(super) fn begin<I: Inspection>(&mut self, exchanges: &mut Exchanges<I>) {
        self.number = match self.role {
            Role::Client => {
                if self.another {
                    exchanges.pipelined();
                }
                self.another = true;
                exchanges.request_begins()
            }
            Role::Server => exchanges.begun(),
        };
    }

    /// Whether a message may begin like this.
    fn is_plausible(&self, rest: &[u8]) -> bool {
        match self.role {
            Role::Server => starts_with_http(rest) != Some(false),
            Role::Client => {
                let method = rest.iter().take(65).take_while(|byte| is_token(**byte)).count();
                match rest.get(method) {
                    None => method < 65,
                    Some(byte) => method > 0 && matches!(byte, b' ' | b'\t'),
                }
            }
        }
    }

    fn is_start_line(&self, line: &[u8]) -> bool {
        self.role == Role::Server || request_line(line).is_some_and(|line| line.method != b"PRI")
    }

    /// A request without a version has no fields (RFC 1945, section 5): the length of its line. What was scanned behind
    /// that does not count.
    fn simple_end(&mut self, head: &[u8]) -> Option<usize> {
        let line = head.get(..self.scan.first).filter(|_| self.role == Role::Client)?;
        request_line(line).filter(|line| line.version == (0, 9))?;
        self.scan = Scan::default();
        self.scan.advance(line);
        Some(line.len())
    }

    fn head<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        rest: &[u8],
        arriving: Option<Arriving>,
    ) -> (usize, Option<Switch>) {
        let before = self.held.len();
        let room = cx.limits.head.saturating_sub(before).min(rest.len());
        let some = rest.get(..room).unwrap_or_default();
        self.last_at = at;
        if room == 0 || !cx.pool.append(&mut self.held, some, cx.limits.held_memory) {
            let why = if room == 0 { Unparsed::HeadLimit } else { Unparsed::HeldMemory };
            return (0, self.cut_head(cx, exchanges, why, arriving));
        }
        if before < 5 && !self.is_plausible(&self.held) && self.is_simple_answer(exchanges) {
            // A body, after all, that began as a status line does.
            self.held.truncate(before);
            let held = std::mem::take(&mut self.held);
            cx.accounts.held = cx.accounts.held.saturating_sub(held.len() as u64);
            self.simple_response(cx, exchanges, at);
            self.body(cx, exchanges, at, &held, Frame::UntilClose);
            cx.pool.give(held);
            return (0, None);
        }
        let had_line = self.scan.first > 0;
        let mut end = self.scan.advance(&self.held);
        if !had_line && self.scan.first > 0 {
            let line = self.held.get(..self.scan.first).unwrap_or_default();
            if !self.is_start_line(line) || !self.is_plausible(line) {
                // Only the line that is none is given up; what follows it is looked at anew.
                let used = self.scan.first.saturating_sub(before);
                self.held.truncate(before);
                self.drop_held(cx, Class::Unparsed(Unparsed::Garbage));
                cx.accounts.count(Class::Unparsed(Unparsed::Garbage), used);
                self.state = State::Lost { why: Unparsed::Garbage, show: false, line_start: true };
                return (used, None);
            }
            let held = std::mem::take(&mut self.held);
            end = self.simple_end(&held).or(end);
            self.held = held;
        }
        match end {
            Some(end) => {
                let used = end.saturating_sub(before);
                cx.accounts.settle(Class::Http, before);
                cx.accounts.count(Class::Http, used);
                let held = std::mem::take(&mut self.held);
                let switch = self.read_head(cx, exchanges, held.get(..end).unwrap_or_default(), None, arriving);
                cx.pool.give(held);
                (used, switch)
            }
            None => {
                cx.accounts.hold(room);
                (room, None)
            }
        }
    }

    /// The head is longer than may be held: what is there is read, the rest passed over.
    fn cut_head<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        why: Unparsed,
        arriving: Option<Arriving>,
    ) -> Option<Switch> {
        let held = std::mem::take(&mut self.held);
        cx.accounts.settle(Class::Http, held.len());
        let switch = if self.scan.first == 0 && self.role == Role::Client {
            // A target without end: it is shown as far as it goes.
            let line = [&held, &b" HTTP/1.1"[..]].concat();
            self.read_head(cx, exchanges, &line, Some(why), arriving)
        } else {
            let lines = if self.scan.lines > 0 { self.scan.lines } else { held.len() };
            self.read_head(cx, exchanges, held.get(..lines).unwrap_or_default(), Some(why), arriving)
        };
        // The limit may fall between the end of the last field and the empty line, or within that.
        let tail = held.get(self.scan.lines..).unwrap_or_default();
        let blank = self.scan.first > 0 && tail.iter().all(|byte| *byte == b'\r');
        cx.pool.give(held);
        let then = match self.state {
            State::Body(frame) => frame,
            State::Start => Frame::None,
            _ => return switch,
        };
        self.state = State::HeadRest { blank, then, why };
        switch
    }

    fn head_rest<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        rest: &[u8],
    ) -> usize {
        let State::HeadRest { mut blank, then, why } = self.state else { return 0 };
        let mut used = 0;
        while let Some(found) = rest.get(used..).and_then(|rest| memchr(b'\n', rest)) {
            let line = rest.get(used..used + found).unwrap_or_default();
            let empty = line.iter().all(|byte| *byte == b'\r');
            used += found + 1;
            if empty && blank {
                cx.accounts.count(Class::Unparsed(why), used);
                self.enter(cx, exchanges, at, then);
                return used;
            }
            blank = true;
        }
        let tail = rest.get(used..).unwrap_or_default();
        blank &= tail.iter().all(|byte| *byte == b'\r');
        cx.accounts.count(Class::Unparsed(why), rest.len());
        self.state = State::HeadRest { blank, then, why };
        rest.len()
    }

    /// Reads a head, shows it, and enters its body. `cut`: it was cut at a limit, and its body is not entered.
    pub(super) fn read_head<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        block: &[u8],
        cut: Option<Unparsed>,
        arriving: Option<Arriving>,
    ) -> Option<Switch> {
        let mut bits = if self.scan.bare { Defects::BARE_LINE_END } else { 0 };
        if cut.is_some() {
            bits |= Defects::HEAD_TOO_LONG;
            cx.accounts.truncated_heads += 1;
        }
        let (number, began_at, fields) = (self.number, self.began_at, cx.limits.fields);
        let mut scratch = std::mem::take(&mut cx.scratch);
        let (frame, codings, switch) = match self.role {
            Role::Client => {
                let read = with_request(block, cut.is_some(), fields, &mut scratch, |request| {
                    let method = method(&request.head);
                    exchanges.request(cx, number, began_at, &request, method);
                    (method, request.framing)
                });
                let (method, framing) = read.unwrap_or((Method::Other, Framing::default()));
                if method == Method::Connect && cut.is_none() {
                    cx.scratch = scratch;
                    exchanges.flag(self.half, bits);
                    exchanges.complete(self.half, self.last_at);
                    self.state = State::Waiting { lost: 0 };
                    return None;
                }
                // Without framing a request has no body, whatever else its fields say.
                let frame = match framing.length {
                    length if framing.chunked => Frame::Chunked(Chunked::new(self.role), length),
                    Some(length) if length > 0 && method != Method::Simple => Frame::Length(length),
                    _ => Frame::None,
                };
                (frame, framing.codings, None)
            }
            Role::Server => {
                let read = with_response(block, cut.is_some(), fields, &mut scratch, |response| {
                    let status = response.head.status;
                    if (100..200).contains(&status) && status != 101 {
                        exchanges.interim(cx, number);
                        return None;
                    }
                    let method = exchanges.response(cx, number, began_at, arriving, &response);
                    let upgrade = (status == 101).then(|| upgrade(response.head.fields));
                    Some((status, method, response.framing, upgrade))
                });
                match read {
                    Some(Some((status, method, framing, upgrade))) => {
                        self.unsure = method == Method::Unknown;
                        let (frame, switch) = match upgrade {
                            Some(upgrade) => (Frame::None, Some(Switch::Upgrade(upgrade))),
                            None => response_frame(self.role, status, method, &framing),
                        };
                        (frame, framing.codings, switch)
                    }
                    // An interim answer, or no status line after all.
                    read => {
                        cx.scratch = scratch;
                        self.state = match read {
                            Some(_) => State::Start,
                            None => State::Lost { why: Unparsed::Garbage, show: false, line_start: true },
                        };
                        return None;
                    }
                }
            }
        };
        scratch.shrink_to(cx.limits.head.min(64 << 10));
        cx.scratch = scratch;
        exchanges.flag(self.half, bits);
        self.body.begin(cx, &codings);
        if cut.is_some() {
            self.state = State::Body(frame);
            return None;
        }
        self.enter(cx, exchanges, self.last_at, frame);
        switch
    }

    /// What comes answers a request of HTTP/0.9.
    fn is_simple_answer<I: Inspection>(&self, exchanges: &Exchanges<I>) -> bool {
        self.role == Role::Server && exchanges.answers(exchanges.begun()) == Method::Simple
    }

    /// The answer to a request of HTTP/0.9: a body without a head.
    fn simple_response<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, at: Timestamp) {
        (self.began_at, self.last_at) = (at, at);
        self.number = exchanges.begun();
        self.unsure = false;
        let response = super::head::Response::simple();
        exchanges.response(cx, self.number, at, None, &response);
        self.body.begin(cx, &response.framing.codings);
        self.state = State::Body(Frame::UntilClose);
    }

    /// The head is over, at `at`.
    fn enter<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, at: Timestamp, frame: Frame) {
        self.last_at = at;
        match frame {
            Frame::None | Frame::Length(0) => self.complete(cx, exchanges),
            frame => self.state = State::Body(frame),
        }
    }

    /// The message is over.
    pub(super) fn complete<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>) {
        self.body.finish(cx, exchanges, self.half);
        exchanges.complete(self.half, self.last_at);
        self.state = State::Start;
    }

    fn body<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        rest: &[u8],
        frame: Frame,
    ) -> usize {
        let unsure = std::mem::take(&mut self.unsure);
        if unsure && could_start(rest, self.role) == Answer::Yes {
            // The answer to a HEAD that was not captured: another message follows where its body would.
            self.complete(cx, exchanges);
            return 0;
        }
        self.last_at = at;
        match frame {
            Frame::None => {
                self.complete(cx, exchanges);
                0
            }
            Frame::UntilClose => {
                cx.accounts.count(Class::Http, rest.len());
                self.body.data(cx, exchanges, self.half, rest, false);
                rest.len()
            }
            Frame::Length(length) => {
                let take = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
                let left = length - take as u64;
                cx.accounts.count(Class::Http, take);
                let data = rest.get(..take).unwrap_or_default();
                self.body.data(cx, exchanges, self.half, data, left == 0);
                if left == 0 {
                    exchanges.complete(self.half, self.last_at);
                    self.state = State::Start;
                } else {
                    self.state = State::Body(Frame::Length(left));
                }
                take
            }
            Frame::Chunked(mut chunked, length) => {
                let was_long = chunked.beside() > cx.limits.chunk_extensions;
                let mut left = rest;
                let state = loop {
                    match chunked.next(&mut left) {
                        Piece::Data(data) => self.body.data(cx, exchanges, self.half, data, false),
                        Piece::More => break State::Body(Frame::Chunked(chunked, length)),
                        Piece::Done => break State::Start,
                        Piece::Bad => match length.filter(|_| chunked.untouched()) {
                            Some(length) => break State::Body(Frame::Length(length)),
                            None => break State::Lost { why: Unparsed::Garbage, show: true, line_start: false },
                        },
                    }
                };
                let used = rest.len() - left.len();
                cx.accounts.count(Class::Http, used);
                if !was_long && chunked.beside() > cx.limits.chunk_extensions {
                    cx.accounts.chunk_extensions_over_limit += 1;
                }
                match state {
                    State::Start => {
                        if chunked.odd() {
                            exchanges.flag(self.half, Defects::BAD_CHUNK);
                        }
                        self.complete(cx, exchanges);
                    }
                    State::Lost { .. } => {
                        exchanges.flag(self.half, Defects::BAD_CHUNK);
                        exchanges.truncate(self.half, Truncation::BadChunk);
                        self.state = state;
                    }
                    State::Body(Frame::Length(_)) => {
                        exchanges.flag(self.half, Defects::BAD_CHUNK);
                        self.state = state;
                    }
                    _ => self.state = state,
                }
                used
            }
        }
    }

    pub(super) fn drop_held<I: Inspection>(&mut self, cx: &mut Shared<I>, class: Class) {
        cx.accounts.settle(class, self.held.len());
        cx.pool.give(std::mem::take(&mut self.held));
    }
}

fn method(head: &crate::head::RequestHead<'_>) -> Method {
    match head.method {
        _ if head.version == (0, 9) => Method::Simple,
        b"HEAD" => Method::Head,
        b"CONNECT" => Method::Connect,
        _ => Method::Other,
    }
}

/// What a 101 says the connection goes on with.
fn upgrade(fields: &[Field<'_>]) -> Upgrade {
    let names =
        |protocol: &[u8]| field(fields, "upgrade").is_some_and(|to| to.trim_ascii().eq_ignore_ascii_case(protocol));
    if names(b"h2c") {
        Upgrade::Http2
    } else if names(b"websocket") {
        let extensions = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(b"sec-websocket-extensions"));
        let mut deflates = extensions.filter_map(|field| DeflateParameters::parse(field.value));
        Upgrade::WebSocket(deflates.next())
    } else {
        Upgrade::Other
    }
}

/// How the end of a response is known (RFC 9112, section 6.3).
fn response_frame(role: Role, status: u16, method: Method, framing: &Framing) -> (Frame, Option<Switch>) {
    let refused = (method == Method::Connect).then_some(Switch::Refused);
    match (status, method) {
        (200..300, Method::Connect) => (Frame::None, Some(Switch::Tunnel)),
        (204 | 304, _) | (_, Method::Head) => (Frame::None, refused),
        _ if framing.chunked => (Frame::Chunked(Chunked::new(role), framing.length), refused),
        _ => match framing.length {
            Some(length) => (Frame::Length(length), refused),
            None => (Frame::UntilClose, refused),
        },
    }
}
