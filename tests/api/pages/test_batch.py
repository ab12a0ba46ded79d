"""A batch as its page shows it, made by the form or by the store."""

from collections.abc import Sequence

import httpx
import pytest
from sqlalchemy import update

from nc_tasks.store import Detection, Store
from nc_tasks.store.rows import batches, submissions
from nc_tasks.store.tables.states import SUBMISSION_ENDS
from tests import history
from tests.api.pages.seen import Seen, look

NAMES = ("ada.keras", "Bert.keras", "cyd.keras", "dora.keras")


def names_in(page: Seen) -> list[str]:
    return sorted(NAMES, key=page.text.index)


@pytest.fixture
def batch(store: Store) -> str:
    """Four models: clean, backdoored, waiting, inconclusive; their p-values are not in that order."""
    found: Sequence[tuple[str | None, float | None]] = (
        ("clean", 0.4),
        ("backdoored", 0.02),
        (None, None),
        ("inconclusive", 0.001),
    )
    with store.write() as session:
        ids = []
        for number, (name, (verdict, p_value)) in enumerate(zip(NAMES, found, strict=True)):
            norms = {0: 20.0, 1: 5.0} if verdict else None
            flagged = [1] if verdict == "backdoored" else []
            ids.append(history.add(session, number, verdict=verdict, norms=norms, flagged=flagged, model_name=name))
            submissions.get(session, submission_id=ids[-1]).preflight = {"class_names": ["stop", "give way"]}
            session.execute(update(Detection).where(Detection.submission_id == ids[-1]).values(p_value=p_value))
        return batches.make(session, owner="local", submission_ids=ids)


def test_given_several_models_in_the_form_then_they_are_one_batch_with_the_same_data(
    browser: httpx.Client, store: Store, sent: list[str]
) -> None:
    files = [("model", (f"net-{number}.h5", b"%d" % number)) for number in range(200)]
    files.append(("data", ("clean.npz", b"data")))
    answer = browser.post("/submissions", files=files, data={"labels": "0-3"}, timeout=120)
    assert answer.status_code == 303, answer.text
    assert len(sent) == 200
    page = look(browser, answer.headers["location"])
    assert len(page.all("li", class_="row of-batch")) == 200
    assert "Batch of 200 models" in page.text
    with store.read() as session:
        rows = [submissions.get(session, submission_id=each) for each in sent]
    assert {(row.data_sha256, row.options["labels"]) for row in rows} == {(rows[0].data_sha256, "0-3")}
    # And each leads back
    assert look(browser, f"/submissions/{sent[7]}").all("a", href=answer.headers["location"])


def test_given_more_models_than_a_batch_may_have_then_none_is_taken(browser: httpx.Client, sent: list[str]) -> None:
    files = [("model", (f"net-{number}.h5", b"%d" % number)) for number in range(201)]
    answer = browser.post("/submissions", files=[*files, ("data", ("clean.npz", b"data"))])
    assert answer.status_code == 422
    assert "201 files in model, the limit is 200" in answer.text
    assert sent == []


def test_given_one_that_is_no_option_then_none_of_the_models_is_taken(browser: httpx.Client, sent: list[str]) -> None:
    files = [("model", ("a.h5", b"a")), ("model", ("b.h5", b"b")), ("data", ("clean.npz", b"data"))]
    assert browser.post("/submissions", files=files, data={"labels": "x"}).status_code == 422
    assert sent == []


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("verdict", ["Bert.keras", "dora.keras", "cyd.keras", "ada.keras"]),
        ("evidence", ["dora.keras", "Bert.keras", "ada.keras", "cyd.keras"]),
        ("name", ["ada.keras", "Bert.keras", "cyd.keras", "dora.keras"]),
    ],
)
def test_a_batch_is_sorted_as_its_address_says(browser: httpx.Client, batch: str, sort: str, order: list[str]) -> None:
    page = look(browser, f"/batches/{batch}?sort={sort}")
    assert names_in(page) == order
    (current,) = page.all("a", aria_current="page") or [a for a in page.all("a") if a.get("aria-current")]
    assert current["href"] == f"/batches/{batch}?sort={sort}"
    assert look(browser, f"/batches/{batch}?sort=colour", status=422)


def test_a_batch_says_how_it_stands_and_names_the_labels_that_are_flagged(browser: httpx.Client, batch: str) -> None:
    page = look(browser, f"/batches/{batch}")
    assert "flagged: 1 (give way)" in page.text
    assert "3 of 4 verdicts, 75.0% of the work" in page.text
    bar = next(one for one in page.all("svg") if one.get("class") == "bar")
    assert bar["aria-label"] == "1 backdoored, 1 inconclusive, 1 clean, 1 queued"


def test_when_all_of_a_batch_are_cancelled_then_what_had_ended_stays(
    browser: httpx.Client, store: Store, batch: str
) -> None:
    answer = browser.post(f"/batches/{batch}/cancel")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/batches/{batch}")
    page = look(browser, f"/batches/{batch}")
    assert not [one for one in page.all("button") if one.get("class") == "button quiet danger"]
    with store.read() as session:
        states = [
            submissions.get(session, submission_id=each).state for each in batches.members(session, batch_id=batch)
        ]
    assert sorted(states) == ["cancelled", "done", "done", "done"]
    assert set(states) <= set(SUBMISSION_ENDS)


def test_given_no_such_batch_then_its_page_says_so(browser: httpx.Client) -> None:
    assert "no batch has the id" in look(browser, "/batches/000000000000", status=404).text
