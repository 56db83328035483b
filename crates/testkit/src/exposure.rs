//! Answers that show what they should not, one way each: for scenarios in which every finding about data is to fire.

use crate::http::{Message, query};
use crate::people::{Person, mask};
use crate::rng::Rng;

/// The value that scenarios plant: nobody has a reason to see it.
pub const CANARY: &str = "19912340000";

/// A request's target, the answer to it, and the secrets that are in one of them.
#[derive(Debug)]
pub(crate) struct Exposure {
    /// Request target.
    pub target: String,
    /// The answer.
    pub answer: Message,
    /// What may appear in no output.
    pub secrets: Vec<String>,
}

/// How many ways there are.
pub(crate) const WAYS: u64 = 8;

/// The way of that number.
pub(crate) fn exposure(way: u64, rng: &mut Rng, people: &[Person]) -> Exposure {
    let person = rng.pick::<Person>(people).clone();
    let ok = || Message::response(200);
    let (target, answer, secrets) = match way % WAYS {
        // A list that is far too long.
        0 => {
            let rows: Vec<String> = people.iter().cycle().take(1_200).map(row).collect();
            ("/customers/all".to_owned(), ok().json(format!(r#"{{"data":[{}]}}"#, rows.join(","))), vec![])
        }
        // A file with them.
        1 => {
            let rows: Vec<String> =
                people.iter().take(150).map(|p| format!("{},{},{}", p.name, p.mobile, p.resident_id)).collect();
            let body = format!("姓名,手机号,身份证号\r\n{}\r\n", rows.join("\r\n"));
            let file = ok()
                .header("Content-Type", "text/csv; charset=utf-8")
                .header("Content-Disposition", "attachment; filename=\"customers.csv\"")
                .body(body);
            ("/customers/export".to_owned(), file, vec![])
        }
        // Masked to be seen, in full beside it.
        2 => {
            let body = format!(
                r#"{{"name":"{}","phoneShown":"{}","phone":"{}"}}"#,
                person.name,
                mask(&person.mobile, 3, 4),
                person.mobile
            );
            ("/customers/card".to_owned(), ok().json(body), vec![person.mobile])
        }
        // A mask that leaves a thousand numbers.
        3 => {
            let shown = person.resident_id.get(..14).unwrap_or_default();
            ("/customers/list".to_owned(), ok().json(format!(r#"{{"idCard":"{shown}****"}}"#)), vec![])
        }
        // A search by identity number.
        4 => {
            let target = format!("/customers/search?{}", query(&[("idCard", &person.resident_id)]));
            (target, ok().json(r#"{"found":1}"#), vec![person.resident_id])
        }
        // A key of a cloud.
        5 => {
            let key = format!("LTAI{}", rng.text("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789", 20));
            let body = format!(r#"{{"region":"cn-hangzhou","accessKeyId":"{key}"}}"#);
            ("/config".to_owned(), ok().json(body), vec![key])
        }
        // All that is known of somebody.
        6 => {
            let Person { resident_id, bank_card, .. } = &person;
            let passport = format!("E{}", rng.range(10_000_000..99_999_999));
            let body = format!(r#"{{"idCard":"{resident_id}","bankCard":"{bank_card}","passportNo":"{passport}"}}"#);
            ("/customers/profile".to_owned(), ok().json(body), vec![passport])
        }
        // A record that was planted.
        _ => ("/customers/9000001".to_owned(), ok().json(format!(r#"{{"id":9000001,"mobile":"{CANARY}"}}"#)), vec![]),
    };
    Exposure { target, answer, secrets }
}

fn row(person: &Person) -> String {
    format!(r#"{{"name":"{}","mobile":"{}"}}"#, person.name, person.mobile)
}
