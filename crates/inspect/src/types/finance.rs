//! Money: payment card number.

use spyhop_model::{DataType, Form, Grade, Personal, Text};

use super::validators::{Issuer, is_time, is_trivial, issuer, luhn};
use super::{Candidate, Type, TypeId};

/// Payment card number (PAN).
pub(super) static BANK_CARD: Type = Type {
    data: DataType {
        id: "bank_card",
        name: Text { en: "payment card number", zh: "银行卡号" },
        grade: Grade::L4,
        personal: Personal::Sensitive,
    },
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
    ],
    whole: &[],
    medium: &["account", "bankaccount", "acc", "acct", "card"],
    strong_points: (35, 25),
    record_points: 10,
    canonical: |value| value.chars().filter(char::is_ascii_digit).collect(),
};

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

/// 13 to 19 digits.
pub(super) fn card(digits: &[u8], span: (usize, usize), text: bool, grouped: bool) -> Option<Candidate> {
    if !(13..=19).contains(&digits.len()) || digits.first() == Some(&b'0') || !luhn(digits) {
        return None;
    }
    let validated = match issuer(digits) {
        Some(Issuer::ChineseBank) => 60,
        Some(Issuer::Scheme) => 45,
        None => 15,
    };
    let mut candidate = Candidate::new(TypeId::BANK_CARD, Form::Full, span, 10 + validated - if text { 10 } else { 0 });
    candidate.checked = validated > 15;
    candidate.test_value = TEST_CARDS.contains(&digits) || is_trivial(digits);
    candidate.time_like = !grouped && is_time(digits);
    Some(candidate)
}
