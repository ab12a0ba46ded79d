"""/v1/submissions/{id}/events: progress as it happens, as server-sent events."""

from typing import Any

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from api.service.dependencies import AService, Reader
from api.service.problems import ProblemError, responses
from api.service.reading import seen
from api.service.routes.submissions import SubmissionId

router = APIRouter(
    prefix="/v1/submissions/{id}", tags=["submissions"], responses=responses(401, 403, 404, 421, 422, 429, 503)
)

MOST = 1000
"""Watchers of one process."""
RETRY_SECONDS = 10
EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["progress", "labels", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
"""One event of the stream."""
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`progress` ({state, phase, shares, labels_total, labels, labels_ended, purpose, round, "
        "range, ranges, screenings, eta_seconds}), `labels` (those that changed since; first all: [{label, state, "
        "norm, attack_success_rate, share}]) and, last, `end` ({state, verdict}).",
        "content": {"text/event-stream": {"schema": EVENT}},
    }
}


@router.get("/events", response_class=StreamingResponse, responses=STREAM)
async def events(submission_id: SubmissionId, service: AService, caller: Reader) -> StreamingResponse:
    """Follow a submission until it has ended; eta_seconds: left in the present phase at the pace of the last minute."""

    def check() -> None:
        with service.store.read() as session:
            seen(session, caller, submission_id)

    await to_thread.run_sync(check)
    if service.watchers.count >= MOST:
        detail = f"{MOST} watchers follow submissions at this moment, the most there may be: try again soon"
        raise ProblemError(429, detail, limit=MOST, headers={"Retry-After": str(RETRY_SECONDS)})
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(service.watchers.follow(submission_id), media_type="text/event-stream", headers=headers)
