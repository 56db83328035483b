//! Which interfaces there are, and what libpcap means by its errors.

use std::net::IpAddr;

use pcap::{ConnectionStatus, Device};

use crate::error::CaptureError;
use crate::filter::message;

/// An interface that can be captured from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// As `Live::open` wants it.
    pub name: String,
    /// libpcap's description, if it has one.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Brought up by the administrator.
    pub up: bool,
    /// Up and working.
    pub running: bool,
    /// A loopback.
    pub loopback: bool,
    /// Wireless.
    pub wireless: bool,
    /// Whether there is a carrier; none where that is unknown or means nothing.
    pub connected: Option<bool>,
}

/// The interfaces there are, as libpcap sorts them. Needs no permission.
///
/// # Errors
/// libpcap cannot list them.
pub fn interfaces() -> Result<Vec<Interface>, CaptureError> {
    let failed = |error| CaptureError::Interface { name: String::new(), message: message(error) };
    let describe = |device: Device| Interface {
        addresses: device.addresses.iter().map(|address| address.addr).collect(),
        up: device.flags.is_up(),
        running: device.flags.is_running(),
        loopback: device.flags.is_loopback(),
        wireless: device.flags.is_wireless(),
        connected: match device.flags.connection_status {
            ConnectionStatus::Connected => Some(true),
            ConnectionStatus::Disconnected => Some(false),
            ConnectionStatus::Unknown | ConnectionStatus::NotApplicable => None,
        },
        name: device.name,
        description: device.desc,
    };
    Ok(Device::list().map_err(failed)?.into_iter().map(describe).collect())
}

/// libpcap knows its errors by words only.
pub(super) fn explain(name: &str, message: String) -> CaptureError {
    let name = name.to_owned();
    let known: Vec<String> = interfaces().unwrap_or_default().into_iter().map(|interface| interface.name).collect();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["permission", "Operation not permitted"]) {
        CaptureError::Permission { name }
    } else if says(&["No such device", "disappeared"]) || !known.contains(&name) {
        CaptureError::NoSuchInterface { name, known }
    } else if says(&["not up", "went down", "Network is down"]) {
        CaptureError::Down { name }
    } else {
        CaptureError::Interface { name, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libpcap_says_is_explained() {
        let lo = "lo: You don't have permission to perform this capture on that device";
        assert!(explain("lo", lo.into()).to_string().contains("setcap cap_net_raw+ep"));
        assert!(explain("lo", "lo: That device is not up".into()).to_string().contains("ip link set lo up"));
        assert!(explain("lo", "something else".into()).to_string().contains("something else"));
    }

    #[test]
    fn the_loopback_is_listed() {
        let lo = interfaces().unwrap().into_iter().find(|interface| interface.name == "lo").unwrap();
        assert!(lo.loopback && lo.up);
    }
}
