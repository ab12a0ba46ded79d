"""Who asks: the owner behind a key, or whoever sits at this machine where there are no keys."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy.orm import Session

from api.service.problems import ProblemError
from nc_tasks.store import LOCAL, ApiKey
from nc_tasks.store.rows import keys, page_sessions
from nc_tasks.store.tables.states import Scope

COOKIE = "cleanse_session"
"""Of the pages: says who signed in, and is no key."""
SAFE = ("GET", "HEAD", "OPTIONS")
ALL_SCOPES: frozenset[Scope] = frozenset(("submit", "read", "admin"))


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks. key_id: None without keys. address: of the client."""

    owner: str
    scopes: frozenset[Scope]
    key_id: str | None
    address: str | None

    def may(self, scope: Scope) -> bool:
        """Whether the caller has the scope; an admin has all."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def sees(self) -> str | None:
        """The owner whose things the caller sees; None: an admin sees everybody's."""
        return None if "admin" in self.scopes else self.owner


def caller_of(request: Request, session: Session) -> Caller:
    """Who asks; raises ProblemError for a request that may come from somebody else's page, or without a valid key."""
    address = None if request.client is None else request.client.host[:64]
    if not keys.any_made(session):
        check_local(request)
        return Caller(owner=LOCAL, scopes=ALL_SCOPES, key_id=None, address=address)
    found = _key_of(request, session)
    if found is None:
        said = "this service asks for a key"
        if sent_secret(request):
            said = "the key is not valid: it is unknown or was revoked, or the session on the pages is over"
        raise ProblemError(
            401, f"{said}; send the header Authorization: Bearer KEY", headers={"WWW-Authenticate": "Bearer"}
        )
    scopes = frozenset(scope for scope in ALL_SCOPES if scope in found.scopes)
    return Caller(owner=found.owner, scopes=scopes, key_id=found.id, address=address)


def _key_of(request: Request, session: Session) -> ApiKey | None:
    """The key that was sent, or that the visitor of the pages has signed in with."""
    if (text := bearer_of(request)) is not None:
        return keys.authenticate(session, text=text)
    if (text := request.cookies.get(COOKIE)) is not None:
        check_origin(request, proven=True)
        return page_sessions.key_of(session, text=text)
    return None


def bearer_of(request: Request) -> str | None:
    """The key in the header, None without one."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" and text.strip() else None


def sent_secret(request: Request) -> str | None:
    """What came with the request to say who asks: a key in its header, or a session in the cookie of the pages."""
    return bearer_of(request) or request.cookies.get(COOKIE)


def check_local(request: Request) -> None:
    """Without keys, only programs of this machine may ask: no page of a foreign name, nor one that posts here.

    A name that its owner has bound to 127.0.0.1 comes with itself as Host; a form of a foreign page with its Origin.
    """
    name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if not is_loopback(name):
        raise ProblemError(
            421, f"without keys the service answers to localhost alone, not to {name[:80]!r}: make a key first"
        )
    check_origin(request, proven=False)


def check_origin(request: Request, *, proven: bool) -> None:
    """Refuse a change that a foreign page asks for. proven: the browser must say that it is its own page."""
    if request.method in SAFE:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    foreign = site not in (None, "same-origin", "none") or (origin is not None and not own)
    if foreign or (proven and not own and site != "same-origin"):
        raise ProblemError(403, "a page of another origin may change nothing here; send a key in the header instead")


def is_loopback(host: str) -> bool:
    """Whether the name or address means this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
