"""Submissions: the same files and options are the same submission."""

import json
from hashlib import sha256

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from nc_core.errors import OptionRefused
from nc_tasks.errors import AmbiguousSubmission, NoSuchSubmission, WrongState
from nc_tasks.request.scan import ScanRequest
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import calibrations, deliveries, lifecycle
from nc_tasks.store.rows.restart import restart_work
from nc_tasks.store.rows.statements import changed, insert_absent
from nc_tasks.store.tables import LOCAL, Label, Mitigation, Preparation, Submission
from nc_tasks.store.tables.states import (
    LABEL_ENDS,
    RESULTS,
    SUBMISSION_ENDS,
    WITHOUT_RESULT,
)
from nc_tasks.store.tables.types import now
from nc_tasks.version import package_version


def key_of(request: ScanRequest, *, owner: str = LOCAL) -> str:
    """sha256 over what decides the result: the files' contents, the options and the program's version.

    Of each owner another: nobody is answered from what somebody else has submitted, nor can tell that it was.
    """
    content = {
        "model": request.model.sha256,
        "data": request.data.sha256,
        "poisoned": [file.sha256 for file in request.poisoned],
        "options": request.options.deciding(),
        "version": package_version(),
        **({} if owner == LOCAL else {"owner": owner}),
    }
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def submit(session: Session, request: ScanRequest, *, owner: str = LOCAL) -> Submission:
    """The owner's submission of these files and options: the one that is there, else a new one in state queued.

    One that was refused, failed or cancelled is queued again; labels that had ended in a result keep it. With `force` a
    new generation begins although there is one. Without tags those of a submission that is there stay. The callback
    address is told of the next end, or now where it has ended.

    Raises:
        OptionRefused: a repair needs poison and there is none, or the calibration cannot be had.
        NotFound: there is no such baseline.
    """
    options = request.options
    if "retraining" in options.mitigate and not request.poisoned:
        raise OptionRefused("retraining learns from known poisoned images: pass --poisoned, or another --mitigate")
    calibrations.check(session, options=options, owner=owner)
    submission = _latest_or_made(session, request, owner)
    if request.callback_url is not None:
        deliveries.ask_for(session, submission_id=submission.id, url=request.callback_url)
    return submission


def _latest_or_made(session: Session, request: ScanRequest, owner: str) -> Submission:
    key = key_of(request, owner=owner)
    latest = session.scalars(
        select(Submission).where(Submission.key == key).order_by(Submission.generation.desc()).limit(1)
    ).first()
    if latest is not None and not request.force:
        if latest.state in WITHOUT_RESULT:
            restart(session, submission_id=latest.id)
        if request.tags:
            session.execute(update(Submission).where(Submission.id == latest.id).values(tags=dict(request.tags)))
        session.refresh(latest)
        return latest
    return _made(session, request, owner, key, generation=0 if latest is None else latest.generation + 1)


def _made(session: Session, request: ScanRequest, owner: str, key: str, *, generation: int) -> Submission:
    submission_id = sha256(f"{key}:{generation}".encode()).hexdigest()[:12]
    row = {
        "id": submission_id,
        "owner": owner,
        "key": key,
        "generation": generation,
        "model_sha256": request.model.sha256,
        "model_name": request.model.name,
        "data_sha256": request.data.sha256,
        "data_name": request.data.name,
        "poisoned": [file.model_dump() for file in request.poisoned],
        "options": request.options.model_dump(mode="json"),
        "priority": request.priority,
        "tags": dict(request.tags),
        "created_at": now(session),
    }
    insert_absent(session, Submission, [row])
    # Who submits sends the message; if that never comes, the sweeper does.
    insert_absent(session, Preparation, [{"submission_id": submission_id, "published_at": row["created_at"]}])
    made = get(session, submission_id=submission_id)
    calibrations.link_baseline(session, made)
    # Ids are 48 bits of a hash: whoever finds options that lead to another's gets nothing of it.
    if made.key != key:
        raise WrongState(f"submission {submission_id} is of other files: submit with another seed")
    return made


def restart(session: Session, *, submission_id: str) -> bool:
    """Queue a submission that has ended again, without the results that it has; False where it has not ended."""
    moved = lifecycle.set_state(
        session,
        submission_id=submission_id,
        state="queued",
        reason=None,
        started_at=None,
        inverting_at=None,
        finished_at=None,
    )
    if moved:
        restart_work(session, submission_id=submission_id)
        calibrations.link_baseline(session, get(session, submission_id=submission_id))
        deliveries.arm_again(session, submission_id=submission_id)
    return moved


