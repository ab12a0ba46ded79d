"""The heartbeat: one transaction for everything that a process holds."""

from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from nc_tasks.embedded.processes import wait_until
from nc_tasks.settings import Settings
from nc_tasks.store import Worker, open_store
from nc_tasks.store.rows import workers
from nc_tasks.worker.heartbeat import Heartbeat


def test_a_lease_that_cannot_be_renewed_is_lost_and_the_others_are_not(tmp_path: Path) -> None:
    # Given two pieces of work of which one was given away
    store = open_store(Settings(home=tmp_path))
    heartbeat = Heartbeat(store, report=lambda _: None, seconds=60, idle_seconds=60)
    sessions: list[Session] = []

    def mine(session: Session) -> bool:
        sessions.append(session)
        return True

    def given_away(session: Session) -> bool:
        sessions.append(session)
        return False

    with heartbeat.hold(mine) as kept, heartbeat.hold(given_away) as gone:
        # When it beats
        heartbeat.beat()
        # Then the work knows, and both were renewed in one session
        assert not kept.lost
        assert gone.lost
    assert sessions[0] is sessions[1]
    # And what has ended is renewed no more
    heartbeat.beat()
    assert len(sessions) == 2
    store.close()


def test_where_the_device_does_not_answer_nothing_is_renewed_and_the_process_ends(tmp_path: Path) -> None:
    # Given two pieces of work, at one of which the device hangs
    store = open_store(Settings(home=tmp_path))
    said: list[str] = []
    heartbeat = Heartbeat(store, report=lambda _: None, seconds=60, idle_seconds=60, end=lambda: said.append("end"))

    def renew(_: Session) -> bool:
        said.append("renewed")
        return True

    with heartbeat.hold(renew), heartbeat.hold(renew, stuck=lambda: True):
        # When it beats
        heartbeat.beat()
    # Then the process is of no use any more, and no lease was prolonged
    assert said == ["end"]
    store.close()


def test_a_worker_is_known_from_the_first_beat_and_comes_back_when_it_was_taken_for_dead(tmp_path: Path) -> None:
    # Given a worker that has just begun
    store = open_store(Settings(home=tmp_path))
    report = partial(workers.report, worker_id="h:1", queue="labels", pid=1, host="h", version="1", slots=4)
    heartbeat = Heartbeat(store, report=report, seconds=60, idle_seconds=60)

    def known() -> list[tuple[str, int]]:
        with store.read() as session:
            return [(worker.id, worker.slots) for worker in workers.live(session, within_seconds=60)]

    heartbeat.start()
    # Then it is known without having had anything to do
    assert wait_until(lambda: known() == [("h:1", 4)], 30)
    # When somebody has taken its row away, then the next beat brings it back
    with store.write() as session:
        workers.release(session, dead=["h:1"])
    assert known() == []
    heartbeat.beat()
    assert known() == [("h:1", 4)]
    heartbeat.stop()
    store.close()


def test_a_beat_that_comes_late_does_not_bring_back_a_worker_that_has_left(tmp_path: Path) -> None:
    # Given a worker whose row is there, and a piece of work that it holds
    store = open_store(Settings(home=tmp_path))
    report = partial(workers.report, worker_id="h:1", queue="labels", pid=1, host="h", version="1", slots=4)
    heartbeat = Heartbeat(store, report=report, seconds=60, idle_seconds=60)

    def known() -> list[Worker]:
        with store.read() as session:
            return workers.live(session, within_seconds=60)

    heartbeat.start()
    assert wait_until(lambda: bool(known()), 30)
    with heartbeat.hold(lambda _: False) as held:
        # When it has ended and left before a beat's turn to write came
        heartbeat.stop()
        with store.write() as session:
            workers.release(session, dead=["h:1"])
        heartbeat.beat()
    # Then the beat writes nothing
    assert known() == []
    assert not held.lost
    store.close()


def test_a_process_that_holds_nothing_beats_seldom_and_its_first_work_ends_the_pause(tmp_path: Path) -> None:
    # Given a process that holds nothing, and would not beat for hours
    store = open_store(Settings(home=tmp_path))
    beats: list[str] = []
    heartbeat = Heartbeat(store, report=lambda _: beats.append("beat"), seconds=0.02, idle_seconds=10**6)
    heartbeat.start()
    assert wait_until(lambda: beats == ["beat"], 30)
    assert not wait_until(lambda: len(beats) > 1, 0.3)
    # When it takes work, then it tells so, and goes on
    with heartbeat.hold(lambda _: True):
        assert wait_until(lambda: len(beats) > 3, 30)
    # And it ends at once, in the midst of a pause
    heartbeat.stop()
    assert not heartbeat._thread.is_alive()
    store.close()
