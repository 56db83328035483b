//! Which files are meant.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::CaptureError;

/// A file to be replayed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    /// Named by the user, not found in a directory: a mistake in it is an error.
    pub(crate) named: bool,
    /// An ordinary file, which can be opened twice; not a pipe.
    pub(crate) regular: bool,
    /// Size in octets, as on disk.
    pub(crate) len: u64,
}

/// The files of `paths` in order. A directory stands for the captures in it, known by their names, in natural order
/// (`x.pcap2` before `x.pcap10`); the directories within it are not searched, since captures of one day or one case
/// are what such directories keep apart. A file named twice is read once.
pub(crate) fn expand(paths: &[PathBuf]) -> (Vec<Candidate>, Vec<CaptureError>) {
    let (mut files, mut errors, mut known) = (Vec::new(), Vec::new(), HashSet::new());
    for path in paths {
        let found = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => directory(path),
            Ok(metadata) => {
                let (regular, len) = (metadata.is_file(), metadata.len());
                Ok(vec![Candidate { path: path.clone(), named: true, regular, len }])
            }
            Err(error) => Err(CaptureError::from_io(path, error)),
        };
        match found {
            Ok(found) => files.extend(
                found
                    .into_iter()
                    .filter(|file| known.insert(fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone()))),
            ),
            Err(error) => errors.push(error),
        }
    }
    (files, errors)
}

fn directory(path: &Path) -> Result<Vec<Candidate>, CaptureError> {
    let unreadable = |error| CaptureError::from_io(path, error);
    let (mut found, mut subdirectories) = (Vec::new(), 0);
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.path();
        // A link to nowhere is not a capture.
        let Ok(metadata) = fs::metadata(&entry) else { continue };
        if metadata.is_dir() {
            subdirectories += 1;
        } else if metadata.is_file() && entry.file_name().is_some_and(|name| is_capture(&name.to_string_lossy())) {
            found.push(Candidate { path: entry, named: false, regular: true, len: metadata.len() });
        }
    }
    if found.is_empty() {
        return Err(CaptureError::NoCaptures { path: path.into(), subdirectories });
    }
    found.sort_by(|a, b| natural(&a.path.to_string_lossy(), &b.path.to_string_lossy()));
    Ok(found)
}

/// Whether a file is named like a capture: `.pcap`, `.pcapng`, `.cap` or `.dmp`, then perhaps a number (`.pcap0`,
/// `.pcap.1`) as rotation leaves it, then perhaps `.gz`.
fn is_capture(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = name.strip_suffix('.').unwrap_or(name);
    !name.starts_with('.')
        && name.rsplit_once('.').is_some_and(|(_, extension)| ["pcap", "pcapng", "cap", "dmp"].contains(&extension))
}

/// Orders names as people do: digits by their value.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        let ((digits_a, rest_a), (digits_b, rest_b)) = (digits(left), digits(right));
        if !digits_a.is_empty() && !digits_b.is_empty() {
            let order = digits_a.len().cmp(&digits_b.len()).then_with(|| digits_a.cmp(digits_b));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (rest_a, rest_b);
            continue;
        }
        match (left.split_first(), right.split_first()) {
            (Some((x, rest_a)), Some((y, rest_b))) if x == y => (left, right) = (rest_a, rest_b),
            (Some((x, _)), Some((y, _))) => return x.cmp(y),
            // Equal but for leading zeros.
            (None, None) => return a.cmp(b),
            (x, y) => return x.is_some().cmp(&y.is_some()),
        }
    }
}

/// The digits at the front without leading zeros (one is left of several), and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let count = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(count).unwrap_or((text, &[]));
    let zeros = number.iter().take_while(|&&c| c == b'0').count().min(count.saturating_sub(1));
    (number.get(zeros..).unwrap_or_default(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_captures() {
        for name in ["a.pcap", "A.PCAP", "a.pcapng", "a.cap", "a.dmp", "a.pcap.gz", "a.pcap0", "a.pcap.12", "a.cap3.gz"]
        {
            assert!(is_capture(name), "{name}");
        }
        for name in ["pcap", "a.txt", ".a.pcap", ".pcap", "a.pcap.bak", "a.gz", "7", "a.7", "findings.jsonl"] {
            assert!(!is_capture(name), "{name}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let sorted = ["x.pcap", "x.pcap1", "x.pcap2", "x.pcap9", "x.pcap10", "x1a", "x01b", "x2", "y"];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, sorted);
        assert_eq!(natural("a01", "a1"), Ordering::Less);
        assert_eq!(natural("a0", "a00"), Ordering::Less);
        assert_eq!(natural("a99999999999999999999999", "a100000000000000000000000"), Ordering::Less);
    }

    #[test]
    fn directories_stand_for_their_captures() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.pcap10", "b.pcap2", "notes.txt", "a.pcapng.gz"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        fs::create_dir(dir.path().join("day")).unwrap();
        let (files, errors) = expand(&[dir.path().join("b.pcap2"), dir.path().into(), dir.path().join("day")]);
        let names: Vec<_> = files
            .iter()
            .map(|file| (file.path.file_name().unwrap().to_string_lossy().into_owned(), file.named))
            .collect();
        assert_eq!(names, [("b.pcap2".into(), true), ("a.pcapng.gz".into(), false), ("b.pcap10".into(), false)]);
        assert!(matches!(&errors[..], [CaptureError::NoCaptures { subdirectories: 0, .. }]), "{errors:?}");
        fs::create_dir(dir.path().join("day/tap0")).unwrap();
        let (_, errors) = expand(&[dir.path().join("day"), dir.path().join("none")]);
        assert!(
            matches!(&errors[..], [CaptureError::NoCaptures { subdirectories: 1, .. }, CaptureError::NotFound { .. }]),
            "{errors:?}"
        );
    }
}
