"""How far a zoo is: one bar with the time that is left, or now and then a line."""

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.display import LINE_SECONDS
from api.cli.terminal import err
from api.progress.eta import Eta
from nc_core.results.numbers import count, duration


class Display:
    """Of `of` nets; what: one of them, as in "net"."""

    def __init__(self, what: str, of: int) -> None:
        self._what, self._of, self._eta, self._said = what, of, Eta(), time.monotonic()
        columns = (BarColumn(bar_width=32), TextColumn("{task.description}"), TimeElapsedColumn())
        self._bar = Progress(*columns, console=err.console, transient=True, disable=not err.is_terminal)
        self._task = self._bar.add_task("", total=of)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._bar.stop()

    def show(self, done: int, under_way: float) -> None:
        """done: nets that have ended. under_way: what is done of the others, as a number of nets."""
        now = time.monotonic()
        left = self._eta.seconds(self._what, (done + under_way) / self._of, now)
        text = f"{done} of {count(self._of, self._what)}" + (f", {duration(left)} left" if left is not None else "")
        self._bar.update(self._task, completed=done + under_way, description=text)
        if not err.is_terminal and now - self._said >= LINE_SECONDS:
            self._said = now
            err.print(text)
