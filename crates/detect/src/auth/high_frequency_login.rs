//! auth.high_frequency_login

use serde::{Deserialize, Serialize};
use spyhop_model::{
    AgentFamily, Class, Entity, Event, Finding, Outcome, Rule, Said, Severity, Span, Text, Zone, settings,
};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::logins::{Attack, account, is_all_of, short_ip, sources};
use crate::window::{Distinct, Rate};

settings! {
    /// Too many login attempts from one address, device or for one account.
    pub struct HighFrequencyLogin {
        /// Attempts a minute from one address. Where more are usual, so many more.
        per_address: u64 = 10,
        /// Attempts a minute from one device.
        per_device: u64 = 8,
        /// Attempts a minute for one account; from one address alone, twice as many.
        per_account: u64 = 5,
        /// Attempts an hour for one account.
        per_account_hour: u64 = 60,
        /// An incident is over after this long without an attempt above the limits.
        quiet: Span = Span::minutes(15),
    }
}

/// Recent attempts of one cell.
#[derive(Default, Serialize, Deserialize)]
pub struct Attempts {
    times: Rate,
    refused: Rate,
    /// Of an account: from where.
    sources: Distinct<u32>,
}

/// Addresses remembered: two are several.
const SOURCES: usize = 2;
const MINUTE: Span = Span::minutes(1);
const HOUR: Span = Span::hours(1);

impl Detector for HighFrequencyLogin {
    const RULE: &'static Rule = &Rule {
        kind: "auth.high_frequency_login",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "login attempts at high frequency", zh: "高频登录尝试" },
        about: Text {
            en: "More login attempts a minute than people make, from one address or device or for one account. A gateway behind which \
                 many people work may make as many as it usually does; a monitoring probe of the inside that gets in does not count. \
                 Repeated Basic credentials count once.",
            zh: "同一地址、设备或账号每分钟的登录尝试超出人工操作的频率。众人共用的网关按其平时的频率放宽；内网监控探针的成功登录不计。\
                 重复携带的 Basic 凭据只计一次。",
        },
        advice: Text {
            en: "Limit attempts on the login endpoint, ask for a captcha after failures, and look at what the address did next.",
            zh: "对登录接口限速，失败后启用验证码，并核查该地址的后续行为。",
        },
        clause: "高频登录尝试",
    };
    const VIEWS: Views = Views::LOGINS;
    type State = Attempts;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let is_probe = event.call.agent.family == AgentFamily::Monitor && event.client.zone == Zone::Inside;
        if event.login().is_some_and(|login| !is_probe || login.outcome != Outcome::Success) {
            out.extend(cells(event));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, attempts: &mut Attempts, out: &mut Verdicts) {
        let Some(login) = event.login() else { return };
        // What is usual at an address is not too much, nor at a device that is known by its address only.
        let usual = u64::from(event.crowd.logins_a_minute);
        let guarded = |limit: u64| limit.max(usual);
        let (a_minute, an_hour) = match of.entity {
            Entity::ClientIp(_) => (guarded(self.per_address), None),
            Entity::Device(_) if event.call.device_id.is_none() => (guarded(self.per_device), None),
            Entity::Device(_) => (self.per_device, None),
            // Whoever has forgotten a password tries what comes to mind, from one place.
            _ if attempts.sources.add(cx.now, short_ip(event.client.ip), MINUTE, SOURCES) < 2 => {
                (2 * self.per_account, Some(self.per_account_hour))
            }
            _ => (self.per_account, Some(self.per_account_hour)),
        };
        let cap = Rate::cap(a_minute.max(an_hour.unwrap_or(0)));
        let keep = if an_hour.is_some() { HOUR } else { MINUTE };
        attempts.times.add(cx.now, keep, cap);
        if login.outcome == Outcome::Failure {
            attempts.refused.add(cx.now, keep, cap);
        }
        // Explained by a stronger attack, or by the finding of the address or the device.
        if Attack::HighFrequency.is_explained(cx.findings, event)
            || cells(event)
                .take_while(|cell| cell != of)
                .any(|wider| cx.findings.is_open(Self::RULE.kind, &wider, None))
        {
            return;
        }
        let mut evidence = Evidence::new().confidence(login.confidence).respond("limit_rate", of.entity.clone());
        let (mut exceeded, mut any_refused) = (false, false);
        for (limit, span, measure, of_them) in [
            (Some(a_minute), MINUTE, "attempts_a_minute", "refused"),
            (an_hour, HOUR, "attempts_an_hour", "refused_an_hour"),
        ] {
            let seen = attempts.times.within(cx.now, span);
            if limit.is_none_or(|limit| seen < limit) {
                continue;
            }
            let refused = attempts.refused.within(cx.now, span);
            evidence = evidence.most(measure, seen).most(of_them, refused);
            exceeded = true;
            any_refused |= refused > 0;
        }
        if !exceeded {
            return;
        }
        if login.outcome == Outcome::Success && any_refused {
            evidence = evidence.severity(Severity::High).reason("accepted_among_refused");
        }
        out.hit(evidence);
        if !cx.findings.is_open(Self::RULE.kind, of, None) {
            let is_part = |_: &CellKey, finding: &Finding| {
                finding.rule.kind == Self::RULE.kind && is_narrower(finding, of) && is_all_of(finding, &of.entity)
            };
            Attack::HighFrequency.fold(cx.findings, of, is_part, out);
        }
    }

    fn heap(&self, attempts: &Attempts) -> usize {
        attempts.times.heap() + attempts.refused.heap()
    }

    fn check(&self) -> Result<(), String> {
        Rate::reaches("per_address", self.per_address)?;
        Rate::reaches("per_device", self.per_device)?;
        Rate::reaches("per_account", self.per_account)?;
        Rate::reaches("per_account_hour", self.per_account_hour)
    }

    fn memory(&self) -> Span {
        HOUR
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied();
        let arm = |attempts, refused| Some((measure(attempts)?, measure(refused).unwrap_or(0)));
        let (minute, hour) = (arm("attempts_a_minute", "refused"), arm("attempts_an_hour", "refused_an_hour"));
        let who = crate::wording::accounts(&finding.involved);
        let role = crate::wording::role(&finding.primary);
        let at = finding.involved.names("endpoint").first().map_or("", |name| name);
        let by = if matches!(finding.primary, Entity::Account(_)) { "for account" } else { role.en };
        let primary = &finding.primary;
        let (en, zh) = match (minute, hour) {
            (Some((minute, refused)), Some((hour, of_hour))) => (
                format!(
                    "Up to {minute} login attempts a minute (up to {refused} refused) and {hour} an hour (up to {of_hour} refused) \
                     {by} {primary} at {at}"
                ),
                format!(
                    "每分钟登录尝试最多 {minute} 次（最多 {refused} 次被拒），每小时最多 {hour} 次（最多 {of_hour} 次被拒）"
                ),
            ),
            (None, Some((hour, refused))) => (
                format!("Up to {hour} login attempts an hour {by} {primary} at {at}, up to {refused} of them refused"),
                format!("每小时登录尝试最多 {hour} 次，其中最多 {refused} 次被拒"),
            ),
            (minute, None) => {
                let (minute, refused) = minute.unwrap_or_default();
                (
                    format!(
                        "Up to {minute} login attempts a minute {by} {primary} at {at}, up to {refused} of them refused"
                    ),
                    format!("每分钟登录尝试最多 {minute} 次，其中最多 {refused} 次被拒"),
                )
            }
        };
        Said { en: format!("{en}{}.", who.en), zh: format!("{} {primary} 在 {at} {zh}{}。", role.zh, who.zh) }
    }
}

