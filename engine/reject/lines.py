"""A line of the JSON Lines files that stand beside the rejected rows."""

from __future__ import annotations

import json
import re

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]

# What `json` leaves as it is: DEL, the C1 controls (0x9b begins a terminal's commands), line and paragraph separators
# and the marks that turn the direction of text. JSON writes the other controls as escapes.
_CONTROLS = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def json_line(entry: dict[str, Json]) -> bytes:
    """Write one line without control characters, so that a terminal that shows it does nothing else."""
    text = json.dumps(entry, ensure_ascii=False)
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode() + b"\n"
