//! Members of objects of which nothing is wanted: most of most documents.

use super::{ENDS, Json, Key, PIECE, bytes_of};
use crate::lanes::{look_quoted, number};
use crate::walk::nested::may_nest;
use crate::walk::{LeafKind, LeafSink, Look};

impl Json {
    /// Members of an object from a foreseen key on, up to where something else than such a key and a plain value comes.
    /// All but the last are passed over, and need not be kept.
    pub(super) fn members<S: LeafSink>(&mut self, fed: &[u8], mut at: usize, mut len: usize, sink: &mut S) -> usize {
        loop {
            let key = Key::Fed(at as u32, (at + len) as u32);
            at += len + 1;
            let rest = fed.get(at..).unwrap_or_default();
            let wanted = self.keys.is_wanted(|| sink.wants_under(bytes_of(key, &[], fed)));
            let passed = if wanted { None } else { passed(rest, sink) };
            let next = passed.and_then(|passed| rest.get(passed..));
            if let (Some(passed), Some([b',', b'"', next @ ..])) = (passed, next)
                && let Some(length) = self.keys.follows(next)
            {
                at += passed + 2;
                len = length;
                continue;
            }
            self.move_key(key);
            if let Some(frame) = self.frames.last_mut() {
                frame.wanted = Some(wanted);
            }
            return at + passed.unwrap_or(0);
        }
    }
}

/// The length of a colon and a plain value, all there, that the sink passes over.
#[inline]
fn passed<S: LeafSink>(bytes: &[u8], sink: &S) -> Option<usize> {
    let [b':', rest @ ..] = bytes else { return None };
    let (length, look, kind) = match rest {
        [b'"', rest @ ..] => {
            let look = look_quoted(rest);
            (rest.get(look.len) == Some(&b'"') && look.len <= PIECE).then_some(())?;
            let value = rest.get(..look.len)?;
            let passes = !may_nest(value) && sink.passes(&look, value, LeafKind::Text);
            return passes.then_some(look.len + 3);
        }
        [b'0'..=b'9' | b'-', ..] => {
            let len = number(rest)?;
            (len, Look { len, ..Look::default() }, LeafKind::Number)
        }
        [b't', b'r', b'u', b'e', ..] | [b'n', b'u', b'l', b'l', ..] => (4, Look::default(), LeafKind::Word),
        [b'f', b'a', b'l', b's', b'e', ..] => (5, Look::default(), LeafKind::Word),
        _ => return None,
    };
    let (value, after) = rest.split_at_checked(length)?;
    let is_token = after.first().is_some_and(|byte| ENDS[usize::from(*byte)]);
    (is_token && sink.passes(&look, value, kind)).then_some(length + 1)
}
