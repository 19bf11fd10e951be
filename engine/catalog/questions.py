"""The named questions in `sql/postgres/queries/`: what each asks, and what it wants to know for that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath

from engine.errors import CatalogError
from engine.sql import script_names, statement

_FOLDER = "postgres/queries"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A named query: `asks` is its leading comment, `sql` has psycopg's `%(name)s` for each of `parameters`."""

    name: str
    asks: str
    sql: str
    parameters: tuple[str, ...]

    def bind(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return a value for each parameter, None where there is none: the query then takes its default.

        Raises:
            CatalogError: A value for a parameter that the question doesn't have.
        """
        for name in values:
            if name not in self.parameters:
                raise CatalogError(
                    f"the question {self.name} has no parameter {name}",
                    code="catalog.question",
                    next_step=f"it takes {', '.join(self.parameters) or 'none'}",
                )
        return {name: values.get(name) for name in self.parameters}


def question_names() -> tuple[str, ...]:
    """Return the names of all questions, sorted."""
    return tuple(PurePosixPath(path).stem for path in script_names(_FOLDER))


def question(name: str) -> Question:
    """Find a question by its name.

    Raises:
        CatalogError: There is none of that name.
    """
    names = question_names()
    if name not in names:
        close = get_close_matches(name, names, n=1)
        raise CatalogError(
            f"the catalog has no question {name!r}",
            code="catalog.question",
            next_step=f"did you mean {close[0]}?" if close else f"ask one of {', '.join(names)}",
        )
    lines = statement(f"{_FOLDER}/{name}.sql").splitlines()
    comments = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    # Without comments: psycopg would look for parameters in them as well.
    sql = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    return Question(
        name=name,
        asks=" ".join(comments),
        sql=sql,
        parameters=tuple(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql))),
    )
