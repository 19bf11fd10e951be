"""The catalog: one row per attempt at a file, with its columns and metrics; writing it twice is harmless."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import psycopg
from psycopg.rows import DictRow

from engine.catalog.failures import psycopg_errors, unknown_file
from engine.catalog.migrations import migrate
from engine.catalog.questions import question, question_names
from engine.catalog.records import (
    FileStart,
    IngestionStatus,
    columns_info,
    end_parameters,
    start_of,
    start_parameters,
)
from engine.catalog.rows import column_rows, copy_rows, metric_rows
from engine.catalog.single import open_single
from engine.catalog.target import Target, target_of
from engine.catalog.values import storable
from engine.errors import CatalogError
from engine.model import ColumnReport, ErrorReport, FileReport, QualityCheck
from engine.sql import statement

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection as BulkConnection

Result = TypeVar("Result")
Below = tuple[tuple[ColumnReport, ...], tuple[QualityCheck, ...]]

# Up to so many rows below a file go over the connection that writes the file's own row, in its transaction: that saves
# another connection, its imports (0.2 s) and three waits for the disk. The Arrow tables are made for the others.
_FEW = 500


class Catalog:
    """A projection of the ledger in PostgreSQL; every write is an idempotent upsert on (file id, attempt).

    Owns its connections, opens them when they are needed and again when they were lost. Threads may share one
    catalog, they take turns. Driver exceptions never leave it: every method may raise a `CatalogError`.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._turn = threading.RLock()
        self._single: psycopg.Connection[DictRow] | None = None
        self._bulk: BulkConnection | None = None

    @classmethod
    def connect(cls, url: str, *, connect_timeout_s: int) -> Catalog:
        """Open the catalog at a `postgresql://` URL and bring its tables up to date.

        Raises:
            CatalogError: `catalog.unreachable` (retryable), `catalog.denied`, `catalog.privilege`,
                `catalog.schema`, `catalog.url` or `catalog.refused`.
        """
        catalog = cls(target_of(url, connect_timeout_s=connect_timeout_s))
        try:
            migrate(catalog._session(), catalog._target)
        except BaseException:
            catalog.close()
            raise
        return catalog

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Catalog({self._target})"

    def begin(self, start: FileStart) -> None:
        """Record that an attempt at a file begins (or, by its status, that it is queued)."""
        self._take_turn(lambda: self._rows("file_begin", start_parameters(start)))

    def mark(self, file_id: str, attempt: int, status: IngestionStatus, *, error: ErrorReport | None = None) -> None:
        """Change the state of an attempt that was begun, such as to `retry` with the error that led to it."""
        parameters = {
            "file_id": file_id,
            "attempt": attempt,
            "status": status.value,
            "error_code": error.code if error else None,
            "error_message": storable(error.message) if error else None,
            "error_retryable": error.retryable if error else None,
        }
        self._take_turn(lambda: self._one_id("file_mark", file_id, attempt, parameters))

    def describe(
        self,
        file_id: str,
        attempt: int,
        columns: tuple[ColumnReport, ...],
        checks: tuple[QualityCheck, ...],
        *,
        rows_read: int,
        start: FileStart | None = None,
    ) -> None:
        """Record the columns and metrics of a file that was begun, while it may still be loading.

        Args:
            start: How it began, for an attempt that isn't recorded yet.
        """
        parameters = {
            "file_id": file_id,
            "attempt": attempt,
            "rows_read": rows_read,
            "column_count": len(columns),
            "columns_info": columns_info(columns),
        }

        def work() -> None:
            if start is not None:
                self._rows("file_claim", start_parameters(start))
            row_id = self._one_id("file_describe", file_id, attempt, parameters)
            self._replace_many(row_id, columns, checks)

        def work_on_few() -> None:
            if start is not None:
                self._rows("file_claim", start_parameters(start))
            row_id = self._one_id("file_describe", file_id, attempt, parameters)
            self._replace_few({row_id: (columns, checks)})

        self._take_turn(partial(self._at_once, work_on_few) if _are_few(columns, checks) else work)

    def finish(self, report: FileReport, *, described: bool = False) -> None:
        """Record how an attempt ended, with everything about it, whether or not it was begun or described.

        The end state is written last: where it is there, so are the columns and metrics.

        Args:
            described: The same columns and metrics are recorded already, by an earlier call.
        """
        parameters = end_parameters(report)

        def work() -> None:
            claimed = self._rows("file_claim", start_parameters(start_of(report)))
            row_id = int(str(claimed[0]["id"]))
            if not described and few:
                self._replace_few({row_id: (report.columns, report.checks)})
            elif not described:
                self._replace_many(row_id, report.columns, report.checks)
            self._rows("file_finish", {**parameters, "id": row_id})

        few = described or _are_few(report.columns, report.checks)
        self._take_turn(partial(self._at_once, work) if few else work)

    def finish_all(self, reports: Sequence[FileReport]) -> None:
        """Record that several attempts began and how they ended, each under its target's lock: all of them, or none.

        Cost: about 1 ms a file of 7 columns, in one transaction.
        """
        ends = [end_parameters(report) for report in reports]

        def work() -> None:
            ids = self._each("file_begin", [start_parameters(start_of(report)) for report in reports])
            below = {row_id: (one.columns, one.checks) for row_id, one in zip(ids, reports, strict=True)}
            self._replace_few(below)
            self._each("file_finish", [{**end, "id": row_id} for row_id, end in zip(ids, ends, strict=True)])

        self._take_turn(partial(self._at_once, work))

    def agrees(self, report: FileReport) -> bool:
        """Tell whether an attempt is recorded as its report says, with as many columns and metrics."""
        parameters = {**end_parameters(report), "check_count": len(report.checks)}
        return bool(self._take_turn(lambda: self._rows("file_agrees", parameters))[0]["agrees"])

    def status(self, file_id: str, attempt: int) -> IngestionStatus | None:
        """Return the state of an attempt, None where the catalog doesn't know it."""
        rows = self._take_turn(lambda: self._rows("file_status", {"file_id": file_id, "attempt": attempt}))
        return IngestionStatus(str(rows[0]["ingestion_status"])) if rows else None

    def running(self) -> list[tuple[str, int, str]]:
        """List file id, attempt and target table of the attempts that count as running."""
        rows = self._take_turn(lambda: self._rows("file_running", {}))
        return [(str(row["file_id"]), int(str(row["attempt"])), str(row["target_table"])) for row in rows]

    def ask(self, name: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, object]]:
        """Answer a named question (`sql/postgres/queries/`), one dict per row.

        Args:
            name: One of `questions()`.
            parameters: Values for the question's parameters; one that isn't given takes the query's default.
        """
        asked = question(name)
        bound = asked.bind(parameters or {})
        return self._take_turn(lambda: self._fetch(asked.sql, bound))

    @staticmethod
    def questions() -> dict[str, str]:
        """Return the names of the questions and what each asks."""
        return {name: question(name).asks for name in question_names()}

    def look(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, object]]:
        """Return the rows of a query that pages are made of (`sql/postgres/pages/`); its parameters are all given."""
        return self._take_turn(lambda: self._rows(f"pages/{name}", parameters))

    def close(self) -> None:
        """Close the connections; the catalog opens them again when it is used again."""
        with self._turn:
            bulk, self._bulk = self._bulk, None
            single, self._single = self._single, None
            if bulk is not None:
                bulk.close()
            if single is not None:
                single.close()

    def _take_turn(self, work: Callable[[], Result]) -> Result:
        with self._turn:
            reused = self._single is not None or self._bulk is not None
            try:
                return work()
            except CatalogError as error:
                if error.code != "catalog.unreachable":
                    raise
                self.close()
                if not reused:
                    raise
            # That a connection died while it was idle, behind a firewall or a restart, shows only when it is used.
            # Everything here may be done twice, so once more, on a new one.
            return work()

    def _session(self) -> psycopg.Connection[DictRow]:
        if self._single is None:
            self._single = open_single(self._target)
        return self._single

    def _fetch(self, sql: str, parameters: Mapping[str, object]) -> list[dict[str, object]]:
        session = self._session()
        with psycopg_errors(self._target):
            return session.execute(sql.encode(), parameters).fetchall()

    def _rows(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, object]]:
        return self._fetch(statement(f"postgres/{name}.sql"), parameters)

    def _each(self, name: str, parameters: Sequence[Mapping[str, object]]) -> list[int]:
        """Run a statement for each of these parameters, all in one round trip, and return the ids."""
        session, ids = self._session(), []
        with psycopg_errors(self._target), session.cursor() as cursor:
            cursor.executemany(statement(f"postgres/{name}.sql").encode(), parameters, returning=True)
            while True:
                ids += [int(str(row["id"])) for row in cursor.fetchall()]
                if not cursor.nextset():
                    return ids

    def _at_once(self, work: Callable[[], None]) -> None:
        """Do something in one transaction: one wait for the disk, and nobody sees half of it."""
        session = self._session()
        with psycopg_errors(self._target), session.transaction():
            work()

    def _one_id(self, name: str, file_id: str, attempt: int, parameters: Mapping[str, object]) -> int:
        rows = self._rows(name, parameters)
        if not rows:
            raise unknown_file(self._target, file_id, attempt)
        return int(str(rows[0]["id"]))

    def _replace_few(self, below: Mapping[int, Below]) -> None:
        """Put columns and metrics in the place of those that the rows of these files had, in the caller's transaction."""
        self._rows("children_delete", {"ids": list(below)})
        columns = [row for row_id, (columns, _) in below.items() for row in column_rows(row_id, columns)]
        metrics = [row for row_id, (_, checks) in below.items() for row in metric_rows(row_id, checks)]
        session = self._session()
        with psycopg_errors(self._target):
            copy_rows(session, "column_metadata", columns)
            copy_rows(session, "data_quality_metrics", metrics)

    def _replace_many(self, row_id: int, columns: tuple[ColumnReport, ...], checks: tuple[QualityCheck, ...]) -> None:
        # 0.2 s to import, which a process that only asks questions, or has small files, need not wait for.
        from engine.catalog.children import open_bulk, replace_children

        if self._bulk is None:
            self._bulk = open_bulk(self._target)
        try:
            replace_children(self._bulk, self._target, row_id, columns, checks)
        except BaseException:
            # Whatever stopped it, the connection may be inside a transaction.
            bulk, self._bulk = self._bulk, None
            bulk.close()
            raise


def _are_few(columns: tuple[ColumnReport, ...], checks: tuple[QualityCheck, ...]) -> bool:
    return len(columns) + len(checks) <= _FEW
