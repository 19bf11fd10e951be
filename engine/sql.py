"""SQL is text in `sql/`; here it is found, and identifiers are quoted, for every room that speaks SQL."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# In a wheel the folder travels inside the package, in a checkout it stands at the top level.
_FOLDER = _PACKAGE / "_sql" if (_PACKAGE / "_sql").is_dir() else _PACKAGE.parent / "sql"


@cache
def statement(name: str) -> str:
    """Return the text of one file below `sql/`, such as `mysql/ledger_file.sql`.

    Raises:
        FileNotFoundError: There is no such file, which is a bug.
    """
    return (_FOLDER / name).read_text(encoding="utf-8")


def script_names(folder: str) -> tuple[str, ...]:
    """Return the names, below `sql/`, of the `.sql` files in `folder`, in order."""
    return tuple(f"{folder}/{path.name}" for path in sorted((_FOLDER / folder).glob("*.sql")))


def split_script(text: str) -> tuple[str, ...]:
    """Split a script at semicolons that end a line, dropping comment lines and empty statements."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    parts = "\n".join(lines).split(";\n")
    return tuple(part.strip().rstrip(";") for part in parts if part.strip().rstrip(";"))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSetting:
    """One line of `mysql/bulk.cnf`: a variable's name, the option that sets it, and the comment above it."""

    name: str
    option: str
    value: str
    remark: str


@cache
def server_settings(*, mariadb: bool) -> tuple[ServerSetting, ...]:
    """Return the settings of `mysql/bulk.cnf` that a server of this kind reads, in order.

    MySQL has no section that MariaDB doesn't read: what only MySQL knows is marked `loose_`, which means that a server
    may pass over it.
    """
    found: list[ServerSetting] = []
    section, remark = "", ""
    for line in map(str.strip, statement("mysql/bulk.cnf").splitlines()):
        if line.startswith("#"):
            remark = f"{remark} {line.removeprefix('#').strip()}".strip()
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if line.startswith("["):
            section = line.strip("[]")
        elif equals and (section == "mysqld" or mariadb) and not (mariadb and name.startswith("loose_")):
            found.append(ServerSetting(name=name.removeprefix("loose_"), option=name, value=value, remark=remark))
        remark = ""
    return tuple(found)


def text_mysql(text: str) -> str:
    """Write a text for a statement of MySQL that takes no bound value, where a backslash escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''").replace("\0", "\\0") + "'"


def quote_mysql(*names: str) -> str:
    """Quote an identifier for MySQL; several names become a qualified one, `db`.`table`."""
    for name in names:
        if not name or "\x00" in name:
            raise ValueError(f"not an identifier: {name!r}")
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)
