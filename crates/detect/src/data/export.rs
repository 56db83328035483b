//! data.export

use spyhop_model::{Class, Entity, Event, Finding, Grade, Rule, Said, Severity, Span, Text, settings};

use super::{by_type, delivers_records, returned, severity};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts};
use crate::wording::{accounts, counted};

settings! {
    /// A file of records leaves.
    pub struct Export {
        /// People in one file from which on it is reported.
        subjects: u64 = 100,
        /// Values of grade L3 and above in one file from which on it is reported.
        values: u64 = 100,
        /// People in one file from which on the severity rises by one.
        many: u64 = 10_000,
        /// What the day is ahead of UTC, in minutes (480: China). All files of one day are one incident.
        utc_offset: i32 = 480,
        /// An incident is over after this long without such a file.
        quiet: Span = Span::days(1),
    }
}

impl Detector for Export {
    const RULE: &'static Rule = &Rule {
        kind: "data.export",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "file of records delivered", zh: "导出数据文件" },
        about: Text {
            en: "A response delivered a file (spreadsheet, delimited text, archive, PDF, document, or anything to be saved) that holds \
                 many people or many sensitive values. One incident for each account (or address), endpoint and day; it says the names \
                 of the files, the people and the types in them. An export can be somebody's task: what matters is who made it.",
            zh: "响应下发了包含大量个人或敏感值的文件（表格、分隔文本、压缩包、PDF、文档或其他供保存的文件）。\
                 每个账号（或地址）、接口与日期一条记录，列出文件名、涉及主体数与数据类型。导出可能属正常职责，关键在于由谁导出。",
        },
        advice: Text {
            en: "Confirm that this export was asked for and approved; limit its rows and types; mark the file; trace where it went.",
            zh: "确认该导出经过申请与审批；限制行数与字段；为文件添加水印；追踪文件去向。",
        },
        clause: "导出、敏感数据外发",
    };
    type State = ();

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if event.call.request.is_none() || !event.call.succeeded() || !delivers_records(&event.call) {
            return;
        }
        let who = match &event.account {
            Some(account) => Entity::Account(account.clone()),
            None => Entity::ClientIp(event.client.ip),
        };
        out.push(CellKey::within(who, &event.endpoint));
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, _state: &mut (), out: &mut Verdicts) {
        let Some(file) = &event.call.delivered else { return };
        let holding = event.call.holding.response.as_deref();
        let subjects = holding.map_or(0, |holding| u64::from(holding.subjects));
        let types = by_type(returned(&event.call, Grade::L3));
        let values: u64 = types.iter().map(|one| one.values).sum();
        if subjects < self.subjects && values < self.values {
            return;
        }
        let grade = types.iter().map(|one| one.grade).max();
        let grave = grade.map_or(Severity::Low, severity);
        let name: &str = if file.name.is_empty() { "?" } else { &file.name };
        let evidence = Evidence::new()
            .severity(if subjects >= self.many { grave.raised() } else { grave })
            .sum("subjects", subjects)
            .most("subjects_in_one_file", subjects)
            .sum("records", holding.map_or(0, |holding| u64::from(holding.records)))
            .sum("values", values)
            .sample(format!("{name} ({})", file.kind.name()))
            .respond("review", of.entity.clone());
        let evidence = types.iter().fold(evidence, |evidence, one| evidence.reason(one.what.id));
        out.hit_about(&self.day(cx.now), evidence);
    }

    fn check(&self) -> Result<(), String> {
        /// Offsets in use run from -12 to +14 hours.
        const MOST: i32 = 14 * 60;
        if self.utc_offset.abs() > MOST {
            return Err(format!("utc_offset: {} minutes are no time of day on earth", self.utc_offset));
        }
        Ok(())
    }

    fn quiet(&self) -> Span {
        self.quiet
    }

    fn summary(&self, finding: &Finding) -> Said {
        /// Names and types that the sentence has room for.
        const SHOWN: usize = 3;
        let measure = |name: &str| finding.measures.get(name).copied().unwrap_or(0);
        let list = |names: &[std::sync::Arc<str>], more: &str| {
            let shown = names.iter().take(SHOWN).map(|name| &**name).collect::<Vec<_>>().join(", ");
            if names.len() > SHOWN { format!("{shown}{more}") } else { shown }
        };
        let (subjects, values) = (measure("subjects"), measure("values"));
        let day = finding.aspect.as_deref().unwrap_or("");
        let endpoint = finding.involved.names("endpoint").first().map_or("", |endpoint| endpoint);
        let who = match finding.primary {
            Entity::Account(_) => Said::default(),
            _ => accounts(&finding.involved),
        };
        let (types_en, types_zh) = match finding.reasons.as_slice() {
            [] => (String::new(), String::new()),
            types => (format!(" of types {}", list(types, " and others")), format!("（类型 {}）", list(types, " 等"))),
        };
        Said {
            en: format!(
                "{}{} downloaded {} ({}) from {endpoint} on {day}, with {} and {}{types_en}.",
                finding.primary,
                who.en,
                counted(finding.count, "file"),
                list(&finding.samples, " and others"),
                match (subjects, finding.count) {
                    (1, _) => "1 person".to_owned(),
                    (_, 1) => format!("{subjects} people"),
                    // Some may stand in several files.
                    _ => format!("up to {subjects} people"),
                },
                counted(values, "sensitive value"),
            ),
            zh: format!(
                "{}{} 于 {day} 从 {endpoint} 下载 {} 个文件（{}），涉及 {subjects} 个主体、{values} 个敏感值{types_zh}。",
                finding.primary,
                who.zh,
                finding.count,
                list(&finding.samples, " 等"),
            ),
        }
    }
}

