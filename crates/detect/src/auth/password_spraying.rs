//! auth.password_spraying

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Rule, Said, Severity, Span, Text, settings};

use crate::counts::{Attempt, Attempts};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::logins::{
    Attack, attempt, crowding, is_all_of, network, other_source, prefix, short_ip, sources, told, whereabouts,
    with_password,
};
use crate::window::Rate;
use crate::wording;

settings! {
    /// A few passwords tried across many accounts.
    pub struct PasswordSpraying {
        /// Different accounts failing from one address, device or network within `window`.
        accounts: u64 = 10,
        /// Attempts count together within this.
        window: Span = Span::minutes(30),
        /// Different accounts failing within `slow_window`: a patient attacker.
        slow_accounts: u64 = 20,
        /// Attempts of a patient attacker count together within this.
        slow_window: Span = Span::hours(2),
        /// Different accounts failing with one password on one endpoint, from wherever.
        endpoint_accounts: u64 = 20,
        /// Of 100 attempts at most so many have passwords of their own.
        different_passwords_percent: u64 = 20,
        /// Attempts for each account at most.
        attempts_an_account: u64 = 3,
        /// An incident is over after this long without a supporting attempt.
        quiet: Span = Span::minutes(30),
    }
}

/// Refused attempts of a source or on an endpoint, and how many were accepted.
#[derive(Default, Serialize, Deserialize)]
pub struct Sprayed {
    fast: Attempts,
    slow: Attempts,
    accepted: Rate,
}

/// Attempts kept of an endpoint, and accepted ones of a source.
const KEPT: usize = 1_024;
const ACCEPTED: usize = 128;

