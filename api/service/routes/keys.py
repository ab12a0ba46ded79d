"""/v1/keys and /v1/audit: for admins."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.service.auditing import note
from api.service.dependencies import Admin, AStore
from api.service.models.key import AuditInfo, AuditPage, KeyInfo, KeyList, KeyRequest, NewKeyInfo
from api.service.problems import responses
from nc_tasks.store.rows import audit, deliveries, keys

router = APIRouter(prefix="/v1", tags=["keys"], responses=responses(401, 403, 421, 422, 429, 503))

KeyId = Annotated[str, Path(alias="id", description="The key's id.", pattern="^[0-9a-f]{12}$")]


@router.get("/keys")
def every(store: AStore, caller: Admin) -> KeyList:
    """All keys, revoked ones too."""
    del caller
    with store.read() as session:
        return KeyList(items=[KeyInfo.model_validate(row) for row in keys.every(session)])


@router.post("/keys", status_code=201, responses=responses(400, 413))
def create(asked: KeyRequest, store: AStore, caller: Admin) -> NewKeyInfo:
    """Make a key. From the first one on, the service asks everybody for a key."""
    with store.write() as session:
        made = keys.create(session, owner=asked.owner, name=asked.name, scopes=asked.scopes)
        note(session, caller, "create-key", made.row.id, owner=asked.owner, scopes=made.row.scopes)
        secret = deliveries.webhook_secret(session, owner=asked.owner)
    about = KeyInfo.model_validate(made.row).model_dump()
    return NewKeyInfo(**about, key=made.text, webhook_secret=secret)


@router.delete("/keys/{id}", status_code=204, responses=responses(404))
def revoke(key_id: KeyId, store: AStore, caller: Admin) -> None:
    """End a key at once."""
    with store.write() as session:
        keys.revoke(session, key_id=key_id)
        note(session, caller, "revoke-key", key_id)


@router.get("/audit")
def entries(
    store: AStore,
    caller: Admin,
    before: Annotated[int | None, Query(ge=1, lt=2**62, description="The `next_before` of the page before.")] = None,
    owner: Annotated[str | None, Query(max_length=64, pattern="^[a-z0-9._-]*$")] = None,
    subject: Annotated[str | None, Query(max_length=64, pattern="^[0-9a-f]*$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditPage:
    """Who did what, newest first."""
    del caller
    with store.read() as session:
        rows = audit.page(session, before=before, owner=owner, subject=subject, limit=limit + 1)
    shown = [AuditInfo.model_validate(row) for row in rows[:limit]]
    return AuditPage(items=shown, next_before=shown[-1].id if len(rows) > limit else None)
