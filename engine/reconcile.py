"""`python -m engine.reconcile`: the command line that rebuilds the catalog, a door that nothing imports."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from engine import __version__, terminal


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@terminal.output_options
@click.version_option(__version__, prog_name="headrace")
def cli(*, dry_run: bool, json_path: str | None, quiet: bool, verbose: int) -> int:
    """Rebuild the catalog in PostgreSQL from the ledger in MySQL.

    For a catalog that was lost or emptied, misses files, or shows as running what died. Loads that run just now are left
    alone. Exit status: 0 both agree, 1 a server can't be reached or refuses, 2 wrong usage, 3 a bug, 130 interrupted.
    """
    from engine.config import load_settings
    from engine.errors import EngineError
    from engine.pipeline import reconcile
    from engine.summary import print_reconciliation, reconciliation_json

    output = terminal.Output(json=json_path, quiet=quiet, verbose=verbose)
    try:
        with terminal.talking(output):
            done = reconcile(load_settings(), dry_run=dry_run)
    except EngineError as error:
        return terminal.refuse(error, output)
    return terminal.show(
        lambda console: print_reconciliation(done, console), lambda: reconciliation_json(done), output, ok=True
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Options; None takes those of this process.
    """
    return terminal.run(cli, argv)


if __name__ == "__main__":
    sys.exit(main())
