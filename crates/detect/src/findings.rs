//! The life of findings: opened once, growing, closed or stale after silence, closed when mended, reopened.
//!
//! ```text
//!            hit            quiet (incident, flow) or mended (weakness)
//!   (none) ──────> open ─────────────────────────────────────────────────> closed ──> forgotten after `reopen_within`
//!                  │ ^ hit: reopened                                         │
//!        silence   │ └───────────────────────────────────────────────────────┘
//!        (weakness)└──> stale ── hit: reopened ──> open
//!   open ── explained by a stronger finding ──> folded
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Change, Class, Entity, Event, Finding, FindingId, Involved, Key, Moment, Rule, Said, Span, Status, Timestamp,
    settings,
};

use crate::detector::{CellKey, Evidence, Fold};

settings! {
    /// The life of findings: when they are told again, become stale, close and are forgotten.
    pub struct Life {
        /// A weakness of which nothing was seen for this long becomes stale.
        stale_after: Span = Span::days(7),
        /// Exchanges in a row that would have shown a weakness and did not close it as mended.
        mended_after: u32 = 50,
        /// A closed finding that comes back within this time is reopened; after it, a new one is opened.
        reopen_within: Span = Span::days(30),
        /// A growing finding is told again at the latest after this long; sooner when its count has doubled, its severity has risen or a new reason came up.
        update_every: Span = Span::minutes(30),
        /// Updates of one finding are at least this far apart.
        update_apart: Span = Span::minutes(1),
        /// Findings kept at once. Beyond it the oldest closed ones go, then new ones are refused and counted.
        limit: usize = 100_000,
    }
}

/// Masked samples and exchanges kept with a finding (handbook §6.10: at most eight pieces of evidence).
const KEPT: usize = 8;
/// Reasons and measures kept with a finding; closed vocabularies stay far below.
const NAMES: usize = 32;

/// Which finding: of a kind, about a cell's entity, under an aspect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct FindingKey {
    pub kind: Arc<str>,
    pub cell: CellKey,
    pub aspect: Option<Arc<str>>,
}

/// All findings that are not forgotten yet.
pub struct Findings {
    life: Life,
    key: Key,
    lives: HashMap<FindingKey, Lived, ahash::RandomState>,
    deadlines: BinaryHeap<Reverse<(Timestamp, FindingKey)>>,
    pub(crate) changed: Vec<Finding>,
    /// Closed and past reopening; kept for the end of a replay only.
    past: Vec<Finding>,
    keep_past: bool,
    refused: u64,
    forgotten: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lived {
    finding: Finding,
    quiet: Span,
    closed_at: Option<Timestamp>,
    armed: Timestamp,
    clean: u32,
    told: Told,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Told {
    at: Timestamp,
    count: u64,
    severity: spyhop_model::Severity,
    reasons: usize,
}

/// What a hit rests on.
pub(crate) struct Support<'a> {
    pub at: Moment,
    pub event: Option<&'a Event>,
    pub quiet: Span,
}

impl Findings {
    /// No findings yet. `keep_past`: forgotten ones are kept for the end of a replay.
    pub fn new(life: Life, key: Key, keep_past: bool) -> Findings {
        Findings {
            life,
            key,
            lives: HashMap::default(),
            deadlines: BinaryHeap::new(),
            changed: Vec::new(),
            past: Vec::new(),
            keep_past,
            refused: 0,
            forgotten: 0,
        }
    }

    /// Whether a finding of that kind is open on a cell, under any aspect named.
    pub fn is_open(&self, kind: &str, cell: &CellKey, aspect: Option<&str>) -> bool {
        let key = FindingKey { kind: kind.into(), cell: cell.clone(), aspect: aspect.map(Into::into) };
        self.lives.get(&key).is_some_and(|lived| lived.finding.status == Status::Open)
    }

