"""Shows how far a scan or an upload is: live bars on a terminal, of a scan now and then a line elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from api.cli.terminal import err
from api.progress.snapshot import NAMES, Snapshot, detail, shares
from nc_core.results.numbers import duration

LINE_SECONDS = 10.0


def display_for(console: Console) -> "BarDisplay | LineDisplay":
    """Bars where somebody looks, lines where the output goes into a file."""
    return BarDisplay(console) if console.is_terminal else LineDisplay(console)


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


@contextmanager
def transfer_bar(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar for bytes on their way, with the time that is left, where somebody looks.

    It is told those that came and all there are, None where nobody knows.
    """
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=32), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err.console, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task(title, total=None)
        yield lambda came, total: progress.update(bar, completed=came, total=total)
