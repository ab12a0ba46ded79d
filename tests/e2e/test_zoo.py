"""A zoo of two nets, built and scored by real workers."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Cleanse

pytestmark = pytest.mark.long


def test_two_nets_are_trained_scanned_and_scored(cleanse: Cleanse, tmp_path: Path) -> None:
    out = tmp_path / "zoo"
    built = cleanse("zoo", "build", "--nets", 2, "--seed", 4, "--out", out)
    assert built.code == 0, built.err
    scored = cleanse("zoo", "score", out, "--json", tmp_path / "score.json")
    assert scored.code == 0, scored.err
    (every,) = [
        row
        for row in json.loads((tmp_path / "score.json").read_text())["rows"]
        if (row["third"], row["value"]) == ("all", "all")
    ]
    assert (every["planted"], every["clean"], every["refused"]) == (1, 1, 0)
    # And a second time nothing is trained or scanned
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert cleanse("zoo", "build", "--nets", 2, "--seed", 4, "--out", out).code == 0
    assert cleanse("zoo", "score", out).out == scored.out
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
