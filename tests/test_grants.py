"""The rights that each mode needs: with them it works, and without any one of them the message names it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import FileReport, Settings, ingest_files
from engine.sql import statement
from tests.fix_mysql import Mysql
from tests.test_pipeline_modes import only, write

_KEYED = (
    "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, s VARCHAR(20), UNIQUE KEY by_n (n), KEY by_s (s))",
    "INSERT INTO t (n, s) VALUES (1, 'old')",
)
_FILE = "n,s\n1,x\n2,y\n2,z\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """A load that needs everything that its section grants."""

    before: tuple[str, ...]
    overrides: dict[str, object]
    rows: int
    dry_run: bool = False


WAYS = {
    "dry run": Way(before=_KEYED, overrides={}, rows=0, dry_run=True),
    "append": Way(before=_KEYED, overrides={"max_rejects": 2}, rows=1),
    "new table": Way(before=(), overrides={}, rows=3),
    "replace": Way(before=_KEYED, overrides={"mode": "replace", "max_rejects": 1}, rows=2),
    "upsert": Way(before=_KEYED, overrides={"mode": "upsert", "key": ["n"]}, rows=3),
}


def sections() -> dict[str, tuple[str, ...]]:
    """Read the privileges of each section."""
    text = statement("mysql/grants.sql")
    found = re.findall(r"^-- \[(.+)\]\nGRANT (.+) ON \{database\}\.\* TO \{user\};$", text, re.MULTILINE)
    return {name: tuple(privileges.split(", ")) for name, privileges in found}


def test_every_section_is_shown_to_suffice() -> None:
    assert set(sections()) == set(WAYS)


CASES = [
    pytest.param(way, without, id=f"{way}, without {without}" if without else way)
    for way, privileges in sections().items()
    for without in (None, *privileges)
]


@pytest.fixture
def account(mysql_server: Mysql) -> Iterator[str]:
    name = "'headrace_narrow'@'127.0.0.1'"
    mysql_server.rows(f"CREATE USER {name} IDENTIFIED BY 'narrow'")
    yield name
    mysql_server.rows(f"DROP USER {name}")


def load(settings: Settings, mysql: Mysql, path: Path, way: Way) -> FileReport:
    place = mysql.url.rpartition("@")[2]
    own = Settings.model_validate(
        {**settings.model_dump(), "mysql_url": f"mysql://headrace_narrow:narrow@{place}", "batch_rows": 2}
    )
    return only(ingest_files([path], own, table="t", overrides=way.overrides, dry_run=way.dry_run))


@pytest.mark.parametrize(("name", "without"), CASES)
def test_a_mode_works_with_its_rights_and_misses_each_by_name(
    settings: Settings,
    mysql: Mysql,
    mysql_server: Mysql,
    account: str,
    tmp_path: Path,
    name: str,
    without: str | None,
) -> None:
    way = WAYS[name]
    database = mysql.url.rpartition("/")[2].replace("_", r"\_")
    granted = [privilege for privilege in sections()[name] if privilege != without]
    mysql_server.rows(f"GRANT {', '.join(granted)} ON `{database}`.* TO {account}")
    for sql in way.before:
        mysql.rows(sql)
    file = load(settings, mysql, write(tmp_path / "a.csv", _FILE), way)
    if without is None:
        assert (file.error, file.rows_loaded) == (None, way.rows)
        return
    assert file.error is not None
    assert (file.error.code, file.error.retryable) == ("load.privilege", False)
    assert f"GRANT {without} ON `{mysql.url.rpartition('/')[2]}`.* TO {account}" in file.error.message
    assert file.rows_loaded == 0


def test_a_right_that_a_role_has_is_enough(
    settings: Settings, mysql: Mysql, mysql_server: Mysql, account: str, tmp_path: Path
) -> None:
    database = mysql.url.rpartition("/")[2].replace("_", r"\_")
    mysql_server.rows("CREATE ROLE headrace_role")
    try:
        mysql_server.rows(f"GRANT {', '.join(sections()['append'])} ON `{database}`.* TO headrace_role")
        mysql_server.rows(f"GRANT headrace_role TO {account}")
        mariadb = "MariaDB" in str(mysql_server.value("SELECT VERSION()"))
        mysql_server.rows(f"SET DEFAULT ROLE headrace_role {'FOR' if mariadb else 'TO'} {account}")
        mysql.rows(_KEYED[0])
        assert load(settings, mysql, write(tmp_path / "a.csv", "n,s\n1,x\n"), WAYS["append"]).error is None
    finally:
        mysql_server.rows("DROP ROLE headrace_role")
