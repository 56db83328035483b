use proptest::prelude::*;

use super::super::testing::{Lines, lines};
use super::super::{Structure, Walker};
use super::*;

fn int(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [int(number << 3 | 2), int(bytes.len() as u64), bytes.to_vec()].concat()
}

fn number(number: u64, value: u64) -> Vec<u8> {
    [int(number << 3), int(value)].concat()
}

fn walk(message: &[u8]) -> Vec<String> {
    lines(&Structure::Protobuf, message)
}

#[test]
fn fields_are_leaves_under_their_numbers() {
    let person = |name: &str, mobile: u64| [field(1, name.as_bytes()), number(2, mobile), number(3, 7)].concat();
    let message = [
        field(1, "张三 and others".as_bytes()),
        field(4, &person("alice@example.com", 13_800_138_000)),
        field(4, &person("bob@example.com", 13_900_139_000)),
        field(500, b"last"),
    ]
    .concat();
    assert_eq!(
        walk(&message),
        [
            "$.1|1||张三 and others|0",
            "$.4.1|1|4|alice@example.com|1",
            "$.4.2|2|4|13800138000|1",
            "$.4.1|1|4|bob@example.com|2",
            "$.4.2|2|4|13900139000|2",
            "$.500|500||last|0",
        ]
    );
}

#[test]
fn text_goes_before_a_message_of_the_same_bytes_unless_it_begins_with_a_line_feed() {
    // Each is a valid message.
    assert_eq!(walk(&field(2, b"13800138000")), ["$.2|2||13800138000|0"]);
    let inner = field(1, b"a name of more than thirty-two octets");
    assert!(is_text(&inner, true));
    assert_eq!(walk(&field(2, &inner)), ["$.2.1|1|2|a name of more than thirty-two octets|1"]);
    assert_eq!(walk(&field(2, b"\n\ntext")), ["$.2|2||\n\ntext|0"]);
}

#[test]
fn numbers_are_leaves_where_they_may_be_values() {
    let fixed = |bits: u64| [vec![0x09], bits.to_le_bytes().to_vec()].concat();
    let message = [
        number(1, 9_999),
        number(2, 10_000),
        number(3, u64::MAX),
        fixed(13_800_138_000),
        fixed(13_900_139_000f64.to_bits()),
        fixed(0.5f64.to_bits()),
        vec![0x0d, 1, 2, 3, 4],
    ]
    .concat();
    assert_eq!(walk(&message), ["$.2|2||10000|0", "$.1|1||13800138000|0", "$.1|1||13900139000|0"]);
}

#[test]
fn other_bytes_are_shown_where_text_is_in_them() {
    let packed: Vec<u8> = [1, 270, 86_942].into_iter().flat_map(int).collect();
    let blob = b"\xff\x00\x01tel 13800138000\x00\xfe";
    let got = walk(&[field(1, &packed), field(2, blob), field(3, b"")].concat());
    assert_eq!(got.len(), 1);
    assert!(got[0].starts_with("$.2|2||") && got[0].contains("tel 13800138000"), "{got:?}");
}

