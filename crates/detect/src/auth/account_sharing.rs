//! auth.account_sharing

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use spyhop_model::{
    AgentFamily, Class, Entity, Event, Finding, Rule, Said, Severity, Source, Span, Text, Timestamp, settings,
};

use crate::baseline::{self, mix};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::window::make_room;
use crate::wording::counted;

settings! {
    /// One account in use at once from several devices in several networks.
    pub struct AccountSharing {
        /// Stretches of five minutes with use from two places at once, in one day.
        slots_a_day: u16 = 3,
        /// Or days with such a stretch, out of seven.
        days_a_week: usize = 2,
        /// Or devices within a day, in at least three networks.
        devices_a_day: usize = 4,
        /// Accounts of programs, which run in several places.
        service_accounts: Vec<String> = Vec::new(),
        /// Minutes east of UTC of the days.
        utc_offset: i32 = 480,
        /// An incident is over after this long without use from two places.
        quiet: Span = Span::days(1),
    }
}

const SLOT: Span = Span::minutes(5);
const DAY: Span = Span::days(1);
/// Users of one stretch, and devices of a day, that are remembered.
const KEPT: usize = 8;
/// Requests of each side within a stretch.
const REQUESTS: u16 = 2;
/// Networks of the devices of a day: office, home and the way between need two, and the same person's phone joins them.
const NETWORKS: usize = 3;
/// Devices of one class among those of a day: two of these are no desktop and its phone.
const OF_A_CLASS: usize = 3;

/// Who used an account lately.
#[derive(Default, Serialize, Deserialize)]
pub struct Users {
    slot: u64,
    /// The user of the last call, who needs no second look.
    last: u64,
    now: Vec<User>,
    /// The stretch is counted.
    counted: bool,
    /// Days of the last seven with their stretches of concurrent use.
    days: Vec<(u32, u16)>,
    devices: Vec<Machine>,
}

/// One side in a stretch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct User {
    device: u64,
    host: u64,
    network: u64,
    ip: IpAddr,
    mobile: bool,
    requests: u16,
    first: Timestamp,
    last: Timestamp,
}

impl User {
    /// Two people at once, and not one who moves on: their requests interleave, and each has made more than one.
    fn is_beside(&self, other: &User) -> bool {
        self.device != other.device
            && self.mobile == other.mobile
            && self.host == other.host
            && baseline::are_apart(self.network, other.network)
            && self.requests.min(other.requests) >= REQUESTS
            && self.first < other.last
            && other.first < self.last
    }
}

/// A device of a day.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Machine {
    id: u64,
    network: u64,
    mobile: bool,
    at: Timestamp,
}

