"""What is asked of the broker beside messages: which one it is, and how much waits there."""

from secrets import token_hex

from redis import Redis

from nc_tasks.messages.address import key_prefix
from nc_tasks.messages.app import PRIORITIES, app
from nc_tasks.settings import get_settings

EPOCH = "epoch"
SEPARATOR = "\x06\x16"
"""Between a queue and a priority in the name of the list that kombu keeps their messages in."""


def epoch() -> str:
    """The name of the broker's memory: it changes when the broker has forgotten everything, and never else.

    Asked for before messages are sent, it proves later, where it is the same, that the broker has not lost them.
    """
    asked, key, name = client(), _prefix() + EPOCH, token_hex(8)
    asked.set(key, name, nx=True)  # of several at once the first one names it
    known = asked.get(key)
    # Wiped between the two: then no broker will ever have this name, and what is sent under it is sent again.
    return known.decode() if isinstance(known, bytes) else name


def waiting(queue: str) -> int:
    """Messages that no worker has taken yet, of all priorities."""
    with client().pipeline(transaction=False) as pipeline:
        for name in lists(queue):
            pipeline.llen(name)
        return sum(pipeline.execute())


def lists(queue: str) -> list[str]:
    """The lists of a queue, the most urgent first."""
    names = [queue if priority == 0 else f"{queue}{SEPARATOR}{priority}" for priority in PRIORITIES]
    return [_prefix() + name for name in names]


def client() -> Redis:
    """What is asked directly goes through this; names have `key_prefix` before them."""
    return app.backend.client


def _prefix() -> str:
    return key_prefix(get_settings())
