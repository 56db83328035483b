//! auth.code_abuse

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Outcome, Purpose, Rule, Said, Severity, Span, Text, settings};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::logins::{account, crowding, is_all_of, short, whereabouts};
use crate::window::{Distinct, Rate};
use crate::wording;

settings! {
    /// One-time codes sent or guessed in bulk.
    pub struct CodeAbuse {
        /// Codes that one address has sent within an hour.
        sends_by_address: u64 = 20,
        /// Codes sent to one number or account within an hour.
        sends_to_account: u64 = 10,
        /// Different wrong codes for one account or session within `guess_window`.
        wrong_codes: u64 = 8,
        /// Different wrong codes from one address within `guess_window`, for whatever accounts; more where many share it.
        wrong_codes_by_address: u64 = 20,
        /// Wrong codes count together within this.
        guess_window: Span = Span::minutes(10),
        /// An incident is over after this long without a supporting request.
        quiet: Span = Span::minutes(15),
    }
}

/// Codes sent by an address or to an account, and wrong ones given.
#[derive(Default, Serialize, Deserialize)]
pub struct Codes {
    sends: Rate,
    wrong: Distinct<u32>,
    guesses: Rate,
}

const HOUR: Span = Span::hours(1);
/// Wrong codes kept of an account.
const KEPT: usize = 64;

