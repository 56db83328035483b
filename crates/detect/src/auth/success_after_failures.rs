//! auth.success_after_failures

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Event, Finding, Rule, Said, Severity, Span, Text, Timestamp, Zone, settings};

use crate::baseline;
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::logins::{Attack, account, prefix, short, short_ip, sources, told, whereabouts};
use crate::wording;

settings! {
    /// A login succeeds right after a run of failures, or after an attack on the account or by the same source.
    pub struct SuccessAfterFailures {
        /// Failures for the account within `window` before the success.
        failures: u64 = 5,
        /// Failures count together within this.
        window: Span = Span::hours(1),
        /// Failures of a device that the account is known to use, which its success excuses: its owner had forgotten the password.
        excused: u64 = 10,
        /// Devices and networks of an account are remembered for this long after its last login.
        remembered: Span = Span::days(30),
        /// An incident is over after this long without a supporting login.
        quiet: Span = Span::hours(1),
    }
}

/// What is known of an account: where it logs in from, and what was refused lately.
#[derive(Default, Serialize, Deserialize)]
pub struct Tries {
    /// Devices and networks of clean logins, the last first; 0 where there are fewer.
    devices: [u32; KNOWN],
    networks: [u32; KNOWN],
    /// Refused attempts: when, and from which device.
    refused: VecDeque<(Timestamp, u32)>,
}

/// Devices and networks remembered of an account.
const KNOWN: usize = 4;
/// Refused attempts kept of an account.
const KEPT: usize = 64;

