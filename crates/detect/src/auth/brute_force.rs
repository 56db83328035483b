//! auth.brute_force

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Rule, Said, Severity, Span, Text, Timestamp, settings};

use crate::counts::{Attempt, Attempts, Passwords};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::logins::{Attack, account, attempt, is_all_of, short, short_ip, told, whereabouts};
use crate::window::Distinct;
use crate::wording;

settings! {
    /// Many different passwords tried on one account, from one source or many.
    pub struct BruteForce {
        /// Refused attempts within `window`.
        attempts: u64 = 10,
        /// Attempts count together within this.
        window: Span = Span::minutes(10),
        /// Refused attempts within `slow_window`: a patient attacker.
        slow_attempts: u64 = 30,
        /// Attempts of a patient attacker count together within this.
        slow_window: Span = Span::hours(1),
        /// Different passwords among them, where passwords can be compared.
        passwords: u64 = 5,
        /// Failures of one source that a success of the same source excuses: its owner had forgotten the password.
        excused: u64 = 5,
        /// Accounts that one address attacks, from which on the finding is the address's.
        accounts: u64 = 3,
        /// An incident is over after this long without a supporting attempt.
        quiet: Span = Span::minutes(15),
    }
}

/// Refused attempts for an account; of an address, the accounts it attacks.
#[derive(Default, Serialize, Deserialize)]
pub struct Guesses {
    attempts: Attempts,
    victims: Distinct<CellKey>,
}

/// Attempts and victims kept.
const KEPT: usize = 256;
const VICTIMS: usize = 16;

