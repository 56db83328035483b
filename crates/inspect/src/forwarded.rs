//! What gateways say of the hops before them, and of whom they let through. Whether they may is for identification to know.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use spyhop_http::Field;
use spyhop_model::Forwarded;

/// Bytes of such a field that are read, from its end: nearer hops append.
const FIELD: usize = 2 << 10;

/// The fields of one request; `None` where they say nothing.
pub(crate) fn forwarded(fields: &[Field<'_>]) -> Option<Box<Forwarded>> {
    const REAL: [&str; 5] = ["x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip", "x-original-client-ip"];
    let mut found = Forwarded::default();
    let (mut standard, mut common) = (Vec::new(), Vec::new());
    for field in fields {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name.as_bytes());
        // Those of the commonest fields are told by their first letter.
        match field.name.first() {
            Some(b'x' | b'X' | b'f' | b'F' | b't' | b'T' | b'c' | b'C') => {}
            _ => continue,
        }
        let value = String::from_utf8_lossy(tail(field.value));
        if is("x-forwarded-for") {
            common.extend(value.split(',').filter_map(address));
        } else if is("forwarded") {
            standard.extend(value.split(',').filter_map(element));
        } else if found.real_ip.is_none() && REAL.iter().any(|name| is(name)) {
            found.real_ip = address(&value);
        }
    }
    // Hops that write both say the same in both; the older one is written by more.
    found.chain = if common.is_empty() { standard } else { common };
    let beyond = found.chain.len().saturating_sub(Forwarded::HOPS);
    found.chain.drain(..beyond);
    (!found.chain.is_empty() || found.real_ip.is_some()).then(|| Box::new(found))
}

/// The account that a gateway names, as written.
pub(crate) fn account<'a>(fields: &[Field<'a>]) -> Option<&'a str> {
    // The best first.
    const NAMES: [&str; 14] = [
        "x-forwarded-preferred-username",
        "x-auth-request-preferred-username",
        "x-forwarded-user",
        "x-remote-user",
        "remote-user",
        "x-auth-request-user",
        "x-webauth-user",
        "x-authenticated-user",
        "x-user-name",
        "x-username",
        "x-user",
        "x-login-name",
        "iv-user",
        "sm_user",
    ];
    let may_be = |field: &&Field<'_>| matches!(field.name.last().map(u8::to_ascii_lowercase), Some(b'r' | b'e'));
    let named = |name: &str| {
        let mut all = fields.iter().filter(may_be).filter(|field| field.name.eq_ignore_ascii_case(name.as_bytes()));
        all.find_map(|field| std::str::from_utf8(field.value).ok().map(str::trim).filter(|value| is_account(value)))
    };
    if fields.iter().any(|field| may_be(&field)) { NAMES.iter().find_map(|name| named(name)) } else { None }
}

fn is_account(value: &str) -> bool {
    /// Longest name of an account, in bytes.
    const LONGEST: usize = 256;
    let nobody = ["-", "null", "undefined", "anonymous", "none", "(null)", "unauthenticated"];
    (1..=LONGEST).contains(&value.len())
        && !value.starts_with(['{', '['])
        && !nobody.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// The end of a long field, from a comma on.
fn tail(value: &[u8]) -> &[u8] {
    let Some(from) = value.len().checked_sub(FIELD) else { return value };
    let end = value.get(from..).unwrap_or_default();
    end.iter().position(|byte| *byte == b',').and_then(|at| end.get(at..)).unwrap_or_default()
}

/// `for=192.0.2.60;proto=http`, `for="[2001:db8:cafe::17]:4711"` (RFC 7239, section 4).
fn element(text: &str) -> Option<IpAddr> {
    text.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| address(value))?
    })
}

/// An address, with or without brackets, quotes and port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"').trim();
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split(']').next()?.parse::<Ipv6Addr>().ok().map(plain);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(if let IpAddr::V6(ip) = ip { plain(ip) } else { ip });
    }
    text.split_once(':')?.0.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

/// `::ffff:192.0.2.1` is 192.0.2.1.
fn plain(ip: Ipv6Addr) -> IpAddr {
    ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<'a>(of: &[(&'a str, &'a str)]) -> Vec<Field<'a>> {
        of.iter().map(|(name, value)| Field { name: name.as_bytes(), value: value.as_bytes() }).collect()
    }

    fn chain(of: &[(&str, &str)]) -> Vec<String> {
        forwarded(&fields(of)).map(|found| found.chain.iter().map(IpAddr::to_string).collect()).unwrap_or_default()
    }

    #[test]
    fn hops_are_read_in_all_spellings() {
        assert_eq!(
            chain(&[("X-Forwarded-For", "203.0.113.7, 10.0.0.1:8080, unknown,[2001:db8::1]:443")]),
            ["203.0.113.7", "10.0.0.1", "2001:db8::1"]
        );
        assert_eq!(
            chain(&[("X-Forwarded-For", "203.0.113.7"), ("x-forwarded-for", "10.0.0.1")]),
            ["203.0.113.7", "10.0.0.1"]
        );
        let forwarded = r#"For="[2001:db8:cafe::17]:4711";proto=https, for=192.0.2.60; by=203.0.113.43, for=_hidden"#;
        assert_eq!(chain(&[("Forwarded", forwarded)]), ["2001:db8:cafe::17", "192.0.2.60"]);
        assert_eq!(chain(&[("Forwarded", "for=192.0.2.1"), ("X-Forwarded-For", "::ffff:192.0.2.9")]), ["192.0.2.9"]);
        assert!(chain(&[("X-Forwarded-For", "unknown"), ("Host", "192.0.2.1")]).is_empty());
    }

    #[test]
    fn the_last_hops_are_kept() {
        let many: Vec<String> = (0..400).map(|n| format!("10.0.{}.{}", n / 256, n % 256)).collect();
        let kept = chain(&[("X-Forwarded-For", &many.join(", "))]);
        assert_eq!(kept.len(), Forwarded::HOPS);
        assert_eq!(kept.last().map(String::as_str), Some("10.0.1.143"));
    }

    #[test]
    fn one_address_alone() {
        let found = forwarded(&fields(&[("X-Real-IP", "198.51.100.4")])).expect("an address");
        assert_eq!(found.real_ip, Some("198.51.100.4".parse().expect("an address")));
        assert!(found.chain.is_empty());
        assert_eq!(forwarded(&fields(&[("X-Real-IP", "nobody")])), None);
    }

    #[test]
    fn gateways_name_accounts() {
        assert_eq!(account(&fields(&[("X-Forwarded-User", "alice"), ("X-User", "7")])), Some("alice"));
        assert_eq!(account(&fields(&[("Remote-User", " zhang.san ")])), Some("zhang.san"));
        for (name, value) in [("X-User", "-"), ("X-User", r#"{"id":1}"#), ("User-Agent", "curl"), ("X-User", "")] {
            assert_eq!(account(&fields(&[(name, value)])), None, "{name}: {value}");
        }
    }
}
