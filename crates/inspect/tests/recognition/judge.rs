//! The crate's recognition as a function from a body to what was told of it.

use spyhop_inspect::content::{BodyScan, Content, Recogniser, Source};
use spyhop_model::{Half, Key, Observation, Place, Timestamp};
use spyhop_testkit::evaluate::Seen;
use spyhop_testkit::labelled::{Body, Carrier};

/// 23 November 2026.
const AT: Timestamp = Timestamp(1_795_400_000_000_000_000);

/// Recognises bodies one after the other.
pub struct Judge(Recogniser);

impl Judge {
    pub fn new() -> Judge {
        Judge(Recogniser::new(Key::new([3; 32])))
    }

    /// What is told of a labelled body.
    pub fn seen(&mut self, body: &Body) -> Vec<Seen> {
        let half = if body.carrier == Carrier::Response { Half::Response } else { Half::Request };
        let mut content = Content::new(half, AT);
        if body.carrier == Carrier::Query {
            content.query(&mut self.0, std::str::from_utf8(&body.bytes).expect("queries are ASCII"));
            return seen(content.finish(&self.0).observations);
        }
        seen(self.of(content, body.content_type, &body.bytes))
    }

    /// What is told of any body of a response.
    pub fn observations(&mut self, content_type: &str, bytes: &[u8]) -> Vec<Observation> {
        self.of(Content::new(Half::Response, AT), content_type, bytes)
    }

    fn of(&mut self, mut content: Content, content_type: &str, bytes: &[u8]) -> Vec<Observation> {
        let mut scan = BodyScan::begin(Some(content_type));
        let mut sink = content.sink(&mut self.0, Source::Body);
        // As they come from the wire.
        for part in bytes.chunks(16_384) {
            scan.feed(part, &mut sink);
        }
        scan.finish(&mut sink);
        content.finish(&self.0).observations
    }
}

fn seen(observations: Vec<Observation>) -> Vec<Seen> {
    observations
        .into_iter()
        .map(|observation| Seen {
            id: observation.what.id.to_owned(),
            confidence: observation.confidence,
            form: observation.form,
            count: observation.count,
            place: match observation.place {
                Place::Body(at) | Place::Query(at) | Place::Header(at) | Place::Cookie(at) => at.into(),
                Place::Path(index) => index.to_string(),
            },
        })
        .collect()
}