    /// Findings refused at the limit so far.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    pub(crate) fn hit(
        &mut self,
        rule: &'static Rule,
        cell: &CellKey,
        aspect: Option<&str>,
        evidence: Evidence,
        by: &Support<'_>,
    ) {
        let key = FindingKey { kind: rule.kind.into(), cell: cell.clone(), aspect: aspect.map(Into::into) };
        let mut change = Change::Updated;
        if !self.lives.contains_key(&key) {
            if self.lives.len() >= self.life.limit && !self.make_room() {
                self.refused += 1;
                return;
            }
            let lived = self.open(rule, &key, &evidence, by);
            self.lives.insert(key.clone(), lived);
            change = Change::Opened;
        }
        let Some(lived) = self.lives.get_mut(&key) else { return };
        let finding = &mut lived.finding;
        if matches!(finding.status, Status::Closed | Status::Stale) {
            change = Change::Reopened;
            finding.status = Status::Open;
            lived.closed_at = None;
        }
        lived.clean = 0;
        grow(finding, evidence, by);
        if change != Change::Updated {
            lived.armed = finding.last_seen + silence(rule, lived.quiet, &self.life);
            self.deadlines.push(Reverse((lived.armed, key.clone())));
        }
        let told = lived.told;
        let grown = finding.count >= told.count.saturating_mul(2)
            || finding.severity > told.severity
            || finding.reasons.len() > told.reasons
            || by.at.at.since(told.at) >= self.life.update_every;
        let tell = change != Change::Updated
            || (finding.status == Status::Open && grown && by.at.at.since(told.at) >= self.life.update_apart);
        if tell {
            lived.tell(change, by.at.at, &mut self.changed);
        }
    }

    /// A weakness was not shown where it would have been.
    pub(crate) fn mended(&mut self, rule: &'static Rule, cell: &CellKey, aspect: Option<&str>, at: Timestamp) {
        let key = FindingKey { kind: rule.kind.into(), cell: cell.clone(), aspect: aspect.map(Into::into) };
        let Some(lived) = self.lives.get_mut(&key) else { return };
        if matches!(lived.finding.status, Status::Closed | Status::Folded) {
            return;
        }
        lived.clean += 1;
        if lived.clean >= self.life.mended_after {
            lived.finding.status = Status::Closed;
            lived.closed_at = Some(at);
            lived.armed = at + self.life.reopen_within;
            self.deadlines.push(Reverse((lived.armed, key)));
            lived.tell(Change::Closed, at, &mut self.changed);
        }
    }

    /// Makes the open findings of a kind on `child` part of the one on `parent`.
    pub(crate) fn fold(
        &mut self,
        rule: &'static Rule,
        parent: &CellKey,
        kind: &'static str,
        child: &CellKey,
        at: Timestamp,
    ) {
        let parent = FindingKey { kind: rule.kind.into(), cell: parent.clone(), aspect: None };
        let Some(id) = self.lives.get(&parent).map(|lived| lived.finding.id) else { return };
        let child = FindingKey { kind: kind.into(), cell: child.clone(), aspect: None };
        let Some(lived) = self.lives.get_mut(&child) else { return };
        if lived.finding.status == Status::Open {
            lived.finding.status = Status::Folded;
            lived.finding.parent = Some(id);
            lived.tell(Change::Updated, at, &mut self.changed);
        }
    }

    /// Fires what silence tells, up to and including `to`.
    pub(crate) fn advance(&mut self, to: Timestamp) {
        while self.deadlines.peek().is_some_and(|Reverse((due, _))| *due <= to) {
            let Some(Reverse((due, key))) = self.deadlines.pop() else { return };
            // Of several entries of one finding only the one armed last counts.
            let Some(lived) = self.lives.get_mut(&key).filter(|lived| lived.armed == due) else { continue };
            let rule = lived.finding.rule;
            let still = lived.finding.last_seen + silence(rule, lived.quiet, &self.life);
            match lived.finding.status {
                Status::Closed => self.forget(&key),
                Status::Stale => {}
                Status::Open | Status::Folded if still > due => {
                    lived.armed = still;
                    self.deadlines.push(Reverse((still, key)));
                }
                Status::Folded => self.forget(&key),
                Status::Open if rule.class == Class::Weakness => {
                    // A stale weakness waits for its next hit, which arms it again.
                    lived.finding.status = Status::Stale;
                    lived.tell(Change::Updated, due, &mut self.changed);
                }
                Status::Open => {
                    lived.finding.status = Status::Closed;
                    lived.closed_at = Some(due);
                    lived.armed = due + self.life.reopen_within;
                    self.deadlines.push(Reverse((lived.armed, key)));
                    lived.tell(Change::Closed, due, &mut self.changed);
                }
            }
        }
    }

