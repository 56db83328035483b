//! A working day of an invented company in a few minutes: what every detector looks for, among ordinary work.
//!
//! Three services: `crm.corp.example` (form login, session cookie), `api.shop.example` (JSON login, bearer token) and
//! `admin.corp.example` (Basic). Staff inside work with them over several connections a session; some are overseas;
//! someone guesses passwords, crawlers read page by page, a job sends customers to a partner overseas.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use spyhop_model::{Side, Span, Timestamp};

use crate::events::time;
use crate::exposure::{Exposure, exposure};
use crate::frame::Frame;
use crate::http::{Message, base64url, query};
use crate::people::{Person, strong_password, weak_password};
use crate::records::{Content, Records};
use crate::rng::Rng;
use crate::stage::{Faults, Play, Totals, perform};
use crate::wire::Conversation;

/// What a scenario holds, as its author knows it. Counts are of exchanges sent, whole on the wire or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    /// Packets, connections, exchanges.
    pub totals: Totals,
    /// Logins by form and by JSON.
    pub logins: u64,
    /// Those refused.
    pub refused: u64,
    /// Those granted with a weak password.
    pub weak: u64,
    /// Requests with Basic credentials.
    pub basic: u64,
    /// Requests with a token in the target.
    pub tokens_in_target: u64,
    /// Requests that carry a session begun on another connection.
    pub carried_sessions: u64,
    /// Responses with full personal data.
    pub full: u64,
    /// Responses with masked personal data.
    pub masked: u64,
    /// Answers that show data as they should not.
    pub exposed: u64,
    /// Requests of crawlers.
    pub crawled: u64,
    /// Requests of clients overseas.
    pub from_overseas: u64,
    /// Requests with personal data to a server overseas.
    pub to_overseas: u64,
    /// Strong passwords, tokens, sessions and personal values of the capture: none may appear in any output.
    pub secrets: BTreeSet<String>,
}

/// What an unsound network does to a scenario: some loss, some reordering, clocks of 5 ms so that packets tie.
const FAULTS: Faults = Faults { loss: 0.05, late: 1.0, by: Span(400_000), grain: Span::millis(5) };

/// Answers of the customer service that show what they should not, in percent.
const EXPOSED: f64 = 0.2;

const CRAWLERS: [&str; 5] = [
    "python-requests/2.32.5",
    "Scrapy/2.13.3 (+https://scrapy.org)",
    "curl/8.14.1",
    "Go-http-client/1.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
];

const BROWSERS: [&str; 3] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
];

/// The first of the staff who is overseas; then every 25th. The staff is larger than that.
const OVERSEAS: usize = 24;

/// Writes a capture of `exchanges` exchanges of about 1 KB, with loss, reordering and ties, as a nanosecond pcap.
///
/// # Errors
/// Those of `out`.
pub fn scenario(seed: u64, exchanges: u64, out: impl Write) -> io::Result<Planted> {
    scenario_with(seed, exchanges, FAULTS, out)
}

/// As [`scenario`], with faults of the caller's choice.
///
/// # Errors
/// Those of `out`.
pub fn scenario_with(seed: u64, exchanges: u64, faults: Faults, out: impl Write) -> io::Result<Planted> {
    let mut rng = Rng::new(seed);
    let staff = Person::many(&mut rng, (exchanges / 100).clamp(30, 1_000) as usize);
    let customers = Person::many(&mut rng, 500);
    let records = Records::new(&mut rng, &customers);
    let mut planted = Planted::default();
    for person in &customers {
        let values = [&person.resident_id, &person.mobile, &person.bank_card, &person.email];
        planted.secrets.extend(values.into_iter().cloned());
    }
    let users = staff.into_iter().enumerate().map(|(n, person)| Rc::new(User::new(&mut rng, n, person))).collect();
    let mut day = Day { rng, users, records, people: customers, exchanges, entered: 0, planted };
    let seats = (exchanges / 60).clamp(8, 150) as usize;
    let totals = perform(&mut day, seats, time(0), Span::millis(37), faults, seed, out)?;
    Ok(Planted { totals, ..day.planted })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Crm,
    Shop,
    Admin,
}

