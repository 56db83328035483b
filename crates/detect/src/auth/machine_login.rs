//! auth.machine_login

use spyhop_model::{
    AgentFamily, Class, Entity, Event, Finding, Login, Outcome, Rule, Said, Severity, Span, Text, Traits, Transport,
    Zone, settings,
};

use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::logins::{Attack, whereabouts};
use crate::wording;

settings! {
    /// Logins that a program makes.
    pub struct MachineLogin {
        /// Points that an attempt needs: 50 for a library or no user agent, 60 for a headless browser, 30 for no Referer where browsers send one, 20 to 25 for each lesser trait.
        points: u64 = 50,
        /// One finding covers a device's machine logins at an endpoint until there was none for this long.
        quiet: Span = Span::days(1),
    }
}

/// Accepted logins by browsers that tell whether browsers send a Referer on an endpoint, and whether they come from a page.
const KNOWN: u32 = 10;
/// Of 100 accepted logins so many come with one library: it is the endpoint's application.
const APPLICATION: u32 = 20;
/// Faster nobody fills in a form, in milliseconds.
const FILLED_IN: u32 = 1_000;

impl Detector for MachineLogin {
    const RULE: &'static Rule = &Rule {
        kind: "auth.machine_login",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "a program logs in", zh: "机器登录" },
        about: Text {
            en: "A login looks made by a program: its user agent is a library, a command-line client, a headless browser or missing, or what \
                 browsers send on this endpoint is missing (Referer, languages, client hints, the page before). The library of an \
                 application that many people use here does not count, nor does a monitoring probe of the inside; a service account may \
                 well log in this way.",
            zh: "登录请求具有机器特征：User-Agent 为程序库、命令行工具、无头浏览器或为空，或缺少浏览器在该接口通常携带的内容（Referer、语言、\
                 客户端提示、先行访问的页面）。本接口大量用户所用 App 的程序库不计，内网监控探针不计；服务账号也可能如此登录。",
        },
        advice: Text {
            en: "Find out whose program it is; give services their own credentials, and require a captcha on logins for people.",
            zh: "核实程序归属；服务应使用专用凭据，面向人员的登录接口启用验证码。",
        },
        clause: "空 Referer、非浏览器 UA 头登录",
    };
    const VIEWS: Views = Views::LOGINS;
    type State = ();

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        // Credentials that every request repeats are how programs call interfaces, and no form for people.
        if event.login().is_some_and(|login| !login.method.repeats()) && score(event) >= self.points {
            out.push(cell(event));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, _state: &mut (), out: &mut Verdicts) {
        let Some(login) = event.login() else { return };
        if Attack::Machine.is_explained(cx.findings, event) && !only_fast(event, cx) {
            return;
        }
        let mut points = 0;
        let mut evidence = Evidence::new().sample(whereabouts(event)).sum("logins", 1);
        for (reason, worth) in traits(event) {
            points += worth;
            evidence = evidence.reason(reason);
        }
        let accepted = u64::from(login.outcome == Outcome::Success);
        evidence = evidence.most("points", points).sum("accepted", accepted).confidence(confidence(login, points));
        if let Some(name) = event.call.agent.name {
            evidence = evidence.sample(format!("agent {name}"));
        }
        out.hit_of(of.clone(), evidence.respond("review", Entity::ClientIp(event.client.ip)));
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn check(&self) -> Result<(), String> {
        super::within("points", self.points, 100)
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or_default();
        let (logins, accepted, points) = (measure("logins"), measure("accepted"), measure("points"));
        let (at, place, when) = (wording::endpoints(finding), wording::whence(finding), wording::when(finding));
        let agent = finding.samples.iter().find_map(|sample| sample.strip_prefix("agent "));
        let because: Vec<Text> = finding.reasons.iter().filter_map(|reason| wording_of(reason)).collect();
        let join = |lang: fn(&Text) -> &'static str, by: &str| because.iter().map(lang).collect::<Vec<_>>().join(by);
        let (en, zh) = (join(|text| text.en, ", "), join(|text| text.zh, "、"));
        let by = agent.map_or_else(String::new, |agent| format!(" ({agent})"));
        let from = finding.involved.names("client_ip").first().map_or("", |name| name);
        let who = wording::accounts(&finding.involved);
        let attempts = wording::counted(logins, "login");
        Said {
            en: format!(
                "A program{by} at {from}{} logs in at {at}: {attempts}, {accepted} accepted; {en} ({points} points){}{}.",
                place.en, who.en, when.en
            ),
            zh: format!(
                "{from}{} 上的程序{by}在 {at} 登录 {logins} 次，成功 {accepted} 次；特征：{zh}（{points} 分）{}{}。",
                place.zh, who.zh, when.zh
            ),
        }
    }
}

