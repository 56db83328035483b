//! Tracing: who obtained these values, through which interface, when, how many, in what form; and what an account, a
//! client, a session or an endpoint had to do with.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use spyhop_model::{Fingerprint, Key, Timestamp};
use spyhop_publish::record::words::Time;

use crate::keys::{KeyKind, name_hash};
use crate::library::{Found, Library, Window};
use crate::writer::LedgerError;

/// A value that is looked for, as fingerprints: of every type that it may have, in full and masked.
#[derive(Clone, Debug, Default)]
pub struct Sought {
    /// In full.
    pub full: Vec<Fingerprint>,
    /// Masked in the usual ways.
    pub masked: Vec<Fingerprint>,
}

/// What is asked. Values are looked for; the others must hold for a call to count.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Values, if values are asked for.
    pub values: Vec<Sought>,
    /// An account, as it is shown.
    pub account: Option<String>,
    /// A client's address.
    pub client: Option<String>,
    /// An endpoint, `METHOD host/path/{id}`.
    pub endpoint: Option<String>,
    /// A session.
    pub session: Option<u64>,
    /// When.
    pub window: Window,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answer {
    /// Different values asked for.
    pub asked: usize,
    /// Of these, obtained by somebody in full.
    pub found_full: usize,
    /// Of these, obtained by somebody masked, and by nobody in full.
    pub found_masked: usize,
    /// Calls that obtained any, or, where no values were asked for, calls of the subject.
    pub calls: u64,
    /// Who obtained them: by how much of the sample each has and how few others have it too. Empty where no values were asked for.
    pub suspects: Vec<Suspect>,
    /// The ways they took.
    pub paths: Vec<Route>,
}

/// Somebody who obtained values of the sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Suspect {
    /// The account; where none is known, the client's address.
    pub who: String,
    /// Whether that is an account.
    pub is_account: bool,
    /// Values of the sample obtained in full.
    pub full: usize,
    /// Values obtained masked only.
    pub masked: usize,
    /// Values in full that nobody else obtained.
    pub alone: usize,
    /// The sum over the values obtained in full of one divided by how many obtained it, in thousandths of the sample: 1000
    /// is all of the sample and nobody else.
    pub weight: u64,
    /// Calls that obtained any.
    pub calls: u64,
    /// The first of them.
    #[serde(serialize_with = "rfc3339")]
    pub first: Timestamp,
    /// The last.
    #[serde(serialize_with = "rfc3339")]
    pub last: Timestamp,
}

/// A way that data took: interface, account, device, place.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Route {
    /// `METHOD host/path/{id}`.
    pub endpoint: String,
    /// The account, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The device, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The client's address.
    pub client: String,
    /// Where it is: inside, home, overseas or unknown.
    pub zone: String,
    /// Its country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Calls.
    pub calls: u64,
    /// Different values of the sample in full, where values were asked for.
    pub full: usize,
    /// Likewise masked.
    pub masked: usize,
    /// Sensitive values in the answers of these calls.
    pub obtained: u64,
    /// The first call.
    #[serde(serialize_with = "rfc3339")]
    pub first: Timestamp,
    /// The last.
    #[serde(serialize_with = "rfc3339")]
    pub last: Timestamp,
}

fn rfc3339<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    Time(*at).serialize(to)
}

/// Routes told; a trace that is larger tells the largest.
pub const ROUTES: usize = 10_000;

/// Answers a question.
///
/// # Errors
/// The ledger cannot be read.
pub fn trace(library: &mut Library, key: &Key, question: &Question) -> Result<Answer, LedgerError> {
    if question.values.is_empty() { subject(library, key, question) } else { sample(library, question) }
}

impl Question {
    fn takes(&self, row: &Found) -> bool {
        let is = |asked: &Option<String>, this: Option<&String>| asked.as_ref().is_none_or(|asked| this == Some(asked));
        let account = is(&self.account, row.account.as_ref())
            || (self.account.is_some() && is(&self.account, row.login.as_ref()));
        account
            && is(&self.client, Some(&row.client))
            && is(&self.endpoint, row.endpoint.as_ref())
            && self.session.is_none_or(|session| row.session == Some(session))
    }
}

