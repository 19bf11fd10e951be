"""The door: `python -m engine.airflow.local run|start|status|stop|clean|token|airflow|prepare|healthy`."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time

import click

from engine.airflow.local.asking import PARTS, Api
from engine.airflow.local.card import card
from engine.airflow.local.components import Component, members
from engine.airflow.local.home import Home, State
from engine.airflow.local.installation import Installation, password_of
from engine.airflow.local.options import Options, load_options
from engine.airflow.local.preparing import prepare
from engine.airflow.local.supervisor import Supervisor, clean_up
from engine.config import load_settings
from engine.errors import ServerError
from engine.terminal import Boundary

_POLL_S = 0.1
# Beyond the time for tasks: what the supervisor itself takes to end and kill.
_STOP_S = 60.0


@click.group(cls=Boundary, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run a private Airflow below .local/, for this machine alone."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # Its client tells every request.
    logging.getLogger("httpx").setLevel(logging.WARNING)


_celery = click.option(
    "--celery", type=click.IntRange(0, 64), help="Run tasks on so many Celery workers (needs redis-server)."
)
_port = click.option("--port", type=click.IntRange(1, 65535), help="Where people find it. Default: 8080.")


@main.command("run")
@_port
@_celery
def run_command(port: int | None, celery: int | None) -> None:
    """Start Airflow and stay in the foreground until Ctrl-C."""
    settings, options = load_settings(), load_options(port=port, celery=celery)
    Supervisor(Home.of(settings)).run(settings, options, _show)
    click.echo("stopped; the databases go on, `make stop` ends them", err=True)


@main.command("start")
@_port
@_celery
def start_command(port: int | None, celery: int | None) -> None:
    """Start Airflow in the background and wait until it's ready."""
    home = Home.of(load_settings())
    load_options(port=port, celery=celery)
    home.make()
    if home.is_held():
        click.echo("it runs already", err=True)
    else:
        given = [f"--{name}={value}" for name, value in (("port", port), ("celery", celery)) if value is not None]
        _start_detached(home, given)
    _show_state(home)


@main.command("status")
def status_command() -> None:
    """Show what runs; exit status 1 where it isn't ready."""
    home = Home.of(load_settings())
    state = home.state()
    if state is None or not home.is_held():
        click.echo("stopped")
        sys.exit(1)
    click.echo(f"{'ready' if state.ready else 'starting'} at {state.url} (supervisor: process {state.pid})")
    for name, sessions in state.sessions.items():
        found = members(sessions[-1:], home.path)
        click.echo(f"{name:<14} {f'{len(found)} processes' if found else 'dead':<14} {home.log(name)}")
    sys.exit(0 if state.ready else 1)


@main.command("stop")
def stop_command() -> None:
    """Stop Airflow; the databases go on."""
    _stop(Home.of(load_settings()), load_options())


@main.command("clean")
def clean_command() -> None:
    """Stop Airflow and remove its logs, secrets and password; its database goes with the private PostgreSQL."""
    home = Home.of(load_settings())
    _stop(home, load_options())
    if home.path.is_dir():
        shutil.rmtree(home.path)
        click.echo(f"removed {home.path}")


@main.command("token")
def token_command() -> None:
    """Print a token for the REST API of the running Airflow."""
    home, options = Home.of(load_settings()), load_options()
    state = _running(home)
    click.echo(Api(url=state.url).token(state.user, password_of(home, options)))


@main.command("airflow", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def airflow_command(arguments: tuple[str, ...]) -> None:
    """Run Airflow's own command line for the Airflow that runs here, such as `airflow dags list`."""
    home = Home.of(load_settings())
    _running(home)
    command = Component(name="command", arguments=arguments).command
    os.execve(command[0], command, home.environment())  # noqa: S606 - what is typed is an argument, not a shell's line


@main.command("healthy")
@click.argument("part", type=click.Choice(PARTS))
def healthy_command(part: str) -> None:
    """Ask the Airflow that AIRFLOW__* in the environment describes for a sign of life of one of its parts."""
    url = os.environ.get("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "").removesuffix("/execution/")
    if not url:
        raise ServerError(
            "no Airflow in the environment",
            code="server.unknown",
            next_step="set AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
        )
    if part in Api(url=url).unhealthy():
        raise ServerError(f"{part} shows no sign of life", code="server.unhealthy")


@main.command("prepare")
def prepare_command() -> None:
    """Make or update the tables and the user of the Airflow that AIRFLOW__* in the environment describes.

    HEADRACE_AIRFLOW_USER and HEADRACE_AIRFLOW_PASSWORD say who logs in.
    """
    options = load_options()
    if options.password is None:
        raise ServerError(
            "no password for the user who logs in", code="server.user", next_step="set HEADRACE_AIRFLOW_PASSWORD"
        )
    prepare(options.user, options.password.get_secret_value())


def _running(home: Home) -> State:
    state = home.state()
    if state is None or not state.ready or not home.is_held():
        raise ServerError("no Airflow runs here", code="server.stopped", next_step="start it with `make airflow`")
    return state


def _show(made: Installation) -> None:
    click.echo(card(made.api.url, made.options.user, made.password, made.settings))


def _show_state(home: Home) -> None:
    state = home.state()
    if state is not None:
        click.echo(card(state.url, state.user, password_of(home, load_options()), load_settings()))


def _start_detached(home: Home, given: list[str]) -> None:
    with home.log("supervisor").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "engine.airflow.local", "run", *given],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    click.echo("starting Airflow", err=True)
    while (state := home.state()) is None or not state.ready or state.pid != started.pid:
        if started.poll() is not None:
            raise ServerError(
                f"Airflow doesn't start; the last words:\n{home.last_lines('supervisor', 30)}",
                code="server.start_failed",
                next_step=f"see {home.logs}",
            )
        time.sleep(_POLL_S)


def _stop(home: Home, options: Options) -> None:
    if not home.is_held():
        clean_up(home)
        return
    state = home.state()
    if state is not None:
        os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + options.stop_s + _STOP_S
    while home.is_held():
        if time.monotonic() > deadline:
            raise ServerError(
                f"Airflow doesn't stop (process {state.pid if state else '?'})",
                code="server.stop_failed",
                next_step=f"see {home.logs}",
            )
        time.sleep(_POLL_S)
    click.echo("stopped Airflow", err=True)


if __name__ == "__main__":
    main(prog_name="python -m engine.airflow.local")
