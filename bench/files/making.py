"""Has another process make a file: what that takes in memory isn't seen in what is measured here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Rows that are in memory at once.
CHUNK_ROWS = 200_000


def made(path: Path, module: str, *arguments: int) -> Path:
    """Return `path`, made by `python -m MODULE ARGUMENT … PATH` unless it is there already."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        command = [sys.executable, "-m", module, *map(str, arguments), str(partial.resolve())]
        subprocess.run(command, cwd=ROOT, check=True)
        partial.rename(path)
    return path
