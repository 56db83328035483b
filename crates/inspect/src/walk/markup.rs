//! Tags and text of XML 1.0 and HTML, as they stand in the bytes. Well-formed or not, everything comes out as one or
//! the other.
//!
//! ```text
//!         &            ;
//! Text ──────> Entity ───> Text
//!  ▲ │ <             letter or slash          >
//!  │ └─────> Less ─────────────────────> Tag ───> Text, or Until(`</script`)
//!  │          │ `!--`  `![CDATA[`  `?`
//!  └──────────┴──> Bang ──> Until(`-->`, `]]>`, `?>`)
//! ```

use std::borrow::Cow;

/// Longest tag that is read as one; the rest of a longer one is what [`Token::Aside`] is.
const TAG: usize = 16 << 10;
/// Longest entity, without its ampersand.
const ENTITY: usize = 10;
/// What begins a section of characters, after `<!`.
const CDATA: &[u8] = b"[CDATA[";

/// What comes out.
pub(super) enum Token<'a> {
    /// A start tag, or an empty one.
    Open(Tag<'a>),
    /// An end tag, by its name.
    Close(&'a [u8]),
    /// Some text, with entities resolved.
    Text(&'a [u8]),
    /// Some text of a script or a style sheet.
    Raw(&'a [u8]),
    /// Some of a comment, or of a tag that is too long; a line feed at its end.
    Aside(&'a [u8]),
}

/// A start tag.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    pub name: &'a [u8],
    /// It has no content, says its slash.
    pub is_empty: bool,
    attributes: &'a [u8],
}

/// Splits markup. Holds [`TAG`] bytes at most.
#[derive(Default)]
pub(super) struct Markup {
    state: State,
    is_html: bool,
    held: Vec<u8>,
    /// The quote that is open in the tag at hand.
    quote: Option<u8>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Entity,
    Less,
    Tag,
    /// The rest of a tag that is too long, or what HTML takes for a comment.
    LongTag,
    Bang,
    /// A declaration, with so many brackets open.
    Declaration(u8),
    /// Up to these bytes, so many of which came.
    Until(&'static [u8], usize),
}

const COMMENT_END: &[u8] = b"-->";
const CDATA_END: &[u8] = b"]]>";
const INSTRUCTION_END: &[u8] = b"?>";
const SCRIPT_END: &[u8] = b"</script";
const STYLE_END: &[u8] = b"</style";

impl Markup {
    /// For HTML, whose scripts and style sheets have no markup within.
    pub fn html() -> Markup {
        Markup { is_html: true, ..Markup::default() }
    }

    /// The next bytes.
    pub fn feed(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Token<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Text => self.text(rest, emit),
                State::Entity => self.entity(rest, emit),
                State::Less => self.less(rest, emit),
                State::Tag => self.tag(rest, emit),
                State::LongTag => {
                    let at = memchr::memchr(b'>', rest);
                    let (aside, after) = rest.split_at(at.unwrap_or(rest.len()));
                    emit(Token::Aside(aside));
                    if at.is_some() {
                        emit(Token::Aside(b"\n"));
                        self.state = State::Text;
                    }
                    after.get(1..).unwrap_or_default()
                }
                State::Bang => self.bang(rest),
                State::Declaration(open) => self.declaration(rest, open),
                State::Until(end, seen) => self.until(rest, end, seen, emit),
            };
        }
    }

    /// The end: what is open comes out as it is.
    pub fn finish(&mut self, emit: &mut dyn FnMut(Token<'_>)) {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Entity => emit(Token::Text(&held)),
            State::Tag => self.end_tag(&held, emit),
            State::Less => emit(Token::Text(b"<")),
            _ => {}
        }
        self.state = State::Text;
        self.quote = None;
    }

    /// Bytes were lost: a script goes on, all else is text.
    pub fn gap(&mut self, emit: &mut dyn FnMut(Token<'_>)) {
        let state = self.state;
        self.finish(emit);
        if let State::Until(end @ (SCRIPT_END | STYLE_END), _) = state {
            self.state = State::Until(end, 0);
        }
    }

    fn text<'a>(&mut self, bytes: &'a [u8], emit: &mut dyn FnMut(Token<'_>)) -> &'a [u8] {
        let at = memchr::memchr2(b'<', b'&', bytes).unwrap_or(bytes.len());
        let (text, rest) = bytes.split_at(at);
        if !text.is_empty() {
            emit(Token::Text(text));
        }
        match rest.first() {
            Some(b'<') => {
                self.state = State::Less;
                rest.get(1..).unwrap_or_default()
            }
            Some(_) => {
                self.state = State::Entity;
                self.held.clear();
                self.held.push(b'&');
                rest.get(1..).unwrap_or_default()
            }
            None => rest,
        }
    }

    fn entity<'a>(&mut self, bytes: &'a [u8], emit: &mut dyn FnMut(Token<'_>)) -> &'a [u8] {
        let (byte, rest) = bytes.split_first().unwrap_or((&b';', &[]));
        if (byte.is_ascii_alphanumeric() || *byte == b'#') && self.held.len() <= ENTITY {
            self.held.push(*byte);
            return rest;
        }
        self.state = State::Text;
        let held = std::mem::take(&mut self.held);
        let known = if *byte == b';' { character(held.get(1..).unwrap_or_default()) } else { None };
        match known {
            Some(known) => emit(Token::Text(known.encode_utf8(&mut [0; 4]).as_bytes())),
            None => emit(Token::Text(&held)),
        }
        self.held = held;
        self.held.clear();
        if known.is_some() { rest } else { bytes }
    }

    fn less<'a>(&mut self, bytes: &'a [u8], emit: &mut dyn FnMut(Token<'_>)) -> &'a [u8] {
        self.held.clear();
        match bytes.first() {
            Some(b'!') => {
                self.state = State::Bang;
                bytes.get(1..).unwrap_or_default()
            }
            Some(b'?') => {
                // In HTML this is a comment up to the next bracket (section 13.2.5.6, `bogus comment`).
                self.state = if self.is_html { State::LongTag } else { State::Until(INSTRUCTION_END, 0) };
                bytes.get(1..).unwrap_or_default()
            }
            Some(byte) if byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'_' | 0x80..) => {
                self.state = State::Tag;
                self.quote = None;
                bytes
            }
            _ => {
                self.state = State::Text;
                emit(Token::Text(b"<"));
                bytes
            }
        }
    }

    fn tag<'a>(&mut self, bytes: &'a [u8], emit: &mut dyn FnMut(Token<'_>)) -> &'a [u8] {
        let room = TAG - self.held.len().min(TAG);
        let within = bytes.get(..room.min(bytes.len())).unwrap_or(bytes);
        let mut at = 0;
        let end = loop {
            let after = within.get(at..).unwrap_or_default();
            match self.quote {
                Some(quote) => match memchr::memchr(quote, after) {
                    Some(found) => {
                        self.quote = None;
                        at += found + 1;
                    }
                    None => break None,
                },
                None => match memchr::memchr3(b'>', b'"', b'\'', after) {
                    Some(found) if after.get(found) == Some(&b'>') => break Some(at + found),
                    Some(found) => {
                        // A quote that begins no value is a stray one.
                        let before = within.get(..at + found).unwrap_or_default().trim_ascii_end();
                        let before = if before.is_empty() { self.held.trim_ascii_end() } else { before };
                        self.quote = after.get(found).copied().filter(|_| before.last() == Some(&b'='));
                        at += found + 1;
                    }
                    None => break None,
                },
            }
        };
        if let Some(end) = end {
            let (tag, rest) = bytes.split_at(end);
            self.state = State::Text;
            if self.held.is_empty() {
                self.end_tag(tag, emit);
            } else {
                let mut held = std::mem::take(&mut self.held);
                held.extend_from_slice(tag);
                self.end_tag(&held, emit);
                held.clear();
                self.held = held;
            }
            return rest.get(1..).unwrap_or_default();
        }
        self.held.extend_from_slice(within);
        if self.held.len() >= TAG {
            let held = std::mem::take(&mut self.held);
            self.end_tag(&held, emit);
            self.state = State::LongTag;
        }
        bytes.get(within.len()..).unwrap_or_default()
    }

    /// A tag, without its brackets.
    fn end_tag(&mut self, tag: &[u8], emit: &mut dyn FnMut(Token<'_>)) {
        if let Some(name) = tag.strip_prefix(b"/") {
            let end = name.iter().position(u8::is_ascii_whitespace).unwrap_or(name.len());
            return emit(Token::Close(name.get(..end).unwrap_or_default()));
        }
        let is_empty = tag.ends_with(b"/");
        let end = tag.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/').unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(end);
        emit(Token::Open(Tag { name, is_empty, attributes }));
        if self.is_html && name.eq_ignore_ascii_case(b"script") {
            self.state = State::Until(SCRIPT_END, 0);
        } else if self.is_html && name.eq_ignore_ascii_case(b"style") {
            self.state = State::Until(STYLE_END, 0);
        }
    }

    /// After `<!`.
    fn bang<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (byte, rest) = bytes.split_first().unwrap_or((&b'>', &[]));
        self.held.push(*byte);
        self.state = match &*self.held {
            b"--" => State::Until(COMMENT_END, 0),
            CDATA => State::Until(CDATA_END, 0),
            held if b"--".starts_with(held) || CDATA.starts_with(held) => return rest,
            _ => State::Declaration(0),
        };
        self.held.clear();
        if self.state == State::Declaration(0) { bytes } else { rest }
    }

    /// A declaration says nothing, and entities it declares are not expanded. In HTML it has no brackets within.
    fn declaration<'a>(&mut self, bytes: &'a [u8], open: u8) -> &'a [u8] {
        if self.is_html {
            let Some(at) = memchr::memchr(b'>', bytes) else { return &[] };
            self.state = State::Text;
            return bytes.get(at + 1..).unwrap_or_default();
        }
        let Some(at) = memchr::memchr3(b'>', b'[', b']', bytes) else { return &[] };
        self.state = match bytes.get(at) {
            Some(b'[') => State::Declaration(open.saturating_add(1)),
            Some(b']') => State::Declaration(open.saturating_sub(1)),
            _ if open == 0 => State::Text,
            _ => self.state,
        };
        bytes.get(at + 1..).unwrap_or_default()
    }

    fn until<'a>(
        &mut self,
        bytes: &'a [u8],
        end: &'static [u8],
        mut seen: usize,
        emit: &mut dyn FnMut(Token<'_>),
    ) -> &'a [u8] {
        let mut tell = |bytes: &[u8]| match end {
            _ if bytes.is_empty() => {}
            CDATA_END => emit(Token::Text(bytes)),
            COMMENT_END => emit(Token::Aside(bytes)),
            SCRIPT_END | STYLE_END => emit(Token::Raw(bytes)),
            _ => {}
        };
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if seen == 0 {
                let at = memchr::memchr(end.first().copied().unwrap_or_default(), rest).unwrap_or(rest.len());
                tell(rest.get(..at).unwrap_or_default());
                seen = usize::from(at < rest.len());
                rest = rest.get(at + 1..).unwrap_or_default();
            } else if end.get(seen).is_some_and(|wanted| byte.eq_ignore_ascii_case(wanted)) {
                seen += 1;
                rest = after;
                if seen == end.len() {
                    self.held.clear();
                    self.state = State::Text;
                    if end == COMMENT_END {
                        emit(Token::Aside(b"\n"));
                    }
                    if matches!(end, SCRIPT_END | STYLE_END) {
                        self.state = State::Tag;
                        self.quote = None;
                        self.held.extend_from_slice(end.get(1..).unwrap_or_default());
                    }
                    return rest;
                }
            } else if end.get(seen - 1).is_some_and(|before| *before == byte) && end.first() == Some(&byte) {
                // `]]]>`: the first of them belongs to the text.
                tell(&[byte]);
                rest = after;
            } else {
                tell(end.get(..seen).unwrap_or_default());
                seen = 0;
            }
        }
        self.state = State::Until(end, seen);
        rest
    }
}

impl<'a> Tag<'a> {
    /// Names and values, as they are written.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { rest: self.attributes }
    }

    /// The value of an attribute, as it is written.
    pub fn attribute(&self, wanted: &str) -> Option<&'a [u8]> {
        self.attributes().find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes())).map(|(_, value)| value)
    }

    /// Whether there is room for an attribute.
    pub fn has_attributes(&self) -> bool {
        self.attributes.len() > 3
    }
}

