//! What a TLS handshake on a connection says in the clear, told once.

use spyhop_model::{Side, Timestamp};
use spyhop_tls::{Reader, State};

use crate::accounts::Other;
use crate::connection::Shared;
use crate::http1::pairing::Exchanges;
use crate::inspection::{Greeting, Inspection};

/// Looks for a handshake in what is not HTTP: from the first byte on, or behind something else (STARTTLS, SOCKS).
#[derive(Default)]
pub(crate) struct Seeker {
    reader: Option<Box<Reader>>,
    began_at: Timestamp,
    /// What the reader holds, as counted for all connections.
    held: usize,
    /// There is nothing more to be read.
    over: bool,
    found: bool,
}

impl Seeker {
    /// The next bytes of a side, which was taken for `name`.
    pub(crate) fn data<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        name: Other,
        side: Side,
        bytes: &[u8],
    ) {
        if self.over || bytes.is_empty() {
            return;
        }
        let new = || Box::new(if name == Other::Tls { Reader::new() } else { Reader::searching() });
        let reader = self.reader.get_or_insert_with(new);
        let state = reader.data(side, bytes);
        if !self.found && reader.handshake().is_found() {
            (self.found, self.began_at) = (true, cx.now);
        }
        let held = reader.held();
        cx.hellos = cx.hellos + held - self.held.min(cx.hellos);
        self.held = held;
        if cx.hellos > cx.limits.held_memory {
            cx.accounts.hellos_over_limit += 1;
            self.end(cx, exchanges);
        } else if state != State::Reading {
            self.end(cx, exchanges);
        }
    }

    /// Bytes of a side were lost.
    pub(crate) fn gap<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, side: Side) {
        if let Some(reader) = &mut self.reader
            && reader.gap(side) != State::Reading
        {
            self.end(cx, exchanges);
        }
    }

    /// A handshake was seen, whole or not.
    pub(crate) fn found(&self) -> bool {
        self.found
    }

    /// Tells what was found, if anything was; nothing more is read.
    pub(crate) fn end<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>) {
        self.over = true;
        cx.hellos = cx.hellos.saturating_sub(std::mem::take(&mut self.held));
        let Some(reader) = self.reader.take() else { return };
        let handshake = reader.handshake();
        if !handshake.is_found() {
            return;
        }
        cx.accounts.handshakes += 1;
        let ordinal = exchanges.ordinals.next();
        let greeting = Greeting { ordinal, began_at: self.began_at, completed_at: cx.now, handshake };
        I::greeting(&mut cx.inspect, &exchanges.connection, &greeting);
    }
}
