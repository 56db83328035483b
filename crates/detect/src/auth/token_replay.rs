//! auth.token_replay

use serde::{Deserialize, Serialize};
use spyhop_model::{
    AgentFamily, Class, Country, Entity, Event, Finding, Nature, Rule, Said, Severity, Span, Text, Timestamp, settings,
};

use crate::baseline;
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::window::make_room;
use crate::wording::counted;

settings! {
    /// One session is used from two devices and networks, or after its logout.
    pub struct TokenReplay {
        /// Uses from two places within this time overlap.
        overlap: Span = Span::minutes(10),
        /// Calls that were under way at the logout may still be answered for so long.
        grace: Span = Span::seconds(5),
        /// An incident is over after this long without such a use.
        quiet: Span = Span::hours(1),
    }
}

/// Users of a session that are remembered.
const USERS: usize = 4;
/// Calls to nothing in particular after a logout, such as the counter of unread messages, that are one too many.
const CALLS: u8 = 3;

/// Who uses a session.
#[derive(Default, Serialize, Deserialize)]
pub struct Users {
    seen: Vec<User>,
    after_logout: u8,
}

/// A software in a network.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct User {
    picture: u64,
    software: u64,
    is_program: bool,
    host: u64,
    ip: std::net::IpAddr,
    country: Option<Country>,
    /// Many people are behind the address: an office has several exits, and its machines work through any.
    is_shared: bool,
    last: Timestamp,
}

impl User {
    /// Neither the device nor the network explains that the other has the token too.
    fn is_another_than(&self, other: &User) -> bool {
        let is_abroad = self.country.is_some() && other.country.is_some() && self.country != other.country;
        self.software != other.software
            && self.host == other.host
            && !(self.is_shared && other.is_shared)
            && (is_abroad || baseline::are_apart(baseline::wide(self.ip), baseline::wide(other.ip)))
    }
}

impl Detector for TokenReplay {
    const RULE: &'static Rule = &Rule {
        kind: "auth.token_replay",
        class: Class::Incident,
        severity: Severity::High,
        title: Text { en: "session or token used by another", zh: "会话或令牌被重放" },
        about: Text {
            en: "One session or token was used by two kinds of software from two networks within minutes, or was still accepted after \
                 its logout. One device that moves from wifi to the mobile network, and an office with several exits, are not meant.",
            zh: "同一会话或令牌在数分钟内被两种软件从两个网络使用，或在注销后仍被接受。同一设备从无线网切换到移动网络、有多个出口的办公网不在此列。",
        },
        advice: Text {
            en: "End the session, find out how the token got out, bind sessions to what stays the same, and have the server forget them at \
                 logout.",
            zh: "注销该会话，查明令牌泄露途径；将会话与设备特征绑定，注销后服务端应立即失效。",
        },
        clause: "账号借用、异常调用",
    };
    type State = Users;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if let Some(session) = &event.session
            && event.call.login.is_none()
            && event.call.succeeded()
            && event.nature.0 & (Nature::STATIC | Nature::HEALTH | Nature::LOGOUT) == 0
        {
            out.push(CellKey::of(Entity::Session(session.id)));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, users: &mut Users, out: &mut Verdicts) {
        self.judge_logout(event, of, users, out);
        let ip = event.client.ip;
        let picture = event.call.picture.map_or(0, |picture| picture.0);
        let host = baseline::text(event.host());
        let is_same = |user: &User| (user.ip, user.picture, user.host) == (ip, picture, host);
        // Nearly all: the same user again.
        if users.seen.len() == 1
            && let Some(user) = users.seen.first_mut().filter(|user| is_same(user))
        {
            user.last = cx.now;
            return;
        }
        let Some(software) = baseline::software(event) else { return };
        let is_program =
            matches!(event.call.agent.family, AgentFamily::Library | AgentFamily::Bot | AgentFamily::Headless);
        let (country, is_shared, last) = (event.client.country, event.crowd.shared, cx.now);
        let now = User { picture, software, is_program, host, ip, country, is_shared, last };
        users.seen.retain(|user| cx.now.since(user.last) < self.overlap);
        let came_back = users.seen.iter().position(is_same);
        // A token that goes from one to the other may have been handed on within one device (an app and its page). It is two who
        // use it if the first comes back, if one is a program and the other not, or if a border lies between.
        let other = users.seen.iter().filter(|user| now.is_another_than(user)).find(|user| {
            came_back.is_some()
                || user.is_program != now.is_program
                || user.country.is_some() && now.country.is_some() && user.country != now.country
        });
        if let Some(other) = other {
            let way = format!("{} / {}", baseline::whence(other.ip, other.country), baseline::whence(ip, country));
            let evidence = Evidence::new()
                .confidence(80)
                .reason("two_devices")
                .sum("replayed", 1)
                .involves(Entity::ClientIp(other.ip))
                .sample(way)
                .respond("revoke_token", of.entity.clone());
            out.hit(evidence);
        }
        if let Some(at) = came_back {
            users.seen.remove(at);
        }
        users.seen.truncate(USERS - 1);
        make_room(&mut users.seen);
        users.seen.insert(0, now);
    }

    fn is_idle(&self, users: &Users) -> bool {
        users.seen.is_empty() && users.after_logout == 0
    }

    fn heap(&self, users: &Users) -> usize {
        users.seen.capacity() * size_of::<User>()
    }

    fn memory(&self) -> Span {
        Span::hours(1).max(self.overlap)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (replayed, after) = (measure("replayed"), measure("after_logout"));
        let who = crate::wording::accounts(&finding.involved);
        let (mut en, mut zh) = (Vec::new(), Vec::new());
        if replayed > 0 {
            let way = finding.samples.first().map_or("", |sample| sample);
            en.push(format!(
                "was used by two kinds of software from two networks at once ({way}; {})",
                counted(replayed, "change")
            ));
            zh.push(format!("在短时间内被两种软件从两个网络交替使用（{way}，{replayed} 次）"));
        }
        if after > 0 {
            let from = finding.involved.names("client_ip").join(", ");
            en.push(format!("was still accepted {} after its logout ({from})", counted(after, "time")));
            zh.push(format!("注销后仍被接受 {after} 次（{from}）"));
        }
        Said {
            en: format!("Session {}{} {}.", finding.primary, who.en, en.join(", and ")),
            zh: format!("会话 {}{} {}。", finding.primary, who.zh, zh.join("，且")),
        }
    }
}

