//! From a call to its endpoint: `METHOD host/path/{id}#operation`. Names are shared, and bounded against path floods.
//!
//! Templates are views: when paths turn out to be one endpoint, what is known of them adds up under the new name, and the old
//! names lead to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use ahash::AHashMap;
use serde::{Deserialize, Serialize};
use spyhop_model::{Call, Nature, Segment, settings};

use crate::nature::by_words;
use crate::template::{Endpoint, EndpointId, NodeId, Templates};

settings! {
    /// How many endpoints are told apart.
    pub struct EndpointLimits {
        /// Hosts; calls to further ones count as the host {overflow}.
        hosts: usize = 10_000,
        /// Endpoints of one host; further ones count as its endpoint {overflow}.
        per_host: usize = 5_000,
        /// Endpoints of all hosts together; further ones count as {overflow}, too.
        total: usize = 50_000,
    }
}

/// Segments of a path that a name shows, and characters of a literal one and of an operation.
const SEGMENTS: usize = 32;
const LITERAL: usize = 96;
/// Nodes of tries for each endpoint that may be.
const NODES: usize = 6;
/// Old names that lead to the template they became.
const ALIASES: usize = 65_536;
/// Paths whose endpoint is known without looking, in each of two generations, and the longest of them.
const REMEMBERED: usize = 32_768;
const LONGEST: usize = 256;

/// All endpoints seen so far.
#[derive(Default)]
pub struct Endpoints {
    limits: EndpointLimits,
    templates: Templates,
    hosts: BTreeMap<Box<str>, Host>,
    aliases: BTreeMap<Arc<str>, Arc<str>>,
    aliases_dropped: u64,
    merged: Vec<(Arc<str>, Arc<str>)>,
    young: AHashMap<Box<str>, EndpointId>,
    old: AHashMap<Box<str>, EndpointId>,
    scratch: String,
    overflowed: u64,
}

#[derive(Default)]
struct Host {
    endpoints: usize,
    /// By method.
    tries: BTreeMap<Box<str>, NodeId>,
}

/// Endpoints as a snapshot holds them.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedEndpoints {
    /// Of older snapshots, which knew the names only.
    #[serde(skip_serializing)]
    names: BTreeSet<String>,
    endpoints: Vec<Endpoint>,
    aliases: BTreeMap<Arc<str>, Arc<str>>,
    /// Where merged segments looked like values.
    made: Vec<String>,
}

/// Where in a name its parts stand.
struct Parts {
    host: Range<usize>,
    path: Range<usize>,
}

impl Parts {
    fn of(name: &str) -> Parts {
        let host = name.find(' ').map_or(0, |at| at + 1);
        let slash = name.get(host..).and_then(|rest| rest.find('/')).map_or(name.len(), |at| host + at);
        let end = name.get(slash..).and_then(|rest| rest.find('#')).map_or(name.len(), |at| slash + at);
        Parts { host: host..slash, path: slash..end }
    }
}

impl Endpoints {
    /// None yet.
    pub fn new(limits: EndpointLimits) -> Endpoints {
        Endpoints { limits, ..Endpoints::default() }
    }

    /// Calls that fell into an overflow endpoint.
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// Old names of merged endpoints that had to be dropped.
    pub fn aliases_dropped(&self) -> u64 {
        self.aliases_dropped
    }

    /// The name that an endpoint has now, if it was merged since.
    pub fn alias(&self, name: &str) -> Option<&Arc<str>> {
        let mut known = self.aliases.get(name)?;
        // A merged endpoint may be merged again, once for each of its segments.
        for _ in 0..SEGMENTS {
            match self.aliases.get(known) {
                Some(next) => known = next,
                None => break,
            }
        }
        Some(known)
    }

    /// Endpoints that were merged since this was asked last: old and new names, in order.
    pub fn take_merged(&mut self) -> Vec<(Arc<str>, Arc<str>)> {
        std::mem::take(&mut self.merged)
    }

    /// The endpoint of a call, and what it is.
    pub fn of(&mut self, call: &Call) -> (Arc<str>, Nature) {
        let mut name = std::mem::take(&mut self.scratch);
        name.clear();
        let parts = write_name(call, &mut name);
        let known = match self.remembered(&name) {
            Some(id) => Ok(id),
            None => self.look_up(&name, &parts, call),
        };
        let found = match known {
            Ok(id) => match self.templates.get_mut(id) {
                Some(endpoint) => {
                    if endpoint.learnt.calls == 0 {
                        // Older snapshots do not say what it is.
                        endpoint.words = by_words(call);
                    }
                    endpoint.learn(call);
                    (endpoint.name.clone(), endpoint.nature())
                }
                None => (name.as_str().into(), by_words(call)),
            },
            Err(unknown) => (unknown, by_words(call)),
        };
        self.scratch = name;
        found
    }

