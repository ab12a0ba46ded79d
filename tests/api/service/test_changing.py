"""What callers set in motion: cancel, retry, delete, data sets, batches, classify, keys; what the audit log says."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from nc_tasks.settings import Settings
from nc_tasks.store import Store, Submission
from nc_tasks.store.rows import jobs
from tests.api.conftest import store_submission
from tests.api.service.conftest import MakeKey, form


def submitted(client: httpx.Client, model: bytes = b"model", **headers: str) -> str:
    return client.post("/v1/submissions", headers=headers, **form(model)).json()["id"]


def kept_files(settings: Settings) -> int:
    return len(list(settings.artefacts.glob("??/*")))


@pytest.fixture
def done(client: httpx.Client, settings: Settings, files: tuple[Path, Path], make_result: Callable[..., Any]) -> str:
    """The address of a submission that has ended."""
    del client
    model, data = files
    identity = store_submission(settings, make_result(classes=12, infected={3: 4.0}), model=model, data=data)
    return f"/v1/submissions/{identity}"


def test_when_it_is_cancelled_and_retried_then_it_goes_through_those_states(
    client: httpx.Client, sent: list[str]
) -> None:
    one = f"/v1/submissions/{submitted(client)}"
    assert client.post(f"{one}/retry").status_code == 409
    assert client.post(f"{one}/cancel").json()["state"] == "cancelled"
    again = client.post(f"{one}/retry")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    assert sent == [again.json()["id"]] * 2


def test_given_one_at_work_then_it_is_not_deleted(client: httpx.Client) -> None:
    one = f"/v1/submissions/{submitted(client)}"
    answer = client.delete(one)
    assert (answer.status_code, "cancel it" in answer.json()["detail"]) == (409, True)
    assert client.get(one).status_code == 200


def test_when_it_is_deleted_then_its_files_go_and_those_that_another_needs_stay(
    client: httpx.Client, settings: Settings, done: str
) -> None:
    other = client.get(f"/v1/submissions/{submitted(client, b'other')}").json()
    for path in settings.artefacts.glob("??/*"):
        os.utime(path, (0, 0))
    assert client.delete(done).status_code == 204
    assert client.get(done).status_code == 404
    wanted = {other["model"]["sha256"], other["data"]["sha256"]}
    assert {path.parent.name + path.name for path in settings.artefacts.glob("??/*")} == wanted


def test_given_a_file_just_kept_when_the_last_that_refers_to_it_is_deleted_then_it_stays_for_a_while(
    client: httpx.Client, settings: Settings, done: str
) -> None:
    before = kept_files(settings)
    assert client.delete(done).status_code == 204
    assert kept_files(settings) == before


def test_given_a_data_set_then_many_models_are_submitted_against_it_in_one_call(
    client: httpx.Client, sent: list[str]
) -> None:
    registered = client.post("/v1/datasets", files={"data": ("clean.npz", b"clean")}, data={"name": "signs"})
    assert registered.status_code == 201
    dataset = registered.json()
    assert client.get(registered.headers["location"]).json() == dataset
    known = [client.get(f"/v1/submissions/{submitted(client, b'%d' % n)}").json()["model"] for n in range(3)]
    batch = {"dataset": dataset["id"], "models": known, "options": {"seed": 4}, "tags": {"run": "7"}}
    answer = client.post("/v1/submissions/batch", json=batch)
    assert answer.status_code == 202, answer.text
    items = answer.json()["items"]
    assert [item["model"] for item in items] == known
    assert {(item["data"]["name"], item["options"]["seed"], item["tags"]["run"]) for item in items} == {
        ("clean.npz", 4, "7")
    }
    assert sent[3:] == [item["id"] for item in items]
    assert client.get("/v1/submissions", params={"dataset": dataset["id"]}).json()["items"] == items[::-1]


def test_given_one_unknown_model_then_nothing_of_the_batch_is_submitted(client: httpx.Client, sent: list[str]) -> None:
    dataset = client.post("/v1/datasets", files={"data": ("clean.npz", b"clean")}).json()
    known = client.get(f"/v1/submissions/{submitted(client)}").json()["model"]["sha256"]
    batch = {"dataset": dataset["id"], "models": [{"sha256": known}, {"sha256": "0" * 64}]}
    assert client.post("/v1/submissions/batch", json=batch).status_code == 404
    assert len(sent) == 1


def test_given_a_name_that_stands_for_another_file_then_409(client: httpx.Client) -> None:
    def register(content: bytes) -> httpx.Response:
        return client.post("/v1/datasets", files={"data": ("clean.npz", content)}, data={"name": "signs"})

    first = register(b"one").json()
    assert register(b"one").json() == first
    assert register(b"two").status_code == 409
    assert client.delete(f"/v1/datasets/{first['id']}").status_code == 204
    assert register(b"two").status_code == 201


@pytest.mark.parametrize(("name", "kept"), [("GTSRB/2024", "GTSRB/2024"), ("C:\\x", "C:\\x"), ("a\x1b[2J", "a�[2J")])
def test_given_the_name_of_a_data_set_then_it_is_kept_whole_and_no_path(
    client: httpx.Client, name: str, kept: str
) -> None:
    answer = client.post("/v1/datasets", files={"data": ("some/clean.npz", b"clean")}, data={"name": name})
    assert (answer.json()["name"], answer.json()["file_name"]) == (kept, "clean.npz")


def test_when_a_digest_is_asked_for_then_only_its_owner_learns_that_it_is_here(
    client: httpx.Client, make_key: MakeKey
) -> None:
    alice, bob = make_key("alice"), make_key("bob")
    digest = client.post("/v1/submissions", headers=alice, **form()).json()["model"]["sha256"]
    assert client.head(f"/v1/artefacts/{digest}", headers=alice).status_code == 200
    assert client.head(f"/v1/artefacts/{digest}", headers=bob).status_code == 404


def test_given_a_scan_without_its_net_then_it_may_be_retried_for_that_alone_and_else_for_nothing(
    client: httpx.Client, done: str, sent: list[str], store: Store
) -> None:
    # Given a submission that is done, of which nothing has failed
    digest = client.get(done).json()["scanned_sha256"]
    assert client.head(f"/v1/artefacts/{digest}").status_code == 200
    assert client.post(f"{done}/retry").status_code == 409
    # When it is one of a version that kept no scanned.keras
    with store.write() as session:
        session.execute(update(Submission).values(scanned_sha256=None))
    missing = client.get(f"{done}/scanned.keras")
    assert (missing.status_code, "`cleanse retry" in missing.json()["detail"]) == (404, True)
    assert client.head(f"/v1/artefacts/{digest}").status_code == 404
    # Then it may be prepared anew
    assert client.post(f"{done}/retry").json()["state"] == "queued"
    assert len(sent) == 1


def test_when_pictures_are_to_be_classified_then_a_worker_gets_a_job_by_the_stored_net(
    client: httpx.Client, done: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[str] = []
    monkeypatch.setattr("nc_tasks.messages.app.publish_job", lambda job, **_: published.append(job))
    pictures = [("images", (f"{number}.png", b"%d" % number)) for number in range(2)]
    answer = client.post(f"{done}/classify", files=pictures, data={"resize": "bilinear"})
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert published == [job["id"]]
    with store.write() as session:
        row = jobs.get(session, job_id=job["id"])
        assert (row.arguments["model"]["name"], len(row.arguments["images"])) == ("guarded.keras", 2)
        attempt = jobs.claim(session, job_id=job["id"], worker_id="w", lease_seconds=60, max_attempts=3)
        assert attempt is not None
        jobs.finish(session, job_id=job["id"], attempt=attempt, state="done", result={"labels": [4, 12]})
    assert client.get(answer.headers["location"]).json()["labels"] == [4, 12]


@pytest.mark.parametrize("fields", [{"net": "badnet"}, {"resize": "cubic"}, {"colour": "red"}])
def test_given_a_wrong_wish_for_classifying_then_422(client: httpx.Client, done: str, fields: dict[str, str]) -> None:
    answer = client.post(f"{done}/classify", files={"images": ("a.png", b"a")}, data=fields)
    assert answer.status_code == 422


def test_when_an_admin_makes_a_key_then_it_opens_and_once_revoked_it_does_not(
    client: httpx.Client, make_key: MakeKey
) -> None:
    root = make_key("root", "admin")
    made = client.post("/v1/keys", headers=root, json={"owner": "alice", "scopes": ["read"]}).json()
    hers = {"Authorization": f"Bearer {made['key']}"}
    assert client.get("/v1/submissions", headers=hers).status_code == 200
    assert client.get("/v1/keys", headers=hers).status_code == 403
    listed = client.get("/v1/keys", headers=root).json()["items"]
    assert [(key["owner"], key["revoked_at"]) for key in listed] == [("root", None), ("alice", None)]
    assert all("key" not in key for key in listed)
    assert client.delete(f"/v1/keys/{made['id']}", headers=root).status_code == 204
    assert client.get("/v1/submissions", headers=hers).status_code == 401


def test_then_the_audit_log_says_who_submitted_downloaded_and_deleted(
    client: httpx.Client, make_key: MakeKey, done: str
) -> None:
    root = make_key("root", "admin")
    identity = client.post("/v1/submissions", headers=root, **form()).json()["id"]
    client.get(f"{done}/goodnet.keras", headers=root)
    client.delete(done, headers=root)
    items = client.get("/v1/audit", headers=root).json()["items"]
    told = [(item["action"], item["owner"], item["subject"], item["address"]) for item in items]
    gone = done.rpartition("/")[2]
    assert told == [
        ("delete", "root", gone, "127.0.0.1"),
        ("download", "root", gone, "127.0.0.1"),
        ("submit", "root", identity, "127.0.0.1"),
    ]
    assert client.get("/v1/audit", headers=make_key("alice")).status_code == 403


@pytest.mark.parametrize("name", ["labels/3/trigger.png", "labels/3/trigger.npz", "triggers.npz", "result.json"])
def test_when_any_file_of_a_submission_is_fetched_then_the_audit_log_names_it(
    client: httpx.Client, make_key: MakeKey, done: str, name: str
) -> None:
    root = make_key("root", "admin")
    assert client.get(f"{done}/{name}", headers=root).status_code == 200
    (entry,) = client.get("/v1/audit", headers=root).json()["items"]
    assert (entry["action"], entry["subject"], entry["detail"]) == ("download", done.rpartition("/")[2], {"file": name})


def test_given_a_caller_in_a_hurry_then_429_says_when_to_come_again(client: httpx.Client, app: Any) -> None:
    app.state.service.rates.most = 3
    answers = [client.get("/v1/submissions") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["limit"] == 3
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert client.get("/healthz").status_code == 200
