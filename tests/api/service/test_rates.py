"""Requests are counted over all processes of the service, on the broker that they share."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from api.service.rates import AWAY_SECONDS, Rates
from api.web.app import create_app
from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.messages.address import broker_url, client_url, key_prefix
from nc_tasks.settings import Settings
from tests.api.service.conftest import MakeKey, serving

LIST = "/v1/submissions"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", redis_url=None, database_url=None, requests_per_minute=4)


@pytest.fixture
def broker(settings: Settings) -> Iterator[None]:
    running = start_broker(settings, stack_files(settings))
    yield
    running.stop()


def rates(settings: Settings, clock: list[float] | None = None) -> Rates:
    """Those of one process."""
    moment = clock or [0.0]
    url, prefix = client_url(broker_url(settings)), key_prefix(settings)
    return Rates(settings.requests_per_minute, url=url, prefix=prefix, clock=lambda: moment[0])


@pytest.mark.usefixtures("broker")
def test_two_processes_of_one_service_let_through_what_one_would(settings: Settings, make_key: MakeKey) -> None:
    hasty, other = make_key("hasty"), make_key("other")
    with ExitStack() as stack:
        # Given two processes of the service on one broker
        urls = [stack.enter_context(serving(create_app(settings))) for _ in range(2)]
        clients = [stack.enter_context(httpx.Client(base_url=url, trust_env=False)) for url in urls]
        # When a caller asks each in turn
        answers = [clients[number % 2].get(LIST, headers=hasty) for number in range(6)]
        # Then both together answer as often as the limit says, and both say when to come again
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429, 429]
        assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in answers[4:])
        # And another caller is answered by both
        assert [client.get(LIST, headers=other).status_code for client in clients] == [200, 200]


@pytest.mark.usefixtures("broker")
def test_two_installations_on_one_broker_count_apart(settings: Settings) -> None:
    another = Rates(4, url=client_url(broker_url(settings)), prefix="cleanse:another:")
    ours = rates(settings)
    assert [ours.take("a") is None for _ in range(5)] == [True] * 4 + [False]
    assert another.take("a") is None
    for each in (ours, another):
        each.close()


def test_while_the_broker_is_away_each_process_counts_alone_and_says_so_once(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    first, second = rates(settings, clock), rates(settings, clock)
    # Given no broker
    with caplog.at_level("WARNING"):
        assert [first.take("a") is None for _ in range(5)] == [True] * 4 + [False]
        assert second.take("a") is None
        clock[0] = AWAY_SECONDS
        assert 1 <= (first.take("a") or 0) <= 60
    assert caplog.text.count("the broker does not answer") == 2  # one each
    # When it is there again and its pause is over
    running = start_broker(settings, stack_files(settings))
    try:
        assert first.take("a") is not None
        clock[0] = 3 * AWAY_SECONDS
        # Then both count together
        assert [each.take("a") is None for each in (first, second) * 3] == [True] * 4 + [False] * 2
    finally:
        running.stop()
        first.close()
        second.close()


def test_a_broker_that_was_started_anew_is_asked_at_once(settings: Settings) -> None:
    ours = rates(settings)
    # Given a broker that has answered
    running = start_broker(settings, stack_files(settings))
    assert ours.take("a") is None
    # When another has taken its place meanwhile
    running.stop()
    running = start_broker(settings, stack_files(settings))
    try:
        # Then it counts on, for other processes too
        assert [ours.take("a") is None for _ in range(4)] == [True] * 3 + [False]
        other = rates(settings)
        assert other.take("a") is not None
        other.close()
    finally:
        running.stop()
        ours.close()
