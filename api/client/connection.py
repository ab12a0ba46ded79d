"""Requests to one server: patient where it asks for patience, and every failure one line."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from api.client.errors import ServerFailed, error_of
from nc_core.results.folder import write_file

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0
"""Between two pieces of an answer, and until a large upload is answered."""
PATIENCE_SECONDS = 600.0
"""How long a request is sent again while the server asks to wait (429, 503 with Retry-After)."""
PAUSE_SECONDS = 2.0
MOST_PAUSE_SECONDS = 60.0
WAITS = (429, 503)

Body = Callable[[], Mapping[str, Any]]
"""Makes the arguments of a request's body anew for every try: files are read from their beginning."""


def no_body() -> Mapping[str, Any]:
    """Of a request that has none."""
    return {}


class Connection:
    """One server and the key to it. `transport`, `sleep`: for tests."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        try:
            self.url = httpx.URL(url.rstrip("/"))
        except httpx.InvalidURL as error:
            raise ServerFailed(f"{url!r} is no address of a server: {error}") from None
        if self.url.scheme not in ("http", "https") or not self.url.host:
            raise ServerFailed(f"{url!r} is no address of a server: pass one such as http://127.0.0.1:8000")
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        # A proxy of the environment knows nothing of this machine's own addresses.
        elsewhere = self.url.host not in ("localhost", "127.0.0.1", "::1")
        self._http = httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout, transport=transport, trust_env=elsewhere
        )
        self._sleep = sleep

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def json(self, method: str, path: str, *, body: Body = no_body, also: Sequence[int] = (), **how: Any) -> Any:
        """The answer's JSON; also: statuses that are answers too. Raises ServerRefused, ServerFailed."""
        answer = self.send(method, path, body=body, also=also, **how)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise ServerFailed(f"{self.url} answers no JSON: is it a Cleanse server?") from None

    def exists(self, path: str) -> bool:
        """Whether a HEAD is answered with a success; raises ServerFailed for anything but yes and no."""
        answer = self._answered(lambda: self._http.head(path))
        if answer.status_code in (404, 410):
            return False
        if answer.is_success:
            return True
        raise error_of(answer.status_code, None)

    def send(
        self, method: str, path: str, *, body: Body = no_body, also: Sequence[int] = (), **how: Any
    ) -> httpx.Response:
        """The whole answer of a success; a server that asks to wait is asked again."""
        answer = self._answered(lambda: self._http.request(method, path, **body(), **how))
        if answer.is_success or answer.status_code in also:
            return answer
        raise error_of(answer.status_code, _problem(answer))

    @contextmanager
    def stream(self, path: str, **how: Any) -> Iterator[httpx.Response]:
        """The answer of a success, piece by piece; raises ServerRefused, ServerFailed, also when it breaks off."""
        try:
            with self._http.stream("GET", path, **how) as answer:
                if not answer.is_success:
                    answer.read()
                    raise error_of(answer.status_code, _problem(answer))
                yield answer
        except httpx.HTTPError as error:
            raise self._failed(error) from None

    def save(self, path: str, target: Path) -> None:
        """Write the answer's body to a file: under its name lies the old one or the whole new one."""

        def fill(aside: Path) -> None:
            with aside.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)

        with self.stream(path, headers={"Accept": "*/*"}) as answer:
            write_file(target, fill)

    def _answered(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = ask()
            except httpx.HTTPError as error:
                raise self._failed(error) from None
            pause = _pause(answer)
            if pause is None or time.monotonic() + pause > until:
                return answer
            self._sleep(pause)

    def _failed(self, error: httpx.HTTPError) -> ServerFailed:
        why = " ".join(str(error).split()) or type(error).__name__
        return ServerFailed(f"{self.url} does not answer: {why}; is the server up, is the address right?")


def _pause(answer: httpx.Response) -> float | None:
    """Seconds to wait before asking again; None where that is of no use."""
    told = answer.headers.get("Retry-After")
    if answer.status_code not in WAITS or told is None:
        return None
    return min(float(told), MOST_PAUSE_SECONDS) if told.isdecimal() else PAUSE_SECONDS


def _problem(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
