//! HTML: what is shown, what stands in attributes, and what scripts carry, told apart by their paths.
//!
//! | path | what |
//! | --- | --- |
//! | `$` | text that is shown, with a tab for each run of tags, so that a label stays before its value |
//! | `$.table[*].<heading>` | cells of a table whose first row has headings only (`th`) |
//! | `$.@<name>` | attributes: `data-phone` as `phone`, the value of a field by the field's name or id |
//! | `$.@href.<parameter>` | parameters of links |
//! | `$.script.<name>…` | JSON of a script, or given to a variable in one |
//! | `$.script`, `$.style`, `$.comment` | the rest of scripts and style sheets; comments |
//!
//! Records are rows of tables, forms, and those of JSON.

use super::csv::column_name;
use super::decode::text;
use super::field::place;
use super::markup::{Markup, Tag, Token, resolved};
use super::nested::{Names, Value, may_nest};
use super::script::Script;
use super::{Form, Leaf, LeafKind, LeafSink, Look, Text};

/// Columns of a table that have a name.
const COLUMNS: usize = 64;
/// Longest heading, in bytes.
const HEADING: usize = 96;

/// Walks HTML.
pub struct Html {
    markup: Markup,
    walk: Walk,
}

struct Walk {
    shown: Text,
    style: Text,
    comment: Text,
    script: Script,
    is_script: bool,
    between: Between,
    /// Something was shown.
    begun: bool,
    table: Table,
    cell: Value,
    attribute: Value,
    path: String,
    records: u32,
    record: u32,
    rows: u32,
}

/// What stands between the last character shown and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Nothing,
    Space,
    Tags,
}

/// The table at hand.
#[derive(Default)]
struct Table {
    /// Tables within one another.
    depth: u32,
    headings: Vec<String>,
    /// Of the row at hand.
    next: Vec<Vec<u8>>,
    is_heading: bool,
    th: usize,
    td: usize,
    /// The cell at hand has a heading: its column.
    column: Option<usize>,
}

impl Default for Html {
    fn default() -> Html {
        let walk = Walk {
            shown: Text::default(),
            style: Text::at("$.style"),
            comment: Text::at("$.comment"),
            script: Script::default(),
            is_script: false,
            between: Between::Nothing,
            begun: false,
            table: Table::default(),
            cell: Value::default(),
            attribute: Value::default(),
            path: String::new(),
            records: 1,
            record: 0,
            rows: 0,
        };
        Html { markup: Markup::html(), walk }
    }
}

impl Html {
    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let Html { markup, walk } = self;
        markup.feed(bytes, &mut |token| walk.token(&token, sink));
    }

    /// The end.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        let Html { markup, walk } = self;
        markup.finish(&mut |token| walk.token(&token, sink));
        walk.finish(sink);
    }

    /// Bytes were lost: all that is open ends.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        let Html { markup, walk } = self;
        markup.gap(&mut |token| walk.token(&token, sink));
        walk.finish(sink);
        walk.table = Table::default();
    }

    /// Rows of tables so far that stood below headings.
    pub fn rows(&self) -> u32 {
        self.walk.rows
    }
}

impl Walk {
    fn token<S: LeafSink>(&mut self, token: &Token<'_>, sink: &mut S) {
        match token {
            Token::Text(bytes) => self.show(bytes, sink),
            Token::Raw(bytes) if self.is_script => self.script.feed(bytes, &mut self.records, sink),
            Token::Raw(bytes) => self.style.feed(bytes, sink),
            Token::Aside(bytes) => self.comment.feed(bytes, sink),
            Token::Open(tag) => {
                self.between = Between::Tags;
                self.open(tag, sink);
                if tag.has_attributes() {
                    self.attributes(tag, sink);
                }
            }
            Token::Close(name) => {
                self.between = Between::Tags;
                self.close(name, sink);
            }
        }
    }

    fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        self.end_cell(sink);
        self.script.end(&mut self.records, sink);
        self.script.finish(sink);
        self.shown.finish(sink);
        self.style.finish(sink);
        self.comment.finish(sink);
        (self.between, self.begun) = (Between::Nothing, false);
    }

    /// Text that is shown, its line breaks and what indents lines as one space.
    fn show<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let mut rest = bytes;
        loop {
            if self.between != Between::Nothing {
                rest = rest.trim_ascii_start();
                if rest.is_empty() {
                    return;
                }
                let is_tags = self.between == Between::Tags;
                self.between = Between::Nothing;
                if self.begun {
                    self.push(if is_tags { b"\t" } else { b" " }, sink);
                }
            }
            let at = memchr::memchr3(b'\n', b'\r', b'\t', rest);
            let (now, later) = rest.split_at(at.unwrap_or(rest.len()));
            if !now.is_empty() {
                self.begun = true;
                self.push(now, sink);
            }
            if at.is_none() {
                return;
            }
            self.between = Between::Space;
            rest = later;
        }
    }

    fn push<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        if self.table.is_heading
            && let Some(heading) = self.table.next.last_mut()
            && heading.len() < HEADING
        {
            heading.extend_from_slice(bytes.get(..(HEADING - heading.len()).min(bytes.len())).unwrap_or_default());
        }
        match self.table.column {
            Some(column) => self.with_cell(column, sink, |cell, names, records, sink| {
                // What stood before the cell is none of it.
                if !(cell.is_empty() && bytes.trim_ascii().is_empty()) {
                    cell.push(bytes, names, records, sink);
                }
            }),
            None => self.shown.feed(bytes, sink),
        }
    }

    fn with_cell<S: LeafSink>(
        &mut self,
        column: usize,
        sink: &mut S,
        with: impl FnOnce(&mut Value, &Names<'_>, &mut u32, &mut S),
    ) {
        let Walk { table, cell, path, records, record, .. } = self;
        let heading = table.headings.get(column).map(String::as_str).unwrap_or_default();
        let key = column_name(heading).unwrap_or(heading);
        path.clear();
        path.push_str("$.table[*].");
        path.push_str(place(key));
        with(cell, &Names { key, parent: "", path, record: *record }, records, sink);
    }

    fn open<S: LeafSink>(&mut self, tag: &Tag<'_>, sink: &mut S) {
        match known(tag.name) {
            Known::Script => {
                self.is_script = true;
                let media = tag.attribute("type").map(text).unwrap_or_default();
                let name = tag.attribute("id").map(text).unwrap_or_default();
                self.script.begin(media.contains("json"), &name, self.records);
            }
            Known::Style => self.is_script = false,
            Known::Form => self.new_record(),
            Known::Table => {
                self.end_row(sink);
                self.table.depth += 1;
                self.table.headings.clear();
            }
            Known::Row if self.table.depth == 1 => {
                self.end_row(sink);
                self.new_record();
            }
            Known::Heading if self.table.depth == 1 => {
                self.end_cell(sink);
                self.table.th += 1;
                if self.table.next.len() < COLUMNS {
                    self.table.next.push(Vec::new());
                    self.table.is_heading = true;
                }
            }
            Known::Cell if self.table.depth == 1 => {
                self.end_cell(sink);
                let Table { headings, th, td, column, .. } = &mut self.table;
                *column = Some(*td).filter(|at| *th == 0 && headings.get(*at).is_some_and(|name| !name.is_empty()));
                self.rows = self.rows.wrapping_add(u32::from(*td == 0 && column.is_some()));
                *td += 1;
            }
            _ => {}
        }
    }

    fn close<S: LeafSink>(&mut self, name: &[u8], sink: &mut S) {
        match known(name) {
            Known::Script => self.script.end(&mut self.records, sink),
            Known::Style => self.style.feed(b"\n", sink),
            Known::Table => {
                self.end_row(sink);
                self.table = Table { depth: self.table.depth.saturating_sub(1), ..Table::default() };
            }
            Known::Row if self.table.depth == 1 => self.end_row(sink),
            Known::Heading | Known::Cell if self.table.depth == 1 => self.end_cell(sink),
            _ => {}
        }
    }

    fn end_cell<S: LeafSink>(&mut self, sink: &mut S) {
        self.table.is_heading = false;
        let Some(column) = self.table.column else { return };
        if !self.cell.is_empty() {
            self.with_cell(column, sink, |cell, names, records, sink| cell.end(names, records, sink));
        }
        self.table.column = None;
    }

    fn end_row<S: LeafSink>(&mut self, sink: &mut S) {
        self.end_cell(sink);
        let Table { headings, next, th, td, .. } = &mut self.table;
        if *th > 0 && *td == 0 {
            *headings = next.iter().map(|heading| text(heading).trim().to_owned()).collect();
        }
        next.clear();
        (*th, *td) = (0, 0);
    }

    fn new_record(&mut self) {
        self.record = self.records;
        self.records = self.records.wrapping_add(1);
    }

    fn attributes<S: LeafSink>(&mut self, tag: &Tag<'_>, sink: &mut S) {
        // The name of a field, looked for once.
        let mut field: Option<Option<&[u8]>> = None;
        for (name, value) in tag.attributes() {
            let is_shape = matches!(name, b"class" | b"style" | b"d" | b"points" | b"transform" | b"viewBox");
            if is_shape || value.is_empty() {
                continue;
            }
            let value = resolved(value);
            let is_value = name.eq_ignore_ascii_case(b"value") || name.eq_ignore_ascii_case(b"content");
            let name = match name.get(..5) {
                Some(data) if data.eq_ignore_ascii_case(b"data-") => name.get(5..).unwrap_or_default(),
                // The value of a field is known by the field's name.
                _ if is_value => {
                    let named = || ["name", "id", "property"].iter().find_map(|wanted| tag.attribute(wanted));
                    field.get_or_insert_with(named).filter(|named| !named.is_empty()).unwrap_or(name)
                }
                _ => name,
            };
            // Names are put together for what is worth it: a value, or what may be a document.
            if !may_nest(&value) && value.len() <= super::PIECE && !sink.wants(name, &value, LeafKind::Text) {
                continue;
            }
            let name = text(name);
            if ["href", "src", "action"].iter().any(|url| name.eq_ignore_ascii_case(url)) {
                self.link(&name, &value, sink);
            } else {
                self.attribute(&name, &name, &value, sink);
            }
        }
    }

    fn attribute<S: LeafSink>(&mut self, key: &str, name: &str, value: &[u8], sink: &mut S) {
        if value.is_empty() {
            return;
        }
        let Walk { attribute, path, records, record, .. } = self;
        path.clear();
        path.push_str("$.@");
        path.push_str(place(name));
        attribute.whole(value, &Names { key, parent: "", path, record: *record }, records, sink);
    }

    /// A link: to somebody, or with parameters.
    fn link<S: LeafSink>(&mut self, name: &str, url: &[u8], sink: &mut S) {
        let (url, fragment) = url.split_at(memchr::memchr(b'#', url).unwrap_or(url.len()));
        let (path, query) = url.split_at(memchr::memchr(b'?', url).unwrap_or(url.len()));
        let scheme = path.iter().position(|byte| *byte == b':').and_then(|at| path.split_at_checked(at));
        match scheme {
            Some((scheme @ (b"tel" | b"sms" | b"mailto"), to)) => {
                let key = if scheme == b"mailto" { "mail" } else { "tel" };
                self.attribute(key, name, to.get(1..).unwrap_or_default(), sink);
            }
            _ => self.attribute("", name, path, sink),
        }
        // Single-page applications put their paths and parameters into the fragment.
        let (route, more) = fragment.split_at(memchr::memchr(b'?', fragment).unwrap_or(fragment.len()));
        self.attribute("", name, route, sink);
        for pairs in [query, more].into_iter().filter(|pairs| !pairs.is_empty()) {
            let mut form = Form::default();
            let mut below = Below { sink, path: format!("$.@{name}."), record: self.record };
            let length = below.path.len();
            form.feed(pairs.get(1..).unwrap_or_default(), &mut below);
            form.finish(&mut below);
            below.path.truncate(length);
        }
    }
}

