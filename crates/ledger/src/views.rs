//! Views for DuckDB, as SQL.

use std::path::Path;

/// SQL that makes views of the ledger in a folder: `calls`, `findings`, `ledger_keys`, and `calls_of` to join them.
pub fn views(folder: &Path) -> String {
    // In SQL a quotation mark in a text is written twice.
    let folder = folder.display().to_string().replace('\'', "''");
    format!(
        "\
-- A row is an exchange, a message or a TLS handshake. Columns: `spyhop ledger` in the documentation.
CREATE OR REPLACE VIEW calls AS
SELECT *, printf('%016x-%d', exchange_flow, exchange_number) AS exchange_id
FROM read_parquet('{folder}/events/*/*/*.parquet', hive_partitioning = true, union_by_name = true);

-- A row is a change of a finding.
CREATE OR REPLACE VIEW findings AS
SELECT * FROM read_parquet('{folder}/findings/*/*.parquet', hive_partitioning = true, union_by_name = true);

-- A row says that a key stands in a row of calls.
CREATE OR REPLACE VIEW ledger_keys AS
SELECT *, ['account', 'client', 'session', 'endpoint', 'flow', 'value', 'masked', 'sent', 'sent_masked'][key_kind] AS key_name
FROM read_parquet('{folder}/keys/*/*.parquet');

-- The calls in whose answers a value stood in full, by its fingerprint.
CREATE OR REPLACE MACRO calls_with_value(fingerprint) AS TABLE
SELECT calls.* FROM ledger_keys JOIN calls ON key_row = ledger_row
WHERE key_kind = 6 AND key_hash = fingerprint;
"
    )
}
