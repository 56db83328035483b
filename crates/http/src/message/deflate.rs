//! permessage-deflate (RFC 7692): each message is raw deflate without its last four bytes, and may refer back to those
//! before it.

use flate2::{Decompress, FlushDecompress, Status};

use crate::coding::{Decoders, Trouble};
use crate::limits::Limits;

/// What a sender leaves off the end of each message (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The largest window of deflate.
const WINDOW: usize = 32 << 10;
/// Stands for what was not seen. A blank joins nothing into a value that never was.
static BLANK: [u8; WINDOW] = [b' '; WINDOW];
/// Encoded bytes between two times that blanks are laid, so that a stream broken on purpose does not cost a window's
/// copy for each of its messages.
const BLANK_EVERY: u64 = 4 << 10;

/// Inflates the messages of one direction.
pub(super) struct Deflate {
    /// Messages may refer back to those before.
    takeover: bool,
    inflater: Option<Decompress>,
    state: State,
    /// Something that messages may refer back to was not seen.
    unknown: bool,
    /// Of the window, what is still blanks.
    blank: usize,
    /// Bytes taken since blanks were laid.
    since: u64,
    /// Bytes of the message at hand, taken and made.
    taken: u64,
    out: u64,
    trouble: Trouble,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Inflate,
    /// No memory to inflate: bytes pass as they are.
    Raw,
    /// Nothing more comes out of this message: it is broken, or too large, or bytes of it were lost.
    Skip,
}

impl Deflate {
    /// `takeover`: messages may refer back to those before; `midway`: some of which were not seen.
    pub(super) fn new(takeover: bool, midway: bool) -> Deflate {
        Deflate {
            takeover,
            inflater: None,
            state: State::Skip,
            unknown: midway && takeover,
            blank: 0,
            since: BLANK_EVERY,
            taken: 0,
            out: 0,
            trouble: Trouble::default(),
        }
    }

    /// A message begins; tells whether blanks may stand in it.
    pub(super) fn begin(&mut self, decoders: &mut Decoders, limits: &Limits) -> bool {
        (self.taken, self.out, self.trouble) = (0, 0, Trouble::default());
        self.state = State::Inflate;
        if self.inflater.is_none() {
            self.inflater = decoders.lend_inflater(limits);
            self.blank = 0;
        }
        let Some(inflater) = &mut self.inflater else {
            self.trouble.over_limit = true;
            self.state = State::Raw;
            self.unknown = self.takeover;
            return false;
        };
        if self.unknown {
            inflater.reset(false);
            if self.since < BLANK_EVERY || inflater.set_dictionary(&BLANK).is_err() {
                self.trouble.bad = true;
                self.state = State::Skip;
                return false;
            }
            (self.unknown, self.blank, self.since) = (false, WINDOW, 0);
        }
        self.blank > 0
    }

    /// Nothing more of the message at hand comes out.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Skip
    }

    /// The next bytes of the message.
    pub(super) fn push(&mut self, decoders: &mut Decoders, limits: &Limits, bytes: &[u8], sink: &mut dyn FnMut(&[u8])) {
        self.taken += bytes.len() as u64;
        self.since = self.since.saturating_add(bytes.len() as u64);
        match self.state {
            State::Inflate => self.run(decoders, limits, bytes, sink),
            State::Raw if !bytes.is_empty() => sink(bytes),
            State::Raw | State::Skip => {}
        }
    }

    /// Some bytes of the message were lost: what follows in it cannot be told.
    pub(super) fn lost(&mut self) {
        self.state = State::Skip;
        self.unknown = self.takeover;
    }

    /// The message was seen to its end.
    pub(super) fn end(&mut self, decoders: &mut Decoders, limits: &Limits, sink: &mut dyn FnMut(&[u8])) -> Trouble {
        if self.state == State::Inflate {
            self.run(decoders, limits, &TAIL, sink);
        }
        self.close(decoders)
    }

    /// The message was not seen to its end.
    pub(super) fn cut(&mut self, decoders: &mut Decoders) -> Trouble {
        self.lost();
        self.close(decoders)
    }

    /// Gives back what was taken.
    pub(super) fn abandon(&mut self, decoders: &mut Decoders) {
        if let Some(inflater) = self.inflater.take() {
            decoders.return_inflater(inflater);
        }
        self.unknown = self.takeover;
        self.state = State::Skip;
    }

    fn close(&mut self, decoders: &mut Decoders) -> Trouble {
        self.state = State::Skip;
        if !self.takeover
            && let Some(inflater) = self.inflater.take()
        {
            decoders.return_inflater(inflater);
        }
        self.trouble
    }

    /// Inflates until all is taken or nothing more comes.
    fn run(&mut self, decoders: &mut Decoders, limits: &Limits, mut input: &[u8], sink: &mut dyn FnMut(&[u8])) {
        let Some(inflater) = &mut self.inflater else { return };
        let mut piece = decoders.lend_piece();
        loop {
            let (before_in, before_out) = (inflater.total_in(), inflater.total_out());
            let result = inflater.decompress(input, &mut piece, FlushDecompress::None);
            let used = (inflater.total_in() - before_in) as usize;
            let made = (inflater.total_out() - before_out) as usize;
            input = input.get(used..).unwrap_or_default();
            self.out += made as u64;
            self.blank = self.blank.saturating_sub(made);
            let over = self.out > limits.ratio_from && self.out / self.taken.max(1) > limits.ratio;
            if over || self.out > limits.decoded {
                self.trouble.bomb = true;
                (self.state, self.unknown) = (State::Skip, self.takeover);
                break;
            }
            if made > 0 {
                sink(piece.get(..made).unwrap_or_default());
            }
            match result {
                // A final block (section 7.2.3.4): as recipients do, another stream is read from here on.
                Ok(Status::StreamEnd) => {
                    inflater.reset(false);
                    self.unknown = self.takeover;
                }
                Ok(_) => {}
                Err(_) => {
                    self.trouble.bad = true;
                    (self.state, self.unknown) = (State::Skip, self.takeover);
                    break;
                }
            }
            if used == 0 && made == 0 || input.is_empty() && made < piece.len() {
                break;
            }
        }
        decoders.return_piece(piece);
    }
}
