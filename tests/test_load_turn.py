"""Loading connections that take turns: one after the other, and never for ever."""

from __future__ import annotations

import threading

import pytest

from engine.load import Address, turn
from engine.load.turn import Turn, is_wanted

HERE, ELSEWHERE = (Address.parse(f"mysql://u:p@{host}:3306/d") for host in ("127.0.0.1", "db.example.com"))


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
    ("server", "address", "cores", "wanted"),
    [
        ("10.11.19-MariaDB", HERE, 32, True),
        ("10.11.19-MariaDB", ELSEWHERE, 32, True),
        ("9.7.4", HERE, 2, True),
        ("9.7.4", HERE, 3, False),
        ("9.7.4", ELSEWHERE, 2, False),
    ],
)
def test_who_takes_turns(server: str, address: Address, cores: int, wanted: bool) -> None:
    assert is_wanted(server, address, cores=cores) == wanted
