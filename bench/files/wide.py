"""Makes a CSV of 100 columns of ten types: `python -m bench.files.wide ROWS PATH`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.files.making import CHUNK_ROWS, made

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

_EDITION = 1
_SEED = 20_240_301
# Of each type so many columns, called INT_00, INT_01 … in small letters. Wider text doesn't fit into one row of InnoDB.
TYPES = {
    "INT": 20,
    "BIGINT": 10,
    "SMALLINT": 5,
    "DECIMAL(12,2)": 15,
    "DECIMAL(18,6)": 5,
    "DOUBLE": 10,
    "DATE": 8,
    "DATETIME": 7,
    "VARCHAR(40)": 15,
    "CHAR(2)": 5,
}
# Of the values of every second column.
_EMPTY_SHARE = 0.05


def columns() -> dict[str, str]:
    """Return the columns' types by their names."""
    return {
        f"{kind.partition('(')[0].lower()}{kind.partition('(')[2].rstrip(')').replace(',', '_')}_{number:02}": kind
        for kind, count in TYPES.items()
        for number in range(count)
    }


def create_table() -> str:
    """Return the statement that makes the table, with two secondary indexes; {table} is its name."""
    lines = ["id BIGINT AUTO_INCREMENT PRIMARY KEY", *(f"{name} {kind}" for name, kind in columns().items())]
    lines += ["INDEX idx_date_00 (date_00)", "INDEX idx_bigint_00 (bigint_00)"]
    return "CREATE TABLE {table} (\n  " + ",\n  ".join(lines) + "\n) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4\n"


def wide_file(rows: int, data_dir: Path) -> Path:
    """Return a CSV with so many rows, some 1,330 bytes each."""
    return made(data_dir / f"wide_{_EDITION}_{rows}.csv", "bench.files.wide", rows)


def _write(rows: int, path: Path) -> None:
    import numpy as np
    import polars as pl

    with path.open("wb") as file:
        file.write((",".join(columns()) + "\n").encode())
        # A tenth of the usual: there are so many columns.
        for chunk, start in enumerate(range(0, rows, CHUNK_ROWS // 10)):
            count = min(CHUNK_ROWS // 10, rows - start)
            rng = np.random.default_rng([_SEED, chunk])
            made_columns = {}
            for at, (name, kind) in enumerate(columns().items()):
                values = _values(kind, count, rng)
                if at % 2:
                    empty = pl.Series(rng.random(count) < _EMPTY_SHARE)
                    values = pl.select(pl.when(~empty).then(values)).to_series()
                made_columns[name] = values
            pl.DataFrame(made_columns).write_csv(file, include_header=False)


def _values(kind: str, count: int, rng: np.random.Generator) -> pl.Series:
    import numpy as np
    import polars as pl

    def whole(most: int) -> pl.Series:
        return pl.Series(rng.integers(0, most, count))

    match kind:
        case "INT":
            return whole(2**31) - 2**30
        case "BIGINT":
            return whole(2**53)
        case "SMALLINT":
            return whole(30_000)
        case "DECIMAL(12,2)":
            return whole(10**9).cast(pl.String) + "." + whole(100).cast(pl.String).str.zfill(2)
        case "DECIMAL(18,6)":
            return whole(10**11).cast(pl.String) + "." + whole(10**6).cast(pl.String).str.zfill(6)
        case "DOUBLE":
            return pl.Series(np.round(rng.normal(0, 1_000, count), 6))
        case "DATE":
            return pl.Series(np.datetime64("2000-01-01", "D") + rng.integers(0, 9_000, count))
        case "DATETIME":
            moments = np.datetime64("2000-01-01T00:00:00", "s") + rng.integers(0, 700_000_000, count)
            return pl.Series(moments.astype("datetime64[ms]")).dt.strftime("%Y-%m-%d %H:%M:%S")
        case "VARCHAR(40)":
            return "item " + whole(10_000).cast(pl.String) + " of lot " + whole(1_000).cast(pl.String)
        case _:
            return pl.Series(["DE", "FR", "ÖS", "PL", "US"]).gather(rng.integers(0, 5, count))


if __name__ == "__main__":
    _write(int(sys.argv[1]), Path(sys.argv[2]))
