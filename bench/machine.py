"""What the figures depend on besides the code: machine and versions."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import MySQLdb

_PEERS = Path(__file__).resolve().parent / "peers"
_PACKAGES = ("headrace", "mysqlclient", "numpy", "polars", "psycopg", "pyarrow")


def machine() -> dict[str, object]:
    """Return processor, memory, system and load of this machine."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(memory_bytes / 1e9, 1),
        "system": platform.platform(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """Return the versions of Python, of the packages that do the work, and of MySQL's client library."""
    found = {name: version(name) for name in _PACKAGES}
    found |= {"python": platform.python_version(), "mysql_client_library": MySQLdb.get_client_info()}
    commit = _commit()
    return found if commit is None else {**found, "commit": commit}


def peer_versions() -> dict[str, dict[str, str]]:
    """Return what each peer's environment is made of, as far as it's pinned."""
    return {
        path.stem: {
            package.partition("[")[0]: pinned
            for line in path.read_text(encoding="utf-8").splitlines()
            for package, equals, pinned in [line.partition("==")]
            if equals
        }
        for path in sorted(_PEERS.glob("*.txt"))
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str | None:
    """Return the checkout's commit, with "+" where files differ from it; None outside of a checkout."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=Path(__file__).parent,
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()
