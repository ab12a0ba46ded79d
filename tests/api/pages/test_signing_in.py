"""With keys on, pages ask for one, and nobody else's page can act in the visitor's name."""

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from api.pages.auth import own_path
from api.service.callers import COOKIE
from api.service.uploads.bodies import SMALL_BYTES
from nc_tasks.store import Store
from nc_tasks.store.rows import keys, submissions
from tests import history

PAGES = ("/", "/history", "/submit", "/compare", "/submissions/abc", "/submissions/abc/labels/1")


@pytest.mark.parametrize("address", PAGES)
def test_given_keys_when_nobody_is_signed_in_then_every_page_leads_to_the_form(
    browser: httpx.Client, make_key: Callable[..., str], address: str
) -> None:
    make_key("ann")
    answer = browser.get(address)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?then=%2F")


def test_given_a_key_when_signed_in_then_own_submissions_are_seen_and_others_are_not(
    browser: httpx.Client, make_key: Callable[..., str], store: Store
) -> None:
    text = make_key("ann")
    with store.write() as session:
        mine = history.add(session, 1, owner="ann", model_name="mine.h5")
        theirs = history.add(session, 2, owner="bob", model_name="theirs.h5")
    # When the key is given
    answer = browser.post("/sign-in", data={"key": f" {text}\n", "then": f"/submissions/{mine}"})
    # Then it is kept out of the reach of scripts and other sites, and the way goes on
    assert (answer.status_code, answer.headers["location"]) == (303, f"/submissions/{mine}")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    # And the cookie is not the key
    assert text.split("_", 2)[2] not in answer.headers["set-cookie"]
    listed = browser.get("/").text
    assert "mine.h5" in listed
    assert "theirs.h5" not in listed
    assert "Sign out" in listed
    assert browser.get(f"/submissions/{mine}").status_code == 200
    assert browser.get(f"/submissions/{theirs}").status_code == 404
    assert browser.get(f"/compare?id={mine}&id={theirs}").status_code == 404
    assert browser.post(f"/submissions/{theirs}/cancel").status_code == 404
    # And signing out ends it, for whoever has kept the cookie too
    kept = dict(browser.cookies)
    assert browser.post("/sign-out").status_code == 303
    assert browser.get("/").status_code == 303
    assert browser.get("/", headers={"Cookie": f"{COOKIE}={kept[COOKIE]}"}).status_code == 303


def test_given_somebody_signed_in_when_they_sign_in_anew_or_the_key_is_revoked_then_the_earlier_session_is_over(
    browser: httpx.Client, make_key: Callable[..., str], store: Store
) -> None:
    text = make_key("ann")
    browser.post("/sign-in", data={"key": text})
    first = browser.cookies[COOKIE]
    assert browser.get("/").status_code == 200
    # When they sign in anew
    browser.post("/sign-in", data={"key": text})
    # Then there is one session
    assert browser.cookies[COOKIE] != first
    assert browser.get("/").status_code == 200
    assert browser.get("/", headers={"Cookie": f"{COOKIE}={first}"}).status_code == 303
    # And none once the key is revoked
    with store.write() as session:
        (key,) = keys.every(session)
        keys.revoke(session, key_id=key.id)
    assert browser.get("/").status_code == 303


@pytest.mark.parametrize("key", ["", "cleanse_000000000000_" + "a" * 43, "no key"])
def test_given_a_key_that_is_none_then_it_is_refused_and_not_kept(
    browser: httpx.Client, make_key: Callable[..., str], key: str
) -> None:
    make_key("ann")
    answer = browser.post("/sign-in", data={"key": key})
    assert answer.status_code == 401
    assert "This key is not valid" in answer.text
    assert "set-cookie" not in answer.headers


