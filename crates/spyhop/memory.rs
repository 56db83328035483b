//! The memory budget: one total, split into shares, from which the limits follow that bound what grows with traffic.
//!
//! A limit that is not set, or stands at its default, follows its share: at the default of `[memory]` it has the default
//! that `sensor.toml` shows, with twice the share about twice as much. A limit that is set is taken as it is, leaves less
//! for the others of its share, and is a mistake if they do not fit into it together.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spyhop_model::settings;

use crate::config::Document;

settings! {
    /// Memory for everything that grows with traffic, and how it is shared. Limits of other sections that stand at their defaults follow it; those that are set differently must fit into their share.
    pub struct Memory {
        /// All of it, in bytes; at least 134_217_728.
        total: u64 = 1 << 30,
        /// For the flow table, reassembly and fragments: a percentage of the total, as in "38%", or bytes. It bounds [streams] and [fragments].
        streams: Share = Share::Percent(38),
        /// For what is held and decoded of messages. It bounds [http].
        inspection: Share = Share::Percent(25),
        /// For what detectors remember and for findings. It bounds [detect] and [findings].
        behaviour: Share = Share::Percent(25),
        /// For records that wait for those who read them. It bounds [journal] and the queue of [kafka].
        ledger: Share = Share::Percent(7),
    }
}

/// The least total with which the sensor is of use.
const LEAST: u64 = 128 << 20;

/// A part of the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// In a hundred.
    Percent(u64),
    /// In bytes.
    Bytes(u64),
}

impl Share {
    fn of(self, total: u64) -> u64 {
        match self {
            // The total may be any number that fits.
            Share::Percent(percent) => (u128::from(total) * u128::from(percent) / 100) as u64,
            Share::Bytes(bytes) => bytes,
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Share::Percent(percent) => to.serialize_str(&format!("{percent}%")),
            Share::Bytes(bytes) => to.serialize_u64(*bytes),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Share, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Share;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percentage as in \"25%\", or a number of bytes")
            }
            fn visit_u64<E: Error>(self, bytes: u64) -> Result<Share, E> {
                Ok(Share::Bytes(bytes))
            }
            fn visit_i64<E: Error>(self, bytes: i64) -> Result<Share, E> {
                u64::try_from(bytes).map(Share::Bytes).map_err(|_| E::custom("this cannot be less than nothing"))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Share, E> {
                let percent = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
                match percent.filter(|percent| *percent <= 100) {
                    Some(percent) => Ok(Share::Percent(percent)),
                    None => Err(E::custom("expected a percentage as in \"25%\", or a number of bytes")),
                }
            }
        }

        from.deserialize_any(Either)
    }
}

/// Who shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Streams,
    Inspection,
    Behaviour,
    Ledger,
}

impl Who {
    const ALL: [Who; 4] = [Who::Streams, Who::Inspection, Who::Behaviour, Who::Ledger];

    fn name(self) -> &'static str {
        match self {
            Who::Streams => "streams",
            Who::Inspection => "inspection",
            Who::Behaviour => "behaviour",
            Who::Ledger => "ledger",
        }
    }

    fn share(self, memory: &Memory) -> u64 {
        let share = match self {
            Who::Streams => memory.streams,
            Who::Inspection => memory.inspection,
            Who::Behaviour => memory.behaviour,
            Who::Ledger => memory.ledger,
        };
        share.of(memory.total)
    }
}

/// A setting that bounds memory.
struct Limit {
    section: &'static str,
    key: &'static str,
    who: Who,
    /// Bytes for one of what it counts.
    unit: u64,
    /// Below it the sensor would be blind.
    least: u64,
}

/// A connection in the flow table with what its parser keeps, when an exchange is under way on it.
const CONNECTION: u64 = 3_200;
/// A finding with its evidence.
const FINDING: u64 = 1_000;
const MIB: u64 = 1 << 20;

