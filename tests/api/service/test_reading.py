"""What the service tells of submissions: lists, labels, triggers, files, comparisons."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
from PIL import Image
from sqlalchemy import update

from api.service.models.result import Result
from nc_core.results.triggers import TriggerArrays
from nc_tasks.settings import Settings
from nc_tasks.store import LabelKey, Store, Submission
from nc_tasks.store.rows import labels
from tests.api.conftest import store_submission
from tests.api.fabricated import compared
from tests.api.service.conftest import MakeKey, form
from tests.undescribed import undescribed


@pytest.fixture
def result(make_result: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return make_result(classes=12, infected={3: 4.0})


@pytest.fixture
def scanned(client: httpx.Client, settings: Settings, files: tuple[Path, Path], result: dict[str, Any]) -> str:
    """A submission that is done, with a repair; its address."""
    del client  # it has made the store
    model, data = files
    return f"/v1/submissions/{store_submission(settings, result, model=model, data=data)}"


@pytest.mark.parametrize("how", [{}, {"infected": {3: 4.0}, "poisoned": True}, {"unfinished": 11}])
def test_the_document_s_model_of_a_result_loses_nothing_and_knows_its_parts(
    client: httpx.Client,
    settings: Settings,
    files: tuple[Path, Path],
    make_result: Callable[..., dict[str, Any]],
    how: dict[str, Any],
) -> None:
    # Given the result of a scan, with several repairs where there is one
    made = make_result(classes=12, **how)
    made = compared(made) if made["mitigation"] else made
    identity = store_submission(settings, made, model=files[0], data=files[1])
    told = client.get(f"/v1/submissions/{identity}/result.json").json()
    # When it is read by the model of the document, then nothing changes, and no part is left undescribed
    read = Result.model_validate(told)
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == told
    assert list(undescribed(read)) == []


def test_when_it_is_done_then_the_result_and_the_list_say_the_same(client: httpx.Client, scanned: str) -> None:
    shown, result = client.get(scanned).json(), client.get(f"{scanned}/result.json").json()
    assert (shown["state"], shown["verdict"], shown["flagged_labels"]) == ("done", "backdoored", [3])
    assert (result["schema"], result["verdict"], result["flagged_labels"]) == (1, "backdoored", [3])
    assert shown["labels"] == {"total": 12, "states": {"done": 12}}
    assert client.get(f"{scanned}/labels").json()["items"] == result["labels"]
    assert client.get(f"{scanned}/labels/3").json() == result["labels"][3]
    assert client.get("/v1/submissions", params={"flagged_label": 3}).json()["items"] == [shown]
    assert client.get("/v1/submissions", params={"flagged_label": 4}).json()["items"] == []


def test_given_a_trigger_then_it_is_a_picture_and_the_stored_floats(
    client: httpx.Client, scanned: str, result: dict[str, Any], make_triggers: Callable[..., TriggerArrays]
) -> None:
    mask, pattern = make_triggers(result).of(3) or ()
    floats = np.load(io.BytesIO(client.get(f"{scanned}/labels/3/trigger.npz").content))
    assert (floats["mask"] == mask).all()
    assert (floats["pattern"] == pattern).all()
    answer = client.get(f"{scanned}/labels/3/trigger.png")
    assert answer.headers["content-type"] == "image/png"
    picture = np.asarray(Image.open(io.BytesIO(answer.content)))
    lit = picture.reshape(32, 4, 32, 4, 3).max(axis=(1, 3, 4)) > 0
    assert (lit == (mask > 0.002)).all()


def test_when_all_triggers_are_fetched_then_the_file_is_as_the_command_line_writes_it(
    client: httpx.Client, settings: Settings, scanned: str, result: dict[str, Any], make_triggers: Callable[..., Any]
) -> None:
    fetched = np.load(io.BytesIO(client.get(f"{scanned}/triggers.npz").content))
    wanted = make_triggers(result)
    for name in ("labels", "mask", "pattern"):
        assert fetched[name].dtype == getattr(wanted, name).dtype
        assert (fetched[name] == getattr(wanted, name)).all()
    assert list(settings.artefacts.glob("*.tmp")) == []


def test_when_files_are_fetched_then_each_has_its_type_and_the_page_may_run_nothing(
    client: httpx.Client, scanned: str
) -> None:
    assert client.get(f"{scanned}/scanned.keras").content == b"scanned"
    assert client.get(f"{scanned}/goodnet.keras").content == b"goodnet"
    assert client.get(f"{scanned}/guarded.keras").content == b"guarded"
    for name in ("scanned", "goodnet", "guarded"):
        net = client.get(f"{scanned}/{name}.onnx")
        assert onnx.load_from_string(net.content).graph.input[0].name == "pixel_values"
        assert net.headers["content-disposition"] == f'attachment; filename="{name}.onnx"'
    page = client.get(f"{scanned}/report.html")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("sandbox;")
    assert "traffic_signs.h5" in page.text


def test_given_no_verdict_yet_then_409_and_the_labels_stand_as_they_are(
    client: httpx.Client, settings: Settings, files: tuple[Path, Path], result: dict[str, Any], store: Store
) -> None:
    model, data = files
    identity = store_submission(settings, result, model=model, data=data, until="prepared")
    with store.write() as session:
        key = LabelKey(submission_id=identity, label=5, round=0)
        labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)
    for name in ("result.json", "report.html", "triggers.npz", "scanned.keras", "goodnet.keras", "goodnet.onnx"):
        answer = client.get(f"/v1/submissions/{identity}/{name}")
        assert (answer.status_code, "has no verdict" in answer.json()["detail"]) == (409, True)
    states = [row["state"] for row in client.get(f"/v1/submissions/{identity}/labels").json()["items"]]
    assert states == ["queued"] * 5 + ["running"] + ["queued"] * 6
    assert client.get(f"/v1/submissions/{identity}/labels/5/trigger.png").status_code == 404
    assert client.get(f"/v1/submissions/{identity}/labels/12").status_code == 404


def test_given_a_repair_that_is_running_then_the_result_says_so_and_its_nets_are_not_there_yet(
    client: httpx.Client, settings: Settings, files: tuple[Path, Path], result: dict[str, Any]
) -> None:
    model, data = files
    identity = store_submission(settings, result, model=model, data=data, until="detection")
    told = client.get(f"/v1/submissions/{identity}/result.json").json()
    assert (told["state"], told["verdict"], told["mitigation"]) == ("repairing", "backdoored", None)
    assert "the repair is running" in client.get(f"/v1/submissions/{identity}/report.html").text
    assert client.get(f"/v1/submissions/{identity}/scanned.keras").content == b"scanned"
    for name in ("goodnet.keras", "guarded.keras", "goodnet.onnx", "guarded.onnx", "attestation.json"):
        answer = client.get(f"/v1/submissions/{identity}/{name}")
        assert (answer.status_code, "is repairing" in answer.json()["detail"]) == (409, True)


def test_given_many_then_pages_hold_each_once_though_others_are_submitted_meanwhile(client: httpx.Client) -> None:
    ids = [client.post("/v1/submissions", **form(b"%d" % number)).json()["id"] for number in range(5)]
    first = client.get("/v1/submissions", params={"limit": 2}).json()
    client.post("/v1/submissions", **form(b"later"))
    second = client.get("/v1/submissions", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert client.get("/v1/submissions", params={"cursor": "x"}).status_code == 422
    assert client.get("/v1/submissions", params={"colour": "red"}).status_code == 422


def test_given_two_submissions_then_they_are_compared_if_both_are_ones_own(
    client: httpx.Client, scanned: str, make_key: MakeKey, store: Store
) -> None:
    bob, root = make_key("bob"), make_key("root", "admin")
    his = client.post("/v1/submissions", headers=bob, **form()).json()["id"]
    sides = {"left": scanned.rpartition("/")[2], "right": his}
    assert client.get("/v1/compare", params=sides, headers=bob).status_code == 404
    compared = client.get("/v1/compare", params=sides, headers=root).json()
    assert (compared["left"]["verdict"], compared["right"]["verdict"]) == ("backdoored", None)
    with store.write() as session:
        session.execute(update(Submission).values(owner="bob"))
    assert client.get("/v1/compare", params=sides, headers=bob).status_code == 200


def test_when_statistics_are_asked_then_each_owner_counts_its_own(
    client: httpx.Client, scanned: str, make_key: MakeKey
) -> None:
    del scanned
    root, bob = make_key("root", "admin"), make_key("bob")
    assert client.get("/v1/statistics", headers=root).json()["totals"]["verdicts"] == {"backdoored": 1}
    assert client.get("/v1/statistics", headers=bob).json() == {
        "days": [],
        "totals": {"submissions": 0, "states": {}, "verdicts": {}, "labels": 0},
    }


def test_given_anothers_submission_then_nothing_of_it_is_told(
    client: httpx.Client, scanned: str, make_key: MakeKey
) -> None:
    bob = make_key("bob")
    ends = ("", "/labels", "/labels/3", "/labels/3/trigger.png", "/result.json", "/report.html", "/events")
    assert {client.get(scanned + end, headers=bob).status_code for end in ends} == {404}
    assert {client.post(f"{scanned}/{what}", headers=bob).status_code for what in ("cancel", "retry")} == {404}
    assert client.delete(scanned, headers=bob).status_code == 404
    assert client.get("/v1/submissions", headers=bob).json()["items"] == []
