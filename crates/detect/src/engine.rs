//! Runs all detectors over events in their one order: time, the memory of all together, snapshots.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use spyhop_model::{Event, Finding, Key, Rule, Span, Timestamp, settings};

use crate::campaign::CAMPAIGN;
use crate::cells::{SavedTable, Scene, Subjects, Table};
use crate::detector::Views;
use crate::findings::{Findings, Life, SavedFindings};
use crate::population::{self, Population};
use crate::sensor::{Loss, Mirror, Sensor, TapReport};
use crate::suppression::{Suppressed, Suppression};

settings! {
    /// What detection may use.
    pub struct Limits {
        /// Memory for the cells of all detectors together, in MiB. Beyond it the cells that have been silent for longest are forgotten, and counted.
        memory_mib: usize = 160,
        /// Kinds of findings that are switched off, such as ["access.crawler"].
        off: Vec<String> = Vec::new(),
    }
}

/// All detectors with their cells and findings.
pub struct Engine {
    tables: Vec<Seated>,
    subjects: Subjects,
    sensor: Sensor,
    tells_losses: bool,
    tells_mirror: bool,
    findings: Findings,
    population: Population,
    memory: usize,
    evicted: u64,
    now: Timestamp,
    /// Events so far, by which those that are timed are picked.
    events: u32,
    /// When something happened last: an event, or a change of a finding. Time may have passed since.
    happened: Timestamp,
    swept: Timestamp,
    out: Vec<Arc<Finding>>,
}

struct Seated {
    views: Views,
    table: Box<dyn Table>,
    /// Time spent on the events that were timed.
    spent: Duration,
}

/// Cells that were silent for too long are freed this often.
const SWEEP: Span = Span::seconds(1);
/// Of so many events one is timed.
const TIMED_EVERY: u32 = 256;
/// At the limit of memory so many cells are forgotten at once.
const AT_ONCE: usize = 64;

/// A detector's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableAccount {
    /// Its kind.
    pub kind: &'static str,
    /// Cells held.
    pub cells: usize,
    /// Memory of its cells, in bytes.
    pub bytes: usize,
    /// Time spent on events so far: of each 256th, multiplied.
    pub spent: Duration,
}

impl Engine {
    /// `tables` as the registry builds them. `keep_past` keeps forgotten findings for the end of a replay.
    pub fn new(
        tables: Vec<Box<dyn Table>>,
        sensor: Sensor,
        limits: &Limits,
        life: Life,
        key: Key,
        keep_past: bool,
    ) -> Engine {
        let is_on = |kind: &str| !limits.off.iter().any(|off| off == kind);
        let mut place = 0;
        let seat = |mut table: Box<dyn Table>| {
            place += u8::from(table.seat(place));
            assert!(place <= Subjects::TABLES, "more detectors with a memory than a subject has places for");
            Seated { views: table.views(), table, spent: Duration::ZERO }
        };
        let tables = tables.into_iter().filter(|table| is_on(table.rule().kind)).map(seat).collect();
        Engine {
            tables,
            subjects: Subjects::default(),
            sensor,
            tells_losses: is_on(Loss::RULE.kind),
            tells_mirror: is_on(Mirror::RULE.kind),
            findings: Findings::new(life, key, keep_past),
            population: Population::default(),
            memory: limits.memory_mib << 20,
            evicted: 0,
            now: Timestamp::default(),
            events: 0,
            happened: Timestamp::default(),
            swept: Timestamp::default(),
            out: Vec::new(),
        }
    }

    /// An event, not earlier than the last.
    pub fn event(&mut self, event: &Event) {
        self.advance(event.moment().at);
        self.happened = self.now;
        let shown = Views::of(event);
        self.subjects.begin();
        let Engine { population, findings, subjects, .. } = self;
        let mut scene = Scene { population, findings, subjects };
        self.events = self.events.wrapping_add(1);
        let is_timed = self.events.is_multiple_of(TIMED_EVERY);
        for seated in self.tables.iter_mut().filter(|seated| seated.views.meet(shown)) {
            let began = is_timed.then(Instant::now);
            seated.table.event(event, &mut scene);
            if let Some(began) = began {
                seated.spent += began.elapsed();
            }
        }
        self.population.learn(event);
        if self.subjects.bytes() > self.memory {
            self.make_room();
        }
        self.collect();
    }

