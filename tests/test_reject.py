"""Rejects are data: the source's own text in a CSV that loads once it's corrected, and the reasons in JSON Lines."""

from __future__ import annotations

import base64
import dataclasses
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine import Feed, FileStatus, Settings, ingest_files
from engine.errors import RejectError
from engine.model import Dialect, Mode, Reject, RejectClass
from engine.reject import Origin, RejectFile, read_origin
from tests.fix_mysql import Mysql
from tests.test_pipeline_modes import SALES_HEADER, only, write


def reject(raw: bytes, *, line: int = 2, column: str | None = None, message: str = "short") -> Reject:
    return Reject(
        line=line,
        byte_start=10 * line,
        byte_end=10 * line + len(raw) + 1,
        reject_class=RejectClass.TYPE if column else RejectClass.PARSE,
        code="type.integer" if column else "parse.short_row",
        message=message,
        raw=raw,
        column=column,
    )


ORIGIN = Origin(
    source=Path("in/x.csv"),
    dialect=Dialect(),
    names=("a", "b"),
    file_id=uuid.UUID(int=7),
    attempt=2,
    run_id="r",
    started_at=datetime(2026, 3, 1, tzinfo=UTC),
    table="t",
    mode=Mode.APPEND,
    feed=Feed.model_validate({"name": "x", "null": ["-"], "max_rejects": "1%", "columns": {"a": {"minimum": 1}}}),
    formats={"b": ("%d/%m/%Y",)},
)


def rejects(folder: Path, dialect: Dialect | None = None, header: bytes = b"a,b\n") -> RejectFile:
    origin = dataclasses.replace(ORIGIN, dialect=dialect or Dialect())
    return RejectFile(folder, "x.1", origin=origin, header=header)


def entries(file: RejectFile) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.errors_path.read_text().splitlines()]


def test_both_files_tell_the_same_rows(tmp_path: Path) -> None:
    with rejects(tmp_path / "rejects") as file:
        file.write(reject(b"1", line=7))
        file.write(reject(b'x,"2\n3"', line=3, column="a", message="'x' is no integer"))
    assert file.path.read_bytes() == b'a,b\n1\nx,"2\n3"\n'
    scan, first, second = entries(file)
    assert (scan["source"], scan["table"], scan["delimiter"], scan["quote_char"]) == ("in/x.csv", "t", ",", '"')
    assert first["raw"] == "1"
    assert second == {
        "line": 3,
        "byte_start": 30,
        "byte_end": 38,
        "column": "a",
        "class": "type",
        "code": "type.integer",
        "message": "'x' is no integer",
        "raw": 'x,"2\n3"',
    }
    assert (file.count, file.by_class, file.by_column) == (2, {"parse": 1, "type": 1}, {"a": 1})
    assert file.first is not None
    assert file.first.line == 3


@pytest.mark.parametrize(
    "dialect",
    [
        Dialect(),
        Dialect(encoding="utf-16-le", bom_bytes=2, delimiter="||", quote_char=None, escape_char="\\", line_end="any"),
        Dialect(header=False, skip_lines=3, null_tokens=("-", "", "\x1b[2J"), line_end="\r", quote_char="'"),
    ],
)
def test_the_first_line_of_the_reasons_says_all_that_reading_the_rows_again_takes(
    tmp_path: Path, dialect: Dialect
) -> None:
    with rejects(tmp_path, dialect) as file:
        file.write(reject(b"1"))
    assert read_origin(file.errors_path) == dataclasses.replace(ORIGIN, dialect=dialect)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "Expecting value"),
        (b"[1]\n", "list indices"),
        (b"{}\n", "lacks 'version'"),
        (b'{"version": 2}\n', "version 2"),
        (b"\xff\n", "utf-8"),
    ],
)
def test_reasons_that_are_none_of_the_engine_s_are_foreign(tmp_path: Path, text: bytes, reason: str) -> None:
    path = tmp_path / "x.errors.jsonl"
    path.write_bytes(text)
    with pytest.raises(RejectError, match=reason) as caught:
        read_origin(path)
    assert caught.value.code == "reject.foreign"


