//! flow.outbound_overseas

use spyhop_model::{Class, Entity, Event, Finding, Half, Rule, Said, Severity, Span, Text, Zone, settings};

use super::{carried, severity};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::wording::counted;

settings! {
    /// An inside address calls an overseas API.
    pub struct OutboundOverseas {
        /// Hosts that are expected, with their subdomains, such as ["ocsp.example.com"].
        expected_hosts: Vec<String> = Vec::new(),
        /// The record closes after this long without such a call.
        quiet: Span = Span::days(1),
    }
}

impl Detector for OutboundOverseas {
    const RULE: &'static Rule = &Rule {
        kind: "flow.outbound_overseas",
        class: Class::Flow,
        severity: Severity::Low,
        title: Text { en: "inside host calls an overseas API", zh: "内部 IP 访问境外 API" },
        about: Text {
            en: "A host of the own networks called a server outside the home jurisdictions over readable HTTP. What was sent leaves the \
                 jurisdiction; the severity follows the highest grade of it.",
            zh: "内部主机以可读 HTTP 调用了境外服务器。所发送的数据即出境；严重程度取决于其最高等级。",
        },
        advice: Text {
            en: "Confirm that this destination is approved for this data, and that the transfer has its legal basis (assessment, contract).",
            zh: "确认该目的地已获准接收此类数据，且出境具备法定依据（安全评估、标准合同等）。",
        },
        clause: "内部 IP 访问境外 API",
    };
    const VIEWS: Views = Views::CALLS.and(Views::MESSAGES);
    type State = ();

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.client.zone == Zone::Inside && event.server.zone == Zone::Overseas && event.call.request.is_some() {
            let host = event.host();
            if !self.expected_hosts.iter().any(|expected| is_within(host, expected)) {
                out.push(CellKey::of(Entity::Server(host.into())));
            }
        }
    }

    fn observe(&self, event: &Event, _of: &CellKey, _cx: &Context<'_>, _state: &mut (), out: &mut Verdicts) {
        let Some(country) = event.server.country else { return };
        let sent = || carried(event).filter(|seen| seen.half == Half::Request);
        let values = sent().map(|seen| u64::from(seen.count)).sum();
        let bytes = match &event.call.message {
            Some(message) if message.half == Half::Request => message.body.encoded_len,
            // What comes back is no transfer.
            Some(_) => return,
            None => event.call.request.as_ref().map_or(0, |request| request.body.encoded_len),
        };
        let mut evidence = Evidence::new()
            .severity(severity(sent()))
            .confidence(80)
            .sum("sensitive_values_sent", values)
            .sum("body_bytes_sent", bytes)
            .respond("review", Entity::ClientIp(event.client.ip));
        for seen in sent() {
            evidence = evidence.reason(seen.what.id).sample(crate::wording::sample(seen));
        }
        out.hit_about(country.code(), evidence);
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        let country = finding.aspect.as_deref().unwrap_or("");
        let measure = |name| finding.measures.get(name).copied().unwrap_or(0);
        let (values, bytes) = (measure("sensitive_values_sent"), measure("body_bytes_sent"));
        let calls = finding.count;
        let callers = finding.involved.names("client_ip");
        let from = callers.first().map_or("", |ip| ip);
        let (others_en, others_zh) = if callers.len() > 1 { (" and others", " 等") } else { ("", "") };
        Said {
            en: format!(
                "{from}{others_en} called {} in {country} {} and sent {} with {}.",
                finding.primary,
                counted(calls, "time"),
                counted(bytes, "byte"),
                counted(values, "sensitive value")
            ),
            zh: format!(
                "{from}{others_zh} 调用位于 {country} 的 {} 共 {calls} 次，发送 {bytes} 字节，含 {values} 个敏感值。",
                finding.primary
            ),
        }
    }
}

fn is_within(host: &str, domain: &str) -> bool {
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_testkit::{event, types};

    #[test]
    fn fires_with_what_was_sent() {
        let mut sensor = Harness::of::<OutboundOverseas>();
        sensor.see(event().post("api.example.com/sync").to_overseas("US").sends(&types::MOBILE, 30));
        let finding = sensor.only();
        assert_eq!((finding.measures["sensitive_values_sent"], finding.severity), (30, Severity::Medium));
    }

    #[test]
    fn what_comes_back_or_is_masked_was_not_sent() {
        let mut sensor = Harness::of::<OutboundOverseas>();
        let call = || event().post("api.example.com/sync").to_overseas("US").sends(&types::MOBILE, 1);
        sensor.see(call().returns(&types::RESIDENT_ID, 1).returns_masked(&types::BANK_CARD, 1));
        let finding = sensor.only();
        assert_eq!((finding.measures["sensitive_values_sent"], finding.severity), (1, Severity::Medium));
        assert!(!finding.summary.en.contains("and others"), "{}", finding.summary.en);
        sensor.see(call().from("10.0.0.9"));
        let summary = sensor.only().summary;
        assert!(summary.en.starts_with("10.0.0.8 and others called"), "{}", summary.en);
        assert!(summary.zh.starts_with("10.0.0.8 等 调用"), "{}", summary.zh);
    }

    #[test]
    fn a_password_that_logs_somebody_in_is_no_data_that_left() {
        let mut sensor = Harness::of::<OutboundOverseas>();
        sensor.see(event().post("api.example.com/login").to_overseas("US").sends(&types::PASSWORD, 1));
        let finding = sensor.only();
        assert_eq!((finding.measures["sensitive_values_sent"], finding.severity), (0, Severity::Low));
    }

    #[test]
    fn inside_servers_and_expected_hosts_stay_silent() {
        let mut sensor =
            Harness::with(OutboundOverseas { expected_hosts: vec!["example.com".into()], ..Default::default() });
        sensor.see(event().post("api.inside/sync").sends(&types::MOBILE, 1));
        sensor.see(event().get("ocsp.example.com/x").to_overseas("US"));
        sensor.silent();
        sensor.see(event().get("notexample.com/x").to_overseas("US"));
        sensor.only();
    }
}
