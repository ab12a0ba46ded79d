"""Shows the phases of a scan: live bars on a terminal, now and then a line elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from api.results.numbers import count, duration
from api.watching import PHASES, Snapshot

LINE_SECONDS = 10.0
NAMES = {
    "prepare": "Preparing",
    "inversion": "Reversing triggers",
    "detection": "Detection",
    "repair": "Repair",
}


def display_for(console: Console) -> "BarDisplay | LineDisplay":
    """Bars where somebody looks, lines where the output goes into a file."""
    return BarDisplay(console) if console.is_terminal else LineDisplay(console)


def shares(seen: Snapshot) -> dict[str, float]:
    """The done share of every phase; a phase that was left counts as done, unless it was not needed."""
    reached = len(PHASES) if seen.phase is None else PHASES.index(seen.phase)
    partial = {"inversion": seen.inversion, "repair": seen.repair}
    done = {
        phase: 1.0 if index < reached else partial.get(phase, 0.0) if index == reached else 0.0
        for index, phase in enumerate(PHASES)
    }
    return done if seen.repairs else {**done, "repair": 0.0}


def detail(phase: str, seen: Snapshot) -> str:
    """What a bar says beside its share."""
    if phase == seen.phase and seen.awaited:
        return f"waiting for {seen.awaited} of {count(seen.clean_scans, 'clean scan')}"
    if phase != "inversion" or not seen.labels:
        return ""
    if seen.phase != "inversion":
        return count(seen.labels_total, "label")
    ended = f"{seen.labels_ended:,} of {count(seen.labels, 'label')}"
    of_range = f"value range {seen.range + 1} of {seen.ranges}: " if seen.ranges > 1 else ""
    if seen.purpose == "screening":
        return f"{of_range}screening {seen.round + 1} of {seen.screenings}: {ended}"
    return f"{of_range}confirming {ended}" if seen.purpose == "confirmation" else f"{of_range}{ended}"


class BarDisplay:
    """One bar a phase, with elapsed and remaining time."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description:<19}"),
            BarColumn(bar_width=32, pulse_style="bar.pulse"),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[detail]}"),
        )
        self._progress = Progress(*columns, console=console, refresh_per_second=4)
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, seen: Snapshot) -> None:
        """Move the bars; a phase gets its bar when it begins."""
        for phase, share in shares(seen).items():
            if phase not in self._bars and (share or seen.phase == phase):
                self._bars[phase] = self._progress.add_task(NAMES[phase], total=1.0, detail="")
            if phase in self._bars:
                self._progress.update(self._bars[phase], completed=share, detail=detail(phase, seen))


class LineDisplay:
    """A line at every change of phase and about every ten seconds."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._start = self._last = clock()
        self._phase: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, seen: Snapshot) -> None:
        """Print the line if one is due."""
        now = self._clock()
        if seen.phase is None or (seen.phase == self._phase and now - self._last < LINE_SECONDS):
            return
        self._phase, self._last = seen.phase, now
        share = f"{100 * shares(seen)[seen.phase]:.0f}%" if seen.phase in ("inversion", "repair") else ""
        parts = [part for part in (share, detail(seen.phase, seen), duration(now - self._start)) if part]
        self._console.print(f"{NAMES[seen.phase]}: {', '.join(parts)}")
