"""The rows below a file, its columns and quality metrics, as plain values, and a few of them by COPY."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from engine.catalog.values import cut, cut_all, json_text, plain_text, storable
from engine.model import ColumnProfile, ColumnReport, QualityCheck

Row = dict[str, object]


def column_rows(row_id: int, columns: tuple[ColumnReport, ...]) -> list[Row]:
    """Return the rows of `column_metadata`; a column without a profile has only its names and type."""
    return [
        {
            "file_metadata_id": row_id,
            "position": position,
            "column_name": cut(column.name, 255),
            "original_name": storable(column.original),
            "column_type": cut(column.mysql_type, 100),
            **(_statistics(column.profile) if column.profile else {}),
        }
        for position, column in enumerate(columns)
    ]


def metric_rows(row_id: int, checks: tuple[QualityCheck, ...]) -> list[Row]:
    """Return the rows of `data_quality_metrics`."""
    return [
        {
            "file_metadata_id": row_id,
            "position": position,
            "metric_name": cut(check.name, 255),
            "metric_value": plain_text(check.value),
            "metric_type": check.unit,
            "column_name": None if check.column is None else cut(check.column, 255),
            "passed": check.passed,
            "message": storable(check.message),
        }
        for position, check in enumerate(checks)
    ]


def copy_rows(connection: psycopg.Connection[DictRow], table: str, rows: Iterable[Row]) -> None:
    """Add rows to a table in the caller's transaction; a row that lacks a value has NULL there."""
    grouped: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        grouped.setdefault(tuple(row), []).append(row)
    for names, alike in grouped.items():
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
        )
        with connection.cursor() as cursor, cursor.copy(into) as copy:
            for row in alike:
                copy.write_row(tuple(row.values()))


def _statistics(profile: ColumnProfile) -> dict[str, object]:
    return {
        "kind": profile.kind.value,
        "rows": profile.rows,
        "null_count": profile.nulls,
        "empties": profile.empties,
        "unique_count": profile.distinct,
        "distinct_error": profile.distinct_error,
        "min_value": plain_text(profile.minimum),
        "max_value": plain_text(profile.maximum),
        "total": plain_text(profile.total),
        "mean": profile.mean,
        "stddev": profile.stddev,
        "min_chars": profile.min_chars,
        "max_chars": profile.max_chars,
        "sample_values": json_text(cut_all(profile.samples)),
        "quantiles": json_text([{"p": p, "value": value} for p, value in profile.quantiles]),
        "quantiles_error": profile.quantiles_error,
        "top_values": json_text(
            [
                {"value": value, "count": count}
                for value, count in zip(
                    cut_all(value for value, _ in profile.top_values),
                    (count for _, count in profile.top_values),
                    strict=True,
                )
            ]
        ),
        "top_error": profile.top_error,
        "histogram": json_text(profile.histogram),
    }
