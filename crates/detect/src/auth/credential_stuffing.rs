//! auth.credential_stuffing

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Rule, Said, Severity, Span, Text, Timestamp, settings};

use crate::counts::{Attempt, Attempts, Passwords};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::logins::{
    Attack, attempt, crowding, groups, is_all_of, other_source, prefix, short, short_ip, sources, told, whereabouts,
};
use crate::wording;

settings! {
    /// Many pairs of account and password tried from one address or device, or by a pool of them, mostly failing.
    pub struct CredentialStuffing {
        /// Different accounts from one address or device within `window`.
        accounts: u64 = 20,
        /// Attempts count together within this.
        window: Span = Span::minutes(10),
        /// Of 100 attempts so many are refused at least.
        refused_percent: u64 = 80,
        /// Of 100 attempts so many have passwords of their own at least, where passwords can be compared.
        different_passwords_percent: u64 = 60,
        /// Or so many of 100 are for accounts that do not exist.
        no_such_user_percent: u64 = 30,
        /// Different accounts failing on one endpoint within `window`, for a pool of sources.
        pool_accounts: u64 = 50,
        /// Different addresses of a pool.
        pool_addresses: u64 = 5,
        /// By so many standard deviations a pool exceeds what usually fails on the endpoint.
        deviations: u64 = 4,
        /// An incident is over after this long without a supporting attempt.
        quiet: Span = Span::minutes(15),
    }
}

/// Recent attempts of a source; of an endpoint, those refused, and what is usual there.
#[derive(Default, Serialize, Deserialize)]
pub struct Tried {
    attempts: Attempts,
    usual: Option<Box<Usual>>,
}

/// What usually fails on an endpoint, in ten minutes; all in thousandths.
#[derive(Default, Serialize, Deserialize)]
struct Usual {
    /// The number of the ten minutes under way, since 1970.
    span: u64,
    /// Spans learnt.
    learnt: u32,
    accounts: Ewma,
    ratio: Ewma,
    /// Attempts of this span and the one before.
    refused: [u32; 2],
    accepted: [u32; 2],
    /// Accepted attempts of long, a long past weighing less.
    accepted_long: u64,
    groups: Vec<Group>,
    /// The last attempt of a pool: nothing is learnt under attack.
    attacked: Timestamp,
}

/// Attempts with something in common.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Group {
    what: u8,
    name: u32,
    refused: [u32; 2],
    accepted: [u32; 2],
    accepted_long: u64,
}

/// A mean that moves with time, and how far values lie from it.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Ewma {
    mean: u64,
    variance: u64,
}

impl Ewma {
    const ONE: f64 = 1_000.0;
    const WEIGHT: f64 = 0.1;

    fn learn(&mut self, value: f64, is_first: bool) {
        if is_first {
            self.mean = (value * Self::ONE) as u64;
            return;
        }
        let off = value - self.mean();
        let variance = (1.0 - Self::WEIGHT) * (self.variance as f64 / Self::ONE + Self::WEIGHT * off * off);
        self.mean = ((self.mean() + Self::WEIGHT * off) * Self::ONE) as u64;
        self.variance = (variance * Self::ONE) as u64;
    }
    fn mean(&self) -> f64 {
        self.mean as f64 / Self::ONE
    }
    fn deviation(&self) -> f64 {
        (self.variance as f64 / Self::ONE).sqrt()
    }
}

impl Usual {
    /// Groups remembered of each sort.
    const GROUPS: usize = 32;
    /// Accepted attempts that tell the usual callers of an endpoint.
    const KNOWN: u64 = 50;

