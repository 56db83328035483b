//! Files as common programs write them.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;

use crate::walk::{Structure, Walker, testing::Lines, testing::lines};

fn zlib(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("zlib");
    encoder.finish().expect("zlib")
}

fn object(number: u32, dictionary: &str, stream: Option<&[u8]>) -> Vec<u8> {
    let mut out = format!("{number} 0 obj\n<<{dictionary}>>\n").into_bytes();
    if let Some(stream) = stream {
        out.extend_from_slice(b"stream\r\n");
        out.extend_from_slice(stream);
        out.extend_from_slice(b"\nendstream\n");
    }
    out.extend_from_slice(b"endobj\n");
    out
}

fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    [b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n".to_vec(), objects.concat(), b"trailer\n%%EOF".to_vec()].concat()
}

#[test]
fn plain_and_deflated_pages() {
    let first = "BT /F1 12 Tf 72 700 Td (Name: Zhang \\(San\\)) Tj 0 -14 Td [(Phone: 139) -20 (1234) -300 (5678)] TJ T* (x\\101) ' ET";
    let second = zlib("BT /F1 9 Tf (second page) Tj ET");
    let file = pdf(&[
        object(1, "/Type /Catalog /Pages 2 0 R", None),
        object(3, &format!("/Length {}", first.len()), Some(first.as_bytes())),
        object(4, &format!("/Length {} /Filter /FlateDecode", second.len()), Some(&second)),
        object(5, "/Type /XObject /Subtype /Image /Length 4", Some(b"BT(x")),
    ]);
    assert_eq!(lines(&Structure::Pdf, &file), ["$|||Name: Zhang (San)\nPhone: 1391234 5678\nxA\nsecond page\n|0"]);
}

#[test]
fn tables_say_which_characters_codes_are() {
    let page =
        zlib("BT /F7 10 Tf 1 0 0 1 10 700 Tm <00010002> Tj 1 0 0 1 20 700 Tm <0010> Tj 1 0 0 1 30 700 Tm <0011> Tj ET");
    let table = "/CIDInit begincmap 2 beginbfchar <0001> <5F20> <0002><4E09> endbfchar 1 beginbfrange <0010> <0012> <0031> endbfrange endcmap";
    let file = pdf(&[
        object(3, "/Length 9 0 R /Filter[/FlateDecode]", Some(&page)),
        object(9, "", None),
        object(4, "/Font <</F7 5 0 R>>", None),
        object(5, "/Type /Font /Subtype /Type0 /ToUnicode 6 0 R", None),
        object(6, "", Some(table.as_bytes())),
    ]);
    assert_eq!(lines(&Structure::Pdf, &file), ["$|||张三 12\n|0"]);
}

#[test]
fn fonts_of_utf16_and_objects_in_streams() {
    let objects = zlib("5 0 6 20 <</Font<</F1 6 0 R>>>> <</Type/Font/Encoding/UniGB-UCS2-H>>");
    let file = pdf(&[
        object(3, "", Some(b"BT /F1 1 Tf <5F204E09> Tj ET")),
        object(8, &format!("/Type/ObjStm/N 2/First 8/Filter/FlateDecode/Length {}", objects.len()), Some(&objects)),
    ]);
    assert_eq!(lines(&Structure::Pdf, &file), ["$|||张三\n|0"]);
}

#[test]
fn what_is_not_read_is_counted() {
    let bomb = zlib(&format!("BT (a) Tj {}", " ".repeat(3 << 20)));
    let file = pdf(&[
        object(1, "/Filter /LZWDecode", Some(b"BT (x) Tj")),
        object(2, "/Filter /FlateDecode /Length 8", Some(b"no zlib!")),
        object(3, &format!("/Filter /FlateDecode /Length {}", bomb.len()), Some(&bomb)),
        object(4, "/Length 9", Some(b"BT (z) Tj")),
    ]);
    let mut walker = Walker::new(Structure::Pdf);
    let mut leaves = Lines::default();
    walker.feed(&file, &mut leaves);
    assert_eq!(walker.accounts().streams_unread, 3);
    walker.finish(&mut leaves);
    assert_eq!(leaves.0, ["$|||a\nz\n|0"]);
}

#[test]
fn objects_that_lie_upon_one_another_are_read_once() {
    let index = "1 0 1 190000 ".repeat(20_000);
    let objects = format!("{index}<<{}>>", "/F1 6 0 R ".repeat(19_000));
    let file = pdf(&[object(8, &format!("/Type/ObjStm/Length {}", objects.len()), Some(objects.as_bytes()))]);
    let begun = std::time::Instant::now();
    let mut walker = Walker::new(Structure::Pdf);
    walker.feed(&file, &mut Lines::default());
    walker.finish(&mut Lines::default());
    assert_eq!(walker.accounts().streams_unread, 1);
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
}

#[test]
fn a_stream_that_is_open_at_the_end_is_counted() {
    let file = pdf(&[object(3, "/Length 900", Some(b"BT (a) Tj"))]);
    let mut walker = Walker::new(Structure::Pdf);
    walker.feed(&file, &mut Lines::default());
    walker.finish(&mut Lines::default());
    assert_eq!(walker.accounts().streams_unread, 1);
}

#[test]
fn objects_beyond_what_is_kept_are_cut_at_the_same_places() {
    let file = pdf(&[
        object(1, &format!("/A ({})", "x /F1 5 0 R ".repeat(1500)), None),
        object(2, "", Some(b"BT /F1 1 Tf (a) Tj ET")),
    ]);
    lines(&Structure::Pdf, &file);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_walked(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        lines(&Structure::Pdf, &bytes);
    }

    #[test]
    fn any_objects_are_walked(
        text in "(1 0 obj|<<|>>|/Length 5 |/FlateDecode|/ToUnicode 1 0 R|stream\n|endstream|endobj|BT|\\(a\\)|<41>|Tj|begincmap|beginbfchar <01> <41>|beginbfrange <01> <05> \\[<41>\\]| |x){0,60}",
    ) {
        lines(&Structure::Pdf, text.as_bytes());
    }
}
