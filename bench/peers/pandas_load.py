"""pandas `to_sql` in batches of 1,000 rows: `python pandas_load.py JOB`."""

import json
import sys
from pathlib import Path

import pandas as pd
import sqlalchemy

# Read at once, so that memory doesn't grow with the file; each is sent in batches of 1,000.
CHUNK_ROWS = 100_000


def main(job: dict[str, str]) -> None:
    """Read everything as text, with only empty fields as NULL: numbers read as floating point would not stay as they are."""
    url = sqlalchemy.URL.create(
        "mysql+mysqldb",
        job["user"],
        job["password"],
        job["host"],
        int(job["port"]),
        job["database"],
        {"charset": "utf8mb4"},
    )
    engine = sqlalchemy.create_engine(url)
    chunks = pd.read_csv(job["csv"], dtype=str, keep_default_na=False, na_values=[""], chunksize=CHUNK_ROWS)
    for chunk in chunks:
        chunk.to_sql(job["table"], engine, if_exists="append", index=False, chunksize=1_000)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
