//! BPF expressions on packets from files, compiled by libpcap once for each link type.

use std::collections::HashMap;

use pcap::{BpfProgram, Capture, Linktype};
use spyhop_stream::LinkType;

/// Link types whose number in files (LINKTYPE) differs from libpcap's own (DLT) on Linux.
const RENUMBERED: [(u16, i32); 5] = [(100, 11), (101, 12), (102, 15), (103, 16), (106, 19)];

/// libpcap's number for a link type as files have it.
fn dlt(link: LinkType) -> Linktype {
    let renumbered = RENUMBERED.iter().find(|(in_files, _)| *in_files == link.0);
    // Some systems wrote their own DLT_RAW, 14, into files.
    Linktype(renumbered.map_or(if link.0 == 14 { 12 } else { link.0.into() }, |(_, dlt)| *dlt))
}

/// A link type as files have it, for libpcap's own number.
pub(crate) fn link_type(dlt: Linktype) -> LinkType {
    let renumbered = RENUMBERED.iter().find(|(_, own)| *own == dlt.0);
    LinkType(renumbered.map_or(dlt.0 as u16, |(in_files, _)| *in_files))
}

/// What libpcap says, without the crate's introduction.
pub(crate) fn message(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(message) => message,
        other => other.to_string(),
    }
}

/// What a filter says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Refuse,
    /// The expression means nothing for this link type.
    NoMeaning,
}

/// One expression for all link types; without an expression everything passes.
#[derive(Default)]
pub(crate) struct Filter {
    expression: Option<String>,
    programs: HashMap<LinkType, Option<BpfProgram>>,
}

impl Filter {
    pub(crate) fn new(expression: Option<String>) -> Self {
        Self { expression, programs: HashMap::new() }
    }

    pub(crate) fn expression(&self) -> &str {
        self.expression.as_deref().unwrap_or_default()
    }

    /// Compiles the expression for a link type, once; libpcap's message if it cannot.
    pub(crate) fn prepare(&mut self, link: LinkType) -> Result<(), String> {
        let Some(expression) = self.expression.as_deref().filter(|_| !self.programs.contains_key(&link)) else {
            return Ok(());
        };
        let program = Capture::dead(dlt(link)).and_then(|handle| handle.compile(expression, true));
        let (program, result) = match program {
            Ok(program) => (Some(program), Ok(())),
            Err(error) => (None, Err(message(error))),
        };
        self.programs.insert(link, program);
        result
    }

    /// Whether a packet of a prepared link type passes. Expressions on the packet's length see the captured one.
    pub(crate) fn verdict(&self, link: LinkType, data: &[u8]) -> Verdict {
        if self.expression.is_none() {
            return Verdict::Pass;
        }
        match self.programs.get(&link) {
            Some(Some(program)) if program.filter(data) => Verdict::Pass,
            Some(Some(_)) => Verdict::Refuse,
            _ => Verdict::NoMeaning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_types_translate_both_ways() {
        for link in [0, 1, 100, 101, 113, 228, 276] {
            assert_eq!(link_type(dlt(LinkType(link))), LinkType(link));
        }
        assert_eq!(dlt(LinkType(14)), Linktype(12));
    }

    #[test]
    fn the_same_expression_on_two_link_types() {
        let mut filter = Filter::new(Some("tcp port 80".into()));
        let mut ip = [0u8; 40];
        ip[..4].copy_from_slice(&[0x45, 0, 0, 40]);
        ip[9] = 6;
        ip[22..24].copy_from_slice(&80u16.to_be_bytes());
        let ethernet = [&[0; 12][..], &[8, 0], &ip].concat();
        filter.prepare(LinkType(1)).unwrap();
        filter.prepare(LinkType(101)).unwrap();
        assert_eq!(filter.verdict(LinkType(1), &ethernet), Verdict::Pass);
        assert_eq!(filter.verdict(LinkType(101), &ip), Verdict::Pass);
        assert_eq!(filter.verdict(LinkType(1), &ip), Verdict::Refuse);
        assert_eq!(filter.verdict(LinkType(113), &ip), Verdict::NoMeaning);
    }

    #[test]
    fn a_bad_expression_is_told_in_libpcaps_words() {
        let mut filter = Filter::new(Some("tcp prt 80".into()));
        assert!(filter.prepare(LinkType(1)).unwrap_err().contains("syntax error"));
        assert!(Filter::default().prepare(LinkType(1)).is_ok());
        assert_eq!(Filter::default().verdict(LinkType(1), b""), Verdict::Pass);
    }
}
