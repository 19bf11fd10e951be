"""Named points of a load, and what can happen to the process there; the engine itself has no hooks for it."""

from __future__ import annotations

import importlib
import os
import resource
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bench.faults.halves import send_by_halves

When = Literal["before", "after"]
Happening = Literal["kill", "stop", "terminate", "interrupt", "fill the disk"]

_SIGNALS: dict[Happening, signal.Signals] = {
    "kill": signal.SIGKILL,
    "stop": signal.SIGSTOP,
    "terminate": signal.SIGTERM,
    "interrupt": signal.SIGINT,
}
# No file can grow beyond it, as on a full disk: more than a run's own report has, less than a staged batch.
_FULL_BYTES = 50_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A moment of a load.

    Attributes:
        places: Where a function is looked up; several, where modules have it under a name of their own.
        when: Before or after its call.
        nth: Which of its calls.
        counts: Tells which calls count, by their arguments; None for all.
        prepare: What makes the moment one that can be told; None where the engine calls something there.
    """

    places: tuple[str, ...]
    when: When
    nth: int = 1
    counts: Callable[[tuple[object, ...]], bool] | None = None
    prepare: Callable[[], None] | None = None


def _old_table(arguments: tuple[object, ...]) -> bool:
    return str(arguments[1]).startswith("_ingest_old_")


# What is appended in one transaction is entered in that.
_CLAIM = ("engine.load.ledger.claim", "engine.load.ledger.enter")
_LEDGER = ("engine.load.batch.enter_ledger", "engine.pipeline.publishing.enter_ledger")
_LOAD = ("engine.load.connection.Connection.load",)
_COMMIT = ("engine.load.connection.Connection.commit",)
_RENAME = ("engine.load.tables.publish_new", "engine.load.tables.publish_replacement")
_TOLD = ("engine.pipeline.projection.Projection.finish", "engine.pipeline.projection.Projection.finish_all")

POINTS: dict[str, Point] = {
    "after fingerprint": Point(places=("engine.pipeline.run.find",), when="after"),
    "before claim": Point(places=_CLAIM, when="before"),
    "after claim": Point(places=_CLAIM, when="after"),
    "mid-scan": Point(places=("engine.pipeline.reading.prove",), when="before", nth=3),
    "after a batch is staged": Point(places=("engine.pipeline.reading.staged_text",), when="after", nth=2),
    "after a batch is written": Point(places=("engine.pipeline.publishing.write_batch",), when="after", nth=2),
    "before the gate": Point(places=("engine.pipeline.gate.decide",), when="before"),
    "before a ledger row": Point(places=_LEDGER, when="before", nth=2),
    "after a ledger row": Point(places=_LEDGER, when="after", nth=2),
    "mid-LOAD": Point(places=("bench.faults.halves.half_is_sent",), when="before", nth=2, prepare=send_by_halves),
    "after a LOAD": Point(places=_LOAD, when="after", nth=2),
    "before COMMIT": Point(places=_COMMIT, when="before", nth=2),
    "after COMMIT": Point(places=_COMMIT, when="after", nth=2),
    "before the one COMMIT": Point(places=_COMMIT, when="before"),
    "after the one COMMIT": Point(places=_COMMIT, when="after"),
    "before the index build": Point(places=("engine.load.tables.build_indexes",), when="before"),
    "after the index build": Point(places=("engine.load.tables.build_indexes",), when="after"),
    "before the upsert": Point(places=("engine.pipeline.publishing.upsert",), when="before"),
    "after the upsert": Point(places=("engine.pipeline.publishing.upsert",), when="after"),
    "before RENAME": Point(places=_RENAME, when="before"),
    "between RENAME and drop": Point(places=("engine.load.tables.drop",), when="before", counts=_old_table),
    "after RENAME": Point(places=_RENAME, when="after"),
    "after the publication": Point(places=("engine.load.ledger.mark_published",), when="after"),
    "before the clean-up": Point(places=("engine.pipeline.file_load.FileLoad._clean_up",), when="before"),
    "before the catalog": Point(places=_TOLD, when="before"),
    "after the catalog": Point(places=_TOLD, when="after"),
    "after the report": Point(places=("engine.load.ledger.store_report",), when="after"),
    "mid-archive": Point(places=("engine.archive.sync_folder", "engine.pipeline.grouping.sync_folder"), when="before"),
    "mid-archive, reserved": Point(places=("engine.archive._reserve",), when="after"),
    "mid-archive, copying": Point(places=("engine.archive._copy",), when="after"),
    "mid-archive, copied": Point(places=("engine.archive._remove_source",), when="before"),
    "after the archive": Point(places=("engine.pipeline.ending.archive",), when="after"),
}


def arrange(name: str, happening: Happening) -> None:
    """Let something happen to this process at a point, once."""
    point = POINTS[name]
    if point.prepare is not None:
        point.prepare()
    calls = [0]
    for place in point.places:
        _wrap(place, point, calls, happening)


def _wrap(place: str, point: Point, calls: list[int], happening: Happening) -> None:
    module_name, _, name = place.rpartition(".")
    try:
        owner: object = importlib.import_module(module_name)
    except ModuleNotFoundError:
        module_name, _, class_name = module_name.rpartition(".")
        owner = getattr(importlib.import_module(module_name), class_name)
    inner: Callable[..., object] = getattr(owner, name)

    def wrapped(*args: object, **kwargs: object) -> object:
        calls[0] += point.counts is None or point.counts(args)
        reached = calls[0] == point.nth
        if reached and point.when == "before":
            calls[0] += 1
            _happen(happening)
        result = inner(*args, **kwargs)
        if reached and point.when == "after":
            calls[0] += 1
            _happen(happening)
        return result

    setattr(owner, name, wrapped)


def _happen(happening: Happening) -> None:
    if happening == "fill the disk":
        resource.setrlimit(resource.RLIMIT_FSIZE, (_FULL_BYTES, _FULL_BYTES))
    elif happening in ("kill", "stop"):
        # To this thread: it's at the point then, and not a few microseconds behind it.
        signal.pthread_kill(threading.get_ident(), _SIGNALS[happening])
    else:
        os.kill(os.getpid(), _SIGNALS[happening])