#[test]
fn json_in_a_field_is_walked_with_records_of_its_own() {
    let message = [field(1, br#"[{"tel":"138"},{"tel":"139"}]"#), field(2, &field(3, b"\x01some text"))].concat();
    let got = walk(&message);
    assert_eq!(got[..2], ["$.1[*].tel|tel|1|138|2".to_owned(), "$.1[*].tel|tel|1|139|3".to_owned()]);
    assert!(got[2].ends_with("|4"), "{got:?}");
    let rows: Vec<String> = (0..2000).map(|n| format!("{{\"row\":\"{n}\"}}")).collect();
    let got = walk(&field(1, format!("[{}]", rows.join(",")).as_bytes()));
    assert_eq!((got.len(), got[1999].as_str()), (2000, "$.1[*].row|row|1|1999|2001"));
}

#[test]
fn long_fields_are_walked_as_they_pass() {
    let rows: Vec<u8> = (0..2000).flat_map(|n| field(1, &field(2, format!("row {n}").as_bytes()))).collect();
    assert!(rows.len() > WINDOW);
    let got = walk(&field(3, &rows));
    assert_eq!(got.len(), 2000);
    assert_eq!(got[1999], "$.3.1.2|2|1|row 1999|2001");
    let long = "line of text\n".repeat(2000);
    let got = walk(&[field(3, &field(4, long.as_bytes())), field(5, b"after")].concat());
    let shown: String = got.iter().filter_map(|line| line.strip_prefix("$.3.4|4|3|")).collect();
    assert_eq!(shown.matches("line of text").count(), 2000);
    assert_eq!(got.last().unwrap(), "$.5|5||after|0");
}

#[test]
fn what_is_held_is_bounded() {
    let mut walker = Protobuf::default();
    let mut sink = Lines::default();
    let endless = [int(1 << 3 | 2), int(1 << 40)].concat();
    walker.feed(&endless, &mut sink);
    for _ in 0..1000 {
        walker.feed(&[0xff; 1000], &mut sink);
    }
    assert!(walker.held.capacity() <= 2 * WINDOW);
    walker.finish(&mut sink);
    // Each level is a message up to the end.
    let nest: Vec<u8> = (0..9000u64).flat_map(|n| [int(1 << 3 | 2), int((1 << 30) - n * 6)].concat()).collect();
    walker.feed(&nest, &mut sink);
    assert_eq!(walker.frames.len(), MAX_DEPTH);
    walker.finish(&mut sink);
    assert!(walker.frames.capacity() <= 2 * MAX_DEPTH);
}

#[test]
fn what_is_broken_or_cut_off_is_shown() {
    let whole = [field(1, b"name"), field(2, &[field(1, b"\x01inner text"), field(2, b"more text")].concat())].concat();
    let got = walk(&whole[..whole.len() - 4]);
    assert!(got.first().is_some_and(|line| line == "$.1|1||name|0"), "{got:?}");
    assert!(got.iter().any(|line| line.contains("inner text")), "{got:?}");
    assert!(got.last().unwrap().contains("more"), "{got:?}");
    let got = walk(b"\x0a\x04name\x07 what follows no tag");
    assert_eq!(got, ["$.1|1||name|0", "$||| what follows no tag|0"]);
}

#[test]
fn after_a_gap_text_is_shown_and_the_next_document_is_read() {
    let mut walker = Walker::new(Structure::Protobuf);
    let mut sink = Lines::default();
    walker.feed(&field(1, b"a name cut")[..8], &mut sink);
    walker.gap(&mut sink);
    walker.feed(b"e 13800138000\x12", &mut sink);
    walker.finish(&mut sink);
    walker.feed(&field(1, b"next"), &mut sink);
    walker.finish(&mut sink);
    assert_eq!(sink.0, ["$.1|1||a name|0", "$|||e 13800138000\u{12}|0", "$.1|1||next|1"]);
}

/// Messages within messages, and what is none.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..30),
        "[ -~\n]{0,60}".prop_map(String::into_bytes),
        any::<u64>().prop_map(|value| number(1, value)),
    ];
    leaf.prop_recursive(5, 60, 5, |inner| {
        proptest::collection::vec((1..20u64, inner), 1..5)
            .prop_map(|fields| fields.iter().flat_map(|(number, bytes)| field(*number, bytes)).collect())
    })
}

proptest! {
    #[test]
    fn the_cutting_changes_nothing(message in any_message(), tail in proptest::collection::vec(any::<u8>(), 0..9)) {
        walk(&[message, tail].concat());
    }

    #[test]
    fn any_bytes_and_gaps_are_walked(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6)) {
        let mut walker = Protobuf::default();
        let mut sink = Lines::default();
        for part in &parts {
            walker.feed(part, &mut sink);
            if part.len() % 3 == 0 {
                walker.gap(&mut sink);
            }
        }
        walker.finish(&mut sink);
    }
}
