"""Makes TPC-H's lineitem as CSV, with the generator that is packaged as tpchgen-cli."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.environments import environment

_REQUIREMENTS = Path(__file__).resolve().parent.parent / "peers" / "tpch.txt"
# At scale factor 1, by the specification; it isn't exactly proportional, since an order has one to seven lines.
_ROWS_AT_ONE = 6_001_215


def lineitem_file(rows: int, data_dir: Path) -> Path:
    """Return a CSV with about so many rows, some 120 bytes each.

    Raises:
        RuntimeError: The generator can't be had.
    """
    scale = f"{rows / _ROWS_AT_ONE:.4f}"
    path = data_dir / f"lineitem_sf{scale}.csv"
    if not path.exists():
        generator = environment("tpch", _REQUIREMENTS).with_name("tpchgen-cli")
        folder = data_dir / f"lineitem_sf{scale}.partial"
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--scale-factor", scale, "--tables=lineitem", "--output-dir", str(folder), "--overwrite"]
        subprocess.run([str(generator), "csv", *options], check=True, capture_output=True)
        (folder / "lineitem.csv").rename(path)
        folder.rmdir()
    return path
