"""Virtual environments for what is measured beside the engine: one each, in `.local/peers`, made once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".local" / "peers"


def environment(name: str, requirements: Path) -> Path:
    """Return the interpreter of an environment; make it where it isn't there or isn't what is required.

    Raises:
        RuntimeError: It can't be made.
    """
    folder = FOLDER / name
    python, stamp = folder / "bin" / "python", folder / "stamp"
    wanted = requirements.read_text(encoding="utf-8")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise RuntimeError(f"{' '.join(step[-3:])} failed: {said[-1] if said else f'status {done.returncode}'}")
    stamp.write_text(wanted, encoding="utf-8")
    return python
