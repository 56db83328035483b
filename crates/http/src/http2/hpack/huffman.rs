//! Strings in the Huffman code of HPACK (RFC 7541, section 5.2).

use super::tables::LENGTHS;

/// Codes of so many bits and fewer are found by one look into a table; all of ordinary text are.
const SHORT: u32 = 10;
/// The longest code.
const LONGEST: usize = 30;
/// Stands for no byte: the end of a string, which must not be coded.
const END: u16 = 256;

/// By the next bits: length of the code and the byte it stands for; 0 where the code is longer.
const FAST: [u16; 1 << SHORT] = fast();
/// For each length the first code, how many there are, and where their symbols begin in `SYMBOLS`.
const CODES: [(u32, u32, u16); LONGEST + 1] = codes();
/// All symbols in the order of their codes.
const SYMBOLS: [u16; 257] = symbols();

const fn symbols() -> [u16; 257] {
    let mut out = [0; 257];
    let (mut length, mut at) = (1, 0);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                out[at] = symbol as u16;
                at += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    out
}

const fn codes() -> [(u32, u32, u16); LONGEST + 1] {
    let mut out = [(0, 0, 0); LONGEST + 1];
    let (mut length, mut code, mut at) = (1, 0u32, 0u16);
    while length <= LONGEST {
        code <<= 1;
        let mut count = 0;
        let mut symbol = 0;
        while symbol < 257 {
            count += (LENGTHS[symbol] as usize == length) as u32;
            symbol += 1;
        }
        out[length] = (code, count, at);
        code += count;
        at += count as u16;
        length += 1;
    }
    out
}

const fn fast() -> [u16; 1 << SHORT] {
    let (codes, symbols) = (codes(), symbols());
    let mut out = [0; 1 << SHORT];
    let mut length = 1;
    while length <= SHORT {
        let (first, count, at) = codes[length as usize];
        let mut nth = 0;
        while nth < count {
            let entry = ((length as u16) << 8) | symbols[at as usize + nth as usize];
            let from = (first + nth) << (SHORT - length);
            let mut place = from;
            while place < from + (1 << (SHORT - length)) {
                out[place as usize] = entry;
                place += 1;
            }
            nth += 1;
        }
        length += 1;
    }
    out
}

/// Appends the decoded string to `out`; `false` where the coding is broken, and then what came before is there. It
/// yields at most 8 bytes for 5.
pub(super) fn decode(coded: &[u8], out: &mut Vec<u8>) -> bool {
    // The next bits stand at the top of `bits`; `have` of them are there.
    let (mut bits, mut have) = (0u64, 0u32);
    let mut rest = coded;
    loop {
        while have <= 56
            && let Some((byte, more)) = rest.split_first()
        {
            bits |= u64::from(*byte) << (56 - have);
            have += 8;
            rest = more;
        }
        let entry = FAST.get((bits >> (64 - SHORT)) as usize).copied().unwrap_or_default();
        let (length, symbol) = match entry {
            0 => long(bits),
            entry => (u32::from(entry >> 8), entry & 0xff),
        };
        if length > have {
            break;
        }
        if symbol == END {
            return false;
        }
        out.push(symbol as u8);
        bits <<= length;
        have -= length;
    }
    // What remains is the beginning of the end of a string: less than a byte, all ones.
    have < 8 && bits.leading_ones() >= have
}

fn long(bits: u64) -> (u32, u16) {
    for (length, (first, count, at)) in (0u32..).zip(CODES).skip(SHORT as usize + 1) {
        let code = (bits >> (64 - length)) as u32;
        if let Some(nth) = code.checked_sub(first).filter(|nth| *nth < count) {
            let symbol = SYMBOLS.get(at as usize + nth as usize).copied().unwrap_or(END);
            return (length, symbol);
        }
    }
    // Fewer than thirty bits are left, and they are followed by zeros.
    (u32::MAX, END)
}

#[cfg(test)]
pub(super) fn encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut have) = (0u64, 0);
    for byte in text {
        let length = LENGTHS[usize::from(*byte)];
        let (first, _, at) = CODES[usize::from(length)];
        let nth = SYMBOLS[at as usize..].iter().position(|symbol| *symbol == u16::from(*byte)).unwrap();
        bits = (bits << length) | u64::from(first + nth as u32);
        have += length;
        while have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
        bits &= (1 << have) - 1;
    }
    if have > 0 {
        out.push((bits << (8 - have)) as u8 | (0xff >> have));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(coded: &[u8], text: &[u8], good: bool) {
        let mut out = Vec::new();
        assert_eq!((decode(coded, &mut out), out.as_slice()), (good, text), "{coded:02x?}");
    }

    #[test]
    fn the_examples_of_the_standard() {
        check(b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff", b"www.example.com", true);
        check(b"\xa8\xeb\x10\x64\x9c\xbf", b"no-cache", true);
        check(b"\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf", b"custom-value", true);
        check(b"\x64\x02", b"302", true);
        check(
            b"\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff",
            b"Mon, 21 Oct 2013 20:13:21 GMT",
            true,
        );
    }

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        check(&encode(&all), &all, true);
        for byte in 0..=255 {
            check(&encode(&[byte]), &[byte], true);
            check(&encode(&[byte, b'a', byte]), &[byte, b'a', byte], true);
        }
        check(b"", b"", true);
    }

    #[test]
    fn broken_codes_are_told() {
        // Zeros at the end, a whole byte of padding, the end of the string coded.
        check(&[0x18], b"a", false);
        check(&[0x1f, 0xff], b"a", false);
        check(&[0xff; 4], b"", false);
        check(&[0x1f, 0xff, 0xff, 0xff, 0xff], b"a", false);
    }
}
