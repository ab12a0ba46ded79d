"""The small files that were once answered wrongly."""

from pathlib import Path

import pytest

from nc_core.errors import DataRefused, ModelRefused
from nc_core.quarantine.admit import admit_images, admit_model
from tests.hostile.test_corpus import assert_for_people, plain


@pytest.fixture(scope="module")
def cases(shared: Path) -> Path:
    folder = shared / "cases" / "door"
    if not folder.is_dir():
        pytest.skip("shared/cases is not there")
    return folder


@pytest.mark.parametrize("name", ["input_layer_in_the_middle.h5", "two_inputs_then_flatten.h5"])
def test_a_second_input_is_named(name: str, cases: Path) -> None:
    with pytest.raises(ModelRefused, match="is an InputLayer and none of its inputs") as refused:
        admit_model(cases / name)
    assert_for_people(str(refused.value))


def test_an_array_of_more_than_there_is_is_refused_with_its_size(cases: Path) -> None:
    with pytest.raises(DataRefused, match=r"would decode to .* GiB, the limit is 20 GiB") as refused:
        admit_images(cases / "npz_shape_2_70.npz")
    assert_for_people(str(refused.value))


@pytest.mark.parametrize("name", ["name_html.h5", "name_of_ours.h5"])
def test_names_are_ours_to_choose(name: str, cases: Path) -> None:
    plain(admit_model(cases / name))