    /// Event time has reached `to`: what silence tells is told.
    pub fn advance(&mut self, to: Timestamp) {
        if to <= self.now {
            return;
        }
        self.now = to;
        self.findings.advance(to);
        self.collect();
        if to.since(self.swept) >= SWEEP {
            self.swept = to;
            for seated in &mut self.tables {
                seated.table.forget(to, &mut self.subjects);
            }
        }
    }

    /// The losses so far, by reason, as the accounts have them at `at`.
    pub fn losses(&mut self, at: Timestamp, totals: &BTreeMap<&'static str, u64>) {
        self.advance(at);
        if !self.tells_losses {
            return;
        }
        let own = [
            ("cells_evicted", self.evicted),
            ("findings_refused", self.findings.refused()),
            ("past_findings_dropped", self.findings.past_dropped()),
        ];
        self.sensor.loss.observe(
            at,
            totals.iter().map(|(reason, total)| (*reason, *total)).chain(own),
            &mut self.findings,
        );
        self.collect();
    }

    /// What the ports delivered since the last call, as the accounts have it at `at`.
    pub fn mirror(&mut self, at: Timestamp, taps: &[TapReport]) {
        self.advance(at);
        if self.tells_mirror {
            self.sensor.mirror.observe(at, taps, &mut self.findings);
            self.collect();
        }
    }

    /// The end of a run: findings that have grown since they were told last are told, as of when something happened last, since how
    /// long a wire was quiet before the sensor was stopped means nothing. Nothing is closed.
    pub fn flush(&mut self) {
        self.findings.flush(self.happened);
        self.collect();
    }

