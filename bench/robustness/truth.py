"""What is known of a made file: its form, its rows as they were meant, and which of its lines are broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# None is nothing at all between two delimiters, "" is what stands there in quotes.
Cells = tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The file's dialect, as whoever wrote it would tell it to a reader.

    `compression` is a suffix such as `gz`, "" for none. `line_end` is what most records end with. Everything that the
    peers are told is here; the engine finds it out, unless the file says otherwise (`CsvFile.told`).
    """

    delimiter: str = ","
    quote_char: str | None = '"'
    escape_char: str | None = None
    line_end: str = "\n"
    encoding: str = "utf-8"
    byte_order_mark: bool = False
    header: bool = True
    skip_lines: int = 0
    comment: str | None = None
    compression: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A record that isn't regular; lines count from 1, bytes in the decompressed file.

    Attributes:
        readings: What it says where a reader keeps all of it and makes nothing up; none where nobody can tell.
        padded: The same made as long as the header with NULLs: right in nothing, and looks like any other row.
    """

    first_line: int
    last_line: int
    byte_start: int
    byte_end: int
    readings: tuple[Cells, ...] = ()
    padded: Cells | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """What a reader that does everything right gets out of a file.

    Attributes:
        names: The header's texts; None where the file has no header.
        rows: The regular records, as they were given to the writer.
        lines, starts: The line on which each begins, and the byte.
        broken: The records that aren't regular.
        noise: Lines that are no records, such as comments: they may be reported or passed over, but never land.
        formats: strptime formats of columns whose dates fit one format only.
    """

    names: tuple[str, ...] | None
    width: int
    rows: tuple[Cells, ...]
    lines: tuple[int, ...]
    starts: tuple[int, ...]
    broken: tuple[Broken, ...] = ()
    noise: tuple[int, ...] = ()
    formats: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvFile:
    """One made file.

    Attributes:
        told: Fields of the engine's feed that say what can't be found out, such as `skip_lines`.
        settings: Settings of the engine, such as `batch_rows`, so that batches end early.
    """

    kind: str
    number: int
    name: str
    data: bytes
    form: Form
    truth: Truth
    told: Mapping[str, object]
    settings: Mapping[str, object]
