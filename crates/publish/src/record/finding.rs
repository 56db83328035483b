//! A finding after one of its changes, in one language.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use spyhop_model::{Entity, Finding, Involved, Lang};

use super::words::{
    ChangeWord, ClassWord, ExchangeName, FindingName, KeyName, SeverityWord, StatusWord, Time, severity_id,
};
use super::{Names, respond_text};

/// A finding after one of its changes. The same `id` with a higher `revision` replaces what was said before.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "spyhop.finding/1")]
pub struct FindingRecord<'a> {
    /// Format and its version: `spyhop.finding/1`.
    pub schema: &'static str,
    /// Identity for the whole life of the finding.
    pub id: FindingName,
    /// Stable name of the kind, `family.name`.
    pub kind: &'a str,
    /// How findings of this kind live: a weakness stays open until traffic shows it mended, an incident begins,
    /// grows and ends, lifecycle and flow are records, sensor is about the sensor itself.
    pub class: ClassWord,
    /// Severity.
    pub severity: SeverityWord,
    /// Severity as OCSF numbers it, 1 (info) to 5 (critical).
    #[schemars(range(min = 1, max = 5))]
    pub severity_id: u8,
    /// How sure it is, in percent.
    #[schemars(range(max = 100))]
    pub confidence: u8,
    /// Where it stands in its life.
    pub status: StatusWord,
    /// What happened last.
    pub change: ChangeWord,
    /// Counts the changes of this finding, from 1.
    pub revision: u32,
    /// Capture time of that change.
    pub changed_at: Time,
    /// The finding that this one is folded into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<FindingName>,
    /// Title of the kind.
    pub title: &'a str,
    /// What happened, in one sentence.
    pub summary: &'a str,
    /// Capture time of the first supporting event.
    pub first_seen: Time,
    /// Capture time of the last supporting event.
    pub last_seen: Time,
    /// Supporting events.
    pub count: u64,
    /// Whom it is about.
    pub entities: Entities<'a>,
    /// All entities of the supporting events by role; of each role the first 16.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub involved: BTreeMap<&'a str, InvolvedRecord<'a>>,
    /// Which of several findings of one kind about one entity, such as a data type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aspect: Option<&'a str>,
    /// Why, in words from the closed vocabulary of the kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<&'a str>,
    /// Numbers behind it, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<&'a str, u64>,
    /// What it rests on.
    pub evidence: Evidence<'a>,
    /// Losses that touched supporting exchanges, with how many of them they touched.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub coverage: BTreeMap<&'a str, u64>,
    /// Suggested actions; the sensor takes none itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub respond: Vec<RespondRecord>,
    /// The clause of the API data-security blue book (2020) that asks for this kind.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub clause: &'a str,
    /// What to do about findings of this kind.
    pub advice: &'a str,
    /// Name of the sensor.
    pub sensor: &'a str,
    /// Names the key of all fingerprints in this record.
    pub key_id: KeyName,
}

/// Whom a finding is about. A role besides `primary` is there where all supporting events that have one agree on it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entities<'a> {
    /// Whose finding it is, as named when it was opened.
    pub primary: Named,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Name<'a>>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<Name<'a>>,
    /// The device, as a fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Name<'a>>,
    /// The session, as a fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Name<'a>>,
    /// The endpoint, `METHOD host/path/{id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Name<'a>>,
    /// The server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Name<'a>>,
    /// The partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<Name<'a>>,
}

type Name<'a> = std::borrow::Cow<'a, str>;

/// An entity with its role.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Named {
    /// Its role: account, client_ip, device, session, endpoint, server, partner or sensor.
    #[serde(rename = "type")]
    pub role: &'static str,
    /// Its name.
    pub name: String,
}

/// The entities of one role.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InvolvedRecord<'a> {
    /// Their names, in order of appearance.
    pub names: Vec<&'a str>,
    /// There were more than are named.
    pub more: bool,
}

/// What a finding rests on: some of it, where it is much.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Evidence<'a> {
    /// Exchanges, as named in exchange records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<ExchangeName>,
    /// Masked samples.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<&'a str>,
}

