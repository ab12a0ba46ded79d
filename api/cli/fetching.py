"""What commands take as MODEL, CLEAN and FILE: a path, or an address whose file is fetched first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from api.backends import settings_of
from api.cli.terminal import err, printable
from api.client.addresses import Downloads


@contextmanager
def downloads(home: Path | None) -> Iterator[Downloads]:
    """A private folder for what is fetched until the command ends, with a bar for each file where somebody looks.

    home: it says how large a file may be.
    """
    with Downloads(partial(settings_of, home), bar=_bar, told=lambda line: err.print(printable(line))) as opened:
        yield opened


@contextmanager
def _bar(title: str) -> Iterator[Callable[[int, int | None], None]]:
    from api.cli.display import transfer_bar

    with transfer_bar(printable(title)) as show:
        yield show
