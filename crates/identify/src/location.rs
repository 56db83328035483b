//! Where an address is: inside, at home, overseas, and in which country.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use maxminddb::{LookupResult, PathElement, Reader};
use spyhop_model::{Country, Party, Position, Zone, settings};

settings! {
    /// The operator's networks and where home is.
    pub struct Networks {
        /// Own address ranges. The private ones are always a good guess; add the public ones you own.
        inside: Vec<IpNet> = private_ranges(),
        /// Your reverse proxies, load balancers and gateways. What they say of a call is believed: that TLS ended at them (X-Forwarded-Proto and its like), for whom they call (X-Forwarded-For, Forwarded, X-Real-IP, PROXY), and as which account.
        trusted_hops: Vec<IpNet> = Vec::new(),
        /// Also believe inside addresses that tell of a client with nearly every call, once 1,000 calls told of 20 different ones. For whom they call is believed then, and nothing else.
        learn_hops: bool = true,
        /// Addresses behind which many people are: offices, carriers, VPN gateways. Others are learnt.
        nat_prefixes: Vec<IpNet> = Vec::new(),
        /// Countries that are home, as ISO 3166 codes. Hong Kong (HK), Macau (MO) and Taiwan (TW) are outside the mainland's jurisdiction for the export of data.
        home_jurisdictions: Vec<String> = vec!["CN".to_owned()],
        /// A country or city database in MaxMind's format (GeoLite2, DB-IP, IPinfo); empty for the one that is built in. A city database also tells impossible journeys within a country.
        country_database: String = String::new(),
    }
}

/// RFC 1918, RFC 6598, loopback, link-local, and RFC 4193.
fn private_ranges() -> Vec<IpNet> {
    [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    ]
    .iter()
    .filter_map(|range| range.parse().ok())
    .collect()
}

/// DB-IP IP to Country Lite; see `data/README.md`.
static BUILT_IN: &[u8] = include_bytes!("../data/country.mmdb");

/// Addresses whose place is remembered; looking one up is pure, so forgetting all of them changes nothing.
const REMEMBERED: usize = 65_536;

/// Looks addresses up.
pub struct Locations {
    inside: Vec<IpNet>,
    trusted_hops: Vec<IpNet>,
    learns_hops: bool,
    nat_prefixes: Vec<IpNet>,
    home: Vec<Country>,
    database: Database,
    known: HashMap<IpAddr, Party, ahash::RandomState>,
}

