//! The mutations of a GraphQL document and the strings among their arguments (GraphQL, October 2021, section 2). Only
//! what a login needs: no grammar is checked, and nothing is nested here, so that depth costs nothing.

/// Longest document that is read.
const LONGEST: usize = 16 << 10;
/// Most strings that are handed on.
const STRINGS: u32 = 64;

/// What a document says.
pub(super) enum Said<'a> {
    /// A mutation is called by this name.
    Mutation(&'a str),
    /// One of its arguments, or a field within one, is this string.
    Argument(&'a str, &'a str),
}

/// Tells of each field at the top of a document's mutations; whether there is a mutation.
pub(super) fn mutations(document: &str, tell: &mut dyn FnMut(&Said<'_>)) -> bool {
    let document = document.get(..document.floor_char_boundary(LONGEST)).unwrap_or_default();
    let mut tokens = Tokens { rest: document };
    if tokens.next() != Some(Token::Name("mutation")) {
        return false;
    }
    let (mut braces, mut parens, mut strings) = (0_u32, 0_u32, 0);
    let mut name: Option<&str> = None;
    let mut argument: Option<&str> = None;
    let mut told = false;
    for token in tokens {
        match token {
            Token::Sign(b'(') => {
                parens += 1;
                // A field with arguments: now it is known that the name was no alias.
                if let (1, 1, Some(field)) = (braces, parens, name.take()) {
                    tell(&Said::Mutation(field));
                    told = true;
                }
            }
            Token::Sign(b')') => (parens, argument) = (parens.saturating_sub(1), None),
            Token::Sign(b'{') if parens == 0 => {
                if let (1, Some(field)) = (braces, name.take()) {
                    tell(&Said::Mutation(field));
                }
                braces += 1;
            }
            Token::Sign(b'}') if parens == 0 => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    break;
                }
            }
            Token::Name(word) if parens > 0 => argument = Some(word),
            Token::Name(word) if braces == 1 => name = Some(word),
            // `alias: field`.
            Token::Sign(b':') if parens == 0 => name = None,
            Token::Text(text) if parens == 1 && braces == 1 && told && strings < STRINGS => {
                strings += 1;
                if let Some(argument) = argument.take() {
                    tell(&Said::Argument(argument, text));
                }
            }
            _ => {}
        }
    }
    true
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    Text(&'a str),
    Sign(u8),
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n', ',', '\u{feff}']);
            if !self.rest.starts_with('#') {
                break;
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
        if let Some(block) = self.rest.strip_prefix("\"\"\"") {
            let (text, rest) = block.split_once("\"\"\"").unwrap_or((block, ""));
            self.rest = rest;
            return Some(Token::Text(text));
        }
        if let Some(quoted) = self.rest.strip_prefix('"') {
            // Escapes stay as they are: they are rare, and the same each time.
            let mut escaped = false;
            let end = quoted.bytes().position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            let end = end.unwrap_or(quoted.len());
            self.rest = quoted.get(end + 1..).unwrap_or_default();
            return Some(Token::Text(quoted.get(..end).unwrap_or_default()));
        }
        let first = self.rest.chars().next()?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end =
            if is_name(first) { self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len()) } else { first.len_utf8() };
        let (token, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        match is_name(first) {
            true => Some(Token::Name(token)),
            false => Some(Token::Sign(u8::try_from(first).unwrap_or(b'?'))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str) -> String {
        let mut out = Vec::new();
        mutations(document, &mut |said| match said {
            Said::Mutation(name) => out.push((*name).to_owned()),
            Said::Argument(name, value) => out.push(format!("{name}={value}")),
        });
        out.join(" ")
    }

    #[test]
    fn mutations_and_their_strings_are_read() {
        for (document, expected) in [
            (
                r#"mutation { login(username: "amy", password: "a\"b{c") { token } }"#,
                r#"login username=amy password=a\"b{c"#,
            ),
            (
                r#"# a
            mutation SignIn($p: String!) @x { s: signIn(input: {email: "a@b.c", secret: {password: $p}}) { user(id: "5") { id } } me { id } }"#,
                "signIn email=a@b.c me",
            ),
            (
                r#"mutation{tokenCreate(email:"""a@b.c""",password:"x"){token errors{field(a:"b")}}}"#,
                "tokenCreate email=a@b.c password=x",
            ),
            (r#"query { user(password: "x") { id } }"#, ""),
            (r#"mutation { login(password: "x"#, "login password=x"),
            ("mutation ((((((((", ""),
            ("mutation }}}} : \" é", ""),
            ("", ""),
        ] {
            assert_eq!(read(document), expected, "{document}");
        }
    }
}
