//! Words in Chinese text that tell what stands beside them: one pass over a text finds them all.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::{Candidate, authentication, health, name};

/// Who reads what stands beside a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// A one-time code stands after it.
    Code,
    /// A name stands before it.
    Honorific,
    /// A name stands after it.
    Role,
    /// The term of medicine of that index.
    Medical(u8),
}

struct Phrases {
    search: Option<AhoCorasick>,
    readers: Vec<Reader>,
}

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let words = [
        (Reader::Code, authentication::CODE_WORDS),
        (Reader::Honorific, name::HONORIFICS),
        (Reader::Role, name::ROLES),
    ];
    let terms = health::TERMS.iter().zip(0u8..).map(|(term, index)| (Reader::Medical(index), *term));
    let words = words.into_iter().flat_map(|(reader, words)| words.iter().map(move |word| (reader, *word)));
    let all: Vec<(Reader, &str)> = words.chain(terms).collect();
    let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(all.iter().map(|(_, word)| word));
    Phrases { search: search.ok(), readers: all.iter().map(|(reader, _)| *reader).collect() }
});

/// Values of a text that words beside them tell.
pub(super) fn find(value: &str, emit: &mut dyn FnMut(&[Candidate])) {
    if value.is_ascii() {
        return;
    }
    let Some(search) = &PHRASES.search else { return };
    let mut terms = health::Terms::default();
    for word in search.find_iter(value) {
        let (start, end) = (word.start(), word.end());
        let found = match PHRASES.readers.get(word.pattern().as_usize()) {
            Some(Reader::Code) => authentication::code_after(value, end),
            Some(Reader::Honorific) => name::name_before(value, start),
            Some(Reader::Role) => name::name_after(value, end),
            Some(Reader::Medical(index)) => terms.next(value, (start, end), *index),
            None => None,
        };
        if let Some(found) = found {
            emit(&[found]);
        }
    }
    if let Some(found) = terms.end() {
        emit(&[found]);
    }
}
