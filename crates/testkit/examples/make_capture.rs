//! Writes a capture of invented traffic: `make_capture PROFILE --mb N --seed S OUT.pcap`, or of an attack among
//! bystanders: `make_capture hostile ATTACK --count N --seed S OUT.pcap`.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

use spyhop_testkit::hostile::Attack;
use spyhop_testkit::load::{Profile, Totals};

const USAGE: &str = "usage: make_capture PROFILE [--mb N] [--seed S] OUT.pcap
       make_capture hostile ATTACK [--count N] [--seed S] OUT.pcap";

/// What is to be written.
enum Kind {
    Profile(Profile),
    Attack(Attack),
}

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
            let profiles = Profile::ALL.map(|(name, _)| name).join(", ");
            let attacks = Attack::ALL.map(|(name, _)| name).join(", ");
            eprintln!("make_capture: {error}\n{USAGE}\nprofiles: {profiles}\nattacks: {attacks}");
            ExitCode::from(2)
        }
    }
}

fn run(mut args: impl Iterator<Item = String>) -> Result<Totals, Box<dyn Error>> {
    let (mut kind, mut out, mut megabytes, mut count, mut seed) = (None, None, 10, None, 1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse::<u64>().ok()).ok_or(format!("{arg} needs a number"));
        match arg.as_str() {
            "--mb" => megabytes = number()?,
            "--count" => count = Some(number()?),
            "--seed" => seed = number()?,
            _ if arg.starts_with('-') => return Err(format!("unknown option {arg}").into()),
            "hostile" if kind.is_none() => {
                kind = Some(Kind::Attack(args.next().ok_or("which attack?")?.parse()?));
            }
            _ if kind.is_none() => kind = Some(Kind::Profile(arg.parse()?)),
            _ if out.is_none() => out = Some(arg),
            _ => return Err(format!("one argument too many: {arg}").into()),
        }
    }
    let (Some(kind), Some(out)) = (kind, out) else { return Err("what to write and a file are needed".into()) };
    let file = File::create(&out).map_err(|error| format!("cannot write {out}: {error}"))?;
    let file = BufWriter::with_capacity(1 << 20, file);
    Ok(match kind {
        Kind::Profile(profile) => profile.write(seed, megabytes * 1_000_000, file)?,
        Kind::Attack(attack) => attack.write(seed, count.unwrap_or(attack.full_size()), file)?,
    })
}