impl Detector for BruteForce {
    const RULE: &'static Rule = &Rule {
        kind: "auth.brute_force",
        class: Class::Incident,
        severity: Severity::High,
        title: Text { en: "passwords of an account are being guessed", zh: "暴力破解账号密码" },
        about: Text {
            en: "One account is refused again and again with different passwords, from one source or from many. A program that repeats one \
                 outdated password does not count, nor does a person who forgets the password a few times and then gets in.",
            zh: "同一账号以不同密码反复登录失败，来自一个或多个来源。重复提交同一个过期密码的程序不计，本人忘记密码数次后登录成功也不计。",
        },
        advice: Text {
            en: "Lock the account or require a second factor for it, block the sources, and limit attempts on the endpoint.",
            zh: "锁定该账号或要求第二因素，封禁来源，并在该接口限制尝试次数。",
        },
        clause: "暴力破解、连续认证失败",
    };
    const VIEWS: Views = Views::LOGINS.and(Views::CONCLUSIONS);
    type State = Guesses;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let Some((_, refused)) = told(event) else { return };
        let Some(account) = account(event) else { return };
        out.push(account);
        if refused {
            out.push(CellKey::of(Entity::ClientIp(event.client.ip)));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, guesses: &mut Guesses, out: &mut Verdicts) {
        if matches!(of.entity, Entity::ClientIp(_)) {
            return self.observe_address(event, of, cx, guesses, out);
        }
        // A device that moves is one source; what names none is its address.
        let device = event.device.filter(|_| event.call.device_id.is_some());
        let source = device.map_or_else(|| short_ip(event.client.ip), short);
        let Some(attempt) = attempt(event, source, cx.now) else { return };
        let attempts = &mut guesses.attempts;
        if attempt.traits & Attempt::REFUSED == 0 && attempts.is_empty() {
            return;
        }
        let is_open = cx.findings.is_open(Self::RULE.kind, of, None);
        if attempt.traits & Attempt::REFUSED == 0 {
            let own = attempts.from(source);
            if own > 0 && own <= self.excused && !is_open {
                attempts.forget(source);
            } else if own > 0 && is_open {
                out.hit(Evidence::new().severity(Severity::Critical).reason("accepted").sum("accepted", 1));
            }
            return;
        }
        let of_address = CellKey::of(Entity::ClientIp(event.client.ip));
        if Attack::BruteForce.is_explained(cx.findings, event)
            || !is_open && cx.findings.is_open(Self::RULE.kind, &of_address, None)
        {
            return attempts.forget(source);
        }
        attempts.add(attempt, self.slow_window.max(self.window), KEPT);
        // Once it is told, half suffices to go on: an attack that slows down is still the same.
        let half = |limit: u64| if is_open { limit.div_ceil(2) } else { limit };
        let (fast, slow) = (
            within(attempts, cx.now, self.window).count() as u64,
            within(attempts, cx.now, self.slow_window).count() as u64,
        );
        let is_fast = fast >= half(self.attempts) && self.differ(within(attempts, cx.now, self.window), is_open);
        let is_slow =
            slow >= half(self.slow_attempts) && self.differ(within(attempts, cx.now, self.slow_window), is_open);
        if !is_fast && !is_slow {
            return;
        }
        let mut evidence = Evidence::new()
            .sample(whereabouts(event))
            .sum("tried", 1)
            .most("sources", attempts.sources())
            .respond("lock_account", of.entity.clone());
        if is_fast {
            evidence = evidence.most("refused", fast);
        }
        if is_slow {
            evidence = evidence.most("refused_slowly", slow);
        }
        if !is_fast {
            evidence = evidence.reason("slow");
        }
        match attempts.passwords() {
            Passwords::Seen { distinct, .. } => evidence = evidence.most("passwords", distinct),
            Passwords::Unseen => evidence = evidence.confidence(75).reason("passwords_unseen"),
        }
        if attempts.sources() > 1 {
            evidence = evidence.reason("many_sources");
        } else {
            evidence = evidence.respond("block_address", Entity::ClientIp(event.client.ip));
        }
        out.hit(evidence);
        if !is_open {
            let is_part =
                |_: &CellKey, finding: &Finding| finding.rule.kind != Self::RULE.kind && is_all_of(finding, &of.entity);
            Attack::BruteForce.fold(cx.findings, of, is_part, out);
        }
    }

    fn is_idle(&self, guesses: &Guesses) -> bool {
        guesses.attempts.is_empty() && guesses.victims.iter().next().is_none()
    }

    fn heap(&self, guesses: &Guesses) -> usize {
        guesses.attempts.heap() + guesses.victims.heap(CellKey::heap)
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
        super::within("attempts", self.attempts, KEPT as u64)?;
        super::within("slow_attempts", self.slow_attempts, KEPT as u64)?;
        super::within("passwords", self.passwords, KEPT as u64)?;
        super::within("accounts", self.accounts, VICTIMS as u64)
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied();
        let (refused, window) = match measure("refused") {
            Some(refused) => (refused, self.window),
            None => (measure("refused_slowly").unwrap_or_default(), self.slow_window),
        };
        let (at, place, when) = (wording::endpoints(finding), wording::whence(finding), wording::when(finding));
        let ended = match measure("accepted") {
            None => Text { en: "none was accepted", zh: "无一成功" },
            Some(_) => Text { en: "then one was ACCEPTED", zh: "其后登录成功" },
        };
        if let Entity::ClientIp(ip) = finding.primary {
            let (accounts, who) = (measure("accounts").unwrap_or_default(), wording::accounts(&finding.involved));
            return Said {
                en: format!(
                    "Address {ip}{} guesses the passwords of at least {accounts} accounts one after another at {at}{}{}.",
                    place.en, who.en, when.en
                ),
                zh: format!(
                    "地址 {ip}{} 在 {at} 先后猜测至少 {accounts} 个账号的密码{}{}。",
                    place.zh, who.zh, when.zh
                ),
            };
        }
        let passwords = measure("passwords").map_or_else(Said::default, |passwords| Said {
            en: format!(" with up to {passwords} different passwords"),
            zh: format!("，使用不同密码最多 {passwords} 个"),
        });
        let sources = measure("sources").unwrap_or(1);
        let addresses = finding.involved.names("client_ip");
        let from = match addresses.first() {
            Some(address) if sources <= 1 => Said { en: format!("from {address}"), zh: format!("来自 {address}") },
            _ => Said { en: format!("from {sources} sources"), zh: format!("来自 {sources} 个来源") },
        };
        let account = &finding.primary;
        Said {
            en: format!(
                "The password of account {account} is being guessed {}{} at {at}: up to {refused} attempts refused within {window}{}; {}{}.",
                from.en, place.en, passwords.en, ended.en, when.en
            ),
            zh: format!(
                "账号 {account} 的密码在 {at} 遭暴力猜测，{}{}：{window} 内最多 {refused} 次失败{}；{}{}。",
                from.zh, place.zh, passwords.zh, ended.zh, when.zh
            ),
        }
    }
}

