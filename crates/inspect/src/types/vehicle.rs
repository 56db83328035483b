//! Vehicles: number plate, vehicle identification number.

use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::mask::shown;
use super::reading::{Readings, Spot, Written};
use super::{Candidate, Scan, Type, TypeId};

/// Number plate (GA 36-2018).
pub(super) static PLATE: Type = Type {
    strong: &[
        "plate",
        "plateno",
        "platenum",
        "platenumber",
        "licenseplate",
        "licenceplate",
        "licenseplateno",
        "carno",
        "carnum",
        "carnumber",
        "carplate",
        "vehicleno",
        "vehicleplate",
        "cph",
        "cphm",
        "chepai",
        "chepaihao",
        "hphm",
        "车牌",
        "车牌号",
        "车牌号码",
        "号牌号码",
        "车号",
        "車牌",
        "車牌號",
        "車牌號碼",
    ],
    canonical: |value| value.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect(),
    mask: |value| shown(&value.chars().filter(|c| c.is_alphanumeric()).collect::<Vec<_>>(), 2, 2, 3),
    ..Type::new(DataType::new(
        "cn_plate",
        Text { en: "Chinese number plate", zh: "车牌号" },
        Category::Other,
        Grade::L3,
        Personal::Personal,
    ))
};

/// Vehicle identification number (ISO 3779; GB 16735 makes its check character obligatory).
pub(super) static VIN: Type = Type {
    strong: &[
        "vin",
        "vinno",
        "vincode",
        "vinnumber",
        "frameno",
        "framenumber",
        "chassisno",
        "cjh",
        "clsbdh",
        "clsbm",
        "chejiahao",
        "车架号",
        "车架号码",
        "车辆识别代号",
        "车辆识别代码",
        "車架號",
        "車輛識別代號",
    ],
    mask: |value| shown(&value.chars().filter(char::is_ascii_alphanumeric).collect::<Vec<_>>(), 3, 4, 4),
    ..Type::new(DataType::new(
        "vin",
        Text { en: "vehicle identification number", zh: "车辆识别代号" },
        Category::Other,
        Grade::L2,
        Personal::Personal,
    ))
};

/// Short names of the provinces on plates, and of military and diplomatic ones.
const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领";

/// The plate that begins with the province at `start`: where it ends.
fn plate(value: &str, start: usize) -> Option<usize> {
    let letter = |b: u8| matches!(b, b'A'..=b'H' | b'J'..=b'N' | b'P'..=b'Z');
    let mut characters = value.get(start..)?.chars();
    if !PROVINCES.contains(characters.next()?) || !letter(u8::try_from(characters.next()?).ok()?) {
        return None;
    }
    let rest = characters.as_str();
    let serial = rest.strip_prefix(['·', '•', '-', ' ', '.']).unwrap_or(rest);
    let length = serial.bytes().take(8).take_while(u8::is_ascii_alphanumeric).count();
    let (signs, after) = serial.split_at_checked(length)?;
    let bytes = signs.as_bytes();
    if !bytes.iter().all(|b| b.is_ascii_digit() || letter(*b)) || !bytes.iter().any(u8::is_ascii_digit) {
        return None;
    }
    let energy = |b: u8| matches!(b, b'A'..=b'H' | b'J' | b'K');
    let digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    let suffix = after.chars().next().filter(|c| "挂学警港澳领使".contains(*c));
    let is_plate = match (bytes, suffix) {
        ([_, _, _, _], Some(_)) | ([_, _, _, _, _], _) => true,
        ([kind, _, rest @ ..], _) if rest.len() == 4 && energy(*kind) => digits(rest),
        ([first @ .., kind], _) if first.len() == 5 && energy(*kind) => digits(first),
        _ => false,
    };
    let tail = suffix.filter(|_| bytes.len() == 4).map_or(0, char::len_utf8);
    is_plate.then_some(value.len() - after.len() + tail)
}

/// A whole value that is a plate.
pub(super) fn whole_plate(value: &str, _scan: &Scan, out: &mut Readings) {
    if plate(value, 0) == Some(value.len()) {
        out.push(Candidate::new(TypeId::PLATE, Form::Full, (0, value.len()), 70));
    }
}

