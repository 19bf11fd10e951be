"""Settings of a run and feeds (contracts) of its files, checked before anything is touched."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import SettingsError
from engine.model import Irregular, Mode, RejectClass

# Of MySQL and MariaDB; the ledger and the tables that a load needs meanwhile begin so.
_TABLE_CHARS = 64
_OWN_TABLES = "_ingest_"


class RejectLimit(BaseModel):
    """How many rejected rows a file may have: a number, or a share of the rows read.

    Exactly one of `rows` and `percent` (0 to 100) is set.
    """

    model_config = ConfigDict(frozen=True)

    rows: int | None = Field(default=None, ge=0)
    percent: float | None = Field(default=None, ge=0, le=100)

    @classmethod
    def parse(cls, text: str | int) -> RejectLimit:
        """Read `"100"` or `"0.5%"`.

        Raises:
            ValueError: It is neither.
        """
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", str(text))
        if not match or (not match[2] and "." in match[1]):
            raise ValueError(f"{text!r} is neither a number of rows (100) nor a share of them (0.5%)")
        return cls(percent=float(match[1])) if match[2] else cls(rows=int(match[1]))

    def allows(self, rejected: int, read: int) -> bool:
        """Tell whether `rejected` of `read` rows are within the limit."""
        if self.percent is not None:
            return rejected * 100 <= self.percent * read
        return rejected <= (self.rows or 0)

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.percent is not None else str(self.rows or 0)


def _limit(value: object) -> object:
    return RejectLimit.parse(value) if isinstance(value, str | int) else value


Limit = Annotated[RejectLimit, BeforeValidator(_limit)]


class ColumnRule(BaseModel):
    """A declared column: its MySQL type and the rules that each of its values must keep.

    A value that breaks a rule is a reject of class `rule`. NULL breaks only `not_null`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str | None = None
    # The header's text where it differs from the column's name.
    source: str | None = None
    # A strftime format for DATE and DATETIME that aren't ISO 8601.
    format: str | None = None
    not_null: bool = False
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    pattern: str | None = None
    values: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _pattern_compiles(self) -> ColumnRule:
        if self.pattern is not None:
            re.compile(self.pattern)
        return self


