"""Callbacks are signed, told once, and tried again."""

import hmac
import json
import socket
from base64 import b64decode, b64encode

import pytest
from sqlalchemy import update
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from nc_tasks.settings import Settings
from nc_tasks.store import Store, Submission
from nc_tasks.store.rows import deliveries, submissions
from nc_tasks.webhooks import Callbacks
from tests.nc_tasks.webhooks.conftest import Receiver, due_now, ended, row_of, submitted


def test_when_a_submission_ends_then_its_address_is_told_once_signed_with_the_owners_secret(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    identity = submitted(store, receiver.url)
    with store.write() as session:
        session.execute(update(Submission).values(scanned_sha256="5" * 64))
    assert Callbacks(store, settings).deliver() == 0
    ended(store, identity)
    assert [Callbacks(store, settings).deliver() for _ in range(2)] == [1, 0]
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert (told["submission"], told["state"], told["tags"]) == (identity, "cancelled", {"build": "17"})
    assert told["model"] == {"sha256": "a" * 64, "scanned_sha256": "5" * 64, "name": "badnet.h5"}
    # And a receiver's ready-made code takes it
    with store.write() as session:
        secrets = [deliveries.webhook_secret(session, owner=owner) for owner in ("alice", "bob")]
    assert Webhook(secrets[0]).verify(body, headers) == told
    # And this is what is signed, by the specification
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = b64decode(secrets[0].removeprefix("whsec_"), validate=True)
    assert headers["webhook-signature"] == f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
    assert len(key) == 32
    # But not with another body, another id or time, or the secret of another owner
    for secret, sent, heads in (
        (secrets[0], body.replace(b"cancelled", b"done"), headers),
        (secrets[0], body, {**headers, "webhook-id": "msg_0"}),
        (secrets[0], body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
        (secrets[1], body, headers),
    ):
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            Webhook(secret).verify(sent, heads)
    assert (row_of(store, identity).state, row_of(store, identity).status) == ("done", 200)


def test_given_a_receiver_that_fails_then_it_is_told_again_later_and_a_redirect_is_not_followed(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    receiver.answers = [500, 302]
    identity = submitted(store, receiver.url)
    ended(store, identity)
    for tries, status in ((1, 500), (2, 302)):
        Callbacks(store, settings).deliver()
        assert Callbacks(store, settings).deliver() == 0  # not before the pause is over
        row = row_of(store, identity)
        assert (len(receiver.got), row.state, row.status) == (tries, "queued", status)
        due_now(store)
    assert Callbacks(store, settings).deliver() == 1
    assert row_of(store, identity).attempt == 3
    # And it can tell that all tries were of one message
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


def test_given_a_receiver_that_is_never_there_then_it_is_given_up_in_the_end(store: Store, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    identity = submitted(store, f"http://127.0.0.1:{nobody}/")
    ended(store, identity)
    for _ in range(len(deliveries.PAUSES) + 1):
        assert row_of(store, identity).state != "failed"
        Callbacks(store, settings).deliver()
        due_now(store)
    row = row_of(store, identity)
    assert (row.state, row.attempt) == ("failed", len(deliveries.PAUSES) + 1)
    assert "ConnectionRefusedError" in str(row.reason)


def test_when_it_is_tried_again_then_its_next_end_is_told_too(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    identity = submitted(store, receiver.url)
    ended(store, identity)
    Callbacks(store, settings).deliver()
    with store.write() as session:
        submissions.retry(session, submission_id=identity)
    Callbacks(store, settings).deliver()
    assert len(receiver.got) == 1
    ended(store, identity)
    Callbacks(store, settings).deliver()
    assert len(receiver.got) == 2
    # And it can tell that this is another message
    first, second = (headers["webhook-id"] for headers, _ in receiver.got)
    assert first != second
    assert "." not in first + second
