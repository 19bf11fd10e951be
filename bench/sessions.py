"""An ordinary connection to a MySQL server, for whoever looks at it or loads without the engine."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import MySQLdb


def connect(url: str, *, local_infile: bool = False) -> MySQLdb.Connection:
    """Open a connection that commits every statement, in UTC, and waits for no table's lock longer than a minute."""
    parts = urlsplit(url)
    return MySQLdb.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.lstrip("/"),
        charset="utf8mb4",
        autocommit=True,
        local_infile=local_infile,
        init_command="SET time_zone = '+00:00', lock_wait_timeout = 60",
    )


def ask(url: str, sql: str) -> list[tuple[object, ...]]:
    """Run a statement over a connection of its own and return its rows, none where it returns none."""
    connection = connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()