/// The cells of an attempt; each explains those after it.
fn cells(event: &Event) -> impl Iterator<Item = CellKey> {
    sources(event).chain(account(event))
}

/// Whether a cell's finding explains that of another entity: the address the device, both the account.
fn is_narrower(finding: &Finding, than: &CellKey) -> bool {
    let place = |entity: &Entity| match entity {
        Entity::ClientIp(_) => 0,
        Entity::Device(_) => 1,
        _ => 2,
    };
    place(&finding.primary) > place(&than.entity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{Fingerprint, Status};
    use spyhop_testkit::event;

    fn attempt(second: u64, account: &str) -> spyhop_testkit::EventBuilder {
        event().at(second).from("203.0.113.9").post("a.example/login").login(account, Outcome::Failure)
    }

    #[test]
    fn ten_attempts_a_minute_from_one_address_are_one_finding() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        for n in 0..20 {
            sensor.see(attempt(n * 3, &format!("user{n}")));
        }
        let finding = sensor.only();
        assert_eq!(finding.primary, Entity::ClientIp("203.0.113.9".parse().unwrap()));
        assert_eq!(finding.measures["attempts_a_minute"], 20);
    }

    #[test]
    fn nine_a_minute_for_different_accounts_stay_silent() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        for n in 0..27 {
            sensor.see(attempt(n * 7, &format!("user{n}")));
        }
        sensor.silent();
    }

    #[test]
    fn an_account_tried_from_many_addresses_is_a_finding_of_its_own() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        for n in 0..5 {
            sensor.see(attempt(n * 5, "alice").from(&format!("203.0.113.{n}")));
        }
        assert_eq!(sensor.only().primary.to_string(), "alice");
    }

    #[test]
    fn tries_of_one_account_from_one_address_are_the_address_s() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        (0..9).for_each(|n| sensor.see(attempt(n * 6, "alice")));
        // A forgotten password.
        sensor.silent();
        (0..12).for_each(|n| sensor.see(attempt(100 + n, "alice")));
        assert_eq!(sensor.only().primary.role(), "client_ip");
    }

    #[test]
    fn it_closes_after_a_quiet_quarter_of_an_hour_and_forgets() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        for n in 0..12 {
            sensor.see(attempt(n, &format!("user{n}")));
        }
        sensor.advance(11 + 15 * 60 - 1);
        assert_eq!(sensor.only().status, Status::Open);
        sensor.advance(11 + 15 * 60);
        assert_eq!(sensor.only().status, Status::Closed);
        sensor.see(attempt(10_000, "user1"));
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn what_one_client_does_to_one_account_is_one_open_finding() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        for n in 0..8 {
            let from = format!("203.0.113.{}", n % 2);
            sensor.see_with(attempt(n * 7, "alice").from(&from), |event| event.device = Some(Fingerprint(7)));
        }
        let findings = sensor.findings();
        let device = findings.iter().find(|f| f.status == Status::Open).expect("the device's finding");
        let account = findings.iter().find(|f| f.status == Status::Folded).expect("the account's finding");
        assert_eq!((findings.len(), device.primary.role(), account.parent), (2, "device", Some(device.id)));
    }

    #[test]
    fn the_address_s_finding_takes_in_the_device_s() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        for n in 0..14 {
            sensor.see_with(attempt(n * 4, "alice"), |event| event.device = Some(Fingerprint(7)));
        }
        let open: Vec<Finding> = sensor.findings().into_iter().filter(|f| f.status == Status::Open).collect();
        assert_eq!(open.iter().map(|f| f.primary.role()).collect::<Vec<_>>(), ["client_ip"]);
        let device = sensor.findings().into_iter().find(|f| f.primary.role() == "device").expect("the device's");
        assert_eq!(device.parent, Some(open[0].id));
    }

    #[test]
    fn a_slow_attack_is_told_by_the_hour() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        for n in 0..62 {
            sensor.see(attempt(n * 50, "alice").from(&format!("203.0.113.{n}")));
        }
        let finding = sensor.only();
        assert_eq!((finding.measures["attempts_an_hour"], finding.measures["refused_an_hour"]), (62, 62));
        assert!(!finding.measures.contains_key("attempts_a_minute"));
        assert!(
            finding.summary.en.starts_with("Up to 62 login attempts an hour for account alice at "),
            "{}",
            finding.summary.en
        );
        assert!(finding.summary.zh.contains("每小时"), "{}", finding.summary.zh);
    }

    #[test]
    fn an_office_at_nine_and_a_probe_of_the_inside_stay_silent() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        for n in 0..120 {
            sensor
                .see_with(attempt(n * 2, &format!("staff{n}")).crowd(40), |event| event.device = Some(Fingerprint(1)));
        }
        for n in 0..120 {
            let probe = event().at(1_000 + n * 2).post("a.example/login").login("probe", Outcome::Success);
            sensor.see(probe.agent(AgentFamily::Monitor, "uptime"));
        }
        sensor.silent();
        for n in 0..80 {
            sensor.see(attempt(2_000 + n, &format!("staff{n}")).crowd(40));
        }
        assert_eq!(sensor.only().primary.role(), "client_ip");
    }

    #[test]
    fn one_name_in_two_realms_is_two_accounts() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        for n in 0..8 {
            sensor.see_with(attempt(n * 5, "admin").from(&format!("203.0.113.{n}")), |event| {
                event.realm = if n % 2 == 0 { "a.example".into() } else { "b.example".into() };
            });
        }
        sensor.silent();
    }

    #[test]
    fn those_refused_are_of_the_same_minute() {
        let mut sensor = Harness::of::<HighFrequencyLogin>();
        for n in 0..9 {
            sensor.see(attempt(n * 20, "alice").from(&format!("203.0.113.{n}")));
        }
        for n in 0..5 {
            sensor.see(attempt(600 + n, "alice").from(&format!("203.0.114.{n}")));
        }
        let finding = sensor.only();
        assert_eq!((finding.measures["attempts_a_minute"], finding.measures["refused"]), (5, 5));
    }
}
