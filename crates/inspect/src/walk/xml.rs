//! XML 1.0 and what passes for it, SOAP among it: texts of elements and attributes.
//!
//! Paths are written as those of JSON, names without the prefixes of their namespaces: `$.Envelope.Body.user.phone`,
//! attributes as `$.user.@phone`. Elements that repeat have no `[*]`: while the first passes by nobody knows of a
//! second. A record is the smallest element around that holds others, or has attributes. An element that says its name
//! (`<field name="phone">`, `<property name="phone" value="…"/>`) is named by it. XML in a text is walked under the
//! element's path. Comments are text at `$.comment`, and so is what a tag has beyond its first 16 KiB.

use super::decode::text;
use super::field::place;
use super::markup::{Markup, Tag, Token, local, resolved};
use super::nested::{Names, Value};
use super::sniff::{MarkupKind, markup_kind};
use super::{LeafSink, Text};

/// Nesting that is followed; deeper texts still are leaves, under the path of this depth.
pub const MAX_DEPTH: usize = 128;
/// Longest name that is kept.
const NAME: usize = 128;
/// White space within a text that is kept.
const SPACE: usize = 64;
/// Bytes of a text by which is told whether it is XML itself.
const PROBE: usize = 64;
/// Elements that are named by an attribute, and those attributes.
const SAYING: &[&str] =
    &["field", "property", "param", "parameter", "column", "attribute", "attr", "entry", "cell", "var"];
const SAID: &[&str] = &["name", "key", "field", "code", "column"];

/// Walks XML.
#[derive(Default)]
pub struct Xml {
    markup: Markup,
    walk: Walk,
}

struct Walk {
    /// The outermost is the document.
    frames: Vec<Frame>,
    /// Elements open beyond [`MAX_DEPTH`].
    excess: u64,
    /// Names of the open elements, one after another.
    names: String,
    path: String,
    records: u32,
    text: State,
    /// White space that belongs to the text if more follows.
    space: Vec<u8>,
    probe: Vec<u8>,
    value: Value,
    comment: Text,
    /// XML in a text; one level.
    inner: Option<Box<Xml>>,
    is_inner: bool,
}

/// The text of the element at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing but white space.
    #[default]
    None,
    /// It may be XML.
    Probe,
    Value,
    Inner,
}

#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// Where its name begins, and the path to it.
    name: usize,
    path: usize,
    /// Where the name it says begins.
    said: Option<usize>,
    record: Option<u32>,
}

impl Default for Walk {
    fn default() -> Walk {
        let mut walk = Walk {
            frames: Vec::new(),
            excess: 0,
            names: String::new(),
            path: String::new(),
            records: 0,
            text: State::None,
            space: Vec::new(),
            probe: Vec::new(),
            value: Value::default(),
            comment: Text::at("$.comment"),
            inner: None,
            is_inner: false,
        };
        walk.restart("$", "", 0);
        walk
    }
}

impl Xml {
    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let Xml { markup, walk } = self;
        markup.feed(bytes, &mut |token| walk.token(&token, sink));
    }

    /// The end.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        let Xml { markup, walk } = self;
        markup.finish(&mut |token| walk.token(&token, sink));
        walk.end_text(sink);
        walk.comment.finish(sink);
    }

    /// Bytes were lost: the text at hand ends; which elements are open is not known, so they stay.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        let Xml { markup, walk } = self;
        markup.gap(&mut |token| walk.token(&token, sink));
        walk.end_text(sink);
        walk.comment.finish(sink);
    }

    /// Elements so far that hold others or have attributes.
    pub fn records(&self) -> u32 {
        self.walk.records
    }
}

impl Walk {
    fn restart(&mut self, path: &str, name: &str, records: u32) {
        self.names.clear();
        self.names.push_str(name);
        self.path.clear();
        self.path.push_str(path);
        self.frames.clear();
        self.frames.push(Frame::default());
        self.excess = 0;
        self.records = records;
        self.text = State::None;
        self.space.clear();
    }

    fn token<S: LeafSink>(&mut self, token: &Token<'_>, sink: &mut S) {
        match token {
            Token::Open(tag) => {
                self.end_text(sink);
                self.open(tag, sink);
                if tag.is_empty {
                    self.close();
                }
            }
            Token::Close(name) => {
                self.end_text(sink);
                self.close_named(local(name));
            }
            Token::Text(bytes) | Token::Raw(bytes) => self.text(bytes, sink),
            Token::Aside(bytes) => self.comment.feed(bytes, sink),
        }
    }

