//! The behaviour stage by itself: calls to events (`identify`), events to findings (`detect`), with many accounts at once, so that
//! every call meets cold caches. `cargo bench -p spyhop-testkit --bench behaviour`; method and figures stand in `benches/README.md`.
//!
//! Times are processor time of the thread (`proc_pid_schedstat(5)`); making the calls is not counted, dropping the events is.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use spyhop_detect::{DETECTORS, Engine, Life, Limits as DetectLimits, Sensor};
use spyhop_identify::{AccountLimits, Identity, Limits, Locations, Networks, SessionLimits};
use spyhop_model::{
    Account, Agent, AgentFamily, Call, Claims, CookieFlags, Credential, CredentialKind, Event, Factors, Fingerprint,
    FlowId, Issued, Key, Login, LoginMethod, Moment, Outcome, Place, Purpose, Refusal, SecretForm, Segment, Span,
    Timestamp, TokenFlaws, Traits,
};
use spyhop_testkit::{Rng, event, time};

/// Hosts, and endpoints of each.
const HOSTS: usize = 25;
const ENDPOINTS: usize = 20;
/// Calls that are made, then timed, at once.
const BATCH: usize = 8_192;
/// Calls and logins that are timed.
const CALLS: usize = 1_500_000;
const LOGINS: usize = 200_000;

struct Person {
    name: Box<str>,
    fingerprint: Fingerprint,
    ip: IpAddr,
    picture: u64,
    /// Where he works, and the token he has there.
    host: usize,
    token: u64,
}

struct Made {
    template: Call,
    key: Key,
    people: Vec<Person>,
    rng: Rng,
    tokens: u64,
    flows: u64,
    now: Timestamp,
}

impl Made {
    fn new(people: usize) -> Made {
        let key = Key::new([5; 32]);
        let mut template = event().build(1).call;
        template.traits = Traits(Traits::REFERER | Traits::LANGUAGE | Traits::CODINGS);
        template.agent = Agent { family: AgentFamily::Browser, name: None };
        let person = |n: usize| {
            let name = format!("person.{n:07}");
            Person {
                fingerprint: key.fingerprint("account", name.as_bytes()),
                name: name.into(),
                ip: Ipv4Addr::from(0x0a40_0000 + n as u32).into(),
                picture: 1 + n as u64 % 60,
                host: n * 7 % HOSTS,
                token: 0,
            }
        };
        let people = (0..people).map(person).collect();
        Made { template, people, key, rng: Rng::new(11), tokens: 0, flows: 0, now: time(0) }
    }

