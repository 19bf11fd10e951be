"""Source formats: every built-in one gives the text back whole or fails, and a new one takes ten lines."""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
import zstandard

from engine.config import Settings
from engine.errors import SourceError
from engine.model import SourceFile
from engine.source import find, fingerprint, open_source, source_format

# More than one piece of 1 MiB, hard to compress in its first part and easy in its second.
TEXT = hashlib.shake_256(b"headrace").digest(700_000) + b"2024-01-01,Anna,1.50\n" * 70_000
SHORT = TEXT[:40_000] + TEXT[-40_000:]
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "csv.gz": gzip.compress,
    "csv.bz2": bz2.compress,
    "csv.xz": lzma.compress,
    "csv.zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
compressed = pytest.mark.parametrize("name", COMPRESSORS)


def stored(tmp_path: Path, name: str, content: bytes) -> SourceFile:
    path = tmp_path / f"a.{name}"
    path.write_bytes(content)
    return fingerprint(path)


def read_all(file: SourceFile, size: int = 300_000) -> bytes:
    with open_source(file) as opened:
        pieces = []
        while piece := opened.stream.read(size):
            pieces.append(piece)
        assert [len(piece) for piece in pieces[:-1]] == [size] * (len(pieces) - 1)
        return b"".join(pieces)


def test_plain_text_comes_through_with_its_hash_and_position(tmp_path: Path) -> None:
    file = stored(tmp_path, "csv", TEXT)
    with open_source(file) as opened:
        with pytest.raises(ValueError, match="every byte read"):
            opened.raw.digest()
        assert opened.stream.read(10) == TEXT[:10]
        assert opened.stream.position == 10
        assert opened.stream.read() == TEXT[10:]
        assert opened.stream.read(10) == b""
        assert (opened.raw.position, opened.raw.digest()) == (len(TEXT), hashlib.sha256(TEXT).digest())


def test_a_stream_works_as_a_standard_binary_file(tmp_path: Path) -> None:
    with open_source(stored(tmp_path, "csv", b"a,b\n1,2\n")) as opened:
        text = io.TextIOWrapper(io.BufferedReader(opened.stream), encoding="utf-8")
        assert list(csv.reader(text)) == [["a", "b"], ["1", "2"]]


def test_an_unhashed_pass_has_no_digest(tmp_path: Path) -> None:
    with open_source(stored(tmp_path, "csv", b"a"), hashed=False) as opened:
        opened.stream.read()
        with pytest.raises(ValueError, match="hashed=True"):
            opened.raw.hexdigest()


@pytest.mark.parametrize("size", [1, 7, 1 << 20, 3 << 20])
def test_reads_of_any_size_give_the_same_text(tmp_path: Path, size: int) -> None:
    text = TEXT if size > 7 else TEXT[-5_000:]
    assert read_all(stored(tmp_path, "csv.gz", gzip.compress(text)), size) == text


@compressed
def test_compressed_text_comes_through_and_the_stored_bytes_are_hashed(tmp_path: Path, name: str) -> None:
    content = COMPRESSORS[name](TEXT)
    with open_source(stored(tmp_path, name, content)) as opened:
        assert opened.stream.read() == TEXT
        assert (opened.raw.position, opened.raw.digest()) == (len(content), hashlib.sha256(content).digest())


@pytest.mark.parametrize("name", ["csv", "csv.gz"])
def test_what_is_read_ahead_is_the_same_text_and_is_left_at_any_place(tmp_path: Path, name: str) -> None:
    text = TEXT * 8
    content = COMPRESSORS[name](text) if name in COMPRESSORS else text
    file = stored(tmp_path, name, content)
    threads = threading.active_count()
    with open_source(file, read_ahead=True) as opened:
        assert opened.stream.read(10) == text[:10]
        assert threading.active_count() == threads + 1
        assert opened.stream.read() == text[10:]
        assert (opened.raw.position, opened.raw.digest()) == (len(content), hashlib.sha256(content).digest())
    with open_source(file, read_ahead=True) as opened:
        opened.stream.read(10)
    assert threading.active_count() == threads
    assert opened.raw.handle.closed


def test_what_is_damaged_is_told_behind_what_is_not(tmp_path: Path) -> None:
    text = hashlib.shake_256(b"dense").digest(3_000_000)
    with open_source(stored(tmp_path, "csv.gz", gzip.compress(text)[:-100_000]), read_ahead=True) as opened:
        assert opened.stream.read(2_000_000) == text[:2_000_000]
        with pytest.raises(SourceError) as caught:
            opened.stream.read()
    assert caught.value.code == "source.corrupt"


@compressed
def test_several_members_are_one_text(tmp_path: Path, name: str) -> None:
    parts = (SHORT[:5], b"", SHORT[5:50_000], SHORT[50_000:])
    assert read_all(stored(tmp_path, name, b"".join(map(COMPRESSORS[name], parts))), 30_000) == SHORT


@compressed
def test_an_empty_member_is_an_empty_text(tmp_path: Path, name: str) -> None:
    assert read_all(stored(tmp_path, name, COMPRESSORS[name](b""))) == b""


