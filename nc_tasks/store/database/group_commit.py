"""Group commit: writes that threads of one process bring at the same time share a transaction.

A durable commit costs a flush to disk, and SQLite takes one writer at a time: a transaction for each write of each
thread makes them wait for one another. Here the thread that comes while nobody writes takes along everything that has
gathered since the last commit. There is no thread of its own, and a write that comes alone waits for nobody.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from nc_tasks.errors import StoreClosed

T = TypeVar("T")
Work = Callable[[Session], T]


class _Entry:
    """One caller's write and what became of it."""

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.over = False
        self.value: Any = None
        self.error: BaseException | None = None


class GroupWriter:
    """Runs writes in the order in which they came, as many to a transaction as there are."""

    def __init__(self, write: Callable[[], AbstractContextManager[Session]]) -> None:
        self._write = write
        self._changed = threading.Condition()
        self._gathered: list[_Entry] = []
        self._writing = self._closed = False

    def run(self, work: Work[T]) -> T:
        """Run the write and return its result, once the commit that holds it is done; or raise its own exception.

        work: changes nothing but through its session, and does not call `run`. Where another write of the transaction
        raises, all is rolled back and each is run once more in a transaction of its own: work may be run twice, and is
        kept once. What befalls the transaction as a whole is raised to all. Raises StoreClosed after `close`.
        """
        entry = _Entry(work)
        with self._changed:
            if self._closed:
                raise StoreClosed("the store was closed: nothing can be written any more")
            self._gathered.append(entry)
            try:
                self._changed.wait_for(lambda: entry.over or not self._writing)
            except BaseException:
                # Interrupted while it waits: nobody is left who wants to know, so it is not written any more.
                self._gathered = [other for other in self._gathered if other is not entry]
                raise
            batch: list[_Entry] = []
            if not entry.over:
                self._writing, batch, self._gathered = True, self._gathered, []
        if batch:
            self._lead(batch, entry)
        if entry.error is not None:
            raise entry.error
        return entry.value

    def close(self) -> None:
        """Wait until everything that was brought is written, and take no more."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._writing and not self._gathered)

    def _lead(self, batch: list[_Entry], mine: _Entry) -> None:
        try:
            if not self._commit(batch):
                for entry in batch:
                    self._commit([entry])
        finally:
            with self._changed:
                # An interrupt of this thread is not the others' affair: one of them leads on.
                self._gathered[:0] = [entry for entry in batch if not entry.over and entry is not mine]
                self._writing = False
                self._changed.notify_all()

    def _commit(self, batch: list[_Entry]) -> bool:
        """Settle the writes in one transaction; False: one of several raised, and nothing was kept."""
        at: _Entry | None = None
        error: Exception | None = None
        try:
            with self._write() as session:
                for at in batch:
                    at.value = at.work(session)
                    session.flush()
                at = None
        except Exception as raised:
            if at is not None and len(batch) > 1:
                return False
            error = raised
        for entry in batch:
            entry.error, entry.over = error, True
        return True
