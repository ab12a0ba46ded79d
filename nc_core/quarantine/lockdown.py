"""A process gives up, for good, all that reading one open file does not need."""

import ctypes
import resource
import signal
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

from nc_core.quarantine import landlock, seccomp
from nc_core.quarantine.errors import Unconfined
from nc_core.quarantine.limits import Limits

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


def lock(limits: Limits, *, unconfined: bool = False) -> str:
    """Set the limits and lock this process in; everything that it imports and opens must be there already.

    Returns what is missing, as a phrase, "" where nothing is. Raises Unconfined where Linux cannot confine it, unless
    `unconfined` allows that. Other systems have nothing but the limits.
    """
    on_linux = sys.platform.startswith("linux")
    _limit(limits, strict=on_linux)
    if not on_linux:
        return f"{sys.platform} has neither seccomp nor Landlock"
    # Where memory runs out, the kernel ends this process and not the worker.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        for option, value in (
            (_PR_SET_PDEATHSIG, signal.SIGKILL),
            (_PR_SET_DUMPABLE, 0),
            (_PR_SET_NO_NEW_PRIVS, 1),
        ):
            _prctl(option, value)
        landlock.install()
        _set("RLIMIT_NOFILE", 0)
        seccomp.install()
    except Unconfined as missing:
        if not unconfined:
            raise
        return str(missing)
    return ""


def _limit(limits: Limits, *, strict: bool) -> None:
    """Lower the limits of this process; not `strict`: those that the system lets be lowered."""
    with nullcontext() if strict else suppress(ValueError, OSError):
        for name in ("RLIMIT_CORE", "RLIMIT_NPROC", "RLIMIT_MEMLOCK"):
            _set(name, 0)
        _set("RLIMIT_FSIZE", limits.memory)
        _set("RLIMIT_CPU", limits.seconds, limits.seconds + 2)
        _set("RLIMIT_AS", limits.memory + _size())


def _set(name: str, soft: int, hard: int | None = None) -> None:
    """Lower one limit, never above what it was; without `hard` both."""
    kind = getattr(resource, name)
    _, before = resource.getrlimit(kind)
    wanted = (soft, soft if hard is None else hard)
    if before != resource.RLIM_INFINITY:
        wanted = (min(wanted[0], before), min(wanted[1], before))
    resource.setrlimit(kind, wanted)


def _size() -> int:
    """Bytes of address space in use, as far as the system tells."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(ctypes.c_int(option), *(ctypes.c_ulong(each) for each in (value, 0, 0, 0))) != 0:
        raise Unconfined(f"prctl({option}) fails with error {ctypes.get_errno()}")