@compressed
@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.7, 0.99, -1, -4, -9])
def test_a_cut_file_never_passes(tmp_path: Path, name: str, members: int, kept: float) -> None:
    member = COMPRESSORS[name](SHORT)
    cut = int(len(member) * kept) if kept >= 0 else len(member) + int(kept)
    # Nothing at all of a second member is a whole file, so at least a byte of it is there.
    cut = max(cut, members - 1)
    file = stored(tmp_path, name, member * (members - 1) + member[:cut])
    with pytest.raises(SourceError) as caught:
        read_all(file)
    assert (caught.value.code, caught.value.retryable) == ("source.corrupt", False)
    assert str(file.path) in str(caught.value)


@compressed
@pytest.mark.parametrize("garbage", [b"x", b"garbage after the end", b"\0\0\0x", b"a,b\n" * 100_000])
def test_bytes_after_the_end_never_pass(tmp_path: Path, name: str, garbage: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read_all(stored(tmp_path, name, COMPRESSORS[name](SHORT) + garbage))
    assert caught.value.code == "source.corrupt"


@compressed
def test_a_flipped_bit_never_passes(tmp_path: Path, name: str) -> None:
    content = bytearray(COMPRESSORS[name](SHORT))
    content[len(content) // 2] ^= 0x10
    with pytest.raises(SourceError) as caught:
        read_all(stored(tmp_path, name, bytes(content)))
    assert caught.value.code == "source.corrupt"


def read_or_refused(file: SourceFile) -> bytes | str:
    try:
        return read_all(file)
    except SourceError as error:
        return error.code


@compressed
def test_damage_anywhere_is_told_or_changes_nothing(tmp_path: Path, name: str) -> None:
    """A flag or the time of gzip's header may be damaged unseen; every text that comes through is the right one."""
    text = b"".join(b"%d,name %d,%d.50\n" % (n, n, n) for n in range(40))
    whole = COMPRESSORS[name](text)
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 0xFF
        assert read_or_refused(stored(tmp_path, name, bytes(content))) in (text, "source.corrupt"), place


@compressed
def test_text_under_a_compressed_name_is_corrupt(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_all(stored(tmp_path, name, b"id,name\n1,Anna\n"))
    assert caught.value.code == "source.corrupt"


def test_zero_padding_passes_where_the_format_allows_it(tmp_path: Path) -> None:
    padded = lzma.compress(b"a\n") + b"\0" * 8 + lzma.compress(b"1\n") + b"\0" * 4
    assert read_all(stored(tmp_path, "csv.xz", padded)) == b"a\n1\n"
    assert read_all(stored(tmp_path, "csv.gz", gzip.compress(b"a\n") + b"\0" * 512)) == b"a\n"


def test_a_skippable_frame_between_zstandard_frames_is_skipped(tmp_path: Path) -> None:
    frame = COMPRESSORS["csv.zst"]
    skippable = struct.pack("<II", 0x184D2A50, 4) + b"note"
    assert read_all(stored(tmp_path, "csv.zst", frame(b"a\n") + skippable + frame(b"1\n") + skippable)) == b"a\n1\n"


@compressed
def test_a_bomb_is_read_in_bounded_pieces(tmp_path: Path, name: str) -> None:
    with open_source(stored(tmp_path, name, COMPRESSORS[name](bytes(16 << 20)))) as opened:
        assert opened.stream.read(100) == bytes(100)
        assert len(opened.stream._rest) <= 1 << 20


def test_a_new_format_takes_ten_lines(tmp_path: Path) -> None:
    @source_format("jsonl", suffixes=(".jsonl",))
    def open_jsonl(handle: BinaryIO) -> Iterator[bytes]:
        names: list[str] | None = None
        for line in handle:
            row, text = json.loads(line), io.StringIO()
            if names is None:
                names = list(row)
                csv.writer(text).writerow(names)
            csv.writer(text).writerow([row[name] for name in names])
            yield text.getvalue().encode()

    settings = Settings(data_dir=tmp_path)
    settings.input_dir.mkdir()
    path = settings.input_dir / "people.jsonl"
    path.write_text('{"id": 1, "name": "Anna, B."}\n{"id": 2, "name": "Ole"}\n')
    (file,) = find([path], settings, ()).files
    assert (file.format, read_all(file)) == ("jsonl", b'id,name\r\n1,"Anna, B."\r\n2,Ole\r\n')
    path.write_text('{"id": 1}\nnot json\n')
    with pytest.raises(SourceError, match="jsonl after 7 bytes"):
        read_all(fingerprint(path))


def test_a_suffix_belongs_to_one_format() -> None:
    with pytest.raises(ValueError, match=r"\.csv belongs to csv"):
        source_format("other", suffixes=(".csv",))


def test_a_format_that_is_not_registered_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.touch()
    known = fingerprint(path)
    unknown = SourceFile(
        path=known.path,
        size_bytes=known.size_bytes,
        mtime_ns=known.mtime_ns,
        inode=known.inode,
        device=known.device,
        quick_hash=known.quick_hash,
        format="csv.unknown",
    )
    with pytest.raises(SourceError) as caught:
        open_source(unknown)
    assert caught.value.code == "source.format"