impl Detector for SuccessAfterFailures {
    const RULE: &'static Rule = &Rule {
        kind: "auth.success_after_failures",
        class: Class::Incident,
        severity: Severity::High,
        title: Text { en: "a login succeeded after failures", zh: "多次失败后登录成功" },
        about: Text {
            en: "A login was accepted after a run of failures for the account, or from a source that is attacking logins: the password may \
                 have been guessed. Critical where the device or the network is new for the account. Somebody who forgot the password on \
                 a device that the account always uses does not count, nor does the owner who logs in while others attack.",
            zh: "账号连续失败后登录成功，或成功登录来自正在攻击登录的来源：密码可能已被猜中。设备或网络对该账号为首次出现时为严重。\
                 在常用设备上忘记密码数次后成功的不计，他人攻击期间账号本人从常用设备正常登录的也不计。",
        },
        advice: Text {
            en: "Ask the owner; if it was not he, end the account's sessions, reset its password and look at what it did since.",
            zh: "向账号本人核实；如非本人，注销会话、重置密码，并核查此后的操作。",
        },
        clause: "异常登录",
    };
    const VIEWS: Views = Views::LOGINS.and(Views::CONCLUSIONS);
    type State = Tries;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if told(event).is_some() {
            out.extend(account(event));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, tries: &mut Tries, out: &mut Verdicts) {
        let Some((_, refused)) = told(event) else { return };
        let device = machine(event).max(1);
        let network = short_ip(prefix(event.client.ip, 24, 48).network()).max(1);
        while tries.refused.len() >= KEPT
            || tries.refused.front().is_some_and(|(at, _)| cx.now.since(*at) >= self.window)
        {
            tries.refused.pop_front();
        }
        if refused {
            return tries.refused.push_back((cx.now, device));
        }
        let (failures, own) =
            (tries.refused.len() as u64, tries.refused.iter().filter(|(_, failing)| *failing == device).count() as u64);
        let knows_any = tries.devices[0] != 0;
        let (knows_device, knows_network) = (tries.devices.contains(&device), tries.networks.contains(&network));
        if knows_device && own == 0 {
            remember(&mut tries.devices, device);
            remember(&mut tries.networks, network);
            return;
        }
        let by_attacker =
            [Attack::Stuffing, Attack::Spraying].into_iter().any(|attack| attack.takes_in(cx.findings, event))
                || sources(event).any(|source| cx.findings.is_open(Attack::BruteForce.kind(), &source, None));
        let under_attack = cx.findings.is_open(Attack::BruteForce.kind(), of, None);
        let is_owner = knows_device && own <= self.excused && !by_attacker;
        let is_suspect = failures >= self.failures || by_attacker || under_attack;
        if is_owner || !is_suspect {
            // Whoever gets in after failures is not learnt: he would be known the next time.
            remember(&mut tries.devices, device);
            remember(&mut tries.networks, network);
            return;
        }
        let mut evidence = Evidence::new()
            .sample(whereabouts(event))
            .sum("accepted", 1)
            .most("failures", failures)
            .respond("reset_password", of.entity.clone())
            .respond("lock_account", of.entity.clone());
        for (holds, reason) in [
            (failures >= self.failures, "failures"),
            (by_attacker, "by_attacker"),
            (under_attack, "account_attacked"),
            (knows_any && !knows_device, "new_device"),
            (knows_any && !knows_network, "new_network"),
        ] {
            if holds {
                evidence = evidence.reason(reason);
            }
        }
        if knows_any && !(knows_device && knows_network) || !knows_any && by_attacker {
            evidence = evidence.severity(Severity::Critical);
        }
        let is_first = !knows_any || baseline::is_mobile(event);
        if is_first && !by_attacker && !under_attack && cx.population.is_cold(cx.now) {
            // A machine is met for the first time while nothing is known of anybody.
            evidence = evidence.severity(Severity::Info).reason("learning");
        }
        out.hit(evidence);
    }

    fn is_idle(&self, tries: &Tries) -> bool {
        tries.devices[0] == 0 && tries.refused.is_empty()
    }

    fn heap(&self, tries: &Tries) -> usize {
        tries.refused.capacity() * size_of::<(Timestamp, u32)>()
    }

    fn memory(&self) -> Span {
        self.remembered.max(self.window)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn check(&self) -> Result<(), String> {
        super::window("window", self.window)?;
        super::within("failures", self.failures, KEPT as u64 - 1)
    }

    fn summary(&self, finding: &Finding) -> Said {
        let failures = finding.measures.get("failures").copied().unwrap_or_default();
        let (at, place, when) = (wording::endpoints(finding), wording::whence(finding), wording::when(finding));
        let has = |reason: &str| finding.reasons.iter().any(|known| &**known == reason);
        let from = finding.involved.names("client_ip").first().map_or("", |name| name);
        let after = match (has("by_attacker"), has("account_attacked"), has("failures")) {
            (true, ..) => Said {
                en: "while that source attacks logins".into(), zh: "而该来源正在攻击登录接口".into()
            },
            (_, true, _) => {
                Said { en: "while its password is being guessed".into(), zh: "而该账号正遭暴力破解".into() }
            }
            _ => Said {
                en: format!("after {failures} failures within {}", self.window),
                zh: format!("此前 {} 内失败 {failures} 次", self.window),
            },
        };
        let new = match (has("new_device"), has("new_network")) {
            (true, true) => {
                Text { en: ", on a device and from a network new for it", zh: "，设备和网络均为首次出现" }
            }
            (true, false) => Text { en: ", on a device new for it", zh: "，设备为首次出现" },
            (false, true) => Text { en: ", from a network new for it", zh: "，网络为首次出现" },
            (false, false) => Text { en: "", zh: "" },
        };
        let account = &finding.primary;
        Said {
            en: format!(
                "Account {account} was logged in to from {from}{} at {at} {}{}{}. Its password may have been guessed.",
                place.en, after.en, new.en, when.en
            ),
            zh: format!(
                "账号 {account} 从 {from}{} 在 {at} 登录成功，{}{}{}，密码可能已被猜中。",
                place.zh, after.zh, new.zh, when.zh
            ),
        }
    }
}

/// Puts a name first, and forgets the last.
fn remember(known: &mut [u32; KNOWN], name: u32) {
    let at = known.iter().position(|other| *other == name).unwrap_or(KNOWN - 1);
    known[..=at].rotate_right(1);
    known[0] = name;
}

