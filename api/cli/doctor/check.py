"""One finding of the doctor."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]
"""warn: scans run, but not as they might. fail: scans cannot run, or their results cannot be trusted."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """name: what was looked at. found: one line. advice: what to do, empty where all is well."""

    name: str
    state: State
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name=name, state="ok", found=found)


def warn(name: str, found: str, advice: str) -> Check:
    """Worth knowing."""
    return Check(name=name, state="warn", found=found, advice=advice)


def fail(name: str, found: str, advice: str) -> Check:
    """Must be mended."""
    return Check(name=name, state="fail", found=found, advice=advice)
