//! auth.overseas_login

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Rule, Said, Severity, Span, Text, Zone, settings};

use crate::baseline;
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::wording::counted;

settings! {
    /// A login from outside the home jurisdictions.
    pub struct OverseasLogin {
        /// Countries from which logins are expected, as ISO 3166 codes such as ["SG"].
        expected_countries: Vec<String> = Vec::new(),
        /// An account of which this share of logins is overseas lives there, in percent.
        resident_percent: u64 = 30,
        /// Logins before that is known.
        resident_logins: u64 = 10,
        /// An incident is over after this long without such a login.
        quiet: Span = Span::days(1),
    }
}

/// Logins of one account by place.
#[derive(Default, Serialize, Deserialize)]
pub struct Places {
    logins: u16,
    overseas: u16,
    refused: u16,
}

/// So many logins, none of them from home, are those of somebody who lives overseas.
const ALWAYS: u16 = 5;
/// Refused attempts before a login that are more than errors in typing.
const TRIES: u16 = 8;

impl Detector for OverseasLogin {
    const RULE: &'static Rule = &Rule {
        kind: "auth.overseas_login",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "login from overseas", zh: "境外登录" },
        about: Text {
            en: "An account was let in from an address outside the home jurisdictions. An account that mostly logs in from there is \
                 taken to live there. A traveller, and a VPN with an exit overseas, look alike. The country of an address is what the \
                 country database says.",
            zh: "账号从境外地址登录成功。经常从境外登录的账号视为常驻境外，不再告警。出差人员、出口在境外的 VPN 可能类似。地址归属以所配置的国家库为准。",
        },
        advice: Text {
            en: "Ask the owner whether they are there; if not, change the password and end the sessions.",
            zh: "向本人核实是否身在该地；如否，应修改密码并注销会话。",
        },
        clause: "境外 IP 访问",
    };
    const VIEWS: Views = Views::LOGINS.and(Views::CONCLUSIONS);
    type State = Places;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.accepted_login().is_some() || event.client.zone == Zone::Overseas && event.refused_login().is_some() {
            let account = event.account.clone().map(Entity::Account);
            out.extend(account.map(|account| baseline::within_realm(event, account)));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, places: &mut Places, out: &mut Verdicts) {
        let Some(login) = event.accepted_login() else {
            // Only of an account that has logged in before: else strangers could make up accounts.
            if places.logins > 0 {
                places.refused = places.refused.saturating_add(1);
            }
            return;
        };
        if places.logins == u16::MAX {
            (places.logins, places.overseas) = (places.logins / 2, places.overseas / 2);
        }
        let always = places.logins >= ALWAYS && places.overseas == places.logins;
        let lives_there = always
            || u64::from(places.logins) >= self.resident_logins
                && u64::from(places.overseas) * 100 >= self.resident_percent * u64::from(places.logins);
        places.logins += 1;
        let Some(country) = event.client.country.filter(|_| event.client.zone == Zone::Overseas) else { return };
        places.overseas += 1;
        let refused = std::mem::take(&mut places.refused);
        let is_expected = self.expected_countries.iter().any(|known| known.eq_ignore_ascii_case(country.code()));
        if lives_there || is_expected {
            return;
        }
        let mut evidence = Evidence::new()
            .confidence(login.confidence.min(80))
            .most("logins", u64::from(places.logins))
            .most("overseas_logins", u64::from(places.overseas))
            .sample(baseline::whence(event.client.ip, Some(country)))
            .respond("review", of.entity.clone());
        if cx.population.is_cold(cx.now) && refused < TRIES {
            // Whoever lives there is not known yet.
            evidence = evidence.severity(Severity::Info).reason("learning");
        } else if refused > 0 {
            evidence =
                evidence.severity(Severity::High).reason("refused_before").sum("refused_overseas", u64::from(refused));
        }
        out.hit(evidence);
    }

    fn is_idle(&self, places: &Places) -> bool {
        places.logins == 0
    }

    fn memory(&self) -> Span {
        Span::days(90)
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let from = finding.samples.join(", ");
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (all, overseas, refused) = (measure("logins"), measure("overseas_logins"), measure("refused_overseas"));
        let (refused_en, refused_zh) = match refused {
            0 => Default::default(),
            n => (
                format!(", after {} from overseas", counted(n, "refused attempt")),
                format!("，此前有 {n} 次境外尝试被拒"),
            ),
        };
        let times = finding.count;
        Said {
            en: format!(
                "Account {} was let in from overseas, {} from {from}{refused_en}; of {} seen, {overseas} overseas.",
                finding.primary,
                counted(times, "login"),
                counted(all, "login"),
            ),
            zh: format!(
                "账号 {} 从境外登录成功 {times} 次（{from}）{refused_zh}；该账号已知的 {all} 次登录中境外 {overseas} 次。",
                finding.primary
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::scene::{DAY, Seat, login};
    use crate::harness::Harness;
    use spyhop_model::{Outcome, Status};

    fn visit(sensor: &mut Harness, second: u64, seat: &Seat) {
        sensor.see_with(login(second, "alice"), |event| seat.sit(event));
    }
    fn home() -> Seat {
        Seat::at("203.0.113.7")
    }
    fn abroad() -> Seat {
        Seat::at("198.51.100.7").overseas("US")
    }

    #[test]
    fn logins_from_overseas_are_one_incident_of_the_account() {
        let mut sensor = Harness::of::<OverseasLogin>();
        (0..5).for_each(|day| visit(&mut sensor, day * DAY, &home()));
        for n in 0..8 {
            let refused = login(5 * DAY + n, "alice").login("alice", Outcome::Failure);
            sensor.see_with(refused, |event| abroad().sit(event));
        }
        visit(&mut sensor, 5 * DAY + 10, &abroad());
        visit(&mut sensor, 5 * DAY + 999, &Seat::at("192.0.2.7").overseas("SG"));
        let finding = sensor.only();
        assert_eq!((finding.count, finding.severity, finding.measures["refused_overseas"]), (2, Severity::High, 8));
        assert_eq!(
            finding.summary.en,
            "Account alice was let in from overseas, 2 logins from 198.51.100.7 (US), 192.0.2.7 (SG), after 8 refused attempts from \
             overseas; of 7 logins seen, 2 overseas."
        );
        sensor.advance(7 * DAY);
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn home_unknown_refused_and_expected_ones_stay_silent() {
        let expected_countries = vec!["sg".to_owned()];
        let mut sensor = Harness::with(OverseasLogin { expected_countries, ..OverseasLogin::default() });
        visit(&mut sensor, 0, &home());
        visit(&mut sensor, 1, &home().inside());
        visit(&mut sensor, 2, &Seat::at("192.0.2.7").overseas("SG"));
        let unknown = Seat { zone: Zone::Unknown, country: None, ..abroad() };
        visit(&mut sensor, 3, &unknown);
        let refused = login(4, "alice").login("alice", Outcome::Failure);
        sensor.see_with(refused, |event| abroad().sit(event));
        sensor.silent();
    }

    #[test]
    fn who_lives_abroad_is_known_after_twenty_logins_and_after_a_restart() {
        let expected_countries = vec!["US".to_owned()];
        let mut sensor = Harness::with(OverseasLogin { expected_countries, ..OverseasLogin::default() });
        (0..10).for_each(|n| visit(&mut sensor, n * DAY, &home()));
        (10..20).for_each(|n| visit(&mut sensor, n * DAY, &abroad()));
        let mut sensor = sensor.restarted::<OverseasLogin>();
        visit(&mut sensor, 20 * DAY, &abroad());
        sensor.silent();
    }
}
