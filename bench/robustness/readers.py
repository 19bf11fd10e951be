"""The peers that read into memory: DuckDB, Polars, pandas, Python's csv, each told the file's true form.

`careful` is what the tool's documentation has for broken files and for texts that must stay as they are; `default`
gives the dialect and nothing else. What a tool has no word for (an escape character, comments) is left out, and a
compression that it can't read is taken off for it.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from importlib import import_module

from bench.robustness.job import Job
from bench.robustness.landed import Landed, ValueKind
from bench.robustness.truth import Form
from bench.robustness.unpacking import UNPACK_ERRORS, readable, unpacked

_ANY_SIZE, _USUAL_SIZE = (1 << 31) - 1, 131_072
# How pandas says that it left a line out.
_SKIPPED = re.compile(r"Skipping line \d+")


def with_duckdb(job: Job) -> Landed:
    """Read with DuckDB: carefully all text, what it rejects kept (`store_rejects`)."""
    duckdb = import_module("duckdb")
    form = job.form
    options: dict[str, object] = {"delim": form.delimiter, "header": form.header, "quote": form.quote_char or ""}
    options["escape"] = form.escape_char or (form.quote_char or "")
    if form.skip_lines:
        options["skip"] = form.skip_lines
    if form.comment:
        options["comment"] = form.comment
    if form.encoding != "utf-8":
        # Its utf-16 is little-endian, and it has no other.
        options["encoding"] = {"utf-16-le": "utf-16"}.get(form.encoding, form.encoding)
    if job.setting == "careful":
        options |= {"all_varchar": True, "store_rejects": True}
    words = ", ".join(f"{name} = {_sql(value)}" for name, value in options.items())
    try:
        with readable(job.path, form.compression, "gz", "zst") as path, duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE t AS SELECT * FROM read_csv({_sql(str(path))}, {words})")
            reported = 0
            if job.setting == "careful":
                told = connection.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone()
                reported = int(told[0]) if told else 0
            found = connection.execute("SELECT * FROM t")
            names = tuple(column[0] for column in found.description or ())
            return _typed(names, found.fetchall(), reported)
    except duckdb.InternalException:
        raise
    except (duckdb.Error, *UNPACK_ERRORS) as error:
        return Landed(refused=f"{type(error).__name__}: {error}")


def _sql(value: object) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


def with_polars(job: Job) -> Landed:
    """Read with Polars: carefully all text, errors ignored."""
    import polars as pl

    form = job.form
    careful = job.setting == "careful"
    try:
        with readable(job.path, form.compression, "gz", "zst") as path:
            frame = pl.read_csv(
                path,
                separator=form.delimiter,
                quote_char=form.quote_char,
                has_header=form.header,
                skip_lines=form.skip_lines,
                comment_prefix=form.comment,
                eol_char="\r" if form.line_end == "\r" else "\n",
                encoding="utf8" if form.encoding == "utf-8" else _encoding(form),
                infer_schema=not careful,
                ignore_errors=careful,
            )
    except (pl.exceptions.PolarsError, TypeError, *UNPACK_ERRORS) as error:
        return Landed(refused=f"{type(error).__name__}: {error}")
    return _typed(tuple(frame.columns), frame.rows(), 0)


def with_pandas(job: Job) -> Landed:
    """Read with pandas: carefully all text, nothing taken for NULL, what it skips counted from its warnings."""
    pd = import_module("pandas")
    form = job.form
    longer = len(form.delimiter) > 1
    options: dict[str, object] = {"engine": "python"} if longer else {}
    if job.setting == "careful":
        # The slower engine tells of more lines that it skips; in a single column, a blank line is a row.
        options = {"dtype": str, "keep_default_na": False, "engine": "python", "on_bad_lines": "warn"}
        options["skip_blank_lines"] = job.width > 1
        csv.field_size_limit(_ANY_SIZE)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            frame = pd.read_csv(
                job.path,
                sep=re.escape(form.delimiter) if longer else form.delimiter,
                quotechar=form.quote_char or '"',
                quoting=csv.QUOTE_MINIMAL if form.quote_char else csv.QUOTE_NONE,
                escapechar=form.escape_char,
                doublequote=form.escape_char is None,
                header=0 if form.header else None,
                skiprows=form.skip_lines,
                comment=form.comment,
                encoding=_encoding(form),
                compression={"bz2": "bz2", "gz": "gzip", "xz": "xz", "zst": "zstd"}.get(form.compression),
                **options,
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, *UNPACK_ERRORS) as error:
        return Landed(refused=f"{type(error).__name__}: {error}")
    if not isinstance(frame.index, pd.RangeIndex):
        # Rows longer than the header become an index, which belongs to the data.
        frame = frame.reset_index()
    rows = [tuple(None if value is None or value is pd.NaT or value != value else value for value in row)  # noqa: PLR0124 - only NaN differs from itself
            for row in frame.astype(object).itertuples(index=False, name=None)]  # fmt: skip
    reported = sum(len(_SKIPPED.findall(str(one.message))) for one in caught)
    return _typed(tuple(map(str, frame.columns)), rows, reported)


def with_csv(job: Job) -> Landed:
    """Read with Python's csv: carefully `strict`, and cells of any size."""
    form = job.form
    if len(form.delimiter) > 1:
        return Landed(refused="TypeError: delimiter must be a 1-character string")
    careful = job.setting == "careful"
    csv.field_size_limit(_ANY_SIZE if careful else _USUAL_SIZE)
    try:
        with io.TextIOWrapper(io.BytesIO(unpacked(job.path, form.compression)), _encoding(form), newline="") as text:
            for _ in range(form.skip_lines):
                text.readline()
            reader = csv.reader(
                text,
                delimiter=form.delimiter,
                quotechar=form.quote_char or '"',
                quoting=csv.QUOTE_MINIMAL if form.quote_char else csv.QUOTE_NONE,
                escapechar=form.escape_char,
                doublequote=form.escape_char is None,
                strict=careful,
            )
            # A blank line gives an empty list, which is no row but in a single column.
            rows = [tuple(row or ("",)) for row in reader if row or job.width == 1]
    except (csv.Error, *UNPACK_ERRORS) as error:
        return Landed(refused=f"{type(error).__name__}: {error}")
    names = rows.pop(0) if form.header and rows else None
    if not rows:
        return Landed(refused="no rows")
    return Landed(names=names, rows=tuple(rows))


