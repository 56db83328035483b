//! Where packets were captured, and what the programs that wrote the files say was lost there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use spyhop_stream::{INTERFACES, LinkType};

/// Where packets were captured: an interface, or one described in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The interface's name, or `interface N` where only its number is known; `others` for the last port there can be,
    /// which all further ones share.
    pub name: Arc<str>,
    /// How its packets begin; those of a port whose files differ say it themselves.
    pub link: LinkType,
}

/// The ports of a replay. An interface is known by its name, or else by its number in the file, so that the files that one
/// capture was cut into are one port. A pcap file is one interface without a name.
#[derive(Default)]
pub(crate) struct Ports {
    pub(crate) list: Vec<Port>,
    known: HashMap<Interface, u16>,
    /// Link types of all that was described.
    pub(crate) links: BTreeSet<LinkType>,
    pub(crate) losses: Losses,
}

/// What an interface is known by.
#[derive(PartialEq, Eq, Hash)]
enum Interface {
    Name(String),
    Number(u32),
}

/// The port shared by those that are not told apart.
const OTHERS: u16 = INTERFACES - 1;

impl Ports {
    /// The port of an interface, and whether it has to share the last one. `number`: its place in the file.
    pub(crate) fn add(&mut self, name: Option<String>, number: u32, link: LinkType) -> (u16, bool) {
        self.links.insert(link);
        let key = name.map_or(Interface::Number(number), Interface::Name);
        if let Some(&port) = self.known.get(&key) {
            return (port, false);
        }
        if self.known.len() >= usize::from(OTHERS) {
            if self.list.len() == self.known.len() {
                self.list.push(Port { name: "others".into(), link });
            }
            return (OTHERS, true);
        }
        let port = self.list.len() as u16;
        let name = match &key {
            Interface::Name(name) => name.replace(|c: char| c.is_control(), "?"),
            Interface::Number(number) => format!("interface {number}"),
        };
        self.list.push(Port { name: name.into(), link });
        self.known.insert(key, port);
        (port, false)
    }
}

/// Packets that the program which wrote a file says it lost. Both ways in which a pcapng says so may tell of the same
/// packets, so the larger sum counts, port by port.
#[derive(Default)]
pub(crate) struct Losses {
    /// By packet (epb_dropcount): how many between it and the one before.
    by_packet: BTreeMap<u16, u64>,
    /// By interface statistics (isb_ifdrop, isb_osdrop), which count from the start of a capture (isb_starttime): the
    /// latest word for each, as the files of one capture repeat it.
    by_statistics: BTreeMap<(u16, u64), u64>,
}

/// Captures by port and start whose statistics are told apart.
const STATISTICS: usize = 4096;

impl Losses {
    pub(crate) fn before_packet(&mut self, port: u16, dropped: u32) {
        *self.by_packet.entry(port).or_default() += u64::from(dropped);
    }

    pub(crate) fn statistics(&mut self, port: u16, start: u64, dropped: u64) {
        let full = self.by_statistics.len() >= STATISTICS;
        let start = if full { u64::MAX } else { start };
        let known = self.by_statistics.entry((port, start)).or_default();
        *known = dropped.max(*known);
    }

    pub(crate) fn total(&self) -> u64 {
        let mut statistics: BTreeMap<u16, u64> = BTreeMap::new();
        for ((port, _), dropped) in &self.by_statistics {
            let sum = statistics.entry(*port).or_default();
            *sum = sum.saturating_add(*dropped);
        }
        for (port, dropped) in &self.by_packet {
            let sum = statistics.entry(*port).or_default();
            *sum = (*sum).max(*dropped);
        }
        statistics.values().fold(0, |total, dropped| total.saturating_add(*dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_and_numbers_are_one_port() {
        let mut ports = Ports::default();
        let added = [
            ports.add(None, 0, LinkType(1)),
            ports.add(Some("tap\n0".into()), 0, LinkType(1)),
            ports.add(Some("tap1".into()), 1, LinkType(276)),
            ports.add(None, 0, LinkType(101)),
            ports.add(Some("tap1".into()), 7, LinkType(276)),
            ports.add(None, 2, LinkType(1)),
        ];
        assert_eq!(added.map(|(port, _)| port), [0, 1, 2, 0, 2, 3]);
        let names: Vec<_> = ports.list.iter().map(|port| &*port.name).collect();
        assert_eq!(names, ["interface 0", "tap?0", "tap1", "interface 2"]);
        assert_eq!(ports.links.len(), 3);
    }

    #[test]
    fn both_ways_of_telling_losses_count_once() {
        let mut losses = Losses::default();
        losses.before_packet(0, 3);
        losses.before_packet(0, 4);
        losses.statistics(0, 100, 5);
        losses.statistics(1, 100, 5);
        // The next file of the same capture, and another capture.
        losses.statistics(1, 100, 9);
        losses.statistics(1, 900, 2);
        assert_eq!(losses.total(), 7 + 9 + 2);
        losses.statistics(2, 0, u64::MAX);
        assert_eq!(losses.total(), u64::MAX);
    }
}
