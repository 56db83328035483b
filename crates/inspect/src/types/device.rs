//! Devices and where they are: equipment, card and network identifiers, positions.

use std::net::{Ipv4Addr, Ipv6Addr};

use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::documents::NAMED;
use super::mask::shown;
use super::reading::{Readings, Spot, Written};
use super::validators::{is_trivial, luhn};
use super::{Candidate, Type, TypeId};

const fn device(id: &'static str, en: &'static str, zh: &'static str, grade: Grade) -> Type {
    Type {
        strong_points: NAMED,
        ..Type::new(DataType::new(id, Text { en, zh }, Category::Device, grade, Personal::Personal))
    }
}

fn signs(value: &str) -> Vec<char> {
    value.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Equipment identity of a mobile device (3GPP TS 23.003): IMEI, with software version, or without check digit; MEID.
pub(super) static IMEI: Type = Type {
    strong: &["imei", "imeino", "imei1", "imeisv", "deviceimei", "phoneimei", "meid", "设备imei", "串号", "手机串号"],
    named: Some(|value, _| {
        let bytes = value.as_bytes();
        let is_number = bytes.iter().all(u8::is_ascii_digit) && !is_trivial(bytes);
        let is_meid =
            || matches!(bytes.first(), Some(b'A'..=b'F' | b'a'..=b'f')) && bytes.iter().all(u8::is_ascii_hexdigit);
        match bytes.len() {
            14 => (is_number && reports(bytes) || is_meid()).then_some(25),
            15 => (is_number && luhn(bytes)).then_some(25),
            16 | 17 => (is_number && reports(bytes)).then_some(25),
            _ => None,
        }
    }),
    mask: |value| shown(&signs(value), 8, 0, 6),
    numeric: true,
    ..device("imei", "mobile equipment identity (IMEI)", "手机设备识别码", Grade::L2)
};

/// Identity of a mobile subscriber in a network of mainland China (MCC 460).
pub(super) static IMSI: Type = Type {
    strong: &["imsi", "imsino", "simimsi"],
    mask: |value| shown(&signs(value), 5, 2, 6),
    numeric: true,
    ..device("imsi", "mobile subscriber identity (IMSI)", "移动用户识别码", Grade::L3)
};

/// Number of a SIM card of mainland China (ITU-T E.118: 89 86).
pub(super) static ICCID: Type = Type {
    strong: &["iccid", "iccidno", "simno", "simcardno", "simid", "sim卡号"],
    mask: |value| shown(&signs(value), 6, 4, 6),
    ..device("iccid", "SIM card number (ICCID)", "SIM卡号", Grade::L2)
};

/// Hardware address of a network interface (EUI-48).
pub(super) static MAC: Type = Type {
    strong: &["mac", "macaddr", "macaddress", "bssid", "wifimac", "devicemac", "mac地址", "物理地址"],
    named: Some(|value, _| {
        let hex: Vec<u8> = value.bytes().filter(|b| !matches!(b, b':' | b'-' | b'.')).collect();
        let written = match (value.len(), value.as_bytes().get(2), value.as_bytes().get(4)) {
            (17, Some(b':' | b'-'), _) | (14, _, Some(b'.')) | (12, ..) => value.bytes().all(|b| b != b' '),
            _ => false,
        };
        (written && is_interface(&hex)).then_some(if value.len() == 12 { 25 } else { 65 })
    }),
    mask: |value| format!("{}:**:**:**", value.get(..8).unwrap_or("**:**:**")),
    ..device("mac", "hardware address (MAC)", "MAC地址", Grade::L2)
};

/// Version 4 address of the public network.
pub(super) static IPV4: Type = Type {
    strong: ADDRESS_NAMES,
    named: Some(|value, _| public_v4(value).then_some(50)),
    canonical: |value| value.trim().into(),
    mask: |value| match value.rsplit_once('.') {
        Some((network, _)) => format!("{network}.*"),
        None => "***".into(),
    },
    ..Type {
        data: DataType::new(
            "ipv4",
            Text { en: "IPv4 address", zh: "IPv4地址" },
            Category::Network,
            Grade::L2,
            Personal::Personal,
        ),
        ..device("", "", "", Grade::L2)
    }
};

/// Version 6 address of the public network.
pub(super) static IPV6: Type = Type {
    strong: ADDRESS_NAMES,
    named: Some(|value, _| public_v6(value).then_some(50)),
    canonical: |value| value.trim().parse::<Ipv6Addr>().map_or_else(|_| value.into(), |ip| ip.to_string().into()),
    mask: |value| match value.trim().parse::<Ipv6Addr>().map(|ip| ip.segments()) {
        Ok([a, b, c, ..]) => format!("{a:x}:{b:x}:{c:x}::*"),
        Err(_) => "***".into(),
    },
    ..Type {
        data: DataType::new(
            "ipv6",
            Text { en: "IPv6 address", zh: "IPv6地址" },
            Category::Network,
            Grade::L2,
            Personal::Personal,
        ),
        ..device("", "", "", Grade::L2)
    }
};

const ADDRESS_NAMES: &[&str] = &[
    "ip",
    "ipaddr",
    "ipaddress",
    "ipv4",
    "ipv6",
    "clientip",
    "userip",
    "loginip",
    "lastloginip",
    "lastip",
    "regip",
    "remoteip",
    "remoteaddr",
    "ip地址",
    "登录ip",
];

/// Precise position: longitude or latitude with four decimals and more (some ten metres), alone or as a pair. What is
/// coarser tells a district at best and is none.
pub(super) static GEO: Type = Type {
    strong: &[
        "lat",
        "lng",
        "lon",
        "latitude",
        "longitude",
        "lnglat",
        "lonlat",
        "latlng",
        "latlon",
        "gps",
        "gpslocation",
        "location",
        "coordinate",
        "coordinates",
        "coords",
        "geopoint",
        "jingdu",
        "weidu",
        "jwd",
        "经度",
        "纬度",
        "经纬度",
        "坐标",
        "經度",
        "緯度",
    ],
    whole: &["jd", "wd", "position", "geo", "center", "位置"],
    named: Some(|value, _| position(value)),
    canonical: super::without_blanks,
    mask: |value| {
        let whole = value.split(',').map(|part| part.trim().split('.').next().unwrap_or_default());
        whole.map(|degrees| format!("{degrees}.***")).collect::<Vec<_>>().join(",")
    },
    ..Type {
        data: DataType::new(
            "geo",
            Text { en: "precise position", zh: "精确位置" },
            Category::Location,
            Grade::L4,
            Personal::Sensitive,
        ),
        ..device("", "", "", Grade::L2)
    }
};

/// Points for degrees, or two of them with a comma between; more where they lie in China.
fn position(value: &str) -> Option<i16> {
    const LONGEST: usize = 64;
    if value.len() > LONGEST {
        return None;
    }
    let inner = value.trim_matches(['[', ']', '(', ')']);
    let mut parts = inner.split([',', '，', ';', ' ']).filter(|part| !part.is_empty());
    let (first, second) = (degrees(parts.next()?)?, parts.next());
    let Some(second) = second else { return (inner.len() == value.len()).then_some(35) };
    let second = degrees(second)?;
    let (lon, lat) = if first.abs() > second.abs() { (first, second) } else { (second, first) };
    let is_china = (73.0..136.0).contains(&lon) && (3.0..54.0).contains(&lat);
    (parts.next().is_none() && lat.abs() <= 90.0).then_some(if is_china { 55 } else { 45 })
}

/// Degrees with four to fifteen decimals.
fn degrees(value: &str) -> Option<f64> {
    let (whole, decimals) = value.split_once('.')?;
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let fits = (1..=3).contains(&digits.len()) && (4..=17).contains(&decimals.len());
    let degrees = value.parse::<f64>().ok().filter(|_| fits && is_number(digits) && is_number(decimals))?;
    // Where maps in Web Mercator end.
    let is_edge = (degrees.abs() - 85.051_128_8).abs() < 0.000_01;
    (degrees.abs() <= 180.0 && degrees != 0.0 && !is_edge).then_some(degrees)
}

/// Numbers of devices and cards.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    match spot.compact.len() {
        15 if !spot.plus => {
            out.add(imei(spot));
            out.add(imsi(spot));
        }
        19 | 20 if !spot.plus => out.add(iccid(spot)),
        12 if spot.groups == [2; 6] => out.add(mac(spot)),
        _ => {}
    }
}

