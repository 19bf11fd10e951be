"""Archive: moves a loaded file out of the input folder, overwrites nothing, and expires what is old enough."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.errors import ArchiveError
from engine.model import SourceFile

STAMP = "%Y%m%dT%H%M%S.%fZ"
# <stem>.<UTC time>.<12 hex digits of the hash><suffixes>; a copy that was cut short has "." before and ".part" after.
_OURS = re.compile(r"\.?.+\.(?P<stamp>\d{8}T\d{6}\.\d{6}Z)\.[0-9a-f]{12}(?:\..*)?", re.DOTALL)
# The longest name that Linux file systems take, less the dot and ".part" of an unfinished copy.
_MAX_NAME_BYTES = 255 - 6
_MAX_SUFFIX_BYTES = 40
_COPY_BYTES = 1 << 20
_RETRYABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EBUSY)


def archive(
    file: SourceFile,
    archive_dir: Path,
    *,
    feed: str | None,
    sha256: str | None,
    now: datetime,
    done_marker: str | None = None,
    sidecar: Path | None = None,
    again: bool = False,
    durable: bool = True,
) -> Path:
    """Move a loaded file to `<archive_dir>/<feed>/YYYY/MM/DD/<stem>.<UTC time>.<hash><suffix>`.

    Within a file system it is one rename onto a name that was reserved before, so the file is always at exactly one
    of the two places. Across file systems the copy is complete, synced and compared before the source goes. A call
    that finds the file gone and already in the archive returns its place there, so a retry completes what an
    interrupted call began.

    Args:
        file: The file as it was found; another one under its name is left alone.
        archive_dir: Where archived files go; created where it is missing.
        feed: The feed's name, None for `files`.
        sha256: Hash of the stored bytes in hex, which a copy must have; None where it isn't known.
        now: The time in the name, with a time zone.
        done_marker: The feed's marker; the file's own one moves along.
        sidecar: A file that belongs to it, `x.errors.jsonl` to `x.csv`; it moves along and stays beside it.
        again: An earlier call for this file may have been cut short, which costs a look through the feed's archive:
            what it left half done is removed, and a copy that it had made counts.
        durable: Wait until the disk has the move; otherwise the caller does, with `sync_folder` for both folders.

    Returns:
        The file's path in the archive.

    Raises:
        ArchiveError: The disk is full (`archive.disk_full`), something isn't permitted (`archive.permission`), the
            file is gone (`archive.missing`) or another one now (`archive.changed`), or the copy isn't equal
            (`archive.copy`). The source is still where it was.
    """
    home = archive_dir / feed_folder(feed)
    at = now.astimezone(UTC)
    marker = done_marker or ""
    stem, rest = _name_parts(file, (sha256 or file.quick_hash.hex())[:12], len(os.fsencode(marker)))
    with _explained(file.path, archive_dir):
        if not os.path.lexists(file.path):
            place = _archived_before(file, home, stem, rest)
            _hidden(file).unlink(missing_ok=True)
        elif again and (copy := _clear_up(file, home, stem, rest)) is not None:
            place = copy
            _remove_source(file)
        else:
            place = home / f"{at:%Y/%m/%d}" / f"{stem}.{at.strftime(STAMP)}{rest}"
            place.parent.mkdir(parents=True, exist_ok=True)
            _move(file, place, sha256, durable=durable)
        if marker:
            _move_along(file.path.with_name(file.name + marker), place.with_name(place.name + marker))
        if sidecar is not None:
            suffix = sidecar.name.removeprefix(file.path.stem)
            _move_along(sidecar, place.with_name(place.name.removesuffix(place.suffix) + suffix))
    return place


def expire(folder: Path, days: int, now: datetime) -> list[Path]:
    """Delete the files below `folder` whose name says that they are older than `days`, and return them.

    Only names with the engine's own time and hash count, whatever the file's own time is; links and folders are
    neither followed nor deleted.

    Raises:
        ArchiveError: A file can't be deleted.
    """
    oldest = now.astimezone(UTC) - timedelta(days=days)
    expired = []
    for parent, _, names in os.walk(folder, followlinks=False):
        for path in sorted(Path(parent, name) for name in names):
            made = _made(path.name)
            if made is None or made >= oldest or path.is_symlink() or not path.is_file():
                continue
            with _explained(path, folder):
                path.unlink(missing_ok=True)
            expired.append(path)
    return sorted(expired)


def _made(name: str) -> datetime | None:
    match = _OURS.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match["stamp"], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def feed_folder(feed: str | None) -> str:
    """Name the folder that a feed's files have among archived and among rejected ones."""
    return re.sub(r"[^\w.-]", "_", feed or "").lstrip(".")[:100] or "files"


def _name_parts(file: SourceFile, tag: str, spare_bytes: int) -> tuple[str, str]:
    """Return what goes before and after the time in the archived name.

    The suffix of `sales.csv.gz` has as many parts as its format's name. A stem that makes the name too long is cut.
    """
    suffix = "".join(file.path.suffixes[-(file.format.count(".") + 1) :])
    suffix = suffix if len(os.fsencode(suffix)) <= _MAX_SUFFIX_BYTES else ""
    rest = f".{tag}{suffix}"
    room = _MAX_NAME_BYTES - spare_bytes - len(".20250131T235959.999999Z") - len(os.fsencode(rest))
    return os.fsencode(file.name.removesuffix(suffix))[:room].decode("utf-8", "ignore"), rest


