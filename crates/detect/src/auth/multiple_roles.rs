//! auth.multiple_roles

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Class, Entity, Event, Finding, Fingerprint, Rule, Said, Severity, Span, Text, Timestamp, Zone, settings,
};

use crate::baseline;
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::window::make_room;
use crate::wording::counted;

settings! {
    /// One device works several accounts.
    pub struct MultipleRoles {
        /// Accounts let in on one device within a day.
        accounts_a_day: usize = 3,
        /// Changes to another account and back, each within half an hour, in a day.
        alternations: u8 = 2,
        /// Words in account names whose holders must be two people, such as "maker/checker".
        conflicts: Vec<String> = [
            "maker/checker",
            "operator/approver",
            "oper/audit",
            "admin/audit",
            "jingban/fuhe",
            "caozuo/shenpi",
            "luru/shenhe",
            "经办/复核",
            "操作/审批",
            "录入/审核",
        ]
        .map(str::to_owned)
        .to_vec(),
        /// Accounts within thirty days from which a device, evenly used, is one for all: a counter, a terminal.
        kiosk_accounts: usize = 8,
        /// Days on which a device that does not name itself must have been used before it is judged; until then it may be a gateway.
        min_days: u16 = 3,
        /// Minutes east of UTC of the days.
        utc_offset: i32 = 480,
        /// An incident is over after this long without such a login.
        quiet: Span = Span::days(1),
    }
}

/// Accounts of a device that are remembered.
const ACCOUNTS: usize = 16;
const DAY: Span = Span::days(1);
const TURN: Span = Span::minutes(30);
const MONTH: Span = Span::days(30);

