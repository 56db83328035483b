//! flow.overseas_access

use spyhop_model::{Class, Entity, Event, Finding, Rule, Said, Severity, Span, Text, Zone, settings};

use super::{carried, severity};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::wording::counted;

settings! {
    /// An overseas address calls an inside API.
    pub struct OverseasAccess {
        /// Countries from which calls are expected, as ISO 3166 codes such as ["SG"].
        expected_countries: Vec<String> = Vec::new(),
        /// The record closes after this long without such a call.
        quiet: Span = Span::days(1),
    }
}

impl Detector for OverseasAccess {
    const RULE: &'static Rule = &Rule {
        kind: "flow.overseas_access",
        class: Class::Flow,
        severity: Severity::Low,
        title: Text { en: "overseas access to an inside API", zh: "境外地址访问内网 API" },
        about: Text {
            en: "An address outside the home jurisdictions called a service inside, and was answered. Hong Kong, Macau and Taiwan are \
                 outside for the export of data (境外). One record for each host and country; its severity follows the highest grade \
                 of data that crossed. The country of an address is what the country database says.",
            zh: "境外地址调用了内部服务并得到响应。就数据出境而言，香港、澳门、台湾属境外。每个主机与国家（地区）一条记录；\
                 严重程度取决于所传数据的最高等级。地址归属以所配置的国家库为准。",
        },
        advice: Text {
            en: "Confirm that this service is meant to be reached from there; restrict it otherwise; check which data was obtained.",
            zh: "确认该服务是否应允许从该地区访问，否则加以限制；核查被获取的数据。",
        },
        clause: "境外 IP 访问内网 API",
    };
    type State = ();

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.client.zone == Zone::Overseas && event.server.zone == Zone::Inside && event.call.succeeded() {
            out.push(CellKey::of(Entity::Server(event.host().into())));
        }
    }

    fn observe(&self, event: &Event, _of: &CellKey, _cx: &Context<'_>, _state: &mut (), out: &mut Verdicts) {
        let Some(country) = event.client.country else { return };
        if self.expected_countries.iter().any(|expected| expected.eq_ignore_ascii_case(country.code())) {
            return;
        }
        let values = carried(event).map(|seen| u64::from(seen.count)).sum();
        let mut evidence = Evidence::new()
            .severity(severity(carried(event)))
            .confidence(80)
            .sum("sensitive_values", values)
            .respond("block_address", Entity::ClientIp(event.client.ip));
        for seen in carried(event) {
            evidence = evidence.reason(seen.what.id);
        }
        out.hit_about(country.code(), evidence);
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let country = finding.aspect.as_deref().unwrap_or("");
        let values = finding.measures.get("sensitive_values").copied().unwrap_or(0);
        let calls = finding.count;
        let callers = finding.involved.names("client_ip");
        let from = callers.first().map_or("", |ip| ip);
        let (others_en, others_zh) = if callers.len() > 1 { (" and others", " 等") } else { ("", "") };
        Said {
            en: format!(
                "{} to {} came from {country} ({from}{others_en}) and carried {}.",
                counted(calls, "answered call"),
                finding.primary,
                counted(values, "sensitive value")
            ),
            zh: format!(
                "{} 被来自 {country} 的地址（{from}{others_zh}）成功调用 {calls} 次，涉及 {values} 个敏感值。",
                finding.primary
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_testkit::{event, types};

    #[test]
    fn one_record_for_each_host_and_country() {
        let mut sensor = Harness::of::<OverseasAccess>();
        for country in ["US", "US", "HK"] {
            sensor.see(event().get("a.example/users").overseas(country).returns(&types::RESIDENT_ID, 2));
        }
        let findings = sensor.findings();
        assert_eq!(
            findings.iter().map(|f| (f.aspect.as_deref().unwrap(), f.count)).collect::<Vec<_>>(),
            [("US", 2), ("HK", 1)]
        );
        assert_eq!(findings[0].severity, Severity::High);
        assert_eq!(findings[0].measures["sensitive_values"], 4);
    }

    #[test]
    fn masked_values_do_not_count_and_several_callers_are_told() {
        let mut sensor = Harness::of::<OverseasAccess>();
        let call = || event().get("a.example/users").overseas("US").returns_masked(&types::RESIDENT_ID, 9);
        sensor.see(call().returns(&types::MOBILE, 2));
        let finding = sensor.only();
        assert_eq!((finding.measures["sensitive_values"], finding.severity), (2, Severity::Medium));
        assert_eq!(finding.reasons.iter().map(|reason| &**reason).collect::<Vec<_>>(), ["cn_mobile"]);
        sensor.see(call().from("203.0.113.78"));
        let summary = sensor.only().summary;
        assert!(summary.en.contains("(203.0.113.77 and others)"), "{}", summary.en);
        assert!(summary.zh.contains("（203.0.113.77 等）"), "{}", summary.zh);
    }

    #[test]
    fn home_addresses_refusals_and_expected_countries_stay_silent() {
        let mut sensor =
            Harness::with(OverseasAccess { expected_countries: vec!["SG".into()], ..OverseasAccess::default() });
        sensor.see(event().get("a.example/"));
        sensor.see(event().get("a.example/").overseas("US").status(403));
        sensor.see(event().get("a.example/").overseas("SG"));
        sensor.silent();
    }
}
