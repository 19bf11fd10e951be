"""Makes a folder of many small `sales_*.csv`: `python -m bench.files.small FILES ROWS PATH`."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.files.making import made
from bench.files.sales import HEADER, write

_EDITION = 1


def small_files(files: int, rows_each: int, data_dir: Path) -> Path:
    """Return a folder with so many files of so many rows; 150 rows are 10 KB."""
    folder = data_dir / f"small_{_EDITION}_{files}x{rows_each}"
    return made(folder, "bench.files.small", files, rows_each)


def _write(files: int, rows_each: int, folder: Path) -> None:
    """Cut one file's rows, none of which has a line end within, into so many files."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "whole"
    write(files * rows_each, whole)
    with whole.open("rb") as lines:
        next(lines)
        for number in range(files):
            path = folder / f"sales_small_{number:05}.csv"
            path.write_bytes(HEADER.encode() + b"".join(next(lines) for _ in range(rows_each)))
    whole.unlink()


if __name__ == "__main__":
    _write(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
