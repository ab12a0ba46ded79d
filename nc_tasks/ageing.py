"""Lets labels that have waited long come to their turn, however many urgent ones keep coming.

The first labels of a round go before the later ones of others (`publishing.priority_of`): a small submission does not
wait behind a large one. So that many small ones do not keep a large one waiting for ever, every few labels taken bring
the oldest message of the least urgent ones to the front. What they get that way is a share of the work that is done,
whatever a label takes.
"""

from itertools import count

from redis import Redis
from redis.exceptions import RedisError

from nc_tasks import broker

EVERY = 5
"""Labels taken for one that is brought to the front: a fifth of the work goes to those that wait longest."""

_taken = count(1)


def label_taken() -> None:
    """Called for every label that this process takes; brings another to the front now and then."""
    if next(_taken) % EVERY == 0:
        try:
            bring_forward(broker.client(), broker.lists("labels"))
        except RedisError:
            return  # away for a moment: nothing depends on this one


def bring_forward(client: Redis, lists: list[str]) -> None:
    """Move the oldest message of the least urgent list that has one to where the next message is taken from."""
    first, *others = lists
    for name in reversed(others):
        if client.lmove(name, first, "RIGHT", "RIGHT") is not None:
            return
