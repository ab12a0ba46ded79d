"""The client and the commands against a real server; submissions are ended by the store's own functions."""

import doctest
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.cli import display
from api.cli.display import LineDisplay
from api.cli.main import run_command
from api.client import CleanseClient, ServerRefused, client
from api.progress.snapshot import Snapshot
from nc_tasks.capacity import default_workers, slots_of
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import submissions, workers
from tests.api.client.conftest import printed

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]


def test_the_example_of_the_class_is_true(url: str, tmp_path: Path) -> None:
    (tmp_path / "badnet.h5").write_bytes(b"model")
    (tmp_path / "clean.npz").write_bytes(b"data")
    (example,) = doctest.DocTestFinder(recurse=False).find(client.CleanseClient, globs={"SERVER": url})
    runner = doctest.DocTestRunner()
    runner.run(example)
    assert (runner.tries, runner.failures) == (2, 0)


def test_watching_ends_with_the_submission(
    url: str,
    stored: Stored,
    make_result: Make,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Given a submission at work that is cancelled as soon as somebody sees how far it is
    identity = stored(make_result(), until="prepared")

    class Cancels(LineDisplay):
        def show(self, seen: Snapshot) -> None:
            super().show(seen)
            if not seen.ended:
                with closing(open_store(settings)) as store, store.write() as session:
                    submissions.cancel(session, submission_id=identity)

    monkeypatch.setattr(display, "display_for", Cancels)
    # When it is watched, then until its end, and the exit code is that of `run`
    assert run_command(["watch", identity[:5], "--server", url]) == 1
    told = capsys.readouterr()
    assert "Reversing triggers: 0%, 0 of 43 labels" in told.err
    assert "CANCELLED" in told.out
    # When it is tried again and cancelled from here
    assert printed(capsys, "retry", identity, "--server", url)["state"] == "queued"
    assert printed(capsys, "cancel", identity, "--server", url)["state"] == "cancelled"
    assert run_command(["cancel", identity, "--server", url]) == 0


def test_a_script_waits_reads_and_deletes(url: str, stored: Stored, make_result: Make) -> None:
    identity = stored(make_result(infected={33: 8.2}))
    with CleanseClient(url) as cleanse:
        assert cleanse.wait(identity)["verdict"] == "backdoored"
        assert cleanse.result(identity)["flagged_labels"] == [33]
        assert [label["label"] for label in cleanse.labels(identity) if label["flagged"]] == [33]
        assert [event["event"] for event in cleanse.events(identity)] == ["progress", "labels", "end"]
        assert cleanse.has(cleanse.get(identity)["model"]["sha256"])
        cleanse.delete(identity)
        assert list(cleanse.list()) == []
        with pytest.raises(ServerRefused) as gone:
            cleanse.get(identity)
    assert gone.value.status == 404


def test_errors_are_one_line_with_the_right_code(
    url: str, stored: Stored, make_result: Make, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    running = stored(make_result(), until="prepared")
    files[0].write_bytes(b"another model")
    clean = stored(make_result())
    for line, code, said in (
        ("show zzz", 2, "no submission's id begins with 'zzz'"),
        ("show 0123456789ab", 2, "no submission has the id '0123456789ab'"),
        (f"report {running}", 2, "has no verdict"),
        (f"download {running}", 2, "has no verdict"),
        (f"download {clean} goodnet.keras", 2, "no repair was made"),
        (f"cancel {clean}", 2, "nothing to cancel"),
        (f"retry {clean}", 2, "nothing to retry"),
        ("dataset remove zzz", 2, "no data set has the id or name 'zzz'"),
        ("submit gone.h5 --data gone.npz", 2, "gone.h5 does not exist"),
    ):
        assert run_command([*line.split(), "--server", url]) == code
        assert said in capsys.readouterr().err.splitlines()[-1]
    assert run_command(["list", "--server", "http://127.0.0.1:1"]) == 1
    (complaint,) = capsys.readouterr().err.splitlines()
    assert "does not answer" in complaint
    assert run_command(["list", "--server", "nonsense"]) == 1


def test_an_estimate_goes_by_the_workers_that_are_there_and_says_so(url: str, settings: Settings) -> None:
    net = {"image": 3072, "activations": 10**6, "multiply_adds": 10**7, "parameters": 10**6}
    with CleanseClient(url) as cleanse, closing(open_store(settings)) as store:
        # Given nobody but a worker of another queue, then the service's machine speaks
        with store.write() as session:
            of = {"pid": 1, "host": "h", "version": "1"}
            workers.register(session, worker_id="control", queue="control", slots=2, **of)
        without = cleanse.estimate(net, labels=1000)
        assert (without["workers"], without["slots"], without["live"]) == (default_workers(), slots_of(settings), False)
        # When label workers come, then they do
        with store.write() as session:
            for number in range(20):
                workers.register(session, worker_id=f"labels{number}", queue="labels", slots=64, **of)
        found = cleanse.estimate(net, labels=1000)
        assert (found["workers"], found["slots"], found["live"]) == (20, 64, True)
        assert found["minutes"] < without["minutes"]
        # But one that asks for slots gets them
        assert cleanse.estimate(net, labels=1000, slots=3)["slots"] == 3
