"""`python -m engine.doctor`: the command line that looks before anything is loaded, a door that nothing imports."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from engine import __version__, terminal


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@terminal.output_options
@click.version_option(__version__, prog_name="headrace")
def cli(*, json_path: str | None, quiet: bool, verbose: int) -> int:
    """Look at the servers, this machine and the folders, and say what would stop or slow a load; -v shows all.

    Each finding comes with what was seen, why it matters, and the statement or line that mends it. Nothing is changed or
    started. Exit status: 0 nothing would stop a load, 1 something would, 2 wrong usage, 3 a bug, 130 interrupted.
    """
    from engine.errors import EngineError
    from engine.pipeline import examine
    from engine.summary import examination_json, print_examination

    output = terminal.Output(json=json_path, quiet=quiet, verbose=verbose)
    try:
        with terminal.talking(output):
            done = examine()
    except EngineError as error:
        return terminal.refuse(error, output)
    return terminal.show(
        lambda console: print_examination(done, console, full=verbose > 0),
        lambda: examination_json(done),
        output,
        ok=done.ok,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Options; None takes those of this process.
    """
    return terminal.run(cli, argv)


if __name__ == "__main__":
    sys.exit(main())
