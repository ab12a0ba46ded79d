"""What reading a file of a given size may take; a process that takes more is ended."""

from dataclasses import dataclass

MIB = 2**20
GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Limits:
    """memory: bytes on top of what the reader takes by itself, and of what it writes; seconds: of processor time.

    deadline: seconds by the clock, for whatever waits without computing; larger, since the machine may be busy.
    """

    memory: int
    seconds: int
    deadline: float


def for_model(size: int) -> Limits:
    """For a model file of `size` bytes: the archive, its arrays as stored and as float32."""
    return _limits(memory=min(GIB + 4 * size, 8 * GIB), seconds=8 + size // (16 * MIB))


def for_data(size: int) -> Limits:
    """For a data file of `size` bytes: pixels may be compressed, and may grow when they are resized."""
    return _limits(memory=min(4 * GIB + 8 * size, 24 * GIB), seconds=9 + 2 * size // MIB)


def _limits(*, memory: int, seconds: int) -> Limits:
    return Limits(memory=memory, seconds=seconds, deadline=60.0 + 6 * seconds)
