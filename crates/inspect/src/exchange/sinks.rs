//! Who looks on while an exchange's fields are read.

use spyhop_model::Key;

use crate::credential::CredentialScan;
use crate::delivered::page_size;
use crate::login::LoginScan;
use crate::walk::{Leaf, LeafKind, LeafSink, Look};

/// Bytes of a value that may belong to a login.
const LOGIN_VALUE: usize = 4 << 10;

/// Parameters of a query: as a login would have them, what proves who calls, and how many records they ask for.
pub(super) struct QuerySink<'a> {
    pub login: &'a mut LoginScan,
    pub credentials: &'a mut CredentialScan,
    pub key: &'a Key,
    pub page_size: &'a mut Option<u32>,
}

impl LeafSink for QuerySink<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        self.login.query(leaf);
        self.credentials.query(leaf, self.key);
        *self.page_size = self.page_size.or_else(|| page_size(leaf.key, leaf.value));
    }
}

/// Fields of a request: as a login would have them, and how many records they ask for.
pub(super) struct Asked<'a>(pub &'a mut LoginScan, pub &'a mut Option<u32>);

impl LeafSink for Asked<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        self.0.request_leaf(leaf);
        *self.1 = self.1.or_else(|| page_size(leaf.key, leaf.value));
    }
    fn wants(&self, key: &[u8], value: &[u8], _kind: LeafKind) -> bool {
        value.len() <= LOGIN_VALUE || self.wants_under(key)
    }
    fn wants_under(&self, key: &[u8]) -> bool {
        key == b"SAMLResponse"
    }
    fn passes(&self, _look: &Look, value: &[u8], _kind: LeafKind) -> bool {
        value.len() > LOGIN_VALUE
    }
}

/// Fields of the answer to what may be a login.
pub(super) struct Answered<'a>(pub &'a mut LoginScan);

impl LeafSink for Answered<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        self.0.response_leaf(leaf);
    }
    fn wants(&self, _key: &[u8], value: &[u8], _kind: LeafKind) -> bool {
        value.len() <= LOGIN_VALUE
    }
    fn wants_under(&self, _key: &[u8]) -> bool {
        false
    }
    fn passes(&self, _look: &Look, value: &[u8], _kind: LeafKind) -> bool {
        value.len() > LOGIN_VALUE
    }
}