impl TokenReplay {
    /// A page, or the answer to an unknown caller, may come with 2xx too: what counts is that the call did something.
    fn judge_logout(&self, event: &Event, of: &CellKey, users: &mut Users, out: &mut Verdicts) {
        const OPEN: u16 = Nature::PAGE | Nature::LOGIN | Nature::CODE | Nature::REGISTER;
        const SERIOUS: [u16; 5] = [Nature::QUERY, Nature::EXPORT, Nature::ADMIN, Nature::HIGH_RISK, Nature::UPLOAD];
        let Some(ended_at) = event.session.as_ref().and_then(|session| session.ended_at) else { return };
        if event.call.refused || event.nature.0 & OPEN != 0 || event.call.began_at <= ended_at + self.grace {
            return;
        }
        users.after_logout = users.after_logout.saturating_add(1);
        let is_serious = SERIOUS.into_iter().any(|nature| event.nature.has(nature))
            || event.call.observations.iter().any(|seen| seen.is_reported());
        if is_serious || users.after_logout >= CALLS {
            let evidence = Evidence::new()
                .severity(Severity::Medium)
                .confidence(85)
                .reason("after_logout")
                .sum("after_logout", 1)
                .respond("revoke_token", of.entity.clone());
            out.hit(evidence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::scene::{Seat, call};
    use crate::harness::Harness;

    fn work(sensor: &mut Harness, second: u64, seat: &Seat) {
        sensor.see_with(call(second, "alice"), |event| seat.sit(event));
    }
    fn owner() -> Seat {
        Seat::at("203.0.113.7").session(7)
    }
    fn thief() -> Seat {
        Seat::at("198.51.100.7").session(7).software(2)
    }

    #[test]
    fn two_who_take_turns_with_one_token_are_one_incident() {
        let mut sensor = Harness::of::<TokenReplay>();
        for n in 0..6 {
            let seat = if n % 2 == 0 { owner() } else { thief() };
            work(&mut sensor, n * 60, &seat);
        }
        let finding = sensor.only();
        assert_eq!((finding.severity, finding.count), (Severity::High, 4));
        let summary = &finding.summary.en;
        assert!(
            summary.starts_with("Session 0000000000000007 (account alice) was used by two kinds of software"),
            "{summary}"
        );
        assert!(summary.contains("198.51.100.7 (CN) / 203.0.113.7 (CN)"), "{summary}");
    }

    #[test]
    fn a_program_or_a_border_needs_no_return() {
        for program in [true, false] {
            let mut sensor = Harness::of::<TokenReplay>();
            work(&mut sensor, 0, &owner());
            let mut sensor = sensor.restarted::<TokenReplay>();
            let seat = if program { thief() } else { thief().overseas("US") };
            let family = if program { AgentFamily::Library } else { AgentFamily::Browser };
            sensor.see_with(call(60, "alice").agent(family, ""), |event| seat.sit(event));
            assert_eq!(sensor.only().measures["replayed"], 1);
        }
    }

    #[test]
    fn wifi_to_phone_gateways_and_what_is_long_past_stay_silent() {
        let mut sensor = Harness::of::<TokenReplay>();
        for n in 0..6 {
            // The same software in two networks; other software in one; an app and its page on the way.
            work(&mut sensor, n * 60, &owner());
            work(&mut sensor, n * 60 + 5, &thief().software(1));
        }
        for n in 0..6 {
            work(&mut sensor, 600 + n * 60, &Seat::at("203.0.113.7").session(8).software(n));
            let seat = if n % 2 == 0 { owner() } else { thief() };
            work(&mut sensor, 605 + n * 60, &seat.session(9).shared());
        }
        work(&mut sensor, 2_000, &owner().session(10));
        work(&mut sensor, 2_060, &thief().session(10));
        work(&mut sensor, 3_000, &owner().session(11));
        work(&mut sensor, 3_601, &thief().session(11).overseas("US"));
        sensor.silent();
    }

    #[test]
    fn a_session_that_outlives_its_logout_is_told() {
        let ended = |second: u64, nature: u16| {
            (call(second, "alice"), move |event: &mut Event| {
                owner().sit(event);
                event.nature = Nature(nature);
                if let Some(session) = &mut event.session {
                    session.ended_at = Some(spyhop_testkit::time(100));
                }
            })
        };
        let mut sensor = Harness::of::<TokenReplay>();
        for (second, nature) in [(104, Nature::QUERY), (200, Nature::PAGE), (300, 0), (301, 0)] {
            let (event, change) = ended(second, nature);
            sensor.see_with(event, change);
        }
        sensor.silent();
        let (event, change) = ended(400, Nature::QUERY);
        sensor.see_with(event, change);
        let finding = sensor.only();
        assert_eq!((finding.measures["after_logout"], finding.severity), (1, Severity::Medium));
        assert!(finding.summary.en.ends_with("was still accepted 1 time after its logout (203.0.113.7)."));
    }
}
