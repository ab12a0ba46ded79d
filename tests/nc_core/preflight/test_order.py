"""Labels in another order than the model's outputs: a known order is found and said, any other one is named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from nc_core.datasets import Images
from nc_core.datasets.numbering import numbered
from nc_core.errors import DataRefused
from nc_core.inversion import PROFILES
from nc_core.models import build_logits, canonical_of
from nc_core.preflight import Preflight, check
from nc_core.scanning.preparation import prepare_scan
from tests import gated

BY_TEXT = np.array(sorted(range(gated.CLASSES), key=str))
"""Place -> number."""
OTHER = np.random.default_rng(3).permutation(gated.CLASSES)


def relabelled(to: npt.NDArray[np.integer]) -> Images:
    images = gated.pictures()
    return replace(images, labels=to[images.labels].astype(np.int32))


def checked(images: Images, **options: object) -> Preflight:
    found = numbered(images, classes=gated.CLASSES)
    net = build_logits(canonical_of(gated.net("none")))
    return check(net, found.images, classes=gated.CLASSES, labels=[0], orders=found.orders, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("to", "order"),
    [(np.arange(gated.CLASSES), "given"), (BY_TEXT, "text"), (np.argsort(BY_TEXT), "numeric")],
    ids=["given", "text", "numeric"],
)
def test_a_known_order_is_found_and_said(to: npt.NDArray[np.integer], order: str) -> None:
    found = checked(relabelled(to))
    assert (found.class_order, found.clean_accuracy) == (order, 1.0)
    assert any("sorted as text" in warning for warning in found.warnings) == (order != "given")


def test_any_other_order_is_refused_and_named() -> None:
    with pytest.raises(DataRefused, match=r"mislabelled: it is (1\.000|0\.9\d\d) with .*--class-names") as said:
        checked(relabelled(OTHER))
    pair = np.array([int(word.strip(";")) for word in str(said.value).split() if word.strip(";").isdecimal()][-2:])
    assert OTHER[pair[1]] == pair[0]
    assert "\n" not in str(said.value)
    # And where labels have names the line calls it by its own
    with pytest.raises(DataRefused, match=rf"such as label {pair[0]} \(class {pair[0]}\) for output {pair[1]};"):
        checked(relabelled(OTHER), names=[f"class {label}" for label in range(gated.CLASSES)])
    # And who says that so few right answers are as they should be is believed
    assert checked(relabelled(OTHER), min_accuracy=0.0).class_order == "given"


def test_labels_without_any_order_are_not_called_mislabelled() -> None:
    images = gated.pictures()
    labels = np.random.default_rng(0).integers(0, gated.CLASSES, len(images)).astype(np.int32)
    with pytest.raises(DataRefused, match="clean data that the model was made for") as said:
        checked(replace(images, labels=labels))
    assert "mislabelled" not in str(said.value)


def test_two_classes_that_change_places_are_no_reason_to_refuse() -> None:
    swapped = np.arange(gated.CLASSES)
    swapped[[3, 4]] = 4, 3
    assert checked(relabelled(swapped)).class_order == "given"


def test_a_real_folder_in_keras_own_order(shared: Path) -> None:
    door = shared / "cases" / "door"
    if not door.is_dir():
        pytest.skip("shared/cases is not there")
    found = prepare_scan(door / "f5_text_order.keras", door / "f5_folder", profile=PROFILES["fast"], labels=[0])
    assert (found.preflight.class_order, found.preflight.clean_accuracy) == ("text", 1.0)
    assert found.numbering.names == tuple(sorted(map(str, range(12))))
    # And labels are outputs from there on: the folder named 10 is output 2
    assert found.numbering.outputs is not None
    assert found.numbering.outputs["10"] == 2
