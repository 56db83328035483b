//! What a detector is: settings, a rule, a state per entity, and what it says of an event.

use serde::Serialize;
use serde::de::DeserializeOwned;
use spyhop_model::{Entity, Event, Finding, Respond, Rule, Said, Settings, Severity, Span, Timestamp};

use crate::findings::Findings;
use crate::population::Population;

/// A detector: its settings struct. The engine owns all state, and creates, forgets, bounds and saves it.
pub trait Detector: Settings + Send + 'static {
    /// The kind of finding.
    const RULE: &'static Rule;
    /// What is remembered of one cell. Bounded: a cell must not grow with what strangers send.
    type State: Default + Serialize + DeserializeOwned + Send;

    /// Whose cells this event belongs in.
    fn entities(&self, event: &Event, out: &mut Vec<CellKey>);
    /// Looks at an event in one of its cells. Every supporting event is a hit; the engine opens, grows and closes.
    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, state: &mut Self::State, out: &mut Verdicts);
    /// Which events it looks at; others are not shown to it.
    const VIEWS: Views = Views::CALLS;

    /// How long a silent cell is remembered. A detector whose state is `()` has none.
    fn memory(&self) -> Span {
        const { assert!(size_of::<Self::State>() == 0, "a detector that remembers says for how long") };
        Span::default()
    }
    /// Whether a state says no more than a new one. A cell that is idle after its first event is not kept, so that what strangers
    /// make up costs nothing.
    fn is_idle(&self, _state: &Self::State) -> bool {
        size_of::<Self::State>() == 0
    }
    /// Bytes that a state holds on the heap.
    fn heap(&self, _state: &Self::State) -> usize {
        0
    }
    /// Whether the settings can do what they say.
    ///
    /// # Errors
    /// A sentence about one that cannot.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
    /// How long after its last hit an incident or flow is over. Weaknesses become stale instead, by the engine's setting.
    fn quiet(&self) -> Span {
        Span::hours(1)
    }
    /// One sentence about a finding of this kind, as it stands now.
    fn summary(&self, finding: &Finding) -> Said;
}

/// Which events a detector looks at, as bits. Most calls are neither logins nor do they carry values, so that most detectors need not
/// be asked about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Views(u8);

impl Views {
    /// Every call.
    pub const CALLS: Views = Views(1 << 0);
    /// Calls in which somebody proves who he is: logins, registrations, codes.
    pub const LOGINS: Views = Views(1 << 1);
    /// Calls with sensitive values, or that say how they are masked.
    pub const VALUES: Views = Views(1 << 2);
    /// How earlier logins ended ([`spyhop_model::Conclusion`]).
    pub const CONCLUSIONS: Views = Views(1 << 3);
    /// Messages of WebSockets and other channels ([`spyhop_model::Message`]): those who count calls do not want them.
    pub const MESSAGES: Views = Views(1 << 4);

    /// These and those.
    pub const fn and(self, other: Views) -> Views {
        Views(self.0 | other.0)
    }
    /// What an event is. An echo is nothing: it has been judged where it was seen first.
    pub(crate) fn of(event: &Event) -> Views {
        let call = &event.call;
        if event.echo {
            Views(0)
        } else if event.concluded.is_some() {
            Views::CONCLUSIONS
        } else if call.message.is_some() {
            Views::MESSAGES
        } else {
            let values =
                !call.observations.is_empty() || !call.masks_in_browser.is_empty() || !call.unveiled.is_empty();
            let logins = if call.login.is_some() { Views::LOGINS } else { Views(0) };
            Views::CALLS.and(logins).and(if values { Views::VALUES } else { Views(0) })
        }
    }
    pub(crate) fn meet(self, other: Views) -> bool {
        self.0 & other.0 != 0
    }
}

/// Whose cell: an entity, within a scope where its name alone does not tell (an account's host).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
pub struct CellKey {
    /// The entity.
    pub entity: Entity,
    /// Where the entity's name holds.
    pub scope: Option<std::sync::Arc<str>>,
}

impl CellKey {
    /// The cell of an entity.
    pub fn of(entity: Entity) -> CellKey {
        CellKey { entity, scope: None }
    }
    /// The cell of an entity within a scope.
    pub fn within(entity: Entity, scope: &str) -> CellKey {
        CellKey { entity, scope: Some(scope.into()) }
    }
    /// Bytes of its names on the heap.
    pub(crate) fn heap(&self) -> usize {
        /// The counters before a shared text.
        const SHARED: usize = 16;
        let entity = match &self.entity {
            Entity::Account(name) | Entity::Endpoint(name) | Entity::Server(name) | Entity::Partner(name) => Some(name),
            Entity::ClientIp(_) | Entity::Device(_) | Entity::Session(_) | Entity::Sensor => None,
        };
        entity.into_iter().chain(&self.scope).map(|name| name.len() + SHARED).sum()
    }
}

/// What a detector may know beyond its own cell. It moves in event order too.
pub struct Context<'a> {
    /// The event's time.
    pub now: Timestamp,
    /// Findings, to ask which are open on an entity.
    pub findings: &'a Findings,
    /// What is usual among all accounts.
    pub population: &'a Population,
}

