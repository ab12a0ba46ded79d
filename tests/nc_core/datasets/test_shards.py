"""Parquet and WebDataset: the same pictures give what they give as a folder, and what is unfit is said in one line."""

import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from nc_core.datasets import Images, pack_folder, read_images
from nc_core.datasets.numbering import as_outputs, numbered
from nc_core.errors import DataRefused
from nc_core.quarantine.admit import admit_images
from tests.nc_core.datasets.shard_files import encoded, samples, table, write_parquet, write_tar

NAMES = ["give way", "no entry", "stop"]
PIXELS = np.random.default_rng(3).integers(0, 256, (45, 6, 5, 3), np.uint8)
LABELS = [number // 15 for number in range(45)]
PICTURES = [encoded(pixels) for pixels in PIXELS]

Write = Callable[[Path], Path]


def folder(root: Path) -> Path:
    for number, picture in enumerate(PICTURES):
        path = root / "set" / NAMES[LABELS[number]] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    return root / "set"


def npz(root: Path) -> Path:
    np.savez(root / "data.npz", x=PIXELS, y=np.array(LABELS))
    return root / "data.npz"


def parquet(**options: object) -> Write:
    written = {name: options.pop(name) for name in ("kind", "image", "label") if name in options}
    return lambda root: write_parquet(root / "a.parquet", table(PICTURES, LABELS, names=NAMES, **written), **options)


def parquet_folder(root: Path) -> Path:
    whole = table(PICTURES, LABELS, names=NAMES)
    for number, start in enumerate((0, 10, 31)):
        write_parquet(
            root / "hub/data" / f"train-{number:05}-of-00003.parquet", whole.slice(start, (10, 21, 14)[number])
        )
    (root / "hub/README.md").write_text("# A data set")
    return root / "hub"


def tar(**options: object) -> Write:
    return lambda root: write_tar(root / "a.tar", samples(PICTURES, LABELS), **options)


def tar_of_json(root: Path) -> Path:
    members = [(f"./set.v1/{n}.png", picture) for n, picture in enumerate(PICTURES)]
    labels = [(f"./set.v1/{n}.json", json.dumps({"label": label, "w": 5}).encode()) for n, label in enumerate(LABELS)]
    return write_tar(root / "a.tar", members + labels)


def tar_folder(root: Path) -> Path:
    for number, part in enumerate((slice(0, 20), slice(20, 45))):
        write_tar(root / "shards" / f"train-{number:06}.tar", samples(PICTURES[part], LABELS[part]))
    return root / "shards"


def zipped(write: Write) -> Write:
    """As people zip a folder: packed, with the folder around."""

    def make(root: Path) -> Path:
        whole = write(root)
        with zipfile.ZipFile(root / "whole.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(whole.rglob("*")):
                archive.write(path, Path(whole.name) / path.relative_to(whole))
        return root / "whole.zip"

    return make


NAMED = {
    "folder": folder,
    "struct": parquet(),
    "binary": parquet(kind=pa.binary()),
    "large binary": parquet(kind=pa.large_binary(), image="img", label="fine_label"),
    "groups of 7 rows": parquet(row_group_size=7),
    "gzip": parquet(compression="gzip"),
    "zstd": parquet(compression="zstd", data_page_version="2.0"),
    "no dictionary": parquet(compression="none", use_dictionary=False),
    "folder of Parquet": parquet_folder,
    "zip of Parquet": zipped(parquet_folder),
}
NUMBERED = {
    "npz": npz,
    "tar": tar(),
    "ustar": tar(format=tarfile.USTAR_FORMAT),
    "GNU tar": tar(format=tarfile.GNU_FORMAT),
    "tar with .json": tar_of_json,
    "folder of tars": tar_folder,
    "zip of tars": zipped(tar_folder),
}


def assert_same(images: Images, names: list[str] | None) -> None:
    found = numbered(images, classes=3)
    assert images.pixels.dtype == np.uint8
    assert np.array_equal(found.images.pixels, PIXELS)
    assert found.images.labels.tolist() == LABELS
    assert found.names == (None if names is None else tuple(names))


@pytest.mark.parametrize("form", NAMED)
def test_the_same_pictures_give_the_same_arrays_labels_and_names(form: str, tmp_path: Path) -> None:
    path = NAMED[form](tmp_path)
    assert_same(admit_images(path), NAMES)
    assert_same(read_images(path), NAMES)


@pytest.mark.parametrize("form", NUMBERED)
def test_and_without_names_the_same_arrays_and_labels(form: str, tmp_path: Path) -> None:
    path = NUMBERED[form](tmp_path)
    assert_same(admit_images(path), None)
    assert_same(read_images(path), None)


def test_a_folder_of_shards_is_packed_into_the_same_bytes(tmp_path: Path) -> None:
    first, second = io.BytesIO(), io.BytesIO()
    pack_folder(parquet_folder(tmp_path), first)
    pack_folder(parquet_folder(tmp_path / "again"), second)
    assert first.getvalue() == second.getvalue()


def test_a_folder_of_pictures_with_a_tar_in_it_is_one_of_pictures(tmp_path: Path) -> None:
    root = folder(tmp_path)
    write_tar(root / "backup.tar", samples(PICTURES, LABELS))
    assert_same(admit_images(root), NAMES)


# Classes


def test_declared_names_call_labels_and_do_not_number_them(tmp_path: Path) -> None:
    names = ["stop", "give way", "no entry"]
    images = admit_images(write_parquet(tmp_path / "a.parquet", table(PICTURES, LABELS, names=names)))
    assert_same(images, names)
    # Who says what the outputs are called has the labels numbered so
    found = numbered(images, classes=3, class_names=NAMES)
    assert found.images.labels.tolist() == [(2, 0, 1)[label] for label in LABELS]
    assert found.names == tuple(NAMES)
    # unless these are other names for the same outputs
    other = numbered(images, classes=3, class_names=["a", "b", "c"])
    assert other.images.labels.tolist() == LABELS
    assert other.names == ("a", "b", "c")


def test_fewer_outputs_than_declared_names_are_a_number_too_large(tmp_path: Path) -> None:
    images = admit_images(parquet()(tmp_path))
    with pytest.raises(DataRefused, match=r"the largest label is 2, the model has 2 classes"):
        numbered(images, classes=2)
    assert numbered(images, classes=5).names is None


def test_declared_numbers_in_the_order_of_text_may_be_meant_by_size(tmp_path: Path) -> None:
    # Given the names that imagefolder finds: 0, 1, 10, 11, 2, ...
    names = sorted(map(str, range(12)))
    labels = [number % 12 for number in range(45)]
    images = admit_images(write_parquet(tmp_path / "a.parquet", table(PICTURES, labels, names=names)))
    found = numbered(images, classes=12)
    assert found.images.labels.tolist() == labels
    assert found.names == tuple(names)
    by_size = found.reordered("numeric")
    assert by_size.images.labels.tolist() == [int(names[label]) for label in labels]


@pytest.mark.parametrize("clean", ["folder", "struct"])
def test_known_poison_goes_by_the_names_of_the_clean_data(clean: str, tmp_path: Path) -> None:
    found = numbered(admit_images(NAMED[clean](tmp_path)), classes=3)
    turned = write_parquet(tmp_path / "p.parquet", table(PICTURES[:3], [0, 0, 1], names=["stop", "no entry"]))
    poison = admit_images(turned, poisoned=True)
    assert as_outputs(poison, found.outputs, classes=3, class_names=found.names).labels.tolist() == [2, 2, 1]


# Options


def test_sizes_are_brought_together_as_those_of_a_folder(tmp_path: Path) -> None:
    sized = [np.resize(PIXELS[n], (6 + n % 3, 5 + n % 2, 3)) for n in range(45)]
    pictures = [encoded(pixels) for pixels in sized]
    (tmp_path / "flat").mkdir()
    for number, picture in enumerate(pictures):
        (tmp_path / "flat" / f"{number:02}.png").write_bytes(picture)
    expected = read_images(tmp_path / "flat", input_shape=(4, 4, 3), resize="bilinear").pixels
    for path in (
        write_parquet(tmp_path / "a.parquet", table(pictures, LABELS)),
        write_tar(tmp_path / "a.tar", samples(pictures, LABELS)),
    ):
        assert np.array_equal(read_images(path, input_shape=(4, 4, 3), resize="bilinear").pixels, expected)
        with pytest.raises(DataRefused, match=r"is 7x6x3, .* is 6x5x3; all pictures must have one size"):
            read_images(path)


@pytest.mark.parametrize("write", [parquet(), tar()], ids=["Parquet", "tar"])
def test_colour_becomes_grey_where_that_is_asked_for(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(DataRefused, match="--channels grey"):
        read_images(path, input_shape=(6, 5, 1))
    grey = read_images(path, input_shape=(6, 5, 1), channels="grey")
    assert np.array_equal(grey.pixels[7, ..., 0], np.asarray(Image.fromarray(PIXELS[7]).convert("L")))


@pytest.mark.parametrize(
    "write",
    [
        parquet(),
        tar(),
        lambda root: write_parquet(root / "a.parquet", table(PICTURES, [None, *LABELS[1:]])),
        lambda root: write_tar(root / "a.tar", [*samples(PICTURES, LABELS)[:-1]]),
    ],
    ids=["Parquet", "tar", "Parquet without a label", "tar without a label"],
)
def test_unlabelled_looks_at_no_label(write: Write, tmp_path: Path) -> None:
    images = read_images(write(tmp_path), labelled=False)
    assert images.labels is None
    assert np.array_equal(images.pixels, PIXELS)


@pytest.mark.parametrize(
    "write",
    [
        lambda root: write_parquet(root / "a.parquet", table(PICTURES, None)),
        lambda root: write_tar(root / "a.tar", samples(PICTURES, None)),
    ],
    ids=["Parquet", "tar"],
)
def test_data_without_any_label_has_none(write: Write, tmp_path: Path) -> None:
    images = read_images(write(tmp_path))
    assert images.labels is None
    assert "no labels used" in images.note


# What a sample may be


def test_the_members_of_a_sample_lie_in_any_order_and_others_are_counted(tmp_path: Path) -> None:
    members = samples(PICTURES, LABELS)
    more = [("000000.txt", b"a caption"), ("readme", b"x"), ("./.hidden.png", b"x"), ("alone.cls", b"7")]
    images = admit_images(write_tar(tmp_path / "a.tar", [*more, *members[1::2], *members[::2]]))
    assert images.labels.tolist() == LABELS
    assert "3 other files left out" in images.note


def test_cls_is_taken_before_json(tmp_path: Path) -> None:
    members = [*samples(PICTURES, LABELS), *((f"{n:06}.json", b'{"label": 9}') for n in range(45))]
    assert admit_images(write_tar(tmp_path / "a.tar", members)).labels.tolist() == LABELS


def test_jpeg_and_webp_are_what_pillow_makes_of_them(tmp_path: Path) -> None:
    pictures = [encoded(pixels, "JPEG") for pixels in PIXELS]
    images = admit_images(write_tar(tmp_path / "a.tar", samples(pictures, LABELS, "JPG")))
    assert np.array_equal(images.pixels[9], np.asarray(Image.open(io.BytesIO(pictures[9]))))


def test_without_pyarrow_the_refusal_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "nc_core.datasets.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataRefused, match=r"install cleanse\[parquet\] there"):
        read_images(parquet()(tmp_path))
    assert read_images(tar()(tmp_path)).labels is not None