    fn open<S: LeafSink>(&mut self, tag: &Tag<'_>, sink: &mut S) {
        if self.frames.len() > MAX_DEPTH {
            self.excess += 1;
            return self.attributes(tag, sink);
        }
        // What holds an element is a record.
        self.record_of(self.frames.len().saturating_sub(1));
        let mut frame = Frame { name: self.names.len(), path: self.path.len(), ..Frame::default() };
        let name = text(shortened(local(tag.name)));
        self.names.push_str(&name);
        self.path.push('.');
        self.path.push_str(place(&name));
        if tag.has_attributes() && is_one_of(SAYING, name.as_bytes()) {
            let said = tag.attributes().find(|(name, value)| is_one_of(SAID, name) && is_identifier(value));
            if let Some((_, said)) = said {
                frame.said = Some(self.names.len());
                let said = text(shortened(said));
                self.names.push_str(&said);
                self.path.push('.');
                self.path.push_str(place(&said));
            }
        }
        self.frames.push(frame);
        self.attributes(tag, sink);
    }

    fn attributes<S: LeafSink>(&mut self, tag: &Tag<'_>, sink: &mut S) {
        if !tag.has_attributes() {
            return;
        }
        for (name, value) in tag.attributes() {
            let is_technical = name.starts_with(b"xmlns") || name.starts_with(b"xsi:") || name.starts_with(b"xml:");
            if value.is_empty() || is_technical {
                continue;
            }
            let value = resolved(value);
            let last = self.frames.len().saturating_sub(1);
            let said = self.frames.last().and_then(|frame| frame.said);
            // What says its name is a value of the element around it.
            let record = self.record_of(if said.is_some() { last.saturating_sub(1) } else { last });
            let name = text(shortened(local(name)));
            let length = self.path.len();
            self.path.push_str(".@");
            self.path.push_str(place(&name));
            let frame = self.frames.last().copied().unwrap_or_default();
            let (key, parent) = match said {
                Some(said) if name.eq_ignore_ascii_case("value") => {
                    (self.names.get(said..).unwrap_or_default(), self.names.get(frame.name..said).unwrap_or_default())
                }
                said => (&*name, self.names.get(frame.name..said.unwrap_or(self.names.len())).unwrap_or_default()),
            };
            let names = Names { key, parent, path: &self.path, record };
            self.value.whole(value.trim_ascii(), &names, &mut self.records, sink);
            self.path.truncate(length);
        }
    }

    /// The record of a frame, which from now on is one.
    fn record_of(&mut self, index: usize) -> u32 {
        let Some(frame) = self.frames.get_mut(index) else { return 0 };
        *frame.record.get_or_insert_with(|| {
            self.records = self.records.wrapping_add(1);
            self.records.wrapping_sub(1)
        })
    }

    fn close(&mut self) {
        if self.excess > 0 {
            self.excess -= 1;
        } else if self.frames.len() > 1
            && let Some(frame) = self.frames.pop()
        {
            self.names.truncate(frame.name);
            self.path.truncate(frame.path);
        }
    }

    /// Closes the innermost element of that name and those in it; nothing if there is none.
    fn close_named(&mut self, name: &[u8]) {
        if self.excess > 0 {
            return self.close();
        }
        let name = text(shortened(name));
        let ends = self.frames.iter().skip(1).rev().scan(self.names.len(), |end, frame| {
            let name = self.names.get(frame.name..frame.said.unwrap_or(*end));
            *end = frame.name;
            Some(name)
        });
        let found = ends.enumerate().find(|(_, open)| *open == Some(&*name)).map(|(at, _)| at);
        for _ in 0..found.map_or(0, |at| at + 1) {
            self.close();
        }
    }

