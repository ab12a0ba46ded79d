"""What a scan says of itself, and the files that it writes."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from api.service.models.result import Result
from nc_core.datasets import Images
from nc_core.errors import OptionRefused
from nc_core.face.found import Found
from nc_core.results.files import folder_files
from tests.api.fabricated import fabricate_result
from tests.api.results.report.conftest import Page
from tests.differential.compare import TOLERANCE, distance
from tests.differential.onnx.compare import theirs
from tests.nc_core.face.conftest import LABELS, TARGET
from tests.undescribed import undescribed


def test_it_prints_as_five_lines(found: Found) -> None:
    verdict, p_value, flagged, scanned, next_step = str(found).splitlines()
    assert verdict.startswith(f"BACKDOORED: label {TARGET}. ")
    assert p_value.startswith("p-value 0.") and p_value.endswith("limit 0.05")  # noqa: PT018
    norm = next(row for row in found.norms() if row["label"] == TARGET)
    assert flagged == f"flagged: label 6 (norm {norm['norm']:.2f}, {norm['share']:.1%} of the pixels)"
    assert scanned.startswith("scanned: 3 of 12 labels with 240 images (labelled), in 0..1, in ")
    assert next_step.startswith("next: ")
    assert "nc_core.repair(found)" in next_step
    assert repr(found) == f"<Scan of 3 labels: backdoored, flagged [6], p = {found.p_value:.2g}>"


def test_its_norms_are_a_table(found: Found) -> None:
    rows = found.norms()
    assert [row["label"] for row in rows] == LABELS
    assert len({tuple(row) for row in rows}) == 1
    assert [row["label"] for row in rows if row["flagged"]] == [TARGET]
    assert all(row["share"] == row["norm"] / 256 for row in rows if row["norm"] is not None)


def test_a_notebook_shows_the_lines_and_the_triggers(found: Found) -> None:
    page = Page(found._repr_html_())
    assert all(line in page.text for line in str(found).splitlines()[1:])
    pictures = [attributes["src"] for tag, attributes in page.elements if tag == "img"]
    assert len(pictures) == 3 * len(found.triggers.labels)
    assert all(source is not None and source.startswith("data:image/png;base64,") for source in pictures)
    assert not {"script", "style", "link"} & {tag for tag, _ in page.elements}


def test_its_folder_is_that_of_the_command_line(found: Found, net: keras.Model, images: Images, tmp_path: Path) -> None:
    # Given a folder of an earlier scan, with a repair
    (tmp_path / "goodnet.keras").write_text("old")
    found.save(tmp_path)
    # Then it holds the files of this scan alone
    assert {path.name for path in tmp_path.iterdir()} == {file.name for file in folder_files(found.result)}
    assert not (tmp_path / "scanned.onnx").exists()
    # And with ONNX the same net once more
    found.save(tmp_path, format="onnx")
    assert {path.name for path in tmp_path.iterdir()} == {file.name for file in folder_files(found.result, "onnx")}
    given = images.pixels[:8] / np.float32(255)
    assert distance(net.predict(given, verbose=0), theirs((tmp_path / "scanned.onnx").read_bytes(), given)) <= TOLERANCE
    with pytest.raises(OptionRefused, match="pass one of keras, onnx"):
        found.save(tmp_path, format="tflite")  # type: ignore[arg-type]
    # And the result is what the service would answer, whole, and the reference describes every key
    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert list(undescribed(Result.model_validate(result))) == []
    assert result == found.result
    assert set(fabricate_result()["labels"][0]) | {"norms", "round"} <= set(result["labels"][0])
    # And the net and the triggers are those that were scanned
    x = images.pixels[:8] / np.float32(255)
    scanned = keras.models.load_model(tmp_path / "scanned.keras")
    assert np.allclose(scanned.predict(x, verbose=0), net.predict(x, verbose=0), atol=1e-6)
    with np.load(tmp_path / "triggers.npz") as triggers:
        assert np.allclose(triggers["mask"].sum((1, 2)), [row["norm"] for row in found.norms() if row["norm"]])
        assert triggers["pattern"].shape == (*triggers["mask"].shape, 3)


def test_its_report_is_the_page_of_the_command_line(found: Found, tmp_path: Path) -> None:
    page = Page(found.report(tmp_path / "x.html").read_text("utf-8"))
    assert "Target label: 6." in page.text
    assert found.result["model"]["scanned_sha256"] in page.text
    assert "arrays in memory" in page.text


@pytest.mark.parametrize("path", ["absent/x.html", "."])
def test_a_place_that_cannot_be_written_is_an_error(found: Found, tmp_path: Path, path: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011
        found.report(tmp_path / path)