/// What one observation of a cell came to. Empty: nothing.
#[derive(Debug, Default)]
pub struct Verdicts {
    pub(crate) list: Vec<Verdict>,
}

#[derive(Debug)]
pub(crate) enum Verdict {
    /// On another cell than the one that was asked, where that is named.
    Hit {
        on: Option<CellKey>,
        aspect: Option<String>,
        evidence: Evidence,
    },
    Mended {
        on: Option<CellKey>,
        aspect: Option<String>,
    },
    Fold {
        into: Option<CellKey>,
        kind: &'static str,
        child: CellKey,
    },
}

impl Verdicts {
    /// The event supports a finding about the cell's entity.
    pub fn hit(&mut self, evidence: Evidence) {
        self.list.push(Verdict::Hit { on: None, aspect: None, evidence });
    }
    /// The event supports one of several findings that the entity can have of this kind (one a data type, say).
    pub fn hit_about(&mut self, aspect: &str, evidence: Evidence) {
        self.list.push(Verdict::Hit { on: None, aspect: Some(aspect.to_owned()), evidence });
    }
    /// The event would have shown the weakness and did not.
    pub fn mended(&mut self) {
        self.list.push(Verdict::Mended { on: None, aspect: None });
    }
    /// As [`Verdicts::mended`], for one aspect.
    pub fn mended_about(&mut self, aspect: &str) {
        self.list.push(Verdict::Mended { on: None, aspect: Some(aspect.to_owned()) });
    }
    /// As [`Verdicts::hit_about`], of another entity than the cell's: what a host's cell remembers shows that an endpoint is at fault.
    pub fn hit_on(&mut self, cell: CellKey, aspect: &str, evidence: Evidence) {
        self.list.push(Verdict::Hit { on: Some(cell), aspect: Some(aspect.to_owned()), evidence });
    }
    /// As [`Verdicts::mended_about`], of another entity than the cell's.
    pub fn mended_on(&mut self, cell: CellKey, aspect: &str) {
        self.list.push(Verdict::Mended { on: Some(cell), aspect: Some(aspect.to_owned()) });
    }
    /// An open finding of another cell is explained by this cell's finding, and becomes part of it.
    pub fn fold(&mut self, kind: &'static str, child: CellKey) {
        self.list.push(Verdict::Fold { into: None, kind, child });
    }
    /// As [`Verdicts::hit`], of another entity than the cell's.
    pub fn hit_of(&mut self, cell: CellKey, evidence: Evidence) {
        self.list.push(Verdict::Hit { on: Some(cell), aspect: None, evidence });
    }
    /// As [`Verdicts::fold`], into another cell's finding than this one's.
    pub fn fold_into(&mut self, parent: CellKey, kind: &'static str, child: CellKey) {
        self.list.push(Verdict::Fold { into: Some(parent), kind, child });
    }
}

/// What supports a hit. The event's exchange, entities and losses are added by the engine.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub(crate) severity: Option<Severity>,
    pub(crate) confidence: Option<u8>,
    pub(crate) reasons: Vec<&'static str>,
    pub(crate) measures: Vec<(&'static str, u64, Fold)>,
    pub(crate) samples: Vec<String>,
    pub(crate) involves: Vec<Entity>,
    pub(crate) respond: Vec<Respond>,
}

/// How a number of one hit joins those of earlier hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    Max,
    Sum,
}

impl Evidence {
    /// No more than that it happened.
    pub fn new() -> Evidence {
        Evidence::default()
    }
    /// Another severity than the rule's. A finding keeps the highest.
    pub fn severity(mut self, severity: Severity) -> Evidence {
        self.severity = Some(severity);
        self
    }
    /// How sure, 0..=100 (default 90). A finding keeps the highest.
    pub fn confidence(mut self, confidence: u8) -> Evidence {
        self.confidence = Some(confidence);
        self
    }
    /// A reason from the rule's closed vocabulary.
    pub fn reason(mut self, reason: &'static str) -> Evidence {
        self.reasons.push(reason);
        self
    }
    /// A number of which the finding keeps the largest.
    pub fn most(mut self, name: &'static str, value: u64) -> Evidence {
        self.measures.push((name, value, Fold::Max));
        self
    }
    /// A number that adds up over the hits.
    pub fn sum(mut self, name: &'static str, value: u64) -> Evidence {
        self.measures.push((name, value, Fold::Sum));
        self
    }
    /// A masked sample.
    pub fn sample(mut self, sample: impl Into<String>) -> Evidence {
        self.samples.push(sample.into());
        self
    }
    /// Another entity behind it, besides the event's own.
    pub fn involves(mut self, entity: Entity) -> Evidence {
        self.involves.push(entity);
        self
    }
    /// What could be restricted.
    pub fn respond(mut self, action: &'static str, target: Entity) -> Evidence {
        self.respond.push(Respond { action: action.into(), target });
        self
    }
}
