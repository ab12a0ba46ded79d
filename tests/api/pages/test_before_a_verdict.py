"""A submission without a verdict, as its page shows it."""

from collections.abc import Callable
from typing import Any

import httpx

from nc_tasks.store import Store
from nc_tasks.store.rows import lifecycle
from tests import history
from tests.api.pages.seen import look


def test_given_a_scan_under_way_then_its_page_shows_phases_grid_and_a_way_to_stop_it(
    browser: httpx.Client, make_result: Callable[..., dict[str, Any]], stored: Callable[..., str], store: Store
) -> None:
    identity = stored(make_result(), until="prepared")
    with store.write() as session:
        history.end(session, identity, 2, norm=30.0)
    page = look(browser, f"/submissions/{identity}")
    assert len(page.all("progress")) == 4
    assert "1 of 43 labels have ended" in page.text
    assert page.all("div", **{"data-events": f"/v1/submissions/{identity}/events"})
    assert "waits for a worker" in look(browser, f"/submissions/{identity}/labels/3").text
    # When it is cancelled
    answer = browser.post(f"/submissions/{identity}/cancel")
    # Then its page says so and offers to carry on
    assert (answer.status_code, answer.headers["location"]) == (303, f"/submissions/{identity}")
    page = look(browser, f"/submissions/{identity}")
    assert "Cancelled" in page.text
    assert page.all("form", action=f"/submissions/{identity}/retry")
    assert not page.all("form", action=f"/submissions/{identity}/cancel")


def test_given_a_refusal_then_its_reason_stands_on_the_page(browser: httpx.Client, store: Store) -> None:
    with store.write() as session:
        identity = history.add(session, 1)
        lifecycle.refuse(session, submission_id=identity, reason="badnet.h5 is no model")
    page = look(browser, f"/submissions/{identity}")
    assert "The input was refused" in page.text
    assert "badnet.h5 is no model" in page.text
    assert "badnet.h5 is no model" in look(browser, "/").text


def test_given_labels_in_many_ranges_then_the_page_writes_out_the_first(browser: httpx.Client, sent: list[str]) -> None:
    files = {"model": ("net.h5", b"model"), "data": ("clean.npz", b"data")}
    browser.post("/submissions", files=files, data={"labels": ",".join(map(str, range(0, 60, 2)))})
    assert "labels: 0, 2, 4, 6," in (text := look(browser, f"/submissions/{sent[0]}").text)
    assert ", 46 and 6 more" in text


def test_before_a_verdict_there_is_no_evidence(browser: httpx.Client, make_result: Any, stored: Any) -> None:
    page = look(browser, f"/submissions/{stored(make_result(infected={33: 5.0}), until='labels')}")
    assert "Evidence" not in page.text
    # But there is a place for it to appear in
    assert page.all("section", id="evidence")
    assert page.all("section", id="universality")
