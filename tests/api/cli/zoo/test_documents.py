"""`cleanse zoo score --write-documents`: the package's figures and the README's section, in a checkout alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import nc_core
from api.cli.zoo.documents import BEGIN, END, checkout
from nc_core.errors import OptionRefused
from nc_core.zoo import make_plan
from nc_core.zoo.folder import begin, new_net
from tests.api.cli.zoo.conftest import Scans, cleanse, verdict

README = f"# Title\n\nBefore.\n\n{BEGIN}\nold figures\n{END}\n\nAfter.\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, as far as is looked at."""
    root = tmp_path / "checkout"
    (root / "nc_core/zoo").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    (root / "README.md").write_text(README)
    monkeypatch.setattr(nc_core, "__file__", str(root / "nc_core/__init__.py"))
    return root


def zoo(folder: Path, nets: int) -> None:
    """Nets that were scanned: the first planted held-out one was found, the first clean one called backdoored."""
    plan = make_plan(nets=nets, seed=1)
    begin(folder, plan)
    for card in plan.cards:
        with new_net(folder, card) as net:
            targets = [] if card.attack is None else [1]
            measured = {"targets": targets, "weak": False, "triggers": []}
            (net / "card.json").write_text(json.dumps({**card.to_json(), "measured": measured}))
            found = card.third == "held-out" and card.number in (5, 10)
            said = verdict("backdoored", 0.01, (1,), 9.0) if found else verdict("clean", 0.6, (), 0)
            (net / "result.json").write_text(json.dumps(said))


def test_the_held_out_figures_are_written_and_all_else_stays(source: Path, tmp_path: Path) -> None:
    zoo(tmp_path / "z", 12)
    planted = [card.attack for card in make_plan(nets=12, seed=1).cards if card.third == "held-out" and card.attack]
    for _ in range(2):  # and a second time the same
        assert cleanse("zoo score z --write-documents") == 0
        told = json.loads((source / "nc_core/zoo/measured.json").read_text())
        assert told.keys() == {"date", "machine", "command", "nets", "attacks", "clean"}
        assert (told["nets"], told["clean"]) == (4, {"nets": 2, "alarms": 1})
        assert told["attacks"] == {name: {"planted": 1, "found": int(name == planted[0])} for name in planted}
        assert told["command"] == "cleanse zoo score z --write-documents"
        assert "GiB" in told["machine"]
        readme = (source / "README.md").read_text()
        assert readme.startswith(f"# Title\n\nBefore.\n\n{BEGIN}\n\nMeasured on {told['date']} with {told['machine']}")
        assert readme.endswith(f"\n\n{END}\n\nAfter.\n")
        assert "old figures" not in readme
        assert "| nets: all | 2 | 50.0% (1.3 to 98.7) | 2 | 50.0% (1.3 to 98.7) |\n" in readme
        assert f"| attack: {planted[0]} | 1 | 100.0% (2.5 to 100.0) |  |  |\n" in readme
        assert "the 4 held-out nets of a zoo of seed 1 on signs, sign-pairs" in readme
        # No path of the machine
        assert str(tmp_path) not in readme


def test_outside_a_checkout_it_is_refused_before_any_work(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "pyproject.toml").unlink()
    zoo(tmp_path / "z", 6)
    assert cleanse("zoo score z --write-documents") == 2
    printed = capsys.readouterr()
    assert f"--write-documents writes into a source checkout, {source} is none" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("text", ["# Title\n", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", README + README])
def test_a_readme_without_its_one_section_is_refused(source: Path, text: str) -> None:
    (source / "README.md").write_text(text)
    with pytest.raises(OptionRefused, match="has no section between"):
        checkout()


def test_this_checkout_has_the_section() -> None:
    assert (checkout() / "nc_core").is_dir()


@pytest.mark.usefixtures("source")
def test_a_zoo_without_held_out_nets_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zoo(tmp_path / "z", 4)
    assert cleanse("zoo score z --write-documents") == 2
    assert "z has no held-out nets with a verdict: build more of it" in capsys.readouterr().err


def test_figures_of_a_zoo_that_is_not_scanned_to_the_end_are_not_written(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo(tmp_path / "z", 6)
    missing = next((tmp_path / "z/nets").glob("0005*"))
    (missing / "result.json").unlink()
    failing = Scans({missing.name: ("failed", None)})

    @contextmanager
    def local(*_: object, **__: object) -> Iterator[Scans]:
        yield failing

    monkeypatch.setattr("api.backends.local.local", local)
    assert cleanse("zoo score z --write-documents") == 1
    assert (source / "README.md").read_text() == README