/// Attempts at high frequency do not explain that a program makes them.
fn only_fast(event: &Event, cx: &Context<'_>) -> bool {
    !Attack::HighFrequency.is_explained(cx.findings, event)
}

fn cell(event: &Event) -> CellKey {
    let who = event.device.map_or(Entity::ClientIp(event.client.ip), Entity::Device);
    CellKey::within(who, &event.endpoint)
}

fn confidence(login: &Login, points: u64) -> u8 {
    let points = u8::try_from(points.min(95)).unwrap_or(95);
    points.max(60).min(login.confidence)
}

fn score(event: &Event) -> u64 {
    traits(event).map(|(_, worth)| worth).sum()
}

/// What of an attempt looks made by a program, with what it is worth (handbook §6.1).
fn traits(event: &Event) -> impl Iterator<Item = (&'static str, u64)> {
    let is_app_library = event.call.agent.name.is_some_and(|name| {
        ["okhttp", "cfnetwork", "alamofire", "dart", "cronet"].iter().any(|app| name.to_ascii_lowercase().contains(app))
    });
    let agent = match event.call.agent.family {
        // By itself it may be an app that is not known yet.
        AgentFamily::Library if is_app_library => Some(("library", 30)),
        AgentFamily::Library => Some(("library", 50)),
        AgentFamily::Headless => Some(("headless", 60)),
        AgentFamily::Bot | AgentFamily::Monitor => Some(("bot", 50)),
        AgentFamily::None => Some(("no_agent", 50)),
        AgentFamily::Browser | AgentFamily::Other => None,
    };
    let habits = event.habits.as_deref().copied().unwrap_or_default();
    let of_hundred = |part: u32, whole: u32| u64::from(part) * 100 / u64::from(whole).max(1);
    let is_library = event.call.agent.family == AgentFamily::Library;
    // An application's own software, and a probe of the inside, are as they should be.
    let is_application = habits.accepted >= KNOWN
        && of_hundred(habits.by_same_agent, habits.accepted) >= u64::from(APPLICATION)
        && (is_app_library || matches!(event.call.agent.family, AgentFamily::Other));
    let is_probe = event.call.agent.family == AgentFamily::Monitor && event.client.zone == Zone::Inside;
    let sends = |bits: u16| event.call.traits.has(bits);
    let knows_browsers = habits.by_browser >= KNOWN;
    let no_referer = knows_browsers
        && of_hundred(habits.with_referer, habits.by_browser) >= 80
        && !sends(Traits::REFERER)
        && !sends(Traits::ORIGIN);
    let no_page = habits.accepted >= KNOWN && of_hundred(habits.after_page, habits.accepted) >= 50 && !habits.had_page;
    let over_tls = event.call.transport != Transport::Cleartext;
    let no_hints = over_tls && sends(Traits::SAYS_CHROMIUM) && !sends(Traits::CLIENT_HINTS);
    let is_fast = habits.filled_in.is_some_and(|millis| millis < FILLED_IN);
    // An app is no browser: what browsers send is not asked of it.
    let as_browser = matches!(event.call.agent.family, AgentFamily::Browser | AgentFamily::Headless)
        || is_library
        || agent.is_some();
    let all = [
        agent,
        (as_browser && no_referer).then_some(("no_referer", 30)),
        (as_browser && no_page).then_some(("no_page", 20)),
        (as_browser && knows_browsers && !sends(Traits::LANGUAGE)).then_some(("no_language", 20)),
        no_hints.then_some(("no_client_hints", 25)),
        is_fast.then_some(("filled_in_at_once", 20)),
    ];
    all.into_iter().flatten().filter(move |_| !is_application && !is_probe)
}

