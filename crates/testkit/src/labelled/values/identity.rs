//! Documents of mainland China: identity cards, passports and permits, licences, organisations.

use super::super::checks::{USCC, is_luhn, mod_11_2, mod_11_10, org_code_check, uscc_check, vin_check};
use super::super::sources::REGIONS;
use super::{PLAIN, day, hide, number, spoil_last};
use crate::rng::Rng;

fn card_of(region: &str, rng: &mut Rng) -> String {
    let (year, month, day) = day(rng);
    let body = format!("{region}{year}{month:02}{day:02}{}", rng.digits(3));
    let check = mod_11_2(&body);
    // One writer in ten uses the small letter.
    let check = if check == 'X' && rng.chance(10.0) { 'x' } else { check };
    format!("{body}{check}")
}

pub(in super::super) fn resident_id(rng: &mut Rng) -> String {
    let mut region = rng.one_of(&REGIONS);
    while region.starts_with('8') {
        region = rng.one_of(&REGIONS);
    }
    card_of(region, rng)
}

pub(in super::super) fn residence(rng: &mut Rng) -> String {
    let region = rng.one_of(&["810000", "820000", "830000"]);
    card_of(region, rng)
}

/// Eighteen digits that look like an identity number and are none, nor a card number.
pub(in super::super) fn no_resident_id(rng: &mut Rng) -> String {
    loop {
        let good = resident_id(rng);
        let bad = match rng.below(3) {
            0 => spoil_last(&good),
            1 => {
                // No such province.
                let body = format!("{}{}", rng.one_of(&["10", "17", "27", "39", "47", "57", "67", "78"]), &good[2..17]);
                format!("{body}{}", mod_11_2(&body))
            }
            _ => {
                let date = rng.one_of(&["19990230", "20010431", "19881301", "20150732", "20380115", "18550606"]);
                let body = format!("{}{date}{}", &good[..6], &good[14..17]);
                format!("{body}{}", mod_11_2(&body))
            }
        };
        if !is_luhn(&bad) && bad.bytes().all(|b| b.is_ascii_digit() || b == b'X') {
            return bad;
        }
    }
}

pub(in super::super) fn resident_id15(rng: &mut Rng) -> String {
    loop {
        let region = rng.one_of(&REGIONS);
        let (year, month, day) = day(rng);
        let id = format!("{region}{:02}{month:02}{day:02}{}", year % 100, rng.digits(3));
        if !is_luhn(&id) && !region.starts_with('8') {
            return id;
        }
    }
}

pub(in super::super) fn foreign_pr_id(rng: &mut Rng) -> String {
    let (year, month, day) = day(rng);
    let province = rng.one_of(&["11", "31", "44", "33", "32", "12", "51"]);
    let country = rng.one_of(&["840", "826", "276", "392", "410", "643", "356", "250"]);
    let body = format!("9{province}{country}{year}{month:02}{day:02}{}", rng.digits(3));
    format!("{body}{}", mod_11_2(&body))
}

pub(in super::super) fn no_foreign_pr_id(rng: &mut Rng) -> String {
    loop {
        let bad = spoil_last(&foreign_pr_id(rng));
        if !is_luhn(&bad) {
            return bad;
        }
    }
}

pub(in super::super) fn mask_id(value: &str, rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => hide(value, 6, 4),
        1 => hide(value, 3, 4),
        _ => hide(value, 1, 1),
    }
}

pub(in super::super) fn passport(rng: &mut Rng) -> String {
    match rng.below(10) {
        0..=4 => format!("E{}", rng.digits(8)),
        5..=7 => format!("E{}{}", rng.text("ABCDEFGHJKLMNPQRSTUVWXYZ", 1), rng.digits(7)),
        8 => format!("G{}", rng.digits(8)),
        _ => format!("{}E{}", rng.one_of(&["D", "S", "P"]), rng.digits(7)),
    }
}

pub(in super::super) fn hkmo_permit(rng: &mut Rng) -> String {
    format!("{}{}{}", rng.one_of(&["C", "W"]), rng.text(PLAIN, 1), rng.digits(7))
}

pub(in super::super) fn home_permit(rng: &mut Rng) -> String {
    let length = rng.one_of(&[8, 8, 10]);
    format!("{}{}", rng.one_of(&["H", "M"]), rng.digits(length))
}

pub(in super::super) fn tw_permit(rng: &mut Rng) -> String {
    number(rng, 8)
}

pub(in super::super) fn mask_document(value: &str, _: &mut Rng) -> String {
    hide(value, 2, 2)
}

pub(in super::super) fn military_id(rng: &mut Rng) -> String {
    let arm = rng.one_of(&["军", "兵", "士", "文", "武", "南", "北", "沈", "广", "海", "空", "参", "政", "后", "装"]);
    let length = rng.one_of(&[7, 8]);
    match rng.below(2) {
        0 => format!("{arm}字第{}号", number(rng, length)),
        _ => format!("{arm}字{}", number(rng, length)),
    }
}

