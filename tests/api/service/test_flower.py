"""Flower behind the service's keys."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from nc_tasks.embedded.flower import flower_socket
from nc_tasks.settings import Settings
from tests.api.service.conftest import MakeKey


class Monitor:
    """In Flower's place on its socket: remembers what came through, and answers with a cookie and a name of its own."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body = (await receive()).get("body", b"")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        self.requests.append({"path": scope["path"], "query": query, "headers": headers, "body": body})
        if scope["path"].endswith("/slow"):
            await asyncio.sleep(0)
        answered = [(b"content-type", b"text/html"), (b"set-cookie", b"_xsrf=1"), (b"server", b"Tornado")]
        await send({"type": "http.response.start", "status": 200, "headers": answered})
        await send({"type": "http.response.body", "body": b"<p>tasks</p>"})


@pytest.fixture
def monitor(settings: Settings) -> Iterator[Monitor]:
    flower_socket(settings).parent.mkdir(parents=True, mode=0o700)
    monitor = Monitor()
    options: Any = {"uds": str(flower_socket(settings)), "log_config": None, "lifespan": "off"}
    server = uvicorn.Server(uvicorn.Config(monitor, **options))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield monitor
    server.should_exit = True
    thread.join()


def test_given_no_keys_then_its_pages_come_through_with_their_queries(client: httpx.Client, monitor: Monitor) -> None:
    answer = client.get("/flower/tasks", params={"search": "kwargs:label=42 ü"}, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.text) == (200, "<p>tasks</p>")
    seen = monitor.requests[-1]
    assert (seen["path"], seen["headers"]["accept"]) == ("/flower/tasks", "text/html")
    assert httpx.QueryParams(seen["query"])["search"] == "kwargs:label=42 ü"
    # And nothing of Flower's comes with them but the page
    assert "set-cookie" not in answer.headers
    assert "Tornado" not in str(answer.headers)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert client.get("/flower").headers["location"] == "/flower/"


def test_given_the_search_of_its_page_then_it_may_post_and_nothing_else_may(
    client: httpx.Client, monitor: Monitor
) -> None:
    answer = client.post("/flower/tasks/datatable", data={"draw": "1", "search[value]": "kwargs:label=4"})
    assert answer.status_code == 200
    assert b"search%5Bvalue%5D=kwargs%3Alabel%3D4" in monitor.requests[-1]["body"]
    before = len(monitor.requests)
    assert client.post("/flower/api/task/revoke/x").status_code == 403
    assert client.put("/flower/tasks").status_code == 405
    assert len(monitor.requests) == before


def test_given_keys_then_an_admin_alone_comes_through_and_flower_never_sees_the_key(
    client: httpx.Client, monitor: Monitor, make_key: MakeKey
) -> None:
    reader, admin = make_key("a", "read", "submit"), make_key("b", "admin")
    assert client.get("/flower/tasks").status_code == 401
    assert client.get("/flower/tasks", headers=reader).status_code == 403
    assert monitor.requests == []
    assert client.get("/flower/tasks", headers={**admin, "Cookie": "x=y"}).status_code == 200
    assert {"authorization", "cookie"}.isdisjoint(monitor.requests[-1]["headers"])


def test_given_no_flower_then_a_problem_says_what_starts_it(client: httpx.Client) -> None:
    answer = client.get("/flower/")
    assert answer.status_code == 503
    assert "Flower does not answer" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "5"
