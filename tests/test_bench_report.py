"""What the bench makes of its runs: ratios within a repetition, what was reached, what broke a bound, what is published."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.bounds import broken
from bench.documents import read, write
from bench.publish import BEGIN, END, replaced, section
from bench.report import must_reach, shown
from bench.results import Measured, ServerTold, VariantTold, lines
from bench.targets import verdicts
from bench.trial import Run

MYSQL = ServerTold(
    kind="MySQL", version="MySQL 9.7.4", program="/mysqld", client="mysql 9.7.4", settings={"log_bin": "OFF"}
)
SIZE_BYTES = 660_000_000


def a_run(variant: str, repetition: int, wall_s: float, *, nulls: int | None = 20) -> Run:
    return Run(
        variant=variant,
        repetition=repetition,
        wall_s=wall_s,
        client_peak_mb=380.0,
        client_cpu_s=wall_s / 4,
        server_cpu_s=wall_s / 2,
        seconds_by_step={"load": wall_s / 2},
        server_said=None,
        nulls=nulls,
        load_average=0.1,
    )


def measured(
    seconds: dict[str, list[float]], *, workload: str = "sales", rows: int = 10_000_000, base: str = "expert"
) -> Measured:
    variants = tuple(
        VariantTold(name=name, what=f"{name} runs", leaves_undone=f"{name}'s rest", builds_indexes=True)
        for name in seconds
    )
    runs = tuple(
        a_run(name, number, wall_s, nulls=20 if name == "engine" else 0)
        for name, taken in seconds.items()
        for number, wall_s in enumerate(taken, start=1)
    )
    return Measured(
        server=MYSQL,
        workload=workload,
        shown="sales_data, new table",
        rows=rows,
        size_bytes=SIZE_BYTES,
        files=1,
        base=base,
        variants=variants,
        runs=runs,
    )


# The machine is twice as slow from the second repetition on, which no ratio may show.
SALES = measured({"engine": [50, 120, 110], "expert": [50, 100, 100], "naive": [100, 200, 200]})


def found(target: str, *parts: Measured) -> tuple[float | None, str]:
    (verdict,) = (one for one in verdicts(parts) if one.target == target)
    return verdict.found, verdict.verdict


def test_ratios_are_those_within_a_repetition() -> None:
    assert SALES.ratios("engine", "expert") == [1.0, 1.2, 1.1]
    engine, expert, naive = lines(SALES)
    assert (engine.ratio, engine.ratio_least, engine.ratio_most) == (1.1, 1.0, 1.2)
    assert (expert.ratio, naive.ratio) == (1.0, 2.0)
    assert (engine.seconds, engine.seconds_least, engine.seconds_most) == (110, 50, 120)
    assert (engine.rows_per_s, engine.mb_per_s) == (10_000_000 / 110, 660 / 110)


def test_a_repetition_without_the_base_has_no_ratio() -> None:
    assert measured({"engine": [10, 20], "expert": [10]}).ratios("engine", "expert") == [1.0]
    assert lines(measured({"engine": [10]}))[0].ratio is None


def test_a_target_is_met_or_not() -> None:
    name = "engine ÷ expert on one connection, new table"
    assert found(name, SALES) == (1.1, "not met")
    assert found(name, measured({"engine": [0.85], "expert": [1]})) == (0.85, "met, the later one not")
    assert found(name, measured({"engine": [0.7], "expert": [1]})) == (0.7, "met")
    assert found("engine ÷ dlt", SALES) == (None, "not measured")


def test_a_target_says_at_what_size_it_was_measured() -> None:
    small = measured({"engine": [1.3], "expert": [1]}, rows=1_000)
    name = "engine ÷ expert on one connection, new table"
    assert found(name, small) == (1.3, "not met, at 1,000 rows")
    # The size that is meant counts more than a larger one.
    large = measured({"engine": [1.5], "expert": [1]}, rows=20_000_000)
    assert found(name, small, large, SALES) == (1.1, "not met")


def test_other_measures_than_ratios_of_seconds() -> None:
    assert found("client CPU seconds ÷ server CPU seconds", SALES) == (0.5, "not met")
    many = replace(measured({"engine": [40.0]}, workload="small", rows=150_000, base="naive"), files=1_000)
    assert found("1,000 files of 10 KB, one command", many) == (25.0, "met")
    start = measured(
        {"first-file": [1.3], "next-file": [1.1], "help": [0.2]}, workload="start", rows=14, base="first-file"
    )
    assert found("one 1 KB file by the command line, the first", start) == (1.3, "not met")
    assert found("one 1 KB file by the command line, the next", start) == (1.1, "met")
    assert found("peak resident memory, 0.66 to 0.66 GB", SALES) == (380.0, "met")


def test_memory_that_grows_with_the_file_is_seen() -> None:
    tenth = replace(SALES, workload="memory", size_bytes=1_000_000_000)
    runs = tuple(replace(run, client_peak_mb=430.0) for run in SALES.runs)
    whole = replace(SALES, workload="memory", size_bytes=20_000_000_000, runs=runs)
    growth, verdict = found("peak resident memory, largest file ÷ smallest, 1 to 20 GB", tenth, whole)
    assert growth == pytest.approx(430 / 380)
    assert verdict == "not met"
    assert found("peak resident memory, 1 to 20 GB", tenth, whole) == (430.0, "not met")


def test_a_bound_that_is_broken_is_told(tmp_path: Path) -> None:
    bounds = tmp_path / "bounds.toml"
    bounds.write_text("[seconds]\nMySQL = 1.15\n[cpu_seconds]\nMySQL = 1.15\n", encoding="utf-8")
    assert broken([SALES], bounds) == []
    bounds.write_text("[seconds]\nMySQL = 1.05\n[cpu_seconds]\nMySQL = 1.15\n", encoding="utf-8")
    (sentence,) = broken([SALES], bounds)
    assert "seconds: engine ÷ expert is 1.10 (1.00 to 1.20), above the bound of 1.05 in bounds.toml" in sentence
    bounds.write_text("[seconds]\nMySQL = 1.15\n[cpu_seconds]\nMySQL = 1.05\n", encoding="utf-8")
    (sentence,) = broken([SALES], bounds)
    assert "cpu_seconds: engine ÷ expert is 1.10" in sentence
    (sentence,) = broken([measured({"engine": [1.0]})], bounds)
    assert "nothing is checked" in sentence


@pytest.mark.parametrize("kind", ["MySQL", "MariaDB"])
def test_the_shipped_bounds_are_for_both_servers(kind: str) -> None:
    assert broken([replace(SALES, server=replace(MYSQL, kind=kind))]) == []
    slow = measured({"engine": [3.0], "expert": [1.0]})
    assert len(broken([replace(slow, server=replace(MYSQL, kind=kind))])) == 2


def test_the_table_says_what_each_leaves_undone() -> None:
    changed = replace(SALES, runs=tuple(replace(run, changed=run.variant == "naive") for run in SALES.runs))
    text = shown(changed)
    assert "| naive's rest; 20 empty fields aren't NULL; values are changed |" in text
    assert "| engine's rest " in text
    assert "MySQL 9.7.4: sales_data, new table; 10,000,000 rows, 660.0 MB; medians of 3 runs, interleaved" in text
    assert "- engine, seconds by step (they overlap): load 55.00" in text


def test_a_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "result.json"
    write(path, datetime(2026, 1, 2, tzinfo=UTC), [SALES])
    assert read(path).measured == (SALES,)
    told = json.loads(path.read_text(encoding="utf-8"))
    assert [one["ratio"] for one in told["measured"][0]["medians"]] == [1.1, 1.0, 2.0]
    assert len(told["must_reach"]) == len(verdicts([SALES]))
    path.write_text(json.dumps({**told, "version": 1}), encoding="utf-8")
    with pytest.raises(ValueError, match="version 1 of the document"):
        read(path)


def test_the_newest_table_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write(path, datetime(2026, 1, 2, tzinfo=UTC), [SALES])
    text = section([read(path), read(path)])
    assert text.count("sales_data, new table") == 1
    assert must_reach(verdicts([SALES])) in text
    readme = f"# Title\n\n{BEGIN}\nold\n{END}\n\n## Method\n"
    once = replaced(readme, text)
    assert replaced(once, text) == once
    assert once.startswith(f"# Title\n\n{BEGIN}\n\n2026-01-02, commit ")
    assert once.endswith(f"\n\n{END}\n\n## Method\n")
    with pytest.raises(ValueError, match="hasn't the lines"):
        replaced("# Title\n", text)


def test_the_readme_of_the_bench_has_a_place_for_the_newest_table(root: Path) -> None:
    readme = (root / "bench" / "README.md").read_text(encoding="utf-8")
    assert replaced(readme, "text").count("text") >= 1
