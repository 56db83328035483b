//! Money: payment card number and what belongs to it, account number.

use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::documents::NAMED;
use super::mask::shown;
use super::reading::{Readings, Spot, Written};
use super::validators::{Issuer, is_time, is_trivial, issuer, luhn, mobile, resident_id};
use super::{Candidate, Type, TypeId};

/// Payment card number (PAN).
pub(super) static BANK_CARD: Type = Type {
    strong: &[
        "bankcard",
        "bankcardno",
        "bankcardnum",
        "bankcardnumber",
        "cardno",
        "cardnumber",
        "cardnum",
        "accountno",
        "accountnumber",
        "acctno",
        "paycard",
        "paycardno",
        "creditcard",
        "creditcardno",
        "creditcardnumber",
        "debitcard",
        "pan",
        "ccnumber",
        "yhk",
        "yhkh",
        "yinhangka",
        "kahao",
        "银行卡",
        "银行卡号",
        "卡号",
        "借记卡",
        "信用卡",
        "信用卡号",
        "銀行卡",
        "銀行卡號",
        "卡號",
        "信用卡號",
    ],
    medium: &["account", "bankaccount", "acc", "acct", "card"],
    numeric: true,
    subject: 4,
    mask: |value| {
        let compact: Vec<char> = value.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        shown(&compact, 6, 4, 3)
    },
    ..Type::new(DataType::new(
        "bank_card",
        Text { en: "payment card number", zh: "银行卡号" },
        Category::Financial,
        Grade::L4,
        Personal::Sensitive,
    ))
};

/// Number of an account that is no card: only its name tells it.
pub(super) static BANK_ACCOUNT: Type = Type {
    strong: &[
        "acctno",
        "accno",
        "bankaccount",
        "bankaccountno",
        "bankaccountnumber",
        "bankacct",
        "bankacctno",
        "payeeaccount",
        "payeeaccountno",
        "payeracct",
        "payeracctno",
        "settleaccount",
        "settlementaccount",
        "yhzh",
        "khzh",
        "银行账号",
        "银行帐号",
        "银行账户",
        "对公账户",
        "对公账号",
        "开户账号",
        "收款账号",
        "付款账号",
        "收款账户",
        "付款账户",
        "结算账号",
        "结算账户",
        "銀行帳號",
        "銀行賬號",
    ],
    // Alone they name accounts of banks; in longer names accounts of services.
    whole: &["zh", "zhanghao", "账号", "帐号", "賬號", "帳號"],
    strong_points: NAMED,
    named: Some(|value, _| account(value)),
    numeric: true,
    mask: |value| shown(&value.chars().filter(char::is_ascii_digit).collect::<Vec<_>>(), 0, 4, 5),
    ..financial("bank_account", "bank account number", "银行账号")
};

/// Security code of a card. Its name is not enough: another value of its record must be sure.
pub(super) static CARD_CVV: Type = Type {
    strong: &["cvv", "cvv2", "cvc", "cvc2", "cvn", "cvn2", "cardcvv", "cvvcode", "securitycode", "安全码", "安全碼"],
    strong_points: (45, 45),
    record_points: 20,
    named: Some(|value, _| (matches!(value.len(), 3 | 4) && value.bytes().all(|b| b.is_ascii_digit())).then_some(0)),
    mask: |_| "***".into(),
    ..never("card_cvv", "card security code", "卡安全码")
};

/// Expiry of a card. Its name is not enough: another value of its record must be sure.
pub(super) static CARD_EXPIRY: Type = Type {
    strong: &[
        "expdate",
        "expirydate",
        "expiredate",
        "expirationdate",
        "cardexp",
        "cardexpiry",
        "cardexpire",
        "cardvalid",
        "validthru",
        "validdate",
        "expmonth",
        "yxq",
        "有效期",
        "卡有效期",
    ],
    strong_points: (45, 45),
    record_points: 20,
    named: Some(|value, _| is_expiry(value).then_some(0)),
    mask: |_| "***".into(),
    ..never("card_expiry", "card expiry date", "卡有效期")
};

