//! Who looks at the leaves of queries and bodies, beside the search for values.

use spyhop_model::Timestamp;

use crate::answer::AnswerScan;
use crate::caller::Caller;
use crate::credential::CredentialScan;
use crate::delivered::page_size;
use crate::login::LoginScan;
use crate::operation::OperationScan;
use crate::token::Tokens;
use crate::walk::{Leaf, LeafKind, LeafSink, Look, Piece};

/// Bytes of a value that may belong to a login.
const LOGIN_VALUE: usize = 4 << 10;

pub(super) struct QuerySink<'a> {
    pub(super) login: &'a mut LoginScan,
    pub(super) credentials: &'a mut CredentialScan,
    pub(super) caller: &'a mut Caller,
    pub(super) tokens: &'a mut Tokens,
    pub(super) began_at: Timestamp,
    pub(super) page_size: &'a mut Option<u32>,
}

impl LeafSink for QuerySink<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        self.login.query(leaf);
        self.credentials.query(leaf, self.tokens, self.began_at);
        self.caller.query(leaf, self.tokens);
        *self.page_size = self.page_size.or_else(|| page_size(leaf.key, leaf.value));
    }
}

/// Fields of a request: as a login would have them, how many records they ask for, what they carry and call.
pub(super) struct Asked<'a> {
    pub(super) login: &'a mut LoginScan,
    pub(super) page_size: &'a mut Option<u32>,
    pub(super) credentials: &'a mut CredentialScan,
    pub(super) caller: Option<&'a mut Caller>,
    pub(super) tokens: &'a mut Tokens,
    pub(super) began_at: Timestamp,
}

impl LeafSink for Asked<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        if leaf.piece != Piece::Whole || leaf.value.len() <= LOGIN_VALUE {
            self.login.request_leaf(leaf);
            self.credentials.body(leaf, self.tokens, self.began_at);
            *self.page_size = self.page_size.or_else(|| page_size(leaf.key, leaf.value));
        }
        if let Some(caller) = &mut self.caller {
            caller.body(leaf, self.tokens);
        }
    }
    fn wants(&self, key: &[u8], value: &[u8], _kind: LeafKind) -> bool {
        value.len() <= LOGIN_VALUE || self.wants_under(key)
    }
    fn wants_under(&self, key: &[u8]) -> bool {
        key == b"SAMLResponse" || OperationScan::wants(key)
    }
    fn passes(&self, _look: &Look, value: &[u8], _kind: LeafKind) -> bool {
        value.len() > LOGIN_VALUE
    }
}

/// Fields of an answer: to what may be a login, and what it hands out or says to its caller.
pub(super) struct Answered<'a> {
    pub(super) login: Option<&'a mut LoginScan>,
    pub(super) answer: Option<&'a mut AnswerScan>,
    pub(super) status: u16,
    pub(super) tokens: &'a mut Tokens,
    pub(super) began_at: Timestamp,
}

impl LeafSink for Answered<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        if let Some(login) = &mut self.login
            && (leaf.piece != Piece::Whole || leaf.value.len() <= LOGIN_VALUE)
        {
            login.response_leaf(leaf);
        }
        if let Some(answer) = &mut self.answer {
            answer.leaf(leaf, self.status, self.began_at, self.tokens);
        }
    }
    fn wants(&self, key: &[u8], value: &[u8], _kind: LeafKind) -> bool {
        self.login.is_some() && value.len() <= LOGIN_VALUE
            || self.answer.as_ref().is_some_and(|answer| answer.wants(key, value))
    }
    fn wants_under(&self, key: &[u8]) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.wants(key, b""))
    }
    fn passes(&self, _look: &Look, value: &[u8], _kind: LeafKind) -> bool {
        self.login.is_none() || value.len() > LOGIN_VALUE
    }
}
