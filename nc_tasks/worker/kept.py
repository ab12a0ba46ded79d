"""Gives back what a process keeps for the next task: nets, images and compiled programs, and the memory they had."""

import ctypes
import gc
from collections.abc import Callable

_drops: list[Callable[[], None]] = []


def dropping(drop: Callable[[], None]) -> Callable[[], None]:
    """Decorates what lets go of everything that a module keeps and no task has at this moment."""
    _drops.append(drop)
    return drop


def drop() -> None:
    """Let go of all of it."""
    for one in _drops:
        one()
    gc.collect()
    # glibc keeps what was freed for the next allocation; other libraries have no such call.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
