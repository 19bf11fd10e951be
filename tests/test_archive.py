"""Archive: a file is always at one of two places whole, nothing is overwritten, and only what is ours expires."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from engine.archive import archive, expire
from engine.errors import ArchiveError
from engine.model import SourceFile

NOW = datetime(2025, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
CONTENT = b"a,b\n1,2\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = f"a.20250304T050607.000089Z.{SHA256[:12]}.csv"


def source(path: Path, content: bytes = CONTENT, file_format: str = "csv") -> SourceFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    status = path.stat()
    return SourceFile(
        path=path,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        inode=status.st_ino,
        device=status.st_dev,
        quick_hash=hashlib.sha256(b"quick").digest(),
        format=file_format,
        from_input=True,
    )


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on another file system."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - another file system is what is wanted
    if not shared_memory.is_dir() or shared_memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second file system to archive to")
    with tempfile.TemporaryDirectory(dir=shared_memory) as folder:
        yield Path(folder) / "archive"


@pytest.fixture(params=["here", "elsewhere"])
def archive_dir(request: pytest.FixtureRequest) -> Path:
    """Give an archive on the same file system and one on another."""
    folder: Path = request.getfixturevalue(request.param)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def move(file: SourceFile, archive_dir: Path, now: datetime = NOW, sha256: str | None = SHA256) -> Path:
    return archive(file, archive_dir, feed=None, sha256=sha256, now=now)


def test_a_file_moves_to_its_day_with_time_and_hash_in_its_name(tmp_path: Path, archive_dir: Path) -> None:
    file = source(tmp_path / "input/a.csv")
    os.utime(file.path, ns=(1, file.mtime_ns))
    file.path.chmod(0o640)
    place = archive(file, archive_dir, feed="sales", sha256=SHA256, now=NOW)
    assert place == archive_dir / "sales/2025/03/04" / NAME
    assert (place.read_bytes(), names(tmp_path / "input")) == (CONTENT, [])
    assert (place.stat().st_mtime_ns, place.stat().st_mode & 0o777) == (file.mtime_ns, 0o640)
    assert names(archive_dir) == [f"sales/2025/03/04/{NAME}"]


def test_the_time_in_the_name_is_utc(tmp_path: Path, here: Path) -> None:
    later = datetime(2025, 3, 4, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    place = move(source(tmp_path / "a.csv"), here, later)
    assert str(place.relative_to(here)).startswith("files/2025/03/03/a.20250303T223000.000000Z.")


@pytest.mark.parametrize(
    ("name", "file_format", "expected"),
    [
        ("a.b.csv.gz", "csv.gz", "a.b.{}.csv.gz"),
        ("a.b.CSV", "csv", "a.b.{}.CSV"),
        ("export", "csv", "export.{}"),
        ("v1. a long remark with many words after it, and no suffix", "csv", None),
        ("ü" * 125 + ".csv", "csv", "ü" * 104 + ".{}.csv"),
        ("[a]*?.csv", "csv", "[a]*?.{}.csv"),
        ("-rf .csv", "csv", "-rf .{}.csv"),
    ],
)
def test_names_keep_stem_and_suffix_as_far_as_there_is_room(
    tmp_path: Path, here: Path, name: str, file_format: str, expected: str | None
) -> None:
    file = source(tmp_path / name, file_format=file_format)
    place = move(file, here, sha256=None)
    middle = f"20250304T050607.000089Z.{file.quick_hash.hex()[:12]}"
    assert place.name == (expected or name + ".{}").format(middle)
    assert move(file, here, sha256=None) == place


@pytest.mark.parametrize(
    ("feed", "folder"), [(None, "files"), ("a/../b", "a_.._b"), ("..", "files"), ("été 1", "été_1")]
)
def test_a_feed_has_a_folder_of_its_own_inside_the_archive(
    tmp_path: Path, here: Path, feed: str | None, folder: str
) -> None:
    place = archive(source(tmp_path / "a.csv"), here, feed=feed, sha256=None, now=NOW)
    assert place.parent == here / folder / "2025/03/04"


def test_an_archived_file_is_never_overwritten(tmp_path: Path, archive_dir: Path) -> None:
    first = move(source(tmp_path / "a.csv"), archive_dir)
    second = source(tmp_path / "a.csv", b"other")
    with pytest.raises(ArchiveError) as caught:
        move(second, archive_dir, sha256=SHA256)
    assert (caught.value.code, first.read_bytes(), second.path.read_bytes()) == ("archive.failed", CONTENT, b"other")


def test_the_same_file_twice_is_two_files_in_the_archive(tmp_path: Path, archive_dir: Path) -> None:
    for second in range(2):
        move(source(tmp_path / "a.csv"), archive_dir, NOW + timedelta(seconds=second))
    assert len(names(archive_dir)) == 2


def test_a_new_file_with_the_same_name_stays(tmp_path: Path, archive_dir: Path) -> None:
    file = source(tmp_path / "input/a.csv")
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").replace(file.path)
    with pytest.raises(ArchiveError) as caught:
        move(file, archive_dir)
    assert (caught.value.code, file.path.read_bytes(), names(archive_dir)) == ("archive.changed", b"new", [])


def test_a_file_that_was_written_to_stays(tmp_path: Path, archive_dir: Path) -> None:
    file = source(tmp_path / "input/a.csv")
    file.path.write_bytes(CONTENT + b"3,4\n")
    with pytest.raises(ArchiveError) as caught:
        move(file, archive_dir)
    assert (caught.value.code, names(archive_dir), names(tmp_path / "input")) == ("archive.changed", [], ["a.csv"])


def test_a_link_is_not_archived(tmp_path: Path, archive_dir: Path) -> None:
    file = source(tmp_path / "real.csv")
    file.path.rename(tmp_path / "moved.csv")
    file.path.symlink_to(tmp_path / "moved.csv")
    with pytest.raises(ArchiveError) as caught:
        move(file, archive_dir)
    assert (caught.value.code, file.path.is_symlink()) == ("archive.link", True)


def test_a_copy_that_is_not_what_was_loaded_is_not_kept(tmp_path: Path, elsewhere: Path) -> None:
    file = source(tmp_path / "a.csv")
    with pytest.raises(ArchiveError) as caught:
        move(file, elsewhere, sha256="0" * 64)
    assert (caught.value.code, file.path.exists(), names(elsewhere)) == ("archive.copy", True, [])


def test_a_call_that_is_repeated_returns_the_same_place(tmp_path: Path, archive_dir: Path) -> None:
    file = source(tmp_path / "a.csv")
    place = move(file, archive_dir)
    assert move(file, archive_dir, NOW + timedelta(days=3)) == place


def test_a_file_that_is_nowhere_is_an_error(tmp_path: Path, here: Path) -> None:
    file = source(tmp_path / "a.csv")
    file.path.unlink()
    with pytest.raises(ArchiveError) as caught:
        move(file, here)
    assert caught.value.code == "archive.missing"


def test_a_marker_moves_along_even_when_the_file_went_before(tmp_path: Path, archive_dir: Path) -> None:
    file = source(tmp_path / "input/a.csv")
    place = move(file, archive_dir)
    marker = tmp_path / "input/a.csv.done"
    marker.write_text("rows=1")
    again = archive(file, archive_dir, feed=None, sha256=SHA256, now=NOW, done_marker=".done")
    assert (again, names(tmp_path / "input")) == (place, [])
    assert place.with_name(NAME + ".done").read_text() == "rows=1"


def test_a_full_disk_leaves_the_file_where_it_is(tmp_path: Path, elsewhere: Path) -> None:
    file = source(tmp_path / "a.csv", bytes(300_000))
    # The largest size of a file is a limit of the process; past it the system says that the file is too large.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ArchiveError) as caught:
            move(file, elsewhere, sha256=None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert (caught.value.code, file.path.stat().st_size, names(elsewhere)) == ("archive.failed", 300_000, [])


def test_a_file_system_without_room_is_said_to_be_full(tmp_path: Path) -> None:
    mount = tmp_path / "full"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user can't mount a small file system")
    try:
        file = source(tmp_path / "a.csv", bytes(300_000))
        with pytest.raises(ArchiveError) as caught:
            move(file, mount, sha256=None)
        assert (caught.value.code, caught.value.retryable) == ("archive.disk_full", True)
        assert (file.path.stat().st_size, names(mount)) == (300_000, [])
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_an_archive_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")
    file = source(tmp_path / "a.csv")
    with pytest.raises(ArchiveError) as caught:
        move(file, tmp_path / "archive")
    assert (caught.value.code, file.path.exists()) == ("archive.failed", True)


KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from engine.archive import archive
from engine.model import SourceFile
path, folder, fatal = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
seen = 0

def kill(event, arguments):
    global seen
    if event.startswith(("os.", "open")) and any(str(path.parent) in str(a) or str(folder) in str(a) for a in arguments):
        seen += 1
        if seen == fatal:
            import signal, os
            os.kill(os.getpid(), signal.SIGKILL)

status = path.stat()
file = SourceFile(path=path, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino,
                  device=status.st_dev, quick_hash=bytes(32), format="csv")
sys.addaudithook(kill)
archive(file, folder, feed=None, sha256=None, now=datetime(2025, 3, 4, tzinfo=UTC))
print("survived", seen)
"""


