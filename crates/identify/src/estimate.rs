//! How many different things there are, in little memory.

use serde::{Deserialize, Serialize};

/// Things that are counted exactly, and registers beyond.
const EXACT: usize = 32;
const REGISTERS: usize = 256;

/// Counts different values: exactly up to 32, then by HyperLogLog with 256 registers, with a standard error of 6.5 %
/// (Flajolet, Fusy, Gandouet and Meunier, 2007). Takes 256 octets at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Distinct {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exact: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    registers: Vec<u8>,
}

impl Distinct {
    /// Counts a value.
    pub fn add(&mut self, value: &[u8]) {
        self.add_hash(hash(value));
    }

    fn add_hash(&mut self, hash: u64) {
        if !self.registers.is_empty() {
            return self.register(hash);
        }
        if self.exact.contains(&hash) {
            return;
        }
        self.exact.push(hash);
        if self.exact.len() > EXACT {
            self.registers = vec![0; REGISTERS];
            std::mem::take(&mut self.exact).into_iter().for_each(|hash| self.register(hash));
        }
    }

    fn register(&mut self, hash: u64) {
        // The low byte names the register; its rank is one more than the zeros above.
        let rank = ((hash >> 8) | 1 << 56).trailing_zeros() as u8 + 1;
        if let Some(register) = self.registers.get_mut((hash & 0xff) as usize) {
            *register = (*register).max(rank);
        }
    }

    /// Counts what another has counted, too.
    pub fn merge(&mut self, other: &Distinct) {
        other.exact.iter().for_each(|hash| self.add_hash(*hash));
        if other.registers.is_empty() {
            return;
        }
        if self.registers.is_empty() {
            self.registers = vec![0; REGISTERS];
            std::mem::take(&mut self.exact).into_iter().for_each(|hash| self.register(hash));
        }
        self.registers.iter_mut().zip(&other.registers).for_each(|(ours, theirs)| *ours = (*ours).max(*theirs));
    }

    /// How many different values there were.
    pub fn count(&self) -> u64 {
        if self.registers.is_empty() {
            return self.exact.len() as u64;
        }
        let count = self.registers.len() as f64;
        let sum: f64 = self.registers.iter().map(|rank| 2f64.powi(-i32::from(*rank))).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
        let empty = self.registers.iter().filter(|rank| **rank == 0).count() as f64;
        let estimate = if estimate <= 2.5 * count && empty > 0.0 { count * (count / empty).ln() } else { estimate };
        estimate.round() as u64
    }
}

/// FNV-1a with the finish of SplitMix64, which spreads it over all bits; equal in every run.
fn hash(value: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut hash = value.iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: std::ops::Range<u32>) -> Distinct {
        let mut distinct = Distinct::default();
        range.for_each(|n| distinct.add(&n.to_be_bytes()));
        distinct
    }

    #[test]
    fn few_are_counted_exactly_and_many_nearly() {
        assert_eq!(of(0..32).count(), 32);
        for count in [100u32, 1_000, 50_000] {
            let estimate = of(0..count).count() as f64 / f64::from(count);
            assert!((0.8..1.2).contains(&estimate), "{count}: {estimate}");
        }
    }

    #[test]
    fn what_two_have_counted_is_counted_once() {
        let mut both = of(0..700);
        both.merge(&of(300..1_000));
        assert_eq!(both, of(0..1_000));
        let mut few = of(0..5);
        few.merge(&of(3..9));
        assert_eq!(few.count(), 9);
    }
}