/// What an account, a client, a session or an endpoint had to do with.
fn subject(library: &mut Library, key: &Key, question: &Question) -> Result<Answer, LedgerError> {
    // One of them leads to rows, the one with the fewest; the others are looked at in the rows.
    let named = [
        (KeyKind::Session, question.session),
        (KeyKind::Account, question.account.as_deref().map(|name| name_hash(key, KeyKind::Account, name))),
        (KeyKind::Client, question.client.as_deref().map(|name| name_hash(key, KeyKind::Client, name))),
        (KeyKind::Endpoint, question.endpoint.as_deref().map(|name| name_hash(key, KeyKind::Endpoint, name))),
    ];
    let mut best: Option<BTreeSet<u64>> = None;
    for (kind, hash) in named {
        let Some(hash) = hash else { continue };
        let rows: BTreeSet<u64> =
            library.find(&[(kind, hash)], question.window)?.into_iter().map(|(_, row)| row).collect();
        best = Some(match best {
            Some(other) => other.intersection(&rows).copied().collect(),
            None => rows,
        });
    }
    let rows = library.read(&best.unwrap_or_default(), question.window)?;
    let mut answer = Answer::default();
    let mut routes = Routes::default();
    for row in rows.iter().filter(|row| question.takes(row)) {
        answer.calls += 1;
        routes.add(row, &[], &[]);
    }
    answer.paths = routes.told(&BTreeMap::new());
    Ok(answer)
}

/// Who obtained the values of a sample.
fn sample(library: &mut Library, question: &Question) -> Result<Answer, LedgerError> {
    let mut asked: Vec<((KeyKind, u64), usize)> = Vec::new();
    for (number, sought) in question.values.iter().enumerate() {
        asked.extend(sought.full.iter().map(|print| ((KeyKind::Value, print.0), number)));
        asked.extend(sought.masked.iter().map(|print| ((KeyKind::Masked, print.0), number)));
    }
    asked.sort_unstable();
    let keys: Vec<(KeyKind, u64)> = asked.iter().map(|(key, _)| *key).collect();
    // Two values may have one mask: each of them was seen so, perhaps.
    let mut unique = keys.clone();
    unique.dedup();
    let mut taken: BTreeMap<u64, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (place, row) in library.find(&unique, question.window)? {
        let Some(key) = unique.get(place) else { continue };
        let first = keys.partition_point(|other| other < key);
        for (_, value) in asked.iter().skip(first).take_while(|(other, _)| other == key) {
            let (full, masked) = taken.entry(row).or_default();
            if key.0 == KeyKind::Value { full.push(*value) } else { masked.push(*value) }
        }
    }
    // Values told while a long body passed stand in rows of their own, which lead to the exchange.
    let rows: BTreeSet<u64> = taken.keys().copied().collect();
    let found = library.read(&rows, question.window)?;
    let parts: Vec<&Found> = found.iter().filter(|row| row.kind == "values").collect();
    let mut whole: BTreeMap<(u64, u32), u64> = BTreeMap::new();
    let mut all: BTreeMap<u64, Found> =
        found.iter().filter(|row| row.kind != "values").map(|row| (row.row, row.clone())).collect();
    if !parts.is_empty() {
        let mut flows: Vec<(KeyKind, u64)> = parts.iter().map(|row| (KeyKind::Flow, row.flow)).collect();
        flows.sort_unstable();
        flows.dedup();
        let ids: BTreeSet<u64> = library.find(&flows, question.window)?.into_iter().map(|(_, row)| row).collect();
        for row in library.read(&ids, Window::default())? {
            if row.kind == "exchange" {
                whole.insert((row.flow, row.number), row.row);
                all.insert(row.row, row);
            }
        }
        for part in parts {
            // An exchange whose end was not seen has no row but this.
            let to = whole.get(&(part.flow, part.number)).copied().unwrap_or(part.row);
            if let Some((full, masked)) = taken.remove(&part.row) {
                let whole = taken.entry(to).or_default();
                whole.0.extend(full);
                whole.1.extend(masked);
                all.entry(to).or_insert_with(|| part.clone());
            }
        }
    }
    let mut answer = Answer { asked: question.values.len(), ..Answer::default() };
    let mut people: BTreeMap<(String, bool), Person> = BTreeMap::new();
    let mut routes = Routes::default();
    for (row, (full, masked)) in &mut taken {
        let Some(found) = all.get(row).filter(|found| question.takes(found)) else { continue };
        for values in [&mut *full, &mut *masked] {
            values.sort_unstable();
            values.dedup();
        }
        answer.calls += 1;
        people.entry(found.who()).or_default().add(found, full, masked);
        routes.add(found, full, masked);
    }
    let mut holders: BTreeMap<usize, u64> = BTreeMap::new();
    for value in people.values().flat_map(|person| &person.full) {
        *holders.entry(*value).or_default() += 1;
    }
    let masked: BTreeSet<usize> = people.values().flat_map(|person| &person.masked).copied().collect();
    answer.found_full = holders.len();
    answer.found_masked = masked.iter().filter(|value| !holders.contains_key(value)).count();
    answer.suspects = people.iter().map(|(who, person)| person.told(who, &holders, question.values.len())).collect();
    answer.suspects.sort_by(|a, b| (b.weight, b.full, b.masked, &a.who).cmp(&(a.weight, a.full, a.masked, &b.who)));
    let weights = answer.suspects.iter().map(|one| ((one.who.clone(), one.is_account), one.weight)).collect();
    answer.paths = routes.told(&weights);
    Ok(answer)
}

