"""A database of an earlier version, with data in it, becomes one of this version, and the data stays."""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, MetaData, insert, make_url, select

from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.database import postgresql, sqlite
from nc_tasks.store.rows import audit, keys, page_sessions, submissions
from nc_tasks.store.tables import ApiKey, Base, Mitigation
from tests.servers.databases import KINDS

pytestmark = pytest.mark.durable

TIME = datetime(2026, 1, 2, 3, 4, 5, 678000)
LEASED = {"state": "running", "attempt": 2, "attempt_base": 1, "lease_until": TIME, "worker_id": "w", "epoch": "e"}
ASKED = {"a": [0, 1, 2, 5, 7, 8], "b": None}
ROWS: dict[str, list[dict[str, Any]]] = {
    "submission": [
        {
            "id": letter * 12,
            "key": letter * 64,
            "generation": 0,
            "state": "inverting",
            "model_sha256": "1" * 64,
            "model_name": f"{letter} naïve.h5",
            "data_sha256": "2" * 64,
            "data_name": "clean.npz",
            "poisoned": [{"sha256": "3" * 64, "name": "poisoned.h5"}],
            "options": {"profile": "fast", "seed": 2**32 - 1, "labels": ASKED[letter]},
            "input_shape": [32, 32, 3],
            "parameters": 2**40,
            "round": 0,
            "created_at": TIME,
        }
        for letter in "ab"
    ],
    "preparation": [{"submission_id": "a" * 12, **LEASED, "state": "done"}],
    "label": [
        {
            "submission_id": letter * 12,
            "label": label,
            "round": 0,
            **LEASED,
            "alone": True,
            "updates": 7,
            "updates_budget": 600,
            "norm": 6.25,
            "norms": [6.25, None, 8.0],
            "attack_success_rate": 0.99,
        }
        for letter in "ab"
        for label in range(3)
    ],
    "detection": [
        {
            "submission_id": "a" * 12,
            "verdict": "backdoored",
            "reason": "label 1",
            "p_value": 1e-9,
            "body": {"flagged_labels": [1]},
            "created_at": TIME,
        }
    ],
    "mitigation": [
        {"submission_id": "a" * 12, "method": "unlearning", **LEASED, "progress": 0.5, "body": {"accuracy": 0.9}},
        {"submission_id": "b" * 12, "method": "unlearning", **LEASED, "state": "done", "progress": 1.0, "body": {}},
    ],
    "worker": [
        {
            "id": "w",
            "queue": "labels",
            "pid": 1,
            "host": "h",
            "version": "0.1",
            "slots": 4,
            "started_at": TIME,
            "last_seen": TIME,
        }
    ],
    "job": [{"id": "j" * 12, "kind": "classify", **LEASED, "arguments": {}, "progress": 0.1, "created_at": TIME}],
}


@pytest.fixture(params=KINDS)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A home whose database has nothing in it, not even tables."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    return Settings(home=tmp_path / "home", database_url=server and server.empty())


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    url = make_url(settings.store_url)
    engine = (sqlite if url.get_backend_name() == "sqlite" else postgresql).connect(url)
    yield engine
    engine.dispose()


def upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "nc_tasks.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def content(connection: Connection, tables: MetaData) -> dict[str, list[dict[str, Any]]]:
    """Everything in these columns of these tables, in the order of the primary keys."""
    return {
        table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
        for table in tables.sorted_tables
        if table.name in ROWS
    }


def test_given_a_database_of_revision_0003_with_data_when_opened_then_nothing_of_it_is_lost(
    settings: Settings, engine: Engine
) -> None:
    # Given
    earlier = MetaData()
    with engine.execution_options(writes=True).begin() as connection:
        upgrade(connection, "0003")
        earlier.reflect(connection)
        for table in earlier.sorted_tables:
            if table.name in ROWS:
                connection.execute(insert(table), ROWS[table.name])
        before = content(connection, earlier)
    assert {name: len(rows) for name, rows in before.items()} == {name: len(rows) for name, rows in ROWS.items()}
    # When
    store = open_store(settings)
    # Then every value stands where it stood, the tables are those of a new database, and the program reads them
    with engine.connect() as connection:
        found = content(connection, earlier)
        # But the labels that were asked for are ranges now
        assert [row["options"].pop("labels") for row in found["submission"]] == ["0-2,5,7-8", None]
        for row in before["submission"]:
            del row["options"]["labels"]
        assert found == before
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    # And the repair that was handed out still is
    with store.read() as session:
        repairs = {row.submission_id: row.kept for row in session.scalars(select(Mitigation))}
        assert repairs == {"a" * 12: False, "b" * 12: True}
        found = submissions.find(session, prefix="aaaa")
        # And nothing says that there was a file of the net that was scanned
        assert found.scanned_sha256 is None
    assert (found.model_name, found.input_shape, found.created_at.replace(tzinfo=None)) == (
        "a naïve.h5",
        [32, 32, 3],
        TIME,
    )
    store.close()


def test_given_a_database_of_revision_0009_with_keys_when_opened_then_they_open_and_begin_sessions(
    settings: Settings, engine: Engine
) -> None:
    # Given keys of an earlier version, one of them revoked, and what was done with them
    secret = "s" * 43
    made = {"owner": "ann", "name": "ci", "scopes": ["read"], "secret_sha256": sha256(secret.encode()).hexdigest()}
    rows = [
        {"id": "a" * 12, **made, "created_at": TIME, "revoked_at": None},
        {"id": "b" * 12, **made, "created_at": TIME, "revoked_at": TIME},
    ]
    entry = {"id": 1, "created_at": TIME, "owner": "ann", "key_id": "a" * 12, "action": "submit", "subject": "x"}
    with engine.execution_options(writes=True).begin() as connection:
        upgrade(connection, "0009")
        earlier = MetaData()
        earlier.reflect(connection)
        connection.execute(insert(earlier.tables["api_key"]), rows)
        connection.execute(insert(earlier.tables["audit"]), [{**entry, "address": None, "detail": {}}])
    # When
    store = open_store(settings)
    # Then the keys are as they were
    with store.read() as session:
        assert [(key.id, key.revoked_at is None) for key in keys.every(session)] == [
            ("a" * 12, True),
            ("b" * 12, False),
        ]
        assert [one.subject for one in audit.page(session, limit=10)] == ["x"]
        texts = [f"cleanse_{letter * 12}_{secret}" for letter in "ab"]
        assert [keys.authenticate(session, text=text) is not None for text in texts] == [True, False]
    # And one signs in with them
    with store.write() as session:
        text = page_sessions.begin(session, key_id="a" * 12)
        assert isinstance(page_sessions.key_of(session, text=text), ApiKey)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    store.close()
