//! Rows as JSON lines, by the rules of all records: a field without a value is left out, times are RFC 3339 in UTC,
//! fingerprints hexadecimal.

use std::io::{self, Write};

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use spyhop_model::Timestamp;
use spyhop_publish::record::words::Time;

/// Columns whose 64 bits are a fingerprint or the name of a connection.
const HEXADECIMAL: [&str; 3] = ["exchange_flow", "session_id", "device_id"];
/// A column that holds JSON already.
const JSON: &str = "finding_json";

/// Writes each row that `takes` says as a line; says how many they were.
///
/// # Errors
/// The output cannot be written.
pub fn lines(batch: &RecordBatch, takes: impl Fn(usize) -> bool, out: &mut impl Write) -> io::Result<u64> {
    let schema = batch.schema();
    let columns: Vec<(&str, &ArrayRef)> =
        schema.fields().iter().map(|field| field.name().as_str()).zip(batch.columns()).collect();
    let mut count = 0;
    for row in (0..batch.num_rows()).filter(|row| takes(*row)) {
        let mut first = true;
        for (name, column) in &columns {
            if column.is_null(row) || is_empty(column, row) {
                continue;
            }
            out.write_all(if first { b"{" } else { b"," })?;
            first = false;
            if *name == JSON {
                write!(out, "\"finding\":{}", column.as_string::<i32>().value(row))?;
                continue;
            }
            write!(out, "\"{name}\":")?;
            if HEXADECIMAL.contains(name) {
                write!(out, "\"{:016x}\"", column.as_primitive::<UInt64Type>().value(row))?;
            } else {
                value(column, row, out)?;
            }
        }
        out.write_all(if first { b"{}\n" } else { b"}\n" })?;
        count += 1;
    }
    Ok(count)
}

fn is_empty(column: &ArrayRef, row: usize) -> bool {
    matches!(column.data_type(), DataType::List(_)) && column.as_list::<i32>().value_length(row) == 0
}

fn value(column: &ArrayRef, row: usize, out: &mut impl Write) -> io::Result<()> {
    match column.data_type() {
        DataType::Utf8 => Ok(serde_json::to_writer(out, column.as_string::<i32>().value(row))?),
        DataType::Boolean => write!(out, "{}", column.as_boolean().value(row)),
        DataType::UInt8 => write!(out, "{}", column.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => write!(out, "{}", column.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => write!(out, "{}", column.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => write!(out, "{}", column.as_primitive::<UInt64Type>().value(row)),
        DataType::Timestamp(..) => {
            let nanos = column.as_primitive::<TimestampNanosecondType>().value(row);
            Ok(serde_json::to_writer(out, &Time(Timestamp(nanos.max(0) as u64)))?)
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            out.write_all(b"[")?;
            for at in 0..items.len() {
                if at > 0 {
                    out.write_all(b",")?;
                }
                value(&items, at, out)?;
            }
            out.write_all(b"]")
        }
        // The schemas have no other.
        other => Err(io::Error::other(format!("no JSON for {other}"))),
    }
}