impl BruteForce {
    /// Whether enough different passwords are among them, as far as that can be told.
    fn differ<'a>(&self, attempts: impl Iterator<Item = &'a Attempt>, is_open: bool) -> bool {
        let mut all = 0_u64;
        let mut secrets: Vec<u32> =
            attempts.inspect(|_| all += 1).map(|attempt| attempt.secret).filter(|secret| *secret != 0).collect();
        let shown = secrets.len() as u64;
        secrets.sort_unstable();
        secrets.dedup();
        let wanted = if is_open { self.passwords.div_ceil(2) } else { self.passwords };
        shown * 2 < all || secrets.len() as u64 >= wanted
    }

    /// An address that attacks several accounts is one incident.
    fn observe_address(
        &self,
        event: &Event,
        of: &CellKey,
        cx: &Context<'_>,
        guesses: &mut Guesses,
        out: &mut Verdicts,
    ) {
        let Some(account) = account(event) else { return };
        let is_open = cx.findings.is_open(Self::RULE.kind, of, None);
        if !is_open && !cx.findings.is_open(Self::RULE.kind, &account, None)
            || Attack::BruteForce.is_explained(cx.findings, event)
        {
            return;
        }
        let accounts = guesses.victims.add(cx.now, account, self.slow_window.max(self.window), VICTIMS) as u64;
        if !is_open && accounts < self.accounts {
            return;
        }
        let evidence = Evidence::new().sample(whereabouts(event)).reason("many_accounts").most("accounts", accounts);
        out.hit(evidence.respond("block_address", of.entity.clone()));
        if !is_open {
            Attack::BruteForce.fold(cx.findings, of, |_, finding| is_all_of(finding, &of.entity), out);
        }
    }
}

