//! data.excessive_records

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use spyhop_model::{Class, Entity, Event, Finding, Grade, Rule, Said, Severity, Span, Text, settings};

use super::{answers, delivers_records, lowered, returned, severity};
use crate::detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
use crate::quantile::Quantiles;

settings! {
    /// One response returns too many records or people.
    pub struct ExcessiveRecords {
        /// Records (or people) in one response above which it is reported, unless the endpoint usually returns many.
        records: u32 = 100,
        /// An endpoint may return so many times what 99 of 100 of its responses hold.
        factor: u32 = 5,
        /// Responses with records from which on that is known.
        learn: u32 = 200,
        /// Records (or people) from which on it is reported whatever is usual; the only limit for files.
        always: u32 = 1_000,
        /// How many times the page size that a client usually asks for is an attempt to get more at once, reported if it was honoured.
        page_factor: u32 = 5,
        /// How long an endpoint that returns no records is remembered.
        memory: Span = Span::days(30),
    }
}

/// Clients of one endpoint whose page sizes are remembered; the one that has not called for longest goes.
const CLIENTS: usize = 64;
/// Requests for one page size that make it usual.
const HABIT: u16 = 3;
/// Records of a page that could have held more: fewer do not show that a weakness is mended.
const PAGE: u32 = 10;

/// What an endpoint usually returns.
#[derive(Default, Serialize, Deserialize)]
pub struct Pages {
    sizes: Quantiles,
    /// The limit that was exceeded first; an open finding keeps it.
    exceeded: Option<u32>,
    /// Every request that exceeded it had named a page size.
    asked: bool,
    /// Most recent last.
    habits: VecDeque<Habit>,
}

/// The page size that a client asks for most.
#[derive(Serialize, Deserialize)]
struct Habit {
    client: Entity,
    size: u32,
    /// How often, less how often it asked for another.
    seen: u16,
}

impl Detector for ExcessiveRecords {
    const RULE: &'static Rule = &Rule {
        kind: "data.excessive_records",
        class: Class::Weakness,
        severity: Severity::Medium,
        title: Text { en: "too many records in one response", zh: "单次返回数据量过多" },
        about: Text {
            en: "One response of this endpoint held far more records or people than a page needs, or than the endpoint usually returns; \
                 or a caller raised the page size far above its own and was served. Delivered files have a finding of their own \
                 (data.export) and count here only beyond the absolute limit.",
            zh: "该接口单次响应返回的记录或主体数量远超页面所需或该接口的常态；或调用方将分页大小提高到远超其习惯值且得到响应。\
                 下发的文件另有告警（data.export），仅在超过绝对上限时计入此处。",
        },
        advice: Text {
            en: "Limit the page size on the server, whatever the request asks for, and return only the records that the task needs.",
            zh: "在服务端限制分页大小（不论请求值为何），仅返回业务所需的记录。",
        },
        clause: "单次返回数据量过多",
    };
    const VIEWS: Views = Views::CALLS.and(Views::MESSAGES);
    type State = Pages;

    fn entities(&self, event: &Event, out: &mut Vec<CellKey>) {
        if answers(event) && event.call.holding.response.is_some() {
            out.push(CellKey::of(Entity::Endpoint(event.endpoint.clone())));
        }
    }

    fn observe(&self, event: &Event, of: &CellKey, cx: &Context<'_>, pages: &mut Pages, out: &mut Verdicts) {
        let Some(holding) = event.call.holding.response.as_deref() else { return };
        let records = holding.records.max(holding.subjects);
        let is_file = delivers_records(&event.call);
        let usual = self.limit(&pages.sizes);
        let limit = match pages.exceeded {
            _ if is_file => self.always.saturating_sub(1),
            Some(exceeded) if cx.findings.is_open(Self::RULE.kind, of, None) => exceeded,
            _ => usual,
        };
        let asked = event.call.page_size.filter(|size| *size > 0 && !is_file);
        let client = match &event.account {
            Some(account) => Entity::Account(account.clone()),
            None => Entity::ClientIp(event.client.ip),
        };
        let habit = asked.and_then(|size| pages.ask(&client, size));
        let tampered = asked.zip(habit).is_some_and(|(asked, habit)| {
            let least = habit.saturating_mul(self.page_factor);
            asked >= least && records >= least
        });
        if !is_file {
            // What is too much does not become usual.
            pages.sizes.add(records.min(usual));
        }
        if records <= limit && !tampered {
            if !is_file && pages.shows_mended(records, limit, asked, &holding.repeats_in) {
                out.mended();
            }
            return;
        }
        if !is_file && records > limit {
            let is_first = pages.exceeded.replace(limit).is_none();
            pages.asked = asked.is_some() && (is_first || pages.asked);
        }
        let grave = returned(&event.call, Grade::L3).map(|seen| seen.grade).max().map_or(Severity::Low, severity);
        let over = records > limit;
        let learnt = pages.sizes.learnt() >= self.learn || records >= self.always;
        let mut evidence = Evidence::new()
            .severity(if over { grave } else { lowered(grave) })
            .confidence(match (over, learnt) {
                (true, true) => 90,
                (true, false) => 80,
                (false, _) => 70,
            })
            .most("records_in_one_response", u64::from(holding.records))
            .most("subjects_in_one_response", u64::from(holding.subjects))
            .respond("fix_endpoint", of.entity.clone());
        if over {
            let reason = if records >= self.always { "always_too_many" } else { "more_than_usual" };
            evidence = evidence.reason(reason).most("limit", u64::from(limit));
        }
        if tampered {
            evidence = evidence
                .reason("page_size_tamper")
                .most("page_size", u64::from(asked.unwrap_or_default()))
                .most("usual_page_size", u64::from(habit.unwrap_or_default()))
                .respond("review", client);
        }
        if !holding.repeats_in.is_empty() {
            evidence = evidence.sample(&*holding.repeats_in);
        }
        out.hit(evidence);
    }

    fn is_idle(&self, pages: &Pages) -> bool {
        pages.sizes.learnt() == 0 && pages.exceeded.is_none() && pages.habits.is_empty()
    }

    fn heap(&self, pages: &Pages) -> usize {
        let names = pages.habits.iter().map(|habit| CellKey::of(habit.client.clone()).heap()).sum::<usize>();
        pages.sizes.heap() + pages.habits.capacity() * size_of::<Habit>() + names
    }

    fn check(&self) -> Result<(), String> {
        if self.records >= self.always {
            return Err(format!(
                "records: {} is never reached, because {} always are too many",
                self.records, self.always
            ));
        }
        Ok(())
    }

    fn memory(&self) -> Span {
        self.memory
    }

    fn summary(&self, finding: &Finding) -> Said {
        let measure = |name: &str| finding.measures.get(name).copied().unwrap_or(0);
        let (records, subjects) = (measure("records_in_one_response"), measure("subjects_in_one_response"));
        let (limit, page, usual) = (measure("limit"), measure("page_size"), measure("usual_page_size"));
        let (mut en, mut zh) = (String::new(), String::new());
        if limit > 0 {
            en.push_str(&format!(" (at most {limit} are expected)"));
            zh.push_str(&format!("（预期不超过 {limit}）"));
        }
        if page > 0 {
            en.push_str(&format!("; a caller that usually asks for {usual} a page asked for {page}"));
            zh.push_str(&format!("；通常每页请求 {usual} 条的调用方请求了 {page} 条"));
        }
        Said {
            en: format!(
                "{} returned up to {records} records of {subjects} people in one response{en}.",
                finding.primary
            ),
            zh: format!("{} 单次响应最多返回 {records} 条记录、涉及 {subjects} 个主体{zh}。", finding.primary),
        }
    }
}