    /// Tells what has grown since it was told last: the end of a run.
    pub(crate) fn flush(&mut self, at: Timestamp) {
        let mut grown: Vec<_> = self
            .lives
            .iter()
            .filter(|(_, lived)| lived.finding.count > lived.told.count && lived.finding.status == Status::Open)
            .map(|(key, _)| key.clone())
            .collect();
        grown.sort_unstable();
        for key in grown {
            if let Some(lived) = self.lives.get_mut(&key) {
                lived.tell(Change::Updated, at, &mut self.changed);
            }
        }
    }

    /// All findings as they stand, sorted by first_seen, kind and id.
    pub fn all(&self) -> Vec<Finding> {
        let mut all: Vec<Finding> =
            self.past.iter().chain(self.lives.values().map(|lived| &lived.finding)).cloned().collect();
        all.sort_unstable_by(|a, b| (a.first_seen, a.rule.kind, a.id).cmp(&(b.first_seen, b.rule.kind, b.id)));
        all
    }

    fn open(&self, rule: &'static Rule, key: &FindingKey, evidence: &Evidence, by: &Support<'_>) -> Lived {
        let at = by.at.at;
        let severity = evidence.severity.unwrap_or(rule.severity);
        let finding = Finding {
            id: self.identify(rule, key, by.at),
            rule,
            severity,
            confidence: evidence.confidence.unwrap_or(CONFIDENCE),
            status: Status::Open,
            change: Change::Opened,
            revision: 0,
            parent: None,
            primary: key.cell.entity.clone(),
            aspect: key.aspect.clone(),
            summary: Said::default(),
            first_seen: at,
            last_seen: at,
            changed_at: at,
            count: 0,
            involved: Involved::default(),
            measures: BTreeMap::new(),
            reasons: Vec::new(),
            samples: Vec::new(),
            exchanges: Vec::new(),
            coverage: BTreeMap::new(),
            respond: Vec::new(),
        };
        let told = Told { at, count: 0, severity, reasons: 0 };
        Lived { finding, quiet: by.quiet, closed_at: None, armed: Timestamp::default(), clean: 0, told }
    }

    /// Computed once, at opening (see [`FindingId`]).
    fn identify(&self, rule: &Rule, key: &FindingKey, opening: Moment) -> FindingId {
        let mut text = format!("{}\0{}\0{}\0", rule.kind, key.cell.entity.role(), key.cell.entity);
        for part in [&key.cell.scope, &key.aspect] {
            text.push_str(part.as_deref().unwrap_or(""));
            text.push('\0');
        }
        if rule.class == Class::Incident {
            text.push_str(&format!("{}\0{}\0{}", opening.at.0, opening.flow, opening.ordinal));
        }
        FindingId(self.key.fingerprint("finding", text.as_bytes()).0)
    }

    fn forget(&mut self, key: &FindingKey) {
        if let Some(lived) = self.lives.remove(key) {
            if self.keep_past && self.past.len() < self.life.limit {
                self.past.push(lived.finding);
            }
            self.forgotten += 1;
        }
    }

    /// Forgets the finding that has been closed for longest. False if none is closed.
    fn make_room(&mut self) -> bool {
        let oldest = self
            .lives
            .iter()
            .filter_map(|(key, lived)| lived.closed_at.map(|closed| (closed, key)))
            .min()
            .map(|(_, key)| key.clone());
        let Some(key) = oldest else { return false };
        self.forget(&key);
        true
    }

