"""Loading connections that take turns: one after the other, and never for ever."""

from __future__ import annotations

import os
import threading

import pytest

from engine.load import Address, turn
from engine.load.turn import Turn


@pytest.fixture
def second() -> threading.Event:
    """Set by whoever comes second, once it has the turn."""
    return threading.Event()


def come_second(
    own: Turn, there: threading.Event, server: str = "10.11.19-MariaDB", shared_cores: int | None = None
) -> threading.Thread:
    def work() -> None:
        with own.of(server, shared_cores)():
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
    ("server", "shared_cores", "at_once"),
    [
        ("10.11.19-MariaDB", 32, {False: 1, True: 1}),
        ("10.11.19-MariaDB", None, {False: 1, True: 1}),
        ("9.7.4", 2, {False: 1, True: 2}),
        ("9.7.4", 3, {False: 2, True: 2}),
        ("9.7.4", None, {False: 2, True: 2}),
    ],
)
def test_who_takes_turns(
    server: str,
    shared_cores: int | None,
    at_once: dict[bool, int],
    second: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turn, "_PATIENCE_S", 5)
    for idle, wanted in at_once.items():
        own = Turn()
        own.idle(idle=idle)
        second.clear()
        with own.of(server, shared_cores)():
            thread = come_second(own, second, server, shared_cores)
            assert second.wait(5 if wanted > 1 else 0.2) == (wanted > 1)
        thread.join()


def test_who_waits_goes_on_once_the_process_is_idle(second: threading.Event) -> None:
    own = Turn()
    with own.taken_while_busy():
        thread = come_second(own, second, "9.7.4", 1)
        assert not second.wait(0.2)
        own.idle(idle=True)
        assert second.wait(5)
        thread.join()
    second.clear()
    # Both have given it back, and there is one turn again.
    own.idle(idle=False)
    with own.taken_while_busy():
        thread = come_second(own, second, "9.7.4", 1)
        assert not second.wait(0.2)
    thread.join()


def test_cores_are_shared_with_a_server_on_this_machine_alone() -> None:
    here, socket, elsewhere = (
        Address.parse(f"mysql://u:p@{place}")
        for place in ("127.0.0.1:3306/d", "db.example.com/d?unix_socket=/run/mysqld.sock", "db.example.com:3306/d")
    )
    assert here.shared_cores == socket.shared_cores == len(os.sched_getaffinity(0))
    assert elsewhere.shared_cores is None
