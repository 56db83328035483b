//! What a request carries of what browsers send, and the device's own name for itself.

use spyhop_http::Field;
use spyhop_model::{Fingerprint, Key, Traits};

use crate::credential::{cookies, is_secret};

/// The bits of one request's fields.
pub(crate) fn traits(fields: &[Field<'_>]) -> Traits {
    const FIELDS: [(&str, u16); 9] = [
        ("referer", Traits::REFERER),
        ("origin", Traits::ORIGIN),
        ("accept-language", Traits::LANGUAGE),
        ("accept-encoding", Traits::CODINGS),
        ("sec-ch-ua", Traits::CLIENT_HINTS),
        ("sec-fetch-mode", Traits::FETCH_METADATA),
        ("sec-fetch-site", Traits::FETCH_METADATA),
        ("cookie", Traits::COOKIES),
        ("x-requested-with", Traits::SCRIPTED),
    ];
    let mut bits = 0;
    for field in fields {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name.as_bytes());
        bits |= FIELDS.iter().find(|(name, _)| is(name)).map_or(0, |(_, bit)| *bit);
        if is("user-agent") {
            bits |= of_agent(field.value);
        } else if is("sec-fetch-mode") && field.value.eq_ignore_ascii_case(b"cors") {
            bits |= Traits::SCRIPTED;
        }
    }
    Traits(bits)
}

/// What a user agent says of itself.
fn of_agent(agent: &[u8]) -> u16 {
    /// The first that sends `sec-ch-ua`.
    const HINTS: u32 = 89;
    let has = |word: &str| memchr::memmem::find(agent, word.as_bytes()).is_some();
    let number = memchr::memmem::find(agent, b"Chrome/").and_then(|at| agent.get(at + 7..)).unwrap_or_default();
    let number = number.iter().take_while(|byte| byte.is_ascii_digit()).take(4);
    let version = number.fold(0, |version: u32, digit| version * 10 + u32::from(*digit - b'0'));
    // Edge before it was Chromium, and what is Chromium but not a browser.
    let other = has("Edge/") || has("HeadlessChrome/");
    let mobile = ["Mobile", "Android", "iPhone", "iPad", "HarmonyOS"].iter().any(|word| has(word));
    let flag = |holds: bool, bit: u16| if holds { bit } else { 0 };
    flag(version >= HINTS && !other, Traits::SAYS_CHROMIUM) | flag(mobile, Traits::MOBILE)
}

/// Names of parameters, fields and cookies under which devices name themselves, lower case without `_` and `-`.
const DEVICE: [&str; 16] = [
    "deviceid",
    "xdeviceid",
    "deviceuuid",
    "devicefingerprint",
    "xdevicefingerprint",
    "deviceno",
    "imei",
    "oaid",
    "idfa",
    "idfv",
    "androidid",
    "udid",
    "smid",
    "smidv2",
    "fp",
    "fingerprintid",
];

/// The device's own name for itself, if `name` says that `value` is one.
pub(crate) fn device_id(name: &[u8], value: &str, key: &Key) -> Option<Fingerprint> {
    const LONGEST_NAME: usize = 20;
    const LONGEST: usize = 512;
    let value = value.trim().trim_matches('"');
    if !(2..=LONGEST_NAME).contains(&name.len()) || !(8..=LONGEST).contains(&value.len()) {
        return None;
    }
    let mut plain = [0; LONGEST_NAME];
    let letters = name.iter().filter(|byte| !matches!(byte, b'_' | b'-' | b'.'));
    let len = plain.iter_mut().zip(letters).map(|(to, from)| *to = from.to_ascii_lowercase()).count();
    let plain = plain.get(..len).unwrap_or_default();
    // Identifiers of telephones are numbers.
    let number = (14..=16).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    let zero = value.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    let known = DEVICE.iter().any(|known| known.as_bytes() == plain);
    let believed = known && !zero && (number || is_secret(value, 8));
    believed.then(|| key.fingerprint("device_id", value.to_ascii_lowercase().as_bytes()))
}

/// The device's name in a head: in a field of its own, else in a cookie.
pub(crate) fn device_of(fields: &[Field<'_>], key: &Key) -> Option<Fingerprint> {
    let of_fields = || {
        let mut all = fields.iter().filter(|field| field.name.len() <= 20);
        all.find_map(|field| device_id(field.name, std::str::from_utf8(field.value).ok()?, key))
    };
    let of_cookies = || {
        let mut all = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(b"cookie"));
        all.find_map(|field| cookies(field.value).find_map(|(name, value)| device_id(name.as_bytes(), value, key)))
    };
    of_fields().or_else(of_cookies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<'a>(of: &[(&'a str, &'a str)]) -> Vec<Field<'a>> {
        of.iter().map(|(name, value)| Field { name: name.as_bytes(), value: value.as_bytes() }).collect()
    }

    #[test]
    fn a_browser_has_many_traits_and_a_program_few() {
        let chrome = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36";
        let browser = traits(&fields(&[
            ("User-Agent", chrome),
            ("Accept-Language", "zh-CN"),
            ("Accept-Encoding", "gzip, br"),
            ("Referer", "https://a/"),
            ("Cookie", "a=b"),
            ("sec-ch-ua", "\"Chromium\";v=\"130\""),
            ("Sec-Fetch-Mode", "cors"),
        ]));
        assert!(browser.has(
            Traits::SAYS_CHROMIUM
                | Traits::MOBILE
                | Traits::LANGUAGE
                | Traits::CODINGS
                | Traits::REFERER
                | Traits::COOKIES
        ));
        assert!(
            browser.has(Traits::CLIENT_HINTS | Traits::FETCH_METADATA | Traits::SCRIPTED)
                && !browser.has(Traits::ORIGIN)
        );
        assert_eq!(traits(&fields(&[("User-Agent", "curl/8.5.0"), ("Accept", "*/*")])), Traits(0));
    }

    #[test]
    fn chromium_is_told_by_its_number() {
        for (agent, expected) in [
            ("Mozilla/5.0 Chrome/88.0.1 Safari/537.36", false),
            ("Mozilla/5.0 Chrome/89.0.1 Safari/537.36", true),
            ("Mozilla/5.0 Chrome/99999999999.0 Safari/537.36", true),
            ("Mozilla/5.0 Chrome/64.0 Safari/537.36 Edge/17.1", false),
            ("Mozilla/5.0 HeadlessChrome/120.0 Safari/537.36", false),
            ("Chrome/", false),
        ] {
            assert_eq!(of_agent(agent.as_bytes()) & Traits::SAYS_CHROMIUM != 0, expected, "{agent}");
        }
    }

    #[test]
    fn devices_name_themselves() {
        let key = Key::new([3; 32]);
        let id = device_id(b"deviceId", "7F3C1A2B-9D8E", &key);
        assert!(id.is_some());
        assert_eq!(device_of(&fields(&[("X-Device-Id", "7f3c1a2b-9d8e")]), &key), id);
        assert_eq!(device_of(&fields(&[("Cookie", "lang=zh; device_id=7f3c1a2b-9d8e")]), &key), id);
        assert!(device_id(b"imei", "490154203237518", &key).is_some());
        for (name, value) in [
            ("deviceId", "null"),
            ("deviceId", "undefined"),
            ("deviceId", "00000000-0000-0000-0000-000000000000"),
            ("device", "7f3c1a2b-9d8e"),
            ("fp", "1"),
            ("deviceName", "zhangsan-laptop"),
        ] {
            assert_eq!(device_id(name.as_bytes(), value, &key), None, "{name}={value}");
        }
    }
}