/// Parameters under the path of their link.
struct Below<'a, S> {
    sink: &'a mut S,
    path: String,
    record: u32,
}

impl<S: LeafSink> LeafSink for Below<'_, S> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        let length = self.path.len();
        self.path.push_str(leaf.path);
        self.sink.leaf(&Leaf { path: &self.path, record: self.record, ..*leaf });
        self.path.truncate(length);
    }

    fn wants(&self, key: &[u8], value: &[u8], kind: LeafKind) -> bool {
        self.sink.wants(key, value, kind)
    }

    fn wants_under(&self, key: &[u8]) -> bool {
        self.sink.wants_under(key)
    }

    fn passes(&self, look: &Look, value: &[u8], kind: LeafKind) -> bool {
        self.sink.passes(look, value, kind)
    }
}

/// Elements that mean something here.
enum Known {
    Script,
    Style,
    Form,
    Table,
    Row,
    Heading,
    Cell,
    Other,
}

fn known(name: &[u8]) -> Known {
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
    match name.len() {
        2 if is("td") => Known::Cell,
        2 if is("tr") => Known::Row,
        2 if is("th") => Known::Heading,
        4 if is("form") => Known::Form,
        5 if is("table") => Known::Table,
        5 if is("style") => Known::Style,
        6 if is("script") => Known::Script,
        _ => Known::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Structure, testing::lines};

    fn check(input: &str, expected: &[&str]) {
        assert_eq!(lines(&Structure::Html, input.as_bytes()), expected, "{input}");
    }

    #[test]
    fn labels_stay_before_their_values() {
        check(
            "<html><table>\n <tr>\n  <td>手机</td>\n  <td> 139&#49;2345678 </td></tr></table>\n<p>姓名：<b>张三</b>\n  男</p>",
            &["$|||手机\t13912345678 \t姓名：\t张三\t男|0"],
        );
    }

    #[test]
    fn headings_name_the_cells_below() {
        check(
            "<table><thead><tr><th>姓名</th><th>手机(必填)</th></tr></thead><tr><td>张三</td><td><b>139</b></td><td>x</td></tr>\
             <tr><td> </td><td>138</table><table><tr><th>电话</th><td>137</td></tr></table>",
            &[
                "$.table[*].姓名|姓名||张三|2",
                "$.table[*].手机|手机||139|2",
                "$.table[*].手机|手机||138|3",
                "$|||姓名\t手机(必填)\tx\t电话\t137|0",
            ],
        );
    }

    #[test]
    fn attributes_have_names() {
        check(
            "<div data-phone=139 class=a><input type=\"hidden\" name=\"idCard\" value=\"110&amp;1\"><img alt='张三'>\
             <meta name=\"author\" content=\"李四\"><input id=mail value=x@y.cn data-row='{\"tel\":\"1\"}'>",
            &[
                "$.@phone|phone||139|0",
                "$.@type|type||hidden|0",
                "$.@name|name||idCard|0",
                "$.@idCard|idCard||110&1|0",
                "$.@alt|alt||张三|0",
                "$.@name|name||author|0",
                "$.@author|author||李四|0",
                "$.@id|id||mail|0",
                "$.@mail|mail||x@y.cn|0",
                "$.@row.tel|tel|row|1|1",
            ],
        );
    }

    #[test]
    fn links_have_parameters() {
        check(
            "<a href=\"mailto:li@corp.cn\">x</a><a href='tel:139'>y</a><a href='/u/7?phone=138&amp;n=%E5%BC%A0#/me?id=1'></a>",
            &[
                "$.@href|mail||li@corp.cn|0",
                "$.@href|tel||139|0",
                "$.@href|||/u/7|0",
                "$.@href|||#/me|0",
                "$.@href.phone|phone||138|0",
                "$.@href.n|n||张|0",
                "$.@href.id|id||1|0",
                "$|||x\ty|0",
            ],
        );
    }

    #[test]
    fn scripts_carry_json() {
        check(
            "<p>x</p><script id=\"__NEXT_DATA__\" type=\"application/json\">{\"props\":{\"phone\":\"139\"}}</script>\
             <script>window.__INITIAL_STATE__ = {\"user\":{\"tel\":\"1}\\\"\"}};var a=[{\"n\":\"b\"}],f=function(){return{}};</script>\
             <style>a{}</style><!-- c -->",
            &[
                "$.@id|id||__NEXT_DATA__|0",
                "$.@type|type||application/json|0",
                "$.script.__NEXT_DATA__.props.phone|phone|props|139|2",
                "$.script.__INITIAL_STATE__.user.tel|tel|user|1}\"|4",
                "$.script.a[*].n|n|a|b|6",
                "$.script|||window.__INITIAL_STATE__ = \n;var a=\n,f=function(){return{}};\n|0",
                "$|||x|0",
                "$.style|||a{}\n|0",
                "$.comment||| c \n|0",
            ],
        );
    }

    #[test]
    fn what_only_looks_like_json_is_script() {
        check(
            "<script>a==[\"x\"];b=>{\"y\"};c={ d:1};e= [ {\n f:2}];g={\"h\":\"i</script>",
            &["$.script.g.h|h|g|i|1", "$.script|||a==[\"x\"];b=>{\"y\"};c={ d:1};e= [ {\n f:2}];g=\n\n|0"],
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_walked(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            lines(&Structure::Html, &bytes);
        }

        #[test]
        fn any_markup_is_walked(
            text in "(<table>|</table>|<tr>|<th>|<td>|</td>|<a href='/x\\?a=1&b=2#c'>|<script>|</script>|x *= *[\\[{ ]{1,3}\"a\":1|[\\]}]|t| |\n|[<>&;\"'=!]){0,60}",
        ) {
            lines(&Structure::Html, text.as_bytes());
        }
    }
}
