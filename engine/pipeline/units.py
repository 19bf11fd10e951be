"""Units of work: which files one task of a run deals with, and what each step said of them, as files that all workers share."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import simplejson

from engine.config import Feed, Settings, feed_for, load_feeds
from engine.errors import SettingsError, SourceError
from engine.model import ErrorReport, FileReport, SourceFile
from engine.source import fingerprint
from engine.stage import write_whole
from engine.summary import file_from_json, ledger_json

# Below the staging folder, each run in a folder of its own.
RUNS = "runs"
# Runs that began so many days ago are forgotten; a scheduler's history may offer their tasks for longer.
_KEPT_DAYS = 14
# In the order in which a file goes through them; loading and describing go on side by side.
STEPS = ("read", "load", "describe", "archive")


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """What one task deals with: the folder's path below the staging folder, a name for people, how much it is."""

    path: str
    name: str
    files: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One file of a unit.

    Attributes:
        number: Its place in the unit, from 0.
        folder: The unit's.
        options: What the run was asked for on top of feeds: the name of a `feed`, values of a `Feed`'s fields, and
            `batch_rows`.
        problem: Why the file can't be loaded, where that was known when it was found.
    """

    run: str
    folder: Path
    number: int
    path: Path
    from_input: bool
    options: Mapping[str, object]
    problem: tuple[str, str] | None = None

    @property
    def staged(self) -> Path:
        """Where its batches and their manifest go."""
        return self.folder / f"{self.number}"

    def feed(self, settings: Settings) -> Feed:
        """Return what is agreed about the file now.

        Raises:
            SettingsError: There is no such feed, or the options make no sense with it.
        """
        feeds = load_feeds(settings.feeds_path)
        words = feed_words(self.options)
        name = self.options.get("feed")
        feed = feed_for(self.path.name, feeds) if name is None else next((f for f in feeds if f.name == name), None)
        if feed is None:
            known = ", ".join(str(f.name) for f in feeds) or "none"
            raise SettingsError(f"there is no feed {name!r}; there are: {known}", code="settings.feed")
        return feed.replaced(words)

    def settings(self, settings: Settings) -> Settings:
        """Return the settings with the run's own batch size."""
        rows = self.options.get("batch_rows")
        return settings if rows is None else settings.model_copy(update={"batch_rows": int(str(rows))})

    def file_id(self, quick_hash: bytes) -> uuid.UUID:
        """Return the id that the same bytes at the same place have in every attempt of one run."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{self.run}\0{self.path}\0{quick_hash.hex()}")

    def report(self, step: str) -> FileReport | None:
        """Return what a step said of the file, None where it hasn't."""
        path = self._result(step)
        try:
            return file_from_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def latest(self) -> FileReport | None:
        """Return what was said last."""
        # Describing goes on beside loading and may end after it, without knowing what came of that.
        order = ("read", "describe", "load", "archive")
        found = [report for step in order if (report := self.report(step)) is not None]
        return found[-1] if found else None

    def keep(self, step: str, report: FileReport) -> None:
        """Keep what a step says of the file, and forget what later ones said of it before."""
        write_whole(self._result(step), ledger_json(report).encode())
        self.note(None)
        if step == "read":
            for later in STEPS[1:]:
                self._result(later).unlink(missing_ok=True)

    def note(self, error: ErrorReport | None) -> None:
        """Keep, or forget, what somebody else says of the file: a scheduler, whose task has died."""
        path = self.folder / f"{self.number}.note.json"
        if error is None:
            path.unlink(missing_ok=True)
        else:
            write_whole(path, json.dumps([error.code, error.message, error.retryable]).encode())

    def noted(self) -> ErrorReport | None:
        """Return what was kept so."""
        try:
            text = (self.folder / f"{self.number}.note.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        code, message, retryable = json.loads(text)
        return ErrorReport(code=code, message=message, retryable=retryable)

    def _result(self, step: str) -> Path:
        return self.folder / f"{self.number}.{step}.json"


def feed_words(options: Mapping[str, object]) -> dict[str, object]:
    """Return the options that are fields of a feed."""
    return {name: value for name, value in options.items() if name not in ("feed", "batch_rows")}


def run_folder(settings: Settings, run: str) -> Path:
    """Return the folder of a run, whose name may hold what no file name can."""
    return settings.staging_dir / RUNS / hashlib.sha256(run.encode()).hexdigest()[:12]


def lay_out(
    settings: Settings,
    run: str,
    files: Sequence[tuple[Path, int, bool, tuple[str, str] | None]],
    options: Mapping[str, object],
) -> tuple[Unit, ...]:
    """Part the files of a run into units, in their order; a scan that is repeated finds its files again or makes them anew.

    Args:
        files: Path, size in bytes, whether it's from the input folder, what is wrong with it.
        options: As in a `Job`.
    """
    top = run_folder(settings, run)
    shutil.rmtree(top, ignore_errors=True)
    count = max(1, min(settings.units, len(files)))
    edges = [len(files) * part // count for part in range(count + 1)]
    units = []
    for number, (start, end) in enumerate(pairwise(edges)):
        some = files[start:end]
        if not some:
            continue
        folder = top / f"{number:04d}"
        text = simplejson.dumps(
            {
                "run": run,
                "options": dict(options),
                "files": [{"path": str(p), "from_input": own, "problem": problem} for p, _, own, problem in some],
            }
        )
        write_whole(folder / "unit.json", text.encode("utf-8", "surrogateescape"))
        units.append(
            Unit(
                path=str(folder.relative_to(settings.staging_dir)),
                name=named([path for path, _, _, _ in some]),
                files=len(some),
                size_bytes=sum(size for _, size, _, _ in some),
            )
        )
    return tuple(units)


def named(paths: Sequence[Path]) -> str:
    """Return what people call a unit of these files."""
    return f"{paths[0].name} +{len(paths) - 1} more" if len(paths) > 1 else paths[0].name


def jobs_of(settings: Settings, unit: str) -> tuple[Job, ...]:
    """Return the files of a unit.

    Raises:
        SettingsError: There is no such unit.
    """
    folder = settings.staging_dir / unit
    try:
        document = json.loads((folder / "unit.json").read_text(encoding="utf-8", errors="surrogateescape"))
    except (OSError, ValueError):
        raise SettingsError(
            f"{folder}: no unit of files is there",
            code="settings.unit",
            next_step="every worker needs the same data folder (INGEST_DATA_DIR); of a run that is older than "
            f"{_KEPT_DAYS} days nothing is kept: begin a new one",
        ) from None
    return tuple(
        Job(
            run=document["run"],
            folder=folder,
            number=number,
            path=Path(file["path"]),
            from_input=bool(file["from_input"]),
            options=document["options"],
            problem=tuple(file["problem"]) if file["problem"] else None,
        )
        for number, file in enumerate(document["files"])
    )


def units_of(settings: Settings, run: str) -> Iterator[str]:
    """Yield the units of a run."""
    for path in sorted(run_folder(settings, run).glob("*/unit.json")):
        yield str(path.parent.relative_to(settings.staging_dir))


def forget_old_runs(settings: Settings) -> None:
    """Remove what is left of runs that nobody will go on with."""
    oldest = time.time() - _KEPT_DAYS * 86_400
    for folder in (settings.staging_dir / RUNS).glob("*"):
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def identify(job: Job) -> SourceFile:
    """Identify a job's file as it is now.

    Raises:
        SourceError: It can't be loaded, or isn't there any more.
    """
    if job.problem is not None and (job.path.is_symlink() or not job.path.is_file()):
        raise SourceError(job.problem[1], code=job.problem[0])
    return fingerprint(job.path, from_input=job.from_input)
