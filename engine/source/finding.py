"""Which files are there to load: the named ones, or what waits complete in the input folder."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from engine.config import Feed, Settings, feed_for
from engine.errors import EngineError, SourceError
from engine.model import SourceFile
from engine.source.identity import fingerprint
from engine.source.registry import format_of_name

# What programs call a file that they are still writing, and what editors leave behind.
UNFINISHED = (".*", "*~", "*.tmp", "*.part", "*.partial", "*.filepart", "*.crdownload")
# A file that stood still for ten times the settling time needs no second look. It keeps a run over a quiet folder
# free of any wait; the margin is for file servers whose clocks are off.
SETTLED_FACTOR = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A file that isn't complete yet; a later run takes it."""

    path: Path
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """Something in the input folder that the engine doesn't load."""

    path: Path
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What `find` found. `problems` pairs a path with the reason why it can't be loaded."""

    files: tuple[SourceFile, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    problems: tuple[tuple[Path, EngineError], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    path: Path
    look: os.stat_result
    settle_s: float
    # None where the feed has no marker.
    marker: Path | None


def find(
    paths: Sequence[Path] | None,
    settings: Settings,
    feeds: tuple[Feed, ...],
    *,
    folder: Path | None = None,
    pattern: str | None = None,
) -> Found:
    """Find the files to load and identify them.

    Named files are taken at once, in their order, each once. Without names everything complete in the input folder is
    taken, sorted by name: a file is complete when its feed's marker is there and not older than it, else when size,
    time and inode were equal on two looks `settle_s` apart. All files share one wait, and none is needed where every
    file has stood still for ten times as long.

    A symbolic link in the input folder is a problem, not a file: to archive what it points at would move a file that
    lies elsewhere. Named links are followed, and `from_input` is set for named files that lie in the input folder.

    Args:
        paths: The named files; None or none at all means the input folder, which is created where it is missing.
        settings: Folders and `settle_s`.
        feeds: Their `done_marker`, `settle_s` and `pattern` count.
        folder: In place of the input folder.
        pattern: Only files of such names, as in fnmatch.

    Raises:
        SourceError: The input folder itself can't be read (`source.input_folder`).
    """
    if paths:
        return _named(paths, settings)
    entries = _entries(folder.absolute() if folder is not None else settings.input_dir.absolute())
    candidates, skipped, problems = _look_around(entries, settings, feeds, pattern or "*")
    ready, waiting = _complete(candidates)
    files = []
    for candidate in ready:
        try:
            file = fingerprint(candidate.path, from_input=True)
        except EngineError as error:
            problems.append((candidate.path, error))
            continue
        if _still(candidate.look, candidate.path):
            files.append(file)
        else:
            waiting.append(Waiting(path=candidate.path, reason="changed while it was looked at"))
    return Found(
        files=tuple(files),
        waiting=tuple(sorted(waiting, key=lambda item: item.path.name)),
        skipped=tuple(skipped),
        problems=tuple(sorted(problems, key=lambda pair: pair[0].name)),
    )


def _named(paths: Sequence[Path], settings: Settings) -> Found:
    input_dir = settings.input_dir.resolve()
    files, problems = [], []
    once: dict[Path, Path] = {}
    for path in paths:
        once.setdefault(path.resolve(), path.absolute())
    for path in once.values():
        try:
            _check_name(path)
            in_folder = path.parent.resolve() == input_dir and not path.is_symlink()
            files.append(fingerprint(path, from_input=in_folder))
        except EngineError as error:
            problems.append((_printable(path), error))
    return Found(files=tuple(files), problems=tuple(problems))


def _entries(folder: Path) -> list[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise SourceError(
            f"{folder}: the input folder can't be read: {error.strerror}",
            code="source.input_folder",
            next_step="make it a folder that this user can read and write, or set INGEST_DATA_DIR",
        ) from error


def _look_around(
    entries: list[Path], settings: Settings, feeds: tuple[Feed, ...], pattern: str
) -> tuple[list[_Candidate], list[Skipped], list[tuple[Path, EngineError]]]:
    """Sort what lies in the input folder into candidates, what isn't loaded, and what should be but can't."""
    candidates: list[_Candidate] = []
    skipped: list[Skipped] = []
    problems: list[tuple[Path, EngineError]] = []
    markers = tuple({feed.done_marker for feed in feeds if feed.done_marker})
    for path in entries:
        if not fnmatchcase(path.name, pattern) or _unfinished(path.name) or (markers and path.name.endswith(markers)):
            continue
        try:
            look = path.lstat()
        except OSError:
            continue  # taken away since the folder was listed
        feed = feed_for(path.name, feeds)
        try:
            reason = _reason_to_skip(path, look.st_mode, feed)
        except EngineError as error:
            problems.append((_printable(path), error))
            continue
        if reason:
            skipped.append(Skipped(path=path, reason=reason))
            continue
        settle_s = settings.settle_s if feed.settle_s is None else feed.settle_s
        marker = path.with_name(path.name + feed.done_marker) if feed.done_marker else None
        candidates.append(_Candidate(path=path, look=look, settle_s=settle_s, marker=marker))
    return candidates, skipped, problems


def _reason_to_skip(path: Path, mode: int, feed: Feed) -> str:
    """Return why the engine doesn't load it, "" where it does; raises SourceError where it should but can't."""
    if stat.S_ISDIR(mode):
        return "a folder; files in it are not taken"
    if feed.pattern is None and format_of_name(path.name) is None:
        return f"no source format reads {path.suffix or 'files without a suffix'}, and no feed's pattern fits"
    _check_name(path)
    if stat.S_ISLNK(mode):
        raise SourceError(
            f"{path}: a symbolic link; the input folder takes files, which move to the archive",
            code="source.symlink",
            next_step="move the file itself there, or name it on the command line",
        )
    return ""


def _complete(candidates: list[_Candidate]) -> tuple[list[_Candidate], list[Waiting]]:
    """Part the files that are complete from those that aren't, after one wait for all of them."""
    waiting = []
    unsettled = []
    for candidate in candidates:
        if candidate.marker is not None:
            if reason := _marker_reason(candidate.path, candidate.look, candidate.marker):
                waiting.append(Waiting(path=candidate.path, reason=reason))
        elif not _long_settled(candidate):
            unsettled.append(candidate)
    if unsettled:
        time.sleep(max(candidate.settle_s for candidate in unsettled))
    for candidate in unsettled:
        if not _still(candidate.look, candidate.path):
            reason = f"still being written: it changed within {candidate.settle_s:g} s"
            waiting.append(Waiting(path=candidate.path, reason=reason))
    late = {item.path for item in waiting}
    return [candidate for candidate in candidates if candidate.path not in late], waiting


def _marker_reason(path: Path, look: os.stat_result, marker: Path) -> str:
    """Return why the marker doesn't count, "" where it does. An older one belongs to an earlier file of that name."""
    try:
        marked_ns = marker.stat().st_mtime_ns
    except OSError:
        return f"its marker {marker.name} is not there yet"
    if marked_ns < look.st_mtime_ns:
        return f"its marker {marker.name} is older than {path.name}; write the marker last"
    return ""


def _long_settled(candidate: _Candidate) -> bool:
    # A time in the future proves nothing: only two equal looks do.
    age_s = time.time() - candidate.look.st_mtime_ns / 1e9
    return age_s > SETTLED_FACTOR * candidate.settle_s


def _still(look: os.stat_result, path: Path) -> bool:
    try:
        again = path.lstat()
    except OSError:
        return False
    return (look.st_dev, look.st_ino, look.st_size, look.st_mtime_ns) == (
        again.st_dev,
        again.st_ino,
        again.st_size,
        again.st_mtime_ns,
    )


def _unfinished(name: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern) for pattern in UNFINISHED)


def _check_name(path: Path) -> None:
    """Refuse a name that isn't UTF-8: neither catalog could store it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise SourceError(
            f"{_printable(path)}: its name is not valid UTF-8", code="source.name", next_step="rename the file"
        ) from None


def _printable(path: Path) -> Path:
    return Path(os.fsencode(path).decode(errors="backslashreplace"))
