"""Where submissions live: the store under a home, or a server. Commands speak to either in the same words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.backends.backend import Backend


@contextmanager
def opened(home: Path | None, server: str | None, *, workers: int | None = None) -> Iterator[Backend]:
    """The server at this address, asked with the key in CLEANSE_KEY; without an address the store under home."""
    if server is not None:
        from api.backends.remote import remote

        with remote(server) as backend:
            yield backend
        return
    from api.arguments import settings_of
    from api.backends.local import local

    with local(settings_of(home), workers=workers) as backend:
        yield backend


__all__ = ["Backend", "opened"]