    fn remembered(&mut self, name: &str) -> Option<EndpointId> {
        if let Some(id) = self.young.get(name) {
            return Some(*id);
        }
        let (name, id) = self.old.remove_entry(name)?;
        self.remember(name, id);
        Some(id)
    }

    fn remember(&mut self, name: Box<str>, id: EndpointId) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name, id);
    }

    /// Finds the endpoint in its trie, or adds it; else the name under which the call counts.
    fn look_up(&mut self, name: &str, parts: &Parts, call: &Call) -> Result<EndpointId, Arc<str>> {
        let text = |range: &Range<usize>| name.get(range.clone()).unwrap_or("");
        let (host, path, head) = (text(&parts.host), text(&parts.path), text(&(0..parts.host.end)));
        let method = text(&(0..parts.host.start));
        let operation = text(&(parts.path.end..name.len())).strip_prefix('#');
        let root = self.hosts.get(host).and_then(|host| host.tries.get(method).copied());
        let mut view = None;
        if let Some(root) = root {
            let found = self.templates.find(root, head, path, operation);
            if let Some(id) = found.endpoint {
                if name.len() <= LONGEST {
                    self.remember(name.into(), id);
                }
                return Ok(id);
            }
            view = Some(found.name);
        }
        let view = view.as_deref().unwrap_or(name);
        // What a server does not know is no endpoint: a scanner must not fill the inventory.
        if matches!(call.status(), Some(400 | 404 | 405)) {
            return Err(view.into());
        }
        if self.hosts.len() >= self.limits.hosts && !self.hosts.contains_key(host) {
            self.overflowed += 1;
            return Err(format!("{method}{{overflow}}/").into());
        }
        let endpoints = self.hosts.get(host).map_or(0, |host| host.endpoints);
        let nodes = self.limits.total.saturating_mul(NODES);
        let full = self.templates.len() >= self.limits.total || self.templates.nodes() + SEGMENTS >= nodes;
        if endpoints >= self.limits.per_host || full {
            self.overflowed += 1;
            return Err(format!("{method}{host}/{{overflow}}").into());
        }
        let mut endpoint = Endpoint::new(view, by_words(call));
        endpoint.look(call);
        let fewer = self.add(endpoint, parts, name, false);
        if fewer {
            self.follow_merges();
        }
        // Where it is now.
        let root = self.hosts.get(host).and_then(|host| host.tries.get(method).copied());
        let found = root.map(|root| self.templates.find(root, head, path, operation));
        found.and_then(|found| found.endpoint).ok_or_else(|| view.into())
    }

    /// Adds an endpoint at the place that `name` says; tells whether others were merged.
    fn add(&mut self, endpoint: Endpoint, parts: &Parts, name: &str, exact: bool) -> bool {
        let text = |range: Range<usize>| name.get(range).unwrap_or("");
        let host_name = text(parts.host.clone());
        let known = self.hosts.contains_key(host_name);
        let host = if known { self.hosts.get_mut(host_name) } else { None };
        let host = match host {
            Some(host) => host,
            None => self.hosts.entry(host_name.into()).or_default(),
        };
        host.endpoints += 1;
        let method = text(0..parts.host.start);
        let root = match host.tries.get(method) {
            Some(root) => *root,
            None => {
                let root = self.templates.root();
                host.tries.insert(method.into(), root);
                root
            }
        };
        let fewer = self.templates.insert(root, text(0..parts.host.end), text(parts.path.clone()), endpoint, exact);
        host.endpoints = host.endpoints.saturating_sub(fewer.unwrap_or(0));
        fewer.is_some()
    }

    /// After a merge: old names lead to new ones, and what is remembered is looked up anew.
    fn follow_merges(&mut self) {
        self.young.clear();
        self.old.clear();
        let merged = std::mem::take(&mut self.templates.merged);
        for (old, new) in &merged {
            if self.aliases.len() < ALIASES {
                self.aliases.insert(old.clone(), new.clone());
            } else {
                self.aliases_dropped += 1;
            }
        }
        // Nobody may be reading them; old names lead to them all the same.
        if self.merged.len() < ALIASES {
            self.merged.extend(merged);
        }
    }

    /// What the next run can start from.
    pub fn save(&self) -> SavedEndpoints {
        let mut endpoints: Vec<Endpoint> = self.templates.iter().cloned().collect();
        endpoints.sort_by(|a, b| a.name.cmp(&b.name));
        let mut made = Vec::new();
        for (host, known) in &self.hosts {
            for (method, root) in &known.tries {
                self.templates.made(*root, &format!("{method}{host}"), &mut made);
            }
        }
        SavedEndpoints { names: BTreeSet::new(), endpoints, aliases: self.aliases.clone(), made }
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: SavedEndpoints) {
        let named = saved.names.iter().map(|name| Endpoint::new(name, Nature::default()));
        for endpoint in saved.endpoints.into_iter().chain(named).take(self.limits.total) {
            let name = endpoint.name.clone();
            self.add(endpoint, &Parts::of(&name), &name, true);
        }
        for prefix in saved.made {
            let parts = Parts::of(&prefix);
            let text = |range: Range<usize>| prefix.get(range).unwrap_or("");
            let root =
                self.hosts.get(text(parts.host.clone())).and_then(|host| host.tries.get(text(0..parts.host.start)));
            if let Some(root) = root {
                self.templates.mark_made(*root, text(parts.path));
            }
        }
        self.aliases = saved.aliases.into_iter().take(ALIASES).collect();
    }
}

