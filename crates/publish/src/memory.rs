//! The journal in memory: bounded, and what happens when it is full.
//!
//! A record leaves when every reader that wants it has taken it. When the journal is full, either the appender waits
//! ([`Full::Wait`]: a replay) or the oldest exchange is dropped ([`Full::Drop`]: a live run); findings are dropped
//! only when there is nothing else left.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use spyhop_model::{Event, Finding, Greeting, Values};

use crate::journal::{Journal, JournalError, Read, Reader, ReaderReport, Record, Tally, Wants};

/// What to do when the journal is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The appender waits for the slowest reader.
    Wait,
    /// The oldest exchanges are dropped, and counted; findings only when no exchange is left.
    Drop,
}

/// Bounds of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records held at once; at least one.
    pub records: usize,
    /// Bytes they may occupy, estimated. One record larger than that is held alone.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { records: 20_000, bytes: 32 << 20 }
    }
}

/// A journal in memory.
pub struct MemoryJournal {
    shared: Arc<Shared>,
}

/// A reader of a [`MemoryJournal`].
pub struct MemoryReader {
    shared: Arc<Shared>,
    slot: usize,
}

struct Shared {
    limits: Limits,
    full: Full,
    state: Mutex<State>,
    /// Told when there is something to read, or never will be.
    news: Condvar,
    /// Told when there is room.
    room: Condvar,
}

/// Exchanges and findings stand in two queues, so that the oldest exchange can go from between findings; `position`
/// gives the common order.
#[derive(Default)]
struct State {
    exchanges: VecDeque<Held>,
    findings: VecDeque<Held>,
    bytes: usize,
    next: u64,
    closed: bool,
    readers: Vec<Place>,
}

struct Held {
    position: u64,
    bytes: usize,
    record: Record,
}

struct Place {
    wants: Wants,
    /// Where it is, by queue.
    exchanges: u64,
    findings: u64,
    report: ReaderReport,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new(limits: Limits, full: Full) -> MemoryJournal {
        let shared = Shared { limits, full, state: Mutex::default(), news: Condvar::new(), room: Condvar::new() };
        MemoryJournal { shared: Arc::new(shared) }
    }

    /// Records held now.
    pub fn held(&self) -> usize {
        self.shared.lock().len()
    }
}

impl Journal for MemoryJournal {
    fn append(&self, batch: &mut Vec<Record>) -> Result<(), JournalError> {
        let shared = &*self.shared;
        let mut state = shared.lock();
        let mut taken = 0;
        while let Some(record) = batch.get(taken) {
            let bytes = weight(record);
            if shared.full == Full::Wait && state.is_wanted(record) {
                while !shared.fits(&state, bytes) && !state.closed {
                    shared.news.notify_all();
                    state = shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
            if state.closed {
                break;
            }
            state.push(record, bytes, |state| shared.fits(state, bytes));
            taken += 1;
        }
        let outcome = if state.closed && taken < batch.len() { Err(JournalError::Closed) } else { Ok(()) };
        drop(state);
        shared.news.notify_all();
        batch.drain(..taken);
        outcome
    }

    fn reader(&self, name: &str, wants: Wants) -> Box<dyn Reader> {
        let mut state = self.shared.lock();
        let slot = state.readers.len();
        let mut appended = Tally::default();
        for held in state.exchanges.iter().filter(|_| wants.exchanges()) {
            appended.add(&held.record);
        }
        for held in state.findings.iter().filter(|_| wants.findings()) {
            appended.add(&held.record);
        }
        let report = ReaderReport {
            name: name.into(),
            appended,
            read: Tally::default(),
            dropped: Tally::default(),
            missed: Tally::default(),
            waiting: Tally::default(),
            detached: false,
        };
        state.readers.push(Place { wants, exchanges: 0, findings: 0, report });
        Box::new(MemoryReader { shared: Arc::clone(&self.shared), slot })
    }

    fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.news.notify_all();
        self.shared.room.notify_all();
    }

    fn report(&self) -> Vec<ReaderReport> {
        let state = self.shared.lock();
        state
            .readers
            .iter()
            .map(|place| ReaderReport { waiting: state.waiting(place), ..place.report.clone() })
            .collect()
    }
}

impl Reader for MemoryReader {
    fn read(&mut self, into: &mut Vec<Record>, most: usize, wait: Duration) -> Read {
        let until = Instant::now() + wait;
        let mut state = self.shared.lock();
        loop {
            if state.take(self.slot, into, most) {
                drop(state);
                self.shared.room.notify_all();
                return Read::Some;
            }
            if state.closed {
                return Read::End;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Read::Idle;
            }
            state = self.shared.news.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn position(&self) -> u64 {
        let state = self.shared.lock();
        state.readers.get(self.slot).map_or(0, |place| match place.wants {
            Wants::All => place.exchanges.max(place.findings),
            Wants::Exchanges => place.exchanges,
            Wants::Findings => place.findings,
        })
    }
}

impl Drop for MemoryReader {
    fn drop(&mut self) {
        self.shared.lock().detach(self.slot);
        self.shared.room.notify_all();
    }
}

impl Shared {
    /// A panic elsewhere leaves counts and queues consistent at every point where the lock is given back.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn fits(&self, state: &State, bytes: usize) -> bool {
        let held = state.len();
        held == 0 || (held < self.limits.records && state.bytes.saturating_add(bytes) <= self.limits.bytes)
    }
}

impl State {
    fn len(&self) -> usize {
        self.exchanges.len() + self.findings.len()
    }

