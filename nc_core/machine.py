"""How much memory there is: the machine's, or less where a container says so."""

from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
NAMES = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
"""Limit and use of this process' control group: version 2 and version 1."""


def machine_bytes(cgroup: Path = CGROUP) -> int:
    """Memory that all processes here may have together."""
    limit, _ = _container(cgroup)
    total = int(psutil.virtual_memory().total)
    return total if limit is None else min(total, limit)


def free_bytes(cgroup: Path = CGROUP) -> int:
    """Memory that is free now."""
    limit, used = _container(cgroup)
    available = int(psutil.virtual_memory().available)
    return available if limit is None else max(0, min(available, limit - used))


def _container(cgroup: Path) -> tuple[int | None, int]:
    """Limit and use; no limit outside a container, or where none was set ("max", or a number beyond any machine)."""
    for limit, used in NAMES:
        try:
            return int((cgroup / limit).read_text()), int((cgroup / used).read_text())
        except (OSError, ValueError):
            continue
    return None, 0
