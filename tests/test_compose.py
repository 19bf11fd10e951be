"""docker-compose.yml and what belongs to it: read by compose's own schema and a compose parser, and held against the code."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engine.airflow.local.environment import Keys, Site, environment
from engine.airflow.options import Options
from engine.config import Settings
from engine.sql import split_script, statement

ROOT = Path(__file__).resolve().parent.parent
AIRFLOW = {"init", "api-server", "scheduler", "dag-processor", "triggerer", "worker"}
CELERY = {"worker", "redis"}
SERVICES = AIRFLOW | {"mysql", "airflow-db", "catalog", "redis"}
# Where the engine finds what it works with is compose's to say, and it starts no server of its own there.
NOT_HANDED_ON = {"mysql_url", "catalog_url", "data_dir", "local_dir", "mysqld", "postgres"}


def make_env(path: Path) -> dict[str, str]:
    """Write an env file as `make env` does and return what is in it."""
    subprocess.run([ROOT / ".ci" / "env", path], check=True, capture_output=True)
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def parse(
    env_file: Path | None, folder: Path, *, profile: str | None = "celery", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Let podman-compose read the file. It asks for the version of a podman, which this machine needn't have."""
    podman = folder / "podman"
    podman.write_text("#!/bin/sh\necho podman version 5.4.0\n")
    podman.chmod(0o755)
    program = Path(sys.executable).with_name("podman-compose")
    given = ["--env-file", str(env_file)] if env_file else []
    profiles = ["--profile", profile] if profile else []
    return subprocess.run(
        [program, *given, *profiles, "-f", ROOT / "docker-compose.yml", "config"],
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder), **variables},
        check=False,
        capture_output=True,
        text=True,
    )


def read(env_file: Path, folder: Path, *, profile: str | None = "celery", **variables: str) -> dict[str, Any]:
    """Return the file as it's understood with these variables."""
    done = parse(env_file, folder, profile=profile, **variables)
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = yaml.safe_load(done.stdout)
    return parsed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compose")


@pytest.fixture(scope="module")
def secrets(folder: Path) -> dict[str, str]:
    return make_env(folder / "env")


