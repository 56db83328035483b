//! Attempts within a sliding span, and how many different accounts and passwords are among them: exact up to a bound.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use spyhop_model::{Span, Timestamp};

/// How often each of some items stands in a window: sorted by item, looked up by halving.
#[derive(Clone, Debug, Default)]
struct Multiset {
    items: Vec<(u32, u32)>,
}

impl Multiset {
    fn add(&mut self, item: u32) {
        match self.items.binary_search_by_key(&item, |(known, _)| *known) {
            Ok(at) => {
                if let Some((_, count)) = self.items.get_mut(at) {
                    *count += 1;
                }
            }
            Err(at) => self.items.insert(at, (item, 1)),
        }
    }
    fn take(&mut self, item: u32) {
        let Ok(at) = self.items.binary_search_by_key(&item, |(known, _)| *known) else { return };
        let Some((_, count)) = self.items.get_mut(at) else { return };
        *count -= 1;
        if *count == 0 {
            self.items.remove(at);
        }
    }
    fn count(&self, item: u32) -> u32 {
        let found = self.items.binary_search_by_key(&item, |(known, _)| *known);
        found.ok().and_then(|at| self.items.get(at)).map_or(0, |(_, count)| *count)
    }
}

/// One attempt. Names are 32 bits of keyed fingerprints: nobody outside can make two of them collide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When its outcome was known.
    pub at: Timestamp,
    /// The account.
    pub account: u32,
    /// The password; 0 where it was not shown.
    pub secret: u32,
    /// By what else it could be explained: where it came from, say.
    pub source: u32,
    /// What it was, as bits.
    pub traits: u8,
}

impl Attempt {
    /// It was refused.
    pub const REFUSED: u8 = 1 << 0;
    /// The answer says that there is no such account.
    pub const MISSING: u8 = 1 << 1;
    /// The password looks encrypted: equal ones may look different.
    pub const ENCRYPTED: u8 = 1 << 2;
}

/// What is known of the passwords of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// They cannot be compared: not shown, or encrypted so that equal ones look different.
    Unseen,
    /// So many different ones, among so many attempts that show theirs.
    Seen {
        /// Different ones.
        distinct: u64,
        /// Attempts.
        of: u64,
    },
}

impl Passwords {
    /// Whether at most `percent` of them are different. False where they are unseen.
    pub fn are_few(self, percent: u64) -> bool {
        matches!(self, Passwords::Seen { distinct, of } if distinct * 100 <= of * percent)
    }
    /// Whether they are unseen.
    pub fn are_unseen(self) -> bool {
        self == Passwords::Unseen
    }
}

/// Recent attempts. What is counted of them is kept up to date as they come and go.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Attempt>", into = "Vec<Attempt>")]
pub struct Attempts {
    recent: VecDeque<Attempt>,
    accounts: Multiset,
    secrets: Multiset,
    sources: Multiset,
    shown: u64,
    encrypted: u64,
    refused: u64,
    missing: u64,
}

impl From<Vec<Attempt>> for Attempts {
    fn from(recent: Vec<Attempt>) -> Attempts {
        let mut attempts = Attempts::default();
        recent.into_iter().for_each(|attempt| attempts.push(attempt));
        attempts
    }
}

impl From<Attempts> for Vec<Attempt> {
    fn from(attempts: Attempts) -> Vec<Attempt> {
        attempts.recent.into()
    }
}

impl Attempts {
    /// Attempts that are held at most.
    pub const MOST: usize = 4_096;

