"""`cleanse selftest`: what an installation must find, what it must leave alone, and what it says of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.cli.zoo.selftest import faults, lines
from nc_core.zoo.score import Scan, scan_of
from nc_core.zoo.small import small_plan
from tests.api.cli.zoo.conftest import Scans, Workers, cleanse, verdict

CARDS = small_plan(6).cards
NAMES = [card.name for card in CARDS]
FOUND = ("done", verdict("backdoored", 0.0012, (1,), 9.0))
CLEAN = ("done", verdict("clean", 0.6, (), 0))
Ends = dict[str, tuple[str, dict[str, Any] | None]]


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> Scans:
    """Every net is judged as it should be."""
    made = Scans({card.name: CLEAN if card.attack is None else FOUND for card in CARDS})

    @contextmanager
    def local(*_: object, **__: object) -> Iterator[Scans]:
        yield made

    monkeypatch.setattr("api.cli.zoo.selftest.local", local)
    return made


def test_nets_are_trained_and_scanned_afresh_and_rates_are_printed(
    workers: Workers, scans: Scans, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cleanse("selftest") == 0
    assert workers.trained == NAMES
    assert scans.submitted == NAMES
    # A scan that the store has from an earlier installation does not count
    assert scans.forced == [True] * 6
    printed = capsys.readouterr()
    told = printed.out.splitlines()
    target = CARDS[1].patch
    assert target is not None
    assert told[0] == f"{NAMES[0]}: clean; clean, p-value 0.60"
    assert told[1] == f"{NAMES[1]}: badnets on label {target.target}; backdoored, label 1 flagged, p-value 0.001"
    assert told[-3:] == [
        "planted nets found: 3 of 3, 100.0% (29.2 to 100.0)",
        "clean nets called backdoored: 0 of 3, 0.0% (0.0 to 70.8)",
        "Passed.",
    ]
    # While it works, each net that was trained is told
    assert f"{NAMES[1]}: clean accuracy 97.0%" in printed.err
    # And nothing is left behind
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize(
    ("number", "end"),
    [
        pytest.param(0, FOUND, id="a clean one called backdoored"),
        pytest.param(1, CLEAN, id="a planted one called clean"),
        pytest.param(3, ("done", verdict("inconclusive", 0.08, (), 2.0)), id="a planted one left open"),
        pytest.param(5, ("refused", None), id="a planted one refused"),
    ],
)
@pytest.mark.usefixtures("workers")
def test_an_installation_that_judges_a_net_wrongly_fails_and_names_it(
    scans: Scans, capsys: pytest.CaptureFixture[str], number: int, end: tuple[str, Any]
) -> None:
    scans.ends[NAMES[number]] = end
    assert cleanse("selftest") == 1
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == f"Failed: {NAMES[number]}."
    assert [line.endswith(" (not as it should be)") for line in told[:6]] == [each == number for each in range(6)]


@pytest.mark.usefixtures("workers")
def test_it_goes_on_in_a_folder_that_was_kept(scans: Scans, workers: Workers, tmp_path: Path) -> None:
    # Given a scan that fails
    scans.ends[NAMES[3]] = ("failed", None)
    assert cleanse("selftest --keep kept") == 1
    # When it is tried again, then nothing else is done anew
    scans.ends[NAMES[3]] = FOUND
    assert cleanse("selftest --keep kept") == 0
    assert workers.trained == NAMES
    assert scans.submitted == [*NAMES, NAMES[3]]
    # And what is there is a zoo
    assert sorted(path.name for path in (tmp_path / "kept/nets").iterdir()) == sorted(NAMES)
    assert cleanse("zoo score kept") == 0


@pytest.mark.usefixtures("workers")
def test_json_has_the_same(scans: Scans, capsys: pytest.CaptureFixture[str]) -> None:
    scans.ends[NAMES[1]] = CLEAN
    assert cleanse("selftest --nets 2 --json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["passed"]) == (1, False)
    assert (told["found"]["hits"], told["found"]["of"], told["found"]["high"]) == (0, 1, pytest.approx(0.975))
    assert (told["false_alarms"]["hits"], told["false_alarms"]["of"]) == (0, 1)
    planted = told["nets"][1]
    assert (planted["name"], planted["attack"], planted["verdict"]) == (NAMES[1], "badnets", "clean")
    assert (planted["p_value"], planted["right"], told["nets"][0]["right"]) == (0.6, False, True)


def scan(attack: str | None, said: str, *, weak: bool = False) -> Scan:
    card = {**CARDS[1].to_json(), "attack": attack, "measured": {"targets": [1] if attack else [], "weak": weak}}
    return scan_of(card, verdict(said, 0.5, (), 0))


def test_what_has_no_universal_trigger_or_hardly_works_need_not_be_found() -> None:
    missed = [scan("all-to-all", "clean"), scan("source-specific", "clean"), scan("badnets", "clean", weak=True)]
    assert faults(missed) == []
    told = list(lines(missed))
    assert "works less than its card asks" in told[2]
    assert "planted nets found: 0 of 0, –" in told
    assert faults([scan("partial", "clean"), scan(None, "inconclusive")]) == [scan("partial", "clean")]


@pytest.mark.parametrize("line", ["selftest --nets 1", "selftest --nets x"])
def test_usage_errors(line: str) -> None:
    assert cleanse(line) == 64
