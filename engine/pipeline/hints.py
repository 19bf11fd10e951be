"""What a person should know of how a file was read: lines that were left out, and what its rejects have in common."""

from __future__ import annotations

from engine.config import Feed
from engine.errors import SourceError
from engine.pipeline.reading import Reading

# Beyond so many, lines at the end that are no rows are hardly a footer.
_LONGEST_FOOTER = 20
_SHOWN_CHARS = 60


def left_out(reading: Reading) -> tuple[str, ...]:
    """Say which lines were guessed to be no rows, and the option that reads them."""
    dialect, notes = reading.dialect, []
    skipped = reading.header_bytes.decode("utf-8", "replace").splitlines()[: dialect.skip_lines]
    titles = [line.strip() for line in skipped if not (dialect.comment and line.startswith(dialect.comment))]
    titles = [line for line in titles if line and not line.lower().lstrip('"').startswith("sep=")]
    if titles and reading.feed.skip_lines is None:
        shown = titles[0] if len(titles[0]) <= _SHOWN_CHARS else f"{titles[0][:_SHOWN_CHARS]}…"
        number = f"{len(titles)} lines" if len(titles) > 1 else "one line"
        notes.append(f"{number} above the header taken for a title: {shown!r}; if they are data: --skip-lines 0")
    if reading.comment_lines:
        number = f"{reading.comment_lines:,} lines" if reading.comment_lines > 1 else "one line"
        guess = "; if they are rows: --comment ''" if dialect.comment_guessed else ""
        notes.append(f"{number} beginning with {dialect.comment} taken for comments{guess}")
    return tuple(notes)


def hint(reading: Reading) -> str:
    """Say what to do about rejects that have one cause, ended with a semicolon; "" where none shows."""
    dialect, parse = reading.dialect, reading.rejects_by_class.get("parse", 0)
    most = parse * 2 > reading.rows_read
    if most and dialect.header and dialect.width and dialect.width != reading.width:
        return f"{_other_width(reading.width, dialect.width)}; "
    if most:
        return "is the dialect right? --delimiter, --quote-char, --skip-lines; "
    at_end = reading.rejects_at_end
    if 0 < at_end <= _LONGEST_FOOTER and at_end == reading.rows_rejected == parse:
        return f"if the last {at_end if at_end > 1 else 'line'}{' lines are' if at_end > 1 else ' is'} no row: --skip-footer {at_end}; "
    return ""


def _other_width(header: int, rows: int) -> str:
    found = f"nearly all rows have {rows} fields and the header {header}"
    if rows == header + 1:
        cause = "each row may end with a delimiter, or begin with a name that the header doesn't count"
    elif rows == header - 1:
        cause = "the header may end with a delimiter"
    else:
        cause = "lines above the header may have been taken for it (--skip-lines)"
    return f"{found}: {cause}; correct the header, or let rows be filled and cut with --irregular repair"


def without_rows(feed: Feed) -> SourceError:
    """Say why a file has not even a header, although it has bytes."""
    left_out = [("--skip-lines", feed.skip_lines), ("--skip-footer", feed.skip_footer), ("--comment", feed.comment)]
    if said := " and ".join(f"{option} {value}" for option, value in left_out if value):
        return SourceError(
            f"{said} leaves nothing of the file", code="source.empty", next_step="correct that, or look at the file"
        )
    return SourceError("the file has blank lines only", code="source.empty", next_step="ask its sender, or remove it")
