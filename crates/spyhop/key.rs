//! The key of fingerprints: made once, kept by its owner alone, carried to other sensors encrypted.
//!
//! What is exported is a file of the age format (age-encryption.org/v1), so that `age` reads it, too: under a passphrase
//! (scrypt), or for whoever has the identity of a recipient (X25519).

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::str::FromStr;

use age::secrecy::SecretString;
use spyhop_model::Key;

use crate::cli::KeyCommand;
use crate::session::Failure;

/// Longest file of a passphrase, an identity or an exported key, in bytes.
const LONGEST: u64 = 64 << 10;
/// Fewer characters are no passphrase for a key.
const SHORTEST_PASSPHRASE: usize = 12;
/// Most that is spent on a passphrase of somebody else's file: 2^22 rounds of scrypt, some seconds and 4 GiB.
const MOST_WORK: u8 = 22;

/// A key that lives for this run only.
pub fn passing_key() -> Result<Key, String> {
    random_bytes().map(Key::new)
}

/// Reads a key file, and makes it where it is missing. True if it was made.
///
/// # Errors
/// Others may read the file, or there is no key in it.
pub fn key(path: &Path) -> Result<(Key, bool), String> {
    if let Some(bytes) = open(path)? {
        return Ok((Key::new(bytes), false));
    }
    let bytes = random_bytes()?;
    write_new(path, format!("{}\n", hex(&bytes)).as_bytes()).map_err(|wrong| format!("key file {}", wrong.text))?;
    Ok((Key::new(bytes), true))
}

/// The key in a file; `None` where there is no such file.
fn open(path: &Path) -> Result<Option<[u8; 32]>, String> {
    let told = |wrong: std::io::Error| format!("key file {}: {wrong}", path.display());
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(wrong) if wrong.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(wrong) => return Err(told(wrong)),
    };
    let mode = file.metadata().map_err(told)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "key file {}: others may read it (mode {:03o}); whoever has the key can test guesses against every fingerprint. chmod 600 it",
            path.display(),
            mode & 0o777
        ));
    }
    // A key is 64 characters; what is longer is no key, and is not read.
    let mut text = String::new();
    let read = std::io::Read::by_ref(&mut file).take(256).read_to_string(&mut text);
    let bytes = read.ok().and_then(|_| parse(text.trim()));
    bytes.map(Some).ok_or_else(|| {
        format!(
            "key file {}: no key in it; a key is 64 hexadecimal digits on one line (openssl rand -hex 32)",
            path.display()
        )
    })
}

fn random_bytes() -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|wrong| format!("/dev/urandom: {wrong}"))?;
    Ok(bytes)
}

/// `spyhop key`.
///
/// # Errors
/// What is wrong with a file, a passphrase or a recipient.
pub fn command(command: &KeyCommand) -> Result<String, Failure> {
    match command {
        KeyCommand::Show { key_file } => {
            let (bytes, path) = (existing(key_file)?, key_file.display());
            Ok(format!("{}  {path}\n", Key::new(bytes).id()))
        }
        KeyCommand::Export { key_file, out, to, passphrase_file } => {
            let bytes = existing(key_file)?;
            let id = Key::new(bytes).id();
            let encrypted = encrypt(&hex(&bytes), to.as_deref(), passphrase_file.as_deref())?;
            write_new(out, encrypted.as_bytes())?;
            Ok(format!("key {id} exported to {}\n", out.display()))
        }
        KeyCommand::Import { file, key_file, identity, passphrase_file } => {
            let text = decrypt(&read(file)?, identity.as_deref(), passphrase_file.as_deref())
                .map_err(|wrong| Failure::failed(format!("{}: {wrong}", file.display())))?;
            let bytes = parse(text.trim())
                .ok_or_else(|| Failure::failed(format!("{}: what is encrypted in it is no key", file.display())))?;
            write_new(key_file, format!("{}\n", hex(&bytes)).as_bytes())?;
            Ok(format!("key {} imported to {}\n", Key::new(bytes).id(), key_file.display()))
        }
    }
}

/// The key of a file that must be there.
fn existing(path: &Path) -> Result<[u8; 32], Failure> {
    match open(path) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(Failure::failed(format!(
            "key file {}: no such file; name one with --key-file, by default it is `key` in the state directory",
            path.display()
        ))),
        Err(wrong) => Err(Failure::failed(wrong)),
    }
}

fn encrypt(text: &str, to: Option<&str>, passphrase_file: Option<&Path>) -> Result<String, Failure> {
    let wrong = |what: String| Failure::failed(format!("encrypting: {what}"));
    match (to, passphrase_file) {
        (Some(to), _) => {
            let recipient = age::x25519::Recipient::from_str(to)
                .map_err(|why| Failure::usage(format!("--to {to}: {why}; a recipient is written `age1…`")))?;
            age::encrypt_and_armor(&recipient, text.as_bytes()).map_err(|why| wrong(why.to_string()))
        }
        (None, Some(path)) => {
            let recipient = age::scrypt::Recipient::new(passphrase(path, true)?);
            age::encrypt_and_armor(&recipient, text.as_bytes()).map_err(|why| wrong(why.to_string()))
        }
        (None, None) => Err(Failure::usage("name a --passphrase-file, or a recipient with --to".to_owned())),
    }
}

