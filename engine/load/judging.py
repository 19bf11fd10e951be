"""What a server is set to, held against `sql/mysql/bulk.cnf` and against what a load of this size needs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.load.rights import judge_rights
from engine.load.seen import Seen, size_of
from engine.model import Finding, advice, fine, problem
from engine.sql import ServerSetting, quote_mysql, server_settings
from engine.text import size

# The oldest that have all that the engine relies on: invisible columns on MySQL, and on MariaDB what is tested.
_OLDEST = {False: (8, 0, 23), True: (10, 11, 0)}
# What MySQL and MariaDB take at their start only.
_AT_START = {"innodb_autoinc_lock_mode", "innodb_flush_method", "log_bin"}
# A transaction in the binary log is larger than the text it came from: numbers and dates as text are the smaller part.
_BINLOG_FACTOR = 2
# MySQL's and MariaDB's default, 128 MiB: indexes of more rows than fit are built from the disk.
_SMALL_POOL_BYTES = 128 * 1024**2
# What a person may well have left open besides; the control connection is one of ours.
_OWN_CONNECTIONS = 2
# Nothing is decided by comparing the two clocks; a person who compares two logs is misled.
_CLOCK_S = 5.0
# Bytes for each byte of sales files, which were measured: 1.5 to 1.7 of a table, 0.5 to 0.6 of its two indexes, which are
# sorted in temporary files first.
_DISK_FACTORS = {"datadir": 2.5, "tmpdir": 1.0}
_EXACT = "The engine's promise after a crash is that of the server: what it forgets, the archive has already taken."


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """What loads ask of a server.

    Attributes:
        batch_bytes: So much of a file is one transaction.
        loaders: Connections that load at once.
        waiting_bytes: Files that wait to be loaded.
    """

    batch_bytes: int
    loaders: int
    waiting_bytes: int


def judge(seen: Seen, demand: Demand) -> tuple[Finding, ...]:
    """Return a finding for everything that is looked at, good or bad."""
    return tuple(finding for check in _CHECKS for finding in check(seen, demand))


def _version(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    kind = "MariaDB" if seen.mariadb else "MySQL"
    told = re.search(r"(\d+)\.(\d+)\.(\d+)", seen.version.removeprefix("5.5.5-"))
    found = tuple(int(part) for part in told.groups()) if told else (0, 0, 0)
    oldest = _OLDEST[seen.mariadb]
    if found >= oldest:
        yield fine("version", f"{kind} {'.'.join(map(str, found))}")
        return
    yield problem(
        "version",
        f"{kind} {seen.version}",
        why="Older servers lack what new tables and the ledger are made with.",
        fix=f"use {kind} {'.'.join(map(str, oldest))} or newer",
    )


def _local_infile(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    on = seen.on("local_infile")
    if on and seen.local_infile is None:
        yield fine("local_infile", "on, on the server and in the client library")
        return
    yield problem(
        "local_infile",
        "off in the client library" if on else "OFF on the server",
        why="Every batch is sent by LOAD DATA LOCAL INFILE.",
        fix="build mysqlclient with LOCAL INFILE" if on else _kept(seen, "local_infile", "ON"),
        sql=None if on else _setting(seen, "local_infile", "ON"),
    )


def _tls(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    if seen.tls or seen.address.is_here:
        yield fine("tls", f"encrypted ({seen.tls})" if seen.tls else "not encrypted; the server is on this machine")
        return
    yield advice(
        "tls",
        f"not encrypted (ssl_mode={seen.address.ssl_mode})",
        why="Whoever is on the way reads the rows and may change them.",
        fix="put ?ssl_mode=VERIFY_IDENTITY into INGEST_MYSQL_URL",
    )


def _rights(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    yield from judge_rights(seen)


def _read_only(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    # MySQL's names with two words and MariaDB's.
    exempt = re.compile(r"\b(SUPER|CONNECTION_ADMIN|READ[_ ]ONLY[_ ]ADMIN|ALL PRIVILEGES ON \*\.\*)")
    past = any(exempt.search(line) for line in seen.grants)
    for name in ("super_read_only", "read_only", "innodb_read_only"):
        closed = seen.variables.get(name, "OFF").upper() not in ("OFF", "0")
        if closed and not (name == "read_only" and past):
            yield problem(
                "read_only",
                f"{name} is ON",
                why="The server takes no rows; a replica is set so, and a server that was failed over from.",
                fix="let INGEST_MYSQL_URL name the primary server, or, where it is that, run the statement",
                # Not kept: what is to be read-only after a restart is another's decision.
                sql=None if name == "innodb_read_only" else f"SET GLOBAL {name} = OFF",
            )
            return
    yield fine("read_only", "the server takes writes")


def _settings(seen: Seen, demand: Demand) -> Iterator[Finding]:
    """Hold the server against `bulk.cnf`."""
    del demand
    # LOCAL INFILE is tried out by itself. A variable that this version doesn't have can't be set.
    lines = [line for line in server_settings(mariadb=seen.mariadb) if line.name != "local_infile"]
    lacking = [line for line in lines if line.name in seen.variables and not _reaches(seen, line)]
    for line in lacking:
        yield advice(
            line.name,
            f"{_shown(seen.variables[line.name], line)}; better {line.value}",
            why=line.remark,
            fix=_kept(seen, line.name, line.value),
            sql=_setting(seen, line.name, line.value),
        )
    if not lacking:
        yield fine("bulk_settings", "as in bulk.cnf, or larger")


def _buffer_pool(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    pool = seen.number("innodb_buffer_pool_size") or 0
    if pool > _SMALL_POOL_BYTES:
        yield fine("innodb_buffer_pool_size", size(pool))
        return
    yield advice(
        "innodb_buffer_pool_size",
        size(pool),
        why="Tables and indexes that don't fit are written and read again while they are built; the default is for trying out.",
        fix="on a server of its own take half of its memory or more; " + _kept(seen, "innodb_buffer_pool_size", "1G"),
        sql=_setting(seen, "innodb_buffer_pool_size", "1G"),
    )


def _durable(seen: Seen, demand: Demand) -> Iterator[Finding]:
    """Say what a crash would lose. These make loads faster, and are nobody's choice but the user's."""
    del demand
    wanted = {"innodb_flush_log_at_trx_commit": "1", "innodb_doublewrite": "ON"}
    if seen.on("log_bin"):
        wanted["sync_binlog"] = "1"
    for name, value in wanted.items():
        told = seen.variables.get(name, value).upper()
        if told in (value, "1") or (name == "innodb_doublewrite" and told == "DETECT_AND_RECOVER"):
            continue
        # Both servers know this one at their start only, but for some values that MySQL changes at run time.
        at_start = name == "innodb_doublewrite"
        yield advice(
            "durability",
            f"{name} is {told}",
            why=_EXACT,
            fix=_kept(seen, name, value, at_start=at_start),
            sql=None if at_start else _setting(seen, name, value),
        )
        return
    yield fine("durability", "what is committed survives a crash")


def _transactions(seen: Seen, demand: Demand) -> Iterator[Finding]:
    """Hold what a transaction may have against a batch, which is one."""
    need = demand.batch_bytes * _BINLOG_FACTOR
    limits = {"group_replication_transaction_size_limit": "group replication", "wsrep_max_ws_size": "the cluster"}
    limits |= {"max_binlog_cache_size": "the binary log"} if seen.on("log_bin") else {}
    for name, who in limits.items():
        limit = seen.number(name)
        in_use = name != "wsrep_max_ws_size" or seen.on("wsrep_on")
        # 0 is no limit of group replication's.
        if not limit or limit >= need or not in_use:
            continue
        yield problem(
            "transaction_size",
            f"{name} is {size(limit)}, and a batch of {size(demand.batch_bytes)} may need {size(need)}",
            why=f"A batch is one transaction, and {who} refuses larger ones; so is an upsert whole.",
            fix="lower INGEST_BATCH_MB, or " + _kept(seen, name, str(need)),
            sql=_setting(seen, name, str(need)),
        )
        return
    yield fine("transaction_size", f"a batch of {size(demand.batch_bytes)} fits")


def _cluster(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    several = seen.on("wsrep_on") or (
        seen.variables.get("group_replication_group_name") and not seen.on("group_replication_single_primary_mode")
    )
    if several:
        yield advice(
            "cluster",
            "several servers of a cluster take writes",
            why="The lock that keeps two loads out of one table (GET_LOCK) is one server's own.",
            fix="let INGEST_MYSQL_URL of every worker name the same server",
        )


def _connections(seen: Seen, demand: Demand) -> Iterator[Finding]:
    most = seen.number("max_connections") or 0
    need = demand.loaders + _OWN_CONNECTIONS
    own = seen.number("max_user_connections") or 0
    if 0 < own < need:
        yield problem(
            "connections",
            f"max_user_connections is {own}, and a load opens {need}",
            why="The connections beyond that are refused.",
            fix="lower INGEST_LOADERS, or " + _kept(seen, "max_user_connections", str(need)),
            sql=_setting(seen, "max_user_connections", str(need)),
        )
    elif most - seen.connections + 1 < need:
        room = seen.connections + need
        yield problem(
            "connections",
            f"{seen.connections} of {most} are in use, and a load opens {need}",
            why="The connections beyond max_connections are refused.",
            fix="lower INGEST_LOADERS, or " + _kept(seen, "max_connections", str(room)),
            sql=_setting(seen, "max_connections", str(room)),
        )
    else:
        yield fine("connections", f"{seen.connections} of {most} are in use; a load opens {need}")


def _strict(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    if seen.variables.get("innodb_strict_mode", "ON").upper() == "ON":
        yield fine("innodb_strict_mode", "ON")
        return
    yield advice(
        "innodb_strict_mode",
        "OFF",
        why="A table whose rows can't fit a page is made even so, and the first such row ends the load.",
        fix=_kept(seen, "innodb_strict_mode", "ON"),
        sql=_setting(seen, "innodb_strict_mode", "ON"),
    )


def _character_set(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    if seen.character_set == "utf8mb4":
        yield fine("character_set", "utf8mb4")
        return
    yield advice(
        "character_set",
        f"the database's default is {seen.character_set}",
        why="The engine's own tables are utf8mb4; those made by others, or by a feed's create_table, take the default, and "
        "texts that it can't hold are rejected.",
        fix="run the statement; tables that are there stay as they are",
        sql=f"ALTER DATABASE {quote_mysql(seen.address.database)} CHARACTER SET utf8mb4",
    )


def _table_names(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    mode = seen.variables.get("lower_case_table_names", "0")
    yield fine("table_names", "kept as written" if mode == "0" else f"in one case (lower_case_table_names = {mode})")


def _clock(seen: Seen, demand: Demand) -> Iterator[Finding]:
    del demand
    yield judge_clock(seen.clock_ahead_s, "the ledger")


def judge_clock(ahead_s: float, what: str) -> Finding:
    """Judge by how much a server's clock is ahead of this machine's."""
    if abs(ahead_s) < _CLOCK_S:
        return fine("clock", "as this machine's")
    return advice(
        "clock",
        f"{abs(ahead_s):,.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's",
        why=f"Times in {what} are the server's, times in logs and names this machine's.",
        fix="have both set their clocks by the network (chrony, systemd-timesyncd)",
    )


def _disks(seen: Seen, demand: Demand) -> Iterator[Finding]:
    """Hold what is free where the server writes against what waits, where the server is on this machine."""
    if not seen.address.is_here:
        return
    named = {"datadir": seen.variables.get("datadir", ""), "tmpdir": seen.variables.get("innodb_tmpdir", "")}
    named["tmpdir"] = named["tmpdir"] or seen.variables.get("tmpdir", "").partition(":")[0]
    for name, folder in named.items():
        need = int(demand.waiting_bytes * _DISK_FACTORS[name])
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            # A container's own, or one that this user may not see.
            continue
        if free < need:
            yield advice(
                "server_disk",
                f"{size(free)} are free in the server's {name} {folder}, and what waits may need {size(need)}",
                why="A table and its indexes are larger than the file, and an index is sorted in temporary files.",
                fix=f"free {size(need - free)}" + (", or name a larger disk in tmpdir" if name == "tmpdir" else ""),
            )
            return
    yield fine("server_disk", f"enough for the {size(demand.waiting_bytes)} that wait")


_CHECKS: tuple[Callable[[Seen, Demand], Iterator[Finding]], ...] = (
    _version,
    _local_infile,
    _rights,
    _read_only,
    _tls,
    _transactions,
    _connections,
    _cluster,
    _durable,
    _settings,
    _buffer_pool,
    _strict,
    _character_set,
    _table_names,
    _disks,
    _clock,
)


def _reaches(seen: Seen, line: ServerSetting) -> bool:
    """Tell whether the server has what the line says, or more where it's a size."""
    wanted = size_of(line.value)
    if wanted is not None:
        return (seen.number(line.name) or 0) >= wanted
    told = seen.variables[line.name].upper()
    return {"1": "ON", "0": "OFF"}.get(told, told) == {"1": "ON", "0": "OFF"}.get(
        line.value.upper(), line.value.upper()
    )


def _shown(told: str, line: ServerSetting) -> str:
    """Write a size as configuration files do, such as `96M`, to stand beside the line's."""
    if size_of(line.value) is None or not told.isdecimal():
        return told
    for unit in ("1G", "1M", "1K"):
        count, rest = divmod(int(told), size_of(unit) or 1)
        if count and not rest:
            return f"{count}{unit[1]}"
    return told


def _setting(seen: Seen, name: str, value: str) -> str | None:
    """Return the statement that sets a variable of a running server; MySQL keeps it, MariaDB until it is stopped."""
    if name in _AT_START:
        return None
    in_bytes = size_of(value)
    return f"SET {'GLOBAL' if seen.mariadb else 'PERSIST'} {name} = {value if in_bytes is None else in_bytes}"


def _kept(seen: Seen, name: str, value: str, *, at_start: bool = False) -> str:
    section = "[mariadbd]" if seen.mariadb else "[mysqld]"
    line = f"{name} = {value} below {section} in the server's configuration"
    if at_start or name in _AT_START:
        return f"{line}, then start it again"
    return f"{line} keeps it" if seen.mariadb else "run the statement, which MySQL keeps"
