use super::super::{Scan, best_of, find, hints};
use super::may_hold;
use crate::types::is_interesting;
use crate::walk::LeafKind;

/// The best reading of each place under a name: type, points, text.
fn seen<'a>(key: &str, value: &'a str) -> Vec<(&'static str, u8, &'a str)> {
    let key = hints(key);
    let scan = Scan { kind: LeafKind::Text, whole: true, today: 20_261_123, named: key.strong };
    let mut found = Vec::new();
    if !is_interesting(value.as_bytes(), LeafKind::Text) && !super::super::is_named(key) {
        return found;
    }
    find(value, &scan, &mut |readings| {
        if let Some((points, best)) = best_of(readings, key, Default::default()) {
            found.push((best.what.get().data.id, points, &value[best.start..best.end]));
        }
    });
    found.retain(|(_, points, _)| *points >= 40);
    found
}

/// What is reported.
fn reported(key: &str, value: &str) -> Option<&'static str> {
    seen(key, value).into_iter().find(|(_, points, _)| *points >= 60).map(|(id, ..)| id)
}

/// Published examples: of standards, of the offices that issue the numbers, and of their handbooks.
const VECTORS: &[(&str, &[&str])] = &[
    // The registry of ISO 13616 gives an example for each country.
    (
        "iban",
        &[
            "GB82WEST12345698765432",
            "DE89370400440532013000",
            "FR1420041010050500013M02606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
            "DE89 3704 0044 0532 0130 00",
            "GB82 WEST 1234 5698 7654 32",
            "de89370400440532013000",
        ],
    ),
    // The Immigration Department's sample cards.
    ("hk_id", &["A123456(3)", "A1234563", "G123456(A)", "G123456A"]),
    // The Ministry of the Interior's sample; A123456789 is its forms' example.
    ("tw_id", &["A123456789", "F131104093", "A800000014"]),
    // Examples of published descriptions of the method.
    ("kr_rrn", &["971013-9019902", "900101-1234568"]),
    ("sg_nric", &["S1234567D", "T1234567J", "F1234567N", "G1234567X", "M1234567K"]),
    ("my_nric", &["850101-14-5123", "770305-02-1234"]),
    ("th_id", &["1-2345-67890-12-1"]),
    ("br_cpf", &["390.533.447-05", "111.444.777-35", "123.456.789-09"]),
    ("es_nif", &["12345678Z", "54362315K", "X1234567L", "X2482300W", "12345678-Z", "X-1234567-L"]),
    ("it_cf", &["RCCMNL83S18D969H", "RSSMRA85T10A562S", "MRTMTT91D08F205J"]),
    ("fr_nir", &["2 95 10 99 126 111 93", "295109912611193", "253072B07300470"]),
    ("uk_nino", &["AB 12 34 56 C", "AB 123456 C", "HH 01 02 03 D"]),
    ("in_pan", &["ACUPA7085R", "BNZPM2501F"]),
    (
        "phone_intl",
        &[
            "+442079460958",
            "+44 20 7946 0958",
            "+1 212 555 0100",
            "+1 (212) 555-0100",
            "+49 (0)30 901820",
            "+33.1.23.45.67.89",
            "+852 2123 4567",
            "+65 6123 4567",
            "+12125550100",
        ],
    ),
    ("ca_sin", &["130 692 544", "130-692-544"]),
];

/// Numbers that a name has to tell, with one that does.
const NAMED: &[(&str, &str, &[&str])] = &[
    ("us_ssn", "ssn", &["536-22-1234", "536221234", "536 22 1234"]),
    ("us_itin", "itin", &["912-90-3457", "912903457"]),
    ("in_aadhaar", "aadhaarNo", &["2341 2341 2346", "234123412346", "2341-2341-2346"]),
    ("ca_sin", "sin", &["130692544", "123456782"]),
    ("au_tfn", "tfn", &["123 456 782", "459599230"]),
    ("br_cpf", "cpf", &["39053344705", "11144477735"]),
    ("de_taxid", "steuerId", &["36574261809", "86095742719", "47036892816", "86 095 742 719"]),
    ("pl_pesel", "pesel", &["44051401359", "92060512186", "02070803628"]),
    ("kr_rrn", "rrn", &["9710139019902"]),
    ("my_nric", "icNo", &["770305021234"]),
    ("th_id", "thaiId", &["1234567890121"]),
    ("mo_id", "macauId", &["12345678", "1234567(8)", "5123456(7)"]),
    ("uk_nino", "nino", &["AB123456C"]),
    ("hk_id", "香港身份证", &["A123456（3）"]),
];

#[test]
fn published_examples_are_found() {
    for (id, values) in VECTORS {
        for value in *values {
            assert_eq!(reported("v", value), Some(*id), "{value} {:?}", seen("v", value));
        }
    }
    for (id, name, values) in NAMED {
        for value in *values {
            assert_eq!(reported(name, value), Some(*id), "{value} {:?}", seen(name, value));
        }
    }
}

