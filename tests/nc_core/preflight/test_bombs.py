"""Nets that would take all memory and time: refused in one line before they run, or run within what they may take."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nc_core.errors import CleanseError
from nc_core.intake.cost import BYTES_FORWARD, cost_of
from nc_core.inversion import FAST, Predictor
from nc_core.inversion.predict import PREDICT_BYTES
from nc_core.models import build_logits
from nc_core.preflight import choose_slots, estimate, pace_of
from nc_core.preflight.pace import MOST_SECONDS, SECONDS
from nc_core.quarantine.admit import admit_model
from nc_core.scanning.preparation import prepare_scan
from tests import bombs

BUDGET = 2 * 2**30


@pytest.mark.parametrize("kind", bombs.KINDS)
def test_each_size_is_refused_in_one_line_or_planned_within_memory_and_time(kind: str, tmp_path: Path) -> None:
    refused = []
    # An image of 8000 x 8000 is refused before its net is looked at.
    built = [size for size in bombs.SIZES if kind != "channels at full size" or size <= 300]
    bombs.deep()
    for size in built:
        path = tmp_path / f"{size}.keras"
        bombs.KINDS[kind](size).save(path)
        try:
            model = admit_model(path)
            net = cost_of(model)
            slots = choose_slots(net, wanted=None, labels=3, profile=FAST, fit_images=20, budget=BUDGET)
            pace = pace_of(net)
        except CleanseError as error:
            refused.append((size, str(error)))
            continue
        # Then what it is planned to take stays within the budget, and so does each batch of a prediction
        assert estimate(net, slots=slots, profile=FAST, fit_images=20) <= BUDGET
        batch = Predictor(build_logits(model)).batch
        forward_bytes = BYTES_FORWARD * (net.activations + net.working)
        assert batch * forward_bytes <= max(PREDICT_BYTES, BUDGET // FAST.batch)
        assert pace.rows * net.gradient_bytes <= max(PREDICT_BYTES, BUDGET // FAST.batch)
        # And the images that it is tried on fit the time
        seconds = net.forward_seconds * (5 * pace.probe + pace.accuracy)
        assert seconds <= max(1.01 * SECONDS, MOST_SECONDS)
    # And what is refused is told in one line with the limit, and so is everything larger
    for _, told in refused:
        assert "\n" not in told
        assert "limit is" in told or "budget is" in told
        assert "Error" not in told
    sizes = [size for size, _ in refused]
    assert sizes == [size for size in built if sizes and size >= sizes[0]]


MEASURED = ("depth multiplier inside", "curved")
RUN = """
import json, resource, sys
from pathlib import Path
from nc_core.errors import CleanseError
from nc_core.profiles import PROFILES
from nc_core.scanning.preparation import prepare_scan
told = {}
for folder in sys.argv[1:]:
    for model in sorted(Path(folder).glob("*.keras")):
        try:
            data = model.with_suffix(".npz")
            prepare_scan(model, data, profile=PROFILES["fast"], unlabelled=True, memory_budget=2 * 2**30)
            end = "scanned"
        except CleanseError as error:
            end = str(error)
        told[f"{Path(folder).name} {model.stem}"] = (end, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(json.dumps(told))
"""


def test_what_is_admitted_takes_no_more_memory_than_it_may(tmp_path: Path) -> None:
    # Given nets of which one batch of 256 would take several gigabytes
    folders = []
    for kind in MEASURED:
        folder = tmp_path / kind.replace(" ", "-")
        folder.mkdir()
        folders.append(str(folder))
        bombs.write(folder, kind, 100)
    # When preflight has been through all of them
    done = subprocess.run(
        [sys.executable, "-c", RUN, *folders], capture_output=True, text=True, check=True, timeout=300
    )
    told = json.loads(done.stdout.splitlines()[-1])
    # Then the process never held more than the budget beside itself
    assert len(told) == len(MEASURED)
    assert any(end == "scanned" for end, _ in told.values())
    assert max(peak for _, peak in told.values()) < BUDGET + 700 * 2**20, told


def test_the_small_file_that_took_five_gigabytes_is_looked_at_on_fewer_images(shared: Path) -> None:
    folder = shared / "cases" / "door"
    net = cost_of(admit_model(folder / "activation-bomb.h5"))
    pace = pace_of(net)
    assert Predictor(build_logits(admit_model(folder / "activation-bomb.h5"))).batch <= 32
    assert net.forward_seconds * (5 * pace.probe + pace.accuracy) < 10
    preparation = prepare_scan(
        folder / "activation-bomb.h5",
        folder / "activation-bomb-data.npz",
        profile=FAST,
        unlabelled=True,
        memory_budget=BUDGET,
    )
    assert any("value ranges were compared on" in warning for warning in preparation.preflight.warnings)
    assert preparation.slots <= 3
