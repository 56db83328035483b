//! What is called where one path serves many operations: a GraphQL operation, a SOAP action, a JSON-RPC method, or an
//! `action` parameter.

use spyhop_http::Field;

use crate::token::Tokens;
use crate::walk::{Leaf, LeafKind, Piece};

/// Longest name.
const LONGEST: usize = 64;
/// Bytes of a GraphQL document that are read for its name.
const DOCUMENT: usize = 4 << 10;

/// Finds the operation of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct OperationScan {
    best: Option<(Rank, Box<str>)>,
    /// `method` of a JSON object, which is an operation if that is JSON-RPC, and mostly a way to pay if not.
    method: Option<Box<str>>,
    is_rpc: bool,
}

/// What names an operation best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A field of a body.
    Field,
    /// A parameter of the query.
    Parameter,
    /// JSON-RPC.
    Method,
    /// SOAP; the first field of a GraphQL document.
    Action,
    /// The name of the first operation of a GraphQL document.
    Name,
    /// `operationName`: which of them is meant.
    Chosen,
}

impl OperationScan {
    /// Reads the head: SOAPAction (SOAP 1.1, section 6.1.1), or `action` of the media type (RFC 3902).
    pub fn request(&mut self, fields: &[Field<'_>], tokens: &Tokens) {
        for field in fields {
            let value = || std::str::from_utf8(field.value).unwrap_or_default();
            if field.name.eq_ignore_ascii_case(b"soapaction") {
                self.offer(Rank::Action, last_part(value()), tokens);
            } else if field.name.eq_ignore_ascii_case(b"content-type") && value().starts_with("application/soap+xml") {
                let mut parameters = value().split(';').filter_map(|parameter| parameter.trim().split_once('='));
                let action = parameters.find(|(name, _)| name.eq_ignore_ascii_case("action"));
                self.offer(Rank::Action, last_part(action.map_or("", |(_, action)| action)), tokens);
            }
        }
    }

    /// Reads a parameter of the query.
    pub fn query(&mut self, leaf: &Leaf<'_>, tokens: &Tokens) {
        if leaf.key == "query" {
            self.document(leaf.value, tokens);
        } else if leaf.key == "operationName" {
            self.offer(Rank::Chosen, leaf.value, tokens);
        } else if is_parameter(leaf.key) && leaf.piece == Piece::Whole {
            self.offer(Rank::Parameter, leaf.value, tokens);
        }
    }

    /// Whether a leaf of a body of that name may say anything.
    pub fn wants(key: &[u8]) -> bool {
        matches!(key, b"query" | b"operationName" | b"jsonrpc") || std::str::from_utf8(key).is_ok_and(is_parameter)
    }

    /// Reads a leaf of the request's body.
    pub fn body(&mut self, leaf: &Leaf<'_>, tokens: &Tokens) {
        if leaf.kind == LeafKind::Word {
            return;
        }
        // Several calls in one request (a batch) are named by the first.
        match leaf.path.strip_prefix("$[*].").or_else(|| leaf.path.strip_prefix("$.")) {
            Some("query") => self.document(leaf.value, tokens),
            Some("operationName") => self.offer(Rank::Chosen, leaf.value, tokens),
            Some("jsonrpc") => self.is_rpc = true,
            Some("method") if self.method.is_none() && is_identifier(leaf.value) => {
                self.method = Some(leaf.value.into());
            }
            Some("action" | "Action" | "cmd" | "act") => self.offer(Rank::Field, leaf.value, tokens),
            Some(_) => {}
            None if !leaf.path.starts_with(['$', '/']) && is_parameter(leaf.path) => {
                self.offer(Rank::Field, leaf.value, tokens)
            }
            None => {}
        }
    }

    /// The operation.
    pub fn finish(mut self, tokens: &Tokens) -> Option<Box<str>> {
        if let Some(method) = self.method.take().filter(|_| self.is_rpc) {
            self.offer(Rank::Method, &method, tokens);
        }
        self.best.map(|(_, name)| name)
    }

    fn document(&mut self, text: &str, tokens: &Tokens) {
        if let Some((rank, name)) = graphql(text.get(..text.floor_char_boundary(DOCUMENT)).unwrap_or(text)) {
            self.offer(rank, name, tokens);
        }
    }

    fn offer(&mut self, rank: Rank, name: &str, tokens: &Tokens) {
        let better = self.best.as_ref().is_none_or(|(best, _)| *best < rank);
        if better
            && is_identifier(name)
            && let Some(name) = tokens.operation(name)
        {
            self.best = Some((rank, name));
        }
    }
}

/// Parameters that say what is called.
fn is_parameter(name: &str) -> bool {
    ["action", "method", "cmd", "service", "act"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// A name, as programs have it: no number, address or sentence.
fn is_identifier(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-'))
}

/// Of `"http://example.org/orders#Create"` the last.
fn last_part(action: &str) -> &str {
    let action = action.trim().trim_matches('"').trim_end_matches('/');
    action.rsplit(['/', '#', '?']).next().unwrap_or(action)
}

/// The name of the first operation of a GraphQL document (section 2.3 of the specification), or the first field that it
/// asks for.
fn graphql(text: &str) -> Option<(Rank, &str)> {
    let mut rest = skip(text);
    if !rest.starts_with('{') {
        let (keyword, behind) = word(rest);
        if !matches!(keyword, "query" | "mutation" | "subscription") {
            return None;
        }
        rest = skip(behind);
        let (name, _) = word(rest);
        if !name.is_empty() {
            return Some((Rank::Name, name));
        }
    }
    let (name, behind) = word(skip(rest.split_once('{')?.1));
    // `alias: field`.
    let field = skip(behind).strip_prefix(':').map(|behind| word(skip(behind)).0);
    Some((Rank::Action, field.unwrap_or(name))).filter(|(_, name)| !name.is_empty())
}

fn word(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_').unwrap_or(text.len()))
}

/// Behind white space, commas and comments.
fn skip(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches([' ', '\t', '\r', '\n', ',', '\u{feff}']);
        match text.strip_prefix('#') {
            Some(comment) => text = comment.split_once('\n').map_or("", |(_, behind)| behind),
            None => return text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::tokens;

    fn operation(fields: &[(&str, &str)], query: &[(&str, &str)], body: &[(&str, &str)]) -> Option<String> {
        let tokens = tokens();
        let fields: Vec<_> = fields.iter().map(|(n, v)| Field { name: n.as_bytes(), value: v.as_bytes() }).collect();
        let mut scan = OperationScan::default();
        scan.request(&fields, &tokens);
        for (key, value) in query {
            let kind = LeafKind::Text;
            scan.query(&Leaf { key, parent: "", path: key, value, kind, record: 0, piece: Piece::Whole }, &tokens);
        }
        for (path, value) in body {
            let (key, kind) = (path.rsplit('.').next().unwrap_or_default(), LeafKind::Text);
            if OperationScan::wants(key.as_bytes()) {
                scan.body(&Leaf { key, parent: "", path, value, kind, record: 0, piece: Piece::Whole }, &tokens);
            }
        }
        scan.finish(&tokens).map(String::from)
    }

    #[test]
    fn graphql_operations() {
        for (document, expected) in [
            ("query ListUsers($n: Int) { users(first: $n) { id } }", Some("ListUsers")),
            ("mutation{createUser(name:\"a\"){id}}", Some("createUser")),
            ("# comment\n{ me { id } }", Some("me")),
            ("query { mine: orders { id } }", Some("orders")),
            ("subscription OnOrder { order }", Some("OnOrder")),
            ("fragment F on User { id } query Q { me { ...F } }", None),
            ("select * from users", None),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(operation(&[], &[], &[("$.query", document)]).as_deref(), expected, "{document}");
        }
        let both = [("$.query", "query A { a } query B { b }"), ("$.operationName", "B")];
        assert_eq!(operation(&[], &[], &both).as_deref(), Some("B"));
        assert_eq!(operation(&[], &[("query", "{users{id}}")], &[]).as_deref(), Some("users"));
        assert_eq!(operation(&[], &[("query", "zhang san")], &[]), None);
    }

    #[test]
    fn soap_json_rpc_and_parameters() {
        assert_eq!(operation(&[("SOAPAction", "\"http://e.org/orders/Create\"")], &[], &[]).as_deref(), Some("Create"));
        let soap12 = "application/soap+xml; charset=utf-8; action=\"urn:e#List\"";
        assert_eq!(operation(&[("Content-Type", soap12)], &[], &[]).as_deref(), Some("List"));
        let rpc = [("$.method", "user.list"), ("$.jsonrpc", "2.0")];
        assert_eq!(operation(&[], &[], &rpc).as_deref(), Some("user.list"));
        assert_eq!(operation(&[], &[], &[("$.method", "alipay")]), None);
        assert_eq!(operation(&[], &[("Action", "DescribeInstances")], &[]).as_deref(), Some("DescribeInstances"));
        assert_eq!(operation(&[], &[], &[("method", "alipay.trade.pay")]).as_deref(), Some("alipay.trade.pay"));
        for value in ["https://sso.example/cas", "13912345678", "张三", "a b", ""] {
            assert_eq!(operation(&[], &[("service", value)], &[]), None, "{value}");
        }
        assert_eq!(operation(&[], &[("page", "list")], &[("$.a.action", "x"), ("name", "y")]), None);
    }
}