def _encoding(form: Form) -> str:
    """Return Python's name of an encoding that takes a byte order mark off."""
    if not form.byte_order_mark:
        return form.encoding
    return "utf-8-sig" if form.encoding == "utf-8" else "utf-16"


def _typed(names: tuple[str, ...], rows: Sequence[Sequence[object]], reported: int) -> Landed:
    """Write values of Python's types as text, the kind of each column told from what is in it."""
    kinds = tuple(_kind([row[at] for row in rows]) for at in range(len(names)))
    return Landed(
        names=names,
        kinds=kinds,
        rows=tuple(tuple(_text(value, kind) for value, kind in zip(row, kinds, strict=True)) for row in rows),
        reported=reported,
    )


_KINDS: tuple[tuple[type, ValueKind], ...] = (
    (bool, "boolean"),
    (int, "number"),
    (float, "float"),
    (Decimal, "number"),
    (datetime, "datetime"),
    (date, "date"),
    (time, "time"),
)


def _kind(values: list[object]) -> ValueKind:
    found = {
        next((kind for python, kind in _KINDS if isinstance(value, python)), "text")
        for value in values
        if value is not None
    }
    return found.pop() if len(found) == 1 else "text"  # type: ignore[return-value]  # a kind or "text"


def _text(value: object, kind: ValueKind) -> str | None:
    if value is None:
        return None
    if kind in ("date", "datetime", "time") and isinstance(value, date | time):
        return value.isoformat()
    return repr(float(str(value))) if kind == "float" else str(value)


def quietly() -> None:
    """Leave out the warnings of all readers: nobody reads them in a nightly job."""
    warnings.simplefilter("ignore")
