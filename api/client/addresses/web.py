"""`https://`: a file that a web server gives out, and what the other kinds ask of one."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote

import httpx

from api.client.addresses.incoming import Incoming, Kind
from api.client.errors import AddressRefused, FetchFailed

CONNECT_SECONDS, PIECE_SECONDS = 10.0, 60.0
MOST_REDIRECTS = 5
MOST_TEXT = 8 * 2**20
"""Bytes of an answer that is not the file itself."""
OWN = ("localhost", "127.0.0.1", "::1")
"""What a proxy of the environment knows nothing of."""


@contextmanager
def opened(address: str, kind: Kind, *, plain_http: bool) -> Iterator[Incoming]:  # noqa: ARG001
    """The file at the address. Raises AddressRefused, FetchFailed."""
    with answered(address, plain_http=plain_http) as answer:
        yield incoming(answer, shown(httpx.URL(address)))


def incoming(answer: httpx.Response, place: str) -> Incoming:
    """The body of an answer as a file on its way."""
    if (coding := answer.headers.get("Content-Encoding", "identity")) != "identity":
        raise AddressRefused(f"{place} comes in the coding {coding[:40]!r}: it must be given out as it is")
    told = answer.headers.get("Content-Length", "")
    # The name that was asked for, not the one that a redirect led to: those of stores are digests.
    asked = (answer.history[0] if answer.history else answer).url.path
    return Incoming(
        name=_disposition(answer) or unquote(asked.rsplit("/", 1)[-1]),
        place=place,
        size=int(told) if told.isdecimal() else None,
        pieces=answer.iter_raw(2**20),
    )


def json_of(address: str, *, headers: Mapping[str, str], plain_http: bool) -> Any:
    """What the address answers, as JSON. Raises AddressRefused, FetchFailed."""
    with answered(address, headers=headers, plain_http=plain_http) as answer:
        text = text_of(answer)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise FetchFailed(f"{shown(answer.url)} answers no JSON: is the address right?") from None


def text_of(answer: httpx.Response) -> str:
    """The body of an answer that is not the file itself; raises FetchFailed for more than one has, and for no UTF-8."""
    content = b""
    for piece in incoming(answer, shown(answer.url)).pieces:
        content += piece
        if len(content) > MOST_TEXT:
            raise FetchFailed(f"{shown(answer.url)} answers more than {MOST_TEXT:,} bytes, the limit for a list")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FetchFailed(f"{shown(answer.url)} answers no text in UTF-8: is the address right?") from None


def post(address: str, content: bytes, *, headers: Mapping[str, str], plain_http: bool) -> None:
    """Send it there, with headers that say what it is; no redirect is followed. Raises AddressRefused, FetchFailed."""
    url = _checked(address, plain_http)
    try:
        with _client() as client:
            status = client.post(url, content=content, headers=dict(headers)).status_code
    except httpx.HTTPError as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise FetchFailed(f"{shown(url)} cannot be written to: {why}") from None
    if status == 404:
        raise AddressRefused(f"{shown(url)} does not exist (HTTP status 404), or not for these credentials")
    if status in (401, 403):
        raise AddressRefused(
            f"{shown(url)} may not be written to (HTTP status {status}): it asks for other credentials"
        )
    if not 200 <= status < 300:
        raise FetchFailed(f"{shown(url)} does not take what is written back: HTTP status {status}")


@contextmanager
def answered(address: str, *, headers: Mapping[str, str] | None = None, plain_http: bool) -> Iterator[httpx.Response]:
    """The answer of a success, its body still to be read; each redirect is held to the same rules.

    headers: go to the host of the address alone. plain_http: whether http:// may lead to other machines.
    """
    url = _checked(address, plain_http)
    given = {"Accept-Encoding": "identity", **(headers or {})}
    try:
        with _client() as client:
            request = client.build_request("GET", url, headers=given)
            passed: list[httpx.Response] = []
            while (answer := client.send(request, stream=True)).next_request is not None:
                answer.close()
                passed.append(answer)
                request = answer.next_request
                _check_redirect(passed, request.url, plain_http)
            answer.history = passed
            try:
                _check_status(answer, url)
                yield answer
            finally:
                answer.close()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise FetchFailed(f"{shown(url)} cannot be fetched: {why}") from None


def _client() -> httpx.Client:
    from nc_tasks.version import package_version

    return httpx.Client(
        headers={"User-Agent": f"cleanse/{package_version()}"},
        timeout=httpx.Timeout(PIECE_SECONDS, connect=CONNECT_SECONDS),
        mounts={f"all://{f'[{host}]' if ':' in host else host}": None for host in OWN},
    )


def _checked(address: str, plain_http: bool) -> httpx.URL:
    """The address, once it may be asked; raises AddressRefused."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise AddressRefused(f"{address[:200]!r} is no address: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise AddressRefused(f"{address[:200]!r} is no address: pass one such as https://example.org/model.keras")
    if url.userinfo:
        raise AddressRefused(
            f"{shown(url)} was given with a user or password, which others could read: pass it without"
        )
    if url.scheme == "http" and not plain_http and not _is_own(url.host):
        raise AddressRefused(
            f"{shown(url)} can be changed on its way: pass https://, or set CLEANSE_FETCH_PLAIN_HTTP=1 for a network "
            "of your own"
        )
    return url


def _check_redirect(passed: list[httpx.Response], to: httpx.URL, plain_http: bool) -> None:
    """Raise AddressRefused for a redirect that may not be followed."""
    first, last = passed[0].url, passed[-1].url
    if len(passed) > MOST_REDIRECTS:
        raise AddressRefused(f"{shown(first)} is redirected more than {MOST_REDIRECTS} times, the limit")
    if _is_own(to.host) and not _is_own(last.host):
        raise AddressRefused(f"{shown(first)} is redirected to this machine, {shown(to)}: pass the file's own address")
    try:
        _checked(str(to), plain_http and last.scheme == "http")
    except AddressRefused as error:
        raise AddressRefused(f"{shown(first)} is redirected, and {error}") from None


def _check_status(answer: httpx.Response, url: httpx.URL) -> None:
    status = answer.status_code
    if answer.is_success:
        return
    if status in (401, 403):
        raise AddressRefused(f"{shown(url)} may not be read (HTTP status {status}): it asks for other credentials")
    if status in (404, 410):
        raise AddressRefused(f"{shown(url)} does not exist (HTTP status {status})")
    raise FetchFailed(f"{shown(url)} answers with HTTP status {status}")


def _is_own(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shown(url: httpx.URL) -> str:
    """The address without what may be secret in it: user, password and query."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))


def _disposition(answer: httpx.Response) -> str | None:
    """The name that the server gives the file, if any."""
    message = Message()
    message["Content-Disposition"] = answer.headers.get("Content-Disposition", "")
    return message.get_filename()
