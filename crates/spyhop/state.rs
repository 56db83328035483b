//! What one run leaves for the next: the key, and what was learnt.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spyhop_detect::Engine;
use spyhop_identify::Identity;
use spyhop_model::{Key, KeyId};

/// Raised when a snapshot's format changes so that older ones cannot be read.
const VERSION: u32 = 1;

/// A state directory, locked against a second instance.
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    version: u32,
    key_id: KeyId,
    identity: Value,
    engine: Value,
}

impl StateDir {
    /// Opens the directory, and makes it where it is missing.
    pub fn open(path: &Path) -> Result<StateDir, String> {
        let what = |wrong: std::io::Error| {
            format!("state directory {}: {wrong}; name a directory that can be written", path.display())
        };
        fs::create_dir_all(path).map_err(what)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(what)?;
        match lock.try_lock() {
            Ok(()) => Ok(StateDir { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(format!(
                "state directory {} is in use by another spyhop; stop it or name another directory",
                path.display()
            )),
            Err(TryLockError::Error(wrong)) => Err(what(wrong)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn snapshot(&self) -> PathBuf {
        self.path.join("snapshot.json")
    }

    /// Starts identity and engine from the last snapshot, if there is one.
    pub fn load(&self, key: &Key, identity: &mut Identity, engine: &mut Engine) -> Result<(), String> {
        let path = self.snapshot();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(wrong) if wrong.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(wrong) => return Err(format!("{}: {wrong}", path.display())),
        };
        let unreadable = |wrong: serde_json::Error| {
            format!("{}: {wrong}; move the file away to start with an empty memory", path.display())
        };
        let snapshot: Snapshot = serde_json::from_slice(&bytes).map_err(unreadable)?;
        if snapshot.version != VERSION {
            return Err(format!(
                "{}: written in format {}, this program reads format {VERSION}; move the file away to start with an empty memory",
                path.display(),
                snapshot.version
            ));
        }
        if snapshot.key_id != key.id() {
            return Err(format!(
                "{}: made with key {}, but the key in use is {}; give that key, or move the file away to start with an empty memory",
                path.display(),
                snapshot.key_id,
                key.id()
            ));
        }
        identity.load(snapshot.identity).map_err(unreadable)?;
        engine.load(snapshot.engine).map_err(unreadable)
    }

    /// Saves what was learnt: whole or not at all.
    pub fn save(&self, key: &Key, identity: &Identity, engine: &Engine) -> Result<(), String> {
        let path = self.snapshot();
        let bytes = snapshot(key.id(), identity, engine).map_err(|wrong| unsaved(&path, &wrong))?;
        write_whole(&path, &bytes).map_err(|wrong| unsaved(&path, &wrong))
    }

    /// Saves while a run goes on: only the writing takes a thread of its own, one at a time.
    pub fn saver(&self, key: &Key) -> impl FnMut(&Identity, &Engine) + Send + use<> {
        let (path, key) = (self.snapshot(), key.id());
        let mut last = Writing(None);
        move |identity, engine| {
            last.wait();
            let path = path.clone();
            match snapshot(key, identity, engine) {
                Ok(bytes) => {
                    last.0 = Some(std::thread::spawn(move || {
                        if let Err(wrong) = write_whole(&path, &bytes) {
                            eprintln!("spyhop: {}", unsaved(&path, &wrong));
                        }
                    }));
                }
                Err(wrong) => eprintln!("spyhop: {}", unsaved(&path, &wrong)),
            }
        }
    }
}

/// A thread that writes, which is waited for before anybody else may.
struct Writing(Option<std::thread::JoinHandle<()>>);

impl Writing {
    fn wait(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.wait();
    }
}

fn snapshot(key_id: KeyId, identity: &Identity, engine: &Engine) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Snapshot { version: VERSION, key_id, identity: identity.save()?, engine: engine.save()? })
}

fn unsaved(path: &Path, wrong: &dyn std::fmt::Display) -> String {
    format!("{}: {wrong}; what was learnt since the last start is not saved", path.display())
}

/// Where the key of a state directory is.
pub fn key_file(directory: &Path) -> PathBuf {
    directory.join("key")
}

/// What identification has learnt, from the last snapshot in a directory. Needs neither its key nor its lock.
///
/// # Errors
/// A sentence: there is no snapshot, or it cannot be read.
pub fn identity(directory: &Path) -> Result<Value, String> {
    let path = directory.join("snapshot.json");
    let told = |wrong: &dyn std::fmt::Display| format!("{}: {wrong}", path.display());
    let bytes = fs::read(&path).map_err(|wrong| told(&wrong))?;
    let snapshot: Snapshot = serde_json::from_slice(&bytes).map_err(|wrong| told(&wrong))?;
    if snapshot.version != VERSION {
        return Err(told(&format_args!("written in format {}, this program reads format {VERSION}", snapshot.version)));
    }
    Ok(snapshot.identity)
}

/// Writes beside the file, syncs, renames, and syncs the folder.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_instance_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = StateDir::open(folder.path()).expect("the first");
        assert!(StateDir::open(folder.path()).err().expect("refused").contains("in use"));
        drop(first);
        assert!(StateDir::open(folder.path()).is_ok());
    }
}
