//! sensor.loss

use std::collections::BTreeMap;

use spyhop_model::{Class, Entity, Finding, Moment, Rule, Said, Severity, Span, Text, Timestamp, settings};

use crate::detector::{CellKey, Evidence};
use crate::findings::{Findings, Support};
use crate::sensor::meaning::meaning;

settings! {
    /// The sensor could not see or keep everything.
    pub struct LossSettings {
        /// The finding closes after this long without a further loss.
        quiet: Span = Span::hours(1),
        /// Reasons that are not reported, such as ["midstream_connections"]; they are counted all the same.
        accepted: Vec<String> = Vec::new(),
    }
}

/// Tells losses from the accounts.
#[derive(Default)]
pub struct Loss {
    settings: LossSettings,
    /// What was counted last, by reason.
    seen: BTreeMap<&'static str, u64>,
}

impl Loss {
    /// The kind of finding.
    pub const RULE: &'static Rule = &Rule {
        kind: "sensor.loss",
        class: Class::Sensor,
        severity: Severity::Low,
        title: Text {
            en: "the sensor did not see or keep everything", zh: "传感器未能看到或保留全部数据"
        },
        about: Text {
            en: "Packets were lost before or in the sensor, or a limit made it let go of something. What happened inside the lost part \
                 is unknown: numbers of other findings are lower bounds, and each finding says which losses touched its exchanges.",
            zh: "数据包在到达传感器之前或在其内部丢失，或因达到限制而放弃了部分内容。丢失部分中发生了什么无从得知：\
                 其他发现中的数字为下限，每条发现会注明影响其证据的丢失情况。",
        },
        advice: Text {
            en: "Look at the reasons: gaps and cut packets point to the mirror or the capture buffer, limits to their settings.",
            zh: "查看原因：缺口与截断的数据包指向镜像口或抓包缓冲区，限制类原因指向相应配置。",
        },
        clause: "审计完整性",
    };

    /// With its settings.
    pub fn new(settings: LossSettings) -> Loss {
        Loss { settings, seen: BTreeMap::new() }
    }

    /// Knows what another has told already.
    pub(crate) fn inherit(&mut self, other: &mut Loss) {
        self.seen = std::mem::take(&mut other.seen);
    }

    /// The losses so far, by reason.
    pub(crate) fn observe(
        &mut self,
        at: Timestamp,
        totals: impl Iterator<Item = (&'static str, u64)>,
        findings: &mut Findings,
    ) {
        let mut evidence: Option<Evidence> = None;
        for (reason, total) in totals.filter(|(_, total)| *total > 0) {
            let before = self.seen.get(reason).copied().unwrap_or(0);
            if total <= before {
                continue;
            }
            self.seen.insert(reason, total);
            if !self.settings.accepted.iter().any(|accepted| accepted == reason) {
                let so_far = evidence.take().unwrap_or_default();
                evidence = Some(so_far.reason(reason).sum(reason, total - before).confidence(100));
            }
        }
        if let Some(evidence) = evidence {
            let by = Support { at: Moment { at, ..Moment::default() }, event: None, quiet: self.settings.quiet };
            let evidence = evidence.respond("check_mirror", Entity::Sensor);
            findings.hit(Self::RULE, &CellKey::of(Entity::Sensor), None, evidence, &by);
        }
    }

    pub(crate) fn summary(&self, finding: &Finding) -> Said {
        let (mut en, mut zh) = (Vec::new(), Vec::new());
        for (reason, count) in &finding.measures {
            let means = meaning(reason);
            en.push(format!("{reason} {count} {} (may have hidden: {})", means.unit.en, means.hidden.en));
            zh.push(format!("{reason} {count} {}（可能遗漏：{}）", means.unit.zh, means.hidden.zh));
        }
        Said {
            en: format!("Not everything was seen or kept: {}.", en.join("; ")),
            zh: format!("未能看到或保留全部数据：{}。", zh.join("；")),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::Harness;

    #[test]
    fn what_is_lost_is_one_finding_that_grows_and_closes() {
        let mut sensor = Harness::empty();
        sensor.losses(1, &[("gap_bytes", 0)]);
        assert!(sensor.findings().is_empty());
        sensor.losses(2, &[("gap_bytes", 100)]);
        sensor.losses(3, &[("gap_bytes", 100)]);
        sensor.losses(4, &[("gap_bytes", 150), ("packets_cut", 2)]);
        let finding = sensor.only();
        assert_eq!((finding.measures["gap_bytes"], finding.measures["packets_cut"], finding.count), (150, 2, 2));
        sensor.advance(4 + 3600);
        assert_eq!(sensor.only().status, spyhop_model::Status::Closed);
    }
}
