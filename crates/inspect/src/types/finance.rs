//! Money: payment card number.

use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::mask::shown;
use super::reading::{Readings, Spot, Written};
use super::validators::{Issuer, is_time, is_trivial, issuer, luhn};
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
