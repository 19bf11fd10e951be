"""Polars' describe of a CSV: `python polars_describe.py CSV`."""

import sys

import polars as pl

print(pl.scan_csv(sys.argv[1], try_parse_dates=True).describe())
