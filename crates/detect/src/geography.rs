//! How far apart two countries or positions are.

use std::collections::HashMap;
use std::sync::LazyLock;

use spyhop_model::{Country, Position};

/// Where the people of a country live.
struct Land {
    /// Degrees to the north and to the east.
    centre: (f64, f64),
    /// Mean distance of its people from it, in km.
    radius: f64,
    neighbours: Vec<Country>,
}

static LANDS: LazyLock<HashMap<Country, Land, ahash::RandomState>> =
    LazyLock::new(|| include_str!("../data/countries.tsv").lines().filter_map(land).collect());

fn land(row: &str) -> Option<(Country, Land)> {
    let mut cells = row.split('\t');
    let country = Country::new(cells.next()?)?;
    let mut number = || cells.next()?.parse::<f64>().ok();
    let (north, east, radius) = (number()?, number()?, number()?);
    let neighbours = cells.next().unwrap_or("").split(',').filter_map(Country::new).collect();
    Some((country, Land { centre: (north, east), radius, neighbours }))
}

/// Kilometres between two countries that are at least between their people, less the spread of these; `None` for one country,
/// for neighbours, and for countries that are not known.
pub(crate) fn between_countries(a: Country, b: Country) -> Option<f64> {
    let (from, to) = (LANDS.get(&a)?, LANDS.get(&b)?);
    if a == b || from.neighbours.contains(&b) || to.neighbours.contains(&a) {
        return None;
    }
    Some((great_circle(from.centre, to.centre) - from.radius - to.radius).max(0.0))
}

/// Kilometres between two positions, less how far each may be off.
pub(crate) fn between_positions(a: Position, b: Position) -> f64 {
    let degrees = |position: Position| (f64::from(position.latitude) / 100.0, f64::from(position.longitude) / 100.0);
    (great_circle(degrees(a), degrees(b)) - f64::from(a.radius) - f64::from(b.radius)).max(0.0)
}

/// Along the surface of a sphere of the earth's mean radius (haversine formula).
fn great_circle(a: (f64, f64), b: (f64, f64)) -> f64 {
    const RADIUS: f64 = 6_371.0;
    let (north, east) = ((b.0 - a.0).to_radians(), (b.1 - a.1).to_radians());
    let h = (north / 2.0).sin().powi(2) + a.0.to_radians().cos() * b.0.to_radians().cos() * (east / 2.0).sin().powi(2);
    2.0 * RADIUS * h.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(a: &str, b: &str) -> Option<f64> {
        between_countries(Country::new(a).expect("a code"), Country::new(b).expect("a code"))
    }

    #[test]
    fn countries_are_as_far_apart_as_on_the_map_and_neighbours_are_not() {
        assert_eq!(LANDS.len(), include_str!("../data/countries.tsv").lines().count());
        assert!(between("CN", "US").is_some_and(|km| (8_000.0..11_000.0).contains(&km)));
        assert!(between("CN", "JP").is_some_and(|km| (800.0..1_600.0).contains(&km)));
        for (a, b) in [("CN", "HK"), ("MO", "HK"), ("CN", "MO"), ("CN", "CN"), ("CN", "ZZ"), ("FR", "GB")] {
            assert_eq!(between(a, b), None, "{a} {b}");
        }
    }

    #[test]
    fn positions_are_less_far_apart_than_they_may_be_off() {
        let position = |latitude, longitude| Position { latitude, longitude, radius: 50 };
        let km = between_positions(position(3_120, 12_147), position(3_990, 11_640));
        assert!((900.0..1_000.0).contains(&km), "Shanghai to Beijing: {km}");
        assert_eq!(between_positions(position(3_120, 12_147), position(3_121, 12_147)), 0.0);
    }
}
