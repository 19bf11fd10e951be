"""Writes the newest table into bench/README.md: `python -m bench.publish RESULT.json …`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bench.documents import Document, read
from bench.report import must_reach, shown
from bench.targets import verdicts

_README = Path(__file__).resolve().with_name("README.md")
BEGIN = "<!-- newest table: python -m bench.publish writes what stands from here -->"
END = "<!-- to here -->"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("results", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option(
    "--readme", type=click.Path(path_type=Path, exists=True), default=_README, help="Default: bench/README.md."
)
def main(results: tuple[Path, ...], readme: Path) -> None:
    """Write what the documents of one or several runs hold; of a part that several have, the last one's counts."""
    try:
        text = section([read(path) for path in results])
        readme.write_text(replaced(readme.read_text(encoding="utf-8"), text), encoding="utf-8")
    except (ValueError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


def section(documents: Sequence[Document]) -> str:
    """Return the section's Markdown: when and where, what must be reached, then every table."""
    found = {(one.server.version, one.workload, one.rows): one for document in documents for one in document.measured}
    when = ", ".join(sorted({document.started_at[:10] for document in documents}))
    last = documents[-1]
    versions = ", ".join(f"{name} {last.versions[name]}" for name in ("python", "polars", "mysqlclient"))
    commits = ", ".join(sorted({document.versions.get("commit", "unknown") for document in documents}))
    place = f"{last.machine['processor']}, {last.machine['cpus']} CPUs, {last.machine['memory_gb']} GB"
    loads = [run.load_average for one in found.values() for run in one.runs]
    load = f"Load of the machine when the runs began: {min(loads):.1f} to {max(loads):.1f}." if loads else ""
    ordered = list(found.values())
    told = [
        f"{when}, commit {commits}, {place}, {versions}. {load}",
        must_reach(verdicts(ordered)),
        *map(shown, ordered),
    ]
    return "\n\n".join(told)


def replaced(readme: str, text: str) -> str:
    """Return the README with the section in its place.

    Raises:
        ValueError: The place isn't marked, or not once.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.index(BEGIN) > readme.index(END):
        raise ValueError(f"the README hasn't the lines {BEGIN!r} and {END!r} once each, in this order")
    before, _, rest = readme.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


if __name__ == "__main__":
    main(prog_name="python -m bench.publish")
