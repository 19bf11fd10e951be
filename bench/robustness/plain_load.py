"""Plain LOAD DATA LOCAL INFILE by an ordinary connection, as people write it, told the file's true form.

Carefully: every column a text, and `REPLACE`, which keeps the server strict. By default: columns as somebody would
declare them after a look at the first rows, and no `REPLACE`. Compressed files are unpacked for it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import MySQLdb

from bench.robustness import tables_read
from bench.robustness.job import Job
from bench.robustness.landed import Landed
from bench.robustness.unpacking import UNPACK_ERRORS, readable
from engine.sql import quote_mysql

_CHARACTER_SETS = {
    "utf-8": "utf8mb4", "latin-1": "latin1", "cp1252": "latin1", "cp1250": "cp1250", "cp1251": "cp1251",
    "shift_jis": "sjis", "iso8859-7": "greek",
}  # fmt: skip
_TYPES = (
    (r"-?\d{1,9}", "INT"),
    (r"-?\d+\.\d+", "DECIMAL(12,2)"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r".*", "VARCHAR(255)"),
)


def with_load_data(job: Job, connection: MySQLdb.Connection) -> Landed:
    """Load a file into a table of its own, read it back, and drop it."""
    form = job.form
    if form.encoding not in _CHARACTER_SETS:
        return Landed(refused=f"LOAD DATA reads no {form.encoding}")
    try:
        with readable(job.path, form.compression) as path, connection.cursor() as cursor:
            cursor.execute(_create(job))
            cursor.execute(_load(job, path))
            told = re.search(r"Skipped: (\d+)", connection.info() or "")
    except (MySQLdb.Error, *UNPACK_ERRORS) as error:
        with suppress(MySQLdb.Error):
            tables_read.drop(connection, job.table)
        return Landed(refused=f"{type(error).__name__}: {error}")
    there = tables_read.columns(connection, job.table)
    found = tables_read.rows(connection, job.table, list(there), list(there.values()))
    tables_read.drop(connection, job.table)
    if not found:
        return Landed(refused="no rows")
    return Landed(kinds=tuple(there.values()), rows=found, reported=int(told[1]) if told else 0)


def _create(job: Job) -> str:
    types = ["LONGTEXT"] * job.width
    if job.setting == "default":
        types = [_declared([row[at] for row in job.sample if row[at]]) for at in range(job.width)]
    listed = ", ".join(f"c{at} {column}" for at, column in enumerate(types))
    return f"CREATE TABLE {quote_mysql(job.table)} ({listed}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"


def _declared(cells: list[str | None]) -> str:
    return next(name for pattern, name in _TYPES if all(re.fullmatch(pattern, cell or "", re.DOTALL) for cell in cells))


def _load(job: Job, path: Path) -> str:
    form = job.form
    skip = form.skip_lines + form.header
    return " ".join(
        (
            f"LOAD DATA LOCAL INFILE {_text(str(path))}",
            "REPLACE" if job.setting == "careful" else "",
            f"INTO TABLE {quote_mysql(job.table)} CHARACTER SET {_CHARACTER_SETS[form.encoding]}",
            f"FIELDS TERMINATED BY {_text(form.delimiter)}",
            f"OPTIONALLY ENCLOSED BY {_text(form.quote_char)}" if form.quote_char else "",
            f"ESCAPED BY {_text(form.escape_char or '')}",
            f"LINES TERMINATED BY {_text(form.line_end)}",
            f"IGNORE {skip} LINES" if skip else "",
        )
    )


def _text(value: str) -> str:
    escaped = (
        value.replace("\\", "\\\\").replace("'", "\\'").replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    )
    return f"'{escaped}'"
