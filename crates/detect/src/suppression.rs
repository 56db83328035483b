//! Incidents that are known, and of which no finding is wanted for a while: each with its reason and its last day.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use spyhop_model::{Event, Span, Timestamp};

use crate::detector::CellKey;

/// What is known, and for how long. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// A kind, or all of a family: `auth.brute_force`, `auth.*`.
    pub kind: String,
    /// Why. It stands beside the count of what was held back.
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: Day,
    /// The client's address, or a prefix in which it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Prefix>,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The device, as findings name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The endpoint, as findings name it: `POST a.example/login`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
}

impl Suppression {
    /// Days ahead that one may hold at most.
    pub const DAYS: u64 = 180;

    /// Whether it can do what it says; `today` by the wall clock.
    ///
    /// # Errors
    /// A sentence about what cannot.
    pub fn check(&self, today: Timestamp) -> Result<(), String> {
        let family = self.kind.strip_suffix(".*").map(|family| format!("{family}."));
        let is_known = crate::registry::rules().any(|rule| match &family {
            Some(family) => rule.kind.starts_with(family.as_str()),
            None => rule.kind == self.kind,
        });
        let kind = &self.kind;
        if !is_known {
            return Err(format!("suppress: there is no kind `{kind}`"));
        }
        if self.reason.trim().is_empty() {
            return Err(format!("suppress {kind}: a `reason` must say why"));
        }
        let narrows = [&self.account, &self.device, &self.endpoint, &self.host, &self.partner];
        if self.address.is_none() && narrows.into_iter().all(Option::is_none) {
            return Err(format!(
                "suppress {kind}: say of whom or what, by address, account, device, endpoint, host or partner; a whole kind \
                 is switched off with `off` in [detect]"
            ));
        }
        if self.until.end().since(today) > Span::days(Self::DAYS + 1) {
            return Err(format!("suppress {kind}: `until` may be {} days ahead at most", Self::DAYS));
        }
        Ok(())
    }

    /// Whether it holds back a hit.
    fn covers(&self, kind: &str, cell: &CellKey, event: &Event, now: Timestamp) -> bool {
        let of_kind = match self.kind.strip_suffix('*') {
            Some(family) => kind.starts_with(family),
            None => kind == self.kind,
        };
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| found == Some(wanted.as_str()))
        };
        let device = || self.device.is_some().then(|| event.device.map(|device| device.to_string())).flatten();
        let named = |role: &str| (cell.entity.role() == role).then(|| cell.entity.to_string());
        let account = |wanted: &Option<String>| {
            wanted.is_none() || is(wanted, event.account.as_deref()) || is(wanted, named("account").as_deref())
        };
        of_kind
            && now < self.until.end()
            && self.address.as_ref().is_none_or(|prefix| prefix.0.contains(&event.client.ip))
            && account(&self.account)
            && is(&self.device, device().as_deref())
            && is(&self.endpoint, Some(&event.endpoint))
            && is(&self.host, Some(event.host()))
            && is(&self.partner, event.partner.as_deref())
    }

    /// What tells it from others: it keeps its count when their order changes.
    fn identity(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// An address or a prefix: `192.0.2.7`, `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(IpNet);

impl TryFrom<String> for Prefix {
    type Error = String;
    fn try_from(text: String) -> Result<Prefix, String> {
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        net.map(|net| Prefix(net.trunc()))
            .ok_or_else(|| format!("`{text}` is neither an address nor a prefix such as \"10.0.0.0/8\""))
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> String {
        prefix.0.to_string()
    }
}

/// A day of the calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day {
    text: String,
    end: Timestamp,
}

impl Day {
    /// The moment at which it is over, in UTC.
    pub fn end(&self) -> Timestamp {
        self.end
    }
}

impl TryFrom<String> for Day {
    type Error = String;
    fn try_from(text: String) -> Result<Day, String> {
        let wrong = || format!("`{text}` is no day; write it as in \"2027-01-31\"");
        let mut parts = text.split('-');
        let mut number =
            |digits: usize| -> Option<u64> { parts.next().filter(|part| part.len() == digits)?.parse().ok() };
        let (Some(year), Some(month), Some(day)) = (number(4), number(2), number(2)) else { return Err(wrong()) };
        // Days are searched rather than computed: the calendar stands in `Timestamp::civil` only.
        let guess = (year.saturating_sub(1970)) * 365 + month.saturating_sub(1) * 28;
        let found = (guess..guess + 200).map(|days| Timestamp::from_parts(days * 86_400, 0)).find(|at| {
            let civil = at.civil();
            (civil.year, u64::from(civil.month), u64::from(civil.day)) == (year as i64, month, day)
        });
        let Some(start) = found else { return Err(wrong()) };
        Ok(Day { end: start + Span::days(1), text })
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.text
    }
}

/// How much a suppression has held back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// Hits held back.
    pub hits: u64,
    /// When the last was.
    pub last: Option<Timestamp>,
}

