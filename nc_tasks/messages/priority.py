"""How urgent a label's message is, and that one which has waited long comes to its turn.

The first labels of a round go before the later ones of others: a small submission does not wait behind a large one. So
that many small ones do not keep a large one waiting for ever, every few labels taken bring the oldest message of the
least urgent ones to the front. What they get that way is a share of the work that is done, whatever a label takes.
"""

from itertools import count

from redis import Redis
from redis.exceptions import RedisError

from nc_tasks.messages import broker
from nc_tasks.messages.app import PRIORITIES
from nc_tasks.request.choices import Priority

URGENT = 10
"""Labels of a round that go before almost everything else that waits, whoever came first."""
STEPS: dict[Priority, int] = {"high": -4, "normal": 0, "low": 4}
"""Of the ten priorities: the first 80 labels of a high one go with the first 10 of a normal one."""
LABELS_PER_TURN = 5
"""Labels taken for one that is brought to the front: a fifth of the work goes to those that wait longest."""

_taken = count(1)


def priority_of(position: int, urgency: Priority = "normal") -> int:
    """How urgent the label at this position of its round is: 0 for the first few, then twice as many at each step.

    So a few labels wait for the first few of every other submission, not for the last of a thousand. urgency: of the
    submission; it moves all its labels up or down by `STEPS`, and what waits long comes to its turn all the same.
    """
    moved = (position // URGENT).bit_length() + STEPS[urgency]
    return max(PRIORITIES[0], min(PRIORITIES[-1], moved))


def label_taken() -> None:
    """Called for every label that this process takes; brings another to the front now and then."""
    if next(_taken) % LABELS_PER_TURN == 0:
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