/// What an account is known to log in with.
fn machine(event: &Event) -> u32 {
    let outside = event.client.zone != Zone::Inside && event.call.device_id.is_none();
    match event.call.picture.filter(|_| outside) {
        // A phone gets another address of its carrier by the hour, a household one of its provider by the week.
        Some(software) if baseline::is_mobile(event) => short(software),
        Some(software) => baseline::mix(software.0, baseline::wide(event.client.ip)) as u32,
        None => event.device.map_or_else(|| short_ip(event.client.ip), short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{Conclusion, Factors, FlowId, Moment, Outcome, Status};
    use spyhop_testkit::{EventBuilder, event, time};

    fn login(second: u64, device: &str, outcome: Outcome) -> EventBuilder {
        let from = if device == "laptop" { "10.0.0.8" } else { "203.0.113.9" };
        let login = event().at(second).from(from).post("a.example/login").login("alice", outcome);
        login.device(device).secret(&format!("guess{second}"))
    }

    fn known() -> Harness {
        let mut sensor = Harness::of::<SuccessAfterFailures>();
        sensor.see(login(0, "laptop", Outcome::Success));
        sensor
    }

    #[test]
    fn five_failures_and_a_success_on_a_new_device_are_critical() {
        let mut sensor = known();
        for n in 0..5 {
            sensor.see(login(100 + n, "stranger", Outcome::Failure));
        }
        let mut sensor = sensor.restarted::<SuccessAfterFailures>();
        sensor.see(login(200, "stranger", Outcome::Success));
        let finding = sensor.only();
        assert_eq!((finding.severity, finding.measures["failures"]), (Severity::Critical, 5));
        assert!(
            finding.summary.en.contains("after 5 failures within 1h, on a device and from a network new for it"),
            "{}",
            finding.summary.en
        );
        // The stranger was not learnt, and comes to the same finding.
        for n in 0..5 {
            sensor.see(login(300 + n, "stranger", Outcome::Failure));
        }
        sensor.see(login(400, "stranger", Outcome::Success));
        assert_eq!(sensor.only().count, 2);
        sensor.advance(400 + 3_600);
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn who_forgot_the_password_the_owner_under_attack_and_old_failures_stay_silent() {
        let mut sensor = known();
        for n in 0..5 {
            sensor.see(login(100 + n, "laptop", Outcome::Failure));
        }
        sensor.see(login(200, "laptop", Outcome::Success));
        for n in 0..20 {
            sensor.see(login(10_000 + n, "stranger", Outcome::Failure));
        }
        sensor.see(login(10_100, "laptop", Outcome::Success));
        sensor.see(login(14_000, "stranger", Outcome::Success));
        for n in 0..4 {
            sensor.see(login(20_000 + n, "another", Outcome::Failure));
        }
        sensor.see(login(20_100, "another", Outcome::Success));
        sensor.silent();
    }

    #[test]
    fn an_outcome_that_shows_later_counts() {
        let mut sensor = known();
        for n in 0..5 {
            sensor.see(login(100 + n, "stranger", Outcome::Failure));
        }
        sensor.see(login(200, "stranger", Outcome::Unknown));
        sensor.silent();
        sensor.see_with(login(200, "stranger", Outcome::Unknown), |event| {
            let at = Moment { at: time(205), flow: FlowId(99), ordinal: 0 };
            let factors = Factors(Factors::PASSWORD);
            event.concluded = Some(Box::new(Conclusion { at, outcome: Outcome::Success, late: true, factors }));
        });
        assert_eq!(sensor.only().severity, Severity::Critical);
    }

    #[test]
    fn whoever_is_accepted_out_of_an_attack_is_told_of_his_own() {
        let mut sensor = Harness::of_family("auth.");
        let attempt = |n: u64, outcome| {
            let login = event().at(1_000 + n).from("203.0.113.9").post("a.example/login");
            login.login(&format!("user{n}"), outcome).secret_form(spyhop_model::SecretForm::Hashed)
        };
        for n in 0..60 {
            sensor.see(attempt(n, if n == 40 { Outcome::Success } else { Outcome::Failure }));
        }
        let of: Vec<Finding> = sensor
            .findings()
            .into_iter()
            .filter(|finding| finding.status == Status::Open && finding.rule.kind == SuccessAfterFailures::RULE.kind)
            .collect();
        assert_eq!(of.iter().map(|finding| finding.primary.to_string()).collect::<Vec<_>>(), ["user40"]);
        assert_eq!(of[0].severity, Severity::Critical);
    }

    #[test]
    fn the_last_devices_are_remembered() {
        let mut known = [0; KNOWN];
        for name in [1, 2, 3, 2, 4, 5, 3] {
            remember(&mut known, name);
        }
        assert_eq!(known, [3, 5, 4, 2]);
    }
}
