//! All detectors. From here are written: their sections of `sensor.toml`, `README.md` beside this crate, and `spyhop explain`.

use serde_json::Value;
use spyhop_model::{Rule, Setting};

use crate::cells::{Cells, Table};
use crate::detector::Detector;
use crate::sensor::{Loss, Mirror};
use crate::{access, auth, data, flow};

/// A detector as the registry knows it.
pub struct Entry {
    /// Its rule; the kind is the name of its section in `sensor.toml`.
    pub rule: &'static Rule,
    /// What the section is about.
    pub about: &'static str,
    /// Its settings.
    pub settings: &'static [Setting],
    /// Its defaults, as an object.
    pub defaults: fn() -> Value,
    /// Builds it from an object of settings. The error is a sentence about the value.
    pub build: fn(Value) -> Result<Box<dyn Table>, String>,
}

impl Entry {
    const fn of<D: Detector>() -> Entry {
        Entry {
            rule: D::RULE,
            about: D::ABOUT,
            settings: D::SETTINGS,
            defaults: || serde_json::to_value(D::default()).unwrap_or_default(),
            build: |settings| {
                let detector: D = serde_json::from_value(settings).map_err(|wrong| wrong.to_string())?;
                detector.check()?;
                Ok(Box::new(Cells::new(detector)))
            },
        }
    }
}

/// Every detector, in the order in which they see an event.
pub static DETECTORS: &[Entry] = &[
    Entry::of::<auth::PlaintextPassword>(),
    Entry::of::<auth::WeakPassword>(),
    Entry::of::<auth::TokenInUrl>(),
    Entry::of::<auth::WeakToken>(),
    Entry::of::<auth::InsecureCookie>(),
    Entry::of::<auth::SingleFactor>(),
    Entry::of::<auth::Missing>(),
    // Attacks on logins: the strongest explanation first, so that the weaker ones can ask for it.
    Entry::of::<auth::CredentialStuffing>(),
    Entry::of::<auth::PasswordSpraying>(),
    Entry::of::<auth::BruteForce>(),
    Entry::of::<auth::UserEnumeration>(),
    Entry::of::<auth::HighFrequencyLogin>(),
    Entry::of::<auth::CodeAbuse>(),
    Entry::of::<auth::SuccessAfterFailures>(),
    Entry::of::<auth::MachineLogin>(),
    Entry::of::<auth::UnusualLogin>(),
    Entry::of::<auth::OverseasLogin>(),
    Entry::of::<auth::ImpossibleTravel>(),
    Entry::of::<auth::AccountSharing>(),
    Entry::of::<auth::AccountBorrowing>(),
    Entry::of::<auth::MultipleRoles>(),
    Entry::of::<auth::TokenReplay>(),
    Entry::of::<access::RateAnomaly>(),
    Entry::of::<access::DormantAccount>(),
    Entry::of::<access::DeniedBurst>(),
    Entry::of::<access::Crawler>(),
    Entry::of::<data::Unmasked>(),
    Entry::of::<data::FrontendMasking>(),
    Entry::of::<data::WeakMasking>(),
    Entry::of::<data::CleartextTransport>(),
    Entry::of::<data::ExcessiveRecords>(),
    Entry::of::<data::ExcessiveTypes>(),
    Entry::of::<data::SensitiveInUrl>(),
    Entry::of::<data::SecretExposed>(),
    Entry::of::<data::Export>(),
    Entry::of::<data::Canary>(),
    Entry::of::<data::PreLoginExposure>(),
    Entry::of::<flow::OverseasAccess>(),
    Entry::of::<flow::OutboundOverseas>(),
];

/// The rules of all kinds that can be reported: those of the detectors, and those told from the accounts.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    DETECTORS.iter().map(|entry| entry.rule).chain([Loss::RULE, Mirror::RULE])
}

