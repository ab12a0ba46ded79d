"""What the pages show of what the store holds; looked at as a browser without scripts does."""

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from api.pages.cells import grid
from nc_tasks.store import Detection, Store
from nc_tasks.store.rows import baselines, lifecycle, submissions
from tests import history
from tests.api.conftest import compared, fabricate_evidence

HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}.h5'


class Seen(HTMLParser):
    """Elements of a page by name, and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}.items()
        return [found for name, found in self.elements if name == tag and wanted <= found.items()]


def look(browser: httpx.Client, address: str, *, status: int = 200) -> Seen:
    answer = browser.get(address)
    assert answer.status_code == status, answer.text
    return Seen(answer.text)


@pytest.fixture
def backdoored(make_result: Callable[..., dict[str, Any]], stored: Callable[..., str]) -> str:
    return stored(make_result(infected={33: 5.0}))


def test_given_nothing_then_the_list_says_what_to_do(browser: httpx.Client) -> None:
    page = look(browser, "/")
    assert "Nothing was submitted yet" in page.text
    assert page.all("a", href="/submit")
    assert "Local mode" in page.text
    assert "Nothing ended in these 30 days" in look(browser, "/history").text


def test_given_a_verdict_then_list_and_page_tell_it(browser: httpx.Client, backdoored: str) -> None:
    listed = look(browser, "/")
    assert listed.all("a", href=f"/submissions/{backdoored}")
    assert re.search(r"traffic_signs\.h5.*backdoored\s+5\.00\s*label 33\s+43 labels", listed.text, re.DOTALL)
    page = look(browser, f"/submissions/{backdoored}")
    assert "Target label: 33." in page.text
    assert "median" in page.text
    assert "outlier test, p = 0.05" in page.text
    cells = [cell for cell in page.all("a") if "data-label" in cell]
    assert [cell["data-label"] for cell in cells] == [str(label) for label in range(43)]
    flagged = [cell["aria-label"] for cell in cells if "flagged" in (cell["class"] or "")]
    assert flagged == ["Label 33: done, norm 5.00, flagged"]
    for name in ("goodnet.keras", "scanned.keras"):
        assert page.all("a", href=f"/v1/submissions/{backdoored}/{name}")
    assert "scanned.keras is the net that ran in this scan, not the submitted file" in page.text
    for content in (b"scanned", b"model"):
        assert sha256(content).hexdigest() in page.text
    assert "Repair: unlearning" in page.text
    assert not page.all("progress")


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


def test_given_a_label_then_its_trigger_is_shown_and_its_neighbours_linked(
    browser: httpx.Client, backdoored: str
) -> None:
    page = look(browser, f"/submissions/{backdoored}/labels/33")
    pictures = page.all("img", width="128")
    assert [(picture["src"] or "")[:22] for picture in pictures] == ["data:image/png;base64,"] * 4
    assert all(picture["alt"] for picture in pictures)
    assert "5.00 of 1,024 pixels" in page.text
    assert page.all("a", rel="next", href=f"/submissions/{backdoored}/labels/34")
    assert "has no label 43" in look(browser, f"/submissions/{backdoored}/labels/43", status=404).text


def test_given_a_label_that_follows_then_the_pages_say_so_and_flag_the_leading_one_alone(
    browser: httpx.Client, make_result: Any, stored: Any
) -> None:
    identity = stored(make_result(infected={6: 5.0, 24: 7.0}, followers=[24]))
    page = look(browser, f"/submissions/{identity}")
    assert "Target label: 6. Label 24 follows: its small trigger went away with the others'." in page.text
    names = {name["data-label"]: name["aria-label"] for name in page.all("a") if "data-label" in name}
    assert names["6"] == "Label 6: done, norm 5.00, flagged"
    assert names["24"] == "Label 24: done, norm 7.00, follows"
    label = look(browser, f"/submissions/{identity}/labels/24").text
    assert "follows" in label
    assert "flagged" not in label


def test_given_several_repairs_then_they_stand_side_by_side_with_pictures_and_the_kept_one_s_nets(
    browser: httpx.Client, make_result: Callable[..., dict[str, Any]], stored: Callable[..., str]
) -> None:
    identity = stored(compared(make_result(infected={33: 5.0})))
    page = look(browser, f"/submissions/{identity}")
    # Then the kept one comes first, and the other says why it is not
    told = " ".join(page.text.split("Methods side by side")[1].split())
    assert told.index("unlearning kept") < told.index("fine-pruning rejected")
    assert "85.0%, at least 90.0%" in told
    # And each shows what a trigger must look like on its net
    pictures = [picture["src"] or "" for picture in page.all("img", loading="lazy")]
    assert pictures == [
        f"/submissions/{identity}/repairs/{method}/33/{name}.png"
        for method in ("unlearning", "fine-pruning")
        for name in ("mask", "pattern", "stamped")
    ]
    shown = [Image.open(io.BytesIO(browser.get(address).content)) for address in pictures[:3]]
    assert [(one.size, one.mode) for one in shown] == [((128, 128), "L"), ((128, 128), "RGB"), ((128, 128), "RGB")]
    mask = np.asarray(shown[0])
    assert (mask[66, 66] > 100, mask[2, 2]) == (True, 0)
    # And everything that there is to take along is linked, and is there
    files = f"/v1/submissions/{identity}/"
    links = [link["href"] or "" for link in page.all("a") if (link["href"] or "").startswith(files)]
    names = [link.rsplit("/", 1)[1] for link in links]
    assert names[:2] == ["goodnet.keras", "guarded.keras"]
    assert set(names[2:]) == {
        *("scanned.keras", "report.html", "result.json", "result.sarif", "attestation.json", "triggers.npz")
    }
    assert all(browser.get(link).status_code == 200 for link in links)


@pytest.mark.parametrize("place", ["filter/33/mask", "unlearning/3/mask", "unlearning/33/secret"])
def test_given_a_picture_that_there_is_not_then_the_answer_says_so(
    browser: httpx.Client, backdoored: str, place: str
) -> None:
    assert browser.get(f"/submissions/{backdoored}/repairs/{place}.png").status_code in (404, 422)


def test_given_a_verdict_then_its_page_says_what_it_does_not_cover(
    browser: httpx.Client, make_result: Callable[..., dict[str, Any]], stored: Callable[..., str]
) -> None:
    result = make_result()
    page = look(browser, f"/submissions/{stored(result)}")
    assert all(text in page.text for text in (*result["not_covered"], *result["rules"]))
    assert not page.all("section", id="repair")


def test_given_doubts_and_several_ranges_then_the_page_says_them_beside_the_verdict(
    browser: httpx.Client, backdoored: str, store: Store
) -> None:
    with store.write() as session:
        found = session.get_one(Detection, backdoored)
        doubt = "clean accuracy in 0..1 is only 0.600"
        ranges = [
            {
                "value_range": name,
                "scale": [1.0] * 3,
                "offset": [0.0] * 3,
                "score": 0.6,
                "clean_accuracy": 0.6,
                "first_round": 0,
                "verdict": verdict,
                "reason": "",
                "flagged_labels": labels,
                "labels": [],
                "p_value": 0.4,
                "threshold": 0.025,
                "anomaly_index": 1.0,
                "log_z": 1.0,
            }
            for name, verdict, labels in (("0..1", "backdoored", [33]), ("0..255", "clean", []))
        ]
        found.body = {**found.body, "doubts": [doubt], "ranges": ranges, "range": 0}
    page = look(browser, f"/submissions/{backdoored}")
    assert "Clean accuracy in 0..1 is only 0.600." in page.text
    assert "backdoored, label 33 (p-value 0.40, limit 0.025; clean accuracy 60.0%)" in page.text
    # And over HTTP the same stands in the result, without the labels of each range
    result = browser.get(f"/v1/submissions/{backdoored}/result.json").json()
    assert result["doubts"] == [doubt]
    assert [one["verdict"] for one in result["ranges"]] == ["backdoored", "clean"]
    assert "labels" not in result["ranges"][0]


def test_given_repairs_that_were_cancelled_then_none_is_said_to_have_failed(
    browser: httpx.Client, make_result: Callable[..., dict[str, Any]], stored: Callable[..., str]
) -> None:
    identity = stored(make_result(infected={33: 5.0}), until="detection")
    assert not look(browser, f"/submissions/{identity}").all("section", id="repair")
    assert browser.post(f"/submissions/{identity}/cancel").status_code == 303
    page = look(browser, f"/submissions/{identity}")
    assert "unlearning has made no net." in page.text
    assert "failed" not in page.text.split("Repair: none")[1].split("Lineage")[0]


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


def test_given_hostile_names_then_they_stay_text(
    browser: httpx.Client, make_result: Callable[..., dict[str, Any]], stored: Callable[..., str], store: Store
) -> None:
    identity = stored(make_result(infected={33: 5.0}))
    with store.write() as session:
        submission = submissions.get(session, submission_id=identity)
        submission.model_name = submission.data_name = HOSTILE
    places = ("/", f"/submissions/{identity}", f"/submissions/{identity}/labels/33", f"/?text={HOSTILE}")
    for address in (*places, f"/compare?id={identity}&id={identity}"):
        page = look(browser, address)
        assert HOSTILE in page.text
        assert [script["src"] for script in page.all("script")] == ["/static/pages.js"]


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


def test_given_a_form_with_files_then_they_are_submitted(browser: httpx.Client, store: Store, sent: list[str]) -> None:
    files = {"model": ("net.h5", b"model"), "data": ("clean.npz", b"data")}
    fields = {"profile": "thorough", "value_range": "", "labels": "0-3", "mitigate": "none", "unlabelled": "true"}
    fields["min_accuracy"] = "0.35"
    fields |= {"baseline": "", "twins": ""}
    answer = browser.post("/submissions", files=files, data=fields)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"/submissions/{sent[0]}"
    with store.read() as session:
        options = submissions.get(session, submission_id=sent[0]).options
    assert (options["profile"], options["labels"], options["mitigate"]) == ("thorough", "0-3", [])
    assert (options["unlabelled"], options["value_range"]) == (True, "auto")
    assert options["min_accuracy"] == 0.35
    assert (options["baseline"], options["twins"]) == (None, 0)


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


def test_given_labels_in_many_ranges_then_the_page_writes_out_the_first(browser: httpx.Client, sent: list[str]) -> None:
    files = {"model": ("net.h5", b"model"), "data": ("clean.npz", b"data")}
    browser.post("/submissions", files=files, data={"labels": ",".join(map(str, range(0, 60, 2)))})
    assert "labels: 0, 2, 4, 6," in (text := look(browser, f"/submissions/{sent[0]}").text)
    assert ", 46 and 6 more" in text


@pytest.mark.parametrize(
    ("files", "fields", "status", "told"),
    [
        ({"model": ("net.h5", b"m")}, {}, 422, "neither of data and dataset"),
        ({"model": ("net.h5", b"m"), "data": ("c.npz", b"d")}, {"labels": "x"}, 422, "'x' is no label"),
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
    tag = browser.get("/static/pages.css").headers["etag"]
    assert browser.get("/static/pages.css", headers={"If-None-Match": tag}).status_code == 304
    assert browser.get("/static/routes.py").status_code == 404


def test_given_evidence_then_the_page_has_its_table_and_both_pictures(
    browser: httpx.Client, make_result: Callable[..., dict[str, Any]], stored: Callable[..., str]
) -> None:
    page = look(browser, f"/submissions/{stored(fabricate_evidence(make_result(infected={33: 5.0})))}")
    told = " ".join(page.text.split())
    assert "smallest norm beside the net's other labels" in told
    assert "5 clean scans of the library" in told
    assert "not calibrated: by the normal law" in told
    names = [svg["aria-label"] for svg in page.all("svg") if svg.get("role") == "img"]
    assert names.count("This model among its clean scans") == 2
    assert names.count("Universality of 43 labels") == 2
    # Label 33 is marked and named
    assert "Label 33: triggers of four images cover 9.00 pixels and work on 90.0% of others" in told


def test_before_a_verdict_there_is_no_evidence(browser: httpx.Client, make_result: Any, stored: Any) -> None:
    page = look(browser, f"/submissions/{stored(make_result(infected={33: 5.0}), until='labels')}")
    assert "Evidence" not in page.text
    # But there is a place for it to appear in
    assert page.all("section", id="evidence")
    assert page.all("section", id="universality")
