"""What of the evidence besides the triggers the report shows: where a trigger without a target sends images, and the
perturbation of a label."""

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nc_core.datasets import Images
from nc_core.detection.arrays import EvidenceArrays, Moves
from nc_core.results.report import render_report
from nc_core.results.report.moves import matrix, moves_view
from tests.api.results.report.conftest import Make, MakeTriggers, Page, words

NAMES = ["stop", "yield", "<b>way</b>"]
COUNTS = np.array([[5, 15, 0], [0, 1, 9], [0, 0, 0]], np.int32)
MASK = np.eye(32, dtype=np.float32)
MOVES = Moves(mask=MASK, pattern=np.zeros((32, 32, 3), np.float32), counts=COUNTS)


@pytest.fixture
def result(make_result: Make) -> dict[str, Any]:
    return {**make_result(infected={1: 8.2}), "class_names": NAMES}


def test_the_matrix_has_a_cell_for_each_way_that_images_go_and_says_so_in_words() -> None:
    drawn = Page(str(matrix(COUNTS, ["0 (stop)", "1 (yield)", "2"], width=620)))
    cells = [cell for cell in drawn.all("rect") if cell["class"] != "ground"]
    assert [(cell["class"], cell["fill-opacity"]) for cell in cells] == [
        ("stays", "0.25"),
        ("moves", "0.75"),
        ("stays", "0.1"),
        ("moves", "0.9"),
    ]
    # The second cell of the first row stands right of the first, and above that of the second row
    (first, second, third, _) = cells
    assert float(second["x"] or 0) == pytest.approx(float(first["x"] or 0) + float(first["width"] or 0), abs=0.02)
    assert float(third["y"] or 0) == pytest.approx(float(first["y"] or 0) + float(first["height"] or 0), abs=0.02)
    assert "0 (stop) to 1 (yield): 75.0% of 20 images" in drawn.text
    assert "0 (stop) to 1 (yield), 75.0%; 1 (yield) to 2, 90.0%." in drawn.text
    (picture,) = drawn.all("svg")
    assert picture["aria-label"] == "Where the trigger sends images of 3 classes"


def test_of_many_classes_each_tenth_has_its_number() -> None:
    counts = np.ones((43, 43), np.int32)
    drawn = matrix(counts, [f"{label} (sign {label})" for label in range(43)], width=330)
    assert re.findall(r'class="tick"[^>]*>([^<]*)<', str(drawn)) == [
        *("0 (sign 0)", "0", "10 (sign 10)", "10", "20 (sign 20)", "20"),
        *("30 (sign 30)", "30", "40 (sign 40)", "40"),
    ]


def test_the_report_has_matrix_table_and_trigger_of_what_takes_images_away(
    result: dict[str, Any], make_triggers: MakeTriggers, examples: Images
) -> None:
    html = render_report(result, make_triggers(result), examples, {}, {0: EvidenceArrays(moves=MOVES)})
    page = Page(html)
    assert "class-map" in {attributes.get("id") for _, attributes in page.elements}
    assert "has 32.0 pixels. With it 80.0% of held-out pictures get another answer." in words(page)
    # A class goes where most of what moves goes; one that no image has as its answer has no row
    table = words(page).split("Answer without it Images Stay Most others go to Share ")[1]
    assert table.startswith("0 (stop) 20 25.0% 1 (yield) 75.0% 1 (yield) 10 10.0% 2 (<b>way</b>) 90.0% ")
    assert "<b>way" not in html
    assert [image["alt"] for image in page.all("img")][:4] == [
        "Mask of the trigger without a target: white where it covers the picture",
        "The trigger without a target on black",
        "A clean picture",
        "The same picture with the trigger without a target",
    ]


def test_what_it_means_follows_the_verdict(result: dict[str, Any]) -> None:
    clean, mapped = (moves_view(one, MOVES, None) for one in (result, {**result, "class_map": {"0": 1}}))
    assert clean is not None
    assert mapped is not None
    assert clean.intro.endswith("they go to a class or two, whatever they were.")
    assert mapped.intro.endswith("as an all-to-all backdoor sends them.")
    assert mapped.pictures.stamped is None


def test_a_net_that_was_not_asked_has_no_such_section(result: dict[str, Any], make_triggers: MakeTriggers) -> None:
    assert 'id="class-map"' not in render_report(result, make_triggers(result), None, {})


def test_a_label_s_perturbation_is_drawn_around_grey_and_on_a_picture(
    result: dict[str, Any], make_triggers: MakeTriggers, examples: Images
) -> None:
    # Given a perturbation of a fifth of the range in one value, in a model that takes 0..1
    delta = np.zeros((32, 32, 3), np.float32)
    delta[0, 0, 0], delta[0, 1, 0] = 0.2, -0.1
    result["preflight"].update(value_range="0..1", scale=[1 / 255] * 3, offset=[0.0] * 3)
    page = Page(render_report(result, make_triggers(result), examples, {}, {1: EvidenceArrays(perturbation=delta)}))
    drawn = {image["alt"]: image["src"] for image in page.all("img")}
    around = drawn["Universal perturbation of label 1 around grey, 2.5 times as strong"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(str(around).split(",")[1]))))
    # Then the largest is white, half of it is half as dark, and nothing is grey
    assert (pixels[0, 0, 0], pixels[0, 4, 0], pixels[-1, -1, 0]) == (255, 64, 128)
    assert "A clean picture of another class with the perturbation of label 1" in drawn
