"""Verdicts made anew, on a real store of scans that have ended."""

from typing import Any

import pytest

from nc_core.errors import OptionRefused
from nc_tasks.errors import NoSuchSubmission, NotFound, WrongState
from nc_tasks.store.rows import detections, submissions
from nc_tasks.views import rejudging
from nc_tasks.views.rejudging import Rejudged
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.test_calibration import clean_scan, compared, invert, inverting, named
from tests.servers.databases import database_url as database_url

pytestmark = pytest.mark.usefixtures("sent")


def backdoored_scan(worker: WorkerProcess, number: int, *, small: float = 3.0) -> str:
    submission_id = inverting(worker, number)
    invert(worker, submission_id, small=small)
    return submission_id


def rejudged(worker: WorkerProcess, *ids: str, **how: Any) -> dict[str, Rejudged]:
    with worker.store.read() as session:
        rows = rejudging.wanted(session, ids=ids or None)
        return {one.submission.id: one for one in rejudging.rejudge(session, rows, owner="local", **how)}


def recorded(worker: WorkerProcess, submission_id: str) -> dict[str, Any]:
    with worker.store.read() as session:
        found = detections.get(session, submission_id=submission_id)
        assert found is not None
        return {"at": found.created_at, **found.body}


def test_against_a_baseline_a_verdict_rests_on_its_scans_and_what_was_recorded_stays(worker: WorkerProcess) -> None:
    named(worker, *(clean_scan(worker, number) for number in (1, 2)))
    submission_id = backdoored_scan(worker, 9)
    before = recorded(worker, submission_id)
    (one,) = rejudged(worker, submission_id, baseline="signs").values()
    assert one.recorded == before["verdict"] == "backdoored"
    assert compared(one.body["reason"]) == 2
    assert recorded(worker, submission_id) == before
    # and without one it is what it was
    (same,) = rejudged(worker, submission_id).values()
    assert same.body["verdict"] == before["verdict"]
    assert same.body["p_value"] == before["p_value"]


def test_another_rate_is_the_new_verdict_s_threshold(worker: WorkerProcess) -> None:
    submission_id = clean_scan(worker, 1)
    (one,) = rejudged(worker, submission_id, alpha=0.2).values()
    assert one.body["threshold"] == 0.2


def test_of_a_fleet_each_is_held_against_the_others_that_do_not_stand_out(worker: WorkerProcess) -> None:
    # Given three clean nets, a backdoored one, and one of other classes
    clean = [clean_scan(worker, number) for number in (1, 2, 3)]
    bad, other = backdoored_scan(worker, 4), clean_scan(worker, 5)
    with worker.store.write() as session:
        submissions.get(session, submission_id=other).input_shape = [28, 28, 3]
    found = rejudged(worker, *clean, bad, other, fleet=True)
    # Then the backdoored one is none of those that the others are held against
    assert {one.submission.id: compared(one.body["reason"]) for one in found.values()} == {
        **dict.fromkeys(clean, 2),
        bad: 3,
        other: 0,
    }
    assert found[bad].calibration["source"] == "none"
    assert "uncalibrated" in found[other].body["reason"]


def test_a_net_that_was_scanned_twice_counts_once(worker: WorkerProcess) -> None:
    scans = [clean_scan(worker, number) for number in (1, 2, 3)]
    with worker.store.write() as session:
        submissions.get(session, submission_id=scans[1]).canonical_sha256 = f"{1:064x}"
    found = rejudged(worker, *scans, fleet=True)
    assert [compared(found[scan].body["reason"]) for scan in scans] == [1, 1, 1]
    named(worker, *scans)
    assert compared(rejudged(worker, scans[2], baseline="signs")[scans[2]].body["reason"]) == 1


def test_submissions_are_named_by_id_by_tag_or_all(worker: WorkerProcess) -> None:
    one, two, open_one = clean_scan(worker, 1), clean_scan(worker, 2), inverting(worker, 3)
    with worker.store.write() as session:
        submissions.get(session, submission_id=two).tags = {"team/a": "vi'sion"}
        submissions.get(session, submission_id=two).owner = "her"
    with worker.store.read() as session:

        def ids(**how: Any) -> list[str]:
            return [row.id for row in rejudging.wanted(session, **how)]

        assert ids() == [one, two]
        assert ids(tags={"team/a": "vi'sion"}) == [two]
        assert ids(tags={"team/a": "x"}) == []
        assert ids(owner="her") == [two]
        assert ids(ids=[two, one, two]) == [two, one]
        with pytest.raises(WrongState, match="is inverting and has no verdict"):
            ids(ids=[open_one])
        with pytest.raises(NoSuchSubmission):
            ids(ids=[one], owner="her")


def test_what_cannot_be_held_against_is_refused_in_one_line(worker: WorkerProcess) -> None:
    one = clean_scan(worker, 1)
    with pytest.raises(NotFound, match="no baseline is called 'x'"):
        rejudged(worker, one, baseline="x")
    with pytest.raises(OptionRefused, match="pass one of --fleet and --baseline"):
        rejudged(worker, one, baseline="x", fleet=True)


def test_too_many_at_once_are_refused_with_the_limit(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        clean_scan(worker, number)
    monkeypatch.setattr(rejudging, "MOST", 1)
    with pytest.raises(OptionRefused, match="the limit is 1"):
        rejudged(worker)
