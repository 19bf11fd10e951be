"""The catalog beside the load: written when it can be, remembered in the ledger for the next run when it can't."""

from __future__ import annotations

from collections.abc import Sequence

from engine.catalog import Catalog, FileStart
from engine.errors import CatalogError
from engine.load import Connection, ledger
from engine.log import logger
from engine.model import ColumnReport, FileReport, QualityCheck
from engine.summary import file_from_json


class Projection:
    """Writes to the catalog, and where that fails says so once and goes on: the load isn't lost.

    Args:
        catalog: The catalog; None where nothing is to be recorded (a dry run) or it couldn't be reached.
        failure: Why it couldn't.
    """

    def __init__(self, catalog: Catalog | None, failure: CatalogError | None = None) -> None:
        self._catalog = catalog
        self.failure = failure

    @property
    def catalog(self) -> Catalog:
        """The catalog itself, for work that is about nothing else.

        Raises:
            CatalogError: It couldn't be reached.
        """
        if self._catalog is None:
            assert self.failure is not None
            raise self.failure
        return self._catalog

    def begin(self, start: FileStart) -> None:
        """Record that a file begins."""
        if self._catalog is not None:
            try:
                self._catalog.begin(start)
            except CatalogError as error:
                self._fail(error)

    def describe(
        self,
        file_id: str,
        attempt: int,
        columns: tuple[ColumnReport, ...],
        checks: tuple[QualityCheck, ...],
        *,
        rows_read: int,
    ) -> bool:
        """Record a file's columns and metrics; False where the catalog doesn't have them."""
        if self._catalog is None:
            return False
        try:
            self._catalog.describe(file_id, attempt, columns, checks, rows_read=rows_read)
        except CatalogError as error:
            self._fail(error)
            return False
        return True

    def finish(self, report: FileReport, *, described: bool = False) -> bool:
        """Record how a file ended; False where the catalog doesn't have it.

        Args:
            described: A report with the same columns and metrics is recorded already.
        """
        if self._catalog is None:
            return False
        try:
            self._catalog.finish(report, described=described)
        except CatalogError as error:
            self._fail(error)
            return False
        return True

    def finish_all(self, reports: Sequence[FileReport]) -> list[bool]:
        """Record that files began and how they ended, of all at once; False for those that the catalog doesn't have."""
        if self._catalog is None:
            return [False] * len(reports)
        try:
            self._catalog.finish_all(reports)
        except CatalogError as error:
            if error.retryable or len(reports) == 1:
                self._fail(error)
                return [False] * len(reports)
            # One by one, so that what is wrong with one of them leaves the others alone.
            return [told for report in reports for told in self.finish_all([report])]
        return [True] * len(reports)

    def catch_up(self, connection: Connection) -> int:
        """Record what earlier runs could not, and return how many reports that were."""
        done = 0
        if self._catalog is None:
            return done
        for file_id, text in ledger.uncataloged(connection):
            try:
                self._catalog.finish(file_from_json(text))
            except CatalogError as error:
                self._fail(error)
                break
            except (KeyError, ValueError, TypeError, AssertionError) as error:
                logger.warning("the ledger's report of %s can't be read: %s", file_id, error)
                continue
            ledger.mark_cataloged(connection, file_id)
            done += 1
        return done

    def _fail(self, error: CatalogError) -> None:
        if self.failure is None:
            logger.warning("catalog: %s", error)
        self.failure = error
        if error.retryable:
            # Not once more for every file of the run: each would wait for the connection's timeout.
            self._catalog = None