def test_a_kill_at_any_point_loses_nothing_and_the_next_call_completes(tmp_path: Path, archive_dir: Path) -> None:
    """Kills the process before each of its calls to the system in turn, until one run survives."""
    for fatal in range(1, 60):
        folder = archive_dir / str(fatal)
        file = source(tmp_path / f"input{fatal}/a.csv")
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(file.path), str(folder), str(fatal)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        whole = [path for path in (*folder.rglob("*.csv"), file.path) if path.exists() and path.read_bytes() == CONTENT]
        hidden = [path for path in file.path.parent.glob(".*") if path.read_bytes() == CONTENT]
        assert whole or hidden, fatal
        if done.returncode == 0:
            assert "survived" in done.stdout
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        place = archive(
            SourceFile(**{name: getattr(file, name) for name in file.__slots__} | {"quick_hash": bytes(32)}),
            folder,
            feed=None,
            sha256=None,
            now=NOW,
        )
        assert (place.read_bytes(), names(file.path.parent)) == (CONTENT, [])
    else:
        pytest.fail("no run survived")


def test_what_is_older_than_the_retention_expires_and_nothing_else(tmp_path: Path) -> None:
    old, new = NOW - timedelta(days=31), NOW - timedelta(days=29)
    ours = [move(source(tmp_path / f"{n}.csv"), tmp_path / "archive", when) for n, when in enumerate((old, new))]
    rejects = tmp_path / "archive" / ours[0].with_suffix(".errors.jsonl").name
    rejects.touch()
    foreign = [
        "notes.csv",
        "a.20200101.csv",
        "a.20200101T000000.000000Z.csv",
        "a.20209901T000000.000000Z.0123456789ab.csv",
    ]
    for name in foreign:
        (tmp_path / "archive" / name).touch()
        os.utime(tmp_path / "archive" / name, (0, 0))
    outside = tmp_path / "outside"
    outside.mkdir()
    precious = outside / ours[0].name
    precious.touch()
    (tmp_path / "archive/way-out").symlink_to(outside)
    link = tmp_path / "archive" / f"link.{old:%Y%m%dT%H%M%S.%fZ}.0123456789ab.csv"
    link.symlink_to(precious)
    assert expire(tmp_path / "archive", 30, NOW) == sorted([ours[0], rejects])
    assert [path.exists() for path in (ours[0], ours[1], rejects, precious)] == [False, True, False, True]
    assert link.is_symlink()
    assert all((tmp_path / "archive" / name).exists() for name in foreign)


