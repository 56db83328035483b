//! For `inspect`: contents of every structure, with invented people in them.

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    let json = r#"{"data":{"list":[{"name":"王小明","phone":"13812345678","idCard":"11010519491231002X"},{"mail":"a@b.example","n":1.5e3,"s":"\u4e2d\ud83d\ude00\n"}],"ok":true},"token":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}"#;
    let form = "user=alice&password=p%40ss+word&phone=138%2012345678&x=%E4%B8%AD&card=6222021234567890128";
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
                     13812345678\r\n--b\r\nContent-Disposition: form-data; name=\"g\"\r\n\r\n{\"a\":1}\r\n--b--\r\n";
    let protobuf = "\n\u{b}13812345678\u{12}\u{c}\n\u{4}name\u{10}\u{1}\u{1a}\u{2}ab\u{18}\u{5}";
    let text = "name,phone\nalice,13812345678\nbob,139-1234-5678\n<a href=\"mailto:bob@b.example\">&#49;38</a>";
    let gbk: &[u8] = b"<p>\xcd\xf5\xd0\xa1\xc3\xf7 13812345678</p>";
    let utf16: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let events = "event: a\ndata: {\"phone\":\"13812345678\"}\n\ndata: b\ndata: c\n\n";
    let grpc = "\0\0\0\0\u{d}\n\u{b}13812345678\0\0\0\0\u{4}\n\u{2}ab";
    let xml = "<a><!--c--><user id=\"1\"><field name=\"phone\">13812345678</field></user><b><![CDATA[<x><y>1</y></x>]]></b></a>";
    let csv = "name,phone\nalice,13812345678\n\"b\"\"ob\",\"{\"\"a\"\":1}\"\n";
    let html =
        "<table><tr><th>phone<tr><td>138</table><?x><!y [><script>a={\"b\":1};</script><a href='/x?phone=138#y'>z</a>";
    let zip = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0\x09\0\0\0\x05\0\0\0a.csva,b\n1,2\n3PK\x01\x02";
    let pdf = "%PDF-1.4\n3 0 obj<</Length 29>>stream\nBT /F1 1 Tf (13812345678) Tj ET\nendstream endobj 4 0 obj<</Font<</F1 5 0 R>>>>endobj";
    let all: [(&str, u8, &[u8]); 14] = [
        ("json", 0, json.as_bytes()),
        ("form", 1, form.as_bytes()),
        ("multipart", 2, multipart.as_bytes()),
        ("protobuf", 3, protobuf.as_bytes()),
        ("text", 4, text.as_bytes()),
        ("gbk", 5, gbk),
        ("utf16", 6, &utf16),
        ("grpc", 10, grpc.as_bytes()),
        ("events", 11, events.as_bytes()),
        ("xml", 12, xml.as_bytes()),
        ("html", 13, html.as_bytes()),
        ("csv", 16, csv.as_bytes()),
        ("zip", 17, zip),
        ("pdf", 18, pdf.as_bytes()),
    ];
    let mut seeds = Vec::new();
    for (name, kind, body) in all {
        seeds.push((format!("{name}-answer"), [&[1, kind, 5], body].concat()));
        let walk: &[u8] = match kind {
            0..5 => &[kind << 1, 5],
            12 => &[5 << 1, 5],
            13 => &[7 << 1, 5],
            16 => &[6 << 1, 5],
            17 => &[8 << 1, 5],
            18 => &[9 << 1, 5],
            _ => &[15 << 1, 5, kind],
        };
        seeds.push((format!("{name}-walk"), [walk, body].concat()));
    }
    seeds
}