    fn call(&mut self, who: usize, method: &str, path: &str, apart: Span) -> Call {
        self.now = self.now + apart;
        self.flows += 1;
        let person = &self.people[who];
        let mut call = self.template.clone();
        call.moment = Moment { at: self.now, flow: FlowId(self.flows), ordinal: 0 };
        (call.began_at, call.answered_at, call.ended_at) = (self.now, Some(self.now), self.now);
        call.client.ip = person.ip;
        call.server.ip = Ipv4Addr::new(10, 1, 0, 1 + person.host as u8).into();
        call.picture = Some(Fingerprint(person.picture.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        if let Some(request) = &mut call.request {
            request.method = method.into();
            request.host = format!("system{}.corp.example", person.host).into();
            request.target = path.into();
            let segment = |segment: &str| match segment.bytes().all(|b| b.is_ascii_digit()) {
                true => Segment::Typed("int"),
                false => Segment::Literal(segment.into()),
            };
            request.path = path.split('/').filter(|segment| !segment.is_empty()).map(segment).collect();
            request.user_agent = Some("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0".into());
        }
        call
    }

    /// Two thirds with a cookie, others with a JWT; every tenth of somebody who is not logged in.
    fn ordinary(&mut self, apart: Span) -> Call {
        let who = self.rng.index(self.people.len());
        let n = self.rng.index(ENDPOINTS - 1);
        let path = match n % 3 {
            0 => format!("/api/v1/{}/list", WORDS[n]),
            1 => format!("/api/v1/{}/{}", WORDS[n], self.rng.below(100_000)),
            _ => format!("/{}/{}/state", WORDS[n], self.rng.below(100_000)),
        };
        let mut call = self.call(who, "GET", &path, apart);
        let person = &self.people[who];
        if person.token != 0 && self.rng.below(10) > 0 {
            let bearer = person.host.is_multiple_of(3);
            call.credentials.push(Credential {
                kind: if bearer { CredentialKind::Bearer } else { CredentialKind::Session },
                place: if bearer { Place::Header("authorization".into()) } else { Place::Cookie("JSESSIONID".into()) },
                fingerprint: Fingerprint(person.token),
                sample: "abcd***".into(),
                flaws: TokenFlaws::default(),
                claims: if bearer { Some(self.claims(who)) } else { None },
            });
        }
        call
    }

    /// A login of `who`; a new token if it is accepted, which 97 of 100 are.
    fn login(&mut self, who: usize, apart: Span) -> Call {
        let mut call = self.call(who, "POST", "/api/login", apart);
        let accepted = self.rng.below(100) >= 3;
        let person = &self.people[who];
        let bearer = person.host.is_multiple_of(3);
        let secret = if accepted { who as u64 } else { u64::MAX };
        call.login = Some(Box::new(Login {
            account: Some(Account { name: person.name.clone(), fingerprint: person.fingerprint }),
            purpose: Purpose::Login,
            method: if bearer { LoginMethod::Json } else { LoginMethod::Form },
            place: Some(Place::Body("password".into())),
            secret_form: Some(SecretForm::Plain),
            secret: Some(self.key.fingerprint("password", &secret.to_be_bytes())),
            weakness: None,
            code: None,
            factors: Factors(Factors::PASSWORD),
            outcome: if accepted { Outcome::Success } else { Outcome::Failure },
            refusal: (!accepted).then_some(Refusal::BadCredentials),
            confidence: 95,
        }));
        call.refused = !accepted;
        if let Some(response) = &mut call.response {
            response.status = if accepted { 200 } else { 401 };
        }
        if accepted {
            self.tokens += 1;
            let token = self.key.fingerprint("token", &self.tokens.to_be_bytes());
            call.issued.push(Issued {
                kind: if bearer { CredentialKind::Bearer } else { CredentialKind::Session },
                place: if bearer { Place::Body("$.data.token".into()) } else { Place::Cookie("JSESSIONID".into()) },
                fingerprint: token,
                sample: "abcd***".into(),
                flaws: TokenFlaws::default(),
                claims: if bearer { Some(self.claims(who)) } else { None },
                cookie: (!bearer).then_some(CookieFlags { secure: true, http_only: true, ..CookieFlags::default() }),
                refresh: false,
                revoked: false,
                lasts: None,
            });
            self.people[who].token = token.0;
        }
        call
    }

    fn claims(&self, who: usize) -> Box<Claims> {
        let person = &self.people[who];
        let account = Account { name: person.name.clone(), fingerprint: person.fingerprint };
        let (issued_at, expires_at) = (Some(time(0)), Some(time(10 * 3_600)));
        Box::new(Claims { account: Some(account), issued_at, expires_at, privileged: false })
    }
}

const WORDS: [&str; ENDPOINTS] = [
    "orders", "users", "items", "invoices", "tickets", "stock", "prices", "plans", "rooms", "routes", "shifts",
    "assets", "vendors", "budgets", "projects", "reviews", "devices", "alerts", "teams", "files",
];

/// Processor time by part.
#[derive(Default)]
struct Spent {
    calls: usize,
    identify: Duration,
    detect: Duration,
    drop: Duration,
}

impl Spent {
    fn print(&self, what: &str) {
        let each = |spent: Duration| spent.as_nanos() as f64 / self.calls.max(1) as f64;
        let all = each(self.identify) + each(self.detect) + each(self.drop);
        println!(
            "{what:<10} {:>9.0} a second: {all:.0} ns each (identify {:.0}, detect {:.0}, drop {:.0})",
            1e9 / all,
            each(self.identify),
            each(self.detect),
            each(self.drop)
        );
    }
}

struct Stage {
    identity: Identity,
    engine: Engine,
    events: Vec<Event>,
}

impl Stage {
    fn run(&mut self, calls: Vec<Call>, spent: &mut Spent) {
        spent.calls += calls.len();
        let began = now();
        for call in calls {
            self.identity.advance(call.moment.at, &mut self.events);
            self.identity.resolve(call, &mut self.events);
        }
        let resolved = now();
        for event in &self.events {
            self.engine.event(event);
        }
        let judged = now();
        self.events.clear();
        black_box(self.engine.take_changes().count());
        spent.identify += resolved - began;
        spent.detect += judged - resolved;
        spent.drop += now() - judged;
    }
}

fn timed(stage: &mut Stage, count: usize, mut make: impl FnMut(usize) -> Call) -> Spent {
    let mut spent = Spent::default();
    for from in (0..count).step_by(BATCH) {
        let calls = (from..count.min(from + BATCH)).map(&mut make).collect();
        stage.run(calls, &mut spent);
    }
    spent
}

fn main() {
    let people = std::env::var("SPYHOP_ACCOUNTS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let mut made = Made::new(people);
    let before = resident();
    let key = Key::new([5; 32]);
    let locations = Locations::open(&Networks::default()).expect("the built-in database");
    let mut limits = Limits::default();
    let mut engine_limits = DetectLimits::default();
    if people > 100_000 {
        limits.accounts = AccountLimits { active: people, ..AccountLimits::default() };
        limits.sessions = SessionLimits { sessions: 2 * people, ..SessionLimits::default() };
    }
    if let Some(mib) = std::env::var("SPYHOP_MIB").ok().and_then(|n| n.parse().ok()) {
        engine_limits.memory_mib = mib;
    }
    let tables = DETECTORS.iter().map(|entry| (entry.build)((entry.defaults)()).expect("defaults")).collect();
    let engine = Engine::new(tables, Sensor::default(), &engine_limits, Life::default(), key.clone(), false);
    let mut stage = Stage { identity: Identity::new(locations, limits, key), engine, events: Vec::new() };

    // Everybody logs in in the morning; then each works, logs in again now and then.
    let morning = Span(3_600_000_000_000 / people as u64);
    timed(&mut stage, people, |n| made.login(n, morning)).print("first");
    timed(&mut stage, 3 * people, |_| made.ordinary(Span(100_000))).print("warm-up");
    timed(&mut stage, CALLS, |_| made.ordinary(Span(100_000))).print("ordinary");
    timed(&mut stage, LOGINS, |_| {
        let who = made.rng.index(people);
        made.login(who, Span::millis(50))
    })
    .print("logins");

    let tables: Vec<_> = stage.engine.accounts().filter(|table| table.cells > 0).collect();
    for table in &tables {
        println!(
            "{:<28} {:>8} cells {:>6} B each {:>6} MB",
            table.kind,
            table.cells,
            table.bytes / table.cells.max(1),
            table.bytes >> 20
        );
    }
    let counted: usize = tables.iter().map(|table| table.bytes).sum();
    let all = stage.engine.all();
    println!("findings {}, cells evicted {}", all.len(), stage.engine.evicted());
    let mut kinds = std::collections::BTreeMap::<&str, usize>::new();
    all.iter().for_each(|finding| *kinds.entry(finding.rule.kind).or_default() += 1);
    println!("{kinds:?} forgotten {:?}", stage.identity.forgotten());
    let whole = resident().saturating_sub(before);
    drop(all);
    drop(stage.events);
    drop(stage.engine);
    let identity = resident().saturating_sub(before);
    println!(
        "resident {} MB for {people} accounts ({} B each): identify {} MB, detect {} MB, of which it counts {} MB",
        whole >> 20,
        whole / people,
        identity >> 20,
        whole.saturating_sub(identity) >> 20,
        counted >> 20
    );
    drop(stage.identity);
}

/// Processor time of this thread.
fn now() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default(),
        Duration::from_nanos,
    )
}

/// Memory of the process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok()).unwrap_or(0) << 10
}
