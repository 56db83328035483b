//! Archives as common programs write them.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use proptest::prelude::*;

use crate::walk::{Kind, Structure, WalkAccounts, Walker, testing::Lines, testing::lines};

/// How an entry is written.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Stored,
    Deflated,
    /// Deflated, with its size after it.
    Streamed,
    Encrypted,
}

fn entry(name: &str, content: &[u8], how: How) -> Vec<u8> {
    let data = match how {
        How::Stored | How::Encrypted => content.to_vec(),
        How::Deflated | How::Streamed => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).expect("deflate");
            encoder.finish().expect("deflate")
        }
    };
    let (flags, size) = match how {
        How::Streamed => (8u16, 0u32),
        How::Encrypted => (1, data.len() as u32),
        _ => (0, data.len() as u32),
    };
    let method = if matches!(how, How::Deflated | How::Streamed) { 8u16 } else { 0 };
    let mut out = b"PK\x03\x04\x14\0".to_vec();
    out.extend(flags.to_le_bytes());
    out.extend(method.to_le_bytes());
    out.extend([0; 8]);
    out.extend(size.to_le_bytes());
    out.extend((if how == How::Streamed { 0 } else { content.len() as u32 }).to_le_bytes());
    out.extend((name.len() as u16).to_le_bytes());
    out.extend([0; 2]);
    out.extend(name.as_bytes());
    out.extend(&data);
    if how == How::Streamed {
        out.extend(b"PK\x07\x08\0\0\0\0");
        out.extend((data.len() as u32).to_le_bytes());
        out.extend((content.len() as u32).to_le_bytes());
    }
    out
}

fn zip(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), b"PK\x01\x02\x14\0and so on PK\x05\x06".to_vec()].concat()
}

/// What is walked, its rows, and what was passed over.
fn told(archive: &[u8]) -> (Kind, u32, WalkAccounts) {
    let mut walker = Walker::new(Structure::Zip);
    walker.feed(archive, &mut Lines::default());
    walker.finish(&mut Lines::default());
    (walker.kind(), walker.rows(), walker.accounts())
}

const SHEET: &str = r#"<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>3</v></c></row>
<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><v>1.3912345678E10</v></c></row><row r="3"><c r="B3" t="inlineStr"><is><t>186</t></is></c><c r="C3"><v>1.5</v></c></row></sheetData></worksheet>"#;
const TEXTS: &str = "<sst><si><t>姓名</t></si><si><r><t>手机</t></r><r><t>号</t></r></si><si><t>张三</t><rPh><t>x</t></rPh></si><si><t>分</t></si><si><t>unused</t></si></sst>";

#[test]
fn texts_of_a_workbook_come_before_or_after_its_sheets() {
    let texts = entry("xl/sharedStrings.xml", TEXTS.as_bytes(), How::Deflated);
    let sheet = entry("xl/worksheets/sheet1.xml", SHEET.as_bytes(), How::Streamed);
    let other = entry("[Content_Types].xml", b"<Types/>", How::Deflated);
    let expected = [
        "$.sheet1[*][0]|||姓名|0",
        "$.sheet1[*][1]|||手机号|0",
        "$.sheet1[*][2]|||分|0",
        "$.sheet1[*].姓名|姓名||张三|1",
        "$.sheet1[*].手机号|手机号||13912345678|1",
        "$.sheet1[*].手机号|手机号||186|2",
        "$.sheet1[*].分|分||1.5|2",
        "$.strings[*]|||unused|3",
    ];
    for parts in [[&other, &texts, &sheet], [&other, &sheet, &texts]] {
        let archive = zip(&parts.map(Clone::clone));
        assert_eq!(lines(&Structure::Zip, &archive), expected);
        let (kind, rows, accounts) = told(&archive);
        assert_eq!((kind, rows, accounts), (Kind::Sheet, 2, WalkAccounts { entries: 3, ..WalkAccounts::default() }));
    }
}

