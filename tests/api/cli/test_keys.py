"""`cleanse key`: what it prints opens the door, and what it revokes does not."""

import json
from pathlib import Path

import pytest

from api.cli.main import run_command
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import audit, keys


def test_when_a_key_is_made_then_it_is_printed_alone_and_opens_until_it_is_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(tmp_path)]
    assert run_command(["key", "create", "alice", "--scopes", "read", "--name", "CI", *home]) == 0
    text = capsys.readouterr().out.strip()
    store = open_store(Settings(home=tmp_path))
    with store.read() as session:
        row = keys.authenticate(session, text=text)
        assert row is not None
        assert (row.owner, row.name, row.scopes) == ("alice", "CI", ["read"])
    assert run_command(["key", "revoke", row.id, *home]) == 0
    assert run_command(["key", "revoke", row.id, "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out) == {"id": row.id, "revoked": True}
    assert run_command(["key", "list", "--json", *home]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["id"], listed["revoked_at"] is None) == (row.id, False)
    with store.read() as session:
        assert keys.authenticate(session, text=text) is None
        assert [entry.action for entry in audit.page(session, limit=9)] == ["revoke-key", "revoke-key", "create-key"]
    store.close()


def test_given_an_owner_that_could_be_mistaken_then_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["key", "create", "Alice Smith", "--home", str(tmp_path)]) == 2
    assert "owner 'Alice Smith'" in capsys.readouterr().err
    assert run_command(["key", "revoke", "0" * 12, "--home", str(tmp_path)]) == 2
