"""The connection for single statements and migrations."""

from __future__ import annotations

import psycopg
from psycopg.rows import DictRow, dict_row

from engine.catalog.failures import connect_failure, psycopg_errors
from engine.catalog.target import SESSION, Target


def open_single(target: Target) -> psycopg.Connection[DictRow]:
    """Open a connection in autocommit mode whose rows are dicts.

    Raises:
        CatalogError: There is no connection to be had.
    """
    try:
        # Prepared statements don't survive a connection pooler in transaction mode.
        connection = psycopg.connect(target.conninfo, autocommit=True, row_factory=dict_row, prepare_threshold=None)
    except psycopg.Error as error:
        raise connect_failure(target, str(error)) from None
    try:
        with psycopg_errors(target):
            connection.execute("; ".join(SESSION).encode())
    except BaseException:
        connection.close()
        raise
    return connection
