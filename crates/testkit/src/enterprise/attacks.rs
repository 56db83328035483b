//! What goes wrong, planned over the days after learning: each attack is at a victim and a time of its own.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use spyhop_model::{Outcome, Refusal, Timestamp};

use super::calls::{Attempt, Maker, Origin};
use super::days::PATHS;
use super::population::{ABROAD, FIXED, OVERSEAS, Person, Population, Software, address};
use super::{Incident, LEARNING, Scale};
use crate::Rng;

/// An attack that will happen.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    /// On which day.
    pub day: u64,
    kind: Attack,
    variant: u64,
    victim: usize,
    hour: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attack {
    BruteForce,
    Spraying,
    Stuffing,
    Enumeration,
    Codes,
    SuccessAfterFailures,
    Machine,
    Unusual,
    Overseas,
    Travel,
    Sharing,
    Borrowing,
    Roles,
    Replay,
    Rate,
    Denied,
}

const ALL: [Attack; 16] = [
    Attack::BruteForce,
    Attack::Spraying,
    Attack::Stuffing,
    Attack::Enumeration,
    Attack::Codes,
    Attack::SuccessAfterFailures,
    Attack::Machine,
    Attack::Unusual,
    Attack::Overseas,
    Attack::Travel,
    Attack::Sharing,
    Attack::Borrowing,
    Attack::Roles,
    Attack::Replay,
    Attack::Rate,
    Attack::Denied,
];

/// Software of strangers: nobody here uses it.
const STRANGE: Software = Software { picture: 777_001, mobile: false, app: false };
/// Kinds that a takeover shows in besides its own.
const TAKEOVER: &[&str] = &[
    "auth.unusual_login",
    "auth.overseas_login",
    "auth.impossible_travel",
    "auth.success_after_failures",
    "auth.account_sharing",
    "auth.token_replay",
    "auth.machine_login",
    "auth.multiple_roles",
    "auth.account_borrowing",
    "access.dormant_account",
    "flow.overseas_access",
];
/// Kinds that an attack on logins shows in besides its own.
const GUESSING: &[&str] = &[
    "auth.high_frequency_login",
    "auth.brute_force",
    "auth.password_spraying",
    "auth.credential_stuffing",
    "auth.user_enumeration",
    "auth.machine_login",
    "auth.success_after_failures",
    "auth.code_abuse",
    "auth.multiple_roles",
    "auth.unusual_login",
    "auth.overseas_login",
    "auth.impossible_travel",
    "access.denied_burst",
    "access.rate_anomaly",
    "flow.overseas_access",
    "access.crawler",
];

/// Spreads the attacks over days, hours and victims.
pub fn plan(rng: &mut Rng, scale: Scale, population: &Population) -> Vec<Planned> {
    let mut victims: Vec<usize> =
        (0..population.people.len()).filter(|n| is_ordinary(&population.people[*n])).collect();
    rng.shuffle(&mut victims);
    let mut plan = Vec::new();
    for kind in ALL {
        for variant in 0..scale.attacks as u64 {
            let days: Vec<u64> = (LEARNING..scale.days).filter(|day| day % 7 < 5).collect();
            let (Some(victim), false) = (victims.pop(), days.is_empty()) else { return plan };
            let (day, hour) = (*rng.pick(&days), 10.0 + rng.unit() * 6.0);
            plan.push(Planned { day, kind, variant, victim, hour });
        }
    }
    plan
}

fn is_ordinary(person: &Person) -> bool {
    !person.shift && !person.expat && person.systems[0] != 3
}

/// What an attack has to do with.
struct Scene<'a> {
    maker: &'a mut Maker,
    rng: &'a mut Rng,
    population: &'a Population,
    victim: &'a Person,
    at: f64,
    first: f64,
    accounts: BTreeSet<Box<str>>,
    addresses: BTreeSet<IpAddr>,
}

impl Scene<'_> {
    fn fail(&mut self, from: Origin, account: &str, password: u64, refusal: Refusal) {
        self.note(from, account);
        let refusal = Some(refusal);
        self.maker.login(
            self.at,
            from,
            self.victim.systems[0],
            Attempt { account, password, outcome: Outcome::Failure, refusal },
        );
    }

    fn enter(&mut self, from: Origin, person: &Person) -> spyhop_model::Fingerprint {
        self.note(from, &person.account);
        let attempt =
            Attempt { account: &person.account, password: person.password, outcome: Outcome::Success, refusal: None };
        if !from.script && !from.software.app {
            self.maker.page(self.at - 6.0, from, self.victim.systems[0]);
        }
        let token = self.maker.login(self.at, from, self.victim.systems[0], attempt);
        token.unwrap_or(spyhop_model::Fingerprint(0))
    }

    fn call(&mut self, from: Origin, token: spyhop_model::Fingerprint, account: &str, path: &str) {
        self.note(from, account);
        self.maker.ordinary(self.at, from, self.victim.systems[0], token, account, path);
    }

    fn note(&mut self, from: Origin, account: &str) {
        self.accounts.insert(account.into());
        self.addresses.insert(from.ip);
    }

    fn stranger(&mut self) -> Origin {
        let network = *self.rng.pick(&FIXED);
        Origin { ip: address(self.rng, network), software: STRANGE, script: false }
    }

    fn overseas(&mut self) -> Origin {
        let network = *self.rng.pick(&OVERSEAS);
        self.from(network)
    }

    fn from(&mut self, [a, b]: [u8; 2]) -> Origin {
        // Not where colleagues are.
        let ip = Ipv4Addr::new(a, b, ABROAD + 1, self.rng.range(1..255) as u8).into();
        Origin { ip, software: STRANGE, script: false }
    }

    fn others(&mut self, count: usize) -> Vec<String> {
        let people = &self.population.people;
        let from = self.rng.index(people.len());
        (0..count).map(|n| people[(from + n) % people.len()].account.clone()).collect()
    }
}

