"""One scan of a small net in memory, for all that is asked of it."""

import keras
import pytest

import nc_core
from nc_core.datasets import Images
from nc_core.face.found import Found
from tests import gated

LABELS, TARGET = [5, 6, 7], 6


@pytest.fixture(scope="session")
def net() -> keras.Model:
    return gated.net("0..1")


@pytest.fixture(scope="session")
def images() -> Images:
    return gated.pictures()


@pytest.fixture(scope="session")
def found(net: keras.Model, images: Images) -> Found:
    return nc_core.scan(net, (images.pixels, images.labels), labels=LABELS, value_range="0..1")
