"""Staged batches as files: each whole or not there, read back only as it was written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from engine.errors import ScanError


def write_batch(data: bytes, folder: Path, number: int) -> Path:
    """Write a staged batch into `folder`, whole or not at all, and return its path.

    Raises:
        ScanError: The folder can't be written, for example because the disk is full.
    """
    return write_whole(folder / f"batch-{number:06d}.csv", data)


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file of the staging folder, whole or not at all, over one that is there, and return its path.

    Raises:
        ScanError: The folder can't be written, for example because the disk is full.
    """
    # Another process may write the same one: an attempt that was given up and lives on.
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        os.replace(partial, path)  # noqa: PTH105 - the same folder, atomically
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ScanError(
            f"{path}: can't stage {len(data)} bytes: {error.strerror}",
            code="stage.write",
            next_step="free some space, or move the data folder with INGEST_DATA_DIR",
            retryable=True,
        ) from None
    return path


def remove_batches(folder: Path) -> None:
    """Remove a file's staged batches, with what is beside them, once nobody needs them."""
    # A worker that lives on may still write there; what it leaves goes with the folder above.
    shutil.rmtree(folder, ignore_errors=True)
