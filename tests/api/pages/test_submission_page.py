"""A submission with a verdict, its labels and its repairs, as their pages show them."""

import io
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from nc_core.detection.arrays import EvidenceArrays, Moves
from nc_tasks.files import FolderArtefacts
from nc_tasks.files.evidence import arrays_to_bytes
from nc_tasks.settings import Settings
from nc_tasks.store import Detection, Label, Store
from tests.api.fabricated import compared, fabricate_evidence
from tests.api.pages.seen import look


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


def test_given_evidence_that_can_be_drawn_then_the_pages_and_the_files_have_it(
    browser: httpx.Client, backdoored: str, store: Store, settings: Settings
) -> None:
    # Given a trigger without a target that was kept with label 0, and the perturbation of label 33
    counts = np.roll(np.eye(43, dtype=np.int32), 1, axis=1) * 7
    pattern = np.ones((32, 32, 3), np.float32)
    moves = Moves(mask=np.eye(32, dtype=np.float32), pattern=pattern, counts=counts)
    told = {0: EvidenceArrays(moves=moves), 33: EvidenceArrays(perturbation=pattern / 50)}
    artefacts = FolderArtefacts(settings.artefacts)
    with store.write() as session:
        for label, arrays in told.items():
            row = session.get_one(Label, (backdoored, label, 0))
            row.evidence_sha256 = artefacts.put_bytes(arrays_to_bytes(arrays))
    # Then the page and the report have the matrix, and the label's page and card its perturbation
    page = look(browser, f"/submissions/{backdoored}")
    assert page.all("section", id="class-map")
    assert "With it 100.0% of held-out pictures get another answer." in page.text
    label = look(browser, f"/submissions/{backdoored}/labels/33")
    shown = [image["alt"] for image in label.all("img", width="128")]
    assert shown[4:] == [
        "Universal perturbation of label 33 around grey, 25 times as strong",
        "A clean picture of another class with the perturbation of label 33",
    ]
    report = browser.get(f"/v1/submissions/{backdoored}/report.html").text
    assert 'id="class-map"' in report
    assert shown[4] in report
    # And triggers.npz has the trigger
    with np.load(io.BytesIO(browser.get(f"/v1/submissions/{backdoored}/triggers.npz").content)) as arrays:
        np.testing.assert_array_equal(arrays["any_target_mask"], moves.mask)
        np.testing.assert_array_equal(arrays["any_target_pattern"], moves.pattern)
        np.testing.assert_array_equal(arrays["any_target_counts"], counts)
        assert arrays["labels"].tolist() == list(range(43))


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
        *("scanned.keras", "scanned.onnx", "goodnet.onnx", "guarded.onnx"),
        *("report.html", "result.json", "result.sarif", "attestation.json", "triggers.npz"),
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


def test_page_report_and_result_say_what_repeats_the_scan(browser: httpx.Client, backdoored: str) -> None:
    line = "cleanse run traffic_signs.h5 --data clean.npz"
    page = look(browser, f"/submissions/{backdoored}")
    assert line in page.text
    assert {button["data-copy"] for button in page.all("button") if "data-copy" in button} == {
        "command-run",
        "command-submit",
    }
    report = look(browser, f"/v1/submissions/{backdoored}/report.html")
    assert line in report.text
    assert not report.all("button")
    assert browser.get(f"/v1/submissions/{backdoored}/result.json").json()["commands"]["run"] == line