impl Service {
    fn host(self) -> &'static str {
        match self {
            Service::Crm => "crm.corp.example",
            Service::Shop => "api.shop.example",
            Service::Admin => "admin.corp.example",
        }
    }
    fn socket(self) -> SocketAddr {
        let (last, port) = match self {
            Service::Crm => (1, 80),
            Service::Shop => (2, 8080),
            Service::Admin => (3, 80),
        };
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), port)
    }
}

/// One of the staff.
#[derive(Debug)]
struct User {
    account: String,
    password: String,
    weak: bool,
    ip: Ipv4Addr,
    overseas: bool,
    browser: &'static str,
}

impl User {
    fn new(rng: &mut Rng, n: usize, person: Person) -> Self {
        let weak = rng.chance(12.0);
        let overseas = n % 25 == OVERSEAS;
        let ip = if overseas {
            Ipv4Addr::new(8, 8, 4, (n % 200 + 2) as u8)
        } else {
            Ipv4Addr::new(10, 20, (n / 200) as u8, (n % 200 + 2) as u8)
        };
        User {
            account: format!("{}{n}", person.account),
            password: if weak { weak_password(rng).to_owned() } else { strong_password(rng) },
            weak,
            ip,
            overseas,
            browser: rng.one_of(&BROWSERS),
        }
    }
}

/// What an actor is about.
#[derive(Debug)]
enum Role {
    /// A session of a user: `session` is what the service handed out, `in_target` says whether tokens go into targets,
    /// `typo` whether the first password is wrong.
    Work { user: Rc<User>, service: Service, session: Option<String>, in_target: bool, typo: bool },
    /// Passwords guessed for a few accounts.
    Guess,
    /// Pages read one after the other.
    Crawl { agent: &'static str, page: u64 },
    /// Customers sent to a partner overseas.
    Export,
    /// Reads without a login.
    Visit,
}

/// Someone with a job to do, over one connection after another, two open at a time.
#[derive(Debug)]
struct Actor {
    role: Role,
    rng: Rng,
    client: Ipv4Addr,
    server: SocketAddr,
    /// Open connections with their ordinals.
    talks: VecDeque<(u64, Conversation)>,
    opened: u64,
    /// Exchanges to come.
    left: u64,
    /// Exchanges until the next connection is opened, and from one to the next.
    left_here: u64,
    each: u64,
    /// Milliseconds between exchanges, from and to.
    pace: (u64, u64),
}

#[derive(Debug)]
struct Day {
    rng: Rng,
    users: Vec<Rc<User>>,
    records: Records,
    people: Vec<Person>,
    exchanges: u64,
    entered: u64,
    planted: Planted,
}

impl Play for Day {
    type Actor = Actor;

    fn enter(&mut self, at: Timestamp, totals: &mut Totals) -> Option<(Timestamp, Actor)> {
        if totals.exchanges >= self.exchanges {
            return None;
        }
        let n = self.entered;
        self.entered += 1;
        let mut rng = self.rng.fork();
        let inside = Ipv4Addr::new(10, 30, (n / 200 % 250) as u8, (n % 200 + 2) as u8);
        // The first eight show every role and every service, later ones are drawn.
        let drawn = if n < 8 { [0, 0, 0, 0, 60, 65, 75, 90][n as usize] } else { rng.below(100) };
        let (role, client, server, left, each, pace) = match drawn {
            0..60 => {
                let service = match n {
                    0 => Service::Crm,
                    1 => Service::Shop,
                    2 => Service::Admin,
                    _ => rng.one_of(&[Service::Crm, Service::Crm, Service::Shop, Service::Shop, Service::Admin]),
                };
                // The fourth to enter is overseas.
                let user = if n == 3 { OVERSEAS } else { rng.index(self.users.len()) };
                let user = self.users[user].clone();
                let (in_target, typo) = (n == 1 || rng.chance(15.0), rng.chance(10.0));
                let client = user.ip;
                let role = Role::Work { user, service, session: None, in_target, typo };
                (role, client, service.socket(), rng.range(20..80), rng.range(4..15), (100, 1_500))
            }
            60..64 => (Role::Guess, inside, Service::Shop.socket(), rng.range(30..60), 10, (20, 200)),
            64..75 => {
                let role = Role::Crawl { agent: rng.one_of(&CRAWLERS), page: rng.range(1..5_000) };
                (role, inside, Service::Shop.socket(), rng.range(60..300), 100, (150, 250))
            }
            75..80 => (Role::Export, inside, partner(), rng.range(5..30), 30, (200, 2_000)),
            _ => (Role::Visit, inside, Service::Shop.socket(), rng.range(5..60), 20, (50, 1_000)),
        };
        let talks = VecDeque::new();
        Some((at, Actor { role, rng, client, server, talks, opened: 0, left, left_here: 0, each, pace }))
    }