class FileRule(BaseModel):
    """A rule on a measured property of the whole file; a file that breaks it is held.

    `check` names a quality check (such as `completeness`), `column` the column where it is one of a column.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str
    column: str | None = None
    minimum: float | None = None
    maximum: float | None = None


class Feed(BaseModel):
    """What is agreed about a kind of file. Everything is optional: an empty feed is the default.

    None means "not said": the dialect is then found out, the rest has the default that the README's chapter on feeds
    gives for each key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The name of its TOML table, and of its folder in the archive.
    name: str | None = None
    # File names that it is about, as in fnmatch; case counts.
    pattern: str | None = None
    table: str | None = None
    mode: Mode | None = None
    # Columns that identify a row; a new table gets a unique index on them.
    key: tuple[str, ...] = ()
    # `file`: an append is one transaction, all or nothing for readers. `batch`: readers may see part of a file. Not
    # said: batch, but file where the table itself can refuse a row (a unique key that the file fills, a trigger, a
    # foreign key).
    visibility: Literal["batch", "file"] | None = None
    # Text of a new table: a .sql file beside feeds.toml or below sql/, with {table} where the name goes.
    create_table: str | None = None
    # A file with a header and no rows.
    empty: Literal["fail", "load"] = "fail"

    delimiter: str | None = None
    # "" means that there is no quote character.
    quote_char: str | None = None
    escape_char: str | None = None
    encoding: str | None = None
    header: bool | None = None
    skip_lines: int | None = Field(default=None, ge=0)
    # Lines at the end that are no rows, such as totals; blank lines don't count.
    skip_footer: int = Field(default=0, ge=0, le=1000)
    # A line that begins with it is no row. "" means that there are no comments.
    comment: str | None = None
    # Texts that mean NULL beside an unquoted empty field, which always does.
    null: tuple[str, ...] = ()
    irregular: Irregular = Irregular.REJECT

    # Columns of a new table that aren't declared become text.
    all_text: bool = False
    # What happens to the columns that no table can hold: the file is refused, or they go into one JSON column.
    wide: Literal["error", "json"] = "error"
    columns: dict[str, ColumnRule] = Field(default_factory=dict)
    # What happens to a column that the existing table doesn't have, or the file lacks.
    new_columns: Literal["evolve", "freeze", "discard"] = "freeze"
    missing_columns: Literal["evolve", "freeze"] = "freeze"
    # What happens to a value that doesn't fit the existing table's column.
    types: Literal["evolve", "freeze"] = "freeze"

    rules: tuple[FileRule, ...] = ()
    max_rejects: Limit = RejectLimit(rows=0)
    # A class that is named has a limit of its own, and its rows don't count against max_rejects.
    max_rejects_per_class: dict[RejectClass, Limit] = Field(default_factory=dict)
    on_duplicate: Literal["skip", "load"] = "skip"

    # Not said: files from the input folder move to the archive, files named elsewhere stay.
    archive: bool | None = None
    archive_days: int | None = Field(default=None, ge=1)
    reject_days: int | None = Field(default=None, ge=1)
    # `sales_1.csv` is complete once `sales_1.csv.done` (for ".done") is there.
    done_marker: str | None = None
    settle_s: float | None = Field(default=None, ge=0)

    @field_validator("table")
    @classmethod
    def _is_a_table_name(cls, name: str | None) -> str | None:
        if name is None:
            return None
        if len(name) > _TABLE_CHARS:
            raise ValueError(f"a table's name has at most {_TABLE_CHARS} characters, and this has {len(name)}")
        if name.lower().startswith(_OWN_TABLES):
            raise ValueError(f"names that begin with {_OWN_TABLES} are those of the engine's own tables")
        if name != name.rstrip() or any(char == "\0" or char > "\uffff" for char in name):
            raise ValueError("a table's name has no blank at its end, no NUL and no emoji")
        return name

    @model_validator(mode="after")
    def _makes_sense(self) -> Feed:
        for label, text in (("quote_char", self.quote_char), ("escape_char", self.escape_char)):
            if text is not None and len(text) > 1:
                raise ValueError(f"{label} is one character, not {text!r}")
        if self.delimiter is not None:
            if not self.delimiter:
                raise ValueError("delimiter is empty")
            if self.delimiter == self.quote_char:
                raise ValueError(f"delimiter and quote_char are both {self.delimiter!r}")
            if any(char in "\r\n" for char in self.delimiter):
                raise ValueError("delimiter can't hold a line end")
        if self.comment and any(char in "\r\n" for char in self.comment):
            raise ValueError("comment can't hold a line end")
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                raise ValueError(
                    f"there is no encoding {self.encoding!r}; try utf-8, cp1252, latin-1 or utf-16"
                ) from None
        if self.mode is Mode.UPSERT and self.visibility == "file":
            raise ValueError("an upsert is one transaction already: visibility = 'file' is for append")
        return self

    @property
    def keeps_columns(self) -> bool:
        """Whether a table that is there keeps its columns and their types, whatever a file holds."""
        return "evolve" not in (self.types, self.new_columns)

    def replaced(self, fields: Mapping[str, object]) -> Feed:
        """Return this feed with some fields replaced, checked again as a whole.

        Raises:
            SettingsError: The result makes no sense.
        """
        if not fields:
            return self
        try:
            return Feed.model_validate({**self.model_dump(exclude_unset=True), **fields})
        except ValidationError as error:
            raise explain(error, "options") from None


