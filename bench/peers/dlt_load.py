"""dlt to its SQLAlchemy destination: `python dlt_load.py JOB`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import dlt
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import URL


def main(job: dict[str, str]) -> None:
    """Yield Arrow tables, which dlt documents as its fast way, and keep them as Parquet until they are inserted."""
    # Tables as large as dlt's own examples have them.
    options = pyarrow.csv.ReadOptions(block_size=16 << 20)
    parsing = pyarrow.csv.ParseOptions(newlines_in_values=True)
    # Else an empty field of a text column would be an empty text.
    converting = pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)

    @dlt.resource(  # type: ignore[untyped-decorator]  # of a package that is not here
        name=job["table"], write_disposition="replace"
    )
    def rows() -> Iterator[pa.Table]:
        for batch in pyarrow.csv.open_csv(
            job["csv"], read_options=options, parse_options=parsing, convert_options=converting
        ):
            yield pa.Table.from_batches([batch])

    url = URL.create("mysql+mysqldb", job["user"], job["password"], job["host"], int(job["port"]), job["database"])
    target = dlt.destinations.sqlalchemy(url.render_as_string(hide_password=False))
    pipeline = dlt.pipeline("bench", destination=target, dataset_name=job["database"])
    pipeline.run(rows, loader_file_format="parquet")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
