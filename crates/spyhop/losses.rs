//! Losses as the terminal shows them.

use spyhop_detect::meaning;

use crate::pipeline::Losses;
use crate::pretty::Loss;

/// The losses that occurred, with their sentences.
pub fn told(losses: &Losses) -> Vec<Loss> {
    losses
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| {
            let means = meaning(reason);
            Loss { reason, count: *count, unit: means.unit, sentence: means.cause, hidden: means.hidden }
        })
        .collect()
}
