"""Runs the processes of a private Airflow: starts them, notices when one dies, ends them all."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import FrameType

from engine import embedded
from engine.airflow.local import redis
from engine.airflow.local.components import FIRST, SCHEDULER, Component, end_sessions, members, spawn, worker
from engine.airflow.local.home import Home, State
from engine.airflow.local.installation import Installation, install
from engine.airflow.local.options import Options
from engine.config import Settings
from engine.errors import ServerError
from engine.log import logger

_POLL_S = 0.25
# The first start on a slow machine compiles some 9,000 modules.
_HEALTHY_S = 300.0
_DAG_S = 60.0
# A component that dies more often than this within the time isn't started again: something is wrong with all of it.
_DEATHS = 3
_DEATHS_WITHIN_S = 120.0
# Web server, scheduler and the others end within some seconds when nothing runs.
_END_S = 15.0
_LOG_BYTES = 10 * 1024 * 1024


class Supervisor:
    """One Airflow while it runs. It belongs to the main thread, which gets the signals."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._told_to_stop = 0
        self._running: dict[Component, subprocess.Popen[bytes]] = {}
        self._deaths: dict[Component, deque[float]] = {}
        self._began = datetime.now(UTC)
        self._state = State(pid=os.getpid(), url="", user="", ready=False, sessions={})

    def run(self, settings: Settings, options: Options, on_ready: Callable[[Installation], None]) -> None:
        """Start everything, call `on_ready` once a run can be triggered, and stay until a signal says to stop.

        Raises:
            ServerError: Something can't be started, or dies again and again.
        """
        self._home.make()
        with self._home.held(), self._signals():
            clean_up(self._home)
            self._home.note(self._state)
            try:
                made = install(self._home, settings, options)
                self._home.note_environment(made.environment)
                self._start(made)
                if self._until_ready(made):
                    self._note(ready=True)
                    on_ready(made)
                    self._watch(made)
            finally:
                self._stop(options)
                self._home.forget()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def told(number: int, frame: FrameType | None) -> None:
            del number, frame
            self._told_to_stop += 1

        before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start(self, made: Installation) -> None:
        # What was seen before is of an Airflow that was stopped.
        self._began = datetime.now(UTC)
        self._state = State(pid=os.getpid(), url=made.api.url, user=made.options.user, ready=False, sessions={})
        if made.redis_port is not None:
            process = redis.start(self._home, made.redis_port, made.environment)
            self._add(Component(name=redis.NAME, arguments=()), process)
        for component in FIRST:
            self._spawn(component, made)
        self._until(lambda: "metadatabase" not in made.api.unhealthy(), made, "its web server doesn't answer")
        if not self._told_to_stop:
            for component in (SCHEDULER, *(worker(number) for number in range(1, made.options.celery + 1))):
                self._spawn(component, made)

    def _spawn(self, component: Component, made: Installation) -> None:
        log = self._home.log(component.name)
        with suppress(FileNotFoundError):
            if log.stat().st_size > _LOG_BYTES:
                log.replace(log.with_suffix(".old.log"))
        # Its connections to Airflow's database have the name of this start.
        environment = {**made.environment, "PGAPPNAME": self._started(component, len(self._sessions(component)) + 1)}
        self._add(component, spawn(component.command, self._home.path, environment, log))

    def _add(self, component: Component, process: subprocess.Popen[bytes]) -> None:
        self._running[component] = process
        # Processes of an earlier one may live on in its session, such as tasks of a scheduler that was killed.
        self._sessions(component).append(process.pid)
        self._home.note(self._state)

    def _sessions(self, component: Component) -> list[int]:
        return self._state.sessions.setdefault(component.name, [])

    @staticmethod
    def _started(component: Component, number: int) -> str:
        return f"{component.name}-start-{number}"

    def _note(self, *, ready: bool) -> None:
        self._state = State(
            pid=self._state.pid, url=self._state.url, user=self._state.user, ready=ready, sessions=self._state.sessions
        )
        self._home.note(self._state)

    def _until_ready(self, made: Installation) -> bool:
        """Wait until a run can be triggered; tell whether that came true before a signal."""
        self._until(lambda: not self._unhealthy(made), made, "its processes show no sign of life")
        self._until_parsed(made)
        return not self._told_to_stop

    def _until(self, true: Callable[[], bool], made: Installation, otherwise: str) -> None:
        """Wait for something, or for a signal.

        Raises:
            ServerError: It doesn't come true in time.
        """
        deadline = time.monotonic() + _HEALTHY_S
        while not self._told_to_stop and not true():
            self._look_after(made)
            if time.monotonic() > deadline:
                raise ServerError(
                    f"Airflow isn't healthy after {_HEALTHY_S:.0f} s: {otherwise}",
                    code="server.unhealthy",
                    next_step=f"see the logs in {self._home.logs}",
                )
            time.sleep(_POLL_S)

    def _unhealthy(self, made: Installation) -> tuple[str, ...]:
        workers = [component.name for component in self._running if component.name.startswith("worker-")]
        silent = [name for name in workers if " ready." not in self._home.last_lines(name, 200)]
        return (*made.api.unhealthy(self._began), *silent)

    def _until_parsed(self, made: Installation) -> None:
        """Wait for the DAG; one that can't be read is told, and Airflow goes on: its pages say more."""
        token, trouble = "", "it wasn't read in time"
        deadline = time.monotonic() + _DAG_S
        while not self._told_to_stop:
            self._look_after(made)
            problem: str | None = ""
            try:
                token = token or made.api.token(made.options.user, made.password)
                problem = made.api.dag_problem(token, self._began)
            except ServerError as error:
                trouble = str(error)
            if problem is None:
                return
            if problem or time.monotonic() > deadline:
                logger.warning("the DAG can't be triggered: %s", problem or trouble)
                return
            time.sleep(_POLL_S)

    def _watch(self, made: Installation) -> None:
        while not self._told_to_stop:
            self._look_after(made)
            time.sleep(_POLL_S)

    def _look_after(self, made: Installation) -> None:
        """Start again what has died.

        Raises:
            ServerError: It dies again and again, or it was the Redis.
        """
        for component, process in list(self._running.items()):
            status = process.poll()
            if status is None or self._told_to_stop:
                continue
            now = time.monotonic()
            deaths = self._deaths.setdefault(component, deque(maxlen=_DEATHS))
            deaths.append(now)
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            message = f"{component.name} has died ({how}); its last words:\n{self._home.last_lines(component.name)}"
            again = len(deaths) == _DEATHS and now - deaths[0] < _DEATHS_WITHIN_S
            if again or component.name == redis.NAME:
                raise ServerError(message, code="server.died", next_step=f"see {self._home.log(component.name)}")
            logger.warning("%s\nstarting %s again", message, component.name)
            self._hang_up(component, made)
            self._spawn(component, made)

    def _hang_up(self, component: Component, made: Installation) -> None:
        """End what a component that died has open in the database.

        LocalExecutor's processes hold the sockets of the scheduler that forked them: while one of them lives, the
        server doesn't notice the scheduler's death, and a transaction of it keeps its locks from the next scheduler.
        """
        try:
            embedded.hang_up(made.database_url, self._started(component, len(self._sessions(component))))
        except ServerError as error:
            logger.warning("%s", error)

    def _stop(self, options: Options) -> None:
        """End all processes: first those that run tasks, which report to the web server how they ended."""
        if not self._running:
            return
        logger.info("stopping")
        told_before = self._told_to_stop
        busy = [one for one in self._running if one.name == "scheduler" or one.name.startswith("worker-")]
        for component in busy:
            self._running[component].terminate()
        deadline = time.monotonic() + options.stop_s
        said = False
        while any(self._running[one].poll() is None for one in busy):
            left = deadline - time.monotonic()
            if left < 0 or self._told_to_stop > told_before:
                break
            if not said and left < options.stop_s - 5:
                logger.info("waiting up to %.0f s for running tasks; Ctrl-C again ends them", left)
                said = True
            time.sleep(_POLL_S)
        # What still runs tasks, then those that they report to, then what all of them talk through.
        groups = ({one.name for one in busy}, {one.name for one in self._running} - {redis.NAME}, {redis.NAME})
        for names in groups:
            sessions = [number for name in names for number in self._state.sessions.get(name, [])]
            end_sessions(sessions, self._home.path, _END_S)
        for process in self._running.values():
            process.wait()


def clean_up(home: Home) -> int:
    """End what a killed supervisor left behind; return how many processes that were."""
    state = home.state()
    if state is None:
        return 0
    sessions = [number for numbers in state.sessions.values() for number in numbers]
    left = members(sessions, home.path)
    if left:
        logger.warning("ending %d processes that the last start left behind", len(left))
        end_sessions(sessions, home.path, _END_S)
    home.forget()
    return len(left)
