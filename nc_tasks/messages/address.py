"""Where the broker is, as it, Celery and the Redis client write that, and what our names there begin with."""

import os
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

from nc_tasks.settings import Settings

SOCKET_SCHEME = "redis+socket://"
SOCKET_PATH_BYTES = 100
"""The kernel takes 107 (Linux) or 103 (macOS)."""


def socket_path(settings: Settings) -> Path:
    """Where the broker listens: under home, or where that is too long for a socket, in a folder of /tmp."""
    path = settings.home / "broker" / "broker.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    digest = sha256(f"{os.getuid()}:{settings.home}".encode(errors="surrogateescape")).hexdigest()[:16]
    return Path("/tmp") / f"cleanse-{digest}" / "broker.sock"


def broker_url(settings: Settings) -> str:
    """The embedded broker as Celery writes it."""
    return f"{SOCKET_SCHEME}{quote(os.fsencode(socket_path(settings)))}"


def client_url(url: str) -> str:
    """The address of a broker, written for Celery, as the Redis client takes it."""
    return f"unix://{unquote(url.removeprefix(SOCKET_SCHEME))}" if url.startswith(SOCKET_SCHEME) else url


def key_prefix(settings: Settings) -> str:
    """What the names of all our keys begin with: two installations may share a Redis server, but not their messages."""
    return f"cleanse:{settings.store_digest}:"
