//! Settings: a struct whose fields, defaults and sentences are written once, and from which `sensor.toml` is generated.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// One setting as `sensor.toml` shows it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
}

/// A section of `sensor.toml`. Written by the [`settings!`](crate::settings!) macro.
pub trait Settings: Default + Serialize + DeserializeOwned {
    /// What the section is about.
    const ABOUT: &'static str;
    /// Its keys, in order.
    const SETTINGS: &'static [Setting];
}

/// Declares a settings struct: every field with its sentence and its default.
///
/// ```
/// spyhop_model::settings! {
///     /// Limits of the flow table.
///     pub struct Limits {
///         /// Connections held at once.
///         connections: usize = 100_000,
///     }
/// }
/// assert_eq!(Limits::default().connections, 100_000);
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        $(#[derive($($more:ident),+)])?
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident : $ty:ty = $default:expr ),* $(,)?
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, $crate::serde::Serialize, $crate::serde::Deserialize $(, $($more),+)?)]
        #[serde(crate = "spyhop_model::serde", default, deny_unknown_fields)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $ty ),*
        }

        impl ::core::default::Default for $name {
            fn default() -> Self {
                $name { $( $field: $default ),* }
            }
        }

        impl $crate::Settings for $name {
            const ABOUT: &'static str = concat!($($about),+);
            const SETTINGS: &'static [$crate::Setting] = &[
                $( $crate::Setting { name: stringify!($field), about: concat!($($doc),+) } ),*
            ];
        }
    };
}
