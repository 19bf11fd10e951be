"""Loading connections that take turns: one after the other, and never for ever."""

from __future__ import annotations

import os
import threading

import pytest

from engine.load import Address, turn
from engine.load.turn import Turn, is_wanted


@pytest.fixture
def second() -> threading.Event:
    """Set by whoever comes second, once it has the turn."""
    return threading.Event()


def come_second(own: Turn, there: threading.Event) -> threading.Thread:
    def work() -> None:
        with own.taken():
            there.set()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_who_comes_second_waits_for_the_first(second: threading.Event) -> None:
    own = Turn()
    with own.taken():
        thread = come_second(own, second)
        assert not second.wait(0.2)
    assert second.wait(5)
    thread.join()


def test_the_turn_is_free_again_after_a_failure(second: threading.Event) -> None:
    own = Turn()
    with pytest.raises(ValueError, match="refused"), own.taken():
        raise ValueError("refused")
    come_second(own, second).join()
    assert second.is_set()


def test_nobody_waits_for_ever(second: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "_PATIENCE_S", 0.1)
    own = Turn()
    with own.taken():
        thread = come_second(own, second)
        assert second.wait(5)
        thread.join()
    # It had no turn, so it gave none back: the next one waits again.
    second.clear()
    with own.taken():
        monkeypatch.setattr(turn, "_PATIENCE_S", 5)
        thread = come_second(own, second)
        assert not second.wait(0.2)
    thread.join()


@pytest.mark.parametrize(
    ("server", "shared_cores", "wanted"),
    [
        ("10.11.19-MariaDB", 32, True),
        ("10.11.19-MariaDB", None, True),
        ("9.7.4", 2, True),
        ("9.7.4", 3, False),
        ("9.7.4", None, False),
    ],
)
def test_who_takes_turns(server: str, shared_cores: int | None, *, wanted: bool) -> None:
    assert is_wanted(server, shared_cores) == wanted


def test_cores_are_shared_with_a_server_on_this_machine_alone() -> None:
    here, socket, elsewhere = (
        Address.parse(f"mysql://u:p@{place}")
        for place in ("127.0.0.1:3306/d", "db.example.com/d?unix_socket=/run/mysqld.sock", "db.example.com:3306/d")
    )
    assert here.shared_cores == socket.shared_cores == len(os.sched_getaffinity(0))
    assert elsewhere.shared_cores is None
