//! From a call's path to its endpoint: `METHOD host/path/{id}`. Names are shared, and bounded against path floods.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{Call, Segment, settings};

settings! {
    /// How many endpoints are told apart.
    pub struct EndpointLimits {
        /// Hosts; calls to further ones count as the host {overflow}.
        hosts: usize = 10_000,
        /// Endpoints of one host; further ones count as its endpoint {overflow}.
        per_host: usize = 5_000,
    }
}

/// Segments of a path that a name shows, and characters of a literal one.
const SEGMENTS: usize = 32;
const LITERAL: usize = 96;

/// All endpoints seen so far.
#[derive(Default)]
pub struct Endpoints {
    limits: EndpointLimits,
    names: HashSet<Arc<str>, ahash::RandomState>,
    hosts: HashMap<Box<str>, usize, ahash::RandomState>,
    scratch: String,
    overflowed: u64,
}

/// Endpoints as a snapshot holds them.
#[derive(Default, Serialize, Deserialize)]
pub struct SavedEndpoints {
    names: BTreeSet<String>,
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

    /// The endpoint of a call.
    pub fn of(&mut self, call: &Call) -> Arc<str> {
        let mut name = std::mem::take(&mut self.scratch);
        name.clear();
        let host = write_name(call, &mut name);
        let endpoint = self.share(&name, host, call);
        self.scratch = name;
        endpoint
    }

    fn share(&mut self, name: &str, host: std::ops::Range<usize>, call: &Call) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        // What a server does not know is no endpoint: a scanner must not fill the inventory.
        if matches!(call.status(), Some(400 | 404 | 405)) {
            return name.into();
        }
        let method = name.get(..host.start).unwrap_or("");
        let host = name.get(host).unwrap_or("");
        if self.hosts.len() >= self.limits.hosts && !self.hosts.contains_key(host) {
            self.overflowed += 1;
            return format!("{method}{{overflow}}/").into();
        }
        let endpoints = self.hosts.entry(host.into()).or_insert(0);
        if *endpoints >= self.limits.per_host {
            self.overflowed += 1;
            return format!("{method}{host}/{{overflow}}").into();
        }
        *endpoints += 1;
        let shared: Arc<str> = name.into();
        self.names.insert(shared.clone());
        shared
    }

    /// What the next run can start from.
    pub fn save(&self) -> SavedEndpoints {
        SavedEndpoints { names: self.names.iter().map(|name| name.to_string()).collect() }
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: SavedEndpoints) {
        for name in saved.names {
            let host = name.split_once(' ').map_or("", |(_, rest)| rest).split('/').next().unwrap_or("");
            *self.hosts.entry(host.into()).or_insert(0) += 1;
            self.names.insert(name.into());
        }
    }
}

/// Writes the endpoint's name and says where in it the host stands.
fn write_name(call: &Call, name: &mut String) -> std::ops::Range<usize> {
    let Some(request) = &call.request else {
        name.push_str("? ");
        let start = name.len();
        let _ = write!(name, "{}", call.server);
        let end = name.len();
        name.push('/');
        return start..end;
    };
    let known_shape = request.method.len() <= 24 && request.method.bytes().all(|byte| byte.is_ascii_graphic());
    name.push_str(if known_shape { &request.method } else { "?" });
    name.push(' ');
    let start = name.len();
    if request.host.is_empty() {
        let _ = write!(name, "{}", call.server);
    } else {
        // A slash in a host would end it early in every name.
        name.extend(request.host.chars().map(|c| if c == '/' || c.is_whitespace() { '_' } else { c }));
    }
    let end = name.len();
    for segment in request.path.iter().take(SEGMENTS) {
        match segment {
            Segment::Literal(text) if text.len() <= LITERAL => {
                name.push('/');
                name.push_str(text);
            }
            Segment::Literal(_) => name.push_str("/{text}"),
            Segment::Typed(kind) => {
                let _ = write!(name, "/{{{kind}}}");
            }
        }
    }
    if request.path.is_empty() {
        name.push('/');
    } else if request.path.len() > SEGMENTS {
        name.push_str("/…");
    }
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_testkit::event;

    fn call(host: &str, path: &[Segment], status: u16) -> Call {
        let mut call = event().get(&format!("{host}/")).status(status).build(1).call;
        call.request.as_mut().expect("a request").path = path.to_vec();
        call
    }

    #[test]
    fn variable_segments_are_typed_and_names_are_shared() {
        let mut endpoints = Endpoints::new(EndpointLimits::default());
        let path = [Segment::Literal("users".into()), Segment::Typed("int"), Segment::Literal("card".into())];
        let name = endpoints.of(&call("a.example", &path, 200));
        assert_eq!(&*name, "GET a.example/users/{int}/card");
        assert!(Arc::ptr_eq(&name, &endpoints.of(&call("a.example", &path, 200))));
        assert_eq!(&*endpoints.of(&call("a.example", &[], 200)), "GET a.example/");
    }

    #[test]
    fn floods_of_paths_and_hosts_end_in_overflow_and_unknown_paths_are_not_kept() {
        let mut endpoints = Endpoints::new(EndpointLimits { hosts: 2, per_host: 3 });
        for n in 0..10 {
            endpoints.of(&call("a.example", &[Segment::Literal(format!("p{n}").into())], 200));
        }
        assert_eq!(
            &*endpoints.of(&call("a.example", &[Segment::Literal("new".into())], 200)),
            "GET a.example/{overflow}"
        );
        endpoints.of(&call("b.example", &[], 200));
        assert_eq!(&*endpoints.of(&call("c.example", &[], 200)), "GET {overflow}/");
        assert_eq!(&*endpoints.of(&call("b.example", &[Segment::Literal("scan".into())], 404)), "GET b.example/scan");
        assert_eq!(endpoints.names.len(), 4);
        assert_eq!(endpoints.overflowed(), 9);
    }

    #[test]
    fn a_snapshot_keeps_the_names() {
        let mut endpoints = Endpoints::new(EndpointLimits { hosts: 10, per_host: 1 });
        endpoints.of(&call("a.example", &[Segment::Literal("x".into())], 200));
        let mut later = Endpoints::new(EndpointLimits { hosts: 10, per_host: 1 });
        later.load(endpoints.save());
        assert_eq!(&*later.of(&call("a.example", &[Segment::Literal("x".into())], 200)), "GET a.example/x");
        assert_eq!(&*later.of(&call("a.example", &[Segment::Literal("y".into())], 200)), "GET a.example/{overflow}");
    }
}
