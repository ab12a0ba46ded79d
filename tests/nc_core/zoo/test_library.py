"""The clean scans that come with Cleanse, from the scans of several zoos."""

import json
from pathlib import Path

import pytest

from nc_core.zoo import library
from nc_core.zoo.card import NET, RESULT
from nc_core.zoo.folder import NETS
from tests.nc_core.detection.norms import LIBRARY
from tests.nc_core.zoo.results import result


def zoo_of(folder: Path, seed: int) -> Path:
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps({"seed": seed}))
    return folder


def scanned(zoo: Path, name: str, *, infected: float) -> None:
    (zoo / NETS / name).mkdir(parents=True)
    (zoo / NETS / name / RESULT).write_text(json.dumps(result(infected)))


def test_the_scans_of_another_zoo_come_to_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a library of one zoo, and the clean scans of one of another seed
    there = {"made": {"date": "2026-01-01"}, "scans": [{"name": "a", "classes": 10, "statistics": {"outlier": 1.0}}]}
    scans = [{"name": "a", "classes": 43, "statistics": {"outlier": 2.0}}]
    monkeypatch.setattr(library, "null_scans", lambda _: [dict(scan) for scan in scans])
    zoo = zoo_of(tmp_path / "zoo", seed=4)
    for name in "ab":
        scanned(zoo, name, infected=40.0)
    # When they are joined, twice, Then each is there once, also where two zoos have a net of one name
    once = library.joined(there, zoo, {"date": "2026-02-02"})
    scans.append({"name": "b", "classes": 10, "statistics": {"outlier": 3.0}})
    twice = library.joined(once, zoo, {"date": "2026-03-03"})
    assert [(scan["name"], scan.get("seed", 0)) for scan in once["scans"]] == [("a", 0), ("a", 4)]
    assert [(scan["name"], scan.get("seed", 0)) for scan in twice["scans"]] == [("a", 0), ("a", 4), ("b", 4)]
    # And it says when
    assert (twice["made"], twice["joined"]) == (there["made"], {"4": {"date": "2026-03-03"}})


def test_another_kind_of_evidence_is_asked_of_the_nets_of_the_same_zoo(tmp_path: Path) -> None:
    # Given scans of one zoo, and another that has a net of one of their names
    scans = [{"name": name, "classes": 10, "statistics": {"outlier": 1.0}, "seed": 1} for name in "ab"]
    zoo = zoo_of(tmp_path / "zoo", seed=0)
    (zoo / NETS / "a").mkdir(parents=True)
    (zoo / NETS / "a" / NET).write_bytes(b"a net that would be read")
    # Then it is no net of theirs, and the scans stay as they are
    assert list(library.with_kind("any-target", zoo, scans)) == scans


def test_each_net_has_the_least_p_value_of_its_tests_by_the_laws_of_the_others(tmp_path: Path) -> None:
    # Given clean scans of which one has a label that is far smaller than its others, and many other clean scans
    zoo = zoo_of(tmp_path / "zoo", seed=1)
    for name, infected in (("plain", 40.0), ("odd", 4.0)):
        scanned(zoo, name, infected=infected)
    of_all = {"outlier": 1.2, "lead": 0.3, "worth": -1.5, "universality": 0.4, "transferability": -2.0}
    scans = [{"name": name, "classes": 12, "statistics": of_all} for name in ("plain", "odd")]
    beside = [{"name": one.name, "classes": one.classes, "statistics": one.statistics} for one in LIBRARY]
    # Then that one has a small p-value, and without scans to be judged by none has any
    plain, odd = (one["least"] for one in library.with_least(scans, zoo, beside=beside))
    assert 0.0 < odd < 0.05 < plain <= 1.0
    assert all("least" not in one for one in library.with_least(scans, zoo))
