"""Keys of a server, and what each of them may."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.cli.main import run_command
from api.client import CleanseClient, ServerFailed
from api.results.exports.keys import signing_key
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import keys
from tests.api.client.conftest import printed

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]


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