    /// Time goes on: a span that is over is learnt, unless the endpoint is under attack.
    fn advance(&mut self, now: Timestamp, length: Span, failing: u64) {
        let span = now.0.checked_div(length.0).unwrap_or_default();
        if span <= self.span {
            return;
        }
        if self.span > 0 && now.since(self.attacked) > length {
            let (refused, accepted) = (self.refused[0], self.accepted[0]);
            let ratio = f64::from(refused) / f64::from(refused.saturating_add(accepted)).max(1.0);
            self.accounts.learn(failing as f64, self.learnt == 0);
            self.ratio.learn(ratio, self.learnt == 0);
            self.learnt = self.learnt.saturating_add(1);
            self.accepted_long = self.accepted_long * 995 / 1_000 + u64::from(accepted) * 1_000;
            for group in &mut self.groups {
                group.accepted_long = group.accepted_long * 995 / 1_000 + u64::from(group.accepted[0]) * 1_000;
            }
        }
        let next = span == self.span + 1;
        let roll = |counts: &mut [u32; 2]| *counts = [0, if next { counts[0] } else { 0 }];
        roll(&mut self.refused);
        roll(&mut self.accepted);
        for group in &mut self.groups {
            roll(&mut group.refused);
            roll(&mut group.accepted);
        }
        self.span = span;
    }
    fn count(&mut self, names: [Option<u32>; 3], refused: bool) {
        let add = |counts: &mut [u32; 2]| counts[0] = counts[0].saturating_add(1);
        add(if refused { &mut self.refused } else { &mut self.accepted });
        for (what, name) in (0..).zip(names) {
            let Some(name) = name else { continue };
            let group = self.group(what, name);
            add(if refused { &mut group.refused } else { &mut group.accepted });
        }
    }
    /// A group, in the place of the least one where there is none left.
    fn group(&mut self, what: u8, name: u32) -> &mut Group {
        let known = self.groups.iter().position(|group| group.what == what && group.name == name);
        let at = known.unwrap_or_else(|| {
            let weight =
                |group: &Group| (group.refused.iter().map(|n| u64::from(*n)).sum::<u64>(), group.accepted_long);
            let of_sort = self.groups.iter().enumerate().filter(|(_, group)| group.what == what);
            let fresh = Group { what, name, ..Group::default() };
            if of_sort.clone().count() < Self::GROUPS {
                self.groups.push(fresh);
                return self.groups.len() - 1;
            }
            let least = of_sort.min_by_key(|(_, group)| weight(group)).map_or(0, |(at, _)| at);
            self.groups[least] = fresh;
            least
        });
        &mut self.groups[at]
    }
    /// Whether a group holds most of what is refused, and little of what is usually accepted.
    fn is_pool(&self, what: u8, name: u32) -> bool {
        let Some(group) = self.groups.iter().find(|group| group.what == what && group.name == name) else {
            return false;
        };
        let sum = |counts: [u32; 2]| counts.iter().map(|n| u64::from(*n)).sum::<u64>();
        let (refused, accepted) = (sum(group.refused), sum(group.accepted));
        let is_most = refused * 2 >= sum(self.refused);
        if self.accepted_long / 1_000 < Self::KNOWN {
            // The usual callers are not known yet: then hardly any of the group may be accepted.
            return is_most && refused * 10 >= (refused + accepted) * 9;
        }
        is_most && group.accepted_long * 10 <= self.accepted_long
    }
    fn is_unusual(&self, failing: u64, deviations: u64) -> bool {
        let times = deviations as f64;
        let (accounts, ratio) = (&self.accounts, &self.ratio);
        let sum = |counts: [u32; 2]| counts.iter().map(|n| f64::from(*n)).sum::<f64>();
        let (refused, accepted) = (sum(self.refused), sum(self.accepted));
        /// What fails anywhere, before it is learnt.
        const ANYWHERE: f64 = 0.2;
        let mean = if self.learnt == 0 { ANYWHERE } else { ratio.mean() };
        let most = (mean + times * ratio.deviation().max(0.05)).min(0.9);
        failing as f64 >= accounts.mean() + times * accounts.deviation().max(accounts.mean().sqrt())
            && refused / (refused + accepted).max(1.0) >= most
    }
}