const LIMITS: [Limit; 10] = [
    Limit { section: "streams", key: "connections", who: Who::Streams, unit: CONNECTION, least: 1_000 },
    Limit { section: "streams", key: "held_total", who: Who::Streams, unit: 1, least: MIB },
    Limit { section: "fragments", key: "bytes", who: Who::Streams, unit: 1, least: MIB },
    Limit { section: "http", key: "decoder_memory", who: Who::Inspection, unit: 1, least: 16 * MIB },
    Limit { section: "http", key: "held_memory", who: Who::Inspection, unit: 1, least: 4 * MIB },
    Limit { section: "http", key: "header_tables", who: Who::Inspection, unit: 1, least: MIB },
    Limit { section: "detect", key: "memory_mib", who: Who::Behaviour, unit: MIB, least: 8 },
    Limit { section: "findings", key: "limit", who: Who::Behaviour, unit: FINDING, least: 1_000 },
    Limit { section: "journal", key: "mib", who: Who::Ledger, unit: MIB, least: 1 },
    Limit { section: "kafka", key: "queue_mib", who: Who::Ledger, unit: MIB, least: 1 },
];

/// Whether the total is one to work with.
///
/// # Errors
/// A sentence that says what is not.
pub fn usable(memory: &Memory) -> Result<(), String> {
    if memory.total < LEAST {
        return Err(format!("`total` is {}; the sensor needs at least {}", bytes(memory.total), bytes(LEAST)));
    }
    Ok(())
}

