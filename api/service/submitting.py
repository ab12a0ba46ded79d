"""Submits, stops and tries again, and sends the first messages: what pages and JSON routes share."""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from api.service import reading
from api.service.auditing import note
from api.service.callers import Caller
from api.service.problems import ProblemError
from api.service.service import Service
from nc_tasks.errors import WrongState
from nc_tasks.request.scan import RequestParameters, ScanRequest
from nc_tasks.store.rows import batches, idempotency, submissions
from nc_tasks.store.tables import Submission
from nc_tasks.webhooks import check_url

log = logging.getLogger(__name__)

RETRY_SECONDS = 60
"""When to come again with too many open submissions."""


def submit(
    service: Service,
    caller: Caller,
    requests: Sequence[ScanRequest],
    *,
    idempotency_key: str | None = None,
    together: bool = False,
) -> list[str]:
    """Submit all or none of the requests; returns the submissions' ids, in order. together: they are a batch.

    Raises KeyReused, and ProblemError (429) past the limit of open submissions.
    """
    asked = sha256("".join(_digest(request) for request in requests).encode()).hexdigest()
    for request in requests:
        if request.callback_url is not None:
            check_url(request.callback_url, allow_private=service.settings.callback_private)
    with service.store.write() as session:
        if idempotency_key is not None:
            under = {"owner": caller.owner, "key": idempotency_key, "request_sha256": asked}
            answered = idempotency.recall(session, **under)
            if answered is not None:
                return answered
        found = [_submit_one(session, caller, request) for request in requests]
        check_open(session, service, caller)
        ids = [submission.id for submission in found]
        if together:
            batches.make(session, owner=caller.owner, submission_ids=ids)
        if idempotency_key is not None:
            idempotency.remember(session, **under, answer=ids)
    publish(service, [submission.id for submission in found if submission.state == "queued"])
    return ids


def cancel(service: Service, caller: Caller, submission_id: str) -> None:
    """Stop all labels of a submission; raises NotFound, WrongState."""
    with service.store.write() as session:
        reading.seen(session, caller, submission_id)
        submissions.cancel(session, submission_id=submission_id)
        note(session, caller, "cancel", submission_id)


def cancel_all(service: Service, caller: Caller, batch_id: str) -> None:
    """Stop everything of a batch that has not ended; raises NotFound."""
    with service.store.write() as session:
        batches.get(session, batch_id=batch_id, owner=caller.sees)
        for submission_id in batches.members(session, batch_id=batch_id):
            # One may end by itself meanwhile: there is nothing left of it to stop.
            with suppress(WrongState):
                submissions.cancel(session, submission_id=submission_id)
        note(session, caller, "cancel-batch", batch_id)


def retry(service: Service, caller: Caller, submission_id: str) -> None:
    """Queue again what failed of a submission or was cancelled.

    Raises NotFound, WrongState, and ProblemError (429) past the limit of open submissions.
    """
    with service.store.write() as session:
        reading.seen(session, caller, submission_id)
        submissions.retry(session, submission_id=submission_id)
        check_open(session, service, caller)
        note(session, caller, "retry", submission_id)
    publish(service, [submission_id])


def _digest(request: ScanRequest) -> str:
    """sha256 over everything: the same for the same request."""
    files = [request.model.model_dump(), request.data.model_dump(), [file.model_dump() for file in request.poisoned]]
    parameters = request.model_dump(mode="json", include=set(RequestParameters.model_fields))
    return sha256(json.dumps([*files, parameters], sort_keys=True).encode()).hexdigest()


def _submit_one(session: Session, caller: Caller, request: ScanRequest) -> Submission:
    submission = submissions.submit(session, request, owner=caller.owner)
    note(session, caller, "submit", submission.id, model=request.model.sha256)
    return submission


def check_open(session: Session, service: Service, caller: Caller) -> None:
    """Raise ProblemError (429) where the caller has more open submissions than it may."""
    limit = service.settings.open_submissions
    count = submissions.count_open(session, owner=caller.owner)
    if count > limit:
        raise ProblemError(
            429,
            f"{caller.owner} would have {count} submissions that have not ended, the limit is {limit}: wait for some, "
            "or cancel them",
            limit=limit,
            headers={"Retry-After": str(RETRY_SECONDS)},
        )


def publish(service: Service, ids: Sequence[str]) -> None:
    """Send the first message of each of an owner's submissions; where the broker is away the sweeper does it later."""
    from nc_tasks.messages.app import publish_start

    if not ids:
        return
    with service.store.read() as session:
        before = submissions.count_queued(session, like=ids[0]) - len(ids)
    try:
        for position, submission_id in enumerate(ids):
            publish_start(submission_id, to=service.celery, behind=max(0, before + position))
    except (OperationalError, RedisError) as error:
        log.warning("not sent, the sweeper will: %s", " ".join(str(error).split()))
