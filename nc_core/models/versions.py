"""What computes a result."""

import platform
from importlib.metadata import PackageNotFoundError, version

import keras

BACKENDS = {"tensorflow": ("tensorflow-cpu", "tensorflow"), "jax": ("jax", "jaxlib")}
"""What Keras' backends are installed as."""


def library_versions() -> dict[str, str]:
    """Python, Keras' backend in use with its own packages, and the libraries: name -> version."""
    backend = keras.backend.backend()
    names = (*BACKENDS.get(backend, ()), "keras", "numpy", "h5py")
    found = {name: text for name in names if (text := _version(name)) is not None}
    return {"python": platform.python_version(), "backend": backend, **found}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