/// Codes with letters, colons or points.
pub(super) fn code(spot: &Spot<'_>, out: &mut Readings) {
    match (spot.compact.len(), spot.written) {
        (12, Written::Colons) if spot.groups == [2; 6] => out.add(mac(spot)),
        (19 | 20, Written::Plain) => out.add(iccid(spot)),
        (4..=12, Written::Dotted) if spot.groups.len() == 4 => {
            let is_address = std::str::from_utf8(spot.raw()).is_ok_and(public_v4);
            // A version may look the same: in text a candidate only with a label.
            out.add(is_address.then(|| spot.candidate(TypeId::IPV4, 45)));
        }
        _ => {}
    }
}

/// Whether the first two digits are of a body that allots type codes.
fn reports(digits: &[u8]) -> bool {
    matches!(digits, [b'0', b'1', ..] | [b'3', b'5', ..] | [b'8', b'6', ..] | [b'9', b'9', ..])
}

fn imei(spot: &Spot<'_>) -> Option<Candidate> {
    let digits = spot.compact;
    let holds = reports(digits) && spot.is_number() && luhn(digits) && !is_trivial(digits);
    holds.then(|| spot.candidate(TypeId::IMEI, 35))
}

fn imsi(spot: &Spot<'_>) -> Option<Candidate> {
    let network = spot.compact.strip_prefix(b"460")?.get(..2)?;
    let is_network = matches!(network, [b'0', b'0'..=b'9'] | [b'1', b'1' | b'5'] | [b'2', b'0']);
    (is_network && spot.is_number()).then(|| spot.candidate(TypeId::IMSI, 45))
}

