"""Start what isn't configured, find it again, stop it, remove it."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from engine.config import Settings
from engine.embedded.folder import Kind, ServerFolder, State, folders, locked
from engine.embedded.mysql import find_mysql
from engine.embedded.postgres import find_postgres
from engine.embedded.process import end, find, free_port, is_free, spawn
from engine.embedded.server import Answer, Server, mark, start_failed
from engine.errors import ServerError
from engine.log import logger

# A server that recovers from a crash answers late; one that can't start ends, and that is noticed at once.
_START_S = 300.0
_POLL_S = 0.05
# Between choosing a free port and listening on it somebody else may take it.
_PORT_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerUrls:
    """Where the two databases are, as `Settings.mysql_url` and `Settings.catalog_url` would say it."""

    mysql_url: SecretStr
    catalog_url: SecretStr


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerStatus:
    """A private server as it is now; `pid` is None where it doesn't run."""

    name: str
    pid: int | None
    port: int
    data: Path
    log: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownServer:
    """A database: its URL, None for a private server that doesn't run; `program` is None for one that is configured."""

    url: SecretStr | None
    program: Path | None


def ensure(settings: Settings) -> ServerUrls:
    """Return the URLs of both databases; start a private server for each that isn't configured.

    The first start makes the data folder and takes some seconds; a running server is used again (about 0.1 s).

    Raises:
        ServerError: A program is missing, or a server doesn't start.
    """
    return _urls(settings, lambda server, port: server.url(port))


def admin_urls(settings: Settings) -> ServerUrls:
    """Do the same, but for the private servers' administrators: for looking after them, and for tests.

    Raises:
        ServerError: A program is missing, or a server doesn't start.
    """
    return _urls(settings, lambda server, port: server.admin_url(port))


def further_database(settings: Settings, name: str) -> SecretStr:
    """Return the URL of a database of the private PostgreSQL for another program, with a role of its own.

    Both have the name `name` and are created where they are missing; the server is started where it doesn't run,
    whatever catalog is configured.

    Raises:
        ServerError: A program is missing, or the server doesn't start.
    """
    server = find_postgres(settings)
    with locked(settings.local_dir):
        return server.further(_ensure_one(server), name)


def status(settings: Settings) -> tuple[ServerStatus, ...]:
    """Return every private server that was ever started below `local_dir`."""
    found = []
    for folder in folders(settings.local_dir.resolve()):
        state = folder.state()
        if state is not None:
            pid = find(folder.pid_file, mark(state.kind, folder.data))
            found.append(ServerStatus(name=folder.name, pid=pid, port=state.port, data=folder.data, log=folder.log))
    return tuple(found)


def known(settings: Settings, kind: Kind) -> KnownServer:
    """Say, without starting one, where a database is: configured, or a private server, running or not.

    Raises:
        ServerError: None is configured, and there is no program for a private one.
    """
    given = _given(settings.mysql_url if kind == "mysql" else settings.catalog_url)
    if given is not None:
        return KnownServer(url=given, program=None)
    server: Server = find_mysql(settings) if kind == "mysql" else find_postgres(settings)
    state = server.folder.state()
    runs = state is not None and find(server.folder.pid_file, mark(kind, server.folder.data)) is not None
    return KnownServer(url=server.url(state.port) if state is not None and runs else None, program=server.program)


def are_up(settings: Settings) -> bool:
    """Tell, without starting one, whether both databases are there: configured, or private servers that run."""
    private = sum(_given(url) is None for url in (settings.mysql_url, settings.catalog_url))
    return private <= sum(one.pid is not None for one in status(settings))


def stop(settings: Settings) -> tuple[str, ...]:
    """Stop every private server below `local_dir` and return the names of those that ran.

    Raises:
        ServerError: One runs as another user, or doesn't end.
    """
    if not settings.local_dir.is_dir():
        return ()
    with locked(settings.local_dir):
        return tuple(folder.name for folder in folders(settings.local_dir.resolve()) if _stop(folder))


def clean(settings: Settings) -> tuple[str, ...]:
    """Stop every private server below `local_dir`, remove its data for good, and return the names.

    Raises:
        ServerError: One runs as another user, or doesn't end.
    """
    if not settings.local_dir.is_dir():
        return ()
    with locked(settings.local_dir):
        found = folders(settings.local_dir.resolve())
        for folder in found:
            _stop(folder)
            _remove(folder)
    (settings.local_dir / "lock").unlink(missing_ok=True)
    with suppress(OSError):
        settings.local_dir.rmdir()
    return tuple(folder.name for folder in found)


