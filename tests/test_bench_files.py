"""The files of the bench: the same bytes every time, of the shape that their tables have; cut in two between records."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.files.prose import prose_file
from bench.files.sales import sales_file
from bench.files.small import small_files
from bench.files.wide import wide_file
from bench.splitting import halves, record_end
from bench.workloads import PROSE, SALES, WIDE, Workload

ROWS = 300


def records(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(("workload", "make"), [(SALES, sales_file), (WIDE, wide_file), (PROSE, prose_file)])
def test_a_file_is_the_same_every_time_and_has_its_table_s_columns(
    tmp_path: Path, workload: Workload, make: Callable[[int, Path], Path]
) -> None:
    first, second = (make(ROWS, tmp_path / name) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    header, *rows = records(first)
    assert header == list(workload.columns)
    assert (len(rows), {len(row) for row in rows}) == (ROWS, {len(header)})
    # A file that is there is used again.
    made = first.stat().st_mtime_ns
    assert make(ROWS, tmp_path / "a").stat().st_mtime_ns == made


def test_what_the_files_are_for_is_in_them(tmp_path: Path) -> None:
    cells = [cell for row in records(prose_file(ROWS, tmp_path))[1:] for cell in row]
    for mark in ('"', "\n", ",", "\\"):
        assert sum(mark in cell for cell in cells) > ROWS / 2
    wide = records(wide_file(ROWS, tmp_path))[1:]
    assert len(wide[0]) == 100
    assert 0 < sum(not cell for row in wide for cell in row) < ROWS * 100 * 0.05
    assert 0 < sum(not row[-1] for row in records(sales_file(ROWS, tmp_path))[1:]) < ROWS / 10


def test_another_part_of_the_sales_has_other_ids(tmp_path: Path) -> None:
    first, second = ({row[0] for row in records(sales_file(ROWS, tmp_path, part))[1:]} for part in (0, 1))
    assert len(first | second) == 2 * ROWS


def test_many_small_files_hold_the_rows_of_one_large_one(tmp_path: Path) -> None:
    paths = sorted(small_files(3, 150, tmp_path).iterdir())
    assert [path.name for path in paths] == [f"sales_small_{number:05}.csv" for number in range(3)]
    assert [row for path in paths for row in records(path)[1:]] == records(sales_file(450, tmp_path))[1:]
    assert all(9_000 < path.stat().st_size < 11_000 for path in paths)


@pytest.mark.parametrize("make", [sales_file, prose_file])
def test_a_file_is_cut_in_two_between_records(tmp_path: Path, make: Callable[[int, Path], Path]) -> None:
    path = make(ROWS, tmp_path)
    (header, *first), (again, *second) = (records(half) for half in halves(path))
    assert header == again
    assert [header, *first, *second] == records(path)
    assert abs(len(first) - len(second)) < ROWS / 10


@given(
    rows=st.lists(st.lists(st.text(alphabet='a",\n', max_size=6), min_size=2, max_size=2), max_size=6),
    share=st.floats(0, 1),
)
def test_a_cut_is_where_a_record_ends(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], share: float
) -> None:
    path = tmp_path_factory.mktemp("cut") / "any.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    data = path.read_bytes()
    cut = record_end(path, int(len(data) * share))
    assert int(len(data) * share) <= cut <= len(data)
    both = [list(csv.reader(part.decode().splitlines(keepends=True))) for part in (data[:cut], data[cut:])]
    assert [*both[0], *both[1]] == rows