    fn is_wanted(&self, record: &Record) -> bool {
        self.readers.iter().any(|place| !place.report.detached && place.wants_this(record))
    }

    /// Puts a record in its place; `fits` says whether there is room, which older exchanges give way to make.
    fn push(&mut self, record: &Record, bytes: usize, fits: impl Fn(&State) -> bool) {
        let position = self.next;
        self.next += 1;
        for place in &mut self.readers {
            place.count_appended(record);
        }
        // What nobody reads is not held.
        if !self.is_wanted(record) {
            return;
        }
        while !fits(self) && self.drop_older_than(record) {}
        if !fits(self) {
            // What stands before it matters more.
            for place in self.readers.iter_mut().filter(|place| place.wants_this(record)) {
                place.report.drop(record);
            }
            return;
        }
        self.bytes += bytes;
        let queue = match record {
            Record::Event(_) | Record::Greeting(_) | Record::Values(_) => &mut self.exchanges,
            Record::Finding(_) => &mut self.findings,
        };
        queue.push_back(Held { position, bytes, record: record.clone() });
    }

    /// Drops one record to make room for `record`: the oldest exchange, or for a finding, if there is none, the
    /// oldest finding. Says whether there was one.
    fn drop_older_than(&mut self, record: &Record) -> bool {
        let dropped = match (self.exchanges.pop_front(), record) {
            (Some(held), _) => held,
            (None, Record::Event(_) | Record::Greeting(_) | Record::Values(_)) => return false,
            (None, Record::Finding(_)) => match self.findings.pop_front() {
                Some(held) => held,
                None => return false,
            },
        };
        self.bytes -= dropped.bytes;
        for place in self.readers.iter_mut().filter(|place| place.has_before_it(&dropped)) {
            place.report.drop(&dropped.record);
        }
        true
    }

    /// Hands the next records to a reader, in order; says whether there were any.
    fn take(&mut self, slot: usize, into: &mut Vec<Record>, most: usize) -> bool {
        let Some(place) = self.readers.get_mut(slot) else { return false };
        let wants = place.wants;
        let mut exchanges = after(&self.exchanges, place.exchanges).filter(|_| wants.exchanges()).peekable();
        let mut findings = after(&self.findings, place.findings).filter(|_| wants.findings()).peekable();
        let mut taken = 0;
        while taken < most {
            let next = match (exchanges.peek(), findings.peek()) {
                (Some(exchange), Some(finding)) if exchange.position < finding.position => exchanges.next(),
                (_, Some(_)) => findings.next(),
                (_, None) => exchanges.next(),
            };
            let Some(held) = next else { break };
            match held.record {
                Record::Event(_) | Record::Greeting(_) | Record::Values(_) => place.exchanges = held.position + 1,
                Record::Finding(_) => place.findings = held.position + 1,
            }
            place.report.read.add(&held.record);
            into.push(held.record.clone());
            taken += 1;
        }
        drop((exchanges, findings));
        self.release();
        taken != 0
    }

