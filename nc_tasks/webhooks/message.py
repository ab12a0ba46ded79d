"""What a callback address is told, signed as Standard Webhooks (standardwebhooks.com) has it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook

from nc_tasks.store import Delivery, Submission
from nc_tasks.store.rows import deliveries, detections, submissions
from nc_tasks.version import package_version
from nc_tasks.views.labels import label_verdicts, told


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message to one address.

    Args:
        id: The same at every try to tell of one end; it has no dot in it.
        body: JSON.
        secret: The owner's, as `whsec_` and base64.
    """

    id: str
    body: bytes
    secret: str

    def headers(self, moment: datetime) -> dict[str, str]:
        """The headers that it is sent with at this moment, with the time and the signature of id, time and body."""
        return {
            "Content-Type": "application/json",
            "User-Agent": f"cleanse/{package_version()}",
            "webhook-id": self.id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(self.id, moment.astimezone(UTC), self.body.decode()),
        }


def message_of(session: Session, delivery: Delivery) -> Message:
    """What this delivery tells of the submission's end."""
    submission = submissions.get(session, submission_id=delivery.submission_id)
    return Message(
        id=_id(delivery, submission),
        body=json.dumps(_body(session, delivery, submission)).encode(),
        secret=deliveries.webhook_secret(session, owner=submission.owner),
    )


def _id(delivery: Delivery, submission: Submission) -> str:
    # A submission that is tried again ends again, and the same delivery tells of that too.
    ended = 0 if submission.finished_at is None else int(submission.finished_at.timestamp() * 1000)
    return f"msg_{delivery.id}_{ended}"


def _body(session: Session, delivery: Delivery, submission: Submission) -> dict[str, Any]:
    found = detections.get(session, submission_id=submission.id)
    return {
        "event": "submission.ended",
        "delivery": delivery.id,
        "submission": submission.id,
        "state": submission.state,
        "verdict": None if found is None else found.verdict,
        "reason": submission.reason if found is None else told(submission, found.reason),
        "flagged_labels": list(label_verdicts(session, found).flagged),
        "model": {
            "sha256": submission.model_sha256,
            "scanned_sha256": submission.scanned_sha256,
            "name": submission.model_name,
        },
        "tags": submission.tags,
    }
