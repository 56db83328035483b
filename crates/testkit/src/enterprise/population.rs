//! Who works here, from where, and with what.

use std::net::{IpAddr, Ipv4Addr};

use crate::Rng;

/// Software as its requests show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Software {
    /// Stands for user agent, order of fields, languages.
    pub picture: u64,
    /// A phone.
    pub mobile: bool,
    /// An app's library in place of a browser.
    pub app: bool,
}

/// A monitor.
pub const PROBE: Software = Software { picture: 800_000, mobile: false, app: true };

/// How a person reaches the systems from a workplace.
#[derive(Clone, Copy, Debug)]
pub enum Workplace {
    /// An address of one's own in the headquarters.
    Desk(IpAddr),
    /// Behind the one address of a branch.
    Branch(IpAddr),
    /// At home; the address changes within the provider's network.
    Home([u8; 2]),
}

/// One who works here.
#[derive(Clone, Debug)]
pub struct Person {
    pub account: String,
    pub password: u64,
    pub workplace: Workplace,
    pub desktop: Software,
    /// The phone, and the carrier's network, for those who use the app.
    pub phone: Option<(Software, [u8; 2])>,
    /// Works at night.
    pub shift: bool,
    /// Works abroad, and always has.
    pub expat: bool,
    /// The systems of each day: an index below [`SYSTEMS`].
    pub systems: [usize; 2],
}

/// All who work here.
pub struct Population {
    pub people: Vec<Person>,
}

/// Browsers in use; many people have the same.
const BROWSERS: u64 = 24;
const SURNAMES: [&str; 20] = [
    "wang", "li", "zhang", "liu", "chen", "yang", "zhao", "huang", "zhou", "wu", "xu", "sun", "hu", "zhu", "gao",
    "lin", "he", "guo", "ma", "luo",
];
const GIVEN: [&str; 24] = [
    "wei", "fang", "na", "min", "jing", "li", "qiang", "lei", "jun", "yang", "yong", "yan", "jie", "juan", "tao",
    "ming", "chao", "xia", "ping", "gang", "hui", "bin", "yu", "hao",
];
/// Networks of providers at home: /16 ranges of mainland carriers.
pub const FIXED: [[u8; 2]; 8] =
    [[36, 110], [123, 117], [219, 137], [58, 247], [117, 136], [222, 209], [61, 144], [124, 65]];
/// Networks of mobile carriers, each used by very many.
pub const MOBILE: [[u8; 2]; 4] = [[112, 96], [117, 132], [223, 104], [39, 144]];
/// Networks overseas, with what a country database says of them.
pub const OVERSEAS: [[u8; 2]; 5] = [[45, 33], [133, 242], [81, 2], [185, 220], [203, 198]];

/// The part of such a network that is one country's.
pub const ABROAD: u8 = 8;

/// An address of a /16 network.
pub fn address(rng: &mut Rng, [a, b]: [u8; 2]) -> IpAddr {
    let [c, d] = [rng.range(0..256) as u8, rng.range(1..255) as u8];
    Ipv4Addr::new(a, b, c, d).into()
}

impl Population {
    pub fn new(rng: &mut Rng, count: usize) -> Population {
        let people = (0..count).map(|n| Population::person(rng, n)).collect();
        Population { people }
    }

    fn person(rng: &mut Rng, n: usize) -> Person {
        let account = format!("{}{}{}", rng.pick(&SURNAMES), rng.pick(&GIVEN), n);
        let expat = rng.chance(1.0);
        let workplace = match rng.below(10) {
            _ if expat => Workplace::Home(*rng.pick(&OVERSEAS)),
            0..6 => Workplace::Desk(Ipv4Addr::new(10, 20, (n >> 8) as u8, n as u8).into()),
            6..8 => Workplace::Branch(Ipv4Addr::new(119, 90, (n / 1_000 % 250) as u8, 9).into()),
            _ => Workplace::Home(*rng.pick(&FIXED)),
        };
        let desktop = Software { picture: 1 + rng.below(BROWSERS), mobile: false, app: false };
        let phone = (rng.chance(40.0) && !expat).then(|| {
            let software = Software { picture: 1_000 + rng.below(12), mobile: true, app: true };
            (software, *rng.pick(&MOBILE))
        });
        let first = rng.index(3);
        Person {
            account,
            password: 10_000 + n as u64,
            workplace,
            desktop,
            phone,
            shift: rng.chance(5.0),
            expat,
            systems: [first, (first + 1) % 3],
        }
    }
}

impl Person {
    /// The address at home; two colleagues of three share theirs with another: families.
    pub fn home(&self) -> IpAddr {
        let household = self.password / 3 * 2 + (self.password % 3).min(1);
        let spread = household.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [a, b] = FIXED[(spread >> 60) as usize % FIXED.len()];
        Ipv4Addr::new(a, b, (spread >> 40) as u8, 1 + (spread >> 30) as u8 % 250).into()
    }
    /// The address of a working day.
    pub fn seat(&self, day: u64) -> IpAddr {
        match self.workplace {
            Workplace::Desk(ip) | Workplace::Branch(ip) => ip,
            // The provider gives another address each week.
            Workplace::Home([a, b]) => {
                let week = day / 7;
                let spread = self.password.wrapping_mul(2_654_435_761).wrapping_add(week * 97);
                let c = if self.expat { ABROAD } else { (spread >> 8) as u8 };
                Ipv4Addr::new(a, b, c, 1 + (spread % 250) as u8).into()
            }
        }
    }
}
