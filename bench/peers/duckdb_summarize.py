"""DuckDB's SUMMARIZE of a CSV: `python duckdb_summarize.py CSV`."""

import sys

import duckdb

print(duckdb.sql(f"SUMMARIZE FROM read_csv('{sys.argv[1]}')").fetchall())
