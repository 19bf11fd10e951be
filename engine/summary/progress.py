"""What a person sees while it runs: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as RichProgress
from rich.table import Column
from rich.text import Text

from engine.model import Progress
from engine.text import clean, duration, size

# How much of the bar's line says what is being done; the rest is for the bar and the figures.
_LABEL_CELLS = 27
# A line of progress this often where there is no bar: a log of an hour's load stays one screen or two.
_LINE_EVERY_S = 15.0
# What a step means to somebody who waits for it.
_DOING = {
    "dialect": "looking at",
    "lock": "waiting for",
    "hash": "comparing",
    "load": "loading",
    "index": "indexing",
    "publish": "publishing",
    "archive": "archiving",
    "catalog": "recording",
}


class LogLines(logging.Handler):
    """Writes log records as lines, control characters shown instead of sent.

    Args:
        console: Where to; its bar, if one is shown, stays below the lines.
        level: Records below are left out.
    """

    def __init__(self, console: Console, level: int) -> None:
        super().__init__(level)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a failure to write is the console's, not the load's."""
        try:
            text = clean(record.getMessage())
            if record.levelno >= logging.WARNING:
                text = f"warning: {text}"
            if record.exc_info:
                trace = logging.Formatter().formatException(record.exc_info)
                text = "\n".join([text, *(clean(line) for line in trace.splitlines())])
            style = "yellow" if record.levelno >= logging.WARNING else ""
            self._console.print(Text(text, style=style), soft_wrap=True)
        except Exception:  # noqa: BLE001 - logging's own rule: a handler never raises
            self.handleError(record)


class ProgressLines:
    """Says how far a long file is, in a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._file = ""
        self._bytes_done = 0
        self._began = self._said = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.file != self._file or progress.bytes_done < self._bytes_done:
            self._file, self._began, self._said = progress.file, now, now
        self._bytes_done = progress.bytes_done
        if now - self._said < _LINE_EVERY_S or not progress.bytes_total:
            return
        self._said = now
        speed = progress.bytes_done / (now - self._began)
        left = (progress.bytes_total - progress.bytes_done) / speed if speed else 0.0
        doing = "loading" if progress.loading else "reading"
        done = f"{progress.bytes_done / progress.bytes_total:.0%}"
        figures = f"{progress.rows:,} rows, {size(int(speed))}/s, {_whole(left)} left"
        self._console.print(Text(f"{doing:9} {done:>8}    {clean(progress.file)}: {figures}"), soft_wrap=True)


class ProgressBar(logging.Handler):
    """A bar for the file that is being loaded, which goes when the run ends.

    It is a log handler as well, because steps tell what is done while nothing is read.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(logging.DEBUG)
        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[rows]:,} rows", table_column=Column(no_wrap=True)),
            _Pace(table_column=Column(no_wrap=True)),
            console=console,
            transient=True,
            expand=True,
        )
        self._rows = 0
        self._task = self._bar.add_task(_label("getting ready"), total=None, rows=0)
        self._file = ""
        self._bytes_done = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        # A file that is planned again from every row starts from its beginning.
        if progress.file != self._file or progress.bytes_done < self._bytes_done:
            self._file = progress.file
            self._show(f"loading {progress.file}" if progress.loading else progress.file, progress.bytes_total)
        self._bytes_done, self._rows = progress.bytes_done, progress.rows
        self._bar.update(self._task, completed=progress.bytes_done, rows=progress.rows)

    def emit(self, record: logging.LogRecord) -> None:
        """Say on the bar what is being done."""
        if record.levelno >= logging.WARNING:
            return
        step, subject = getattr(record, "step", None), getattr(record, "subject", "")
        if step is None:
            if record.levelno == logging.INFO:
                self._show(record.getMessage(), None)
        elif record.levelno == logging.DEBUG:
            self._show(f"{_DOING.get(step, step)} {subject}", None)
        else:
            self._show(str(subject), None)

    def _show(self, text: str, total: int | None) -> None:
        """Begin a bar; one without a total pulses, and shows how long it has been."""
        if total is None:
            self._file = ""
        else:
            self._rows = 0
        # A task that has a total can't lose it again.
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(_label(text), total=total, rows=self._rows)


class _Pace(ProgressColumn):
    """Speed and time left while a file is read, else the time that a step takes so far."""

    def render(self, task: Task) -> Text:
        """Write one of them, always in the same width."""
        if task.total is None:
            return Text(f"{_whole(task.elapsed or 0.0):>20}")
        speed = f"{size(int(task.speed))}/s" if task.speed else ""
        left = f"{_whole(task.time_remaining)} left" if task.time_remaining is not None else ""
        return Text(f"{speed:>9} {left:>10}")


def _whole(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 59.5 else duration(seconds)


def _label(text: str) -> str:
    text = clean(text)
    return set_cell_size(text, _LABEL_CELLS - 1) + "…" if cell_len(text) > _LABEL_CELLS else text.ljust(_LABEL_CELLS)
