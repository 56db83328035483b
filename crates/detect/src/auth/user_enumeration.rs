//! auth.user_enumeration

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Class, Entity, Event, Finding, Login, Outcome, Purpose, Refusal, Rule, Said, Severity, Span, Text, settings,
};

use crate::counts::{Attempt, Attempts};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::logins::{Attack, crowding, is_all_of, other_source, short, sources, whereabouts};
use crate::wording;

settings! {
    /// One source learns which accounts exist, from answers that differ.
    pub struct UserEnumeration {
        /// Different names asked for by one address or device within `window`.
        names: u64 = 20,
        /// Questions count together within this.
        window: Span = Span::minutes(30),
        /// Of 100 names so many do not exist at least: people know their own.
        unknown_percent: u64 = 20,
        /// An incident is over after this long without a supporting question.
        quiet: Span = Span::minutes(15),
    }
}

/// Names that were asked for lately.
#[derive(Default, Serialize, Deserialize)]
pub struct Asked {
    names: Attempts,
}

impl Detector for UserEnumeration {
    const RULE: &'static Rule = &Rule {
        kind: "auth.user_enumeration",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "which accounts exist is being found out", zh: "账号枚举" },
        about: Text {
            en: "One source tries many account names where the answer tells whether a name exists: a login that distinguishes an unknown \
                 user from a wrong password, a registration, a password reset, a lookup. Many people behind one gateway who log in know \
                 their own names: few of theirs are unknown.",
            zh: "同一来源在答复会泄露账号是否存在之处尝试大量账号名：登录提示区分“用户不存在”与“密码错误”、注册、找回密码、账号查询等。\
                 共享出口后的多人登录知道自己的账号，不存在的很少。",
        },
        advice: Text {
            en: "Give the same answer for unknown accounts and wrong passwords, require a captcha on these endpoints, and block the source.",
            zh: "对不存在的账号与错误密码返回相同提示，在这些接口启用验证码，封禁来源。",
        },
        clause: "撞库、接口探测",
    };
    type State = Asked;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if asks(event).is_some() {
            out.extend(sources(event));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, asked: &mut Asked, out: &mut Verdicts) {
        let Some((login, is_unknown)) = asks(event) else { return };
        let Some(account) = &login.account else { return };
        if !is_unknown && asked.names.is_empty() {
            return;
        }
        let source = other_source(event, &of.entity);
        let is_open = cx.findings.is_open(Self::RULE.kind, of, None);
        if Attack::Enumeration.is_explained(cx.findings, event)
            || !is_open && Attack::Enumeration.takes_in(cx.findings, event)
        {
            return asked.names.forget(source);
        }
        let traits = if is_unknown { Attempt::REFUSED | Attempt::MISSING } else { 0 };
        let attempt = Attempt { at: cx.now, account: short(account.fingerprint), secret: 0, source, traits };
        let limit = self.names * crowding(event, &of.entity);
        let names = &mut asked.names;
        names.add(attempt, self.window, Attempts::cap(limit));
        let limit = if is_open { limit.div_ceil(2) } else { limit };
        if names.accounts() < limit || names.missing() * 100 < names.len() * self.unknown_percent {
            return;
        }
        let evidence = Evidence::new()
            .sample(whereabouts(event))
            .sum("asked", 1)
            .most("names", names.accounts())
            .most("unknown", names.missing())
            .reason(match login.purpose {
                Purpose::Registration => "registration",
                Purpose::PasswordChange => "password_reset",
                Purpose::AccountLookup => "lookup",
                _ => "login",
            })
            .respond("fix_endpoint", Entity::Endpoint(event.endpoint.clone()))
            .respond("limit_rate", of.entity.clone());
        out.hit(evidence);
        if !is_open {
            Attack::Enumeration.fold(cx.findings, of, |_, finding| is_all_of(finding, &of.entity), out);
        }
    }

    fn is_idle(&self, asked: &Asked) -> bool {
        asked.names.missing() == 0
    }

    fn heap(&self, asked: &Asked) -> usize {
        asked.names.heap()
    }

    fn memory(&self) -> Span {
        self.window
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn check(&self) -> Result<(), String> {
        super::window("window", self.window)?;
        super::within("names", self.names, Attempts::MOST as u64 / 4)
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or_default();
        let (names, unknown, window) = (measure("names"), measure("unknown"), self.window);
        let (at, place, when) = (wording::endpoints(finding), wording::whence(finding), wording::when(finding));
        let (role, primary) = (wording::role(&finding.primary), &finding.primary);
        let by = if matches!(primary, Entity::Device(_)) { "Device" } else { "Address" };
        Said {
            en: format!(
                "{by} {primary}{} finds out which accounts exist at {at}: it asked for up to {names} names within {window}, in {unknown} \
                 attempts for one that does not exist, and the answers tell{}.",
                place.en, when.en
            ),
            zh: format!(
                "{} {primary}{} 在 {at} 枚举账号：{window} 内最多尝试 {names} 个账号名，其中 {unknown} 次账号不存在，而答复透露了这一点{}。",
                role.zh, place.zh, when.zh
            ),
        }
    }
}

