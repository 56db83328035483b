//! Secrets with a label for the place where each is planted, and the search for them in what a run writes.

use std::collections::{BTreeMap, HashMap};

use spyhop_testkit::http::{base64, base64url};
use spyhop_testkit::{Rng, people};

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Password,
    Token,
    ApiKey,
    Jwt,
    Mobile,
    ResidentId,
    BankCard,
    Email,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Password,
        Kind::Token,
        Kind::ApiKey,
        Kind::Jwt,
        Kind::Mobile,
        Kind::ResidentId,
        Kind::BankCard,
        Kind::Email,
    ];
    /// Those that are recognised by themselves, whatever the name beside them.
    pub const RECOGNISED: [Kind; 5] = [Kind::Jwt, Kind::Mobile, Kind::ResidentId, Kind::BankCard, Kind::Email];

    /// The name that a service would give it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Password => "password",
            Kind::Token => "access_token",
            Kind::ApiKey => "api_key",
            Kind::Jwt => "token",
            Kind::Mobile => "mobile",
            Kind::ResidentId => "idCard",
            Kind::BankCard => "bankCard",
            Kind::Email => "email",
        }
    }
}

/// A secret and the part of it that nobody may see.
struct Secret {
    core: String,
    at: String,
}

/// All secrets planted so far.
pub struct Secrets {
    pub rng: Rng,
    planted: Vec<Secret>,
}

const MIXED: &str = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

