"""What the doctor finds on servers, machines and folders that aren't as they should be, and that its advice helps."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from engine import Settings, ingest_files
from engine.doctor import main
from engine.embedded.mysql import MysqlServer, find_mysql
from engine.embedded.process import free_port
from engine.embedded.server import Answer
from engine.load.seen import size_of
from engine.model import Examination, Finding, Severity
from engine.pipeline import examine
from engine.sql import server_settings
from tests.fix_mysql import Mysql, servers_folder
from tests.fix_postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent


def findings(done: Examination, place: str, *severities: Severity) -> dict[str, Finding]:
    """Return the findings of one place by check, those of some severities."""
    (examined,) = (one for one in done.places if one.name.startswith(place))
    wanted = severities or tuple(Severity)
    return {one.check: one for one in examined.findings if one.severity in wanted}


def wanting(done: Examination) -> dict[str, Finding]:
    """Return what MySQL wants."""
    return findings(done, "MySQL", Severity.PROBLEM, Severity.ADVICE)


class Bare(MysqlServer):
    """A server as its package ships it: without what `bulk.cnf` says, but with a configuration file of its own."""

    def command(self, port: int) -> list[str]:
        ours = {f"--{line.option}={line.value}" for line in server_settings(mariadb=self.mariadb)}
        kept = [word for word in super().command(port) if word not in ours and "buffer-pool" not in word]
        kept[kept.index("--no-defaults")] = f"--defaults-file={self.folder.path / 'own.cnf'}"
        return kept


@dataclass(frozen=True, kw_only=True)
class BareServer:
    """A running server, and how to start it again."""

    server: MysqlServer
    admin: Mysql
    url: str

    @property
    def config(self) -> Path:
        return self.server.folder.path / "own.cnf"


@contextmanager
def running(server: MysqlServer) -> Iterator[BareServer]:
    server.prepare()
    port = free_port()
    with server.folder.log.open("ab") as log:
        process = subprocess.Popen(server.command(port), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while server.probe(port) is not Answer.READY:
            assert process.poll() is None, server.folder.last_log_lines()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        admin = Mysql(server.admin_url(port).get_secret_value())
        yield BareServer(server=server, admin=admin, url=server.url(port).get_secret_value())
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture(scope="module")
def bare_home(mysqld: Path) -> Iterator[MysqlServer]:
    home = servers_folder()
    found = find_mysql(Settings(local_dir=home))
    server = Bare(program=found.program, mariadb=found.mariadb, folder=found.folder)
    server.folder.path.mkdir(parents=True)
    (server.folder.path / "own.cnf").touch()
    yield server
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def bare(bare_home: MysqlServer) -> Iterator[BareServer]:
    """Start a server that nobody has set up for the engine."""
    with running(bare_home) as server:
        yield server


def test_a_server_reads_of_bulk_cnf_what_the_engine_reads_of_it(bare_home: MysqlServer, tmp_path: Path) -> None:
    folder = replace(bare_home.folder, path=tmp_path / "bulk")
    folder.path.mkdir()
    shutil.copy(ROOT / "sql" / "mysql" / "bulk.cnf", folder.path / "own.cnf")
    with running(Bare(program=bare_home.program, mariadb=bare_home.mariadb, folder=folder)) as server:
        told = {str(name): str(value) for name, value in server.admin.rows("SHOW GLOBAL VARIABLES")}
    for line in server_settings(mariadb=bare_home.mariadb):
        wanted = size_of(line.value)
        assert told[line.name] == (line.value if wanted is None else str(wanted)), line.name
        assert re.search(r"\bRisk: ", line.remark), line.name
    lines = folder.log.read_text(encoding="utf-8", errors="replace").splitlines()
    assert [line for line in lines if "unknown variable" in line.lower() and "loose" not in line] == []


def with_url(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"mysql_url": SecretStr(url)})


@pytest.fixture
def to_bare(settings: Settings, bare: BareServer) -> Settings:
    return with_url(settings, bare.url)


def set_global(server: BareServer, name: str, value: str) -> None:
    server.admin.rows(f"SET GLOBAL {name} = {value}")


def test_a_private_server_wants_nothing(settings: Settings, bare_home: MysqlServer) -> None:
    folder = replace(bare_home.folder, path=bare_home.folder.path.with_name("private"))
    folder.path.mkdir()
    private = MysqlServer(program=bare_home.program, mariadb=bare_home.mariadb, folder=folder)
    with running(private) as server:
        done = examine(with_url(settings, server.url))
    assert done.ok
    assert wanting(done) == {}
    assert findings(done, "PostgreSQL", Severity.PROBLEM, Severity.ADVICE) == {}
    assert findings(done, "folders", Severity.PROBLEM, Severity.ADVICE) == {}
    assert "bulk_settings" in findings(done, "MySQL", Severity.OK)


def test_nothing_is_changed_and_nothing_is_started(settings: Settings, mysql: Mysql, catalog: Postgres) -> None:
    shutil.rmtree(settings.data_dir)
    unconfigured = settings.model_copy(update={"mysql_url": None, "catalog_url": None})
    assert examine(settings).ok
    assert examine(unconfigured).ok
    assert mysql.rows("SHOW TABLES") == []
    assert catalog.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []
    assert not settings.data_dir.exists()
    assert not settings.local_dir.exists()


def _applied(server: BareServer, finding: Finding) -> None:
    assert finding.sql is not None
    server.admin.rows(finding.sql)


# What is set wrong, as an administrator would by a statement, and what the doctor calls it.
WRONG: dict[str, tuple[str, str, Severity]] = {
    "local_infile": ("local_infile", "OFF", Severity.PROBLEM),
    "max_allowed_packet": ("max_allowed_packet", str(4 * 1024 * 1024), Severity.ADVICE),
    "innodb_strict_mode": ("innodb_strict_mode", "OFF", Severity.ADVICE),
    "durability": ("innodb_flush_log_at_trx_commit", "2", Severity.ADVICE),
    "read_only": ("read_only", "ON", Severity.PROBLEM),
    "connections": ("max_connections", "10", Severity.PROBLEM),
}


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_setting_is_found_and_the_statement_mends_it(to_bare: Settings, bare: BareServer, check: str) -> None:
    name, value, severity = WRONG[check]
    # Ten connections are the fewest that MariaDB may have; eight loaders want as many.
    asked = to_bare.model_copy(update={"loaders": 9})
    before = bare.admin.value(f"SELECT @@GLOBAL.{name}")
    set_global(bare, name, value)
    try:
        found = wanting(examine(asked))[check]
        assert (found.severity, bool(found.why), bool(found.fix)) == (severity, True, True)
        _applied(bare, found)
        assert check not in wanting(examine(asked))
    finally:
        set_global(bare, name, str(before))


def test_a_server_that_takes_writes_from_nobody_is_found_and_the_statements_open_it(
    to_bare: Settings, bare: BareServer
) -> None:
    if bare.server.mariadb:
        pytest.skip("MariaDB has no super_read_only")
    set_global(bare, "super_read_only", "ON")
    try:
        for name in ("super_read_only", "read_only"):
            found = wanting(examine(to_bare))["read_only"]
            assert found.found == f"{name} is ON"
            _applied(bare, found)
        assert "read_only" not in wanting(examine(to_bare))
    finally:
        set_global(bare, "read_only", "OFF")


def test_local_infile_is_found_off_on_a_server_that_is_read_only_too(to_bare: Settings, bare: BareServer) -> None:
    set_global(bare, "local_infile", "OFF")
    set_global(bare, "read_only", "ON")
    try:
        found = wanting(examine(to_bare))
        assert {found["local_infile"].severity, found["read_only"].severity} == {Severity.PROBLEM}
    finally:
        set_global(bare, "read_only", "OFF")
        set_global(bare, "local_infile", "ON")


def test_a_small_redo_log_is_found_and_the_statement_mends_it(to_bare: Settings, bare: BareServer) -> None:
    name = "innodb_log_file_size" if bare.server.mariadb else "innodb_redo_log_capacity"
    set_global(bare, name, str(16 * 1024 * 1024))
    found = wanting(examine(to_bare))[name]
    assert found.found == "16M; better 1G"
    _applied(bare, found)
    assert name not in wanting(examine(to_bare))


def test_a_database_of_another_character_set_is_found_and_mended(to_bare: Settings, bare: BareServer) -> None:
    bare.admin.rows("ALTER DATABASE headrace CHARACTER SET latin1")
    found = wanting(examine(to_bare))["character_set"]
    assert "latin1" in found.found
    _applied(bare, found)
    assert "character_set" not in wanting(examine(to_bare))


def test_a_line_for_the_configuration_file_mends_what_no_statement_can(
    to_bare: Settings, bare: BareServer, tmp_path: Path
) -> None:
    others = {check: found for check, found in wanting(examine(to_bare)).items() if found.sql is None}
    assert set(others) == ({"innodb_autoinc_lock_mode"} if bare.server.mariadb else set())
    if not others:
        pytest.skip("all can be set at run time")
    (found,) = others.values()
    line = re.match(r"(\w+ = \w+) below (\[\w+\]) in the server's configuration, then start it again", found.fix)
    assert line is not None
    folder = replace(bare.server.folder, path=tmp_path / "again")
    folder.path.mkdir()
    (folder.path / "own.cnf").write_text(f"{line[2]}\n{line[1]}\n", encoding="utf-8")
    again = Bare(program=bare.server.program, mariadb=bare.server.mariadb, folder=folder)
    with running(again) as server:
        assert found.check not in wanting(examine(with_url(to_bare, server.url)))


def test_a_batch_that_the_binary_log_refuses_is_found(to_bare: Settings, bare: BareServer) -> None:
    # There is no binary log here; one that is off limits nothing.
    set_global(bare, "max_binlog_cache_size", "4096")
    assert "transaction_size" not in wanting(examine(to_bare))


@pytest.fixture
def narrow(mysql_server: Mysql, mysql: Mysql) -> Iterator[tuple[Mysql, str]]:
    name = "'headrace_doctor'@'127.0.0.1'"
    mysql_server.rows(f"CREATE USER {name} IDENTIFIED BY 'doctor pass'")
    database = mysql.url.rpartition("/")[2].replace("_", r"\_")
    mysql_server.rows(f"GRANT SELECT ON `{database}`.* TO {name}")
    yield mysql_server, f"mysql://headrace_doctor:doctor%20pass@{mysql.url.rpartition('@')[2]}"
    mysql_server.rows(f"DROP USER {name}")


def test_missing_rights_are_named_and_the_statements_give_them(
    settings: Settings, narrow: tuple[Mysql, str], tmp_path: Path
) -> None:
    admin, url = narrow
    own = with_url(settings, url)
    found = wanting(examine(own))
    assert found["rights"].severity is Severity.PROBLEM
    assert "CREATE TEMPORARY TABLES" in found["rights"].found
    for finding in found.values():
        assert finding.sql is not None
        admin.rows(finding.sql)
    assert wanting(examine(own)) == {}
    (tmp_path / "a.csv").write_text("n,s\n1,x\n", encoding="utf-8")
    assert ingest_files([tmp_path / "a.csv"], own).ok


def test_rights_of_a_role_count(
    settings: Settings, narrow: tuple[Mysql, str], mysql_server: Mysql, *, is_mariadb: bool
) -> None:
    _, url = narrow
    account = "'headrace_doctor'@'127.0.0.1'"
    database = url.rpartition("/")[2].replace("_", r"\_")
    mysql_server.rows("CREATE ROLE headrace_doctor_role")
    try:
        mysql_server.rows(f"GRANT ALL ON `{database}`.* TO headrace_doctor_role")
        mysql_server.rows(f"GRANT headrace_doctor_role TO {account}")
        mysql_server.rows(f"SET DEFAULT ROLE headrace_doctor_role {'FOR' if is_mariadb else 'TO'} {account}")
        assert wanting(examine(with_url(settings, url))) == {}
    finally:
        mysql_server.rows("DROP ROLE headrace_doctor_role")


def test_who_may_only_append_is_told_which_modes_are_closed(settings: Settings, narrow: tuple[Mysql, str]) -> None:
    admin, url = narrow
    rights = wanting(examine(with_url(settings, url)))["rights"]
    assert rights.sql is not None
    admin.rows(rights.sql.replace("TRIGGER, ", "").replace(", TRIGGER", ""))
    found = wanting(examine(with_url(settings, url)))
    assert "TRIGGER" in found["rights"].found


WAYS_WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "password": (lambda url: re.sub(r":[^:@/]+@", ":wrong%20one@", url), "Access denied"),
    "port": (lambda url: re.sub(r":\d+/", ":9/", url), "Can't connect"),
    "database": (lambda url: url + "_none", "none"),
    "url": (lambda url: "not a url", "not a MySQL URL"),
}


@pytest.mark.parametrize("way", WAYS_WRONG)
def test_a_server_that_lets_nobody_in_is_a_finding_without_the_password(settings: Settings, way: str) -> None:
    assert settings.mysql_url is not None
    wrong, words = WAYS_WRONG[way]
    done = examine(with_url(settings, wrong(settings.mysql_url.get_secret_value())))
    assert not done.ok
    (found,) = findings(done, "MySQL").values()
    assert (found.check, found.severity) == ("connection", Severity.PROBLEM)
    assert words in found.found
    assert found.fix
    assert "wrong" not in repr(done)
    # The others are looked at all the same.
    assert findings(done, "PostgreSQL", Severity.PROBLEM) == {}


def test_a_catalog_that_lets_nobody_in_is_a_finding(settings: Settings) -> None:
    assert settings.catalog_url is not None
    wrong = re.sub(r":[^:@/]+@", ":wrong@", settings.catalog_url.get_secret_value())
    done = examine(settings.model_copy(update={"catalog_url": SecretStr(wrong)}))
    (found,) = findings(done, "PostgreSQL").values()
    assert (found.check, found.severity) == ("connection", Severity.PROBLEM)
    assert ":wrong" not in repr(done)


def test_a_catalog_user_without_rights_is_found_and_the_statement_mends_it(
    settings: Settings, postgres_server: Postgres, catalog: Postgres
) -> None:
    database = catalog.url.rpartition("/")[2]
    postgres_server.rows("CREATE ROLE headrace_doctor LOGIN PASSWORD 'doctor'")
    place = catalog.url.rpartition("@")[2]
    own = settings.model_copy(update={"catalog_url": SecretStr(f"postgresql://headrace_doctor:doctor@{place}")})
    admin = Postgres(postgres_server.url.rpartition("/")[0] + "/" + database)
    try:
        found = findings(examine(own), "PostgreSQL", Severity.PROBLEM)["migrations"]
        assert "may not create tables" in found.found
        assert found.sql is not None
        admin.rows(found.sql)
        assert findings(examine(own), "PostgreSQL", Severity.PROBLEM, Severity.ADVICE) == {}
    finally:
        admin.rows("DROP OWNED BY headrace_doctor")
        postgres_server.rows("DROP ROLE headrace_doctor")


def test_tables_of_another_owner_are_found_and_the_statement_mends_it(
    settings: Settings, postgres_server: Postgres, catalog: Postgres, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("n,s\n1,x\n", encoding="utf-8")
    assert ingest_files([tmp_path / "a.csv"], settings).ok
    postgres_server.rows("CREATE ROLE headrace_doctor LOGIN PASSWORD 'doctor'")
    catalog.rows("GRANT SELECT ON schema_migration, file_metadata TO headrace_doctor")
    place = catalog.url.rpartition("@")[2]
    own = settings.model_copy(update={"catalog_url": SecretStr(f"postgresql://headrace_doctor:doctor@{place}")})
    try:
        found = findings(examine(own), "PostgreSQL", Severity.PROBLEM)["rights"]
        assert "file_metadata" in found.found
        assert found.sql is not None
        for statement in found.sql.split("; "):
            catalog.rows(statement)
        assert findings(examine(own), "PostgreSQL", Severity.PROBLEM) == {}
    finally:
        admin = Postgres(postgres_server.url.rpartition("/")[0] + "/" + catalog.url.rpartition("/")[2])
        admin.rows("DROP OWNED BY headrace_doctor")
        postgres_server.rows("DROP ROLE headrace_doctor")


def test_a_file_in_a_folders_place_is_found(settings: Settings) -> None:
    settings.archive_dir.write_text("no folder", encoding="utf-8")
    found = findings(examine(settings), "folders", Severity.PROBLEM)
    assert set(found) == {"archive"}
    assert str(settings.archive_dir) in found["archive"].fix


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_cannot_be_written_to_is_found(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder.stat().st_mode & 0o077 == 0:
            folder.chmod(0o711)
    code = (
        "import os, sys; from pathlib import Path; from engine.config import Settings; from engine.machine import "
        "examine_folders\nos.setuid(65534)\n"
        "print([one.check for one in examine_folders(Settings(data_dir=Path(sys.argv[1]))).findings "
        "if one.severity == 'problem'])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(data)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert told == "['input', 'staging', 'rejects', 'archive']\n"


def test_feeds_that_cannot_be_read_are_found(settings: Settings) -> None:
    settings.feeds_path.write_text("[sales\n", encoding="utf-8")
    found = findings(examine(settings), "folders", Severity.PROBLEM)["feeds"]
    assert "feeds.toml" in found.found


def test_an_archive_on_another_file_system_is_found(settings: Settings) -> None:
    other = Path("/dev/shm")  # noqa: S108 - another file system, of which nothing is written to
    if not other.is_dir() or other.stat().st_dev == settings.input_dir.stat().st_dev:
        pytest.skip("there is one file system only")
    settings.archive_dir.symlink_to(other)
    found = findings(examine(settings), "folders", Severity.ADVICE)
    assert set(found) == {"file_systems"}


def test_few_open_files_are_found() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))\n"
        "from engine.machine import examine_machine\n"
        "print([one.check for one in examine_machine(2).findings if one.severity == 'problem'])"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told == "['open_files']\n"


def _main(settings: Settings, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    assert settings.mysql_url is not None
    assert settings.catalog_url is not None
    monkeypatch.setenv("INGEST_MYSQL_URL", settings.mysql_url.get_secret_value())
    monkeypatch.setenv("INGEST_CATALOG_URL", settings.catalog_url.get_secret_value())
    monkeypatch.setenv("INGEST_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("INGEST_LOCAL_DIR", str(settings.local_dir))
    return main(options)


def test_the_status_says_whether_a_load_would_be_stopped(
    settings: Settings, to_bare: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main(settings, monkeypatch) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("nothing would stop a load")
    settings.archive_dir.write_text("no folder", encoding="utf-8")
    assert _main(to_bare, monkeypatch) == 1
    told = capsys.readouterr().out
    assert "would stop a load" in told.splitlines()[-1]
    # Statements are for copying, and not wrapped; nor is the name of a folder that is as long as this test's.
    long = [line for line in told.splitlines() if len(line) > 80 and not line.startswith("statement")]
    assert [line for line in long if str(settings.data_dir) not in line] == []


def test_json_has_every_finding(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main(settings, monkeypatch, "--json", "-", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["ok"], len(told["places"])) == (1, True, 4)
    for place in told["places"]:
        for finding in place["findings"]:
            assert set(finding) == {"check", "severity", "found", "why", "fix", "sql"}
            assert finding["severity"] == "ok" or (finding["why"] and finding["fix"])


def test_no_password_is_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert settings.mysql_url is not None
    secret = settings.mysql_url.get_secret_value().split(":")[2].split("@")[0]
    _main(settings, monkeypatch, "-v", "--json", "-")
    out, err = capsys.readouterr()
    assert secret not in out + err
