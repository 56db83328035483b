//! Who uses an address: behind an office, a carrier or a gateway many people look like one (handbook §6.0).

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{Crowd, Outcome, Timestamp};

use crate::recent::Recent;

/// Addresses that are remembered; about 150 bytes each, and 6 for each account.
const ADDRESSES: usize = 200_000;
/// Accounts that are counted of an address.
const ACCOUNTS: usize = 64;
/// Days that count, and accounts and days that make an address a shared one.
const DAYS: u16 = 30;
const MANY: usize = 20;
const SOME_DAYS: u32 = 3;
/// Minutes after which a usual rate can be told, and after which those before count half.
const FEW_MINUTES: u32 = 20;
const MINUTES: u32 = 20_000;
/// Upper bounds of attempts in a minute; beyond the last, the last.
const RATES: [u16; 12] = [1, 2, 3, 5, 8, 12, 20, 30, 50, 100, 200, 500];

/// The addresses.
pub struct Crowds {
    addresses: Recent<IpAddr, Population>,
}

/// Who uses one address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Population {
    /// Short names of accounts, and the last day of each.
    accounts: Vec<(u32, u16)>,
    /// The last day on which one succeeded, and the days before it as bits.
    day: u16,
    days: u32,
    /// Logins in this minute: all, and those not refused.
    minute: u64,
    attempts: u16,
    good: u16,
    /// Minutes with so many attempts.
    rates: [u16; RATES.len()],
    usual: u16,
}

/// Shared addresses as a snapshot holds them.
#[derive(Default, Serialize, Deserialize)]
pub struct SavedCrowds(Vec<(IpAddr, Population)>);

impl Default for Crowds {
    fn default() -> Crowds {
        Crowds { addresses: Recent::new(ADDRESSES) }
    }
}

impl Crowds {
    /// Addresses that had to be forgotten.
    pub fn forgotten(&self) -> u64 {
        self.addresses.evicted()
    }

    /// Who uses an address, as far as it was seen before `at`.
    pub fn of(&mut self, ip: IpAddr, at: Timestamp) -> Crowd {
        let Some(population) = self.addresses.get(&ip, at) else { return Crowd::default() };
        population.forget(day(at));
        let accounts = population.accounts.len();
        let days = population.days.count_ones();
        Crowd {
            accounts: accounts as u16,
            days: days as u16,
            shared: accounts >= MANY && days >= SOME_DAYS,
            logins_a_minute: population.usual,
        }
    }

    /// An account succeeded from an address.
    pub fn succeeded(&mut self, ip: IpAddr, account: &Arc<str>, at: Timestamp) {
        let population = self.addresses.entry(ip, at, Population::default);
        let today = day(at);
        population.forget(today);
        population.days |= 1;
        let name = short(account);
        if let Some((_, last)) = population.accounts.iter_mut().find(|(known, _)| *known == name) {
            *last = today;
        } else if population.accounts.len() < ACCOUNTS {
            population.accounts.push((name, today));
        }
    }

    /// A login was tried from an address.
    pub fn tried(&mut self, ip: IpAddr, outcome: Outcome, at: Timestamp) {
        let population = self.addresses.entry(ip, at, Population::default);
        let minute = at.seconds() / 60;
        if minute != population.minute {
            population.end_minute();
            (population.minute, population.attempts, population.good) = (minute, 0, 0);
        }
        population.attempts = population.attempts.saturating_add(1);
        population.good = population.good.saturating_add(u16::from(outcome != Outcome::Failure));
    }

    /// What the next run can start from: addresses of more than one account.
    pub fn save(&self) -> SavedCrowds {
        let many = self.addresses.iter().filter(|(_, population)| population.accounts.len() > 1);
        SavedCrowds(many.map(|(ip, population)| (*ip, population.clone())).collect())
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: SavedCrowds) {
        for (ip, population) in saved.0 {
            self.addresses.insert(ip, population, Timestamp::default());
        }
    }
}

impl Population {
    /// Moves on to a day.
    fn forget(&mut self, today: u16) {
        if today <= self.day {
            return;
        }
        self.days = self.days.checked_shl(u32::from(today - self.day)).unwrap_or(0) & ((1 << DAYS) - 1);
        self.day = today;
        self.accounts.retain(|(_, last)| today - last < DAYS);
    }

    /// An attack must not become what is usual: only minutes count in which most logins were not refused.
    fn end_minute(&mut self) {
        if self.attempts == 0 || self.good * 2 < self.attempts {
            return;
        }
        let at = RATES.iter().position(|most| self.attempts <= *most).unwrap_or(RATES.len() - 1);
        if let Some(rate) = self.rates.get_mut(at) {
            *rate = rate.saturating_add(1);
        }
        let mut minutes: u32 = self.rates.iter().map(|count| u32::from(*count)).sum();
        if minutes > MINUTES {
            self.rates.iter_mut().for_each(|count| *count /= 2);
            minutes = self.rates.iter().map(|count| u32::from(*count)).sum();
        }
        if minutes < FEW_MINUTES {
            return;
        }
        let mut below = 0;
        let usual = self.rates.iter().zip(RATES).find(|(count, _)| {
            below += u32::from(**count);
            below * 100 >= minutes * 99
        });
        self.usual = usual.map_or(0, |(_, most)| most);
    }
}

/// An address and a day in one number, by which it is told whether a session was noted there.
pub fn place(ip: IpAddr, at: Timestamp) -> u32 {
    let address = match ip.to_canonical() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() ^ ip.to_bits() >> 64) as u64,
    };
    ((address ^ u64::from(day(at)) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

fn day(at: Timestamp) -> u16 {
    (at.seconds() / 86_400) as u16
}

/// Accounts of one address are few; 32 bits tell them apart.
fn short(account: &str) -> u32 {
    // FNV-1a, equal in every run.
    account.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_model::Span;
    use spyhop_testkit::time;

    const OFFICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));

    fn after(days: u64) -> Timestamp {
        time(0) + Span::days(days)
    }

    #[test]
    fn twenty_accounts_over_three_days_share_an_address_until_they_are_gone() {
        let mut crowds = Crowds::default();
        for day in 0..3 {
            for n in 0..20 {
                assert!(!crowds.of(OFFICE, after(day)).shared || day == 2 && n > 0, "{day} {n}");
                crowds.succeeded(OFFICE, &format!("user{n}").into(), after(day));
            }
        }
        let crowd = crowds.of(OFFICE, after(3));
        assert_eq!((crowd.accounts, crowd.days, crowd.shared), (20, 3, true));
        let mut later = Crowds::default();
        later.load(crowds.save());
        assert!(later.of(OFFICE, after(3)).shared);
        assert!(!crowds.of(OFFICE, after(40)).shared);
    }

    #[test]
    fn the_usual_rate_is_that_of_good_minutes() {
        let mut crowds = Crowds::default();
        for minute in 0..200 {
            let attack = minute > 100;
            for _ in 0..if attack { 100 } else { 7 } {
                let outcome = if attack { Outcome::Failure } else { Outcome::Success };
                crowds.tried(OFFICE, outcome, time(minute * 60));
            }
        }
        assert_eq!(crowds.of(OFFICE, time(200 * 60)).logins_a_minute, 8);
    }
}