/// The rule of a kind.
pub fn rule(kind: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn kinds_are_unique_and_every_text_is_there() {
        let mut kinds = BTreeSet::new();
        for rule in rules() {
            assert!(kinds.insert(rule.kind), "{} twice", rule.kind);
            for text in [rule.title, rule.about, rule.advice] {
                assert!(!text.en.is_empty() && !text.zh.is_empty(), "{} lacks a text", rule.kind);
                assert!(!text.en.contains("  "), "{}: {}", rule.kind, text.en);
            }
            assert!(!rule.clause.is_empty(), "{} lacks its clause", rule.kind);
        }
    }

    #[test]
    fn every_file_is_registered_and_has_a_case_that_fires_and_one_that_stays_silent() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for family in ["auth", "access", "data", "flow"] {
            for file in std::fs::read_dir(source.join(family)).expect("the family's folder") {
                let path = file.expect("a file").path();
                let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
                if name == "mod" {
                    continue;
                }
                let kind = format!("{family}.{name}");
                assert!(rule(&kind).is_some(), "{kind} has a file and is not registered");
                let text = std::fs::read_to_string(&path).expect("the file");
                assert!(
                    text.contains("sensor.only()") || text.contains("sensor.findings()"),
                    "{kind}: no case that fires"
                );
                assert!(text.contains("sensor.silent()"), "{kind}: no case that stays silent");
            }
        }
        for entry in DETECTORS {
            let (family, name) = entry.rule.kind.split_once('.').expect("family.name");
            assert!(
                source.join(family).join(name).with_extension("rs").exists(),
                "{} has no file of its name",
                entry.rule.kind
            );
        }
    }

    #[test]
    fn defaults_build_and_unknown_settings_are_refused() {
        for entry in DETECTORS {
            (entry.build)((entry.defaults)()).unwrap_or_else(|wrong| panic!("{}: {wrong}", entry.rule.kind));
            assert!((entry.build)(serde_json::json!({"no_such_setting": 1})).is_err(), "{}", entry.rule.kind);
        }
    }

    #[test]
    fn settings_that_could_never_be_reached_are_refused() {
        for (kind, setting) in [
            ("access.crawler", "requests"),
            ("auth.high_frequency_login", "per_address"),
            ("auth.high_frequency_login", "per_account_hour"),
        ] {
            let entry = DETECTORS.iter().find(|entry| entry.rule.kind == kind).expect("registered");
            let build = |limit: u64| (entry.build)(serde_json::json!({ setting: limit }));
            assert!(build(4_096).is_ok(), "{kind}");
            assert!(build(4_097).is_err_and(|sentence| sentence.contains(setting)), "{kind}");
        }
    }

    #[test]
    fn every_suggested_action_is_in_the_vocabulary_of_records() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let vocabulary =
            std::fs::read_to_string(root.join("../publish/src/record/respond.rs")).expect("the vocabulary");
        let mut actions = BTreeSet::new();
        for family in ["auth", "access", "data", "flow", "sensor"] {
            for file in std::fs::read_dir(root.join("src").join(family)).expect("the family's folder") {
                let text = std::fs::read_to_string(file.expect("a file").path()).expect("the file");
                for call in text.split(".respond(").skip(1) {
                    let action = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                    actions.insert(action.expect("the action stands in the call").to_owned());
                }
            }
        }
        assert!(actions.contains("limit_rate") && actions.contains("check_mirror"), "{actions:?}");
        for action in actions {
            assert!(vocabulary.contains(&format!("\"{action}\"")), "{action} has no sentence");
        }
    }

    #[test]
    fn the_page_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, page()).expect("README.md can be written");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page(), "crates/detect/README.md is out of date: run the tests with UPDATE=1");
    }

    /// The page that lists every kind: `README.md` of this crate.
    fn page() -> String {
        let mut page = String::from(
            "# Detectors\n\nGenerated from the registry (`UPDATE=1 cargo test -p spyhop-detect`). One file per kind of finding; to add one: \
         the file, its `mod` line, and one line in `src/registry.rs`.\n",
        );
        for rule in rules() {
            page.push_str(&format!("\n## {}\n\n", rule.kind));
            page.push_str(&format!("**{}** · {}\n\n", rule.title.en, rule.title.zh));
            page.push_str(&format!(
                "{:?}, severity {} unless the evidence says otherwise. Clause: {}\n\n",
                rule.class,
                rule.severity.name(),
                rule.clause
            ));
            page.push_str(&format!("{}\n\n{}\n\n", rule.about.en, rule.about.zh));
            page.push_str(&format!("What to do: {} {}\n", rule.advice.en, rule.advice.zh));
            let entry = DETECTORS.iter().find(|entry| entry.rule.kind == rule.kind);
            let Some(entry) = entry.filter(|entry| !entry.settings.is_empty()) else { continue };
            let defaults = (entry.defaults)();
            page.push_str("\n| setting | default | |\n| --- | --- | --- |\n");
            for setting in entry.settings {
                let default = defaults.get(setting.name).map(Value::to_string).unwrap_or_default();
                page.push_str(&format!("| `{}` | `{default}` | {} |\n", setting.name, setting.about.trim()));
            }
        }
        page
    }
}
