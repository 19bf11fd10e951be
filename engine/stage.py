"""Stage: proved rows to the text that LOAD DATA reads, in memory or in the staging folder."""

from __future__ import annotations

import io
import os
from pathlib import Path

import polars as pl

from engine.errors import ScanError

# LOAD DATA's options that read this text back unchanged, on MySQL and MariaDB: NULL is the bare word, every other value
# is quoted, quotes are doubled, and nothing is an escape.
FORMAT = "FIELDS TERMINATED BY ',' ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\\n'"


def stage(text: pl.DataFrame) -> bytes:
    """Write proved rows as LOAD DATA text.

    Args:
        text: String columns in canonical form, null for NULL, shape (rows, columns).

    Returns:
        UTF-8 text, one line a row (line ends within values aside).
    """
    buffer = io.BytesIO()
    text.write_csv(buffer, include_header=False, null_value="NULL", quote_style="non_numeric", line_terminator="\n")
    return buffer.getvalue()


def write_batch(data: bytes, folder: Path, number: int) -> Path:
    """Write a staged batch into `folder`, whole or not at all, and return its path.

    Raises:
        ScanError: The folder can't be written, for example because the disk is full.
    """
    path = folder / f"batch-{number:06d}.csv"
    partial = path.with_suffix(".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        os.replace(partial, path)  # noqa: PTH105 - the same folder, atomically
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ScanError(
            f"{path}: can't stage a batch of {len(data)} bytes: {error.strerror}",
            code="stage.write",
            next_step="free some space, or move the data folder with INGEST_DATA_DIR",
            retryable=True,
        ) from None
    return path


def remove_batches(folder: Path) -> None:
    """Remove a file's staged batches once nobody needs them."""
    if folder.is_dir():
        for path in folder.glob("batch-*"):
            path.unlink(missing_ok=True)
        folder.rmdir()
