//! A seeded enterprise at work: people with their days, devices, offices and systems, attackers, and those who only look
//! like attackers. It makes the calls that workers would hand over, in event order, day by day, with the account that
//! really made each one and a list of what was wrong: the ground truth by which identification and detection are measured.

mod attacks;
mod calls;
mod days;
mod population;

use std::collections::BTreeSet;
use std::net::IpAddr;

use spyhop_model::{Call, Timestamp};

use crate::Rng;
use calls::Maker;
use population::Population;

pub use attacks::Planned;

/// How large the enterprise is and for how long it is watched.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Decides everything.
    pub seed: u64,
    /// Days, from a Monday on.
    pub days: u64,
    /// People.
    pub people: usize,
    /// Attacks of each kind.
    pub attacks: usize,
}

/// Days without attacks at the beginning: baselines are learnt.
pub const LEARNING: u64 = 8;
/// Midnight in Shanghai of Monday 2026-03-02, in seconds.
const MONDAY: u64 = 1_772_380_800;
const DAY: u64 = 86_400;

/// A call, and whose it really was.
#[derive(Clone, Debug)]
pub struct Made {
    /// The call.
    pub call: Call,
    /// The account that the server would log with it.
    pub account: Option<Box<str>>,
}

/// What was wrong: a finding about it is right, another is a false alarm.
#[derive(Clone, Debug)]
pub struct Incident {
    /// The kind that has to tell of it.
    pub kind: &'static str,
    /// Kinds that may tell of it, too.
    pub also: &'static [&'static str],
    /// First call of it.
    pub began: Timestamp,
    /// Last call of it.
    pub ended: Timestamp,
    /// Accounts in it.
    pub accounts: BTreeSet<Box<str>>,
    /// Addresses in it.
    pub addresses: BTreeSet<IpAddr>,
}

/// The enterprise.
pub struct Enterprise {
    scale: Scale,
    population: Population,
    plan: Vec<Planned>,
    maker: Maker,
    incidents: Vec<Incident>,
    rng: Rng,
}

impl Enterprise {
    /// Hires everybody and plans the attacks.
    pub fn new(scale: Scale) -> Enterprise {
        let mut rng = Rng::new(scale.seed);
        let population = Population::new(&mut rng.fork(), scale.people);
        let plan = attacks::plan(&mut rng.fork(), scale, &population);
        Enterprise { scale, population, plan, maker: Maker::new(), incidents: Vec::new(), rng }
    }

    /// The calls of one day, in order.
    pub fn day(&mut self, day: u64) -> Vec<Made> {
        let mut rng = self.rng.fork();
        let midnight = MONDAY + day * DAY;
        days::work(&mut self.maker, &mut rng, &self.population, day, midnight);
        for planned in self.plan.iter().filter(|planned| planned.day == day) {
            let incident = attacks::run(&mut self.maker, &mut rng, &self.population, planned, midnight);
            self.incidents.extend(incident);
        }
        self.maker.end_day()
    }

    /// Days there are.
    pub fn days(&self) -> u64 {
        self.scale.days
    }

    /// What was wrong so far.
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }
}
