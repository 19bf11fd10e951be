"""What a look at the servers, the machine and the folders has found, before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is: as it should be, worth a change, or in the way of a load."""

    OK = "ok"
    ADVICE = "advice"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: Its stable name, such as `local_infile`.
        found: What was seen.
        why: Why that matters; empty where all is well.
        fix: What to do, one sentence or line; empty where all is well.
        sql: The statement that does it at once, for an administrator of the server, where there is one.
    """

    check: str
    severity: Severity
    found: str
    why: str = ""
    fix: str = ""
    sql: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """A server, this machine or the folders, by what was found there; `name` says where it is, without a password."""

    name: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """All that was looked at."""

    places: tuple[Examined, ...]

    @property
    def ok(self) -> bool:
        """Nothing that was found would stop a load."""
        return all(one.severity is not Severity.PROBLEM for place in self.places for one in place.findings)


def fine(check: str, found: str) -> Finding:
    """Return a finding that nothing has to be done about."""
    return Finding(check=check, severity=Severity.OK, found=found)


def advice(check: str, found: str, *, why: str, fix: str, sql: str | None = None) -> Finding:
    """Return a finding that is worth a change."""
    return Finding(check=check, severity=Severity.ADVICE, found=found, why=why, fix=fix, sql=sql)


def problem(check: str, found: str, *, why: str, fix: str, sql: str | None = None) -> Finding:
    """Return a finding that would stop a load."""
    return Finding(check=check, severity=Severity.PROBLEM, found=found, why=why, fix=fix, sql=sql)
