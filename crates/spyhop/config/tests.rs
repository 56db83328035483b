use serde_json::json;
use spyhop_model::{Span, settings};

use super::*;

settings! {
    /// Where findings go.
    pub struct Kafka {
        /// Brokers, as host and port.
        brokers: Vec<String> = Vec::new(),
        /// How the sensor proves who it is.
        mechanism: Mechanism = Mechanism::None,
        /// The password.
        sasl_password: String = String::new(),
        /// A file with the password, so that it need not stand here. A reader who comes by this long sentence sees that it goes on in a second line.
        sasl_password_file: Option<String> = None,
        /// Bytes of a message.
        message_bytes: u32 = 1_000_000,
        /// Labels.
        labels: std::collections::BTreeMap<String, String> = Default::default(),
    }
}

settings! {
    /// One account, many different passwords failing.
    pub struct BruteForce {
        /// Different passwords refused before it is reported.
        passwords: usize = 10,
        /// Time within which they are counted.
        within: Span = Span::minutes(10),
        /// How sure it must be.
        share: f64 = 0.5,
        /// Whether it is looked for.
        enabled: bool = true,
        /// Addresses that are left out.
        except: Vec<std::net::IpAddr> = Vec::new(),
    }
}

settings! {
    /// How many partners there are.
    pub struct Partners {
        /// Each with its networks.
        list: Vec<Partner> = Vec::new(),
        /// The least.
        least: u32 = 1,
        /// The most.
        most: u32 = 9,
    }
}

#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    #[default]
    None,
    Plain,
    ScramSha256,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    pub name: String,
    pub port: u16,
}

fn sections() -> Vec<Section> {
    vec![
        Section::of::<Kafka>("kafka"),
        Section::of::<BruteForce>("auth.brute_force"),
        Section::checked::<Partners>("partners", |partners| {
            if partners.least <= partners.most { Ok(()) } else { Err("`least` is more than `most`".to_owned()) }
        }),
    ]
}

fn read(text: &str) -> Document {
    Document::read("sensor.toml", text, &sections()).unwrap_or_else(|mistakes| panic!("{text}\n{}", render(&mistakes)))
}

/// All mistakes of a text, as `line:column: what`.
fn mistakes(text: &str) -> Vec<String> {
    let mistakes = Document::read("f", text, &sections()).expect_err(text);
    mistakes.iter().map(|mistake| mistake.to_string().trim_start_matches("f:").to_owned()).collect()
}

#[test]
fn what_is_written_is_used_and_the_rest_is_default() {
    let document =
        read("[auth.brute_force]\npasswords = 3\nexcept = [\"10.0.0.1\"]\n[kafka]\nmechanism = \"scram_sha256\"\n");
    let settings: BruteForce = document.section("auth.brute_force");
    assert_eq!((settings.passwords, settings.within, settings.except.len()), (3, Span::minutes(10), 1));
    assert!(matches!(document.section::<Kafka>("kafka").mechanism, Mechanism::ScramSha256));
    assert_eq!(document.object("auth.brute_force")["within"], json!("10m"));
    assert_eq!(document.source(), Some("sensor.toml"));
    assert_eq!(Document::defaults(&sections()).section::<BruteForce>("auth.brute_force").passwords, 10);
}

#[test]
fn toml_may_be_written_in_all_its_ways() {
    for text in [
        "auth.brute_force.passwords = 3",
        "auth.brute_force = { passwords = 3 }",
        "auth = { brute_force = { passwords = 3 } }",
        "[auth]\nbrute_force.passwords = 3",
        "[auth]\n[auth.brute_force]\npasswords = 0x3",
        "[\"auth\".'brute_force']\n\"passwords\" = 3",
        "\u{feff}[auth.brute_force]\r\npasswords = 3\r\n",
        "[kafka.labels]\na = \"b\"\n[auth.brute_force]\npasswords = +3",
    ] {
        assert_eq!(read(text).section::<BruteForce>("auth.brute_force").passwords, 3, "{text}");
    }
    assert_eq!(read("[kafka.labels]\na = \"b\"").section::<Kafka>("kafka").labels["a"], "b");
    assert_eq!(read("[[partners.list]]\nname = \"a\"\nport = 1").section::<Partners>("partners").list.len(), 1);
    assert_eq!(read("auth.brute_force.share = 1").section::<BruteForce>("auth.brute_force").share, 1.0);
}

