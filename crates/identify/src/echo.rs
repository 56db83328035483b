//! One call seen before and after a gateway counts once.
//!
//! The inner call, from the gateway to the server, ends before the outer one and is judged first; the outer one is its echo.
//! Only calls of addresses that also serve are remembered, so that a tap that sees one side of its gateways pays nothing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use spyhop_model::{Call, Span, Timestamp};

/// How long a call is remembered, how many are, and how many addresses that serve.
const MEMORY: Span = Span::seconds(2);
const CALLS: usize = 65_536;
const SERVERS: usize = 65_536;

/// Calls of gateways, lately.
pub struct Echoes {
    servers: HashSet<IpAddr, ahash::RandomState>,
    gateways: HashSet<IpAddr, ahash::RandomState>,
    calls: HashMap<u64, Inner, ahash::RandomState>,
    order: VecDeque<(Timestamp, u64)>,
    hasher: ahash::RandomState,
}

struct Inner {
    client: IpAddr,
    server: IpAddr,
    began_at: Timestamp,
    ended_at: Timestamp,
    added: Timestamp,
}

impl Default for Echoes {
    fn default() -> Echoes {
        Echoes {
            servers: HashSet::default(),
            gateways: HashSet::default(),
            calls: HashMap::default(),
            order: VecDeque::new(),
            // What calls are alike must not depend on the run.
            hasher: ahash::RandomState::with_seeds(1, 2, 3, 4),
        }
    }
}

impl Echoes {
    /// Whether a call is the other side of one that came before.
    pub fn is_echo(&mut self, call: &Call) -> bool {
        let (client, server, at) = (call.client.ip, call.server.ip, call.moment.at);
        // A proxy on the machine itself calls from the address that it serves.
        if call.message.is_some() || call.request.is_none() {
            return false;
        }
        while let Some((added, name)) = self.order.pop_front_if(|(added, _)| at.since(*added) > MEMORY) {
            self.forget(name, added);
        }
        if self.servers.len() < SERVERS {
            self.servers.insert(server);
        }
        let is_inner = self.servers.contains(&client);
        let is_outer = self.gateways.contains(&server);
        if !is_inner && !is_outer {
            return false;
        }
        let name = self.name(call);
        if is_outer && self.calls.get(&name).is_some_and(|inner| inner.is_within(call)) {
            self.calls.remove(&name);
            return true;
        }
        if is_inner {
            self.gateways.insert(client);
            if self.order.len() >= CALLS
                && let Some((added, oldest)) = self.order.pop_front()
            {
                self.forget(oldest, added);
            }
            let inner = Inner { client, server, began_at: call.began_at, ended_at: call.ended_at, added: at };
            self.calls.insert(name, inner);
            self.order.push_back((at, name));
        }
        false
    }

    /// A later call of the same name stays.
    fn forget(&mut self, name: u64, added: Timestamp) {
        if self.calls.get(&name).is_some_and(|inner| inner.added == added) {
            self.calls.remove(&name);
        }
    }

    /// What both sides have in common: gateways rewrite hosts and paths now and then, but hardly the method, the end of the
    /// target, the answer's status and what the caller proves itself with.
    fn name(&self, call: &Call) -> u64 {
        let request = call.request.as_ref();
        let target = request.map_or("", |request| &*request.target);
        let secrets = call.credentials.iter().map(|credential| credential.fingerprint.0);
        let login = call.login.as_ref().map(|login| {
            let account = login.account.as_ref().map(|account| account.fingerprint);
            (account, login.secret, login.outcome)
        });
        // Cookies of the gateway's own stand on one side only; the order is the other's.
        let secrets = secrets.fold(0_u64, u64::wrapping_add);
        self.hasher.hash_one((request.map(|request| &*request.method), target, call.status(), secrets, login))
    }
}

impl Inner {
    /// It happened while the gateway answered `outer`, and was sent on by who served that.
    fn is_within(&self, outer: &Call) -> bool {
        self.client == outer.server.ip
            && self.server != outer.server.ip
            && outer.began_at <= self.began_at
            && self.ended_at <= outer.ended_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_model::Outcome;
    use spyhop_testkit::event;

    fn side(client: &str, server: &str, millis: (u64, u64)) -> Call {
        let mut call = event().post("a.example/login").from(client).login("alice", Outcome::Failure).build(1).call;
        call.server.ip = server.parse().expect("an address");
        let start = call.began_at;
        call.began_at = start + Span::millis(millis.0);
        call.ended_at = start + Span::millis(millis.1);
        call.moment.at = call.ended_at;
        call
    }

    #[test]
    fn the_outer_side_of_a_call_is_an_echo_of_the_inner_one() {
        let mut echoes = Echoes::default();
        // The gateway must have served before it is known as one.
        assert!(!echoes.is_echo(&side("203.0.113.9", "10.0.0.7", (0, 5))));
        assert!(!echoes.is_echo(&side("10.0.0.7", "10.0.1.1", (12, 18))));
        assert!(echoes.is_echo(&side("203.0.113.9", "10.0.0.7", (10, 20))));
        assert!(!echoes.is_echo(&side("203.0.113.9", "10.0.0.7", (30, 40))), "each inner call has one outer");
    }

    #[test]
    fn calls_that_do_not_overlap_or_go_elsewhere_are_no_echoes() {
        let mut echoes = Echoes::default();
        assert!(!echoes.is_echo(&side("203.0.113.9", "10.0.0.7", (0, 5))));
        assert!(!echoes.is_echo(&side("10.0.0.7", "10.0.1.1", (12, 18))));
        assert!(!echoes.is_echo(&side("203.0.113.9", "10.0.0.7", (15, 30))));
        assert!(!echoes.is_echo(&side("203.0.113.9", "10.0.0.9", (10, 30))));
        assert!(!echoes.is_echo(&side("203.0.113.9", "10.0.0.7", (10, 5_000))));
    }
}