    fn detach(&mut self, slot: usize) {
        let Some(place) = self.readers.get(slot) else { return };
        let missed = self.waiting(place);
        if let Some(place) = self.readers.get_mut(slot).filter(|place| !place.report.detached) {
            place.report.detached = true;
            place.report.missed = missed;
        }
        self.release();
    }

    /// What a reader has before it.
    fn waiting(&self, place: &Place) -> Tally {
        if place.report.detached {
            return Tally::default();
        }
        let count = |queue, from, wanted: bool| if wanted { after(queue, from).count() as u64 } else { 0 };
        Tally {
            exchanges: count(&self.exchanges, place.exchanges, place.wants.exchanges()),
            findings: count(&self.findings, place.findings, place.wants.findings()),
        }
    }

    /// Lets go of what every reader has taken.
    fn release(&mut self) {
        let attached = || self.readers.iter().filter(|place| !place.report.detached);
        let exchanges = attached().filter(|place| place.wants.exchanges()).map(|place| place.exchanges).min();
        let findings = attached().filter(|place| place.wants.findings()).map(|place| place.findings).min();
        for (queue, until) in [(&mut self.exchanges, exchanges), (&mut self.findings, findings)] {
            while queue.front().is_some_and(|held| until.is_none_or(|until| held.position < until)) {
                if let Some(held) = queue.pop_front() {
                    self.bytes -= held.bytes;
                }
            }
        }
    }
}

impl ReaderReport {
    fn drop(&mut self, record: &Record) {
        if !self.detached {
            self.dropped.add(record);
        }
    }
}

impl Place {
    fn wants_this(&self, record: &Record) -> bool {
        match record {
            Record::Event(_) | Record::Greeting(_) | Record::Values(_) => self.wants.exchanges(),
            Record::Finding(_) => self.wants.findings(),
        }
    }
    fn has_before_it(&self, held: &Held) -> bool {
        match held.record {
            Record::Event(_) | Record::Greeting(_) | Record::Values(_) => {
                self.wants.exchanges() && held.position >= self.exchanges
            }
            Record::Finding(_) => self.wants.findings() && held.position >= self.findings,
        }
    }
    fn count_appended(&mut self, record: &Record) {
        if !self.wants_this(record) {
            return;
        }
        self.report.appended.add(record);
        if self.report.detached {
            self.report.missed.add(record);
        }
    }
}

/// The records of a queue from a position on.
fn after(queue: &VecDeque<Held>, position: u64) -> impl Iterator<Item = &Held> {
    queue.range(queue.partition_point(|held| held.position < position)..)
}

/// Bytes that a record keeps in memory, estimated: the parts whose size a peer can choose, and the fixed rest.
fn weight(record: &Record) -> usize {
    match record {
        Record::Event(event) => {
            let call = &event.call;
            let request = call.request.as_ref().map_or(0, |request| {
                let path: usize = request.path.len() * 24;
                request.target.len() * 2
                    + request.host.len()
                    + path
                    + request.user_agent.as_ref().map_or(0, |a| a.len())
            });
            let seen: usize =
                call.observations.iter().map(|seen| 120 + seen.values.len() * 8 + seen.sample.len()).sum();
            let raw = if call.raw.is_some() { request } else { 0 };
            size_of::<Event>() + event.endpoint.len() + request + raw + seen + call.credentials.len() * 96 + 200
        }
        Record::Greeting(greeting) => {
            let said = &greeting.handshake;
            let texts = [&said.sni, &said.alpn, &said.certificate, &said.client_certificate];
            let offered: usize = said.offered.iter().map(|name| name.len() + 32).sum();
            size_of::<Greeting>() + 200 + offered + texts.into_iter().flatten().map(|text| text.len()).sum::<usize>()
        }
        Record::Values(values) => size_of::<Values>() + 100 + values.fingerprints.len() * 8,
        Record::Finding(finding) => {
            let names: usize = finding.involved.iter().flat_map(|(_, names)| names).map(|name| name.len() + 32).sum();
            let texts: usize = finding.samples.iter().chain(&finding.reasons).map(|text| text.len() + 32).sum();
            let said = finding.summary.en.len() + finding.summary.zh.len();
            size_of::<Finding>() + names + texts + said + finding.exchanges.len() * 16 + 400
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::sample;

    const NO_WAIT: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(20);

    fn journal(records: usize, full: Full) -> MemoryJournal {
        MemoryJournal::new(Limits { records, bytes: usize::MAX }, full)
    }
    fn event(n: u32) -> Record {
        Record::Event(Arc::new(sample::event(n)))
    }
    fn finding(n: u64) -> Record {
        Record::Finding(Arc::new(sample::finding(n)))
    }
    fn names(records: &[Record]) -> Vec<String> {
        let name = |record: &Record| match record {
            Record::Event(event) => format!("e{}", event.call.moment.ordinal),
            Record::Greeting(greeting) => format!("g{}", greeting.handshake.moment.ordinal),
            Record::Values(values) => format!("v{}", values.moment.ordinal),
            Record::Finding(finding) => format!("f{}", finding.id.0),
        };
        records.iter().map(name).collect()
    }
    fn read_all(reader: &mut Box<dyn Reader>) -> Vec<String> {
        let mut records = Vec::new();
        while reader.read(&mut records, 2, NO_WAIT) == Read::Some {}
        names(&records)
    }
    fn balanced(journal: &MemoryJournal) {
        for report in journal.report() {
            let parts = [report.read, report.dropped, report.missed, report.waiting];
            let exchanges: u64 = parts.iter().map(|tally| tally.exchanges).sum();
            let findings: u64 = parts.iter().map(|tally| tally.findings).sum();
            assert_eq!(report.appended, Tally { exchanges, findings }, "{report:?}");
        }
    }

    #[test]
    fn two_readers_see_all_in_order_each_at_its_pace_and_then_nothing_is_held() {
        let journal = journal(10, Full::Wait);
        let (mut a, mut b) = (journal.reader("a", Wants::All), journal.reader("b", Wants::All));
        journal.append(&mut vec![event(1), finding(2), event(3)]).expect("open");
        assert_eq!(read_all(&mut a), ["e1", "f2", "e3"]);
        assert_eq!((a.position(), b.position(), journal.held()), (3, 0, 3));
        journal.append(&mut vec![finding(4)]).expect("open");
        assert_eq!(read_all(&mut b), ["e1", "f2", "e3", "f4"]);
        assert_eq!(journal.held(), 1);
        assert_eq!(read_all(&mut a), ["f4"]);
        assert_eq!((journal.held(), journal.shared.lock().bytes), (0, 0));
        balanced(&journal);
    }

    #[test]
    fn a_reader_sees_only_what_it_wants_and_others_are_not_held_for_it() {
        let journal = journal(2, Full::Wait);
        let mut findings = journal.reader("findings", Wants::Findings);
        journal.append(&mut vec![event(1), event(2), event(3), finding(4), event(5)]).expect("open");
        assert_eq!(journal.held(), 1);
        assert_eq!(read_all(&mut findings), ["f4"]);
        balanced(&journal);
    }

    #[test]
    fn a_full_journal_makes_the_appender_wait_for_the_slowest_reader() {
        let journal = Arc::new(journal(2, Full::Wait));
        let (mut fast, mut slow) = (journal.reader("fast", Wants::All), journal.reader("slow", Wants::All));
        let (done, appended) = mpsc::channel();
        let appender = thread::spawn({
            let journal = Arc::clone(&journal);
            move || {
                journal.append(&mut (1..=4).map(event).collect()).expect("open");
                done.send(()).expect("test waits");
            }
        });
        let mut records = Vec::new();
        assert_eq!(fast.read(&mut records, 10, LONG), Read::Some);
        assert!(appended.recv_timeout(Duration::from_millis(50)).is_err(), "it must wait for the slow reader");
        let mut seen = Vec::new();
        while seen.len() < 4 {
            assert_eq!(slow.read(&mut seen, 1, LONG), Read::Some);
            fast.read(&mut records, 10, NO_WAIT);
        }
        appended.recv_timeout(LONG).expect("there is room now");
        appender.join().expect("no panic");
        assert_eq!(names(&seen), ["e1", "e2", "e3", "e4"]);
        balanced(&journal);
    }

    #[test]
    fn a_reader_that_goes_away_frees_the_appender_and_what_it_misses_is_counted() {
        let journal = Arc::new(journal(2, Full::Wait));
        let mut failing = journal.reader("failing", Wants::All);
        let appender = thread::spawn({
            let journal = Arc::clone(&journal);
            move || journal.append(&mut vec![event(1), event(2), finding(3), event(4)])
        });
        let mut records = Vec::new();
        assert_eq!(failing.read(&mut records, 1, LONG), Read::Some);
        drop(failing);
        appender.join().expect("no panic").expect("appended");
        let report = &journal.report()[0];
        assert!(report.detached);
        assert_eq!(report.read, Tally { exchanges: 1, findings: 0 });
        assert_eq!(report.missed, Tally { exchanges: 2, findings: 1 });
        assert_eq!(journal.held(), 0);
        balanced(&journal);
    }

    #[test]
    fn live_the_oldest_exchanges_are_dropped_before_any_finding() {
        let journal = journal(3, Full::Drop);
        let mut reader = journal.reader("kafka", Wants::All);
        journal.append(&mut vec![finding(1), event(2), event(3), finding(4), event(5)]).expect("open");
        assert_eq!(read_all(&mut reader), ["f1", "f4", "e5"]);
        assert_eq!(journal.report()[0].dropped, Tally { exchanges: 2, findings: 0 });
        balanced(&journal);
    }

    #[test]
    fn with_findings_only_an_exchange_gives_way_and_then_the_oldest_finding() {
        let journal = journal(2, Full::Drop);
        let mut reader = journal.reader("kafka", Wants::All);
        journal.append(&mut vec![finding(1), finding(2), event(3), finding(4)]).expect("open");
        assert_eq!(read_all(&mut reader), ["f2", "f4"]);
        assert_eq!(journal.report()[0].dropped, Tally { exchanges: 1, findings: 1 });
        balanced(&journal);
    }

    #[test]
    fn what_a_reader_has_taken_is_not_dropped_for_it() {
        let journal = journal(2, Full::Drop);
        let (mut fast, mut slow) = (journal.reader("fast", Wants::All), journal.reader("slow", Wants::All));
        journal.append(&mut vec![event(1), event(2)]).expect("open");
        assert_eq!(read_all(&mut fast), ["e1", "e2"]);
        journal.append(&mut vec![event(3)]).expect("open");
        assert_eq!(read_all(&mut fast), ["e3"]);
        assert_eq!(read_all(&mut slow), ["e2", "e3"]);
        let dropped: Vec<u64> = journal.report().iter().map(|report| report.dropped.exchanges).collect();
        assert_eq!(dropped, [0, 1]);
        balanced(&journal);
    }

    #[test]
    fn bytes_are_bounded_and_one_large_record_still_passes() {
        let one = weight(&event(1));
        let journal = MemoryJournal::new(Limits { records: 100, bytes: one * 2 + one / 2 }, Full::Drop);
        let mut reader = journal.reader("kafka", Wants::All);
        journal.append(&mut (1..=5).map(event).collect()).expect("open");
        assert_eq!(read_all(&mut reader), ["e4", "e5"]);
        let mut large = sample::event(6);
        large.endpoint = "x".repeat(one * 10).into();
        journal.append(&mut vec![Record::Event(Arc::new(large))]).expect("open");
        assert_eq!(read_all(&mut reader), ["e6"]);
        balanced(&journal);
    }

    #[test]
    fn after_the_end_readers_finish_and_appending_is_refused() {
        let journal = journal(2, Full::Wait);
        let mut reader = journal.reader("kafka", Wants::All);
        journal.append(&mut vec![event(1)]).expect("open");
        journal.close();
        let mut late = vec![event(2)];
        assert_eq!(journal.append(&mut late), Err(JournalError::Closed));
        assert_eq!(names(&late), ["e2"]);
        let mut records = Vec::new();
        assert_eq!(reader.read(&mut records, 9, LONG), Read::Some);
        assert_eq!(reader.read(&mut records, 9, LONG), Read::End);
        assert_eq!(names(&records), ["e1"]);
    }

    #[test]
    fn a_reader_waits_without_news_only_so_long() {
        let journal = journal(2, Full::Wait);
        let mut reader = journal.reader("kafka", Wants::All);
        assert_eq!(reader.read(&mut Vec::new(), 9, Duration::from_millis(5)), Read::Idle);
    }
}
