"""Source: which files are taken, when they are complete, and how they are told apart."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import Feed, Settings
from engine.errors import SourceError
from engine.source import content_hash, find, fingerprint, open_source, unchanged

LONG_AGO = 3_600


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", settle_s=0.1)


def put(settings: Settings, name: str, content: bytes = b"a,b\n1,2\n", age_s: float = LONG_AGO) -> Path:
    settings.input_dir.mkdir(parents=True, exist_ok=True)
    path = settings.input_dir / name
    path.write_bytes(content)
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def codes(problems: tuple[tuple[Path, Exception], ...]) -> list[tuple[str, str]]:
    return [(path.name, getattr(error, "code", "")) for path, error in problems]


def test_a_missing_input_folder_is_made_and_empty(settings: Settings) -> None:
    found = find(None, settings, ())
    assert (found.files, settings.input_dir.is_dir()) == ((), True)


def test_an_input_folder_that_is_a_file_is_an_error(settings: Settings) -> None:
    settings.data_dir.mkdir()
    settings.input_dir.write_text("")
    with pytest.raises(SourceError) as caught:
        find(None, settings, ())
    assert caught.value.code == "source.input_folder"


def test_waiting_files_come_sorted_by_name_and_with_their_format(settings: Settings) -> None:
    for name in ("b.csv", "a.TSV", "c.csv.gz", "d.txt.zst"):
        put(settings, name)
    found = find(None, settings, ())
    expected = [("a.TSV", "csv"), ("b.csv", "csv"), ("c.csv.gz", "csv.gz"), ("d.txt.zst", "csv.zst")]
    assert expected == [(file.name, file.format) for file in found.files]
    assert all(file.from_input for file in found.files)


def test_unfinished_names_and_markers_are_passed_over(settings: Settings) -> None:
    names = (".hidden.csv", "a.csv~", "a.csv.tmp", "a.csv.part", "a.csv.partial", "a.csv.filepart", "a.CSV.CRDOWNLOAD")
    for name in (*names, "a.csv", "a.csv.done"):
        put(settings, name)
    found = find(None, settings, (Feed(name="f", pattern="*.csv", done_marker=".done"),))
    assert ([file.name for file in found.files], found.skipped, found.problems) == (["a.csv"], (), ())


def test_what_no_format_reads_is_skipped_with_a_reason_unless_a_feed_claims_it(settings: Settings) -> None:
    put(settings, "book.xlsx")
    put(settings, "export.dat")
    put(settings, "README")
    (settings.input_dir / "sub.csv").mkdir()
    found = find(None, settings, (Feed(name="f", pattern="export.*"),))
    assert [file.name for file in found.files] == ["export.dat"]
    assert [item.path.name for item in found.skipped] == ["README", "book.xlsx", "sub.csv"]
    assert ".xlsx" in found.skipped[1].reason


def test_a_symbolic_link_in_the_input_folder_is_a_problem(settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.csv"
    target.write_bytes(b"a\n1\n")
    put(settings, "ok.csv")
    (settings.input_dir / "link.csv").symlink_to(target)
    found = find(None, settings, ())
    assert ([file.name for file in found.files], codes(found.problems)) == (
        ["ok.csv"],
        [("link.csv", "source.symlink")],
    )


def test_one_bad_name_does_not_stop_the_others(settings: Settings, tmp_path: Path) -> None:
    good = tmp_path / "good.csv"
    good.write_bytes(b"a\n1\n")
    os.mkfifo(tmp_path / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "sock.csv"))
    names = ["missing.csv", "pipe.csv", "sock.csv", "good.csv", "."]
    found = find([tmp_path / name for name in [*names, "good.csv"]], settings, ())
    assert [file.path for file in found.files] == [good]
    assert [error.code for _, error in found.problems] == [
        "source.not_found",
        "source.not_a_file",
        "source.not_a_file",
        "source.folder",
    ]


def test_a_file_that_cannot_be_read_is_a_problem_worth_a_retry_only_where_that_helps() -> None:
    # Opens, but reading its first bytes is an input/output error.
    with pytest.raises(SourceError) as caught:
        fingerprint(Path("/proc/self/mem"))
    assert (caught.value.code, caught.value.retryable) == ("source.unreadable", True)


def test_named_files_are_taken_at_once_in_their_order(settings: Settings, tmp_path: Path) -> None:
    paths = [tmp_path / "b.csv", tmp_path / "a.dat"]
    for path in paths:
        path.write_bytes(b"a\n1\n")
    slow = settings.model_copy(update={"settle_s": 60.0})
    began = time.perf_counter()
    found = find(paths, slow, ())
    assert time.perf_counter() - began < 5
    assert [(file.path, file.format, file.from_input) for file in found.files] == [(p, "csv", False) for p in paths]


def test_a_named_file_in_the_input_folder_is_from_there(settings: Settings) -> None:
    path = put(settings, "a.csv")
    found = find([path], settings, ())
    assert [file.from_input for file in found.files] == [True]


def test_a_named_link_is_followed(settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "target.csv"
    target.write_bytes(b"a\n1\n")
    link = tmp_path / "link.csv"
    link.symlink_to(target)
    found = find([link], settings, ())
    assert [(file.path, file.inode) for file in found.files] == [(link, target.stat().st_ino)]


def test_a_file_without_a_known_suffix_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(b"\x1f\x8b\x08rest")
    assert fingerprint(path).format == "csv.gz"


def test_a_name_that_is_not_utf_8_is_a_problem(settings: Settings) -> None:
    put(settings, os.fsdecode(b"caf\xe9.csv"))
    found = find(None, settings, ())
    assert codes(found.problems) == [("caf\\xe9.csv", "source.name")]


def test_files_that_stood_still_for_long_need_no_wait(settings: Settings) -> None:
    put(settings, "a.csv")
    patient = settings.model_copy(update={"settle_s": 30.0})
    began = time.perf_counter()
    assert [file.name for file in find(None, patient, ()).files] == ["a.csv"]
    assert time.perf_counter() - began < 5


def test_fresh_files_share_one_wait(settings: Settings) -> None:
    for number in range(10):
        put(settings, f"{number}.csv", age_s=0)
    patient = settings.model_copy(update={"settle_s": 0.3})
    began = time.perf_counter()
    assert len(find(None, patient, ()).files) == 10
    assert 0.3 <= time.perf_counter() - began < 1.5


def test_a_growing_file_waits_and_the_others_do_not(settings: Settings) -> None:
    growing = put(settings, "growing.csv", age_s=0)
    put(settings, "still.csv", age_s=0)
    stop = threading.Event()

    def grow() -> None:
        with growing.open("ab") as handle:
            while not stop.wait(0.02):
                handle.write(b"3,4\n")
                handle.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        found = find(None, settings, ())
    finally:
        stop.set()
        writer.join()
    assert [file.name for file in found.files] == ["still.csv"]
    assert [(item.path.name, item.reason) for item in found.waiting] == [
        ("growing.csv", "still being written: it changed within 0.1 s")
    ]
    assert [file.name for file in find(None, settings, ()).files] == ["growing.csv", "still.csv"]


def test_a_time_in_the_future_needs_two_equal_looks_and_no_more(settings: Settings) -> None:
    put(settings, "a.csv", age_s=-LONG_AGO)
    assert [file.name for file in find(None, settings, ()).files] == ["a.csv"]


def test_a_feed_has_its_own_settling_time(settings: Settings) -> None:
    put(settings, "a.csv", age_s=0)
    began = time.perf_counter()
    find(None, settings.model_copy(update={"settle_s": 30.0}), (Feed(name="f", pattern="a*", settle_s=0.0),))
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("marker_age_s", "ready", "reason"),
    [
        (None, [], "its marker a.csv.done is not there yet"),
        (0.0, ["a.csv"], None),
        (LONG_AGO + 1.0, [], "its marker a.csv.done is older than a.csv; write the marker last"),
    ],
)
def test_a_marker_alone_says_that_a_file_is_complete(
    settings: Settings, marker_age_s: float | None, ready: list[str], reason: str | None
) -> None:
    put(settings, "a.csv")
    if marker_age_s is not None:
        put(settings, "a.csv.done", b"", age_s=marker_age_s)
    feed = Feed(name="f", pattern="*.csv", done_marker=".done", settle_s=60.0)
    found = find(None, settings, (feed,))
    assert [file.name for file in found.files] == ready
    assert [item.reason for item in found.waiting] == ([reason] if reason else [])


def test_a_quick_hash_sees_size_first_and_last_mebibyte(tmp_path: Path) -> None:
    content = bytearray(os.urandom(3 << 20))
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    head_tail = content[: 1 << 20] + content[-(1 << 20) :]
    expected = hashlib.sha256(len(content).to_bytes(8, "big") + head_tail).digest()
    assert fingerprint(path).quick_hash == expected
    content[-1] ^= 1
    path.write_bytes(content)
    assert fingerprint(path).quick_hash != expected


def test_a_content_hash_covers_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * (3 << 20))
    assert content_hash(fingerprint(path)) == hashlib.sha256(b"x" * (3 << 20)).digest()


def test_an_empty_file_has_a_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.touch()
    assert fingerprint(path).size_bytes == 0


def _append(path: Path) -> None:
    with path.open("ab") as handle:
        handle.write(b"more\n")


def _touch(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def _replace(path: Path) -> None:
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize(
    "change", [_append, _touch, _replace, Path.unlink], ids=["append", "touch", "replace", "unlink"]
)
def test_a_file_that_changes_while_open_is_noticed(tmp_path: Path, change: Callable[[Path], object]) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n1\n")
    file = fingerprint(path)
    with open_source(file) as opened:
        opened.unchanged()
        change(path)
        with pytest.raises(SourceError) as caught:
            unchanged(file, opened.raw.handle)
    assert (caught.value.code, caught.value.retryable) == ("source.changed", True)


def test_a_file_that_changed_before_it_is_opened_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n1\n")
    file = fingerprint(path)
    _append(path)
    for attempt in (open_source, content_hash):
        with pytest.raises(SourceError) as caught:
            attempt(file)
        assert caught.value.code == "source.changed"
