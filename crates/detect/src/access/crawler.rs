//! access.crawler

use serde::{Deserialize, Serialize};
use spyhop_model::{
    AgentFamily, Class, Entity, Event, Finding, Form, Grade, Half, Rule, Said, Severity, Span, Text, settings,
};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::window::Rate;
use crate::wording::counted;

settings! {
    /// Machine behaviour: declared bots, scripted clients, driven browsers.
    pub struct Crawler {
        /// Requests within `within` from which on a scripted client or a driven browser is reported. Declared bots are reported at once.
        requests: u64 = 30,
        /// Time within which they are counted.
        within: Span = Span::minutes(10),
        /// Names of clients that are expected, such as ["okhttp"], as findings show them.
        known_clients: Vec<String> = Vec::new(),
        /// An incident is over after this long without such a request.
        quiet: Span = Span::hours(1),
    }
}

/// Requests of one address under one name.
#[derive(Default, Serialize, Deserialize)]
pub struct Requests {
    times: Rate,
}

impl Detector for Crawler {
    const RULE: &'static Rule = &Rule {
        kind: "access.crawler",
        class: Class::Incident,
        severity: Severity::Low,
        title: Text { en: "crawler or scripted client", zh: "爬虫或脚本客户端" },
        about: Text {
            en: "Requests come from a declared bot, from a program by an HTTP library, or from a browser that a program drives, by what \
                 the user agent says. Partners and own services call by libraries too: name those in `known_clients`. Monitoring probes \
                 are not reported.",
            zh: "根据 User-Agent，请求来自声明的爬虫、使用 HTTP 库的程序或由程序驱动的浏览器。合作方与自有服务也会使用 HTTP 库：\
                 请在 `known_clients` 中列出。监控探针不上报。",
        },
        advice: Text {
            en: "Decide whether this client may call this service; limit its rate or refuse it, and look at what data it obtained.",
            zh: "判断该客户端是否可调用此服务；限速或拒绝，并核查其获取的数据。",
        },
        clause: "网络爬虫、机器行为特征",
    };
    type State = Requests;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        let Some(class) = class(event.call.agent.family) else { return };
        if event.call.request.is_none() {
            return;
        }
        let name = event.call.agent.name.unwrap_or(class);
        if !self.known_clients.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            out.push(CellKey::within(Entity::ClientIp(event.client.ip), name));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, requests: &mut Requests, out: &mut Verdicts) {
        let Some(class) = class(event.call.agent.family) else { return };
        let needed = if event.call.agent.family == AgentFamily::Bot { 1 } else { self.requests };
        requests.times.add(cx.now, self.within, Rate::cap(self.requests));
        let seen = requests.times.within(cx.now, self.within);
        if seen < needed {
            return;
        }
        let returned = event.call.observations.iter().filter(|seen| {
            seen.half == Half::Response && seen.form == Form::Full && seen.is_reported() && seen.grade >= Grade::L3
        });
        let mut evidence = Evidence::new()
            .reason(class)
            .most("requests_in_window", seen)
            .sample(of.scope.as_deref().unwrap_or(class))
            .respond("limit_rate", of.entity.clone());
        if let Some(grade) = returned.map(|seen| seen.grade).max() {
            let severity = if grade >= Grade::L4 { Severity::High } else { Severity::Medium };
            evidence = evidence.severity(severity).reason("obtained_sensitive_data");
        }
        out.hit(evidence);
    }

    fn heap(&self, requests: &Requests) -> usize {
        requests.times.heap()
    }

    fn check(&self) -> Result<(), String> {
        Rate::reaches("requests", self.requests)
    }

    fn memory(&self) -> Span {
        self.within
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let class = finding.reasons.first().map_or("", |reason| reason);
        let (en, zh) = match class {
            "declared_bot" => ("a declared bot", "声明的爬虫"),
            "headless_browser" => ("a browser driven by a program", "程序驱动的浏览器"),
            _ => ("a scripted client", "脚本客户端"),
        };
        let name = finding.samples.first().map_or("", |name| name);
        // The requests that led up to the first hit are no hits.
        let in_window = finding.measures.get("requests_in_window").copied().unwrap_or(0);
        let calls = finding.count.max(in_window);
        let endpoints = finding.involved.names("endpoint").len();
        let more = finding.involved.has_more("endpoint");
        Said {
            en: format!(
                "{} ({name}), {en}, made {} to {}{}.",
                finding.primary,
                counted(calls, "request"),
                if more { "more than " } else { "" },
                counted(endpoints as u64, "endpoint")
            ),
            zh: format!(
                "{}（{name}）为{zh}，对{}{endpoints} 个接口发出 {calls} 次请求。",
                finding.primary,
                if more { "超过 " } else { " " }
            ),
        }
    }
}

fn class(family: AgentFamily) -> Option<&'static str> {
    match family {
        AgentFamily::Bot => Some("declared_bot"),
        AgentFamily::Library => Some("http_library"),
        AgentFamily::Headless => Some("headless_browser"),
        // No user agent at all is not enough by itself (handbook §6.4: 50 points of the 60 that are needed).
        AgentFamily::None | AgentFamily::Browser | AgentFamily::Monitor | AgentFamily::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_testkit::{event, types};

    #[test]
    fn a_declared_bot_fires_at_once() {
        let mut sensor = Harness::of::<Crawler>();
        sensor.see(event().get("a.example/").agent(AgentFamily::Bot, "AhrefsBot"));
        assert_eq!(&*sensor.only().reasons[0], "declared_bot");
    }

    #[test]
    fn a_scripted_client_fires_at_thirty_requests_in_ten_minutes() {
        let mut sensor = Harness::of::<Crawler>();
        let request = |n: u64| event().at(n * 19).get("a.example/list").agent(AgentFamily::Library, "python-requests");
        for n in 0..29 {
            sensor.see(request(n));
        }
        sensor.silent();
        sensor.see(request(29));
        let finding = sensor.only();
        assert_eq!(finding.count, 1);
        assert!(finding.summary.en.contains("made 30 requests"), "{}", finding.summary.en);
        assert!(finding.summary.zh.contains("30 次请求"), "{}", finding.summary.zh);
    }

    #[test]
    fn a_slow_script_browsers_and_known_clients_stay_silent() {
        let mut sensor = Harness::with(Crawler { known_clients: vec!["okhttp".into()], ..Crawler::default() });
        for n in 0..100 {
            sensor.see(event().at(n * 25).get("a.example/").agent(AgentFamily::Library, "curl"));
            sensor.see(event().at(n * 25).get("a.example/").agent(AgentFamily::Browser, ""));
        }
        for n in 0..100 {
            sensor.see(event().at(2_600 + n).get("a.example/").agent(AgentFamily::None, ""));
            sensor.see(event().at(2_600 + n).get("a.example/").agent(AgentFamily::Library, "okhttp"));
        }
        sensor.silent();
    }

    #[test]
    fn sensitive_data_that_it_obtained_raises_it_by_grade() {
        let request = || event().get("a.example/u").agent(AgentFamily::Bot, "AhrefsBot");
        for (request, expected) in [
            (request().returns(&types::RESIDENT_ID, 1), Severity::High),
            (request().returns(&types::MOBILE, 1), Severity::Medium),
            (request().returns(&types::EMAIL, 1), Severity::Low),
            (request().returns_masked(&types::RESIDENT_ID, 1), Severity::Low),
            (request().sends(&types::RESIDENT_ID, 1), Severity::Low),
        ] {
            let mut sensor = Harness::of::<Crawler>();
            sensor.see(request);
            assert_eq!(sensor.only().severity, expected);
        }
    }
}
