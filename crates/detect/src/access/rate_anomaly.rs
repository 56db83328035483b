//! access.rate_anomaly

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Class, Entity, Event, Finding, Nature, Rule, Said, Severity, Span, Text, Timestamp, Zone, settings,
};

use crate::baseline::{self, hour_of_week};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::wording::role;

settings! {
    /// Calls of a principal or to an endpoint far above their baseline.
    pub struct RateAnomaly {
        /// Standard deviations above what is usual in five minutes.
        deviations: f32 = 6.0,
        /// And this many times what is usual,
        times: f32 = 3.0,
        /// and this many calls more.
        more: f32 = 30.0,
        /// Stretches of five minutes with calls before there is a baseline.
        min_stretches: u16 = 12,
        /// Minutes east of UTC of the hours that people keep.
        utc_offset: i32 = 480,
        /// An incident is over after this long without such a stretch.
        quiet: Span = Span::hours(1),
    }
}

const SLOT: Span = Span::minutes(5);
const AN_HOUR: u64 = 12;
/// The least age of a baseline; the age at which hours of the day speak, and those of the week.
const BY_RECENT: Span = Span::days(1);
const BY_DAY: Span = Span::days(3);
const BY_WEEK: Span = Span::days(14);
/// What a Poisson process of the usual rate does so rarely is no chance.
const CHANCE: f64 = 1e-9;
/// Weight of a new stretch in what was recent, and in what is usual while there is any traffic.
const RECENT: f32 = 0.1;
const ACTIVE: f32 = 0.05;

/// A mean and the mean distance from it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Level {
    mean: f32,
    off: f32,
}

impl Level {
    fn learn(&mut self, value: f32, weight: f32) {
        self.off += weight * ((value - self.mean).abs() - self.off);
        self.mean += weight * (value - self.mean);
    }
    /// As many zeroes at once.
    fn fade(&mut self, count: u64, weight: f32) {
        let rest = (1.0 - weight).powi(i32::try_from(count).unwrap_or(i32::MAX));
        self.off = self.off * rest + self.mean * (1.0 - rest);
        self.mean *= rest;
    }
    /// In four bytes, exact to a thousandth; a year of hours of the week fits in less than a kilobyte.
    fn pack(self) -> (u16, u16) {
        let pack = |value: f32| ((1.0 + value.max(0.0)).ln() * Level::STEPS).round().min(f32::from(u16::MAX)) as u16;
        (pack(self.mean), pack(self.off))
    }
    fn unpack((mean, off): (u16, u16)) -> Level {
        let unpack = |value: u16| (f32::from(value) / Level::STEPS).exp() - 1.0;
        Level { mean: unpack(mean), off: unpack(off) }
    }
    /// Steps of a packed value an e-fold.
    const STEPS: f32 = 2_500.0;
}

/// Calls of one principal or endpoint.
#[derive(Default, Serialize, Deserialize)]
pub struct Traffic {
    first: Timestamp,
    slot: u64,
    count: u32,
    /// Calls at which this stretch is above all that is usual.
    limit: u32,
    /// The last three stretches, this one in the lowest bit, that were.
    above: u8,
    stretches: u16,
    /// The busiest stretch, fading: what runs once a week is known after the first time.
    peak: f32,
    recent: Level,
    active: Level,
    /// Hours of the day, and after two weeks hours of the week.
    hours: Vec<(u16, u16)>,
}

impl Traffic {
    fn age(&self, now: Timestamp) -> Span {
        now.since(self.first)
    }

