"""Processes that may not be our children: who they are, and how they are brought to an end."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

POLL_SECONDS = 0.02
KILLED_SECONDS = 5.0
"""How long a killed process may take to vanish: the kernel may be writing its memory out."""
_PR_SET_PDEATHSIG = 1


def started_at(pid: int) -> float | None:
    """When the process was started, None where none runs: tells it from a later one with its number.

    On Linux in ticks since the system's start, which no change of the clock moves; else in Unix seconds.
    """
    try:
        if sys.platform == "linux":
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return None if state in "ZX" else float(fields[18])
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except (OSError, psutil.NoSuchProcess):
        return None


def is_process(pid: int, started: float) -> bool:
    """Whether this process, and no later one of the same number, still runs."""
    return started_at(pid) == started


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll; False where the condition did not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def send(pid: int, number: signal.Signals) -> None:
    """Signal the process if it is still there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def stop_process(pid: int, started: float, *, seconds: float) -> None:
    """Ask the process to end, and kill it where it does not within the time."""
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILLED_SECONDS)):
        if not is_process(pid, started):
            return
        send(pid, number)
        if wait_until(lambda: not is_process(pid, started), patience):
            return


def stop_session(pid: int, started: float, *, seconds: float) -> None:
    """Stop a process that leads a session of its own, and then whatever it has left behind there."""
    stop_process(pid, started, seconds=seconds)
    kill_session(pid)


def kill_session(pid: int) -> None:
    """Kill what is left of the session that the ended process `pid` led.

    The number of a session is not given to a new process while the session has members; where a process of
    that number runs, the session had none, and it is left alone.
    """
    if started_at(pid) is not None:
        return
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == pid:
                process.kill()
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue


def before_start(processors: frozenset[int] | None = None) -> Callable[[], None] | None:
    """What a child calls before its program starts, so that the kernel ends it with its parent (Linux).

    processors: the only ones that it may use.
    """
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None, use_errno=True), os.getpid()

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)
        if processors is not None:
            os.sched_setaffinity(0, processors)

    return ask_kernel
