//! Configuration in two layers: what stands in `sensor.toml`, then checked settings that later code asks no questions of.
//!
//! A section is a [`Settings`] struct that stands with its user; here it is only named. All mistakes are told at once.

mod mistake;
mod nearest;
mod secret;
mod wording;
mod written;

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use spyhop_model::{Setting, Settings};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use mistake::Page;
pub use mistake::{Mistake, render};
pub use nearest::nearest;
pub use secret::is_secret;
pub use written::{generate, show};

pub use wording::quoted;

/// Where settings are looked for when no file is named, in this order.
pub const PLACES: [&str; 2] = ["sensor.toml", "/etc/spyhop/sensor.toml"];

/// A longer file is no configuration. In bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// Mistakes that are looked for; a file with more is none that anyone wrote.
const MOST_MISTAKES: usize = 500;

type Check = Box<dyn Fn(Value) -> Result<(), String> + Send + Sync>;

/// A section of `sensor.toml`.
pub struct Section {
    /// Its name, dotted: `kafka`, `auth.brute_force`.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Its keys, in order.
    pub settings: &'static [Setting],
    /// Its defaults, as an object.
    pub defaults: fn() -> Value,
    /// Tells whether an object of some of its keys can be used; the error is a sentence about the value.
    check: Check,
}

impl Section {
    /// The section of a settings struct.
    pub fn of<S: Settings + 'static>(name: &'static str) -> Section {
        Section::checked::<S>(name, |_| Ok(()))
    }

    /// The section of a settings struct whose values must also satisfy `usable`. It is asked of every written key alone, with
    /// defaults for the others, and then of all together.
    pub fn checked<S: Settings + 'static>(name: &'static str, usable: fn(&S) -> Result<(), String>) -> Section {
        Section::new(
            name,
            S::ABOUT,
            S::SETTINGS,
            || serde_json::to_value(S::default()).unwrap_or_default(),
            move |value| {
                let settings: S = serde_json::from_value(value).map_err(|wrong| wrong.to_string())?;
                usable(&settings)
            },
        )
    }

    /// A section from its parts, for what is known only by a registry.
    pub fn new(
        name: &'static str,
        about: &'static str,
        settings: &'static [Setting],
        defaults: fn() -> Value,
        check: impl Fn(Value) -> Result<(), String> + Send + Sync + 'static,
    ) -> Section {
        Section { name, about, settings, defaults, check: Box::new(check) }
    }

    fn has(&self, key: &str) -> bool {
        self.settings.iter().any(|setting| setting.name == key)
    }

    fn keys(&self) -> Vec<&'static str> {
        self.settings.iter().map(|setting| setting.name).collect()
    }

    fn default_object(&self) -> Map<String, Value> {
        match (self.defaults)() {
            Value::Object(defaults) => defaults,
            _ => Map::new(),
        }
    }
}

/// A configuration that was read and checked.
#[derive(Clone, Debug)]
pub struct Document {
    source: Option<String>,
    sections: Vec<Held>,
}

#[derive(Clone, Debug)]
struct Held {
    name: &'static str,
    settings: &'static [Setting],
    defaults: Map<String, Value>,
    written: Map<String, Value>,
}