    fn act(
        &mut self,
        actor: &mut Actor,
        now: Timestamp,
        out: &mut Vec<Frame>,
        totals: &mut Totals,
    ) -> Option<Timestamp> {
        if actor.left == 0 || totals.exchanges >= self.exchanges {
            for (_, mut talk) in actor.talks.drain(..) {
                leave(&mut talk, actor.rng.chance(10.0), now, out);
            }
            return None;
        }
        let which = if actor.left_here == 0 {
            if actor.talks.len() > 1
                && let Some((_, mut oldest)) = actor.talks.pop_front()
            {
                leave(&mut oldest, actor.rng.chance(10.0), now, out);
            }
            // No port is used twice before all others were.
            let port = 10_000 + (totals.connections % 55_000) as u16;
            let client = SocketAddr::new(IpAddr::V4(actor.client), port);
            let talk = Conversation::between(client, actor.server).at(now);
            totals.connections += 1;
            actor.opened += 1;
            actor.talks.push_back((actor.opened, talk));
            actor.left_here = actor.each;
            actor.talks.len() - 1
        } else {
            // The older connection stays in use beside the new one.
            actor.rng.index(actor.talks.len())
        };
        actor.left -= 1;
        actor.left_here -= 1;
        totals.exchanges += 1;
        let (ordinal, talk) = actor.talks.get_mut(which)?;
        let (request, response) = self.exchange(&mut actor.role, &mut actor.rng, *ordinal > 1);
        talk.wait_until(now);
        talk.send(Side::Originator, &request);
        talk.wait(Span(actor.rng.range(100_000..3_000_000)));
        talk.send(Side::Responder, &response);
        talk.settle();
        talk.drain(out);
        let (least, most) = actor.pace;
        Some(talk.now() + Span::millis(actor.rng.range(least..most)))
    }
}

/// The server overseas that customers are sent to.
fn partner() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(8, 8, 4, 200)), 80)
}

fn leave(talk: &mut Conversation, abruptly: bool, now: Timestamp, out: &mut Vec<Frame>) {
    talk.wait_until(now);
    if abruptly {
        talk.abort(Side::Originator);
    } else {
        talk.finish(Side::Originator);
    }
    talk.drain(out);
}