class Settings(BaseSettings):
    """Where the servers and folders are and how the engine works. Reads `INGEST_*` and `.env` when constructed.

    Without `mysql_url` or `catalog_url` a private server is started below `local_dir`.
    """

    model_config = SettingsConfigDict(
        env_prefix="INGEST_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    mysql_url: SecretStr | None = None
    catalog_url: SecretStr | None = None
    data_dir: Path = Path("data")
    local_dir: Path = Path(".local")
    # Programs of the private servers; found on PATH where they aren't set.
    mysqld: Path | None = None
    postgres: Path | None = None

    # A batch ends with whichever comes first. bench/README.md has the measurements behind both.
    batch_rows: int = Field(default=250_000, ge=1)
    batch_mb: float = Field(default=6.0, gt=0, le=1024)
    loaders: int = Field(default=2, ge=1, le=64)
    receipt: bool = True
    # A file is complete when its size and time stood still for this long; named files are taken at once.
    settle_s: float = Field(default=2.0, ge=0)
    # How long to wait for another process that loads into the same table.
    lock_wait_s: int = Field(default=600, ge=0)
    connect_timeout_s: int = Field(default=10, ge=1)
    # Loaded step by step, as a scheduler does it: files from so many MiB on are loaded by so many tasks at once.
    split_mb: float = Field(default=256.0, gt=0)
    split_parts: int = Field(default=1, ge=1, le=64)
    # So many tasks a step has at most; where more files wait, several share one.
    units: int = Field(default=128, ge=1, le=1024)

    @property
    def input_dir(self) -> Path:
        return self.data_dir / "input"

    @property
    def staging_dir(self) -> Path:
        return self.data_dir / "staging"

    @property
    def rejects_dir(self) -> Path:
        return self.data_dir / "rejects"

    @property
    def archive_dir(self) -> Path:
        return self.data_dir / "archive"

    @property
    def feeds_path(self) -> Path:
        return self.data_dir / "feeds.toml"

    @property
    def split_bytes(self) -> int:
        return int(self.split_mb * 1024 * 1024)

    @property
    def batch_bytes(self) -> int:
        return max(1, int(self.batch_mb * 1024 * 1024))


def explain(error: ValidationError, where: str) -> SettingsError:
    """Turn pydantic's findings into one sentence that names each setting, its value and the reason."""
    findings = []
    for item in error.errors(include_url=False):
        place = ".".join(str(part) for part in item["loc"])
        value = item.get("input")
        shown = "" if isinstance(value, dict) or "url" in place else f" (is {value!r})"
        # As the user wrote it: a variable of the environment, or an option.
        match where:
            case "settings":
                place = f"INGEST_{place.upper()}"
            case "options":
                place = f"--{place.replace('_', '-')}" if place else ""
        said = item["msg"].removeprefix("Value error, ")
        findings.append(f"{place}{shown}: {said[0].lower()}{said[1:]}" if place else said)
    return SettingsError(f"{where}: {'; '.join(findings)}", code="settings.invalid")


def load_settings(**overrides: object) -> Settings:
    """Read the environment and `.env`, with `overrides` (those not None) on top.

    Raises:
        SettingsError: A setting makes no sense.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        raise explain(error, "settings") from None


_PACKAGE = Path(__file__).resolve().parent
# In a wheel the file travels inside the package, in a checkout it stands in data/.
_SHIPPED_FEEDS = _PACKAGE / "_feeds.toml"
if not _SHIPPED_FEEDS.exists():
    _SHIPPED_FEEDS = _PACKAGE.parent / "data" / "feeds.toml"


def load_feeds(path: Path) -> tuple[Feed, ...]:
    """Read the feeds of a TOML file, one table each; where there is no such file, the shipped ones.

    Raises:
        SettingsError: It isn't TOML, or a feed makes no sense.
    """
    if not path.exists():
        path = _SHIPPED_FEEDS
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}", code="settings.feeds") from None
    feeds = []
    for name, table in tables.items():
        try:
            feeds.append(Feed.model_validate({**table, "name": name} if isinstance(table, dict) else table))
        except ValidationError as error:
            raise explain(error, f"{path}, feed {name}") from None
    return tuple(feeds)


def feed_for(name: str, feeds: tuple[Feed, ...]) -> Feed:
    """Return the first feed whose pattern matches the file's name, else an empty one."""
    for feed in feeds:
        if feed.pattern is not None and fnmatchcase(name, feed.pattern):
            return feed
    return Feed()
