"""Asks a ledger with DuckDB what `spyhop trace` was asked, and prints the answer in the same form.

usage: same_answer.py VIEWS.sql account NAME | values HASHES
HASHES is a file: a line a value, its possible fingerprints in hexadecimal, separated by blanks.
"""

import json
import sys

import duckdb

views, what, argument = sys.argv[1:]
db = duckdb.connect()
db.execute(open(views, encoding="utf-8").read())

if what == "account":
    rows = db.execute(
        """
        SELECT coalesce(api_endpoint, exchange_kind), client_ip, count(*), sum(sensitive_count_response)::BIGINT
        FROM calls WHERE account_name = ? OR login_account = ? GROUP BY 1, 2 ORDER BY 1, 2
        """,
        [argument, argument],
    ).fetchall()
else:
    db.execute("CREATE TABLE sample (value INTEGER, hash UBIGINT)")
    for number, line in enumerate(open(argument, encoding="utf-8")):
        db.executemany("INSERT INTO sample VALUES (?, ?)", [(number, int(one, 16)) for one in set(line.split())])
    rows = db.execute(
        """
        WITH obtained AS (
            SELECT DISTINCT coalesce(account_name, client_ip) AS who, value
            FROM sample JOIN ledger_keys ON key_kind = 6 AND key_hash = hash JOIN calls ON ledger_row = key_row
        ), holders AS (SELECT value, count(*) AS others FROM obtained GROUP BY 1)
        SELECT who, count(*), sum((others = 1)::INTEGER)::BIGINT
        FROM obtained JOIN holders USING (value) GROUP BY 1 ORDER BY 2 DESC, 1
        """
    ).fetchall()
print(json.dumps(rows))
