"""The secret that callbacks are signed with: one for each owner, all from one that the installation keeps."""

import hmac
from secrets import token_bytes

from sqlalchemy.orm import Session

from nc_tasks.store.door_tables import Secret
from nc_tasks.store.insert import insert_absent

WEBHOOK = "webhook"


def webhook_secret(session: Session, *, owner: str) -> str:
    """What callbacks to this owner are signed with, in hexadecimal; the same at every call, on every host."""
    row = session.get(Secret, WEBHOOK)
    if row is None:
        insert_absent(session, Secret, [{"name": WEBHOOK, "value": token_bytes(32)}])
        row = session.get_one(Secret, WEBHOOK)
    return hmac.digest(row.value, owner.encode(), "sha256").hex()
