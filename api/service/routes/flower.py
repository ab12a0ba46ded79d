"""/flower/: Flower's pages for admins, who reach it through this service alone.

They show every owner's tasks, so a key needs the scope admin. Flower itself never sees a key, and is told to change
nothing; nothing that could change something is passed on to it either.
"""

import ssl
from collections.abc import AsyncIterator
from functools import cache

import httpx
from fastapi import APIRouter, Depends, Request
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, StreamingResponse

from api.service.dependencies import SomeSettings, require
from api.service.problems import ProblemError
from nc_tasks.embedded.flower import flower_socket
from nc_tasks.settings import Settings

router = APIRouter(include_in_schema=False, dependencies=[Depends(require("admin"))])

TO_FLOWER = ("accept", "accept-language", "content-type", "if-modified-since", "if-none-match")
FROM_FLOWER = ("cache-control", "content-length", "content-type", "etag", "last-modified", "location", "vary")
SECONDS = 30.0
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@router.get("/flower")
def begin() -> RedirectResponse:
    """Its pages begin with a slash."""
    return RedirectResponse("/flower/", status_code=308)


@router.get("/flower/{path:path}")
@router.post("/flower/{path:path}")
async def flower(path: str, request: Request, settings: SomeSettings) -> StreamingResponse:
    """Pass the request on to Flower and its answer back."""
    if request.method == "POST" and path != "tasks/datatable":
        raise ProblemError(403, "Flower is here to look at: nothing can be changed with it")
    client = httpx.AsyncClient(transport=_transport(settings), timeout=SECONDS, trust_env=False)
    try:
        answer = await client.send(
            client.build_request(
                request.method,
                httpx.URL(_base(settings), path=f"/flower/{path}", query=request.url.query.encode()),
                headers=[
                    ("accept-encoding", "identity"),
                    *((name, request.headers[name]) for name in TO_FLOWER if name in request.headers),
                ],
                content=await request.body(),
            ),
            stream=True,
        )
    except httpx.TransportError as error:
        await client.aclose()
        raise ProblemError(
            503,
            f"Flower does not answer ({type(error).__name__}): `cleanse up` starts it with the service",
            headers={"Retry-After": "5"},
        ) from None
    return StreamingResponse(
        _body(answer),
        status_code=answer.status_code,
        headers={
            **{name: answer.headers[name] for name in FROM_FLOWER if name in answer.headers},
            "content-security-policy": POLICY,
            "x-content-type-options": "nosniff",
        },
        background=BackgroundTask(client.aclose),
    )


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _base(settings: Settings) -> str:
    return settings.flower_url or "http://flower"


def _transport(settings: Settings) -> httpx.AsyncHTTPTransport:
    if settings.flower_url is None:
        return httpx.AsyncHTTPTransport(uds=str(flower_socket(settings)), verify=False)
    return httpx.AsyncHTTPTransport(verify=_certificates())


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()
