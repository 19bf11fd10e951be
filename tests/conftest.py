"""What every test gets: settings of its own, whatever the developer's environment and `.env` say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from engine.config import Settings

pytest_plugins = (
    "tests.fix_mysql",
    "tests.fix_own",
    "tests.fix_postgres",
    "tests.fix_faults",
    "tests.fix_airflow",
    "tests.fix_browser",
    "tests.fix_catchers",
)

# The same examples every time: a suite that fails by chance says nothing about a change. HYPOTHESIS_PROFILE=search looks
# for others.
hypothesis_settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis_settings.register_profile("search", derandomize=False, deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# These two choose the server programs that the suite runs on, and stay.
_PROGRAMS = ("INGEST_MYSQLD", "INGEST_POSTGRES")


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith("INGEST_") and name not in _PROGRAMS]:
            patch.delenv(name)
        patch.setitem(Settings.model_config, "env_file", None)
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the top folder of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def settings(mysql_url: str, catalog_url: str, tmp_path: Path) -> Settings:
    """Return settings with two fresh databases and a data folder of the test's own, whose input folder is there."""
    made = Settings.model_validate(
        {
            "mysql_url": mysql_url,
            "catalog_url": catalog_url,
            "data_dir": tmp_path / "data",
            "local_dir": tmp_path / "local",
            "settle_s": 0.0,
        }
    )
    made.input_dir.mkdir(parents=True)
    return made