    fn text<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let mut bytes = bytes;
        if self.text == State::None {
            bytes = bytes.trim_ascii_start();
            match bytes.first() {
                None => return,
                Some(b'<') if !self.is_inner => self.text = State::Probe,
                Some(_) => self.text = State::Value,
            }
        }
        if self.text == State::Probe {
            let (now, later) = bytes.split_at(bytes.len().min(PROBE - self.probe.len().min(PROBE)));
            self.probe.extend_from_slice(now);
            if self.probe.len() < PROBE {
                return;
            }
            self.probed(sink);
            bytes = later;
        }
        self.more(bytes, sink);
    }

    /// Enough of the text to tell what it is.
    fn probed<S: LeafSink>(&mut self, sink: &mut S) {
        let probe = std::mem::take(&mut self.probe);
        if markup_kind(&probe) == Some(MarkupKind::Xml) {
            self.text = State::Inner;
            let record = self.records;
            let mut inner = self.inner.take().unwrap_or_default();
            inner.markup = Markup::default();
            inner.walk.restart(&self.path, self.key_and_parent().0, record);
            inner.walk.is_inner = true;
            self.inner = Some(inner);
        } else {
            self.text = State::Value;
        }
        self.more(&probe, sink);
        self.probe = probe;
        self.probe.clear();
    }

    /// Some of a text of which is known what it is.
    fn more<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        if let (State::Inner, Some(inner)) = (self.text, &mut self.inner) {
            return inner.feed(bytes, sink);
        }
        let mut rest = bytes;
        loop {
            let start = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            let (white, after) = rest.split_at(start);
            let room = SPACE - self.space.len().min(SPACE);
            self.space.extend_from_slice(white.get(..room.min(white.len())).unwrap_or_default());
            if after.is_empty() {
                return;
            }
            let (now, later) = after.split_at(up_to_space(after));
            let mut space = std::mem::take(&mut self.space);
            self.push(&space, sink);
            self.push(now, sink);
            space.clear();
            self.space = space;
            rest = later;
        }
    }

    /// The name of the element at hand, or what it says, and the one around it.
    fn key_and_parent(&self) -> (&str, &str) {
        let mut frames = self.frames.iter().rev();
        let Some(last) = frames.next() else { return ("", "") };
        match (last.said, frames.next()) {
            (Some(said), _) => {
                (self.names.get(said..).unwrap_or_default(), self.names.get(last.name..said).unwrap_or_default())
            }
            (None, Some(around)) => (
                self.names.get(last.name..).unwrap_or_default(),
                self.names.get(around.name..around.said.unwrap_or(last.name)).unwrap_or_default(),
            ),
            (None, None) => (self.names.get(last.name..).unwrap_or_default(), ""),
        }
    }

    fn push<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        if !bytes.is_empty() {
            self.with_value(sink, |value, names, records, sink| value.push(bytes, names, records, sink));
        }
    }

    fn with_value<S: LeafSink>(&mut self, sink: &mut S, with: impl FnOnce(&mut Value, &Names<'_>, &mut u32, &mut S)) {
        let record = self.record_of(self.frames.len().saturating_sub(2));
        let (mut value, mut records) = (std::mem::take(&mut self.value), self.records);
        let (key, parent) = self.key_and_parent();
        with(&mut value, &Names { key, parent, path: &self.path, record }, &mut records, sink);
        (self.value, self.records) = (value, records);
    }

    fn end_text<S: LeafSink>(&mut self, sink: &mut S) {
        if self.text == State::Probe {
            self.probed(sink);
        }
        match (std::mem::take(&mut self.text), &mut self.inner) {
            (State::Inner, Some(inner)) => {
                inner.finish(sink);
                self.records = inner.walk.records;
            }
            (State::Value, _) => self.with_value(sink, |value, names, records, sink| value.end(names, records, sink)),
            _ => {}
        }
        self.space.clear();
    }
}

/// Where the first white space begins that is longer than [`SPACE`], or that at the end.
fn up_to_space(bytes: &[u8]) -> usize {
    let is_space = |byte: &u8| byte.is_ascii_whitespace();
    // White space that is so long has a byte in each step.
    let mut at = SPACE;
    while let (Some(byte), Some((before, after))) = (bytes.get(at), bytes.split_at_checked(at)) {
        if is_space(byte) {
            let start = before.iter().rposition(|byte| !is_space(byte)).map_or(0, |last| last + 1);
            let end = after.iter().position(|byte| !is_space(byte)).map_or(bytes.len(), |first| at + first);
            if end - start > SPACE {
                return start;
            }
            at = end;
        }
        at += SPACE;
    }
    bytes.trim_ascii_end().len()
}

fn shortened(name: &[u8]) -> &[u8] {
    name.get(..NAME).unwrap_or(name)
}

fn is_one_of(list: &[&str], name: &[u8]) -> bool {
    list.iter().any(|one| name.eq_ignore_ascii_case(one.as_bytes()))
}

