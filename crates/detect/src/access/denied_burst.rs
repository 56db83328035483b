//! access.denied_burst

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Nature, Rule, Said, Severity, Span, Text, settings};

use crate::baseline::{self, mix};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::window::{Distinct, Rate};
use crate::wording::{accounts, counted, role};

settings! {
    /// A run of refused calls of one principal.
    pub struct DeniedBurst {
        /// Refused calls within the window.
        refusals: u64 = 20,
        /// These go to so many endpoints,
        endpoints: usize = 5,
        /// or to so many objects.
        objects: usize = 10,
        /// The window.
        window: Span = Span::minutes(10),
        /// An incident is over after this long without such a run.
        quiet: Span = Span::minutes(15),
    }
}

/// Endpoints and objects of a principal that are counted.
const ENDPOINTS: usize = 32;
const OBJECTS: usize = 128;
/// A page left open after its session ended asks for the same again and again: of one object, so many unauthenticated calls count.
const REPEATS: u8 = 2;

/// Refusals of one principal.
#[derive(Default, Serialize, Deserialize)]
pub struct Refusals {
    times: Rate,
    endpoints: Distinct<u64>,
    objects: Distinct<(u64, u8)>,
}

impl Detector for DeniedBurst {
    const RULE: &'static Rule = &Rule {
        kind: "access.denied_burst",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "burst of refused calls", zh: "连续越权被拒" },
        about: Text {
            en: "One account, device or address was refused again and again, at many endpoints or for many objects: it tries what it may \
                 not. Refused logins do not count. A page that keeps asking after its session has ended, and a role that was just taken \
                 away, look alike.",
            zh: "同一账号、设备或地址在多个接口或多个对象上连续被拒绝访问，疑似试探越权。登录失败不计入。会话过期后仍在轮询的页面、刚被收回权限的角色可能类似。",
        },
        advice: Text {
            en: "Look at what it tried and whether anything was allowed afterwards; limit its rate.",
            zh: "核查其尝试访问的内容以及此后是否有访问被放行；对其限速。",
        },
        clause: "越权操作、异常调用",
    };
    type State = Refusals;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let is_apart =
            event.call.login.is_some() || event.nature.0 & (Nature::LOGIN | Nature::STATIC | Nature::HEALTH) != 0;
        if !is_apart && (is_refused(event) || event.call.succeeded()) {
            out.push(baseline::principal(event));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, refusals: &mut Refusals, out: &mut Verdicts) {
        if !is_refused(event) {
            if refusals.times.within(cx.now, self.window) == 0 {
                return;
            }
            let endpoint = baseline::text(&event.endpoint);
            if refusals.endpoints.iter().any(|known| *known == endpoint)
                && cx.findings.is_open(Self::RULE.kind, of, None)
            {
                let evidence = Evidence::new()
                    .severity(Self::RULE.severity.raised())
                    .reason("then_allowed")
                    .sum("allowed", 1)
                    .sample(&*event.endpoint);
                out.hit(evidence);
            }
            return;
        }
        let endpoint = baseline::text(&event.endpoint);
        let target = event.call.request.as_ref().map_or(0, |request| baseline::text(&request.target));
        let object = mix(endpoint, target);
        let repeats = refusals.objects.iter().find(|(known, _)| *known == object).map_or(0, |(_, repeats)| *repeats);
        let is_expired = event.call.status() == Some(401);
        if is_expired && repeats >= REPEATS {
            return;
        }
        refusals.times.add(cx.now, self.window, Rate::cap(self.refusals));
        let endpoints = refusals.endpoints.add(cx.now, endpoint, self.window, ENDPOINTS);
        let objects = refusals.objects.replace(
            cx.now,
            |(known, _)| *known == object,
            (object, repeats.saturating_add(1)),
            self.window,
            OBJECTS,
        );
        let count = refusals.times.within(cx.now, self.window);
        if count < self.refusals || endpoints < self.endpoints && objects < self.objects {
            return;
        }
        let evidence = Evidence::new()
            .confidence(85)
            .reason(if is_expired { "unauthenticated" } else { "forbidden" })
            .most("refusals", count)
            .most("endpoints", endpoints as u64)
            .most("objects", objects as u64)
            .respond("limit_rate", of.entity.clone());
        out.hit(evidence);
    }

    fn is_idle(&self, refusals: &Refusals) -> bool {
        refusals.times.heap() == 0
    }

    fn heap(&self, refusals: &Refusals) -> usize {
        refusals.times.heap() + refusals.endpoints.heap(|_| 0) + refusals.objects.heap(|_| 0)
    }

    fn check(&self) -> Result<(), String> {
        if self.endpoints > ENDPOINTS || self.objects > OBJECTS {
            return Err(format!(
                "endpoints, objects: at most {ENDPOINTS} and {OBJECTS} are counted; more are never reached"
            ));
        }
        Rate::reaches("refusals", self.refusals)
    }

    fn memory(&self) -> Span {
        self.window
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (refusals, endpoints, objects, allowed) =
            (measure("refusals"), measure("endpoints"), measure("objects"), measure("allowed"));
        let by = role(&finding.primary);
        let who = match finding.primary {
            Entity::Account(_) => Default::default(),
            _ => accounts(&finding.involved),
        };
        let from = finding.involved.names("client_ip").first().map_or("", |ip| ip);
        let minutes = self.window.0 / Span::minutes(1).0;
        let (allowed_en, allowed_zh) = match allowed {
            0 => Default::default(),
            n => (
                format!(", and then {} at one of them", counted(n, "answered call")),
                format!("，随后其中的接口被成功调用 {n} 次"),
            ),
        };
        Said {
            en: format!(
                "Up to {refusals} refused calls within {} {} {}{} ({from}), at {} and for {}{allowed_en}.",
                counted(minutes, "minute"),
                by.en,
                finding.primary,
                who.en,
                counted(endpoints, "endpoint"),
                counted(objects, "object"),
            ),
            zh: format!(
                "{} {}{}（{from}）在 {minutes} 分钟内最多 {refusals} 次调用被拒，涉及 {endpoints} 个接口、{objects} 个对象{allowed_zh}。",
                by.zh, finding.primary, who.zh
            ),
        }
    }
}

