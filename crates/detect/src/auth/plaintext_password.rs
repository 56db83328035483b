//! auth.plaintext_password

use spyhop_model::{
    Class, Entity, Event, Finding, Outcome, Rule, Said, SecretForm, Severity, Text, Transport, settings,
};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::wording::counted;

settings! {
    /// A readable password crossed the wire in cleartext.
    pub struct PlaintextPassword {}
}

impl Detector for PlaintextPassword {
    const RULE: &'static Rule = &Rule {
        kind: "auth.plaintext_password",
        class: Class::Weakness,
        severity: Severity::High,
        title: Text { en: "password sent in cleartext", zh: "密码明文传输" },
        about: Text {
            en: "A login at this endpoint carries the password readable (plain, or merely base64) over a connection without TLS, \
                 so everyone on the path can take it. Passwords hashed or encrypted by the client are not reported here.",
            zh: "该接口的登录请求以可读形式（明文或仅 base64）携带密码，且连接未使用 TLS，链路上的任何人都可获取。\
                 客户端已哈希或加密的密码不在此列。",
        },
        advice: Text {
            en: "Serve the login over HTTPS only, redirect HTTP, set HSTS; have the listed accounts change their passwords.",
            zh: "登录接口仅通过 HTTPS 提供，HTTP 请求重定向并启用 HSTS；通知所列账号修改密码。",
        },
        clause: "密码明文传输",
    };
    const VIEWS: Views = Views::LOGINS;
    type State = ();

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.call.login.as_ref().is_some_and(|login| login.secret_form.is_some()) {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, _cx: &Context<'_>, _state: &mut (), out: &mut Verdicts) {
        let Some(login) = &event.call.login else { return };
        if event.call.transport != Transport::Cleartext || login.secret_form != Some(SecretForm::Plain) {
            return out.mended();
        }
        let mut evidence = Evidence::new()
            .confidence(login.confidence)
            .sum("logins", 1)
            .sum("accepted", u64::from(login.outcome == Outcome::Success))
            .respond("fix_endpoint", of.entity.clone());
        if let Some(account) = &event.account {
            evidence = evidence.respond("reset_password", Entity::Account(account.clone()));
        }
        out.hit(evidence);
    }

    fn summary(&self, finding: &Finding) -> Said {
        let logins = finding.count;
        let who = crate::wording::accounts(&finding.involved);
        Said {
            en: format!(
                "{} at {} sent the password readable over plain HTTP{}.",
                counted(logins, "login"),
                finding.primary,
                who.en
            ),
            zh: format!("{} 有 {logins} 次登录通过明文 HTTP 传输可读密码{}。", finding.primary, who.zh),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_testkit::event;

    #[test]
    fn fires_on_a_readable_password_over_http_and_names_the_account() {
        let mut sensor = Harness::of::<PlaintextPassword>();
        sensor.see(event().post("shop.example/login").login("alice", Outcome::Success));
        sensor.see(event().post("shop.example/login").login("bob", Outcome::Failure));
        let finding = sensor.only();
        assert_eq!(finding.primary.to_string(), "POST shop.example/login");
        assert_eq!(finding.count, 2);
        assert_eq!(finding.involved.names("account").len(), 2);
    }

    #[test]
    fn stays_silent_on_hashed_passwords_and_behind_a_terminator() {
        let mut sensor = Harness::of::<PlaintextPassword>();
        sensor.see(event().post("a.example/login").login("alice", Outcome::Success).secret_form(SecretForm::Hashed));
        sensor.see(
            event().post("a.example/login").login("alice", Outcome::Success).transport(Transport::BehindTerminator),
        );
        sensor.see(event().get("a.example/"));
        sensor.silent();
    }

    #[test]
    fn closes_after_fifty_clean_logins_and_reopens() {
        let mut sensor = Harness::of::<PlaintextPassword>();
        let login = || event().post("a.example/login").login("alice", Outcome::Success);
        sensor.see(login());
        for _ in 0..49 {
            sensor.see(login().transport(Transport::BehindTerminator));
        }
        assert_eq!(sensor.only().status, spyhop_model::Status::Open);
        sensor.see(login().transport(Transport::BehindTerminator));
        assert_eq!(sensor.only().status, spyhop_model::Status::Closed);
        sensor.see(login());
        assert_eq!(sensor.only().change, spyhop_model::Change::Reopened);
    }
}
