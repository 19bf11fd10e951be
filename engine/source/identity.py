"""Which file it is: fingerprints, the hash of its bytes, and whether it is still the same."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from pathlib import Path

from engine.errors import SourceError
from engine.model import SourceFile
from engine.source.registry import format_of_bytes, format_of_name

# Both ends of a file tell new ones apart: headers repeat, last rows seldom do. One MiB is read in under a millisecond.
QUICK_BYTES = 1 << 20


def fingerprint(path: Path, *, from_input: bool = False) -> SourceFile:
    """Identify a file by its place on disk and a hash over its size, first MiB and last MiB.

    The format follows from the name, else from the first bytes, else it is plain text.

    Args:
        path: The file; a symbolic link is followed.
        from_input: It lies in the input folder.

    Raises:
        SourceError: It is missing, not a regular file, unreadable, or changes meanwhile.
    """
    with open_regular(path) as handle:
        status = os.fstat(handle.fileno())
        try:
            head = os.pread(handle.fileno(), QUICK_BYTES, 0)
            tail = os.pread(handle.fileno(), QUICK_BYTES, max(0, status.st_size - QUICK_BYTES))
        except OSError as error:
            raise refusal(path, error) from error
        quick = hashlib.sha256(status.st_size.to_bytes(8, "big") + head + tail)
        file = SourceFile(
            path=path,
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            inode=status.st_ino,
            device=status.st_dev,
            quick_hash=quick.digest(),
            format=(format_of_name(path.name) or format_of_bytes(head)).name,
            from_input=from_input,
        )
        unchanged(file, handle)
        return file


def content_hash(file: SourceFile) -> bytes:
    """Return the SHA-256 of the file's stored bytes, by reading it once.

    Raises:
        SourceError: It is gone, unreadable, or no longer the same file.
    """
    with open_regular(file.path) as handle:
        unchanged(file, handle)
        try:
            digest = hashlib.file_digest(handle, "sha256").digest()
        except OSError as error:
            raise refusal(file.path, error) from error
        unchanged(file, handle)
        return digest


def unchanged(file: SourceFile, handle: io.IOBase) -> None:
    """Check that an open file is still the one that was found, and that its path still leads to it.

    Raises:
        SourceError: Its size, time or inode differ, or another file has taken its name (`source.changed`).
    """
    found = (file.device, file.inode, file.size_bytes, file.mtime_ns)
    now = _identity(os.fstat(handle.fileno()))
    try:
        at_path = _identity(file.path.stat())
    except OSError as error:
        raise _changed(file, f"it is no longer there ({error.strerror})") from error
    if now[2] != found[2]:
        raise _changed(file, f"{found[2]} bytes became {now[2]}")
    if now != found:
        raise _changed(file, "it was written to" if now[:2] == found[:2] else "another file has its name now")
    if at_path[:2] != found[:2]:
        raise _changed(file, "another file has its name now")


def open_regular(path: Path) -> io.FileIO:
    """Open a regular file for reading; nothing else is ever opened, so a FIFO can't block.

    Raises:
        SourceError: It is missing, not a regular file, or unreadable.
    """
    try:
        _require_regular(path, path.stat().st_mode)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise refusal(path, error) from error
    handle = io.FileIO(descriptor, "rb")
    try:
        _require_regular(path, os.fstat(descriptor).st_mode)
    except SourceError:
        handle.close()
        raise
    return handle


def refusal(path: Path, error: OSError | ValueError) -> SourceError:
    """Say why the system wouldn't open or read `path`."""
    number = error.errno if isinstance(error, OSError) else errno.ENOENT
    if number in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return SourceError(
            f"{path}: there is no such file", code="source.not_found", next_step="check the name and the folder"
        )
    if number in (errno.EACCES, errno.EPERM):
        return SourceError(
            f"{path}: not readable by this user",
            code="source.unreadable",
            next_step=f"give the user read permission, for example: chmod a+r {path.name}",
        )
    return SourceError(
        f"{path}: reading failed: {error}",
        code="source.unreadable",
        next_step="check the disk or the network share",
        retryable=number in (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EMFILE, errno.ENFILE),
    )


def _require_regular(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise SourceError(
            f"{path}: a folder, not a file",
            code="source.folder",
            next_step="name its files, or put them into the input folder and name none",
        )
    if not stat.S_ISREG(mode):
        raise SourceError(
            f"{path}: a pipe, socket or device, not a file",
            code="source.not_a_file",
            next_step="write its contents to a file and name that",
        )


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _changed(file: SourceFile, how: str) -> SourceError:
    return SourceError(
        f"{file.path}: changed since it was found: {how}",
        code="source.changed",
        next_step="load it again once it is complete",
        retryable=True,
    )
