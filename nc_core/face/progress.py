"""How far a call is: a bar on a terminal, a line of text in a notebook, nothing where nobody looks."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from nc_core.results.numbers import duration

Show = Callable[[float], None]
"""Called with the share that is done, 0..1."""
LINE_SECONDS = 1.0


@contextmanager
def shown(title: str) -> Iterator[Show]:
    """While the block runs, what it tells is shown with the time that is left; nothing stays behind it."""
    if in_notebook():
        line = Line(title)
        try:
            yield line.show
        finally:
            line.clear()
    elif sys.stderr.isatty():
        with _bar(title) as show:
            yield show
    else:
        yield lambda _: None


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


@contextmanager
def _bar(title: str) -> Iterator[Show]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as progress:
        bar = progress.add_task(title, total=None)
        yield lambda share: progress.update(bar, completed=share, total=1.0)


class Line:
    """One line of text that is written over, about once a second."""

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title, self._clock = title, clock
        self._start, self._last, self._width = clock(), float("-inf"), 0

    def show(self, share: float) -> None:
        """Write the line if it is due."""
        now = self._clock()
        if now - self._last < LINE_SECONDS:
            return
        self._last = now
        left = f", about {duration((now - self._start) * (1 - share) / share)} left" if share > 0 else ""
        self._write(f"{self._title}: {100 * share:.0f}%{left}")

    def clear(self) -> None:
        """Leave nothing of it."""
        self._write("")
        sys.stdout.write("\r")
        sys.stdout.flush()

    def _write(self, text: str) -> None:
        sys.stdout.write("\r" + text.ljust(self._width))
        sys.stdout.flush()
        self._width = len(text)
