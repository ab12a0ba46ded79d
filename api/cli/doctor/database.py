"""The SQL store: is it there, of the right version, and do its clock and ours agree?"""

import time
from pathlib import Path

from sqlalchemy import Engine, make_url

from api.cli.doctor.check import Check, fail, ok, warn
from nc_tasks.settings import Settings
from nc_tasks.store.database.migrate import revision, revisions
from nc_tasks.store.database.store import Store
from nc_tasks.store.tables.types import now

SKEW_SECONDS = 2.0
"""Leases are reckoned by the database's clock alone; a host that is off by more than this is off in its logs, its
certificates and its signatures."""


def absent(settings: Settings) -> Check | None:
    """A finding where a database of a file is not there yet; None where there is something to look at."""
    url = make_url(settings.store_url)
    if url.get_backend_name() != "sqlite" or (url.database and Path(url.database).exists()):
        return None
    return ok("database", f"none at {url.database} yet; the first command makes it")


def schema(engine: Engine) -> Check:
    """Whether its tables are those that this program knows."""
    known, where = revisions(), engine.url.render_as_string()
    with engine.connect() as connection:
        present = revision(connection)
    if present == known[-1]:
        return ok("database", f"{where}, revision {present}")
    if present is None:
        return warn("database", f"{where} is empty", "the first command fills it")
    if present in known:
        found = f"{where} has revision {present}, this program knows {known[-1]}"
        return warn("database", found, "make a copy of it; the next start of this program migrates it")
    found = f"{where} has revision {present}, this program knows {known[-1]} at most"
    return fail("database", found, "upgrade the program, or choose another home")


def clock(store: Store) -> Check:
    """How far this machine's clock is from the database's, half of the question's way taken off."""
    with store.read() as session:
        now(session)  # connected: what follows is one round trip
        asked = time.time()
        theirs = now(session).timestamp()
        answered = time.time()
    skew = (asked + answered) / 2 - theirs
    # SQLite's clock shows milliseconds, and the answer may have been made at either end of the way.
    found = f"{abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} the database's"
    if abs(skew) <= SKEW_SECONDS + (answered - asked) / 2:
        return ok("clock", "agrees with the database's")
    return warn("clock", found, "set it by NTP on both machines")