impl Document {
    /// No file at all: every setting has its default.
    pub fn defaults(sections: &[Section]) -> Document {
        Document { source: None, sections: sections.iter().map(|section| held(section, Map::new())).collect() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Every mistake in it; or the one that it cannot be read.
    pub fn load(path: &Path, sections: &[Section]) -> Result<Document, Vec<Mistake>> {
        let name = path.display().to_string();
        let text = file(path).map_err(|what| vec![Mistake::of_file(&name, what)])?;
        match String::from_utf8(text) {
            Ok(text) => Document::read(&name, &text, sections),
            Err(wrong) => {
                let good = wrong.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(wrong.as_bytes());
                let what = "this is no UTF-8 text; save the file as UTF-8".to_owned();
                Err(vec![Page::new(&name, &text).mistake(good..good + 1, "", what)])
            }
        }
    }

    /// Reads a text; `source` is its name in messages.
    ///
    /// # Errors
    /// Every mistake in it, in the order of lines.
    pub fn read(source: &str, text: &str, sections: &[Section]) -> Result<Document, Vec<Mistake>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let page = Page::new(source, text);
        let mut reading = Reading {
            page: &page,
            sections,
            written: vec![Map::new(); sections.len()],
            places: vec![None; sections.len()],
            mistakes: Vec::new(),
        };
        reading.table("", None, root.get_ref());
        reading.whole_sections();
        let mut mistakes = reading.mistakes;
        let written = reading.written;

        // What follows from a line that is no TOML is not worth telling.
        let (unreadable, end) = unreadable(&page, text, &errors);
        mistakes.retain(|mistake| mistake.line < end && unreadable.iter().all(|bad| bad.line != mistake.line));
        mistakes.extend(unreadable);
        if mistakes.is_empty() {
            let sections = sections.iter().zip(written).map(|(section, written)| held(section, written)).collect();
            Ok(Document { source: Some(source.to_owned()), sections })
        } else {
            mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
            Err(mistakes)
        }
    }

    /// The settings of a section.
    ///
    /// # Panics
    /// If the document was read without that section, or with another struct for it: a mistake in the program.
    pub fn section<S: Settings>(&self, name: &str) -> S {
        match serde_json::from_value(self.object(name)) {
            Ok(settings) => settings,
            Err(wrong) => panic!("section `{name}` was checked as something else: {wrong}"),
        }
    }

    /// Takes the sections of another configuration, but for those that are to stay.
    pub(crate) fn take_others(&mut self, other: &Document, stays: impl Fn(&str) -> bool) {
        for (held, others) in self.sections.iter_mut().zip(&other.sections).filter(|(held, _)| !stays(held.name)) {
            held.clone_from(others);
        }
    }

    /// The settings of a section as an object, with defaults for what was not written.
    ///
    /// # Panics
    /// As [`Document::section`].
    pub fn object(&self, name: &str) -> Value {
        match self.sections.iter().find(|held| held.name == name) {
            Some(held) => {
                let mut object = held.defaults.clone();
                object.extend(held.written.clone());
                Value::Object(object)
            }
            None => panic!("section `{name}` was never declared"),
        }
    }

    /// What was written for a key, unless that is its default.
    pub fn chosen(&self, section: &str, key: &str) -> Option<&Value> {
        let held = self.sections.iter().find(|held| held.name == section)?;
        held.written.get(key).filter(|written| Some(*written) != held.defaults.get(key))
    }

    /// The default of a key.
    pub fn default_of(&self, section: &str, key: &str) -> Option<&Value> {
        self.sections.iter().find(|held| held.name == section)?.defaults.get(key)
    }

    /// Gives a key that was not [chosen](Document::chosen) another default.
    pub fn set_default(&mut self, section: &str, key: &str, value: Value) {
        if let Some(held) = self.sections.iter_mut().find(|held| held.name == section) {
            held.written.remove(key);
            held.defaults.insert(key.to_owned(), value);
        }
    }

    /// The file it came from.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

fn held(section: &Section, written: Map<String, Value>) -> Held {
    Held { name: section.name, settings: section.settings, defaults: section.default_object(), written }
}

/// The file to read: the one that was named, else the first of [`PLACES`] that is there.
pub fn locate(named: Option<&Path>) -> Option<PathBuf> {
    let there = || PLACES.iter().map(PathBuf::from).find(|path| path.try_exists().unwrap_or(true));
    named.map(Path::to_owned).or_else(there)
}

/// The file's content, or why it cannot be had.
fn file(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::{ErrorKind, Read};
    let explain = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => "there is no such file; `spyhop config default` prints one to begin with".to_owned(),
        ErrorKind::PermissionDenied => "this user may not read it; check owner and mode of the file".to_owned(),
        ErrorKind::IsADirectory => "this is a directory; name the file in it".to_owned(),
        _ => format!("it cannot be read: {error}"),
    };
    let mut text = Vec::new();
    let opened = std::fs::File::open(path).map_err(explain)?;
    opened.take(LONGEST_FILE + 1).read_to_end(&mut text).map_err(explain)?;
    if text.len() as u64 > LONGEST_FILE {
        return Err("this is more than 1 MiB, so no configuration; name the right file".to_owned());
    }
    if text.contains(&0) {
        return Err("this is a binary file, so no configuration; name the right file".to_owned());
    }
    Ok(text)
}

const BAD_HEADER: &str = "this is no section: write its name in brackets, as in `[kafka]`";
const BAD_LIST: &str = "a comma is missing before this, or the list above is not closed by `]`";

/// What is no TOML, one mistake a line; and the line from which on nothing can be told, because a section or list without its
/// bracket has swallowed what follows.
fn unreadable(page: &Page<'_>, text: &str, errors: &[toml::de::Error]) -> (Vec<Mistake>, usize) {
    let mut found: Vec<Mistake> = Vec::new();
    let mut end = usize::MAX;
    let swallows = errors.iter().any(|error| error.message().starts_with("unclosed array,"));
    for error in errors.iter().take(MOST_MISTAKES) {
        let span = error.span().unwrap_or(text.len()..text.len());
        let what = syntax(error.message(), text.get(span.clone()).unwrap_or(""));
        let mistake = page.mistake(span, "", what);
        if mistake.what == BAD_HEADER || (swallows && mistake.what == BAD_LIST) {
            end = end.min(mistake.line);
        }
        if found.iter().all(|earlier| earlier.line != mistake.line) {
            found.push(mistake);
        }
    }
    found.retain(|mistake| mistake.line <= end);
    (found, end)
}

/// What the parser says, where that could be said better; `there` is what it points at.
fn syntax(message: &str, there: &str) -> String {
    let begins = |beginning: &str| message.starts_with(beginning);
    let known = if begins("duplicate key") {
        "this is written twice; keep one of the two"
    } else if begins("string values must be quoted") && there.trim().is_empty() {
        "a value is missing"
    } else if begins("string values must be quoted") || begins("invalid boolean") {
        "a text must stand in quotes; true and false stand without"
    } else if begins("invalid basic string") || begins("invalid literal string") {
        "the quotes are not closed on this line"
    } else if begins("key with no value") {
        "`=` and a value are missing after the key"
    } else if begins("missing comma between array elements") || begins("unclosed array, ") {
        BAD_LIST
    } else if begins("unclosed table") || begins("unclosed array table") || begins("missing table open") {
        BAD_HEADER
    } else {
        return format!("this is no TOML: {message}");
    };
    known.to_owned()
}

/// A walk through what was written.
struct Reading<'a> {
    page: &'a Page<'a>,
    sections: &'a [Section],
    written: Vec<Map<String, Value>>,
    /// Where each section was first named.
    places: Vec<Option<Range<usize>>>,
    mistakes: Vec<Mistake>,
}