def _given(url: SecretStr | None) -> SecretStr | None:
    # An empty variable in the environment is the shell's way of not setting it.
    return url if url is not None and url.get_secret_value().strip() else None


def _urls(settings: Settings, url: Callable[[Server, int], SecretStr]) -> ServerUrls:
    given = {"mysql": _given(settings.mysql_url), "postgres": _given(settings.catalog_url)}
    known = {kind: text for kind, text in given.items() if text is not None}
    servers: list[Server] = []
    if "mysql" not in known:
        servers.append(find_mysql(settings))
    if "postgres" not in known:
        servers.append(find_postgres(settings))
    if servers:
        with locked(settings.local_dir), ThreadPoolExecutor(max_workers=2) as pool:
            for server, port in zip(servers, pool.map(_ensure_one, servers), strict=True):
                known[server.kind] = url(server, port)
    return ServerUrls(mysql_url=known["mysql"], catalog_url=known["postgres"])


def _ensure_one(server: Server) -> int:
    """Return the port of the running server; start it first where it doesn't run or doesn't know us."""
    state = server.folder.state()
    if state is not None:
        its_mark = mark(server.kind, server.folder.data)
        pid = find(server.folder.pid_file, its_mark)
        if pid is not None:
            # Whoever started it may have been killed before it was ready.
            if _answer(server, state.port) is Answer.READY:
                return state.port
            _stop(server.folder)
    return _start(server, state)


def _start(server: Server, state: State | None) -> int:
    server.folder.path.mkdir(mode=0o755, parents=True, exist_ok=True)
    if state is None:
        state = State(kind=server.kind, port=free_port(), data=server.relocated)
    began = time.perf_counter()
    for _ in range(_PORT_ATTEMPTS):
        if not is_free(state.port):
            state = State(kind=state.kind, port=free_port(), data=state.data)
        server.folder.note(state)
        server.prepare()
        pid = spawn(server.command(state.port), server.account, server.folder.log)
        server.folder.pid_file.write_text(f"{pid}\n")
        answer = _answer(server, state.port)
        if answer is not Answer.NOT_YET:
            server.finish(state.port)
            if server.probe(state.port) is not Answer.READY:
                raise start_failed(server.folder, "it refuses our password")
            logger.info(
                "%s started on 127.0.0.1:%d in %.1f s", server.folder.name, state.port, time.perf_counter() - began
            )
            return state.port
        _stop(server.folder)
        if is_free(state.port):
            raise start_failed(server.folder, "it doesn't start")
    raise start_failed(server.folder, "it finds no port to listen on")


def _answer(server: Server, port: int) -> Answer:
    """Wait until the server answers, or has ended, or time is up."""
    its_mark = mark(server.kind, server.folder.data)
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        answer = server.probe(port)
        if answer is not Answer.NOT_YET:
            return answer
        if find(server.folder.pid_file, its_mark) is None:
            break
        time.sleep(_POLL_S)
    return Answer.NOT_YET


def _stop(folder: ServerFolder) -> bool:
    """Stop a server; tell whether it ran."""
    state = folder.state()
    if state is None:
        return False
    its_mark = mark(state.kind, folder.data)
    pid = find(folder.pid_file, its_mark)
    if pid is not None:
        # PostgreSQL's SIGTERM waits for its clients to leave; SIGINT ends them.
        gently = signal.SIGINT if state.kind == "postgres" else signal.SIGTERM
        end(pid, its_mark, gently=gently, name=folder.name)
    folder.pid_file.unlink(missing_ok=True)
    return pid is not None


def _remove(folder: ServerFolder) -> None:
    state = folder.state()
    try:
        if state is not None and state.data is not None and state.data.parent.name == folder.name:
            shutil.rmtree(state.data.parent, ignore_errors=False)
            for parent in (state.data.parent.parent, state.data.parent.parent.parent):
                with suppress(OSError):
                    parent.rmdir()
        shutil.rmtree(folder.path)
    except OSError as error:
        raise ServerError(
            f"{error.filename or folder.path}: can't be removed: {error.strerror}",
            code="server.not_ours",
            next_step="remove it as the user that started the server, or as root",
        ) from None
