//! Credentials that a client sends with every call (Basic) are a login attempt once: on first use, and after a refusal.

use std::collections::HashMap;
use std::net::IpAddr;

use spyhop_model::{Fingerprint, Span, Timestamp};

/// Credentials remembered in one of the two generations.
const GENERATION: usize = 50_000;
/// How long unused credentials are remembered.
const MEMORY: Span = Span::hours(12);

type Used = (IpAddr, Fingerprint, Fingerprint);

/// Credentials in use. When a generation is full the older one is forgotten, so that memory is bounded and what is
/// forgotten depends on the events alone.
#[derive(Default)]
pub struct Repeats {
    young: HashMap<Used, Timestamp, ahash::RandomState>,
    old: HashMap<Used, Timestamp, ahash::RandomState>,
}

impl Repeats {
    /// Whether this client has used these credentials lately without being refused; remembers them unless `refused`.
    pub fn is_repeat(
        &mut self,
        at: Timestamp,
        client: IpAddr,
        account: Fingerprint,
        secret: Fingerprint,
        refused: bool,
    ) -> bool {
        let used = (client, account, secret);
        let last = self.young.get(&used).or_else(|| self.old.get(&used)).copied();
        if refused {
            self.young.remove(&used);
            self.old.remove(&used);
            return false;
        }
        if self.young.len() >= GENERATION && !self.young.contains_key(&used) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(used, at);
        last.is_some_and(|last| at.since(last) < MEMORY)
    }

    /// What the next run can start from, sorted.
    pub fn save(&self) -> Vec<(Used, Timestamp)> {
        let mut all: Vec<_> = self.old.iter().chain(&self.young).map(|(used, at)| (*used, *at)).collect();
        all.sort_unstable();
        all.dedup_by_key(|(used, _)| *used);
        all
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: Vec<(Used, Timestamp)>) {
        self.old = saved.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_use_and_the_use_after_a_refusal_are_attempts() {
        let mut repeats = Repeats::default();
        let client = "10.0.0.1".parse().expect("an address");
        let mut repeat = |second, refused| {
            repeats.is_repeat(Timestamp::from_parts(second, 0), client, Fingerprint(1), Fingerprint(2), refused)
        };
        assert!(!repeat(0, false));
        assert!(repeat(1, false));
        assert!(!repeat(2, true));
        assert!(!repeat(3, false));
        assert!(repeat(4, false));
        assert!(!repeat(5 + 12 * 3600, false));
    }
}