/// Whether this is a name and no value: what it says becomes a part of the path.
fn is_identifier(value: &[u8]) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    value.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') && value.iter().all(is_word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Structure, testing::lines};

    fn check(input: &str, expected: &[&str]) {
        assert_eq!(lines(&Structure::Xml, input.as_bytes()), expected, "{input}");
    }

    #[test]
    fn elements_have_paths_names_and_records() {
        check(
            "<?xml version=\"1.0\"?>\n<soap:Envelope xmlns:soap=\"x\"><soap:Body>\n <users>\n  <user id=\"7\"><phone> 139&#49;1 </phone>\
             <n>张三</n></user><user><phone>138</phone><!-- x --></user></users></soap:Body></soap:Envelope>",
            &[
                "$.Envelope.Body.users.user.@id|id|user|7|4",
                "$.Envelope.Body.users.user.phone|phone|user|13911|4",
                "$.Envelope.Body.users.user.n|n|user|张三|4",
                "$.Envelope.Body.users.user.phone|phone|user|138|5",
                "$.comment||| x \n|0",
            ],
        );
    }

    #[test]
    fn elements_that_say_their_names() {
        check(
            "<row><field name=\"phone\">139</field><property name='idCard' value='110'/><item name=\"x\">y</item></row>",
            &[
                "$.row.field.phone.@name|name|field|phone|1",
                "$.row.field.phone|phone|field|139|1",
                "$.row.property.idCard.@name|name|property|idCard|1",
                "$.row.property.idCard.@value|idCard|property|110|1",
                "$.row.item.@name|name|item|x|2",
                "$.row.item|item|row|y|1",
            ],
        );
    }

    #[test]
    fn xml_and_json_in_a_text() {
        check(
            "<r><return>&lt;?xml version=\"1.0\"?&gt;&lt;user&gt;&lt;phone&gt;139&lt;/phone&gt;&lt;/user&gt;</return>\
             <d><![CDATA[<man><tel>1</tel></man>]]></d><j><![CDATA[{\"tel\":\"138\"}]]></j><h>&lt;b&gt;bold&lt;/b&gt;</h></r>",
            &[
                "$.r.return.user.phone|phone|user|139|3",
                "$.r.d.man.tel|tel|man|1|5",
                "$.r.j.tel|tel|j|138|6",
                "$.r.h|h|r|<b>bold</b>|1",
            ],
        );
    }

    #[test]
    fn broken_and_cut_input_still_gives_leaves() {
        check("<a><b>1</x></b><c>2</a><d>3<e", &["$.a.b|b|a|1|1", "$.a.c|c|a|2|1", "$.d|d||3|0"]);
        check("13800138000", &["$|||13800138000|0"]);
        let deep = format!("{}deep{}<x>after</x>", "<a>".repeat(5000), "</a>".repeat(5000));
        let got = lines(&Structure::Xml, deep.as_bytes());
        assert!(got.len() == 2 && got[0].contains("|deep|") && got[1].starts_with("$.x|x||after|"), "{got:?}");
    }

    #[test]
    fn names_that_are_said_are_shortened_and_long_white_space_is_cut_anywhere() {
        let got = lines(&Structure::Xml, format!("<field name=\"{}\">1</field>", "a".repeat(9000)).as_bytes());
        assert!(got.last().is_some_and(|line| line.len() < 400 && line.contains("aaa|field|1|")), "{got:?}");
        let input = format!("<a> x{}y{}z {} </a>", " ".repeat(64), " ".repeat(65), " ".repeat(99));
        let space = " ".repeat(64);
        check(&input, &[&format!("$.a|a||x{space}y{space}z|0")]);
    }

    #[test]
    fn comments_and_the_rest_of_long_tags_are_text() {
        let input = format!("<a><!--tel 139--><b c=\"{}\" d=\"138\">e</b></a>", "x".repeat(17 << 10));
        let got = lines(&Structure::Xml, input.as_bytes());
        let comment: Vec<&String> = got.iter().filter(|line| line.starts_with("$.comment|")).collect();
        assert!(comment.iter().any(|line| line.contains("tel 139")), "{comment:?}");
        assert!(comment.iter().any(|line| line.contains("d=\"138\"")), "{comment:?}");
    }

    #[test]
    fn long_texts_come_in_pieces() {
        let got = lines(&Structure::Xml, format!("<a>{}</a>", "word, &amp; ".repeat(3000)).as_bytes());
        assert!(got.len() >= 3 && got[0].starts_with("$.a|a||word, & word"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_walked(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            lines(&Structure::Xml, &bytes);
        }

        #[test]
        fn any_markup_is_walked(text in "(<a>|</a>|<b x=\"1\">|</b>|<field name='k'>|&lt;|<!--|-->|<!\\[CDATA\\[|\\]\\]>|t| |[<>&;\"'=?!]){0,60}") {
            lines(&Structure::Xml, text.as_bytes());
        }
    }
}
