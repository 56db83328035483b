//! The same text in every set, cut anywhere.

use encoding_rs::{EUC_KR, SHIFT_JIS, WINDOWS_1251};
use proptest::prelude::*;

use super::*;

const PEOPLE: &str = r#"{"code":0,"data":[{"姓名":"张三丰","手机号":"13912345678","身份证号":"110101199003074610","地址":"北京市海淀区中关村大街二十七号"}]}"#;
const TRADITIONAL: &str = r#"{"資料":[{"姓名":"張三豐","手機":"13912345678","地址":"臺北市信義區市府路一號"}]}"#;

fn run(content_type: Option<&str>, parts: &[&[u8]]) -> String {
    let mut charset = Charset::new(content_type);
    let mut out = Vec::new();
    for part in parts {
        charset.feed(part, &mut |text| out.extend_from_slice(text));
    }
    charset.finish(&mut |text| out.extend_from_slice(text));
    String::from_utf8_lossy(&out).into_owned()
}

/// The text that becomes of bytes, however they are cut.
fn read(content_type: Option<&str>, bytes: &[u8]) -> String {
    let whole = run(content_type, &[bytes]);
    for size in [1, 2, 3, 255, 256, 257, 1023, 1024, 1025] {
        let parts: Vec<&[u8]> = bytes.chunks(size).collect();
        assert_eq!(run(content_type, &parts), whole, "pieces of {size}");
    }
    whole
}

fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn long(text: &str) -> String {
    format!("{}{}", " ".repeat(900), text.repeat(40))
}

#[test]
fn utf_8_passes() {
    for text in ["", "plain", PEOPLE, TRADITIONAL, "café", "é", &long(PEOPLE), &long("naïve café ")] {
        for label in [None, Some("text/plain"), Some("text/plain; charset=utf-8"), Some("text/html;charset=ISO-8859-1")]
        {
            assert_eq!(read(label, text.as_bytes()), *text, "{label:?}");
        }
    }
    // Labels that are wrong.
    for label in ["text/plain; charset=GBK", "a/b; charset=big5", "a/b; charset=utf-16", "a/b; charset=shift_jis"] {
        assert_eq!(read(Some(label), PEOPLE.as_bytes()), PEOPLE, "{label}");
    }
    assert_eq!(read(None, b"\xEF\xBB\xBF{\"a\":1}"), "{\"a\":1}");
}

#[test]
fn chinese_sets_are_read_with_and_without_a_label() {
    let gb = GB18030.encode(PEOPLE).0;
    for label in [
        None,
        Some("application/json"),
        Some("a/b; Charset=\"GBK\""),
        Some("a/b;charset=gb2312"),
        Some("a/b;charset=utf-8"),
        Some("a/b; charset=iso-8859-1"),
    ] {
        assert_eq!(read(label, &gb), PEOPLE, "{label:?}");
    }
    let big5 = BIG5.encode(TRADITIONAL).0;
    for label in [None, Some("a/b; charset=Big5"), Some("a/b; charset=big5-hkscs")] {
        assert_eq!(read(label, &big5), TRADITIONAL, "{label:?}");
    }
    for text in [long(PEOPLE), "{\"name\":\"张鑫\"}".to_owned(), "姓名：李四，性别：男".to_owned()] {
        assert_eq!(read(None, &GB18030.encode(&text).0), text);
    }
    // Four bytes a character.
    let rare = "姓名：㐀㐁王，住址：北京市西城区㛃家胡同";
    assert_eq!(read(Some("text/plain; charset=gb18030"), &GB18030.encode(rare).0), rare);
}

#[test]
fn utf_16_is_read_with_mark_label_or_by_its_zeros() {
    for (bytes, mark, label) in [
        (u16::to_le_bytes as fn(u16) -> [u8; 2], &b"\xFF\xFE"[..], "utf-16le"),
        (u16::to_be_bytes as fn(u16) -> [u8; 2], &b"\xFE\xFF"[..], "utf-16be"),
    ] {
        for text in [PEOPLE, "{\"a\":1}", "张三😀a", &long(PEOPLE)] {
            let plain = wide(text, bytes);
            let marked = [mark, &plain].concat();
            assert_eq!(read(None, &marked), text);
            assert_eq!(read(Some("text/plain; charset=utf-8"), &marked), text);
            assert_eq!(read(Some(&format!("text/plain; charset={label}")), &plain), text);
            assert_eq!(read(Some("application/json; charset=utf-16"), &plain), text, "{label}");
            assert_eq!(read(None, &plain), text, "{label}");
        }
    }
}

#[test]
fn markup_declares_its_set() {
    let rest = "<p>".repeat(200);
    for page in [
        "<?xml version=\"1.0\" encoding=\"GBK\"?><a>囊模</a>".to_owned(),
        format!("<html>{rest}<meta http-equiv=Content-Type content=\"text/html; charset=gb2312\"><b>囊模</b>"),
        format!("  <!doctype html><html>{rest}<META charset = 'gbk' /><b>囊模</b>"),
    ] {
        // By themselves these characters are UTF-8, and Latin.
        assert_eq!(read(Some("text/html"), &GB18030.encode(&page).0), page);
    }
    let page = "<meta charset=\"utf-16\"><b>é</b>";
    assert_eq!(read(None, page.as_bytes()), page);
}

