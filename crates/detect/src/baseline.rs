//! What baselines are made of: whose cell, which network, software and machine, which hour, and shares that fade.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use spyhop_model::{Country, Entity, Event, Nature, Span, Timestamp, Traits, Zone};

use crate::detector::{CellKey, Context};
use crate::window::make_room;

/// Minutes east of UTC of the population's hours: only their shape counts, so that one zone does for all.
pub(crate) const SHANGHAI: i32 = 480;

/// What of a login is compared with those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Feature {
    /// The country; all home jurisdictions and the inside are one.
    Country,
    /// The network: a /16, or a /32 of IPv6. Stands for the autonomous system, of which no data set is shipped.
    Network,
    /// The neighbourhood: a /24, or a /48 of IPv6.
    Prefix,
    /// What the device calls itself.
    Device,
    /// The software, without its version.
    Software,
    /// The hour of the week.
    Hour,
}

impl Feature {
    /// As a reason of a finding.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Feature::Country => "new_country",
            Feature::Network => "new_network",
            Feature::Prefix => "new_prefix",
            Feature::Device => "new_device",
            Feature::Software => "new_software",
            Feature::Hour => "unusual_hour",
        }
    }
}

/// The values of an event's features; those that are not known are left out.
pub(crate) fn features(event: &Event, utc_offset: i32) -> impl Iterator<Item = (Feature, u64)> {
    let ip = event.client.ip;
    [
        country(event).map(|country| (Feature::Country, country)),
        Some((Feature::Network, wide(ip))),
        Some((Feature::Prefix, narrow(ip))),
        event.call.device_id.map(|device| (Feature::Device, device.0)),
        software(event).map(|software| (Feature::Software, software)),
        Some((Feature::Hour, hour_of_week(event.moment().at, utc_offset) as u64)),
    ]
    .into_iter()
    .flatten()
}

/// The country as a value: 0 is home.
fn country(event: &Event) -> Option<u64> {
    match (event.client.zone, event.client.country) {
        (Zone::Inside | Zone::Home, _) => Some(0),
        (Zone::Overseas, Some(country)) => Some(mix(1, text(country.code()))),
        _ => None,
    }
}

/// The network of an address as a value.
pub(crate) fn wide(ip: IpAddr) -> u64 {
    match ip.to_canonical() {
        IpAddr::V4(ip) => u64::from(ip.to_bits() >> 16),
        IpAddr::V6(ip) => 1 << 63 | (ip.to_bits() >> 96) as u64,
    }
}

/// The neighbourhood of an address as a value.
pub(crate) fn narrow(ip: IpAddr) -> u64 {
    match ip.to_canonical() {
        IpAddr::V4(ip) => u64::from(ip.to_bits() >> 8),
        IpAddr::V6(ip) => 1 << 63 | (ip.to_bits() >> 80) as u64,
    }
}

/// Whether two networks are so far apart in number that one operator's neighbouring blocks do not explain it. An IPv4 and an IPv6
/// address are never compared: a host with both uses either.
pub(crate) fn are_apart(a: u64, b: u64) -> bool {
    a >> 63 == b >> 63 && a.abs_diff(b) > 1
}

/// The client's software as a value: its user agent without versions, which change by themselves, or else its whole picture.
pub(crate) fn software(event: &Event) -> Option<u64> {
    let call = &event.call;
    let agent =
        call.request.as_ref().and_then(|request| request.user_agent.as_deref()).filter(|agent| !agent.is_empty());
    match agent {
        Some(agent) => {
            let named = agent.bytes().filter(|byte| !byte.is_ascii_digit() && !b"._".contains(byte));
            Some(mix(2, hash(named)))
        }
        None => call.picture.map(|picture| picture.0),
    }
}

/// A machine, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    pub id: u64,
    /// It names itself. Otherwise it is a software at one address, which a colleague with the same software may get tomorrow.
    pub names_itself: bool,
}

/// The machine of an event.
pub(crate) fn machine(event: &Event) -> Option<Machine> {
    let named = event.call.device_id.map(|device| Machine { id: device.0, names_itself: true });
    named.or_else(|| event.device.map(|device| Machine { id: device.0, names_itself: false }))
}

/// A handheld, by its user agent.
pub(crate) fn is_mobile(event: &Event) -> bool {
    event.call.traits.has(Traits::MOBILE)
}

/// Account and realm as one value.
pub(crate) fn account_hash(event: &Event) -> Option<u64> {
    event.account.as_ref().map(|account| mix(text(&event.realm), text(account)))
}

/// The cell of an entity within the event's realm.
pub(crate) fn within_realm(event: &Event, entity: Entity) -> CellKey {
    CellKey { entity, scope: Some(event.realm.clone()) }
}

/// The cell of the account of a login that is now known to be accepted.
pub(crate) fn accepted(event: &Event) -> Option<CellKey> {
    event.accepted_login()?;
    Some(within_realm(event, Entity::Account(event.account.clone()?)))
}

