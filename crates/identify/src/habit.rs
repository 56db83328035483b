//! How logins on an endpoint usually look, and what a client asked for before: pages, pictures, captchas.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use spyhop_model::{
    AgentFamily, Call, Event, Fingerprint, LoginHabits, Nature, Outcome, Refusal, Span, Timestamp, Traits,
};

use crate::recent::Recent;

/// Login endpoints and visitors that are remembered; about 300 and 70 bytes each.
const ENDPOINTS: usize = 5_000;
const VISITORS: usize = 100_000;
/// Agents of an endpoint that are counted.
const AGENTS: usize = 16;
/// What was asked for before a login belongs to it.
const BEFORE: Span = Span::minutes(30);

/// Habits of all login endpoints.
pub struct Habits {
    endpoints: Recent<Shared, Habit>,
    visitors: Recent<u64, Visit>,
}

/// A shared name; a number stands for it as a key, since names live on elsewhere.
type Shared = u64;

/// Of one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Habit {
    accepted: u32,
    refused: u32,
    by_browser: u32,
    with_referer: u32,
    after_page: u32,
    no_such_user: bool,
    bad_password: bool,
    agents: Vec<(AgentFamily, String, u32)>,
}

/// What a client or session asked for, and when last.
#[derive(Clone, Copy, Debug, Default)]
struct Visit {
    page: Option<Timestamp>,
    login_page: Option<Timestamp>,
}

/// Habits as a snapshot holds them.
#[derive(Default, Serialize, Deserialize)]
pub struct SavedHabits(Vec<(Shared, Habit)>);

impl Default for Habits {
    fn default() -> Habits {
        Habits { endpoints: Recent::new(ENDPOINTS), visitors: Recent::new(VISITORS) }
    }
}

impl Habits {
    /// Endpoints and visitors that had to be forgotten.
    pub fn forgotten(&self) -> u64 {
        self.endpoints.evicted() + self.visitors.evicted()
    }

    /// Notes what a call asks for, if that is a page or belongs to one.
    pub fn visit(&mut self, call: &Call, nature: Nature, client: IpAddr, session: Option<Fingerprint>) {
        let Some(asked) = asked(call, nature) else { return };
        let at = call.ended_at;
        for visitor in [session.map(|session| session.0), by_client(client, call)].into_iter().flatten() {
            let visit = self.visitors.entry(visitor, at, Visit::default);
            visit.page = Some(at);
            if asked == Asked::LoginPage {
                visit.login_page = Some(at);
            }
        }
    }

    /// How logins on this one's endpoint usually look, and whether this one looks so.
    pub fn of(&mut self, event: &Event) -> LoginHabits {
        let began = event.call.began_at;
        let lately = |at: Option<Timestamp>| at.filter(|at| *at <= began && began.since(*at) <= BEFORE);
        let mut habits = LoginHabits::default();
        let session = event.session.as_ref().map(|session| session.id.0);
        // The session knows better than the address, behind which others may read the page at the same time.
        for visitor in [session, by_client(event.client.ip, &event.call)].into_iter().flatten() {
            let Some(visit) = self.visitors.get(&visitor, began) else { continue };
            habits.had_page |= lately(visit.page).is_some();
            habits.filled_in = habits.filled_in.or(lately(visit.login_page)
                .map(|at| u32::try_from(began.since(at).0 / Span::millis(1).0).unwrap_or(u32::MAX)));
        }
        let Some(known) = self.endpoints.get(&name(&event.endpoint), began) else { return habits };
        let agent = (event.call.agent.family, event.call.agent.name.unwrap_or(""));
        LoginHabits {
            accepted: known.accepted,
            refused: known.refused,
            by_browser: known.by_browser,
            with_referer: known.with_referer,
            by_same_agent: known.agents.iter().find(|(family, name, _)| (*family, &**name) == agent).map_or(0, |a| a.2),
            after_page: known.after_page,
            tells_existence: known.no_such_user && known.bad_password,
            ..habits
        }
    }

