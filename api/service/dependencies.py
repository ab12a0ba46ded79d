"""What routes ask for: the store, the artefacts, the settings, and who the caller is."""

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from api.service.callers import COOKIE, Caller, caller_of, sent_secret
from api.service.problems import ProblemError
from api.service.service import Service
from nc_tasks.files import ArtefactStore
from nc_tasks.settings import Settings
from nc_tasks.store import Store
from nc_tasks.store.tables.states import Scope

BEARER = HTTPBearer(scheme_name="key", auto_error=False, description="A key made by `cleanse key create`.")
SESSION = APIKeyCookie(
    name=COOKIE, scheme_name="session", auto_error=False, description="A session, begun by signing in to the pages."
)


def get_service(request: Request) -> Service:
    """What this process holds."""
    return cast(Service, request.app.state.service)


def get_store(service: Annotated[Service, Depends(get_service)]) -> Store:
    """The open store."""
    return service.store


def get_artefacts(service: Annotated[Service, Depends(get_service)]) -> ArtefactStore:
    """Where files are kept."""
    return service.artefacts


def get_settings(service: Annotated[Service, Depends(get_service)]) -> Settings:
    """The settings in force."""
    return service.settings


def get_caller(request: Request, service: Annotated[Service, Depends(get_service)]) -> Caller:
    """Who asks; raises ProblemError without a valid key where the service asks for one, and for too many requests."""
    try:
        with service.store.read() as session:
            caller = caller_of(request, session)
    except ProblemError as refusal:
        count_stranger(request, service)
        if refusal.status_code == 401 and (text := sent_secret(request)):
            wrong_key(request, service, text)
        raise
    _count(service, caller.key_id or f"address {caller.address}")
    return caller


def count_stranger(request: Request, service: Service) -> None:
    """Count by address who has no key: nobody may try keys without end. Raises ProblemError for too many requests."""
    _count(service, f"address {request.client.host if request.client else None}")


def wrong_key(request: Request, service: Service, text: str) -> None:
    """Note who came with a key that is none."""
    service.wrong_keys.note(text, None if request.client is None else request.client.host[:64])


def _count(service: Service, name: str) -> None:
    seconds = service.rates.take(name)
    if seconds is not None:
        limit = service.rates.most
        detail = f"more than {limit} requests a minute: come again in {seconds} s"
        raise ProblemError(429, detail, limit=limit, headers={"Retry-After": str(seconds)})


def require(*scopes: Scope) -> Callable[..., Caller]:
    """A dependency: the caller, who must have one of the scopes."""

    def allowed(
        caller: Annotated[Caller, Depends(get_caller)],
        _key: Annotated[object, Security(BEARER)] = None,
        _session: Annotated[object, Security(SESSION)] = None,
    ) -> Caller:
        if not any(caller.may(scope) for scope in scopes):
            has = ", ".join(sorted(caller.scopes))
            raise ProblemError(403, f"this needs a key with the scope {' or '.join(scopes)}; yours has {has}")
        return caller

    return allowed


AService = Annotated[Service, Depends(get_service)]
AStore = Annotated[Store, Depends(get_store)]
AnArtefactStore = Annotated[ArtefactStore, Depends(get_artefacts)]
SomeSettings = Annotated[Settings, Depends(get_settings)]
Reader = Annotated[Caller, Depends(require("read"))]
Submitter = Annotated[Caller, Depends(require("submit"))]
Knower = Annotated[Caller, Depends(require("read", "submit"))]
"""Who submits asks first what is there: that is told of one's own files alone."""
Admin = Annotated[Caller, Depends(require("admin"))]
