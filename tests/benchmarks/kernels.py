"""The share of time in which a device is at work, from what TensorFlow's profiler writes down."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

STREAMS = "Stream"
"""Lines of a GPU that hold what it has run, kernels and copies; others repeat it in another order."""
THREADS = "tf_"
"""Lines of the host that hold what the threads of TensorFlow's pools have run."""

Span = tuple[float, float]
"""Begin and end, in seconds."""


def share_in_kernels(work: Callable[[], object]) -> float | None:
    """The share of the time of `work` in which at least one kernel ran; None where the trace holds none at all.

    Without a GPU the threads of TensorFlow's pools stand in for it: at least one was inside an operation.
    """
    from tensorflow.profiler import experimental as profiler

    with tempfile.TemporaryDirectory(prefix="cleanse-trace-") as folder:
        profiler.start(folder)
        try:
            begin = time.perf_counter()
            work()
            seconds = time.perf_counter() - begin
        finally:
            profiler.stop()
        spans = list(_spans(_planes(Path(folder))))
    return min(1.0, covered(spans) / seconds) if spans else None


def covered(spans: Iterable[Span]) -> float:
    """Seconds that lie in at least one of the spans."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def _planes(folder: Path) -> list[Any]:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    planes: list[Any] = []
    for file in folder.rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace()
        space.ParseFromString(file.read_bytes())
        planes.extend(space.planes)
    return planes


def _spans(planes: list[Any]) -> Iterator[Span]:
    devices = [plane for plane in planes if plane.name.startswith("/device:GPU")]
    start = STREAMS if devices else THREADS
    for plane in devices or [plane for plane in planes if plane.name == "/host:CPU"]:
        for line in plane.lines:
            if line.name.startswith(start):
                for event in line.events:
                    begin = line.timestamp_ns * 1e-9 + event.offset_ps * 1e-12
                    yield begin, begin + event.duration_ps * 1e-12
