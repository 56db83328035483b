//! Raw packets kept in rotating pcapng files, as they were given on: the files of a run replay to the same findings.
//!
//! The capture thread only copies into buffers; a thread of its own writes them. Where the disk is slower than the wire, packets are
//! not kept, and counted.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use spyhop_stream::Packet;

use super::wall_clock;
use crate::error::CaptureError;
use crate::ports::Port;

/// Octets gathered before they are handed to the writing thread, and buffers that may wait for it (32 MiB).
const BUFFER: usize = 256 << 10;
const WAITING: usize = 128;
/// How the files' names begin.
const PREFIX: &str = "spyhop-";

/// How raw packets are kept.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Where the files are.
    pub directory: PathBuf,
    /// Octets after which the next file begins.
    pub file: u64,
    /// Files that are kept, those of earlier runs included; the oldest goes first.
    pub files: usize,
}

/// What became of packets that were to be kept.
#[derive(Debug, Default)]
struct Kept {
    lost: AtomicU64,
    trouble: Mutex<String>,
}

pub(super) struct Recorder {
    full: Option<SyncSender<Piece>>,
    empty: Receiver<Piece>,
    buffer: Piece,
    kept: Arc<Kept>,
    writer: Option<JoinHandle<()>>,
}

/// Whole blocks of a pcapng.
#[derive(Default)]
struct Piece {
    blocks: Vec<u8>,
    packets: u64,
}

impl Recorder {
    /// Makes the directory, where it is missing, and the first file.
    pub(super) fn start(recording: Recording, ports: &[Port], snap_len: u32) -> Result<Recorder, CaptureError> {
        let failed = |source| CaptureError::Unwritable { path: recording.directory.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&recording.directory).map_err(failed)?;
        let kept = Arc::new(Kept::default());
        let mut files = Files {
            began: wall_clock().seconds(),
            header: header(ports, snap_len),
            recording: recording.clone(),
            open: None,
            number: 0,
            written: earlier(&recording.directory).map_err(failed)?,
            kept: Arc::clone(&kept),
        };
        files.next().map_err(failed)?;
        let (full, filled) = sync_channel::<Piece>(WAITING);
        let (emptied, empty) = sync_channel::<Piece>(WAITING);
        let body = move || {
            for mut piece in filled {
                files.write(&piece);
                piece.blocks.clear();
                piece.packets = 0;
                let _ = emptied.try_send(piece);
            }
        };
        let writer = thread::Builder::new().name("spyhop-write".into()).spawn(body).map_err(failed)?;
        Ok(Recorder { full: Some(full), empty, buffer: Piece::default(), kept, writer: Some(writer) })
    }

    /// Keeps a packet.
    pub(super) fn keep(&mut self, packet: &Packet<'_>) {
        let blocks = &mut self.buffer.blocks;
        let padding = packet.data.len().next_multiple_of(4) - packet.data.len();
        let length = (32 + packet.data.len() + padding) as u32;
        // Enhanced Packet Block (draft-ietf-opsawg-pcapng, 4.3).
        for word in [
            6,
            length,
            u32::from(packet.interface),
            (packet.at.0 >> 32) as u32,
            packet.at.0 as u32,
            packet.data.len() as u32,
            packet.wire_len,
        ] {
            blocks.extend_from_slice(&word.to_le_bytes());
        }
        blocks.extend_from_slice(packet.data);
        blocks.extend_from_slice(&[0; 3][..padding]);
        blocks.extend_from_slice(&length.to_le_bytes());
        self.buffer.packets += 1;
        if blocks.len() >= BUFFER {
            self.flush();
        }
    }

