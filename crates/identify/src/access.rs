//! Which endpoints answer everybody, and which only those who are logged in.

use serde::{Deserialize, Serialize};
use spyhop_model::{Call, Nature, Timestamp};

use crate::habit::{is_captcha, is_static, name};
use crate::recent::Recent;

/// Endpoints that are remembered, about 60 bytes each.
const ENDPOINTS: usize = 20_000;

/// What endpoints did to those who showed nothing.
pub struct Access {
    endpoints: Recent<u64, Answers>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Answers {
    /// Answered one who showed no credential.
    open: bool,
    /// Refused such a one, or sent them elsewhere.
    refused: bool,
}

/// As a snapshot holds it.
#[derive(Default, Serialize, Deserialize)]
pub struct SavedAccess(Vec<(u64, Answers)>);

impl Default for Access {
    fn default() -> Access {
        Access { endpoints: Recent::new(ENDPOINTS) }
    }
}

impl Access {
    /// Endpoints that had to be forgotten.
    pub fn forgotten(&self) -> u64 {
        self.endpoints.evicted()
    }

    /// Learns from a call that showed no credential.
    pub fn learn(&mut self, endpoint: &str, call: &Call) {
        if !call.credentials.is_empty() || call.login.is_some() || call.message.is_some() {
            return;
        }
        let Some(status) = call.status() else { return };
        let open = call.succeeded() && !call.refused;
        let refused = call.refused || matches!(status, 301..=303 | 307 | 401 | 403);
        if open || refused {
            let answers = self.endpoints.entry(name(endpoint), call.moment.at, Answers::default);
            answers.open |= open;
            answers.refused |= refused;
        }
    }

    /// Whether an answer of this endpoint proves that the caller is logged in.
    pub fn is_closed(&self, endpoint: &str, call: &Call, nature: Nature) -> bool {
        const OTHERS: [u16; 6] =
            [Nature::LOGIN, Nature::LOGOUT, Nature::REGISTER, Nature::CODE, Nature::HEALTH, Nature::STATIC];
        let target = call.request.as_ref().map_or("", |request| &*request.target);
        if OTHERS.iter().any(|bit| nature.has(*bit)) || is_static(call, nature) || is_captcha(target) {
            return false;
        }
        let answers = self.endpoints.peek(&name(endpoint)).copied().unwrap_or_default();
        let kind = call.response.as_ref().and_then(|response| response.content_type.as_deref()).unwrap_or("");
        // Pages are often for everybody, so that not having seen it does not count for them.
        let is_page = nature.has(Nature::PAGE) || kind.contains("html") || kind.is_empty();
        !answers.open && (answers.refused || !is_page)
    }

    /// What the next run can start from.
    pub fn save(&self) -> SavedAccess {
        SavedAccess(self.endpoints.iter().map(|(name, answers)| (*name, *answers)).collect())
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: SavedAccess) {
        for (name, answers) in saved.0 {
            self.endpoints.insert(name, answers, Timestamp::default());
        }
    }
}
