"""Folders of pictures and their zip."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nc_core.datasets import pack_folder, read_images, read_pictures
from nc_core.errors import DataRefused


def picture(value: int, size: tuple[int, int] = (6, 4), mode: str = "RGB") -> Image.Image:
    """A picture of random pixels, `size` as (width, height)."""
    width, height = size
    shape = (height, width) if mode == "L" else (height, width, 3)
    return Image.fromarray(np.random.default_rng(value).integers(0, 256, shape, np.uint8))


def folder(root: Path, names: list[str], each: int = 16, **options: object) -> Path:
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(each):
            picture(100 * number + index, **options).save(root / name / f"{index:03}.png")
    return root


def test_numbers_as_folder_names_are_the_labels(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", ["00014", "3", "100"])
    images = read_images(root)
    assert images.shape == (4, 6, 3)
    assert images.labels.tolist() == [14] * 16 + [100] * 16 + [3] * 16
    assert np.array_equal(images.pixels[0], np.asarray(picture(0)))
    assert np.array_equal(images.pixels[16], np.asarray(picture(200)))


def test_other_names_are_numbered_in_sorted_order(tmp_path: Path) -> None:
    images = read_images(folder(tmp_path, ["stop", "7 up", "give way"]))
    assert images.labels.tolist() == [0] * 16 + [1] * 16 + [2] * 16
    assert np.array_equal(images.pixels[32], np.asarray(picture(0)))
    assert "sorted names" in images.note


def test_a_flat_folder_is_unlabelled(tmp_path: Path) -> None:
    assert read_images(folder(tmp_path, ["."], each=32)).labels is None


def test_sizes_must_agree_unless_resized(tmp_path: Path) -> None:
    root = folder(tmp_path, ["0", "1"])
    picture(7, size=(12, 8)).save(root / "1/large.png")
    with pytest.raises(DataRefused, match=r"1/large\.png is 8x12x3, 0/000\.png is 4x6x3"):
        read_images(root)
    with pytest.raises(DataRefused, match=r"8x12x3, the model takes 4x6x3; pass --resize"):
        read_images(root, input_shape=(4, 6, 3))
    images = read_images(root, input_shape=(4, 6, 3), resize="bilinear")
    expected = picture(7, size=(12, 8)).resize((6, 4), Image.Resampling.BILINEAR)
    assert np.array_equal(images.pixels[-1], np.asarray(expected))
    assert np.array_equal(images.pixels[0], np.asarray(picture(0)))


def test_other_files_are_left_out_and_counted(tmp_path: Path) -> None:
    root = folder(tmp_path, ["0", "1"])
    (root / "0/annotations.csv").write_text("x")
    (root / "0/.DS_Store").write_text("x")
    images = read_images(root)
    assert len(images) == 32
    assert "1 other files left out" in images.note


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK", "1", "LA"])
def test_every_usual_mode_is_opened(tmp_path: Path, mode: str) -> None:
    suffix = "jpg" if mode == "CMYK" else "png"
    converted = picture(1).convert(mode)
    if mode == "P":
        converted.info["transparency"] = bytes([0] * 10)
    converted.save(tmp_path / f"a.{suffix}")
    assert read_pictures([tmp_path / f"a.{suffix}"], input_shape=(4, 6, 3)).shape == (4, 6, 3)


def test_pictures_of_16_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 6), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataRefused, match=r"deep\.png has more than 8 bits"):
        read_pictures([tmp_path / "deep.png"])


def test_damaged_and_disguised_pictures_are_named(tmp_path: Path) -> None:
    root = folder(tmp_path, ["0", "1"])
    whole = (root / "1/000.png").read_bytes()
    for content in (whole[:60], b"", b"GIF89a" + bytes(40), whole[:40] + bytes(40) + whole[80:]):
        (root / "1/005.png").write_bytes(content)
        with pytest.raises(DataRefused, match=r"1/005\.png cannot be read"):
            read_images(root)


def test_a_picture_of_too_many_pixels_is_refused_unopened(tmp_path: Path) -> None:
    Image.new("1", (10_000, 7_000)).save(tmp_path / "bomb.png")
    with pytest.raises(DataRefused, match="70000000 pixels, the limit is 67108864"):
        read_pictures([tmp_path / "bomb.png"])
    Image.new("1", (10_000, 10_000)).save(tmp_path / "larger.png")
    with pytest.raises(DataRefused, match="100000000 pixels"):
        read_pictures([tmp_path / "larger.png"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0", "0/deeper"], "is not inside exactly one sub-folder"),
        ([".", "1"], "is not inside exactly one sub-folder"),
        (["1", "01"], "two sub-folders stand for one label"),
        (["only"], "all 16 labels are 0|16 images, at least 32"),
    ],
)
def test_other_shapes_of_folders_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(DataRefused, match=message):
        read_images(folder(tmp_path, names))


def test_no_pictures_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="there are no pictures"):
        read_images(tmp_path)


def test_a_packed_folder_reads_as_the_folder(tmp_path: Path) -> None:
    # Given a folder, and a copy made in another order at another time
    root, copy = folder(tmp_path / "a", ["10", "9"]), folder(tmp_path / "b", ["9", "10"])
    for number, name in enumerate(["10", "9"]):
        for index in range(16):
            picture(100 * number + index).save(copy / name / f"{index:03}.png")
            os.utime(copy / name / f"{index:03}.png", (0, 0))
    # When both are packed
    pack_folder(root, tmp_path / "a.zip")
    pack_folder(copy, tmp_path / "b.zip")
    # Then the bytes are the same, and the zip reads as the folder does
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    unpacked, packed = read_images(root), read_images(tmp_path / "a.zip")
    assert np.array_equal(unpacked.pixels, packed.pixels)
    assert np.array_equal(unpacked.labels, packed.labels)
    assert unpacked.note == packed.note


def test_a_zip_with_one_outer_folder(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", ["4", "5"])
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(tmp_path))
    assert set(read_images(tmp_path / "a.zip").labels.tolist()) == {4, 5}


def test_a_cut_or_damaged_zip(tmp_path: Path) -> None:
    pack_folder(folder(tmp_path / "set", ["4", "5"]), tmp_path / "a.zip")
    whole = bytearray((tmp_path / "a.zip").read_bytes())
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    whole[100] ^= 0xFF
    (tmp_path / "crc.zip").write_bytes(whole)
    for name in ("cut", "crc"):
        with pytest.raises(DataRefused, match="damaged"):
            read_images(tmp_path / f"{name}.zip")


def test_packing_what_is_no_folder_of_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="holds no pictures"):
        pack_folder(tmp_path, tmp_path / "a.zip")
    with pytest.raises(DataRefused, match="is no folder"):
        pack_folder(tmp_path / "missing", tmp_path / "a.zip")


def test_a_member_of_a_zip_that_has_no_name_is_left_out(tmp_path: Path) -> None:
    packed = tmp_path / "set.zip"
    nameless = zipfile.ZipInfo("a")
    nameless.filename = ""
    with zipfile.ZipFile(packed, "w") as archive, archive.open(nameless, "w") as member:
        member.write(b"x")
    with pytest.raises(DataRefused, match="there are no pictures"):
        read_images(packed)