/// Attributes of a tag one after another.
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let is_between = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'');
        let start = self.rest.iter().position(|byte| !is_between(byte))?;
        let rest = self.rest.get(start..).unwrap_or_default();
        // A stray equals sign is the beginning of a name.
        let end =
            rest.iter().skip(1).position(|byte| *byte == b'=' || is_between(byte)).map_or(rest.len(), |at| at + 1);
        let (name, after) = rest.split_at(end);
        let Some(value) = after.trim_ascii_start().strip_prefix(b"=") else {
            self.rest = after;
            return Some((name, b""));
        };
        let value = value.trim_ascii_start();
        let (value, rest) = match value.first() {
            Some(quote @ (b'"' | b'\'')) => {
                let value = value.get(1..).unwrap_or_default();
                let end = memchr::memchr(*quote, value).unwrap_or(value.len());
                (value.get(..end).unwrap_or_default(), value.get(end + 1..).unwrap_or_default())
            }
            _ => value.split_at(value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len())),
        };
        self.rest = rest;
        Some((name, value))
    }
}

/// A value of an attribute with its entities resolved.
pub(super) fn resolved(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'&', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'&', rest) {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        let name = after.get(1..after.len().min(ENTITY + 2)).unwrap_or_default();
        let known = memchr::memchr(b';', name).and_then(|end| Some((character(name.get(..end)?)?, end)));
        match known {
            Some((known, end)) => {
                out.extend_from_slice(known.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after.get(end + 2..).unwrap_or_default();
            }
            None => {
                out.push(b'&');
                rest = after.get(1..).unwrap_or_default();
            }
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The character of an entity that everybody knows (XML 1.0, section 4.6), or of a number.
fn character(name: &[u8]) -> Option<char> {
    let number = |digits: &[u8], radix| u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok();
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        b"nbsp" | b"ensp" | b"emsp" => Some(' '),
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16).and_then(char::from_u32),
        [b'#', digits @ ..] => number(digits, 10).and_then(char::from_u32),
        _ => None,
    }
}

/// A name without the prefix of its namespace.
pub(super) fn local(name: &[u8]) -> &[u8] {
    match memchr::memrchr(b':', name) {
        Some(at) if at + 1 < name.len() => name.get(at + 1..).unwrap_or(name),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(is_html: bool, input: &str) -> String {
        let run = |size: usize| {
            let mut out = String::new();
            let mut text = |token: Token<'_>| {
                let utf8 = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                match token {
                    Token::Open(tag) => {
                        out.push_str(&format!("[{}", utf8(tag.name)));
                        for (name, value) in tag.attributes() {
                            out.push_str(&format!(" {}={}", utf8(name), utf8(&resolved(value))));
                        }
                        out.push_str(if tag.is_empty { "/]" } else { "]" });
                    }
                    Token::Close(name) => out.push_str(&format!("[/{}]", utf8(name))),
                    Token::Text(text) | Token::Raw(text) => out.push_str(&utf8(text)),
                    Token::Aside(_) => {}
                }
            };
            let mut markup = Markup { is_html, ..Markup::default() };
            for part in input.as_bytes().chunks(size) {
                markup.feed(part, &mut text);
            }
            markup.finish(&mut text);
            out
        };
        let whole = run(input.len());
        for size in [1, 2, 3, 7] {
            assert_eq!(run(size), whole, "{size}");
        }
        whole
    }

    #[test]
    fn tags_text_and_what_is_neither() {
        let got = tokens(
            false,
            "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x \"y>\">]><a b=\"1>&amp;2\" c = 'x' d=e><!-- - -- --->t &lt;&#x5F20;&x; \
             &nope &#49;<![CDATA[<z>]]]]></a ><b/>1 < 2",
        );
        assert_eq!(got, "[a b=1>&2 c=x d=e]t <张&x; &nope 1<z>]][/a][b/]1 < 2");
    }

    #[test]
    fn scripts_have_no_markup_and_stray_quotes_end() {
        let got =
            tokens(true, "<SCRIPT a>if (a<b && c</d) '</p>'</Script ><p it's>x</p><style>a>b</style><input value=1");
        assert_eq!(got, "[SCRIPT a=]if (a<b && c</d) '</p>'[/script][p it= s=]x[/p][style]a>b[/style][input value=1]");
    }

    #[test]
    fn instructions_and_declarations_of_html_end_at_the_first_bracket() {
        let got = tokens(true, "<!DOCTYPE html><?php echo 1><p>a</p><!x [><b>c</b><!-y><?xml version='1.0'?>d");
        assert_eq!(got, "[p]a[/p][b]c[/b]d");
    }

    #[test]
    fn a_long_tag_is_cut() {
        let got = tokens(true, &format!("<img alt=x src=\"data:{}\" title=y>z", "A".repeat(40_000)));
        assert!(got.starts_with("[img alt=x src=data:AAA") && got.ends_with("A]z") && got.len() < TAG + 40);
    }
}