impl Detector for PasswordSpraying {
    const RULE: &'static Rule = &Rule {
        kind: "auth.password_spraying",
        class: Class::Incident,
        severity: Severity::High,
        title: Text { en: "password spraying", zh: "密码喷洒攻击" },
        about: Text {
            en: "A few common passwords are tried across many accounts, each account only once or twice so that none is locked: from one \
                 address, device or network, or from anywhere with one password. Where passwords cannot be compared, only many accounts \
                 of which nearly all fail count. People behind a shared gateway who mistype fail with passwords of their own.",
            zh: "以少数常见密码逐个尝试大量账号，每个账号仅一两次以避免锁定：来自同一地址、设备或网段，或以同一密码从各处尝试。密码不可比较时，\
                 仅当大量账号几乎全部失败才计入。共享出口后输错密码的人所用密码各不相同，不在此列。",
        },
        advice: Text {
            en: "Block the sources, find accounts that use the sprayed passwords and have them changed, and require a second factor.",
            zh: "封禁来源，排查使用被喷洒密码的账号并要求修改，启用第二因素认证。",
        },
        clause: "撞库",
    };
    const VIEWS: Views = Views::LOGINS.and(Views::CONCLUSIONS);
    type State = Sprayed;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let Some((_, refused)) = told(event) else { return };
        out.extend(sources(event));
        // Those accepted say nothing of networks and endpoints.
        if refused {
            out.push(network(event));
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, sprayed: &mut Sprayed, out: &mut Verdicts) {
        let of_network = matches!(of.entity, Entity::ClientIp(_)) && of.scope.is_some();
        let source = if of_network { short_ip(event.client.ip) } else { other_source(event, &of.entity) };
        let Some(attempt) = attempt(event, source, cx.now) else { return };
        let refused = attempt.traits & Attempt::REFUSED != 0;
        // Whoever gets in without ever having failed is not remembered.
        if !refused && sprayed.slow.is_empty() {
            return;
        }
        let at_endpoint = matches!(of.entity, Entity::Endpoint(_));
        if at_endpoint && attempt.traits & Attempt::MISSING != 0 {
            return;
        }
        let on = match event.call.login.as_ref().and_then(|login| login.secret) {
            Some(secret) if at_endpoint => with_password(event, secret),
            None if at_endpoint => return,
            _ => of.clone(),
        };
        let is_open = cx.findings.is_open(Self::RULE.kind, &on, None);
        if Attack::Spraying.is_explained(cx.findings, event)
            || !is_open && Attack::Spraying.takes_in(cx.findings, event)
        {
            sprayed.fast.forget(source);
            sprayed.slow.forget(source);
            return;
        }
        if !refused {
            sprayed.accepted.add(cx.now, self.window, ACCEPTED);
            if is_open {
                out.hit_of(on, accepted(event));
            }
            return;
        }
        let crowding = crowding(event, &of.entity);
        let (limit, slow_limit) = match at_endpoint {
            true => (self.endpoint_accounts, self.endpoint_accounts.saturating_mul(2)),
            false => (self.accounts * crowding, self.slow_accounts * crowding),
        };
        let cap = |limit| if at_endpoint { KEPT } else { Attempts::cap(limit) };
        sprayed.fast.add(attempt, self.window, cap(limit));
        sprayed.slow.add(attempt, self.slow_window, cap(slow_limit));
        // Once it is told, half suffices to go on: an attack that slows down is still the same.
        let half = |limit: u64| if is_open { limit.div_ceil(2) } else { limit };
        let mostly_refused = sprayed.accepted.within(cx.now, self.window) * 4 <= sprayed.fast.len();
        let found = [(&sprayed.fast, limit), (&sprayed.slow, slow_limit)].map(|(attempts, limit)| {
            let limit = half(limit);
            if at_endpoint {
                let is_often = attempts.times_with(attempt.secret) >= limit;
                let accounts = if is_often { attempts.accounts_with(attempt.secret) } else { 0 };
                return (accounts >= limit).then_some((accounts, attempts.times_with(attempt.secret), false));
            }
            let (accounts, all, passwords) = (attempts.accounts(), attempts.len(), attempts.passwords());
            let unseen = passwords.are_unseen();
            let fits = accounts >= limit
                && all <= accounts * self.attempts_an_account
                && (passwords.are_few(self.different_passwords_percent) || unseen && mostly_refused && !of_network)
                // Names that do not exist are being looked for, not passwords.
                && attempts.missing() * 2 <= all;
            fits.then_some((accounts, all, unseen))
        });
        let [fast, slow] = found;
        let Some((_, _, unseen)) = fast.or(slow) else { return };
        let mut evidence = Evidence::new().sample(whereabouts(event)).sum("tried", 1);
        for (found, accounts, attempts) in
            [(fast, "accounts", "attempts"), (slow, "accounts_slowly", "attempts_slowly")]
        {
            if let Some((of, all, _)) = found {
                evidence = evidence.most(accounts, of).most(attempts, all);
            }
        }
        if unseen {
            evidence = evidence.confidence(70).reason("passwords_unseen");
        }
        if fast.is_none() {
            evidence = evidence.reason("slow");
        }
        evidence = match &on.entity {
            Entity::ClientIp(_) => evidence.respond("block_address", Entity::ClientIp(event.client.ip)),
            other => evidence.respond("limit_rate", other.clone()),
        };
        out.hit_of(on.clone(), evidence);
        if is_open {
            return;
        }
        let net = prefix(event.client.ip, 24, 64);
        let is_part = |cell: &CellKey, finding: &Finding| match &on.entity {
            Entity::Endpoint(endpoint) => {
                finding.rule.kind == Attack::Machine.kind()
                    && cell.scope.as_ref() == Some(endpoint)
                    && finding.first_seen >= cx.now - self.slow_window
            }
            _ if of_network => {
                let names = finding.involved.names("client_ip");
                let in_net = |name: &str| name.parse().is_ok_and(|ip: std::net::IpAddr| net.contains(&ip));
                !names.is_empty() && !finding.involved.has_more("client_ip") && names.iter().all(|name| in_net(name))
            }
            entity => is_all_of(finding, entity),
        };
        Attack::Spraying.fold(cx.findings, &on, is_part, out);
    }

    fn is_idle(&self, sprayed: &Sprayed) -> bool {
        sprayed.slow.is_empty()
    }

    fn heap(&self, sprayed: &Sprayed) -> usize {
        sprayed.fast.heap() + sprayed.slow.heap() + sprayed.accepted.heap()
    }

    fn memory(&self) -> Span {
        self.slow_window.max(self.window)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn check(&self) -> Result<(), String> {
        super::window("window", self.window)?;
        super::window("slow_window", self.slow_window)?;
        super::within("accounts", self.accounts, KEPT as u64)?;
        super::within("slow_accounts", self.slow_accounts, KEPT as u64)?;
        super::within("endpoint_accounts", self.endpoint_accounts, KEPT as u64 / 2)
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied();
        let slowly = (measure("accounts_slowly"), measure("attempts_slowly"), self.slow_window);
        let (accounts, attempts, window) = match measure("accounts") {
            Some(accounts) => (Some(accounts), measure("attempts"), self.window),
            None => slowly,
        };
        let (accounts, attempts) = (accounts.unwrap_or_default(), attempts.unwrap_or_default());
        let (at, place, when) = (wording::endpoints(finding), wording::whence(finding), wording::when(finding));
        let who = wording::accounts(&finding.involved);
        let unseen = finding.reasons.iter().any(|reason| &**reason == "passwords_unseen");
        let what = match unseen {
            true => Text { en: "Passwords (not comparable here)", zh: "密码（无法比较）" },
            false => Text { en: "A few passwords", zh: "少数几个密码" },
        };
        let ended = match measure("accepted") {
            None => Said { en: "none was accepted".into(), zh: "无一成功".into() },
            Some(n) => Said { en: format!("{n} were ACCEPTED"), zh: format!("其中 {n} 次登录成功") },
        };
        let (from_en, from_zh) = match &finding.primary {
            Entity::Endpoint(_) => (String::from("from many places"), String::from("各处来源")),
            Entity::ClientIp(ip) if finding.involved.names("client_ip").len() > 1 => {
                (format!("from the network around {ip}"), format!("{ip} 所在网段"))
            }
            primary => {
                let role = wording::role(primary);
                (format!("{} {primary}", role.en), format!("{} {primary}", role.zh))
            }
        };
        Said {
            en: format!(
                "{} are tried across many accounts {from_en}{} at {at}: up to {accounts} accounts failed in {attempts} attempts within \
                 {window}; {}{}{}.",
                what.en, place.en, ended.en, who.en, when.en
            ),
            zh: format!(
                "{from_zh}{} 在 {at} 以{}逐个尝试大量账号：{window} 内 {attempts} 次尝试涉及 {accounts} 个账号；{}{}{}。",
                place.zh, what.zh, ended.zh, who.zh, when.zh
            ),
        }
    }
}

