//! The JSON Schemas of the formats, generated from the structs.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::{
    DeadLetter, ExchangeRecord, FindingRecord, FlatExchange, HandshakeRecord, ObservationRecord, ValuesRecord,
};

/// The schema of one format.
#[derive(Debug)]
pub struct SchemaFile {
    /// Name of its file.
    pub name: &'static str,
    /// The schema (JSON Schema, draft 2020-12), indented.
    pub text: String,
}

/// The schemas of all formats.
pub fn schemas() -> Vec<SchemaFile> {
    vec![
        file::<FindingRecord<'static>>("finding.schema.json"),
        file::<ExchangeRecord<'static>>("exchange.schema.json"),
        file::<HandshakeRecord<'static>>("handshake.schema.json"),
        file::<FlatExchange<'static>>("exchange-flat.schema.json"),
        file::<ObservationRecord<'static>>("observation.schema.json"),
        file::<ValuesRecord<'static>>("values.schema.json"),
        file::<DeadLetter<'static>>("dead-letter.schema.json"),
    ]
}

fn file<T: JsonSchema>(name: &'static str) -> SchemaFile {
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(RecursiveTransform(without_null));
    let schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    let mut text = format!("{:#}", schema.as_value());
    text.push('\n');
    SchemaFile { name, text }
}

/// An optional field is left out rather than null.
fn without_null(schema: &mut Schema) {
    let null = Value::from("null");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| *one != null);
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let Some(Value::Array(options)) = schema.get_mut("anyOf") else { return };
    options.retain(|option| option.get("type") != Some(&null));
    let only = match options.as_slice() {
        [Value::Object(only)] => only.clone(),
        _ => return,
    };
    schema.remove("anyOf");
    for (name, value) in only {
        schema.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use spyhop_model::Lang;

    use super::*;
    use crate::sample;

    #[test]
    fn the_files_are_those_of_the_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
        for schema in schemas() {
            let path = folder.join(schema.name);
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&path, &schema.text).expect("schema written");
            }
            let file = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(file == schema.text, "{} is out of date; run the tests with UPDATE=1", path.display());
        }
    }

    /// Checks what our schemas use: type, properties, required, items, enum, additionalProperties, $ref.
    fn check(schema: &Value, root: &Value, value: &Value, at: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            let target = root.pointer(name.trim_start_matches('#')).expect("a known reference");
            check(target, root, value, at);
        }
        let types = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let is = match value {
            Value::Object(_) => "object",
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::Null => "null",
        };
        assert!(types.is_empty() || types.contains(&is), "{at}: {is} is not {types:?}");
        if let Some(words) = schema["enum"].as_array() {
            assert!(words.contains(value), "{at}: {value} is not in {words:?}");
        }
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(value.get(required).is_some(), "{at}.{required} is required");
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            let known = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
            if schema.get("properties").is_some() || schema.get("additionalProperties").is_some() {
                check(known.unwrap_or_else(|| panic!("{at}.{name} is unknown")), root, value, &format!("{at}.{name}"));
            }
        }
        for (n, item) in value.as_array().into_iter().flatten().enumerate() {
            check(&schema["items"], root, item, &format!("{at}[{n}]"));
        }
    }

    #[test]
    fn records_obey_their_schemas() {
        let (event, finding, names) = (sample::event(1), sample::finding(1), sample::names());
        let json = |record: Result<Value, serde_json::Error>| record.expect("json");
        let observation = ObservationRecord::all(&event, Lang::En, &names).next().expect("an observation");
        let records = [
            json(serde_json::to_value(FindingRecord::new(&finding, Lang::En, &names))),
            json(serde_json::to_value(ExchangeRecord::new(&event, &names))),
            json(serde_json::to_value(HandshakeRecord::new(&sample::greeting(), &names))),
            json(serde_json::to_value(FlatExchange::new(&event, &names))),
            json(serde_json::to_value(observation)),
            json(serde_json::to_value(ValuesRecord::new(&sample::values(), &names))),
        ];
        for (schema, record) in schemas().iter().zip(&records) {
            let root: Value = serde_json::from_str(&schema.text).expect("a schema is JSON");
            check(&root, &root, record, schema.name);
        }
    }

    #[test]
    fn nothing_is_ever_null() {
        for schema in schemas() {
            assert!(!schema.text.contains("null"), "{}", schema.name);
        }
    }

    #[test]
    fn what_may_be_left_out_is_not_required_and_what_is_always_there_is() {
        let finding = schemas().remove(0);
        let root: Value = serde_json::from_str(&finding.text).expect("a schema is JSON");
        let required = root["required"].as_array().expect("required");
        for name in ["schema", "id", "kind", "severity_id", "first_seen", "entities", "evidence", "key_id"] {
            assert!(required.iter().any(|known| known == name), "{name}");
        }
        for name in ["parent", "aspect", "measures", "respond"] {
            assert!(!required.iter().any(|known| known == name), "{name}");
        }
    }
}
