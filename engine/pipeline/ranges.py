"""Batches of a large file that other processes load while the file's own load goes on."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from engine.config import Settings, load_settings
from engine.embedded import ensure
from engine.errors import LoadError
from engine.load import Address, Connection, Destination, Loaders
from engine.log import logger
from engine.model import LoadResult
from engine.pipeline.staged_load import DESTINATION, destinations
from engine.pipeline.staged_reading import ranges
from engine.pipeline.units import jobs_of
from engine.stage import MANIFEST, read_manifest

# The load that is helped may have to wait for its turn. It needs no help if it doesn't begin within this time: the place
# that waiting takes up may be the one that it waits for.
PATIENCE_S = 120.0
_LOOK_S = 0.25


def helped_ranges(unit: str) -> list[tuple[str, int, int]]:
    """List the ranges of batches that others may load: the manifest's folder, the first batch, the one behind the last."""
    settings = load_settings()
    found = []
    for job in jobs_of(settings, unit):
        if (job.staged / MANIFEST).exists():
            manifest = read_manifest(job.staged)
            place = str(job.staged.relative_to(settings.staging_dir))
            found += [(place, *one) for one in ranges(len(manifest.batches), manifest.parts)[1:]]
    return found


def load_range(place: str, first: int, last: int) -> tuple[LoadResult, ...]:
    """Load some batches of a file whose own load is under way, each once, whoever comes to it first.

    Nothing depends on it: what isn't in when the file's own load comes there, that load brings in.

    Args:
        place: Where the manifest is, below the staging folder.
        first, last: Batches from `first` to before `last`.

    Returns:
        What was found or brought in; nothing where the load is over, doesn't begin in time, or is another process's now.

    Raises:
        LoadError: The server refused a batch, or was lost for good.
    """
    settings = load_settings()
    folder = settings.staging_dir / place
    destination = _destination(settings, folder)
    if destination is None:
        logger.info("%s: nobody loads it, there is nothing to help with", place)
        return ()
    batches = read_manifest(folder).batches[first:last]
    address = Address.parse(ensure(settings).mysql_url.get_secret_value())
    connect = partial(Connection, address, connect_timeout_s=settings.connect_timeout_s)
    loaders = Loaders(connect, destination, min(settings.loaders, max(1, len(batches))))
    try:
        with loaders:
            for batch in batches:
                loaders.submit(batch)
            return loaders.finish()
    except LoadError as error:
        if error.code == "load.taken_over" or not (folder / DESTINATION).exists():
            logger.info("%s: its own load is over or began anew: %s", place, error.message)
            return loaders.results
        raise


def _destination(settings: Settings, folder: Path) -> Destination | None:
    """Wait until the load that is helped says where its batches go; None where it's over, or doesn't begin in time."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and folder.exists() and not _is_over(settings, folder):
        try:
            return destinations().validate_json((folder / DESTINATION).read_bytes())
        except FileNotFoundError:
            time.sleep(_LOOK_S)
    return None


def _is_over(settings: Settings, folder: Path) -> bool:
    unit = str(folder.parent.relative_to(settings.staging_dir))
    return any(job.staged == folder and job.report("load") is not None for job in jobs_of(settings, unit))