@pytest.fixture(scope="module")
def compose(folder: Path, secrets: Mapping[str, str]) -> dict[str, Any]:
    return read(folder / "env", folder)


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def test_the_schema_of_compose_holds() -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [str(program), "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def has_docker_compose() -> bool:
    """Tell whether there is a Docker whose compose can be asked."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not has_docker_compose(), reason="no docker compose on this machine")
@pytest.mark.parametrize("profile", ["", "celery"])
def test_docker_itself_understands_it(folder: Path, secrets: Mapping[str, str], profile: str) -> None:
    command = ["docker", "compose", "--env-file", str(folder / "env"), "-f", str(ROOT / "docker-compose.yml")]
    done = subprocess.run(
        [*command, *(["--profile", profile] if profile else []), "config", "--services"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert set(done.stdout.split()) == (SERVICES if profile else SERVICES - CELERY)


def test_without_env_it_says_what_to_run(folder: Path, tmp_path: Path, secrets: Mapping[str, str]) -> None:
    assert "is missing a value: run make env" in parse(None, tmp_path).stderr
    lines = [line for line in (folder / "env").read_text().splitlines() if not line.startswith("REDIS_PASSWORD=")]
    (tmp_path / "env").write_text("\n".join([*lines, "REDIS_PASSWORD=", ""]))
    assert "REDIS_PASSWORD is missing a value: run make env" in parse(tmp_path / "env", tmp_path).stderr


def test_workers_and_their_redis_are_the_profile(
    services: dict[str, Any], folder: Path, secrets: Mapping[str, str]
) -> None:
    assert set(services) == SERVICES
    assert set(read(folder / "env", folder, profile=None)["services"]) == SERVICES - CELERY


def test_images_are_pinned_to_a_release(services: dict[str, Any]) -> None:
    exact = re.compile(r"[a-z-]+:\d+\.\d+(?:\.\d+)?(?:-[a-z]+)?")
    assert [one["image"] for one in services.values() if not exact.fullmatch(one["image"])] == []
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-bookworm", bases[0])


def test_only_the_web_page_is_published_and_on_the_loopback_interface(
    services: dict[str, Any], compose: dict[str, Any]
) -> None:
    assert {name: one["ports"] for name, one in services.items() if "ports" in one} == {
        "api-server": ["127.0.0.1:8080:8080"]
    }
    ways_out = {name for name, one in compose["networks"].items() if str(one.get("internal")).lower() != "true"}
    assert ways_out == {"web"}
    assert [name for name, one in services.items() if "web" in one["networks"]] == ["api-server"]
    for name in SERVICES - AIRFLOW:
        assert services[name]["networks"] == ["inside"]
    assert not any("network_mode" in one or "privileged" in one for one in services.values())


def test_a_way_out_for_alerts_is_opened_by_one_setting(folder: Path, secrets: Mapping[str, str]) -> None:
    opened = read(folder / "env", folder, HEADRACE_ISOLATED="false")
    assert str(opened["networks"]["alerts"]["internal"]) == "false"
    assert {name for name, one in opened["services"].items() if "alerts" in one["networks"]} == {
        "scheduler",
        "dag-processor",
        "triggerer",
        "worker",
    }


def test_nobody_is_root_and_nobody_may_become_it(services: dict[str, Any]) -> None:
    for name, one in services.items():
        assert one["user"] in {"mysql", "postgres", "redis", "50000:0", f"{os.geteuid()}:0"}, name
        assert (one["cap_drop"], one["security_opt"]) == (["ALL"], ["no-new-privileges:true"]), name
        assert one["init"] is True
        assert one["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile.rindex("USER 50000:0") > dockerfile.rindex("RUN ")


def test_every_service_says_when_it_is_healthy_and_waits_for_what_it_needs(services: dict[str, Any]) -> None:
    for name, one in services.items():
        if name == "init":
            assert one["restart"] == "on-failure"
        else:
            assert one["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name
            assert one["stop_grace_period"]
    healthy, done = {"condition": "service_healthy"}, {"condition": "service_completed_successfully"}
    assert services["init"]["depends_on"] == {"airflow-db": healthy}
    after = {"init": done, "mysql": healthy, "catalog": healthy}
    for name in ("api-server", "dag-processor", "triggerer"):
        assert services[name]["depends_on"] == after
    assert services["scheduler"]["depends_on"] == after | {"api-server": healthy}
    assert services["worker"]["depends_on"] == after | {"api-server": healthy, "redis": healthy}


def test_no_secret_is_guessable_or_on_a_command_line(services: dict[str, Any], secrets: Mapping[str, str]) -> None:
    hidden = {value for name, value in secrets.items() if name.endswith(("_PASSWORD", "_KEY", "_SECRET"))}
    assert len(hidden) == 9
    assert min(len(value) for value in hidden) >= 43
    for one in services.values():
        told = str([one.get("command"), one.get("healthcheck")])
        assert [value for value in hidden if value in told] == []
    # Whatever looks like a secret comes from .env, and nothing stands in for it.
    text = (ROOT / "docker-compose.yml").read_text()
    named = set(re.findall(r"\$\{(\w*(?:PASSWORD|KEY|SECRET))([^}]*)\}", text))
    assert named == {(name, ":?run make env") for name in secrets if name.endswith(("_PASSWORD", "_KEY", "_SECRET"))}
    given = re.findall(r"^ +(\w*(?:PASSWORD|_KEY|SECRET)\w*): *(\S+)", text, re.MULTILINE)
    assert [name for name, value in given if not value.startswith("${")] == []


def test_each_service_knows_only_its_own_secrets(services: dict[str, Any], secrets: Mapping[str, str]) -> None:
    known = {
        name: {secret for secret, value in secrets.items() if len(value) > 20 and value in str(one["environment"])}
        for name, one in services.items()
    }
    assert known["mysql"] == {"MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD"}
    assert known["airflow-db"] == {"AIRFLOW_DB_PASSWORD"}
    assert known["catalog"] == {"CATALOG_PASSWORD"}
    assert known["redis"] == {"REDIS_PASSWORD"}
    assert {name for name in AIRFLOW if "HEADRACE_AIRFLOW_PASSWORD" in known[name]} == {"init"}
    assert {name for name in known if "MYSQL_ROOT_PASSWORD" in known[name]} == {"mysql"}


def site(secrets: Mapping[str, str], broker_url: str | None) -> Site:
    return Site(
        home=Path("/airflow"),
        dags=Path("/opt/headrace/dags"),
        database_url=f"postgresql://airflow:{secrets['AIRFLOW_DB_PASSWORD']}@airflow-db:5432/airflow",
        host="0.0.0.0",  # noqa: S104  # inside a container, whose port is published on the loopback interface
        port=8080,
        base_url="http://127.0.0.1:8080",
        internal_url="http://api-server:8080",
        keys=Keys(
            fernet=secrets["AIRFLOW_FERNET_KEY"],
            jwt=secrets["AIRFLOW_JWT_SECRET"],
            session=secrets["AIRFLOW_SESSION_KEY"],
        ),
        parallelism=8,
        broker_url=broker_url,
    )


@pytest.mark.parametrize("name", sorted(AIRFLOW))
def test_airflows_environment_is_that_of_make_airflow(
    services: dict[str, Any], secrets: Mapping[str, str], name: str
) -> None:
    found = {key: value for key, value in services[name]["environment"].items() if value is not None}
    shared = {key: value for key, value in found.items() if key.startswith("AIRFLOW")}
    broker_url = f"redis://:{secrets['REDIS_PASSWORD']}@redis:6379/0"
    expected = environment(site(secrets, broker_url)) | {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}
    assert shared == expected
    assert environment(site(secrets, None)).items() <= shared.items()
    assert found.get("INGEST_DATA_DIR") == (None if name == "init" else "/data")


def test_workers_are_switched_on_by_the_executor(folder: Path, secrets: Mapping[str, str]) -> None:
    found = read(folder / "env", folder, HEADRACE_EXECUTOR="CeleryExecutor")["services"]
    broker_url = f"redis://:{secrets['REDIS_PASSWORD']}@redis:6379/0"
    for name in AIRFLOW:
        assert environment(site(secrets, broker_url)).items() <= found[name]["environment"].items()


def test_every_setting_of_engine_and_dag_can_be_handed_on(services: dict[str, Any]) -> None:
    names = {f"INGEST_{name.upper()}" for name in set(Settings.model_fields) - NOT_HANDED_ON}
    names |= {f"HEADRACE_{name.upper()}" for name in Options.model_fields}
    for name in AIRFLOW - {"init"}:
        given = {key for key, value in services[name]["environment"].items() if value is None}
        assert names <= given
        assert {key for key in given if key.startswith(("INGEST_", "HEADRACE_"))} <= names


def test_mysql_is_told_what_the_engine_needs(services: dict[str, Any]) -> None:
    assert "--character-set-server=utf8mb4" in services["mysql"]["command"]
    assert "./sql/mysql/bulk.cnf:/etc/mysql/conf.d/headrace.cnf:ro" in services["mysql"]["volumes"]
    # The image gives MYSQL_USER every right on the database.
    assert "MYSQL_USER" not in services["mysql"]["environment"]
    assert "./sql/mysql/grants.sql:/etc/headrace/grants.sql:ro" in services["mysql"]["volumes"]
    assert len(split_script(statement("mysql/grants.sql"))) > 3
    # A program would be run without the image's function that speaks to the server.
    assert not os.access(ROOT / "sql" / "compose" / "user.sh", os.X_OK)


def test_data_of_servers_is_in_volumes_and_settings_are_read_only(
    services: dict[str, Any], compose: dict[str, Any]
) -> None:
    assert set(compose["volumes"]) == {"airflow-db", "catalog", "logs", "mysql", "redis"}
    for one in services.values():
        mounts = [mount for mount in one["volumes"] if isinstance(mount, str)]
        assert [mount for mount in mounts if mount.startswith(".") and not mount.endswith(":ro")] == []
    for name in AIRFLOW:
        assert services[name]["volumes"] == services["worker"]["volumes"]


def test_make_env_writes_new_secrets_once_and_changes_none(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nHEADRACE_AIRFLOW_PASSWORD='of my own'\nMYSQL_PASSWORD=kept")
    first = make_env(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (first["HEADRACE_AIRFLOW_PASSWORD"], first["MYSQL_PASSWORD"]) == ("'of my own'", "kept")
    assert make_env(path) == first
    other = make_env(tmp_path / "other")
    assert {name for name in other if other[name] == first.get(name)} <= {"HEADRACE_UID", "HEADRACE_AIRFLOW_USER"}
    assert re.fullmatch(r"[\w-]{43}=", other["AIRFLOW_FERNET_KEY"])
    assert all(re.fullmatch(r"[\w-]{43,86}", other[name]) for name in other if name.endswith(("_PASSWORD", "_SECRET")))


def test_the_example_names_what_compose_reads() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    read_there = set(re.findall(r"\$\{(\w+)", text)) | set(
        re.findall(r"^  ((?:INGEST|HEADRACE|AIRFLOW)_\w+):$", text, re.MULTILINE)
    )
    named = set(re.findall(r"^#?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read_there - named == set()


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """Yield all that a distribution needs here, itself included, as its metadata say."""
    if (canonicalize_name(name), extras) in seen:
        return
    seen.add((canonicalize_name(name), extras))
    yield canonicalize_name(name)
    for text in distribution(name).requires or []:
        one = Requirement(text)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            yield from needed(one.name, frozenset(one.extras), seen)


def test_the_image_gets_all_that_runs_and_nothing_of_the_tests() -> None:
    command = [sys.executable, ".ci/runtime.py", "pyproject.toml", "requirements-airflow.lock"]
    chosen = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = {canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", chosen, re.MULTILINE)}
    assert set(needed("headrace", frozenset({"airflow"}), set())) - {"headrace"} <= names
    assert names & {"pytest", "mypy", "ruff", "playwright", "podman-compose", "hypothesis"} == set()
    lock = (ROOT / "requirements-airflow.lock").read_text()
    assert all(entry in lock for entry in re.split(r"^(?=[a-z])", chosen, flags=re.MULTILINE))


def test_the_image_copies_what_is_there_and_no_secret() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = {name for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in sources)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert [line for line in ignored if line and line[0] not in "#!"] == ["*", "**/__pycache__"]
    assert sources == {line[1:] for line in ignored if line.startswith("!")} - {"Dockerfile"}
