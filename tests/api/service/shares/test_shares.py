"""No owner starves another: shares of uploads and streams."""

import socket
import statistics
import time
from pathlib import Path

import httpx
import pytest

from api.service.problems import ProblemError
from api.service.shares import Shares
from nc_tasks.settings import Settings
from tests.api.service.conftest import MakeKey, form
from tests.api.service.shares.conftest import IDLE, bearer, until
from tests.benchmarks.starving import Opener, measure, status, stream_head, upload_head


def test_an_owner_has_a_share_and_everybody_else_the_rest() -> None:
    # Given one who takes as many as there are for one, and others who take the rest
    shares = Shares("uploads", most=4, of_owner=2)
    given = [shares.take("greedy") for _ in range(2)]
    with pytest.raises(ProblemError, match="greedy has 2 uploads at this moment, the limit is 2: end some") as refused:
        shares.take("greedy")
    assert (refused.value.status_code, refused.value.limit, refused.value.headers) == (429, 2, {"Retry-After": "10"})
    for _ in range(2):
        shares.take("second")
    # Then whoever has none gets one all the same, and whoever has one waits
    shares.take("third")
    with pytest.raises(ProblemError, match="there are 5 uploads at this moment, the limit is 4") as refused:
        shares.take("third")
    # And what is given back is free
    given[0]()
    assert shares.taken == 4
    shares.take("fourth")


def test_uploads_of_one_leave_room_for_others(url: str, make_key: MakeKey, connect: Opener) -> None:
    # Given one who has begun as many uploads as anybody may have
    greedy = make_key("greedy")
    for _ in range(2):
        connect(url, upload_head(bearer(greedy)))
    time.sleep(IDLE / 4)
    # Then he waits, is told why and for how long, and others do not
    refused = httpx.post(f"{url}/v1/submissions", headers=greedy, **form(), trust_env=False)
    assert (refused.status_code, refused.json()["limit"], refused.headers["retry-after"]) == (429, 2, "10")
    assert refused.json()["detail"].startswith("greedy has 2 uploads that are being taken in at this moment, the limit")
    assert httpx.post(f"{url}/v1/submissions", headers=make_key("other"), **form(), trust_env=False).status_code == 202
    # And his own are free again once they were ended
    time.sleep(2 * IDLE)
    assert httpx.post(f"{url}/v1/submissions", headers=greedy, **form(), trust_env=False).status_code == 202


def test_streams_of_one_leave_room_for_others(url: str, make_key: MakeKey, connect: Opener) -> None:
    keys = {owner: make_key(owner) for owner in ("greedy", "other")}
    made = {
        owner: httpx.post(f"{url}/v1/submissions", headers=key, **form(owner.encode()), trust_env=False).json()["id"]
        for owner, key in keys.items()
    }

    def begun(owner: str) -> tuple[socket.socket, int]:
        connection = connect(url, stream_head(bearer(keys[owner]), made[owner]))
        said: list[int] = []

        def heard() -> bool:
            said.extend(filter(None, [status(connection)]))
            return bool(said)

        until(heard)
        return connection, said[0]

    streams = [begun("greedy") for _ in range(3)]
    assert [said for _, said in streams] == [200, 200, 429]
    assert begun("other")[1] == 200
    # And a place is free once its stream has ended
    streams[0][0].close()
    until(lambda: begun("greedy")[1] == 200)


def test_given_one_owner_who_takes_all_that_it_can_then_anothers_submissions_are_answered_within_a_second(
    tmp_path: Path,
) -> None:
    settings = Settings(home=tmp_path / "home", redis_url=None, database_url=None, api_port=0, streams_of_owner=100)
    found = measure(settings, uploads=8, streams=150, submissions=10)
    assert found.uploads == {None: settings.uploads_of_owner, 429: 8 - settings.uploads_of_owner}
    assert found.streams == {200: 100, 429: 50}
    assert statistics.median(found.seconds) < 1.0
    assert max(found.seconds) < 1.0 + max(found.alone)  # a machine that does other work besides