impl Detector for CredentialStuffing {
    const RULE: &'static Rule = &Rule {
        kind: "auth.credential_stuffing",
        class: Class::Incident,
        severity: Severity::High,
        title: Text { en: "credential stuffing", zh: "撞库攻击" },
        about: Text {
            en: "Many pairs of account and password, each tried once or twice and mostly refused, come from one address or device: leaked \
                 credentials of elsewhere are tried here. A pool of addresses is told by what it has in common (software, network, \
                 country), when far more accounts fail on an endpoint than usual. An office in which many log in at once fails seldom.",
            zh: "同一地址或设备以大量“账号+密码”组合尝试登录，每组一两次且大多失败：攻击者在用外泄凭据撞库。分布式来源按共同特征\
                 （客户端软件、网段、国家或地区）归并，依据是该接口失败账号数远超平时。众人集中登录的办公网络失败率低，不在此列。",
        },
        advice: Text {
            en: "Block or challenge the sources, have the accounts that were accepted change their passwords and end their sessions, and \
                 require a captcha or second factor on this endpoint.",
            zh: "封禁或质询来源，令登录成功的账号修改密码并注销会话，在该接口启用验证码或第二因素认证。",
        },
        clause: "撞库",
    };
    const VIEWS: Views = Views::LOGINS.and(Views::CONCLUSIONS);
    type State = Tried;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if told(event).is_some() {
            out.extend(sources(event));
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, tried: &mut Tried, out: &mut Verdicts) {
        let Some(attempt) = attempt(event, other_source(event, &of.entity), cx.now) else { return };
        if matches!(of.entity, Entity::Endpoint(_)) {
            return self.observe_pool(event, attempt, cx, tried, out);
        }
        // Whoever gets in without ever having failed is not remembered.
        if attempt.traits & Attempt::REFUSED == 0 && tried.attempts.is_empty() {
            return;
        }
        let is_open = cx.findings.is_open(Self::RULE.kind, of, None);
        if !is_open && Attack::Stuffing.takes_in(cx.findings, event) {
            return tried.attempts.forget(attempt.source);
        }
        let limit = self.accounts * crowding(event, &of.entity);
        let attempts = &mut tried.attempts;
        attempts.add(attempt, self.window, Attempts::cap(limit));
        // Once it is told, half suffices to go on: an attack that slows down is still the same.
        let limit = if is_open { limit.div_ceil(2) } else { limit };
        let (all, passwords) = (attempts.len(), attempts.passwords());
        let fits = attempts.accounts() >= limit
            && attempts.refused() * 100 >= all * self.refused_percent
            && match passwords {
                Passwords::Unseen => true,
                Passwords::Seen { distinct, of } => {
                    distinct * 100 >= of * self.different_passwords_percent
                        || attempts.missing() * 100 >= all * self.no_such_user_percent && !passwords.are_few(20)
                }
            };
        if !fits {
            return;
        }
        let mut evidence = evidence(event, attempt)
            .most("accounts", attempts.accounts())
            .most("attempts", all)
            .most("refused", attempts.refused());
        evidence = match of.entity {
            Entity::ClientIp(_) => evidence.respond("block_address", of.entity.clone()),
            _ => evidence.respond("limit_rate", of.entity.clone()),
        };
        if passwords.are_unseen() {
            evidence = evidence.confidence(75).reason("passwords_unseen");
        }
        if attempts.missing() > 0 {
            evidence = evidence.reason("unknown_accounts");
        }
        out.hit_of(of.clone(), evidence);
        if !is_open {
            Attack::Stuffing.fold(cx.findings, of, |_, finding| is_all_of(finding, &of.entity), out);
        }
    }

    fn is_idle(&self, tried: &Tried) -> bool {
        tried.attempts.refused() == 0 && tried.usual.is_none()
    }

    fn heap(&self, tried: &Tried) -> usize {
        let usual =
            tried.usual.as_ref().map_or(0, |usual| size_of::<Usual>() + usual.groups.capacity() * size_of::<Group>());
        tried.attempts.heap() + usual
    }

    fn memory(&self) -> Span {
        // What is usual on an endpoint outlives a night.
        Span::days(1)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn check(&self) -> Result<(), String> {
        super::window("window", self.window)?;
        super::within("accounts", self.accounts, Attempts::MOST as u64 / 4)?;
        super::within("pool_accounts", self.pool_accounts, Attempts::MOST as u64 / 2)
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or_default();
        let (accounts, attempts, refused) = (measure("accounts"), measure("attempts"), measure("refused"));
        let accepted = measure("accepted");
        let (at, place, when) = (wording::endpoints(finding), wording::whence(finding), wording::when(finding));
        let window = self.window;
        let ended = match accepted {
            0 => Said { en: "none was accepted".into(), zh: "无一成功".into() },
            _ => Said { en: format!("{accepted} were ACCEPTED"), zh: format!("其中 {accepted} 次登录成功") },
        };
        if let Entity::Endpoint(_) = finding.primary {
            let (sources, common) = (measure("addresses"), finding.reasons.iter().find_map(|reason| pool(reason)));
            let common = common.unwrap_or(Text { en: "", zh: "" });
            return Said {
                en: format!(
                    "A pool of at least {sources} addresses{}, {}, tries leaked credentials at {at}: {accounts} accounts failed within \
                     {window}, usually about {}; {}{}.",
                    place.en,
                    common.en,
                    measure("usual_accounts"),
                    ended.en,
                    when.en
                ),
                zh: format!(
                    "至少 {sources} 个地址{}（{}）在 {at} 撞库：{window} 内 {accounts} 个账号登录失败（平时约 {} 个），{}{}。",
                    place.zh,
                    common.zh,
                    measure("usual_accounts"),
                    ended.zh,
                    when.zh
                ),
            };
        }
        let (role, primary) = (wording::role(&finding.primary), &finding.primary);
        let who = wording::accounts(&finding.involved);
        Said {
            en: format!(
                "Leaked credentials are tried {} {primary}{} at {at}: up to {accounts} accounts in {attempts} attempts within {window}, \
                 {refused} of them refused, each with its own password; {}{}{}.",
                role.en, place.en, ended.en, who.en, when.en
            ),
            zh: format!(
                "{} {primary}{} 在 {at} 撞库：{window} 内最多以 {attempts} 次尝试涉及 {accounts} 个账号，{refused} 次被拒，密码各不相同；{}{}{}。",
                role.zh, place.zh, ended.zh, who.zh, when.zh
            ),
        }
    }
}

