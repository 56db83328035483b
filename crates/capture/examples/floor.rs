//! The floor under every sensor: reads capture files with libpcap and touches each octet, nothing else. `floor FILE...`

use std::process::ExitCode;

use pcap::Capture;

fn main() -> ExitCode {
    let (mut packets, mut octets, mut sum) = (0u64, 0u64, 0u64);
    for path in std::env::args().skip(1) {
        let mut capture = match Capture::from_file(&path) {
            Ok(capture) => capture,
            Err(error) => {
                eprintln!("floor: {path}: {error}");
                return ExitCode::FAILURE;
            }
        };
        loop {
            match capture.next_packet() {
                Ok(packet) => {
                    packets += 1;
                    octets += packet.data.len() as u64;
                    sum = sum.wrapping_add(packet.data.iter().map(|octet| u64::from(*octet)).sum());
                }
                Err(pcap::Error::NoMorePackets) => break,
                Err(error) => {
                    eprintln!("floor: {path}: {error}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    println!("{packets} packets, {octets} octets, sum {sum}");
    ExitCode::SUCCESS
}
