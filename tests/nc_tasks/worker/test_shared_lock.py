"""Who holds the lock of a label worker's process together, and who alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

from nc_tasks.worker.shared_lock import SharedLock

GOES_ON = threading.Event()


def test_one_that_must_be_alone_waits_for_those_within_and_keeps_later_ones_out() -> None:
    # Given two labels in the process
    lock, seen = SharedLock(), list[str]()
    inside, leave, asked = threading.Barrier(3), threading.Event(), threading.Event()

    def early() -> None:
        with lock.shared(GOES_ON) as entered:
            inside.wait(10)
            leave.wait(10)
            seen.append(f"early {entered}")

    def alone() -> None:
        asked.set()
        with lock.exclusive(GOES_ON) as entered:
            seen.append(f"alone {entered}")

    def late() -> None:
        with lock.shared(GOES_ON) as entered:
            seen.append(f"late {entered}")

    with ThreadPoolExecutor(4) as pool:
        pool.submit(early)
        pool.submit(early)
        inside.wait(10)
        # When one comes that must be alone, and then another that need not
        pool.submit(alone)
        asked.wait(10)
        while not lock._waiting:
            pass
        pool.submit(late)
        leave.set()
    # Then it was let in between them
    assert seen == ["early True", "early True", "alone True", "late True"]


def test_where_the_process_ends_nobody_is_let_in() -> None:
    lock, stopping = SharedLock(), threading.Event()
    with lock.shared(stopping) as first:
        stopping.set()
        with lock.exclusive(stopping) as second, lock.shared(stopping) as third:
            assert (first, second, third) == (True, False, False)
    # And it is free afterwards
    with lock.exclusive(GOES_ON) as entered:
        assert entered
