//! Logins, passwords, sessions and tokens.

mod high_frequency_login;
mod insecure_cookie;
mod missing;
mod plaintext_password;
mod single_factor;
mod token_in_url;
mod weak_password;
mod weak_token;

pub use high_frequency_login::HighFrequencyLogin;
pub use insecure_cookie::InsecureCookie;
pub use missing::Missing;
pub use plaintext_password::PlaintextPassword;
pub use single_factor::SingleFactor;
pub use token_in_url::TokenInUrl;
pub use weak_password::WeakPassword;
pub use weak_token::WeakToken;

pub(crate) use missing::{gives_away, is_bare, is_turned_away};
