//! What one exchange contains.

pub mod walk;
