"""DuckDB's CSV reader into MySQL by its extension: `python duckdb_load.py JOB`."""

import json
import os
import sys
from pathlib import Path

import duckdb
import duckdb_extension_mysql_scanner


def main(job: dict[str, str]) -> None:
    """Insert all rows by one statement, which the extension sends in pieces of its own."""
    for name in ("host", "user", "database"):
        os.environ[f"MYSQL_{name.upper()}"] = job[name]
    os.environ["MYSQL_PWD"] = job["password"]
    os.environ["MYSQL_TCP_PORT"] = job["port"]
    folder = Path(duckdb_extension_mysql_scanner.__file__).parent
    (extension,) = folder.glob("extensions/*/mysql_scanner.duckdb_extension")
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")
    connection.execute("ATTACH '' AS target (TYPE mysql)")
    columns = ", ".join(f'"{name}"' for name in job["columns"])
    connection.execute(
        f"INSERT INTO target.{job['database']}.{job['table']} ({columns}) SELECT {columns} FROM read_csv(?)",
        [job["csv"]],
    )


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