def test_no_rejects_no_files(tmp_path: Path) -> None:
    with rejects(tmp_path / "rejects"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_taken_back_and_written_again(tmp_path: Path) -> None:
    with rejects(tmp_path) as file:
        file.write(reject(b"1"))
        file.remove()
        assert (list(tmp_path.iterdir()), file.count, file.first) == ([], 0, None)
        file.write(reject(b"2"))
    assert file.path.read_bytes() == b"a,b\n2\n"


def test_bytes_that_are_no_text_stay_as_they_are(tmp_path: Path) -> None:
    with rejects(tmp_path) as file:
        file.write(reject(b"1,\xff\xfe"))
    assert file.path.read_bytes() == b"a,b\n1,\xff\xfe\n"
    entry = entries(file)[1]
    assert "raw" not in entry
    assert base64.b64decode(str(entry["raw_base64"])) == b"1,\xff\xfe"


@pytest.mark.parametrize(("encoding", "mark"), [("utf-16-le", 2), ("utf-8", 3), ("cp1252", 0), ("utf-16-be", 2)])
def test_the_csv_is_in_the_source_s_encoding(tmp_path: Path, encoding: str, mark: int) -> None:
    with rejects(tmp_path, Dialect(encoding=encoding, bom_bytes=mark), "ä,b\r\n".encode()) as file:
        file.write(reject("é€".encode()))
    text = ("\ufeff" if mark else "") + "ä,b\r\né€\r\n"
    assert file.path.read_bytes() == text.encode(encoding)
    assert entries(file)[1]["raw"] == "é€"


@pytest.mark.parametrize(
    ("dialect", "header", "raw", "text"),
    [
        (Dialect(), b"a,b\r\n", b"1", b"a,b\r\n1\r\n"),
        (Dialect(line_end="\r"), b"a,b\r", b"1", b"a,b\r1\r"),
        (Dialect(), b"a,b\n", b"1,2,3\r", b"a,b\n1,2,3\r\r\n"),
        (Dialect(header=False), b"", b"1", b"1\n"),
        (Dialect(skip_lines=1), b"made on Monday\na,b\n", b"1", b"made on Monday\na,b\n1\n"),
    ],
)
def test_line_ends_and_what_stands_above_are_the_source_s(
    tmp_path: Path, dialect: Dialect, header: bytes, raw: bytes, text: bytes
) -> None:
    with rejects(tmp_path, dialect, header) as file:
        file.write(reject(raw))
    assert file.path.read_bytes() == text


def test_formulas_and_terminal_commands_stay_in_the_csv_and_are_harmless_in_the_json(tmp_path: Path) -> None:
    evil = "=cmd|' /C calc'!A0,\x1b[2J\x9b31m\x07\x7f\u202e\u2066\u2028"
    with rejects(tmp_path) as file:
        file.write(reject(evil.encode(), message=f"bad {evil}"))
    assert file.path.read_bytes() == b"a,b\n" + evil.encode() + b"\n"
    written = file.errors_path.read_bytes().decode()
    assert not [char for char in written if ord(char) < 32 and char != "\n"]
    assert not set(written) & set("\x7f\x9b\u202e\u2066\u2028")
    assert entries(file)[1]["raw"] == evil


def test_a_folder_that_can_t_be_written_is_an_error_that_may_pass(tmp_path: Path) -> None:
    (tmp_path / "rejects").write_text("in the way")
    with rejects(tmp_path / "rejects") as file, pytest.raises(RejectError) as caught:
        file.write(reject(b"1"))
    assert (caught.value.code, caught.value.retryable) == ("reject.write", True)


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    # /dev/full answers every write as a full disk does.
    (tmp_path / "x.1.csv").symlink_to("/dev/full")
    with pytest.raises(RejectError, match=r"x\.1\.csv"), rejects(tmp_path) as file:
        file.write(reject(b"1" * 100_000))


def test_a_disk_that_fills_up_at_the_last_row_is_an_error_too(tmp_path: Path) -> None:
    (tmp_path / "x.1.csv").symlink_to("/dev/full")
    file = rejects(tmp_path)
    file.write(reject(b"1"))
    with pytest.raises(RejectError, match="No space left"):
        file.close()
    file.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_corrected_rejects_load_as_they_are(
    settings: Settings, mysql: Mysql, tmp_path: Path, encoding: str, line_end: str
) -> None:
    rows = ["T1,C1,Île,x,1.00,2024-01-01,N", 'T2,C2,"two\nlines",2,2.00,2024-01-02,é', "T3,C3,short,3"]
    text = SALES_HEADER + "".join(row + "\n" for row in rows)
    path = tmp_path / "sales_1.csv"
    path.write_bytes(text.replace("\n", line_end).encode(encoding))
    options = {"encoding": encoding}
    file = only(ingest_files([path], settings, overrides={"max_rejects": 2, **options}))
    assert (file.error, file.status, file.rows_loaded, file.rows_rejected) == (None, FileStatus.LOADED, 1, 2)
    assert file.rejects_path is not None
    left = file.rejects_path.read_bytes().decode(encoding)
    assert left == (SALES_HEADER + rows[0] + "\n" + rows[2] + "\n").replace("\n", line_end)
    corrected = left.replace(",x,", ",1,").replace("short,3", "whole,3,3.00,2024-01-03,S")
    again = tmp_path / "sales_2.csv"
    again.write_bytes(corrected.encode(encoding))
    file = only(ingest_files([again], settings, overrides=options))
    assert (file.status, file.rows_loaded, file.rows_rejected) == (FileStatus.LOADED, 2, 0)
    assert mysql.rows(
        "SELECT transaction_id, product_name, quantity, region FROM sales_data ORDER BY transaction_id"
    ) == [
        ("T1", "Île", 1, "N"),
        ("T2", "two\nlines".replace("\n", line_end), 2, "é"),
        ("T3", "whole", 3, "S"),
    ]


def test_corrected_rejects_of_a_file_with_lines_above_its_header_load_as_they_are(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", "made on Monday\n\nid;name\n1;x\n2\n3;z\n")
    options = {"skip_lines": 1, "delimiter": ";"}
    file = only(ingest_files([path], settings, table="t", overrides={"max_rejects": 1, **options}))
    assert file.rejects_path is not None
    left = file.rejects_path.read_text()
    assert left == "made on Monday\n\nid;name\n2\n"
    again = write(tmp_path / "b.csv", left.replace("2\n", "2;y\n"))
    assert only(ingest_files([again], settings, table="t", overrides=options)).rows_loaded == 1
    assert mysql.rows("SELECT id, name FROM t ORDER BY id") == [(1, "x"), (2, "y"), (3, "z")]
