//! The rules of `data/secrets.tsv` and `data/own/secrets.tsv`, indexed by where their marks stand.

use std::sync::{LazyLock, OnceLock};

use ahash::AHashMap;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::SecretClass;

/// Longest stretch that a pattern is run over, in bytes: the longest token of a known format is 1,020.
pub const WINDOW: usize = 1200;
/// Least bits for a character where a rule says nothing or less: by value, by name.
const LEAST_ENTROPY: (f32, f32) = (2.5, 3.0);
/// Bytes of a compiled pattern.
const SIZE: usize = 1 << 20;

/// Where the marks of a rule stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// At the beginning of the value.
    Prefix,
    /// In it or at its end.
    Infix,
    /// In the name that it is assigned to.
    Named,
    /// As the host after `://`, or its end.
    Url,
}

/// One known format.
#[derive(Debug)]
pub struct Rule {
    /// Identifier.
    pub id: &'static str,
    /// Where its marks stand.
    pub kind: Kind,
    /// What it is.
    pub class: SecretClass,
    /// Stands in pages by design.
    pub public: bool,
    /// Least bits for a character.
    pub entropy: f32,
    /// Marks; names of services are lower case without signs.
    pub marks: Vec<&'static str>,
    /// The value.
    pub pattern: &'static str,
}

/// Words of 64 bits over which the beginnings of prefixes are spread.
const STARTS: usize = 128;

/// The word and the bit of three bytes (multiplicative hashing).
fn start(a: u8, b: u8, c: u8) -> (usize, u64) {
    let key = u32::from_be_bytes([0, a, b, c]).wrapping_mul(0x9e37_79b1) >> 19;
    ((key >> 6) as usize, 1 << (key & 63))
}