def test_a_folder_that_is_not_there_has_nothing_to_expire(tmp_path: Path) -> None:
    assert expire(tmp_path / "archive", 1, NOW) == []


def test_what_a_killed_call_left_is_cleared_away_by_the_next(tmp_path: Path, archive_dir: Path) -> None:
    day = archive_dir / "files/2025/03/03"
    day.mkdir(parents=True)
    reserved = day / NAME.replace("0304T", "0303T")
    reserved.touch()
    (day / f".{reserved.name}.part").write_bytes(CONTENT[:3])
    others = [
        day / f"b.20250303T000000.000000Z.{SHA256[:12]}.csv",
        day / ".b.20250303T000000.000000Z.0123456789ab.csv.part",
    ]
    for other in others:
        other.touch()
    file = source(tmp_path / "input/a.csv")
    place = archive(file, archive_dir, feed=None, sha256=SHA256, now=NOW, again=True)
    assert sorted(path for path in archive_dir.rglob("*") if path.is_file()) == sorted([*others, place])
    assert place.read_bytes() == CONTENT


def test_a_copy_that_a_killed_call_had_made_counts(tmp_path: Path, archive_dir: Path) -> None:
    file = source(tmp_path / "input/a.csv")
    copy = archive_dir / "files/2025/03/03" / NAME.replace("0304T", "0303T")
    copy.parent.mkdir(parents=True)
    shutil.copy2(file.path, copy)
    assert archive(file, archive_dir, feed=None, sha256=SHA256, now=NOW, again=True) == copy
    assert (copy.read_bytes(), names(tmp_path / "input")) == (CONTENT, [])


@pytest.mark.parametrize("content", [CONTENT, CONTENT.replace(b"2", b"3")])
def test_an_older_file_in_the_archive_is_no_copy_of_a_new_one(
    tmp_path: Path, archive_dir: Path, content: bytes
) -> None:
    """Neither the same bytes that arrive once more, with a time of their own, nor others of the same time and hash."""
    file = source(tmp_path / "input/a.csv")
    older = archive_dir / "files/2025/03/03" / NAME.replace("0304T", "0303T")
    older.parent.mkdir(parents=True)
    older.write_bytes(content)
    os.utime(older, ns=(file.mtime_ns, file.mtime_ns - (content == CONTENT)))
    place = archive(file, archive_dir, feed=None, sha256=SHA256, now=NOW, again=True)
    assert place != older
    assert (place.read_bytes(), older.read_bytes(), names(tmp_path / "input")) == (CONTENT, content, [])
