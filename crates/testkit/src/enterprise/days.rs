//! Ordinary days: work, typing errors, forgotten passwords, phones in the evening, shifts at night, a probe.

use std::net::IpAddr;

use spyhop_model::{Outcome, Refusal};

use super::calls::{Attempt, Maker, Origin};
use super::population::{PROBE, Person, Population, address};
use crate::Rng;

/// What people ask for once they are in.
pub const PATHS: [&str; 8] = [
    "/api/tasks",
    "/api/customers/1001",
    "/api/orders",
    "/api/notices",
    "/api/calendar",
    "/api/reports",
    "/api/files/7",
    "/api/messages",
];
const HOUR: f64 = 3_600.0;

/// The calls of everybody who works on that day.
pub fn work(maker: &mut Maker, rng: &mut Rng, population: &Population, day: u64, midnight: u64) {
    let weekend = day % 7 >= 5;
    for person in &population.people {
        let works = if weekend { rng.chance(3.0) } else { rng.chance(93.0) };
        if !works {
            continue;
        }
        let start = if person.shift { 20.0 * HOUR } else { 8.4 * HOUR } + rng.unit() * 1.5 * HOUR;
        let origin = Origin { ip: person.seat(day), software: person.desktop, script: false };
        let mut at = midnight as f64 + start;
        for system in person.systems {
            session(maker, rng, person, origin, system, at);
            at += 600.0 + rng.unit() * 1.5 * HOUR;
        }
        // After lunch the first session has ended.
        if rng.chance(50.0) {
            let at = at + 2.0 * HOUR + rng.unit() * HOUR;
            session(maker, rng, person, origin, person.systems[0], at);
        }
        if let Some((software, carrier)) = person.phone
            && rng.chance(60.0)
        {
            let evening = midnight as f64 + (18.5 + rng.unit() * 3.0) * HOUR;
            // The carrier's network on the way, the family's address at home, and from one to the other within a session.
            let on_the_way = Origin { ip: address(rng, carrier), software, script: false };
            let at_home = Origin { ip: person.home(), software, script: false };
            match rng.below(10) {
                0..4 => session(maker, rng, person, on_the_way, 3, evening),
                4..8 => session(maker, rng, person, at_home, 3, evening),
                _ => roaming(maker, rng, person, [at_home, on_the_way], evening),
            }
        }
    }
    probe(maker, midnight);
}

/// A monitor logs in every five minutes.
fn probe(maker: &mut Maker, midnight: u64) {
    let origin = Origin { ip: IpAddr::from([10, 1, 9, 9]), software: PROBE, script: false };
    for turn in 0..288 {
        let at = (midnight + turn * 300) as f64;
        let attempt = Attempt { account: "probe", password: 1, outcome: Outcome::Success, refusal: None };
        maker.login(at, origin, 3, attempt);
    }
}

/// A phone leaves the house: the session goes on from the carrier's network.
fn roaming(maker: &mut Maker, rng: &mut Rng, person: &Person, [from, to]: [Origin; 2], mut at: f64) {
    let attempt =
        Attempt { account: &person.account, password: person.password, outcome: Outcome::Success, refusal: None };
    let Some(token) = maker.login(at, from, 3, attempt) else { return };
    for turn in 0..8 {
        at += 10.0 + rng.unit() * 50.0;
        let origin = if turn < 4 { from } else { to };
        maker.ordinary(at, origin, 3, token, &person.account, rng.one_of(&PATHS));
    }
}

/// A login with its errors, the calls after it, and perhaps a logout.
fn session(maker: &mut Maker, rng: &mut Rng, person: &Person, origin: Origin, system: usize, mut at: f64) {
    if !origin.software.app {
        maker.page(at, origin, system);
        at += 4.0 + rng.unit() * 10.0;
    }
    let errors = match rng.below(1_000) {
        // Forgotten: several tries, other passwords.
        0..3 => rng.range(3..6),
        3..35 => 1,
        35..45 => 2,
        _ => 0,
    };
    for _ in 0..errors {
        let refusal = Some(Refusal::BadCredentials);
        let password = rng.below(1 << 40);
        let account = &person.account;
        maker.login(at, origin, system, Attempt { account, password, outcome: Outcome::Failure, refusal });
        at += 6.0 + rng.unit() * 20.0;
    }
    let attempt =
        Attempt { account: &person.account, password: person.password, outcome: Outcome::Success, refusal: None };
    let Some(token) = maker.login(at, origin, system, attempt) else { return };
    for _ in 0..rng.range(1..6) {
        at += 2.0 + rng.unit() * 120.0;
        maker.ordinary(at, origin, system, token, &person.account, rng.one_of(&PATHS));
    }
    if rng.chance(30.0) {
        maker.logout(at + 5.0, origin, system, token, &person.account);
    }
}