/// Gives every limit that is not set its part of the budget as its default.
///
/// # Errors
/// A sentence for each share that what is set does not fit into; or one, if the shares do not fit into the total.
pub fn apply(document: &mut Document) -> Result<(), Vec<String>> {
    let memory: Memory = document.section("memory");
    let shares = Who::ALL.iter().fold(0u64, |sum, who| sum.saturating_add(who.share(&memory)));
    if shares > memory.total {
        return Err(vec![format!(
            "[memory]: the shares come to {} of a total of {}; lower one of them, or raise `total`",
            bytes(shares),
            bytes(memory.total)
        )]);
    }
    let normal = Memory::default();
    let mut wrong = Vec::new();
    for who in Who::ALL {
        let limits: Vec<&Limit> = LIMITS.iter().filter(|limit| limit.who == who).collect();
        let (set, free): (Vec<_>, Vec<_>) =
            limits.into_iter().partition(|limit| document.chosen(limit.section, limit.key).is_some());
        let cost = |limit: &&Limit, value: Option<&Value>| {
            value.and_then(Value::as_u64).unwrap_or(0).saturating_mul(limit.unit)
        };
        let sum = |of: &dyn Fn(&&Limit) -> u64| set.iter().map(of).fold(0, u64::saturating_add);
        let share = who.share(&memory);
        let taken = sum(&|limit| cost(limit, document.chosen(limit.section, limit.key)));
        if taken > share {
            wrong.push(too_much(who, &set, taken, share));
            continue;
        }
        // Of the share as it is by default, what those that are not set have by default is a part; it stays that part.
        let usual = sum(&|limit| cost(limit, document.default_of(limit.section, limit.key)));
        let (left, normally) = (share - taken, who.share(&normal).saturating_sub(usual).max(1));
        for limit in free {
            let default = document.default_of(limit.section, limit.key).and_then(Value::as_u64).unwrap_or(0);
            let scaled = u128::from(default) * u128::from(left) / u128::from(normally);
            let value = u64::try_from(scaled).unwrap_or(u64::MAX).max(limit.least);
            document.set_default(limit.section, limit.key, value.into());
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn too_much(who: Who, set: &[&Limit], taken: u64, share: u64) -> String {
    let keys: Vec<String> = set.iter().map(|limit| format!("{}.{}", limit.section, limit.key)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    format!(
        "{} may take {}, and the share `{who}` of [memory] is {}; lower {}, or raise `{who}` or `total` in [memory]",
        crate::config::quoted(&keys, "and"),
        bytes(taken),
        bytes(share),
        if keys.len() == 1 { "it" } else { "one of them" },
        who = who.name(),
    )
}

/// As in `408 MiB`.
fn bytes(number: u64) -> String {
    match number {
        _ if number >= 10 << 30 => format!("{} GiB", number >> 30),
        _ if number >= MIB => format!("{} MiB", number >> 20),
        _ => format!("{number} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Section;
    use crate::settings::sections;

    fn read(text: &str) -> Document {
        Document::read("f", text, &sections()).expect(text)
    }

    /// The value in effect.
    fn value(document: &Document, section: &str, key: &str) -> u64 {
        document.object(section)[key].as_u64().expect("a number")
    }

    fn applied(text: &str) -> Document {
        let mut document = read(text);
        apply(&mut document).expect(text);
        document
    }

    #[test]
    fn defaults_fit_and_change_nothing() {
        let (plain, document) = (read(""), applied(""));
        for who in Who::ALL {
            let limits = LIMITS.iter().filter(|limit| limit.who == who);
            let sum: u64 = limits.map(|limit| value(&document, limit.section, limit.key) * limit.unit).sum();
            assert!(sum <= who.share(&Memory::default()), "{}: {sum}", who.name());
        }
        for limit in LIMITS {
            assert_eq!(value(&document, limit.section, limit.key), value(&plain, limit.section, limit.key));
        }
        // A file in which every default is written is no other.
        let written = applied(&crate::config::generate(&sections()));
        assert_eq!(written.object("streams"), document.object("streams"));
    }

    #[test]
    fn limits_follow_the_total_and_those_that_are_set_leave_less() {
        let half = applied("[memory]\ntotal = 536_870_912\n");
        assert_eq!(value(&half, "streams", "connections").div_ceil(10), 5_000);
        assert_eq!(value(&half, "http", "held_memory"), 48 << 20);
        let more = applied("[memory]\nstreams = \"50%\"\ninspection = \"13%\"\n");
        assert!(value(&more, "streams", "connections") > 130_000);
        // What is written at its default follows as well; what is set does not.
        let written = applied("[memory]\ntotal = 536_870_912\n[http]\nheld_memory = 100_663_296\n");
        assert_eq!(value(&written, "http", "held_memory"), 48 << 20);
        let set = applied("[http]\nheld_memory = 16_777_216\n");
        let decoder = value(&set, "http", "decoder_memory");
        assert_eq!(value(&set, "http", "held_memory"), 16 << 20);
        assert!(decoder > 110 << 20 && decoder <= 144 << 20, "{decoder}");
        let small = applied("[memory]\ntotal = 134_217_728\nledger = 0\n");
        assert_eq!((value(&small, "journal", "mib"), value(&small, "kafka", "queue_mib")), (1, 1));
    }

    #[test]
    fn what_does_not_fit_is_told_by_its_key() {
        let mut document =
            read("[streams]\nheld_total = 1_000_000_000\n[journal]\nmib = 60\n[kafka]\nqueue_mib = 60\n");
        let wrong = apply(&mut document).expect_err("too much");
        assert_eq!(wrong.len(), 2);
        assert!(
            wrong[0].contains("`streams.held_total` may take 953 MiB") && wrong[0].contains("is 389 MiB"),
            "{wrong:?}"
        );
        assert!(wrong[1].contains("`journal.mib` and `kafka.queue_mib`"), "{wrong:?}");
        let wrong = apply(&mut read("[memory]\nstreams = \"90%\"\n")).expect_err("too much");
        assert!(wrong[0].contains("the shares come to 1505 MiB of a total of 1024 MiB"), "{wrong:?}");
    }

    #[test]
    fn shares_are_percentages_or_bytes() {
        let sections = [Section::checked::<Memory>("memory", usable)];
        let read = |text: &str| Document::read("f", &format!("[memory]\n{text}"), &sections);
        let memory: Memory = read("streams = 100_000_000\nledger = \"5 %\"\n").expect("good").section("memory");
        assert_eq!((memory.streams, memory.ledger), (Share::Bytes(100_000_000), Share::Percent(5)));
        for (text, what) in [
            ("total = 1000\n", "at least 128 MiB"),
            ("streams = \"a lot\"\n", "percentage"),
            ("streams = \"101%\"\n", "percentage"),
            ("streams = -1\n", "less than nothing"),
        ] {
            let wrong = read(text).expect_err(text);
            assert!(wrong[0].to_string().contains(what), "{wrong:?}");
        }
    }
}
