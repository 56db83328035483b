//! What bytes are, many at a time: bits for the classes by which most values are passed over without a second look.
//!
//! On x86-64 the instructions that every such processor has (SSE2) compare sixteen bytes at once; elsewhere a table does.

/// Bytes that are looked at together.
pub(crate) const LANES: usize = 32;

/// What a stretch of bytes holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Its bytes.
    pub len: usize,
    /// Where digits stand among the first 32 bytes, from the lowest bit on.
    pub digits: u32,
    /// A digit stands beyond those.
    pub more_digits: bool,
    /// A byte beyond ASCII, `@`, `*` or `%`.
    pub marks: bool,
    /// `_`.
    pub underscores: bool,
    /// A colon or a hyphen.
    pub joints: bool,
}

/// The classes of [`LANES`] bytes, a bit for each from the lowest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Classes {
    /// A quote or a backslash.
    ends: u32,
    digits: u32,
    /// See [`Look::marks`].
    marks: u32,
    underscores: u32,
    joints: u32,
}

/// Signs in at most [`LANES`] bytes that names, paths and words seldom have, a bit for each from the lowest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signs {
    /// Letters, digits, `_` and `-`.
    pub word: u32,
    /// Capitals and digits.
    pub code: u32,
    /// Digits.
    pub digits: u32,
    /// `x`, `X`, `#`.
    pub hides: u32,
    /// `:`, `=`, `(`.
    pub labels: u32,
    pub points: u32,
    pub hyphens: u32,
    pub underscores: u32,
    /// Letters of words that speak of secrets, large or small: `w`, and `c`, `r`, `s`, `p`.
    pub w: u32,
    pub c: u32,
    pub r: u32,
    pub s: u32,
    pub p: u32,
}

/// Whether so many bits are set in a row; a power of two or one less, up to 16.
#[inline]
pub(crate) fn has_run(bits: u32, length: u32) -> bool {
    let (mut bits, mut have) = (bits, 1);
    while have < length {
        let more = have.min(length - have);
        bits &= bits >> more;
        have += more;
    }
    bits != 0
}

