"""A command says the same of a server and of the store."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from api.backends.local import LocalBackend
from api.cli.main import run_command
from api.client import CleanseClient, ServerRefused
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import deliveries
from tests.api.client.conftest import printed

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]


def test_a_server_and_the_store_are_shown_in_the_same_words(
    url: str, stored: Stored, make_result: Make, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a clean model and its backdoored next version
    left = stored(make_result())
    files[0].write_bytes(b"another model")
    right = stored(make_result(infected={33: 4.2}))
    # When they are looked at over HTTP and in the store, then the same is printed
    for line in (
        ["list"],
        ["list", "--verdict", "backdoored", "--limit", "1"],
        ["list", "--flagged-label", "33"],
        ["show", right[:6]],
        ["labels", right],
        ["compare", left, right],
        ["dataset", "list"],
    ):
        shown, told = (
            [(run_command([*line, *where]), capsys.readouterr().out) for where in ([], ["--server", url])],
            [printed(capsys, *line, *where) for where in ([], ["--server", url])],
        )
        assert shown[0] == shown[1]
        assert shown[0][0] == 0
        assert told[0] == told[1]


def test_what_is_wished_with_a_submission_reaches_a_server_and_the_store_alike(
    url: str, files: Files, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(LocalBackend, "_begin", lambda *_: None)
    options = ["--priority", "high", "--tag", "team=vision", "--tag", "note=a=b"]
    options += ["--callback-url", "https://hooks.example/cleanse"]
    for number, where in enumerate(([], ["--server", url])):
        # When a model is submitted with a priority, tags and an address, then it has all of them
        line = ["submit", str(files[0]), "--data", str(files[1]), "--seed", str(number)]
        (made,) = printed(capsys, *line, *options, *where)
        assert (made["priority"], made["tags"]) == ("high", {"team": "vision", "note": "a=b"})
        with closing(open_store(settings)) as store, store.read() as session:
            (row,) = deliveries.of_submission(session, submission_id=made["id"])
            assert (row.url, row.state) == ("https://hooks.example/cleanse", "waiting")
        # and what cannot be is refused in one line
        for wrong, said in (
            (["--tag", "two words=x"], "tags.two words"),
            (["--callback-url", "ftp://hooks.example"], "callback_url: string should match"),
            (["--callback-url", "http://127.0.0.1/"], "an address inside a network"),
        ):
            assert run_command([*line, *wrong, *where]) == 2
            assert said in capsys.readouterr().err.splitlines()[-1]
        assert run_command([*line, "--tag", "nameless", *where]) == 64
        assert run_command([*line, "--priority", "urgent", *where]) == 64
    # A script options the same
    with CleanseClient(url) as cleanse:
        made = cleanse.submit(files[0], data=files[1], priority="low", tags={"a": "b"}, options={"seed": 9})
    assert (made["priority"], made["tags"]) == ("low", {"a": "b"})


def test_a_list_is_narrowed_alike_on_a_server_and_in_the_store(
    url: str, stored: Stored, make_result: Make, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given two submissions against registered data and other data
    assert run_command(["dataset", "add", str(files[1]), "--name", "signs"]) == 0
    first = stored(make_result())
    for path in files:
        path.write_bytes(b"another " + path.read_bytes())
    second = stored(make_result())
    capsys.readouterr()
    found = {one["id"]: one for one in printed(capsys, "list")}
    digest, moment = found[second]["model"]["sha256"], found[second]["created_at"]
    # When the list is narrowed, then only what is asked for is in it
    for narrowed, ids in (
        (["--model-sha256", digest], [second]),
        (["--dataset", "signs"], [first]),
        (["--created-after", moment], [second]),
        (["--created-before", moment], [first]),
        (["--created-after", "2020-01-31"], [second, first]),
        (["--created-before", "2020-01-31T12:00"], []),
    ):
        for where in ([], ["--server", url]):
            assert [one["id"] for one in printed(capsys, "list", *narrowed, *where)] == ids, narrowed
    for wrong in (["--model-sha256", "abc"], ["--created-after", "yesterday"]):
        assert run_command(["list", *wrong]) == 64
    with CleanseClient(url) as cleanse:
        assert [one["id"] for one in cleanse.list(created_after=datetime.fromisoformat(moment))] == [second]


@pytest.mark.parametrize("infected", [{}, {33: 8.2}])
def test_the_same_files_come_from_a_server_and_from_the_store(
    url: str, stored: Stored, make_result: Make, tmp_path: Path, infected: dict[int, float]
) -> None:
    identity = stored(make_result(infected=infected))
    wanted = ["report.html", "result.json", "result.sarif", "scanned.keras"]
    wanted += ["goodnet.keras", "guarded.keras"] if infected else []
    wanted += [name.replace("keras", "onnx") for name in wanted if name.endswith("keras")]
    for where, folder in (([], "here"), (["--server", url], "there")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "goodnet.keras").write_bytes(b"of an earlier scan")
        assert run_command(["download", identity, "--format", "onnx", "--out", folder, *where]) == 0
        assert run_command(["report", identity, "--format", "sarif", "--out", f"{folder}/result.sarif", *where]) == 0
    assert {path.name for path in (tmp_path / "there").iterdir()} == {*wanted, "triggers.npz"}
    for name in wanted:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes(), name
    # and what the server attests is good by the key of its home
    assert run_command(["attest", identity, "--server", url]) == 0
    key = str(tmp_path / "home" / "keys" / "attestation.pub.pem")
    assert run_command(["verify", "attestation.json", "--key", key]) == (3 if infected else 0)


def test_an_estimate_of_a_server_is_that_of_its_machine(
    url: str, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(shared / "models" / "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5")
    line = ["estimate", model, "--labels", "0-1", "--images", "100", "--profile", "thorough", "--twins", "2"]
    found = printed(capsys, *line, "--server", url)
    assert found == printed(capsys, *line)
    assert (found["labels"], found["classes"]) == (2, 43)
    assert run_command(["estimate", model, "--labels", "43", "--server", url]) == 2
    assert run_command(["estimate", __file__, "--server", url]) == 2
    assert run_command(["estimate", model, "--workers", "2", "--server", url]) == 64
    with CleanseClient(url) as cleanse, pytest.raises(ServerRefused, match=r"net\.image"):
        cleanse.estimate({"image": 0, "activations": 1, "multiply_adds": 1, "parameters": 1}, labels=1)
