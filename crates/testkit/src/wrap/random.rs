//! Wrappings drawn at random, and the list of all single ones.

use super::{Erspan, Extension, Layer, Link, Pieces, Shape, Version, Wrapping, link};
use crate::rng::Rng;

/// Links that captures begin with.
const LINKS: [Link; 8] = [
    Link::Ethernet,
    Link::Raw,
    Link::LinuxCooked,
    Link::LinuxCooked2,
    Link::Null,
    Link::Ppp,
    Link::Nflog,
    Link::Radiotap,
];

impl Wrapping {
    /// Up to `depth` layers around packets of `version`, none of which loses anything.
    pub fn random(rng: &mut Rng, version: Version, depth: usize) -> Wrapping {
        let mut shape = Shape::Ip(version);
        let mut layers = Vec::new();
        let mut fragmented = 0;
        for _ in 0..rng.index(depth + 1) {
            let layer = loop {
                let layer = Layer::random(rng);
                // Fragments in fragments of fragments grow without bound.
                let often = matches!(layer, Layer::Fragments(_)) && (fragmented > 1 || !rng.chance(40.0));
                if !often && layer.around(shape).is_some() {
                    break layer;
                }
            };
            fragmented += usize::from(matches!(layer, Layer::Fragments(_)));
            shape = layer.around(shape).unwrap_or(shape);
            layers.push(layer);
        }
        let link = loop {
            let link = rng.one_of(&LINKS);
            if link::carries(link, shape) {
                break link;
            }
        };
        Wrapping { layers, link }
    }

    /// Every encapsulation once, around packets of `version`, with its name.
    pub fn all(version: Version) -> Vec<(String, Wrapping)> {
        use Layer::Ethernet;
        let mut out: Vec<(String, Wrapping)> = Vec::new();
        let mut add = |name: String, layers: &[Layer]| out.push((name, Wrapping::ethernet(layers.iter().cloned())));
        let vlans = Layer::Vlans(vec![7, 42]);
        add("802.1Q".into(), &[Layer::Vlans(vec![7])]);
        add("QinQ".into(), std::slice::from_ref(&vlans));
        add("MPLS".into(), &[Layer::Mpls(3)]);
        for control_word in [false, true] {
            let name = format!("pseudowire, control word {control_word}");
            add(name, &[Ethernet, Layer::Pseudowire { labels: 2, control_word }]);
        }
        add("PPPoE".into(), &[Layer::Pppoe]);
        add("PPPoE over QinQ".into(), &[Layer::Pppoe, vlans.clone()]);
        for metadata in [false, true] {
            add(format!("NSH, metadata {metadata}"), &[Layer::Nsh { metadata }]);
            add(format!("NSH, frame, metadata {metadata}"), &[Ethernet, Layer::Nsh { metadata }]);
        }
        for outer in [Version::V4, Version::V6] {
            let mut over = |name: &str, layers: &[Layer]| add(format!("{name} over {outer:?}"), layers);
            for bits in 0..8 {
                let [checksum, key, sequence] = [1, 2, 4].map(|bit| bits & bit != 0);
                over(&format!("GRE {bits}"), &[Layer::Gre { outer, checksum, key, sequence }]);
            }
            let gre = Layer::Gre { outer, checksum: false, key: true, sequence: false };
            over("GRE, frame", &[vlans.clone(), Ethernet, gre.clone()]);
            over("GRE, MPLS", &[Layer::Mpls(1), gre]);
            over("GRE in UDP", &[Layer::GreInUdp(outer)]);
            for kind in [Erspan::I, Erspan::II, Erspan::III, Erspan::IIIPlatform] {
                over(&format!("ERSPAN {kind:?}"), &[Ethernet, Layer::Erspan { outer, kind }]);
            }
            over("ERSPAN III, IP", &[Layer::Erspan { outer, kind: Erspan::IIIIp }]);
            for port in [4789, 8472] {
                over(&format!("VXLAN {port}"), &[Ethernet, Layer::Vxlan { outer, port }]);
            }
            over("VXLAN-GPE, IP", &[Layer::VxlanGpe(outer)]);
            over("VXLAN-GPE, frame", &[Ethernet, Layer::VxlanGpe(outer)]);
            over("VXLAN-GPE, NSH", &[Layer::Nsh { metadata: true }, Layer::VxlanGpe(outer)]);
            over("VXLAN-GPE, MPLS", &[Layer::Mpls(2), Layer::VxlanGpe(outer)]);
            for options in [0, 1, 6] {
                over(&format!("Geneve {options}"), &[Layer::Geneve { outer, options }]);
                over(&format!("Geneve {options}, frame"), &[Ethernet, Layer::Geneve { outer, options }]);
            }
            for (sequence, extensions) in [(false, 0), (true, 0), (false, 1), (true, 3)] {
                over(&format!("GTP-U {sequence} {extensions}"), &[Layer::Gtp { outer, sequence, extensions }]);
            }
            over("GTP-U, frame", &[Ethernet, Layer::Gtp { outer, sequence: false, extensions: 1 }]);
            over("IP in IP", &[Layer::IpInIp(outer)]);
            over("AYIYA", &[Layer::Ayiya(outer)]);
            over("MPLS in IP", &[Layer::Mpls(1), Layer::MplsInIp(outer)]);
            over("MPLS in UDP", &[Layer::Mpls(1), Layer::MplsInUdp(outer)]);
            over("EtherIP", &[Ethernet, Layer::EtherIp(outer)]);
            over("AH in tunnel mode", &[Layer::IpInIp(outer), Layer::Authentication]);
        }
        add("AH in transport mode".into(), &[Layer::Authentication]);
        let pieces = Pieces { size: 200, overlapping: false, shuffled: false, doubled: false };
        for bits in 0..8 {
            let [overlapping, shuffled, doubled] = [1, 2, 4].map(|bit| bits & bit != 0);
            let cut = Layer::Fragments(Pieces { overlapping, shuffled, doubled, ..pieces });
            add(format!("fragments {bits}"), std::slice::from_ref(&cut));
            add(format!("fragments {bits} of a tunnel's packet"), &[Layer::IpInIp(Version::V4), cut]);
        }
        let cut = Layer::Fragments(pieces);
        add("fragments of fragments".into(), &[cut.clone(), Layer::IpInIp(Version::V6), cut]);
        if version == Version::V6 {
            for (authentication, origin) in [(false, false), (true, false), (false, true), (true, true)] {
                let layer = Layer::Teredo { authentication, origin };
                add(format!("Teredo {authentication} {origin}"), &[layer]);
            }
            use Extension::{AtomicFragment, Destination, HopByHop, Routing};
            for extension in [HopByHop, Routing, Destination(false), Destination(true), AtomicFragment] {
                add(format!("{extension:?}"), &[Layer::Extensions(vec![extension])]);
            }
            let chain = vec![HopByHop, Destination(false), Routing, AtomicFragment, Destination(true)];
            add("every extension".into(), &[Layer::Extensions(chain.clone())]);
            add(
                "every extension and AH, in fragments".into(),
                &[Layer::Extensions(chain), Layer::Authentication, Layer::Fragments(pieces)],
            );
        }
        for link in LINKS {
            out.push((format!("{link:?}"), Wrapping::on(link, [])));
        }
        for link in [Link::LinuxCooked, Link::LinuxCooked2, Link::Radiotap] {
            out.push((format!("VLAN on {link:?}"), Wrapping::on(link, [Layer::Vlans(vec![7])])));
        }
        out.push(("MPLS on PPP".into(), Wrapping::on(Link::Ppp, [Layer::Mpls(2)])));
        out
    }
}

