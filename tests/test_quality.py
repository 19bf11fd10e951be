"""Checks of a file and the rules they are held against."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from engine.config import FileRule
from engine.errors import SettingsError
from engine.model import Column, ColumnProfile, ColumnType, Kind, QualityCheck, TableProfile
from engine.quality import FileFacts, assess, check, check_names

STARTED = datetime(2024, 5, 1, 12, tzinfo=UTC)


def column(name: str, *, rows: int = 10, nulls: int = 0, empties: int = 0, distinct: int = 5) -> ColumnProfile:
    return ColumnProfile(
        column=name,
        kind=Kind.TEXT,
        rows=rows,
        nulls=nulls,
        empties=empties,
        distinct=distinct,
        distinct_error=0.0,
        minimum=None,
        maximum=None,
        total=None,
        mean=None,
        stddev=None,
        min_chars=None,
        max_chars=None,
        quantiles=(),
        quantiles_error=0.0,
        top_values=(),
        top_error=0.0,
        histogram=None,
        samples=(),
    )


def facts(
    *columns: ColumnProfile,
    duplicate_rows: int = 0,
    exact: bool = True,
    duplicate_keys: dict[tuple[str, ...], int] | None = None,
    rejects: dict[str, int] | None = None,
    type_rejects: dict[str, int] | None = None,
    mtime: datetime | None = STARTED - timedelta(minutes=2),
) -> FileFacts:
    rows = columns[0].rows if columns else 0
    rejected = sum((rejects or {}).values())
    return FileFacts(
        profile=TableProfile(
            rows=rows,
            columns=columns,
            duplicate_rows=duplicate_rows,
            duplicate_rows_exact=exact,
            duplicate_keys=duplicate_keys or {},
        ),
        rows_read=rows + rejected,
        rows_loaded=rows,
        rows_rejected=rejected,
        started_at=STARTED,
        mtime=mtime,
        rejects_by_class=rejects or {},
        type_rejects_by_column=type_rejects or {},
        keys=tuple(duplicate_keys or {}),
        repaired_rows=3,
    )


def results(found: tuple[QualityCheck, ...], name: str) -> dict[str | None, float | int | str]:
    return {each.column: each.value for each in found if each.name == name}


def one(found: tuple[QualityCheck, ...], name: str, of: str | None = None) -> QualityCheck:
    matching = [each for each in found if each.name == name and each.column == of]
    assert len(matching) == 1
    return matching[0]


class TestChecks:
    def test_these_exist(self) -> None:
        assert check_names() == (
            "completeness",
            "constant_columns",
            "duplicate_rows",
            "empty_columns",
            "freshness",
            "rejected_rows",
            "repaired_rows",
            "row_count",
            "type_conformity",
            "uniqueness",
        )

    def test_completeness_is_of_each_column_and_of_all_cells(self) -> None:
        found = assess(facts(column("a", nulls=5), column("b")), ())
        assert results(found, "completeness") == {None: 0.75, "a": 0.5, "b": 1.0}

    def test_a_file_without_rows_is_complete(self) -> None:
        found = assess(facts(column("a", rows=0, distinct=0)), ())
        assert results(found, "completeness") == {None: 1.0, "a": 1.0}
        assert results(found, "type_conformity") == {"a": 1.0}
        assert results(found, "empty_columns") == {None: 0}

    def test_rejected_rows_are_counted_by_class(self) -> None:
        found = assess(facts(column("a"), rejects={"type": 3, "parse": 1}), ())
        counts = {each.name: each.value for each in found if each.name.startswith("rejected_rows")}
        assert counts == {
            "rejected_rows": 4,
            "rejected_rows.parse": 1,
            "rejected_rows.type": 3,
            "rejected_rows.rule": 0,
            "rejected_rows.key": 0,
            "rejected_rows.server": 0,
        }

    def test_rows_loaded_repaired_and_duplicate(self) -> None:
        found = assess(facts(column("a"), duplicate_rows=2), ())
        assert (one(found, "row_count").value, one(found, "repaired_rows").value) == (10, 3)
        assert (one(found, "duplicate_rows").value, one(found, "duplicate_rows").message) == (2, "")

    def test_an_estimate_says_so(self) -> None:
        found = assess(facts(column("a"), duplicate_rows=2, exact=False), ())
        assert one(found, "duplicate_rows").message == "estimated from a sample of row hashes"

    def test_uniqueness_is_of_each_key(self) -> None:
        found = assess(facts(column("a"), column("b"), duplicate_keys={("a",): 0, ("a", "b"): 4}), ())
        assert results(found, "uniqueness") == {"a": 1.0, "a,b": 0.6}

    def test_type_conformity_counts_rejects_beside_the_values_that_fit(self) -> None:
        found = assess(facts(column("a", nulls=1), column("b"), type_rejects={"a": 3}), ())
        assert results(found, "type_conformity") == {"a": 0.75, "b": 1.0}

    def test_freshness_is_in_seconds(self) -> None:
        fresh = one(assess(facts(column("a")), ()), "freshness")
        assert (fresh.value, fresh.unit, fresh.message) == (120.0, "seconds", "")
        future = one(assess(facts(column("a"), mtime=STARTED + timedelta(seconds=1)), ()), "freshness")
        assert (future.value, future.message) == (-1.0, "the file's modification time is in the future")
        unknown = one(assess(facts(column("a"), mtime=None), ()), "freshness")
        assert (unknown.value, unknown.unit) == ("unknown", "text")

    def test_constant_and_empty_columns_are_named(self) -> None:
        found = assess(
            facts(
                column("c", distinct=1), column("e", nulls=8, empties=2, distinct=1), column("n", nulls=10, distinct=0)
            ),
            (),
        )
        assert results(found, "constant_columns") == {None: 2, "c": 1, "e": 1}
        assert results(found, "empty_columns") == {None: 2, "e": 1, "n": 1}

    def test_one_row_is_not_constant(self) -> None:
        assert results(assess(facts(column("c", rows=1, distinct=1)), ()), "constant_columns") == {None: 0}

    def test_statistics_as_they_are_measured(self) -> None:
        from engine.stats import TableStats

        columns = tuple(
            Column(name=name, original=name, position=at, type=ColumnType(kind=Kind.TEXT, mysql="TEXT"))
            for at, name in enumerate("ab")
        )
        frame = pl.DataFrame({"a": ["x", "x", "y", None], "b": ["1", "1", "1", "1"]})
        stats = TableStats.measure(frame, columns, batch_number=0, keys=(("a",),))
        found = assess(
            FileFacts(
                profile=stats.profile(),
                rows_read=4,
                rows_loaded=4,
                rows_rejected=0,
                started_at=STARTED,
                keys=(("a",),),
            ),
            (),
        )
        assert results(found, "uniqueness") == {"a": 0.75}
        assert results(found, "constant_columns") == {None: 1, "b": 1}
        assert results(found, "completeness") == {None: 0.875, "a": 0.75, "b": 1.0}
        assert results(found, "duplicate_rows") == {None: 1}


class TestRules:
    def test_without_a_rule_nothing_passes_or_fails(self) -> None:
        assert {each.passed for each in assess(facts(column("a")), ())} == {None}

    def test_a_rule_without_a_column_is_of_the_file(self) -> None:
        found = assess(facts(column("a", nulls=5), column("b")), (FileRule(check="completeness", minimum=0.75),))
        assert (one(found, "completeness").passed, one(found, "completeness", "a").passed) == (True, None)

    def test_a_rule_without_a_column_is_of_every_column_where_the_file_has_no_measure(self) -> None:
        found = assess(
            facts(column("a"), column("b"), type_rejects={"a": 10}), (FileRule(check="type_conformity", minimum=1),)
        )
        assert one(found, "type_conformity", "a").passed is False
        assert one(found, "type_conformity", "a").message == "0.5 is below the minimum of 1"
        assert one(found, "type_conformity", "b").passed is True

    def test_a_rule_of_a_column(self) -> None:
        found = assess(facts(column("a", nulls=5)), (FileRule(check="completeness", column="a", minimum=0.9),))
        assert one(found, "completeness", "a").passed is False
        assert one(found, "completeness").passed is None

    def test_a_maximum_and_its_border(self) -> None:
        rule = FileRule(check="duplicate_rows", maximum=2)
        assert one(assess(facts(column("a"), duplicate_rows=2), (rule,)), "duplicate_rows").passed is True
        broken = one(assess(facts(column("a"), duplicate_rows=3, exact=False), (rule,)), "duplicate_rows")
        assert broken.passed is False
        assert broken.message == "estimated from a sample of row hashes; 3 is above the maximum of 2"

    def test_one_broken_rule_of_two_is_enough(self) -> None:
        rules = (FileRule(check="row_count", minimum=11), FileRule(check="row_count", maximum=20))
        assert one(assess(facts(column("a")), rules), "row_count").passed is False
        assert one(assess(facts(column("a")), rules[::-1]), "row_count").passed is False

    def test_a_class_of_rejects_has_rules_of_its_own(self) -> None:
        found = assess(facts(column("a"), rejects={"type": 1}), (FileRule(check="rejected_rows.type", maximum=0),))
        assert one(found, "rejected_rows.type").passed is False
        assert one(found, "rejected_rows").passed is None

    def test_a_key_is_named_by_its_columns(self) -> None:
        found = assess(
            facts(column("a"), column("b"), duplicate_keys={("a", "b"): 1}),
            (FileRule(check="uniqueness", column="a,b", minimum=1),),
        )
        assert one(found, "uniqueness", "a,b").passed is False

    def test_a_column_where_nothing_was_found_passes(self) -> None:
        rules = tuple(FileRule(check="constant_columns", column=name, maximum=0) for name in ("a", "c"))
        found = assess(facts(column("a"), column("c", distinct=1)), rules)
        assert (one(found, "constant_columns", "a").passed, one(found, "constant_columns", "a").value) == (True, 0)
        assert one(found, "constant_columns", "c").passed is False

    def test_what_cannot_be_measured_does_not_pass(self) -> None:
        found = assess(facts(column("a"), mtime=None), (FileRule(check="freshness", maximum=60),))
        assert one(found, "freshness").passed is False
        assert one(found, "freshness").message == "the file has no modification time; can't be held against the rule"

    def test_an_unknown_check_is_refused(self) -> None:
        with pytest.raises(
            SettingsError, match=r"'fullness': there is no such check; checks there are: completeness, "
        ):
            assess(facts(column("a")), (FileRule(check="fullness", minimum=1),))

    def test_an_unknown_column_is_refused(self) -> None:
        with pytest.raises(SettingsError, match=r"measures no column 'z'; columns there are: a, b$"):
            assess(facts(column("a"), column("b")), (FileRule(check="completeness", column="z", minimum=1),))
        with pytest.raises(SettingsError, match=r"measures no column 'a'; columns there are: none$"):
            assess(facts(column("a")), (FileRule(check="row_count", column="a", minimum=1),))
        with pytest.raises(SettingsError, match=r"measures no column 'z'"):
            assess(facts(column("a")), (FileRule(check="constant_columns", column="z", maximum=0),))

    def test_a_rule_without_a_limit_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="has no limit; give a minimum or maximum"):
            assess(facts(column("a")), (FileRule(check="row_count"),))


def test_two_checks_of_one_name_are_refused() -> None:
    assert "completeness" in check_names()
    with pytest.raises(ValueError, match="there is a check 'completeness' already"):
        check("completeness")(lambda _: ())
