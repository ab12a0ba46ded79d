"""Loads Keras for a process that works, without the backend that Keras does not run on."""

import gc
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path


def load_inversion() -> None:
    """Import Keras, its backend and what reverses triggers: seconds, which the first import of any of it takes.

    TensorFlow imports JAX where it is installed, for a converter that nothing here uses: a fifth of its own import's
    processor time and a sixth of its memory. So JAX is out of reach meanwhile, unless Keras runs on it.
    """
    with _uncollected():
        if _runs_on_tensorflow() and "jax" not in sys.modules:
            with _out_of_reach("jax"):
                import_module("nc_core.scanning.preparation")
        else:
            import_module("nc_core.scanning.preparation")


def _runs_on_tensorflow() -> bool:
    """As Keras will decide it: by the variable, else by its configuration file, else it is so."""
    named = os.environ.get("KERAS_BACKEND") or _configured()
    return named in (None, "tensorflow")


def _configured() -> object:
    """What the configuration file names, None where there is no file or it names nothing."""
    folder = os.environ.get("KERAS_HOME") or "~/.keras"
    try:
        return json.loads((Path(folder).expanduser() / "keras.json").read_text()).get("backend")
    except (OSError, ValueError):
        return None


@contextmanager
def _uncollected() -> Iterator[None]:
    """The process is not searched for garbage in the block: what modules are made of stays, and looking through it
    again and again takes a quarter of the import's processor time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _out_of_reach(package: str) -> Iterator[None]:
    """Importing the package fails in the block as if it were not installed; it is not imported yet."""
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]
