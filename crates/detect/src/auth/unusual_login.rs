//! auth.unusual_login

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Rule, Said, Severity, Span, Text, Timestamp, settings};

use crate::baseline::{self, Feature, Shares, fading, mix};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};

settings! {
    /// A login off that account's baseline: new network, country, device or software, at an unusual hour.
    pub struct UnusualLogin {
        /// How surprising a login must be, in weighted bits.
        score: f32 = 18.0,
        /// Accepted logins before an account has a baseline.
        min_logins: u32 = 10,
        /// Days that these must span.
        min_days: u64 = 7,
        /// Minutes east of UTC of the hours that people keep.
        utc_offset: i32 = 480,
        /// An incident is over after this long without such a login.
        quiet: Span = Span::days(1),
    }
}

/// Pseudo-logins by which the population speaks for an account (handbook §6.2).
const KAPPA: f32 = 5.0;
/// Surprise is counted up to it, in bits.
const MOST_BITS: f32 = 12.0;
/// After this long a login weighs half.
const HALF_LIFE: Span = Span::days(30);
/// Logins without alarm after which a new value enters the baseline.
const UNCHALLENGED: u8 = 3;
/// New values that wait for that.
const WAITING: usize = 12;
/// Sets of new values that were told and are not told again.
const TOLD: usize = 4;
/// What is left of the surprise of a place if a device that names itself vouches for it: the owner travels, or changed the VPN.
const VOUCHED: f32 = 0.4;

/// The features with their weights, the most values kept, and the least share a value has in the population. There is no data
/// set of autonomous systems, and people change between many networks at home: an unknown /16 is less strange than an unknown
/// operator would be. An unknown device says only that it is new, as one in a hundred is.
const FEATURES: [(Feature, f32, usize, f32); 6] = [
    (Feature::Country, 1.5, 8, 1e-4),
    (Feature::Network, 1.0, 16, 5e-3),
    (Feature::Prefix, 0.4, 32, 1e-3),
    (Feature::Device, 1.2, 16, 1e-2),
    (Feature::Software, 1.2, 16, 1e-4),
    (Feature::Hour, 0.5, 168, 1e-3),
];
/// The software's weight where the device names itself.
const SOFTWARE_BESIDE_DEVICE: f32 = 0.4;

/// An account's usual logins.
#[derive(Default, Serialize, Deserialize)]
pub struct Profile {
    first: Timestamp,
    faded: Timestamp,
    logins: u32,
    shares: [Shares; 6],
    /// Mean surprise of each feature: who always moves surprises nobody by moving.
    habit: [f32; 6],
    waiting: Vec<(u8, u64, u8)>,
    told: Vec<u64>,
}

impl Profile {
    fn total(&self, at: usize) -> f32 {
        self.shares.get(at).map_or(0.0, Shares::total)
    }

    /// The weight of a value; of an hour, with those beside it.
    fn weight(&self, at: usize, value: u64) -> f32 {
        let Some(shares) = self.shares.get(at) else { return 0.0 };
        match FEATURES.get(at) {
            Some((Feature::Hour, ..)) => {
                let beside = shares.weight((value + 1) % 168) + shares.weight((value + 167) % 168);
                0.5 * shares.weight(value) + 0.25 * beside
            }
            _ => shares.weight(value),
        }
    }

    fn learn(&mut self, at: usize, value: u64, weight: f32) {
        let Some((_, _, cap, _)) = FEATURES.get(at) else { return };
        if let Some(shares) = self.shares.get_mut(at) {
            shares.add(value, weight, *cap);
        }
    }

    /// A new value was seen without alarm.
    fn wait(&mut self, at: usize, value: u64) {
        let Ok(feature) = u8::try_from(at) else { return };
        let place = self.waiting.iter().position(|(of, known, _)| (*of, *known) == (feature, value));
        let seen = place.and_then(|place| self.waiting.get(place)).map_or(0, |(_, _, seen)| *seen) + 1;
        if let Some(place) = place {
            self.waiting.remove(place);
        }
        if seen >= UNCHALLENGED {
            self.learn(at, value, f32::from(seen));
            return;
        }
        if self.waiting.len() >= WAITING {
            self.waiting.remove(0);
        }
        self.waiting.push((feature, value, seen));
    }
}

/// What is known of one feature of one login.
struct Look {
    at: usize,
    feature: Feature,
    value: u64,
    is_new: bool,
    bits: f32,
}

/// How much more unlikely the first login with a phone of the home country has to be.
const FIRST_PHONE: f32 = 2.0;