    /// Hands over what was gathered; called also when the wire is quiet.
    pub(super) fn flush(&mut self) {
        if self.buffer.packets == 0 {
            return;
        }
        let fresh = self.empty.try_recv().unwrap_or_default();
        let piece = std::mem::replace(&mut self.buffer, fresh);
        if let Some(full) = &self.full
            && let Err(TrySendError::Full(mut piece) | TrySendError::Disconnected(mut piece)) = full.try_send(piece)
        {
            self.kept.lost.fetch_add(piece.packets, Ordering::Relaxed);
            piece.blocks.clear();
            piece.packets = 0;
            self.buffer = piece;
        }
    }

    /// Packets that were not kept.
    pub(super) fn lost(&self) -> u64 {
        self.kept.lost.load(Ordering::Relaxed)
    }

    /// What is wrong with the disk; empty if nothing is.
    pub(super) fn trouble(&self) -> String {
        self.kept.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.flush();
        self.full = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

struct Files {
    /// Seconds since 1970; files of one directory stand in the order of their names.
    began: u64,
    /// Section header and interfaces, with which each file begins.
    header: Vec<u8>,
    recording: Recording,
    open: Option<(File, u64)>,
    number: u64,
    written: VecDeque<PathBuf>,
    kept: Arc<Kept>,
}

impl Files {
    fn next(&mut self) -> io::Result<()> {
        self.open = None;
        while self.written.len() >= self.recording.files.max(1) {
            let oldest = self.written.pop_front();
            oldest.map_or(Ok(()), fs::remove_file).or_else(gone)?;
        }
        let path = loop {
            let path = name(&self.recording.directory, self.began, self.number);
            self.number += 1;
            if !path.exists() {
                break path;
            }
        };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        self.written.push_back(path);
        file.write_all(&self.header)?;
        self.open = Some((file, self.header.len() as u64));
        Ok(())
    }

    fn write(&mut self, piece: &Piece) {
        let trouble = match self.append(&piece.blocks) {
            Ok(()) => String::new(),
            Err(wrong) => {
                self.kept.lost.fetch_add(piece.packets, Ordering::Relaxed);
                format!("{}: {wrong}; packets are not kept", self.recording.directory.display())
            }
        };
        let mut told = self.kept.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != trouble {
            *told = trouble;
        }
    }

    fn append(&mut self, blocks: &[u8]) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|(_, length)| *length >= self.recording.file) {
            self.next()?;
        }
        let Some((file, length)) = &mut self.open else { return Ok(()) };
        if let Err(wrong) = file.write_all(blocks) {
            // What was written of it by half would spoil what comes after it.
            let _ = file.set_len(*length);
            self.open = None;
            return Err(wrong);
        }
        *length += blocks.len() as u64;
        Ok(())
    }
}

fn gone(wrong: io::Error) -> io::Result<()> {
    if wrong.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(wrong) }
}

fn name(directory: &Path, began: u64, number: u64) -> PathBuf {
    directory.join(format!("{PREFIX}{began:010}-{number:06}.pcapng"))
}

/// Files of earlier runs, the oldest first.
fn earlier(directory: &Path) -> io::Result<VecDeque<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(".pcapng")) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found.into())
}

/// A section header and a description of each interface (draft-ietf-opsawg-pcapng, 4.1 and 4.2).
fn header(ports: &[Port], snap_len: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let length = (12 + body.len()) as u32;
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(body);
        out.extend_from_slice(&length.to_le_bytes());
    };
    let mut section = 0x1A2B_3C4Du32.to_le_bytes().to_vec();
    section.extend_from_slice(&[1, 0, 0, 0]);
    section.extend_from_slice(&u64::MAX.to_le_bytes());
    block(0x0A0D_0D0A, &section);
    for port in ports {
        let mut body = port.link.0.to_le_bytes().to_vec();
        body.extend_from_slice(&[0; 2]);
        body.extend_from_slice(&snap_len.to_le_bytes());
        option(&mut body, 2, port.name.as_bytes());
        // if_tsresol: nanoseconds.
        option(&mut body, 9, &[9]);
        option(&mut body, 0, &[]);
        block(1, &body);
    }
    out
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}