def _move(file: SourceFile, place: Path, sha256: str | None, *, durable: bool) -> None:
    _require_same(file, file.path.lstat())
    _reserve(place)
    try:
        file.path.rename(place)
    except OSError as error:
        place.unlink()
        if error.errno != errno.EXDEV:
            raise
        _move_across(file, place, sha256)
    else:
        _give_back_unless_same(file, place)
    if durable:
        sync_folder(place.parent)
        sync_folder(file.path.parent)


def _reserve(place: Path) -> None:
    """Take a name that nobody has, because rename(2) would overwrite."""
    os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def _move_across(file: SourceFile, place: Path, sha256: str | None) -> None:
    """Copy to another file system under a hidden name, prove the copy, put it in its place, delete the source."""
    part = place.with_name(f".{place.name}.part")
    try:
        read = _copy(file, part)
        with part.open("rb") as copy:
            written = hashlib.file_digest(copy, "sha256").hexdigest()
        if not written == read == (sha256 or read):
            raise ArchiveError(
                f"{file.path}: read with the hash {read[:12]}, copied to {place.parent} with {written[:12]}, and "
                f"loaded with {(sha256 or read)[:12]}",
                code="archive.copy",
                next_step="check both disks; the file was left where it is",
                retryable=True,
            )
        _reserve(place)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(place.parent)
    try:
        _remove_source(file)
    except OSError:
        place.unlink()
        raise


def _copy(file: SourceFile, part: Path) -> str:
    with file.path.open("rb") as source, part.open("xb") as copy:
        _require_same(file, os.fstat(source.fileno()))
        read = hashlib.sha256()
        while piece := source.read(_COPY_BYTES):
            read.update(piece)
            copy.write(piece)
        copy.flush()
        status = os.fstat(source.fileno())
        _require_same(file, status)
        os.fchmod(copy.fileno(), stat.S_IMODE(status.st_mode))
        os.utime(copy.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fsync(copy.fileno())
    return read.hexdigest()


def _remove_source(file: SourceFile) -> None:
    """Delete the source by way of a hidden name, so that a new file that took its name is never deleted."""
    hidden = _hidden(file)
    file.path.rename(hidden)
    _give_back_unless_same(file, hidden)
    hidden.unlink()


def _hidden(file: SourceFile) -> Path:
    return file.path.with_name(f".{file.quick_hash.hex()}.archived")


def _give_back_unless_same(file: SourceFile, place: Path) -> None:
    """Check what was just moved to `place`; a file that had taken the name a moment before goes back."""
    try:
        _require_same(file, place.lstat())
    except ArchiveError:
        with suppress(FileExistsError):
            # A link, because it overwrites nothing: where the name is taken again, `place` keeps the file.
            os.link(place, file.path, follow_symlinks=False)
            place.unlink()
        raise


def _clear_up(file: SourceFile, home: Path, stem: str, rest: str) -> Path | None:
    """Remove what an interrupted call left of this file in the archive; return the copy that it had finished, if any.

    A copy has the file's own time, which the same bytes that arrive once more don't have.
    """
    for part in home.glob(f"*/*/*/.{glob.escape(stem)}.*{glob.escape(rest)}.part"):
        part.unlink(missing_ok=True)
    for place in home.glob(f"*/*/*/{glob.escape(stem)}.*{glob.escape(rest)}"):
        status = place.lstat()
        if not status.st_size and file.size_bytes:
            # A name that was reserved and never filled.
            place.unlink(missing_ok=True)
        elif (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.mtime_ns) and _digest(place) == _digest(
            file.path
        ):
            return place
    return None


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _archived_before(file: SourceFile, home: Path, stem: str, rest: str) -> Path:
    """Find the file in the archive, where an earlier call has moved it."""
    for place in sorted(home.glob(f"*/*/*/{glob.escape(stem)}.*{glob.escape(rest)}"), reverse=True):
        if _made(place.name) and place.lstat().st_size == file.size_bytes:
            return place
    raise ArchiveError(
        f"{file.path}: no longer there, and not in {home} either",
        code="archive.missing",
        next_step="its rows are loaded; look for what moved it",
    )


def _move_along(marker: Path, place: Path) -> None:
    with suppress(FileNotFoundError):
        try:
            marker.rename(place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            place.write_bytes(marker.read_bytes())
            marker.unlink()


def _require_same(file: SourceFile, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise ArchiveError(
            f"{file.path}: a symbolic link, which is not archived",
            code="archive.link",
            next_step="the file that it points at stays where it is",
        )
    now = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if now != (file.device, file.inode, file.size_bytes, file.mtime_ns):
        raise ArchiveError(
            f"{file.path}: not the file that was loaded: it was replaced or written to meanwhile",
            code="archive.changed",
            next_step="it was left where it is, and the next run takes it as a new file",
        )


def sync_folder(folder: Path) -> None:
    """Wait until the disk has what happened to the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Some network file systems can't sync a folder; their rename is as durable as they make it.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path, folder: Path) -> Iterator[None]:
    """Turn what the system refuses into an ArchiveError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            code, next_step = "archive.disk_full", f"make room in {folder}; the file is still at its place"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            code, next_step = "archive.permission", f"let this user write to {path.parent} and {folder}"
        else:
            code, next_step = "archive.failed", "the file is still at its place; run again"
        raise ArchiveError(
            f"{path}: can't be moved to {folder}: {error.strerror or error}",
            code=code,
            next_step=next_step,
            retryable=error.errno in _RETRYABLE,
        ) from error
