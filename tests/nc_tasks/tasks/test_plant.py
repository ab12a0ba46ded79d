"""A net of a zoo as a job: its pictures come from what was kept, its files go where others are."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nc_core.zoo import Card, build
from nc_tasks.files import FolderArtefacts
from nc_tasks.tasks.plant import plant


def test_a_card_is_built_on_the_kept_pictures_and_all_its_files_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given pictures that were kept, and a card of two classes
    pixels = np.random.default_rng(0).integers(0, 256, (60, 20, 20, 3), np.uint8)
    np.savez(tmp_path / "mine.npz", x=pixels, y=np.repeat([4, 9], 30))
    artefacts = FolderArtefacts(tmp_path / "artefacts")
    kept = {"sha256": artefacts.put_file(tmp_path / "mine.npz"), "name": "mine.npz"}
    card = Card(number=0, third="check", data="mine", architecture="plain", classes=2, seed=5)
    seen: list[Any] = []

    def fake(given: Card, files: Any, folder: Path, *, progress: Any) -> dict[str, Any]:
        seen.append((given, files, progress))
        (folder / "card.json").write_text(json.dumps(given.to_json()))
        (folder / "net.keras").write_bytes(b"net")
        return given.to_json()

    monkeypatch.setattr(build, "build_net", fake)
    # When it is planted
    worker: Any = SimpleNamespace(artefacts=artefacts)
    result = plant(worker, {"card": card.to_json(), "files": {"mine": kept}}, seen.append)
    # Then
    ((given, files, progress),) = seen
    assert given == card
    np.testing.assert_array_equal(files["mine"][0], pixels)
    assert files["mine"][1].tolist() == [4] * 30 + [9] * 30
    assert progress == seen.append
    assert result["card"] == card.to_json()
    assert artefacts.path(result["files"]["net.keras"]).read_bytes() == b"net"
    assert set(result["files"]) == {"card.json", "net.keras"}
