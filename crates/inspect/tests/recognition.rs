//! What is recognised in labelled bodies: precision and recall of each type, measured against a generator that shares
//! no validator with the crate.
//!
//! `SPYHOP_VALUES` is the number of values (60,000 unless told; half as many negatives). Of the types that the
//! generator knows, those that the crate lacks are skipped and named.

#[path = "recognition/benign.rs"]
mod benign;
#[path = "recognition/judge.rs"]
mod judge;
#[path = "recognition/peer.rs"]
mod peer;

use judge::Judge;
use spyhop_inspect::types::by_name;
use spyhop_testkit::evaluate::Evaluation;
use spyhop_testkit::labelled::{Group, negatives, positives};

#[test]
fn values_are_recognised_and_nothing_else() {
    let values: usize = std::env::var("SPYHOP_VALUES").ok().and_then(|n| n.parse().ok()).unwrap_or(60_000);
    let mut judge = Judge::new();
    let mut evaluation = Evaluation::new(|id| by_name(id).is_some());
    for body in positives(20_261_123, values).chain(negatives(7, values / 2)) {
        evaluation.add(&body, &judge.seen(&body));
    }
    eprintln!("{evaluation}");
    eprintln!("{}", evaluation.examples());
    if !evaluation.skipped().is_empty() {
        eprintln!(
            "SKIPPED: {} types are not known yet: {}",
            evaluation.skipped().len(),
            evaluation.skipped().join(" ")
        );
    }
    for (group, precision, recall) in [(Group::Checked, 0.995, 0.99), (Group::Context, 0.97, 0.95)] {
        let tally = evaluation.group(group);
        assert!(tally.precision() >= precision, "{group:?}: precision {:.4}", tally.precision());
        assert!(tally.recall() >= recall, "{group:?}: recall {:.4}", tally.recall());
    }
}