/// The accounts of a device, the one used last at the end.
#[derive(Default, Serialize, Deserialize)]
pub struct Accounts {
    used: Vec<Used>,
    day: u32,
    days: u16,
    turns: Vec<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Used {
    account: Arc<str>,
    logins: u16,
    last: Timestamp,
}

impl Detector for MultipleRoles {
    const RULE: &'static Rule = &Rule {
        kind: "auth.multiple_roles",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "one device, several accounts", zh: "账号兼任" },
        about: Text {
            en: "Several accounts of one system were let in on one device within a day, or two whose roles must be apart, such as one who \
                 enters and one who approves. Devices that many use evenly (counters, terminals) are only told for such pairs.",
            zh: "一台设备一天内登录了同一系统的多个账号，或登录了不相容岗位的两个账号（如经办与复核）。多人均匀使用的公用设备（柜台、终端）仅在出现不相容岗位时告警。",
        },
        advice: Text {
            en: "Find out who sits there and whether one person holds several accounts; separate the duties.",
            zh: "核实设备使用人是否一人持有多个账号，落实岗位分离。",
        },
        clause: "账号兼任",
    };
    const VIEWS: Views = Views::LOGINS.and(Views::CONCLUSIONS);
    type State = Accounts;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.accepted_login().is_none() || event.account.is_none() {
            return;
        }
        // Outside, an address is a router with a household or an office behind it.
        let is_seat = event.client.zone == Zone::Inside && event.via.is_none() && !event.crowd.shared;
        let machine = baseline::machine(event).filter(|machine| machine.names_itself || is_seat);
        out.extend(machine.map(|machine| baseline::within_realm(event, Entity::Device(Fingerprint(machine.id)))));
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, accounts: &mut Accounts, out: &mut Verdicts) {
        let (Some(account), Some(machine)) = (&event.account, baseline::machine(event)) else { return };
        let is_known = machine.names_itself || accounts.days >= self.min_days;
        let today = baseline::day(cx.now, self.utc_offset);
        if accounts.day != today {
            (accounts.day, accounts.days) = (today, accounts.days.saturating_add(1));
        }
        accounts.turns.retain(|turn| cx.now.since(*turn) < DAY);
        if is_turn(&accounts.used, account, cx.now) && accounts.turns.len() < usize::from(u8::MAX) {
            make_room(&mut accounts.turns);
            accounts.turns.push(cx.now);
        }
        accounts.used.retain(|used| cx.now.since(used.last) < MONTH);
        let place = accounts.used.iter().position(|used| used.account == *account);
        let mut used = Used { account: account.clone(), logins: 0, last: cx.now };
        if let Some(place) = place {
            used = accounts.used.remove(place);
        }
        used.logins = used.logins.saturating_add(1);
        used.last = cx.now;
        if accounts.used.len() >= ACCOUNTS {
            accounts.used.remove(0);
        }
        make_room(&mut accounts.used);
        accounts.used.push(used);
        let of_today = || accounts.used.iter().filter(|used| cx.now.since(used.last) < DAY);
        let conflict =
            of_today().find(|other| self.is_conflict(account, &other.account)).map(|other| other.account.clone());
        let count = of_today().count();
        let mut evidence = Evidence::new();
        if let Some(other) = conflict {
            evidence =
                evidence.severity(Severity::High).reason("conflicting_roles").sample(format!("{other} / {account}"));
        } else if !is_known || self.is_kiosk(accounts) {
            return;
        } else if count >= self.accounts_a_day {
            evidence = evidence.reason("several_accounts");
        } else if accounts.turns.len() >= usize::from(self.alternations) {
            evidence = evidence.reason("alternating");
        } else {
            return;
        }
        for used in of_today() {
            evidence = evidence.involves(Entity::Account(used.account.clone()));
        }
        let evidence = evidence
            .confidence(if machine.names_itself { 85 } else { 70 })
            .most("accounts_a_day", count as u64)
            .most("alternations", accounts.turns.len() as u64)
            .respond("review", of.entity.clone());
        out.hit(evidence);
    }

    fn heap(&self, accounts: &Accounts) -> usize {
        let names: usize = accounts.used.iter().map(|used| used.account.len() + 2 * size_of::<usize>()).sum();
        accounts.used.capacity() * size_of::<Used>() + accounts.turns.capacity() * size_of::<Timestamp>() + names
    }

    fn check(&self) -> Result<(), String> {
        if let Some(pair) = self.conflicts.iter().find(|pair| roles(pair).is_none()) {
            return Err(format!(
                "conflicts: `{pair}` is no pair; write two words with a stroke between, as in \"maker/checker\""
            ));
        }
        if self.accounts_a_day.max(self.kiosk_accounts) > ACCOUNTS {
            return Err(format!("accounts_a_day, kiosk_accounts: {ACCOUNTS} are remembered; more are never reached"));
        }
        baseline::check_offset(self.utc_offset)
    }

    fn memory(&self) -> Span {
        MONTH
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (count, turns) = (measure("accounts_a_day"), measure("alternations"));
        let who = crate::wording::accounts(&finding.involved);
        let from = finding.involved.names("client_ip").first().map_or("", |ip| ip);
        let pair = finding
            .samples
            .first()
            .map(|pair| (format!("; the roles of {pair} must be two people's"), format!("；其中 {pair} 为不相容岗位")));
        let (pair_en, pair_zh) = pair.unwrap_or_default();
        let (turns_en, turns_zh) = match turns {
            0 => Default::default(),
            n => (format!(", going to and fro {}", counted(n, "time")), format!("，来回切换 {n} 次")),
        };
        Said {
            en: format!(
                "One device ({}) at {from} was let in with up to {} of one system within a day{}{turns_en}{pair_en}.",
                finding.primary,
                counted(count, "account"),
                who.en
            ),
            zh: format!(
                "位于 {from} 的同一设备（{}）一天内登录了同一系统的 {count} 个账号{}{turns_zh}{pair_zh}。",
                finding.primary, who.zh
            ),
        }
    }
}

/// Back to an account after another: A, B, A, each within half an hour.
fn is_turn(used: &[Used], account: &Arc<str>, now: Timestamp) -> bool {
    let mut latest = used.iter().rev();
    let (Some(between), Some(before)) = (latest.next(), latest.next()) else { return false };
    between.account != *account && before.account == *account && now.since(before.last) < TURN
}

fn roles(pair: &str) -> Option<(&str, &str)> {
    pair.split_once('/').filter(|(one, other)| !one.is_empty() && !other.is_empty())
}

impl MultipleRoles {
    fn is_conflict(&self, a: &str, b: &str) -> bool {
        let (a, b) = (a.to_lowercase(), b.to_lowercase());
        let meet = |one: &str, other: &str, pair: (&str, &str)| one.contains(pair.0) && other.contains(pair.1);
        a != b
            && self.conflicts.iter().filter_map(|pair| roles(pair)).any(|pair| meet(&a, &b, pair) || meet(&b, &a, pair))
    }

