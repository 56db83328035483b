//! auth.account_borrowing

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Fingerprint, Rule, Said, Severity, Span, Text, Timestamp, settings};

use crate::baseline::{self, fading};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::window::make_room;
use crate::wording::counted;

settings! {
    /// An account is used from a device that habitually belongs to another account.
    pub struct AccountBorrowing {
        /// Logins before a device has an owner.
        min_logins: f32 = 10.0,
        /// Days on which these were made.
        min_days: u16 = 5,
        /// The owner's share of them, in percent.
        owner_percent: u64 = 80,
        /// Every address is one seat: no addresses are lent out by DHCP, and no software tells two machines apart. Otherwise a device that does not name itself must have been in its owner's use within twelve hours.
        address_is_seat: bool = false,
        /// Minutes east of UTC of the days.
        utc_offset: i32 = 480,
        /// An incident is over after this long without such a login.
        quiet: Span = Span::days(1),
    }
}

/// After this long a login weighs half.
const HALF_LIFE: Span = Span::days(30);
/// Accounts of one device that are remembered.
const ACCOUNTS: usize = 8;
/// A lease of an address lasts; who used it this morning still has it.
const SAME_DAY: Span = Span::hours(12);
/// Owner and borrower follow upon each other.
const AT_ONCE: Span = Span::minutes(10);

/// Who logs in on a device.
#[derive(Default, Serialize, Deserialize)]
pub struct Owners {
    faded: Timestamp,
    day: u32,
    days: u16,
    accounts: Vec<Owner>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Owner {
    account: Arc<str>,
    weight: f32,
    last: Timestamp,
}

impl Detector for AccountBorrowing {
    const RULE: &'static Rule = &Rule {
        kind: "auth.account_borrowing",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "account used on another's device", zh: "账号借用" },
        about: Text {
            en: "An account that has a device of its own was let in on a device on which another account habitually logs in. A colleague \
                 who logs in at a neighbour's desk looks alike.",
            zh: "某账号有自己惯用的设备，却在另一账号惯用的设备上登录成功。临时借用同事电脑登录可能类似。",
        },
        advice: Text {
            en: "Ask both owners whether the account was lent; accounts and passwords must not be passed on.",
            zh: "向双方核实是否出借账号；账号和密码不得转借。",
        },
        clause: "账号借用",
    };
    const VIEWS: Views = Views::LOGINS.and(Views::CONCLUSIONS);
    type State = Owners;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.accepted_login().is_none() || event.account.is_none() {
            return;
        }
        let machine = baseline::machine(event).filter(|machine| machine.names_itself || !event.crowd.shared);
        out.extend(machine.map(|machine| baseline::within_realm(event, Entity::Device(Fingerprint(machine.id)))));
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, owners: &mut Owners, out: &mut Verdicts) {
        let (Some(account), Some(machine)) = (&event.account, baseline::machine(event)) else { return };
        let factor = fading(cx.now.since(owners.faded), HALF_LIFE);
        owners.faded = cx.now;
        owners.accounts.iter_mut().for_each(|owner| owner.weight *= factor);
        if let Some(owner) = self.owner(owners).filter(|owner| owner.account != *account) {
            let home = baseline::account_hash(event).and_then(|account| cx.population.home(account));
            let away = cx.now.since(owner.last);
            let is_seat = machine.names_itself || self.address_is_seat || away < SAME_DAY;
            if is_seat && home.is_some_and(|home| home != machine.id) {
                let mut evidence = Evidence::new()
                    .confidence(if machine.names_itself { 85 } else { 70 })
                    .most("owner_logins", owner.weight as u64)
                    .most("owner_days", u64::from(owners.days))
                    .involves(Entity::Device(Fingerprint(machine.id)))
                    .sample(baseline::whence(event.client.ip, event.client.country))
                    .respond("review", Entity::Account(account.clone()));
                if cx.population.is_cold(cx.now) {
                    evidence = evidence.severity(Severity::Info).reason("learning");
                } else if away < AT_ONCE {
                    evidence = evidence.severity(Severity::High).reason("beside_the_owner");
                }
                out.hit_on(
                    CellKey { entity: Entity::Account(account.clone()), scope: of.scope.clone() },
                    &owner.account,
                    evidence,
                );
                // It does not make the device the borrower's.
                return;
            }
        }
        let today = baseline::day(cx.now, self.utc_offset);
        if owners.day != today {
            (owners.day, owners.days) = (today, owners.days.saturating_add(1));
        }
        if let Some(owner) = owners.accounts.iter_mut().find(|owner| owner.account == *account) {
            owner.weight += 1.0;
            owner.last = cx.now;
            return;
        }
        if owners.accounts.len() >= ACCOUNTS {
            let least = owners.accounts.iter().enumerate().min_by(|a, b| a.1.weight.total_cmp(&b.1.weight));
            if let Some(at) = least.map(|(at, _)| at) {
                owners.accounts.swap_remove(at);
            }
        }
        make_room(&mut owners.accounts);
        owners.accounts.push(Owner { account: account.clone(), weight: 1.0, last: cx.now });
    }

    fn heap(&self, owners: &Owners) -> usize {
        let names: usize = owners.accounts.iter().map(|owner| owner.account.len() + 2 * size_of::<usize>()).sum();
        owners.accounts.capacity() * size_of::<Owner>() + names
    }

    fn check(&self) -> Result<(), String> {
        baseline::check_offset(self.utc_offset)
    }

    fn memory(&self) -> Span {
        Span::days(60)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (logins, days) = (measure("owner_logins"), measure("owner_days"));
        let owner = finding.aspect.as_deref().unwrap_or("");
        let from = finding.samples.first().map_or("", |sample| sample);
        let times = finding.count;
        let beside = finding.reasons.iter().any(|reason| &**reason == "beside_the_owner");
        let (beside_en, beside_zh) = if beside {
            (", within ten minutes of the owner", "，且与该用户的使用相隔不到十分钟")
        } else {
            ("", "")
        };
        Said {
            en: format!(
                "Account {} was let in {} on the device of {owner} at {from}{beside_en}; {owner} logged in there about {} on {}, \
                 and {} has a device of its own.",
                finding.primary,
                counted(times, "time"),
                counted(logins, "time"),
                counted(days, "day"),
                finding.primary,
            ),
            zh: format!(
                "账号 {} 在 {owner} 惯用的设备（{from}）上登录成功 {times} 次{beside_zh}；{owner} 在 {days} 天内于该设备登录约 {logins} 次，\
                 而 {} 另有惯用设备。",
                finding.primary, finding.primary
            ),
        }
    }
}

