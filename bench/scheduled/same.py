"""Whether a table holds what a file says, and whether the catalog says of two loads of it the same."""

from __future__ import annotations

import csv
from pathlib import Path
from zlib import crc32

import psycopg

from bench.sessions import ask
from engine.sql import quote_mysql

_STATISTICS = """SELECT c.column_name, null_count, unique_count, min_value, max_value, mean, stddev, quantiles, top_values,
    histogram, sample_values, total FROM column_metadata c JOIN file_metadata f ON f.id = file_metadata_id
    WHERE f.id = (SELECT MAX(id) FROM file_metadata WHERE target_table = %s) ORDER BY position"""
# Between the fields of a row: in no file that is measured.
_BETWEEN = "\x1f"

Rows = tuple[int, int]
"""How many rows, and the sum of the CRC-32 of each: whole rows, in any order."""


def rows_of_file(path: Path) -> Rows:
    """Read a file whose values are written as MySQL writes them; an empty field counts as NULL."""
    count = total = 0
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        for count, fields in enumerate(lines, 1):  # noqa: B007 - the last number is how many there are
            total += crc32(_BETWEEN.join(fields).encode())
    return count, total


def rows_of_table(mysql_url: str, table: str, like: Path) -> Rows:
    """Ask for the same of a table, of the columns that the file has."""
    with like.open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file))
    fields = ", ".join(f"COALESCE({quote_mysql(name)}, '')" for name in names)
    row = f"CONCAT_WS(x'{ord(_BETWEEN):02x}', {fields})"
    ((count, total),) = ask(mysql_url, f"SELECT COUNT(*), COALESCE(SUM(CRC32({row})), 0) FROM {quote_mysql(table)}")
    return int(str(count)), int(str(total))


def statistics_of(catalog_url: str, table: str) -> list[tuple[object, ...]]:
    """Return all that the catalog has of the columns of the newest load into a table."""
    with psycopg.connect(catalog_url) as connection:
        return connection.execute(_STATISTICS, (table,)).fetchall()
