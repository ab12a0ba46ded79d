"""Which output a label is about, held against what Keras makes of the same folder."""

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from nc_core.datasets import Images
from nc_core.datasets.numbering import Numbered, as_outputs, numbered
from nc_core.errors import DataRefused, OptionRefused
from nc_core.quarantine.admit import admit_images

EACH = 12
TWELVE = [str(number) for number in range(12)]


def folder(root: Path, names: list[str]) -> Path:
    """A folder of classes whose pictures' brightness is the place of the class in `names`."""
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for index in range(EACH):
            Image.new("L", (2, 2), number).save(root / name / f"{index}.png")
    return root


def by_keras(root: Path) -> tuple[dict[int, int], list[str]]:
    """Brightness -> the label that Keras gives such pictures, and its names of the labels."""
    data = keras.utils.image_dataset_from_directory(
        root, image_size=(2, 2), color_mode="grayscale", shuffle=False, batch_size=None, verbose=False
    )
    return {int(image[0, 0, 0]): int(label) for image, label in data}, list(data.class_names)


def by_us(found: Numbered) -> dict[int, int]:
    assert found.images.labels is not None
    return dict(zip(found.images.pixels[:, 0, 0, 0].tolist(), found.images.labels.tolist(), strict=True))


@pytest.mark.parametrize(
    "names",
    [
        TWELVE,
        [str(number) for number in range(1, 14)],
        ["7", "70", "8", "700", "1000", "9"],
        [f"{number:03}" for number in range(12)],
    ],
    ids=["from 0", "from 1", "with gaps", "padded"],
)
def test_the_text_order_of_numbers_is_that_of_keras(names: list[str], tmp_path: Path) -> None:
    keras_has, keras_names = by_keras(folder(tmp_path, names))
    found = numbered(admit_images(tmp_path), classes=len(names))
    text = found.reordered("text") if "text" in found.orders else found
    assert by_us(text) == keras_has
    if "text" in found.orders:
        assert list(text.names or ()) == keras_names
    # And without it the classes are in the order of their size
    assert list(dict(sorted(by_us(found).items(), key=lambda item: int(names[item[0]]))).values()) == list(
        range(len(names))
    )


@pytest.mark.parametrize("names", [["stop", "7 up", "Give way"], ["é", "z", "A", "10", "9"]])
def test_names_are_numbered_and_called_as_in_keras(names: list[str], tmp_path: Path) -> None:
    keras_has, keras_names = by_keras(folder(tmp_path, names))
    found = numbered(admit_images(tmp_path), classes=len(names))
    assert (by_us(found), list(found.names or ())) == (keras_has, keras_names)
    assert found.orders == {}


@pytest.mark.parametrize("names", [["stop", "give way", "yield"], ["2", "0", "1"]], ids=["words", "numbers"])
def test_class_names_number_the_folders_that_they_name(names: list[str], tmp_path: Path) -> None:
    folder(tmp_path, names)
    found = numbered(admit_images(tmp_path), classes=4, class_names=["other", *names])
    assert by_us(found) == {0: 1, 1: 2, 2: 3}
    assert found.names == ("other", *names)
    assert found.orders == {}


def test_class_names_beside_numbers_are_names_alone(tmp_path: Path) -> None:
    found = numbered(admit_images(folder(tmp_path, TWELVE)), classes=12, class_names=list("abcdefghijkl"))
    assert by_us(found) == dict(enumerate(range(12)))
    assert found.reordered("text").names == tuple("abcdefghijkl")


def plain(labels: list[int], folders: dict[int, str] | None = None) -> Images:
    return Images(
        pixels=np.zeros((len(labels), 2, 2, 1), np.uint8), labels=np.array(labels, np.int32), folders=folders or {}
    )


def test_labels_of_an_array_may_have_either_order() -> None:
    labels = list(range(12))
    found = numbered(plain(labels), classes=12)
    text = sorted(labels, key=str)
    assert [text[output] for output in found.reordered("text").images.labels.tolist()] == labels
    assert found.reordered("numeric").images.labels.tolist() == text
    assert found.reordered("given").images.labels.tolist() == labels


@pytest.mark.parametrize("classes", [2, 10])
def test_up_to_ten_classes_have_one_order(classes: int) -> None:
    assert numbered(plain(list(range(classes))), classes=classes).orders == {}


@pytest.mark.parametrize(
    ("images", "class_names", "refusal", "line"),
    [
        (plain([0, 3]), None, DataRefused, "largest label is 3, the model has 3 classes"),
        (plain([1, 3]), None, DataRefused, "largest label is 3, the model has 3 classes .*, number them from 0"),
        (plain([0, 1]), ["a", "b"], OptionRefused, "--class-names holds 2 names, the model has 3 classes"),
        (plain([0, 1], {0: "a", 1: "b"}), None, DataRefused, "2 classes by name, the model has 3, .*--class-names"),
        (plain([0, 1], {0: "a", 1: "b"}), ["a", "c", "d"], DataRefused, "class 'b' is none of the 3 known ones"),
        (plain([0, 1], {0: "a", 1: "b"}), ["a", "b", "a"], DataRefused, "two classes are called 'a'"),
    ],
)
def test_what_has_no_one_output_is_refused_in_a_line(
    images: Images, class_names: list[str] | None, refusal: type[Exception], line: str
) -> None:
    with pytest.raises(refusal, match=line) as said:
        numbered(images, classes=3, class_names=class_names)
    assert "\n" not in str(said.value)


def test_poison_has_the_clean_datas_classes() -> None:
    clean = numbered(plain([0, 1], {0: "give way", 1: "stop"}), classes=2)
    for images in (plain([0, 0], {0: "stop"}), plain([1, 1])):
        outputs = None if not images.folders else clean.outputs
        found = as_outputs(images, outputs, classes=2, class_names=clean.names)
        assert found.labels is not None
        assert found.labels.tolist() == [1, 1]
    text = numbered(plain(list(range(12))), classes=12).reordered("text")
    moved = as_outputs(plain([10], {10: "10"}), text.outputs, classes=12, class_names=text.names)
    assert moved.labels is not None
    assert moved.labels.tolist() == [2]
    with pytest.raises(DataRefused, match="class 'yield' is none of the 2 known ones"):
        as_outputs(plain([0], {0: "yield"}), clean.outputs, classes=2, class_names=clean.names)
