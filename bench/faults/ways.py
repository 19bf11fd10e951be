"""Ways of a file into its table, the points that each passes, and the file itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Rows = Counter[tuple[object, ...]]

# Five batches, each of some 30 KB: of several of the 4,096-byte pieces in which it goes to the server.
ROWS, BATCH_ROWS = 600, 120

_READ = (
    "after fingerprint",
    "before claim",
    "after claim",
    "mid-scan",
    "after a batch is staged",
    "before the gate",
)
_BATCHES = ("before a ledger row", "after a ledger row", "mid-LOAD", "after a LOAD", "before COMMIT", "after COMMIT")
_AT_ONCE = (
    "before a ledger row",
    "after a ledger row",
    "mid-LOAD",
    "after a LOAD",
    "before the one COMMIT",
    "after the one COMMIT",
)
_SHADOW = ("before the index build", "after the index build", "before RENAME", "after RENAME")
_END = (
    "after the publication",
    "before the clean-up",
    "before the catalog",
    "after the catalog",
    "mid-archive, reserved",
    "mid-archive",
    "after the archive",
    "after the report",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """A way into the table.

    Attributes:
        name: As the tables of faults say it.
        before: Statements that make the table as it is before.
        feed: What the feed says besides its pattern and table; "" for the shipped feed of sales.
        points: Those that it passes.
        loaders: Connections that load at once.
    """

    name: str
    before: tuple[str, ...]
    feed: str
    points: tuple[str, ...]
    loaders: int = 1

    @property
    def table(self) -> str:
        return "t" if self.feed else "sales_data"

    @property
    def file_name(self) -> str:
        return "t_1.csv" if self.feed else "sales_1.csv"

    @property
    def query(self) -> str:
        """What is asked of the table in the end."""
        return "SELECT n, s FROM t" if self.feed else "SELECT transaction_id, product_name, quantity FROM sales_data"


_TABLE = "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, s VARCHAR(255), KEY by_n (n))"
_KEYED = "CREATE TABLE t (n INT PRIMARY KEY, s VARCHAR(255))"
_OLD = "INSERT INTO t (n, s) VALUES (1, 'old'), (10000000, 'old')"

WAYS = {
    way.name: way
    for way in (
        Way(name="new", before=(), feed="", points=(*_READ, *_BATCHES, *_SHADOW, *_END)),
        Way(name="new, 2 loaders", before=(), feed="", points=_BATCHES, loaders=2),
        Way(
            name="append",
            before=(_TABLE, _OLD),
            feed='visibility = "batch"',
            points=(*_READ, "after a batch is written", *_BATCHES, *_END),
        ),
        Way(name="append, 2 loaders", before=(_TABLE, _OLD), feed='visibility = "batch"', points=_BATCHES, loaders=2),
        Way(
            name="append, file",
            before=(_TABLE, _OLD),
            feed='visibility = "file"',
            points=(*_READ, "after a batch is written", *_AT_ONCE, *_END),
        ),
        Way(
            name="replace",
            before=(_TABLE, _OLD),
            feed='mode = "replace"',
            points=(*_READ, *_BATCHES, *_SHADOW, "between RENAME and drop", *_END),
        ),
        Way(
            name="upsert",
            before=(_KEYED, _OLD),
            feed='mode = "upsert"',
            points=(*_READ, *_BATCHES, "before the upsert", "after the upsert", *_END),
        ),
    )
}


def write_file(way: Way, path: Path, rows: int = ROWS, *, word: str = "row") -> None:
    """Write the file of a way, of which every row is another one.

    Args:
        word: In every row, so that two versions of a file can be told apart.
    """
    line: Callable[[int], str] = _line if way.feed else _sales_line
    header = "n,s\n" if way.feed else "transaction_id,customer_id,product_name,quantity,price,transaction_date,region\n"
    with path.open("w", encoding="utf-8") as file:
        file.write(header)
        for number in range(rows):
            file.write(line(number).replace("{text}", _text(number, word).replace('"', '""')))


def rows_after(way: Way, rows: int = ROWS, *, word: str = "row") -> Rows:
    """Return what the table has to hold once the file is in: each row, and how often."""
    found: Rows = Counter()
    for number in range(rows):
        text = _text(number, word)
        found[(number, text) if way.feed else (f"T{number}", text, number)] += 1
    if way.feed and way.name != "replace":
        found[(10000000, "old")] += 1
        if way.name != "upsert":
            found[(1, "old")] += 1
    return found


def _text(number: int, word: str) -> str:
    return f'{word} "{number}",\nnext line' + "-" * 200


def _line(number: int) -> str:
    return f'{number},"{{text}}"\n'


def _sales_line(number: int) -> str:
    return f'T{number},C{number % 3},"{{text}}",{number},{number % 90}.50,2024-01-{number % 28 + 1:02},\n'