def test_given_nobody_signed_in_when_files_are_sent_then_they_are_refused_unread(
    browser: httpx.Client, make_key: Callable[..., str]
) -> None:
    answer = browser.post("/sign-in", data={"key": make_key("ann")}, files={"then": ("x", b"x" * SMALL_BYTES)})
    assert answer.status_code == 415
    assert "send application/x-www-form-urlencoded" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "status"), [(b"key=" + b"k" * SMALL_BYTES, 413), (b"&".join([b"a=b"] * 9), 400)], ids=["bytes", "fields"]
)
def test_given_a_form_of_any_size_when_signing_in_then_it_is_refused(
    browser: httpx.Client, make_key: Callable[..., str], body: bytes, status: int
) -> None:
    make_key("ann")
    answer = browser.post("/sign-in", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == status


def test_given_wrong_keys_without_end_when_signing_in_then_they_count_as_those_of_the_api(
    browser: httpx.Client, make_key: Callable[..., str], app: FastAPI
) -> None:
    text = make_key("ann")
    app.state.service.rates.most = 3
    # Given as many wrong keys as may be tried, by the page and by the API
    assert [browser.post("/sign-in", data={"key": "wrong"}).status_code for _ in range(2)] == [401, 401]
    assert browser.get("/v1/submissions", headers={"Authorization": "Bearer wrong"}).status_code == 401
    # Then neither takes another from there
    answer = browser.post("/sign-in", data={"key": "wrong"})
    assert (answer.status_code, 1 <= int(answer.headers["retry-after"]) <= 60) == (429, True)
    assert browser.get("/v1/submissions", headers={"Authorization": "Bearer wrong"}).status_code == 429
    # And whoever has a key is let in
    assert browser.post("/sign-in", data={"key": text}).status_code == 303


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_given_a_foreign_page_then_its_forms_change_nothing(
    browser: httpx.Client, make_key: Callable[..., str], store: Store, origin: str
) -> None:
    text = make_key("ann")
    with store.write() as session:
        identity = history.add(session, 1, owner="ann")
    browser.post("/sign-in", data={"key": text})
    browser.headers["Origin"] = origin
    for address in (f"/submissions/{identity}/cancel", "/submissions", "/sign-in", "/sign-out"):
        assert browser.post(address, data={"key": text}).status_code == 403, address
    with store.read() as session:
        assert submissions.get(session, submission_id=identity).state == "queued"


def test_given_a_key_to_read_then_nothing_can_be_submitted_or_cancelled(
    browser: httpx.Client, make_key: Callable[..., str], store: Store
) -> None:
    with store.write() as session:
        identity = history.add(session, 1, owner="ann")
    browser.post("/sign-in", data={"key": make_key("ann", "read")})
    page = browser.get(f"/submissions/{identity}")
    assert page.status_code == 200
    assert "/cancel" not in page.text
    assert 'href="/submit"' not in page.text
    assert browser.get("/submit").status_code == 403
    assert browser.post(f"/submissions/{identity}/cancel").status_code == 403


def test_given_an_admin_then_the_way_to_flower_is_shown_and_to_nobody_else(
    browser: httpx.Client, make_key: Callable[..., str], store: Store
) -> None:
    with store.write() as session:
        identity = history.add(session, 1, owner="ann", verdict="clean", norms={6: 30.0})
    for scope, shown in (("read", False), ("admin", True)):
        browser.post("/sign-in", data={"key": make_key("ann", scope)})
        page = browser.get(f"/submissions/{identity}/labels/6").text
        search = f'"/flower/tasks?name=nc_tasks.invert_label%20kwargs%3Asubmission%3D{identity}%20kwargs%3Alabel%3D6"'
        assert (search in page, '"/flower/"' in page) == (shown, shown)
    assert "of ann" in browser.get("/").text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("/history", "/history"),
        ("/submissions/a?x=1", "/submissions/a?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\nSet-Cookie: x", "/"),
        ("", "/"),
    ],
)
def test_when_signed_in_then_the_way_goes_on_within_the_service(asked: str, found: str) -> None:
    assert own_path(asked) == found