impl Detector for AccountSharing {
    const RULE: &'static Rule = &Rule {
        kind: "auth.account_sharing",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "one account used by several people", zh: "账号共享" },
        about: Text {
            en: "One account was in use at the same time from different devices of one class in different networks, again and again, or \
                 from many devices in one day. A desktop beside a phone, a device that changes its network, and accounts of programs \
                 are not meant.",
            zh: "同一账号多次在同一时段被不同网络中的多台同类设备使用，或一天内出现在多台设备上。同一人的电脑与手机、切换网络的设备、程序账号不在此列。",
        },
        advice: Text {
            en: "Ask who uses the account; give each person one of their own; limit concurrent sessions.",
            zh: "核实账号的实际使用人，一人一号；限制账号的并发会话数。",
        },
        clause: "账号共享",
    };
    type State = Users;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let by_program = event.attribution.is_some_and(|how| matches!(how.source, Source::ApiKey | Source::Certificate))
            // An app uses a library too, but names its device.
            || event.call.device_id.is_none()
                && matches!(event.call.agent.family, AgentFamily::Library | AgentFamily::Bot | AgentFamily::Monitor);
        if by_program {
            return;
        }
        let Some(cell) = baseline::caller(event) else { return };
        let is_service = |name: &String| event.account.as_deref().is_some_and(|account| account == name);
        if !self.service_accounts.iter().any(is_service) {
            out.push(cell);
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, users: &mut Users, out: &mut Verdicts) {
        let slot = cx.now.0 / SLOT.0;
        let network = baseline::wide(event.client.ip);
        let host = baseline::text(event.host());
        let session = event.session.as_ref().map_or(0, |session| session.id.0);
        let picture = event.call.picture.map_or(0, |picture| picture.0);
        let named = event.call.device_id.map(|device| device.0);
        // The same user again, in the same stretch: nearly all calls end here.
        let quick = mix(mix(network, host), mix(named.unwrap_or(picture), session));
        if slot == users.slot && quick == users.last {
            if let Some(user) = users.now.first_mut() {
                user.requests = user.requests.saturating_add(1);
                user.last = cx.now;
            }
            if users.now.len() < 2 || users.counted {
                return;
            }
        } else {
            let software = baseline::software(event).unwrap_or(0);
            let mobile = baseline::is_mobile(event);
            if slot != users.slot {
                (users.slot, users.counted) = (slot, false);
                users.now.clear();
            }
            users.last = quick;
            // Two people with the same browser have a session each; one who moves keeps theirs.
            let device = named.unwrap_or_else(|| mix(software, session));
            let known =
                users.now.iter().position(|user| (user.device, user.host, user.network) == (device, host, network));
            let ip = event.client.ip;
            let mut user = User { device, host, network, ip, mobile, requests: 0, first: cx.now, last: cx.now };
            if let Some(at) = known {
                user = users.now.remove(at);
            }
            user.requests = user.requests.saturating_add(1);
            user.last = cx.now;
            make_room(&mut users.now);
            users.now.insert(0, user);
            users.now.truncate(KEPT);
            let machine = Machine { id: named.unwrap_or(software), network, mobile, at: cx.now };
            if self.enlist(users, machine) && self.is_crowded(users) {
                out.hit(self.evidence(users, of).reason("many_devices"));
            }
        }
        let Some(user) = users.now.first().copied() else { return };
        let Some(other) = users.now.iter().find(|other| !users.counted && user.is_beside(other)).copied() else {
            return;
        };
        users.counted = true;
        let today = baseline::day(cx.now, self.utc_offset);
        users.days.retain(|(day, _)| today.saturating_sub(*day) < 7);
        match users.days.last_mut().filter(|(day, _)| *day == today) {
            Some((_, slots)) => *slots += 1,
            None => users.days.push((today, 1)),
        }
        let slots = users.days.last().map_or(0, |(_, slots)| *slots);
        if slots >= self.slots_a_day || users.days.len() >= self.days_a_week {
            let evidence = self.evidence(users, of).reason("at_once").most("slots_a_day", u64::from(slots));
            out.hit(evidence.involves(Entity::ClientIp(other.ip)));
        }
    }

    fn is_idle(&self, users: &Users) -> bool {
        users.now.is_empty() && users.days.is_empty()
    }

    fn heap(&self, users: &Users) -> usize {
        users.now.capacity() * size_of::<User>()
            + users.days.capacity() * size_of::<(u32, u16)>()
            + users.devices.capacity() * size_of::<Machine>()
    }

    fn check(&self) -> Result<(), String> {
        if self.devices_a_day > KEPT {
            return Err(format!("devices_a_day: {KEPT} are remembered; {} are never reached", self.devices_a_day));
        }
        if self.days_a_week > 7 {
            return Err(format!("days_a_week: {} days are no part of a week", self.days_a_week));
        }
        baseline::check_offset(self.utc_offset)
    }

    fn memory(&self) -> Span {
        Span::days(7)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (slots, days, devices) = (measure("slots_a_day"), measure("days"), measure("devices"));
        let addresses = finding.involved.names("client_ip");
        let from = addresses.iter().take(3).map(|ip| &**ip).collect::<Vec<_>>().join(", ");
        let (others_en, others_zh) = if addresses.len() > 3 { (" and others", " 等") } else { ("", "") };
        let (mut en, mut zh) = (Vec::new(), Vec::new());
        if slots > 0 {
            en.push(format!(
                "from two devices in two networks at once, in up to {} of five minutes a day on {}",
                counted(slots, "stretch").replace("stretchs", "stretches"),
                counted(days, "day")
            ));
            zh.push(format!("在 {days} 天内被不同网络的两台同类设备同时使用，每天最多 {slots} 个五分钟时段"));
        }
        if finding.reasons.iter().any(|reason| &**reason == "many_devices") {
            en.push(format!("from {} within a day", counted(devices, "device")));
            zh.push(format!("一天内在 {devices} 台设备上使用"));
        }
        Said {
            en: format!("Account {} was in use {} ({from}{others_en}).", finding.primary, en.join(", and ")),
            zh: format!("账号 {} {}（{from}{others_zh}）。", finding.primary, zh.join("，且")),
        }
    }
}

impl AccountSharing {
    /// True if the device is new today.
    fn enlist(&self, users: &mut Users, machine: Machine) -> bool {
        let before = users.devices.len();
        users.devices.retain(|known| known.id != machine.id && machine.at.since(known.at) < DAY);
        let is_new = users.devices.len() == before;
        make_room(&mut users.devices);
        users.devices.push(machine);
        if users.devices.len() > KEPT {
            users.devices.remove(0);
        }
        is_new
    }

