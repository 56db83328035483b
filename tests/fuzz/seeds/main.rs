//! Writes the first inputs of each target: `seeds FOLDER` makes `FOLDER/<target>/<name>`.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

mod bodies;
mod contents;
mod dialogues;
mod hellos;
mod packets;
mod streams;

/// A seed by its name.
type Seed = (String, Vec<u8>);

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or_else(|| io::Error::other("seeds FOLDER"))?;
    write(&folder, "decode", packets::seeds())?;
    write(&folder, "http1", dialogues::seeds())?;
    write(&folder, "codings", bodies::seeds())?;
    write(&folder, "inspect", contents::seeds())?;
    write(&folder, "http2", streams::http2())?;
    write(&folder, "websocket", streams::websocket())?;
    write(&folder, "tls", hellos::seeds())
}

fn write(folder: &Path, target: &str, seeds: Vec<Seed>) -> io::Result<()> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    for (name, bytes) in seeds {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