impl Detector for UnusualLogin {
    const RULE: &'static Rule = &Rule {
        kind: "auth.unusual_login",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "login off the account's baseline", zh: "偏离账号基线的登录" },
        about: Text {
            en: "An account was let in from a country, network, device or software that it never used, and the whole is much less \
                 likely than its usual logins. Each account is compared with itself over weeks; what is common among all accounts \
                 weighs less. New values become usual after three logins without alarm. Travel, a new computer and a changed \
                 provider look alike.",
            zh: "账号从其从未使用过的国家（地区）、网络、设备或软件登录成功，且整体上与其以往登录习惯差异显著。每个账号与自身数周的基线比较；\
                 众多账号共有的特征权重较低。新特征在三次无告警登录后纳入基线。出差、更换电脑、更换运营商可能类似。",
        },
        advice: Text {
            en: "Ask the owner whether it was them; if not, change the password, end the sessions and look at what was done since.",
            zh: "向本人核实；如非本人操作，应修改密码、注销会话，并核查登录后的操作。",
        },
        clause: "常规登录特征基线、不同 IP 登录",
    };
    const VIEWS: Views = Views::LOGINS.and(Views::CONCLUSIONS);
    type State = Profile;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        out.extend(baseline::accepted(event));
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, profile: &mut Profile, out: &mut Verdicts) {
        if profile.logins == 0 {
            (profile.first, profile.faded) = (cx.now, cx.now);
        }
        let factor = fading(cx.now.since(profile.faded), HALF_LIFE);
        profile.faded = cx.now;
        profile.shares.iter_mut().for_each(|shares| shares.fade(factor));
        let looks = self.look(event, cx, profile);
        let (is_frozen, is_open) = (baseline::is_frozen(cx, of), cx.findings.is_open(Self::RULE.kind, of, None));
        let is_mature = profile.logins >= self.min_logins && cx.now.since(profile.first) >= Span::days(self.min_days);
        if is_mature && let Some((evidence, set)) = self.judge(event, cx, profile, &looks) {
            let was_told = profile.told.contains(&set);
            // Told once, and nobody objected: the incident is over, and the same again is no news.
            if is_open || !was_told {
                if !was_told {
                    profile.told.truncate(TOLD - 1);
                    profile.told.insert(0, set);
                }
                out.hit(evidence.respond("reset_password", of.entity.clone()));
                return;
            }
        }
        if is_frozen {
            return;
        }
        profile.logins = profile.logins.saturating_add(1);
        for look in looks {
            if let Some(habit) = profile.habit.get_mut(look.at) {
                *habit += (look.bits - *habit) / (profile.logins.min(30) as f32);
            }
            if is_mature && look.is_new && look.feature != Feature::Hour {
                profile.wait(look.at, look.value);
            } else {
                profile.learn(look.at, look.value, 1.0);
            }
        }
    }

    fn heap(&self, profile: &Profile) -> usize {
        profile.shares.iter().map(Shares::heap).sum::<usize>()
            + profile.waiting.capacity() * size_of::<(u8, u64, u8)>()
            + profile.told.capacity() * size_of::<u64>()
    }

    fn check(&self) -> Result<(), String> {
        baseline::check_offset(self.utc_offset)
    }

    fn memory(&self) -> Span {
        Span::days(120)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let whence = finding.samples.last().map_or("", |sample| sample);
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (logins, days) = (measure("usual_logins"), measure("usual_days"));
        let (mut en, mut zh) = (Vec::new(), Vec::new());
        for (reason, in_en, in_zh) in [
            ("new_country", "country", "国家（地区）"),
            ("new_network", "network", "网络"),
            ("new_device", "device", "设备"),
            ("new_software", "software", "软件"),
        ] {
            if finding.reasons.iter().any(|known| &**known == reason) {
                en.push(in_en);
                zh.push(in_zh);
            }
        }
        let hour = finding.reasons.iter().any(|reason| &**reason == "unusual_hour");
        let (hour_en, hour_zh) = if hour { (", at an hour unusual for it", "，且时间反常") } else { ("", "") };
        let times = finding.count;
        let logged = crate::wording::counted(times, "login");
        Said {
            en: format!(
                "Account {} was let in from {whence} with a {} that it had never used{hour_en}: {logged} off its baseline of {logins} \
                 logins over {days} days.",
                finding.primary,
                en.join(" and "),
            ),
            zh: format!(
                "账号 {} 从 {whence} 登录成功，所用{}此前从未出现{hour_zh}：共 {times} 次登录偏离其 {days} 天内 {logins} 次登录形成的基线。",
                finding.primary,
                zh.join("、"),
            ),
        }
    }
}