impl CredentialStuffing {
    fn observe_pool(&self, event: &Event, attempt: Attempt, cx: &Context<'_>, tried: &mut Tried, out: &mut Verdicts) {
        let refused = attempt.traits & Attempt::REFUSED != 0;
        let attempts = &mut tried.attempts;
        let usual = tried.usual.get_or_insert_default();
        usual.advance(cx.now, self.window, attempts.accounts());
        let is_told = sources(event).any(|source| cx.findings.is_open(Self::RULE.kind, &source, None));
        if is_told {
            return attempts.forget(attempt.source);
        }
        let network = prefix(event.client.ip, 16, 32).network();
        let names = [
            event.call.picture.map(short),
            event.client.country.map(|country| country.code().bytes().fold(0, |n, byte| n << 8 | u32::from(byte))),
            Some(short_ip(network)),
        ];
        usual.count(names, refused);
        let pools = || groups(event).filter(|cell| cx.findings.is_open(Self::RULE.kind, cell, None));
        if !refused {
            if let Some(pool) = cx.findings.any_open(Self::RULE.kind).then(|| pools().next()).flatten() {
                out.hit_of(pool, evidence(event, attempt));
            }
            return;
        }
        attempts.add(attempt, self.window, Attempts::MOST);
        let failing = attempts.accounts();
        let open = cx.findings.any_open(Self::RULE.kind).then(|| pools().next()).flatten();
        let limit = if open.is_some() { self.pool_accounts.div_ceil(2) } else { self.pool_accounts };
        // Few passwords on many accounts are a spray.
        if failing < limit || !usual.is_unusual(failing, self.deviations) || attempts.passwords().are_few(20) {
            return;
        }
        if attempts.sources() < self.pool_addresses {
            return;
        }
        let found = open.clone().or_else(|| {
            // Software tells most, then the network; a country is large.
            let mut of_event = groups(event).collect::<Vec<_>>().into_iter();
            let cells: Vec<(u8, u32, CellKey)> =
                (0..).zip(names).filter_map(|(what, name)| Some((what, name?, of_event.next()?))).collect();
            let is_pool = |sort: u8| cells.iter().find(|(what, name, _)| *what == sort && usual.is_pool(*what, *name));
            [0, 2, 1].into_iter().find_map(is_pool).map(|(_, _, cell)| cell.clone())
        });
        let Some(pool) = found else { return };
        usual.attacked = cx.now;
        let common = pool.scope.as_deref().and_then(|scope| scope.split(' ').next());
        let reason = ["software", "network", "country"].into_iter().find(|reason| Some(*reason) == common);
        let mut evidence = evidence(event, attempt)
            .most("accounts", failing)
            .most("addresses", attempts.sources())
            .most("usual_accounts", usual.accounts.mean().round() as u64)
            .respond("limit_rate", Entity::Endpoint(event.endpoint.clone()));
        if let Some(reason) = reason {
            evidence = evidence.reason(reason);
        }
        out.hit_of(pool.clone(), evidence);
        if open.is_none() {
            let endpoint = Entity::Endpoint(event.endpoint.clone());
            let since = cx.now - self.window;
            let is_part = |_: &CellKey, finding: &Finding| finding.first_seen >= since && is_all_of(finding, &endpoint);
            Attack::Stuffing.fold(cx.findings, &pool, is_part, out);
        }
    }
}