fn within(attempts: &Attempts, now: Timestamp, span: Span) -> impl Iterator<Item = &Attempt> {
    attempts.iter().rev().take_while(move |attempt| now.since(attempt.at) < span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{Outcome, SecretForm, Status};
    use spyhop_testkit::{EventBuilder, event};

    fn attempt(second: u64, account: &str, password: &str) -> EventBuilder {
        let attempt = event().at(second).from("203.0.113.9").post("a.example/login");
        attempt.login(account, Outcome::Failure).secret(password)
    }

    #[test]
    fn ten_failures_with_different_passwords_are_a_finding() {
        let mut sensor = Harness::of::<BruteForce>();
        for n in 0..9 {
            sensor.see(attempt(n * 30, "alice", &format!("guess{n}")));
        }
        sensor.silent();
        sensor.see(attempt(9 * 30, "alice", "guess9"));
        let finding = sensor.only();
        assert_eq!((finding.primary.to_string().as_str(), finding.measures["passwords"]), ("alice", 10));
        assert!(finding.summary.en.contains("from 203.0.113.9 [inside]"), "{}", finding.summary.en);
        sensor.see(attempt(300, "alice", "guess10").login("alice", Outcome::Success));
        assert_eq!(sensor.only().severity, Severity::Critical);
    }

    #[test]
    fn an_outdated_password_and_one_who_forgot_it_stay_silent() {
        let mut sensor = Harness::of::<BruteForce>();
        for n in 0..100 {
            sensor.see(attempt(n * 20, "backup", "expired"));
        }
        for n in 0..12 {
            let attempt = attempt(10_000 + n * 20, "bob", &format!("try{n}"));
            sensor.see(if n % 4 == 3 { attempt.login("bob", Outcome::Success) } else { attempt });
        }
        // The same name in another realm is another account.
        for n in 0..16 {
            sensor.see_with(attempt(20_000 + n * 20, "admin", &format!("try{n}")), |event| {
                event.realm = if n % 2 == 0 { "a.example".into() } else { "b.example".into() };
            });
        }
        sensor.silent();
    }

    #[test]
    fn a_success_from_elsewhere_excuses_nothing() {
        let mut sensor = Harness::of::<BruteForce>();
        for n in 0..10 {
            sensor.see(attempt(n * 20, "alice", &format!("guess{n}")));
            sensor.see(attempt(n * 20 + 1, "alice", "").from("10.0.0.9").login("alice", Outcome::Success));
        }
        assert_eq!(sensor.only().status, Status::Open);
    }

    #[test]
    fn slow_guessing_and_unseen_passwords_are_told() {
        let mut sensor = Harness::of::<BruteForce>();
        for n in 0..30 {
            sensor.see(attempt(n * 110, "alice", &format!("guess{n}")));
        }
        assert_eq!((&*sensor.only().reasons[0], sensor.only().measures["refused_slowly"]), ("slow", 30));
        for form in [None, Some(SecretForm::Encrypted)] {
            let mut sensor = Harness::of::<BruteForce>();
            for n in 0..10 {
                sensor.see_with(attempt(n, "alice", &format!("guess{n}")), |event| {
                    if let Some(login) = &mut event.call.login {
                        login.secret_form = form;
                        login.secret = login.secret.filter(|_| form.is_some());
                    }
                });
            }
            assert!(sensor.only().reasons.iter().any(|reason| &**reason == "passwords_unseen"));
        }
    }

    #[test]
    fn from_one_address_or_from_fifty_it_is_one_open_finding_among_all_kinds() {
        for addresses in [1, 50] {
            let mut sensor = Harness::of_family("auth.");
            for n in 0..400_u64 {
                let address = format!("203.0.{}.9", n % addresses);
                sensor.see_with(attempt(n, "alice", &format!("guess{n}")).from(&address), |event| {
                    if let Some(login) = &mut event.call.login {
                        login.secret_form = None;
                    }
                });
            }
            let all = sensor.findings();
            let open: Vec<_> = all.iter().filter(|f| f.status == Status::Open).map(|f| f.rule.kind).collect();
            assert_eq!(open, [BruteForce::RULE.kind], "{addresses}");
            assert!(all.iter().all(|f| f.status == Status::Open || f.parent.is_some()));
            let sources = all.iter().find(|f| f.status == Status::Open).map(|f| f.measures["sources"]);
            assert_eq!(sources, Some(addresses));
        }
    }

    #[test]
    fn one_address_against_several_accounts_is_its_finding() {
        let mut sensor = Harness::of::<BruteForce>();
        for n in 0..60 {
            sensor.see(attempt(n * 2, &format!("user{}", n / 12), &format!("guess{n}")));
        }
        let all = sensor.findings();
        let open: Vec<_> = all.iter().filter(|f| f.status == Status::Open).map(|f| f.primary.role()).collect();
        assert_eq!((open, all.len()), (vec!["client_ip"], 4));
    }

    #[test]
    fn many_victims_on_one_host_are_a_campaign() {
        let mut sensor = Harness::of::<BruteForce>();
        for n in 0..10 {
            for victim in 0..30 {
                let attempt = attempt(n * 20, &format!("user{victim}"), &format!("guess{n}"));
                sensor.see(attempt.from(&format!("203.0.{victim}.9")));
            }
        }
        let all = sensor.findings();
        let open: Vec<&Finding> = all.iter().filter(|f| f.status == Status::Open).collect();
        assert_eq!((open.len(), open[0].primary.role(), &*open[0].reasons[0]), (1, "server", "campaign"));
        assert_eq!((all.len(), open[0].measures["incidents"]), (31, 30));
        assert!(all.iter().filter(|f| f.status == Status::Folded).all(|f| f.parent == Some(open[0].id)));
        assert!(open[0].summary.en.contains("30 incidents"), "{}", open[0].summary.en);
        // Its members go on within it.
        let mut sensor = sensor.restarted::<BruteForce>();
        sensor.see(attempt(300, "user3", "again").from("203.0.3.9"));
        assert_eq!(sensor.findings().iter().filter(|f| f.status == Status::Open).count(), 1);
    }

    #[test]
    fn it_closes_forgets_and_survives_a_restart() {
        let mut sensor = Harness::of::<BruteForce>();
        for n in 0..9 {
            sensor.see(attempt(n, "alice", &format!("guess{n}")));
        }
        let mut sensor = sensor.restarted::<BruteForce>();
        sensor.see(attempt(10, "alice", "guess9"));
        assert_eq!(sensor.only().status, Status::Open);
        sensor.advance(10 + 15 * 60);
        assert_eq!(sensor.only().status, Status::Closed);
        for n in 0..8 {
            sensor.see(attempt(5_000 + n, "alice", &format!("guess{n}")));
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }
}
