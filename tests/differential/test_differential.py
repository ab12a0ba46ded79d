"""What the quarantine admits and Keras loads answers alike: drawn nets in every format, files changed in every way."""

import inspect
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc_core.intake.layer_options import DROPPED_ENDINGS, DROPPED_KEYS
from nc_core.intake.layers import KINDS
from tests.differential.compare import WRONG, compare
from tests.differential.fuzz import changes, saved
from tests.differential.oracle import Oracle
from tests.differential.recipes import LAYERS, Recipe, recipes

NETS = 60
CHANGES = 16
"""Of each file: 60 nets in two formats make 2,040 files. `make fuzz` has more."""

LOST = ("which Keras 3 forgets", "does not use", "partly frozen")
"""In refusals of `.h5` files that Keras 3 itself saves and then loads as another net."""

pytestmark = pytest.mark.filterwarnings("ignore")  # drawn nets give Keras much to warn of


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as keras_alone:
        yield keras_alone


@settings(max_examples=NETS, derandomize=True)  # fresh ones are `make fuzz`'s
@given(recipe=recipes(), chance=st.integers(0, 10**9))
def test_files_of_a_drawn_net_are_read_as_keras_reads_them(oracle: Oracle, recipe: Recipe, chance: int) -> None:
    files = saved(oracle, recipe)
    for file in files:
        found = compare(oracle, file.content, f"model{file.suffix}")
        assert found.outcome not in WRONG, (file.suffix, found)
        # What Keras saves in its own format is read.
        lost = file.suffix == ".h5" and any(words in found.told for words in LOST)
        assert found.outcome != "refused" or lost, found
    for changed in changes(files, random.Random(chance), CHANGES):
        found = compare(oracle, changed.content, changed.name)
        assert found.outcome not in WRONG, (changed.name, found)


def test_files_of_two_meanings_are_refused_or_read_as_keras_reads_them(oracle: Oracle, shared: Path) -> None:
    outcomes = Counter(
        compare(oracle, path.read_bytes(), path.name).outcome
        for path in sorted((shared / "cases" / "reading").iterdir())
    )
    assert outcomes.keys() <= {"refused", "agree"}
    assert outcomes.total() >= 5


def test_every_layer_that_is_read_is_drawn() -> None:
    assert set(LAYERS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_that_is_read_is_drawn(kind: str) -> None:
    drawn: set[str] = set()

    @settings(max_examples=60, database=None, derandomize=True)
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        drawn.update(LAYERS[kind](data.draw, (4, 5, 6)))

    draw()
    assert {name for name, option in KINDS[kind].options.items() if option.kept} - {"data_format"} <= drawn


INNER = ("self", "kwargs", "args", "rank", "pool_dimensions", "pool_mode", "renorm_momentum", "quantization_config")
"""Parameters of base classes that no layer's configuration has, and two that are refused unless they are off."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_of_a_layer_of_keras_is_known_here(kind: str) -> None:
    """A parameter that a new version of Keras adds may change what a layer computes: it is to be read or refused."""
    parameters = {
        name
        for base in getattr(keras.layers, kind).__mro__
        if "__init__" in vars(base)
        for name in inspect.signature(vars(base)["__init__"]).parameters
    }
    known = {*KINDS[kind].options, *DROPPED_KEYS, *INNER, "lora_rank"}
    assert {name for name in parameters - known if not name.endswith(DROPPED_ENDINGS)} == set()
