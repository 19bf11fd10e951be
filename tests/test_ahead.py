from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from engine.ahead import ahead


def counted(made: list[int], last: int, there: threading.Event) -> Iterator[int]:
    """Make numbers without end, note each, and say when the one that is waited for is made."""
    for number in count():
        made.append(number)
        if number == last:
            there.set()
        yield number


def test_everything_comes_in_order() -> None:
    assert list(ahead(iter(range(100)))) == list(range(100))
    assert list(ahead(iter(()))) == []


def test_one_is_made_beside_the_one_that_is_worked_on_and_no_more() -> None:
    made: list[int] = []
    second = threading.Event()
    coming = ahead(counted(made, 1, second))
    assert next(coming) == 0
    assert second.wait(10)
    coming.close()
    assert made == [0, 1]


def test_more_are_held_where_they_are_asked_for() -> None:
    made: list[int] = []
    fifth = threading.Event()
    coming = ahead(counted(made, 4, fifth), 4)
    assert next(coming) == 0
    assert fifth.wait(10)
    assert [next(coming), next(coming)] == [1, 2]
    coming.close()
    # Two more may have been made for the two that were taken.
    assert made[:5] == [0, 1, 2, 3, 4]
    assert len(made) <= 7


def test_a_failure_comes_where_it_stands_in_the_order() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    coming = ahead(source())
    assert next(coming) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(coming)


def test_who_leaves_early_waits_for_what_is_being_made() -> None:
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        yield 1
        began.set()
        assert go_on.wait(10)
        ended.set()
        yield 2

    coming = ahead(source())
    next(coming)
    assert began.wait(10)
    threading.Timer(0.05, go_on.set).start()
    coming.close()
    assert ended.is_set()
