"""Where submissions live: the store under a home, or a server. Commands speak to either in the same words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from api.backends.backend import Backend

if TYPE_CHECKING:
    from nc_tasks.settings import Settings


def settings_of(home: Path | None) -> "Settings":
    """The settings of the environment, with this home if one was given."""
    from nc_tasks.settings import Settings, get_settings

    return get_settings() if home is None else Settings(home=home)


@contextmanager
def opened(home: Path | None, server: str | None, *, workers: int | None = None) -> Iterator[Backend]:
    """The server at this address, asked with the key in CLEANSE_KEY; without an address the store under home."""
    if server is not None:
        from api.backends.remote import remote

        with remote(server) as backend:
            yield backend
        return
    from api.backends.local import local

    with local(settings_of(home), workers=workers) as backend:
        yield backend


__all__ = ["Backend", "opened", "settings_of"]
