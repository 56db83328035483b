//! What is known of each endpoint: activity, callers, authentication, data. Kept from finished events.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ahash::AHashMap;
use serde::{Deserialize, Serialize, Serializer};
use spyhop_model::{CredentialKind, Event, Form, Grade, Half, Nature, Observation, Timestamp, Transport, Zone};

use crate::Identity;
use crate::estimate::Distinct;

/// Types of data, media types of each half and raw paths that are kept of an endpoint, and the longest of these.
const TYPES: usize = 64;
const MEDIA: usize = 4;
const SAMPLES: usize = 4;
const TEXT: usize = 160;
/// Answers with 2xx from which an endpoint is confirmed: before, it may be what a scanner met by chance.
const CONFIRMED: u64 = 2;

/// What the calls of an endpoint add up to, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Known {
    first: Timestamp,
    last: Timestamp,
    calls: u64,
    /// Calls without a status, then those of 1xx to 5xx.
    statuses: [u64; 6],
    refused: u64,
    authenticated: u64,
    credentials: BTreeMap<String, u64>,
    accounts: Distinct,
    addresses: Distinct,
    zones: BTreeMap<String, u64>,
    transports: [u64; 3],
    returned: BTreeMap<String, TypeSeen>,
    accepted: BTreeMap<String, TypeSeen>,
    max_records: u32,
    nature: Nature,
    requests: BTreeSet<String>,
    responses: BTreeSet<String>,
    samples: BTreeSet<String>,
}

/// A type of data at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeSeen {
    /// The highest grade it had there.
    pub grade: Grade,
    /// Values in full.
    pub full: u64,
    /// Masked values.
    pub masked: u64,
    /// Calls that held it.
    pub calls: u64,
}

/// The endpoints of all hosts, sorted: what `spyhop inventory` shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Inventory {
    /// By name.
    pub hosts: Vec<HostEntry>,
}

/// A virtual host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostEntry {
    /// Its name, with its port where that is not the usual one; or the address of a server that was asked for by none.
    pub host: String,
    /// Its endpoints, by path and method.
    pub endpoints: Vec<EndpointEntry>,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointEntry {
    /// Its whole name, as findings and records have it.
    pub endpoint: String,
    /// Method; `?` where only answers were seen, or it was none.
    pub method: String,
    /// The template of its path.
    pub path: String,
    /// What is called where one path serves many operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What it is: `login`, `export`, …
    pub nature: Vec<&'static str>,
    /// The highest grade of the data that it returns or takes.
    pub grade: Option<Grade>,
    /// Answered with 2xx at least twice.
    pub confirmed: bool,
    /// When it was called first; written as RFC 3339.
    #[serde(serialize_with = "rfc3339")]
    pub first_seen: Timestamp,
    /// When it was called last.
    #[serde(serialize_with = "rfc3339")]
    pub last_seen: Timestamp,
    /// Calls.
    pub calls: u64,
    /// Calls by the class of their status: `2xx`, …; `none` where no answer was seen.
    pub statuses: BTreeMap<&'static str, u64>,
    /// Calls whose answers refused the caller.
    pub refused: u64,
    /// Different accounts that called, about (exact up to 32).
    pub accounts: u64,
    /// Different addresses that called, likewise.
    pub addresses: u64,
    /// Calls by where the caller is.
    pub zones: BTreeMap<String, u64>,
    /// Calls with any credential, in percent.
    pub authenticated_percent: u8,
    /// Calls by what credentials they carried.
    pub credentials: BTreeMap<String, u64>,
    /// Calls by how they crossed the wire.
    pub transports: BTreeMap<&'static str, u64>,
    /// Types of data in answers.
    pub returned: BTreeMap<String, TypeSeen>,
    /// Types of data in requests.
    pub accepted: BTreeMap<String, TypeSeen>,
    /// The most records that one answer held.
    pub max_records: u32,
    /// Media types of requests.
    pub request_types: BTreeSet<String>,
    /// Media types of answers.
    pub response_types: BTreeSet<String>,
    /// Paths as they were called, redacted.
    pub samples: BTreeSet<String>,
}

/// What is kept of all endpoints.
#[derive(Default)]
pub struct Records {
    known: AHashMap<Arc<str>, Known>,
    most: usize,
    left_out: u64,
}

/// An inventory as a snapshot holds it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedRecords {
    endpoints: BTreeMap<String, Known>,
}

impl Identity {
    /// Keeps a finished event in the inventory. Called once for every event, after all else is known of it.
    pub fn note(&mut self, event: &Event) {
        for (old, new) in self.endpoints.take_merged() {
            self.inventory.merge(&old, &new);
        }
        self.inventory.note(event);
    }

