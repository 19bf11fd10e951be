"""The door: `python -m engine.embedded start|stop|status|url|clean|mysql|psql`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from urllib.parse import unquote, urlsplit

import click
import MySQLdb
import psycopg
from rich.console import Console
from rich.table import Table

from engine.config import load_settings
from engine.embedded.servers import clean, ensure, status, stop
from engine.errors import ServerError
from engine.terminal import Boundary

# Names of columns and rows of text; None for a statement that returns no rows.
Result = tuple[Sequence[str], Sequence[Sequence[object]]] | None


@click.group(cls=Boundary)
def main() -> None:
    """Look after the private servers below .local/."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)


@main.command("start")
def start_command() -> None:
    """Start the servers that aren't configured and don't run."""
    ensure(load_settings())
    _show_status()


@main.command("stop")
def stop_command() -> None:
    """Stop the servers; their data stays."""
    for name in stop(load_settings()):
        click.echo(f"stopped {name}")


@main.command("status")
def status_command() -> None:
    """Show what runs where."""
    _show_status()


@main.command("url")
@click.argument("which", type=click.Choice(["mysql", "catalog"]))
def url_command(which: str) -> None:
    """Print a database's URL, password included; start its server first."""
    urls = ensure(load_settings())
    click.echo((urls.mysql_url if which == "mysql" else urls.catalog_url).get_secret_value())


@main.command("clean")
def clean_command() -> None:
    """Stop the servers and remove their data for good."""
    for name in clean(load_settings()):
        click.echo(f"removed {name}")


@main.command("mysql")
@click.option("-e", "statements", multiple=True, help="SQL to run; may be given several times.")
def mysql_command(statements: tuple[str, ...]) -> None:
    """Run SQL on the MySQL database and show the rows."""
    parts = urlsplit(ensure(load_settings()).mysql_url.get_secret_value())
    try:
        connection = MySQLdb.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.lstrip("/")),
            charset="utf8mb4",
            autocommit=True,
            local_infile=False,
        )
        with closing(connection):
            _run(statements, lambda statement: _ask_mysql(connection, statement))
    except MySQLdb.Error as error:
        raise ServerError(f"mysql: {error.args[-1]}", code="server.query_failed") from None


@main.command("psql")
@click.option("-e", "statements", multiple=True, help="SQL to run; may be given several times.")
def psql_command(statements: tuple[str, ...]) -> None:
    """Run SQL on the catalog and show the rows."""
    url = ensure(load_settings()).catalog_url.get_secret_value()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            _run(statements, lambda statement: _ask_postgres(connection, statement))
    except psycopg.Error as error:
        raise ServerError(f"psql: {str(error).strip()}", code="server.query_failed") from None


def _show_status() -> None:
    found = status(load_settings())
    if not found:
        click.echo("no private server was started here")
        return
    rows = [(one.name, "runs" if one.pid else "stopped", one.pid or "", one.port, str(one.log)) for one in found]
    _show((("server", "state", "process", "port", "log"), rows))


def _run(statements: tuple[str, ...], ask: Callable[[str], Result]) -> None:
    for statement in statements or _from_input():
        _show(ask(statement))


def _from_input() -> Iterator[str]:
    """Read statements, each of which ends with a semicolon at the end of a line."""
    if sys.stdin.isatty():
        click.echo("SQL, each statement ended by ; at the end of its line; Ctrl-D to leave", err=True)
    lines: list[str] = []
    for line in sys.stdin:
        lines.append(line)
        if line.rstrip().endswith(";"):
            yield "".join(lines)
            lines.clear()
    if "".join(lines).strip():
        yield "".join(lines)


def _ask_mysql(connection: MySQLdb.Connection, statement: str) -> Result:
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement)
        return ([field[0] for field in cursor.description], cursor.fetchall()) if cursor.description else None


def _ask_postgres(connection: psycopg.Connection, statement: str) -> Result:
    cursor = connection.execute(statement.encode())
    return ([field.name for field in cursor.description], cursor.fetchall()) if cursor.description else None


def _show(result: Result) -> None:
    if result is None:
        return
    names, rows = result
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(names):
        numeric = all(isinstance(row[number], int | float) or row[number] is None for row in rows)
        table.add_column(name, justify="right" if rows and numeric else "left", overflow="fold")
    for row in rows:
        # Text is shown as it is: rich would take [brackets] for markup.
        table.add_row(*("NULL" if value is None else _plain(str(value)) for value in row))
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 160).print(table)


def _plain(text: str) -> str:
    """Return text without what would move a terminal's cursor or break the table."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


if __name__ == "__main__":
    main(prog_name="python -m engine.embedded")
