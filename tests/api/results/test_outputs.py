"""The folder of a scan, from a store that its own functions have filled."""

import json
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from sqlalchemy import update

from api.results import outputs
from api.results.outputs import read_scan, write_scan
from nc_core.errors import OptionRefused
from nc_core.results.folder import check_folder, write_file
from nc_core.results.summary import summary
from nc_core.results.triggers import TriggerArrays
from nc_tasks.errors import NotFound, WrongState
from nc_tasks.files import FolderArtefacts
from nc_tasks.settings import Settings
from nc_tasks.store import Mitigation, open_store

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]


def read(settings: Settings, identity: str) -> outputs.Scan:
    store = open_store(settings)
    try:
        return read_scan(store, FolderArtefacts(settings.artefacts), identity)
    finally:
        store.close()


def test_a_backdoored_scan_leaves_all_six_files(
    settings: Settings,
    stored: Stored,
    make_result: Make,
    make_triggers: Callable[..., TriggerArrays],
    tmp_path: Path,
) -> None:
    # Given a finished scan with one flagged label, and the folder of an older one
    fabricated = make_result(infected={33: 8.2}, unfinished=2)
    triggers = make_triggers(fabricated)
    folder = tmp_path / "out"
    scan = read(settings, stored(fabricated, triggers=triggers))
    # when its folder is written
    write_scan(folder, scan)
    # then result.json is the contract's
    result = json.loads((folder / "result.json").read_text())
    assert (result["schema"], result["verdict"], result["flagged_labels"]) == (1, "backdoored", [33])
    assert [row["norm"] for row in result["labels"]] == [row["norm"] for row in fabricated["labels"]]
    assert result["mitigation"]["reversed_attack_success_rate_after"] == {"33": 0.004}
    # and triggers.npz holds the floats of every label that has a trigger, in order
    with np.load(folder / "triggers.npz") as arrays:
        assert (arrays["labels"].dtype, arrays["mask"].dtype, arrays["pattern"].dtype) == (
            np.int32,
            np.float32,
            np.float32,
        )
        assert (arrays["labels"] == triggers.labels).all()
        assert (arrays["mask"] == triggers.mask).all()
        assert (arrays["pattern"] == triggers.pattern).all()
    # and the nets are the scanned one and the kept repair's, the page is there, nothing else is
    assert (folder / "scanned.keras").read_bytes() == b"scanned"
    assert result["model"]["scanned_sha256"] == sha256(b"scanned").hexdigest()
    assert (folder / "goodnet.keras").read_bytes() == b"goodnet"
    assert (folder / "guarded.keras").read_bytes() == b"guarded"
    assert "Backdoored" in (folder / "report.html").read_text()
    assert {path.name for path in folder.iterdir()} == {
        "result.json",
        "report.html",
        "triggers.npz",
        "scanned.keras",
        "goodnet.keras",
        "guarded.keras",
    }


def test_with_onnx_the_nets_lie_there_as_the_submitted_file_took_images(
    settings: Settings, stored: Stored, make_result: Make, tmp_path: Path
) -> None:
    scan = read(settings, stored(make_result(infected={33: 8.2})))
    write_scan(tmp_path, scan, "onnx")
    for name, outputs_of in (("scanned", 43), ("goodnet", 43), ("guarded", 44)):
        assert (tmp_path / f"{name}.keras").read_bytes() == name.encode()
        session = onnxruntime.InferenceSession(tmp_path / f"{name}.onnx", providers=["CPUExecutionProvider"])
        image = session.get_inputs()[0]
        assert (image.name, image.shape) == ("pixel_values", ["n", 3, 32, 32])
        answers = session.run(None, {"pixel_values": np.zeros((2, 3, 32, 32), np.float32)})[0]
        assert answers.shape == (2, outputs_of)
    # and they do not stay where the next scan is written without
    write_scan(tmp_path, scan)
    assert not list(tmp_path.glob("*.onnx"))


def test_a_guarded_net_without_a_plain_form_is_no_onnx_and_the_refusal_says_so(
    settings: Settings, stored: Stored, make_result: Make, tmp_path: Path
) -> None:
    identity = stored(make_result(infected={33: 8.2}))
    with closing(open_store(settings)) as store, store.write() as session:
        session.execute(update(Mitigation).values(guarded_canonical_sha256=None))
    with pytest.raises(NotFound, match=r"has no guarded\.onnx: .*; guarded\.keras is there"):
        outputs.write_output(read(settings, identity), "guarded.onnx", tmp_path / "file", settings=settings)
    assert not (tmp_path / "file").exists()


def test_nets_of_an_earlier_scan_do_not_stay_beside_a_clean_verdict(
    settings: Settings, stored: Stored, make_result: Make, tmp_path: Path
) -> None:
    for name in ("goodnet.keras", "guarded.keras"):
        (tmp_path / name).write_bytes(b"of yesterday")
    write_scan(tmp_path, read(settings, stored(make_result())))
    assert not (tmp_path / "goodnet.keras").exists()
    assert not (tmp_path / "guarded.keras").exists()
    assert json.loads((tmp_path / "result.json").read_text())["verdict"] == "clean"


def test_a_repair_that_is_running_is_said_to_run_and_not_to_have_failed(
    settings: Settings, stored: Stored, make_result: Make, tmp_path: Path
) -> None:
    # Given a backdoored model whose repair has not ended
    identity = stored(make_result(infected={33: 8.2}), until="detection")
    # when its folder is written
    scan = read(settings, identity)
    write_scan(tmp_path, scan)
    # then the result has a state, no repair, and a time that runs
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["state"], result["verdict"], result["mitigation"]) == ("repairing", "backdoored", None)
    assert result["timing"]["total_seconds"] > 0
    # and the page and the summary tell the same
    page = (tmp_path / "report.html").read_text()
    assert "When this page was made, the repair is running (unlearning)." in page
    assert "Its repair failed" not in page
    assert "  the repair is running (unlearning)" in summary(result)
    # and what the repair decides is not handed out yet
    for name in ("goodnet.keras", "guarded.keras", "goodnet.onnx", "guarded.onnx", "attestation.json"):
        with pytest.raises(WrongState, match=f"is repairing: {name} is there once that has ended"):
            outputs.write_output(scan, name, tmp_path / "file", settings=settings)
    assert not (tmp_path / "file").exists()


def test_a_page_that_fails_leaves_the_old_result_and_no_half_file(
    settings: Settings, stored: Stored, make_result: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a result of yesterday, and a disk that fails while the triggers are written
    (tmp_path / "result.json").write_text("{}")
    scan = read(settings, stored(make_result()))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs, "write_npz", full)
    with pytest.raises(OSError, match="No space"):
        write_scan(tmp_path, scan)
    # then no result.json vouches for the mixture, and nothing temporary stays
    assert not (tmp_path / "result.json").exists()
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def write(aside: Path) -> None:
        aside.write_text("new")
        assert target.read_text() == "old"

    write_file(target, write)
    assert target.read_text() == "new"


def test_a_folder_that_cannot_be_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionRefused, match="cannot be made"):
        check_folder(tmp_path / "file" / "out")
