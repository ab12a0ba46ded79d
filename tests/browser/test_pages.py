"""A person at the pages: submits a model, watches it, looks at the trigger, stops another, searches the history."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Service, keep_screenshot, serious_findings
from tests.browser.plant import TARGET

SCAN_MS = 300_000
"""Longest that the scan of the small net and its repair may take here; a minute is usual."""


def submit(page: Page, service: Service, *models: Path, **options: str) -> str:
    """Fill the form in and send it; the id of the submission, or of the batch, whose page comes."""
    page.locator("input[name=model]").set_input_files(models or [service.planted / "badnet.keras"])
    page.locator("input[name=data]").set_input_files(service.planted / "clean.npz")
    if options:
        page.get_by_text("Options", exact=True).click()
    for name, value in options.items():
        page.locator(f"input[name={name}]").fill(value)
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile(r"/(batches|submissions)/[0-9a-f]{12}$"))
    return page.url.rsplit("/", 1)[-1]


def see_pictures(page: Page) -> None:
    """Scroll to every picture, as a reader would: a browser asks for it then; each is there."""
    for picture in page.get_by_role("img").filter(visible=True).all():
        picture.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every((one) => one.complete && one.naturalWidth > 0)")


@pytest.fixture(scope="module")
def scanned() -> dict[str, str]:
    """What the tests before have left: name -> id of a submission."""
    return {}


def test_given_nothing_when_a_model_is_submitted_then_its_grid_fills_and_its_verdict_comes(
    open_page: Open, service: Service, scanned: dict[str, str]
) -> None:
    # Given an empty store, whose page says what to do
    page = open_page("/")
    expect(page.get_by_text("Nothing was submitted yet.")).to_be_visible()
    keep_screenshot(page, "empty")
    page.get_by_role("link", name="Submit a model").first.click()
    # When a model is submitted
    scanned["badnet"] = submit(page, service)
    # Then, without anybody's doing, its labels appear, are worked on and end
    cells = page.locator("#grid .cell")
    expect(cells).to_have_count(16, timeout=SCAN_MS)
    expect(page.locator("#grid .cell.running").first).to_be_visible(timeout=SCAN_MS)
    expect(page.locator("#grid .cell.done").nth(3)).to_be_visible(timeout=SCAN_MS)
    assert page.locator("#grid .cell.done").count() < 16
    keep_screenshot(page, "live")
    assert serious_findings(page) == []
    # And at the end it says which label has the backdoor, and what the repair changed
    expect(page.get_by_role("heading", name="Backdoored")).to_be_visible(timeout=SCAN_MS)
    expect(page.get_by_role("heading", name="Repair: unlearning")).to_be_visible(timeout=SCAN_MS)
    flagged = page.locator("#grid .cell.flagged")
    expect(flagged).to_have_count(1)
    expect(flagged).to_have_text(str(TARGET))
    expect(page.locator("#norms svg.chart").first).to_contain_text("outlier test")
    keep_screenshot(page, "backdoored")


def test_given_a_verdict_when_a_label_is_opened_then_its_trigger_shows_and_escape_closes_it(
    open_page: Open, scanned: dict[str, str]
) -> None:
    page = open_page(f"/submissions/{scanned['badnet']}")
    # When the grid is reached and walked by keys alone
    page.locator("#grid .cell").first.focus()
    for _ in range(TARGET):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    # Then the trigger of that label is shown in place, and the smallest perturbation
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name=f"Label {TARGET}")).to_be_visible()
    pictures = dialog.get_by_role("img")
    expect(pictures).to_have_count(4 + 2)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
    assert pictures.evaluate_all("all => all.every(one => one.naturalWidth > 0)")
    assert serious_findings(page) == []
    keep_screenshot(page, "trigger")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#grid .cell").nth(TARGET)).to_be_focused()


def test_given_a_verdict_when_the_command_that_repeats_it_is_copied_then_it_is_in_the_clipboard(
    open_page: Open, scanned: dict[str, str]
) -> None:
    page = open_page(f"/submissions/{scanned['badnet']}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy cleanse run").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "cleanse run badnet.keras --data clean.npz"


def test_given_another_submission_at_work_when_it_is_cancelled_then_its_page_and_the_list_say_so(
    open_page: Open, service: Service, scanned: dict[str, str]
) -> None:
    page = open_page("/submit")
    scanned["cancelled"] = submit(page, service, labels="0-11")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Cancelled")).to_be_visible()
    expect(page.get_by_role("button", name="Retry what failed")).to_be_visible()
    page.get_by_role("link", name="Submissions").first.click()
    row = page.locator(".row", has_text=scanned["cancelled"])
    expect(row).to_contain_text("cancelled")


def test_given_two_submissions_when_the_list_is_filtered_then_one_is_left(
    open_page: Open, scanned: dict[str, str]
) -> None:
    page = open_page("/")
    expect(page.locator(".row")).to_have_count(2)
    page.get_by_label("Verdict").select_option("backdoored")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".row")).to_have_count(1)
    expect(page.locator(".row")).to_contain_text(scanned["badnet"])
    page.get_by_label("Flagged label").fill("3")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No submission passes these filters.")).to_be_visible()
    page.get_by_role("link", name="Clear").click()
    expect(page.locator(".row")).to_have_count(2)
    for number in range(2):
        page.get_by_role("checkbox").nth(number).check()
    page.get_by_role("button", name="Compare two").click()
    expect(page.get_by_role("heading", name="What changed")).to_be_visible()
    expect(page.get_by_text("Both are scans of the same model file.")).to_be_visible()


def test_given_a_verdict_when_a_label_is_looked_up_in_flower_then_its_row_tells_norm_and_anomaly_index(
    open_page: Open, scanned: dict[str, str]
) -> None:
    page = open_page(f"/submissions/{scanned['badnet']}/labels/{TARGET}")
    page.get_by_role("link", name="Its tasks in Flower").click()
    rows = page.locator("#tasks-table tbody tr")
    # In each of two value ranges the label was inverted, and confirmed as one of the smallest
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text(f"label {TARGET} of 16")
    expect(rows.first).to_contain_text("anomaly index")
    keep_screenshot(page, "flower")


def test_given_two_models_when_they_are_dropped_at_once_then_their_batch_is_followed_and_sorted(
    open_page: Open, service: Service, scanned: dict[str, str], tmp_path: Path
) -> None:
    (broken := tmp_path / "broken.keras").write_bytes(b"no net")
    page = open_page("/submit")
    # When the one that was scanned before is handed in together with one that is no net
    scanned["batch"] = submit(page, service, service.planted / "badnet.keras", broken)
    assert "/batches/" in page.url
    # Then, without anybody's doing, the page says what became of both
    rows = page.locator(".row")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="badnet.keras")).to_contain_text("backdoored")
    expect(rows.filter(has_text="broken.keras")).to_contain_text("refused", timeout=SCAN_MS)
    expect(rows.first).to_contain_text("badnet.keras")
    assert serious_findings(page) == []
    # And its address brings the same again, in another order where one is asked for, with the way to each result
    page.goto(f"/batches/{scanned['batch']}")
    page.get_by_role("link", name="Name").click()
    expect(page.get_by_role("link", name="Name")).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="badnet.keras").click()
    expect(page.get_by_role("heading", name="Backdoored")).to_be_visible()
    page.get_by_role("link", name="Batch of 2").click()
    expect(rows).to_have_count(2)


def test_given_a_batch_at_work_when_all_of_it_is_cancelled_then_nothing_of_it_goes_on(
    open_page: Open, service: Service, tmp_path: Path
) -> None:
    (broken := tmp_path / "broken.keras").write_bytes(b"no net")
    page = open_page("/submit")
    submit(page, service, service.planted / "badnet.keras", broken, labels="0-9")
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator(".row").filter(has_text="badnet.keras")).to_contain_text("cancelled")
    expect(page.get_by_role("button", name="Cancel all")).to_be_hidden()


def test_given_no_script_then_the_form_the_grid_and_the_trigger_work_all_the_same(
    open_page: Open, scanned: dict[str, str]
) -> None:
    page = open_page(f"/submissions/{scanned['badnet']}", script=False)
    page.locator("#grid .cell.flagged").click()
    expect(page.get_by_role("heading", name=f"Label {TARGET}")).to_be_visible()
    expect(page.get_by_role("link", name=f"Label {TARGET + 1}")).to_be_visible()


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 1280), (False, 390), (True, 390)])
def test_when_looked_at_in_any_light_and_width_then_nothing_is_cut_off_or_hard_to_perceive(
    open_page: Open, scanned: dict[str, str], dark: bool, width: int
) -> None:
    badnet, cancelled = scanned["badnet"], scanned["cancelled"]
    addresses = {
        "list": "/",
        "submission": f"/submissions/{badnet}",
        "label": f"/submissions/{badnet}/labels/{TARGET}",
        "history": "/history",
        "compare": f"/compare?id={badnet}&id={cancelled}",
        "submit": "/submit",
        "batch": f"/batches/{scanned['batch']}",
    }
    page = open_page("/", dark=dark, width=width)
    for name, address in addresses.items():
        page.goto(address)
        see_pictures(page)
        keep_screenshot(page, f"{name}-{'dark' if dark else 'light'}-{width}")
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over == 0, f"{name} is {over} pixels wider than the window"
        assert serious_findings(page) == [], name
