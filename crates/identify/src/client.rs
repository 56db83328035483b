//! The true client: what gateways say of the hops before them, read from the right, as far as they are believed.
//!
//! A client can write anything into `X-Forwarded-For`; only what a hop of our own added can be believed. So the list is read
//! from its end, and the first address that is no hop of ours is the client (RFC 7239, section 8.1).

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use spyhop_model::{Call, Forwarded, Zone};

use crate::location::Locations;

/// Calls after which an address can be a hop, the share in percent that told of a client, and the different clients told of.
const CALLS: u32 = 1_000;
const SHARE: u64 = 99;
const CLIENTS: usize = 20;
/// The share in percent below which a learnt hop is one no more.
const LEAST_SHARE: u64 = 90;
/// Counts of an address are halved here, so that what was long ago counts less.
const FULL: u32 = 100_000;
/// Addresses that may become hops. Only those that tell of clients are counted.
const SENDERS: usize = 4_096;
/// Addresses that must have called before one that is not a hop can be said to lie, where no hops are configured.
const MANY: usize = 20;

/// Who called, seen from behind all our gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The true client.
    pub ip: IpAddr,
    /// The gateway that told of it.
    pub via: Option<IpAddr>,
    /// The client itself claims to be another.
    pub spoofed: bool,
}

/// Hops, configured and learnt.
#[derive(Default)]
pub struct Hops {
    learns: bool,
    is_configured: bool,
    senders: HashMap<IpAddr, Sender, ahash::RandomState>,
    calls: u32,
    callers: BTreeSet<IpAddr>,
}

/// What an address told of its clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sender {
    calls: u32,
    telling: u32,
    clients: BTreeSet<IpAddr>,
    is_hop: bool,
}

/// Hops as a snapshot holds them.
#[derive(Default, Serialize, Deserialize)]
pub struct SavedHops {
    senders: Vec<(IpAddr, Sender)>,
    calls: u32,
    callers: BTreeSet<IpAddr>,
}

impl Hops {
    /// None learnt yet.
    pub fn new(locations: &Locations) -> Hops {
        Hops { learns: locations.learns_hops(), is_configured: locations.has_hops(), ..Hops::default() }
    }

    /// The true client of a call. Learns who the hops are.
    pub fn origin(&mut self, call: &Call, locations: &mut Locations) -> Origin {
        let peer = call.client.ip;
        let direct = Origin { ip: peer, via: None, spoofed: false };
        let told = call.forwarded.as_deref().filter(|told| *told != &Forwarded::default());
        // Messages repeat their opening's request, and must not count it again.
        if call.message.is_none() {
            self.learn(peer, told, locations);
        }
        let Some(told) = told else { return direct };
        if !self.is_hop(peer, locations) {
            return Origin { spoofed: self.lies(peer, told, locations), ..direct };
        }
        // The PROXY protocol names who connected to the hop, and the request is of that one.
        let nearest = told.proxied.iter().chain(told.chain.iter().rev()).copied();
        let client = nearest.clone().find(|ip| !self.is_hop(*ip, locations)).or(told.real_ip).or(nearest.last());
        match client.filter(|ip| *ip != peer && !ip.is_unspecified()) {
            Some(ip) => Origin { ip: ip.to_canonical(), via: Some(peer), spoofed: false },
            None => direct,
        }
    }

    /// Whether what an address says of its clients is believed.
    pub fn is_hop(&self, ip: IpAddr, locations: &Locations) -> bool {
        locations.is_trusted_hop(ip) || self.senders.get(&ip).is_some_and(|sender| sender.is_hop)
    }

    fn learn(&mut self, peer: IpAddr, told: Option<&Forwarded>, locations: &mut Locations) {
        if self.calls < CALLS {
            self.calls += 1;
        }
        if self.callers.len() < MANY {
            self.callers.insert(peer);
        }
        if !self.senders.contains_key(&peer) {
            if told.is_none() || self.senders.len() >= SENDERS {
                return;
            }
            self.senders.insert(peer, Sender::default());
        }
        let Some(sender) = self.senders.get_mut(&peer) else { return };
        sender.calls += 1;
        if let Some(told) = told {
            sender.telling += 1;
            let client = told.proxied.or(told.chain.last().copied()).or(told.real_ip);
            if let Some(client) = client.filter(|client| *client != peer && sender.clients.len() < CLIENTS) {
                sender.clients.insert(client);
            }
        }
        let share = u64::from(sender.telling) * 100 / u64::from(sender.calls);
        let enough = sender.calls >= CALLS && sender.clients.len() >= CLIENTS;
        // Anyone on the internet could call a thousand times to be believed ever after; those inside are few.
        sender.is_hop = match sender.is_hop {
            true => share >= LEAST_SHARE,
            false => self.learns && enough && share >= SHARE && locations.party(peer).zone == Zone::Inside,
        };
        if sender.calls >= FULL {
            sender.calls /= 2;
            sender.telling /= 2;
        }
    }

