//! What stands in the repository and comes from the code: `UPDATE=1 cargo test --test spyhop generated` rewrites it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Standard output of a command that has to succeed.
fn spyhop(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_spyhop")).args(arguments).output().expect("the program starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Compares a file with what it has to be; with `UPDATE=1` writes it.
fn check(path: PathBuf, expected: &str) {
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        fs::write(&path, expected).expect("written");
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let line = found.lines().zip(expected.lines()).position(|(a, b)| a != b);
    let line = line.unwrap_or(found.lines().count().min(expected.lines().count())) + 1;
    let path = path.display();
    assert!(
        found == expected,
        "{path} differs from the code from line {line} on; `UPDATE=1 cargo test --test spyhop generated` rewrites it"
    );
}

#[test]
fn sensor_toml_is_what_the_program_writes() {
    let expected = spyhop(&["config", "default"]);
    check(root().join("sensor.toml"), &expected);
    let checked = spyhop(&["config", "check", &root().join("sensor.toml").display().to_string()]);
    assert!(checked.contains("sensor.toml: no mistakes"), "{checked}");
    // With every setting at its default it changes nothing.
    let shown = |file: &Path| spyhop(&["config", "show", &file.display().to_string()]);
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("sensor.toml");
    fs::write(&empty, "").expect("a file");
    let settings = |text: &str| text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    assert_eq!(settings(&shown(&root().join("sensor.toml"))), settings(&shown(&empty)));
}

#[test]
fn every_kind_is_listed_and_explained() {
    let kinds = ["en", "zh"].map(|lang| (lang, spyhop(&["kinds", "--lang", lang])));
    let defaults = spyhop(&["config", "default"]);
    let mut rules = 0;
    for rule in spyhop_detect::rules() {
        rules += 1;
        for (lang, kinds) in &kinds {
            let title = if *lang == "zh" { rule.title.zh } else { rule.title.en };
            assert!(kinds.contains(rule.kind) && kinds.contains(title), "{} is missing in:\n{kinds}", rule.kind);
            let text = spyhop(&["explain", rule.kind, "--lang", lang]);
            assert!(text.contains(rule.kind) && text.contains(title) && text.contains(rule.clause), "{text}");
            assert!(text.lines().count() > 5, "{text}");
        }
        assert!(defaults.contains(&format!("[{}]", rule.kind)), "{} has no section", rule.kind);
    }
    assert!(rules >= 10);
}
