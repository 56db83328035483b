//! Weak authentication, and attacks on logins.

mod account_borrowing;
mod account_sharing;
mod high_frequency_login;
mod impossible_travel;
mod multiple_roles;
mod overseas_login;
mod plaintext_password;
mod token_in_url;
mod token_replay;
mod unusual_login;
mod weak_password;

pub use account_borrowing::AccountBorrowing;
pub use account_sharing::AccountSharing;
pub use high_frequency_login::HighFrequencyLogin;
pub use impossible_travel::ImpossibleTravel;
pub use multiple_roles::MultipleRoles;
pub use overseas_login::OverseasLogin;
pub use plaintext_password::PlaintextPassword;
pub use token_in_url::TokenInUrl;
pub use token_replay::TokenReplay;
pub use unusual_login::UnusualLogin;
pub use weak_password::WeakPassword;