    /// Learns that stretches from `slot` on, all in one hour, had so many calls.
    fn learn_hour(&mut self, slot: u64, count: u64, calls: f32, utc_offset: i32) {
        let at = Timestamp(slot.saturating_mul(SLOT.0));
        let age = self.age(at);
        let mut hour = hour_of_week(at, utc_offset);
        if self.hours.is_empty() {
            self.hours = vec![(0, 0); 24];
        } else if self.hours.len() == 24 && age >= BY_WEEK {
            self.hours = self.hours.iter().copied().cycle().take(168).collect();
        }
        // Of the first day of an hour each stretch weighs alike; later the last one or four weeks do.
        let seen = (age.0 / Span::days(1).0 * AN_HOUR + slot % AN_HOUR + 1) as f32;
        let least = if self.hours.len() == 24 { 1.0 / 84.0 } else { 1.0 / 48.0 };
        if self.hours.len() == 24 {
            hour %= 24;
        }
        let Some(packed) = self.hours.get_mut(hour) else { return };
        let mut level = Level::unpack(*packed);
        match calls {
            0.0 => level.fade(count, (1.0 / seen).max(least)),
            calls => level.learn(calls, (1.0 / seen).max(least)),
        }
        *packed = level.pack();
    }

    /// The stretch is over, and silence followed until `now`.
    fn close(&mut self, calls: Option<f32>, now: u64, utc_offset: i32) {
        /// Hours of silence that are learnt.
        const HOURS: u64 = 14 * 24;
        if let Some(calls) = calls {
            let weight = if self.stretches < 20 { 1.0 / f32::from(self.stretches + 1) } else { ACTIVE };
            self.peak = self.peak.max(calls);
            self.active.learn(calls, weight);
            self.stretches = self.stretches.saturating_add(1);
            self.recent.learn(calls, RECENT);
            self.learn_hour(self.slot, 1, calls, utc_offset);
        }
        let passed = Span(now.saturating_sub(self.slot).saturating_mul(SLOT.0));
        self.peak *= baseline::fading(passed, BY_WEEK);
        let mut from = (self.slot + 1).max(now.saturating_sub(HOURS * AN_HOUR));
        self.recent.fade(now.saturating_sub(from), RECENT);
        while from < now {
            let next = (from / AN_HOUR + 1) * AN_HOUR;
            self.learn_hour(from, next.min(now) - from, 0.0, utc_offset);
            from = next.min(now);
        }
    }

    /// What is usual now: the highest of what speaks.
    fn usual(&self, now: Timestamp, utc_offset: i32) -> impl Iterator<Item = Level> {
        let hour = hour_of_week(now, utc_offset);
        let of_hour = match self.hours.len() {
            168 => self.hours.get(hour),
            _ => self.hours.get(hour % 24),
        };
        let recent = (self.age(now) < BY_DAY).then_some(self.recent);
        // Who works at another hour than usual does so as busily as ever.
        [of_hour.map(|packed| Level::unpack(*packed)), recent, Some(self.active)].into_iter().flatten()
    }
}