    pub(crate) fn save(&self) -> SavedFindings {
        let mut lives: Vec<_> = self.lives.iter().map(|(key, lived)| (key.clone(), lived.clone())).collect();
        lives.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        SavedFindings { lives }
    }

    pub(crate) fn load(&mut self, saved: SavedFindings, rule: impl Fn(&str) -> Option<&'static Rule>) {
        for (key, mut lived) in saved.lives {
            // A kind that this version no longer has is forgotten with its findings.
            let Some(rule) = rule(&key.kind) else { continue };
            lived.finding.rule = rule;
            self.deadlines.push(Reverse((lived.armed, key.clone())));
            self.lives.insert(key, lived);
        }
    }
}

/// Findings as a snapshot holds them.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedFindings {
    lives: Vec<(FindingKey, Lived)>,
}

const CONFIDENCE: u8 = 90;

fn silence(rule: &Rule, quiet: Span, life: &Life) -> Span {
    if rule.class == Class::Weakness { life.stale_after } else { quiet }
}

impl Lived {
    fn tell(&mut self, change: Change, at: Timestamp, out: &mut Vec<Finding>) {
        let finding = &mut self.finding;
        finding.change = change;
        finding.changed_at = at;
        finding.revision += 1;
        self.told = Told { at, count: finding.count, severity: finding.severity, reasons: finding.reasons.len() };
        out.push(finding.clone());
    }
}

fn grow(finding: &mut Finding, evidence: Evidence, by: &Support<'_>) {
    finding.count += 1;
    finding.last_seen = finding.last_seen.max(by.at.at);
    if let Some(severity) = evidence.severity {
        finding.severity = finding.severity.max(severity);
    }
    finding.confidence = finding.confidence.max(evidence.confidence.unwrap_or(CONFIDENCE));
    for reason in evidence.reasons {
        add_distinct(&mut finding.reasons, reason, NAMES);
    }
    for sample in &evidence.samples {
        add_distinct(&mut finding.samples, sample, KEPT);
    }
    for (name, value, fold) in evidence.measures {
        if !finding.measures.contains_key(name) && finding.measures.len() < NAMES {
            finding.measures.insert(name.into(), 0);
        }
        if let Some(known) = finding.measures.get_mut(name) {
            *known = match fold {
                Fold::Max => (*known).max(value),
                Fold::Sum => known.saturating_add(value),
            };
        }
    }
    for respond in evidence.respond {
        if !finding.respond.contains(&respond) && finding.respond.len() < KEPT {
            finding.respond.push(respond);
        }
    }
    for entity in evidence.involves {
        finding.involved.add(entity.role(), &entity.to_string());
    }
    let Some(event) = by.event else { return };
    if finding.exchanges.len() < KEPT {
        finding.exchanges.push(event.call.id());
    }
    involve(&mut finding.involved, event);
    for loss in event.call.losses() {
        if !finding.coverage.contains_key(loss) {
            finding.coverage.insert(loss.into(), 0);
        }
        if let Some(touched) = finding.coverage.get_mut(loss) {
            *touched += 1;
        }
    }
}

fn involve(involved: &mut Involved, event: &Event) {
    involved.add("endpoint", &event.endpoint);
    if let Some(account) = &event.account {
        involved.add("account", account);
    }
    let mut add = |entity: Entity| involved.add(entity.role(), &entity.to_string());
    add(Entity::ClientIp(event.client.ip));
    add(Entity::Server(event.call.server.to_string().into()));
    if let Some(device) = event.device {
        add(Entity::Device(device));
    }
    if let Some(session) = event.session {
        add(Entity::Session(session));
    }
    if let Some(partner) = &event.partner {
        add(Entity::Partner(partner.clone()));
    }
}

fn add_distinct(list: &mut Vec<Arc<str>>, text: &str, most: usize) {
    if list.len() < most && !list.iter().any(|known| &**known == text) {
        list.push(text.into());
    }
}
