//! auth.impossible_travel

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Class, Country, Entity, Event, Finding, Fingerprint, Position, Rule, Said, Severity, Source, Span, Text, Timestamp,
    Zone, settings,
};

use crate::baseline;
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::geography;
use crate::window::make_room;

settings! {
    /// One account in two places too far apart for the time between.
    pub struct ImpossibleTravel {
        /// No traveller is faster, in km/h.
        speed: u64 = 900,
        /// Distances up to this are not judged, in km.
        distance: u64 = 500,
        /// Only what lies within this time is compared.
        within: Span = Span::days(1),
        /// The country in which the operator's own networks are, as ISO 3166 code.
        home: String = "CN".to_owned(),
        /// An incident is over after this long without such a jump.
        quiet: Span = Span::days(1),
    }
}

/// Places of an account that are remembered.
const PLACES: usize = 4;

/// Where an account was last active, a place each.
#[derive(Default, Serialize, Deserialize)]
pub struct Whereabouts {
    seen: Vec<Sight>,
}

/// An account at a place.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Sight {
    at: Timestamp,
    country: Country,
    position: Option<Position>,
    ip: std::net::IpAddr,
    device: Option<Fingerprint>,
    /// Session and software, where both are known: a cookie lives in one browser.
    browser: Option<u64>,
    /// Many of our people come from there: the exit of a VPN.
    is_exit: bool,
}

impl Sight {
    fn is_same_place(&self, other: &Sight) -> bool {
        self.country == other.country && self.position == other.position
    }
    /// One machine that changed its exit, not two: a VPN was switched.
    fn is_same_machine(&self, other: &Sight) -> bool {
        self.device.is_some() && self.device == other.device || self.browser.is_some() && self.browser == other.browser
    }
    /// Kilometres at least between the two.
    fn distance(&self, other: &Sight) -> Option<f64> {
        match (self.position, other.position) {
            (Some(a), Some(b)) => Some(geography::between_positions(a, b)),
            _ => geography::between_countries(self.country, other.country),
        }
    }
}

