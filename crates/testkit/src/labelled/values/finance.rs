//! Money: cards and what is printed on them, accounts, balances, what is known of debts.

use super::super::checks::{is_luhn, luhn_digit};
use super::super::sources::{BINS, SCHEMES};
use super::{hide, number};
use crate::rng::Rng;

fn card_with(rng: &mut Rng, prefix: &str, length: usize) -> String {
    let body = format!("{prefix}{}", rng.digits(length - 1 - prefix.len()));
    format!("{body}{}", luhn_digit(&body))
}

/// A card of a Chinese bank.
pub(in super::super) fn card(rng: &mut Rng) -> String {
    let (prefix, length) = rng.one_of(&BINS);
    if !(13..=19).contains(&length) || prefix.starts_with('0') {
        return card(rng);
    }
    card_with(rng, prefix, length)
}

/// The same in groups of four.
pub(in super::super) fn grouped_card(rng: &mut Rng) -> String {
    loop {
        let card = card(rng);
        if matches!(card.len(), 16 | 19) {
            let sign = rng.one_of(&[" ", " ", "-"]);
            return groups_of_four(&card, sign);
        }
    }
}

fn groups_of_four(card: &str, sign: &str) -> String {
    let groups: Vec<&str> =
        (0..card.len()).step_by(4).filter_map(|at| card.get(at..(at + 4).min(card.len()))).collect();
    groups.join(sign)
}

/// A card of an international scheme.
pub(in super::super) fn scheme_card(rng: &mut Rng) -> String {
    let (prefix, length) = rng.one_of(SCHEMES);
    card_with(rng, prefix, length)
}

/// A number like a card's that Luhn rejects.
pub(in super::super) fn no_card(rng: &mut Rng) -> String {
    super::spoil_last(&card(rng))
}

pub(in super::super) fn mask_card(value: &str, rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => hide(value, 6, 4),
        1 => hide(value, 4, 4),
        _ => groups_of_four(&format!("{}********{}", &value[..4], &value[value.len() - 4..]), " "),
    }
}

/// A number of an account that is no card.
pub(in super::super) fn account(rng: &mut Rng) -> String {
    loop {
        let length = rng.range(12..22) as usize;
        let account = number(rng, length);
        if !is_luhn(&account) {
            return account;
        }
    }
}

pub(in super::super) fn mask_account(value: &str, _: &mut Rng) -> String {
    hide(value, 0, 4)
}

pub(in super::super) fn cvv(rng: &mut Rng) -> String {
    rng.digits(3)
}

pub(in super::super) fn expiry(rng: &mut Rng) -> String {
    format!("{:02}{}{:02}", rng.range(1..13), rng.one_of(&["/", "/", ""]), rng.range(27..36))
}

pub(in super::super) fn track(rng: &mut Rng) -> String {
    let card = scheme_card(rng);
    let (year, month, service, rest) =
        (rng.range(27..36), rng.range(1..13), rng.one_of(&["101", "201", "221"]), rng.digits(10));
    match rng.below(2) {
        0 => format!(";{card}={year}{month:02}{service}{rest}?"),
        _ => format!("%B{card}^LI/MING^{year}{month:02}{service}{rest}?"),
    }
}

/// An amount in yuan.
pub(in super::super) fn amount(rng: &mut Rng) -> String {
    format!("{}.{:02}", rng.range(100..2_000_000), rng.below(100))
}

/// A yearly or monthly income.
pub(in super::super) fn income(rng: &mut Rng) -> String {
    format!("{}", rng.range(30..800) * 100)
}

pub(in super::super) fn credit_score(rng: &mut Rng) -> String {
    rng.range(350..950).to_string()
}

pub(in super::super) fn alipay(rng: &mut Rng) -> String {
    loop {
        let id = format!("2088{}", rng.digits(12));
        if !is_luhn(&id) {
            return id;
        }
    }
}
