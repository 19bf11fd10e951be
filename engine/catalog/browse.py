"""What pages show of the catalog: files by page, their trends, one file with its history. Every answer is bounded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from engine.catalog.catalog import Catalog
from engine.catalog.stored import file_of
from engine.model import FileReport, QualityCheck

# A table and the feed that fills it.
Pair = tuple[str, str | None]

# Beyond so many the pages say "more than": nobody turns 400 pages, and counting on costs.
MOST_COUNTED = 20_000
_MOST_TARGETS = 12
_TREND_LOADS = 20
_MOST_ATTEMPTS = 20
_MOST_CHECKS = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which files: any value that isn't given doesn't count. `states` are those of the catalog."""

    days: int | None = None
    states: tuple[str, ...] = ()
    table: str | None = None
    feed: str | None = None
    # A part of the file's name, in any case.
    name: str | None = None
    # The whole name.
    file_name: str | None = None
    run: str | None = None
    file_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """An attempt at a file as a list shows it; numbers are None while they aren't known. Times are UTC."""

    id: int
    attempt: int
    run_id: str
    name: str
    feed: str | None
    table: str
    state: str
    began: datetime
    seconds: float | None
    size_bytes: int
    rows_read: int | None
    rows_loaded: int | None
    rows_rejected: int | None
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Files by state, and their sums; `capped` where there are more than were counted."""

    by_state: Mapping[str, int]
    rows_loaded: int
    rows_rejected: int
    size_bytes: int
    capped: bool

    @property
    def files(self) -> int:
        return sum(self.by_state.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """What a day (UTC) brought."""

    day: date
    loaded: int
    failed: int
    rows_loaded: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetEntry:
    """A table and the feed that fills it, over some days."""

    table: str
    feed: str | None
    files: int
    failed: int
    rows_loaded: int
    latest: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """The last loads of a feed into a table, oldest first."""

    rows: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """An attempt at a file: its report with some of its columns, its state, and how many columns there are."""

    id: int
    state: str
    began: datetime
    report: FileReport
    columns_total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """An earlier load of the same feed into the same table, with what was measured of the whole file."""

    id: int
    name: str
    began: datetime
    rows_loaded: int
    rows_rejected: int
    seconds: float
    size_bytes: int
    checks: Mapping[str, float]
    # Share of rows that hold a value, by column.
    completeness: Mapping[str, float]


class Browser:
    """Asks a catalog what pages show. Cost: one query for each list, whatever is in it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def files(self, wanted: Wanted, *, limit: int, offset: int = 0) -> list[FileEntry]:
        """List the latest attempts at files, newest first."""
        chosen = {"file_name": wanted.file_name, "file_ids": list(wanted.file_ids) or None}
        parameters = {**_parameters(wanted), **chosen}
        return [_entry(row) for row in self._ask("files", {**parameters, "limit": limit, "offset": offset})]

    def count(self, wanted: Wanted) -> Counts:
        """Count these files by state."""
        rows = self._ask("count", {**_parameters(wanted), "limit": MOST_COUNTED})
        by_state = {str(row["ingestion_status"]): int(row["files"]) for row in rows}
        return Counts(
            by_state=by_state,
            rows_loaded=sum(row["rows_loaded"] or 0 for row in rows),
            rows_rejected=sum(row["rows_rejected"] or 0 for row in rows),
            size_bytes=sum(row["size_bytes"] or 0 for row in rows),
            capped=sum(by_state.values()) >= MOST_COUNTED,
        )

    def days(self, days: int, *, table: str | None = None, feed: str | None = None) -> list[Day]:
        """Tell what each of the last days brought, today included, those without any file left out."""
        rows = self._ask("days", {"days": days, "table": table, "feed": feed})
        return [Day(**row) for row in rows]

    def targets(self, days: int) -> list[TargetEntry]:
        """List the tables that files of the last days went to, the one with the latest file first."""
        return [
            TargetEntry(
                table=row["target_table"] or "",
                feed=row["feed"],
                files=row["files"],
                failed=row["failed"],
                rows_loaded=row["rows_loaded"],
                latest=_utc(row["latest"]),
            )
            for row in self._ask("targets", {"days": days, "limit": _MOST_TARGETS})
        ]

    def trends(self, pairs: Iterable[Pair]) -> dict[Pair, Trend]:
        """Return the last loads of each table and feed, whenever these were."""
        wanted, loads = sorted(set(pairs), key=str), defaultdict[Pair, list[Mapping[str, Any]]](list)
        if wanted:
            asked = {"tables": [table for table, _ in wanted], "feeds": [feed for _, feed in wanted]}
            for row in self._ask("trends", {**asked, "limit": _TREND_LOADS}):
                loads[row["target_table"], row["feed"]].append(row)
        return {
            pair: Trend(
                rows=tuple(float(load["rows_loaded"] or 0) for load in loads[pair]),
                seconds=tuple(load["seconds"] or 0.0 for load in loads[pair]),
            )
            for pair in wanted
        }

    def file(self, row_id: int, *, columns: int, offset: int = 0) -> StoredFile | None:
        """Return an attempt with so many of its columns, from `offset` on; None where there is none of that id."""
        rows = self._ask("file", {"id": row_id})
        if not rows:
            return None
        found = self._ask("file_columns", {"id": row_id, "offset": offset, "limit": columns})
        checks = self._ask("file_checks", {"id": row_id, "limit": _MOST_CHECKS})
        return StoredFile(
            id=row_id,
            state=str(rows[0]["ingestion_status"]),
            began=_utc(rows[0]["ingestion_timestamp"]),
            report=file_of(rows[0], found, checks),
            columns_total=int(rows[0]["column_count"] or len(found)),
        )

    def attempts(self, file_id: str) -> list[FileEntry]:
        """List the attempts at a file, the latest first."""
        if not file_id:
            return []
        rows = self._ask("attempts", {"file_id": file_id, "limit": _MOST_ATTEMPTS})
        return [_entry({"file_name": "", "feed": None, "target_table": "", **row}) for row in rows]

    def history(self, file: StoredFile, *, first: int, last: int) -> list[Load]:
        """List the loads before this one, oldest first, with the completeness of the columns at these positions."""
        rows = self._ask(
            "history",
            {
                "id": file.id,
                "table": file.report.table,
                "feed": file.report.feed,
                "before": file.began.replace(tzinfo=None),
                "limit": _TREND_LOADS,
            },
        )
        ids = [row["id"] for row in rows]
        checks, filled = defaultdict[int, dict[str, float]](dict), defaultdict[int, dict[str, float]](dict)
        if ids:
            for row in self._ask("history_checks", {"ids": ids}):
                checks[row["file_metadata_id"]][row["metric_name"]] = float(row["metric_value"])
            for row in self._ask("history_columns", {"ids": ids, "first": first, "last": last}):
                share = (row["rows"] - (row["null_count"] or 0)) / row["rows"]
                filled[row["file_metadata_id"]][row["column_name"]] = share
        return [
            Load(
                id=row["id"],
                name=row["file_name"],
                began=_utc(row["ingestion_timestamp"]),
                rows_loaded=row["rows_loaded"] or 0,
                rows_rejected=row["rows_rejected"] or 0,
                seconds=row["seconds"] or 0.0,
                size_bytes=row["file_size_bytes"] or 0,
                checks=checks[row["id"]],
                completeness=filled[row["id"]],
            )
            for row in reversed(rows)
        ]

    def _ask(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        return self._catalog.look(name, parameters)


def trend_of(check: QualityCheck, loads: Iterable[Load]) -> tuple[float | None, ...]:
    """Return what a check measured in these loads, None where it didn't."""
    if check.column is None:
        return tuple(load.checks.get(check.name) for load in loads)
    if check.name == "completeness":
        return tuple(load.completeness.get(check.column) for load in loads)
    return ()


def _parameters(wanted: Wanted) -> dict[str, object]:
    states: Sequence[str] | None = list(wanted.states) or None
    return {
        "days": wanted.days,
        "states": states,
        "table": wanted.table,
        "feed": wanted.feed,
        "name": wanted.name,
        "run": wanted.run,
    }


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _entry(row: Mapping[str, Any]) -> FileEntry:
    return FileEntry(
        id=row["id"],
        attempt=row["attempt"] or 1,
        run_id=row["run_id"] or "",
        name=row["file_name"],
        feed=row["feed"],
        table=row["target_table"] or "",
        state=str(row["ingestion_status"]),
        began=_utc(row["ingestion_timestamp"]),
        seconds=row["seconds"],
        size_bytes=row["file_size_bytes"] or 0,
        rows_read=row["row_count"],
        rows_loaded=row["rows_loaded"],
        rows_rejected=row["rows_rejected"],
        error_code=row["error_code"],
        error_message=row["error_message"],
    )
