"""/v1/submissions/{id}/events: progress as it happens, as server-sent events."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.service.dependencies import AService, Reader
from api.service.problems import responses
from api.service.reading import seen
from api.service.routes.submissions import SubmissionId

router = APIRouter(
    prefix="/v1/submissions/{id}", tags=["submissions"], responses=responses(401, 403, 404, 421, 422, 429, 503)
)

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

    give_back = service.streams.take(caller.owner)  # before anything else is done for one too many
    try:
        await to_thread.run_sync(check)
    except BaseException:
        give_back()
        raise
    return _Stream(service.watchers.follow(submission_id), give_back)


class _Stream(StreamingResponse):
    """Events for one watcher, who gives back a place at the end, whether the first event was sent or not."""

    def __init__(self, events: AsyncIterator[bytes], give_back: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._give_back = give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()