    /// Learns from how a login ended.
    pub fn learn(&mut self, event: &Event, outcome: Outcome) {
        let Some(login) = &event.call.login else { return };
        let habit = self.endpoints.entry(name(&event.endpoint), event.call.moment.at, Habit::default);
        match outcome {
            Outcome::Unknown => {}
            Outcome::Failure => {
                habit.refused = habit.refused.saturating_add(1);
                habit.no_such_user |= login.refusal == Some(Refusal::NoSuchUser);
                habit.bad_password |= matches!(login.refusal, Some(Refusal::BadPassword | Refusal::BadCredentials));
            }
            Outcome::Success => habit.accept(event),
        }
    }

    /// What the next run can start from.
    pub fn save(&self) -> SavedHabits {
        SavedHabits(self.endpoints.iter().map(|(name, habit)| (*name, habit.clone())).collect())
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: SavedHabits) {
        for (name, habit) in saved.0 {
            self.endpoints.insert(name, habit, Timestamp::default());
        }
    }
}

impl Habit {
    fn accept(&mut self, event: &Event) {
        let call = &event.call;
        let (family, name) = (call.agent.family, call.agent.name.unwrap_or(""));
        let count = |counter: &mut u32, holds: bool| *counter = counter.saturating_add(u32::from(holds));
        let by_browser = family == AgentFamily::Browser;
        let refers = call.traits.has(Traits::REFERER) || call.traits.has(Traits::ORIGIN);
        count(&mut self.accepted, true);
        count(&mut self.by_browser, by_browser);
        count(&mut self.with_referer, by_browser && refers);
        count(&mut self.after_page, event.habits.as_ref().is_some_and(|habits| habits.had_page));
        if let Some((_, _, seen)) =
            self.agents.iter_mut().find(|(known, called, _)| (*known, &**called) == (family, name))
        {
            count(seen, true);
        } else if self.agents.len() < AGENTS {
            self.agents.push((family, name.to_owned(), 1));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Page,
    LoginPage,
}

/// What people's browsers ask for before a login and programs do not.
fn asked(call: &Call, nature: Nature) -> Option<Asked> {
    let (request, response) = (call.request.as_ref()?, call.response.as_ref()?);
    if call.message.is_some() || &*request.method != "GET" || call.login.is_some() || response.status >= 400 {
        return None;
    }
    let kind = response.content_type.as_deref().unwrap_or("");
    let page = nature.has(Nature::PAGE) || matches!(kind, "text/html" | "application/xhtml+xml");
    if page && (nature.has(Nature::LOGIN) || is_login_page(&request.target)) {
        return Some(Asked::LoginPage);
    }
    (page || is_static(call, nature) || is_captcha(&request.target)).then_some(Asked::Page)
}

/// Whether a call asks for one of a page's own files.
pub fn is_static(call: &Call, nature: Nature) -> bool {
    let kind = call.response.as_ref().and_then(|response| response.content_type.as_deref()).unwrap_or("");
    nature.has(Nature::STATIC)
        || kind == "text/css"
        || kind.ends_with("javascript")
        || kind.starts_with("image/")
        || kind.starts_with("font/")
}

fn is_login_page(target: &str) -> bool {
    contains_any(target, &["login", "signin", "sign-in", "sign_in", "logon", "/auth", "/cas", "passport", "denglu"])
}

/// Whether a target delivers the riddles that tell people from programs.
pub fn is_captcha(target: &str) -> bool {
    contains_any(target, &["captcha", "verifycode", "validcode", "yzm", "kaptcha", "randcode"])
}

fn contains_any(target: &str, words: &[&str]) -> bool {
    /// A path that is longer says nothing more.
    const LOOKED_AT: usize = 128;
    let path = target.split(['?', '#']).next().unwrap_or("");
    let path: Vec<u8> = path.bytes().take(LOOKED_AT).map(|byte| byte.to_ascii_lowercase()).collect();
    words.iter().any(|word| path.windows(word.len()).any(|part| part == word.as_bytes()))
}

/// A client's software at its address; `None` where the software shows nothing of itself.
fn by_client(client: IpAddr, call: &Call) -> Option<u64> {
    let address = match client.to_canonical() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() ^ ip.to_bits() >> 64) as u64,
    };
    Some(call.picture?.0 ^ address.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A number for an endpoint (FNV-1a), equal in every run.
pub fn name(endpoint: &str) -> u64 {
    endpoint.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
