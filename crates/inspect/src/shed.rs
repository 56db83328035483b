//! What a live sensor leaves out while it cannot do everything.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use spyhop_model::{Request, Segment};

/// How much is left out, the least missed first. Heads, logins and all that they carry are always read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shed {
    /// Nothing.
    #[default]
    Nothing,
    /// Bodies of answers of endpoints in which nothing sensitive was seen since the start.
    LowGrade,
    /// All bodies but those of logins.
    Bodies,
}

/// Endpoints that are remembered as sensitive.
const ENDPOINTS: usize = 65_536;

/// Endpoints in whose calls something sensitive was seen; shared by all workers.
#[derive(Debug, Default)]
pub struct Sensitive {
    hasher: ahash::RandomState,
    endpoints: RwLock<HashSet<u64>>,
}

impl Sensitive {
    pub(crate) fn holds(&self, request: &Request) -> bool {
        self.endpoints.read().unwrap_or_else(PoisonError::into_inner).contains(&self.key(request))
    }

    pub(crate) fn add(&self, request: &Request) {
        let key = self.key(request);
        if self.endpoints.read().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            return;
        }
        let mut endpoints = self.endpoints.write().unwrap_or_else(PoisonError::into_inner);
        if endpoints.len() >= ENDPOINTS {
            endpoints.clear();
        }
        endpoints.insert(key);
    }

    /// Host, method and what of the path does not vary, as far as one call alone shows it.
    fn key(&self, request: &Request) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        (&request.host, &request.method).hash(&mut hasher);
        for segment in &request.path {
            match segment {
                Segment::Literal(text) if !text.bytes().any(|byte| byte.is_ascii_digit()) => text.hash(&mut hasher),
                Segment::Literal(_) | Segment::Typed(_) => 0u8.hash(&mut hasher),
            }
        }
        hasher.finish()
    }
}
