//! JSON and what passes for it.

use super::*;
use crate::walk::{Structure, testing::lines};

fn check(input: &str, expected: &[&str]) {
    assert_eq!(lines(&Structure::Json, input.as_bytes()), expected, "{input}");
}

#[test]
fn leaves_have_paths_names_and_records() {
    check(
        r#" {"code":0,"data":{"list":[{"id":1,"tel":"138"},{"tel":"139","ok":true}],"p":["x","y"]}}"#,
        &[
            "$.code|code||0|0",
            "$.data.list[*].id|id|list|1|2",
            "$.data.list[*].tel|tel|list|138|2",
            "$.data.list[*].tel|tel|list|139|3",
            "$.data.list[*].ok|ok|list|true|3",
            "$.data.p[*]|p|data|x|1",
            "$.data.p[*]|p|data|y|1",
        ],
    );
    check(r#"[["a",1],["b",2]]"#, &["$[*][*]|||a|1", "$[*][*]|||1|1", "$[*][*]|||b|2", "$[*][*]|||2|2"]);
}

#[test]
fn escapes_surrogates_and_bad_escapes() {
    check(
        r#"{"a\u0062":"\u5f20\u4e09 \ud83d\ude00 \/ \n","x":"\ud83d!","y":"\u12g","z":"\q"}"#,
        &["$.ab|ab||张三 😀 / \n|0", "$.x|x||\u{FFFD}!|0", "$.y|y||\u{FFFD}g|0", "$.z|z||q|0"],
    );
}

#[test]
fn several_values_calls_and_scalars() {
    check("{\"a\":1}\n{\"a\":2}\n", &["$.a|a||1|0", "$.a|a||2|1"]);
    check("/**/cb_1([{\"a\":\"b\"}]);", &["$|||/**/cb_1|0", "$[*].a|a||b|2"]);
    check("13800138000", &["$|||13800138000|0"]);
}

#[test]
fn truncated_and_broken_input_still_gives_leaves() {
    check(r#"{"a":"x","b":{"c":"unfini"#, &["$.a|a||x|0", "$.b.c|c|b|unfini|1"]);
    check(r#"{"a":1 "b":2}}}]{"c":3}"#, &["$.a|a||1|0", "$.b|b||2|0", "$.c|c||3|1"]);
    check(r#"{a:'x',"b":[1,2},"c":3"#, &["$.a|a||'x'|0", "$.b[*]|b||1|0", "$.b[*]|b||2|0", "$|||c|1", "$|||3|2"]);
    check("\u{FEFF}{\"a\":nul", &["$|||\u{FEFF}|0", "$.a|a||nul|1"]);
}

#[test]
fn json_in_a_string_is_walked() {
    check(
        r#"{"data":"{\"tel\":\"138\",\"in\":\"{\\\"x\\\":1}\"}","n":1}"#,
        &["$.data.tel|tel|data|138|1", "$.data.in.x|x|in|1|2", "$.n|n||1|0"],
    );
}

#[test]
fn keys_that_are_values_do_not_become_paths() {
    check(r#"{"13800138000":{"n":"x"}}"#, &["$.*|||13800138000|0", "$.*.n|n|13800138000|x|1"]);
}

#[test]
fn deep_nesting_is_bounded_and_values_below_are_seen() {
    let input = format!("{}\"deep\"{},\"after\"", "[".repeat(5000), "]".repeat(4999));
    let leaves = lines(&Structure::Json, input.as_bytes());
    assert!(leaves.len() == 2 && leaves[0].contains("|deep|") && leaves[1].starts_with("$[*]|"), "{leaves:?}");
}

#[test]
fn long_strings_come_in_pieces() {
    let input = format!(r#"{{"a":"{}","b":"c"}}"#, "word, \\u4e00".repeat(3000));
    let leaves = lines(&Structure::Json, input.as_bytes());
    assert!(leaves.len() >= 4 && leaves[0].starts_with("$.a|a||word") && leaves.last().unwrap() == "$.b|b||c|0");
}

#[test]
fn after_a_gap_it_finds_its_feet() {
    let mut json = Json::default();
    let mut leaves = crate::walk::testing::Lines::default();
    json.feed(br#"{"list":[{"a":"x","b":"hal"#, &mut leaves);
    json.gap(&mut leaves);
    json.feed(br#"f","a":"y"},{"a":"z"}]}"#, &mut leaves);
    json.finish(&mut leaves);
    assert_eq!(leaves.0[1..], ["$.list[*].b|b|list|hal|1", "$.list[*].a|a|list|y|1", "$.list[*].a|a|list|z|2"]);
}
