//! Bodies of business traffic: records made once, put together anew for each body.

use crate::http::Coding;
use crate::people::Person;
use crate::rng::Rng;

/// How many coded bodies are made before they are used again: coding costs far more than the rest of an exchange.
const CODED_BODIES: usize = 256;

/// A stock of JSON records with and without personal data.
#[derive(Debug)]
pub(crate) struct Records {
    plain: Vec<String>,
    personal: Vec<String>,
    masked: Vec<String>,
    coded: [Vec<Vec<u8>>; 2],
}

/// What the records of a body tell of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing.
    Plain,
    /// Everything.
    Personal,
    /// Masked values.
    Masked,
}

impl Records {
    /// Makes the stock; `people` are those of the personal records and must not be empty.
    pub(crate) fn new(rng: &mut Rng, people: &[Person]) -> Self {
        let plain = (0..1000).map(|n| order(rng, n)).collect();
        let personal = people.iter().enumerate().map(|(n, person)| customer(n, person)).collect();
        let masked = people.iter().enumerate().map(|(n, person)| customer(n, &person.masked())).collect();
        Records { plain, personal, masked, coded: [Vec::new(), Vec::new()] }
    }

    /// A record.
    pub(crate) fn one(&self, rng: &mut Rng, content: Content) -> &str {
        let from = match content {
            Content::Plain => &self.plain,
            Content::Personal => &self.personal,
            Content::Masked => &self.masked,
        };
        rng.pick::<String>(from)
    }

    /// A JSON answer of exactly `len` octets (at least 512): a list of records, filled up with white space as
    /// pretty printers do. A personal list holds a few people among other records.
    pub(crate) fn list(&self, rng: &mut Rng, len: usize, content: Content) -> Vec<u8> {
        let mut out = Vec::with_capacity(len.max(512));
        let head = format!(r#"{{"code":0,"message":"success","requestId":"{}","data":{{"list":["#, rng.hex(32));
        out.extend_from_slice(head.as_bytes());
        let tail = b"]}}";
        let mut first = true;
        loop {
            // Four of ten records of a personal list are people, the first of all surely.
            let kind = if first || rng.chance(40.0) { content } else { Content::Plain };
            let record = self.one(rng, kind);
            if out.len() + 1 + record.len() + tail.len() > len {
                break;
            }
            if !first {
                out.push(b',');
            }
            out.extend_from_slice(record.as_bytes());
            first = false;
        }
        out.resize((len - tail.len()).max(out.len()), b' ');
        out.extend_from_slice(tail);
        out
    }

    /// A gzip-coded [`Records::list`]; made anew until there is a stock of them, then taken from it.
    pub(crate) fn coded(&mut self, rng: &mut Rng, len: usize, content: Content) -> Vec<u8> {
        let stock = usize::from(content != Content::Plain);
        if self.coded[stock].len() < CODED_BODIES {
            let body = Coding::Gzip.encode(&self.list(rng, len, content));
            self.coded[stock].push(body);
            return self.coded[stock].last().cloned().unwrap_or_default();
        }
        rng.pick(&self.coded[stock]).clone()
    }
}

/// An order that names nobody. Numbers are such that none passes for a card or a mobile number.
fn order(rng: &mut Rng, n: usize) -> String {
    let status = rng.one_of(&["CREATED", "PAID", "SHIPPED", "DONE", "CANCELLED"]);
    let goods = rng.one_of(&["kettle", "notebook", "desk lamp", "backpack", "运动鞋", "保温杯", "数据线", "台灯"]);
    let note = rng.one_of(&["", "leave at the door", "工作日送货", "gift wrap", "尽快发货，谢谢"]);
    format!(
        r#"{{"orderId":"SO-{:x}-{n}","sku":"{}-{}","goods":"{goods}","quantity":{},"price":{}.{:02},"status":"{status}","tags":["a{}","b{}"],"paid":{},"note":"{note}"}}"#,
        rng.range(4096..65536),
        rng.text("ABCDEFGHJKMNPQRSTUVWXYZ", 4),
        rng.range(100..1000),
        rng.range(1..20),
        rng.range(1..5000),
        rng.below(100),
        rng.below(50),
        rng.below(50),
        rng.chance(50.0),
    )
}

/// A customer with what services keep of one.
fn customer(n: usize, person: &Person) -> String {
    let Person { name, resident_id, mobile, bank_card, email, address, .. } = person;
    let rest = match n % 3 {
        0 => format!(r#""bankCard":"{bank_card}""#),
        1 => format!(r#""email":"{email}""#),
        _ => format!(r#""email":"{email}","bankCard":"{bank_card}""#),
    };
    format!(
        r#"{{"customerId":"C-{n}","name":"{name}","idCard":"{resident_id}","mobile":"{mobile}",{rest},"address":"{address}","level":{}}}"#,
        n % 5
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_length_and_the_people_asked_for() {
        let mut rng = Rng::new(1);
        let people = Person::many(&mut rng, 10);
        let mut records = Records::new(&mut rng, &people);
        for len in [512, 700, 5_000, 65_536] {
            for content in [Content::Plain, Content::Personal, Content::Masked] {
                let body = String::from_utf8(records.list(&mut rng, len, content)).expect("text");
                assert_eq!(body.len(), len);
                let full = people.iter().any(|person| body.contains(&person.mobile));
                let masked = people.iter().any(|person| body.contains(&person.masked().mobile));
                assert_eq!((full, masked), (content == Content::Personal, content == Content::Masked), "{body}");
            }
        }
        let coded: Vec<_> = (0..CODED_BODIES * 2).map(|_| records.coded(&mut rng, 600, Content::Plain)).collect();
        assert_eq!(records.coded[0].len(), CODED_BODIES);
        assert!(coded.iter().all(|body| body.starts_with(&[0x1f, 0x8b])));
    }
}