/// Looks at the signs of at most [`LANES`] bytes; what is beyond is left out.
#[inline]
pub(crate) fn signs(bytes: &[u8]) -> Signs {
    match bytes.first_chunk() {
        Some(block) => signs_of(block),
        None => signs_of(&padded(bytes)),
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(unsafe_code, reason = "as for the classes")]
fn signs_of(block: &[u8; LANES]) -> Signs {
    // SAFETY: SSE2 is a part of x86-64.
    unsafe { sse2_signs(block) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn sse2_signs(block: &[u8; LANES]) -> Signs {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm_sub_epi8,
    };
    let (low, high) = block.split_at(LANES / 2);
    let (low, high) = (load(low), load(high));
    let of = |lane: __m128i| {
        let all = |byte: u8| _mm_set1_epi8(byte as i8);
        let is = |byte: u8| _mm_cmpeq_epi8(lane, all(byte));
        let within = |lane: __m128i, first: u8, most: u8| {
            let offset = _mm_sub_epi8(lane, all(first));
            _mm_cmpeq_epi8(_mm_min_epu8(offset, all(most)), offset)
        };
        let bits = |lane: __m128i| _mm_movemask_epi8(lane) as u32;
        // Capitals made small; of other bytes none becomes a letter.
        let small = _mm_or_si128(lane, all(0x20));
        let letter = |byte: u8| bits(_mm_cmpeq_epi8(small, all(byte)));
        let (digits, hyphens, underscores) = (within(lane, b'0', 9), is(b'-'), is(b'_'));
        let letters = within(small, b'a', 25);
        Signs {
            word: bits(_mm_or_si128(_mm_or_si128(letters, digits), _mm_or_si128(hyphens, underscores))),
            code: bits(_mm_or_si128(within(lane, b'A', 25), digits)),
            digits: bits(digits),
            hides: letter(b'x') | bits(is(b'#')),
            labels: bits(_mm_or_si128(_mm_or_si128(is(b':'), is(b'=')), is(b'('))),
            points: bits(is(b'.')),
            hyphens: bits(hyphens),
            underscores: bits(underscores),
            w: letter(b'w'),
            c: letter(b'c'),
            r: letter(b'r'),
            s: letter(b's'),
            p: letter(b'p'),
        }
    };
    let (low, high) = (of(low), of(high));
    let join = |low: u32, high: u32| low | high << 16;
    Signs {
        word: join(low.word, high.word),
        code: join(low.code, high.code),
        digits: join(low.digits, high.digits),
        hides: join(low.hides, high.hides),
        labels: join(low.labels, high.labels),
        points: join(low.points, high.points),
        hyphens: join(low.hyphens, high.hyphens),
        underscores: join(low.underscores, high.underscores),
        w: join(low.w, high.w),
        c: join(low.c, high.c),
        r: join(low.r, high.r),
        s: join(low.s, high.s),
        p: join(low.p, high.p),
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn signs_of(block: &[u8; LANES]) -> Signs {
    plain_signs(block)
}

/// The same, byte by byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain_signs(block: &[u8; LANES]) -> Signs {
    let bits = |of: &dyn Fn(u8) -> bool| block.iter().rev().fold(0, |bits, byte| bits << 1 | u32::from(of(*byte)));
    let letter = |small: u8| bits(&|byte| byte.to_ascii_lowercase() == small);
    Signs {
        word: bits(&|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')),
        code: bits(&|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
        digits: bits(&|byte| byte.is_ascii_digit()),
        hides: bits(&|byte| matches!(byte, b'x' | b'X' | b'#')),
        labels: bits(&|byte| matches!(byte, b':' | b'=' | b'(')),
        points: bits(&|byte| byte == b'.'),
        hyphens: bits(&|byte| byte == b'-'),
        underscores: bits(&|byte| byte == b'_'),
        w: letter(b'w'),
        c: letter(b'c'),
        r: letter(b'r'),
        s: letter(b's'),
        p: letter(b'p'),
    }
}

/// Looks at all of the bytes.
#[inline]
pub(crate) fn look(bytes: &[u8]) -> Look {
    let mut look = Look::default();
    let (blocks, rest) = bytes.as_chunks::<LANES>();
    for block in blocks {
        look.add(&classes(block), LANES as u32);
    }
    if !rest.is_empty() {
        look.add(&classes(&padded(rest)), rest.len() as u32);
    }
    look
}

/// Looks at the bytes before the first quote or backslash, else at all of them.
#[inline]
pub(crate) fn look_quoted(bytes: &[u8]) -> Look {
    let mut look = Look::default();
    let mut left = bytes;
    while let Some((block, after)) = left.split_first_chunk::<LANES>() {
        let classes = classes(block);
        if classes.ends != 0 {
            look.add(&classes, classes.ends.trailing_zeros());
            return look;
        }
        look.add(&classes, LANES as u32);
        left = after;
    }
    let classes = classes(&padded(left));
    look.add(&classes, classes.ends.trailing_zeros().min(left.len() as u32));
    look
}

impl Look {
    /// Adds what the first `length` of the next bytes are.
    #[inline]
    fn add(&mut self, classes: &Classes, length: u32) {
        let kept = (1u64 << length).wrapping_sub(1) as u32;
        let digits = classes.digits & kept;
        if self.len == 0 {
            self.digits = digits;
        } else {
            self.more_digits |= digits != 0;
        }
        self.len += length as usize;
        self.marks |= classes.marks & kept != 0;
        self.underscores |= classes.underscores & kept != 0;
        self.joints |= classes.joints & kept != 0;
    }

    /// Whether fewer than four digits are among the first bytes.
    #[inline]
    pub(crate) fn has_few_digits(&self) -> bool {
        // Each step takes the lowest bit away.
        let less = |bits: u32| bits & bits.wrapping_sub(1);
        less(less(less(self.digits))) == 0
    }
}

/// The first sixteen bytes, zeros if there are fewer.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
#[expect(unsafe_code, reason = "there is no load without a pointer")]
fn load(bytes: &[u8]) -> std::arch::x86_64::__m128i {
    use std::arch::x86_64::{_mm_loadu_si128, _mm_setzero_si128};
    match bytes.first_chunk::<16>() {
        // SAFETY: sixteen bytes may be read there, and need not be aligned.
        Some(bytes) => unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) },
        None => _mm_setzero_si128(),
    }
}

/// Fewer bytes than [`LANES`], and zeros after them, which are of no class.
#[inline]
fn padded(bytes: &[u8]) -> [u8; LANES] {
    let mut block = [0; LANES];
    let mut put = |at: usize, part: &[u8]| {
        if let Some(room) = block.get_mut(at..at + part.len()) {
            room.copy_from_slice(part);
        }
    };
    // Two parts of a fixed length that meet or overlap are quicker than as many bytes as there are.
    macro_rules! ends {
        ($($size:literal)*) => {
            match bytes.len() {
                $($size.. => {
                    if let (Some(first), Some(last)) = (bytes.first_chunk::<$size>(), bytes.last_chunk::<$size>()) {
                        put(0, first);
                        put(bytes.len() - $size, last);
                    }
                })*
                _ => put(0, bytes),
            }
        };
    }
    ends!(16 8 4 2);
    block
}

/// The length of a number token (`-12.5`) that ends within the first 16 bytes.
#[inline]
pub(crate) fn number(bytes: &[u8]) -> Option<usize> {
    let block = bytes.first_chunk::<16>()?;
    let length = (!of_number(block)).trailing_zeros() as usize;
    (length < block.len()).then_some(length)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(unsafe_code, reason = "as for the classes")]
fn of_number(block: &[u8; 16]) -> u32 {
    // SAFETY: SSE2 is a part of x86-64.
    unsafe { sse2_of_number(block) }
}

/// Digits, points and hyphens, a bit for each from the lowest on.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn sse2_of_number(block: &[u8; 16]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm_sub_epi8,
    };
    let lane = load(block);
    let digit = _mm_sub_epi8(lane, _mm_set1_epi8(b'0' as i8));
    let digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    let sign = |byte: u8| _mm_cmpeq_epi8(lane, _mm_set1_epi8(byte as i8));
    _mm_movemask_epi8(_mm_or_si128(digit, _mm_or_si128(sign(b'.'), sign(b'-')))) as u32
}

#[cfg(not(target_arch = "x86_64"))]
fn of_number(block: &[u8; 16]) -> u32 {
    let is_of = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    block.iter().rev().fold(0, |bits, byte| bits << 1 | u32::from(is_of(byte)))
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(unsafe_code, reason = "the compiler asks for it whatever the architecture has")]
fn classes(block: &[u8; LANES]) -> Classes {
    // SAFETY: SSE2 is a part of x86-64.
    unsafe { sse2(block) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn sse2(block: &[u8; LANES]) -> Classes {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm_sub_epi8,
    };
    let (low, high) = block.split_at(LANES / 2);
    let (low, high) = (load(low), load(high));
    let bits = |low: __m128i, high: __m128i| _mm_movemask_epi8(low) as u32 | (_mm_movemask_epi8(high) as u32) << 16;
    let is = |lane: __m128i, byte: u8| _mm_cmpeq_epi8(lane, _mm_set1_epi8(byte as i8));
    let ends = |lane: __m128i| _mm_or_si128(is(lane, b'"'), is(lane, b'\\'));
    let digits = |lane: __m128i| {
        let digit = _mm_sub_epi8(lane, _mm_set1_epi8(b'0' as i8));
        _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit)
    };
    // The highest bit of a byte beyond ASCII is set as it is.
    let marks =
        |lane: __m128i| _mm_or_si128(_mm_or_si128(lane, is(lane, b'@')), _mm_or_si128(is(lane, b'*'), is(lane, b'%')));
    let joints = |lane: __m128i| _mm_or_si128(is(lane, b':'), is(lane, b'-'));
    Classes {
        ends: bits(ends(low), ends(high)),
        digits: bits(digits(low), digits(high)),
        marks: bits(marks(low), marks(high)),
        underscores: bits(is(low, b'_'), is(high, b'_')),
        joints: bits(joints(low), joints(high)),
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn classes(block: &[u8; LANES]) -> Classes {
    plain(block)
}

/// The same, byte by byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain(block: &[u8; LANES]) -> Classes {
    let mut classes = Classes::default();
    for (at, byte) in block.iter().enumerate() {
        let bit = 1 << at;
        match byte {
            b'"' | b'\\' => classes.ends |= bit,
            b'0'..=b'9' => classes.digits |= bit,
            b'@' | b'*' | b'%' | 0x80.. => classes.marks |= bit,
            b'_' => classes.underscores |= bit,
            b':' | b'-' => classes.joints |= bit,
            _ => {}
        }
    }
    classes
}

/// Finds the bytes at which something may begin in a text: digits, `@`, `*`, `:`, `=`, tabs, Han characters, the bullets
/// that mask (from 0xE2 on) and full-width signs (0xEF 0xBC).
pub(crate) struct Starts<'a> {
    bytes: &'a [u8],
    /// Where the bits begin, and those that are set.
    base: usize,
    bits: u32,
}

impl<'a> Starts<'a> {
    pub fn new(bytes: &'a [u8]) -> Starts<'a> {
        Starts { bytes, base: 0, bits: Starts::at(bytes, 0) }
    }

    /// The first from `from` on, which never goes back.
    #[inline]
    pub fn next(&mut self, from: usize) -> Option<usize> {
        let ahead = from.saturating_sub(self.base);
        if ahead >= LANES {
            self.base = from;
            self.bits = Starts::at(self.bytes, from);
        } else {
            self.bits &= u32::MAX << ahead;
        }
        while self.bits == 0 {
            self.base += LANES;
            if self.base >= self.bytes.len() {
                return None;
            }
            self.bits = Starts::at(self.bytes, self.base);
        }
        Some(self.base + self.bits.trailing_zeros() as usize)
    }

    #[inline]
    fn at(bytes: &[u8], from: usize) -> u32 {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.first_chunk().map_or_else(|| starts(&padded(rest)), starts)
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(unsafe_code, reason = "as for the classes")]
fn starts(block: &[u8; LANES]) -> u32 {
    // SAFETY: SSE2 is a part of x86-64.
    unsafe { sse2_starts(block) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn sse2_starts(block: &[u8; LANES]) -> u32 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm_sub_epi8,
    };
    let (low, high) = block.split_at(LANES / 2);
    let (low, high) = (load(low), load(high));
    let of = |lane: __m128i| {
        let all = |byte: u8| _mm_set1_epi8(byte as i8);
        let is = |byte: u8| _mm_cmpeq_epi8(lane, all(byte));
        let within = |first: u8, most: u8| {
            let offset = _mm_sub_epi8(lane, all(first));
            _mm_cmpeq_epi8(_mm_min_epu8(offset, all(most)), offset)
        };
        // The colon follows the digits.
        let signs = _mm_or_si128(_mm_or_si128(is(b'@'), is(b'*')), _mm_or_si128(is(b'='), is(b'\t')));
        let more = _mm_or_si128(within(0xE2, 7), within(b'0', 10));
        let bits = |lane: __m128i| _mm_movemask_epi8(lane) as u32;
        [bits(_mm_or_si128(signs, more)), bits(is(0xEF)), bits(is(0xBC))]
    };
    let ([any, wide, next], [any_high, wide_high, next_high]) = (of(low), of(high));
    let (any, wide, next) = (any | any_high << 16, wide | wide_high << 16, next | next_high << 16);
    any | wide & (next >> 1 | 1 << (LANES - 1))
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn starts(block: &[u8; LANES]) -> u32 {
    plain_starts(block)
}

/// The same, byte by byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain_starts(block: &[u8; LANES]) -> u32 {
    let bits = |of: &dyn Fn(u8) -> bool| block.iter().rev().fold(0, |bits, byte| bits << 1 | u32::from(of(*byte)));
    let any = bits(&|byte| matches!(byte, b'0'..=b':' | b'@' | b'*' | b'=' | b'\t' | 0xE2..=0xE9));
    any | bits(&|byte| byte == 0xEF) & (bits(&|byte| byte == 0xBC) >> 1 | 1 << (LANES - 1))
}

/// How many blocks of [`LANES`] bytes from the first on are Base64 (RFC 4648, section 4) with small letters, capitals and
/// digits in each.
#[inline]
pub(crate) fn base64_blocks(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<LANES>();
    blocks.iter().take_while(|block| is_base64(block)).count()
}

fn is_base64(block: &[u8; LANES]) -> bool {
    // Sums without branches, so that the compiler looks at many at a time.
    let (mut other, mut small, mut capital, mut digit) = (0u8, 0u8, 0u8, 0u8);
    for byte in block {
        let is_small = byte.wrapping_sub(b'a') < 26;
        let is_capital = byte.wrapping_sub(b'A') < 26;
        let is_digit = byte.wrapping_sub(b'0') < 10;
        let is_sign = (*byte == b'+') | (*byte == b'/');
        other |= u8::from(!(is_small | is_capital | is_digit | is_sign));
        small |= u8::from(is_small);
        capital |= u8::from(is_capital);
        digit |= u8::from(is_digit);
    }
    other == 0 && small & capital & digit != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_in_each_place_is_of_its_classes() {
        for byte in 0..=u8::MAX {
            for at in 0..LANES {
                let mut block = [b' '; LANES];
                block[at] = byte;
                assert_eq!(classes(&block), plain(&block), "{byte} at {at}");
                assert_eq!(signs_of(&block), plain_signs(&block), "{byte} at {at}");
                assert_eq!(starts(&block), plain_starts(&block), "{byte} at {at}");
            }
        }
    }

    #[test]
    fn what_stretches_hold() {
        let seen = look(b"2026-03-04");
        assert_eq!(seen, Look { len: 10, digits: 0b11_0110_1111, joints: true, ..Look::default() });
        assert!(look("a@b".as_bytes()).marks && look("张".as_bytes()).marks && !look(b"ON_SALE").marks);
        assert!(look(b"12a3").has_few_digits() && !look(b"12a34").has_few_digits());
        assert_eq!(look_quoted(b"abc\"1@").len, 3);
        assert_eq!(look_quoted(b"abc\\\"").len, 3);
        assert_eq!((look_quoted(b"").len, look(b"").len), (0, 0));
    }

    #[test]
    fn bits_in_a_row() {
        assert!(has_run(0x7F << 20, 7) && !has_run(0x3F << 20 | 1, 7));
        assert!(has_run(0xFFFF, 16) && !has_run(0xFFFE_7FFF, 16));
    }

    #[test]
    fn numbers_end() {
        assert_eq!(number(b"-12.5,\"abcdefghijk\""), Some(5));
        assert_eq!((number(b"1234567890123456,"), number(b"1,")), (None, None));
        assert_eq!(number(b"a,              "), Some(0));
    }

    proptest::proptest! {
        #[test]
        fn a_look_is_the_sum_of_its_bytes(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let all = look(&bytes);
            let (head, tail) = bytes.split_at(bytes.len().min(LANES));
            let has_digit = |bytes: &[u8]| bytes.iter().any(u8::is_ascii_digit);
            proptest::prop_assert_eq!((all.len, all.digits != 0, all.more_digits), (bytes.len(), has_digit(head), has_digit(tail)));
            proptest::prop_assert_eq!(all.underscores, bytes.contains(&b'_'));
            let quoted = look_quoted(&bytes);
            let end = bytes.iter().position(|b| matches!(b, b'"' | b'\\')).unwrap_or(bytes.len());
            proptest::prop_assert_eq!(quoted.len, end);
            proptest::prop_assert_eq!(quoted, look(&bytes[..end]));
        }
    }
}