fn iccid(spot: &Spot<'_>) -> Option<Candidate> {
    let rest = spot.compact.strip_prefix(b"8986")?;
    let holds = matches!(rest, [b'0' | b'1', second, ..] if second.is_ascii_digit())
        && rest.iter().all(|b| b.is_ascii_digit() || matches!(b, b'A'..=b'F'));
    let mut candidate = spot.candidate(TypeId::ICCID, 65 - spot.unquoted());
    candidate.checked = spot.is_number() && luhn(spot.compact);
    holds.then_some(candidate)
}

fn mac(spot: &Spot<'_>) -> Option<Candidate> {
    let hyphens = spot.raw().iter().filter(|b| **b == b' ').count() == 0;
    (hyphens && is_interface(spot.compact)).then(|| spot.candidate(TypeId::MAC, 65))
}

/// Twelve hexadecimal digits of one interface: no group address, not all zero.
fn is_interface(hex: &[u8]) -> bool {
    let is_group = hex.get(1).is_none_or(|b| char::from(*b).to_digit(16).is_none_or(|digit| digit % 2 == 1));
    hex.len() == 12 && hex.iter().all(u8::is_ascii_hexdigit) && !is_group && !hex.iter().all(|b| *b == b'0')
}

/// Whether it is an address of the public network (RFC 6890), as the standard library parses it.
fn public_v4(value: &str) -> bool {
    let Ok(ip) = value.parse::<Ipv4Addr>() else { return false };
    let [a, b, c, _] = ip.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_reserved = a == 0 || a >= 240 || (a, b) == (198, 18) || (a, b) == (198, 19) || (a, b, c) == (192, 0, 0);
    let is_local = ip.is_private() || ip.is_loopback() || ip.is_link_local();
    let is_other = ip.is_multicast() || ip.is_documentation();
    ![is_local, is_other, is_shared, is_reserved].contains(&true)
}

/// Whether a whole value is a public address of version 6 in full length: programs write `::` and short ones.
pub(super) fn is_v6(value: &str) -> bool {
    matches!(value.as_bytes(), [b'2' | b'3', _, _, _, b':', ..]) && value.len() <= 39 && public_v6(value)
}