impl Layer {
    /// Any layer, whatever it may stand around.
    fn random(rng: &mut Rng) -> Layer {
        let outer = if rng.chance(50.0) { Version::V4 } else { Version::V6 };
        let mut coin = || rng.chance(50.0);
        let (first, second, third) = (coin(), coin(), coin());
        let small = 1 + rng.index(3) as u8;
        match rng.index(24) {
            0 => Layer::Vlans((0..small).map(|_| rng.range(1..4095) as u16).collect()),
            1 => Layer::Mpls(small),
            2 => Layer::Pseudowire { labels: small, control_word: first },
            3 => Layer::Pppoe,
            4 => Layer::Nsh { metadata: first },
            // Frames go into most tunnels.
            5..=7 => Layer::Ethernet,
            8 => Layer::Gre { outer, checksum: first, key: second, sequence: third },
            9 => Layer::GreInUdp(outer),
            10 => {
                let kinds = [Erspan::I, Erspan::II, Erspan::III, Erspan::IIIPlatform, Erspan::IIIIp];
                Layer::Erspan { outer, kind: rng.one_of(&kinds) }
            }
            11 => Layer::Vxlan { outer, port: if first { 4789 } else { 8472 } },
            12 => Layer::VxlanGpe(outer),
            13 => Layer::Geneve { outer, options: 2 * small },
            14 => Layer::Gtp { outer, sequence: first, extensions: small - 1 },
            15 => Layer::IpInIp(outer),
            16 => Layer::Teredo { authentication: first, origin: second },
            17 => Layer::Ayiya(outer),
            18 => Layer::MplsInIp(outer),
            19 => Layer::MplsInUdp(outer),
            20 => Layer::EtherIp(outer),
            21 => Layer::Authentication,
            22 => Layer::Extensions(chain(rng)),
            _ => {
                let size = 8 * rng.range(3..150) as usize;
                Layer::Fragments(Pieces { size, overlapping: first, shuffled: second, doubled: third })
            }
        }
    }
}

/// One to five extension headers, the hop-by-hop options first.
fn chain(rng: &mut Rng) -> Vec<Extension> {
    let others =
        [Extension::Routing, Extension::Destination(false), Extension::Destination(true), Extension::AtomicFragment];
    let mut out = Vec::new();
    if rng.chance(50.0) {
        out.push(Extension::HopByHop);
    }
    for _ in 0..1 + rng.index(4) {
        out.push(rng.one_of(&others));
    }
    out
}
