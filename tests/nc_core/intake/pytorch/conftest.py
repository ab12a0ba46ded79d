"""The small architecture is one of those that are known."""

import io
from collections.abc import Callable, Iterator

import pytest

from nc_core.intake import CanonicalModel
from nc_core.intake.read import read_open_model
from tests import tiny_architecture

Read = Callable[..., CanonicalModel]


@pytest.fixture
def read() -> Iterator[Read]:
    """(content, architecture) -> the model."""

    def read_it(content: bytes, architecture: str | None = "tiny", name: str = "weights") -> CanonicalModel:
        return read_open_model(io.BytesIO(content), name=name, architecture=architecture)

    with tiny_architecture.known():
        yield read_it