    /// Changes since they were taken last, in order.
    pub fn take_changes(&mut self) -> std::vec::Drain<'_, Arc<Finding>> {
        self.out.drain(..)
    }

    /// All findings as they stand, with their sentences, sorted by first_seen, kind and id.
    pub fn all(&self) -> Vec<Finding> {
        let mut all = self.findings.all();
        for finding in &mut all {
            self.put_summary(finding);
        }
        all
    }

    /// Counters of each detector.
    pub fn accounts(&self) -> impl Iterator<Item = TableAccount> {
        self.tables.iter().map(|Seated { table, spent, .. }| TableAccount {
            kind: table.rule().kind,
            cells: table.cells(),
            bytes: table.bytes(),
            spent: *spent * TIMED_EVERY,
        })
    }

    /// Findings refused at their limit.
    pub fn refused(&self) -> u64 {
        self.findings.refused()
    }

    /// Forgotten findings that the end of a replay will not show, because as many are kept as may be.
    pub fn past_dropped(&self) -> u64 {
        self.findings.past_dropped()
    }

    /// Suppressions with what they have held back.
    pub fn suppressed(&self) -> impl Iterator<Item = (&Suppression, &Suppressed)> {
        self.findings.suppressed()
    }

    /// Cells forgotten at the memory limit.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Writes what the next run can start from, as lines of JSON: what all share, and a line for each table, so that it is never held
    /// in memory a second time.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn save(&self, out: &mut dyn Write) -> io::Result<()> {
        let saved = Saved {
            now: self.now,
            tables: self.tables.len(),
            findings: self.findings.save(),
            population: self.population.save(),
        };
        serde_json::to_writer(&mut *out, &saved)?;
        out.write_all(b"\n")?;
        self.tables.iter().try_for_each(|Seated { table, .. }| table.save(&self.subjects, out))
    }

    /// Goes on from where another engine stands, which was made with other settings.
    ///
    /// # Errors
    /// What the other holds cannot be told; this engine is then of no use.
    pub fn inherit(&mut self, other: &mut Engine) -> io::Result<()> {
        let mut saved = Vec::new();
        other.save(&mut saved)?;
        self.load(&mut &saved[..])?;
        self.sensor.loss.inherit(&mut other.sensor.loss);
        self.sensor.mirror.inherit(&mut other.sensor.mirror);
        self.findings.inherit(&other.findings);
        self.happened = other.happened;
        self.evicted = other.evicted;
        self.out.append(&mut other.out);
        Ok(())
    }

    /// Starts from what an earlier run saved. Tables of detectors that are no longer there are dropped.
    ///
    /// # Errors
    /// Those of `saved`; it is no such text, or ends early.
    pub fn load(&mut self, saved: &mut dyn BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        let mut next = |line: &mut Vec<u8>| {
            line.clear();
            if saved.read_until(b'\n', line)? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends early"));
            }
            Ok(())
        };
        next(&mut line)?;
        let head: Saved = serde_json::from_slice(&line)?;
        self.now = head.now;
        self.population.load(head.population);
        for _ in 0..head.tables {
            next(&mut line)?;
            let SavedTable { table, cells }: SavedTable<'_, &RawValue> = serde_json::from_slice(&line)?;
            let known = self.tables.iter_mut().find(|seated| seated.table.rule().kind == table);
            if let Some(Seated { table, .. }) = known {
                table.load(cells, &mut self.subjects)?;
            }
        }
        let mut rules: HashMap<&str, &'static Rule> =
            self.tables.iter().map(|seated| (seated.table.rule().kind, seated.table.rule())).collect();
        for (is_told, rule) in [(self.tells_losses, Loss::RULE), (self.tells_mirror, Mirror::RULE)] {
            if is_told {
                rules.insert(rule.kind, rule);
            }
        }
        self.findings.load(head.findings, |kind| rules.get(kind).copied());
        Ok(())
    }

    /// Takes from whom holds most until all fit.
    fn make_room(&mut self) {
        while self.subjects.bytes() > self.memory {
            let largest = self.tables.iter_mut().max_by_key(|seated| seated.table.bytes());
            let Some(Seated { table, .. }) = largest else { return };
            // A little more than must be, so that not every event looks for the largest.
            for _ in 0..AT_ONCE {
                if !table.evict(self.now, &mut self.subjects) {
                    return;
                }
                self.evicted += 1;
            }
        }
    }

    fn collect(&mut self) {
        if self.findings.changed.is_empty() {
            return;
        }
        for mut finding in std::mem::take(&mut self.findings.changed) {
            self.put_summary(&mut finding);
            self.happened = self.happened.max(finding.changed_at);
            self.out.push(Arc::new(finding));
        }
    }

    fn put_summary(&self, finding: &mut Finding) {
        let table = self.tables.iter().map(|seated| &seated.table).find(|table| table.rule().kind == finding.rule.kind);
        finding.summary = match table {
            _ if CAMPAIGN.is(finding) => CAMPAIGN.summary(finding),
            Some(table) => table.summary(finding),
            None if finding.rule.kind == Mirror::RULE.kind => self.sensor.mirror.summary(finding),
            None => self.sensor.loss.summary(finding),
        };
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    now: Timestamp,
    /// Lines that follow.
    tables: usize,
    findings: SavedFindings,
    population: population::Saved,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Cells;
    use crate::data::Unmasked;
    use crate::harness::Harness;
    use spyhop_model::Outcome;
    use spyhop_testkit::{event, types};

    fn returning(n: u32) -> Event {
        event().get(&format!("a.example/{n}/{}", "x".repeat(1_000))).returns(&types::MOBILE, 1).build(n)
    }

    fn unmasked(memory_mib: usize) -> Engine {
        let tables: Vec<Box<dyn Table>> = vec![Box::new(Cells::new(Unmasked::default()))];
        let limits = Limits { memory_mib, ..Limits::default() };
        Engine::new(tables, Sensor::default(), &limits, Life::default(), Key::new([1; 32]), false)
    }

    #[test]
    fn memory_counts_names_and_what_states_hold_and_gives_it_all_back() {
        let mut engine = unmasked(160);
        for n in 0..100 {
            engine.event(&returning(n));
        }
        assert!(engine.subjects.bytes() > 100 * 1_050, "{}", engine.subjects.bytes());
        let mut next = unmasked(160);
        let mut saved = Vec::new();
        engine.save(&mut saved).expect("saved");
        next.load(&mut &saved[..]).expect("loaded");
        let cut = saved.len() - 2;
        assert!(unmasked(160).load(&mut &saved[..cut]).is_err());
        let held = next.accounts().next().expect("a table");
        assert_eq!((held.cells, next.subjects.bytes() > 100 * 1_050), (100, true));
        assert!(engine.tables[0].table.evict(engine.now, &mut engine.subjects));
        let before = engine.subjects.bytes();
        // Remembered for thirty days; freed a quarter of that later at most.
        engine.advance(spyhop_testkit::time(29 * 86_400));
        assert_eq!((engine.accounts().map(|held| held.cells).sum::<usize>(), engine.subjects.bytes()), (99, before));
        for day in 30..40 {
            engine.advance(spyhop_testkit::time(day * 86_400));
        }
        assert_eq!((engine.accounts().map(|held| held.cells).sum::<usize>(), engine.subjects.bytes()), (0, 0));
    }

    #[test]
    fn the_cells_of_all_detectors_stay_within_the_memory() {
        let mut engine = unmasked(1);
        for n in 0..2_000 {
            engine.event(&returning(n));
        }
        let held: TableAccount = engine.accounts().next().expect("a table");
        assert!(held.bytes <= 1 << 20 && held.cells > 500, "{held:?}");
        assert_eq!(engine.evicted(), 2_000 - held.cells as u64);
    }

    #[test]
    fn what_has_nothing_to_remember_costs_nothing() {
        let tables =
            crate::registry::DETECTORS.iter().map(|entry| (entry.build)((entry.defaults)()).expect("defaults"));
        let mut engine = Engine::new(
            tables.collect(),
            Sensor::default(),
            &Limits::default(),
            Life::default(),
            Key::new([1; 32]),
            false,
        );
        for n in 0..100 {
            engine.event(&event().get(&format!("a.example/{n}")).status(404).build(n));
            engine.event(&event().get(&format!("a.example/{n}")).overseas("US").build(n));
        }
        assert_eq!(engine.accounts().map(|account| account.cells).sum::<usize>(), 0);
        let login = event().post("a.example/login").login("alice", Outcome::Success);
        engine.event(&login.build(1_000));
        let kept: Vec<_> = engine.accounts().filter(|account| account.cells > 0).map(|account| account.kind).collect();
        let accounts = [
            "auth.credential_stuffing",
            "auth.high_frequency_login",
            "auth.success_after_failures",
            "auth.unusual_login",
            "auth.overseas_login",
            "auth.impossible_travel",
            "access.dormant_account",
            "data.pre_login_exposure",
        ];
        assert_eq!(kept, accounts);
    }

    #[test]
    fn who_remembers_nothing_does_not_take_the_cells_of_others() {
        // Two detectors ask for one endpoint; the first remembers nothing, and the second has the first place.
        let tables: Vec<Box<dyn Table>> = vec![
            Box::new(Cells::new(crate::auth::PlaintextPassword::default())),
            Box::new(Cells::new(crate::auth::TokenInUrl::default())),
        ];
        let mut sensor = Harness::limited(tables, &Limits::default());
        for n in 0..3 {
            let login = event().at(n).post("a.example/login").login("alice", Outcome::Success);
            let login = login.secret_form(spyhop_model::SecretForm::Plain);
            let place = spyhop_model::Place::Query("token".into());
            sensor.see(login.carries_in(spyhop_model::CredentialKind::Bearer, place, "t"));
        }
        let mut kinds: Vec<_> = sensor.findings().iter().map(|finding| finding.rule.kind).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["auth.plaintext_password", "auth.token_in_url"]);
    }

    #[test]
    fn losses_can_be_switched_off() {
        let limits = Limits { off: vec!["sensor.loss".into()], ..Limits::default() };
        let mut sensor = Harness::limited(Vec::new(), &limits);
        sensor.losses(1, &[("gap_bytes", 100)]);
        sensor.silent();
    }

    #[test]
    fn ordinary_people_stay_silent_whatever_their_logins_look_like() {
        let mut sensor = Harness::of_family("auth.");
        let hashed = spyhop_model::SecretForm::Hashed;
        let login = |second: u64, from: &str, name: &str, outcome: Outcome| {
            event().at(second).from(from).post("a.example/login").login(name, outcome).secret_form(hashed)
        };
        // Forgotten three times, then remembered.
        for n in 0..4 {
            let outcome = if n == 3 { Outcome::Success } else { Outcome::Failure };
            sensor.see(login(n * 20, "10.0.0.9", "bob", outcome).secret(&format!("try{n}")));
        }
        // A family behind one address; one of them mistypes.
        for n in 0..12_u64 {
            let outcome = if n == 5 { Outcome::Failure } else { Outcome::Success };
            sensor.see(login(1_000 + n * 30, "198.51.100.7", &format!("member{}", n % 4), outcome));
        }
        // An office at nine: two hundred people in ten minutes, one in eight mistypes first.
        for n in 0..200_u64 {
            let at = 2_000 + n * 3;
            if n % 8 == 0 {
                let mistyped = login(at, "203.0.113.1", &format!("staff{n}"), Outcome::Failure);
                sensor.see(mistyped.secret(&format!("typo{n}")).crowd(30).picture("edge"));
            }
            sensor.see(login(at + 1, "203.0.113.1", &format!("staff{n}"), Outcome::Success).crowd(30).picture("edge"));
        }
        // A probe of the inside every five seconds.
        for n in 0..200 {
            let probe = login(4_000 + n * 5, "10.0.0.10", "probe", Outcome::Success);
            sensor.see(probe.agent(spyhop_model::AgentFamily::Monitor, "uptime"));
        }
        // An application that sends no Referer, as half of its users do.
        for n in 0..50 {
            let app = login(6_000 + n * 20, &format!("198.51.{n}.7"), &format!("user{n}"), Outcome::Success);
            sensor.see_with(app.agent(spyhop_model::AgentFamily::Library, "okhttp"), |event| {
                let habits = spyhop_model::LoginHabits {
                    accepted: 100,
                    by_browser: 50,
                    by_same_agent: 50,
                    ..Default::default()
                };
                event.habits = Some(Box::new(spyhop_model::LoginHabits { with_referer: 50, ..habits }));
            });
        }
        sensor.silent();
    }

    #[test]
    fn what_joins_a_campaign_later_is_told_once_and_as_its_part() {
        let mut sensor = Harness::of_family("auth.brute_force");
        let attack = |sensor: &mut Harness, victims: std::ops::Range<u64>, at: u64| {
            for victim in victims {
                for n in 0..10 {
                    let attempt = event().at(at + victim * 10 + n).from(&format!("203.0.{victim}.9"));
                    let attempt = attempt.post("a.example/login").login(&format!("user{victim}"), Outcome::Failure);
                    sensor.see(attempt.secret(&format!("guess{n}")));
                }
            }
        };
        attack(&mut sensor, 0..20, 0);
        assert!(sensor.findings().iter().all(|finding| finding.status == spyhop_model::Status::Open));
        attack(&mut sensor, 20..23, 0);
        let changes = sensor.changes();
        let of = |account: &str| {
            let of: Vec<_> = changes.iter().filter(|change| change.primary.to_string() == account).collect();
            of.into_iter().map(|change| (change.change, change.status)).collect::<Vec<_>>()
        };
        use spyhop_model::{Change, Status};
        assert_eq!(of("user3"), [(Change::Opened, Status::Open), (Change::Updated, Status::Folded)]);
        assert_eq!(of("user22"), [(Change::Opened, Status::Folded)]);
        assert_eq!(of("a.example")[0], (Change::Opened, Status::Open));
        // It is over when its members are.
        sensor.advance(10_000);
        let open = sensor.findings().into_iter().filter(|finding| finding.status == Status::Open);
        assert_eq!(open.count(), 0);
    }
}