impl Detector for RateAnomaly {
    const RULE: &'static Rule = &Rule {
        kind: "access.rate_anomaly",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "calls far above the baseline", zh: "访问频次异常" },
        about: Text {
            en: "An account or an inside address made, or an endpoint got, many more calls in five minutes than is usual for it at that \
                 hour of the week, and again within a quarter of an hour. Each is compared with itself. Jobs that run at their usual hour \
                 are part of the baseline; a new job, a sale or a campaign looks alike.",
            zh: "账号、内网地址的调用次数或接口的被调用次数，在五分钟内远超其自身在一周中该时段的水平，且一刻钟内再次出现。\
                 固定时段的任务属于基线；新任务、促销活动可能类似。",
        },
        advice: Text {
            en: "Find out what called and why; limit its rate; look at which data it obtained.",
            zh: "查明调用来源和原因，进行限速，并核查其获取的数据。",
        },
        clause: "访问频次异常",
    };
    type State = Traffic;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        const APART: u16 = Nature::STATIC | Nature::HEALTH | Nature::LOGIN;
        if event.call.login.is_some() || event.nature.0 & APART != 0 {
            return;
        }
        let caller = baseline::caller(event);
        let is_inside = event.client.zone == Zone::Inside;
        // What strangers call costs nothing.
        let counts = event.call.succeeded() && (caller.is_some() || is_inside);
        match caller {
            Some(caller) => out.push(caller),
            None if counts => out.push(CellKey::of(Entity::ClientIp(event.client.ip))),
            None => {}
        }
        if counts {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, traffic: &mut Traffic, out: &mut Verdicts) {
        let slot = cx.now.0 / SLOT.0;
        if traffic.limit == 0 {
            *traffic = Traffic { first: cx.now, slot, limit: u32::MAX, ..Traffic::default() };
        } else if slot > traffic.slot {
            let is_known = traffic.age(cx.now) >= BY_DAY && traffic.stretches >= self.min_stretches;
            // What an attack did does not become usual.
            let calls = if is_known { traffic.count.min(traffic.limit) } else { traffic.count };
            let is_frozen = traffic.above != 0 && cx.findings.is_open(Self::RULE.kind, of, None);
            traffic.close((!is_frozen).then_some(calls as f32), slot, self.utc_offset);
            let passed = u32::try_from(slot - traffic.slot).unwrap_or(u32::MAX);
            traffic.above = traffic.above.checked_shl(passed).unwrap_or(0) & 0b111;
            (traffic.slot, traffic.count) = (slot, 0);
            traffic.limit = self.limit(traffic, cx.now);
        }
        traffic.count = traffic.count.saturating_add(1);
        if traffic.count < traffic.limit {
            return;
        }
        traffic.above |= 1;
        // Told at the crossing, and again at every multiple.
        if traffic.above & 0b110 == 0 || !traffic.count.is_multiple_of(traffic.limit) {
            return;
        }
        let usual = traffic.usual(cx.now, self.utc_offset).map(|level| level.mean).fold(0.0, f32::max);
        if !is_beyond_chance(f64::from(traffic.count), f64::from(usual) + 1.0) {
            return;
        }
        let is_endpoint = matches!(of.entity, Entity::Endpoint(_));
        // The one who calls explains that it is called.
        if is_endpoint
            && baseline::caller(event).is_some_and(|caller| cx.findings.is_open(Self::RULE.kind, &caller, None))
        {
            return;
        }
        let mut evidence = Evidence::new()
            .confidence(80)
            .most("calls", u64::from(traffic.count))
            .most("usual", usual.round() as u64)
            .most("limit", u64::from(traffic.limit))
            .respond("limit_rate", of.entity.clone());
        if cx.population.is_cold(cx.now) {
            evidence = evidence.severity(Severity::Info).reason("learning");
        }
        // One caller without a baseline that calls everything is one incident, not one for each endpoint.
        if is_endpoint && let Some(beside) = beside(event, of, cx) {
            return out.hit_of(beside, evidence);
        }
        out.hit(evidence);
        if !is_endpoint {
            out.fold(Self::RULE.kind, CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn heap(&self, traffic: &Traffic) -> usize {
        traffic.hours.capacity() * size_of::<(u16, u16)>()
    }

    fn is_idle(&self, traffic: &Traffic) -> bool {
        traffic.limit == 0
    }

    fn check(&self) -> Result<(), String> {
        if self.times < 1.0 || self.deviations <= 0.0 || self.more < 1.0 {
            return Err("deviations, times, more: what is usual would be told".to_owned());
        }
        baseline::check_offset(self.utc_offset)
    }

    fn memory(&self) -> Span {
        Span::days(35)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (calls, usual, limit) = (measure("calls"), measure("usual"), measure("limit"));
        let primary = &finding.primary;
        let from = finding.involved.names("client_ip").first().map_or("", |ip| ip);
        let at = finding.involved.names("endpoint").first().map_or("", |name| name);
        let (by, (what_en, what_zh)) = (
            role(primary),
            match primary {
                Entity::Endpoint(_) => {
                    let who = crate::wording::accounts(&finding.involved);
                    (format!(", the last from {from}{}", who.en), format!("，最近来自 {from}{}", who.zh))
                }
                _ => (format!(", from {from} to {at} among others"), format!("，来自 {from}，涉及 {at} 等")),
            },
        );
        Said {
            en: format!(
                "Up to {calls} calls in five minutes {} {primary}{what_en}, where about {usual} are usual at that hour and fewer than \
                 {limit} are within its variation.",
                by.en
            ),
            zh: format!(
                "{} {primary} 五分钟内调用最多达 {calls} 次{what_zh}；该时段通常约 {usual} 次，正常波动低于 {limit} 次。",
                by.zh
            ),
        }
    }
}

impl RateAnomaly {
    /// Calls in a stretch that are above all that is usual.
    fn limit(&self, traffic: &Traffic, now: Timestamp) -> u32 {
        /// Times the busiest stretch that was no alarm.
        const BUSIEST: f32 = 1.5;
        /// Of a normal distribution, by the mean distance.
        const DEVIATION: f32 = 1.2533;
        if traffic.age(now) < BY_RECENT || traffic.stretches < self.min_stretches {
            return u32::MAX;
        }
        let above = |level: Level| {
            let spread = DEVIATION * level.off + (level.mean + 1.0).sqrt();
            (level.mean + self.deviations * spread).max(self.times * level.mean + self.more)
        };
        traffic.usual(now, self.utc_offset).map(above).fold(BUSIEST * traffic.peak, f32::max).max(1.0).ceil() as u32
    }
}

/// Whether so many are beyond what a Poisson process of that rate does by chance (Chernoff's bound of its tail).
fn is_beyond_chance(calls: f64, rate: f64) -> bool {
    calls > rate && calls - rate - calls * (calls / rate).ln() < CHANCE.ln()
}

/// The open finding of another endpoint that the same account or address overruns.
fn beside(event: &Event, of: &CellKey, cx: &Context<'_>) -> Option<CellKey> {
    let ip = event.client.ip.to_string();
    let found = cx.findings.open(RateAnomaly::RULE.kind).find(|(cell, finding)| {
        let (accounts, addresses) = (finding.involved.names("account"), finding.involved.names("client_ip"));
        matches!(cell.entity, Entity::Endpoint(_))
            && *cell != of
            && match &event.account {
                Some(account) => accounts.iter().any(|name| **name == **account),
                None => addresses.iter().any(|address| **address == *ip),
            }
    });
    found.map(|(cell, _)| cell.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::scene::{DAY, HOUR, Seat, call};
    use crate::harness::Harness;
    use spyhop_model::Status;

    fn seat() -> Seat {
        Seat::at("203.0.113.7")
    }
    /// So many calls in the five minutes from a second on.
    fn stretch(sensor: &mut Harness, second: u64, account: &str, calls: u64) {
        for n in 0..calls {
            sensor.see_with(call(second + n * 299 / calls.max(1), account), |event| seat().sit(event));
        }
    }
    /// Days with four hours of work, some five to fifteen calls in five minutes.
    fn settled(days: u64) -> Harness {
        let mut sensor = Harness::of::<RateAnomaly>();
        (0..days).for_each(|day| work(&mut sensor, day));
        sensor
    }
    fn work(sensor: &mut Harness, day: u64) {
        (0..48).for_each(|n| stretch(sensor, day * DAY + n * 300, "alice", 5 + (n * 7 + day) % 11));
    }

    #[test]
    fn a_flood_is_one_incident_of_the_account() {
        let mut sensor = settled(10);
        stretch(&mut sensor, 10 * DAY, "alice", 300);
        sensor.silent();
        let mut sensor = sensor.restarted::<RateAnomaly>();
        stretch(&mut sensor, 10 * DAY + 300, "alice", 300);
        stretch(&mut sensor, 10 * DAY + 600, "alice", 300);
        let finding = sensor.only();
        assert_eq!((finding.primary.to_string().as_str(), finding.severity), ("alice", Severity::Medium));
        let (usual, limit) = (finding.measures["usual"], finding.measures["limit"]);
        assert!((8..=13).contains(&usual) && (50..150).contains(&limit), "{usual} {limit}");
        assert!(finding.summary.en.contains("in five minutes by account alice"), "{}", finding.summary.en);
        sensor.advance(10 * DAY + 2 * HOUR);
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn just_below_one_stretch_alone_another_hour_and_what_is_learnt_stay_silent() {
        let mut sensor = settled(10);
        (0..3).for_each(|n| stretch(&mut sensor, 10 * DAY + n * 300, "alice", 48));
        stretch(&mut sensor, 10 * DAY + 3_000, "alice", 300);
        // Three in the morning, as busily as by day.
        (0..12).for_each(|n| stretch(&mut sensor, 10 * DAY + 17 * HOUR + n * 300, "alice", 15));
        // Somebody new.
        (0..12).for_each(|n| stretch(&mut sensor, 10 * DAY + 18 * HOUR + n * 300, "bob", 300));
        // The endpoint has both: of the account nothing is told.
        let of_account = |finding: &Finding| finding.primary.role() == "account";
        assert!(!sensor.findings().iter().any(of_account));
        let mut sensor = settled(10);
        (0..3).for_each(|n| stretch(&mut sensor, 10 * DAY + n * 300, "alice", 40));
        sensor.silent();
    }

    #[test]
    fn a_batch_at_its_usual_hour_of_the_night_stays_silent() {
        let mut sensor = Harness::of::<RateAnomaly>();
        for day in 0..16 {
            work(&mut sensor, day);
            (0..6).for_each(|n| stretch(&mut sensor, day * DAY + 16 * HOUR + n * 300, "alice", 400));
        }
        sensor.silent();
    }

    #[test]
    fn a_weekly_report_stays_silent() {
        let mut sensor = Harness::of::<RateAnomaly>();
        for day in 0..30 {
            work(&mut sensor, day);
            if day % 7 == 0 {
                (0..4).for_each(|n| stretch(&mut sensor, day * DAY + 6 * HOUR + n * 300, "alice", 200));
            }
        }
        sensor.silent();
    }

    #[test]
    fn an_attack_does_not_become_usual() {
        let mut sensor = settled(10);
        for day in 10..13 {
            work(&mut sensor, day);
            (0..6).for_each(|n| stretch(&mut sensor, day * DAY + 10 * HOUR + n * 300, "alice", 2_000));
        }
        let finding = sensor.only();
        assert!(finding.count >= 3 * 5, "{}", finding.count);
    }

    #[test]
    fn a_whole_sensor_that_learns_only_informs() {
        let mut sensor = settled(3);
        (0..3).for_each(|n| stretch(&mut sensor, 3 * DAY + n * 300, "alice", 500));
        assert_eq!((sensor.only().severity, &*sensor.only().reasons[0]), (Severity::Info, "learning"));
    }

    #[test]
    fn many_who_flood_an_endpoint_are_one_incident_of_the_endpoint() {
        let mut sensor = settled(10);
        for n in 0..600 {
            let name = format!("user{n}");
            sensor.see_with(call(10 * DAY + n, &name), |event| seat().sit(event));
        }
        assert_eq!(sensor.only().primary.role(), "endpoint");
    }

    #[test]
    fn a_cell_stays_below_a_kibibyte() {
        let sensor = settled(16);
        let (cells, bytes) = sensor.held();
        // Map and queue are counted twice over, for their growth.
        assert!(cells == 2 && bytes / cells < 1_400, "{cells} {bytes}");
        let level = Level { mean: 123.0, off: 0.5 };
        let back = Level::unpack(level.pack());
        assert!((back.mean - 123.0).abs() < 0.1 && (back.off - 0.5).abs() < 0.001);
        assert!(is_beyond_chance(60.0, 10.0) && !is_beyond_chance(30.0, 10.0));
    }
}