impl UnusualLogin {
    fn look(&self, event: &Event, cx: &Context<'_>, profile: &Profile) -> Vec<Look> {
        let of = |(feature, value): (Feature, u64)| {
            let at = FEATURES.iter().position(|(known, ..)| *known == feature)?;
            let (_, _, _, least) = FEATURES.get(at)?;
            let weight = profile.weight(at, value);
            let share = cx.population.share(feature, value).max(*least);
            let likely = (weight + KAPPA * share) / (profile.total(at) + KAPPA);
            let bits = (-likely.log2()).clamp(0.0, MOST_BITS);
            Some(Look { at, feature, value, is_new: weight < Shares::SEEN, bits })
        };
        baseline::features(event, self.utc_offset).filter_map(of).collect()
    }

    /// Evidence and the set of new values, if the login is unusual.
    fn judge(&self, event: &Event, cx: &Context<'_>, profile: &Profile, looks: &[Look]) -> Option<(Evidence, u64)> {
        let is_new = |feature| looks.iter().any(|look| look.feature == feature && look.is_new);
        let device = looks.iter().find(|look| look.feature == Feature::Device);
        let vouched = device.is_some_and(|device| profile.weight(device.at, device.value) >= 1.0);
        let is_first_phone = baseline::is_mobile(event)
            && is_new(Feature::Software)
            && !is_new(Feature::Country)
            && !is_new(Feature::Device);
        let is_roaming = baseline::is_mobile(event) && !is_new(Feature::Software) && !is_new(Feature::Country);
        let (mut score, mut set) = (0.0, 0);
        let mut evidence = Evidence::new();
        for look in looks {
            let (_, weight, ..) = FEATURES.get(look.at)?;
            let weight = match look.feature {
                // A new network has none but new neighbourhoods.
                Feature::Prefix if is_new(Feature::Network) => continue,
                Feature::Software if device.is_some() => SOFTWARE_BESIDE_DEVICE,
                Feature::Country | Feature::Network if vouched => weight * VOUCHED,
                // Phones get another address of their carrier by the hour.
                Feature::Network if is_roaming => weight * VOUCHED,
                // The office, a hotel: where many are, one more is no surprise.
                Feature::Network if event.crowd.shared => weight * VOUCHED,
                _ => *weight,
            };
            let habit = profile.habit.get(look.at).copied().unwrap_or(0.0);
            score += weight * (look.bits - habit).max(0.0);
            if look.is_new
                && matches!(look.feature, Feature::Country | Feature::Network | Feature::Device | Feature::Software)
            {
                evidence = evidence.reason(look.feature.reason());
                set = mix(set, mix(look.at as u64, look.value));
            } else if look.is_new && look.feature == Feature::Hour {
                evidence = evidence.reason(look.feature.reason());
            }
        }
        // Some day everybody uses a phone for the first time.
        let least = if is_first_phone { self.score * FIRST_PHONE } else { self.score };
        if set == 0 || score < least {
            return None;
        }
        if cx.population.is_cold(cx.now) {
            evidence = evidence.severity(Severity::Info).reason("learning");
        } else if is_new(Feature::Country) {
            evidence = evidence.severity(Severity::High);
        }
        let evidence = evidence
            .confidence(if score >= 2.0 * self.score { 90 } else { 75 })
            .most("score", score as u64)
            .most("usual_logins", u64::from(profile.logins))
            .most("usual_days", cx.now.since(profile.first).0 / Span::days(1).0)
            .involves(Entity::ClientIp(event.client.ip))
            .sample(baseline::whence(event.client.ip, event.client.country));
        Some((evidence, set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::scene::{DAY, HOUR, Seat, login};
    use crate::harness::Harness;
    use spyhop_model::{Outcome, Status};

    fn office() -> Seat {
        Seat::at("203.0.113.7")
    }
    fn visit(sensor: &mut Harness, second: u64, seat: &Seat) {
        sensor.see_with(login(second, "alice"), |event| seat.sit(event));
    }
    /// Two weeks at the office, in the morning and after lunch.
    fn settled() -> Harness {
        let mut sensor = Harness::of::<UnusualLogin>();
        for day in 0..14 {
            visit(&mut sensor, day * DAY, &office());
            visit(&mut sensor, day * DAY + 4 * HOUR, &office());
        }
        sensor
    }

    #[test]
    fn a_login_from_another_country_with_other_software_is_one_incident() {
        let mut sensor = settled();
        let thief = Seat::at("198.51.100.9").overseas("RU").software(9);
        for n in 0..3 {
            visit(&mut sensor, 14 * DAY + 17 * HOUR + n * 600, &thief);
        }
        let finding = sensor.only();
        assert_eq!((finding.count, finding.severity), (3, Severity::High));
        let reasons: Vec<&str> = finding.reasons.iter().map(|reason| &**reason).collect();
        assert_eq!(reasons, ["new_country", "new_network", "new_software", "unusual_hour"]);
        assert!(
            finding.summary.en.starts_with(
                "Account alice was let in from 198.51.100.9 (RU) with a country and network and software that it had never used, at"
            ),
            "{}",
            finding.summary.en
        );
        assert!(finding.summary.en.contains("28 logins over 14 days"), "{}", finding.summary.en);
        sensor.advance(30 * DAY);
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn at_home_an_unknown_network_with_unknown_software_suffices() {
        let mut sensor = settled();
        visit(&mut sensor, 14 * DAY + HOUR, &Seat::at("198.51.100.9").software(9));
        let finding = sensor.only();
        assert_eq!((finding.severity, finding.measures["usual_logins"]), (Severity::Medium, 28));
    }

    #[test]
    fn a_shift_worker_and_a_colleague_s_usual_place_stay_silent() {
        let mut sensor = Harness::of::<UnusualLogin>();
        // Bob works in the branch with the software of the branch; Alice changes shifts every three days.
        for day in 0..14 {
            let branch = Seat::at("198.51.100.9").software(9);
            (0..4).for_each(|n| sensor.see_with(login(day * DAY + n * 60, "bob"), |event| branch.sit(event)));
            visit(&mut sensor, day * DAY + day / 3 % 3 * 8 * HOUR + 600, &office());
        }
        visit(&mut sensor, 14 * DAY + 20 * HOUR, &office());
        visit(&mut sensor, 15 * DAY, &Seat::at("198.51.100.9").software(9));
        sensor.silent();
    }

    #[test]
    fn what_is_new_but_not_strange_stays_silent() {
        let mut sensor = settled();
        // Another room; the café; an update of the same software; working late.
        visit(&mut sensor, 14 * DAY, &Seat::at("203.0.200.7"));
        visit(&mut sensor, 14 * DAY + HOUR, &Seat::at("198.51.100.9"));
        visit(&mut sensor, 14 * DAY + 11 * HOUR, &office());
        sensor.silent();
    }

    #[test]
    fn a_known_device_vouches_for_a_place() {
        let mut sensor = Harness::of::<UnusualLogin>();
        for day in 0..14 {
            visit(&mut sensor, day * DAY, &office().device(5));
        }
        visit(&mut sensor, 14 * DAY, &Seat::at("198.51.100.9").overseas("SG").device(5));
        sensor.silent();
        visit(&mut sensor, 15 * DAY, &Seat::at("198.51.100.9").overseas("SG").device(6));
        sensor.only();
    }

    #[test]
    fn an_account_that_is_still_learnt_stays_silent_and_so_do_refused_logins() {
        let mut sensor = Harness::of::<UnusualLogin>();
        for day in 0..6 {
            visit(&mut sensor, day * DAY, &office());
            visit(&mut sensor, day * DAY + HOUR, &office());
        }
        let thief = Seat::at("198.51.100.9").overseas("RU").software(9);
        visit(&mut sensor, 6 * DAY, &thief);
        sensor.silent();
        let mut sensor = settled();
        let refused = login(14 * DAY, "alice").login("alice", Outcome::Failure);
        sensor.see_with(refused, |event| thief.sit(event));
        sensor.silent();
    }

    #[test]
    fn what_was_told_once_is_learnt_after_three_more() {
        let mut sensor = settled();
        let home = Seat::at("198.51.100.9").overseas("RU").software(9);
        visit(&mut sensor, 14 * DAY, &home);
        for day in 16..22 {
            visit(&mut sensor, day * DAY, &home);
        }
        assert_eq!((sensor.only().count, sensor.only().status), (1, Status::Closed));
        // By now it is usual, whatever else is new beside it.
        visit(&mut sensor, 22 * DAY, &Seat::at("198.51.7.9").overseas("RU").software(9));
        assert_eq!(sensor.only().count, 1);
    }

    #[test]
    fn a_baseline_survives_a_restart_and_is_forgotten_after_a_long_absence() {
        let thief = Seat::at("198.51.100.9").overseas("RU").software(9);
        let mut sensor = settled().restarted::<UnusualLogin>();
        visit(&mut sensor, 14 * DAY, &thief);
        assert_eq!(sensor.only().primary.to_string(), "alice");
        let mut sensor = settled();
        visit(&mut sensor, 200 * DAY, &thief);
        sensor.silent();
        let (cells, bytes) = sensor.held();
        assert!(cells == 1 && bytes < 4_096, "{bytes}");
    }
}
