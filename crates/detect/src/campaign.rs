//! Many incidents of one kind on one host at once are one campaign (handbook §6.10, fan-in).

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{Entity, Finding, Said, Span, Timestamp};

use crate::detector::{CellKey, Evidence};
use crate::findings::FindingKey;
use crate::wording;

/// Within this, openings count together.
const WITHIN: Span = Span::minutes(10);
/// Openings remembered, of all hosts.
const REMEMBERED: usize = 4_096;

/// The finding that stands for a campaign.
pub(crate) struct Campaign;

/// Its words.
pub(crate) const CAMPAIGN: Campaign = Campaign;

impl Campaign {
    const NAME: &'static str = "campaign";

    /// The cell of a host's campaigns.
    pub(crate) fn cell(&self, host: &str) -> CellKey {
        CellKey::within(Entity::Server(host.into()), Self::NAME)
    }
    /// What an incident adds to it; `incidents` have joined.
    pub(crate) fn evidence(&self, incidents: u64) -> Evidence {
        Evidence::new().reason(Self::NAME).sum("incidents", incidents)
    }
    /// Whether a finding is a campaign.
    pub(crate) fn is(&self, finding: &Finding) -> bool {
        matches!(finding.primary, Entity::Server(_)) && finding.reasons.iter().any(|reason| &**reason == Self::NAME)
    }
    /// Its sentence, whatever the kind.
    pub(crate) fn summary(&self, finding: &Finding) -> Said {
        let incidents = finding.measures.get("incidents").copied().unwrap_or_default();
        let (host, title) = (&finding.primary, &finding.rule.title);
        let (who, when) = (wording::accounts(&finding.involved), wording::when(finding));
        let mut addresses = finding.involved.names("client_ip").len().to_string();
        if finding.involved.has_more("client_ip") {
            addresses.push('+');
        }
        Said {
            en: format!(
                "A campaign at {host}: {incidents} incidents of one kind ({}){}, from {addresses} addresses{}. They are told \
                 as this one; each stands in the record as a part of it.",
                title.en, when.en, who.en
            ),
            zh: format!(
                "{host} 遭遇成批事件：{}同类事件（{}）{incidents} 起，来自 {addresses} 个地址{}。合并为本条通报，各起事件作为其组成部分留存。",
                when.zh, title.zh, who.zh
            ),
        }
    }
}

/// Which incidents opened lately, and where.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Campaigns {
    recent: VecDeque<(Timestamp, Arc<str>, FindingKey)>,
}

impl Campaigns {
    /// An incident has opened: those of its kind that opened on the host within ten minutes, itself included.
    pub(crate) fn opened(&mut self, at: Timestamp, host: &str, key: &FindingKey) -> Vec<FindingKey> {
        self.recent.push_back((at, host.into(), key.clone()));
        while self.recent.len() > REMEMBERED || self.recent.front().is_some_and(|first| at.since(first.0) >= WITHIN) {
            self.recent.pop_front();
        }
        let mut keys: Vec<FindingKey> = self
            .recent
            .iter()
            .filter(|(_, on, known)| known.kind == key.kind && **on == *host)
            .map(|(_, _, known)| known.clone())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}