#[test]
fn other_sets() {
    assert_eq!(read(Some("text/plain"), b"Caf\xE9 d\xE9j\xE0 vu, 20\xB0C \x80 5"), "Café déjà vu, 20°C € 5");
    // What was little Latin does not decide about what follows.
    let mixed = [&b"caf\xE9 "[..], &b" ".repeat(2000), PEOPLE.as_bytes()].concat();
    assert!(read(None, &mixed).ends_with(PEOPLE));
    let japanese = "<html>テスト日本語";
    assert_eq!(read(Some("text/html; charset=Shift_JIS"), &SHIFT_JIS.encode(japanese).0), japanese);
    assert_eq!(read(Some("text/plain; charset=euc-kr"), &EUC_KR.encode("이름: 홍길동").0), "이름: 홍길동");
    assert_eq!(read(Some("text/plain; charset=windows-1251"), &WINDOWS_1251.encode("Привет мир").0), "Привет мир");
    assert_eq!(read(Some("text/plain; charset=iso-2022-jp"), b"a \x1b$B%F%9%H\x1b(B"), "a テスト");
    assert_eq!(read(Some("text/plain; charset=nonsense"), PEOPLE.as_bytes()), PEOPLE);
}

#[test]
fn what_is_no_text_passes_as_it_is() {
    let binary: Vec<u8> = (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let gb = GB18030.encode(PEOPLE).0;
    let pass = |label: &str, bytes: &[u8]| {
        let mut charset = Charset::new(Some(label));
        let mut out = Vec::new();
        charset.feed(bytes, &mut |bytes| out.extend_from_slice(bytes));
        charset.finish(&mut |bytes| out.extend_from_slice(bytes));
        out
    };
    assert_eq!(pass("application/octet-stream", &binary), binary);
    assert_eq!(pass("", b"\x0a\x05\xC8\xFD\xD5\xC5\x10\x01"), b"\x0a\x05\xC8\xFD\xD5\xC5\x10\x01");
    assert_eq!(pass("multipart/form-data; boundary=x", &gb), &*gb);
    assert_eq!(pass("application/grpc+proto", &gb), &*gb);
}

#[test]
fn after_a_gap_the_set_stays_and_characters_are_found_again() {
    let le = wide(&long(PEOPLE), u16::to_le_bytes);
    for lost in [100, 101] {
        let mut charset = Charset::new(None);
        let mut out = Vec::new();
        let (before, after) = (le.get(..3000).unwrap(), le.get(3000 + lost..).unwrap());
        charset.feed(before, &mut |text| out.extend_from_slice(text));
        charset.gap(&mut |text| out.extend_from_slice(text));
        charset.feed(after, &mut |text| out.extend_from_slice(text));
        charset.finish(&mut |text| out.extend_from_slice(text));
        assert!(String::from_utf8_lossy(&out).ends_with(PEOPLE), "{lost}");
    }
    let gb = GB18030.encode(PEOPLE).0;
    let mut charset = Charset::new(Some("a/b; charset=gbk"));
    let mut out = Vec::new();
    charset.feed(gb.get(..40).unwrap(), &mut |text| out.extend_from_slice(text));
    charset.gap(&mut |text| out.extend_from_slice(text));
    charset.feed(gb.get(60..).unwrap(), &mut |text| out.extend_from_slice(text));
    charset.finish(&mut |text| out.extend_from_slice(text));
    assert!(String::from_utf8_lossy(&out).ends_with("北京市海淀区中关村大街二十七号\"}]}"));
}

#[test]
fn short_texts() {
    assert_eq!(text(&GB18030.encode("姓名").0), "姓名");
    assert_eq!(text("姓名".as_bytes()), "姓名");
    assert_eq!(text(b"caf\xE9"), "caf\u{FFFD}");
    let bytes = GB18030.encode("a张㐀b").0;
    let all: Vec<(usize, String)> = characters(GB18030, &bytes).map(|(at, c)| (at, c.into_owned())).collect();
    assert_eq!(all, [(0, "a".into()), (1, "张".into()), (3, "㐀".into()), (7, "b".into())]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn cuts_change_nothing(
        start in prop::sample::select(vec!["", "<p>", "\u{FEFF}", "{\"a\":"]),
        middle in prop::collection::vec(any::<u8>(), 0..3000),
        cuts in prop::collection::vec(0usize..3000, 0..8),
        label in prop::sample::select(vec![None, Some("a/b; charset=gbk"), Some("a/b; charset=utf-16le"), Some("a/b;charset=utf-8")]),
    ) {
        let bytes = [start.as_bytes(), &middle].concat();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
        prop_assert_eq!(run(label, &parts), run(label, &[&bytes]));
    }
}
