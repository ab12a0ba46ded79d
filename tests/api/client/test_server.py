"""The client and the commands against a real server; submissions are ended by the store's own functions."""

import doctest
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from api.backends.local import LocalBackend
from api.cli import display
from api.cli.display import LineDisplay
from api.cli.main import run_command
from api.client import CleanseClient, ServerFailed, ServerRefused, client
from api.progress.snapshot import Snapshot
from api.results.exports.keys import signing_key
from api.service import submitting
from api.web.app import create_app
from nc_tasks.capacity import default_workers, slots_of
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import deliveries, keys, submissions, workers
from tests.api.service.conftest import serving

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", redis_url=f"unix://{tmp_path}/no-broker", database_url=None)


@pytest.fixture
def url(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on this home that sends no messages: there is no broker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEANSE_HOME", str(settings.home))
    monkeypatch.setattr(submitting, "publish", lambda *_: None)
    with serving(create_app(settings)) as address:
        yield address


def printed(capsys: pytest.CaptureFixture[str], *line: str, code: int = 0) -> Any:
    """What the command prints with --json."""
    assert run_command([*line, "--json"]) == code, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_the_example_of_the_class_is_true(url: str, tmp_path: Path) -> None:
    (tmp_path / "badnet.h5").write_bytes(b"model")
    (tmp_path / "clean.npz").write_bytes(b"data")
    (example,) = doctest.DocTestFinder(recurse=False).find(client.CleanseClient, globs={"SERVER": url})
    runner = doctest.DocTestRunner()
    runner.run(example)
    assert (runner.tries, runner.failures) == (2, 0)


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
    wishes = ["--priority", "high", "--tag", "team=vision", "--tag", "note=a=b"]
    wishes += ["--callback-url", "https://hooks.example/cleanse"]
    for number, where in enumerate(([], ["--server", url])):
        # When a model is submitted with a priority, tags and an address, then it has all of them
        line = ["submit", str(files[0]), "--data", str(files[1]), "--seed", str(number)]
        (made,) = printed(capsys, *line, *wishes, *where)
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
    # A script wishes the same
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
    for where, folder in (([], "here"), (["--server", url], "there")):
        assert run_command(["download", identity, "--out", folder, *where]) == 0
        assert run_command(["report", identity, "--format", "sarif", "--out", f"{folder}/result.sarif", *where]) == 0
    assert {path.name for path in (tmp_path / "there").iterdir()} == {*wanted, "triggers.npz"}
    for name in wanted:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes(), name
    # and what the server attests is good by the key of its home
    assert run_command(["attest", identity, "--server", url]) == 0
    key = str(tmp_path / "home" / "keys" / "attestation.pub.pem")
    assert run_command(["verify", "attestation.json", "--key", key]) == (3 if infected else 0)


def test_an_attestation_is_verified_with_the_key_that_the_server_gives(
    url: str, stored: Stored, make_result: Make, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a server that is asked for its key before it has signed anything, and then for an attestation
    with CleanseClient(url) as cleanse:
        public = cleanse.attestation_key()
    assert public == (settings.keys / "attestation.pub.pem").read_bytes()
    assert run_command(["attest", stored(make_result(infected={33: 8.2})), "--server", url]) == 0
    # When the attestation is verified by who has no more than the address, then it is good
    assert run_command(["verify", "attestation.json", "--server", url]) == 3
    # and by another's key, or none at all, it is not
    signing_key(settings.home / "other")
    other = str(settings.home / "other" / "attestation.pub.pem")
    capsys.readouterr()
    assert run_command(["verify", "attestation.json", "--server", url, "--key", other]) == 2
    assert run_command(["verify", "attestation.json"]) == 64


def test_a_pipeline_is_gated_over_http(
    url: str, stored: Stored, make_result: Make, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a server that knows the answer for a clean model and for its backdoored next version
    data = str(files[1])
    stored(make_result())
    clean = files[0].rename(files[0].with_name("clean.h5"))
    files[0].write_bytes(b"another model")
    stored(make_result(infected={33: 8.2}))
    # When both are submitted, then the exit code is the worst verdict's
    assert run_command(["submit", str(clean), "--data", data, "--wait", "--server", url]) == 0
    assert "CLEAN: no backdoor found" in capsys.readouterr().out
    ended = printed(capsys, "submit", str(clean), str(files[0]), "--data", data, "--wait", "--server", url, code=3)
    assert [one["verdict"] for one in ended] == ["clean", "backdoored"]


def test_what_the_server_has_is_not_uploaded_again(
    url: str, files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a model and data of a megabyte each
    for number, path in enumerate(files):
        path.write_bytes(bytes([number]) * 2**20)
    sent: list[int] = []
    monkeypatch.setattr("api.cli.display.upload_bar", lambda _: _Bar(sent))
    monkeypatch.setenv("CLEANSE_SERVER", url)
    submit = ["submit", str(files[0])]
    # When it is submitted with data, and again with other options against registered data
    first = printed(capsys, *submit, "--data", str(files[1]))
    assert sent[-1] == 2**21
    sent.clear()
    dataset = printed(capsys, "dataset", "add", str(files[1]), "--name", "signs")
    assert sent[-1] == 2**20
    sent.clear()
    second = printed(capsys, *submit, "--dataset", "signs", "--seed", "7")
    third = printed(capsys, *submit, "--data", str(files[1]), "--seed", "8")
    # Then nothing was sent but digests, and each is a submission of its own
    assert sent == []
    ids = {one["id"] for (one,) in (first, second, third)}
    assert len(ids) == 3
    assert {one["data"]["sha256"] for (one,) in (first, second, third)} == {dataset["sha256"]}
    assert printed(capsys, "dataset", "list")[0]["id"] == dataset["id"]
    assert run_command(["dataset", "remove", "signs"]) == 0


class _Bar:
    def __init__(self, sent: list[int]) -> None:
        self._sent = sent

    def __enter__(self) -> Callable[[int, int], None]:
        return lambda sent, _: self._sent.append(sent)

    def __exit__(self, *_: object) -> None:
        return None


def test_a_folder_of_pictures_is_packed_and_sent(url: str, files: Files, tmp_path: Path) -> None:
    from PIL import Image

    for name in ("0", "1"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "pictures" / name / "a.png")
    with CleanseClient(url) as cleanse:
        found = cleanse.submit(files[0], data=tmp_path / "pictures")
    assert found["data"]["name"] == "pictures.zip"


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


def test_an_upload_past_the_limit_is_refused_with_the_limit(
    settings: Settings, files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(submitting, "publish", lambda *_: None)
    files[0].write_bytes(bytes(3 * 2**20))
    with serving(create_app(settings.model_copy(update={"upload_bytes": 2**20}))) as url:
        assert run_command(["submit", str(files[0]), "--data", str(files[1]), "--server", url]) == 2
    (complaint,) = capsys.readouterr().err.splitlines()
    assert "the limit is 1048576" in complaint


def test_the_key_is_taken_from_the_environment(
    url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a server with keys
    store = open_store(settings)
    with store.write() as session:
        made = keys.create(session, owner="alice", name="", scopes=["read"])
    store.close()
    # When it is asked without one, then the line says what to set; with it, it answers, and no more than the key may
    assert run_command(["list", "--server", url]) == 1
    assert "set CLEANSE_KEY" in capsys.readouterr().err
    monkeypatch.setenv("CLEANSE_KEY", made.text)
    assert printed(capsys, "list", "--server", url) == []
    with CleanseClient(url, made.text) as cleanse, pytest.raises(ServerFailed, match="scope submit"):
        cleanse.remove_dataset("0123456789ab")


def test_keys_of_a_server_are_made_listed_and_revoked_by_an_admin_from_elsewhere(
    url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given an admin of a server, who is not on its machine
    with closing(open_store(settings)) as store, store.write() as session:
        root = keys.create(session, owner="root", name="", scopes=["admin"])
    monkeypatch.setenv("CLEANSE_KEY", root.text)
    where = ["--server", url]
    # When a key is made there, then it opens what it may, and both places list the same
    made = printed(capsys, "key", "create", "alice", "--scopes", "read", "--name", "CI", *where)
    with CleanseClient(url, made["key"]) as alice:
        assert list(alice.list()) == []
        with pytest.raises(ServerFailed, match="scope admin"):
            alice.keys()
    listed = printed(capsys, "key", "list", *where)
    assert listed == printed(capsys, "key", "list")
    assert [(one["owner"], one["name"], one["scopes"], one["revoked_at"]) for one in listed][1:] == [
        ("alice", "CI", ["read"], None)
    ]
    # and when it is revoked there, then it opens nothing
    assert printed(capsys, "key", "revoke", made["id"], *where) == {"id": made["id"], "revoked": True}
    with CleanseClient(url, made["key"]) as alice, pytest.raises(ServerFailed, match="was revoked"):
        next(alice.list())
    # An admin's script does the same, and may revoke the key that it has in hand
    with CleanseClient(url, root.text) as script:
        assert script.create_key("bob")["scopes"] == ["read", "submit"]
        owners = script.keys()
        assert [one["owner"] for one in owners] == ["root", "alice", "bob"]
        script.revoke_key(root.row.id)
        with pytest.raises(ServerFailed, match="was revoked"):
            script.keys()
    assert run_command(["key", "list", *where]) == 1


def test_a_key_that_may_only_submit_submits_and_what_else_it_wants_names_the_scope(
    url: str, settings: Settings, files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a key of a build pipeline, and registered data of another owner
    with closing(open_store(settings)) as store, store.write() as session:
        made = keys.create(session, owner="pipeline", name="", scopes=["submit"])
        other = keys.create(session, owner="bob", name="", scopes=["submit"])
    with CleanseClient(url, other.text) as bob:
        bob.add_dataset(files[1], name="bobs")
    monkeypatch.setenv("CLEANSE_KEY", made.text)
    line = ["submit", str(files[0]), "--server", url]
    # When it submits files, and against data that it has registered by name, then it may
    (first,) = printed(capsys, *line, "--data", str(files[1]))
    assert run_command(["dataset", "add", str(files[1]), "--name", "signs", "--server", url]) == 0
    capsys.readouterr()
    assert [one["id"] for one in printed(capsys, *line, "--dataset", "signs")] == [first["id"]]
    # and it sees its own data alone
    assert [one["name"] for one in printed(capsys, "dataset", "list", "--server", url)] == ["signs"]
    # but to read it lacks a scope, and is told which
    assert run_command(["list", "--server", url]) == 1
    assert "this needs a key with the scope read; yours has submit" in capsys.readouterr().err


def test_an_estimate_of_a_server_is_that_of_its_machine(
    url: str, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(shared / "models" / "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5")
    line = ["estimate", model, "--labels", "0-1", "--images", "100", "--profile", "thorough"]
    found = printed(capsys, *line, "--server", url)
    assert found == printed(capsys, *line)
    assert (found["labels"], found["classes"]) == (2, 43)
    assert run_command(["estimate", model, "--labels", "43", "--server", url]) == 2
    assert run_command(["estimate", __file__, "--server", url]) == 2
    assert run_command(["estimate", model, "--workers", "2", "--server", url]) == 64
    with CleanseClient(url) as cleanse, pytest.raises(ServerRefused, match=r"net\.image"):
        cleanse.estimate({"image": 0, "activations": 1, "multiply_adds": 1, "parameters": 1}, labels=1)


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


def test_the_doctor_asks_a_server_and_its_key(
    url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def states(code: int) -> dict[str, str]:
        return {check["name"]: check["state"] for check in printed(capsys, "doctor", "--server", url, code=code)}

    # Given a server without broker and workers, in local mode
    assert states(1) == {"server": "ok", "database": "ok", "broker": "fail", "workers": "warn", "key": "ok"}
    # When it has keys, then ours is tried
    store = open_store(settings)
    with store.write() as session:
        made = keys.create(session, owner="alice", name="", scopes=["read"])
    store.close()
    assert states(1)["key"] == "fail"
    monkeypatch.setenv("CLEANSE_KEY", made.text)
    assert states(1)["key"] == "ok"
    assert run_command(["doctor", "--server", "http://127.0.0.1:1"]) == 1
    assert "start the server" in capsys.readouterr().out