pub(in super::super) fn driver_file(rng: &mut Rng) -> String {
    let region = rng.one_of(&REGIONS);
    format!("{}00{}", &region[..4], number(rng, 6))
}

pub(in super::super) fn uscc(rng: &mut Rng) -> String {
    loop {
        let kind = rng.one_of(&["91", "91", "91", "92", "93", "11", "12", "51", "52", "53"]);
        let region = rng.one_of(&REGIONS);
        let body = match rng.below(2) {
            // Letters are about as often in the nine characters of the organisation as digits.
            0 => rng.text("0123456789ABCDEFGHJKLMNPQRTUWXY", 8),
            _ => format!("MA{}", rng.text(USCC, 6)),
        };
        let body = format!("{kind}{region}{body}{}", rng.text("0123456789X", 1));
        let code = format!("{body}{}", uscc_check(&body));
        if code.bytes().any(|b| b.is_ascii_uppercase()) {
            return code;
        }
    }
}

pub(in super::super) fn uscc_digits(rng: &mut Rng) -> String {
    loop {
        let region = rng.one_of(&REGIONS);
        let body = format!("91{region}{}", rng.digits(9));
        let code = format!("{body}{}", uscc_check(&body));
        if code.bytes().all(|b| b.is_ascii_digit())
            && !is_luhn(&code)
            && mod_11_2(&code[..17]) != code[17..].chars().next().unwrap_or('0')
        {
            return code;
        }
    }
}

pub(in super::super) fn no_uscc(rng: &mut Rng) -> String {
    let good = uscc(rng);
    let at = rng.range(9..17) as usize;
    let old = good[at..].chars().next().unwrap_or('0');
    let new = if old == 'A' { "B" } else { "A" };
    format!("{}{new}{}", &good[..at], &good[at + 1..])
}

pub(in super::super) fn org_code(rng: &mut Rng) -> String {
    let body = match rng.below(3) {
        0 => format!("MA{}", rng.text("0123456789ABCDEFGHJKLMNPQRTUWXY", 6)),
        _ => rng.digits(8),
    };
    let hyphen = rng.one_of(&["-", "-", ""]);
    format!("{body}{hyphen}{}", org_code_check(&body))
}

pub(in super::super) fn biz_licence(rng: &mut Rng) -> String {
    loop {
        let region = rng.one_of(&REGIONS);
        let body = format!("{region}{}", rng.digits(8));
        let number = format!("{body}{}", mod_11_10(&body));
        if !is_luhn(&number) {
            return number;
        }
    }
}

pub(in super::super) fn no_biz_licence(rng: &mut Rng) -> String {
    loop {
        let bad = spoil_last(&biz_licence(rng));
        if !is_luhn(&bad) {
            return bad;
        }
    }
}

pub(in super::super) fn plate(rng: &mut Rng) -> String {
    let province: Vec<char> = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼".chars().collect();
    let city = rng.text("ABCDEFGHJKLMNPQRSTUVWXYZ", 1);
    let serial = match rng.below(10) {
        0..=5 => loop {
            let serial = rng.text(PLAIN, 5);
            if serial.bytes().filter(u8::is_ascii_digit).count() >= 2 {
                break serial;
            }
        },
        6..=7 => format!("{}{}", rng.one_of(&["D", "F"]), rng.digits(5)),
        8 => format!("{}{}", rng.digits(5), rng.one_of(&["D", "F"])),
        _ => format!("{}{}", rng.digits(4), rng.one_of(&["学", "挂", "警"])),
    };
    let dot = rng.one_of(&["", "", "·"]);
    format!("{}{city}{dot}{serial}", rng.one_of(&province))
}

pub(in super::super) fn mask_plate(value: &str, _: &mut Rng) -> String {
    hide(value, 2, 2)
}

pub(in super::super) fn vin(rng: &mut Rng) -> String {
    let maker = rng.one_of(&["LSV", "LFV", "LBE", "LGX", "LVS", "1HG", "5YJ", "JTD", "LDC", "LSG"]);
    loop {
        let mut vin = format!("{maker}{}", rng.text("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", 8));
        vin.push_str(&rng.digits(6));
        let check = vin_check(&vin);
        vin.replace_range(8..9, &check.to_string());
        if vin.bytes().filter(u8::is_ascii_uppercase).count() >= 4 {
            return vin;
        }
    }
}

pub(in super::super) fn no_vin(rng: &mut Rng) -> String {
    // A wrong check character alone is no proof: Europe has none. These letters are never used.
    let good = vin(rng);
    let at = rng.range(3..9) as usize;
    format!("{}{}{}", &good[..at], rng.one_of(&["I", "O", "Q"]), &good[at + 1..])
}

/// Numbers of social insurance, of letters and digits.
pub(in super::super) fn insurance(rng: &mut Rng) -> String {
    // One letter and digits are identity cards of Hong Kong and Taiwan, permits and passports.
    format!("{}{}", rng.text("AJNQRTU", 2), rng.digits(8))
}
