"""The workers: who was heard of, in which version, and does somebody serve what waits?"""

from datetime import datetime

from sqlalchemy import select

from api.cli.doctor.check import Check, fail, ok, warn
from nc_core.results.numbers import count, duration
from nc_tasks.settings import Settings
from nc_tasks.store import Store, Worker
from nc_tasks.store.rows import lifecycle
from nc_tasks.store.tables.types import now
from nc_tasks.version import build_version

QUEUES = ("labels", "control")


def check(store: Store, settings: Settings) -> Check:
    """Look at the workers that tell of themselves, and at what waits for them."""
    known = select(Worker).where(Worker.queue.in_(QUEUES)).order_by(Worker.queue, Worker.id)
    with store.read() as session:
        moment, rows = now(session), list(session.scalars(known))
        waiting = len(lifecycle.unfinished(session))
    live = [row for row in rows if (moment - row.last_seen).total_seconds() <= settings.lease_seconds]
    if not live:
        return _nobody(rows, moment, waiting)
    missing = [queue for queue in QUEUES if all(row.queue != queue for row in live)]
    others = sorted({row.version for row in live} - {build_version()})
    found = ", ".join(_in_words(queue, live) for queue in QUEUES)
    if missing:
        worse = fail if waiting else warn
        return worse("workers", found, f"start a worker of queue {missing[0]}, or look into its log")
    if others:
        advice = "`cleanse down`, or restart the workers of other hosts with this version"
        return warn(
            "workers", f"{found}; of another version than this program ({build_version()}): {', '.join(others)}", advice
        )
    return ok("workers", found)


def _nobody(rows: list[Worker], moment: datetime, waiting: int) -> Check:
    seen = max((row.last_seen for row in rows), default=None)
    since = (
        "none was ever heard of" if seen is None else f"last heard of {duration((moment - seen).total_seconds())} ago"
    )
    if not waiting:
        return ok("workers", f"none at work, and nothing waits ({since})")
    found = f"{count(waiting, 'submission')} not ended, and no worker at work ({since})"
    return fail("workers", found, "`cleanse retry ID` or `cleanse run` starts them here; else start a worker")


def _in_words(queue: str, live: list[Worker]) -> str:
    mine = [row for row in live if row.queue == queue]
    if not mine:
        return f"none for {queue}"
    hosts = len({row.host for row in mine})
    return f"{count(len(mine), 'process', 'processes')} for {queue} on {count(hosts, 'host')}"