/// What is wrong with a value, and where in it.
struct Wrong {
    span: Range<usize>,
    path: String,
    what: String,
}

impl Reading<'_> {
    fn mistake(&mut self, span: Range<usize>, path: &str, what: String) {
        if self.mistakes.len() < MOST_MISTAKES {
            self.mistakes.push(self.page.mistake(span, path, what));
        }
    }

    /// A table that is a section (`owner`), or that only leads to sections.
    fn table(&mut self, path: &str, owner: Option<usize>, table: &DeTable<'_>) {
        for (key, value) in table {
            if self.mistakes.len() >= MOST_MISTAKES {
                return;
            }
            let name: &str = key.get_ref();
            let child = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let section = self.sections.iter().position(|section| section.name == child);
            if section.is_some() || self.leads_on(&child) {
                match value.get_ref() {
                    DeValue::Table(inner) => {
                        if let Some(place) = section.and_then(|index| self.places.get_mut(index)) {
                            place.get_or_insert(key.span());
                        }
                        self.table(&child, section, inner);
                    }
                    DeValue::Array(_) => {
                        let what = format!("`{child}` is one section: write `[{child}]`, once and in single brackets");
                        self.mistake(key.span(), &child, what);
                    }
                    _ => {
                        let what =
                            format!("`{child}` is a section, not a value: write `[{child}]` and its settings below");
                        self.mistake(key.span(), &child, what);
                    }
                }
            } else if let Some(index) = owner.filter(|index| self.sections[*index].has(name)) {
                self.value(index, name, value);
            } else {
                let what = self.unknown(owner, path, name, &child, value.get_ref());
                self.mistake(key.span(), &child, what);
            }
        }
    }

    fn leads_on(&self, path: &str) -> bool {
        self.sections.iter().any(|s| s.name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
    }

    /// What to say of a name that is neither section nor key.
    fn unknown(&self, owner: Option<usize>, path: &str, name: &str, child: &str, value: &DeValue<'_>) -> String {
        let is_table = matches!(value, DeValue::Table(_))
            || matches!(value, DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()));
        if owner.is_none() && is_table {
            let names: Vec<&str> = self.sections.iter().map(|section| section.name).collect();
            return match nearest(child, names.iter().copied()) {
                Some(near) => format!("unknown section `[{child}]`; did you mean `[{near}]`?"),
                None => format!("unknown section `[{child}]`; known are {}", quoted(&names, "and")),
            };
        }
        // The right key in the wrong section.
        let elsewhere = self.sections.iter().find(|section| section.has(name)).map(|section| section.name);
        let Some(section) = owner.and_then(|index| self.sections.get(index)) else {
            return match elsewhere {
                Some(section) => format!("`{name}` is a setting of [{section}]; write it below `[{section}]`"),
                None if path.is_empty() => format!("unknown key `{name}` outside of any section"),
                None => format!("unknown key `{name}` in [{path}], which has only sections of its own"),
            };
        };
        let keys = section.keys();
        match (nearest(name, keys.iter().copied()), elsewhere) {
            (None, Some(other)) => format!("unknown key `{name}` in [{path}]; it is a setting of [{other}]"),
            _ => wording::unknown_key(name, &format!("in [{path}]"), &keys),
        }
    }

    fn value(&mut self, index: usize, key: &str, value: &Spanned<DeValue<'_>>) {
        let section = &self.sections[index];
        let path = format!("{}.{key}", section.name);
        let secret = is_secret(key);
        let example = match section.default_object().get(key) {
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => None,
            Some(default) => (!secret).then(|| written::inline(default)),
        };
        match json(value) {
            Err((span, what)) => self.mistake(span, &path, what),
            Ok(usable) => {
                let attempt = |value: Value| (section.check)(Value::Object(Map::from_iter([(key.to_owned(), value)])));
                match attempt(usable.clone()) {
                    Ok(()) => {
                        self.written[index].insert(key.to_owned(), usable);
                    }
                    Err(said) => {
                        for Wrong { span, path, what } in locate_in(&attempt, value, &path, said) {
                            let mut sentence = wording::readable(&what, secret);
                            if let Some(default) = example.as_ref().filter(|_| sentence.starts_with("expected ")) {
                                sentence += &format!("; the default is {default}");
                            }
                            self.mistake(span, &path, format!("{path}: {sentence}"));
                        }
                        // The section as a whole is not asked about any more.
                        self.places[index] = None;
                    }
                }
            }
        }
    }

    /// Keys that are good alone may contradict each other.
    fn whole_sections(&mut self) {
        for (index, section) in self.sections.iter().enumerate() {
            let Some(place) = self.places[index].clone() else { continue };
            if let Err(said) = (section.check)(Value::Object(self.written[index].clone())) {
                let secret = section.settings.iter().any(|setting| is_secret(setting.name));
                self.mistake(place, section.name, format!("[{}]: {}", section.name, wording::readable(&said, secret)));
            }
        }
    }
}

