"""What a person may say when triggering a run by hand: the fields of the form, their types and their help."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from engine.config import Settings, load_feeds
from engine.errors import SettingsError


def params(settings: Settings) -> dict[str, Param]:
    """Return the DAG's params. Each may be left empty: then the feed or the settings decide."""
    return {
        "folder": Param(
            None,
            type=["null", "string"],
            maxLength=1000,
            title="Folder",
            # Short names: a path that Airflow's form breaks hides the line above it.
            description_md=f"Take the files of this folder instead of `{settings.input_dir.name}`. A path on the workers, "
            "or one relative to the data folder. Loaded files move to the archive all the same.",
        ),
        "pattern": Param(
            None,
            type=["null", "string"],
            maxLength=500,
            title="File names",
            description_md="Take only files whose name fits, such as `sales_2024*.csv`. Case counts.",
        ),
        "feed": Param(
            None,
            type=["null", "string"],
            title="Feed",
            description_md=f"Treat every file by this feed of `{settings.feeds_path.name}` instead of the first whose "
            "pattern fits.",
            **_choice(settings),
        ),
        "table": Param(
            None,
            type=["null", "string"],
            maxLength=64,
            title="Table",
            description_md="Load into this table instead of the feed's, or the one named after the file.",
        ),
        "batch_rows": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Rows of a batch",
            description_md=f"A batch ends after so many rows, or {settings.batch_mb:g} MB, whichever comes first. "
            f"Empty: {settings.batch_rows:,}.",
        ),
        "max_rejects": Param(
            None,
            type=["null", "string", "integer"],
            pattern=r"^\s*(\d+|\d+(\.\d+)?\s*%)?\s*$",
            minimum=0,
            # With examples the form has a line for it; without, text of two types gets an editor of many lines.
            examples=["100", "0.5%"],
            title="Rejected rows allowed",
            description_md="A number such as `100`, or a share of the rows such as `0.5%`. A file with more of them is "
            "not loaded. Empty: what the feed says, else 0.",
        ),
    }


def chosen(params: dict[str, Any]) -> dict[str, Any]:
    """Return what was said, without the fields left empty."""
    names = ("folder", "pattern", "feed", "table", "batch_rows", "max_rejects")
    said = {name: params.get(name) for name in names}
    return {name: value for name, value in said.items() if value is not None and str(value).strip()}


def _choice(settings: Settings) -> dict[str, Any]:
    """Return the feeds to choose from; a file of feeds that can't be read is told by the run, not by the form."""
    try:
        names = [feed.name for feed in load_feeds(settings.feeds_path)]
    except SettingsError:
        return {}
    return {"enum": [None, *names], "values_display": {"null": "as the file's name says"}}