    /// Whether one that is no hop says what cannot be. A gateway that is not known yet looks the same, as does a company's own
    /// proxy that names the workstation behind it; hence the doubts.
    fn lies(&self, peer: IpAddr, told: &Forwarded, locations: &mut Locations) -> bool {
        let named = told.chain.first().copied().or(told.real_ip);
        let Some(named) = named.map(|ip| ip.to_canonical()).filter(|named| *named != peer.to_canonical()) else {
            return false;
        };
        if named.is_loopback() && !peer.is_loopback() {
            return self.is_configured || self.has_seen_many();
        }
        let inside = locations.party(peer).zone == Zone::Inside;
        // Where hops are learnt, one that tells with every call may be the next.
        let becoming = self.learns && inside && self.senders.get(&peer).is_none_or(Sender::tells_nearly_always);
        if self.is_configured {
            return !becoming;
        }
        let mixed = self.senders.get(&peer).is_some_and(|sender| !sender.tells_nearly_always());
        self.has_seen_many() && mixed
    }

    fn has_seen_many(&self) -> bool {
        self.calls >= CALLS && self.callers.len() >= MANY
    }

    /// What the next run can start from.
    pub fn save(&self) -> SavedHops {
        let mut senders: Vec<_> = self.senders.iter().map(|(ip, sender)| (*ip, sender.clone())).collect();
        senders.sort_by_key(|(ip, _)| *ip);
        SavedHops { senders, calls: self.calls, callers: self.callers.clone() }
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: SavedHops) {
        self.senders = saved.senders.into_iter().take(SENDERS).collect();
        self.calls = saved.calls;
        self.callers = saved.callers;
    }
}

impl Sender {
    fn tells_nearly_always(&self) -> bool {
        u64::from(self.telling) * 100 >= u64::from(self.calls) * LEAST_SHARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Networks;
    use spyhop_testkit::event;

    fn call(peer: &str, chain: &[&str]) -> Call {
        let mut call = event().get("a.example/x").from(peer).build(1).call;
        let chain: Vec<IpAddr> = chain.iter().map(|ip| ip.parse().expect("an address")).collect();
        call.forwarded = (!chain.is_empty()).then(|| Box::new(Forwarded { chain, ..Forwarded::default() }));
        call
    }

    fn seen(networks: Networks) -> (Hops, Locations) {
        let locations = Locations::open(&networks).expect("the built-in database");
        (Hops::new(&locations), locations)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn with_hops() -> Networks {
        Networks { trusted_hops: vec!["10.0.0.0/24".parse().expect("a range")], ..Networks::default() }
    }

    #[test]
    fn the_list_is_read_from_the_right_through_trusted_hops() {
        let (mut hops, mut places) = seen(with_hops());
        let origin = hops.origin(&call("10.0.0.7", &["1.1.1.1", "203.0.113.9", "10.0.0.8"]), &mut places);
        assert_eq!(origin, Origin { ip: ip("203.0.113.9"), via: Some(ip("10.0.0.7")), spoofed: false });
        let mut proxied = call("10.0.0.7", &["1.1.1.1"]);
        proxied.forwarded.as_mut().expect("told").proxied = Some(ip("203.0.113.5"));
        assert_eq!(hops.origin(&proxied, &mut places).ip, ip("203.0.113.5"));
        let mut real = call("10.0.0.7", &["1.1.1.1"]);
        real.forwarded = Some(Box::new(Forwarded { real_ip: Some(ip("203.0.113.6")), ..Forwarded::default() }));
        assert_eq!(hops.origin(&real, &mut places).ip, ip("203.0.113.6"));
        assert_eq!(hops.origin(&call("10.0.0.7", &[]), &mut places).ip, ip("10.0.0.7"));
    }

    #[test]
    fn a_client_that_claims_to_be_another_is_believed_nothing() {
        let (mut hops, mut places) = seen(with_hops());
        let origin = hops.origin(&call("203.0.113.9", &["10.1.1.1"]), &mut places);
        assert_eq!(origin, Origin { ip: ip("203.0.113.9"), via: None, spoofed: true });
        let (mut hops, mut places) = seen(Networks::default());
        assert!(!hops.origin(&call("203.0.113.9", &["10.1.1.1"]), &mut places).spoofed, "nothing is known yet");
    }

    #[test]
    fn an_inside_gateway_is_learnt_and_one_outside_never() {
        let (mut hops, mut places) = seen(Networks::default());
        for n in 0..1_100 {
            let client = format!("203.0.113.{}", n % 50);
            hops.origin(&call("10.0.0.7", &[&client]), &mut places);
            hops.origin(&call("8.8.8.8", &[&client]), &mut places);
        }
        assert_eq!(hops.origin(&call("10.0.0.7", &["203.0.113.3"]), &mut places).ip, ip("203.0.113.3"));
        assert_eq!(hops.origin(&call("8.8.8.8", &["203.0.113.3"]), &mut places).ip, ip("8.8.8.8"));
        let mut later = Hops::new(&places);
        later.load(hops.save());
        assert_eq!(later.origin(&call("10.0.0.7", &["203.0.113.3"]), &mut places).ip, ip("203.0.113.3"));
    }
}
