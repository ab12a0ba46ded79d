"""What is deleted by age and what nobody refers to, and what must stay."""

import os
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select, update

from nc_core.detection import LabelNorm, detect
from nc_tasks.errors import WrongState
from nc_tasks.files import FolderArtefacts, retention
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import Job, LabelKey, PageSession, Store, Submission, open_store
from nc_tasks.store.rows import (
    audit,
    datasets,
    deliveries,
    detections,
    jobs,
    keys,
    labels,
    lifecycle,
    mitigations,
    page_sessions,
    removal,
    submissions,
)
from nc_tasks.store.tables.types import now


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=None, retention_days=30.0)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def artefacts(settings: Settings) -> FolderArtefacts:
    return FolderArtefacts(settings.artefacts)


def kept(artefacts: FolderArtefacts, name: str) -> str:
    """The digest of an old file with this name as its contents."""
    digest = artefacts.put_bytes(name.encode())
    os.utime(artefacts.path(digest), (0, 0))
    return digest


def names(artefacts: FolderArtefacts) -> set[str]:
    return {artefacts.path(digest).read_text() for digest in artefacts.digests()}


def full(store: Store, artefacts: FolderArtefacts, model: str, *, days: float) -> str:
    """A submission that ended so long ago, with a row in every table and a file in every column."""
    with store.write() as session:
        row = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256=kept(artefacts, model), name="m.h5"),
                data=StoredFile(sha256=kept(artefacts, "data"), name="d.npz"),
                poisoned=(StoredFile(sha256=kept(artefacts, f"{model} poison"), name="p.h5"),),
                options=ScanOptions(),
            ),
        )
        deliveries.ask_for(session, submission_id=row.id, url="http://x/")
        lifecycle.set_state(session, submission_id=row.id, state="preparing")
        scanned = kept(artefacts, f"{model} scanned")
        session.execute(update(Submission).where(Submission.id == row.id).values(scanned_sha256=scanned))
        labels.create(session, submission_id=row.id, labels=[0], round=0, updates_budget=1)
        key = LabelKey(submission_id=row.id, label=0, round=0)
        attempt = labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)
        assert attempt is not None
        trigger = kept(artefacts, f"{model} trigger")
        labels.finish(session, key=key, attempt=attempt, state="done", updates=1, norm=3.0, trigger_sha256=trigger)
        norm = LabelNorm(label=0, state="done", norm=3.0, attack_success_rate=1.0)
        body = detect([norm], classes=1, pixels=1024).to_json()
        detections.record(session, submission_id=row.id, body=body)
        mitigations.create(session, submission_id=row.id, methods=["unlearning"])
        lifecycle.set_state(session, submission_id=row.id, state="failed")
        ended = now(session) - timedelta(days=days)
        session.execute(update(Submission).where(Submission.id == row.id).values(finished_at=ended))
    return row.id


def test_given_submissions_of_two_ages_when_tidied_then_the_old_one_goes_with_the_files_that_were_its_alone(
    store: Store, artefacts: FolderArtefacts, settings: Settings
) -> None:
    old, young = full(store, artefacts, "old", days=31), full(store, artefacts, "young", days=29)
    with store.write() as session:
        kept(artefacts, "nobody's")
        digest = kept(artefacts, "registered")
        datasets.register(session, owner="alice", name="n", file_name="n.npz", sha256=digest, size=1)
    retention.tidy(store, artefacts, settings)
    with store.read() as session:
        assert list(session.scalars(select(Submission.id))) == [young]
        assert [(entry.action, entry.subject) for entry in audit.page(session, limit=9)] == [("expire", old)]
    assert names(artefacts) == {*("data", "young", "young poison", "young scanned", "young trigger", "registered")}


def test_given_no_age_then_nothing_is_too_old(store: Store, artefacts: FolderArtefacts, settings: Settings) -> None:
    full(store, artefacts, "old", days=10_000)
    retention.tidy(store, artefacts, settings.model_copy(update={"retention_days": None}))
    assert names(artefacts) == {"data", "old", "old poison", "old scanned", "old trigger"}


def test_given_a_file_kept_just_now_then_it_stays_though_no_row_refers_to_it(
    store: Store, artefacts: FolderArtefacts, settings: Settings
) -> None:
    kept(artefacts, "forgotten")
    artefacts.put_bytes(b"just now")
    retention.tidy(store, artefacts, settings)
    assert names(artefacts) == {"just now"}


def test_given_a_write_that_a_crash_cut_off_when_tidied_then_it_goes_and_one_under_way_stays(
    store: Store, artefacts: FolderArtefacts, settings: Settings
) -> None:
    cut_off, under_way = artefacts.incoming / "old.tmp", artefacts.incoming / "young.tmp"
    for path in (cut_off, under_way):
        path.touch()
    os.utime(cut_off, (0, 0))
    retention.tidy(store, artefacts, settings)
    assert list(artefacts.incoming.glob("*.tmp")) == [under_way]


def test_given_one_at_work_then_it_is_not_removed(store: Store, artefacts: FolderArtefacts) -> None:
    identity = full(store, artefacts, "m", days=1)
    with store.write() as session:
        submissions.restart(session, submission_id=identity)
        with pytest.raises(WrongState, match="cancel it before"):
            removal.remove(session, submission_id=identity)


def test_given_a_job_then_its_pictures_stay_until_it_is_forgotten(
    store: Store, artefacts: FolderArtefacts, settings: Settings
) -> None:
    picture = {"sha256": kept(artefacts, "picture"), "name": "p.png"}
    with store.write() as session:
        job = jobs.create(session, kind="classify", arguments={"images": [picture]})
    retention.tidy(store, artefacts, settings)
    assert names(artefacts) == {"picture"}
    with store.write() as session:
        long_ago = now(session) - timedelta(days=retention.JOB_DAYS + 1)
        session.execute(update(Job).where(Job.id == job.id).values(state="done", finished_at=long_ago))
    retention.tidy(store, artefacts, settings)
    assert names(artefacts) == set()


def test_given_more_digests_than_one_statement_takes_then_all_count(store: Store, artefacts: FolderArtefacts) -> None:
    full(store, artefacts, "m", days=1)
    unused = {sha256(b"%d" % number).hexdigest() for number in range(2 * removal.AT_ONCE)}
    used = {kept(artefacts, name) for name in ("m", "data", "m poison", "m trigger")}
    with store.read() as session:
        assert removal.referenced(session, digests=unused | used) == used


def test_given_sessions_on_the_pages_then_those_that_have_expired_are_forgotten(
    store: Store, artefacts: FolderArtefacts, settings: Settings
) -> None:
    with store.write() as session:
        key = keys.create(session, owner="ann", name="test", scopes=["read"]).row
        for _ in range(2):
            page_sessions.begin(session, key_id=key.id)
        first = select(PageSession.id_sha256).limit(1).scalar_subquery()
        session.execute(update(PageSession).where(PageSession.id_sha256 == first).values(expires_at=now(session)))
    retention.tidy(store, artefacts, settings)
    with store.read() as session:
        assert len(session.scalars(select(PageSession)).all()) == 1
