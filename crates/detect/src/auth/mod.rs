//! Logins, passwords, sessions and tokens.

mod account_borrowing;
mod account_sharing;
mod brute_force;
mod code_abuse;
mod credential_stuffing;
mod high_frequency_login;
mod impossible_travel;
mod insecure_cookie;
mod machine_login;
mod missing;
mod multiple_roles;
mod overseas_login;
mod password_spraying;
mod plaintext_password;
mod single_factor;
mod success_after_failures;
mod token_in_url;
mod token_replay;
mod unusual_login;
mod user_enumeration;
mod weak_password;
mod weak_token;

use spyhop_model::Span;

pub use account_borrowing::AccountBorrowing;
pub use account_sharing::AccountSharing;
pub use brute_force::BruteForce;
pub use code_abuse::CodeAbuse;
pub use credential_stuffing::CredentialStuffing;
pub use high_frequency_login::HighFrequencyLogin;
pub use impossible_travel::ImpossibleTravel;
pub use insecure_cookie::InsecureCookie;
pub use machine_login::MachineLogin;
pub use missing::Missing;
pub use multiple_roles::MultipleRoles;
pub use overseas_login::OverseasLogin;
pub use password_spraying::PasswordSpraying;
pub use plaintext_password::PlaintextPassword;
pub use single_factor::SingleFactor;
pub use success_after_failures::SuccessAfterFailures;
pub use token_in_url::TokenInUrl;
pub use token_replay::TokenReplay;
pub use unusual_login::UnusualLogin;
pub use user_enumeration::UserEnumeration;
pub use weak_password::WeakPassword;
pub use weak_token::WeakToken;

pub(crate) use missing::{gives_away, is_bare, is_turned_away};

/// Whether a span over which attempts are counted is one.
fn window(name: &str, span: Span) -> Result<(), String> {
    if span == Span::default() || span > Span::days(1) {
        return Err(format!("{name}: attempts are counted over more than nothing and at most a day, not {span}"));
    }
    Ok(())
}

/// Whether a limit can be reached, and is one.
fn within(name: &str, limit: u64, most: u64) -> Result<(), String> {
    if limit == 0 || limit > most {
        return Err(format!("{name}: from 1 to {most}; {limit} is always or never reached"));
    }
    Ok(())
}
