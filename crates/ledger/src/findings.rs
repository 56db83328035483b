//! Findings as they stand in the ledger: every change, whole.

use std::io;
use std::sync::{Arc, LazyLock};

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray, UInt8Array, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Finding, Rule, Timestamp};
use spyhop_publish::record::words::{ChangeWord, ClassWord, SeverityWord, StatusWord};

use crate::segment::wrong;

/// The format of rows, for the metadata of files.
pub const SCHEMA: &str = "spyhop.ledger.finding/1";

/// A finding after a change, with the kind by which its rule is found again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// The rule's kind.
    pub kind: String,
    /// How findings of this kind live.
    pub class: Class,
    /// The finding.
    pub finding: Finding,
}

#[derive(Serialize)]
struct Storing<'a> {
    kind: &'a str,
    class: Class,
    finding: &'a Finding,
}

/// Finds a rule by its kind.
pub type Rules = fn(&str) -> Option<&'static Rule>;

impl Stored {
    /// The finding with its rule.
    pub fn restore(self, rules: Rules) -> Finding {
        let rule = rules(&self.kind).unwrap_or(Rule::UNKNOWN);
        Finding { rule, ..self.finding }
    }
}

/// Appends a finding to the payload of a frame, as a line.
///
/// # Errors
/// It cannot be told in JSON, which would be a mistake of ours.
pub fn encode(finding: &Finding, payload: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *payload, &Storing { kind: finding.rule.kind, class: finding.rule.class, finding })?;
    payload.push(b'\n');
    Ok(())
}

/// The findings of a frame.
///
/// # Errors
/// It holds none.
pub fn decode(payload: &[u8]) -> io::Result<Vec<Stored>> {
    payload
        .split(|octet| *octet == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).map_err(io::Error::from))
        .collect()
}

static FINDINGS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = || DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let texts = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    let field = |name: &str, kind, about: &str| Field::new(name, kind, true).with_metadata([("description", about)]);
    Arc::new(Schema::new(vec![
        field("finding_id", DataType::Utf8, "names the finding for its whole life: 16 hexadecimal digits"),
        field("finding_revision", DataType::UInt32, "counts its changes, from 1; with the id it names this record"),
        field("finding_kind", DataType::Utf8, "as in the list of kinds, such as auth.brute_force"),
        field("finding_class", DataType::Utf8, "weakness, incident, lifecycle, flow or sensor"),
        field("finding_severity", DataType::Utf8, "info, low, medium, high or critical"),
        field("finding_confidence", DataType::UInt8, "in percent"),
        field("finding_status", DataType::Utf8, "open, stale, folded or closed"),
        field("finding_change", DataType::Utf8, "what happened to it: opened, updated, closed or reopened"),
        field("finding_parent", DataType::Utf8, "the finding it is folded into"),
        field("finding_entity_type", DataType::Utf8, "whose it is: account, client_ip, endpoint and so on"),
        field("finding_entity", DataType::Utf8, "its name"),
        field("finding_summary_en", DataType::Utf8, "one sentence"),
        field("finding_summary_zh", DataType::Utf8, "the same in Chinese"),
        field("finding_first_seen", time(), "first supporting event"),
        field("finding_last_seen", time(), "last supporting event"),
        field("finding_changed", time(), "when this change happened"),
        field("finding_count", DataType::UInt64, "supporting events"),
        field("finding_exchanges", texts, "some of them, as <flow>-<number>"),
        field("finding_json", DataType::Utf8, "all of it, as the sensor keeps it"),
    ]))
});

/// Every column with its meaning.
pub fn described() -> Vec<(String, DataType, String)> {
    let about = |field: &Field| field.metadata().get("description").cloned().unwrap_or_default();
    FINDINGS.fields().iter().map(|field| (field.name().clone(), field.data_type().clone(), about(field))).collect()
}

/// Findings as rows.
///
/// # Errors
/// Arrow refuses them, which would be a mistake of ours.
pub fn batch(stored: &[Stored]) -> io::Result<RecordBatch> {
    fn text<'a>(items: impl Iterator<Item = &'a str>) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(items))
    }
    let texts = |of: &dyn Fn(&Finding) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(stored.iter().map(|stored| of(&stored.finding))))
    };
    let times = |of: &dyn Fn(&Finding) -> Timestamp| -> ArrayRef {
        let times = stored.iter().map(|stored| of(&stored.finding).0 as i64);
        Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let each = || stored.iter().map(|stored| &stored.finding);
    let parents: StringArray = each().map(|finding| finding.parent.map(|parent| parent.to_string())).collect();
    let mut exchanges = ListBuilder::new(StringBuilder::new());
    for finding in each() {
        finding.exchanges.iter().for_each(|id| exchanges.values().append_value(id.to_string()));
        exchanges.append(true);
    }
    let json: Result<Vec<String>, _> = stored.iter().map(serde_json::to_string).collect();
    let columns: Vec<ArrayRef> = vec![
        texts(&|finding| finding.id.to_string()),
        Arc::new(UInt32Array::from_iter_values(each().map(|finding| finding.revision))),
        text(stored.iter().map(|stored| &*stored.kind)),
        text(stored.iter().map(|stored| ClassWord(stored.class).word())),
        text(each().map(|finding| SeverityWord(finding.severity).word())),
        Arc::new(UInt8Array::from_iter_values(each().map(|finding| finding.confidence))),
        text(each().map(|finding| StatusWord(finding.status).word())),
        text(each().map(|finding| ChangeWord(finding.change).word())),
        Arc::new(parents),
        text(each().map(|finding| finding.primary.role())),
        texts(&|finding| finding.primary.to_string()),
        text(each().map(|finding| finding.summary.en.as_str())),
        text(each().map(|finding| finding.summary.zh.as_str())),
        times(&|finding| finding.first_seen),
        times(&|finding| finding.last_seen),
        times(&|finding| finding.changed_at),
        Arc::new(UInt64Array::from_iter_values(each().map(|finding| finding.count))),
        Arc::new(exchanges.finish()),
        text(json.map_err(wrong)?.iter().map(String::as_str)),
    ];
    RecordBatch::try_new(FINDINGS.clone(), columns).map_err(wrong)
}
