"""Flower, the monitor of single tasks, as a part of the embedded stack: on a socket that its owner alone can reach."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from nc_tasks.messages.address import socket_path
from nc_tasks.settings import Settings

CONFIGURATION = Path(__file__).with_name("flower_configuration.py")


def flower_socket(settings: Settings) -> Path:
    """Where Flower listens: beside the broker, in a folder that its owner alone can open."""
    return socket_path(settings).with_name("flower.sock")


def flower_arguments(settings: Settings) -> tuple[str, ...]:
    """The command line of Flower: on the socket, or on the port of `flower_url` where that is set.

    On a port everybody who reaches the machine reads: one of a network of containers that lets nobody else in.
    """
    program = (sys.executable, "-P", "-m", "celery", "-A", "nc_tasks.messages.app", "flower", f"--conf={CONFIGURATION}")
    if settings.flower_url is None:
        return (*program, f"--unix_socket={flower_socket(settings)}")
    return (*program, "--address=0.0.0.0", f"--port={urlsplit(settings.flower_url).port or 80}")