    /// What is known of all endpoints.
    pub fn inventory(&self) -> Inventory {
        self.inventory.view()
    }

    /// The name that an endpoint has now, if it turned out to be one of a template since it was told.
    pub fn renamed(&self, endpoint: &str) -> Option<Arc<str>> {
        self.endpoints.alias(endpoint).cloned()
    }
}

impl Inventory {
    /// Reads the inventory in what [`Identity::save`] wrote.
    ///
    /// # Errors
    /// It is no such line.
    pub fn read(saved: &[u8]) -> Result<Inventory, serde_json::Error> {
        #[derive(Deserialize)]
        struct Part {
            #[serde(default)]
            inventory: SavedRecords,
        }
        let mut records = Records::new(usize::MAX);
        records.load(serde_json::from_slice::<Part>(saved)?.inventory);
        Ok(records.view())
    }
}

impl Records {
    /// Of so many endpoints at most.
    pub fn new(most: usize) -> Records {
        Records { known: AHashMap::new(), most, left_out: 0 }
    }

    /// Calls of endpoints for which there was no place.
    pub fn forgotten(&self) -> u64 {
        self.left_out
    }

    fn note(&mut self, event: &Event) {
        // Messages and conclusions belong to calls that were noted; an echo was, on the other side of the gateway.
        if event.concluded.is_some() || event.call.message.is_some() || event.echo {
            return;
        }
        if let Some(known) = self.known.get_mut(&event.endpoint) {
            return known.note(event);
        }
        // What a server does not know is no endpoint.
        if matches!(event.call.status(), Some(400 | 404 | 405)) {
            return;
        }
        if self.known.len() >= self.most {
            self.left_out += 1;
            return;
        }
        self.known.entry(event.endpoint.clone()).or_default().note(event);
    }

    fn merge(&mut self, old: &Arc<str>, new: &Arc<str>) {
        if let Some(known) = self.known.remove(old) {
            self.known.entry(new.clone()).or_default().add(known);
        }
    }

    /// What the next run can start from.
    pub fn save(&self) -> SavedRecords {
        let endpoints = self.known.iter().map(|(name, known)| (name.to_string(), known.clone())).collect();
        SavedRecords { endpoints }
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: SavedRecords) {
        self.known = saved.endpoints.into_iter().take(self.most).map(|(name, known)| (name.into(), known)).collect();
    }

    fn view(&self) -> Inventory {
        let mut hosts: BTreeMap<String, Vec<EndpointEntry>> = BTreeMap::new();
        for (name, known) in &self.known {
            let (host, entry) = known.entry(name);
            hosts.entry(host).or_default().push(entry);
        }
        let hosts = hosts.into_iter().map(|(host, mut endpoints)| {
            endpoints.sort_by(|a, b| (&a.path, &a.operation, &a.method).cmp(&(&b.path, &b.operation, &b.method)));
            HostEntry { host, endpoints }
        });
        Inventory { hosts: hosts.collect() }
    }
}

impl Known {
    fn note(&mut self, event: &Event) {
        let call = &event.call;
        let at = call.began_at;
        self.first = if self.calls == 0 { at } else { self.first.min(at) };
        self.last = self.last.max(at);
        self.calls += 1;
        let class = call.status().map_or(0, |status| usize::from(status / 100)).min(5);
        if let Some(count) = self.statuses.get_mut(class) {
            *count += 1;
        }
        self.refused += u64::from(call.refused || matches!(call.status(), Some(401 | 403)));
        self.authenticated += u64::from(event.is_authenticated());
        for kind in kinds(event) {
            count(&mut self.credentials, kind);
        }
        if let Some(account) = event.account.as_ref().filter(|_| event.refused_login().is_none()) {
            self.accounts.add(account.as_bytes());
        }
        match event.client.ip {
            IpAddr::V4(ip) => self.addresses.add(&ip.octets()),
            IpAddr::V6(ip) => self.addresses.add(&ip.octets()),
        }
        let zone = match event.client.zone {
            Zone::Inside => "inside",
            Zone::Home => "home",
            Zone::Overseas => "overseas",
            Zone::Unknown => "unknown",
        };
        count(&mut self.zones, zone);
        if let Some(count) = self.transports.get_mut(call.transport as usize) {
            *count += 1;
        }
        self.note_types(&call.observations);
        if let Some(holding) = &call.holding.response {
            self.max_records = self.max_records.max(holding.records);
        }
        self.nature = event.nature;
        if let Some(request) = &call.request {
            keep(&mut self.requests, request.content_type.as_deref(), MEDIA);
            keep(&mut self.samples, request.target.split('?').next(), SAMPLES);
        }
        keep(&mut self.responses, call.response.as_ref().and_then(|response| response.content_type.as_deref()), MEDIA);
    }