/// A request whose answer tells whether an account exists, and whether it says that it does not.
fn asks(event: &Event) -> Option<(&Login, bool)> {
    let login = event.call.login.as_deref().filter(|_| event.concluded.is_none() && !event.repeated_login)?;
    let is_refused = login.outcome == Outcome::Failure;
    if matches!(login.refusal, Some(Refusal::ServerError | Refusal::Malformed | Refusal::CaptchaWrong)) {
        return None;
    }
    let is_unknown = login.refusal == Some(Refusal::NoSuchUser);
    match login.purpose {
        // Whoever logs in shows up too, so that an office in which all know their names does not count.
        Purpose::Login if is_unknown || login.refusal == Some(Refusal::BadPassword) || !is_refused => {
            Some((login, is_unknown))
        }
        Purpose::Login if event.habits.as_ref().is_some_and(|habits| habits.tells_existence) => Some((login, false)),
        // A name that is taken, or has no account to reset: what is accepted is somebody's own business.
        Purpose::Registration | Purpose::PasswordChange if is_refused => Some((login, true)),
        Purpose::AccountLookup => Some((login, is_refused)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::Status;
    use spyhop_testkit::{EventBuilder, event};

    fn attempt(second: u64, name: &str, refusal: Refusal) -> EventBuilder {
        let attempt = event().at(second).from("203.0.113.9").post("a.example/login");
        attempt.login(name, Outcome::Failure).secret("x").refusal(refusal)
    }

    #[test]
    fn twenty_names_of_which_some_are_unknown_are_a_finding() {
        let mut sensor = Harness::of::<UserEnumeration>();
        let refusal = |n| if n % 4 == 3 { Refusal::BadPassword } else { Refusal::NoSuchUser };
        for n in 0..19 {
            sensor.see(attempt(n * 60, &format!("user{n}"), refusal(n)));
        }
        sensor.silent();
        let mut sensor = sensor.restarted::<UserEnumeration>();
        sensor.see(attempt(19 * 60, "user19", Refusal::NoSuchUser));
        let finding = sensor.only();
        assert!(finding.measures["names"] >= 19, "{:?}", finding.measures);
        assert!(finding.summary.en.contains("finds out which accounts exist"), "{}", finding.summary.en);
        sensor.advance(19 * 60 + 15 * 60);
        assert_eq!(sensor.only().status, Status::Closed);
        sensor.see(attempt(9_000, "user1", Refusal::NoSuchUser));
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn an_office_that_mistypes_one_name_again_and_again_and_plain_refusals_stay_silent() {
        let mut sensor = Harness::of::<UserEnumeration>();
        for n in 0..200 {
            let login = attempt(n * 5, &format!("user{n}"), Refusal::NoSuchUser).from("198.51.100.7");
            sensor.see(if n % 10 == 0 {
                login
            } else {
                event()
                    .at(n * 5)
                    .from("198.51.100.7")
                    .post("a.example/login")
                    .login(&format!("user{n}"), Outcome::Success)
            });
        }
        for n in 0..50 {
            sensor.see(attempt(2_000 + n, "alcie", Refusal::NoSuchUser));
        }
        for n in 0..50 {
            sensor.see(attempt(5_000 + n, &format!("user{n}"), Refusal::BadCredentials).from("203.0.114.9"));
        }
        sensor.silent();
    }

    #[test]
    fn registrations_and_lookups_tell_too() {
        for purpose in [Purpose::Registration, Purpose::AccountLookup, Purpose::PasswordChange] {
            let mut sensor = Harness::of::<UserEnumeration>();
            for n in 0..20 {
                let asked = event().at(n).from("203.0.113.9").post("a.example/exists");
                sensor.see(asked.login(&format!("user{n}"), Outcome::Failure).purpose(purpose));
            }
            assert_eq!(sensor.only().primary.role(), "client_ip", "{purpose:?}");
        }
    }

    #[test]
    fn names_that_are_looked_for_with_one_password_are_enumeration_and_no_spray() {
        let mut sensor = Harness::of_family("auth.");
        for n in 0..60 {
            sensor.see_with(attempt(n * 3, &format!("user{n}"), Refusal::NoSuchUser).device("bot"), |event| {
                if let Some(login) = &mut event.call.login {
                    login.secret_form = None;
                }
            });
        }
        let all = sensor.findings();
        let open: Vec<_> = all.iter().filter(|f| f.status == Status::Open).map(|f| f.rule.kind).collect();
        assert_eq!(open, [UserEnumeration::RULE.kind]);
    }
}