/// Lets an attack happen, and says what has to be told of it.
pub fn run(
    maker: &mut Maker,
    rng: &mut Rng,
    population: &Population,
    planned: &Planned,
    midnight: u64,
) -> Option<Incident> {
    let victim = population.people.get(planned.victim)?;
    let at = midnight as f64 + planned.hour * 3_600.0;
    let (accounts, addresses) = (BTreeSet::new(), BTreeSet::new());
    let day = planned.day;
    let mut scene = Scene { maker, rng, population, victim, at, first: at, accounts, addresses };
    let (kind, also) = act(&mut scene, planned.kind, planned.variant, day);
    let time = |at: f64| Timestamp::from_parts(at as u64, 0);
    Some(Incident {
        kind,
        also,
        began: time(scene.first),
        ended: time(scene.at),
        accounts: scene.accounts,
        addresses: scene.addresses,
    })
}

fn act(scene: &mut Scene<'_>, attack: Attack, variant: u64, day: u64) -> (&'static str, &'static [&'static str]) {
    let victim = scene.victim;
    match attack {
        Attack::BruteForce => {
            // From one address quickly, slowly, or from fifty addresses.
            let (tries, apart, pool) = [(60, 4.0, 1), (45, 70.0, 1), (60, 8.0, 50)][(variant % 3) as usize];
            let origins: Vec<Origin> = (0..pool).map(|_| scene.stranger()).collect();
            for n in 0..tries {
                scene.fail(origins[n % pool], &victim.account, 5_000_000 + n as u64, Refusal::BadCredentials);
                scene.at += apart;
            }
            ("auth.brute_force", GUESSING)
        }
        Attack::Spraying => {
            let (count, apart) = [(60, 8.0), (40, 60.0), (120, 5.0)][(variant % 3) as usize];
            let from = scene.stranger();
            for account in scene.others(count) {
                scene.fail(from, &account, 42, Refusal::BadCredentials);
                scene.at += apart;
            }
            ("auth.password_spraying", GUESSING)
        }
        Attack::Stuffing => {
            let (count, apart, script) = [(200, 2.0, true), (80, 6.0, false), (600, 0.7, true)][(variant % 3) as usize];
            let mut from = scene.stranger();
            from.script = script;
            for n in 0..count {
                // Half of the list never worked here.
                let account = match n % 2 {
                    0 => scene.others(1).remove(0),
                    _ => format!("someone{}", scene.rng.below(1 << 30)),
                };
                let password = scene.rng.below(1 << 40);
                scene.fail(from, &account, password, Refusal::BadCredentials);
                scene.at += apart;
            }
            ("auth.credential_stuffing", GUESSING)
        }
        Attack::Enumeration => {
            let from = scene.stranger();
            for n in 0..60 {
                let account = if n % 3 == 0 { scene.others(1).remove(0) } else { format!("guess{n}x{variant}") };
                if variant.is_multiple_of(2) {
                    scene.note(from, &account);
                    scene.maker.lookup(scene.at, from, &account, n % 3 == 0);
                } else {
                    let refusal = if n % 3 == 0 { Refusal::BadPassword } else { Refusal::NoSuchUser };
                    scene.fail(from, &account, 77, refusal);
                }
                scene.at += 6.0;
            }
            ("auth.user_enumeration", GUESSING)
        }
        Attack::Codes => {
            let from = scene.stranger();
            let number = format!("138****{:04}~{:016x}", scene.rng.below(10_000), scene.rng.bits());
            for n in 0..30_u64 {
                let number = match variant % 2 {
                    0 => format!("139****{n:04}~{:016x}", scene.rng.bits()),
                    _ => number.clone(),
                };
                scene.note(from, &number);
                let tried = (variant % 3 == 1).then_some(n);
                let outcome = if tried.is_some() { Outcome::Failure } else { Outcome::Unknown };
                scene.maker.code(scene.at, from, &number, tried, outcome);
                scene.at += 12.0;
            }
            ("auth.code_abuse", GUESSING)
        }
        Attack::SuccessAfterFailures => {
            let from = scene.stranger();
            for n in 0..8 {
                scene.fail(from, &victim.account, 6_000_000 + n, Refusal::BadCredentials);
                scene.at += 20.0;
            }
            let token = scene.enter(from, victim);
            for path in PATHS {
                scene.at += 9.0;
                scene.call(from, token, &victim.account, path);
            }
            ("auth.success_after_failures", GUESSING)
        }
        Attack::Machine => {
            let mut from = Origin { ip: victim.seat(day), software: victim.desktop, script: true };
            from.software.picture = 900_000;
            let token = scene.enter(from, victim);
            for path in PATHS {
                scene.at += 1.0;
                scene.call(from, token, &victim.account, path);
            }
            ("auth.machine_login", TAKEOVER)
        }
        Attack::Unusual => {
            let from = scene.overseas();
            scene.at -= 8.0 * 3_600.0;
            scene.first = scene.at;
            let token = scene.enter(from, victim);
            scene.at += 30.0;
            scene.call(from, token, &victim.account, PATHS[1]);
            ("auth.unusual_login", TAKEOVER)
        }
        Attack::Overseas => {
            let from = scene.overseas();
            let token = scene.enter(from, victim);
            scene.at += 30.0;
            scene.call(from, token, &victim.account, PATHS[2]);
            ("auth.overseas_login", TAKEOVER)
        }
        Attack::Travel => {
            let here = Origin { ip: victim.seat(day), software: victim.desktop, script: false };
            let token = scene.enter(here, victim);
            scene.at += 30.0;
            scene.call(here, token, &victim.account, PATHS[0]);
            // Neighbours may be a step apart, as far as countries tell.
            let there = scene.from(OVERSEAS[0]);
            scene.at += 1_500.0;
            let token = scene.enter(there, victim);
            scene.at += 30.0;
            scene.call(there, token, &victim.account, PATHS[0]);
            ("auth.impossible_travel", TAKEOVER)
        }
        Attack::Sharing => {
            let here = Origin { ip: victim.seat(day), software: victim.desktop, script: false };
            let friend = scene.stranger();
            let (mine, theirs) = (scene.enter(here, victim), scene.enter(friend, victim));
            for n in 0..60 {
                scene.at += 30.0;
                let (from, token) = if n % 2 == 0 { (here, mine) } else { (friend, theirs) };
                scene.call(from, token, &victim.account, PATHS[n % PATHS.len()]);
            }
            ("auth.account_sharing", TAKEOVER)
        }
        Attack::Borrowing => {
            // A colleague's account at the victim's own desk; only desks have owners.
            let desks = scene.population.people.iter().filter(|person| is_desk(person) && is_ordinary(person));
            let (Some(owner), Some(colleague)) = ({
                let mut desks = desks.skip(2 * variant as usize);
                (desks.next(), desks.next())
            }) else {
                return ("auth.account_borrowing", TAKEOVER);
            };
            let from = Origin { ip: owner.seat(day), software: owner.desktop, script: false };
            let token = scene.enter(from, colleague);
            scene.accounts.insert(owner.account.as_str().into());
            for path in PATHS {
                scene.at += 20.0;
                scene.call(from, token, &colleague.account, path);
            }
            ("auth.account_borrowing", TAKEOVER)
        }
        Attack::Roles => {
            let mut desks = scene.population.people.iter().filter(|person| is_desk(person) && is_ordinary(person));
            // Others than those whose desks are borrowed.
            let Some(owner) = desks.nth(50 + variant as usize) else { return ("auth.multiple_roles", TAKEOVER) };
            let from = Origin { ip: owner.seat(day), software: owner.desktop, script: false };
            for n in 0..4 {
                let other = &scene.population.people[(n + 5 * variant as usize) % scene.population.people.len()];
                scene.enter(from, other);
                scene.at += 300.0;
            }
            ("auth.multiple_roles", TAKEOVER)
        }
        Attack::Replay => {
            let here = Origin { ip: victim.seat(day), software: victim.desktop, script: false };
            let token = scene.enter(here, victim);
            scene.at += 20.0;
            scene.call(here, token, &victim.account, PATHS[0]);
            let thief = scene.overseas();
            for path in PATHS {
                scene.at += 15.0;
                scene.call(thief, token, &victim.account, path);
            }
            scene.at += 10.0;
            scene.call(here, token, &victim.account, PATHS[1]);
            ("auth.token_replay", TAKEOVER)
        }
        Attack::Rate => {
            let here = Origin { ip: victim.seat(day), software: victim.desktop, script: false };
            let token = scene.enter(here, victim);
            for n in 0..2_400 {
                scene.at += 0.5;
                scene.call(here, token, &victim.account, PATHS[n % PATHS.len()]);
            }
            ("access.rate_anomaly", TAKEOVER)
        }
        Attack::Denied => {
            let here = Origin { ip: victim.seat(day), software: victim.desktop, script: false };
            let token = scene.enter(here, victim);
            for n in 0..40 {
                scene.at += 6.0;
                scene.note(here, &victim.account);
                let path = format!("/api/admin/{}/{}", ["users", "roles", "logs", "config", "keys", "jobs"][n % 6], n);
                scene.maker.refused(scene.at, here, victim.systems[0], token, &victim.account, &path);
            }
            ("access.denied_burst", TAKEOVER)
        }
    }
}

fn is_desk(person: &Person) -> bool {
    matches!(person.workplace, super::population::Workplace::Desk(_))
}
