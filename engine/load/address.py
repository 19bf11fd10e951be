"""Where the MySQL server is, how it's reached and how it has to prove itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

from engine.errors import SettingsError

SSL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where the server is. `password` is kept out of every text that this record becomes."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    unix_socket: str | None = None
    ssl_mode: str = "DISABLED"
    ssl_ca: str | None = None

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read `mysql://user:password@host:port/database?ssl_mode=…&ssl_ca=…&unix_socket=…`, also with hyphens.

        `ssl_mode` is one of MySQL's five words. Where it isn't given, a host that isn't this machine has to prove who
        it is (VERIFY_IDENTITY), and on the loopback interface nothing is encrypted (DISABLED).

        Raises:
            SettingsError: It is no such URL. The message doesn't repeat it.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or 3306
            host = parts.hostname
        except ValueError:
            raise _not_a_url() from None
        database = unquote(parts.path.removeprefix("/"))
        if parts.scheme not in ("mysql", "mariadb") or not host or not database or "/" in database:
            raise _not_a_url()
        if not parts.username:
            raise _not_a_url()
        options = {name.lower().replace("-", "_"): values[-1] for name, values in parse_qs(parts.query).items()}
        unknown = set(options) - {"ssl_mode", "ssl_ca", "unix_socket"}
        if unknown:
            raise SettingsError(
                f"INGEST_MYSQL_URL has an unknown option {min(unknown)!r}",
                code="settings.mysql_url",
                next_step="the options are ssl_mode, ssl_ca and unix_socket",
            )
        local = is_local(host) or "unix_socket" in options
        mode = options.get("ssl_mode", "DISABLED" if local else "VERIFY_IDENTITY").upper()
        if mode not in SSL_MODES:
            raise SettingsError(
                f"INGEST_MYSQL_URL has ssl_mode={mode}",
                code="settings.mysql_url",
                next_step="use one of " + ", ".join(SSL_MODES),
            )
        return cls(
            host=host,
            port=port,
            user=unquote(parts.username),
            password=unquote(parts.password or ""),
            database=database,
            unix_socket=options.get("unix_socket"),
            ssl_mode=mode,
            ssl_ca=options.get("ssl_ca"),
        )

    @property
    def is_here(self) -> bool:
        """Whether the server is on this machine, by its host's name or address alone."""
        return is_local(self.host) or self.unix_socket is not None

    @property
    def shared_cores(self) -> int | None:
        """How many cores the server shares with this process; None where it is elsewhere."""
        return len(os.sched_getaffinity(0)) if self.is_here else None

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}/{self.database}"


def _not_a_url() -> SettingsError:
    return SettingsError(
        "INGEST_MYSQL_URL is not a MySQL URL",
        code="settings.mysql_url",
        next_step="write it as mysql://user:password@host:port/database, with special characters %-encoded",
    )


def is_local(host: str) -> bool:
    """Tell whether a host is this machine, by its name or address alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
