"""Watching submissions: one look a second for each that is watched, whatever the number of its watchers.

What a look finds is put into words once and handed to all. A watcher that comes later, or that was too slow, begins
with everything as it stands.
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sized
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from sqlalchemy.exc import SQLAlchemyError

from api.progress.eta import Eta
from api.progress.snapshot import Snapshot, shares
from api.progress.watching import snapshot
from nc_tasks.errors import NotFound
from nc_tasks.store import Store
from nc_tasks.store.queries.grid import Cell, cells, changed
from nc_tasks.store.rows import detections

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
LOOKS_A_SECOND = 50
"""Of all submissions together: where more are watched, each is looked at less often."""
LOOKS_AT_ONCE = 4
"""Threads that look: the other ones answer requests."""
KEEP_ALIVE_SECONDS = 15.0
"""Silence after which a comment is sent: proxies end connections that say nothing."""
BACKLOG = 120
"""Events that a slow watcher may be behind before it is given everything anew."""


def event(name: str, data: object) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look has found. verdict: once there is one."""

    seen: Snapshot
    grid: list[Cell]
    verdict: str | None


def look(store: Store, submission_id: str) -> Look:
    """Read how far the submission is; raises NoSuchSubmission."""
    with store.read() as session:
        judged = detections.get(session, submission_id=submission_id)
        return Look(
            seen=snapshot(session, submission_id),
            grid=cells(session, submission_id=submission_id),
            verdict=None if judged is None else judged.verdict,
        )


def progress_json(seen: Snapshot, seconds: float | None) -> dict[str, Any]:
    """The progress as an event tells it."""
    return {
        "state": seen.state,
        "phase": seen.phase,
        "shares": {phase: round(share, 4) for phase, share in shares(seen).items()},
        "labels_total": seen.labels_total,
        "labels": seen.labels,
        "labels_ended": seen.labels_ended,
        "purpose": seen.purpose,
        "round": seen.round,
        "range": seen.range,
        "ranges": seen.ranges,
        "screenings": seen.screenings,
        "clean_scans": seen.clean_scans,
        "awaited": seen.awaited,
        "eta_seconds": None if seconds is None else round(seconds, 1),
    }


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often each of the submissions that are watched is looked at, and by how many threads."""

    watched: Sized
    threads: CapacityLimiter

    def pause(self) -> float:
        """Seconds until a submission is looked at again."""
        return max(POLL_SECONDS, len(self.watched) / LOOKS_A_SECOND)


class Watched:
    """One submission that is watched: its events, numbered, and whoever waits for the next."""

    def __init__(self, store: Store, submission_id: str, pace: "Pace") -> None:
        self.watchers = 0
        self.over = False
        self._store, self._id, self._pace = store, submission_id, pace
        self._eta = Eta()
        self._events: deque[bytes] = deque(maxlen=BACKLOG)
        self._count = 0
        self._progress: bytes = b""
        self._grid: dict[int, Cell] = {}
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Look until the submission has ended."""
        while not self.over:
            try:
                found = await to_thread.run_sync(look, self._store, self._id, limiter=self._pace.threads)
            except NotFound:
                await self._tell([event("end", {"state": "deleted", "verdict": None})], over=True)
                return
            except SQLAlchemyError as error:
                log.warning("not looked at %s, will try again: %s", self._id, " ".join(str(error).split()))
            else:
                await self._tell(self._words(found), over=found.seen.ended)
            if not self.over:
                await asyncio.sleep(self._pace.pause())

    def _words(self, found: Look) -> list[bytes]:
        seen, told = found.seen, []
        share = shares(seen).get(seen.phase or "", 0.0)
        progress = event("progress", progress_json(seen, self._eta.seconds(seen.phase, share, time.monotonic())))
        if progress != self._progress:
            told.append(progress)
        if new := changed(self._grid, found.grid):
            told.append(labels_event(new))
        if seen.ended:
            told.append(event("end", {"state": seen.state, "verdict": found.verdict}))
        self._progress, self._grid = progress, {cell.label: cell for cell in found.grid}
        return told

    async def _tell(self, told: list[bytes], *, over: bool) -> None:
        async with self._news:
            self._events.extend(told)
            self._count += len(told)
            self.over = over
            self._news.notify_all()

    async def follow(self) -> AsyncIterator[bytes]:
        """Everything as it stands, then what is new, until the end; a comment where nothing is new for long."""
        told = 0
        while True:
            news = await self._after(told)
            told = self._count
            for words in news:
                yield words
            if self.over and told == self._count:
                return

    async def _after(self, told: int) -> list[bytes]:
        """The events after the first `told` ones; everything as it stands for one who has missed some."""
        try:
            async with asyncio.timeout(KEEP_ALIVE_SECONDS), self._news:
                await self._news.wait_for(lambda: self._count > told or self.over)
        except TimeoutError:
            return [b": still here\n\n"]
        missed = self._count - told
        if told and missed <= len(self._events):
            return list(self._events)[len(self._events) - missed :]
        ended = [self._events[-1]] if self.over else []
        return [self._progress, labels_event(list(self._grid.values())), *ended]


def labels_event(grid: list[Cell]) -> bytes:
    """The event of these labels."""
    return event("labels", [cell._asdict() for cell in grid])


class Watchers:
    """All submissions that are watched from this process. Used on the event loop alone."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watched: dict[str, Watched] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pace = Pace(watched=self._watched, threads=CapacityLimiter(LOOKS_AT_ONCE))

    @property
    def count(self) -> int:
        """Watchers at this moment."""
        return sum(watched.watchers for watched in self._watched.values())

    async def follow(self, submission_id: str) -> AsyncIterator[bytes]:
        """The events of a submission, to be sent to one watcher."""
        watched = self._watched.get(submission_id)
        if watched is None or watched.over:
            watched = self._watched[submission_id] = Watched(self._store, submission_id, self._pace)
            self._tasks[submission_id] = asyncio.create_task(watched.run())
        watched.watchers += 1
        try:
            async for words in watched.follow():
                yield words
        finally:
            watched.watchers -= 1
            if not watched.watchers and self._watched.get(submission_id) is watched:
                del self._watched[submission_id]
                self._tasks.pop(submission_id).cancel()

    async def close(self) -> None:
        """Stop looking."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
