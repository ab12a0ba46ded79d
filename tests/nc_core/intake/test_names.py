"""Names of layers are the submitter's to choose: what cannot stand is renamed, what can stays."""

import io
import re
import tempfile

from hypothesis import example, given, settings
from hypothesis import strategies as st

from nc_core.intake import CanonicalModel
from nc_core.intake.load import read_canonical
from nc_core.intake.names import LONGEST, OURS, Names, usable
from nc_core.intake.read import read_open_model
from tests.hostile import seeds

names = st.text(min_size=1, max_size=256).filter(str.isprintable)


def named(*names: str) -> CanonicalModel:
    """A chain of as many Flatten layers between a picture and an answer, with these names in the file."""
    chain = [seeds.entry("InputLayer", "the picture", batch_shape=[None, 8, 8, 3])]
    for name in (*names, "flat"):
        chain.append(seeds.entry("Flatten", name, chain[-1]["name"]))
    chain.append(seeds.entry("Rescaling", "the answer", "flat", scale=2.0))
    config = seeds.functional(chain, output="the answer")
    content = seeds.content(lambda buffer: seeds.write_h5(buffer, config, {}))
    return read_open_model(io.BytesIO(content), name="model.h5")


@given(name=names, taken=st.sets(st.text("ab_1", max_size=4)))
@example(name=".", taken=set())
@example(name="a" * 256, taken={"a" * LONGEST})
def test_a_usable_name_is_free_bounded_and_takes_no_escaping(name: str, taken: set[str]) -> None:
    found = usable(name, taken)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", found)
    assert re.search(r"[A-Za-z0-9]", found)
    assert found not in taken | OURS
    # What was renamed once stays, so that a net that is read back from its own file is the same.
    assert usable(found) == found


@given(st.lists(st.text("aA_/1", min_size=1, max_size=4), max_size=30))
@example(["same"] * 100)
@example(["a" * LONGEST, "a" * LONGEST, "a" * (LONGEST - 1) + "b"])
def test_names_of_one_net_are_given_once_as_one_by_one(wanted: list[str]) -> None:
    given_names, taken = Names(), list[str]()
    for name in wanted:
        taken.append(usable(name, taken))
    assert [given_names.new(name) for name in wanted] == taken
    assert len({*taken}) == len(taken)


def test_usual_names_stay() -> None:
    for name in ("conv2d_1", "block1_conv1", "Conv_1_bn", "re_lu", "_lead", "bn-2", "mixed5.branch"):
        assert usable(name) == name


@settings(max_examples=60)
@given(given_names=st.lists(names | st.sampled_from([*OURS, "a/b", "a_b", "A_B"]), min_size=1, max_size=6, unique=True))
def test_a_net_of_any_names_is_written_and_read_back(given_names: list[str]) -> None:
    # Given a net, as a file may name its layers
    model = named(*(name for name in given_names if name not in ("the picture", "flat", "the answer")))
    # When what the reader made of it is written and read by a worker
    with tempfile.TemporaryFile() as file:
        model.write(file)
        read = read_canonical(file)
    # Then every name stands once
    assert [layer.name for layer in read.layers] == [layer.name for layer in model.layers]
    assert len({layer.name for layer in read.layers}) == len(read.layers)
