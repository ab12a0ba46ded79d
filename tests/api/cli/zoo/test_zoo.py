"""`cleanse zoo`: nets are built by jobs and scanned by submissions, each once; the score is printed and written."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from api.cli.zoo import display, scanning
from nc_core.zoo import make_plan
from nc_core.zoo.folder import begin, new_net
from tests.api.cli.zoo.conftest import Scans, Workers, cleanse, verdict


def test_nets_are_built_once_and_a_larger_zoo_adds_to_it(
    workers: Workers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cleanse("zoo build --out z --nets 3 --seed 1") == 0
    names = [card.name for card in make_plan(nets=4, seed=1).cards]
    assert workers.trained == names[:3]
    assert sorted(path.name for path in (tmp_path / "z/nets").iterdir()) == sorted(names[:3])
    assert (tmp_path / "z/nets" / names[0] / "net.keras").read_bytes() == b"net"
    printed = capsys.readouterr().out
    assert f"{names[1]}: clean accuracy 97.0%, attack success rate 91.0%" in printed
    assert cleanse("zoo build --out z --nets 4 --seed 1") == 0
    assert workers.trained == names


def test_another_seed_needs_another_folder(workers: Workers, capsys: pytest.CaptureFixture[str]) -> None:
    assert cleanse("zoo build --out z --nets 1") == 0
    assert cleanse("zoo build --out z --nets 1 --seed 2") == 2
    assert "pass the same --seed and --data" in capsys.readouterr().err
    assert len(workers.trained) == 1


def test_a_net_that_fails_is_said_and_tried_again(workers: Workers, capsys: pytest.CaptureFixture[str]) -> None:
    names = [card.name for card in make_plan(nets=3, seed=1).cards]
    workers.failing = {names[1]}
    assert cleanse("zoo build --out z --nets 3 --seed 1") == 1
    assert f"{names[1]}: no memory" in (told := capsys.readouterr().err)
    assert "1 of 3 nets could not be trained" in told
    workers.failing = set()
    assert cleanse("zoo build --out z --nets 3 --seed 1") == 0
    assert sorted(workers.trained) == sorted(names)


@pytest.mark.usefixtures("workers")
def test_pictures_of_the_user_go_to_the_jobs_that_need_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", x=rng.integers(0, 256, (40, 32, 32, 3), np.uint8), y=np.tile([0, 1], 20))
    assert cleanse("zoo build --out z --nets 24 --data mine.npz") == 0
    cards = [json.loads(path.read_text()) for path in (tmp_path / "z/nets").glob("*/card.json")]
    assert {card["data"] for card in cards if card["third"] != "held-out"} == {"signs"}
    mine = [card for card in cards if "mine" in (card["data"], card["foreign"])]
    assert mine
    assert all(card["measured"]["of"] == ["mine"] for card in mine)
    assert all(card["measured"]["of"] == [] for card in cards if card not in mine)


@pytest.mark.parametrize(
    "line", ["zoo build", "zoo build --out z --nets 0", "zoo score", "zoo build --out z --seed -1"]
)
def test_usage_errors(line: str) -> None:
    assert cleanse(line) == 64


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("zoo build --out z --data none.npz", "none.npz does not exist"),
        ("zoo score .", "holds no zoo; pass the folder that"),
    ],
)
def test_what_is_refused(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cleanse(line) == 2
    assert message in capsys.readouterr().err


@pytest.fixture
def zoo(tmp_path: Path) -> list[str]:
    """Four nets: clean, planted, clean, planted."""
    plan = make_plan(nets=4, seed=1)
    begin(tmp_path / "z", plan)
    for card in plan.cards:
        with new_net(tmp_path / "z", card) as folder:
            targets = [] if card.attack is None else [1]
            measured = {"targets": targets, "weak": False, "triggers": []}
            (folder / "card.json").write_text(json.dumps({**card.to_json(), "measured": measured}))
    return [card.name for card in plan.cards]


@pytest.fixture
def scans(zoo: list[str], monkeypatch: pytest.MonkeyPatch) -> Scans:
    made = Scans(
        {
            zoo[0]: ("done", verdict("clean", 0.6, (), 0)),
            zoo[1]: ("done", verdict("backdoored", 0.001, (1,), 9.0)),
            zoo[2]: ("refused", None),
            zoo[3]: ("failed", None),
        }
    )

    @contextmanager
    def local(*_: object, **__: object) -> Iterator[Scans]:
        yield made

    monkeypatch.setattr("api.backends.local.local", local)
    return made


def test_nets_are_scanned_once_and_scored(
    scans: Scans, zoo: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a scan that fails: the others are scored, and it is tried again
    assert cleanse("zoo score z --json score.json --html score.html") == 1
    printed = capsys.readouterr()
    assert f"{zoo[3]}: why" in printed.err
    assert "1 of 4 scans have failed" in printed.err
    assert scans.submitted == zoo
    assert all(not options.mitigate and options.profile == "fast" for options in scans.options)
    scans.ends[zoo[3]] = ("done", verdict("clean", 0.3, (), 0))
    assert cleanse("zoo score z --json score.json --html score.html") == 0
    assert scans.submitted == [*zoo, zoo[3]]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "All nets"
    figures = "nets: all 2 1 1.00 50.0% (1.3 to 98.7) 0.0% (0.0 to 97.5) 50.0% (1.3 to 98.7)"
    assert " ".join(lines[2].split()) == figures
    assert lines[3].split()[:2] == ["plain", "0.75"]
    assert "1 nets were refused, 0 scans were inconclusive" in lines[-1]
    # And both files say the same
    found = json.loads((tmp_path / "score.json").read_text())
    assert found["held_out"] == {"architecture": "depthwise", "data": "sign-pairs"}
    (every,) = [row for row in found["rows"] if (row["third"], row["value"]) == ("all", "all")]
    assert every["cleanse"]["found"] == {"hits": 1, "of": 2, "rate": 0.5, "low": pytest.approx(0.0126, abs=1e-4)} | {
        "high": pytest.approx(0.9874, abs=1e-4)
    }
    page = (tmp_path / "score.html").read_text()
    assert "What a verdict is worth" in page
    assert "50.0% (1.3 to 98.7)" in page
    assert "<script" not in page


def test_foreign_pictures_are_submitted_without_labels(tmp_path: Path) -> None:
    card = next(card for card in make_plan(nets=200, seed=1).cards if card.given == "few")
    for given in ("few", "foreign"):
        folder = tmp_path / given
        folder.mkdir()
        (folder / "card.json").write_text(json.dumps({**card.to_json(), "given": given, "measured": {}}))
        assert scanning._order(folder).parameters.options.unlabelled == (given == "foreign")


def test_a_result_that_is_there_is_not_scanned_again(scans: Scans, zoo: list[str], tmp_path: Path) -> None:
    for name in zoo:
        (tmp_path / "z/nets" / name / "result.json").write_text(json.dumps(verdict("clean", 0.5, (), 0)))
    assert cleanse("zoo score z") == 0
    assert scans.submitted == []


def test_a_line_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 0.0, 30.0, 60.0])
    monkeypatch.setattr(display.time, "monotonic", lambda: next(clock))
    shown = display.Display("net", 4)
    shown.show(0, 0.0)
    shown.show(1, 0.0)
    shown.show(1, 1.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["1 of 4 nets, 1 min 30 s left", "1 of 4 nets, 1 min 0 s left"]
