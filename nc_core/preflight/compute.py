"""What the machine at hand computes fastest in."""

from pathlib import Path

from nc_core.inversion import backend
from nc_core.models import Compute

_CPU_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
"""Instructions that multiply bfloat16, as Linux names them."""


def quick_compute(processors: Path = Path("/proc/cpuinfo")) -> Compute:
    """What this machine computes fastest in, for work whose result is checked in float32 later.

    bfloat16 where the processor has instructions for it: 1.5 to 1.7 times faster there, and slower everywhere else. On
    a GPU float32, because nothing was measured on one. It goes by what the processor says and not by a measurement, so
    that the same machine gives the same numbers every time.
    """
    if backend.on_gpu():
        return "float32"
    try:
        lines = processors.read_text().splitlines()
    except OSError:
        return "float32"
    flags = {flag for line in lines if line.startswith("flags") for flag in line.split()}
    return "bfloat16" if flags & _CPU_FLAGS else "float32"
