"""What the pages show of what the store holds; looked at as a browser without scripts does."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from api.pages.cells import grid
from nc_tasks.store import Detection, Store
from nc_tasks.store.rows import submissions
from nc_tasks.views.results import result_json
from tests import history
from tests.api.pages.seen import Seen, look

HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}.h5'


def test_given_nothing_then_the_list_says_what_to_do(browser: httpx.Client) -> None:
    page = look(browser, "/")
    assert "Nothing was submitted yet" in page.text
    assert page.all("a", href="/submit")
    assert "Local mode" in page.text
    assert "Nothing ended in these 30 days" in look(browser, "/history").text


def test_given_a_thousand_labels_then_each_has_a_cell_that_says_what_it_is() -> None:
    # Given labels of every kind
    kinds = [
        ("done", 8.214, True, False),
        ("done", 1204.4, False, False),
        ("screened_out", None, False, False),
        ("queued", None, False, False),
    ]
    names = ("state", "norm", "flagged", "follower")
    rows = [{"label": label, **dict(zip(names, kinds[label % 4], strict=True))} for label in range(1283)]
    # When the grid is drawn
    page = Seen(str(grid("0123456789ab", rows)))
    # Then there is a link for each, whose name tells label, state, norm and flag, and whose class the same to the eye
    cells = page.all("a")
    assert [cell["href"] for cell in cells] == [f"/submissions/0123456789ab/labels/{label}" for label in range(1283)]
    assert [(cell["class"], cell["aria-label"]) for cell in cells[:4]] == [
        ("cell flagged", "Label 0: done, norm 8.21, flagged"),
        ("cell done", "Label 1: done, norm 1,204"),
        ("cell screened_out", "Label 2: screened out"),
        ("cell queued", "Label 3: queued"),
    ]
    assert all(cell["title"] == cell["aria-label"] for cell in cells)
    # And no text of a row can become a tag, wherever it came from
    row = {"label": 1, "state": HOSTILE, "norm": None, "flagged": False, "follower": False}
    assert not Seen(str(grid(HOSTILE, [row]))).all("script")


def test_given_hostile_names_then_they_stay_text(
    browser: httpx.Client, make_result: Callable[..., dict[str, Any]], stored: Callable[..., str], store: Store
) -> None:
    identity = stored(make_result(infected={33: 5.0}))
    with store.write() as session:
        submission = submissions.get(session, submission_id=identity)
        submission.model_name = submission.data_name = HOSTILE
        submission.preflight = {**(submission.preflight or {}), "class_names": [HOSTILE] * 43}
    places = ("/", f"/submissions/{identity}", f"/submissions/{identity}/labels/33", f"/?text={HOSTILE}")
    compared = f"/compare?id={identity}&id={identity}"
    assert f"33 ({HOSTILE})"[:40] in look(browser, compared).text
    for address in (*places, compared):
        page = look(browser, address)
        assert HOSTILE in page.text
        assert [script["src"] for script in page.all("script")] == ["/static/pages.js"]


def test_given_names_of_classes_then_sentences_about_labels_have_them(
    browser: httpx.Client, make_result: Callable[..., dict[str, Any]], stored: Callable[..., str], store: Store
) -> None:
    reason = "Labels 33, 7 can be reached by a trigger far too small to be chance."
    identity = stored({**make_result(infected={33: 5.0}), "reason": reason, "rules": ["Size rule: flagged label 33."]})
    with store.write() as session:
        submission = submissions.get(session, submission_id=identity)
        submission.preflight = {**(submission.preflight or {}), "class_names": [f"sign {at}" for at in range(43)]}
    text = look(browser, f"/submissions/{identity}").text
    assert reason.replace("33, 7", "33 (sign 33), 7 (sign 7)") in text
    with store.read() as session:
        result = result_json(session, identity)
    assert result["reason"] in text
    assert result["rules"] == ["Size rule: flagged label 33 (sign 33)."]


@pytest.mark.parametrize(
    "address", ["/", "/history", "/submit", "/sign-in", "/compare", "/submissions/000000000000", "/static/pages.js"]
)
def test_when_a_page_is_sent_then_nothing_foreign_may_run_in_it_nor_frame_it(
    browser: httpx.Client, address: str
) -> None:
    answer = browser.get(address)
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = Seen(answer.text) if address != "/static/pages.js" else Seen("")
    # No style and no script within the page, which the policy would keep from working
    assert not page.all("style")
    assert not any(name == "style" or name.startswith("on") for _, found in page.elements for name in found)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/?state=asleep", "state is 'asleep'"),
        ("/?flagged_label=-1", "flagged label is '-1'"),
        ("/?created_after=soon", "the day is 'soon'"),
        ("/?cursor=x", "is none of ours"),
        ("/compare?id=a", "1 submissions are ticked"),
        ("/submissions/none", "no submission has the id"),
        ("/history?days=9999", "days is '9999'"),
        ("/submissions/a/labels/x", "unable to parse"),
    ],
)
def test_given_an_address_that_asks_for_nothing_then_the_page_says_what_is_wrong(
    empty: httpx.Client, address: str, told: str
) -> None:
    answer = empty.get(address)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"].startswith("text/html")
    assert told in Seen(answer.text).text


def test_given_many_submissions_then_pages_follow_one_another(browser: httpx.Client, store: Store) -> None:
    with store.write() as session:
        for number in range(60):
            history.add(session, number, model_name=f"net{number:02}.h5")
    first = look(browser, "/?text=net")
    (older,) = first.all("a", rel="next")
    second = look(browser, older["href"] or "")
    named = [re.findall(r"Compare (net\d\d)", page.text) for page in (first, second)]
    assert [len(names) for names in named] == [50, 10]
    assert sorted(named[0] + named[1]) == [f"net{number:02}" for number in range(60)]


def test_given_a_filter_then_its_fields_keep_what_was_asked(browser: httpx.Client, backdoored: str) -> None:
    page = look(browser, "/?verdict=clean&text=signs")
    assert "No submission passes these filters" in page.text
    assert page.all("input", name="text", value="signs")
    assert page.all("option", value="clean", selected=None)  # type: ignore[arg-type]
    assert look(browser, "/?flagged_label=33").all("a", href=f"/submissions/{backdoored}")


def test_given_two_submissions_then_they_stand_side_by_side(browser: httpx.Client, store: Store) -> None:
    norms = {label: 30.0 + label for label in range(12)}
    with store.write() as session:
        left = history.add(session, 1, verdict="clean", norms=norms)
        right = history.add(session, 2, verdict="backdoored", norms=norms | {5: 2.0}, flagged=[5])
    page = look(browser, f"/compare?id={left}&id={right}")
    assert "Flagged right alone: label 5." in page.text
    assert "1 label drifted by more than a factor of 2" in page.text
    assert len(page.all("circle")) == 12


def test_given_verdicts_of_two_days_then_the_history_shows_a_column_for_each(
    browser: httpx.Client, store: Store
) -> None:
    last = datetime.now(UTC)
    with store.write() as session:
        for number, verdict in enumerate(("clean", "backdoored", "clean")):
            identity = history.add(session, number, verdict=verdict, norms={0: 30.0})
            found = update(Detection).where(Detection.submission_id == identity)
            session.execute(found.values(created_at=last - timedelta(days=number // 2)))
    page = look(browser, "/history")
    assert f"{last.date()}: 1 backdoored, 1 clean" in page.text
    assert f"{last.date() - timedelta(days=1)}: 1 clean" in page.text
    assert len(page.all("svg", role="img")) == 2
