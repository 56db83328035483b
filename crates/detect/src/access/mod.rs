//! Abnormal access.

mod crawler;

pub use crawler::Crawler;