impl Found {
    /// Who called: the account, or else the address; and whether it is an account.
    fn who(&self) -> (String, bool) {
        match &self.account {
            Some(account) => (account.clone(), true),
            None => (self.client.clone(), false),
        }
    }
}

#[derive(Default)]
struct Person {
    full: BTreeSet<usize>,
    masked: BTreeSet<usize>,
    calls: u64,
    first: Option<Timestamp>,
    last: Timestamp,
}

impl Person {
    fn add(&mut self, row: &Found, full: &[usize], masked: &[usize]) {
        self.full.extend(full);
        self.masked.extend(masked);
        self.calls += 1;
        self.first = Some(self.first.map_or(row.at, |first| first.min(row.at)));
        self.last = self.last.max(row.at);
    }
    fn told(&self, (who, is_account): &(String, bool), holders: &BTreeMap<usize, u64>, asked: usize) -> Suspect {
        let others = |value: &usize| holders.get(value).copied().unwrap_or(1).max(1);
        let shares: f64 = self.full.iter().map(|value| 1.0 / others(value) as f64).sum();
        Suspect {
            who: who.clone(),
            is_account: *is_account,
            full: self.full.len(),
            masked: self.masked.difference(&self.full).count(),
            alone: self.full.iter().filter(|value| others(value) == 1).count(),
            weight: (shares * 1_000.0 / asked.max(1) as f64).round() as u64,
            calls: self.calls,
            first: self.first.unwrap_or_default(),
            last: self.last,
        }
    }
}

type Way = (String, Option<String>, Option<u64>, String);

#[derive(Default)]
struct Routes(BTreeMap<Way, (Person, u64, String, Option<String>)>);

impl Routes {
    fn add(&mut self, row: &Found, full: &[usize], masked: &[usize]) {
        let endpoint = row.endpoint.clone().unwrap_or_else(|| row.kind.clone());
        let way = (endpoint, row.account.clone(), row.device, row.client.clone());
        let (person, obtained, zone, country) = self.0.entry(way).or_default();
        person.add(row, full, masked);
        *obtained += row.obtained;
        (*zone, *country) = (row.zone.clone(), row.country.clone());
    }
    /// Those of the likeliest suspects first, then those with the most values and calls.
    fn told(self, weights: &BTreeMap<(String, bool), u64>) -> Vec<Route> {
        let mut routes: Vec<(u64, Route)> = self
            .0
            .into_iter()
            .map(|((endpoint, account, device, client), (person, obtained, zone, country))| {
                let who = account.clone().map_or((client.clone(), false), |account| (account, true));
                let route = Route {
                    endpoint,
                    account,
                    device: device.map(|device| Fingerprint(device).to_string()),
                    client,
                    zone,
                    country,
                    calls: person.calls,
                    full: person.full.len(),
                    masked: person.masked.difference(&person.full).count(),
                    obtained,
                    first: person.first.unwrap_or_default(),
                    last: person.last,
                };
                (weights.get(&who).copied().unwrap_or(0), route)
            })
            .collect();
        routes.sort_by(|(a, one), (b, other)| {
            let rank = |weight: &u64, route: &Route| (*weight, route.full, route.masked, route.obtained, route.calls);
            rank(b, other).cmp(&rank(a, one)).then_with(|| {
                (&one.endpoint, &one.account, &one.client).cmp(&(&other.endpoint, &other.account, &other.client))
            })
        });
        routes.truncate(ROUTES);
        routes.into_iter().map(|(_, route)| route).collect()
    }
}