impl Detector for CodeAbuse {
    const RULE: &'static Rule = &Rule {
        kind: "auth.code_abuse",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "one-time codes sent or guessed in bulk", zh: "验证码滥用" },
        about: Text {
            en: "Many one-time codes are requested by one address or for one number (which floods its owner and costs money), or many \
                 different wrong codes are given for one account or session: the code is being guessed. An office behind one address is \
                 allowed as many as it usually has.",
            zh: "同一地址或针对同一号码大量请求短信验证码（短信轰炸），或同一账号、会话提交多个不同的错误验证码（暴力猜测）。共享出口按其平时的登录量放宽。",
        },
        advice: Text {
            en: "Limit codes for each number and address, require a captcha before one is sent, and let a code expire after a few wrong ones.",
            zh: "按号码和地址限制发送次数，发送前要求图形验证码，数次错误后令验证码失效。",
        },
        clause: "异常登录",
    };
    type State = Codes;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        match use_of(event) {
            Some(Use::Send) => {
                out.push(CellKey::of(Entity::ClientIp(event.client.ip)));
                out.extend(account(event));
            }
            Some(Use::Wrong(_) | Use::Right) => {
                if matches!(use_of(event), Some(Use::Wrong(_))) {
                    out.push(CellKey::of(Entity::ClientIp(event.client.ip)));
                }
                let session = event.session.as_ref().map(|session| CellKey::of(Entity::Session(session.id)));
                out.extend(account(event).or(session));
            }
            None => {}
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, codes: &mut Codes, out: &mut Verdicts) {
        let is_open = cx.findings.is_open(Self::RULE.kind, of, None);
        let evidence = Evidence::new().sample(whereabouts(event));
        let of_address = matches!(of.entity, Entity::ClientIp(_));
        match use_of(event) {
            Some(Use::Send) => {
                let address = CellKey::of(Entity::ClientIp(event.client.ip));
                if !of_address && !is_open && cx.findings.is_open(Self::RULE.kind, &address, None) {
                    return;
                }
                let limit = match of_address {
                    true => self.sends_by_address * crowding(event, &of.entity),
                    false => self.sends_to_account,
                };
                codes.sends.add(cx.now, HOUR, Rate::cap(limit));
                let sends = codes.sends.within(cx.now, HOUR);
                if sends < limit {
                    return;
                }
                let evidence = evidence.most("sends", sends).reason("sends");
                out.hit(match of_address {
                    true => evidence.respond("block_address", of.entity.clone()),
                    false => evidence.respond("limit_rate", of.entity.clone()),
                });
                if of_address && !is_open {
                    for (cell, finding) in cx.findings.open(Self::RULE.kind) {
                        if cell != of && is_all_of(finding, &of.entity) {
                            out.fold(Self::RULE.kind, cell.clone());
                        }
                    }
                }
            }
            Some(Use::Wrong(code)) if of_address => {
                let limit = self.wrong_codes_by_address * crowding(event, &of.entity);
                let login = event.call.login.as_ref().and_then(|login| login.account.as_ref());
                let pair = login.map_or(code, |account| code ^ short(account.fingerprint).rotate_left(16));
                let cap = KEPT.max(usize::try_from(limit).unwrap_or(KEPT));
                let wrong = codes.wrong.add(cx.now, pair, self.guess_window, cap) as u64;
                let told = account(event).is_some_and(|account| cx.findings.is_open(Self::RULE.kind, &account, None));
                if wrong >= limit && !told {
                    let evidence = evidence.severity(Severity::High).reason("guesses").most("guesses", wrong);
                    out.hit(evidence.most("wrong_codes", wrong).respond("block_address", of.entity.clone()));
                }
            }
            Some(Use::Wrong(code)) => {
                let wrong = codes.wrong.add(cx.now, code, self.guess_window, KEPT) as u64;
                codes.guesses.add(cx.now, self.guess_window, Rate::cap(self.wrong_codes));
                if wrong >= self.wrong_codes {
                    let guesses = codes.guesses.within(cx.now, self.guess_window);
                    let evidence = evidence.severity(Severity::High).reason("guesses");
                    let evidence = evidence.most("wrong_codes", wrong).most("guesses", guesses);
                    out.hit(evidence.respond("lock_account", of.entity.clone()));
                }
            }
            Some(Use::Right) => {
                let was_guessed = is_open && codes.guesses.within(cx.now, self.guess_window) >= self.wrong_codes;
                if was_guessed {
                    out.hit(evidence.severity(Severity::Critical).reason("accepted").sum("accepted", 1));
                }
                codes.wrong = Distinct::default();
                codes.guesses = Rate::default();
            }
            None => {}
        }
    }

    fn is_idle(&self, codes: &Codes) -> bool {
        codes.sends.is_empty() && codes.wrong.iter().next().is_none()
    }

    fn heap(&self, codes: &Codes) -> usize {
        codes.sends.heap() + codes.guesses.heap() + codes.wrong.heap(|_| 0)
    }

    fn memory(&self) -> Span {
        HOUR.max(self.guess_window)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn check(&self) -> Result<(), String> {
        super::window("guess_window", self.guess_window)?;
        Rate::reaches("sends_by_address", self.sends_by_address)?;
        Rate::reaches("sends_to_account", self.sends_to_account)?;
        super::within("wrong_codes", self.wrong_codes, KEPT as u64)
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied();
        let (at, place, when) = (wording::endpoints(finding), wording::whence(finding), wording::when(finding));
        let (role, primary) = (wording::role(&finding.primary), &finding.primary);
        let by = if matches!(primary, Entity::Account(_)) { "for account" } else { role.en };
        if let Some(wrong) = measure("wrong_codes") {
            let (guesses, window) = (measure("guesses").unwrap_or_default(), self.guess_window);
            let ended = match measure("accepted") {
                None => Text { en: "none was accepted", zh: "尚无一成功" },
                Some(_) => Text { en: "then one was ACCEPTED", zh: "其后验证通过" },
            };
            return Said {
                en: format!(
                    "The one-time code {by} {primary} is being guessed{} at {at}: up to {wrong} different wrong codes in {guesses} attempts \
                     within {window}; {}{}.",
                    place.en, ended.en, when.en
                ),
                zh: format!(
                    "{} {primary} 的验证码在 {at} 遭猜测{}：{window} 内 {guesses} 次尝试，不同的错误验证码最多 {wrong} 个；{}{}。",
                    role.zh, place.zh, ended.zh, when.zh
                ),
            };
        }
        let sends = measure("sends").unwrap_or_default();
        let who = wording::accounts(&finding.involved);
        Said {
            en: format!(
                "Up to {sends} one-time codes an hour are requested {by} {primary}{} at {at}{}{}.",
                place.en, who.en, when.en
            ),
            zh: format!(
                "{} {primary}{} 在 {at} 大量请求验证码：一小时内最多 {sends} 条{}{}。",
                role.zh, place.zh, who.zh, when.zh
            ),
        }
    }
}

/// What an event does with one-time codes.
enum Use {
    /// Has one sent.
    Send,
    /// Gives a wrong one.
    Wrong(u32),
    /// Gives the right one.
    Right,
}