fn accepted(event: &Event) -> Evidence {
    let evidence = Evidence::new().severity(Severity::Critical).reason("accepted").sum("accepted", 1);
    match &event.account {
        Some(account) => evidence.respond("reset_password", Entity::Account(account.clone())),
        None => evidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{Outcome, Refusal, Status};
    use spyhop_testkit::{EventBuilder, event};

    fn attempt(second: u64, account: &str, password: &str) -> EventBuilder {
        let attempt = event().at(second).from("203.0.113.9").post("a.example/login");
        attempt.login(account, Outcome::Failure).secret(password)
    }

    #[test]
    fn one_password_on_ten_accounts_is_a_finding_of_the_address() {
        let mut sensor = Harness::of::<PasswordSpraying>();
        for n in 0..9 {
            sensor.see(attempt(n * 60, &format!("user{n}"), "Winter2026!"));
        }
        sensor.silent();
        sensor.see(attempt(600, "user9", "Winter2026!"));
        let finding = sensor.only();
        assert_eq!((finding.primary.to_string().as_str(), finding.measures["accounts"]), ("203.0.113.9", 10));
        assert!(finding.summary.en.starts_with("A few passwords are tried across many accounts from address"));
    }

    #[test]
    fn own_passwords_many_attempts_and_unknown_names_stay_silent() {
        let mut sensor = Harness::of::<PasswordSpraying>();
        for n in 0..30 {
            sensor.see(attempt(n * 10, &format!("user{n}"), &format!("own{n}")));
        }
        for n in 0..100 {
            sensor.see(
                attempt(10_000 + n * 10, &format!("user{}", n / 10), &format!("guess{}", n % 10)).from("203.0.114.9"),
            );
        }
        for n in 0..19 {
            sensor.see(
                attempt(20_000 + n * 10, &format!("user{n}"), "x").from("203.0.115.9").refusal(Refusal::NoSuchUser),
            );
        }
        // Forgotten three times, by four members of a family.
        for n in 0..12 {
            sensor.see(attempt(30_000 + n * 10, &format!("member{}", n % 4), "Family2020").from("203.0.116.9"));
        }
        sensor.silent();
    }

    #[test]
    fn where_passwords_are_unseen_an_office_that_mistypes_stays_silent() {
        let unseen = |sensor: &mut Harness, attempt: EventBuilder| {
            sensor.see_with(attempt, |event| {
                if let Some(login) = &mut event.call.login {
                    login.secret = None;
                }
            });
        };
        let mut sensor = Harness::of::<PasswordSpraying>();
        for n in 0..200 {
            let outcome = if n % 10 == 0 { Outcome::Failure } else { Outcome::Success };
            unseen(&mut sensor, attempt(n * 5, "", "").login(&format!("user{n}"), outcome));
        }
        sensor.silent();
        for n in 0..10 {
            unseen(&mut sensor, attempt(5_000 + n * 5, &format!("user{n}"), "").from("198.51.100.9"));
        }
        assert_eq!(&*sensor.only().reasons[0], "passwords_unseen");
    }

    #[test]
    fn a_patient_attacker_is_told_by_two_hours() {
        let mut sensor = Harness::of::<PasswordSpraying>();
        for n in 0..20 {
            sensor.see(attempt(n * 300, &format!("user{n}"), "Winter2026!"));
        }
        let finding = sensor.only();
        assert_eq!((&*finding.reasons[0], finding.measures["accounts_slowly"]), ("slow", 20));
    }

    #[test]
    fn neighbours_and_one_password_from_everywhere_are_one_finding_each() {
        let mut sensor = Harness::of::<PasswordSpraying>();
        for n in 0..12 {
            sensor.see(attempt(n * 20, &format!("user{n}"), "Winter2026!").from(&format!("203.0.113.{n}")));
        }
        assert_eq!(sensor.only().primary.to_string(), "203.0.113.0");
        let mut sensor = Harness::of::<PasswordSpraying>();
        for n in 0..40 {
            sensor.see(attempt(n * 20, &format!("user{n}"), "Winter2026!").from(&format!("203.0.{n}.9")));
        }
        assert_eq!(sensor.only().primary.role(), "endpoint");
    }

    #[test]
    fn a_spray_is_one_open_finding_among_all_kinds() {
        let mut sensor = Harness::of_family("auth.");
        for n in 0..300 {
            sensor.see_with(attempt(n * 2, &format!("user{n}"), "Winter2026!").device("bot"), |event| {
                if let Some(login) = &mut event.call.login {
                    login.secret_form = None;
                }
            });
        }
        let all = sensor.findings();
        let open: Vec<_> = all.iter().filter(|f| f.status == Status::Open).map(|f| f.rule.kind).collect();
        assert_eq!(open, [PasswordSpraying::RULE.kind]);
        assert!(all.iter().all(|f| f.status == Status::Open || f.parent.is_some()));
    }

    #[test]
    fn it_closes_forgets_and_survives_a_restart() {
        let mut sensor = Harness::of::<PasswordSpraying>();
        for n in 0..9 {
            sensor.see(attempt(n, &format!("user{n}"), "Winter2026!"));
        }
        let mut sensor = sensor.restarted::<PasswordSpraying>();
        sensor.see(attempt(10, "user9", "Winter2026!"));
        sensor.see(attempt(11, "carol", "Winter2026!").login("carol", Outcome::Success));
        assert_eq!((sensor.only().status, sensor.only().severity), (Status::Open, Severity::Critical));
        sensor.advance(11 + 30 * 60);
        assert_eq!(sensor.only().status, Status::Closed);
        sensor.see(attempt(9_000, "user1", "Winter2026!"));
        assert_eq!(sensor.only().status, Status::Closed);
    }
}