impl AccountBorrowing {
    fn owner(&self, owners: &Owners) -> Option<Owner> {
        let total: f32 = owners.accounts.iter().map(|owner| owner.weight).sum();
        let first = owners.accounts.iter().max_by(|a, b| a.weight.total_cmp(&b.weight))?;
        // Ten logins within days have faded a little by the last.
        let is_known = total >= self.min_logins * 0.85 && owners.days >= self.min_days;
        (is_known && first.weight * 100.0 >= total * self.owner_percent as f32).then(|| first.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::scene::{DAY, HOUR, Seat, login};
    use crate::harness::Harness;

    fn visit(sensor: &mut Harness, second: u64, account: &str, seat: &Seat) {
        sensor.see_with(login(second, account), |event| seat.sit(event));
    }
    fn desk(ip: &'static str) -> Seat {
        Seat::at(ip).inside()
    }
    const ALICES: &str = "10.1.0.7";
    const BOBS: &str = "10.1.0.8";

    /// Two weeks in which each works at their own desk.
    fn settled() -> Harness {
        let mut sensor = Harness::of::<AccountBorrowing>();
        for day in 0..14 {
            visit(&mut sensor, day * DAY, "alice", &desk(ALICES));
            visit(&mut sensor, day * DAY + 60, "bob", &desk(BOBS));
        }
        sensor
    }

    #[test]
    fn bob_at_the_desk_of_alice_is_one_incident_of_his_account() {
        let mut sensor = settled();
        visit(&mut sensor, 14 * DAY, "alice", &desk(ALICES));
        visit(&mut sensor, 14 * DAY + 300, "bob", &desk(ALICES));
        visit(&mut sensor, 14 * DAY + 2 * HOUR, "bob", &desk(ALICES));
        let finding = sensor.only();
        assert_eq!((finding.primary.to_string().as_str(), finding.count, finding.severity), ("bob", 2, Severity::High));
        let summary = &finding.summary.en;
        assert!(
            summary.starts_with("Account bob was let in 2 times on the device of alice at 10.1.0.7, within ten"),
            "{summary}"
        );
        assert!(summary.contains("on 15 days"), "{summary}");
    }

    #[test]
    fn an_address_lent_out_anew_a_guest_and_a_shared_device_stay_silent() {
        // Alice is away since yesterday, and her address was lent to Bob's machine.
        let mut sensor = settled();
        visit(&mut sensor, 14 * DAY + HOUR, "bob", &desk(ALICES));
        // Carol has no desk of her own.
        visit(&mut sensor, 14 * DAY + HOUR, "carol", &desk(ALICES));
        // Two take turns at a counter.
        for day in 0..14 {
            visit(&mut sensor, day * DAY + 15 * DAY, "dave", &desk("10.1.0.9"));
            visit(&mut sensor, day * DAY + 15 * DAY + 60, "erin", &desk("10.1.0.9"));
        }
        visit(&mut sensor, 29 * DAY + 90, "bob", &desk("10.1.0.9"));
        sensor.silent();
    }

    #[test]
    fn a_device_that_names_itself_needs_no_owner_beside_it_and_survives_a_restart() {
        let mut sensor = Harness::of::<AccountBorrowing>();
        for day in 0..12 {
            visit(&mut sensor, day * DAY, "alice", &desk(ALICES).device(1));
            visit(&mut sensor, day * DAY + 60, "bob", &desk(BOBS).device(2));
        }
        let mut sensor = sensor.restarted::<AccountBorrowing>();
        visit(&mut sensor, 14 * DAY, "bob", &desk("10.1.0.99").device(1));
        assert_eq!(sensor.only().severity, Severity::Medium);
    }

    #[test]
    fn nine_logins_make_no_owner_and_old_ones_fade() {
        let mut sensor = Harness::of::<AccountBorrowing>();
        for day in 0..8 {
            visit(&mut sensor, day * DAY, "alice", &desk(ALICES).device(1));
            visit(&mut sensor, day * DAY + 60, "bob", &desk(BOBS).device(2));
        }
        visit(&mut sensor, 8 * DAY, "bob", &desk(ALICES).device(1));
        sensor.silent();
        let mut sensor = settled();
        visit(&mut sensor, 80 * DAY, "bob", &desk(ALICES));
        sensor.silent();
    }
}