fn use_of(event: &Event) -> Option<Use> {
    let login = event.call.login.as_deref().filter(|_| event.concluded.is_none())?;
    match (login.purpose, login.code, login.outcome) {
        (Purpose::CodeRequest, _, Outcome::Success | Outcome::Unknown) => Some(Use::Send),
        (Purpose::CodeRequest, ..) => None,
        (_, Some(code), Outcome::Failure) => Some(Use::Wrong(short(code))),
        (_, Some(_), Outcome::Success) => Some(Use::Right),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{Fingerprint, Status};
    use spyhop_testkit::{EventBuilder, event};

    fn send(second: u64, number: &str) -> EventBuilder {
        let send = event().at(second).from("203.0.113.9").post("a.example/sms");
        send.login(number, Outcome::Success).purpose(Purpose::CodeRequest)
    }

    fn guess(sensor: &mut Harness, second: u64, code: u64, outcome: Outcome) {
        let guess = event().at(second).from("203.0.113.9").post("a.example/verify").login("alice", outcome);
        sensor.see_with(guess.purpose(Purpose::SecondFactor), |event| {
            if let Some(login) = &mut event.call.login {
                login.code = Some(Fingerprint(code << 32));
            }
        });
    }

    #[test]
    fn codes_sent_by_one_address_or_to_one_number_are_told() {
        let mut sensor = Harness::of::<CodeAbuse>();
        for n in 0..19 {
            sensor.see(send(n * 100, &format!("number{n}")));
        }
        sensor.silent();
        let mut sensor = sensor.restarted::<CodeAbuse>();
        sensor.see(send(1_950, "number19"));
        assert_eq!((sensor.only().primary.role(), sensor.only().measures["sends"]), ("client_ip", 20));
        let mut sensor = Harness::of::<CodeAbuse>();
        for n in 0..10 {
            sensor.see(send(n * 300, "number").from(&format!("203.0.113.{n}")));
        }
        let finding = sensor.only();
        assert!(finding.summary.en.starts_with("Up to 10 one-time codes an hour are requested for account number"));
    }

    #[test]
    fn flooding_one_number_from_one_address_is_one_open_finding() {
        let mut sensor = Harness::of::<CodeAbuse>();
        for n in 0..40 {
            sensor.see(send(n * 20, "number"));
        }
        let all = sensor.findings();
        let open: Vec<_> = all.iter().filter(|f| f.status == Status::Open).map(|f| f.primary.role()).collect();
        assert_eq!((open, all.len()), (vec!["client_ip"], 2));
    }

    #[test]
    fn an_office_at_nine_a_family_and_a_slip_stay_silent() {
        let mut sensor = Harness::of::<CodeAbuse>();
        for n in 0..60 {
            sensor.see(send(n * 10, &format!("staff{n}")).crowd(40));
        }
        for n in 0..12 {
            sensor.see(send(10_000 + n * 100, &format!("member{}", n % 4)).from("203.0.114.9"));
        }
        for n in 0..7 {
            guess(&mut sensor, 20_000 + n, n, Outcome::Failure);
        }
        guess(&mut sensor, 20_100, 7, Outcome::Success);
        // The same wrong code again and again is no guessing.
        for n in 0..20 {
            guess(&mut sensor, 30_000 + n, 1, Outcome::Failure);
        }
        sensor.silent();
    }

    #[test]
    fn guessing_is_told_and_worse_when_it_succeeds_and_is_forgotten() {
        let mut sensor = Harness::of::<CodeAbuse>();
        for n in 0..8 {
            guess(&mut sensor, n * 10, n, Outcome::Failure);
        }
        assert_eq!((sensor.only().severity, sensor.only().measures["wrong_codes"]), (Severity::High, 8));
        guess(&mut sensor, 100, 9, Outcome::Success);
        assert_eq!(sensor.only().severity, Severity::Critical);
        sensor.advance(100 + 15 * 60);
        assert_eq!(sensor.only().status, Status::Closed);
        guess(&mut sensor, 5_000, 1, Outcome::Failure);
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn one_code_for_each_of_many_accounts_is_told_of_the_address() {
        let mut sensor = Harness::of::<CodeAbuse>();
        let wrong = |n: u64| {
            let name = format!("user{n}");
            event().at(n * 12).from("203.0.113.9").post("a.example/verify").login(&name, Outcome::Failure)
        };
        for n in 0..24 {
            sensor.see_with(wrong(n).purpose(Purpose::Login), |event| {
                if let Some(login) = &mut event.call.login {
                    login.code = Some(Fingerprint(n << 32));
                }
            });
            if n == 18 {
                sensor.silent();
            }
        }
        let finding = sensor.only();
        assert_eq!((finding.primary.role(), finding.measures["guesses"]), ("client_ip", 24));
    }
}
