//! access.dormant_account

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Event, Finding, Grade, Rule, Said, Severity, Span, Text, Timestamp, settings};

use crate::baseline;
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};

settings! {
    /// An account long unused comes back to life.
    pub struct DormantAccount {
        /// Days without any use after which an account sleeps.
        silent_days: u64 = 60,
        /// Days of use before that, without which it was never awake.
        active_days: u16 = 5,
        /// Minutes east of UTC of the days.
        utc_offset: i32 = 480,
        /// An incident is over after this long without anything new about it.
        quiet: Span = Span::days(1),
    }
}

/// Software of an account that is remembered.
const SOFTWARE: usize = 4;
/// What an account does within a day of its return belongs to it.
const RETURN: Span = Span::days(1);

/// When an account was in use.
#[derive(Default, Serialize, Deserialize)]
pub struct Life {
    last: Timestamp,
    day: u32,
    days: u16,
    returned: Option<Timestamp>,
    slept: u16,
    software: [u32; SOFTWARE],
}

impl Detector for DormantAccount {
    const RULE: &'static Rule = &Rule {
        kind: "access.dormant_account",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "dormant account in use again", zh: "休眠账号重新启用" },
        about: Text {
            en: "An account that used to be in use, and was not for months, was let in or made calls again. Long leave, and jobs that run \
                 once a quarter, look alike.",
            zh: "曾经使用、其后数月未使用的账号重新登录或发起调用。长假归来的人员、按季度运行的任务可能类似。",
        },
        advice: Text {
            en: "Ask the owner; lock accounts whose owners have left, and those unused for long.",
            zh: "向本人核实；锁定离职人员账号和长期不用的账号。",
        },
        clause: "账号异常",
    };
    const VIEWS: Views = Views::CALLS.and(Views::CONCLUSIONS);
    type State = Life;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let call = baseline::caller(event).filter(|_| event.call.succeeded() && !event.call.refused);
        out.extend(call.or_else(|| baseline::accepted(event)));
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, life: &mut Life, out: &mut Verdicts) {
        let slept = cx.now.since(life.last);
        let returned = slept >= Span::days(self.silent_days) && life.days >= self.active_days;
        life.last = cx.now;
        if returned {
            life.returned = Some(cx.now);
            life.slept = u16::try_from(slept.0 / Span::days(1).0).unwrap_or(u16::MAX);
        }
        let lately = life.returned.is_some_and(|at| cx.now.since(at) < RETURN);
        if !lately {
            life.returned = None;
        }
        let takes = lately && event.call.observations.iter().any(|seen| seen.is_reported() && seen.grade >= Grade::L4);
        if returned || takes {
            let mut evidence = Evidence::new()
                .most("silent_days", u64::from(life.slept))
                .sample(baseline::whence(event.client.ip, event.client.country))
                .respond("lock_account", of.entity.clone());
            if returned {
                evidence = evidence.most("active_days", u64::from(life.days));
            }
            let software = fold(event);
            if takes {
                evidence = evidence.severity(Severity::High).reason("sensitive_data");
            }
            if returned && software != 0 && !life.software.contains(&software) {
                evidence = evidence.severity(Severity::High).reason("new_software");
            }
            out.hit(evidence);
        }
        let today = baseline::day(cx.now, self.utc_offset);
        if life.day != today || returned {
            (life.day, life.days) = (today, life.days.saturating_add(1));
            let software = fold(event);
            if software != 0 && !life.software.contains(&software) {
                life.software.rotate_right(1);
                life.software[0] = software;
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.silent_days >= 400 {
            return Err(format!(
                "silent_days: accounts are remembered for 400 days; {} are never reached",
                self.silent_days
            ));
        }
        baseline::check_offset(self.utc_offset)
    }

    fn is_idle(&self, life: &Life) -> bool {
        life.days == 0
    }

    fn memory(&self) -> Span {
        Span::days(400)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (silent, active) = (measure("silent_days"), measure("active_days"));
        let from = finding.samples.first().map_or("", |sample| sample);
        let at = finding.involved.names("endpoint").first().map_or("", |name| name);
        let has = |reason| finding.reasons.iter().any(|known| &**known == reason);
        let (new_en, new_zh) =
            if has("new_software") { (" with software new to it", "，所用软件此前未出现") } else { ("", "") };
        let (data_en, data_zh) = if has("sensitive_data") {
            (", and obtained sensitive data since", "，并已获取敏感数据")
        } else {
            ("", "")
        };
        Said {
            en: format!(
                "Account {} is in use again after {silent} days of silence, from {from} at {at}{new_en}{data_en}; before, it was in use \
                 on {active} days.",
                finding.primary
            ),
            zh: format!(
                "账号 {} 沉寂 {silent} 天后重新启用（{from}，{at}）{new_zh}{data_zh}；此前有 {active} 天使用记录。",
                finding.primary
            ),
        }
    }
}

/// The software in four bytes: among four of one account they do not clash.
fn fold(event: &Event) -> u32 {
    baseline::software(event).map_or(0, |software| (software ^ software >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::scene::{DAY, Seat, call, login};
    use crate::harness::Harness;
    use spyhop_model::Outcome;
    use spyhop_testkit::types;

    fn seat() -> Seat {
        Seat::at("203.0.113.7")
    }
    /// In use on so many days.
    fn used(days: u64) -> Harness {
        let mut sensor = Harness::of::<DormantAccount>();
        for day in 0..days {
            sensor.see_with(call(day * DAY, "alice"), |event| seat().sit(event));
            sensor.see_with(call(day * DAY + 60, "alice"), |event| seat().sit(event));
        }
        sensor
    }

    #[test]
    fn sixty_days_later_it_is_one_incident_and_what_it_takes_belongs_to_it() {
        let mut sensor = used(5).restarted::<DormantAccount>();
        sensor.see_with(login(64 * DAY + 60, "alice"), |event| seat().software(9).sit(event));
        sensor.see_with(call(64 * DAY + 70, "alice"), |event| seat().software(9).sit(event));
        sensor.see_with(call(64 * DAY + 80, "alice").returns(&types::BANK_CARD, 3), |event| seat().sit(event));
        let finding = sensor.only();
        assert_eq!((finding.count, finding.severity), (2, Severity::High));
        assert_eq!(
            finding.summary.en,
            "Account alice is in use again after 60 days of silence, from 203.0.113.7 (CN) at POST a.example/login with software new to \
             it, and obtained sensitive data since; before, it was in use on 5 days."
        );
    }

    #[test]
    fn fifty_nine_days_four_days_of_use_and_refused_logins_stay_silent() {
        let mut sensor = used(5);
        sensor.see_with(call(63 * DAY, "alice"), |event| seat().sit(event));
        sensor.silent();
        let mut sensor = used(4);
        sensor.see_with(call(100 * DAY, "alice"), |event| seat().sit(event));
        sensor.silent();
        let mut sensor = used(5);
        sensor.see_with(login(100 * DAY, "alice").login("alice", Outcome::Failure), |event| seat().sit(event));
        sensor.silent();
    }

    #[test]
    fn after_more_than_a_year_it_is_a_new_account_and_costs_little() {
        let mut sensor = used(5);
        assert!(sensor.held().1 < 1_024, "{:?}", sensor.held());
        sensor.see_with(call(500 * DAY, "alice"), |event| seat().sit(event));
        sensor.silent();
    }
}