impl ExcessiveRecords {
    /// Records that a response may hold.
    fn limit(&self, sizes: &Quantiles) -> u32 {
        let usual = if sizes.learnt() >= self.learn { sizes.p99().saturating_mul(self.factor) } else { 0 };
        usual.max(self.records).min(self.always.saturating_sub(1))
    }
}

impl Pages {
    /// Learns that a client asked for a page size, and says which it usually asked for before.
    fn ask(&mut self, client: &Entity, size: u32) -> Option<u32> {
        let at = self.habits.iter().position(|habit| habit.client == *client);
        let known = at.and_then(|at| self.habits.remove(at));
        let mut habit = known.unwrap_or_else(|| Habit { client: client.clone(), size, seen: 0 });
        let usual = (habit.seen >= HABIT).then_some(habit.size);
        // The majority wins (Boyer and Moore): a few other sizes do not change a habit, a lasting change does.
        if habit.size == size {
            habit.seen = habit.seen.saturating_add(1);
        } else if habit.seen <= 1 {
            (habit.size, habit.seen) = (size, 1);
        } else {
            habit.seen -= 1;
        }
        if self.habits.len() >= CLIENTS {
            self.habits.pop_front();
        }
        self.habits.push_back(habit);
        usual
    }

    /// Whether a response within the limit could have exceeded it: it was asked for more, or is a page that could hold more.
    fn shows_mended(&self, records: u32, limit: u32, asked: Option<u32>, repeats_in: &str) -> bool {
        match asked {
            _ if self.exceeded.is_none() => false,
            Some(asked) => asked > limit,
            None => !self.asked && !repeats_in.is_empty() && records >= PAGE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use spyhop_model::{FileKind, Status};
    use spyhop_testkit::{EventBuilder, event, types};

    fn page(records: u32) -> EventBuilder {
        event().get("a.example/users").holds(records, records, "$.list[*]").returns(&types::MOBILE, records.min(9))
    }

    #[test]
    fn more_than_a_hundred_fire_and_a_hundred_do_not() {
        let mut sensor = Harness::of::<ExcessiveRecords>();
        sensor.see(page(100));
        sensor.silent();
        sensor.see(page(101));
        let finding = sensor.only();
        assert_eq!((finding.severity, finding.confidence), (Severity::Medium, 80));
        assert_eq!(
            finding.summary.en,
            "GET a.example/users returned up to 101 records of 101 people in one response (at most 100 are expected)."
        );
    }

    #[test]
    fn what_is_usual_is_learnt_over_two_hundred_responses_and_the_absolute_limit_stays() {
        let mut sensor = Harness::of::<ExcessiveRecords>();
        for _ in 0..200 {
            sensor.see(page(51));
        }
        sensor.see(page(255));
        sensor.silent();
        let mut sensor = sensor.restarted::<ExcessiveRecords>();
        sensor.see(page(256));
        assert_eq!((sensor.only().measures["limit"], sensor.only().confidence), (255, 90));

        let mut sensor = Harness::with(ExcessiveRecords { records: 900, ..ExcessiveRecords::default() });
        for _ in 0..300 {
            sensor.see(page(900));
        }
        sensor.see(page(999));
        sensor.silent();
        sensor.see(page(1_000));
        assert_eq!(&*sensor.only().reasons[0], "always_too_many");
    }

    #[test]
    fn too_many_do_not_become_usual_and_an_open_finding_keeps_its_limit() {
        let mut sensor = Harness::of::<ExcessiveRecords>();
        for _ in 0..400 {
            sensor.see(page(150));
        }
        let finding = sensor.only();
        assert_eq!((finding.status, finding.count, finding.measures["limit"]), (Status::Open, 400, 100));
    }

    #[test]
    fn a_page_size_far_above_the_habit_fires_where_it_is_honoured() {
        let asks = |size: u32, records: u32| page(records).page_size(size);
        for (size, records, fires) in [(50, 50, 1), (49, 49, 0), (50, 49, 0), (500, 10, 0)] {
            let mut sensor = Harness::of::<ExcessiveRecords>();
            for _ in 0..3 {
                sensor.see(asks(10, 10));
            }
            // Another client's habit is its own.
            sensor.see(asks(50, 50).from("10.0.0.9"));
            sensor.silent();
            sensor.see(asks(size, records));
            let findings = sensor.findings();
            assert_eq!(findings.len(), fires, "{size} {records}");
            for finding in findings {
                assert_eq!((&*finding.reasons[0], finding.severity), ("page_size_tamper", Severity::Low));
                assert!(finding.summary.en.contains("usually asks for 10 a page asked for 50"));
            }
        }
    }

    #[test]
    fn files_count_beyond_the_absolute_limit_only_and_requests_never() {
        let file = |records: u32| page(records).delivers("a.csv", FileKind::Csv, true);
        let mut sensor = Harness::of::<ExcessiveRecords>();
        sensor.see(file(999));
        sensor.see_with(page(5_000), |event| {
            event.call.holding.request = event.call.holding.response.take();
        });
        sensor.silent();
        sensor.see(file(1_000));
        assert_eq!(sensor.only().count, 1);
    }

    #[test]
    fn fifty_pages_that_could_have_held_more_close_it() {
        let mut sensor = Harness::of::<ExcessiveRecords>();
        sensor.see(page(150));
        for _ in 0..60 {
            sensor.see(page(9));
            sensor.see(page(20).page_size(20));
        }
        assert_eq!(sensor.only().status, Status::Open);
        for _ in 0..50 {
            sensor.see(page(20));
        }
        assert_eq!(sensor.only().status, Status::Closed);

        let mut sensor = Harness::of::<ExcessiveRecords>();
        sensor.see(page(150).page_size(200));
        for _ in 0..60 {
            sensor.see(page(100));
        }
        assert_eq!(sensor.only().status, Status::Open);
        for _ in 0..50 {
            sensor.see(page(100).page_size(200));
        }
        assert_eq!(sensor.only().status, Status::Closed);
    }

    #[test]
    fn a_week_of_silence_makes_it_stale() {
        let mut sensor = Harness::of::<ExcessiveRecords>();
        sensor.see(page(101).at(0));
        sensor.advance(7 * 86_400);
        assert_eq!(sensor.only().status, Status::Stale);
    }

    #[test]
    fn clients_without_end_cost_a_bounded_cell() {
        let mut sensor = Harness::of::<ExcessiveRecords>();
        for n in 0..2_000 {
            sensor.see(page(10).page_size(10).account(&format!("account-{n:05}")));
        }
        let (cells, bytes) = sensor.held();
        assert!(cells == 1 && bytes < 16_384, "{cells} {bytes}");
        assert!(ExcessiveRecords { records: 1_000, ..ExcessiveRecords::default() }.check().is_err());
    }
}
