"""Whether the engine's memory grows with the file: `python -m bench.memory`, a file and a tenth of it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench.sales import sales_file
from bench.server import private_server, programs
from bench.variants import ENGINE, run
from engine.errors import EngineError

_FOLDER = Path(__file__).resolve().parent
# What is promised for 10,000,000 rows.
_LIMIT_MB = 500.0
_GROWTH = 0.2


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rows", type=click.IntRange(min=10), default=10_000_000, show_default=True, help="Rows of the file.")
@click.option("--mysqld", type=click.Path(path_type=Path), help="A server program. Default: the first that is found.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=_FOLDER / "data", help="Default: bench/data.")
def main(rows: int, mysqld: Path | None, data_dir: Path) -> None:
    """Load a tenth and the whole; show peak resident memory of both. Status 1 where it breaks the promise."""
    program = programs((mysqld,) if mysqld else ())[0]
    try:
        with private_server(program, data_dir / "servers") as server:
            click.echo(server.version)
            peaks = []
            for count in (rows // 10, rows):
                path = sales_file(count, data_dir)
                done, _ = run(ENGINE, path, server, 1)
                peaks.append(done.client_peak_mb)
                size_mb = path.stat().st_size / 1e6
                click.echo(
                    f"{count:>12,} rows {size_mb:>9,.1f} MB {done.wall_s:>8.1f} s   peak {done.client_peak_mb:.0f} MB"
                )
    except (EngineError, RuntimeError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    ratio = peaks[1] / peaks[0]
    kept = max(peaks) < _LIMIT_MB and abs(ratio - 1) <= _GROWTH
    verdict = "kept" if kept else "broken"
    click.echo(f"ratio {ratio:.2f}; promise (below {_LIMIT_MB:.0f} MB, within {_GROWTH:.0%} of a tenth): {verdict}")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main(prog_name="python -m bench.memory")
