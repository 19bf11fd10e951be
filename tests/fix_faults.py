"""The session's servers and a process that starts others, for faults that happen to loads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.faults.ground import Servers
from bench.faults.trial import Stage
from bench.faults.workers import Workers
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres


@pytest.fixture(scope="session")
def stage(
    mysql_server: Mysql, postgres_server: Postgres, servers_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Yield what trials of faults share."""
    with Workers() as workers:
        yield Stage(servers=Servers.start(servers_dir, None), workers=workers, folder=tmp_path_factory.mktemp("faults"))