/// Track of a magnetic stripe (ISO/IEC 7813).
pub(super) static CARD_TRACK: Type = Type {
    strong: &[
        "track",
        "track1",
        "track2",
        "trackdata",
        "track2data",
        "magstripe",
        "cdxx",
        "磁道",
        "磁道信息",
        "二磁道",
    ],
    named: Some(|value, _| (track(value.as_bytes(), 0) == Some(value.len())).then_some(70)),
    mask: |_| "***".into(),
    ..never("card_track", "card magnetic stripe data", "磁道信息")
};

const fn financial(id: &'static str, en: &'static str, zh: &'static str) -> Type {
    Type::new(DataType::new(id, Text { en, zh }, Category::Financial, Grade::L4, Personal::Sensitive))
}

const fn never(id: &'static str, en: &'static str, zh: &'static str) -> Type {
    let kind = financial(id, en, zh);
    Type { data: DataType { never_return: true, ..kind.data }, ..kind }
}

/// Points of an account number of 9 to 30 digits. Log-in names stand under the same names: a mobile or identity number is
/// none.
fn account(value: &str) -> Option<i16> {
    const LONGEST: usize = 40;
    if value.len() > LONGEST || !value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'-')) {
        return None;
    }
    let digits: Vec<u8> = value.bytes().filter(u8::is_ascii_digit).collect();
    let is_other = is_trivial(&digits) || mobile(&digits) == Some(true) || resident_id(&digits, u32::MAX).is_some();
    ((9..=30).contains(&digits.len()) && !is_other).then_some(30)
}

/// `MM/YY`, `MM-YY`, `MMYY` or `MM/20YY`.
fn is_expiry(value: &str) -> bool {
    let bytes = value.as_bytes();
    let month = matches!(bytes, [b'0', b'1'..=b'9', ..] | [b'1', b'0'..=b'2', ..]);
    let rest = bytes.get(2..).unwrap_or_default();
    let digits = |rest: &[u8]| rest.iter().all(u8::is_ascii_digit);
    month
        && match rest {
            [_, _] => digits(rest),
            [b'/' | b'-', year @ ..] => digits(year) && (year.len() == 2 || year.len() == 4 && year.starts_with(b"20")),
            _ => false,
        }
}