enum Database {
    BuiltIn(Reader<&'static [u8]>),
    File(Reader<Vec<u8>>),
}

impl Locations {
    /// Opens the database. The error says which file is wrong, how, and what to do.
    pub fn open(networks: &Networks) -> Result<Locations, String> {
        let database = if networks.country_database.is_empty() {
            Database::BuiltIn(
                Reader::from_source(BUILT_IN).map_err(|wrong| format!("the built-in country database: {wrong}"))?,
            )
        } else {
            Database::File(read(Path::new(&networks.country_database))?)
        };
        let home = networks
            .home_jurisdictions
            .iter()
            .map(|code| {
                Country::new(code).ok_or_else(|| {
                    format!("home_jurisdictions: `{code}` is no ISO 3166 code of two letters, such as \"CN\"")
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Locations {
            inside: networks.inside.clone(),
            trusted_hops: networks.trusted_hops.clone(),
            learns_hops: networks.learn_hops,
            nat_prefixes: networks.nat_prefixes.clone(),
            home,
            database,
            known: HashMap::default(),
        })
    }

    /// Whether what this address says of its clients is believed.
    pub fn is_trusted_hop(&self, ip: IpAddr) -> bool {
        self.trusted_hops.iter().any(|range| range.contains(&ip))
    }

    /// Whether any hop is configured.
    pub fn has_hops(&self) -> bool {
        !self.trusted_hops.is_empty()
    }

    /// Whether hops are learnt.
    pub fn learns_hops(&self) -> bool {
        self.learns_hops
    }

    /// Whether many people are behind an address, by configuration.
    pub fn is_shared(&self, ip: IpAddr) -> bool {
        self.is_trusted_hop(ip) || self.nat_prefixes.iter().any(|range| range.contains(&ip))
    }

    /// Where an address is.
    pub fn party(&mut self, ip: IpAddr) -> Party {
        // An IPv4 address mapped into IPv6 (RFC 4291, 2.5.5.2) is where the IPv4 address is.
        let plain = ip.to_canonical();
        // Most addresses are inside, and these few ranges are read more quickly than a large table.
        if self.inside.iter().any(|range| range.contains(&plain)) {
            return Party { ip, zone: Zone::Inside, country: None, position: None };
        }
        if let Some(party) = self.known.get(&ip) {
            return *party;
        }
        let party = self.look_up(ip, plain);
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(ip, party);
        party
    }

    fn look_up(&self, ip: IpAddr, plain: IpAddr) -> Party {
        let (country, position) = match &self.database {
            Database::BuiltIn(reader) => place(reader, plain),
            Database::File(reader) => place(reader, plain),
        };
        let zone = match country {
            Some(country) if self.home.contains(&country) => Zone::Home,
            Some(_) => Zone::Overseas,
            None => Zone::Unknown,
        };
        Party { ip, zone, country, position }
    }
}

fn read(path: &Path) -> Result<Reader<Vec<u8>>, String> {
    let what_to_do = "give a country or city database in MaxMind's .mmdb format, or leave country_database empty for the built-in one";
    let bytes =
        std::fs::read(path).map_err(|wrong| format!("country database {}: {wrong}; {what_to_do}", path.display()))?;
    Reader::from_source(bytes).map_err(|wrong| format!("country database {}: {wrong}; {what_to_do}", path.display()))
}

fn place<S: AsRef<[u8]>>(reader: &Reader<S>, ip: IpAddr) -> (Option<Country>, Option<Position>) {
    let Ok(record) = reader.lookup(ip) else { return (None, None) };
    (country(&record), position(&record))
}

/// GeoLite2 has `country.iso_code`, DB-IP as packaged has `country_code`, IPinfo `country` as text.
fn country<S: AsRef<[u8]>>(record: &LookupResult<'_, S>) -> Option<Country> {
    let paths: [&[PathElement<'_>]; 3] = [
        &[PathElement::Key("country_code")],
        &[PathElement::Key("country"), PathElement::Key("iso_code")],
        &[PathElement::Key("country")],
    ];
    paths.iter().find_map(|path| record.decode_path::<&str>(path).ok().flatten()).and_then(Country::new)
}

/// GeoLite2 has `location.latitude` and `accuracy_radius`, DB-IP as packaged `latitude`, IPinfo `lat` as text.
fn position<S: AsRef<[u8]>>(record: &LookupResult<'_, S>) -> Option<Position> {
    /// City databases without a radius are about right within a city and its surroundings.
    const USUAL_RADIUS: u16 = 50;
    let number = |names: [&str; 2]| {
        let nested = [PathElement::Key("location"), PathElement::Key(names[0])];
        let paths: [&[PathElement<'_>]; 3] = [&nested, &nested[1..], &[PathElement::Key(names[1])]];
        paths.iter().find_map(|path| {
            let text = || record.decode_path::<&str>(path).ok().flatten()?.parse().ok();
            let single = || record.decode_path::<f32>(path).ok().flatten().map(f64::from);
            record.decode_path::<f64>(path).ok().flatten().or_else(single).or_else(text)
        })
    };
    let hundredths = |degrees: f64, most: f64| (degrees.abs() <= most).then_some((degrees * 100.0).round() as i16);
    let radius = record.decode_path::<u16>(&[PathElement::Key("location"), PathElement::Key("accuracy_radius")]);
    Some(Position {
        latitude: hundredths(number(["latitude", "lat"])?, 90.0)?,
        longitude: hundredths(number(["longitude", "lng"])?, 180.0)?,
        radius: radius.ok().flatten().unwrap_or(USUAL_RADIUS),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locations() -> Locations {
        Locations::open(&Networks::default()).expect("the built-in database")
    }

    #[test]
    fn known_addresses_are_where_they_are() {
        let mut locations = locations();
        for line in include_str!("../data/known_addresses.tsv").lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let (ip, expected) = (columns.next().expect("an address"), columns.next().expect("a country"));
            let party = locations.party(ip.parse().expect("an address"));
            let code = party.country.map(|country| country.to_string());
            match expected {
                "-" => assert_eq!(code, None, "{line}"),
                "!CN" => assert_eq!(party.zone, Zone::Overseas, "{line}"),
                country => assert_eq!(code.as_deref(), Some(country), "{line}"),
            }
        }
    }

    #[test]
    fn private_addresses_are_inside_and_mapped_ones_are_where_the_plain_one_is() {
        let mut locations = locations();
        let mut zone = |ip: &str| locations.party(ip.parse().expect("an address")).zone;
        assert_eq!(zone("10.1.2.3"), Zone::Inside);
        assert_eq!(zone("fd00::1"), Zone::Inside);
        assert_eq!(zone("::ffff:10.1.2.3"), Zone::Inside);
        assert_eq!(zone("114.114.114.114"), Zone::Home);
        assert_eq!(zone("::ffff:114.114.114.114"), Zone::Home);
    }

    /// A database in which every IPv4 address is at one place (MaxMind DB file format 2.0): one node, a record, metadata.
    fn everywhere_at(latitude: f64, longitude: f64, radius: u16) -> Vec<u8> {
        let text = |word: &str| [&[0x40 | word.len() as u8], word.as_bytes()].concat();
        let double = |number: f64| [&[0x68][..], &number.to_be_bytes()].concat();
        let mut database = vec![0, 0, 17, 0, 0, 17];
        database.extend([0; 16]);
        database.push(0xe1);
        database.extend(text("location"));
        database.push(0xe3);
        database.extend([text("latitude"), double(latitude), text("longitude"), double(longitude)].concat());
        database.extend([text("accuracy_radius"), vec![0xa2], radius.to_be_bytes().to_vec()].concat());
        database.extend(b"\xab\xcd\xefMaxMind.com\xe9");
        database.extend([text("node_count"), vec![0xc1, 1]].concat());
        let numbers = [("record_size", 24), ("ip_version", 4)];
        let versions = [("binary_format_major_version", 2), ("binary_format_minor_version", 0)];
        for (name, number) in numbers.into_iter().chain(versions) {
            database.extend([text(name), vec![0xa1, number]].concat());
        }
        database.extend([text("build_epoch"), vec![0x01, 0x02, 1], text("database_type"), text("x")].concat());
        database.extend([text("languages"), vec![0x00, 0x04], text("description"), vec![0xe0]].concat());
        database
    }

    #[test]
    fn a_city_database_tells_positions() {
        let position = |latitude, longitude| {
            let reader = Reader::from_source(everywhere_at(latitude, longitude, 20)).expect("a database");
            place(&reader, "8.8.8.8".parse().expect("an address")).1
        };
        let shanghai = Position { latitude: 3123, longitude: 12147, radius: 20 };
        assert_eq!(position(31.23, 121.47), Some(shanghai));
        assert_eq!(position(-91.0, 121.47), None);
        assert_eq!(position(31.23, f64::NAN), None);
    }

    #[test]
    fn an_unreadable_database_says_which_and_what_to_do() {
        let networks = Networks { country_database: "/nonexistent/x.mmdb".into(), ..Networks::default() };
        let wrong = Locations::open(&networks).err().expect("an error");
        assert!(wrong.contains("/nonexistent/x.mmdb") && wrong.contains("leave country_database empty"), "{wrong}");
    }
}
