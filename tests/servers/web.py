"""A web server on this machine that answers as it is told, and notes what it was asked."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Answer:
    """body: sent whole; of a `length` that is more than it has, the connection ends before it is there."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    """What Content-Length says; None: the truth, -1: nothing, and the end of the connection is the end of the body."""


def of_json(value: Any) -> Answer:
    return Answer(body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})


@dataclass(frozen=True, kw_only=True)
class Web:
    """url: of the server. answers: path and query -> answer. asked: path and query, headers of each request."""

    url: str
    answers: dict[str, Answer]
    asked: list[tuple[str, dict[str, str]]]
    posted: list[tuple[str, bytes]]
    """Path and body of each POST; those that have an answer under "POST " and their path get it, others 404."""


@contextmanager
def running() -> Iterator[Web]:
    """A server on a free port."""
    answers: dict[str, Answer] = {}
    asked: list[tuple[str, dict[str, str]]] = []
    posted: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(answers.get(self.path, Answer(status=404)))

        def do_POST(self) -> None:
            posted.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer(answers.get(f"POST {self.path}", Answer(status=404)))

        def _answer(self, answer: Answer) -> None:
            asked.append((self.path, dict(self.headers.items())))
            self.send_response(answer.status)
            for name, text in answer.headers.items():
                self.send_header(name, text)
            length = len(answer.body) if answer.length is None else answer.length
            if length >= 0:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """What was asked is in `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Web(url=f"http://127.0.0.1:{server.server_port}", answers=answers, asked=asked, posted=posted)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