/// The track from `start` on: where it ends.
fn track(bytes: &[u8], start: usize) -> Option<usize> {
    const LONGEST: usize = 80;
    let rest = bytes.get(start..)?;
    let after = rest.strip_prefix(b"%").or_else(|| rest.strip_prefix(b";")).unwrap_or(rest);
    let after = after.strip_prefix(b"B").unwrap_or(after);
    let length = after.iter().take(20).take_while(|b| b.is_ascii_digit()).count();
    let (number, after) = after.split_at_checked(length)?;
    if !(13..=19).contains(&length) || !luhn(number) {
        return None;
    }
    let dates = match after {
        [b'=', dates @ ..] => dates,
        [b'^', name @ ..] => name.get(name.iter().take(30).position(|b| *b == b'^')? + 1..)?,
        _ => return None,
    };
    let is_month = matches!(dates.get(2..4), Some([b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2']));
    if !is_month || !dates.iter().take(4).all(u8::is_ascii_digit) {
        return None;
    }
    let more = dates.iter().take(LONGEST).take_while(|b| b.is_ascii_graphic() && !b"\"'<>,&".contains(b)).count();
    Some(bytes.len() - dates.len() + more)
}

/// A track in text whose number begins at `at`, perhaps after its signs `%B` or `;`.
pub(super) fn track_in_text(bytes: &[u8], at: usize) -> Option<Candidate> {
    let before = bytes.get(..at)?;
    let signs = [&b"%B"[..], b";", b"B"].iter().find(|signs| before.ends_with(signs)).map_or(0, |signs| signs.len());
    let start = at - signs;
    let is_free = !start.checked_sub(1).and_then(|p| bytes.get(p)).is_some_and(u8::is_ascii_alphanumeric);
    let end = track(bytes, start).filter(|_| is_free)?;
    Some(Candidate::new(TypeId::CARD_TRACK, Form::Full, (start, end), 70))
}

/// A whole value that is a track, which begins with a sign.
pub(super) fn whole_track(value: &str, out: &mut Readings) {
    if track(value.as_bytes(), 0) == Some(value.len()) {
        out.push(Candidate::new(TypeId::CARD_TRACK, Form::Full, (0, value.len()), 70));
    }
}

/// Numbers of card schemes and payment providers for testing.
const TEST_CARDS: &[&[u8]] = &[
    b"4111111111111111",
    b"4242424242424242",
    b"4012888888881881",
    b"5555555555554444",
    b"5105105105105100",
    b"378282246310005",
    b"371449635398431",
    b"6011111111111117",
    b"3530111333300000",
    b"30569309025904",
];

/// Numbers of cards and accounts.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    if (13..=19).contains(&spot.compact.len()) {
        out.add(card(spot));
    }
}

fn card(spot: &Spot<'_>) -> Option<Candidate> {
    let digits = spot.compact;
    if spot.plus || !spot.is_number() || digits.first() == Some(&b'0') || !luhn(digits) {
        return None;
    }
    let validated = match issuer(digits) {
        Some(Issuer::ChineseBank) => 60,
        Some(Issuer::Scheme) => 45,
        None => 15,
    };
    let mut candidate = spot.candidate(TypeId::BANK_CARD, 10 + validated - spot.unquoted());
    candidate.checked = validated > 15;
    candidate.test_value = TEST_CARDS.contains(&digits) || is_trivial(digits);
    candidate.time_like = spot.written == Written::Plain && is_time(digits);
    Some(candidate)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reported, silent, told};
    use super::*;

    #[test]
    fn accounts_need_a_name() {
        for number in ["110060149012345678", "0200003519200012345", "3301040160000", "9234 5678 9012 3450"] {
            reported("bankAccount", number, "bank_account");
            reported("对公账户", number, "bank_account");
            silent("x", number);
            silent("account", number);
        }
        reported("账号", "3301040160000", "bank_account");
        assert_eq!(told("开户账号：3301040160000，"), ["bank_account"]);
        reported("accountNo", "6222021001116245702", "bank_card");
        reported("账号", "6222021001116245702", "bank_card");
        for (key, value) in [
            ("账号", "13912345678"),
            ("微信账号", "330104016"),
            ("zh", "zh-CN"),
            ("bankAccount", "12345678"),
            ("cardNo", "4111111111111112"),
        ] {
            silent(key, value);
        }
        assert_eq!((BANK_ACCOUNT.mask)("3301040160000"), "*********0000");
    }

    #[test]
    fn codes_of_cards_are_no_values_alone() {
        for (key, value) in
            [("cvv", "123"), ("expDate", "12/27"), ("validThru", "0927"), ("有效期", "12/27"), ("cvv", "12a")]
        {
            silent(key, value);
        }
        assert!(is_expiry("12/2027") && !is_expiry("13/27") && !is_expiry("2027-12-01") && !is_expiry("12/1927"));
    }

    #[test]
    fn tracks() {
        for value in [";4539578763621486=25121011000012345678?", "%B4539578763621486^DOE/JOHN^2512101100001?"] {
            reported("x", value, "card_track");
            reported("track2", value, "card_track");
        }
        assert_eq!(told("read ;4539578763621486=25121011000012345678? ok"), ["card_track"]);
        silent("track", ";4539578763621487=25121011000012345678?");
        silent("track", "4539578763621486=2599");
    }
}