impl Day {
    /// The next request and its response; `moved` says that the connection is not the role's first.
    fn exchange(&mut self, role: &mut Role, rng: &mut Rng, moved: bool) -> (Vec<u8>, Vec<u8>) {
        match role {
            Role::Work { user, service, session, in_target, typo } => {
                self.planted.from_overseas += u64::from(user.overseas);
                if let Some(session) = session {
                    self.planted.carried_sessions += u64::from(moved);
                    return self.work(rng, user, *service, session, *in_target);
                }
                if *service == Service::Admin {
                    return self.administer(rng, user);
                }
                let wrong = std::mem::take(typo).then(|| strong_password(rng));
                let (request, response, handed) = self.login(rng, user, *service, wrong);
                *session = handed;
                (request, response)
            }
            Role::Guess => {
                let user = self.users[rng.index(3)].clone();
                let guess = if rng.chance(50.0) { weak_password(rng).to_owned() } else { strong_password(rng) };
                let (request, response, _) = self.login(rng, &user, Service::Shop, Some(guess));
                (request, response)
            }
            Role::Crawl { agent, page } => {
                *page += 1;
                self.planted.crawled += 1;
                let request = Message::get(&format!("/api/v1/products/{page}")).host(Service::Shop.host()).agent(agent);
                (request.header("Accept", "*/*").bytes(), self.answer(rng, Content::Plain))
            }
            Role::Export => {
                self.planted.to_overseas += 1;
                let body = self.records.list(rng, 900, Content::Personal);
                let request = Message::post("/v2/import/customers").host("partner.example").agent("Java/21.0.8");
                (request.json(body).bytes(), Message::response(200).json(r#"{"accepted":true}"#).bytes())
            }
            Role::Visit => {
                let target = format!("/api/v1/news/{}?lang=zh", rng.range(1..300));
                let request = Message::get(&target).host(Service::Shop.host()).agent(rng.one_of(&BROWSERS));
                (request.bytes(), self.answer(rng, Content::Plain))
            }
        }
    }

    /// A login with the user's password, or with a `wrong` one and refused; the session that was handed out.
    fn login(
        &mut self,
        rng: &mut Rng,
        user: &User,
        service: Service,
        wrong: Option<String>,
    ) -> (Vec<u8>, Vec<u8>, Option<String>) {
        self.planted.logins += 1;
        self.planted.refused += u64::from(wrong.is_some());
        self.planted.weak += u64::from(wrong.is_none() && user.weak);
        let granted = wrong.is_none();
        let password = wrong.unwrap_or_else(|| user.password.clone());
        // A weak password is on every list, and may stand in an output by chance.
        if password.len() == 16 {
            self.planted.secrets.insert(password.clone());
        }
        let (request, response, session) = if service == Service::Crm {
            let fields = [("username", user.account.as_str()), ("password", &password), ("remember", "on")];
            let session = rng.text("0123456789ABCDEF", 32);
            let response = if granted {
                let cookie = format!("JSESSIONID={session}; Path=/; HttpOnly");
                Message::response(302).header("Location", "/index").header("Set-Cookie", &cookie)
            } else {
                Message::response(302).header("Location", "/login?error=1")
            };
            (Message::post("/login").form(&fields), response, session)
        } else {
            let body = format!(r#"{{"account":"{}","password":"{password}"}}"#, user.account);
            let session = token(rng, &user.account);
            let response = if granted {
                let body =
                    format!(r#"{{"code":0,"message":"登录成功","data":{{"token":"{session}","expiresIn":7200}}}}"#);
                Message::response(200).json(body)
            } else {
                Message::response(401).json(r#"{"code":401,"message":"用户名或密码错误"}"#)
            };
            (Message::post("/api/v1/auth/login").json(body), response, session)
        };
        let request = request.host(service.host()).agent(user.browser).bytes();
        if !granted {
            return (request, response.bytes(), None);
        }
        self.planted.secrets.insert(session.clone());
        (request, response.bytes(), Some(session))
    }

    /// A call within a session.
    fn work(
        &mut self,
        rng: &mut Rng,
        user: &User,
        service: Service,
        session: &str,
        in_target: bool,
    ) -> (Vec<u8>, Vec<u8>) {
        if service == Service::Crm && rng.chance(EXPOSED) {
            return self.expose(rng, user, session);
        }
        let number = rng.range(1..20_000);
        let post = rng.chance(25.0);
        let path = match (service, post) {
            (Service::Crm, false) => format!("/customers?page={}", number % 200),
            (Service::Crm, true) => format!("/customers/{number}/notes"),
            (_, false) => format!("/api/v1/orders/{number}"),
            (_, true) => "/api/v1/orders".to_owned(),
        };
        let tell = in_target && service == Service::Shop && rng.chance(40.0);
        let target = if tell { format!("{path}?{}", query(&[("access_token", session)])) } else { path };
        self.planted.tokens_in_target += u64::from(tell);
        let mut request = Message::request(if post { "POST" } else { "GET" }, &target);
        request = request.host(service.host()).agent(user.browser);
        request = match service {
            Service::Crm => request.cookie(&format!("theme=dark; JSESSIONID={session}")),
            _ if tell => request,
            _ => request.bearer(session),
        };
        if post {
            request = request.json(self.records.one(rng, Content::Plain));
        }
        let content = match rng.below(10) {
            _ if post => Content::Plain,
            0..2 => Content::Personal,
            2..5 => Content::Masked,
            _ => Content::Plain,
        };
        (request.bytes(), self.answer(rng, content))
    }

    /// A call within a session whose answer shows what it should not.
    fn expose(&mut self, rng: &mut Rng, user: &User, session: &str) -> (Vec<u8>, Vec<u8>) {
        let Exposure { target, answer, secrets } = exposure(self.planted.exposed, rng, &self.people);
        self.planted.exposed += 1;
        self.planted.secrets.extend(secrets);
        let request = Message::get(&target).host(Service::Crm.host()).agent(user.browser);
        (request.cookie(&format!("JSESSIONID={session}")).bytes(), answer.bytes())
    }

    /// A call with Basic credentials.
    fn administer(&mut self, rng: &mut Rng, user: &User) -> (Vec<u8>, Vec<u8>) {
        self.planted.basic += 1;
        if !user.weak {
            self.planted.secrets.insert(user.password.clone());
        }
        let request = Message::get(&format!("/admin/users/{}", rng.range(1..3_000)))
            .host(Service::Admin.host())
            .agent(user.browser)
            .basic(&user.account, &user.password);
        let content = if rng.chance(30.0) { Content::Masked } else { Content::Plain };
        (request.bytes(), self.answer(rng, content))
    }

    /// An answer of some 600 octets; personal data is counted.
    fn answer(&mut self, rng: &mut Rng, content: Content) -> Vec<u8> {
        self.planted.full += u64::from(content == Content::Personal);
        self.planted.masked += u64::from(content == Content::Masked);
        let len = rng.range(512..720) as usize;
        let mut message = Message::response(200).header("Server", "nginx").json(self.records.list(rng, len, content));
        if rng.chance(10.0) {
            message = message.chunked(rng);
        }
        message.bytes()
    }
}

/// A JSON Web Token of `account` (RFC 7519); the signature is noise.
fn token(rng: &mut Rng, account: &str) -> String {
    let head = base64url(br#"{"alg":"HS256","typ":"JWT"}"#);
    let begun = time(0).seconds();
    let claims = format!(r#"{{"sub":"{account}","iat":{begun},"exp":{}}}"#, begun + 7_200);
    format!("{head}.{}.{}", base64url(claims.as_bytes()), base64url(&rng.bytes(32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(exchanges: u64) -> (Vec<u8>, Planted) {
        let mut file = Vec::new();
        let planted = scenario(5, exchanges, &mut file).expect("memory takes every write");
        (file, planted)
    }

    #[test]
    fn a_small_scenario_already_holds_nearly_everything() {
        let (file, planted) = made(2_000);
        assert_eq!(made(2_000), (file.clone(), planted.clone()));
        assert_eq!(planted.totals.exchanges, 2_000);
        // But answers that show data as they should not, which are rare.
        for (what, count) in [
            ("logins", planted.logins),
            ("refused", planted.refused),
            ("weak", planted.weak),
            ("basic", planted.basic),
            ("tokens in targets", planted.tokens_in_target),
            ("carried sessions", planted.carried_sessions),
            ("full", planted.full),
            ("masked", planted.masked),
            ("crawled", planted.crawled),
            ("from overseas", planted.from_overseas),
            ("to overseas", planted.to_overseas),
            ("lost", planted.totals.lost),
            ("late", planted.totals.late),
        ] {
            assert!(count > 0, "{what}");
        }
        assert!(planted.refused < planted.logins);
        let each = planted.totals.octets / planted.totals.exchanges;
        assert!((700..1_400).contains(&each), "{each} octets an exchange");
        let text = String::from_utf8_lossy(&file);
        let known: Vec<&String> = planted.secrets.iter().step_by(60).collect();
        let seen = known.iter().filter(|secret| text.contains(secret.as_str())).count();
        assert!(seen * 5 > known.len(), "{seen} of {}", known.len());
    }

    #[test]
    fn times_tie_across_flows() {
        let (file, planted) = made(1_000);
        let (mut at, mut ties, mut last) = (24, 0, (0, Vec::new()));
        while at < file.len() {
            let len = u32::from_le_bytes(file[at + 8..at + 12].try_into().expect("four octets")) as usize;
            let flow = file[at + 16 + 26..at + 16 + 38].to_vec();
            let stamp = u64::from_le_bytes(file[at..at + 8].try_into().expect("eight octets"));
            ties += u64::from(stamp == last.0 && flow[8..] != last.1[8..] && flow[..8] != last.1[..8]);
            last = (stamp, flow);
            at += 16 + len;
        }
        assert!(ties > 20, "{ties} of {}", planted.totals.packets);
    }
}
