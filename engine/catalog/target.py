"""Where the catalog is: its URL, read once."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.errors import CatalogError

# Seconds and milliseconds after which a connection whose other end is silently gone counts as lost; without them
# the kernel waits for two hours before it asks and for 15 minutes before it gives up.
_KEEPALIVE: dict[str, str | int] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

# For every session. `ingestion_timestamp` and `created_at` have no zone: they are UTC, wherever the server is. A
# statement that waits behind somebody's open transaction fails with a sentence instead of hanging.
SESSION = ("SET TIME ZONE 'UTC'", "SET lock_timeout = '60s'")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where the catalog is. Only `conninfo` holds the password, and no message shows it."""

    conninfo: str = field(repr=False)
    user: str
    place: str

    def __str__(self) -> str:
        return self.place


def target_of(url: str, *, connect_timeout_s: int) -> Target:
    """Read a URL such as `postgresql://user:password@host:5432/database`, or libpq's `host=… dbname=…`.

    Raises:
        CatalogError: `catalog.url`: it is neither.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        parts = None  # its words would quote the URL, password and all
    if parts is None:
        raise CatalogError(
            "the catalog's URL is not one of PostgreSQL",
            code="catalog.url",
            next_step="write it as postgresql://user:password@host:5432/database, with special characters of the "
            "user and password percent-encoded (@ is %40)",
        )
    # libpq tries at least 2 s, and 0 would mean for ever.
    own: dict[str, str | int] = {"connect_timeout": max(2, connect_timeout_s), "application_name": "headrace"}
    own |= {name: value for name, value in (_KEEPALIVE | _verified(parts)).items() if name not in parts}
    host = parts.get("host") or parts.get("hostaddr") or "localhost"
    port = parts.get("port") or "5432"
    user = str(parts.get("user") or "the default user")
    return Target(conninfo=make_conninfo(url, **own), user=user, place=f"{host}:{port}/{parts.get('dbname') or user}")


def _verified(parts: Mapping[str, object]) -> dict[str, str | int]:
    """Let a server elsewhere prove who it is, unless the URL or libpq's own PGSSLMODE says otherwise."""
    hosts = str(parts.get("host") or parts.get("hostaddr") or "").split(",")
    # What libpq takes from its own environment variables and files, or else its built-in words.
    usual = {option.keyword: option.val for option in pq.Conninfo.get_defaults()}
    if all(is_local(host) for host in hosts) or usual.get(b"sslmode") != b"prefer":
        return {}
    wanted: dict[str, str | int] = {"sslmode": "verify-full"}
    authorities = ssl.get_default_verify_paths().cafile
    # libpq's own place comes first; without it, libpq knows no authority at all.
    if authorities and not usual.get(b"sslrootcert") and not Path("~/.postgresql/root.crt").expanduser().exists():
        wanted["sslrootcert"] = authorities
    return wanted


def is_local(host: str) -> bool:
    """Tell whether a host is this machine, by its name or address alone."""
    # A folder's or an abstract socket's name, or libpq's default, which is a socket.
    if not host or host == "localhost" or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
