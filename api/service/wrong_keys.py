"""Wrong keys: told to the log and to the audit log, few of them, however many come.

Whoever has no key may send as many as the rate of requests lets through, from many addresses at once. What is written
must not fill the disk: the first tries of every hour get an entry each, later ones are counted in the next.
"""

import logging
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from api.service.log_limit import LogLimit
from nc_tasks.store import Store
from nc_tasks.store.rows import audit, keys

log = logging.getLogger(__name__)

ENTRIES_AN_HOUR = 60
"""Of each process: half a megabyte a day at most, of which `retention.tidy` keeps some."""
NOBODY = "-"
"""For an owner: no owner of a key has this name."""


class WrongKeys:
    """Used by many threads."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._limit = store, LogLimit(ENTRIES_AN_HOUR, clock)

    def note(self, text: str, address: str | None) -> None:
        """Note that somebody came with this text for a key; of the text nothing is kept but a key's public id."""
        untold = self._limit.take()
        if untold is None:
            return
        key_id = keys.id_in(text)
        about = f"{untold} more before that were not told" if untold else "none before it"
        log.warning("a wrong key came from %s, with the id %s; %s", address, key_id or "of no key", about)
        try:
            with self._store.write() as session:
                audit.record(
                    session,
                    owner=NOBODY,
                    key_id=None,
                    action=audit.WRONG_KEY,
                    subject=key_id or NOBODY,
                    address=address,
                    detail={"untold_before": untold},
                )
        except SQLAlchemyError:
            log.exception("a wrong key is not in the audit log")
