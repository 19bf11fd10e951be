"""The catalog: one row per attempt at a file, with its columns and metrics; writing it twice is harmless."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
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
from engine.catalog.single import open_single
from engine.catalog.target import Target, target_of
from engine.catalog.values import storable
from engine.errors import CatalogError
from engine.model import ColumnReport, ErrorReport, FileReport, QualityCheck
from engine.sql import statement

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection as BulkConnection

Result = TypeVar("Result")


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
    ) -> None:
        """Record the columns and metrics of a file that was begun, while it may still be loading."""
        parameters = {
            "file_id": file_id,
            "attempt": attempt,
            "rows_read": rows_read,
            "column_count": len(columns),
            "columns_info": columns_info(columns),
        }

        def work() -> None:
            row_id = self._one_id("file_describe", file_id, attempt, parameters)
            self._replace_children(row_id, columns, checks)

        self._take_turn(work)

    def finish(self, report: FileReport) -> None:
        """Record how an attempt ended, with everything about it, whether or not it was begun or described.

        The end state is written last: where it is there, so are the columns and metrics.
        """
        parameters = end_parameters(report)

        def work() -> None:
            claimed = self._rows("file_claim", start_parameters(start_of(report)))
            row_id = int(str(claimed[0]["id"]))
            self._replace_children(row_id, report.columns, report.checks)
            self._rows("file_finish", {**parameters, "id": row_id})

        self._take_turn(work)

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

    def _one_id(self, name: str, file_id: str, attempt: int, parameters: Mapping[str, object]) -> int:
        rows = self._rows(name, parameters)
        if not rows:
            raise unknown_file(self._target, file_id, attempt)
        return int(str(rows[0]["id"]))

    def _replace_children(
        self, row_id: int, columns: tuple[ColumnReport, ...], checks: tuple[QualityCheck, ...]
    ) -> None:
        if not columns and not checks:
            self._rows("children_delete", {"id": row_id})
            return
        # 0.2 s to import, which a process that only asks questions need not wait for.
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