fn wording_of(reason: &str) -> Option<Text> {
    Some(match reason {
        "library" => Text { en: "its user agent is a program's", zh: "User-Agent 为程序库" },
        "headless" => Text { en: "its browser is driven by a program", zh: "无头浏览器" },
        "bot" => Text { en: "it says that it is a bot", zh: "自称机器人" },
        "no_agent" => Text { en: "it names no user agent", zh: "User-Agent 为空" },
        "no_referer" => {
            Text { en: "it sends no Referer where browsers do", zh: "缺少浏览器通常携带的 Referer" }
        }
        "no_page" => Text { en: "it never asked for the page", zh: "此前未访问页面" },
        "no_language" => Text { en: "it accepts no language", zh: "缺少 Accept-Language" },
        "no_client_hints" => {
            Text { en: "it says Chromium and lacks its hints", zh: "自称 Chromium 但缺少客户端提示" }
        }
        "filled_in_at_once" => Text { en: "the form was filled in within a second", zh: "一秒内填完表单" },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{LoginHabits, LoginMethod, Status};
    use spyhop_testkit::{EventBuilder, event};

    const HABITS: LoginHabits = LoginHabits {
        accepted: 100,
        refused: 5,
        by_browser: 70,
        with_referer: 70,
        by_same_agent: 0,
        after_page: 90,
        had_page: true,
        filled_in: Some(9_000),
        tells_existence: false,
    };

    fn login(second: u64) -> EventBuilder {
        event().at(second).from("203.0.113.9").post("a.example/login").login("alice", Outcome::Success)
    }

    fn see(sensor: &mut Harness, login: EventBuilder, traits: u16, habits: LoginHabits) {
        sensor.see_with(login, |event| {
            event.call.traits = Traits(traits);
            event.habits = Some(Box::new(habits));
        });
    }

    const USUAL: u16 = Traits::REFERER | Traits::LANGUAGE;

    #[test]
    fn libraries_headless_browsers_and_empty_agents_are_told_once_a_device() {
        for (family, name, reason) in [
            (AgentFamily::Library, "python-requests", "library"),
            (AgentFamily::Headless, "", "headless"),
            (AgentFamily::None, "", "no_agent"),
        ] {
            let mut sensor = Harness::of::<MachineLogin>();
            for n in 0..5 {
                see(&mut sensor, login(n * 3_600).agent(family, name).device("x"), USUAL, HABITS);
            }
            let finding = sensor.only();
            assert_eq!((&*finding.reasons[0], finding.measures["logins"]), (reason, 5));
        }
        let mut sensor = Harness::of::<MachineLogin>();
        see(&mut sensor, login(0).agent(AgentFamily::Library, "python-requests"), USUAL, HABITS);
        let finding = sensor.only();
        assert!(finding.summary.en.contains("A program (python-requests) at 203.0.113.9"), "{}", finding.summary.en);
    }

    #[test]
    fn a_browser_without_what_browsers_send_is_told() {
        let mut sensor = Harness::of::<MachineLogin>();
        see(&mut sensor, login(0), Traits::REFERER, HABITS);
        see(&mut sensor, login(1), Traits::LANGUAGE, HABITS);
        sensor.silent();
        see(&mut sensor, login(2), 0, HABITS);
        let finding = sensor.only();
        assert_eq!(finding.reasons.iter().map(|r| &**r).collect::<Vec<_>>(), ["no_referer", "no_language"]);
    }

    #[test]
    fn apps_probes_people_and_interfaces_stay_silent() {
        let mut sensor = Harness::of::<MachineLogin>();
        let app = LoginHabits { by_same_agent: 30, had_page: false, filled_in: None, ..HABITS };
        see(&mut sensor, login(0).agent(AgentFamily::Library, "okhttp"), 0, app);
        see(&mut sensor, login(1).agent(AgentFamily::Other, ""), 0, app);
        see(&mut sensor, login(2).agent(AgentFamily::Monitor, "uptime"), 0, HABITS);
        see(&mut sensor, login(3), USUAL, LoginHabits { filled_in: Some(300), ..HABITS });
        sensor.see_with(login(4).agent(AgentFamily::Library, "curl"), |event| {
            if let Some(login) = &mut event.call.login {
                login.method = LoginMethod::Basic;
            }
        });
        // Nothing is known of the endpoint yet.
        see(&mut sensor, login(5), 0, LoginHabits::default());
        sensor.silent();
    }

    #[test]
    fn it_closes_after_a_day_and_survives_a_restart() {
        let mut sensor = Harness::of::<MachineLogin>();
        see(&mut sensor, login(0).agent(AgentFamily::Library, "curl").device("x"), USUAL, HABITS);
        let mut sensor = sensor.restarted::<MachineLogin>();
        see(&mut sensor, login(60).agent(AgentFamily::Library, "curl").device("x"), USUAL, HABITS);
        assert_eq!(sensor.only().count, 2);
        sensor.advance(60 + 86_400);
        assert_eq!(sensor.only().status, Status::Closed);
    }
}