#[test]
fn every_mistake_is_told_at_once_in_the_order_of_lines() {
    let text = "\
[auth.brute_force]
passwrods = 3
within = \"ten\"
enabled = 1
[kafak]
brokers = []
[kafka]
brokers = [\"a:1\", 2, \"b:1\", 3]
message_bytes = 99999999999
mechanism = \"scram_sha265\"
";
    assert_eq!(
        mistakes(text),
        [
            "2:1: unknown key `passwrods` in [auth.brute_force]; did you mean `passwords`?",
            "3:10: auth.brute_force.within: `ten` is no length of time; write a number and ms, s, m, h or d, as in \"10m\"",
            "4:11: auth.brute_force.enabled: expected true or false, found the number 1; the default is true",
            "5:2: unknown section `[kafak]`; did you mean `[kafka]`?",
            "8:19: kafka.brokers[1]: expected a text in quotes, found the number 2; put it in quotes",
            "8:29: kafka.brokers[3]: expected a text in quotes, found the number 3; put it in quotes",
            "9:17: kafka.message_bytes: expected a whole number from 0 to 4294967295, found the number 99999999999; the default is 1_000_000",
            "10:13: kafka.mechanism: `scram_sha265` is not one of `none`, `plain` or `scram_sha256`; did you mean `scram_sha256`?",
        ]
    );
}

#[test]
fn unknown_names_are_told_what_is_known() {
    for (text, expected) in [
        ("x = 1", "1:1: unknown key `x` outside of any section"),
        ("brokers = []", "1:1: `brokers` is a setting of [kafka]; write it below `[kafka]`"),
        ("[metrics]\na = 1", "1:2: unknown section `[metrics]`; known are `kafka`, `auth.brute_force` and `partners`"),
        ("[brute_force]\na = 1", "1:2: unknown section `[brute_force]`; did you mean `[auth.brute_force]`?"),
        ("[auth.brute-force]", "1:7: unknown section `[auth.brute-force]`; did you mean `[auth.brute_force]`?"),
        ("[auth]\nx = 1", "2:1: unknown key `x` in [auth], which has only sections of its own"),
        ("[partners]\nzone = 1", "2:1: unknown key `zone` in [partners]; known are `list`, `least` and `most`"),
        ("[partners]\nbrokers = []", "2:1: unknown key `brokers` in [partners]; it is a setting of [kafka]"),
        ("kafka = 3", "1:1: `kafka` is a section, not a value: write `[kafka]` and its settings below"),
        ("auth = 3", "1:1: `auth` is a section, not a value: write `[auth]` and its settings below"),
        ("[[kafka]]\n", "1:3: `kafka` is one section: write `[kafka]`, once and in single brackets"),
    ] {
        assert_eq!(mistakes(text), [expected], "{text}");
    }
}

#[test]
fn a_mistake_within_a_value_is_told_at_its_place() {
    for (text, expected) in [
        (
            "[auth.brute_force]\nexcept = [\"10.0.0.1\", \"10.0.0\"]",
            "2:23: auth.brute_force.except[1]: invalid IP address syntax",
        ),
        (
            "kafka.labels = { a = \"b\", c = 1 }",
            "1:31: kafka.labels.c: expected a text in quotes, found the number 1; put it in quotes",
        ),
        (
            "[[partners.list]]\nname = \"a\"\nport = \"80\"",
            "3:8: partners.list[0].port: expected a whole number from 0 to 65535, found the text \"80\"; remove the quotes",
        ),
        (
            "[[partners.list]]\nnmae = \"a\"\nport = 80",
            "2:1: partners.list[0].nmae: unknown key `nmae` here; did you mean `name`?",
        ),
        ("[[partners.list]]\nport = 80", "1:1: partners.list[0]: the key `name` is missing here"),
        (
            "kafka.brokers = \"a:1\"",
            "1:17: kafka.brokers: expected a list in brackets, found the text \"a:1\"; put it in brackets",
        ),
        (
            "kafka.message_bytes = {}",
            "1:23: kafka.message_bytes: expected a whole number from 0 to 4294967295, found a table; the default is 1_000_000",
        ),
        ("auth.brute_force.share = nan", "1:26: this number cannot be used; write a finite one"),
        ("kafka.message_bytes = 99999999999999999999", "1:23: this number is too large"),
        ("[partners]\nmost = 0\nleast = 0", "2:8: partners.most: `least` is more than `most`"),
    ] {
        assert_eq!(mistakes(text), [expected], "{text}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_place_and_the_rest_is_still_checked() {
    for (text, expected) in [
        (
            "[kafka]\nbrokers = [\"a:1\"\nx = 1\n[y]\n",
            "3:1: a comma is missing before this, or the list above is not closed by `]`",
        ),
        ("[kafka\nbrokers = []\n", "1:7: this is no section: write its name in brackets, as in `[kafka]`"),
        ("[kafka]\nbrokers []\n", "2:9: `=` and a value are missing after the key"),
        ("[kafka]\nbrokers: []\n", "2:10: `=` and a value are missing after the key"),
        ("kafka.sasl_password = \"x", "1:25: the quotes are not closed on this line"),
    ] {
        assert_eq!(mistakes(text), [expected], "{text}");
    }
    let text = "[auth.brute_force]\nwithin = ten\npasswrods = 1\nenabled = \n";
    assert_eq!(
        mistakes(text),
        [
            "2:10: a text must stand in quotes; true and false stand without",
            "3:1: unknown key `passwrods` in [auth.brute_force]; did you mean `passwords`?",
            "4:11: a value is missing",
        ]
    );
    assert_eq!(mistakes("[kafka]\n[partners]\n[kafka]\n"), ["3:2: this is written twice; keep one of the two"]);
    assert_eq!(mistakes("[kafka]\nbrokers = []\nbrokers = []\n"), ["3:1: this is written twice; keep one of the two"]);
    for text in ["]", "[", "=", "a", "\"", "'''", "{", "[[", "a=[[[[[[", "\u{0}", "a.b.=1", "[a]]"] {
        assert!(!mistakes(text).is_empty(), "{text}");
    }
    mistakes(&format!("a = {}", "[".repeat(2_000)));
    mistakes(&"[a.".repeat(10_000));
}

#[test]
fn a_mistake_is_shown_with_its_line_and_a_caret() {
    let text = "[auth.brute_force]\n  passwrods = 3\nwithin = \"ten\"  # ten what?\n";
    let shown = render(&Document::read("sensor.toml", text, &sections()).expect_err("mistakes"));
    assert_eq!(
        shown,
        "\
sensor.toml:2:3: unknown key `passwrods` in [auth.brute_force]; did you mean `passwords`?
  2 |   passwrods = 3
    |   ^^^^^^^^^
sensor.toml:3:10: auth.brute_force.within: `ten` is no length of time; write a number and ms, s, m, h or d, as in \"10m\"
  3 | within = \"ten\"  # ten what?
    |          ^^^^^
"
    );
}

#[test]
fn no_secret_is_shown() {
    for text in [
        "kafka.sasl_password = [\"hunter2\"]",
        "kafka.sasl_pasword = \"hunter2\"",
        "kafka.sasl_password = hunter2",
        "kafka = { sasl_password = \"hunter2\", broker = 1 }",
        "[kafka]\nsasl_password = \"\"\"\nhunter2\n",
        "[kafka]\npassword = \"hunter2\"\n",
        "[kafka]\nsasl_password = \"hunter2\"\nsasl_password = \"hunter2\"\n",
        "sasl_password = \"hunter2\"",
    ] {
        let shown = render(&Document::read("f", text, &sections()).expect_err(text));
        assert!(!shown.is_empty() && !shown.contains("hunter2"), "{shown}");
    }
    let shown =
        show(&read("[kafka]\nsasl_password = \"hunter2\"\nlabels = { client_secret = \"hunter2\", a = \"b\" }"));
    assert!(!shown.contains("hunter2") && shown.contains("sasl_password = (set, not shown)"), "{shown}");
}

#[test]
fn the_generated_file_has_every_setting_and_reads_as_the_defaults() {
    let text = generate(&sections());
    let (_, body) = text.split_once("\n\n").expect("a head");
    assert_eq!(
        body,
        "\
# Where findings go.
[kafka]
# Brokers, as host and port.
brokers = []
# How the sensor proves who it is.
mechanism = \"none\"
# The password.
sasl_password = \"\"
# A file with the password, so that it need not stand here. A reader who comes by this long sentence
# sees that it goes on in a second line.
# sasl_password_file =
# Bytes of a message.
message_bytes = 1_000_000
# Labels.
labels = {}

# One account, many different passwords failing.
[auth.brute_force]
# Different passwords refused before it is reported.
passwords = 10
# Time within which they are counted.
within = \"10m\"
# How sure it must be.
share = 0.5
# Whether it is looked for.
enabled = true
# Addresses that are left out.
except = []

# How many partners there are.
[partners]
# Each with its networks.
list = []
# The least.
least = 1
# The most.
most = 9
"
    );
    let (document, defaults) = (read(&text), Document::defaults(&sections()));
    for section in sections() {
        assert_eq!(document.object(section.name), defaults.object(section.name), "{}", section.name);
        let written = document.sections.iter().find(|held| held.name == section.name).expect("held");
        let null = section.default_object().values().filter(|value| value.is_null()).count();
        assert_eq!(written.written.len() + null, section.settings.len(), "{}", section.name);
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100));
    assert_eq!(
        show(&document).replace("from sensor.toml.", "with no file: everything has its default."),
        show(&defaults)
    );
}

#[test]
fn every_value_that_can_be_written_is_read_back() {
    settings! {
        /// Values.
        pub struct Odd {
            /// Text.
            text: String = "a \"b\" \\ \n\t\u{7f}\u{1b} 值".to_owned(),
            /// Long.
            long: Vec<String> = (0..9).map(|n| format!("192.168.{n}.0/24")).collect(),
            /// Nested.
            nested: serde_json::Value = serde_json::json!({"a b": [{"c": 1.0}, []], "é": u64::MAX, "n": -3}),
        }
    }
    let sections = [Section::of::<Odd>("odd")];
    let text = generate(&sections);
    assert!(text.contains("long = [\n    \"192.168.0.0/24\",\n"), "{text}");
    let document = Document::read("f", &text, &sections).unwrap_or_else(|m| panic!("{text}\n{}", render(&m)));
    assert_eq!(document.object("odd"), Document::defaults(&sections).object("odd"));
}

#[test]
fn what_is_in_effect_is_marked_where_it_differs() {
    let shown = show(&read("[auth.brute_force]\npasswords = 3\nshare = 0.5\n[kafka]\nsasl_password_file = \"/k\"\n"));
    assert!(shown.starts_with("# In effect, from sensor.toml.\n"));
    for line in [
        "passwords = 3  # changed; the default is 10\n",
        "share = 0.5\n",
        "sasl_password_file = \"/k\"  # changed; the default is nothing\n",
        "within = \"10m\"\n",
        "sasl_password = \"\"\n",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    read(&shown);
}

#[test]
fn a_file_that_cannot_be_read_says_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let said = |name: &str, content: Option<&[u8]>| {
        let path = directory.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).expect("written");
        }
        let mistakes = Document::load(&path, &sections()).expect_err(name);
        assert_eq!(mistakes.len(), 1);
        mistakes[0].to_string().replace(&directory.path().display().to_string(), "")
    };
    assert_eq!(
        said("no.toml", None),
        "/no.toml: there is no such file; `spyhop config default` prints one to begin with"
    );
    assert_eq!(said("", None), "/: this is a directory; name the file in it");
    assert_eq!(
        said("latin.toml", Some(b"# ok\n# caf\xe9\n")),
        "/latin.toml:2:6: this is no UTF-8 text; save the file as UTF-8"
    );
    assert!(
        said("a.pcap", Some(b"\xd4\xc3\xb2\xa1\0\0"))
            .ends_with("this is a binary file, so no configuration; name the right file")
    );
    assert!(said("big.toml", Some(&vec![b'#'; 2 << 20])).contains("more than 1 MiB"));
    std::fs::write(directory.path().join("good.toml"), "").expect("written");
    assert!(Document::load(&directory.path().join("good.toml"), &sections()).is_ok());
    assert_eq!(locate(Some(Path::new("x.toml"))), Some(PathBuf::from("x.toml")));
}