/// All rules and their index.
pub struct Table {
    /// All rules.
    pub rules: Vec<Rule>,
    /// First three bytes of all prefixes, hashed to one bit.
    starts: Box<[u64; STARTS]>,
    prefixes: AHashMap<[u8; 3], Vec<(&'static [u8], u16)>>,
    named: AHashMap<&'static str, Vec<u16>>,
    urls: Vec<(&'static [u8], u16)>,
    infixes: Vec<(&'static [u8], u16)>,
    /// Indices by identifier.
    ids: AHashMap<&'static str, Vec<u16>>,
    compiled: Vec<OnceLock<Option<Regex>>>,
}

/// The one table.
pub static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

fn parse(line: &'static str) -> Option<Rule> {
    let mut cells = line.split('\t');
    let (id, kind, class, public) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    let (entropy, marks, pattern) = (cells.next()?, cells.next()?, cells.next()?);
    let kind = match kind {
        "prefix" => Kind::Prefix,
        "infix" => Kind::Infix,
        "named" => Kind::Named,
        "url" => Kind::Url,
        _ => return None,
    };
    let class = match class {
        "cloud" => SecretClass::CloudKey,
        "api" => SecretClass::ApiKey,
        "token" => SecretClass::Token,
        "password" => SecretClass::Password,
        _ => return None,
    };
    let least = if kind == Kind::Named { LEAST_ENTROPY.1 } else { LEAST_ENTROPY.0 };
    Some(Rule {
        id,
        kind,
        class,
        public: public == "public",
        entropy: entropy.parse::<f32>().ok()?.max(least),
        marks: marks.split(' ').collect(),
        pattern,
    })
}

/// Rows of both files, ours last: where formats overlap, the narrower ones are the imported.
pub fn rows() -> impl Iterator<Item = &'static str> {
    let own = include_str!("../../data/own/secrets.tsv").lines().filter(|line| !line.starts_with('#'));
    include_str!("../../data/secrets.tsv").lines().chain(own)
}

impl Table {
    fn new() -> Table {
        let rules: Vec<Rule> = rows().filter_map(parse).collect();
        let mut table = Table {
            starts: Box::new([0; STARTS]),
            prefixes: AHashMap::new(),
            named: AHashMap::new(),
            urls: Vec::new(),
            infixes: Vec::new(),
            ids: AHashMap::new(),
            compiled: rules.iter().map(|_| OnceLock::new()).collect(),
            rules: Vec::new(),
        };
        for (index, rule) in rules.iter().enumerate() {
            let index = index as u16;
            table.ids.entry(rule.id).or_default().push(index);
            for mark in &rule.marks {
                match (rule.kind, mark.as_bytes()) {
                    (Kind::Prefix, bytes @ [a, b, c, ..]) => {
                        let (word, bit) = start(*a, *b, *c);
                        if let Some(word) = table.starts.get_mut(word) {
                            *word |= bit;
                        }
                        table.prefixes.entry([*a, *b, *c]).or_default().push((bytes, index));
                    }
                    (Kind::Infix, bytes) => table.infixes.push((bytes, index)),
                    (Kind::Named, _) => table.named.entry(mark).or_default().push(index),
                    (Kind::Url, bytes) => table.urls.push((bytes, index)),
                    _ => {}
                }
            }
        }
        table.rules = rules;
        table
    }

    /// Rules whose prefix stands at the beginning, in order of the table.
    pub fn begun(&self, value: &[u8]) -> impl Iterator<Item = u16> {
        let rules = match value {
            [a, b, c, ..] => {
                let (word, bit) = start(*a, *b, *c);
                let is_known = self.starts.get(word).is_some_and(|word| word & bit != 0);
                if is_known { self.prefixes.get(&[*a, *b, *c]) } else { None }
            }
            _ => None,
        };
        rules.into_iter().flatten().filter(move |(mark, _)| value.starts_with(mark)).map(|(_, rule)| *rule)
    }

    /// Rules with that identifier, in order of the table.
    pub fn identified(&self, id: &str) -> impl Iterator<Item = &Rule> + Clone {
        let indices = self.ids.get(id).map_or(&[][..], Vec::as_slice);
        indices.iter().filter_map(|index| self.rules.get(usize::from(*index)))
    }

    /// Rules of a service or thing, by its squashed name.
    pub fn named(&self, name: &str) -> &[u16] {
        self.named.get(name).map_or(&[], Vec::as_slice)
    }

    /// Rules whose host stands at the beginning of what follows `://`.
    pub fn hosts(&self, rest: &[u8]) -> impl Iterator<Item = u16> {
        const LONGEST_SUBDOMAIN: usize = 41;
        let rest = if rest.first().is_some_and(u8::is_ascii_alphanumeric) { rest } else { &[] };
        let sub = rest.iter().take(LONGEST_SUBDOMAIN).position(|b| !(b.is_ascii_alphanumeric() || *b == b'-'));
        let parent = match sub {
            Some(dot) if rest.get(dot) == Some(&b'.') => rest.get(dot + 1..).unwrap_or_default(),
            _ => &[],
        };
        let met = move |host: &[u8]| rest.starts_with(host) || parent.starts_with(host);
        let urls = if rest.is_empty() { &[] } else { self.urls.as_slice() };
        urls.iter().filter(move |(host, _)| met(host)).map(|(_, rule)| *rule)
    }

    /// Rules with a mark inside, and the mark.
    pub fn infixes(&self) -> &[(&'static [u8], u16)] {
        &self.infixes
    }

    fn compile(&self, index: usize) -> Option<Regex> {
        let slot = self.compiled.get(index)?;
        slot.get_or_init(|| {
            let pattern = self.rules.get(index)?.pattern;
            Regex::builder()
                .syntax(syntax::Config::new().unicode(false).utf8(false))
                .configure(
                    Regex::config()
                        .nfa_size_limit(Some(SIZE))
                        .onepass_size_limit(Some(SIZE))
                        .hybrid_cache_capacity(SIZE)
                        .dfa(false)
                        .auto_prefilter(false)
                        .utf8_empty(false),
                )
                .build(pattern)
                .ok()
        })
        .clone()
    }
}

/// Patterns, compiled when first needed; each clone has caches of its own.
#[derive(Debug)]
pub struct Patterns(Box<[OnceLock<Option<Regex>>]>);

impl Default for Patterns {
    fn default() -> Self {
        Patterns(TABLE.rules.iter().map(|_| OnceLock::new()).collect())
    }
}

impl Clone for Patterns {
    fn clone(&self) -> Self {
        Patterns::default()
    }
}

impl Patterns {
    /// Length of the value of that rule at the beginning of the bytes; at most [`WINDOW`] are looked at.
    pub fn matched(&self, rule: u16, bytes: &[u8]) -> Option<usize> {
        let index = usize::from(rule);
        let pattern = self.0.get(index)?.get_or_init(|| TABLE.compile(index)).as_ref()?;
        let window = bytes.get(..WINDOW).unwrap_or(bytes);
        pattern.search_half(&Input::new(window).anchored(Anchored::Yes)).map(|end| end.offset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_rule_and_compiles() {
        assert_eq!(TABLE.rules.len(), rows().count());
        for (index, rule) in TABLE.rules.iter().enumerate() {
            assert!(TABLE.compile(index).is_some(), "{}", rule.id);
            let least = if rule.kind == Kind::Prefix { 3 } else { 2 };
            assert!(rule.marks.iter().all(|mark| mark.len() >= least), "{}", rule.id);
        }
    }

    #[test]
    fn every_prefix_is_found_by_its_index() {
        for (index, rule) in TABLE.rules.iter().enumerate().filter(|(_, r)| r.kind == Kind::Prefix) {
            for mark in &rule.marks {
                assert!(TABLE.begun(mark.as_bytes()).any(|found| usize::from(found) == index), "{mark}");
            }
        }
        assert_eq!(TABLE.begun(b"zz").count() + TABLE.begun(b"z").count() + TABLE.begun(b"").count(), 0);
    }

    #[test]
    fn own_rules_do_not_share_names_with_imported_ones() {
        let own = include_str!("../../data/own/secrets.tsv");
        let imported = include_str!("../../data/secrets.tsv");
        let ids = |text: &'static str| -> std::collections::BTreeSet<_> {
            text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split('\t').next()).collect()
        };
        assert!(ids(own).is_disjoint(&ids(imported)));
    }

    #[test]
    fn hosts_by_name_and_by_parent() {
        assert_eq!(TABLE.hosts(b"hooks.slack.com/services/").count(), 1);
        assert_eq!(TABLE.hosts(b"firm.webhook.office.com/webhookb2/").count(), 1);
        assert_eq!(TABLE.hosts(b"slack.com/").count(), 0);
    }
}
