"""Baselines and verdicts made anew by command, in the store and on a server; the scans have ended before."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.backends import stack
from api.cli.exits import ExitCode
from api.cli.main import run_command
from api.client import CleanseClient
from api.service import submitting
from api.web.app import create_app
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import submissions
from tests.api.conftest import store_submission
from tests.api.service.conftest import serving
from tests.nc_tasks.test_calibration import compared

Make = Callable[..., dict[str, Any]]
Files = tuple[Path, Path]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", redis_url=f"unix://{tmp_path}/no-broker", database_url=None)


@pytest.fixture
def published(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the submissions that a start was asked for, here or on the server."""
    ids: list[str] = []

    @contextmanager
    def attached(*_: object, **__: object) -> Iterator[None]:
        yield None

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEANSE_HOME", str(settings.home))
    monkeypatch.setattr(stack, "working_stack", attached)
    monkeypatch.setattr("nc_tasks.messages.app.publish_start", lambda identity, **_: ids.append(identity))
    monkeypatch.setattr("nc_tasks.messages.app.make_app", lambda _: None)
    monkeypatch.setattr(submitting, "publish", lambda _, found: ids.extend(found))
    return ids


@pytest.fixture(params=["store", "server"])
def where(request: pytest.FixtureRequest, settings: Settings, published: list[str]) -> Iterator[list[str]]:
    """What names the place in a command."""
    del published
    if request.param == "store":
        yield []
        return
    with serving(create_app(settings)) as url:
        yield ["--server", url]


@pytest.fixture
def scan(settings: Settings, files: Files, make_result: Make) -> Callable[..., str]:
    """Brings the scan of another net to its end; the model file is left as it was submitted."""
    numbers = iter(range(1, 100))

    def scanned(**how: Any) -> str:
        number = next(numbers)
        files[0].write_bytes(b"model %d" % number)
        identity = store_submission(settings, make_result(seed=number, **how), model=files[0], data=files[1])
        with closing(open_store(settings)) as store, store.write() as session:
            submissions.get(session, submission_id=identity).canonical_sha256 = f"{number:064x}"
        return identity

    return scanned