def retry(session: Session, *, submission_id: str) -> int:
    """Try again what failed; returns how many labels and repairs that is. The detection is made anew.

    Labels with a result keep it. One of a version that kept no scanned.keras is tried again for that file alone. Raises
    WrongState where the submission is at work, or nothing of it has failed.
    """
    submission = get(session, submission_id=submission_id)
    if submission.state not in SUBMISSION_ENDS:
        raise WrongState(f"submission {submission_id} is {submission.state}: it can be retried once it has ended")
    ranges = range(len((submission.preflight or {}).get("ranges", ())) or 1)
    rows = [row for one in ranges for row in findings.latest(session, submission_id=submission_id, range=one)]
    without = sum(row.state not in RESULTS for row in rows)
    unrepaired = select(func.count()).where(Mitigation.submission_id == submission_id, Mitigation.state == "failed")
    again = without + session.scalars(unrepaired).one()
    if submission.state == "done" and not again and submission.scanned_sha256 is not None:
        raise WrongState(f"nothing of submission {submission_id} has failed: there is nothing to retry")
    restart(session, submission_id=submission_id)
    return again


def get(session: Session, *, submission_id: str, owner: str | None = None) -> Submission:
    """The submission with this id, of this owner (None: anybody's); raises NoSuchSubmission."""
    submission = session.get(Submission, submission_id, populate_existing=True)
    if submission is None or owner not in (None, submission.owner):
        raise NoSuchSubmission(f"no submission has the id {submission_id!r}; `cleanse list` shows them")
    return submission


def find(session: Session, *, prefix: str) -> Submission:
    """The one submission whose id begins so; raises NoSuchSubmission or AmbiguousSubmission."""
    query = select(Submission).where(Submission.id.startswith(prefix, autoescape=True))
    found = session.scalars(query.order_by(Submission.id).limit(4)).all()
    if not found:
        raise NoSuchSubmission(f"no submission's id begins with {prefix!r}; `cleanse list` shows them")
    if len(found) > 1:
        ids = ", ".join(submission.id for submission in found[:3]) + (", ..." if len(found) > 3 else "")
        raise AmbiguousSubmission(f"several ids begin with {prefix!r} ({ids}); give more letters")
    return found[0]


def with_model(session: Session, *, digest: str) -> Submission | None:
    """The newest prepared submission that was given the model with this sha256, handed it out, or made it."""
    made = select(Mitigation.submission_id).where(
        or_(Mitigation.goodnet_sha256 == digest, Mitigation.guarded_sha256 == digest)
    )
    query = select(Submission).where(
        or_(Submission.model_sha256 == digest, Submission.scanned_sha256 == digest, Submission.id.in_(made)),
        Submission.preflight.is_not(None),
    )
    return session.scalars(query.order_by(Submission.created_at.desc()).limit(1)).first()


def count_open(session: Session, *, owner: str) -> int:
    """How many submissions of the owner have not ended."""
    query = select(func.count()).where(Submission.owner == owner, Submission.state.not_in(SUBMISSION_ENDS))
    return session.scalars(query).one()


def count_queued(session: Session, *, like: str) -> int:
    """How many submissions of the same owner as this one wait to be prepared, itself among them where it does."""
    owner = select(Submission.owner).where(Submission.id == like).scalar_subquery()
    return session.scalars(select(func.count()).where(Submission.owner == owner, Submission.state == "queued")).one()


def cancel(session: Session, *, submission_id: str) -> int:
    """End the submission and everything open of it; returns how many labels that stopped.

    Workers learn it with their next heartbeat. Its twins end with it, but for those that another submission waits for.
    One that was cancelled before stays so; raises WrongState for one that has ended otherwise.
    """
    if not lifecycle.set_state(session, submission_id=submission_id, state="cancelled"):
        ended = get(session, submission_id=submission_id).state
        if ended != "cancelled":
            raise WrongState(f"submission {submission_id} is {ended}: there is nothing to cancel")
    open_labels = update(Label).where(Label.submission_id == submission_id, Label.state.not_in(LABEL_ENDS))
    stopped = changed(session, open_labels.values(state="cancelled", lease_until=None))
    for table in (Preparation, Mitigation):
        theirs = update(table).where(table.submission_id == submission_id, table.state.in_(("queued", "running")))
        changed(session, theirs.values(state="failed", lease_until=None, reason="the submission was cancelled"))
    for twin in calibrations.abandoned(session, submission_id=submission_id):
        cancel(session, submission_id=twin)
    return stopped