#[test]
fn one_digit_changed_is_another_number() {
    let checked = VECTORS.iter().filter(|(id, _)| !matches!(*id, "uk_nino" | "in_pan" | "phone_intl" | "my_nric"));
    for (id, values) in checked {
        for value in *values {
            // The last digit but one: of check digits the method has many, in the middle none but the check sees it.
            let at = value.bytes().rposition(|b| b.is_ascii_digit()).unwrap();
            let digit = value.as_bytes()[at];
            let other = char::from(if digit == b'9' { b'0' } else { digit + 1 });
            let changed = format!("{}{other}{}", &value[..at], &value[at + 1..]);
            assert_ne!(reported("v", &changed), Some(*id), "{changed}");
        }
    }
}

#[test]
fn labels_in_text() {
    for (text, id, value) in [
        ("My SSN: 536-22-1234, call me", "us_ssn", "536-22-1234"),
        ("my ssn 536221234.", "us_ssn", "536221234"),
        ("SSN is 536-22-1234", "us_ssn", "536-22-1234"),
        ("Social security number: 536-22-1234", "us_ssn", "536-22-1234"),
        ("my iban is DE89370400440532013000", "iban", "DE89370400440532013000"),
        ("IBAN: DE89 3704 0044 0532 0130 00 please pay soon", "iban", "DE89 3704 0044 0532 0130 00"),
        ("pay to GB82 WEST 1234 5698 7654 32, thanks", "iban", "GB82 WEST 1234 5698 7654 32"),
        ("PESEL: 44051401359", "pl_pesel", "44051401359"),
        ("Aadhaar number 2341 2341 2346", "in_aadhaar", "2341 2341 2346"),
        ("CPF 390.533.447-05 do titular", "br_cpf", "390.533.447-05"),
        ("NINO AB 12 34 56 C.", "uk_nino", "AB 12 34 56 C"),
        ("香港身份证：A123456(3)", "hk_id", "A123456(3)"),
        ("香港身份证号码：A123456（3）。", "hk_id", "A123456（3）"),
        ("台湾身份证 A123456789", "tw_id", "A123456789"),
        ("DNI: 12345678-Z", "es_nif", "12345678-Z"),
        ("call +44 20 7946 0958 12 times", "phone_intl", "+44 20 7946 0958"),
        ("call +1 (212) 555-0100 or mail", "phone_intl", "+1 (212) 555-0100"),
    ] {
        let found = seen("text", text);
        let is_there = found.iter().any(|(what, points, found)| *what == id && *points >= 60 && *found == value);
        assert!(is_there, "{text}: {found:?}");
    }
}

#[test]
fn what_only_looks_like_one() {
    for value in [
        "ABCDE1234F",
        "123456789",
        "12345678901",
        "234123412346",
        "1732060800000",
        "20241120123456",
        "202411201234567",
        "6901234567892",
        "9783161484100",
        "1Z999AA10123456784",
        "078-05-1120",
        "219-09-9999",
        "000-12-3456",
        "666-12-3456",
        "2024-11-20T12:34:56.000Z",
        "2024-11-20 12:34:56",
        "A1234567",
        "SN-20241120-0001",
        "550E8400-E29B-41D4-A716-446655440000",
        "DEADBEEF12345678",
        "+0800",
        "+1234",
        "1.2.3.4",
        "900101-1234567",
        "RSSMRA85T10A562T",
        "GB82WEST12345698765433",
        "850101-17-5123",
        "1-2345-67890-12-2",
    ] {
        assert_eq!(reported("v", value), None, "{value} {:?}", seen("v", value));
    }
    for (name, value) in [("productCode", "A1234563"), ("orderNo", "12345678Z"), ("sku", "S1234567D")] {
        assert_eq!(reported(name, value), None, "{name} {value}");
    }
}

#[test]
fn every_example_is_worth_a_look_and_times_are_not() {
    for value in VECTORS.iter().flat_map(|(_, values)| *values) {
        assert!(is_interesting(value.as_bytes(), LeafKind::Text), "{value}");
    }
    for value in ["2024-11-20T12:34:56.000Z", "2024-11-20 12:34:56", "v1.22.333", "a1b2c3d4e5f6", "plain words 1234"] {
        assert!(!may_hold(value.as_bytes()), "{value}");
    }
}

#[test]
fn grouped_codes_end_where_words_follow() {
    for text in ["nino=AB 12 34 56 C", "x nino=AB 12 34 56 C y", "NI number: AB 12 34 56 C and more"] {
        assert_eq!(super::super::testing::told(text), ["uk_nino"], "{text}");
    }
    assert!(super::super::testing::told("rows AB 12 34 56 78 C").is_empty());
}