/// What every attempt of an attack supports it with.
fn evidence(event: &Event, attempt: Attempt) -> Evidence {
    let evidence = Evidence::new().sample(whereabouts(event));
    if attempt.traits & Attempt::REFUSED != 0 {
        return evidence;
    }
    let evidence = evidence.severity(Severity::Critical).reason("accepted").sum("accepted", 1);
    match &event.account {
        Some(account) => evidence.respond("reset_password", Entity::Account(account.clone())),
        None => evidence,
    }
}

fn pool(reason: &str) -> Option<Text> {
    Some(match reason {
        "software" => Text { en: "all with the same software", zh: "客户端软件相同" },
        "network" => Text { en: "all of one network", zh: "同一网段" },
        "country" => Text { en: "all of one country", zh: "同一国家或地区" },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{Outcome, Refusal, SecretForm, Status};
    use spyhop_testkit::{EventBuilder, event};

    fn attempt(second: u64, account: &str) -> EventBuilder {
        event().at(second).from("203.0.113.9").post("a.example/login").login(account, Outcome::Failure)
    }

    fn open(sensor: &Harness) -> Vec<Finding> {
        sensor.findings().into_iter().filter(|finding| finding.status == Status::Open).collect()
    }

    #[test]
    fn twenty_accounts_with_their_own_passwords_are_one_finding() {
        let mut sensor = Harness::of::<CredentialStuffing>();
        for n in 0..19 {
            sensor.see(attempt(n * 20, &format!("user{n}")));
        }
        sensor.silent();
        sensor.see(attempt(19 * 20, "user19"));
        let finding = sensor.only();
        assert_eq!(finding.primary.to_string(), "203.0.113.9");
        assert_eq!((finding.measures["accounts"], finding.severity), (20, Severity::High));
        sensor.see(attempt(400, "carol").login("carol", Outcome::Success));
        let finding = sensor.only();
        assert_eq!((finding.measures["accepted"], finding.severity), (1, Severity::Critical));
        assert!(finding.summary.en.contains("1 were ACCEPTED"), "{}", finding.summary.en);
    }

    #[test]
    fn few_passwords_a_slow_run_and_an_office_at_nine_stay_silent() {
        let mut sensor = Harness::of::<CredentialStuffing>();
        for n in 0..60 {
            sensor.see(attempt(n * 5, &format!("user{n}")).secret("Winter2026!"));
        }
        for n in 0..60 {
            sensor.see(attempt(10_000 + n * 40, &format!("user{n}")).from("203.0.113.10"));
        }
        for n in 0..200 {
            let outcome = if n % 5 == 0 { Outcome::Failure } else { Outcome::Success };
            sensor.see(attempt(20_000 + n * 2, "").from("203.0.113.11").login(&format!("user{n}"), outcome));
        }
        // A shared gateway with forty logins a minute: its limit is four times as high.
        for n in 0..70 {
            sensor.see(attempt(30_000 + n * 5, &format!("user{n}")).from("203.0.113.12").crowd(40));
        }
        sensor.silent();
    }

    #[test]
    fn unseen_passwords_leave_it_to_the_accounts() {
        let mut sensor = Harness::of::<CredentialStuffing>();
        for n in 0..20 {
            sensor.see_with(attempt(n * 5, &format!("user{n}")), |event| {
                if let Some(login) = &mut event.call.login {
                    login.secret = None;
                }
            });
        }
        assert_eq!(&*sensor.only().reasons[0], "passwords_unseen");
        let mut sensor = Harness::of::<CredentialStuffing>();
        for n in 0..20 {
            sensor.see(attempt(n * 5, &format!("user{n}")).secret_form(SecretForm::Encrypted));
        }
        assert_eq!(sensor.only().confidence, 90.min(sensor.only().confidence));
    }

    #[test]
    fn unknown_accounts_tell_of_lists_even_when_passwords_recur() {
        let mut sensor = Harness::of::<CredentialStuffing>();
        for n in 0..40 {
            let attempt = attempt(n * 5, &format!("user{n}")).secret(&format!("password{}", n % 16));
            sensor.see(attempt.refusal(if n % 2 == 0 { Refusal::NoSuchUser } else { Refusal::BadPassword }));
        }
        assert!(sensor.only().reasons.iter().any(|reason| &**reason == "unknown_accounts"));
    }

    #[test]
    fn a_thousand_accounts_from_one_address_end_as_one_open_finding() {
        for unseen in [false, true] {
            let mut sensor = Harness::of_family("auth.");
            for n in 0..1_000 {
                sensor.see_with(attempt(n / 2, &format!("user{n}")).device("bot"), |event| {
                    if let Some(login) = &mut event.call.login {
                        login.secret_form = None;
                        login.secret = login.secret.filter(|_| !unseen);
                    }
                });
            }
            let open = open(&sensor);
            assert_eq!(open.iter().map(|f| f.rule.kind).collect::<Vec<_>>(), [CredentialStuffing::RULE.kind]);
            assert!(sensor.findings().len() > 1);
            for folded in sensor.findings().iter().filter(|f| f.status != Status::Open) {
                assert_eq!((folded.status, folded.parent.is_some()), (Status::Folded, true), "{}", folded.summary.en);
            }
        }
    }

    #[test]
    fn it_closes_forgets_and_survives_a_restart() {
        let mut sensor = Harness::of::<CredentialStuffing>();
        for n in 0..19 {
            sensor.see(attempt(n * 5, &format!("user{n}")));
        }
        let mut sensor = sensor.restarted::<CredentialStuffing>();
        sensor.see(attempt(100, "user19"));
        assert_eq!(sensor.only().status, Status::Open);
        sensor.advance(100 + 15 * 60);
        assert_eq!(sensor.only().status, Status::Closed);
        for n in 0..19 {
            sensor.see(attempt(2_000 + n * 5, &format!("user{n}")));
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    fn ordinary(sensor: &mut Harness, from: u64, to: u64) {
        for n in from..to {
            let outcome = if n % 10 == 0 { Outcome::Failure } else { Outcome::Success };
            let address = format!("10.{}.{}.{}", n % 3, n % 7, n % 250);
            let login = event().at(n * 6).from(&address).post("a.example/login").login(&format!("staff{n}"), outcome);
            sensor.see(login.picture(["edge", "chrome", "safari"][n as usize % 3]));
        }
    }

    #[test]
    fn a_pool_of_addresses_is_told_by_what_it_has_in_common() {
        let mut sensor = Harness::of::<CredentialStuffing>();
        ordinary(&mut sensor, 0, 2_000);
        sensor.silent();
        for n in 0..300 {
            let address = format!("{}.{}.113.9", 60 + n % 90, n % 200);
            let attempt = attempt(12_000 + n, &format!("user{n}")).from(&address).picture("tool");
            sensor.see(attempt);
            if n % 20 == 0 {
                ordinary(&mut sensor, 2_001 + n / 20, 2_002 + n / 20);
            }
        }
        let finding = sensor.only();
        assert_eq!((finding.primary.role(), &*finding.reasons[0]), ("endpoint", "software"));
        assert!(finding.measures["accounts"] >= 200 && finding.measures["addresses"] >= 150, "{:?}", finding.measures);
        assert!(finding.summary.en.contains("A pool of at least"), "{}", finding.summary.en);
    }

    #[test]
    fn a_day_on_which_everybody_s_password_has_changed_stays_silent() {
        let mut sensor = Harness::of::<CredentialStuffing>();
        ordinary(&mut sensor, 0, 2_000);
        for n in 0..300 {
            let address = format!("10.{}.{}.{}", n % 3, n % 7, n % 250);
            let attempt = attempt(12_000 + n, &format!("staff{n}")).from(&address);
            sensor.see(attempt.picture(["edge", "chrome", "safari"][n as usize % 3]));
        }
        sensor.silent();
    }
}