    fn is_kiosk(&self, accounts: &Accounts) -> bool {
        let all: u32 = accounts.used.iter().map(|used| u32::from(used.logins)).sum();
        let most = accounts.used.iter().map(|used| u32::from(used.logins)).max().unwrap_or(0);
        accounts.used.len() >= self.kiosk_accounts && most * 2 <= all
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
    fn laptop() -> Seat {
        Seat::at("10.1.0.7").inside().device(7)
    }

    #[test]
    fn three_accounts_a_day_on_one_device_are_one_incident() {
        let mut sensor = Harness::of::<MultipleRoles>();
        for (n, account) in ["alice", "bob", "carol", "dave"].into_iter().enumerate() {
            visit(&mut sensor, n as u64 * HOUR, account, &laptop());
        }
        let finding = sensor.only();
        assert_eq!((finding.count, finding.measures["accounts_a_day"]), (2, 4));
        assert!(
            finding.summary.en.contains("at 10.1.0.7 was let in with up to 4 accounts of one system within a day"),
            "{}",
            finding.summary.en
        );
    }

    #[test]
    fn maker_and_checker_on_one_device_fire_at_once_even_at_a_counter() {
        let mut sensor = Harness::of::<MultipleRoles>();
        let seat = Seat::at("10.1.0.7").inside();
        visit(&mut sensor, 0, "wang_maker", &seat);
        visit(&mut sensor, 60, "li_checker", &seat);
        let finding = sensor.only();
        assert_eq!(finding.severity, Severity::High);
        assert!(finding.summary.en.contains("the roles of wang_maker / li_checker"), "{}", finding.summary.en);
    }

    #[test]
    fn to_and_fro_between_two_accounts_fires_and_once_does_not() {
        let mut sensor = Harness::of::<MultipleRoles>();
        for (n, account) in ["alice", "root", "alice"].into_iter().enumerate() {
            visit(&mut sensor, n as u64 * 600, account, &laptop());
        }
        sensor.silent();
        let mut sensor = sensor.restarted::<MultipleRoles>();
        visit(&mut sensor, 1_800, "root", &laptop());
        assert!(sensor.only().summary.en.contains("going to and fro 2 times"));
    }

    #[test]
    fn gateways_families_kiosks_and_two_accounts_stay_silent() {
        let mut sensor = Harness::of::<MultipleRoles>();
        for (n, account) in ["alice", "bob", "carol", "dave"].into_iter().enumerate() {
            // An office behind one address, and one inside that is not known yet.
            visit(&mut sensor, n as u64 * 60, account, &Seat::at("203.0.113.7"));
            visit(&mut sensor, n as u64 * 60 + 1, account, &Seat::at("10.9.0.1").inside());
        }
        for day in 0..5 {
            visit(&mut sensor, day * DAY, "alice", &laptop());
            visit(&mut sensor, day * DAY + 4 * HOUR, "bob", &laptop());
        }
        // A terminal: two a day, ten in a month, and then all on one day.
        let names: Vec<String> = (0..10).map(|n| format!("clerk{n}")).collect();
        for (n, name) in names.iter().enumerate() {
            visit(&mut sensor, n as u64 * DAY + 6 * DAY, name, &laptop().device(8));
        }
        for (n, name) in names.iter().enumerate() {
            visit(&mut sensor, n as u64 * HOUR + 16 * DAY, name, &laptop().device(8));
        }
        sensor.silent();
    }

    #[test]
    fn yesterday_s_accounts_do_not_count_and_pairs_are_checked() {
        let mut sensor = Harness::of::<MultipleRoles>();
        for (n, account) in ["alice", "bob", "carol", "dave"].into_iter().enumerate() {
            visit(&mut sensor, n as u64 * 13 * HOUR, account, &laptop());
        }
        sensor.silent();
        let wrong = MultipleRoles { conflicts: vec!["maker".into()], ..MultipleRoles::default() };
        assert!(wrong.check().is_err_and(|sentence| sentence.contains("`maker` is no pair")));
    }
}
