"""Submissions of a made-up history: who owns them, when they came, how their labels and verdicts are."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import LOCAL, LabelKey, Submission
from nc_tasks.store.rows import detections, labels, lifecycle, mitigations, submissions

START = datetime(2026, 3, 1, tzinfo=UTC)


def add(
    session: Session,
    number: int,
    *,
    verdict: str | None = None,
    norms: Mapping[int, float] | None = None,
    flagged: Sequence[int] = (),
    model: str | None = None,
    data: str = "d" * 64,
    model_name: str = "badnet.h5",
    data_name: str = "clean.npz",
    owner: str = LOCAL,
    at: datetime | None = None,
    seed: int = 0,
    force: bool = False,
) -> str:
    """Submission `number` came so many hours after START (or `at`); with a verdict it is done. Returns its id."""
    submission = submissions.submit(
        session,
        ScanRequest(
            model=StoredFile(sha256=model or f"{number:064x}", name=model_name),
            data=StoredFile(sha256=data, name=data_name),
            options=ScanOptions(seed=seed),
            force=force,
        ),
        owner=owner,
    )
    moment = at or START + timedelta(hours=number)
    session.execute(update(Submission).where(Submission.id == submission.id).values(created_at=moment))
    if norms is not None:
        scan(session, submission.id, norms)
    if verdict is not None:
        judge(session, submission.id, verdict, norms or {}, flagged)
    return submission.id


def scan(session: Session, submission_id: str, norms: Mapping[int, float]) -> None:
    """The submission is inverted, and every label has this norm."""
    for state in ("preparing", "inverting"):
        lifecycle.set_state(session, submission_id=submission_id, state=state)
    # As of every one that this version prepares.
    session.execute(update(Submission).where(Submission.id == submission_id).values(scanned_sha256="5" * 64))
    labels.create(session, submission_id=submission_id, labels=norms, round=0, updates_budget=600)
    for label, norm in norms.items():
        end(session, submission_id, label, norm=norm)


def end(session: Session, submission_id: str, label: int, *, round: int = 0, state: str = "done", **found: Any) -> None:
    """A worker has taken the label and ends it so."""
    key = LabelKey(submission_id=submission_id, label=label, round=round)
    attempt = labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)
    assert attempt is not None
    figures = {"updates": 300, "attack_success_rate": 0.99, **found}
    assert labels.finish(session, key=key, attempt=attempt, state=state, **figures)


def judge(
    session: Session, submission_id: str, verdict: str, norms: Mapping[int, float], flagged: Sequence[int]
) -> None:
    """The detection says so, and the submission is done."""
    indices = [
        {"label": label, "anomaly_index": 1.0, "log_z": 1.0, "flagged": label in flagged, "rules": []}
        for label in norms
    ]
    body = {"verdict": verdict, "reason": f"found {verdict}", "p_value": 0.01, "anomaly_index": 4.0}
    body |= {"flagged_labels": list(flagged), "labels": indices}
    detections.record(session, submission_id=submission_id, body=body)
    lifecycle.set_state(session, submission_id=submission_id, state="done")


def repair(
    session: Session,
    submission_id: str,
    *,
    goodnet: str,
    guarded: str,
    method: str = "unlearning",
    followers: Sequence[int] = (),
    keep: bool = True,
) -> None:
    """A repair by this method has made these two nets; keep: and is handed out."""
    which = {"submission_id": submission_id, "method": method}
    mitigations.create(session, submission_id=submission_id, methods=[method])
    attempt = mitigations.claim(session, **which, worker_id="w", lease_seconds=60, max_attempts=3)
    assert attempt is not None
    made: dict[str, Any] = {
        "body": {"followers": list(followers)},
        "goodnet_sha256": goodnet,
        "guarded_sha256": guarded,
    }
    assert mitigations.finish(session, **which, attempt=attempt, state="done", **made)
    if keep:
        mitigations.keep(session, **which)