fn is_refused(event: &Event) -> bool {
    event.call.refused || matches!(event.call.status(), Some(401 | 403))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::scene::Seat;
    use crate::harness::Harness;
    use spyhop_model::{Outcome, Status};
    use spyhop_testkit::event;

    fn ask(sensor: &mut Harness, second: u64, target: &str, status: u16) {
        let call = event().at(second).get(target).account("alice").status(status);
        sensor.see_with(call, |event| {
            Seat::at("203.0.113.7").sit(event);
            // The object is a part of the target, not of the endpoint.
            let (path, _) = target.rsplit_once('/').unwrap_or((target, ""));
            event.endpoint = format!("GET {path}/{{id}}").into();
        });
    }

    #[test]
    fn twenty_refusals_of_ten_objects_are_one_incident() {
        let mut sensor = Harness::of::<DeniedBurst>();
        for n in 0..19 {
            ask(&mut sensor, n * 5, &format!("a.example/orders/{n}"), 403);
        }
        sensor.silent();
        let mut sensor = sensor.restarted::<DeniedBurst>();
        ask(&mut sensor, 100, "a.example/orders/19", 403);
        let finding = sensor.only();
        assert_eq!(finding.severity, Severity::Medium);
        assert!(
            finding.summary.en.starts_with("Up to 20 refused calls within 10 minutes by account alice"),
            "{}",
            finding.summary.en
        );
        assert!(finding.summary.en.ends_with("at 1 endpoint and for 20 objects."), "{}", finding.summary.en);
        ask(&mut sensor, 101, "a.example/orders/20", 200);
        assert_eq!((sensor.only().severity, sensor.only().measures["allowed"]), (Severity::High, 1));
        sensor.advance(2_000);
        assert_eq!((sensor.only().status, sensor.held().0), (Status::Closed, 0));
    }

    #[test]
    fn a_body_that_refuses_counts_and_five_endpoints_suffice() {
        let mut sensor = Harness::of::<DeniedBurst>();
        for n in 0..20 {
            let call = event().at(n * 5).get(&format!("a.example/{}/list", n % 5));
            sensor.see_with(call, |event| event.call.refused = true);
        }
        assert_eq!(sensor.only().primary.role(), "client_ip");
    }

    #[test]
    fn an_expired_page_one_forbidden_widget_slow_ones_and_logins_stay_silent() {
        let mut sensor = Harness::of::<DeniedBurst>();
        for n in 0..100 {
            // Nine parts of a page that ask every minute; a widget that this role may not see.
            ask(&mut sensor, n * 7, &format!("a.example/part{}/x", n % 9), 401);
            ask(&mut sensor, 10_000 + n * 7, "a.example/widget/x", 403);
            ask(&mut sensor, 20_000 + n * 61, &format!("a.example/orders/{n}"), if n % 2 == 0 { 403 } else { 200 });
            let login =
                event().at(30_000 + n).post(&format!("a.example/{n}")).login("bob", Outcome::Failure).status(401);
            sensor.see(login);
        }
        sensor.silent();
    }
}
