//! Labelled bodies as a capture and their labels beside it, so that the whole program can be scored:
//!
//! ```text
//! make_bodies [--values N] [--negatives N] [--seed S] OUT.pcap OUT.labels.jsonl
//! spyhop replay OUT.pcap --observations-out seen.jsonl --exchanges-out exchanges.jsonl
//! make_bodies score OUT.labels.jsonl exchanges.jsonl seen.jsonl
//! ```
//!
//! Body number `n` is the exchange with the path `/body-n/q`. The first line of the labels says what was made, each line
//! after it gives the values of one body.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

use spyhop_model::{Form, Span, Timestamp};
use spyhop_testkit::evaluate::{Evaluation, Seen};
use spyhop_testkit::http::Message;
use spyhop_testkit::labelled::{Body, Carrier, negatives, positives};
use spyhop_testkit::{Conversation, Link, PcapWriter, Precision};

const USAGE: &str = "usage: make_bodies [--values N] [--negatives N] [--seed S] OUT.pcap OUT.labels.jsonl
       make_bodies score OUT.labels.jsonl EXCHANGES.jsonl OBSERVATIONS.jsonl";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("make_bodies: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Which bodies: the first line of the labels, so that scoring makes them again.
#[derive(Clone, Copy)]
struct Wanted {
    seed: u64,
    values: usize,
    negatives: usize,
}

impl Wanted {
    fn bodies(self) -> impl Iterator<Item = Body> {
        positives(self.seed, self.values).chain(negatives(self.seed ^ 0x5eed, self.negatives))
    }
}

fn run(args: Vec<String>) -> Result<String, Box<dyn Error>> {
    if let [what, labels, exchanges, observations] = &args[..]
        && what == "score"
    {
        return score(labels, exchanges, observations);
    }
    let mut wanted = Wanted { seed: 1, values: 20_000, negatives: 10_000 };
    let (mut files, mut args) = (Vec::new(), args.into_iter());
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse::<u64>().ok()).ok_or(format!("{arg} needs a number"));
        match arg.as_str() {
            "--values" => wanted.values = number()? as usize,
            "--negatives" => wanted.negatives = number()? as usize,
            "--seed" => wanted.seed = number()?,
            _ if arg.starts_with('-') => return Err(format!("unknown option {arg}").into()),
            _ => files.push(arg),
        }
    }
    let [capture, labels] = &files[..] else { return Err("a capture and a file of labels are needed".into()) };
    write(wanted, capture, labels)
}

fn write(wanted: Wanted, capture: &str, labels: &str) -> Result<String, Box<dyn Error>> {
    let file = BufWriter::with_capacity(1 << 20, File::create(capture)?);
    let mut pcap = PcapWriter::new(file, Link::Ethernet, Precision::Micro)?;
    let mut lines = BufWriter::new(File::create(labels)?);
    let Wanted { seed, values, negatives } = wanted;
    writeln!(lines, "{{\"seed\":{seed},\"values\":{values},\"negatives\":{negatives}}}")?;
    let (mut at, mut bodies, mut count) = (Timestamp(1_795_428_000_000_000_000), 0u64, 0usize);
    for (number, body) in wanted.bodies().enumerate() {
        let address = format!("10.{}.{}.{}:40000", 1 + number / 62_500 % 250, number / 250 % 250, 1 + number % 250);
        let mut talk = Conversation::new(&address, "10.200.0.1:80").at(at);
        let path = format!("/body-{number}/q");
        let (request, answer) = messages(&path, &body);
        talk = talk.client(request.host("data.example").bytes()).server(answer.bytes()).close();
        at = at + Span::millis(200);
        for frame in talk.frames() {
            pcap.write(&frame)?;
        }
        let parts: Vec<String> = body
            .labels
            .iter()
            .map(|label| {
                let place = label.place.as_deref().map_or("null".to_owned(), quoted);
                let form = if label.form == Form::Full { "full" } else { "masked" };
                format!(
                    "{{\"type\":{},\"place\":{place},\"form\":\"{form}\",\"raw\":{},\"expect\":\"{:?}\"}}",
                    quoted(label.id),
                    quoted(&label.raw),
                    label.expect
                )
            })
            .collect();
        writeln!(lines, "{{\"body\":{number},\"shape\":{},\"labels\":[{}]}}", quoted(body.shape), parts.join(","))?;
        bodies += 1;
        count += body.labels.len();
    }
    pcap.finish()?;
    lines.flush()?;
    Ok(format!("{bodies} bodies, {count} values"))
}

fn messages(path: &str, body: &Body) -> (Message, Message) {
    let typed = |message: Message| message.header("Content-Type", body.content_type).body(body.bytes.clone());
    let text = || String::from_utf8_lossy(&body.bytes).into_owned();
    match body.carrier {
        Carrier::Response => (Message::get(path), typed(Message::response(200))),
        Carrier::Request => (typed(Message::post(path)), Message::response(200).json("{}")),
        Carrier::Query => (Message::get(&format!("{path}?{}", text())), Message::response(200).json("{}")),
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// The text or number that a record gives a name, from the first such name on.
fn field<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    let rest = record.split_once(&format!("\"{name}\":"))?.1;
    match rest.strip_prefix('"') {
        Some(text) => text.split('"').next(),
        None => rest.split([',', '}']).next(),
    }
}

fn score(labels: &str, exchanges: &str, observations: &str) -> Result<String, Box<dyn Error>> {
    let mut first = String::new();
    BufReader::new(File::open(labels)?).read_line(&mut first)?;
    let number = |name| field(&first, name).and_then(|n| n.parse::<u64>().ok()).ok_or(format!("no {name} in {labels}"));
    let wanted =
        Wanted { seed: number("seed")?, values: number("values")? as usize, negatives: number("negatives")? as usize };
    // Endpoints are learnt and may hide the number; the exchange's own target does not.
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for line in BufReader::new(File::open(exchanges)?).lines() {
        let line = line?;
        let number = line.split_once("\"target\":\"/body-").and_then(|(_, rest)| rest.split('/').next()?.parse().ok());
        if let (Some(id), Some(number)) = (field(&line, "id"), number) {
            numbers.insert(id.to_owned(), number);
        }
    }
    let mut seen: Vec<Vec<Seen>> = Vec::new();
    let mut known: Vec<String> = Vec::new();
    for line in BufReader::new(File::open(observations)?).lines() {
        let line = line?;
        let number = field(&line, "exchange").and_then(|id| numbers.get(id).copied());
        let (Some(at), Some(id)) = (number, field(&line, "type")) else { continue };
        let place = line.split_once("\"place\":").and_then(|(_, rest)| field(rest, "at")).unwrap_or_default();
        if seen.len() <= at {
            seen.resize(at + 1, Vec::new());
        }
        if !known.iter().any(|known| known == id) {
            known.push(id.to_owned());
        }
        seen[at].push(Seen {
            id: id.to_owned(),
            confidence: field(&line, "confidence").and_then(|n| n.parse().ok()).unwrap_or(0),
            form: if field(&line, "form") == Some("masked") { Form::Masked } else { Form::Full },
            count: field(&line, "count").and_then(|n| n.parse().ok()).unwrap_or(0),
            place: place.to_owned(),
        });
    }
    let mut evaluation = Evaluation::new(|id| known.iter().any(|known| known == id));
    for (number, body) in wanted.bodies().enumerate() {
        evaluation.add(&body, seen.get(number).map(Vec::as_slice).unwrap_or_default());
    }
    let never = evaluation.skipped().join(" ");
    Ok(format!("{}\n{evaluation}\nnever told: {never}", evaluation.examples()))
}
