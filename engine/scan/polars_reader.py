"""Regular UTF-8 RFC 4180 text to columns of text by a Polars lazy scan, checked against the structure scan."""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl

from engine.errors import ScanError
from engine.model import Dialect

_BOM = b"\xef\xbb\xbf"


def read_text(text: bytes, names: Sequence[str], dialect: Dialect, *, rows: int, payload_bytes: int) -> pl.DataFrame:
    """Read regular records into a frame of String columns: NULL for an empty field, "" for a quoted empty one.

    Args:
        text: Whole records, LF or CRLF ended.
        names: Column names, shape (width,).
        dialect: Delimiter and quote character.
        rows: Records that the structure scan counted in `text`.
        payload_bytes: Bytes of all values together, quoting removed, as the structure scan counted them.

    Raises:
        ScanError: Polars sees other rows or other values: one of the two readers is wrong, and nobody may guess.
    """
    # Polars drops a byte order mark at the start; inside a file those three bytes are data.
    guard = text.startswith(_BOM)
    if guard:
        text = (b'""' if len(names) == 1 else dialect.delimiter.encode() * (len(names) - 1)) + b"\n" + text
    try:
        frame = pl.scan_csv(
            io.BytesIO(text),
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=dialect.delimiter,
            quote_char=dialect.quote_char,
            encoding="utf8",
            raise_if_empty=False,
        ).collect()
    except pl.exceptions.PolarsError as error:
        raise ScanError(f"the second reader refuses a regular block: {error}", code="scan.readers_differ") from None
    if guard:
        frame = frame.slice(1)
    lengths = frame.select(pl.all().str.len_bytes().sum().cast(pl.Int64))
    found_bytes = sum(lengths.row(0)) if frame.width else 0
    if frame.height != rows or found_bytes != payload_bytes:
        raise ScanError(
            f"two readers disagree: the structure scan sees {rows} rows of {payload_bytes} bytes, "
            f"Polars {frame.height} rows of {found_bytes} bytes",
            code="scan.readers_differ",
            next_step="please report the file's dialect: nothing of it was loaded",
        )
    return frame