/// A plate in text, whose province is the last of the Chinese characters that end at `end`.
pub(super) fn plate_in_text(value: &str, at: usize, end: usize) -> Option<Candidate> {
    value.as_bytes().get(end).filter(|b| b.is_ascii_uppercase())?;
    let start = end - value.get(at..end)?.chars().next_back()?.len_utf8();
    let stop = plate(value, start)?;
    Some(Candidate::new(TypeId::PLATE, Form::Full, (start, stop), 60))
}

/// Codes of letters and digits.
pub(super) fn code(spot: &Spot<'_>, out: &mut Readings) {
    if spot.compact.len() == 17 && spot.written == Written::Plain {
        out.add(vin(spot));
    }
}

/// A vehicle identification number names a model: a letter stands in its middle, which order numbers
/// (`PAY20241120123456`) lack. In text it ends in four digits, as all but those of small makers do.
fn vin(spot: &Spot<'_>) -> Option<Candidate> {
    let vin = spot.compact;
    let is_sign = |b: &u8| b.is_ascii_digit() || matches!(b, b'A'..=b'H' | b'J'..=b'N' | b'P' | b'R'..=b'Z');
    if !vin.iter().all(is_sign) {
        return None;
    }
    let is_named = spot.is_named(TypeId::VIN);
    let ends_in_digits = vin.get(13..)?.iter().all(u8::is_ascii_digit);
    let letter = |range: &[u8]| range.iter().any(u8::is_ascii_uppercase);
    let has_model = letter(vin.get(3..8)?) || letter(vin.get(9..11)?);
    let has_maker = letter(vin.get(..3)?) && vin.first() != Some(&b'0');
    let is_checked = check(vin) == vin.get(8).copied();
    let points = match is_checked {
        true if has_maker && (has_model && (ends_in_digits || !spot.text) || is_named) => 60,
        true if has_maker => 25,
        true if is_named && letter(vin) => 25,
        _ => 5,
    };
    let mut candidate = spot.candidate(TypeId::VIN, points);
    candidate.checked = points == 60;
    (points > 5 || has_maker && is_named).then_some(candidate)
}

/// The check character at place 9.
fn check(vin: &[u8]) -> Option<u8> {
    const VALUES: &[u8; 26] = b"12345678012345070923456789";
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let mut sum = 0;
    for (b, weight) in vin.iter().zip(WEIGHTS) {
        let digit = if b.is_ascii_digit() { *b } else { *VALUES.get(usize::from(b.checked_sub(b'A')?))? };
        sum += u32::from(digit - b'0') * weight;
    }
    b"0123456789X".get((sum % 11) as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reported, silent, told};
    use super::*;

    #[test]
    fn plates() {
        for plate in
            ["京A12345", "沪B·A1234", "粤Z1234港", "苏A1234学", "川A-D12345", "粤BD12345", "粤B12345F", "沪A0023领"]
        {
            reported("x", plate, "cn_plate");
            reported("plateNo", plate, "cn_plate");
            assert_eq!(told(&format!("车牌号：{plate}，")), ["cn_plate"], "{plate}");
        }
        assert_eq!(told("请车主京A12345的朋友挪车"), ["cn_plate"]);
        assert_eq!(told("车牌 京A12345"), ["cn_plate"]);
        for bad in ["京AABCDE", "京I12345", "京A1234", "京A1234567", "国A12345", "京A12O45", "新A级12345"] {
            silent("plateNo", bad);
            assert!(told(&format!("车牌号：{bad}，")).is_empty(), "{bad}");
        }
        assert_eq!((PLATE.mask)("京A·12345"), "京A***45");
    }

    #[test]
    fn identification_numbers() {
        for vin in ["1HGCM82633A004352", "LSVAU033872087432"] {
            reported("x", vin, "vin");
            reported("车架号", vin, "vin");
            assert_eq!(told(&format!("<td>车架号</td><td>{vin}</td>")), ["vin"]);
            assert_eq!(told(&format!("VIN: {vin}")), ["vin"]);
        }
        for bad in ["1HGCM82643A004352", "LSVAU033872087433", "LSVAU03387208743I", "11111111111111111"] {
            silent("vin", bad);
            silent("x", bad);
        }
        for order in ["PAY20241120123456", "SKU20241120000001", "AB123456789012345", "TX202411201234567"] {
            silent("x", order);
        }
        assert_eq!((VIN.mask)("1HGCM82633A004352"), "1HG**********4352");
    }
}
