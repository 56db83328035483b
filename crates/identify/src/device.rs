//! Devices: what a client calls itself, or else its software at one address.

use std::net::IpAddr;

use spyhop_model::{Call, Fingerprint, Key};

use crate::recent::Recent;

/// Names that devices give themselves; about 120 bytes each.
const NAMES: usize = 50_000;
/// Different software that one device shows at most (its browser, its apps, their versions); what more show is no name of one.
const PICTURES: usize = 8;

/// Names of devices.
pub struct Devices {
    seed: u64,
    names: Recent<Fingerprint, Vec<u32>>,
}

impl Devices {
    /// None yet.
    pub fn new(key: &Key) -> Devices {
        Devices { seed: key.fingerprint("device", b"").0, names: Recent::new(NAMES) }
    }

    /// Names that had to be forgotten.
    pub fn forgotten(&self) -> u64 {
        self.names.evicted()
    }

    /// The device of a call, if anything tells it. Many people use the same software, so that a picture is one at an address only.
    pub fn of(&mut self, call: &Call, client: IpAddr) -> Option<Fingerprint> {
        if let Some(name) = call.device_id
            && self.is_one(name, call)
        {
            return Some(name);
        }
        let address = match client.to_canonical() {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => (ip.to_bits() ^ ip.to_bits() >> 64) as u64,
        };
        // The picture is a keyed fingerprint already; the address beside it is no secret.
        Some(Fingerprint(mix(call.picture?.0 ^ mix(address ^ self.seed))))
    }

    /// Whether a name is one device's: `web` and `000000` are everybody's.
    fn is_one(&mut self, name: Fingerprint, call: &Call) -> bool {
        let pictures = self.names.entry(name, call.moment.at, Vec::new);
        let picture = call.picture.map_or(0, |picture| picture.0 as u32);
        if pictures.len() <= PICTURES && !pictures.contains(&picture) {
            pictures.push(picture);
        }
        pictures.len() <= PICTURES
    }
}

/// Spreads 64 bits over 64 (Stafford's thirteenth mixing function, as in SplitMix64).
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_testkit::event;

    #[test]
    fn a_device_is_its_name_until_many_share_it() {
        let mut devices = Devices::new(&Key::new([3; 32]));
        let client = "10.0.0.8".parse().expect("an address");
        let mut device = |name: Option<u64>, picture: u64| {
            let mut call = event().get("a.example/x").build(1).call;
            (call.device_id, call.picture) = (name.map(Fingerprint), Some(Fingerprint(picture)));
            devices.of(&call, client)
        };
        let by_picture = device(None, 1);
        assert_ne!(by_picture, device(None, 2));
        assert_eq!(device(Some(7), 1), Some(Fingerprint(7)));
        for picture in 2..10 {
            device(Some(7), picture);
        }
        assert_eq!(device(Some(7), 1), by_picture);
    }
}