    /// Attempts to hold for a limit of so many accounts.
    pub fn cap(limit: u64) -> usize {
        usize::try_from(limit.saturating_mul(50)).unwrap_or(usize::MAX).clamp(256, Attempts::MOST)
    }
    /// Adds an attempt, and keeps the last `cap` within `keep`.
    pub fn add(&mut self, attempt: Attempt, keep: Span, cap: usize) {
        self.push(attempt);
        while self.recent.len() > cap.clamp(1, Attempts::MOST)
            || self.recent.front().is_some_and(|first| attempt.at.since(first.at) >= keep)
        {
            if let Some(gone) = self.recent.pop_front() {
                self.uncount(gone);
            }
        }
    }
    fn push(&mut self, attempt: Attempt) {
        self.recent.push_back(attempt);
        self.accounts.add(attempt.account);
        self.sources.add(attempt.source);
        if attempt.secret != 0 {
            self.secrets.add(attempt.secret);
        }
        let [shown, encrypted, refused, missing] = counted(attempt);
        self.shown += shown;
        self.encrypted += encrypted;
        self.refused += refused;
        self.missing += missing;
    }
    fn uncount(&mut self, attempt: Attempt) {
        self.accounts.take(attempt.account);
        self.sources.take(attempt.source);
        if attempt.secret != 0 {
            self.secrets.take(attempt.secret);
        }
        let [shown, encrypted, refused, missing] = counted(attempt);
        self.shown -= shown;
        self.encrypted -= encrypted;
        self.refused -= refused;
        self.missing -= missing;
    }
    /// Forgets those of a source: something else explains them.
    pub fn forget(&mut self, source: u32) {
        if self.from(source) > 0 {
            let recent = std::mem::take(self).recent;
            recent.into_iter().filter(|attempt| attempt.source != source).for_each(|attempt| self.push(attempt));
        }
    }
    /// Attempts of a source.
    pub fn from(&self, source: u32) -> u64 {
        u64::from(self.sources.count(source))
    }
    /// Different sources.
    pub fn sources(&self) -> u64 {
        self.sources.items.len() as u64
    }
    /// Attempts held.
    pub fn len(&self) -> u64 {
        self.recent.len() as u64
    }
    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.recent.is_empty()
    }
    /// The attempts, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Attempt> {
        self.recent.iter()
    }
    /// Different accounts.
    pub fn accounts(&self) -> u64 {
        self.accounts.items.len() as u64
    }
    /// Those refused.
    pub fn refused(&self) -> u64 {
        self.refused
    }
    /// Those for which there is no account.
    pub fn missing(&self) -> u64 {
        self.missing
    }
    /// What is known of the passwords.
    pub fn passwords(&self) -> Passwords {
        let distinct = self.secrets.items.len() as u64;
        let never_repeats = self.encrypted * 2 > self.shown && distinct == self.shown;
        if self.shown * 2 < self.len() || never_repeats {
            return Passwords::Unseen;
        }
        Passwords::Seen { distinct, of: self.shown }
    }
    /// Different accounts that were tried with one password.
    pub fn accounts_with(&self, secret: u32) -> u64 {
        if self.secrets.count(secret) < 2 {
            return u64::from(self.secrets.count(secret));
        }
        let mut accounts: Vec<u32> =
            self.recent.iter().filter(|attempt| attempt.secret == secret).map(|attempt| attempt.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts.len() as u64
    }
    /// How often a password was tried.
    pub fn times_with(&self, secret: u32) -> u64 {
        u64::from(self.secrets.count(secret))
    }
    /// Bytes on the heap.
    pub fn heap(&self) -> usize {
        self.recent.capacity() * size_of::<Attempt>()
            + [&self.accounts, &self.secrets, &self.sources]
                .into_iter()
                .map(|items| items.items.capacity() * size_of::<(u32, u32)>())
                .sum::<usize>()
    }
}

/// An attempt as it is counted: shows its password, encrypted, refused, for no account.
fn counted(attempt: Attempt) -> [u64; 4] {
    let has = |bit: u8| u64::from(attempt.traits & bit != 0);
    let shown = u64::from(attempt.secret != 0);
    [shown, shown & has(Attempt::ENCRYPTED), has(Attempt::REFUSED), has(Attempt::MISSING)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64, account: u32, secret: u32) -> Attempt {
        let at = Timestamp::from_parts(second, 0);
        Attempt { at, account, secret, source: account % 2, traits: Attempt::REFUSED }
    }

    #[test]
    fn accounts_and_passwords_are_counted_as_they_come_and_go() {
        let mut attempts = Attempts::default();
        for n in 0..100 {
            attempts.add(at(u64::from(n), n % 10, 1 + n % 4), Span::minutes(1), 1_000);
        }
        assert_eq!((attempts.len(), attempts.accounts(), attempts.refused()), (60, 10, 60));
        assert_eq!(attempts.passwords(), Passwords::Seen { distinct: 4, of: 60 });
        assert_eq!((attempts.accounts_with(1), attempts.times_with(1), attempts.accounts_with(9)), (5, 15, 0));
        attempts.forget(0);
        assert_eq!((attempts.len(), attempts.accounts()), (30, 5));
        attempts.add(at(1_000, 7, 0), Span::minutes(1), 1_000);
        assert_eq!((attempts.len(), attempts.accounts(), attempts.passwords()), (1, 1, Passwords::Unseen));
    }

    #[test]
    fn attempts_are_bounded_and_heap_says_so() {
        let mut attempts = Attempts::default();
        for n in 0..100_000 {
            attempts.add(at(0, n, n + 1), Span::days(1), usize::MAX);
        }
        assert_eq!(attempts.len(), Attempts::MOST as u64);
        assert!(attempts.heap() < 350_000, "{}", attempts.heap());
    }

    #[test]
    fn passwords_that_are_encrypted_anew_each_time_are_unseen_until_one_repeats() {
        let mut attempts = Attempts::default();
        for n in 1..10 {
            attempts.add(Attempt { traits: Attempt::ENCRYPTED, ..at(0, 1, n) }, Span::days(1), 100);
        }
        assert!(attempts.passwords().are_unseen() && !attempts.passwords().are_few(100));
        attempts.add(Attempt { traits: Attempt::ENCRYPTED, ..at(0, 1, 1) }, Span::days(1), 100);
        assert_eq!(attempts.passwords(), Passwords::Seen { distinct: 9, of: 10 });
    }

    #[test]
    fn a_snapshot_counts_the_same() {
        let mut attempts = Attempts::default();
        (0..50).for_each(|n| attempts.add(at(0, n % 7, n % 3), Span::days(1), 100));
        let saved = serde_json::to_string(&attempts).expect("saved");
        let loaded: Attempts = serde_json::from_str(&saved).expect("loaded");
        assert_eq!((loaded.len(), loaded.accounts(), loaded.passwords()), (50, 7, attempts.passwords()));
        assert_eq!(serde_json::to_string(&loaded).expect("saved"), saved);
    }
}
