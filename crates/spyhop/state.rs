//! What one run leaves for the next: the key, and what was learnt.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde::{Deserialize, Serialize};
use spyhop_detect::Engine;
use spyhop_identify::{Identity, Inventory};
use spyhop_model::{Key, KeyId};

/// Raised when a snapshot's format changes so that older ones cannot be read.
const VERSION: u32 = 2;

/// A state directory, locked against a second instance.
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

/// The first line of a snapshot. Identity follows in a line, then the engine in as many as it needs.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    key_id: KeyId,
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
        let Some((head, mut lines)) = open(&path)? else { return Ok(()) };
        if head.key_id != key.id() {
            return Err(format!(
                "{}: made with key {}, but the key in use is {}; give that key, or move the file away to start with an empty memory",
                path.display(),
                head.key_id,
                key.id()
            ));
        }
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).map_err(|wrong| unreadable(&path, &wrong))?;
        identity.load(&line).map_err(|wrong| unreadable(&path, &wrong))?;
        drop(line);
        engine.load(&mut lines).map_err(|wrong| unreadable(&path, &wrong))
    }

    /// Saves what was learnt: whole or not at all.
    pub fn save(&self, key: &Key, identity: &Identity, engine: &Engine) -> Result<(), String> {
        let path = self.snapshot();
        let write = |file: &mut File| {
            let mut out = BufWriter::with_capacity(PIECE, file);
            snapshot(key.id(), identity, engine, &mut out)?;
            out.flush()
        };
        write_whole(&path, write).map_err(|wrong| unsaved(&path, &wrong))
    }

    /// Saves while a run goes on. A thread of its own writes: the run waits for no disk. While one still writes, nobody saves.
    pub fn saver(&self, key: &Key) -> impl FnMut(&Identity, &Engine) + Send + use<> {
        let (path, key) = (self.snapshot(), key.id());
        let mut last = Writing(None);
        move |identity, engine| {
            if !last.is_over() {
                return;
            }
            let (pieces, taken) = channel();
            let file = path.clone();
            let body = move || {
                if let Err(wrong) = write_whole(&file, |out| write_pieces(&taken, out)) {
                    eprintln!("spyhop: {}", unsaved(&file, &wrong));
                }
            };
            let mut out = BufWriter::with_capacity(PIECE, Pieces(pieces));
            match thread::Builder::new().name("spyhop-save".to_owned()).spawn(body) {
                Ok(thread) => last.0 = Some(thread),
                Err(wrong) => return eprintln!("spyhop: {}", unsaved(&path, &wrong)),
            }
            // What goes wrong is told by the thread.
            let whole = snapshot(key, identity, engine, &mut out).and_then(|()| out.flush());
            let _ = out.get_ref().0.send(whole.map(|()| Vec::new()));
        }
    }
}

/// Octets of a snapshot that are written at once.
const PIECE: usize = 256 << 10;

/// Hands a snapshot to the thread that writes it, piece by piece; an empty piece is its end.
struct Pieces(Sender<io::Result<Vec<u8>>>);

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        if !piece.is_empty() {
            self.0.send(Ok(piece.to_vec())).map_err(gone)?;
        }
        Ok(piece.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_pieces(pieces: &Receiver<io::Result<Vec<u8>>>, out: &mut File) -> io::Result<()> {
    for piece in pieces {
        let piece = piece?;
        if piece.is_empty() {
            return Ok(());
        }
        out.write_all(&piece)?;
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// A thread that writes, which is waited for before anybody else may.
struct Writing(Option<thread::JoinHandle<()>>);

impl Writing {
    fn is_over(&self) -> bool {
        self.0.as_ref().is_none_or(thread::JoinHandle::is_finished)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

fn snapshot(key_id: KeyId, identity: &Identity, engine: &Engine, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Head { version: VERSION, key_id })?;
    out.write_all(b"\n")?;
    identity.save(out)?;
    engine.save(out)
}

/// Reads a snapshot's first line; none where there is no snapshot.
fn open(path: &Path) -> Result<Option<(Head, BufReader<File>)>, String> {
    let mut lines = match File::open(path) {
        Ok(file) => BufReader::with_capacity(PIECE, file),
        Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(wrong) => return Err(format!("{}: {wrong}", path.display())),
    };
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line).map_err(|wrong| unreadable(path, &wrong))?;
    let head: Head = serde_json::from_slice(&line).map_err(|wrong| unreadable(path, &wrong))?;
    if head.version != VERSION {
        return Err(format!(
            "{}: written in format {}, this program reads format {VERSION}; move the file away to start with an empty memory",
            path.display(),
            head.version
        ));
    }
    Ok(Some((head, lines)))
}

fn unreadable(path: &Path, wrong: &dyn Display) -> String {
    format!("{}: {wrong}; move the file away to start with an empty memory", path.display())
}

fn unsaved(path: &Path, wrong: &dyn Display) -> String {
    format!("{}: {wrong}; what was learnt since the last start is not saved", path.display())
}

/// Where the key of a state directory is.
pub fn key_file(directory: &Path) -> PathBuf {
    directory.join("key")
}

/// The endpoints that a sensor has learnt, from the last snapshot in a directory. Needs neither its key nor its lock.
///
/// # Errors
/// A sentence: there is no snapshot, or it cannot be read.
pub fn inventory(directory: &Path) -> Result<Inventory, String> {
    let path = directory.join("snapshot.json");
    let Some((_, mut lines)) = open(&path)? else {
        return Err(format!("{}: {}", path.display(), io::Error::from_raw_os_error(libc::ENOENT)));
    };
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line).map_err(|wrong| unreadable(&path, &wrong))?;
    Inventory::read(&line).map_err(|wrong| unreadable(&path, &wrong))
}

/// Writes beside the file, syncs, renames, and syncs the folder.
fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    write(&mut file)?;
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
