"""The gate between reading and publishing: rejects, rules, and the receipt of what came out on the other side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Never

from engine.config import RejectLimit
from engine.errors import QualityError, RejectError, ScanError
from engine.load import add_totals, compare, subtract_totals
from engine.model import ColumnTotals, LoadResult, QualityCheck, Receipt, RejectClass, TableProfile
from engine.pipeline.course import Course
from engine.pipeline.hints import hint
from engine.pipeline.reading import Reading
from engine.quality import FileFacts, assess


def decide(course: Course) -> None:
    """Decide, with every row read and before anything is published; the course gets profile and checks.

    Raises:
        ScanError: There is no row, and the feed doesn't expect that.
        RejectError: Too many rejects.
        QualityError: A rule on the whole file is broken.
    """
    reading = course.reading
    assert reading is not None
    assert reading.stats is not None
    course.content_hash = reading.sha256
    if not reading.rows_read and course.feed.empty == "fail":
        raise ScanError(
            "the file has a header and no rows",
            code="scan.no_rows",
            next_step='if that is right, let it pass with --empty load, or empty = "load" in its feed',
        )
    with course.watch.measure("quality"):
        course.profile = reading.stats.profile()
        course.checks = _checks(course, reading, course.profile)
    _check_limit(course, reading)
    broken = [check for check in course.checks if check.passed is False]
    if broken:
        raise QualityError(
            "; ".join(
                f"{check.name}{f' of {check.column}' if check.column else ''}: {check.message}" for check in broken
            ),
            code="quality.rule",
            next_step="correct the file, or change the feed's rules",
        )


def decide_refused(course: Course) -> None:
    """Decide once more, with the rows that the table refused among the rejects.

    Raises:
        RejectError: Too many rejects.
    """
    assert course.reading is not None
    assert course.profile is not None
    course.checks = _checks(course, course.reading, course.profile)
    _check_limit(course, course.reading)


def _checks(course: Course, reading: Reading, profile: TableProfile) -> tuple[QualityCheck, ...]:
    return assess(
        FileFacts(
            profile=profile,
            rows_read=reading.rows_read,
            rows_loaded=reading.rows_kept,
            rows_rejected=reading.rows_rejected,
            rejects_by_class=reading.rejects_by_class,
            type_rejects_by_column=reading.rejects_by_column,
            keys=tuple(profile.duplicate_keys),
            mtime=course.mtime,
            started_at=course.started_at,
            repaired_rows=reading.repaired_rows,
        ),
        course.feed.rules,
    )


def _check_limit(course: Course, reading: Reading) -> None:
    """Hold the rejects of a file against its feed's limits: those of single classes, and one for all others."""
    own = course.feed.max_rejects_per_class
    counts = {RejectClass(name): count for name, count in reading.rejects_by_class.items()}
    for reject_class, limit in own.items():
        count = counts.get(reject_class, 0)
        if not limit.allows(count, reading.rows_read):
            _refuse(course, reading, count, limit, reject_class)
    others = reading.rows_rejected - sum(counts.get(reject_class, 0) for reject_class in own)
    if not course.feed.max_rejects.allows(others, reading.rows_read):
        _refuse(course, reading, others, course.feed.max_rejects, None)


def _refuse(
    course: Course, reading: Reading, count: int, limit: RejectLimit, reject_class: RejectClass | None
) -> Never:
    """Say which limit a file is beyond; `reject_class` None for the classes without one of their own."""
    first, place = reading.first_reject, ""
    if first is not None and reject_class in (None, first.reject_class):
        column = f", column {first.column}" if first.column else ""
        place = f"; the first is line {first.line}{column}: {first.message}"
    kind = f" by class {reject_class.value}" if reject_class else ""
    raise RejectError(
        f"{count:,} of {reading.rows_read:,} rows are rejected{kind}, more than the limit of {limit}{place}",
        code="reject.limit",
        next_step=hint(reading)
        + _where_to_correct(course)
        + ", or accept them with "
        + (f"--max-rejects-per-class {reject_class.value}={count}" if reject_class else f"--max-rejects {count}"),
    )


def _where_to_correct(course: Course) -> str:
    if course.rejects is None or not course.rejects.count:
        return "correct them"
    if course.replays is not None:
        return f"correct them in {course.path} ({course.rejects.errors_path} says what is wrong with each)"
    return f"correct them (all are in {course.rejects.path})"


def receipt(course: Course, results: tuple[LoadResult, ...], *, asked: bool) -> Receipt:
    """Add up the batches' receipts: each was held against the engine's figures before its commit."""
    reading = course.reading
    assert reading is not None
    rows = sum(result.rows for result in results)
    if not asked:
        return Receipt(verified=False, rows_engine=reading.rows_kept, rows_mysql=rows, columns=(), note="switched off")
    ours = reading.counted()
    mysql = _sum([result.totals for result in results]) or ours
    refused = _sum([result.refused_totals for result in results])
    if refused is not None:
        # What was read was counted before the table was asked.
        ours = subtract_totals(ours, refused, mysql)
    return compare(ours, mysql, reading.rows_kept, rows)


def _sum(parts: Sequence[tuple[ColumnTotals, ...] | None]) -> tuple[ColumnTotals, ...] | None:
    total: tuple[ColumnTotals, ...] | None = None
    for part in parts:
        if part is not None:
            total = part if total is None else add_totals(total, part)
    return total