impl Detector for ImpossibleTravel {
    const RULE: &'static Rule = &Rule {
        kind: "auth.impossible_travel",
        class: Class::Incident,
        severity: Severity::High,
        title: Text { en: "impossible travel", zh: "不可能的行程" },
        about: Text {
            en: "An account logged in or worked at two places, and nobody travels from one to the other in the time between. Not said of \
                 one device that changes its VPN, of exits overseas that many people share, nor of neighbouring countries. Without a \
                 city database only countries are told apart.",
            zh: "同一账号先后在两地登录或操作，间隔时间内不可能完成该行程。同一设备切换 VPN、多人共用的境外出口、相邻国家（地区）不在此列。\
                 未配置城市库时仅区分国家（地区）。",
        },
        advice: Text {
            en: "Two people use the account, or one uses a relay: ask the owner, end its sessions and change the password.",
            zh: "账号可能被他人使用，或经过代理：向本人核实，注销会话并修改密码。",
        },
        clause: "异常登录",
    };
    const VIEWS: Views = Views::CALLS.and(Views::CONCLUSIONS);
    type State = Whereabouts;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.attribution.is_some_and(|how| how.source == Source::ApiKey) {
            return;
        }
        out.extend(baseline::caller(event).filter(|_| event.call.succeeded()).or_else(|| baseline::accepted(event)));
    }

    fn observe(
        &self,
        event: &Event,
        of: &CellKey,
        cx: &Context<'_>,
        whereabouts: &mut Whereabouts,
        out: &mut Verdicts,
    ) {
        let Some(now) = self.sight(event, cx) else { return };
        // Nearly all: the account is where it was.
        if let Some(last) = whereabouts.seen.first_mut().filter(|last| last.ip == now.ip && last.is_same_place(&now)) {
            *last = now;
            return;
        }
        let jump = whereabouts.seen.iter().filter_map(|before| self.jump(before, &now)).max_by_key(|jump| jump.km);
        whereabouts.seen.retain(|before| !before.is_same_place(&now) && now.at.since(before.at) < self.within);
        whereabouts.seen.truncate(PLACES - 1);
        make_room(&mut whereabouts.seen);
        whereabouts.seen.insert(0, now);
        let Some(jump) = jump else { return };
        let confidence = if now.position.is_some() && jump.from.position.is_some() { 90 } else { 75 };
        let evidence = Evidence::new()
            .confidence(confidence)
            .most("kilometres", jump.km)
            .most("kilometres_an_hour", jump.speed)
            .most("minutes", jump.took.0 / Span::minutes(1).0)
            .involves(Entity::ClientIp(jump.from.ip))
            .sample(format!(
                "{} → {}",
                baseline::whence(jump.from.ip, Some(jump.from.country)),
                baseline::whence(now.ip, Some(now.country))
            ))
            .respond("lock_account", of.entity.clone());
        out.hit(evidence);
    }

    fn is_idle(&self, whereabouts: &Whereabouts) -> bool {
        whereabouts.seen.is_empty()
    }

    fn heap(&self, whereabouts: &Whereabouts) -> usize {
        whereabouts.seen.capacity() * size_of::<Sight>()
    }

    fn check(&self) -> Result<(), String> {
        match Country::new(&self.home) {
            Some(_) if self.speed > 0 => Ok(()),
            Some(_) => Err("speed: at 0 km/h nobody moves".to_owned()),
            None => Err(format!("home: `{}` is no ISO 3166 code of two letters", self.home)),
        }
    }

    fn memory(&self) -> Span {
        self.within
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let way = finding.samples.first().map_or("", |sample| sample);
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (km, speed, minutes, times) =
            (measure("kilometres"), measure("kilometres_an_hour"), measure("minutes"), finding.count);
        let (most, limit) = (crate::wording::counted(minutes, "minute"), self.speed);
        let jumps = crate::wording::counted(times, "such jump");
        Said {
            en: format!(
                "Account {} was active at two places at least {km} km apart within {most}: {way}. That is {speed} km/h, where {limit} is the \
                 most a traveller does; {jumps}.",
                finding.primary
            ),
            zh: format!(
                "账号 {} 在 {minutes} 分钟内先后出现在相距至少 {km} 公里的两地：{way}，相当于时速 {speed} 公里（上限 {limit}），共 {times} 次。",
                finding.primary
            ),
        }
    }
}

struct Jump {
    from: Sight,
    km: u64,
    speed: u64,
    took: Span,
}

impl ImpossibleTravel {
    fn sight(&self, event: &Event, cx: &Context<'_>) -> Option<Sight> {
        let client = &event.client;
        let country = match client.zone {
            Zone::Inside => client.country.or_else(|| Country::new(&self.home)),
            _ => client.country,
        }?;
        let session = event.session.as_ref().map(|session| session.id.0);
        Some(Sight {
            at: cx.now,
            country,
            // A carrier's gateway is in its country, and may be in any of its cities.
            position: client.position.filter(|_| !event.crowd.shared),
            ip: client.ip,
            device: event.call.device_id,
            browser: session.and_then(|session| Some(baseline::mix(session, event.call.picture?.0))),
            is_exit: event.crowd.shared && client.zone == Zone::Overseas,
        })
    }

