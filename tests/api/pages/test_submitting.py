"""The form by which a browser submits."""

from typing import Any

import httpx
import pytest

from api.pages.static_files import FILES
from nc_tasks.store import Store
from nc_tasks.store.rows import baselines, submissions
from tests.api.pages.seen import Seen, look


def test_given_a_form_with_files_then_they_are_submitted(browser: httpx.Client, store: Store, sent: list[str]) -> None:
    files = {"model": ("net.h5", b"model"), "data": ("clean.npz", b"data")}
    fields = {"profile": "thorough", "value_range": "", "labels": "0-3", "mitigate": "none", "unlabelled": "true"}
    fields["min_accuracy"] = "0.35"
    fields |= {"baseline": "", "twins": "", "channels": "grey", "class_names": "stop\r\ngive way\r\n"}
    fields |= {"architecture": "resnet18@32", "output": "colour", "input_shape": "28x28"}
    answer = browser.post("/submissions", files=files, data=fields)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"/submissions/{sent[0]}"
    with store.read() as session:
        options = submissions.get(session, submission_id=sent[0]).options
    assert (options["profile"], options["labels"], options["mitigate"]) == ("thorough", "0-3", [])
    assert (options["unlabelled"], options["value_range"]) == (True, "auto")
    assert (options["min_accuracy"], options["architecture"]) == (0.35, "resnet18@32")
    assert (options["output"], options["input_shape"]) == ("colour", "28x28")
    assert (options["baseline"], options["twins"]) == (None, 0)
    assert (options["channels"], options["class_names"]) == ("grey", ["stop", "give way"])


def test_given_twins_or_a_baseline_in_the_form_then_the_verdict_is_held_against_them(
    browser: httpx.Client, store: Store, sent: list[str]
) -> None:
    assert "Held against a baseline" not in look(browser, "/submit").text
    files = {"model": ("net.h5", b"model"), "data": ("clean.npz", b"data")}
    browser.post("/submissions", files=files, data={"twins": "19"})
    with store.write() as session:
        assert submissions.get(session, submission_id=sent[0]).options["twins"] == 19
        baselines.add(session, owner="local", name="signs", submission_ids=sent)
    assert "Held against a baseline" in (page := look(browser, "/submit")).text
    assert "signs" in page.text
    refused = browser.post("/submissions", files=files, data={"baseline": "signs"})
    assert refused.status_code == 422
    assert "none of them has a result" in refused.text


@pytest.mark.parametrize(
    ("files", "fields", "status", "told"),
    [
        ({"model": ("net.h5", b"m")}, {}, 422, "neither of data and dataset"),
        ({"model": ("net.h5", b"m"), "data": ("c.npz", b"d")}, {"labels": "x"}, 422, "'x' is no label"),
        ({"model": ("net.h5", b"m"), "data": ("c.npz", b"d")}, {"class_names": "[1, 2]"}, 422, "name 0 is 1"),
        ({"model": ("net.h5", b"m"), "data": ("c.npz", b"d")}, {"dataset": "abc"}, 422, "both of data and dataset"),
    ],
)
def test_given_a_form_with_a_mistake_then_it_comes_again_with_what_is_wrong(
    browser: httpx.Client, sent: list[str], files: dict[str, Any], fields: dict[str, str], status: int, told: str
) -> None:
    answer = browser.post("/submissions", files=files, data=fields)
    page = Seen(answer.text)
    assert answer.status_code == status
    assert told in page.text
    assert page.all("input", name="model")
    assert sent == []


def test_given_a_file_that_the_browser_has_then_it_is_not_sent_again(browser: httpx.Client) -> None:
    assert {browser.get(f"/static/{name}").status_code for name in FILES} == {200}
    tag = browser.get("/static/pages.css").headers["etag"]
    assert browser.get("/static/pages.css", headers={"If-None-Match": tag}).status_code == 304
    assert browser.get("/static/routes.py").status_code == 404
