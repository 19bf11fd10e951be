"""Files that aren't delimited text at all, and what to do with them."""

from __future__ import annotations

from engine.errors import DialectError

_EXPORT = "open it in the program that wrote it and export a CSV file"
_UNPACK = "unpack it and load the files inside"
# First bytes, what such a file is, and what to do about it. No text begins like these.
_MAGIC = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook or Office document", "save it as CSV UTF-8"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", "name the file with the data"),
    (b"\xff\xd8\xff", "a JPEG image", "name the file with the data"),
    (b"\x1f\x8b\x08", "gzip", "give it a name that ends with .csv.gz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "give it a name that ends with .csv.zst"),
    (b"\xfd7zXZ\x00", "xz", "give it a name that ends with .csv.xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (b"\x7fELF", "a program", "name the file with the data"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT),
    (b"Obj\x01", "an Avro file", _EXPORT),
    (b"ARROW1\x00\x00", "an Arrow file", _EXPORT),
)
# These could begin a text as well, so they count only where control characters follow.
_MAYBE = (
    (b"BZh", "bzip2", "give it a name that ends with .csv.bz2"),
    (b"PAR1", "a Parquet file", _EXPORT),
    (b"%PDF-", "a PDF document", "ask for the table as CSV"),
    (b"GIF8", "a GIF image", "name the file with the data"),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"ORC", "an ORC file", _EXPORT),
)
# Control characters that texts have: line ends, tab, form feed, the end of a DOS file, escape, and Hive's and the
# ASCII separators, which some files use as delimiters.
_TEXT_CONTROLS = b"\t\n\v\f\r\x01\x02\x1a\x1b\x1c\x1d\x1e\x1f"
_CONTROLS = bytes(set(range(0x20)) - set(_TEXT_CONTROLS))


def refuse_binary(sample: bytes, *, file_name: str, known_text: bool) -> None:
    """Refuse a file that isn't delimited text.

    Args:
        sample: The first bytes of the file.
        file_name: For the error.
        known_text: The encoding is declared or shows itself, so that control characters are no sign of anything.

    Raises:
        DialectError: It is something else (`dialect.binary`), or a page of markup (`dialect.markup`).
    """
    if found := _magic(sample, known_text=known_text):
        raise DialectError(f"{file_name}: not delimited text but {found[0]}", code="dialect.binary", next_step=found[1])
    if not known_text and _binary_share(sample) > (0.01 if _breaks_utf8(sample) else 0.1):
        raise DialectError(
            f"{file_name}: not delimited text: {_binary_share(sample):.0%} of its first bytes are control characters",
            code="dialect.binary",
            next_step="export it as text; if it is text, say in which encoding: --encoding",
        )
    start = sample[:1_024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        what = "an XML document" if start.startswith(b"<?xml") else "an HTML page"
        raise DialectError(
            f"{file_name}: not delimited text but {what}",
            code="dialect.markup",
            next_step="a server may have answered with an error page instead of the file: fetch it again",
        )


def _magic(sample: bytes, *, known_text: bool) -> tuple[str, str] | None:
    if sample.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in sample or b"xl/" in sample:
            return "an Excel workbook or Office document", "save it as CSV UTF-8"
        return "a ZIP archive", _UNPACK
    for magic, what, next_step in _MAGIC:
        if sample.startswith(magic):
            return what, next_step
    for magic, what, next_step in _MAYBE:
        if sample.startswith(magic) and not known_text and (_binary_share(sample) > 0 or _breaks_utf8(sample)):
            return what, next_step
    return None


def _binary_share(sample: bytes) -> float:
    return (len(sample) - len(sample.translate(None, _CONTROLS))) / max(1, len(sample))


def _breaks_utf8(sample: bytes) -> bool:
    # Three bytes less, lest a cut character count.
    return "\ufffd" in sample.decode("utf-8", "replace")[:-3]
