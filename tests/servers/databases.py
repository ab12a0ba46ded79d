"""The databases that whole suites run on: import `database_url`, and what rests on it is there once for each."""

import pytest

KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest) -> str | None:
    """The address of an empty database with all tables; None: the SQLite file of the home."""
    return request.getfixturevalue("postgresql").database() if request.param == "postgresql" else None
