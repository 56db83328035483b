//! auth.weak_token

use spyhop_model::{Class, Entity, Event, Finding, Rule, Said, Severity, Span, Text, TokenFlaws, settings};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::names::Names;
use crate::wording::counted;

settings! {
    /// A token is forgeable, guessable, or never ends.
    pub struct WeakToken {
        /// A session in use for longer than this since its login never ends.
        longest: Span = Span::hours(24),
        /// How long a host without such tokens is remembered.
        memory: Span = Span::days(30),
    }
}

/// Flaws of one host; the vocabulary is closed.
const FLAWS: usize = 16;
/// A session that was carried before a login, and is carried on after it.
const FIXATION: &str = "session_fixation";
const LONG_LIVED: &str = "session_never_ends";

impl Detector for WeakToken {
    const RULE: &'static Rule = &Rule {
        kind: "auth.weak_token",
        class: Class::Weakness,
        severity: Severity::High,
        title: Text { en: "weak token", zh: "令牌脆弱" },
        about: Text {
            en: "Tokens of this host can be forged (no algorithm, no signature, a secret that everybody knows), guessed (short, digits, \
                 a time or a name in disguise), or used for very long (no or a far expiry, accepted after it, a session kept over the \
                 login). A token of a test system looks alike.",
            zh: "该主机的令牌可被伪造（无算法、无签名、密钥众所周知）、可被猜测（过短、纯数字、由时间或用户名拼成），\
                 或有效期过长（无过期时间或过远、过期后仍被接受、登录前后会话不变）。测试系统的令牌可能类似。",
        },
        advice: Text {
            en: "Sign tokens with a random key of 256 bits, let them end within hours, and issue a new session at every login.",
            zh: "使用 256 位随机密钥签名令牌，将有效期限制在数小时内，并在每次登录时更换会话。",
        },
        clause: "脆弱性",
    };
    type State = Names;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let call = &event.call;
        if !call.issued.is_empty() || !call.credentials.is_empty() || event.session.is_some() {
            out.push(CellKey::of(Entity::Server(event.host().into())));
        }
    }

    fn observe(&self, event: &Event, _of: &CellKey, cx: &Context<'_>, known: &mut Names, out: &mut Verdicts) {
        let call = &event.call;
        let mut shown: Vec<&'static str> = Vec::new();
        let mut tell = |flaw: &'static str, sample: &str, out: &mut Verdicts, known: &mut Names| {
            known.add(flaw, FLAWS);
            if shown.contains(&flaw) {
                return;
            }
            shown.push(flaw);
            let mut evidence = Evidence::new()
                .severity(severity(flaw))
                .reason(flaw)
                .respond("fix_endpoint", Entity::Endpoint(event.endpoint.clone()));
            if !sample.is_empty() {
                evidence = evidence.sample(sample);
            }
            out.hit_about(flaw, evidence);
        };
        // What a client carries proves something of the server only where it is accepted.
        let carried = call.credentials.iter().filter(|_| call.succeeded() && !call.refused);
        let issued = call.issued.iter().filter(|issued| !issued.revoked);
        let tokens = carried
            .map(|token| (token.flaws, &token.sample, false))
            .chain(issued.map(|token| (token.flaws, &token.sample, true)));
        let mut sound = false;
        for (flaws, sample, is_new) in tokens {
            sound |= is_new && flaws.is_empty();
            flaws.names().for_each(|flaw| tell(flaw, sample, out, known));
        }
        if let Some(session) = event.session.as_deref().filter(|_| call.succeeded() && !call.refused) {
            if session.kept_over_login {
                tell(FIXATION, "", out, known);
            }
            if session.by_login && cx.now.since(session.began_at) > self.longest {
                tell(LONG_LIVED, "", out, known);
            }
        }
        if sound {
            for flaw in known.iter().filter(|flaw| !shown.contains(flaw) && *flaw != LONG_LIVED) {
                out.mended_about(flaw);
            }
        }
    }

    fn is_idle(&self, known: &Names) -> bool {
        known.is_empty()
    }

    fn heap(&self, known: &Names) -> usize {
        known.heap()
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn summary(&self, finding: &Finding) -> Said {
        let flaw = finding.aspect.as_deref().unwrap_or("");
        let what = wording(flaw);
        Said {
            en: format!("{} at {}: tokens {}.", counted(finding.count, "call"), finding.primary, what.en),
            zh: format!("{} 的 {} 次调用：令牌{}。", finding.primary, finding.count, what.zh),
        }
    }
}

