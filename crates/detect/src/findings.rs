//! The life of findings: opened once, growing, closed or stale after silence, closed when mended, reopened.
//!
//! ```text
//!            hit            quiet (incident, flow) or mended (weakness)
//!   (none) ──────> open ─────────────────────────────────────────────────> closed ──> incident: forgotten after `reopen_within`
//!                  │ ^ hit: reopened                                         │
//!        silence   │ └───────────────────────────────────────────────────────┘
//!        (weakness)└──> stale ── hit: reopened ──> open
//!   open ── explained by a stronger finding ──> folded ── hit of its own: reopened ──> open
//! ```
//!
//! Only incidents are forgotten by time: a new one bears its own opening moment in its id. A weakness that comes back has the
//! same id, and so must be the same finding. It leaves only to make room.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Change, Class, Entity, Event, Finding, FindingId, Involved, Key, Moment, Rule, Said, Span, Status, Timestamp,
    settings,
};

use crate::campaign::{CAMPAIGN, Campaigns};
use crate::detector::{CellKey, Evidence, Fold};
use crate::suppression::{Suppressed, Suppression, Suppressions};

settings! {
    /// The life of findings: when they are told again, become stale, close and are forgotten.
    pub struct Life {
        /// A weakness of which nothing was seen for this long becomes stale.
        stale_after: Span = Span::days(7),
        /// Exchanges in a row that would have shown a weakness and did not close it as mended.
        mended_after: u32 = 50,
        /// A closed incident that comes back within this time is reopened; after it, a new one is opened. Weaknesses and flows are always reopened.
        reopen_within: Span = Span::days(30),
        /// A growing finding is told again at the latest after this long; sooner when its count has doubled, its severity has risen or a new reason came up.
        update_every: Span = Span::minutes(30),
        /// Updates of one finding are at least this far apart.
        update_apart: Span = Span::minutes(1),
        /// More open incidents of one kind than this that begin on one host within ten minutes are one finding of that host, a campaign, which takes them in.
        campaign_after: usize = 20,
        /// Incidents that are known and need no finding for a while, each a table `[[findings.suppress]]` with `kind` (or `family.*`), at least one of `address` (or a prefix), `account`, `device`, `endpoint`, `host` and `partner`, all of which must hold, a `reason`, and the last day on which it holds, `until` ("2027-01-31", at most 180 days ahead). What they hold back is counted.
        suppress: Vec<Suppression> = Vec::new(),
        /// Findings kept at once. Beyond it those go that have been closed or stale for longest, then new ones are refused and counted.
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
    pub kind: Cow<'static, str>,
    pub cell: CellKey,
    pub aspect: Option<Arc<str>>,
}

impl FindingKey {
    fn new(kind: &'static str, cell: &CellKey, aspect: Option<&str>) -> FindingKey {
        FindingKey { kind: Cow::Borrowed(kind), cell: cell.clone(), aspect: aspect.map(Into::into) }
    }
}

/// All findings that are not forgotten yet.
pub struct Findings {
    life: Life,
    key: Key,
    lives: HashMap<FindingKey, Lived, ahash::RandomState>,
    /// When silence next tells something of them.
    deadlines: Queue,
    /// Since when they are closed or stale: the first makes room.
    over: Queue,
    /// Those that are open, or folded into a campaign that is, by kind.
    active: HashMap<Cow<'static, str>, BTreeSet<FindingKey>, ahash::RandomState>,
    campaigns: Campaigns,
    suppressions: Suppressions,
    pub(crate) changed: Vec<Finding>,
    /// Closed and past reopening; kept for the end of a replay only.
    past: Vec<Finding>,
    keep_past: bool,
    refused: u64,
    past_dropped: u64,
}

/// Findings by a time of theirs; each stands here at most once.
#[derive(Default)]
struct Queue {
    by_time: BTreeSet<(Timestamp, FindingKey)>,
}

impl Queue {
    /// Moves a finding from where it `stands` to `at`; `None`: not in the queue.
    fn place(&mut self, key: &FindingKey, stands: &mut Option<Timestamp>, at: Option<Timestamp>) {
        if *stands == at {
            return;
        }
        if let Some(before) = std::mem::replace(stands, at) {
            self.by_time.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.by_time.insert((at, key.clone()));
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lived {
    finding: Finding,
    quiet: Span,
    /// Its place in `deadlines`.
    due: Option<Timestamp>,
    /// Its place in `over`.
    over: Option<Timestamp>,
    /// The campaign that it is part of.
    campaign: Option<FindingKey>,
    /// It came back out of a fold: what would explain it did not explain all of it.
    unexplained: bool,
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
            suppressions: Suppressions::new(&life.suppress),
            life,
            key,
            lives: HashMap::default(),
            deadlines: Queue::default(),
            over: Queue::default(),
            active: HashMap::default(),
            campaigns: Campaigns::default(),
            changed: Vec::new(),
            past: Vec::new(),
            keep_past,
            refused: 0,
            past_dropped: 0,
        }
    }

    /// Whether a finding of that kind is open on a cell, under any aspect named. One that a campaign has taken in is, too.
    pub fn is_open(&self, kind: &'static str, cell: &CellKey, aspect: Option<&str>) -> bool {
        self.any_open(kind)
            && self.active.get(kind).is_some_and(|keys| keys.contains(&FindingKey::new(kind, cell, aspect)))
    }

    /// Whether any finding of that kind is open.
    pub fn any_open(&self, kind: &'static str) -> bool {
        self.active.get(kind).is_some_and(|keys| !keys.is_empty())
    }

    /// Open findings of a kind, with their cells; some, where there are very many.
    pub fn open(&self, kind: &'static str) -> impl Iterator<Item = (&CellKey, &Finding)> {
        /// Findings looked at, so that nobody makes looking costly.
        const LOOKED_AT: usize = 1_024;
        let keys = self.active.get(kind).into_iter().flatten().take(LOOKED_AT);
        keys.filter_map(|key| self.lives.get(key).map(|lived| (&key.cell, &lived.finding)))
    }

    /// Goes on counting where another stopped.
    pub(crate) fn inherit(&mut self, other: &Findings) {
        self.refused = other.refused;
        self.past_dropped = other.past_dropped;
    }

    /// Findings refused at the limit so far.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Forgotten findings that the end of a replay will not show, because as many are kept as may be.
    pub fn past_dropped(&self) -> u64 {
        self.past_dropped
    }

    /// Whether a hit is of those that are known and not to be told. It is counted.
    pub(crate) fn hold_back(&mut self, kind: &str, cell: &CellKey, event: &Event, now: Timestamp) -> bool {
        self.suppressions.hold_back(kind, cell, event, now)
    }

    /// Suppressions with what they have held back.
    pub(crate) fn suppressed(&self) -> impl Iterator<Item = (&Suppression, &Suppressed)> {
        self.suppressions.accounts()
    }

    pub(crate) fn hit(
        &mut self,
        rule: &'static Rule,
        cell: &CellKey,
        aspect: Option<&str>,
        evidence: Evidence,
        by: &Support<'_>,
    ) {
        let key = FindingKey::new(rule.kind, cell, aspect);
        let severity = evidence.severity.unwrap_or(rule.severity);
        if let Some(campaign) = self.campaign_of(&key) {
            if let Some(lived) = self.lives.get_mut(&key) {
                grow(&mut lived.finding, evidence, by);
            }
            self.raise(rule, &campaign, CAMPAIGN.evidence(0).severity(severity), by);
            return;
        }
        if !self.raise(rule, &key, evidence, by) || rule.class != Class::Incident {
            return;
        }
        let Some(event) = by.event else { return };
        self.join_campaign(rule, &key, event.host(), severity, by);
    }

    /// Supports a finding; opens it, or opens it again. Whether it did.
    fn raise(&mut self, rule: &'static Rule, key: &FindingKey, evidence: Evidence, by: &Support<'_>) -> bool {
        let mut change = Change::Updated;
        if !self.lives.contains_key(key) {
            while self.lives.len() >= self.life.limit {
                if !self.make_room() {
                    self.refused += 1;
                    return false;
                }
            }
            let lived = self.open_new(rule, key, &evidence, by);
            self.lives.insert(key.clone(), lived);
            change = Change::Opened;
        }
        let Some(lived) = self.lives.get_mut(key) else { return false };
        let finding = &mut lived.finding;
        if finding.status != Status::Open {
            // A hit on a folded one is unexplained: detectors are silent while the stronger finding explains it.
            lived.unexplained = finding.status == Status::Folded && lived.campaign.is_none();
            lived.campaign = None;
            change = Change::Reopened;
            finding.status = Status::Open;
            finding.parent = None;
        }
        lived.clean = 0;
        grow(finding, evidence, by);
        if change != Change::Updated {
            let due = finding.last_seen + silence(rule, lived.quiet, &self.life);
            self.deadlines.place(key, &mut lived.due, Some(due));
            self.over.place(key, &mut lived.over, None);
            self.active.entry(key.kind.clone()).or_default().insert(key.clone());
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
        change != Change::Updated
    }

    /// The campaign that a finding is part of, while that is open.
    fn campaign_of(&self, key: &FindingKey) -> Option<FindingKey> {
        let lived = self.lives.get(key).filter(|lived| lived.finding.status == Status::Folded)?;
        let campaign = lived.campaign.as_ref()?;
        let open = self.lives.get(campaign).is_some_and(|parent| parent.finding.status == Status::Open);
        open.then(|| campaign.clone())
    }

    /// An incident has opened: with too many others on its host, it is part of a campaign (handbook §6.10, fan-in).
    fn join_campaign(
        &mut self,
        rule: &'static Rule,
        key: &FindingKey,
        host: &str,
        severity: spyhop_model::Severity,
        by: &Support<'_>,
    ) {
        let parent = FindingKey::new(rule.kind, &CAMPAIGN.cell(host), None);
        if parent.cell == key.cell {
            return;
        }
        let is_on = self.lives.get(&parent).is_some_and(|lived| lived.finding.status == Status::Open);
        let members = if is_on {
            vec![key.clone()]
        } else {
            let recent = self.campaigns.opened(by.at.at, host, key);
            if recent.len() <= self.life.campaign_after {
                return;
            }
            let open = |key: &FindingKey| {
                self.lives.get(key).is_some_and(|lived| lived.finding.status == Status::Open && !lived.unexplained)
            };
            recent.into_iter().filter(open).collect()
        };
        if !is_on && members.len() <= self.life.campaign_after {
            return;
        }
        let evidence = CAMPAIGN.evidence(members.len() as u64).severity(severity);
        self.raise(rule, &parent, evidence, by);
        let Some(id) = self.lives.get(&parent).map(|lived| lived.finding.id) else { return };
        for member in members {
            let Some(lived) = self.lives.get_mut(&member) else { continue };
            lived.finding.status = Status::Folded;
            lived.finding.parent = Some(id);
            lived.campaign = Some(parent.clone());
            let change = lived.finding.change;
            // One that opens as a part of it was not told before.
            match self.changed.iter_mut().rfind(|told| told.id == lived.finding.id && told.changed_at == by.at.at) {
                Some(told) if change != Change::Updated => {
                    told.status = Status::Folded;
                    told.parent = Some(id);
                }
                _ => lived.tell(Change::Updated, by.at.at, &mut self.changed),
            }
        }
    }

    /// A weakness was not shown where it would have been.
    pub(crate) fn mended(&mut self, rule: &'static Rule, cell: &CellKey, aspect: Option<&str>, at: Timestamp) {
        let key = FindingKey::new(rule.kind, cell, aspect);
        let Some(lived) = self.lives.get_mut(&key) else { return };
        if matches!(lived.finding.status, Status::Closed | Status::Folded) {
            return;
        }
        lived.clean += 1;
        if lived.clean >= self.life.mended_after {
            self.close(&key, at);
        }
    }

    fn close(&mut self, key: &FindingKey, at: Timestamp) {
        let Some(lived) = self.lives.get_mut(key) else { return };
        lived.finding.status = Status::Closed;
        let forget = (lived.finding.rule.class == Class::Incident).then(|| at + self.life.reopen_within);
        self.deadlines.place(key, &mut lived.due, forget);
        self.over.place(key, &mut lived.over, Some(at));
        lived.tell(Change::Closed, at, &mut self.changed);
        self.inactive(key);
    }

    fn inactive(&mut self, key: &FindingKey) {
        if let Some(keys) = self.active.get_mut(&key.kind) {
            keys.remove(key);
        }
    }

    /// Makes the open finding of a kind on `child` part of the one on `parent`. One that came back out of a fold stays on its own
    /// until it closes: else it would go in and out with every attempt of two attackers.
    pub(crate) fn fold(
        &mut self,
        rule: &'static Rule,
        parent: &CellKey,
        kind: &'static str,
        child: &CellKey,
        at: Timestamp,
    ) {
        let Some(parent) = self.lives.get(&FindingKey::new(rule.kind, parent, None)) else { return };
        let id = parent.finding.id;
        let child = FindingKey::new(kind, child, None);
        let Some(lived) = self.lives.get_mut(&child) else { return };
        if lived.finding.status == Status::Open && !lived.unexplained && lived.finding.id != id {
            lived.finding.status = Status::Folded;
            lived.finding.parent = Some(id);
            lived.tell(Change::Updated, at, &mut self.changed);
            self.inactive(&child);
        }
    }

    /// Fires what silence tells, up to and including `to`.
    pub(crate) fn advance(&mut self, to: Timestamp) {
        while self.deadlines.by_time.first().is_some_and(|(due, _)| *due <= to) {
            let Some((due, key)) = self.deadlines.by_time.pop_first() else { return };
            let Some(lived) = self.lives.get_mut(&key) else { continue };
            lived.due = None;
            let class = lived.finding.rule.class;
            let still = lived.finding.last_seen + silence(lived.finding.rule, lived.quiet, &self.life);
            match lived.finding.status {
                Status::Open | Status::Folded if still > due => {
                    self.deadlines.place(&key, &mut lived.due, Some(still));
                }
                Status::Closed | Status::Folded if class == Class::Incident => self.forget(&key),
                Status::Open if class == Class::Weakness => {
                    // A stale weakness waits for its next hit, which arms it again.
                    lived.finding.status = Status::Stale;
                    self.over.place(&key, &mut lived.over, Some(due));
                    lived.tell(Change::Updated, due, &mut self.changed);
                    self.inactive(&key);
                }
                Status::Open => self.close(&key, due),
                Status::Closed | Status::Folded | Status::Stale => {
                    self.over.place(&key, &mut lived.over, Some(due));
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

    fn open_new(&self, rule: &'static Rule, key: &FindingKey, evidence: &Evidence, by: &Support<'_>) -> Lived {
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
        Lived { finding, quiet: by.quiet, due: None, over: None, campaign: None, unexplained: false, clean: 0, told }
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
        let Some(mut lived) = self.lives.remove(key) else { return };
        self.inactive(key);
        self.deadlines.place(key, &mut lived.due, None);
        self.over.place(key, &mut lived.over, None);
        if !self.keep_past {
            return;
        }
        if self.past.len() < self.life.limit {
            self.past.push(lived.finding);
        } else {
            self.past_dropped += 1;
        }
    }

    /// Forgets the finding that has been closed or stale for longest. False if none is.
    fn make_room(&mut self) -> bool {
        let Some((_, key)) = self.over.by_time.first().cloned() else { return false };
        self.forget(&key);
        true
    }

    pub(crate) fn save(&self) -> SavedFindings {
        let mut lives: Vec<_> = self.lives.iter().map(|(key, lived)| (key.clone(), lived.clone())).collect();
        lives.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        SavedFindings { lives, campaigns: self.campaigns.clone(), suppressed: self.suppressions.save() }
    }

    pub(crate) fn load(&mut self, saved: SavedFindings, rule: impl Fn(&str) -> Option<&'static Rule>) {
        self.campaigns = saved.campaigns;
        self.suppressions.load(saved.suppressed);
        for (mut key, mut lived) in saved.lives {
            // A kind that this version no longer has is forgotten with its findings.
            let Some(rule) = rule(&key.kind) else { continue };
            key.kind = Cow::Borrowed(rule.kind);
            if lived.finding.status == Status::Open || lived.campaign.is_some() {
                self.active.entry(key.kind.clone()).or_default().insert(key.clone());
            }
            lived.finding.rule = rule;
            let (due, over) = (lived.due.take(), lived.over.take());
            self.deadlines.place(&key, &mut lived.due, due);
            self.over.place(&key, &mut lived.over, over);
            self.lives.insert(key, lived);
        }
    }
}

/// Findings as a snapshot holds them.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedFindings {
    lives: Vec<(FindingKey, Lived)>,
    campaigns: Campaigns,
    suppressed: BTreeMap<String, Suppressed>,
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
    if let Some(session) = &event.session {
        add(Entity::Session(session.id));
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

#[cfg(test)]
mod tests;
