"""The other end of a pipe: `python -m bench.robustness.worker TOOL` takes jobs, one JSON line each, and answers.

The tools' own interpreters start it, so that it imports nothing beside the standard library until it knows its tool.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version

from bench.robustness import readers
from bench.robustness.job import Job
from bench.robustness.landed import Landed, to_plain

Tool = Callable[[Job], Landed]


def main() -> None:
    """Say hello with the tool's version, then answer job after job until the pipe is closed."""
    # What a library prints must not get among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    readers.quietly()
    tool, told = _tool(sys.argv[1], json.loads(sys.stdin.readline()))
    for answer in _answers(tool, told):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answers(tool: Tool, told: str) -> Iterator[dict[str, object]]:
    yield {"version": told}
    for line in sys.stdin:
        try:
            yield to_plain(tool(Job.from_plain(json.loads(line))))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            yield to_plain(Landed(crashed="".join(traceback.format_exception(error)[-2:]).strip()[-600:]))


def _tool(name: str, context: dict[str, str]) -> tuple[Tool, str]:
    """Return a tool by its name, and which version of it answers."""
    match name:
        case "engine":
            return _engine(context)
        case "load-data":
            return _load_data(context)
        case "csv":
            return readers.with_csv, f"Python {sys.version.split()[0]}"
        case _:
            import_module(name)
            return getattr(readers, f"with_{name}"), f"{name} {version(name)}"


def _engine(context: dict[str, str]) -> tuple[Tool, str]:
    from bench.robustness.engine_run import with_engine
    from bench.sessions import connect
    from engine import Settings

    settings = Settings.model_validate({**context, "settle_s": 0.0})
    assert settings.mysql_url is not None
    connection = connect(settings.mysql_url.get_secret_value())
    return (lambda job: with_engine(job, settings, connection)), context["server"]


def _load_data(context: dict[str, str]) -> tuple[Tool, str]:
    from bench.robustness.plain_load import with_load_data
    from bench.sessions import connect

    connection = connect(context["mysql_url"], local_infile=True)
    return (lambda job: with_load_data(job, connection)), context["server"]


if __name__ == "__main__":
    main()
