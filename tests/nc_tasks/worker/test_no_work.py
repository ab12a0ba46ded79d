"""The stand-ins for an engine and its inversions have all that label tasks ask of the real ones."""

from nc_core.inversion import Inversion
from nc_tasks.worker.engine import SlotEngine
from tests.no_work import Nothing, Unasked


def public(of: object) -> set[str]:
    return {name for name in dir(of) if not name.startswith("_")}


def test_an_inversion_of_no_work_has_what_one_of_work_has() -> None:
    own = {"label", "size", "cost", "begun", "seen", "without_work"}
    whole = public(Inversion) | set(Inversion.__dataclass_fields__)
    assert whole - own == public(Nothing())


def test_an_engine_that_is_not_asked_has_all_that_engines_are_asked_for() -> None:
    own = {"invert", "idle", "silent_seconds"}
    assert public(SlotEngine) - own == public(Unasked)