#[test]
fn entries_are_walked_as_what_they_are() {
    let inner = zip(&[entry("x.json", br#"{"tel":"1"}"#, How::Deflated), entry("y.zip", &zip(&[]), How::Stored)]);
    let gbk = encoding_rs::GBK.encode("姓名,手机\n张三,139\n").0.into_owned();
    let archive = zip(&[
        entry("dir/", b"", How::Stored),
        entry("a.csv", &gbk, How::Streamed),
        entry("b.png", b"\x89PNG 13912345678", How::Deflated),
        entry("c.txt", b"plain", How::Stored),
        entry("d.zip", &inner, How::Stored),
        entry("e.txt", b"secret", How::Encrypted),
    ]);
    assert_eq!(
        lines(&Structure::Zip, &archive),
        [
            "$.name|||a.csv|0",
            "$.file[*][0]|||姓名|1",
            "$.file[*][1]|||手机|1",
            "$.file[*].姓名|姓名||张三|1",
            "$.file[*].手机|手机||139|1",
            "$.name|||b.png|2",
            "$.name|||c.txt|3",
            "$.file|||plain|4",
            "$.name|||d.zip|5",
            "$.file.name|||x.json|6",
            "$.file.file.tel|tel||1|7",
            "$.file.name|||y.zip|8",
        ]
    );
    let (kind, _, accounts) = told(&archive);
    let expected = WalkAccounts { entries: 8, entries_encrypted: 1, entries_unread: 2, ..WalkAccounts::default() };
    assert_eq!((kind, accounts), (Kind::Archive, expected));
}

#[test]
fn files_among_technical_parts_and_entries_after_a_directory_are_read() {
    let archive = zip(&[
        entry("xl/styles.xml", b"<x>no</x>", How::Deflated),
        entry("xl/customers.csv", b"name,phone\nx,139\n", How::Deflated),
        entry("word/media/a.png", b"PNG", How::Stored),
    ]);
    let archive =
        [archive, entry("late.txt", b"late", How::Stored), entry("cut.txt", b"0123456789", How::Stored)].concat();
    let got = lines(&Structure::Zip, &archive[..archive.len() - 4]);
    assert!(got.contains(&"$.file[*].phone|phone||139|1".to_owned()), "{got:?}");
    assert_eq!(got[5..], ["$.name|||late.txt|2", "$.file|||late|3", "$.name|||cut.txt|4", "$.file|||012345|5"]);
    assert_eq!(told(&archive[..archive.len() - 4]).2.entries_cut, 1);
}

#[test]
fn archives_deeper_than_two_are_text_and_counted() {
    let deep = (0..3).fold(b"x".to_vec(), |inner, _| zip(&[entry("data", &inner, How::Stored)]));
    assert_eq!(told(&deep).2, WalkAccounts { entries: 2, entries_unread: 1, ..WalkAccounts::default() });
}

#[test]
fn archives_of_a_body_share_what_may_come_out() {
    // Each entry becomes some 290 times its size, each archive less than it may.
    let bomb = zip(&[entry("a", &[b"0".repeat(1 << 20)].concat(), How::Deflated)]);
    let parts: Vec<Vec<u8>> = (0..140).map(|n| entry(&format!("{n}.zip"), &bomb, How::Stored)).collect();
    let mut walker = Walker::new(Structure::Zip);
    walker.feed(&zip(&parts), &mut Lines::default());
    walker.finish(&mut Lines::default());
    assert!(walker.accounts().entries_over_limit > 10, "{:?}", walker.accounts());
}

#[test]
fn a_long_text_that_every_cell_repeats_is_told_a_few_times() {
    let cells = "<row>".to_owned() + &"<c t=\"s\"><v>0</v></c>".repeat(400) + "</row>";
    let archive = zip(&[
        entry("xl/sharedStrings.xml", format!("<si><t>{}</t></si>", "x".repeat(90_000)).as_bytes(), How::Stored),
        entry("xl/worksheets/sheet1.xml", cells.as_bytes(), How::Stored),
    ]);
    let mut walker = Walker::new(Structure::Zip);
    let mut leaves = Lines::default();
    walker.feed(&archive, &mut leaves);
    walker.finish(&mut leaves);
    assert!(leaves.0.iter().map(String::len).sum::<usize>() < 6 << 20);
    assert!(walker.accounts().cells_over_limit > 300);
}

#[test]
fn paragraphs_of_a_document() {
    let document = "<w:document><w:body><w:p><w:r><w:t>手机：139</w:t></w:r><w:r><w:t>12345678</w:t></w:r></w:p><w:tbl><w:tr><w:tc>\
        <w:p><w:r><w:t>姓名</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>张三</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>";
    let archive = zip(&[
        entry("word/styles.xml", b"<x>no</x>", How::Deflated),
        entry("word/document.xml", document.as_bytes(), How::Deflated),
    ]);
    assert_eq!(lines(&Structure::Zip, &archive), ["$.text|||手机：13912345678\n姓名\t张三\t\n|0"]);
    assert_eq!(told(&archive).0, Kind::Document);
}

#[test]
fn bombs_and_broken_entries_are_cut_and_counted() {
    let bomb = entry("bomb.txt", &vec![b'0'; 8 << 20], How::Deflated);
    let mut broken = entry("broken.txt", b"some text some text some text", How::Deflated);
    let end = broken.len();
    broken[end - 20..].fill(0xFF);
    let archive = zip(&[bomb, broken, entry("c.txt", b"after", How::Streamed)]);
    let mut walker = Walker::new(Structure::Zip);
    let mut leaves = Lines::default();
    walker.feed(&archive, &mut leaves);
    walker.finish(&mut leaves);
    assert!(leaves.0.iter().map(String::len).sum::<usize>() < 6 << 20);
    assert!(leaves.0.last().is_some_and(|line| line.contains("|after|")), "{:?}", leaves.0.last());
    let accounts = walker.accounts();
    assert_eq!((accounts.entries, accounts.entries_over_limit, accounts.entries_cut), (3, 1, 1));
}

#[test]
fn after_a_gap_the_next_entry_is_found() {
    let archive = zip(&[entry("a.txt", b"first content", How::Stored), entry("b.txt", b"second", How::Deflated)]);
    let mut walker = Walker::new(Structure::Zip);
    let mut leaves = Lines::default();
    walker.feed(&archive[..40], &mut leaves);
    walker.gap(&mut leaves);
    walker.feed(&archive[45..], &mut leaves);
    walker.finish(&mut leaves);
    assert_eq!(leaves.0, ["$.name|||a.txt|0", "$.file|||first|1", "$.name|||b.txt|2", "$.file|||second|3"]);
    assert_eq!(walker.accounts().entries_cut, 1);
}

#[test]
fn more_cells_than_may_wait_are_told_without_names() {
    let rows: String =
        (2..40_000).map(|row| format!("<row r=\"{row}\"><c t=\"s\"><v>1</v></c><c><v>{row}</v></c></row>")).collect();
    let sheet = format!("<row><c t=\"s\"><v>0</v></c></row>{rows}");
    let archive = zip(&[
        entry("xl/worksheets/sheet1.xml", sheet.as_bytes(), How::Deflated),
        entry("xl/sharedStrings.xml", b"<si><t>h</t></si><si><t>v</t></si>", How::Deflated),
    ]);
    let mut walker = Walker::new(Structure::Zip);
    let mut leaves = Lines::default();
    walker.feed(&archive, &mut leaves);
    walker.finish(&mut leaves);
    assert!(walker.accounts().cells_over_limit > 10_000);
    assert!(leaves.0.iter().any(|line| line.starts_with("$.strings[*]|||39999|")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_walked(bytes in prop::collection::vec(any::<u8>(), 0..200), streamed in any::<bool>()) {
        lines(&Structure::Zip, &bytes);
        let how = if streamed { How::Streamed } else { How::Deflated };
        let archive = zip(&[entry("xl/worksheets/sheet1.xml", &bytes, how), entry("a", &bytes, how)]);
        lines(&Structure::Zip, &archive);
    }

    #[test]
    fn broken_archives_are_walked(at in 0usize..400, byte in any::<u8>()) {
        let mut archive = zip(&[
            entry("xl/sharedStrings.xml", TEXTS.as_bytes(), How::Streamed),
            entry("xl/worksheets/sheet1.xml", SHEET.as_bytes(), How::Deflated),
        ]);
        let at = at % archive.len();
        archive[at] = byte;
        told(&archive);
    }
}