fn decrypt(file: &[u8], identity: Option<&Path>, passphrase_file: Option<&Path>) -> Result<String, String> {
    let failed = |why: age::DecryptError| format!("it cannot be decrypted: {why}");
    let told = |failure: Failure| failure.text;
    let bytes = match (identity, passphrase_file) {
        (Some(path), _) => {
            let text = String::from_utf8(read(path).map_err(told)?).unwrap_or_default();
            let line = text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-"));
            let identity = line.and_then(|line| age::x25519::Identity::from_str(line).ok());
            let identity = identity
                .ok_or_else(|| format!("no identity in {}: one is written `AGE-SECRET-KEY-…`", path.display()))?;
            age::decrypt(&identity, file).map_err(failed)?
        }
        (None, Some(path)) => {
            let mut identity = age::scrypt::Identity::new(passphrase(path, false).map_err(told)?);
            identity.set_max_work_factor(MOST_WORK);
            age::decrypt(&identity, file).map_err(failed)?
        }
        (None, None) => return Err("name a --passphrase-file or an --identity".to_owned()),
    };
    String::from_utf8(bytes).map_err(|_| "what is encrypted in it is no key".to_owned())
}

/// The first line of a file; `-` is standard input.
fn passphrase(path: &Path, is_new: bool) -> Result<SecretString, Failure> {
    let text = String::from_utf8(read(path)?)
        .map_err(|_| Failure::usage(format!("passphrase file {}: it is no text", path.display())))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() || is_new && line.chars().count() < SHORTEST_PASSPHRASE {
        return Err(Failure::usage(format!(
            "passphrase file {}: its first line has to have {SHORTEST_PASSPHRASE} characters at least",
            path.display()
        )));
    }
    Ok(SecretString::from(line.to_owned()))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let told = |wrong: std::io::Error| Failure::failed(format!("{}: {wrong}", path.display()));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST).read_to_end(&mut bytes).map_err(told)?;
    } else {
        File::open(path).map_err(told)?.take(LONGEST).read_to_end(&mut bytes).map_err(told)?;
    }
    Ok(bytes)
}

/// Writes a file that only its owner may read; one that is there stays.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let told = |wrong: std::io::Error| {
        let there = wrong.kind() == std::io::ErrorKind::AlreadyExists;
        let advice = if there { "; it is left as it is: name another file, or move it away first" } else { "" };
        Failure::failed(format!("{}: {wrong}{advice}", path.display()))
    };
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map_err(told)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(told)
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let (made, fresh) = key(&path).expect("a key");
        let (read, again) = key(&path).expect("the same key");
        assert!(fresh && !again && made.id() == read.id());
        assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(key(&path).expect_err("refused").contains("chmod 600"));
    }

    #[test]
    fn a_file_without_a_key_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        for text in ["", "abc", &"z".repeat(64), &"a".repeat(65)] {
            let _ = fs::remove_file(&path);
            OpenOptions::new()
                .create(true)
                .write(true)
                .truncate(true)
                .mode(0o600)
                .open(&path)
                .and_then(|mut f| f.write_all(text.as_bytes()))
                .expect("a file");
            assert!(key(&path).expect_err("refused").contains("64 hexadecimal digits"), "{text}");
        }
    }

    #[test]
    fn a_key_travels_encrypted_and_is_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let (made, _) = key(&at("key")).expect("a key");
        fs::write(at("phrase"), "correct horse battery\n").expect("a passphrase");
        fs::write(at("other"), "wrong horse battery!\n").expect("a passphrase");
        let identity = age::x25519::Identity::generate();
        fs::write(at("identity"), age::secrecy::ExposeSecret::expose_secret(&identity.to_string()))
            .expect("an identity");
        let export = |name: &str, to: Option<String>| KeyCommand::Export {
            key_file: at("key"),
            out: at(name),
            passphrase_file: to.is_none().then(|| at("phrase")),
            to,
        };
        let import = |name: &str, into: &str, phrase: Option<&str>| KeyCommand::Import {
            file: at(name),
            key_file: at(into),
            identity: phrase.is_none().then(|| at("identity")),
            passphrase_file: phrase.map(at),
        };
        command(&export("a.age", None)).expect("exported");
        command(&export("b.age", Some(identity.to_public().to_string()))).expect("exported");
        let raw = fs::read_to_string(at("key")).expect("the key");
        for (name, into, phrase) in [("a.age", "key2", Some("phrase")), ("b.age", "key3", None)] {
            assert!(!fs::read_to_string(at(name)).expect("the export").contains(raw.trim()));
            command(&import(name, into, phrase)).expect("imported");
            assert_eq!(key(&at(into)).expect("a key").0.id(), made.id());
        }
        let wrong = command(&import("a.age", "key4", Some("other"))).expect_err("the wrong passphrase");
        assert!(wrong.text.contains("cannot be decrypted") && !at("key4").exists(), "{}", wrong.text);
        let there = command(&import("a.age", "key2", Some("phrase"))).expect_err("a key is there");
        assert!(there.text.contains("left as it is"), "{}", there.text);
    }
}
