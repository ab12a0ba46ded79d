"""Which addresses are called: none inside the network, and none that no name can be."""

import socket
from typing import Any

import pytest

from nc_core.errors import OptionRefused
from nc_tasks.settings import Settings
from nc_tasks.store import Store
from nc_tasks.store.rows import deliveries
from nc_tasks.webhooks import Callbacks, check_url
from tests.nc_tasks.webhooks.conftest import Receiver, ended, row_of, submitted

INSIDE = (
    *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("::1", "fd00::1", "fe80::1", "::ffff:127.0.0.1"),
    *("64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a9fe:a9fe::1", "::10.0.0.1", "fec0::1"),
)
"""Loopback, private, link-local, shared, unspecified and multicast addresses, and those that lead to one."""


@pytest.mark.parametrize("address", INSIDE)
def test_given_a_name_that_leads_inside_then_nothing_is_sent_and_nothing_tried_again(
    store: Store, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    identity = submitted(store, f"http://rebound.example:{receiver.server_port}/")
    ended(store, identity)
    assert Callbacks(store, settings.model_copy(update={"callback_private": False})).deliver() == 0
    row = row_of(store, identity)
    assert (row.state, receiver.got, asked) == ("failed", [], ["rebound.example"])
    assert "inside a network" in str(row.reason)


@pytest.mark.parametrize("address", ["64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1", "2600::1"])
def test_given_an_address_that_leads_to_a_public_one_then_it_may_be_called(address: str) -> None:
    check_url(f"http://[{address}]/", allow_private=False)


def test_given_a_host_that_no_name_can_be_then_its_message_has_failed_and_the_next_is_sent(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    identity = submitted(store, f"http://{'a' * 64}.example/")
    with store.write() as session:
        deliveries.ask_for(session, submission_id=identity, url=receiver.url)
    ended(store, identity)
    assert Callbacks(store, settings).deliver() == 1
    with store.read() as session:
        states = {row.state: row.reason for row in deliveries.of_submission(session, submission_id=identity)}
    assert states.keys() == {"failed", "done"}
    assert "is no name" in str(states["failed"])


@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "http://", "http://u:p@x/", "http://127.0.0.1/", "http://[::1]/", "http://x:99999/", "http://ü/"],
)
def test_given_an_address_that_could_not_be_called_then_it_is_refused_at_once(url: str) -> None:
    with pytest.raises(OptionRefused, match=r"callback"):
        check_url(url, allow_private=False)