/// Writes the endpoint's name without templates, and says where in it host and path stand.
fn write_name(call: &Call, name: &mut String) -> Parts {
    let Some(request) = &call.request else {
        name.push_str("? ");
        let start = name.len();
        let _ = write!(name, "{}", call.server);
        let end = name.len();
        name.push('/');
        return Parts { host: start..end, path: end..name.len() };
    };
    let known_shape = request.method.len() <= 24 && request.method.bytes().all(|byte| byte.is_ascii_graphic());
    name.push_str(if known_shape { &request.method } else { "?" });
    name.push(' ');
    let start = name.len();
    write_host(call, &request.host, name);
    let end = name.len();
    for segment in request.path.iter().take(SEGMENTS) {
        name.push('/');
        match segment {
            Segment::Literal(text) if text.len() <= LITERAL => write_literal(text, name),
            Segment::Literal(_) => name.push_str("{text}"),
            Segment::Typed(kind) => {
                name.push('{');
                name.push_str(kind);
                name.push('}');
            }
        }
    }
    if request.path.is_empty() {
        name.push('/');
    } else if request.path.len() > SEGMENTS {
        name.push_str("/…");
    }
    let path = end..name.len();
    if let Some(operation) = call.operation.as_deref().filter(|operation| operation.len() <= LITERAL) {
        name.push('#');
        write_literal(operation, name);
    }
    Parts { host: start..end, path }
}

/// Writes text so that it is one segment of a name: what structures names is percent-encoded.
fn write_literal(text: &str, name: &mut String) {
    let structures = |byte: u8| matches!(byte, b'/' | b'#' | b'{' | b'}') || byte <= b' ' || byte == 0x7f;
    if !text.bytes().any(structures) {
        name.push_str(text);
        return;
    }
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) if structures(byte) => {
                let _ = write!(name, "%{byte:02X}");
            }
            _ => name.push(c),
        }
    }
}

/// Writes the virtual host; the server's address where the request names none, or by an address that is not the server's.
fn write_host(call: &Call, host: &str, name: &mut String) {
    let default = match call.server.port {
        80 => ":80",
        443 => ":443",
        _ => "",
    };
    let host = host.strip_suffix(default).unwrap_or(host);
    let host = host.strip_suffix('.').unwrap_or(host);
    let address = host.starts_with(|c: char| c.is_ascii_digit() || c == '[').then(|| {
        let alone = || host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        host.parse::<SocketAddr>().map(|socket| socket.ip()).ok().or_else(alone)
    });
    if host.is_empty() || address.flatten().is_some_and(|address| address != call.server.ip) {
        let _ = write!(name, "{}", call.server);
    } else if host.bytes().any(|b| b == b'/' || b == b'#' || b <= b' ' || b >= 0x80) {
        // A slash in a host would end it early in every name.
        name.extend(
            host.chars().map(|c| if matches!(c, '/' | '#') || c.is_whitespace() || c.is_control() { '_' } else { c }),
        );
    } else {
        name.push_str(host);
    }
}

#[cfg(test)]
mod tests;