/// A suggested action.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RespondRecord {
    /// block_address, lock_account, reset_password, revoke_token, fix_endpoint, review or check_mirror.
    pub action: String,
    /// Whom or what to restrict.
    pub target: Named,
    /// The action as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl<'a> FindingRecord<'a> {
    /// Name and version of the format.
    pub const SCHEMA: &'static str = "spyhop.finding/1";

    /// A finding as it leaves, its texts in one language.
    pub fn new(finding: &'a Finding, lang: Lang, names: &'a Names) -> FindingRecord<'a> {
        let texts = |texts: &'a [std::sync::Arc<str>]| texts.iter().map(|text| &**text).collect();
        let numbers = |numbers: &'a BTreeMap<std::sync::Arc<str>, u64>| {
            numbers.iter().map(|(name, number)| (&**name, *number)).collect()
        };
        let rule = finding.rule;
        FindingRecord {
            schema: Self::SCHEMA,
            id: finding.id.into(),
            kind: rule.kind,
            class: rule.class.into(),
            severity: finding.severity.into(),
            severity_id: severity_id(finding.severity),
            confidence: finding.confidence,
            status: finding.status.into(),
            change: finding.change.into(),
            revision: finding.revision,
            changed_at: finding.changed_at.into(),
            parent: finding.parent.map(FindingName),
            title: rule.title.lang(lang),
            summary: finding.summary.lang(lang),
            first_seen: finding.first_seen.into(),
            last_seen: finding.last_seen.into(),
            count: finding.count,
            entities: Entities::of(&finding.primary, &finding.involved),
            involved: involved(&finding.involved),
            aspect: finding.aspect.as_deref(),
            reasons: texts(&finding.reasons),
            measures: numbers(&finding.measures),
            evidence: Evidence {
                exchanges: finding.exchanges.iter().copied().map(ExchangeName).collect(),
                samples: texts(&finding.samples),
            },
            coverage: numbers(&finding.coverage),
            respond: finding
                .respond
                .iter()
                .map(|respond| RespondRecord {
                    action: respond.action.to_string(),
                    target: Named::of(&respond.target),
                    text: respond_text(respond, lang),
                })
                .collect(),
            clause: rule.clause,
            advice: rule.advice.lang(lang),
            sensor: &names.sensor,
            key_id: names.key_id.into(),
        }
    }
}

fn involved(involved: &Involved) -> BTreeMap<&str, InvolvedRecord<'_>> {
    involved
        .iter()
        .map(|(role, names)| {
            let names = names.iter().map(|name| &**name).collect();
            (role, InvolvedRecord { names, more: involved.has_more(role) })
        })
        .collect()
}

impl<'a> Entities<'a> {
    fn of(primary: &'a Entity, involved: &'a Involved) -> Entities<'a> {
        let one = |role: &str| {
            if primary.role() == role {
                return Some(Name::Owned(primary.to_string()));
            }
            involved.only(role).map(|name| Name::Borrowed(&**name))
        };
        Entities {
            primary: Named::of(primary),
            account: one("account"),
            client_ip: one("client_ip"),
            device: one("device"),
            session: one("session"),
            endpoint: one("endpoint"),
            server: one("server"),
            partner: one("partner"),
        }
    }
}

impl Named {
    fn of(entity: &Entity) -> Named {
        Named { role: entity.role(), name: entity.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_finding_is_this_object() {
        let finding = sample::finding(1);
        let names = sample::names();
        let json = serde_json::to_string_pretty(&FindingRecord::new(&finding, Lang::En, &names)).expect("json");
        let expected = r#"{
  "schema": "spyhop.finding/1",
  "id": "0000000000000001",
  "kind": "auth.sample",
  "class": "incident",
  "severity": "high",
  "severity_id": 4,
  "confidence": 90,
  "status": "open",
  "change": "opened",
  "revision": 1,
  "changed_at": "2026-11-23T02:13:21.000000007Z",
  "title": "a sample",
  "summary": "alice did it",
  "first_seen": "2026-11-23T02:13:20.000000000Z",
  "last_seen": "2026-11-23T02:13:21.000000007Z",
  "count": 2,
  "entities": {
    "primary": {
      "type": "account",
      "name": "alice"
    },
    "account": "alice",
    "endpoint": "GET shop.example/orders/{id}"
  },
  "involved": {
    "client_ip": {
      "names": [
        "10.0.0.1",
        "10.0.0.2"
      ],
      "more": false
    },
    "endpoint": {
      "names": [
        "GET shop.example/orders/{id}"
      ],
      "more": false
    }
  },
  "reasons": [
    "many"
  ],
  "measures": {
    "attempts": 7
  },
  "evidence": {
    "exchanges": [
      "00000000000000ab-1"
    ],
    "samples": [
      "138****8000"
    ]
  },
  "respond": [
    {
      "action": "lock_account",
      "target": {
        "type": "account",
        "name": "alice"
      },
      "text": "Lock account alice until its owner has confirmed the activity."
    }
  ],
  "clause": "样例",
  "advice": "Do something.",
  "sensor": "spyhop",
  "key_id": "0000002a"
}"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn texts_are_in_the_language_asked_for() {
        let finding = sample::finding(1);
        let names = sample::names();
        let record = FindingRecord::new(&finding, Lang::Zh, &names);
        assert_eq!((record.title, record.summary, record.advice), ("样例", "alice 做了", "做点什么。"));
        assert_eq!(record.respond[0].text.as_deref(), Some("锁定账号 alice，待本人确认相关操作后再解锁。"));
    }

    #[test]
    fn more_of_a_role_than_are_named_is_said_and_there_is_no_single_one() {
        let mut finding = sample::finding(1);
        for n in 0..20 {
            finding.involved.add("device", &format!("d{n}"));
        }
        let names = sample::names();
        let record = FindingRecord::new(&finding, Lang::En, &names);
        assert!(record.involved["device"].more);
        assert_eq!(record.involved["device"].names.len(), 16);
        assert_eq!(record.entities.device, None);
    }
}
