"""Batches over HTTP: made by one call or of submissions that are there, watched and stopped together."""

from typing import Any

import httpx

from tests.api.service.conftest import MakeKey, form


def submitted(client: httpx.Client, model: bytes, **headers: str) -> str:
    answer = client.post("/v1/submissions", **form(model=model), headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def made(client: httpx.Client, ids: list[str], **headers: str) -> dict[str, Any]:
    answer = client.post("/v1/batches", json={"submissions": ids}, headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_given_models_in_one_call_then_they_are_a_batch(client: httpx.Client) -> None:
    uploaded = [client.get(f"/v1/submissions/{submitted(client, each)}").json() for each in (b"one", b"two")]
    dataset = client.post("/v1/datasets", files={"data": ("clean.npz", b"data")}).json()
    models = [{"sha256": one["model"]["sha256"]} for one in uploaded]
    answer = client.post("/v1/submissions/batch", json={"models": models, "dataset": dataset["id"]}).json()
    found = client.get(f"/v1/batches/{answer['batch']}").json()
    assert {one["id"] for one in found["items"]} == {one["id"] for one in answer["items"]}
    assert (found["share"], found["eta_seconds"]) == (0, None)
    # And so are the same, put together by hand
    assert made(client, [one["id"] for one in answer["items"]])["id"] == answer["batch"]


def test_when_a_batch_is_cancelled_then_all_of_it_ends_and_nothing_else(client: httpx.Client) -> None:
    first, second, other = (submitted(client, each) for each in (b"one", b"two", b"three"))
    client.post(f"/v1/submissions/{first}/cancel")
    batch = made(client, [first, second])
    found = client.post(f"/v1/batches/{batch['id']}/cancel").json()
    assert [one["state"] for one in found["items"]] == ["cancelled", "cancelled"]
    assert found["share"] == 1
    assert client.get(f"/v1/submissions/{other}").json()["state"] == "queued"


def test_a_batch_is_its_owners_alone(client: httpx.Client, make_key: MakeKey) -> None:
    ann, bob = make_key("ann"), make_key("bob")
    mine = submitted(client, b"one", **ann)
    batch = made(client, [mine], **ann)
    for method, place in (("GET", f"/v1/batches/{batch['id']}"), ("POST", f"/v1/batches/{batch['id']}/cancel")):
        assert client.request(method, place, headers=bob).status_code == 404
    assert client.post("/v1/batches", json={"submissions": [mine]}, headers=bob).status_code == 404
    assert client.get(f"/v1/batches/{batch['id']}", headers=ann).json()["items"][0]["state"] == "queued"


def test_given_too_many_or_none_then_no_batch_is_made(client: httpx.Client) -> None:
    for ids in ([], ["0" * 12] * 201):
        assert client.post("/v1/batches", json={"submissions": ids}).status_code == 422
