//! What is read of one half of an exchange, or of a message on its channel.

use spyhop_http::Half;
use spyhop_model::Timestamp;

use super::Inspector;
use crate::content::{BodyScan, Content, Source};
use crate::script::Script;
use crate::walk::{LeafSink, WalkMemory};

/// What is read of one half, or of a message.
pub(super) struct Part {
    pub(super) content: Content,
    pub(super) scan: BodyScan,
    begun: bool,
    /// Pictures, sound, fonts: nothing to read.
    media: bool,
    /// The first bytes of what is said to be one, until they tell.
    first: Vec<u8>,
    pub(super) html: bool,
    /// It may be a script, or holds some.
    pub(super) script: Option<Script>,
}

impl Part {
    pub(super) fn new(half: Half, at: Timestamp) -> Part {
        Part {
            content: Content::new(half, at),
            scan: BodyScan::default(),
            begun: false,
            media: false,
            first: Vec::new(),
            html: false,
            script: None,
        }
    }

    pub(super) fn head(&mut self, content_type: Option<&[u8]>, disposition: Option<&[u8]>, walking: &WalkMemory) {
        let text = content_type.map(String::from_utf8_lossy);
        let disposition = disposition.map(String::from_utf8_lossy);
        self.scan = BodyScan::begin_file(text.as_deref(), disposition.as_deref(), walking);
        let kind = text.as_deref().unwrap_or("").trim_start();
        let is = |prefix: &str| kind.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        self.media = ["image/", "video/", "audio/", "font/"].iter().any(|prefix| is(prefix)) && !is("image/svg");
        self.html = is("text/html") || is("application/xhtml");
        let is_script = self.html || kind.contains("javascript") || kind.contains("ecmascript");
        self.script = is_script.then(Script::default);
    }
}

/// What comes next of a body.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Bytes(&'a [u8]),
    Gap,
    End,
}

/// What of a step is for the walkers.
pub(super) enum Admitted {
    Nothing,
    Step,
    /// Bytes that were held before, those of this step with them.
    Held(Vec<u8>),
}

impl Part {
    /// What of a step is for the walkers: nothing of media, and first what was held until it told what the body is. A label
    /// of media is not believed where the first bytes are text.
    pub(super) fn admit(&mut self, cx: &mut Inspector, step: Step<'_>) -> Admitted {
        /// Bytes that tell.
        const FIRST: usize = 64;
        if !self.media {
            self.begun |= matches!(step, Step::Bytes(_));
            return if self.begun { Admitted::Step } else { Admitted::Nothing };
        }
        match step {
            Step::Bytes(bytes) if self.begun => {
                cx.accounts.media_bytes += bytes.len() as u64;
                return Admitted::Nothing;
            }
            Step::Bytes(bytes) => self.first.extend_from_slice(bytes),
            _ if self.begun || self.first.is_empty() => return Admitted::Nothing,
            _ => {}
        }
        if matches!(step, Step::Bytes(_)) && self.first.len() < FIRST {
            return Admitted::Nothing;
        }
        let first = std::mem::take(&mut self.first);
        self.begun = true;
        self.media = !is_text(&first);
        if self.media {
            cx.accounts.media_bytes += first.len() as u64;
            return Admitted::Nothing;
        }
        Admitted::Held(first)
    }

    /// Looks for values alone.
    pub(super) fn values(&mut self, cx: &mut Inspector, step: Step<'_>) {
        // Messages have no label that says media.
        if matches!(self.admit(cx, step), Admitted::Step) {
            pass(&mut self.scan, step, &mut self.content.sink(&mut cx.recogniser, Source::Body));
        }
    }
}

pub(super) fn pass<S: LeafSink>(scan: &mut BodyScan, step: Step<'_>, sink: &mut S) {
    match step {
        Step::Bytes(bytes) => scan.feed(bytes, sink),
        Step::Gap => scan.gap(sink),
        Step::End => scan.finish(sink),
    }
}

/// Whether a body begins as text does.
fn is_text(bytes: &[u8]) -> bool {
    let first = bytes.get(..bytes.len().min(64)).unwrap_or_default();
    let utf8 = std::str::from_utf8(first).map_or_else(|wrong| wrong.valid_up_to() + 4 > first.len(), |_| true);
    utf8 && !first.iter().any(|byte| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'))
}
