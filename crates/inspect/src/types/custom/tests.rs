//! What can be configured, and what is refused in which words.

use super::*;

fn one(id: &str, pattern: &str) -> CustomType {
    CustomType {
        id: TypeName(id.to_owned()),
        title_en: Title::default(),
        title_zh: Title::default(),
        grade: Grade::L3,
        personal: Personal::No,
        pattern: Pattern(pattern.to_owned()),
        validator: Validator::None,
        keys: Names::default(),
        confidence: Confidence::default(),
    }
}

fn refused(pattern: &str) -> String {
    Pattern::try_from(pattern.to_owned()).expect_err(pattern)
}

#[test]
fn patterns_are_refused_for_a_reason() {
    assert_eq!(refused("a("), "the pattern is no regular expression: unclosed group");
    assert!(refused(r"(?<=x)y").starts_with("the pattern is no regular expression: look-around"));
    assert_eq!(refused("a*"), "the pattern matches the empty text");
    assert_eq!(refused(""), "the pattern matches the empty text");
    assert!(refused(r"\d+").contains("may match more than 1024 bytes; bound what repeats"));
    assert!(refused("(a{500}b){3}").contains("more than 1024 bytes"));
    assert_eq!(refused("[a&&b]"), "the pattern matches nothing");
    assert!(refused(r"(\w{1,200}[\pL\d]{1,100}x){1,3}").len() > 10);
    assert!(refused(&"a".repeat(3000)).contains("3000 bytes"));
    for good in [r"EMP-\d{6}", r"\p{Han}{2,4}第\d{1,5}号", r"(?i)secret-[0-9a-f]{32}\b", r"X5O!P%@AP\[4"] {
        assert!(Pattern::try_from(good.to_owned()).is_ok(), "{good}");
    }
}

#[test]
fn identifiers_names_and_numbers_are_checked() {
    for bad in ["", "Employee", "2nd", "a-b", "工号"] {
        assert!(TypeName::try_from(bad.to_owned()).is_err(), "{bad}");
    }
    assert!(Names::try_from(vec!["--".to_owned()]).is_err());
    assert!(Confidence::try_from(101).is_err());
    assert!(Title::try_from("员工编号".to_owned()).is_ok() && Title::try_from("a\nb".to_owned()).is_err());
    let twice = TypeSettings { custom: vec![one("a", "x"), one("a", "y")], ..TypeSettings::default() };
    assert_eq!(twice.usable().expect_err("twice"), "two custom types have the `id` \"a\"");
    let taken = TypeSettings { custom: vec![one("cn_mobile", "x")], ..TypeSettings::default() };
    assert!(taken.usable().expect_err("taken").contains("has a type `cn_mobile` of its own"));
    let many =
        TypeSettings { custom: (0..32).map(|n| one(&format!("t{n}"), "x")).collect(), ..TypeSettings::default() };
    assert!(many.usable().is_err() && CustomTypes::new(&many).is_err());
    let wrong = TypeSettings { custom: vec![one("a", "x"), one("b", "x+")], ..TypeSettings::default() };
    assert!(CustomTypes::new(&wrong).expect_err("wrong").starts_with("type `b`: the pattern may match more"));
}

#[test]
fn a_type_is_found_checked_and_named() {
    let mut card = one("club_card", r"\b\d{4}-\d{4}\b");
    card.validator = Validator::Luhn;
    card.keys = Names(vec!["clubCard".to_owned(), "会员卡号".to_owned()]);
    card.confidence = Confidence(40);
    let custom = CustomTypes::new(&TypeSettings { custom: vec![one("other", "zzz"), card], ..TypeSettings::default() })
        .expect("types");
    let mut found = Vec::new();
    custom.find(b"x 1234-5674 y 1234-5678", &|_| 0, &mut found);
    assert_eq!(found.iter().map(|one| (one.start, one.end)).collect::<Vec<_>>(), [(2, 11), (14, 23)]);
    let what = found[0].what;
    assert_eq!(custom.kind(what).data.id, "club_card");
    assert_eq!(custom.points(what, "1234-5674", 0, 20_261_123), Some(40));
    assert_eq!(custom.points(what, "1234-5678", 0, 20_261_123), None);
    for name in ["clubCard", "club_card", "userClubCardNo", "会员卡号", "新会员卡号"] {
        assert_eq!(custom.points(what, "1234-5674", custom.named(name), 20_261_123), Some(70), "{name}");
    }
    assert_eq!(custom.named("club"), 0);
    assert!(custom.by_name("club_card").is_some() && custom.by_name("cn_mobile").is_none());
}

#[test]
fn validators() {
    let today = 20_261_123;
    let cases = [
        (Validator::ResidentId, "110101199003074610", "110101199003074611"),
        (Validator::Mobile, "+86 139-1234-5678", "12345678901"),
        (Validator::BankCard, "6222 0210 0111 6245 702", "1234567890123456"),
        (Validator::Date, "2024-02-29/17", "20230229"),
    ];
    for (validator, good, bad) in cases {
        assert!(validator.passes(good, today), "{good}");
        assert!(!validator.passes(bad, today), "{bad}");
    }
}