fn severity(flaw: &str) -> Severity {
    match flaw {
        "algorithm_none" | "unsigned" | "known_secret" => Severity::Critical,
        "never_ends" | "ends_late" => Severity::Medium,
        LONG_LIVED => Severity::Low,
        _ => Severity::High,
    }
}

/// What is wrong, as the end of a sentence.
fn wording(flaw: &str) -> Text {
    match flaw {
        "algorithm_none" => {
            Text { en: "say that they need no signature (alg none)", zh: "声明无需签名（alg none）" }
        }
        "unsigned" => Text { en: "bear no signature", zh: "没有签名" },
        "known_secret" => {
            Text { en: "are signed with a publicly known secret", zh: "使用公开的已知密钥签名" }
        }
        "never_ends" => Text { en: "have no expiry", zh: "没有过期时间" },
        "ends_late" => Text { en: "expire far too late", zh: "有效期过长" },
        "key_from_header" => Text { en: "name the key that verifies them themselves", zh: "自行指定验签密钥" },
        "short" => Text { en: "are too short", zh: "过短" },
        "guessable" => Text { en: "can be guessed", zh: "可被猜测" },
        "names_account" => Text { en: "are made of the account's name", zh: "由账号名拼成" },
        "expired" => Text { en: "are accepted after their expiry", zh: "过期后仍被接受" },
        FIXATION => Text {
            en: "stay the same over a login (session fixation)", zh: "在登录前后保持不变（会话固定）"
        },
        _ => Text { en: "are good for longer than a day", zh: "持续有效超过一天" },
    }
}

/// Flaws that a token shows by itself are told by these names.
const _: () = assert!(TokenFlaws::EXPIRED == 1 << 9);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{CredentialKind, Place, Session, Status};
    use spyhop_testkit::{event, time};

    fn carries(sensor: &mut Harness, flaws: u16, status: u16) {
        let call = event().get("a.example/x").status(status);
        let call = call.credential(CredentialKind::Bearer, Place::Header("authorization".into()));
        sensor.see_with(call, |event| event.call.credentials[0].flaws = TokenFlaws(flaws));
    }

    #[test]
    fn fires_once_a_flaw_and_names_the_worst_as_critical() {
        let mut sensor = Harness::of::<WeakToken>();
        carries(&mut sensor, TokenFlaws::KNOWN_SECRET | TokenFlaws::NEVER_ENDS, 200);
        carries(&mut sensor, TokenFlaws::KNOWN_SECRET, 200);
        let findings = sensor.findings();
        let told: Vec<_> = findings.iter().map(|f| (f.aspect.as_deref().unwrap_or(""), f.severity, f.count)).collect();
        assert_eq!(told.len(), 2);
        assert!(told.contains(&("known_secret", Severity::Critical, 2)), "{told:?}");
    }

    #[test]
    fn stays_silent_on_sound_tokens_and_on_forged_ones_that_are_refused() {
        let mut sensor = Harness::of::<WeakToken>();
        carries(&mut sensor, 0, 200);
        carries(&mut sensor, TokenFlaws::ALGORITHM_NONE, 401);
        sensor.silent();
    }

    #[test]
    fn a_session_kept_over_the_login_and_one_that_never_ends_are_told() {
        let mut sensor = Harness::of::<WeakToken>();
        let session = |kept_over_login| Session {
            id: spyhop_model::Fingerprint(7),
            began_at: time(0),
            by_login: true,
            ended_at: None,
            kept_over_login,
        };
        sensor.see_with(event().get("a.example/x").at(60), |event| event.session = Some(Box::new(session(true))));
        assert_eq!(sensor.only().aspect.as_deref(), Some(FIXATION));
        sensor.see_with(event().get("a.example/x").at(90_000), |event| event.session = Some(Box::new(session(false))));
        let findings = sensor.findings();
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|finding| finding.status == Status::Open));
    }
}