/// The cell of the account that calls, if it is known well enough. Pictures and scripts of a page say nothing of it.
pub(crate) fn caller(event: &Event) -> Option<CellKey> {
    if event.concluded.is_some()
        || event.call.login.is_some()
        || event.nature.0 & (Nature::STATIC | Nature::HEALTH) != 0
    {
        return None;
    }
    match event.principal() {
        account @ Entity::Account(_) => Some(within_realm(event, account)),
        _ => None,
    }
}

/// The cell of the principal: of an account within its realm.
pub(crate) fn principal(event: &Event) -> CellKey {
    match event.principal() {
        account @ Entity::Account(_) => within_realm(event, account),
        other => CellKey::of(other),
    }
}

/// Alarms under which a baseline is frozen: what happens meanwhile may be the attacker's.
pub(crate) fn is_frozen(cx: &Context<'_>, account: &CellKey) -> bool {
    const ALARMS: [&str; 4] =
        ["auth.unusual_login", "auth.impossible_travel", "auth.success_after_failures", "auth.brute_force"];
    ALARMS.into_iter().any(|kind| cx.findings.is_open(kind, account, None))
}

/// The hour of the week, 0..168, from Monday 0:00.
pub(crate) fn hour_of_week(at: Timestamp, utc_offset: i32) -> usize {
    /// 1970 began on a Thursday.
    const THURSDAY: u64 = 3 * 24;
    let hours = (local(at, utc_offset).0 / Span::hours(1).0 + THURSDAY) % 168;
    usize::try_from(hours).unwrap_or(0)
}

/// The day since 1970.
pub(crate) fn day(at: Timestamp, utc_offset: i32) -> u32 {
    u32::try_from(local(at, utc_offset).0 / Span::days(1).0).unwrap_or(u32::MAX)
}

/// The time of day and of the week where the people are.
pub(crate) fn local(at: Timestamp, utc_offset: i32) -> Timestamp {
    let offset = Span::minutes(u64::from(utc_offset.unsigned_abs()));
    if utc_offset < 0 { at - offset } else { at + offset }
}

/// Whether an offset can be one.
///
/// # Errors
/// A sentence about it.
pub(crate) fn check_offset(minutes: i32) -> Result<(), String> {
    /// Kiribati.
    const MOST: i32 = 14 * 60;
    if minutes.abs() > MOST {
        return Err(format!("utc_offset: {minutes} minutes are no time of day on earth"));
    }
    Ok(())
}

/// ` from 203.0.113.9 (US)`: where an event comes from.
pub(crate) fn whence(ip: IpAddr, country: Option<Country>) -> String {
    country.map_or_else(|| ip.to_string(), |country| format!("{ip} ({country})"))
}

/// Joins two values to one (the finaliser of SplitMix64).
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b;
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// A text as a value, the same in every run (FNV-1a).
pub(crate) fn text(text: &str) -> u64 {
    hash(text.bytes())
}

fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// How often each of a few values occurred; what is long past fades.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shares {
    values: Vec<(u64, f32)>,
}

impl Shares {
    /// A value of less weight is one that was never seen.
    pub(crate) const SEEN: f32 = 0.05;

    /// Adds a value. At `cap` the one of the least weight goes.
    pub(crate) fn add(&mut self, value: u64, weight: f32, cap: usize) {
        if let Some(known) = self.values.iter_mut().find(|(known, _)| *known == value) {
            known.1 += weight;
            return;
        }
        if self.values.len() >= cap {
            let least = self.values.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1)).map(|(at, _)| at);
            if let Some(at) = least {
                self.values.swap_remove(at);
            }
        }
        make_room(&mut self.values);
        self.values.push((value, weight));
    }
    /// The weight of a value.
    pub(crate) fn weight(&self, value: u64) -> f32 {
        self.values.iter().find(|(known, _)| *known == value).map_or(0.0, |(_, weight)| *weight)
    }
    /// The weight of all.
    pub(crate) fn total(&self) -> f32 {
        self.values.iter().map(|(_, weight)| weight).sum()
    }
    /// Lets all fade by a factor; what has faded away is forgotten.
    pub(crate) fn fade(&mut self, factor: f32) {
        self.values.iter_mut().for_each(|(_, weight)| *weight *= factor);
        self.values.retain(|(_, weight)| *weight >= Shares::SEEN);
    }
    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        self.values.capacity() * size_of::<(u64, f32)>()
    }
}

/// What remains of a weight after `span`, where `half` is left after each `half_life`.
pub(crate) fn fading(span: Span, half_life: Span) -> f32 {
    (-(span.0 as f32) / half_life.0.max(1) as f32).exp2()
}

/// People at work, for the tests of baselines.
#[cfg(test)]
pub(crate) mod scene {
    use spyhop_model::{Attribution, Country, Event, Fingerprint, Outcome, Session, Source, Timestamp, Traits, Zone};
    use spyhop_testkit::{EventBuilder, event};

