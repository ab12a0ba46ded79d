"""Starts the child, waits for its answer and no longer, and says what became of it."""

import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any, BinaryIO

from nc_core.errors import QuarantineFailed
from nc_core.quarantine.answer import BYTES, Answer, decode
from nc_core.quarantine.limits import Limits

UNCONFINED = "CLEANSE_ALLOW_UNCONFINED_INTAKE"
"""Environment variable; 1: read untrusted files also where the system cannot confine the reader."""

CHILD = ("-I", "-m", "nc_core.quarantine.child")
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Variables that the interpreter itself may need to start."""
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_COMPLAINT = 2000


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A child that has ended. status: exit code, or minus the signal; answer: None where it gave none.

    overdue: it was ended at its deadline. complaint: the end of what it wrote to standard error. seconds: of
    processor time; peak: bytes of memory, no less than the parent took when it started the child.
    """

    answer: Answer | None
    status: int
    overdue: bool
    complaint: str
    seconds: float
    peak: int


def run(order: Mapping[str, Any], source: BinaryIO, output: BinaryIO, limits: Limits) -> Ended:
    """Have a child read `source` and write to `output`; both must be open files of the system.

    Raises QuarantineFailed where it cannot be started.
    """
    whole = {
        **order,
        "output": output.fileno(),
        "limits": asdict(limits),
        "unconfined": os.environ.get(UNCONFINED) == "1",
    }
    source.seek(0)
    try:
        process = subprocess.Popen(
            [sys.executable, *CHILD, json.dumps(whole)],
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(output.fileno(),),
            env=_environment(),
            cwd="/",
            start_new_session=True,  # Ctrl-C in the parent's terminal says nothing about the file
        )
    except OSError as error:
        raise QuarantineFailed(f"the process that reads untrusted files does not start: {error}") from error
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        try:
            said = _said(process.stdout, time.monotonic() + limits.deadline)
        finally:
            # Once it has answered it has nothing left to do; and it must not outlive an exception here.
            state, usage = _end(process.pid, within=1.0)
            process.returncode = os.waitstatus_to_exitcode(state)
        return Ended(
            answer=decode(said) if said else None,
            status=process.returncode,
            overdue=said is None,
            complaint=_complaint(process.stderr),
            seconds=usage.ru_utime + usage.ru_stime,
            peak=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    of_libraries = {"HDF5_USE_FILE_LOCKING": "FALSE", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    return {**kept, **dict.fromkeys(_ONE_THREAD, "1"), **of_libraries}


def _said(pipe: IO[bytes], deadline: float) -> bytes | None:
    """What comes through the pipe until its end, or until there is more than an answer has; None at the deadline."""
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(said) <= BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            part = os.read(pipe.fileno(), BYTES)
            if not part:
                break
            said += part
    return said


def _end(pid: int, within: float) -> tuple[int, resource.struct_rusage]:
    """Wait a moment for the end that follows the last byte, then bring it about; returns what became of it."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found, state, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return state, usage
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)  # not waited for yet, so the number is still its own
    _, state, usage = os.wait4(pid, 0)
    return state, usage


def _complaint(pipe: IO[bytes]) -> str:
    """What the pipe holds, at most; the child has ended, so that this does not wait."""
    os.set_blocking(pipe.fileno(), False)
    return " ".join((pipe.read(2**16) or b"").decode("utf-8", "replace").split())[-_COMPLAINT:]


def signal_name(status: int) -> str:
    """Of a negative status."""
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