    fn note_types(&mut self, observations: &[Observation]) {
        let mut counted: Vec<(Half, &str)> = Vec::new();
        for seen in observations.iter().filter(|seen| seen.is_reported()) {
            let types = if seen.half == Half::Request { &mut self.accepted } else { &mut self.returned };
            if types.len() >= TYPES && !types.contains_key(seen.what.id) {
                continue;
            }
            if !types.contains_key(seen.what.id) {
                types.insert(seen.what.id.to_owned(), TypeSeen { grade: seen.grade, full: 0, masked: 0, calls: 0 });
            }
            let Some(known) = types.get_mut(seen.what.id) else { continue };
            known.grade = known.grade.max(seen.grade);
            match seen.form {
                Form::Full => known.full += u64::from(seen.count),
                Form::Masked => known.masked += u64::from(seen.count),
            }
            if !counted.contains(&(seen.half, seen.what.id)) {
                counted.push((seen.half, seen.what.id));
                known.calls += 1;
            }
        }
    }

    /// Adds what is known of an endpoint that turned out to be the same.
    fn add(&mut self, other: Known) {
        self.first = if self.calls == 0 { other.first } else { self.first.min(other.first) };
        self.last = self.last.max(other.last);
        self.nature = if self.calls == 0 { other.nature } else { self.nature };
        self.calls += other.calls;
        self.refused += other.refused;
        self.authenticated += other.authenticated;
        let sum = |ours: &mut [u64], theirs: &[u64]| ours.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        sum(&mut self.statuses, &other.statuses);
        sum(&mut self.transports, &other.transports);
        for (ours, theirs) in [(&mut self.credentials, other.credentials), (&mut self.zones, other.zones)] {
            theirs.into_iter().for_each(|(name, count)| *ours.entry(name).or_default() += count);
        }
        self.accounts.merge(&other.accounts);
        self.addresses.merge(&other.addresses);
        for (ours, theirs) in [(&mut self.returned, other.returned), (&mut self.accepted, other.accepted)] {
            for (id, seen) in theirs {
                if let Some(known) = ours.get_mut(&id) {
                    known.grade = known.grade.max(seen.grade);
                    known.full += seen.full;
                    known.masked += seen.masked;
                    known.calls += seen.calls;
                } else if ours.len() < TYPES {
                    ours.insert(id, seen);
                }
            }
        }
        self.max_records = self.max_records.max(other.max_records);
        let sets = [
            (&mut self.requests, other.requests, MEDIA),
            (&mut self.responses, other.responses, MEDIA),
            (&mut self.samples, other.samples, SAMPLES),
        ];
        for (ours, theirs, most) in sets {
            theirs.iter().for_each(|text| keep(ours, Some(text), most));
        }
    }

    fn entry(&self, name: &str) -> (String, EndpointEntry) {
        let (method, rest) = name.split_once(' ').unwrap_or(("?", name));
        let (rest, operation) = match rest.split_once('#') {
            Some((rest, operation)) => (rest, Some(operation.to_owned())),
            None => (rest, None),
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let grades = self.returned.values().chain(self.accepted.values()).map(|seen| seen.grade);
        let counted = |names: &[&'static str], counts: &[u64]| {
            names.iter().copied().zip(counts.iter().copied()).filter(|(_, count)| *count > 0).collect()
        };
        let entry = EndpointEntry {
            endpoint: name.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            operation,
            nature: self.nature.names().collect(),
            grade: grades.max(),
            confirmed: self.statuses.get(2).is_some_and(|answered| *answered >= CONFIRMED),
            first_seen: self.first,
            last_seen: self.last,
            calls: self.calls,
            statuses: counted(&["none", "1xx", "2xx", "3xx", "4xx", "5xx"], &self.statuses),
            refused: self.refused,
            accounts: self.accounts.count(),
            addresses: self.addresses.count(),
            zones: self.zones.clone(),
            authenticated_percent: u8::try_from(self.authenticated * 100 / self.calls.max(1)).unwrap_or(100),
            credentials: self.credentials.clone(),
            transports: counted(&["cleartext", "decrypted", "behind_terminator"], &self.transports),
            returned: self.returned.clone(),
            accepted: self.accepted.clone(),
            max_records: self.max_records,
            request_types: self.requests.clone(),
            response_types: self.responses.clone(),
            samples: self.samples.clone(),
        };
        (host.to_owned(), entry)
    }
}

/// Kinds of credentials in a call, each once.
fn kinds(event: &Event) -> impl Iterator<Item = &'static str> {
    let has = |kind: CredentialKind| event.call.credentials.iter().any(|credential| credential.kind == kind);
    let all = [
        ("basic", has(CredentialKind::Basic)),
        ("bearer", has(CredentialKind::Bearer)),
        ("session", has(CredentialKind::Session)),
        ("api_key", has(CredentialKind::ApiKey)),
        ("password", has(CredentialKind::Password)),
        ("login", event.login().is_some()),
    ];
    all.into_iter().filter(|(_, has)| *has).map(|(name, _)| name)
}

fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}

fn keep(texts: &mut BTreeSet<String>, text: Option<&str>, most: usize) {
    if let Some(text) = text
        && texts.len() < most
        && !texts.contains(text)
    {
        texts.insert(text.chars().take(TEXT).collect());
    }
}

/// How calls crossed the wire is counted by the place of each way in `transports`.
const _: () = assert!(Transport::Cleartext as usize == 0 && Transport::BehindTerminator as usize == 2);

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_model::{Outcome, Place};
    use spyhop_testkit::{event, types};

    fn named(event: Event, name: &str) -> Event {
        Event { endpoint: name.into(), ..event }
    }

    #[test]
    fn an_endpoint_is_described() {
        let mut records = Records::new(10);
        let kind = CredentialKind::Bearer;
        for n in 0..3 {
            let build =
                event().get("a.example/users").account("alice").credential(kind, Place::Header("authorization".into()));
            records.note(&build.returns(&types::MOBILE, 2).returns_masked(&types::EMAIL, 1).holds(7, 7, "$").build(n));
        }
        records.note(&event().get("a.example/users").status(403).overseas("US").build(9));
        records.note(&event().post("b.example/login").login("bob", Outcome::Failure).build(10));
        records.note(&event().get("a.example/nothing").status(404).build(11));
        let inventory = records.view();
        let hosts: Vec<&str> = inventory.hosts.iter().map(|host| &*host.host).collect();
        assert_eq!(hosts, ["a.example", "b.example"]);
        let users = &inventory.hosts[0].endpoints[0];
        assert_eq!((&*users.method, &*users.path, users.calls, users.refused), ("GET", "/users", 4, 1));
        assert_eq!((users.accounts, users.addresses, users.authenticated_percent), (1, 2, 75));
        assert_eq!((users.max_records, users.grade, users.confirmed), (7, Some(Grade::L3), true));
        assert_eq!(users.returned["cn_mobile"], TypeSeen { grade: Grade::L3, full: 6, masked: 0, calls: 3 });
        assert_eq!((users.credentials["bearer"], users.zones["overseas"], users.statuses["4xx"]), (3, 1, 1));
        assert_eq!(users.first_seen, spyhop_testkit::time(0));
        assert!(!inventory.hosts[1].endpoints[0].confirmed);
    }

    #[test]
    fn merges_keep_counts_and_samples() {
        let mut records = Records::new(10);
        for n in 0..6 {
            let build =
                event().get(&format!("a.example/u/x{n}")).from(&format!("10.0.0.{n}")).account(&format!("u{n}"));
            records.note(&build.returns(&types::MOBILE, 1).build(n));
        }
        for n in 0..6 {
            records.merge(&format!("GET a.example/u/x{n}").into(), &"GET a.example/u/{param}".into());
        }
        let inventory = records.view();
        let merged = &inventory.hosts[0].endpoints[0];
        assert_eq!((inventory.hosts[0].endpoints.len(), merged.calls, merged.accounts, merged.addresses), (1, 6, 6, 6));
        assert_eq!((merged.samples.len(), merged.returned["cn_mobile"].full), (SAMPLES, 6));
        assert!(merged.samples.contains("/u/x0"));
        assert_eq!((merged.first_seen, merged.last_seen), (spyhop_testkit::time(0), spyhop_testkit::time(5)));
    }

    #[test]
    fn it_is_bounded_and_survives_a_snapshot() {
        let mut records = Records::new(3);
        for n in 0..9 {
            records.note(&named(event().build(n), &format!("GET a.example/{n}#op")));
        }
        assert_eq!((records.known.len(), records.left_out), (3, 6));
        let saved = serde_json::json!({ "inventory": serde_json::to_value(records.save()).expect("saved") });
        let read = Inventory::read(saved.to_string().as_bytes()).expect("read");
        assert_eq!(read, records.view());
        assert_eq!(read.hosts[0].endpoints[0].operation.as_deref(), Some("op"));
        assert_eq!(Inventory::read(b"{}").expect("an older snapshot"), Inventory::default());
    }
}
