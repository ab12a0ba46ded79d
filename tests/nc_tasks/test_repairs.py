"""What follows the repairs of a submission: a comparison where there are several, then its end."""

from typing import Any

import pytest

from nc_tasks import workflow
from nc_tasks.store.rows import mitigations, submissions
from nc_tasks.views.results import result_json
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.submissions import CLEAN, Messages, end, prepared, state
from tests.servers.databases import database_url as database_url


def repairing(worker: WorkerProcess, methods: tuple[str, ...]) -> str:
    """A backdoored submission whose repairs are queued."""
    submission_id = prepared(worker, mitigate=methods)
    workflow.begin_scan(worker, submission_id)
    end(worker, submission_id, {**dict(enumerate(CLEAN)), 7: 3.0})
    workflow.advance(worker, submission_id, 0)
    end(worker, submission_id, {7: 3.5, int(CLEAN.argmin()): float(CLEAN.min())}, round=1)
    workflow.advance(worker, submission_id, 1)
    assert state(worker, submission_id) == "repairing"
    return submission_id


def repaired(worker: WorkerProcess, submission_id: str, method: str, *, rate: float, accuracy: float) -> None:
    """A repair ends with a net, the filter without; at least 0.9 of its accuracy is asked."""
    key = {"submission_id": submission_id, "method": method}
    body = {
        "method": method,
        "reversed_attack_success_rate_after": {"7": rate},
        "bound": {"after": accuracy, "least": 0.9},
    }
    with worker.store.write() as session:
        attempt = mitigations.claim(session, **key, worker_id="host:1", lease_seconds=60, max_attempts=3)
        assert attempt is not None
        sha = None if method == "filter" else method[0].encode().hex() * 32
        assert mitigations.finish(session, **key, attempt=attempt, state="done", body=body, goodnet_sha256=sha)
    workflow.conclude(worker.store, submission_id, patience_seconds=60)


def mitigation_of(worker: WorkerProcess, submission_id: str) -> dict[str, Any]:
    with worker.store.read() as session:
        return result_json(session, submission_id)["mitigation"]


def compared(rate: float) -> dict[str, Any]:
    return {"triggers": [{"origin": "scan", "label": 7, "norm": 9.0, "attack_success_rate": rate}]}


def test_several_repairs_are_compared_once_all_have_ended(worker: WorkerProcess, sent: Messages) -> None:
    # Given three repairs, of which two end with a net
    submission_id = repairing(worker, ("unlearning", "neuron-pruning", "fine-pruning"))
    repaired(worker, submission_id, "unlearning", rate=0.0, accuracy=0.95)
    repaired(worker, submission_id, "fine-pruning", rate=0.0, accuracy=0.99)
    # When the third has ended too, and that is noticed twice
    assert sent.comparisons == []
    with worker.store.write() as session:
        key = {"submission_id": submission_id, "method": "neuron-pruning"}
        assert mitigations.claim(session, **key, worker_id="host:1", lease_seconds=60, max_attempts=3) == 1
        mitigations.finish(session, **key, attempt=1, state="failed", reason="no convolution")
    for _ in range(2):
        workflow.conclude(worker.store, submission_id, patience_seconds=60)
    # Then a comparison is asked for once, and the submission waits for it
    assert sent.comparisons == [submission_id]
    assert state(worker, submission_id) == "repairing"
    # When the comparison found a trigger that works on the more accurate net, and is written twice
    for found in ({"unlearning": compared(0.02), "fine-pruning": compared(0.6)}, {"unlearning": compared(0.9)}):
        with worker.store.write() as session:
            mitigations.record_comparison(session, submission_id=submission_id, found=found)
        workflow.conclude(worker.store, submission_id, patience_seconds=60)
    # Then the other net is kept, and everything is told
    assert state(worker, submission_id) == "done"
    told = mitigation_of(worker, submission_id)
    assert told["method"] == "unlearning"
    assert told["goodnet_sha256"] == "75" * 32
    assert {one["method"]: one["kept"] for one in told["candidates"]} == {"unlearning": True, "fine-pruning": False}
    assert told["comparison"] == compared(0.02)
    assert told["failed"] == [{"method": "neuron-pruning", "reason": "no convolution"}]
    assert "unlearning leaves the least attack, 2.0%" in told["reason"]


def test_one_repair_needs_no_comparison(worker: WorkerProcess, sent: Messages) -> None:
    submission_id = repairing(worker, ("unlearning",))
    repaired(worker, submission_id, "unlearning", rate=0.5, accuracy=0.95)
    assert sent.comparisons == []
    assert state(worker, submission_id) == "done"
    assert mitigation_of(worker, submission_id)["method"] == "unlearning"


@pytest.mark.usefixtures("sent")
def test_a_repair_that_costs_too_much_is_rejected_with_its_evidence(worker: WorkerProcess) -> None:
    submission_id = repairing(worker, ("unlearning",))
    repaired(worker, submission_id, "unlearning", rate=0.0, accuracy=0.85)
    told = mitigation_of(worker, submission_id)
    assert (told["method"], told["closest"]) == (None, "unlearning")
    assert "85.0% where at least 90.0% is asked" in told["reason"]
    assert [one["bound"]["after"] for one in told["candidates"]] == [0.85]


@pytest.mark.usefixtures("sent")
def test_the_repair_that_came_closest_is_told_though_the_filter_is_kept(worker: WorkerProcess) -> None:
    submission_id = repairing(worker, ("unlearning", "filter"))
    repaired(worker, submission_id, "unlearning", rate=0.0, accuracy=0.89)
    repaired(worker, submission_id, "filter", rate=0.5, accuracy=0.95)
    told = mitigation_of(worker, submission_id)
    assert (told["method"], told["closest"]) == ("filter", "unlearning")
    assert "unlearning comes closest, with 89.0% where at least 90.0% is asked" in told["reason"]


def test_a_comparison_whose_message_was_lost_is_asked_for_again(worker: WorkerProcess, sent: Messages) -> None:
    # Given a submission whose comparison was asked for, long enough ago
    submission_id = repairing(worker, ("unlearning", "fine-pruning"))
    for method in ("unlearning", "fine-pruning"):
        repaired(worker, submission_id, method, rate=0.0, accuracy=0.95)
    assert len(sent.comparisons) == 1
    # When it is looked for again, by the sweeper or a start that comes twice, then it is asked for again
    workflow.conclude(worker.store, submission_id, patience_seconds=0)
    assert len(sent.comparisons) == 2


def test_what_is_tried_again_is_compared_and_chosen_anew(worker: WorkerProcess, sent: Messages) -> None:
    submission_id = repairing(worker, ("unlearning",))
    repaired(worker, submission_id, "unlearning", rate=0.0, accuracy=0.95)
    assert sent.comparisons == []
    with worker.store.write() as session:
        assert submissions.restart(session, submission_id=submission_id)
        (row,) = mitigations.of_submission(session, submission_id=submission_id)
        assert (row.kept, row.comparison, row.body) == (False, None, None)
