//! How large a number usually is, learnt in bounded memory.

use serde::{Deserialize, Serialize};

/// How often a number took which value, in buckets that grow with it: exact below 16, within 1/8 above. A long past weighs less
/// than the recent one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Quantiles {
    /// Up to the highest bucket in use; at most 240 for numbers of 32 bits.
    buckets: Vec<u16>,
    learnt: u32,
}

impl Quantiles {
    /// Values at which all counts are halved.
    const MOST: u32 = 4_096;
    /// Values below this have buckets of their own.
    const EXACT: u32 = 16;
    /// Buckets of each octave above.
    const STEPS: u32 = 8;

    /// Learns a value.
    pub fn add(&mut self, value: u32) {
        let at = bucket(value);
        if self.buckets.len() <= at {
            self.buckets.resize(at + 1, 0);
        }
        if let Some(count) = self.buckets.get_mut(at) {
            *count += 1;
        }
        self.learnt += 1;
        if self.learnt >= Quantiles::MOST {
            self.buckets.iter_mut().for_each(|count| *count /= 2);
            self.learnt = self.buckets.iter().map(|count| u32::from(*count)).sum();
        }
    }
    /// Values learnt, of which those of long ago count less.
    pub fn learnt(&self) -> u32 {
        self.learnt
    }
    /// The value that 99 of 100 do not exceed; rather too large than too small. 0 if none was learnt.
    pub fn p99(&self) -> u32 {
        let mut above = u64::from(self.learnt) * 99 / 100;
        for (at, count) in self.buckets.iter().enumerate() {
            match above.checked_sub(u64::from(*count)) {
                Some(rest) if rest > 0 => above = rest,
                _ if *count > 0 => return largest(at),
                _ => {}
            }
        }
        0
    }
    /// Bytes on the heap.
    pub fn heap(&self) -> usize {
        self.buckets.capacity() * size_of::<u16>()
    }
}

fn bucket(value: u32) -> usize {
    if value < Quantiles::EXACT {
        return value as usize;
    }
    let octave = value.ilog2();
    let step = (value >> (octave - 3)) & (Quantiles::STEPS - 1);
    (Quantiles::EXACT + (octave - 4) * Quantiles::STEPS + step) as usize
}

/// The largest value of a bucket.
fn largest(at: usize) -> u32 {
    let at = at as u32;
    let Some(above) = at.checked_sub(Quantiles::EXACT) else { return at };
    let (octave, step) = (above / Quantiles::STEPS + 4, above % Quantiles::STEPS);
    let next = u64::from(Quantiles::STEPS + step + 1) << (octave - 3);
    u32::try_from(next - 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_within_an_eighth() {
        for value in (0..5_000).chain([u32::MAX / 3, u32::MAX - 1, u32::MAX]) {
            let top = largest(bucket(value));
            assert!(top >= value && u64::from(top) <= u64::from(value) + u64::from(value) / 8, "{value} {top}");
            assert!(value == 0 || bucket(value - 1) <= bucket(value));
        }
        assert!(bucket(u32::MAX) < 240);
    }

    #[test]
    fn one_in_a_hundred_does_not_count_and_two_do() {
        let mut known = Quantiles::default();
        assert_eq!((known.p99(), known.learnt()), (0, 0));
        (0..99).for_each(|_| known.add(10));
        known.add(1_000);
        assert_eq!((known.p99(), known.learnt()), (10, 100));
        known.add(1_000);
        known.add(1_000);
        assert_eq!(known.p99(), 1_023);
    }

    #[test]
    fn it_is_bounded_and_what_is_recent_prevails() {
        let mut known = Quantiles::default();
        (0..100_000).for_each(|n| known.add(n));
        assert!(known.heap() < 1_024 && known.learnt() < Quantiles::MOST);
        (0..200_000).for_each(|_| known.add(7));
        assert_eq!(known.p99(), 7);
    }
}
