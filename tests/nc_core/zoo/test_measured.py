"""What a zoo has measured, as the package keeps it, and what a verdict does not cover."""

import json
import tarfile
from pathlib import Path
from typing import get_args

import pytest

from nc_core.attack_names import AttackName
from nc_core.detection.result import NOT_COVERED
from nc_core.zoo.card import read_card
from nc_core.zoo.coverage import LOOKED_FOR, NOT_WHOLLY, Covered, coverage
from nc_core.zoo.folder import nets
from nc_core.zoo.judging import judged_anew
from nc_core.zoo.measured import CleanTally, Figures, Measured, Tally, measured, measured_of
from nc_core.zoo.statistics import rate
from tests.nc_core.zoo.test_score import SCANS, card, planted, result, scan_of

SCANS_FILE = Path(__file__).parents[3] / "docs/benchmarks/zoo.tar.xz"
FACTS = {"date": "2026-11-29", "machine": "2 cores", "command": "cleanse zoo score zoo --write-documents"}
MANY = Figures(
    attacks={"warping": Tally(planted=2, found=1, exact=0), "colour-shift": Tally(planted=1, found=1, exact=1)},
    clean={10: CleanTally(nets=4, alarms=0), 43: CleanTally(nets=2, alarms=1)},
)
FEW = Figures(attacks={}, clean={5: CleanTally(nets=1, alarms=0)})
FIGURES = Measured(**FACTS, many=MANY, few=FEW)


def test_the_held_out_third_alone_is_kept() -> None:
    more = [
        scan_of(planted("warping", third="held-out"), result("clean", 0.6)),
        scan_of(planted("badnets", third="held-out"), result("clean", 0.4)),
        scan_of(planted("trojan", third="held-out", weak=True), result("clean", 0.4)),
        scan_of(planted("badnets", third="held-out", classes=10), result("backdoored", 0.01)),
        scan_of(card(third="held-out", classes=43), result("backdoored", 0.01, (3,))),
    ]
    found = measured_of([*SCANS, *more], **FACTS)
    # Of few classes three planted that are not weak and a clean one, of many one each; of the other thirds nothing
    assert found == Measured(
        **FACTS,
        many=Figures(attacks={"badnets": Tally(planted=1, found=1, exact=0)}, clean={43: CleanTally(nets=1, alarms=1)}),
        few=Figures(
            attacks={
                "badnets": Tally(planted=2, found=1, exact=0),  # a label too many was flagged
                "warping": Tally(planted=1, found=0, exact=0),
            },
            clean={2: CleanTally(nets=1, alarms=0)},
        ),
    )
    assert (found.nets, found.of(10), found.of(9)) == (6, found.many, found.few)


def test_the_json_is_the_one_that_is_documented_and_reads_back() -> None:
    told = json.loads(json.dumps(FIGURES.to_json()))
    assert told == {
        **FACTS,
        "many": {
            "attacks": {
                "warping": {"planted": 2, "found": 1, "exact": 0},
                "colour-shift": {"planted": 1, "found": 1, "exact": 1},
            },
            "clean": {"10": {"nets": 4, "alarms": 0}, "43": {"nets": 2, "alarms": 1}},
        },
        "few": {"attacks": {}, "clean": {"5": {"nets": 1, "alarms": 0}}},
    }
    assert Measured.from_json(told) == FIGURES


def test_a_zoo_without_held_out_nets_has_measured_nothing() -> None:
    choosing = [scan_of(planted(third="choose"), result("clean", 0.6)), scan_of(card(), result("clean", 0.4))]
    assert measured_of(choosing, **FACTS) is None
    refused = [scan_of(card(third="held-out"), {"verdict": None, "state": "refused"})]
    assert measured_of(refused, **FACTS) is None


def test_all_nets_are_counted_and_a_share_has_its_interval() -> None:
    assert (MANY.nets, MANY.all_clean, MANY.all_clean.rate) == (9, CleanTally(nets=6, alarms=1), rate(1, 6))
    both = Tally.of_all(list(MANY.attacks.values()))
    assert (both, both.rate) == (Tally(planted=3, found=2, exact=1), rate(2, 3))


def test_the_package_s_figures_are_what_todays_rules_say_of_the_scans_in_the_documents(tmp_path: Path) -> None:
    """Where this fails the rules have changed: unpack docs/benchmarks/zoo.tar.xz, and `cleanse zoo score DIR --rejudge
    --write-documents`."""
    told = measured()
    assert told is not None
    with tarfile.open(SCANS_FILE) as archive:
        archive.extractall(tmp_path, filter="data")
    scans = [
        scan_of(read_card(folder), judged_anew(json.loads((folder / "result.json").read_text("utf-8"))))
        for folder in nets(tmp_path)
    ]
    assert measured_of(scans, date=told.date, machine=told.machine, command=told.command) == told


def test_every_attack_is_of_one_family_and_every_sentence_of_a_verdict_is_one() -> None:
    assert [[text for text in NOT_COVERED if text.startswith(begin)] for begin in NOT_WHOLLY] == [
        [text] for text in NOT_COVERED
    ]
    named = [attack for families in (NOT_WHOLLY, LOOKED_FOR) for attacks in families.values() for attack in attacks]
    assert sorted(named) == sorted(get_args(AttackName))


def test_a_family_has_the_figures_of_all_its_attacks_that_were_measured() -> None:
    found = coverage(NOT_COVERED, MANY)
    assert [one.family for one in found] == [*NOT_COVERED, *LOOKED_FOR]
    assert [one.looked_for for one in found] == [*[False] * len(NOT_COVERED), *[True] * len(LOOKED_FOR)]
    (measured_one,) = [one for one in found if one.tally is not None]
    assert measured_one.family.startswith("triggers that depend on the image")
    assert (measured_one.attacks, measured_one.missing) == (("warping", "colour-shift"), ("input-dependent",))
    assert measured_one.tally == Tally(planted=3, found=2, exact=1)


@pytest.mark.parametrize("figures", [None, MANY])
def test_a_family_of_which_nothing_is_known_has_no_figures(figures: Figures | None) -> None:
    assert coverage(["a family of another version"], figures)[0] == Covered(
        family="a family of another version", looked_for=False, attacks=(), missing=(), tally=None
    )
