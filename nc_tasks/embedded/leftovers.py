"""Ends what a supervisor that was killed has left behind."""

from nc_tasks.embedded.broker import find_broker
from nc_tasks.embedded.files import StackFiles
from nc_tasks.embedded.processes import stop_session
from nc_tasks.embedded.state import read_state
from nc_tasks.settings import Settings

PATIENCE_SECONDS = 2.0
"""The kernel told them to end when their supervisor died; this is for those that do not."""


def end_workers(files: StackFiles) -> bool:
    """End workers that a former supervisor wrote down and that still run; returns whether there was a record.

    The caller holds the supervisor's lock, or knows by the start lock that no supervisor comes meanwhile.
    """
    state = read_state(files.state)
    for child in () if state is None else state.children:
        if child.pid is not None and child.started is not None:
            stop_session(child.pid, child.started, seconds=PATIENCE_SECONDS)
    files.state.unlink(missing_ok=True)
    return state is not None


def end_broker(settings: Settings) -> bool:
    """End the broker of this home; returns whether one ran."""
    broker = find_broker(settings)
    if broker is not None:
        broker.stop()
    return broker is not None
