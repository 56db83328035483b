//! The data sets behind the validators, put into shape at first use. Their origin is told in `data/README.md`.

use std::sync::LazyLock;

use ahash::AHashSet;

/// County codes of GB/T 2260, present and past, as a bit set over six digits.
pub(super) struct Regions(Vec<u64>);

impl Regions {
    pub fn has(&self, code: u32) -> bool {
        self.0.get(code as usize / 64).is_some_and(|word| word >> (code % 64) & 1 == 1)
    }
}

pub(super) static REGIONS: LazyLock<Regions> = LazyLock::new(|| {
    let mut bits = vec![0u64; 1_000_000 / 64 + 1];
    for code in lines(include_str!("../../data/regions.txt")).filter_map(|line| line.parse::<u32>().ok()) {
        if let Some(word) = bits.get_mut(code as usize / 64) {
            *word |= 1 << (code % 64);
        }
    }
    Regions(bits)
});

/// Issuer prefixes of Chinese banks: (digits of the prefix, prefix, bit set of lengths), sorted.
pub(super) struct Bins {
    entries: Vec<(u8, u64, u32)>,
    widths: Vec<u8>,
}

impl Bins {
    /// The card lengths, as bits, for the issuer of a number; 0 where it is unknown.
    pub fn lengths(&self, digits: &[u8]) -> u32 {
        let mut found = 0;
        for &width in &self.widths {
            let Some(prefix) = digits.get(..usize::from(width)) else { break };
            let prefix = number(prefix);
            let at = self.entries.binary_search_by_key(&(width, prefix), |(width, prefix, _)| (*width, *prefix));
            found |= at.ok().and_then(|at| self.entries.get(at)).map_or(0, |(.., lengths)| *lengths);
        }
        found
    }
}

pub(super) static BINS: LazyLock<Bins> = LazyLock::new(|| {
    let mut all: std::collections::BTreeMap<(u8, u64), u32> = std::collections::BTreeMap::new();
    for line in lines(include_str!("../../data/bins.tsv")) {
        let mut columns = line.split('\t');
        let (Some(prefix), Some(Ok(length))) = (columns.next(), columns.next().map(str::parse::<u32>)) else {
            continue;
        };
        if length < 32 {
            *all.entry((prefix.len() as u8, number(prefix.as_bytes()))).or_default() |= 1 << length;
        }
    }
    let mut widths: Vec<u8> = all.keys().map(|(width, _)| *width).collect();
    widths.dedup();
    Bins { entries: all.into_iter().map(|((width, prefix), lengths)| (width, prefix, lengths)).collect(), widths }
});

/// Allotted mobile segments by the first four digits.
pub(super) static SEGMENTS: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let mut allotted = vec![false; 10_000];
    for line in lines(include_str!("../../data/mobile_segments.txt")) {
        let prefix = line.split('\t').next().unwrap_or_default();
        let (from, to) = match (prefix.len(), prefix.parse::<usize>()) {
            (3, Ok(n)) => (n * 10, n * 10 + 10),
            (4, Ok(n)) => (n, n + 1),
            _ => continue,
        };
        if let Some(range) = allotted.get_mut(from..to) {
            range.fill(true);
        }
    }
    allotted
});

/// Area codes of landlines, without their leading 0.
pub(super) static AREAS: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let mut known = vec![false; 1_000];
    for code in lines(include_str!("../../data/area_codes.txt")).filter_map(|line| line.parse::<usize>().ok()) {
        if let Some(slot) = known.get_mut(code) {
            *slot = true;
        }
    }
    known
});

/// Surnames: one character, and two.
pub(super) static SURNAMES: LazyLock<(AHashSet<char>, AHashSet<&'static str>)> = LazyLock::new(|| {
    let (mut single, mut compound) = (AHashSet::new(), AHashSet::new());
    for name in lines(include_str!("../../data/surnames.txt")) {
        let mut characters = name.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) => {
                single.insert(one);
            }
            (Some(_), Some(_)) => {
                compound.insert(name);
            }
            _ => {}
        }
    }
    (single, compound)
});

/// Ordinary words that begin with a surname.
pub(super) static WORDS_OF_DICTIONARY: LazyLock<AHashSet<&'static str>> =
    LazyLock::new(|| lines(include_str!("../../data/words.txt")).collect());

/// Top-level domains of three letters and more, sorted; any two letters are a country's.
pub(super) static TLDS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| lines(include_str!("../../data/tlds.txt")).collect());

/// The rows of a data set.
pub(super) fn lines(data: &'static str) -> impl Iterator<Item = &'static str> {
    data.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The number of decimal digits; other bytes count as 0.
pub(super) fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n: u64, b| n.wrapping_mul(10).wrapping_add(u64::from(b.wrapping_sub(b'0').min(9))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_sets_are_read() {
        assert!(REGIONS.has(110_101) && REGIONS.has(440_524) && !REGIONS.has(999_999) && !REGIONS.has(0));
        assert!(BINS.lengths(b"6222021001116245702") & 1 << 19 != 0);
        assert_eq!(BINS.lengths(b"1234567890123456"), 0);
        assert!(SEGMENTS[1380] && SEGMENTS[1349 - 1] && !SEGMENTS[1400] && !SEGMENTS[1540]);
        assert!(SURNAMES.0.contains(&'张') && SURNAMES.1.contains("欧阳"));
    }
}