/// Whether it is a global unicast address (2000::/3) that is not for documentation.
fn public_v6(value: &str) -> bool {
    let Ok(ip) = value.parse::<Ipv6Addr>() else { return false };
    let [a, b, ..] = ip.segments();
    a & 0xE000 == 0x2000 && (a, b) != (0x2001, 0xDB8)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reported, reported_json, silent, silent_json, told};

    #[test]
    fn numbers_of_devices_in_groups() {
        reported("imei", "35-209900-176148-1", "imei");
        reported("imei", "35 209900 176148 1", "imei");
        reported("iccid", "8986 0112 3456 7890 1234", "iccid");
        silent("x", "12-345678-901234-5");
    }

    #[test]
    fn devices_and_cards() {
        for (key, value, what) in [
            ("imei", "356938035643809", "imei"),
            ("deviceImei", "490154203237518", "imei"),
            ("imei", "35693803564380", "imei"),
            ("imei", "3569380356438012", "imei"),
            ("meid", "A0000000002329", "imei"),
            ("imsi", "460001234567890", "imsi"),
            ("iccid", "89860012345678901234", "iccid"),
            ("simNo", "898600A2345678901234", "iccid"),
            ("mac", "00:1B:44:11:3A:B7", "mac"),
            ("macAddr", "ac-de-48-00-11-22", "mac"),
            ("mac", "00-11-22-33-44-55", "mac"),
            ("bssid", "acde.4800.1122", "mac"),
            ("mac", "acde48001122", "mac"),
            ("clientIp", "8.8.4.4", "ipv4"),
            ("last_login_ip", "114.114.114.114", "ipv4"),
            ("ip", "2408:8000:1010:1::8", "ipv6"),
        ] {
            reported(key, value, what);
            assert_eq!(told(&format!("设备 {key}={value}; ")), [what], "{key}={value}");
        }
        reported_json("imei", "356938035643809", "imei");
        for value in ["356938035643809", "460001234567890", "8.8.4.4", "2408:8000:1010:1::8", "acde48001122"] {
            silent("x", value);
        }
        reported("x", "00:1B:44:11:3A:B7", "mac");
        reported("x", "ac:de:48:00:11:22", "mac");
        reported("x", "89860012345678901234", "iccid");
        for (key, value) in [
            ("imei", "356938035643808"),
            ("imei", "111111111111111"),
            ("imsi", "461001234567890"),
            ("iccid", "89870012345678901234"),
            ("mac", "01:1B:44:11:3A:B7"),
            ("mac", "00:00:00:00:00:00"),
            ("mac", "00:1B:44:11:3A"),
            ("x", "00:1B:44:11:3A:B7:00"),
            ("ip", "192.168.1.1"),
            ("ip", "10.0.0.1"),
            ("ip", "1.2.3"),
            ("ip", "256.1.1.1"),
            ("ip", "203.0.113.9"),
            ("version", "8.8.4.4"),
            ("ip", "fe80::1"),
            ("ip", "::1"),
            ("ip", "2001:db8::1"),
        ] {
            silent(key, value);
        }
        assert!(told("build 8.8.4.4 at 12:34:56 of std::abc").is_empty());
    }

    #[test]
    fn positions() {
        for (key, value) in [
            ("location", "116.397428,39.90923"),
            ("lnglat", "116.397428, 39.90923"),
            ("经纬度", "39.90923,116.397428"),
            ("latitude", "39.90923"),
            ("lng", "-122.41941"),
            ("jd", "116.397428"),
        ] {
            reported(key, value, "geo");
            silent("x", value);
        }
        reported_json("lat", "39.90923", "geo");
        silent_json("lat", "39.9");
        silent_json("rate", "39.90923");
        silent_json("lat", "0.00000");
        silent_json("lat", "239.90923");
        for (key, value) in [("location", "116.39,39.90"), ("location", "北京市"), ("lat", "39.9a9231")] {
            silent(key, value);
        }
    }

    #[test]
    fn what_is_shown() {
        let mask = |kind: &super::Type, value: &str| (kind.mask)(value);
        assert_eq!(mask(&super::MAC, "00:1B:44:11:3A:B7"), "00:1B:44:**:**:**");
        assert_eq!(mask(&super::IPV4, "8.8.4.4"), "8.8.4.*");
        assert_eq!(mask(&super::IPV6, "2408:8000:1010:1::8"), "2408:8000:1010::*");
        assert_eq!(mask(&super::GEO, "116.397428,39.90923"), "116.***,39.***");
        assert_eq!(mask(&super::IMEI, "356938035643809"), "35693803*******");
    }
}
