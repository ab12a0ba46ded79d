"""Labels that were asked for, as ranges: a submission's options were as long as the labels were many."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SUBMISSION = sa.table("submission", sa.column("id", sa.String), sa.column("options", sa.JSON))


def upgrade() -> None:
    _rewrite(list, _written)


def downgrade() -> None:
    _rewrite(str, _read)


def _rewrite(kind: type, change: Callable[[Any], Any]) -> None:
    """One row after the other: of those that this is for, a few fill the memory."""
    connection = op.get_bind()
    for identity in connection.scalars(sa.select(SUBMISSION.c.id)).all():
        mine = SUBMISSION.c.id == identity
        options: dict[str, Any] = connection.execute(sa.select(SUBMISSION.c.options).where(mine)).scalar_one()
        if isinstance(options.get("labels"), kind):
            changed = {**options, "labels": change(options["labels"])}
            connection.execute(sa.update(SUBMISSION).where(mine).values(options=changed))


def _written(labels: list[int]) -> str:
    # Labels that follow one another are as far from their places as each other.
    runs = groupby(enumerate(sorted(labels)), key=lambda placed: placed[1] - placed[0])
    ranges = [[label for _, label in run] for _, run in runs]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in ranges)


def _read(text: str) -> list[int]:
    ends = [part.partition("-") for part in text.split(",")]
    return [label for first, _, last in ends for label in range(int(first), int(last or first) + 1)]
