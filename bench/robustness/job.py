"""What a worker is asked: one file, its form, and how careful to be; it travels as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bench.robustness.truth import Cells, CsvFile, Form

# `careful`: as the tool's documentation says for files that may be broken. `default`: the dialect and nothing else.
Setting = Literal["careful", "default"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One file for one tool.

    Attributes:
        table: A name that no other file of the same tool has.
        width: Fields of the header.
        sample: The first rows as they are meant, from which a person would declare a table.
    """

    path: Path
    form: Form
    setting: Setting
    table: str
    width: int
    sample: tuple[Cells, ...]
    told: Mapping[str, object]
    settings: Mapping[str, object]

    @classmethod
    def of(cls, file: CsvFile, folder: Path, setting: Setting, number: int) -> Job:
        """Make the job of a file that is in a folder."""
        return cls(
            path=folder / file.name,
            form=file.form,
            setting=setting,
            table=f"f{number}",
            width=file.truth.width,
            sample=file.truth.rows[:10],
            told=file.told,
            settings=file.settings,
        )

    def plain(self) -> dict[str, object]:
        """Return what `json` can write."""
        return {**asdict(self), "path": str(self.path)}

    @classmethod
    def from_plain(cls, plain: dict[str, object]) -> Job:
        """Return the job that `plain` was made of."""
        form, path, sample = plain["form"], plain["path"], plain["sample"]
        assert isinstance(form, dict)
        assert isinstance(sample, list)
        given = {**plain, "form": Form(**form), "path": Path(str(path)), "sample": tuple(map(tuple, sample))}
        return cls(**given)  # type: ignore[arg-type]  # as they were written