impl Secrets {
    pub fn new(seed: u64) -> Secrets {
        Secrets { rng: Rng::new(seed), planted: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.planted.len()
    }

    /// A new secret for the place that the label tells.
    pub fn plant(&mut self, kind: Kind, at: &str) -> String {
        let rng = &mut self.rng;
        let (value, core) = match kind {
            // Letters and digits only, so that every place can hold it as it is.
            Kind::Password => same(rng.text(MIXED, 16)),
            Kind::Token => same(rng.text(MIXED, 32)),
            Kind::ApiKey => {
                let core = rng.text(MIXED, 36);
                (format!("sk-{core}"), core)
            }
            Kind::Jwt => {
                let (head, claims) =
                    (base64url(br#"{"alg":"HS256","typ":"JWT"}"#), base64url(br#"{"sub":"u1","iat":1}"#));
                let signature = base64url(&rng.bytes(32));
                (format!("{head}.{claims}.{signature}"), signature)
            }
            Kind::Mobile => same(people::mobile(rng)),
            Kind::ResidentId => same(people::resident_id(rng)),
            Kind::BankCard => same(people::bank_card(rng)),
            Kind::Email => {
                let core = rng.text("abcdefghijklmnopqrstuvwxyz", 14);
                (format!("{core}@mail.spyhop-test.cn"), core)
            }
        };
        self.planted.push(Secret { core, at: format!("{kind:?} in {at}") });
        value
    }
}

fn same(value: String) -> (String, String) {
    (value.clone(), value)
}

/// Octets of a secret that together count as the secret: masks show less. Of digits more, for times and counters are
/// digits too.
fn window(core: &str) -> usize {
    if core.bytes().filter(u8::is_ascii_digit).count() + 1 >= core.len() { 11 } else { 8 }
}

/// Finds pieces of secrets in octets: as they are, in hexadecimal and Base64 at any place, and with percent-encoding
/// or backslashes around them. Letters of either case are the same.
pub struct Search {
    labels: Vec<String>,
    /// By length: pieces with the secret they belong to and how they are written.
    pieces: BTreeMap<usize, HashMap<Vec<u8>, (usize, &'static str)>>,
}

impl Search {
    pub fn new(secrets: &Secrets) -> Search {
        let labels = secrets.planted.iter().map(|secret| secret.at.clone()).collect();
        let mut search = Search { labels, pieces: BTreeMap::new() };
        for (number, secret) in secrets.planted.iter().enumerate() {
            let (core, least) = (secret.core.as_bytes(), window(&secret.core));
            search.add(core, least, number, "plain");
            let hex: String = core.iter().map(|octet| format!("{octet:02x}")).collect();
            search.add(hex.as_bytes(), 2 * least, number, "hexadecimal");
            for shift in 0..3 {
                // What follows other octets is coded differently; the digits at both ends depend on neighbours.
                let coded = base64(&[&[0; 2][..shift], core].concat());
                let inner = coded.get(4..coded.len() - 4).unwrap_or_default();
                search.add(inner.as_bytes(), (least * 4 / 3).min(inner.len()), number, "Base64");
            }
        }
        search
    }

    /// A search for whole values, as they are.
    pub fn whole<'a>(values: impl IntoIterator<Item = &'a String>) -> Search {
        let mut search = Search { labels: Vec::new(), pieces: BTreeMap::new() };
        for value in values {
            search.add(value.as_bytes(), value.len(), search.labels.len(), "whole");
            search.labels.push(value.clone());
        }
        search
    }

    fn add(&mut self, text: &[u8], least: usize, number: usize, written: &'static str) {
        let pieces = self.pieces.entry(least).or_default();
        for piece in text.to_ascii_lowercase().windows(least) {
            pieces.insert(piece.to_vec(), (number, written));
        }
    }

    /// Where secrets are, one line for each secret and way of writing.
    pub fn find(&self, output: &[u8]) -> Vec<String> {
        let mut found: BTreeMap<(usize, &'static str), String> = BTreeMap::new();
        for line in output.split(|octet| *octet == b'\n') {
            let mut view = line.to_ascii_lowercase();
            self.find_in(&view, line, &mut found);
            // The same line with one layer of encoding after the other taken off.
            for _ in 0..4 {
                let bare = uncoded(&view);
                if bare == view {
                    break;
                }
                view = bare;
                self.find_in(&view, line, &mut found);
            }
        }
        found
            .into_iter()
            .map(|((number, written), line)| format!("{} ({written}): {line}", self.labels[number]))
            .collect()
    }

    fn find_in(&self, view: &[u8], line: &[u8], found: &mut BTreeMap<(usize, &'static str), String>) {
        for (least, pieces) in &self.pieces {
            for (at, piece) in view.windows(*least).enumerate() {
                if let Some(key) = pieces.get(piece) {
                    let around = &view[at.saturating_sub(60)..view.len().min(at + least + 40)];
                    let kept = if around.is_empty() { line } else { around };
                    found.entry(*key).or_insert_with(|| String::from_utf8_lossy(kept).into_owned());
                }
            }
        }
    }
}

/// With `%41`, `\u0041` and other escapes by a backslash resolved once; lower case.
fn uncoded(text: &[u8]) -> Vec<u8> {
    let digits = |from: usize, len: usize| {
        let digits = std::str::from_utf8(text.get(from..from + len)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(octet) = text.get(at) {
        let (octet, len) = match (octet, text.get(at + 1)) {
            (b'%', _) => digits(at + 1, 2).map_or((*octet, 1), |code| (code as u8, 3)),
            (b'\\', Some(b'u')) => {
                digits(at + 2, 4).map_or((*octet, 1), |code| (u8::try_from(code).unwrap_or(b'?'), 6))
            }
            (b'\\', Some(next)) => (*next, 2),
            _ => (*octet, 1),
        };
        out.push(octet.to_ascii_lowercase());
        at += len;
    }
    out
}

#[test]
fn the_search_sees_secrets_however_they_are_written() {
    let mut secrets = Secrets::new(1);
    let (token, mobile) = (secrets.plant(Kind::Token, "here"), secrets.plant(Kind::Mobile, "there"));
    let search = Search::new(&secrets);
    let percent = |text: &str| text.bytes().map(|octet| format!("%{octet:02X}")).collect::<String>();
    let escaped = |text: &str| text.bytes().map(|octet| format!("\\u{octet:04x}")).collect::<String>();
    let hex = |text: &str| text.bytes().map(|octet| format!("{octet:02X}")).collect::<String>();
    for written in [
        token.clone(),
        token[4..14].to_owned(),
        token.to_uppercase(),
        percent(&token),
        percent(&percent(&token)),
        escaped(&token),
        escaped(&token).replace('\\', "\\\\"),
        hex(&token),
        base64(format!("user:{token}").as_bytes()),
        base64(format!("x{token}y").as_bytes()),
    ] {
        assert_eq!(search.find(format!("a {written} b").as_bytes()).len(), 1, "{written}");
    }
    assert_eq!(search.find(format!("{mobile}\n{token}").as_bytes()).len(), 2);
    let masked = format!("{}***{}~0123456789abcdef {}****{}", &token[..2], &token[30..], &mobile[..3], &mobile[7..]);
    assert_eq!(search.find(masked.as_bytes()), [""; 0]);
}
