"""Landlock: a second lock on files, TCP and signals, where the kernel has one (Linux 5.13 and later).

The seccomp filter lets no file be opened at all; this holds even where somebody finds a way around it. No rule is
added, so nothing is allowed: what the process needs is open before.
"""

import ctypes
import os

from nc_core.quarantine.errors import Unconfined

_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # the same on every processor
_VERSION = 1
_FILES = {1: 2**13 - 1, 2: 2**14 - 1, 3: 2**15 - 1, 5: 2**16 - 1}
_NETWORK = {4: 2**2 - 1}
_SCOPE = {6: 2**2 - 1}
"""ABI version -> bits of the rights that are known from it on (linux/landlock.h)."""


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scope", ctypes.c_uint64)]


def install() -> int:
    """Deny this process every right that the kernel's Landlock knows; returns its ABI, 0 where there is none.

    `no_new_privs` must be set. Raises Unconfined where the kernel has it and does not take it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    if abi < 1:
        return 0
    ruleset = _Ruleset(*(_known(rights, abi) for rights in (_FILES, _NETWORK, _SCOPE)))
    size = 8 * sum(bool(part) for part in (ruleset.files, ruleset.network, ruleset.scope))
    handle = libc.syscall(
        ctypes.c_long(_CREATE_RULESET), ctypes.byref(ruleset), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    if handle < 0 or libc.syscall(ctypes.c_long(_RESTRICT_SELF), ctypes.c_int(handle), ctypes.c_uint32(0)) != 0:
        raise Unconfined(f"the kernel has Landlock {abi} and refuses it ({os.strerror(ctypes.get_errno())})")
    os.close(handle)
    return int(abi)


def _known(rights: dict[int, int], abi: int) -> int:
    return max((bits for since, bits in rights.items() if since <= abi), default=0)
