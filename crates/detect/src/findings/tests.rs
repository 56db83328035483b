use super::*;
use spyhop_model::{FlowId, Severity, Text};

const TEXT: Text = Text { en: "t", zh: "t" };
const fn rule(kind: &'static str, class: Class) -> Rule {
    Rule { kind, class, severity: Severity::Low, title: TEXT, about: TEXT, advice: TEXT, clause: "c" }
}
static WEAKNESS: Rule = rule("t.weakness", Class::Weakness);
static INCIDENT: Rule = rule("t.incident", Class::Incident);
static FLOW: Rule = rule("t.flow", Class::Flow);

fn at(second: u64) -> Timestamp {
    Timestamp::from_parts(second, 0)
}
fn cell(name: &str) -> CellKey {
    CellKey::of(Entity::Endpoint(name.into()))
}
fn findings(life: Life, keep_past: bool) -> Findings {
    Findings::new(life, Key::new([1; 32]), keep_past)
}

impl Findings {
    fn hit_at(&mut self, second: u64, rule: &'static Rule, name: &str) {
        self.advance(at(second));
        let moment = Moment { at: at(second), flow: FlowId(1), ordinal: 0 };
        let by = Support { at: moment, event: None, quiet: Span::hours(1) };
        self.hit(rule, &cell(name), None, Evidence::new(), &by);
    }
    fn changes(&mut self) -> Vec<(Change, Status, u32)> {
        self.changed.drain(..).map(|finding| (finding.change, finding.status, finding.revision)).collect()
    }
}

#[test]
fn queues_hold_one_entry_a_finding_however_often_it_comes_and_goes() {
    let mut known = findings(Life { mended_after: 1, ..Life::default() }, false);
    for second in 0..100 {
        known.hit_at(second, &WEAKNESS, "a");
        known.mended(&WEAKNESS, &cell("a"), None, at(second));
        known.hit_at(second * 7_200, &INCIDENT, "a");
    }
    assert_eq!((known.deadlines.by_time.len(), known.over.by_time.len()), (1, 1));
}

#[test]
fn what_comes_back_with_the_same_id_counts_its_revisions_on() {
    let later = 40 * 86_400;
    for (rule, same) in [(&WEAKNESS, true), (&FLOW, true), (&INCIDENT, false)] {
        let mut known = findings(Life { mended_after: 1, ..Life::default() }, false);
        known.hit_at(0, rule, "a");
        known.mended(rule, &cell("a"), None, at(1));
        known.hit_at(later, rule, "a");
        let told: Vec<Finding> = known.changed.drain(..).collect();
        let (first, last) = (&told[0], &told[told.len() - 1]);
        assert_eq!(first.id == last.id, same, "{}", rule.kind);
        let expected = if same { (Change::Reopened, 3) } else { (Change::Opened, 1) };
        assert_eq!((last.change, last.revision), expected, "{}", rule.kind);
    }
}

#[test]
fn at_the_limit_the_one_that_has_been_over_for_longest_goes_and_stale_ones_count() {
    let mut known = findings(Life { limit: 2, ..Life::default() }, false);
    known.hit_at(0, &WEAKNESS, "a");
    known.hit_at(1, &WEAKNESS, "b");
    known.hit_at(2, &WEAKNESS, "c");
    assert_eq!((known.all().len(), known.refused()), (2, 1));
    // A week later both are stale: new ones find room, and the older goes first.
    known.hit_at(8 * 86_400, &WEAKNESS, "c");
    assert_eq!(known.refused(), 1);
    let names: Vec<String> = known.all().iter().map(|finding| finding.primary.to_string()).collect();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn past_findings_beyond_the_limit_are_counted() {
    let mut known = findings(Life { limit: 1, ..Life::default() }, true);
    for (n, name) in ["a", "b", "c"].into_iter().enumerate() {
        known.hit_at(n as u64 * 7_200, &INCIDENT, name);
    }
    assert_eq!((known.all().len(), known.past_dropped()), (2, 1));
}

#[test]
fn a_hit_on_a_folded_finding_is_unexplained_and_opens_it_again() {
    let mut known = findings(Life::default(), false);
    known.hit_at(0, &INCIDENT, "child");
    known.hit_at(0, &INCIDENT, "parent");
    known.fold(&INCIDENT, &cell("parent"), INCIDENT.kind, &cell("child"), at(0));
    known.changes();
    known.hit_at(5, &INCIDENT, "child");
    // The same parent does not take it in again: two attackers would make it go in and out with every attempt.
    known.fold(&INCIDENT, &cell("parent"), INCIDENT.kind, &cell("child"), at(6));
    assert_eq!(known.changes(), [(Change::Reopened, Status::Open, 3)]);
    assert!(known.all().iter().all(|finding| finding.parent.is_none()));
}

#[test]
fn a_snapshot_goes_on_where_it_was() {
    let mut known = findings(Life::default(), false);
    known.hit_at(0, &WEAKNESS, "a");
    known.hit_at(0, &INCIDENT, "b");
    known.advance(at(3_600));
    let mut next = findings(Life::default(), false);
    next.load(known.save(), |kind| [&WEAKNESS, &INCIDENT].into_iter().find(|rule| rule.kind == kind));
    next.hit_at(3_700, &INCIDENT, "b");
    next.advance(at(8 * 86_400));
    let told: Vec<(Change, Status)> = next.changes().into_iter().map(|(change, status, _)| (change, status)).collect();
    assert_eq!(
        told,
        [(Change::Reopened, Status::Open), (Change::Closed, Status::Closed), (Change::Updated, Status::Stale)]
    );
}
