"""Several models in one command, against shards of pictures."""

import io
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.e2e.conftest import Cleanse, Planted

pytestmark = pytest.mark.e2e


def parquet(folder: Path, planted: Planted) -> Path:
    """The clean pictures of the BadNet as PNG, in three shards."""
    with np.load(planted.clean) as data:
        pixels, labels = data["x_test"], data["y_test"]
    if pixels.dtype != np.uint8:
        pixels = np.rint(pixels * 255).astype(np.uint8)
    folder.mkdir()
    for number, rows in enumerate(np.array_split(np.arange(len(pixels)), 3)):
        pictures = []
        for row in rows:
            buffer = io.BytesIO()
            Image.fromarray(pixels[row]).save(buffer, "PNG")
            pictures.append({"bytes": buffer.getvalue(), "path": f"{row}.png"})
        pq.write_table(pa.table({"image": pictures, "label": labels[rows]}), folder / f"test-{number}.parquet")
    return folder


def test_a_batch_ends_with_the_worst_verdict_and_the_refused_one_keeps_no_other_from_its_turn(
    cleanse: Cleanse, planted: Planted, tmp_path: Path
) -> None:
    # Given a folder with a BadNet, half of its file, and the same net in another format
    models = tmp_path / "models"
    models.mkdir()
    shutil.copy(planted.model, models / "badnet.keras")
    (models / "broken.keras").write_bytes(planted.model.read_bytes()[:2000])
    keras.models.load_model(planted.model).save(models / "copy.h5")
    data = parquet(tmp_path / "shards", planted)
    # When all are submitted at once, with one that is not there
    few = ("--labels", "5-7", "--mitigate", "none", "--value-range", "0..1")
    ran = cleanse("submit", models, models / "gone.keras", "--data", data, *few, "--wait", "--json")
    # Then the backdoor speaks, and each has its end
    assert ran.code == 3, ran.err
    ended = json.loads(ran.out)
    assert [(one["model"]["name"], one["state"], one["verdict"]) for one in ended] == [
        ("badnet.keras", "done", "backdoored"),
        ("broken.keras", "refused", None),
        ("copy.h5", "done", "backdoored"),
    ]
    assert "gone.keras does not exist" in ran.err
    assert "4 models: 2 backdoored, 1 refused, 1 not taken" in ran.err
    # And they are one batch, whose data were kept once
    assert len({one["batch"] for one in ended}) == 1
    assert {one["data"]["name"] for one in ended} == {"shards.zip"}
    assert len({one["data"]["sha256"] for one in ended}) == 1
