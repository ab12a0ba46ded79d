"""What the client makes of answers, good and bad; the server is a function here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli.exits import ExitCode, exit_code_of
from api.client import CleanseClient, ServerFailed, ServerRefused
from api.client.events import parse
from api.client.uploads import Upload

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, slept: list[float] | None = None) -> CleanseClient:
    sleep = [].append if slept is None else slept.append
    return CleanseClient("http://server:1", "KEY", transport=httpx.MockTransport(answer), sleep=sleep)


def problem(status: int, detail: str, **headers: str) -> httpx.Response:
    body = {"type": "about:blank", "title": "t", "status": status, "detail": detail, "instance": "/"}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json", **headers})


@pytest.mark.parametrize("status", [400, 404, 409, 413, 415, 422])
def test_what_the_input_is_at_fault_for_is_refused_with_the_server_s_line(status: int) -> None:
    cleanse = client(lambda _: problem(status, "the body has 9 bytes,\nthe limit is 8"))
    with cleanse, pytest.raises(ServerRefused, match="the body has 9 bytes, the limit is 8") as refused:
        cleanse.get("0123456789ab")
    assert exit_code_of(refused.value) == ExitCode.REFUSED


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503])
def test_what_the_server_is_at_fault_for_has_failed(status: int) -> None:
    with client(lambda _: problem(status, "no")) as cleanse, pytest.raises(ServerFailed) as failed:
        cleanse.get("0123456789ab")
    assert exit_code_of(failed.value) == ExitCode.FAILED


def test_what_is_no_cleanse_server_is_one_line() -> None:
    for answer in (
        httpx.Response(502, text="<html>Bad Gateway</html>"),
        httpx.Response(200, text="<html>hello</html>"),
    ):
        with client(lambda _, answer=answer: answer) as cleanse, pytest.raises(ServerFailed) as failed:
            cleanse.get("0123456789ab")
        assert "\n" not in str(failed.value)
        assert "<html>" not in str(failed.value)


def test_a_server_that_is_away_is_one_line() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with client(away) as cleanse, pytest.raises(ServerFailed, match="http://server:1 does not answer: refused"):
        cleanse.get("0123456789ab")


@pytest.mark.parametrize("url", ["", "server:8000", "ftp://server", "http://"])
def test_what_is_no_address_is_one_line(url: str) -> None:
    with pytest.raises(ServerFailed, match="is no address of a server"):
        CleanseClient(url)


def test_a_server_that_asks_to_wait_is_asked_again_with_the_same_request(tmp_path: Path) -> None:
    # Given a server with too many uploads at this moment, twice
    (tmp_path / "m.h5").write_bytes(b"model" * 100_000)
    seen: list[tuple[str, bytes]] = []
    slept: list[float] = []

    def busy(request: httpx.Request) -> httpx.Response:
        if request.method == "HEAD":
            return httpx.Response(404)
        seen.append((request.headers["Idempotency-Key"], request.read()))
        if len(seen) < 3:
            return problem(429, "8 uploads run at this moment", **{"Retry-After": "7"})
        return httpx.Response(202, json={"id": "0123456789ab"})

    # When a model is submitted
    with client(busy, slept) as cleanse:
        assert cleanse.submit(tmp_path / "m.h5", dataset="d")["id"] == "0123456789ab"
    # Then the same was sent each time, whole, under one key: the server does it once
    assert slept == [7.0, 7.0]
    assert len({key for key, _ in seen}) == 1
    assert all(b"model" * 100_000 in body for _, body in seen)


def test_what_the_server_has_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_bytes(b"model")
    asked: list[str] = []

    def has_it(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        assert request.headers["Authorization"] == "Bearer KEY"
        if request.method == "POST":
            body = request.read()
            assert b"filename" not in body
            assert b'name="model_sha256"' in body
            assert b"m.h5" in body
        return httpx.Response(200, json={"id": "x"})

    with client(has_it) as cleanse:
        cleanse.submit(tmp_path / "m.h5", dataset="d")
    digest = "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"
    assert asked == [f"HEAD /v1/artefacts/{digest}", "POST /v1/submissions"]


def test_an_upload_tells_how_far_it_is_and_closes_its_files(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(bytes(300_000))
    told: list[tuple[int, int]] = []
    upload = Upload({"a": "b"}, [("model", tmp_path / "m", "m.h5")], lambda sent, total: told.append((sent, total)))
    body = httpx.Request("POST", "http://x", **upload()).read()
    assert len(body) > 300_000
    assert told[-1] == (300_000, 300_000)
    assert [sent for sent, _ in told] == sorted(sent for sent, _ in told)
    upload.close()


def test_a_list_is_read_page_by_page_and_no_further_than_asked() -> None:
    asked: list[dict[str, str]] = []

    def pages(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        first = int(request.url.params.get("cursor", 0))
        items = [{"id": str(first + n)} for n in range(int(request.url.params["limit"]))]
        return httpx.Response(200, json={"items": items, "next_cursor": str(first + len(items))})

    with client(pages) as cleanse:
        assert [one["id"] for one in cleanse.list(most=120, state="done", verdict=None)][-1] == "119"
    assert asked == [{"state": "done", "limit": "100"}, {"state": "done", "limit": "20", "cursor": "100"}]


@pytest.mark.parametrize(("ids", "said"), [([], "no submission's id begins"), (["ab1", "ab2"], "several ids begin")])
def test_the_beginning_of_an_id_must_be_one_s(ids: list[str], said: str) -> None:
    page = {"items": [{"id": each} for each in [*ids, "xab"]], "next_cursor": None}
    with client(lambda _: httpx.Response(200, json=page)) as cleanse, pytest.raises(ServerRefused, match=said):
        cleanse.find("ab")


def test_events_are_read_as_the_standard_has_them() -> None:
    lines = [
        ": keeps the connection",
        "event: progress",
        'data: {"state":',
        'data:  "inverting"}',
        "id: 7",
        "",
        "",
        "event: labels",
        "data: [1]",
        "",
        "data: {}",
        "",
        "event: half",
    ]
    assert list(parse(lines)) == [
        {"event": "progress", "data": {"state": "inverting"}},
        {"event": "labels", "data": [1]},
        {"event": "message", "data": {}},
    ]
    with pytest.raises(ServerFailed, match="no JSON"):
        list(parse(["data: x", ""]))


def test_a_watcher_that_loses_the_server_asks_again_and_gives_up_after_a_while() -> None:
    # Given a server that is restarted under a watcher
    states = iter(["inverting", "inverting", "done"])
    streams = iter(
        [
            httpx.Response(200, text='event: progress\ndata: {"n": 1}\n\n'),
            httpx.Response(502),
            httpx.Response(200, text='event: end\ndata: {"n": 2}\n\n'),
        ]
    )

    def restarted(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return next(streams)
        return httpx.Response(200, json={"state": next(states)})

    with client(restarted) as cleanse:
        assert [event["data"]["n"] for event in cleanse.events("x")] == [1, 2]

    # and one that does not come back
    def gone(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return httpx.Response(502)
        return httpx.Response(200, json={"state": "inverting"})

    with client(gone) as cleanse, pytest.raises(ServerFailed):
        list(cleanse.events("x"))


def test_a_download_that_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield b"half"
            raise httpx.ReadError("gone")

    with client(lambda _: httpx.Response(200, stream=Broken())) as cleanse, pytest.raises(ServerFailed):
        cleanse.download("x", "report.html", path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with client(lambda _: httpx.Response(200, text="new")) as cleanse:
        cleanse.download("x", "report.html", path)
    assert path.read_text() == "new"


def test_options_are_sent_as_json(tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_bytes(b"model")
    bodies: list[bytes] = []

    def take(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(404 if request.method == "HEAD" else 202, json={"id": "x"})

    with client(take) as cleanse:
        cleanse.submit(tmp_path / "m.h5", dataset="d", options={"labels": [1, 2], "seed": 3}, force=True)
    assert json.dumps({"labels": [1, 2], "seed": 3}).encode() in bodies[-1]
