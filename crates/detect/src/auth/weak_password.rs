//! auth.weak_password

use spyhop_model::{Class, Entity, Event, Finding, Outcome, Rule, Said, SecretForm, Severity, Text, settings};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};

settings! {
    /// An account logs in with a weak password.
    pub struct WeakPassword {}
}

impl Detector for WeakPassword {
    const RULE: &'static Rule = &Rule {
        kind: "auth.weak_password",
        class: Class::Weakness,
        severity: Severity::High,
        title: Text { en: "weak password in use", zh: "账号使用弱密码" },
        about: Text {
            en: "An account's readable password is common, short, a vendor's default, built from the user name, a keyboard walk, \
                 a date or another pattern that guessing tries first. It is judged in memory; neither it nor anything it could be \
                 recovered from leaves the sensor. Attempts that failed do not count: attackers guess weak passwords too.",
            zh: "账号的可读密码属于常见、过短、厂商默认、由用户名构成、键盘序列、日期或其他易猜模式。判断仅在内存中进行，\
                 密码及可还原密码的信息均不离开传感器。失败的尝试不计：攻击者也会猜弱密码。",
        },
        advice: Text {
            en: "Have the account change its password; refuse such passwords on the server; require a second factor.",
            zh: "要求该账号修改密码；服务端拒绝此类密码；启用第二因素认证。",
        },
        clause: "弱密码",
    };
    const VIEWS: Views = Views::LOGINS;
    type State = ();

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let judged = |login: &&spyhop_model::Login| login.secret_form == Some(SecretForm::Plain);
        if event.login_not_failed().filter(judged).is_some()
            && let Some(account) = &event.account
        {
            out.push(CellKey::within(Entity::Account(account.clone()), event.host()));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, _state: &mut (), out: &mut Verdicts) {
        let Some(login) = event.login_not_failed() else { return };
        let accepted = login.outcome == Outcome::Success;
        match login.weakness {
            None if accepted => out.mended(),
            None => {}
            Some(weakness) => out.hit(
                Evidence::new()
                    .severity(if accepted { Severity::High } else { Severity::Medium })
                    .confidence(if accepted { login.confidence } else { login.confidence.min(70) })
                    .reason(weakness.name())
                    .respond("reset_password", of.entity.clone()),
            ),
        }
    }

    fn summary(&self, finding: &Finding) -> Said {
        let at = finding.involved.names("endpoint").first().map_or("", |name| name);
        let reason = finding.reasons.first().map_or("", |reason| reason);
        let (en, zh) = wording(reason);
        Said {
            en: format!("Account {} logs in at {at} with a password that {en}.", finding.primary),
            zh: format!("账号 {} 在 {at} 登录所用的密码{zh}。", finding.primary),
        }
    }
}

fn wording(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "empty" => ("is empty", "为空"),
        "short" => ("has fewer than eight characters", "不足八个字符"),
        "common" => ("is in the lists of common passwords", "在常见密码列表中"),
        "default_credential" => ("is a vendor's default for that user", "是厂商默认密码"),
        "same_as_user" => ("is built from the user name", "由用户名构成"),
        "keyboard_walk" => ("is a walk over neighbouring keys", "是键盘相邻键序列"),
        "sequence" => ("is a sequence or repetition", "是连续或重复字符"),
        "date" => ("is a date", "是日期"),
        "pattern" => ("follows a pattern that guessing tries first", "符合易猜的固定模式"),
        _ => ("is guessed quickly", "可被快速猜出"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::Weakness;
    use spyhop_testkit::event;

    #[test]
    fn fires_on_a_weak_password_that_was_accepted_and_says_why() {
        let mut sensor = Harness::of::<WeakPassword>();
        sensor.see(event().post("a.example/login").login("alice", Outcome::Success).weakness(Weakness::Common));
        let finding = sensor.only();
        assert_eq!((finding.severity, &*finding.reasons[0]), (Severity::High, "common"));
        assert!(finding.summary.en.contains("alice"), "{}", finding.summary.en);
    }

    #[test]
    fn stays_silent_on_refused_attempts_and_on_strong_passwords() {
        let mut sensor = Harness::of::<WeakPassword>();
        sensor.see(event().post("a.example/login").login("alice", Outcome::Failure).weakness(Weakness::Common));
        sensor.see(event().post("a.example/login").login("alice", Outcome::Success));
        sensor.silent();
    }

    #[test]
    fn the_same_name_on_two_hosts_is_two_accounts() {
        let mut sensor = Harness::of::<WeakPassword>();
        for host in ["a.example/login", "b.example/login"] {
            sensor.see(event().post(host).login("admin", Outcome::Success).weakness(Weakness::DefaultCredential));
        }
        assert_eq!(sensor.findings().len(), 2);
    }

    #[test]
    fn an_unknown_outcome_is_a_lesser_finding() {
        let mut sensor = Harness::of::<WeakPassword>();
        sensor.see(event().post("a.example/login").login("alice", Outcome::Unknown).weakness(Weakness::Short));
        assert_eq!(sensor.only().severity, Severity::Medium);
    }
}
