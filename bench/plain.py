"""LOAD DATA LOCAL INFILE without the engine: `python -m bench.plain naive|expert FILE REPORT`.

The URL is in `BENCH_MYSQL_URL`; REPORT becomes a JSON file with what the server said and the seconds of each step.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import MySQLdb

_CREATE = Path(__file__).resolve().parent.parent / "sql" / "mysql" / "sales_data.sql"
_LOAD = """
LOAD DATA LOCAL INFILE %s INTO TABLE sales_data CHARACTER SET utf8mb4
FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' LINES TERMINATED BY '\n' IGNORE 1 LINES
(transaction_id, customer_id, product_name, quantity, price, transaction_date, region)
"""
_DROP_INDEXES = "ALTER TABLE sales_data DROP INDEX idx_transaction_date, DROP INDEX idx_customer_id"
_ADD_INDEXES = (
    "ALTER TABLE sales_data ADD INDEX idx_transaction_date (transaction_date), ADD INDEX idx_customer_id (customer_id)"
)


def main(way: str, path: str, report: str) -> None:
    """Create `sales_data` and fill it: `naive` with its indexes in place, `expert` with one ALTER that builds them."""
    parts = urlsplit(os.environ["BENCH_MYSQL_URL"])
    connection = MySQLdb.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.lstrip("/"),
        charset="utf8mb4",
        autocommit=True,
        local_infile=True,
    )
    cursor = connection.cursor()
    cursor.execute(_CREATE.read_text(encoding="utf-8").format(table="sales_data"))
    if way == "expert":
        cursor.execute(_DROP_INDEXES)
    seconds = {}
    began = time.perf_counter()
    cursor.execute(_LOAD, (path,))
    info = connection.info()
    seconds["load"] = round(time.perf_counter() - began, 3)
    if way == "expert":
        began = time.perf_counter()
        cursor.execute(_ADD_INDEXES)
        seconds["indexes"] = round(time.perf_counter() - began, 3)
    connection.close()
    told = info.decode() if isinstance(info, bytes) else str(info)
    Path(report).write_text(json.dumps({"server_said": told, "seconds_by_step": seconds}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
