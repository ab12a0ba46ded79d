"""Flower, the monitor of single tasks, as a part of the embedded stack: on a socket that its owner alone can reach."""

import sys
from pathlib import Path

import deploy
from nc_tasks.embedded.broker import socket_path
from nc_tasks.settings import Settings

CONFIGURATION = Path(deploy.__path__[0]) / "flowerconfig.py"


def flower_socket(settings: Settings) -> Path:
    """Where Flower listens: beside the broker, in a folder that its owner alone can open."""
    return socket_path(settings).with_name("flower.sock")


def flower_arguments(settings: Settings) -> tuple[str, ...]:
    """The command line of Flower."""
    program = (sys.executable, "-P", "-m", "celery", "-A", "nc_tasks.app", "flower")
    return (*program, f"--conf={CONFIGURATION}", f"--unix_socket={flower_socket(settings)}")