/// Suppressions at work, with their counts.
#[derive(Default)]
pub(crate) struct Suppressions {
    list: Vec<(Suppression, Suppressed)>,
}

impl Suppressions {
    pub(crate) fn new(list: &[Suppression]) -> Suppressions {
        Suppressions { list: list.iter().map(|one| (one.clone(), Suppressed::default())).collect() }
    }
    /// Whether a hit is held back. It is counted with the first that does.
    pub(crate) fn hold_back(&mut self, kind: &str, cell: &CellKey, event: &Event, now: Timestamp) -> bool {
        let Some((_, counts)) = self.list.iter_mut().find(|(one, _)| one.covers(kind, cell, event, now)) else {
            return false;
        };
        counts.hits += 1;
        counts.last = Some(now);
        true
    }
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (&Suppression, &Suppressed)> {
        self.list.iter().map(|(one, counts)| (one, counts))
    }
    pub(crate) fn save(&self) -> BTreeMap<String, Suppressed> {
        self.accounts().map(|(one, counts)| (one.identity(), counts.clone())).collect()
    }
    pub(crate) fn load(&mut self, mut saved: BTreeMap<String, Suppressed>) {
        for (one, counts) in &mut self.list {
            if let Some(known) = saved.remove(&one.identity()) {
                *counts = known;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::BruteForce;
    use crate::findings::Life;
    use crate::harness::Harness;
    use spyhop_model::Outcome;
    use spyhop_testkit::{event, time};

    fn of(text: &str) -> Suppression {
        serde_json::from_str(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
    }

    fn attacked(life: Life, from: &str) -> Harness {
        let mut sensor = Harness::living(BruteForce::default(), life);
        for n in 0..20 {
            let attempt = event().at(n * 5).from(from).post("a.example/login").login("alice", Outcome::Failure);
            sensor.see(attempt.secret(&format!("guess{n}")));
        }
        sensor
    }

    #[test]
    fn what_is_known_is_held_back_and_counted_and_the_rest_is_told() {
        let one =
            of(r#"{"kind":"auth.*","address":"203.0.113.0/24","reason":"penetration test","until":"2026-12-31"}"#);
        assert_eq!(one.check(time(0)), Ok(()));
        let life = Life { suppress: vec![one], ..Life::default() };
        let sensor = attacked(life.clone(), "203.0.113.9");
        sensor.silent();
        let (known, counts) = sensor.suppressed().remove(0);
        assert_eq!((known.reason.as_str(), counts.hits, counts.last), ("penetration test", 11, Some(time(95))));
        assert_eq!(attacked(life, "198.51.100.7").findings().len(), 1);
    }

    #[test]
    fn counts_survive_a_restart_and_rules_end_with_their_day() {
        let rule = |until: &str| {
            of(&format!(r#"{{"kind":"auth.brute_force","account":"alice","reason":"r","until":"{until}"}}"#))
        };
        let life = Life { suppress: vec![rule("2026-11-20")], ..Life::default() };
        let sensor = attacked(life.clone(), "203.0.113.9").restarted_living::<BruteForce>(life);
        assert_eq!(sensor.suppressed()[0].1.hits, 11);
        let life = Life { suppress: vec![rule("2026-11-19")], ..Life::default() };
        assert_eq!(attacked(life, "203.0.113.9").findings().len(), 1);
    }

    #[test]
    fn rules_without_reason_target_or_near_end_are_refused() {
        let wrong = |text: &str| of(text).check(time(0)).expect_err(text);
        let all = r#""reason":"r","until":"2026-12-01""#;
        assert!(wrong(&format!(r#"{{"kind":"auth.nothing","account":"a",{all}}}"#)).contains("auth.nothing"));
        assert!(wrong(&format!(r#"{{"kind":"auth.*",{all}}}"#)).contains("of whom"));
        assert!(wrong(r#"{"kind":"auth.*","account":"a","reason":" ","until":"2026-12-01"}"#).contains("must say why"));
        assert!(wrong(r#"{"kind":"auth.*","account":"a","reason":"r","until":"2027-06-01"}"#).contains("180 days"));
        assert_eq!(of(r#"{"kind":"auth.*","account":"a","reason":"r","until":"2027-05-19"}"#).check(time(0)), Ok(()));
        for day in ["2026-02-29", "2026-13-01", "26-01-01", "tomorrow", ""] {
            assert!(Day::try_from(day.to_owned()).is_err(), "{day}");
        }
        assert_eq!(Day::try_from("2028-02-29".to_owned()).map(|day| day.end().civil().month), Ok(3));
        assert!(Prefix::try_from("10.0.0".to_owned()).is_err());
    }
}
