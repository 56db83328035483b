//! What is usual among all: how common a value is among accepted logins, and which device each account mostly uses.
//!
//! The engine owns one, moves it in event order, bounds it and saves it. Detectors read it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use spyhop_model::{Event, Span, Timestamp};

use crate::baseline::{self, Feature, mix};

/// Rows of the Count-Min sketch (Cormode and Muthukrishnan, 2005), and counters a row.
const ROWS: usize = 4;
const WIDTH: usize = 1 << 14;
/// Logins at which all counters are halved, so that a long past weighs less.
const MOST: u64 = 1 << 20;
/// Accounts whose usual device is known. At the limit the half that logged in least recently is forgotten.
const HOMES: usize = 100_000;
/// A whole sensor learns for this long (handbook §6.0).
const COLD: Span = Span::days(7);

/// What is usual among all accounts.
pub struct Population {
    began: Option<Timestamp>,
    logins: u64,
    counters: Vec<u32>,
    homes: HashMap<u64, Home, ahash::RandomState>,
}

/// The device of most of an account's logins, by majority vote (Boyer and Moore, 1981).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Home {
    device: u64,
    lead: u8,
    at: Timestamp,
}

impl Home {
    /// A lead that makes it the account's own.
    const OWN: u8 = 3;
    /// The lead grows no further, so that a new device takes over within as many logins.
    const MOST: u8 = 20;
}

impl Default for Population {
    fn default() -> Self {
        Population { began: None, logins: 0, counters: vec![0; ROWS * WIDTH], homes: HashMap::default() }
    }
}

impl Population {
    /// Takes in an event, after the detectors have judged it.
    pub(crate) fn learn(&mut self, event: &Event) {
        let at = event.moment().at;
        self.began.get_or_insert(at);
        if event.echo || event.accepted_login().is_none() {
            return;
        }
        self.logins += 1;
        for (feature, value) in baseline::features(event, baseline::SHANGHAI) {
            self.count(mix(feature as u64, value));
        }
        if self.logins >= MOST {
            self.logins /= 2;
            self.counters.iter_mut().for_each(|count| *count /= 2);
        }
        if let (Some(account), Some(machine)) = (baseline::account_hash(event), baseline::machine(event)) {
            self.settle(account, machine.id, at);
        }
    }

    /// The share of accepted logins with that value; 0 of one never seen.
    pub(crate) fn share(&self, feature: Feature, value: u64) -> f32 {
        let hash = mix(feature as u64, value);
        let least = places(hash).filter_map(|at| self.counters.get(at)).min().copied().unwrap_or(0);
        least as f32 / self.logins.max(1) as f32
    }

    /// The device that an account mostly uses.
    pub(crate) fn home(&self, account: u64) -> Option<u64> {
        self.homes.get(&account).filter(|home| home.lead >= Home::OWN).map(|home| home.device)
    }

    /// Whether the whole sensor still learns.
    pub(crate) fn is_cold(&self, now: Timestamp) -> bool {
        self.began.is_none_or(|began| now.since(began) < COLD)
    }

    fn count(&mut self, hash: u64) {
        // Conservative update: only the smallest counters grow, which halves the error.
        let least = places(hash).filter_map(|at| self.counters.get(at)).min().copied().unwrap_or(0);
        for at in places(hash) {
            if let Some(count) = self.counters.get_mut(at) {
                *count = (*count).max(least.saturating_add(1));
            }
        }
    }

    fn settle(&mut self, account: u64, device: u64, at: Timestamp) {
        if self.homes.len() >= HOMES && !self.homes.contains_key(&account) {
            let mut times: Vec<Timestamp> = self.homes.values().map(|home| home.at).collect();
            let middle = times.len() / 2;
            let (_, middle, _) = times.select_nth_unstable(middle);
            let middle = *middle;
            self.homes.retain(|_, home| home.at > middle);
        }
        let home = self.homes.entry(account).or_insert(Home { device, lead: 0, at });
        home.at = at;
        if home.device == device {
            home.lead = (home.lead + 1).min(Home::MOST);
        } else if home.lead > 0 {
            home.lead -= 1;
        } else {
            *home = Home { device, lead: 1, at };
        }
    }

    pub(crate) fn save(&self) -> Saved {
        let counters = (0u32..).zip(&self.counters).filter(|(_, count)| **count > 0).map(|(at, count)| (at, *count));
        let mut homes: Vec<(u64, Home)> = self.homes.iter().map(|(account, home)| (*account, *home)).collect();
        homes.sort_unstable_by_key(|(account, _)| *account);
        Saved { began: self.began, logins: self.logins, counters: counters.collect(), homes }
    }

    pub(crate) fn load(&mut self, saved: Saved) {
        *self = Population::default();
        (self.began, self.logins) = (saved.began, saved.logins);
        for (at, count) in saved.counters {
            if let Some(place) = self.counters.get_mut(at as usize) {
                *place = count;
            }
        }
        self.homes.extend(saved.homes.into_iter().take(HOMES));
    }
}

/// A population as a snapshot holds it.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Saved {
    began: Option<Timestamp>,
    logins: u64,
    counters: Vec<(u32, u32)>,
    homes: Vec<(u64, Home)>,
}

/// The counters of a hash, one a row.
fn places(hash: u64) -> impl Iterator<Item = usize> {
    (0..ROWS).map(move |row| row * WIDTH + mix(row as u64, hash) as usize % WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::scene::{Seat, login};

    #[test]
    fn common_values_are_told_from_rare_ones_and_survive_a_restart() {
        let mut known = Population::default();
        for n in 0..100 {
            let seat = if n % 10 == 0 { Seat::at("198.51.100.7").software(2) } else { Seat::at("203.0.113.7") };
            let mut event = login(n * 60, "alice").build(n as u32);
            seat.sit(&mut event);
            known.learn(&event);
        }
        let mut next = Population::default();
        next.load(known.save());
        let network = |ip: &str| baseline::wide(ip.parse().expect("an address"));
        for known in [known, next] {
            assert_eq!(known.share(Feature::Network, network("203.0.113.1")), 0.9);
            assert_eq!(known.share(Feature::Network, network("198.51.1.1")), 0.1);
            assert_eq!(known.share(Feature::Network, network("192.0.2.1")), 0.0);
            assert!(
                known.is_cold(spyhop_testkit::time(6 * 86_400)) && !known.is_cold(spyhop_testkit::time(8 * 86_400))
            );
        }
    }

    #[test]
    fn homes_are_bounded_and_those_used_last_stay() {
        let mut known = Population::default();
        for n in 0..HOMES as u64 + 1 {
            for _ in 0..3 {
                known.settle(n, n, Timestamp(n));
            }
        }
        assert!(known.homes.len() <= HOMES);
        assert_eq!((known.home(0), known.home(HOMES as u64)), (None, Some(HOMES as u64)));
        // Another device takes over once it has been used more often.
        (0..8).for_each(|_| known.settle(HOMES as u64, 7, Timestamp(u64::MAX)));
        assert_eq!(known.home(HOMES as u64), Some(7));
    }
}
