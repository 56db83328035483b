//! How much bombs may cost altogether: a single one is bounded by its own limits, thousands of them are not.

use crate::limits::Limits;

/// Decoded bytes that bombs gave, beyond which there are so many that it is an attack on us.
const ALARM: u64 = 16 << 20;
/// Decoded bytes below which the ratio of a body is not looked at as long as there is an attack.
const WARY: u64 = 16 << 10;
/// What part of the ratio a body may have as long as there is an attack. Text comes to ten or twenty, dull tables to fifty.
const WARY_RATIO: u64 = 2;
/// For each encoded byte of whatever body, so many decoded bytes of bombs are forgiven.
const FORGIVEN: u64 = 2;

/// What a worker's bombs have cost of late, measured by what else there was to decode.
///
/// While they cost too much, a body is a bomb from [`WARY`] decoded bytes on rather than from `ratio_from`, and at half the
/// ratio. Other bodies are never concerned.
#[derive(Debug, Default)]
pub(super) struct Bombs {
    wasted: u64,
}

impl Bombs {
    /// Encoded bytes came.
    pub(super) fn taken(&mut self, bytes: usize) {
        self.wasted = self.wasted.saturating_sub(FORGIVEN * bytes as u64);
    }

    /// There are so many bombs that it is an attack.
    pub(super) fn alarm(&self) -> bool {
        self.wasted > ALARM
    }

    /// Whether a body that gave `out` bytes for `taken` is a bomb. If so, it is over, and was counted.
    pub(super) fn add(&mut self, out: u64, taken: u64, limits: &Limits) -> bool {
        let (from, ratio) = match self.alarm() {
            true => (limits.ratio_from.min(WARY), limits.ratio / WARY_RATIO),
            false => (limits.ratio_from, limits.ratio),
        };
        let is_bomb = out > limits.decoded || (out > from && out / taken.max(1) > ratio);
        if is_bomb {
            self.wasted = self.wasted.saturating_add(out);
        }
        is_bomb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body gives of which every encoded byte decodes to `ratio`, in pieces of 32 KiB; at most 8 MiB.
    fn decoded(bombs: &mut Bombs, ratio: u64) -> u64 {
        let mut out = 0;
        while out < 8 << 20 {
            out += 32 << 10;
            bombs.taken((32 << 10) / ratio as usize);
            if bombs.add(out, out / ratio, &Limits::default()) {
                break;
            }
        }
        out
    }

    #[test]
    fn many_bombs_cost_little_each_and_nobody_else_anything() {
        let mut bombs = Bombs::default();
        let costs: Vec<u64> = (0..100).map(|_| decoded(&mut bombs, 1_000)).collect();
        assert!(costs[..16].iter().all(|cost| *cost > 1 << 20), "{costs:?}");
        assert!(costs[20..].iter().all(|cost| *cost < 64 << 10), "{costs:?}");
        assert_eq!(decoded(&mut bombs, 40), 8 << 20, "what is far below the ratio is no bomb");
        // When other bodies have come for a while, a single bomb is as before.
        while bombs.wasted > 0 {
            decoded(&mut bombs, 5);
        }
        assert!(decoded(&mut bombs, 1_000) > 1 << 20);
    }
}
