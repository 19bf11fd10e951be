"""Makes `sales_*.csv` of any number of rows, about 67 bytes each: `python -m bench.files.sales ROWS PART PATH`."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.files.making import made

# In the file's name: raise it when other rows are made, so that an old file isn't taken for the new one.
_EDITION = 1
_SEED = 20_240_229
_CHUNK_ROWS = 500_000
HEADER = "transaction_id,customer_id,product_name,quantity,price,transaction_date,region\n"


def sales_file(rows: int, data_dir: Path, part: int = 0) -> Path:
    """Return a CSV with so many rows. Another part has other rows, and none that is in an earlier part of its size."""
    suffix = f"_p{part}" if part else ""
    return made(data_dir / f"sales_{_EDITION}_{rows}{suffix}.csv", "bench.files.sales", rows, part)


def write(rows: int, path: Path, part: int = 0) -> None:
    """Write the file, half a million rows at a time."""
    import numpy as np
    import polars as pl

    # A fifth of the names needs quotes, two of the regions aren't ASCII, 2 % of the rows have no region.
    kinds = ("Desk lamp", "Monitor", "Notebook", "Garden hose, 20 m", "Crème brûlée torch")
    products = pl.Series([f"{kinds[number % 5]} {number:03}" for number in range(500)])
    regions = pl.Series([*["North", "South", "East", "West", "Île-de-France", "Zürich"] * 49, *[None] * 6])
    with path.open("wb") as file:
        file.write(HEADER.encode())
        for chunk, start in enumerate(range(0, rows, _CHUNK_ROWS)):
            count = min(_CHUNK_ROWS, rows - start)
            rng = np.random.default_rng([_SEED, chunk, part] if part else [_SEED, chunk])
            cents = pl.Series(rng.integers(100, 200_000, count))
            first = part * rows + start
            columns = {
                "transaction_id": "T" + pl.Series(np.arange(first, first + count)).cast(pl.String).str.zfill(10),
                "customer_id": "C" + pl.Series(rng.integers(0, 200_000, count)).cast(pl.String).str.zfill(6),
                "product_name": products.gather(rng.integers(0, len(products), count)),
                "quantity": pl.Series(rng.integers(1, 100, count)),
                "price": (cents // 100).cast(pl.String) + "." + (cents % 100).cast(pl.String).str.zfill(2),
                "transaction_date": pl.Series(np.datetime64("2020-01-01", "D") + rng.integers(0, 2_000, count)),
                "region": regions.gather(rng.integers(0, len(regions), count)),
            }
            pl.DataFrame(columns).write_csv(file, include_header=False)


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[3]), int(sys.argv[2]))
