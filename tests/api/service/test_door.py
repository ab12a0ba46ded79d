"""Who is let in: keys and scopes, and without keys this machine alone."""

import httpx
import pytest
from sqlalchemy import text

from api.service.callers import COOKIE
from nc_tasks.store import Store
from nc_tasks.store.rows import keys, page_sessions
from tests.api.service.conftest import MakeKey, form


def own_origin(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


LIST = "/v1/submissions/0123456789ab"


def test_given_no_key_was_made_then_this_machine_may_ask_and_health_says_so(client: httpx.Client) -> None:
    assert client.get("/healthz").json()["mode"] == "local"
    assert client.get(LIST).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.4:8000", ""])
def test_given_no_key_when_asked_by_a_foreign_name_then_421(client: httpx.Client, host: str) -> None:
    answer = client.get(LIST, headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000"])
def test_given_no_key_when_asked_by_a_name_of_this_machine_then_it_answers(client: httpx.Client, host: str) -> None:
    assert client.get(LIST, headers={"Host": host}).status_code == 404


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_given_no_key_when_a_foreign_page_submits_then_it_may_not(
    client: httpx.Client, sent: list[str], headers: dict[str, str]
) -> None:
    assert client.post("/v1/submissions", headers=headers, **form()).status_code == 403
    assert sent == []


def test_given_no_key_when_its_own_page_submits_then_it_may(client: httpx.Client) -> None:
    headers = {"Origin": own_origin(client), "Sec-Fetch-Site": "same-origin"}
    assert client.post("/v1/submissions", headers=headers, **form()).status_code == 202


def test_given_a_key_was_made_when_asked_without_then_401_and_health_answers(
    client: httpx.Client, make_key: MakeKey
) -> None:
    make_key("alice")
    answer = client.get(LIST)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/healthz").json()["mode"] == "keys"
    assert client.get("/readyz").status_code == 503


def test_when_the_last_key_is_revoked_then_the_door_stays_shut(
    client: httpx.Client, make_key: MakeKey, store: Store
) -> None:
    header = make_key("alice")
    assert client.get(LIST, headers=header).status_code == 404
    with store.write() as session:
        (key,) = keys.every(session)
        assert keys.revoke(session, key_id=key.id)
        assert not keys.revoke(session, key_id=key.id)
    assert client.get(LIST, headers=header).status_code == 401
    assert client.get(LIST).status_code == 401


@pytest.mark.parametrize("spoil", [lambda key: key[:-1] + "!", lambda key: key[:-2] + "AA", lambda _: "cleanse_x_y"])
def test_given_another_secret_then_401(client: httpx.Client, make_key: MakeKey, spoil) -> None:  # type: ignore[no-untyped-def]
    bearer = make_key("alice")["Authorization"]
    assert client.get(LIST, headers={"Authorization": spoil(bearer)}).status_code == 401


def test_given_a_key_then_the_store_holds_nothing_that_opens(store: Store, make_key: MakeKey) -> None:
    secret = make_key("alice")["Authorization"].split("_", 2)[2]
    with store.read() as session:
        rows = str(session.execute(text("SELECT * FROM api_key")).all())
    assert secret not in rows


def test_given_a_key_that_may_only_read_when_it_submits_then_403(client: httpx.Client, make_key: MakeKey) -> None:
    answer = client.post("/v1/submissions", headers=make_key("alice", "read"), **form())
    assert answer.status_code == 403
    assert "scope submit" in answer.json()["detail"]


def test_given_the_cookie_of_a_page_then_reading_needs_it_alone_and_a_change_needs_its_own_origin(
    client: httpx.Client, make_key: MakeKey, store: Store
) -> None:
    key = make_key("alice")["Authorization"].removeprefix("Bearer ")
    with store.write() as session:
        (row,) = keys.every(session)
        begun = page_sessions.begin(session, key_id=row.id)
    cookie = {"Cookie": f"{COOKIE}={begun}"}
    assert client.get(LIST, headers=cookie).status_code == 404
    assert client.post("/v1/submissions", headers=cookie, **form()).status_code == 403
    own = {**cookie, "Origin": own_origin(client)}
    assert client.post("/v1/submissions", headers=own, **form()).status_code == 202
    # And neither stands for the other
    assert client.get(LIST, headers={"Cookie": f"{COOKIE}={key}"}).status_code == 401
    assert client.get(LIST, headers={"Authorization": f"Bearer {begun}"}).status_code == 401
