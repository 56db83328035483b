//! Where a stream breaks: bytes lost, framing broken, the end; and how it is picked up again at a start line.

use memchr::memchr;
use spyhop_model::Timestamp;

use super::head::{Answer, LONGEST_RESUMED, Scan, could_start};
use super::pairing::Exchanges;
use super::reader::{Frame, Reader, State};
use crate::accounts::{Class, Other, Unparsed};
use crate::connection::Shared;
use crate::exchange::Recipient;
use crate::inspection::{Defects, Inspection, Truncation};
use crate::protocol::recognise;

impl Reader {
    /// Passes over what cannot be read, up to a start line.
    pub(super) fn lost<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        time: Timestamp,
        rest: &[u8],
        (why, show): (Unparsed, bool),
        mut line_start: bool,
    ) -> usize {
        let mut at = 0;
        let mut answer = Answer::No;
        while let Some(left) = rest.get(at..).filter(|left| !left.is_empty()) {
            if line_start {
                answer = could_start(left, self.role);
                if answer != Answer::No {
                    break;
                }
            }
            line_start = false;
            match memchr(b'\n', left) {
                Some(end) => (at, line_start) = (at + end + 1, true),
                None => at = rest.len(),
            }
        }
        self.pass_over(cx, exchanges, rest.get(..at).unwrap_or_default(), why, show);
        let left = rest.get(at..).unwrap_or_default();
        match answer {
            Answer::Yes => {
                self.found_start(cx, exchanges, show);
                at
            }
            Answer::Maybe if cx.pool.append(&mut self.held, left, cx.limits.held_memory) => {
                cx.accounts.hold(left.len());
                self.began_at = time;
                self.state = State::Perhaps { why, show };
                rest.len()
            }
            _ => {
                self.pass_over(cx, exchanges, left, why, show);
                self.state = State::Lost { why, show, line_start };
                rest.len()
            }
        }
    }

    pub(super) fn perhaps<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        rest: &[u8],
        why: Unparsed,
        show: bool,
    ) -> usize {
        let line = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let room = LONGEST_RESUMED.saturating_sub(self.held.len()).min(line);
        let some = rest.get(..room).unwrap_or_default();
        let fits = room > 0 && cx.pool.append(&mut self.held, some, cx.limits.held_memory);
        if fits {
            cx.accounts.hold(room);
        }
        // Only the end of the line, or of the patience, decides past the first bytes.
        let same = fits && self.held.len() > 64 && !some.ends_with(b"\n");
        let answer =
            if same && self.held.len() < LONGEST_RESUMED { Answer::Maybe } else { could_start(&self.held, self.role) };
        match answer {
            Answer::Maybe if fits => return room,
            Answer::Yes => {
                self.found_start(cx, exchanges, show);
                self.scan = Scan::default();
                self.scan.advance(&self.held);
                self.last_at = at;
                self.begin(exchanges);
                self.state = State::Head;
            }
            _ => {
                let held = std::mem::take(&mut self.held);
                cx.accounts.held = cx.accounts.held.saturating_sub(held.len() as u64);
                self.pass_over(cx, exchanges, &held, why, show);
                self.state = State::Lost { why, show, line_start: held.last() == Some(&b'\n') };
                cx.pool.give(held);
            }
        }
        if fits { room } else { 0 }
    }

    pub(super) fn pass_over<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        bytes: &[u8],
        why: Unparsed,
        show: bool,
    ) {
        if show {
            cx.accounts.count(Class::Http, bytes.len());
            self.body.raw(cx, exchanges, self.half, bytes);
        } else {
            cx.accounts.count(Class::Unparsed(why), bytes.len());
        }
    }

    /// A start line was found: what was broken before it is over.
    fn found_start<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, show: bool) {
        if show {
            self.complete(cx, exchanges);
        }
        self.state = State::Start;
    }

    /// Bytes were lost.
    pub(crate) fn gap<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, lost: u64) {
        let lost_after = State::Lost { why: Unparsed::AfterGap, show: false, line_start: true };
        match self.state {
            State::Start => {
                exchanges.lost_messages(self.half);
                self.state = lost_after;
            }
            State::Head => {
                if !self.end_head(cx, exchanges, Truncation::Gap) {
                    exchanges.lost_messages(self.half);
                }
                exchanges.uncertain();
                self.state = lost_after;
            }
            State::HeadRest { .. } => {
                exchanges.truncate(self.half, Truncation::Gap);
                self.complete(cx, exchanges);
                exchanges.uncertain();
                self.state = lost_after;
            }
            State::Body(Frame::Length(length)) => {
                self.body.gap(cx, exchanges, self.half, lost.min(length));
                if lost < length {
                    self.state = State::Body(Frame::Length(length - lost));
                    return;
                }
                self.complete(cx, exchanges);
                if lost > length {
                    exchanges.lost_messages(self.half);
                    self.state = lost_after;
                }
            }
            State::Body(Frame::Chunked(mut chunked, length)) => {
                if chunked.gap(lost) {
                    self.body.gap(cx, exchanges, self.half, lost);
                    self.state = State::Body(Frame::Chunked(chunked, length));
                } else {
                    self.body.gap(cx, exchanges, self.half, 0);
                    self.complete(cx, exchanges);
                    exchanges.uncertain();
                    self.state = lost_after;
                }
            }
            State::Body(Frame::UntilClose) => self.body.gap(cx, exchanges, self.half, lost),
            State::Body(Frame::None) => self.complete(cx, exchanges),
            State::Lost { why, show, .. } | State::Perhaps { why, show } => {
                let held = std::mem::take(&mut self.held);
                cx.accounts.held = cx.accounts.held.saturating_sub(held.len() as u64);
                self.pass_over(cx, exchanges, &held, why, show);
                cx.pool.give(held);
                if show {
                    self.body.gap(cx, exchanges, self.half, lost);
                }
                exchanges.uncertain();
                self.state = State::Lost { why, show, line_start: true };
            }
            State::Waiting { lost: before } => {
                self.drop_held(cx, Class::Unparsed(Unparsed::AfterGap));
                self.state = State::Waiting { lost: before.saturating_add(lost) };
            }
            State::Other(_) => {}
        }
    }

    /// A head breaks off: it is shown as far as it goes, if its start line is there.
    fn end_head<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, why: Truncation) -> bool {
        if self.scan.first == 0 {
            let unparsed = if why == Truncation::Gap { Unparsed::AfterGap } else { Unparsed::Garbage };
            self.drop_held(cx, Class::Unparsed(unparsed));
            return false;
        }
        let held = std::mem::take(&mut self.held);
        cx.accounts.settle(Class::Http, held.len());
        let lines = self.scan.lines.max(self.scan.first);
        self.read_head(cx, exchanges, held.get(..lines).unwrap_or_default(), Some(Unparsed::Garbage), None);
        cx.pool.give(held);
        // The body that the head announces was not reached.
        if matches!(self.state, State::Body(_)) {
            exchanges.unflag(self.half, Defects::HEAD_TOO_LONG);
            if why == Truncation::Gap {
                exchanges.flag(self.half, Defects::GAP);
            }
            exchanges.truncate(self.half, why);
            self.complete(cx, exchanges);
        }
        true
    }

    /// This side sends no more.
    pub(crate) fn finished<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>) {
        match self.state {
            State::Start | State::Other(_) => {}
            State::Head => {
                self.end_head(cx, exchanges, Truncation::Incomplete);
                self.state = State::Start;
            }
            State::HeadRest { .. } => {
                exchanges.truncate(self.half, Truncation::Incomplete);
                self.complete(cx, exchanges);
            }
            State::Body(frame) => {
                match frame {
                    Frame::UntilClose | Frame::None => {}
                    Frame::Chunked(chunked, _) if chunked.at_trailer() => {
                        exchanges.flag(self.half, Defects::BAD_CHUNK);
                    }
                    Frame::Chunked(..) | Frame::Length(_) => exchanges.truncate(self.half, Truncation::Incomplete),
                }
                self.complete(cx, exchanges);
            }
            State::Lost { why, show, .. } | State::Perhaps { why, show } => {
                let held = std::mem::take(&mut self.held);
                cx.accounts.held = cx.accounts.held.saturating_sub(held.len() as u64);
                self.pass_over(cx, exchanges, &held, why, show);
                cx.pool.give(held);
                if show {
                    self.complete(cx, exchanges);
                }
                self.state = State::Lost { why, show: false, line_start: true };
            }
            State::Waiting { .. } => {
                let name = recognise(&self.held).unwrap_or(Other::Unknown);
                self.drop_held(cx, Class::Other(name));
            }
        }
    }
}