    fn is_crowded(&self, users: &Users) -> bool {
        let devices = &users.devices;
        let mobile = devices.iter().filter(|machine| machine.mobile).count();
        let mut networks: Vec<u64> = devices.iter().map(|machine| machine.network).collect();
        networks.sort_unstable();
        networks.dedup();
        devices.len() >= self.devices_a_day
            && mobile.max(devices.len() - mobile) >= OF_A_CLASS
            && networks.len() >= NETWORKS
    }

    fn evidence(&self, users: &Users, of: &CellKey) -> Evidence {
        Evidence::new()
            .confidence(80)
            .most("days", users.days.len() as u64)
            .most("devices", users.devices.len() as u64)
            .respond("review", of.entity.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::scene::{DAY, HOUR, Seat, call};
    use crate::harness::Harness;

    fn work(sensor: &mut Harness, second: u64, seat: &Seat) {
        sensor.see_with(call(second, "alice"), |event| seat.sit(event));
    }
    /// Both work for a while, in turns.
    fn together(sensor: &mut Harness, second: u64, minutes: u64, one: &Seat, other: &Seat) {
        for n in 0..minutes * 2 {
            work(sensor, second + n * 30, if n % 2 == 0 { one } else { other });
        }
    }
    fn one() -> Seat {
        Seat::at("203.0.113.7").session(1)
    }
    fn other() -> Seat {
        Seat::at("198.51.100.7").session(2)
    }

    #[test]
    fn a_quarter_of_an_hour_of_two_people_is_one_incident() {
        let mut sensor = Harness::of::<AccountSharing>();
        together(&mut sensor, 0, 40, &one(), &other());
        let finding = sensor.only();
        assert_eq!(finding.primary.to_string(), "alice");
        assert_eq!(finding.measures["slots_a_day"], 8);
        assert_eq!(
            finding.summary.en,
            "Account alice was in use from two devices in two networks at once, in up to 8 stretches of five minutes a day on 1 day \
             (203.0.113.7, 198.51.100.7)."
        );
    }

    #[test]
    fn ten_minutes_are_none_unless_they_come_again_on_another_day() {
        let mut sensor = Harness::of::<AccountSharing>();
        together(&mut sensor, 0, 10, &one(), &other());
        sensor.silent();
        let mut sensor = sensor.restarted::<AccountSharing>();
        together(&mut sensor, 3 * DAY, 5, &one(), &other());
        assert_eq!(sensor.only().measures["days"], 2);
    }

    #[test]
    fn a_phone_beside_a_desktop_and_who_moves_stay_silent() {
        let mut sensor = Harness::of::<AccountSharing>();
        together(&mut sensor, 0, 60, &one(), &other().mobile());
        // The same browser in wifi and mobile network, to and fro: it keeps its session.
        together(&mut sensor, 2 * HOUR, 60, &one(), &other().session(1));
        // One application through the VPN, another not.
        for n in 0..100 {
            work(&mut sensor, 4 * HOUR + n * 60, &one().inside());
            let elsewhere = call(4 * HOUR + n * 60 + 20, "alice").get("b.example/api");
            sensor.see_with(elsewhere, |event| other().sit(event));
        }
        // From the office to the train, day after day.
        for day in 0..5 {
            (0..10).for_each(|n| work(&mut sensor, day * DAY + 8 * HOUR + n * 20, &one()));
            (0..10).for_each(|n| work(&mut sensor, day * DAY + 8 * HOUR + 210 + n * 5, &other()));
        }
        sensor.silent();
    }

    #[test]
    fn one_house_and_programs_stay_silent() {
        let mut sensor = Harness::of::<AccountSharing>();
        together(&mut sensor, 0, 60, &one(), &Seat::at("203.0.113.7").session(2));
        for n in 0..200 {
            let seat = if n % 2 == 0 { one() } else { other() };
            sensor
                .see_with(call(2 * HOUR + n * 30, "job").agent(AgentFamily::Library, "Java"), |event| seat.sit(event));
        }
        sensor.silent();
    }

    #[test]
    fn four_devices_in_a_day_fire_and_three_do_not() {
        let places = ["203.0.113.7", "198.51.100.7", "192.0.2.7", "100.64.0.7"];
        for (count, fires) in [(4, true), (3, false)] {
            let mut sensor = Harness::of::<AccountSharing>();
            for (n, ip) in places.iter().take(count).enumerate() {
                work(&mut sensor, n as u64 * HOUR, &Seat::at(ip).device(n as u64));
            }
            if fires {
                assert!(sensor.only().summary.en.contains("from 4 devices within a day"));
            } else {
                sensor.silent();
            }
        }
    }
}
