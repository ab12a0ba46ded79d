"""`cleanse zoo score --write-documents`: the package's figures and those of the documents, in a checkout alone."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import nc_core
from api.cli.zoo import families
from api.cli.zoo.documents import BEGIN, END, LIMITS, between_marks, checkout
from nc_core.errors import OptionRefused
from nc_core.zoo import make_plan
from nc_core.zoo.folder import begin, new_net
from nc_core.zoo.measured import measured
from tests.api.cli.zoo.conftest import Scans, cleanse, verdict


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, as far as is looked at."""
    root = tmp_path / "checkout"
    (root / "nc_core/zoo").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    (root / "docs/benchmarks").mkdir(parents=True)
    (root / "docs/pages").mkdir()
    (root / "docs/pages/limits.md").write_text(f"# Limits\n\n{BEGIN}old\n{END}\n\n## More\n")
    (root / "README.md").write_text(f"# Cleanse\n\n{BEGIN}{END}\n\nMore.\n")
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
    planted = [card for card in make_plan(nets=12, seed=1).cards if card.third == "held-out" and card.attack]
    kept = b""
    for _ in range(2):  # and a second time the same
        assert cleanse("zoo score z --write-documents") == 0
        told = json.loads((source / "nc_core/zoo/measured.json").read_text())
        assert told.keys() == {"date", "machine", "command", "many", "few"}
        parts = [told["few" if card.classes < 10 else "many"] for card in planted]
        assert [part["attacks"][card.attack] for part, card in zip(parts, planted, strict=True)] == [
            {"planted": 1, "found": int(card is planted[0]), "exact": int(card is planted[0])} for card in planted
        ]
        clean = [tally for part in (told["many"], told["few"]) for tally in part["clean"].values()]
        assert [sum(tally[name] for tally in clean) for name in ("nets", "alarms")] == [2, 1]
        assert told["command"] == "cleanse zoo score z --write-documents"
        assert "GiB" in told["machine"]
        page = json.loads((source / "docs/benchmarks/zoo.json").read_text())
        (run,) = page["runs"].values()
        assert (run["date"], run["machine"], run["command"]) == (told["date"], told["machine"], told["command"])
        (table,) = page["tables"]
        assert table["rows"][0]["cells"] == [
            *("nets: all", 2, 1, 50.0, 1.3, 98.7, 1, 2, 1, 50.0, 1.3, 98.7),
            *(0, 0.5, 1, 1),
        ]
        of_attack = next(row["cells"] for row in table["rows"] if row["cells"][0] == f"attack: {planted[0].attack}")
        assert of_attack[1:] == [1, 1, 100.0, 2.5, 100.0, 1, *[None] * 7, 1, None]
        assert "The 4 held-out nets of a zoo of seed 1 on signs, sign-pairs" in page["text"][0]
        readme = (source / "README.md").read_text().split("\n")
        assert (readme[:3], readme[-4:]) == (["# Cleanse", "", BEGIN.strip()], [END, "", "More.", ""])
        assert "On 4 held-out nets, by which" in " ".join(readme)
        limits = (source / "docs/pages/limits.md").read_text()
        assert limits.startswith(f"# Limits\n\n{BEGIN}Measured on {told['date']}")
        assert limits.endswith(f"{END}\n\n## More\n")
        assert "\nold\n" not in limits
        # Each family once for nets of many and once for nets of few classes, measured or not
        rows = [line for line in limits.splitlines() if line.startswith("| ")]
        assert sum("large triggers" in row for row in rows) == 2
        found = [row for row in rows if planted[0].attack in row.split("|")[-2]]
        assert [row.split(" | ")[2:6] for row in found] == [["1", "1", "2.5 to 100.0%", "1"]]
        scans = (source / "docs/benchmarks/zoo.tar.xz").read_bytes()
        assert kept == (scans if kept else b"")
        kept = scans
        # No path of the machine
        assert str(tmp_path) not in json.dumps(page)


def test_the_scans_that_are_kept_give_the_same_figures(source: Path, tmp_path: Path) -> None:
    zoo(tmp_path / "z", 12)
    assert cleanse("zoo score z --json first.json --write-documents") == 0
    with tarfile.open(source / "docs/benchmarks/zoo.tar.xz") as archive:
        archive.extractall(tmp_path / "again", filter="data")
    assert cleanse("zoo score again --json second.json") == 0
    assert (tmp_path / "first.json").read_text() == (tmp_path / "second.json").read_text()


def test_outside_a_checkout_it_is_refused_before_any_work(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "pyproject.toml").unlink()
    zoo(tmp_path / "z", 6)
    assert cleanse("zoo score z --write-documents") == 2
    printed = capsys.readouterr()
    assert f"--write-documents writes into a source checkout, {source} is none" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("page", ["README.md", "docs/pages/limits.md"])
def test_a_page_without_a_place_for_the_figures_is_told(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    (source / page).write_text("# Cleanse\n")
    zoo(tmp_path / "z", 6)
    assert cleanse("zoo score z --write-documents") == 2
    assert f"{page} has no place for the figures of a zoo: put <!-- of a zoo -->" in capsys.readouterr().err
    assert (source / page).read_text() == "# Cleanse\n"
    assert not (source / "nc_core/zoo/measured.json").exists()


def test_a_checkout_without_the_folder_of_benchmarks_is_refused(source: Path) -> None:
    (source / "docs/benchmarks").rmdir()
    with pytest.raises(OptionRefused, match="which is no folder: make it"):
        checkout()


def test_the_page_of_limits_has_the_package_s_figures() -> None:
    """Where this fails: `cleanse zoo score DIR --rejudge --write-documents`, of docs/benchmarks/zoo.tar.xz unpacked."""
    told = measured()
    assert told is not None
    root = checkout()
    assert between_marks(root, LIMITS, families.page(told)) == (root / LIMITS).read_text("utf-8")


def test_this_checkout_has_the_folder() -> None:
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
    assert not list((source / "docs/benchmarks").iterdir())
