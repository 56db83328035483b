//! What we report.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::ExchangeId;
use crate::data::{Lang, Text};
use crate::event::Entity;
use crate::time::Timestamp;

/// The fixed description of a kind of finding.
#[derive(Debug)]
pub struct Rule {
    /// Stable name, `family.name`.
    pub kind: &'static str,
    /// How its findings live.
    pub class: Class,
    /// Severity unless the evidence says otherwise.
    pub severity: Severity,
    /// A title.
    pub title: Text,
    /// What it means, what looks like it and is not.
    pub about: Text,
    /// What to do.
    pub advice: Text,
    /// The clause of the API data-security blue book (2020) that asks for it.
    pub clause: &'static str,
}

/// How a finding lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Stays open until traffic shows it mended.
    Weakness,
    /// Begins, grows and ends.
    Incident,
    /// A record of change.
    Lifecycle,
    /// A record of where data goes.
    Flow,
    /// About the sensor itself.
    Sensor,
}

/// Severity; the numbers are OCSF's 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// 1.
    Info,
    /// 2.
    Low,
    /// 3.
    Medium,
    /// 4.
    High,
    /// 5.
    Critical,
}

impl Severity {
    /// All, from the least.
    pub const ALL: [Severity; 5] =
        [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// As written in output.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
    /// One step up, at most critical.
    pub fn raised(self) -> Severity {
        match self {
            Severity::Info => Severity::Low,
            Severity::Low => Severity::Medium,
            Severity::Medium => Severity::High,
            Severity::High | Severity::Critical => Severity::Critical,
        }
    }
}

/// Where a finding stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It holds.
    Open,
    /// A weakness of which nothing was seen for long.
    Stale,
    /// Part of another finding, its `parent`.
    Folded,
    /// Over, or mended.
    Closed,
}

/// What happened to a finding last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Raised.
    Opened,
    /// Grew.
    Updated,
    /// Ended.
    Closed,
    /// Came back.
    Reopened,
}

/// 64 bits of keyed BLAKE3 over kind, primary entity as named at opening, its scope, aspect, and, for incidents, the opening moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FindingId(pub u64);

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text made for one finding, in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl Said {
    /// The text in one language.
    pub fn lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

impl Rule {
    /// Stands in for a rule until the registry has put the real one there (a finding read from a snapshot).
    pub const UNKNOWN: &'static Rule = &Rule {
        kind: "unknown",
        class: Class::Incident,
        severity: Severity::Info,
        title: Text { en: "unknown", zh: "未知" },
        about: Text { en: "", zh: "" },
        advice: Text { en: "", zh: "" },
        clause: "",
    };

    fn unknown() -> &'static Rule {
        Rule::UNKNOWN
    }
}

/// A finding after one of its changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Identity, for its whole life.
    pub id: FindingId,
    /// Its rule. A snapshot keeps the kind beside the finding.
    #[serde(skip, default = "Rule::unknown")]
    pub rule: &'static Rule,
    /// Severity now.
    pub severity: Severity,
    /// 0..=100.
    pub confidence: u8,
    /// Where it stands.
    pub status: Status,
    /// What happened last.
    pub change: Change,
    /// Counts changes, from 1.
    pub revision: u32,
    /// The finding it is folded into.
    pub parent: Option<FindingId>,
    /// Whose it is.
    pub primary: Entity,
    /// Which of several findings of one kind that entity has (a data type, say).
    pub aspect: Option<Arc<str>>,
    /// One sentence.
    pub summary: Said,
    /// First supporting event.
    pub first_seen: Timestamp,
    /// Last supporting event.
    pub last_seen: Timestamp,
    /// When the last change happened.
    pub changed_at: Timestamp,
    /// Supporting events.
    pub count: u64,
    /// Entities of the supporting events.
    pub involved: Involved,
    /// Numbers behind it, by name.
    pub measures: BTreeMap<Arc<str>, u64>,
    /// Reasons, from each rule's closed vocabulary.
    pub reasons: Vec<Arc<str>>,
    /// Masked samples.
    pub samples: Vec<Arc<str>>,
    /// Some of the supporting exchanges.
    pub exchanges: Vec<ExchangeId>,
    /// Losses that touched supporting exchanges, with how many they touched.
    pub coverage: BTreeMap<Arc<str>, u64>,
    /// What to restrict.
    pub respond: Vec<Respond>,
}

/// Entities of the supporting events, by role: the first few by name, and whether there were more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Involved {
    named: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    more: Vec<Arc<str>>,
}

impl Involved {
    /// Names kept for each role.
    pub const NAMED: usize = 16;

    /// Adds an entity.
    pub fn add(&mut self, role: &str, name: &str) {
        if !self.named.contains_key(role) {
            self.named.insert(role.into(), Vec::new());
        }
        let Some(names) = self.named.get_mut(role) else { return };
        if names.iter().any(|known| &**known == name) {
            return;
        }
        if names.len() < Involved::NAMED {
            names.push(name.into());
        } else if !self.more.iter().any(|known| &**known == role) {
            self.more.push(role.into());
        }
    }
    /// The names of a role, in order of appearance.
    pub fn names(&self, role: &str) -> &[Arc<str>] {
        self.named.get(role).map_or(&[], Vec::as_slice)
    }
    /// The one name of a role, if there is only one.
    pub fn only(&self, role: &str) -> Option<&Arc<str>> {
        match self.names(role) {
            [one] => Some(one),
            _ => None,
        }
    }
    /// There were more of that role than are named.
    pub fn has_more(&self, role: &str) -> bool {
        self.more.iter().any(|known| &**known == role)
    }
    /// All roles with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Arc<str>])> {
        self.named.iter().map(|(role, names)| (&**role, names.as_slice()))
    }
}

/// A response that the operator may take; the sensor itself takes none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Respond {
    /// `block_address`, `limit_rate`, `lock_account`, `reset_password`, `revoke_token`, `fix_endpoint`, `review`, `check_mirror`.
    pub action: Arc<str>,
    /// Whom or what.
    pub target: Entity,
}
