"""A seccomp filter that leaves a process what arithmetic and open files need: Linux on x86-64 and ARM64.

It is a list of what is allowed. Everything else (opening or naming files, sockets, new processes and threads, signals
to others, tracing, new executable memory) answers EPERM, also calls that no kernel has yet. An error and not the
end of the process, because the libraries probe for things that they can do without: hostile code gains nothing from
an error, and an honest file is not lost to a new version of libc. Calls of another processor mode end the process:
their numbers would mean other things.
"""

import ctypes
import errno
import os
import platform
from collections.abc import Sequence

from nc_core.quarantine.errors import Unconfined

ALLOWED = {
    "read": (0, 63),  # files that are open already
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "lseek": (8, 62),
    "close": (3, 57),
    "fstat": (5, 80),
    "mmap": (9, 222),  # memory, see below
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "brk": (12, 214),
    "madvise": (28, 233),
    "rt_sigreturn": (15, 139),  # waiting, time, chance
    "restart_syscall": (219, 128),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "getrandom": (318, 278),
    "getpid": (39, 172),  # the end
    "gettid": (186, 178),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
"""Name of a call -> its number on x86-64 and on ARM64."""

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Processors in the order of those numbers, with the kernel's name for each (AUDIT_ARCH_*)."""

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF: ld abs, jeq, jset, ret
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_NUMBER, _ARCHITECTURE, _THIRD_ARGUMENT = 0, 4, 32  # places in struct seccomp_data
_PROT_EXEC = 4
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _TSYNC = 1, 1


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction))]


def program(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter for a processor as BPF: (code, lines to skip if true, if false, value)."""
    column = list(MACHINES).index(machine)
    numbers = {name: both[column] for name, both in ALLOWED.items()}
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, MACHINES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        # Memory that can be run: never again.
        (_EQUAL, 1, 0, numbers.pop("mmap")),
        (_EQUAL, 0, 4, numbers.pop("mprotect")),
        (_LOAD, 0, 0, _THIRD_ARGUMENT),
        (_ANY_BIT, 0, 1, _PROT_EXEC),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    for number in numbers.values():
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    return [*lines, (_RETURN, 0, 0, _REFUSE)]


def install() -> None:
    """Put the filter on this process for good, and see that it holds; raises Unconfined.

    `no_new_privs` must be set.
    """
    name = platform.machine()
    if name not in MACHINES:
        raise Unconfined(f"there is no seccomp filter for the processor {name!r} (only for {', '.join(MACHINES)})")
    apply(program(name))
    try:
        os.close(os.open("/", os.O_RDONLY))
    except PermissionError:
        return
    raise Unconfined("the kernel took a seccomp filter and does not keep to it")


def apply(lines: Sequence[tuple[int, int, int, int]]) -> None:
    """Put a filter on all threads of this process; raises Unconfined where the kernel does not take it."""
    array = (_Instruction * len(lines))(*(_Instruction(*line) for line in lines))
    libc = ctypes.CDLL(None, use_errno=True)
    found = libc.syscall(
        ctypes.c_long(_SECCOMP[platform.machine()]),
        ctypes.c_ulong(_SET_MODE_FILTER),
        ctypes.c_ulong(_TSYNC),
        ctypes.byref(_Program(len(lines), array)),
    )
    if found != 0:
        raise Unconfined(f"the kernel takes no seccomp filter ({os.strerror(ctypes.get_errno()) or found})")
