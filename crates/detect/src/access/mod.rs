//! Abnormal access.

mod crawler;
mod denied_burst;
mod dormant_account;
mod rate_anomaly;

pub use crawler::Crawler;
pub use denied_burst::DeniedBurst;
pub use dormant_account::DormantAccount;
pub use rate_anomaly::RateAnomaly;
