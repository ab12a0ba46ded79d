"""Whose baselines are whose, and who may change them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from nc_tasks.settings import Settings
from nc_tasks.store import Store
from nc_tasks.store.rows import audit, submissions
from tests.api.conftest import store_submission
from tests.api.service.conftest import MakeKey, form


@pytest.fixture
def hers(
    client: httpx.Client, settings: Settings, store: Store, files: tuple[Path, Path], make_result: Callable[..., Any]
) -> str:
    """A scan of hers that has ended."""
    del client
    identity = store_submission(settings, make_result(classes=12), model=files[0], data=files[1])
    with store.write() as session:
        submissions.get(session, submission_id=identity).owner = "her"
    return identity


def test_a_baseline_is_its_owner_s_alone(client: httpx.Client, store: Store, hers: str, make_key: MakeKey) -> None:
    her, him, root = make_key("her"), make_key("him"), make_key("root", "admin")
    members = {"submissions": [hers]}
    # He cannot name what he does not see
    assert client.post("/v1/baselines/signs", json=members, headers=him).status_code == 404
    added = client.post("/v1/baselines/signs", json=members, headers=her)
    assert (added.status_code, [one["id"] for one in added.json()["items"]]) == (200, [hers])
    # nor see hers, hold anything against it, or take it away
    assert client.get("/v1/baselines", headers=him).json() == {"items": []}
    assert client.get("/v1/baselines/signs", headers=him).status_code == 404
    assert client.delete("/v1/baselines/signs", headers=him).status_code == 404
    fields = {"options": '{"baseline": "signs"}'}
    assert client.post("/v1/submissions", headers=him, **form(**fields)).status_code == 404
    assert client.post("/v1/submissions", headers=her, **form(**fields)).status_code == 202
    # an admin sees that it is there
    assert [one["owner"] for one in client.get("/v1/baselines", headers=root).json()["items"]] == ["her"]
    # When she takes the scan out, then nothing is left of it, and the log says who did what
    assert client.delete(f"/v1/baselines/signs/{hers}", headers=her).status_code == 204
    assert client.get("/v1/baselines/signs", headers=her).status_code == 404
    with store.read() as session:
        done = [(entry.owner, entry.action, entry.subject) for entry in audit.page(session, limit=9)]
    assert ("her", "add-to-baseline", "signs") in done
    assert ("her", "remove-from-baseline", "signs") in done


def test_who_may_only_read_changes_no_baseline_and_judges_anew_what_he_sees(
    client: httpx.Client, hers: str, make_key: MakeKey
) -> None:
    reader, him = make_key("her", "read"), make_key("him", "read")
    assert client.post("/v1/baselines/signs", json={"submissions": [hers]}, headers=reader).status_code == 403
    judged = client.post("/v1/rejudge", json={"submissions": [hers]}, headers=reader)
    assert (judged.status_code, judged.json()["items"][0]["recorded"]) == (200, "clean")
    assert client.post("/v1/rejudge", json={"submissions": [hers]}, headers=him).status_code == 404
    assert client.post("/v1/rejudge", json={}, headers=him).json() == {"items": []}


@pytest.mark.parametrize("wish", [{"fleet": True, "baseline": "x"}, {"alpha": 0.5}, {"submissions": []}, {"more": 1}])
def test_a_wish_that_cannot_be_is_refused(client: httpx.Client, wish: dict[str, Any]) -> None:
    assert client.post("/v1/rejudge", json=wish).status_code == 422


def test_a_name_that_is_none_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v1/baselines/two%20words", json={"submissions": ["0" * 12]})
    assert answer.status_code == 422
    assert client.post("/v1/baselines/signs", json={"submissions": ["0" * 12]}).status_code == 404
