"""Makes a CSV that is mostly text, with quotes, delimiters and line ends in it: `python -m bench.files.prose ROWS PATH`."""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

from bench.files.making import made

_EDITION = 1
_SEED = 20_240_302
HEADER = ("ticket", "opened", "title", "body", "answer")
_WORDS = (
    "the", "printer", "says", '"paper', 'jam"', "again,", "although", "tray", "two", "is", "empty;", "größe", "naïve", "crème",
    "brûlée", "we", "tried", "twice,", "then", "rang", "support", "(nobody", "answered).", "日本語", "order", "№", "42", "—",
    "cable", "lost\nand", "found", "at", "reception", "\\server\\share", "N/A", "café,", "please", "advise",
)  # fmt: skip


def prose_file(rows: int, data_dir: Path) -> Path:
    """Return a CSV with so many rows, some 450 bytes each."""
    return made(data_dir / f"prose_{_EDITION}_{rows}.csv", "bench.files.prose", rows)


def _write(rows: int, path: Path) -> None:
    rng = random.Random(_SEED)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(HEADER)
        for number in range(rows):
            opened = f"20{rng.randrange(10, 26)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
            title, body, answer = (" ".join(rng.choices(_WORDS, k=count)) for count in (5, 45, 20))
            writer.writerow((number, opened, title, body, answer))


if __name__ == "__main__":
    _write(int(sys.argv[1]), Path(sys.argv[2]))