    /// A second's hour.
    pub(crate) const HOUR: u64 = 3_600;
    /// A second's day.
    pub(crate) const DAY: u64 = 86_400;

    /// An accepted login.
    pub(crate) fn login(second: u64, account: &str) -> EventBuilder {
        event().at(second).post("a.example/login").login(account, Outcome::Success)
    }
    /// A call of an account.
    pub(crate) fn call(second: u64, account: &str) -> EventBuilder {
        event().at(second).get("a.example/api/orders").account(account)
    }

    /// Where somebody sits, and before what.
    #[derive(Clone)]
    pub(crate) struct Seat {
        pub ip: &'static str,
        pub zone: Zone,
        pub country: Option<&'static str>,
        pub software: u64,
        pub device: Option<u64>,
        pub mobile: bool,
        pub session: Option<u64>,
        pub shared: bool,
    }

    impl Seat {
        /// At a public address at home.
        pub fn at(ip: &'static str) -> Seat {
            Seat {
                ip,
                zone: Zone::Home,
                country: Some("CN"),
                software: 1,
                device: None,
                mobile: false,
                session: None,
                shared: false,
            }
        }
        pub fn inside(mut self) -> Seat {
            (self.zone, self.country) = (Zone::Inside, None);
            self
        }
        pub fn overseas(mut self, country: &'static str) -> Seat {
            (self.zone, self.country) = (Zone::Overseas, Some(country));
            self
        }
        pub fn software(mut self, software: u64) -> Seat {
            self.software = software;
            self
        }
        pub fn device(mut self, device: u64) -> Seat {
            self.device = Some(device);
            self
        }
        pub fn mobile(mut self) -> Seat {
            self.mobile = true;
            self
        }
        pub fn session(mut self, session: u64) -> Seat {
            self.session = Some(session);
            self
        }
        pub fn shared(mut self) -> Seat {
            self.shared = true;
            self
        }
        /// Puts an event there; whose account it has is known.
        pub fn sit(&self, event: &mut Event) {
            let ip = self.ip.parse().expect("an address");
            event.client.ip = ip;
            event.call.client.ip = ip;
            event.client.zone = self.zone;
            event.client.country = self.country.and_then(Country::new);
            event.call.picture = Some(Fingerprint(self.software));
            event.call.device_id = self.device.map(Fingerprint);
            let device = self.device.unwrap_or_else(|| super::mix(self.software, super::text(self.ip)));
            event.device = Some(Fingerprint(device));
            event.call.traits = Traits(if self.mobile { Traits::MOBILE } else { 0 });
            event.crowd.shared = self.shared;
            event.session = self.session.map(|session| {
                Box::new(Session {
                    id: Fingerprint(session),
                    began_at: Timestamp::default(),
                    by_login: true,
                    ended_at: None,
                    kept_over_login: false,
                })
            });
            if event.account.is_some() {
                let source = if event.call.login.is_some() { Source::Login } else { Source::Session };
                event.attribution = Some(Attribution { source, confidence: 95 });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_testkit::{event, time};

    #[test]
    fn the_first_morning_is_a_friday_at_ten() {
        assert_eq!(hour_of_week(time(0), 480), 4 * 24 + 10);
        assert_eq!(hour_of_week(time(0), -120), 4 * 24);
        assert_eq!(day(time(14 * 3_600), 480), day(time(0), 480) + 1);
    }

    #[test]
    fn a_new_version_is_the_same_software() {
        let with = |agent: &str| {
            let mut event = event().build(1);
            if let Some(request) = &mut event.call.request {
                request.user_agent = Some(agent.into());
            }
            software(&event)
        };
        let old = with("Mozilla/5.0 (Windows NT 10.0) Chrome/126.0.0.0");
        assert_eq!(old, with("Mozilla/5.0 (Windows NT 10.0) Chrome/127.0.6533.72"));
        assert_ne!(old, with("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/126.0.0.0"));
    }

    #[test]
    fn networks_of_one_family_are_compared() {
        let of = |ip: &str| wide(ip.parse().expect("an address"));
        assert!(are_apart(of("203.0.113.9"), of("198.51.100.9")));
        assert!(!are_apart(of("203.0.113.9"), of("203.1.4.9")));
        assert!(!are_apart(of("203.0.113.9"), of("2001:db8::1")));
        assert_eq!(of("::ffff:203.0.113.9"), of("203.0.113.9"));
    }

    #[test]
    fn shares_are_bounded_and_fade() {
        let mut shares = Shares::default();
        for (value, weight) in [(1, 3.0), (2, 1.0), (3, 2.0)] {
            shares.add(value, weight, 2);
        }
        assert_eq!((shares.weight(1), shares.weight(2), shares.total()), (3.0, 0.0, 5.0));
        shares.fade(fading(Span::days(60), Span::days(30)));
        assert_eq!((shares.weight(1), shares.total()), (0.75, 1.25));
        shares.fade(0.05);
        assert_eq!((shares.weight(1), shares.total()), (0.0, 0.0));
    }
}
