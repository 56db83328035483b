//! Weak authentication, and attacks on logins.

mod high_frequency_login;
mod plaintext_password;
mod token_in_url;
mod weak_password;

pub use high_frequency_login::HighFrequencyLogin;
pub use plaintext_password::PlaintextPassword;
pub use token_in_url::TokenInUrl;
pub use weak_password::WeakPassword;