    fn jump(&self, before: &Sight, now: &Sight) -> Option<Jump> {
        let took = now.at.since(before.at);
        if took >= self.within || before.is_exit || now.is_exit || before.is_same_machine(now) {
            return None;
        }
        // A host with both families of addresses uses either, and they are located by different sources.
        if before.ip.to_canonical().is_ipv4() != now.ip.to_canonical().is_ipv4() {
            return None;
        }
        let km = before.distance(now).filter(|km| *km > self.distance as f64)?;
        // A jump within a second counts as one that took a second.
        let speed = km / (took.as_secs_f64().max(1.0) / 3_600.0);
        (speed > self.speed as f64).then_some(Jump { from: *before, km: km as u64, speed: speed as u64, took })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::scene::{HOUR, Seat, call, login};
    use crate::harness::Harness;

    fn visit(sensor: &mut Harness, second: u64, seat: &Seat) {
        sensor.see_with(login(second, "alice"), |event| seat.sit(event));
    }
    fn work(sensor: &mut Harness, second: u64, seat: &Seat) {
        sensor.see_with(call(second, "alice"), |event| seat.sit(event));
    }
    fn home() -> Seat {
        Seat::at("203.0.113.7")
    }
    fn abroad() -> Seat {
        Seat::at("198.51.100.7").overseas("US").software(2)
    }

    #[test]
    fn shanghai_and_america_within_an_hour_are_one_incident() {
        let mut sensor = Harness::of::<ImpossibleTravel>();
        visit(&mut sensor, 0, &home().inside());
        visit(&mut sensor, HOUR, &abroad());
        // From an office that many share.
        work(&mut sensor, HOUR + 60, &home().shared());
        work(&mut sensor, HOUR + 120, &abroad());
        let finding = sensor.only();
        assert_eq!((finding.count, finding.severity), (3, Severity::High));
        let summary = &finding.summary.en;
        assert!(
            summary.contains("203.0.113.7 (CN) → 198.51.100.7 (US)") && summary.contains("3 such jumps"),
            "{summary}"
        );
    }

    #[test]
    fn who_is_at_work_cannot_log_in_elsewhere() {
        let mut sensor = Harness::of::<ImpossibleTravel>();
        visit(&mut sensor, 0, &home());
        work(&mut sensor, 18 * HOUR, &home());
        let mut sensor = sensor.restarted::<ImpossibleTravel>();
        visit(&mut sensor, 19 * HOUR, &abroad());
        assert_eq!(sensor.only().measures["minutes"], 60);
    }

    #[test]
    fn cities_are_told_apart_where_positions_are_known() {
        let mut sensor = Harness::of::<ImpossibleTravel>();
        for (hour, latitude, longitude) in [(0, 3_120, 12_147), (3, 2_313, 11_326), (4, 3_120, 12_147)] {
            let seat = home().software(hour);
            sensor.see_with(login(hour * HOUR, "alice"), |event| {
                seat.sit(event);
                event.client.position = Some(Position { latitude, longitude, radius: 20 });
            });
        }
        let finding = sensor.only();
        assert_eq!((finding.count, finding.measures["minutes"], finding.confidence), (1, 60, 90));
    }

    #[test]
    fn flights_neighbours_shared_exits_and_one_device_behind_a_vpn_stay_silent() {
        let mut sensor = Harness::of::<ImpossibleTravel>();
        visit(&mut sensor, 0, &home());
        visit(&mut sensor, 13 * HOUR, &abroad());
        let neighbour = Seat::at("192.0.2.7").overseas("HK").software(3);
        for (n, pair) in [
            [home(), neighbour],
            [home().device(5), abroad().device(5)],
            [home().session(7), abroad().software(1).session(7)],
            [home(), abroad().shared()],
            [home(), Seat::at("2001:db8::7").overseas("US")],
        ]
        .iter()
        .enumerate()
        {
            let day = (n as u64 + 2) * 48 * HOUR;
            visit(&mut sensor, day, &pair[0]);
            visit(&mut sensor, day + 600, &pair[1]);
        }
        sensor.silent();
    }

    #[test]
    fn yesterday_is_forgotten() {
        let mut sensor = Harness::with(ImpossibleTravel { within: Span::hours(2), ..ImpossibleTravel::default() });
        visit(&mut sensor, 0, &home());
        visit(&mut sensor, 2 * HOUR, &abroad());
        sensor.silent();
        sensor.advance(5 * HOUR);
        assert_eq!(sensor.held().0, 0);
    }
}
