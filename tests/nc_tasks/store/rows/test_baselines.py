"""Baselines and what a submission is held against, on each kind of database."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from nc_core.errors import OptionRefused
from nc_tasks.errors import NotFound
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import LOCAL, Baseline, CalibrationScan, Store, Submission
from nc_tasks.store.rows import baselines, calibrations, detections, lifecycle, removal, submissions
from nc_tasks.store.tables.types import now

Submit = Callable[..., Submission]
BODY = {"verdict": "clean", "reason": "none is small", "p_value": 0.5, "flagged_labels": []}


@pytest.fixture
def clean(store: Store, submit: Submit) -> Callable[[str], str]:
    """A scan of another model that has ended with a verdict."""

    def scanned(model: str) -> str:
        submission_id = submit(model=model).id
        with store.write() as session:
            for state in ("preparing", "inverting"):
                lifecycle.set_state(session, submission_id=submission_id, state=state)
            detections.record(session, submission_id=submission_id, body=BODY)
            lifecycle.set_state(session, submission_id=submission_id, state="done")
        return submission_id

    return scanned


def order(store: Store, *, owner: str = LOCAL, **options: object) -> str:
    with store.write() as session:
        return submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="m.h5"),
                data=StoredFile(sha256="d" * 64, name="d.npz"),
                options=ScanOptions(**options),
            ),
            owner=owner,
        ).id


def held_against(store: Store, submission_id: str) -> list[str]:
    with store.read() as session:
        return [scan.id for scan in calibrations.scans(session, submission_id=submission_id)]


def add(store: Store, *ids: str, owner: str = LOCAL, name: str = "signs") -> int:
    with store.write() as session:
        return baselines.add(session, owner=owner, name=name, submission_ids=ids)


def test_a_baseline_names_scans_once_and_says_how_many_have_a_result(
    store: Store, submit: Submit, clean: Callable[[str], str]
) -> None:
    done, queued = clean("1"), submit(model="2").id
    assert add(store, done, queued, done) == 2
    assert add(store, done) == 0
    with store.read() as session:
        (found,) = baselines.every(session, owner=LOCAL)
        assert (found.name, found.scans, found.with_result) == ("signs", 2, 1)
        assert set(baselines.members(session, owner=LOCAL, name="signs")) == {done, queued}
        assert baselines.every(session, owner="another") == []
        assert len(baselines.every(session, owner=None)) == 1


def test_scans_are_taken_from_under_a_name_and_stay(store: Store, clean: Callable[[str], str]) -> None:
    one, two = clean("1"), clean("2")
    add(store, one, two)
    with store.write() as session:
        with pytest.raises(NotFound, match="has no submission 'ffff'"):
            baselines.remove(session, owner=LOCAL, name="signs", submission_ids=["ffff"])
        assert baselines.remove(session, owner=LOCAL, name="signs", submission_ids=[one]) == 1
        assert baselines.members(session, owner=LOCAL, name="signs") == [two]
        assert baselines.remove(session, owner=LOCAL, name="signs") == 1
        with pytest.raises(NotFound, match="no baseline is called 'signs'"):
            baselines.members(session, owner=LOCAL, name="signs")
        assert submissions.get(session, submission_id=one).state == "done"


def test_an_order_is_held_against_the_baseline_as_it_is_when_it_is_made(
    store: Store, submit: Submit, clean: Callable[[str], str]
) -> None:
    one, open_one = clean("1"), submit(model="2").id
    add(store, one, open_one)
    ordered = order(store, baseline="signs")
    assert held_against(store, ordered) == sorted([one, open_one])
    with store.read() as session:
        assert calibrations.awaited(session, submission_id=ordered) == calibrations.Awaited(scans=2, open=1)
    # What comes to the baseline later is no part of it, until it is tried again
    later = clean("3")
    add(store, later)
    assert later not in held_against(store, order(store, baseline="signs"))
    with store.write() as session:
        submissions.cancel(session, submission_id=ordered)
    assert later in held_against(store, order(store, baseline="signs"))


def test_an_order_without_a_baseline_to_be_held_against_is_refused_in_one_line(store: Store, submit: Submit) -> None:
    with pytest.raises(NotFound, match="no baseline is called 'signs'"):
        order(store, baseline="signs")
    add(store, submit(model="2").id)
    with pytest.raises(OptionRefused, match="has 1 scans and none of them has a result") as caught:
        order(store, baseline="signs")
    assert "\n" not in str(caught.value)
    # Another's baseline is none
    with pytest.raises(NotFound, match="no baseline is called 'signs'"):
        order(store, owner="another", baseline="signs")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"twins": 3, "unlabelled": True}, "--unlabelled"),
        ({"twins": 3, "baseline": "signs"}, "pass one of --twins and --baseline"),
        ({"twin": 1, "value_range": "0..1", "twins": 2}, "calibrated by none"),
        ({"twin": 1}, "one value range"),
    ],
)
def test_options_that_contradict_each_other_are_refused_in_one_line(
    store: Store, options: dict[str, object], line: str
) -> None:
    with pytest.raises(OptionRefused, match=line) as caught:
        order(store, **options)
    assert "\n" not in str(caught.value)


def test_options_of_later_versions_change_no_key_while_they_are_not_used() -> None:
    told = ScanOptions().deciding()
    later = {"baseline", "twins", "twin", "channels", "class_names", "output", "input_shape"}
    assert not later & set(told)
    assert told == {name: value for name, value in ScanOptions().model_dump(mode="json").items() if name not in later}
    keys = {
        submissions.key_of(
            ScanRequest(model=StoredFile(sha256="a", name="m"), data=StoredFile(sha256="b", name="d"), options=options)
        )
        for options in (
            ScanOptions(),
            ScanOptions(baseline="signs"),
            ScanOptions(twins=3),
            ScanOptions(twin=0),
            ScanOptions(twin=1),
        )
    }
    assert len(keys) == 5


def test_two_that_are_held_against_one_another_do_not_wait_for_one_another(
    store: Store, clean: Callable[[str], str]
) -> None:
    add(store, clean("1"))
    first, second = order(store, baseline="signs"), order(store, baseline="signs", seed=1)
    with store.write() as session:
        for one, other in ((first, second), (second, first)):
            calibrations.link(session, submission_id=one, scan_ids=[other], source="baseline")
            assert calibrations.awaited(session, submission_id=one) == calibrations.Awaited(scans=1, open=0)


def test_twins_end_with_the_submission_that_they_were_made_for_unless_another_needs_them(
    store: Store, submit: Submit, clean: Callable[[str], str]
) -> None:
    # Given two submissions that share one of their twins, and a baseline's scan that is at work
    first, second = order(store, twins=2), order(store, twins=2, seed=1)
    own, shared, named = (submit(model=model).id for model in "123")
    ended = clean("4")
    with store.write() as session:
        calibrations.link(session, submission_id=first, scan_ids=[own, shared, ended], source="twins")
        calibrations.link(session, submission_id=first, scan_ids=[named], source="baseline")
        calibrations.link(session, submission_id=second, scan_ids=[shared], source="twins")

        def states() -> list[str]:
            return [submissions.get(session, submission_id=each).state for each in (own, shared, named)]

        submissions.cancel(session, submission_id=first)
        assert states() == ["cancelled", "queued", "queued"]
        submissions.cancel(session, submission_id=second)
        assert states() == ["cancelled", "cancelled", "queued"]


def test_a_submission_is_not_held_against_itself(store: Store, clean: Callable[[str], str]) -> None:
    one = clean("1")
    with store.write() as session:
        calibrations.link(session, submission_id=one, scan_ids=[one], source="baseline")
    assert held_against(store, one) == []


def test_what_is_deleted_leaves_no_link_and_what_a_baseline_names_does_not_grow_old(
    store: Store, clean: Callable[[str], str]
) -> None:
    named, other = clean("1"), clean("2")
    add(store, named)
    order(store, baseline="signs")
    with store.write() as session:
        for identity in (named, other):
            submissions.get(session, submission_id=identity).finished_at = now(session).replace(year=2000)
        session.flush()
        assert removal.ended_before(session, days=30) == [other]
        removal.remove(session, submission_id=named)
        assert session.scalars(select(CalibrationScan)).all() == []
        assert session.scalars(select(Baseline)).all() == []