impl Export {
    /// The civil day, `2026-11-20`.
    fn day(&self, now: spyhop_model::Timestamp) -> String {
        let offset = Span::minutes(u64::from(self.utc_offset.unsigned_abs()));
        let civil = if self.utc_offset < 0 { now - offset } else { now + offset }.civil();
        format!("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::FileKind;
    use spyhop_testkit::{EventBuilder, event, types};

    fn file(subjects: u32, values: u32) -> EventBuilder {
        let file = event().get("a.example/export").account("alice").delivers("客户.xlsx", FileKind::Sheet, true);
        file.holds(subjects, subjects, "sheet1[*]").returns(&types::MOBILE, values)
    }

    #[test]
    fn a_hundred_people_or_values_fire_and_one_less_does_not() {
        for (subjects, values, fires) in [(99, 99, 0), (100, 0, 1), (0, 100, 1), (100, 100, 1)] {
            let mut sensor = Harness::of::<Export>();
            sensor.see(file(subjects, values));
            assert_eq!(sensor.findings().len(), fires, "{subjects} {values}");
        }
    }

    #[test]
    fn one_for_each_principal_endpoint_and_day_with_names_people_and_types() {
        let mut sensor = Harness::of::<Export>();
        sensor.see(file(200, 200).at(0));
        sensor.see(file(300, 300).at(60).delivers("订单.csv", FileKind::Csv, false));
        sensor.see_with(file(100, 100).at(70), |event| event.account = None);
        // Fourteen hours after ten in the morning a new day begins in Shanghai.
        sensor.see(file(100, 100).at(14 * 3_600 - 1));
        sensor.see(file(100, 100).at(14 * 3_600));
        let findings = sensor.findings();
        let told: Vec<_> =
            findings.iter().map(|f| (f.primary.role(), f.aspect.as_deref().unwrap_or(""), f.count)).collect();
        assert_eq!(told, [("account", "2026-11-20", 3), ("client_ip", "2026-11-20", 1), ("account", "2026-11-21", 1)]);
        let first = &findings[0];
        assert_eq!((first.measures["subjects"], first.severity), (600, Severity::Medium));
        assert!(
            first.summary.en.starts_with(
                "alice downloaded 3 files (客户.xlsx (sheet), 订单.csv (csv)) from GET a.example/export on 2026-11-20, \
                 with up to 600 people and 600 sensitive values of types cn_mobile"
            ),
            "{}",
            first.summary.en
        );
    }

    #[test]
    fn pages_pictures_failures_and_planted_values_stay_silent() {
        let mut sensor = Harness::of::<Export>();
        sensor.see(event().get("a.example/list").holds(500, 500, "$[*]").returns(&types::MOBILE, 500));
        sensor.see(file(500, 500).delivers("a.png", FileKind::Other, false));
        sensor.see(file(500, 500).status(403));
        sensor.see(file(0, 0).returns_masked(&types::MOBILE, 500).returns(&types::CANARY, 500));
        sensor.silent();
    }

    #[test]
    fn ten_thousand_people_and_highly_sensitive_types_raise_it() {
        for (file, expected) in [
            (file(100, 0).returns_masked(&types::MOBILE, 100), Severity::Low),
            (file(100, 0).returns(&types::RESIDENT_ID, 100), Severity::High),
            (file(10_000, 0).returns(&types::RESIDENT_ID, 10_000), Severity::Critical),
        ] {
            let mut sensor = Harness::of::<Export>();
            sensor.see_with(file, |event| {
                event.call.observations.retain(|seen| seen.count > 0);
            });
            assert_eq!(sensor.only().severity, expected);
        }
    }

    #[test]
    fn it_is_over_a_day_later_and_grows_on_after_a_restart() {
        let mut sensor = Harness::of::<Export>();
        sensor.see(file(100, 100).at(0));
        let mut sensor = sensor.restarted::<Export>();
        sensor.see(file(100, 100).at(10));
        assert_eq!(sensor.only().count, 2);
        sensor.advance(86_410);
        assert_eq!(sensor.only().status, spyhop_model::Status::Closed);
        assert!(Export { utc_offset: 900, ..Export::default() }.check().is_err());
        assert_eq!(Export { utc_offset: -300, ..Export::default() }.day(spyhop_testkit::time(0)), "2026-11-19");
    }
}