def printed(capsys: pytest.CaptureFixture[str], *line: str, code: int = 0) -> Any:
    """What the command prints with --json."""
    capsys.readouterr()
    assert run_command([*line, "--json"]) == code, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_what_was_scanned_before_is_named_at_once_whatever_repair_it_tried(
    where: list[str],
    scan: Callable[..., str],
    files: Files,
    published: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Given two scans of clean nets, one of which is known by its file and one by its id
    by_id, by_file = scan(), scan()
    line = ["baseline", "add", "signs", str(files[0]), by_id[:6], "--data", str(files[1]), *where]
    # When they are added, and added again
    assert run_command(line) == 0
    told = capsys.readouterr().out
    assert by_id in told
    assert by_file in told
    assert {one["id"] for one in printed(capsys, *line)} == {by_id, by_file}
    # Then nothing was scanned for it, and the baseline has both
    assert published == []
    (one,) = printed(capsys, "baseline", "list", *where)
    assert (one["name"], one["scans"], one["with_result"]) == ("signs", 2, 2)
    shown = printed(capsys, "baseline", "show", "signs", *where)
    assert [each["id"] for each in shown["items"]] == sorted([by_id, by_file])
    assert run_command(["baseline", "show", "signs", *where]) == 0
    assert "Baseline signs: 2 scans, 2 with a result" in capsys.readouterr().out
    assert run_command(["baseline", "list", *where]) == 0
    assert "signs" in capsys.readouterr().out
    # and scans are taken from under it, until nothing is left
    assert run_command(["baseline", "remove", "signs", by_id[:6], *where]) == 0
    assert printed(capsys, "baseline", "show", "signs", *where)["scans"] == 1
    assert run_command(["baseline", "remove", "signs", *where]) == 0
    assert printed(capsys, "baseline", "list", *where) == []
    assert run_command(["baseline", "show", "signs", *where]) == ExitCode.REFUSED
    assert "no baseline is called 'signs'" in capsys.readouterr().err


def test_a_model_that_was_not_scanned_is_submitted_without_a_repair(
    where: list[str], files: Files, published: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["baseline", "add", "signs", str(files[0]), "--data", str(files[1]), "--seed", "3", "--detach", *where]
    (one,) = printed(capsys, *line)
    assert (one["state"], one["options"]["mitigate"], one["options"]["seed"]) == ("queued", [], 3)
    assert published == [one["id"]]
    # An order that is to be held against it is refused, for it has no result
    order = ["submit", str(files[0]), "--data", str(files[1]), "--baseline", "signs", *where]
    assert run_command(order) == ExitCode.REFUSED
    assert "none of them has a result" in capsys.readouterr().err


def test_orders_say_what_they_are_held_against(
    where: list[str], scan: Callable[..., str], files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["baseline", "add", "signs", scan(), *where]) == 0
    order = ["submit", str(files[0]), "--data", str(files[1]), *where]
    (held,) = printed(capsys, *order, "--baseline", "signs")
    (twinned,) = printed(capsys, *order, "--twins", "5")
    assert (held["options"]["baseline"], twinned["options"]["twins"]) == ("signs", 5)
    for wrong, said in (
        (["--baseline", "strangers"], "no baseline is called 'strangers'"),
        (["--twins", "5", "--unlabelled"], "leave out --twins, or --unlabelled"),
        (["--twins", "5", "--baseline", "signs"], "pass one of --twins and --baseline"),
    ):
        assert run_command([*order, *wrong]) == ExitCode.REFUSED
        assert said in capsys.readouterr().err.splitlines()[-1]
    assert run_command([*order, "--twins", "100"]) == ExitCode.USAGE


def test_verdicts_are_made_anew_against_a_baseline_or_the_fleet(
    where: list[str], scan: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    clean = [scan() for _ in range(3)]
    bad = scan(infected={33: 4.0})
    assert run_command(["baseline", "add", "signs", *clean, *where]) == 0
    # When one is held against the baseline
    (one,) = printed(capsys, "rejudge", bad[:6], "--baseline", "signs", *where, code=3)
    assert (one["id"], one["recorded"], one["verdict"]) == (bad, "backdoored", "backdoored")
    assert compared(one["reason"]) == 3
    # and all against each other, at another rate
    fleet = printed(capsys, "rejudge", "--all", "--fleet", "--alpha", "0.01", *where, code=3)
    assert {one["id"]: compared(one["reason"]) for one in fleet} == {**dict.fromkeys(clean, 2), bad: 3}
    assert {one["threshold"] for one in fleet} == {0.01}
    # Then it is told with what it rests on
    assert run_command(["rejudge", *clean, "--fleet", *where]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(row[0], row[1][:13], row[-2]) for row in rows] == [
        (identity, "traffic_signs", "library") for identity in clean
    ]
    assert printed(capsys, "rejudge", "--tag", "team=none", *where) == []


@pytest.mark.parametrize(
    "line",
    [
        "rejudge",
        "rejudge abcdef --all",
        "rejudge --all --fleet --baseline x",
        "rejudge --all --alpha 0.5",
        "rejudge --all --tag nameless",
        "rejudge --all --baseline no/name",
        "baseline add no/name MODEL --data DATA",
        "baseline add signs MODEL",
        "baseline add signs",
    ],
)
def test_a_wish_that_says_too_little_or_too_much_is_a_usage_error(
    line: str, files: Files, published: list[str]
) -> None:
    words = line.replace("MODEL", str(files[0])).replace("DATA", str(files[1])).split()
    assert run_command(words) == ExitCode.USAGE
    assert published == []


def test_a_script_does_the_same(settings: Settings, published: list[str], scan: Callable[..., str]) -> None:
    del published
    one, two = scan(), scan()
    with serving(create_app(settings)) as url, CleanseClient(url) as cleanse:
        assert cleanse.add_to_baseline("signs", [one, two])["scans"] == 2
        assert [each["name"] for each in cleanse.baselines()] == ["signs"]
        (judged,) = cleanse.rejudge([one], baseline="signs")
        # A scan is not held against itself
        assert compared(judged["reason"]) == 1
        cleanse.remove_from_baseline("signs", [one])
        assert [each["id"] for each in cleanse.baseline("signs")["items"]] == [two]
        cleanse.remove_from_baseline("signs")
        assert cleanse.baselines() == []
