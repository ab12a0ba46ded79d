"""The clean scans that come with Cleanse, from the scans of several zoos."""

import json
from pathlib import Path

import pytest

from nc_core.zoo import library
from nc_core.zoo.card import NET
from nc_core.zoo.folder import NETS


def zoo_of(folder: Path, seed: int) -> Path:
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps({"seed": seed}))
    return folder


def test_the_scans_of_another_zoo_come_to_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a library of one zoo, and the clean scans of one of another seed
    there = {"made": {"date": "2026-01-01"}, "scans": [{"name": "a", "classes": 10, "statistics": {"outlier": 1.0}}]}
    scans = [{"name": "a", "classes": 43, "statistics": {"outlier": 2.0}}]
    monkeypatch.setattr(library, "null_scans", lambda _: [dict(scan) for scan in scans])
    zoo = zoo_of(tmp_path / "zoo", seed=4)
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
