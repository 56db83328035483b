//! Writes a capture of invented traffic: `make_capture PROFILE --mb N --seed S OUT.pcap`.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

use spyhop_testkit::load::{Profile, Totals};

const USAGE: &str = "usage: make_capture PROFILE [--mb N] [--seed S] OUT.pcap";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(totals) => {
            let Totals { connections, exchanges, packets, octets, lost, late } = totals;
            println!(
                "{connections} connections, {exchanges} exchanges, {packets} packets, {octets} octets, {lost} lost, {late} late"
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            let names = Profile::ALL.map(|(name, _)| name).join(", ");
            eprintln!("make_capture: {error}\n{USAGE}\nprofiles: {names}");
            ExitCode::from(2)
        }
    }
}

fn run(mut args: impl Iterator<Item = String>) -> Result<Totals, Box<dyn Error>> {
    let (mut profile, mut out, mut megabytes, mut seed) = (None, None, 10, 1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse::<u64>().ok()).ok_or(format!("{arg} needs a number"));
        match arg.as_str() {
            "--mb" => megabytes = number()?,
            "--seed" => seed = number()?,
            _ if arg.starts_with('-') => return Err(format!("unknown option {arg}").into()),
            _ if profile.is_none() => profile = Some(arg.parse::<Profile>()?),
            _ if out.is_none() => out = Some(arg),
            _ => return Err(format!("one argument too many: {arg}").into()),
        }
    }
    let (Some(profile), Some(out)) = (profile, out) else { return Err("a profile and a file are needed".into()) };
    let file = File::create(&out).map_err(|error| format!("cannot write {out}: {error}"))?;
    Ok(profile.write(seed, megabytes * 1_000_000, BufWriter::with_capacity(1 << 20, file))?)
}
