//! What the inspection of exchanges passed over.

use crate::walk::WalkAccounts;

/// What a worker's inspections did not read, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InspectAccounts {
    /// Credentials of requests that carried, and of answers that handed out, more than are kept.
    pub credentials_over_limit: u64,
    /// Bytes of pictures, sound, video and fonts, which are not searched.
    pub media_bytes: u64,
    /// Bodies that were not inspected because the machine could not keep up.
    pub bodies_shed: u64,
    /// Messages of WebSockets and other channels without any sensitive value.
    pub plain_messages: u64,
    /// Values that were counted, but of which no fingerprint was kept: more than
    /// [`MAX_VALUES`](crate::content::MAX_VALUES) different ones in one body.
    pub values_over_limit: u64,
    /// What walkers passed over.
    pub walk: WalkAccounts,
}

impl std::ops::AddAssign for InspectAccounts {
    fn add_assign(&mut self, more: InspectAccounts) {
        self.credentials_over_limit += more.credentials_over_limit;
        self.media_bytes += more.media_bytes;
        self.bodies_shed += more.bodies_shed;
        self.plain_messages += more.plain_messages;
        self.values_over_limit += more.values_over_limit;
        self.walk.add(&more.walk);
    }
}