/// Which parts of a value are refused: each element of a list and each entry of a table is tried alone. If all are good alone,
/// it is the value as a whole.
fn locate_in(
    attempt: &dyn Fn(Value) -> Result<(), String>,
    value: &Spanned<DeValue<'_>>,
    path: &str,
    said: String,
) -> Vec<Wrong> {
    let mut found = Vec::new();
    match value.get_ref() {
        DeValue::Array(items) if attempt(Value::Array(Vec::new())).is_ok() => {
            for (index, item) in items.iter().enumerate() {
                if found.len() >= MOST_MISTAKES {
                    break;
                }
                let alone = |inner: Value| attempt(Value::Array(vec![inner]));
                let Ok(usable) = json(item) else { continue };
                if let Err(said) = alone(usable) {
                    found.extend(locate_in(&alone, item, &format!("{path}[{index}]"), said));
                }
            }
        }
        DeValue::Table(entries) => {
            for (key, item) in entries {
                let name: &str = key.get_ref();
                let path = format!("{path}.{name}");
                let alone = |inner: Value| attempt(Value::Object(Map::from_iter([(name.to_owned(), inner)])));
                let Ok(usable) = json(item) else { continue };
                match alone(usable) {
                    Err(said) if wording::unknown_field(&said) == Some(name) => {
                        found.push(Wrong { span: key.span(), path, what: said });
                    }
                    Err(other) if !wording::is_missing(&other) && !refuses_tables(&other) => {
                        found.extend(locate_in(&alone, item, &path, other));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    if found.is_empty() {
        found.push(Wrong { span: value.span(), path: path.to_owned(), what: said });
    }
    found
}

/// The table itself is of the wrong type, whatever stands in it.
fn refuses_tables(said: &str) -> bool {
    said.starts_with("invalid type: map")
}

/// A TOML value as JSON.
fn json(value: &Spanned<DeValue<'_>>) -> Result<Value, (Range<usize>, String)> {
    let wrong = |what: &str| (value.span(), what.to_owned());
    Ok(match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            let (digits, radix) = (number.as_str(), number.radix());
            match (i64::from_str_radix(digits, radix), u64::from_str_radix(digits, radix)) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                _ => return Err(wrong("this number is too large")),
            }
        }
        DeValue::Float(number) => match number.as_str().parse().ok().and_then(serde_json::Number::from_f64) {
            Some(number) => Value::Number(number),
            None => return Err(wrong("this number cannot be used; write a finite one")),
        },
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Array(items) => Value::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        DeValue::Table(entries) => {
            let entries = entries.iter().map(|(key, item)| Ok((key.get_ref().to_string(), json(item)?)));
            Value::Object(entries.collect::<Result<_, (Range<usize>, String)>>()?)
        }
    })
}

#[cfg(test)]
mod tests;
