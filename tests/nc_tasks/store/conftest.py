from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import Store, Submission, open_store
from nc_tasks.store.rows import labels, lifecycle, submissions
from tests.servers.databases import database_url as database_url


@pytest.fixture
def settings(tmp_path: Path, database_url: str | None) -> Settings:
    """A home with an empty database: the suite runs on each kind."""
    return Settings(home=tmp_path / "home", database_url=database_url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


Submit = Callable[..., Submission]


@pytest.fixture
def submit(store: Store) -> Submit:
    """Submit a model; `model` is one hexadecimal letter, equal letters are equal files."""

    def submit(*, model: str = "a", force: bool = False, seed: int = 0) -> Submission:
        with store.write() as session:
            return submissions.submit(
                session,
                ScanRequest(
                    model=StoredFile(sha256=model * 64, name="badnet.h5"),
                    data=StoredFile(sha256="d" * 64, name="clean.npz"),
                    poisoned=(StoredFile(sha256="e" * 64, name="poisoned.h5"),),
                    options=ScanOptions(seed=seed),
                    force=force,
                ),
            )

    return submit


@pytest.fixture
def scanned(store: Store, submit: Submit) -> str:
    """The id of a submission that is being inverted, with four queued labels of 600 updates each."""
    submission_id = submit().id
    with store.write() as session:
        for state in ("preparing", "inverting"):
            assert lifecycle.set_state(session, submission_id=submission_id, state=state)
        # As of every one that this version prepares.
        session.execute(update(Submission).where(Submission.id == submission_id).values(scanned_sha256="5" * 64))
        assert labels.create(session, submission_id=submission_id, labels=range(4), round=0, updates_budget=600)
    return submission_id
