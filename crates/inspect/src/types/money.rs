//! Money: balances, transactions, income, credit. Amounts are sensitive only under a name that says whose they are.

use std::borrow::Cow;

use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::Type;
use crate::walk::LeafKind;

/// A type of amounts.
const fn amount(id: &'static str, name: Text, grade: Grade) -> Type {
    Type {
        strong_points: (35, 5),
        han_label: 40,
        canonical,
        mask: |_| "***".into(),
        ..Type::new(DataType::new(id, name, Category::Financial, grade, Personal::Sensitive))
    }
}

/// Balance of an account.
pub(super) static BALANCE: Type = Type {
    strong: &[
        "balance",
        "availablebalance",
        "availbalance",
        "availbal",
        "acctbal",
        "accountbalance",
        "currentbalance",
        "currbal",
        "zhye",
        "kyye",
        "余额",
        "账户余额",
        "帐户余额",
        "可用余额",
        "当前余额",
        "餘額",
        "結餘",
    ],
    whole: &["ye", "bal"],
    named: Some(plain_amount),
    ..amount("finance_balance", Text { en: "account balance", zh: "账户余额" }, Grade::L3)
};

/// Amount of a transaction.
pub(super) static TRANSACTION: Type = Type {
    strong: &[
        "tradeamt",
        "tradeamount",
        "trademoney",
        "transamt",
        "transamount",
        "tranamt",
        "tranamount",
        "txnamt",
        "txnamount",
        "transactionamount",
        "transactionamt",
        "transferamount",
        "transferamt",
        "withdrawamount",
        "repayamount",
        "loanamount",
        "loanamt",
        "jyje",
        "zzje",
        "交易金额",
        "转账金额",
        "交易明细",
        "提现金额",
        "还款金额",
        "贷款金额",
        "借款金额",
        "交易金額",
    ],
    named: Some(plain_amount),
    ..amount("finance_txn", Text { en: "amount of a transaction", zh: "交易金额" }, Grade::L3)
};

/// Income of a person.
pub(super) static INCOME: Type = Type {
    strong: &[
        "salary",
        "wage",
        "wages",
        "annualincome",
        "yearincome",
        "yearlyincome",
        "monthlyincome",
        "monthincome",
        "personalincome",
        "familyincome",
        "basesalary",
        "netpay",
        "gongzi",
        "xinzi",
        "nianxin",
        "yuexin",
        "工资",
        "收入",
        "年收入",
        "月收入",
        "家庭收入",
        "薪资",
        "薪酬",
        "月薪",
        "年薪",
        "实发工资",
        "應發工資",
        "薪資",
        "薪水",
    ],
    whole: &["gz", "income", "nsr", "ysr"],
    named: Some(plain_amount),
    ..amount("income", Text { en: "income", zh: "个人收入" }, Grade::L4)
};

/// What a credit report tells.
pub(super) static CREDIT_REPORT: Type = Type {
    strong: &[
        "creditscore",
        "creditrating",
        "creditreport",
        "creditlimit",
        "creditline",
        "creditamount",
        "overdueamount",
        "overdueamt",
        "overduedays",
        "sesamescore",
        "zmscore",
        "zhimascore",
        "zhengxin",
        "yqje",
        "yqts",
        "sxed",
        "征信",
        "征信分",
        "逾期",
        "逾期金额",
        "逾期天数",
        "授信额度",
        "信用评分",
        "信用额度",
        "信用分",
        "芝麻分",
        "逾期金額",
        "授信額度",
    ],
    whole: &["zx"],
    named: Some(plain_amount),
    ..amount("credit_report", Text { en: "credit record", zh: "征信信息" }, Grade::L4)
};

/// The digits of an amount, without currency and separators; `None` where it is none.
fn digits(value: &str) -> Option<String> {
    const LONGEST: usize = 32;
    if value.len() > LONGEST {
        return None;
    }
    let value = value.trim_start_matches(['¥', '￥', '$']).trim_start_matches("CNY").trim_start_matches("RMB").trim();
    let value = value.strip_suffix('元').unwrap_or(value);
    let (value, times) = value.strip_suffix('万').map_or((value, ""), |value| (value, "万"));
    let value = value.strip_suffix("分").or(value.strip_suffix("天")).unwrap_or(value).trim();
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let is_grouped = match whole.split_once(',') {
        None => true,
        Some((first, rest)) => (1..=3).contains(&first.len()) && rest.split(',').all(|group| group.len() == 3),
    };
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let whole: String = whole.chars().filter(|c| *c != ',').collect();
    let fits = is_grouped && is_digits(&whole) && whole.len() <= 13 && is_digits(fraction) && fraction.len() <= 8;
    // `007` is a code.
    let is_code = whole.len() > 1 && whole.starts_with('0');
    let is_nothing = whole.bytes().chain(fraction.bytes()).all(|b| b == b'0');
    (fits && !is_code && !is_nothing).then(|| format!("{whole}.{}{times}", fraction.trim_end_matches('0')))
}

fn canonical(value: &str) -> Cow<'_, str> {
    digits(value.trim()).map_or(Cow::Borrowed(value), Cow::Owned)
}

/// A whole value that is an amount. One digit may be a code or a level.
fn plain_amount(value: &str, kind: LeafKind) -> Option<i16> {
    if kind == LeafKind::Word {
        return None;
    }
    digits(value).map(|_| if value.len() == 1 { 10 } else { 25 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for value in ["12345.67", "1,234,567.89", "¥100.00", "20万元", "-35.5", "8000", "100.00元", "650分"] {
            assert_eq!(plain_amount(value, LeafKind::Text), Some(25), "{value}");
        }
        assert_eq!(plain_amount("1", LeafKind::Number), Some(10));
        for value in ["0", "0.00", "", "-", "null", "10k-15k", "8000-12000", "1,23", "007", "ok", "2023-01-01", "1.2.3"]
        {
            assert_eq!(plain_amount(value, LeafKind::Text), None, "{value}");
        }
        assert_eq!(canonical("1,000.50"), canonical("1000.5"));
    }
}
