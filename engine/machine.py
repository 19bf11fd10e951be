"""A look at this machine and its folders before anything is loaded: it changes nothing."""

from __future__ import annotations

import os
import re
import resource
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from engine.config import Settings, load_feeds
from engine.errors import SettingsError
from engine.model import Examined, Finding, advice, fine, problem
from engine.text import size

# Counted below /proc/PID/fd: 23 with eight loaders at most, in batches of 50 kB; with two, a limit of 20 was enough. A
# loader has its connection open and the batch that it sends.
_OPEN_FILES = 24
_OPEN_FILES_A_LOADER = 2
# What a load takes at most, whatever the file: bench/README.md.
_PEAK_BYTES = 450 * 1000**2
# Beside what waits: logs, rejects, a report.
_SPARE_BYTES = 100 * 1000**2
_PACKAGES = ("polars", "pyarrow")
_BOUND = re.compile(r"(>=|<)(\d+(?:\.\d+)*)")


def examine_machine(loaders: int) -> Examined:
    """Look at what the engine needs of the operating system and of its libraries, with so many connections."""
    findings = (*_packages(), _memory(), _memory_files(), _open_files(loaders))
    return Examined(name="this machine", findings=findings)


def examine_folders(settings: Settings) -> Examined:
    """Look at the data folder: who may write where, how much fits, what the feeds say."""
    findings = (*_folders(settings), *_space(settings), *_file_systems(settings), _feeds(settings))
    return Examined(name=f"folders below {settings.data_dir.absolute()}", findings=findings)


def _packages() -> Iterator[Finding]:
    try:
        wanted = requires("headrace") or []
    except PackageNotFoundError:
        wanted = []
    for name in _PACKAGES:
        has = version(name)
        asked = next((line for line in wanted if re.match(rf"{name}\b", line)), "")
        if all(_keeps(has, sign, bound) for sign, bound in _BOUND.findall(asked)):
            yield fine(name, has)
        else:
            yield problem(
                name,
                f"{has}, and Headrace wants {asked}",
                why="Another version may read a file differently.",
                fix=f"pip install '{asked}'",
            )


def _keeps(has: str, sign: str, bound: str) -> bool:
    numbers = [tuple(int(part) for part in re.findall(r"\d+", text)) for text in (has, bound)]
    return numbers[0] >= numbers[1] if sign == ">=" else numbers[0] < numbers[1]


def _memory() -> Finding:
    free = _free_memory_bytes()
    if free is None or free >= _PEAK_BYTES:
        return fine("memory", "enough is free" if free is None else f"{size(free)} are free")
    return advice(
        "memory",
        f"{size(free)} are free, and a load takes up to {size(_PEAK_BYTES)}",
        why="Where memory runs out the system ends a process, this one or the server.",
        fix="lower INGEST_BATCH_MB and INGEST_LOADERS, or give this machine or container more memory",
    )


def _free_memory_bytes() -> int | None:
    """Return what is free on this machine, or in this container where that has less; None where nothing tells."""
    free = []
    try:
        told = re.search(r"^MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
        free += [int(told[1]) * 1024] if told else []
        group = Path("/sys/fs/cgroup")
        free.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    return min(free, default=None)


def _memory_files() -> Finding:
    """Make a file in memory, as each batch is sent from, and let it go."""
    try:
        os.close(os.memfd_create("headrace-doctor"))
    except OSError as error:
        return problem(
            "memory_files",
            f"memfd_create fails: {error.strerror}",
            why="A batch goes to the server from such a file, so that no other file can.",
            fix="allow memfd_create in the container's seccomp profile",
        )
    return fine("memory_files", "can be made (memfd_create)")


def _open_files(loaders: int) -> Finding:
    need = _OPEN_FILES + _OPEN_FILES_A_LOADER * loaders
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= need:
        return fine("open_files", "no limit" if soft == resource.RLIM_INFINITY else f"up to {soft:,}")
    return problem(
        "open_files",
        f"a process may open {soft:,}, and {loaders} loaders may need {need:,}",
        why="Connections, libraries and batches in memory are open files.",
        fix="ulimit -n 1024, or LimitNOFILE=1024 in the service's unit",
    )


def _folders(settings: Settings) -> Iterator[Finding]:
    for name, path in _named(settings):
        there = _nearest(path)
        if not there.is_dir():
            yield problem(
                name,
                f"{there} is no folder",
                why="Files are taken from, written to or moved to folders there.",
                fix=f"move {there} away, or set INGEST_DATA_DIR to another folder",
            )
        elif not os.access(there, os.R_OK | os.W_OK | os.X_OK):
            yield problem(
                name,
                f"{there} can't be written to by this user (number {os.geteuid()})",
                why="Files are taken from, written to or moved to folders there.",
                fix=f"sudo chown {os.geteuid()} {there}, or set INGEST_DATA_DIR to a folder of yours",
            )
        else:
            yield fine(name, str(path) if there == path else f"{path} will be made")


def _named(settings: Settings) -> tuple[tuple[str, Path], ...]:
    return (
        ("input", settings.input_dir.absolute()),
        ("staging", settings.staging_dir.absolute()),
        ("rejects", settings.rejects_dir.absolute()),
        ("archive", settings.archive_dir.absolute()),
    )


def _nearest(path: Path) -> Path:
    """Return the path, or what is there of the way to it."""
    return next(one for one in (path, *path.parents) if one.exists() or one.is_symlink())


def _space(settings: Settings) -> Iterator[Finding]:
    """Hold what is free against the files that wait: staged for a scheduler, or all rejected, they're there once more."""
    waiting = waiting_bytes(settings)
    need = waiting + _SPARE_BYTES
    for name, path in _named(settings)[1:]:
        free = shutil.disk_usage(_nearest(path)).free
        if free >= need:
            continue
        yield advice(
            "space",
            f"{size(free)} are free for {name}, and {size(waiting)} wait in the input folder",
            why="What is staged, rejected, or archived on another file system is there a second time.",
            fix=f"free {size(need - free)}, or set INGEST_DATA_DIR to a larger disk",
        )
        return
    yield fine("space", f"enough for the {size(waiting)} that wait")


def waiting_bytes(settings: Settings) -> int:
    """Return the size of all files in the input folder."""
    if not settings.input_dir.is_dir():
        return 0
    return sum(path.stat().st_size for path in settings.input_dir.iterdir() if path.is_file())


def _file_systems(settings: Settings) -> Iterator[Finding]:
    source, archive = (_nearest(path.absolute()) for path in (settings.input_dir, settings.archive_dir))
    if source.stat().st_dev == archive.stat().st_dev:
        yield fine("file_systems", "input and archive are on one")
        return
    yield advice(
        "file_systems",
        f"{settings.archive_dir} is on another than {settings.input_dir}",
        why="A file is copied into the archive and compared there before it's removed, which takes as long as reading it "
        "twice; on one file system it's renamed at once.",
        fix="have both on one file system, or archive = false in the feed",
    )


def _feeds(settings: Settings) -> Finding:
    try:
        feeds = load_feeds(settings.feeds_path)
    except SettingsError as error:
        return problem(
            "feeds",
            error.message,
            why="No file is loaded while what is agreed about them can't be read.",
            fix=error.next_step or f"correct {settings.feeds_path}",
        )
    said = "in " + str(settings.feeds_path) if settings.feeds_path.exists() else "as shipped"
    return fine("feeds", f"{len(feeds)} {said}")
