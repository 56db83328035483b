//! auth.single_factor

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Class, Entity, Event, Factors, Finding, Fingerprint, Outcome, Purpose, Rule, Said, Severity, Span, Text, Zone,
    settings,
};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};

settings! {
    /// A login endpoint lets people in for a password alone.
    pub struct SingleFactor {
        /// Accepted logins by password before an endpoint is judged.
        logins: u32 = 20,
        /// Different accounts among them.
        accounts: usize = 3,
        /// Percent of logins with a second factor from which the endpoint counts as having one.
        share: u32 = 5,
        /// How long an endpoint without logins is remembered.
        memory: Span = Span::days(30),
    }
}

/// Accounts told apart, at most.
const ACCOUNTS: usize = 16;
/// When so many logins are counted, both counts are halved: the last ones decide.
const RECENT: u32 = 400;

/// Accepted logins at one endpoint.
#[derive(Default, Serialize, Deserialize)]
pub struct Logins {
    all: u32,
    with_second: u32,
    accounts: Vec<Fingerprint>,
}

impl Detector for SingleFactor {
    const RULE: &'static Rule = &Rule {
        kind: "auth.single_factor",
        class: Class::Weakness,
        severity: Severity::Medium,
        title: Text { en: "login by password alone", zh: "单因素认证" },
        about: Text {
            en: "This endpoint hands out sessions for a password alone: neither the login nor the steps after it show a one-time code, \
                 a key, a certificate or a face. A captcha is no factor. A second factor asked for only on new devices looks alike.",
            zh: "该登录接口仅凭密码即发放会话：登录请求及后续步骤中均未出现一次性验证码、密钥、证书或生物特征。\
                 图形验证码不算认证因素。仅对新设备要求二次认证的系统可能类似。",
        },
        advice: Text {
            en: "Ask for a second factor, first for privileged accounts and from the internet.",
            zh: "启用双因素认证，优先覆盖特权账号和互联网访问。",
        },
        clause: "单因素认证",
    };
    const VIEWS: Views = Views::CONCLUSIONS;
    type State = Logins;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let accepted = event.concluded.as_ref().is_some_and(|concluded| concluded.outcome == Outcome::Success);
        let is_login = event.call.login.as_ref().is_some_and(|login| login.purpose == Purpose::Login);
        if accepted && is_login {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, logins: &mut Logins, out: &mut Verdicts) {
        let (Some(concluded), Some(login)) = (&event.concluded, &event.call.login) else { return };
        let second = concluded.factors.has_second();
        if !second && !concluded.factors.has(Factors::PASSWORD) {
            return;
        }
        logins.all += 1;
        logins.with_second += u32::from(second);
        if let Some(account) = login.account.as_ref().map(|account| account.fingerprint)
            && logins.accounts.len() < ACCOUNTS
            && !logins.accounts.contains(&account)
        {
            logins.accounts.push(account);
        }
        if logins.all > RECENT {
            logins.all /= 2;
            logins.with_second /= 2;
        }
        let judged = logins.all >= self.logins && logins.accounts.len() >= self.accounts;
        if second {
            out.mended();
        } else if judged && logins.with_second * 100 < self.share * logins.all {
            let outside = event.client.zone != Zone::Inside;
            let evidence = Evidence::new()
                .severity(if outside { Severity::High } else { Severity::Medium })
                .reason(if outside { "from_outside" } else { "password_alone" })
                .most("logins", u64::from(logins.all))
                .most("accounts", logins.accounts.len() as u64)
                .respond("fix_endpoint", of.entity.clone());
            out.hit(evidence);
        }
    }

    fn heap(&self, logins: &Logins) -> usize {
        logins.accounts.capacity() * size_of::<Fingerprint>()
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (logins, accounts) = (measure("logins"), measure("accounts"));
        Said {
            en: format!(
                "{} let people in for a password alone: {logins} logins of at least {accounts} accounts without a second factor.",
                finding.primary
            ),
            zh: format!("{} 仅凭密码即可登录：至少 {accounts} 个账号的 {logins} 次登录均无第二因素。", finding.primary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::Conclusion;
    use spyhop_testkit::event;

    fn logins(sensor: &mut Harness, count: u32, accounts: u32, factors: u16) {
        for n in 0..count {
            let login = event().post("a.example/login").login(&format!("user{}", n % accounts), Outcome::Success);
            sensor.see_with(login, |event| {
                let at = event.call.moment;
                event.concluded = Some(Box::new(Conclusion {
                    at,
                    outcome: Outcome::Success,
                    late: false,
                    factors: Factors(factors),
                }));
            });
        }
    }

    #[test]
    fn fires_once_for_an_endpoint_and_closes_when_codes_are_asked_for() {
        let mut sensor = Harness::of::<SingleFactor>();
        logins(&mut sensor, 25, 3, Factors::PASSWORD);
        assert_eq!((sensor.only().measures["logins"], sensor.only().count), (25, 6));
        logins(&mut sensor, 50, 3, Factors::PASSWORD | Factors::CODE);
        assert_eq!(sensor.only().status, spyhop_model::Status::Closed);
    }

    #[test]
    fn stays_silent_just_below_with_few_accounts_and_with_second_factors() {
        let mut sensor = Harness::of::<SingleFactor>();
        logins(&mut sensor, 19, 3, Factors::PASSWORD);
        sensor.silent();
        let mut sensor = Harness::of::<SingleFactor>();
        logins(&mut sensor, 100, 2, Factors::PASSWORD);
        sensor.silent();
        let mut sensor = Harness::of::<SingleFactor>();
        for _ in 0..10 {
            logins(&mut sensor, 8, 5, Factors::PASSWORD);
            logins(&mut sensor, 1, 5, Factors::PASSWORD | Factors::ASKED);
        }
        sensor.silent();
    }

    #[test]
    fn counts_outlive_a_restart() {
        let mut sensor = Harness::of::<SingleFactor>();
        logins(&mut sensor, 19, 3, Factors::PASSWORD);
        let mut sensor = sensor.restarted::<SingleFactor>();
        logins(&mut sensor, 1, 3, Factors::PASSWORD);
        assert_eq!(sensor.only().measures["logins"], 20);
    }
}
